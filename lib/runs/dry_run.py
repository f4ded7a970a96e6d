"""What a profile would still compute, before it does: `./run_all.sh paper --dry-run`.

Nothing is trained, and nothing written. Runs that have a result count as present, a damaged one as
missing. Hours are an estimate from the seconds of stored runs: of like ones, else of those of the
profile quick, taken times the ratio of their operations.
"""

import argparse
import importlib
import os
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence

import joblib

from lib.book import chapters, data_root
from lib.book.profiles import PROFILES
from lib.runs.workload import Work

PLUGINS = {  # by part; found by name, since the book's common part imports none of them
    "part1": "lib.sound.runs.workload",
    "part2": "lib.faces.runs.workload",
    "part3": "lib.adversarial.workload",
}
WIDTH, NAME = 100, 46  # characters
ROW = f"  {{:<{NAME}}}{{:>8}}{{:>9}}{{:>9}}{{:>12}}{{:>9}}"
HEADS = ("work", "runs", "present", "missing", "operations", "hours")
PREFIXES = {1e18: "E", 1e15: "P", 1e12: "T", 0: "G"}
UNKNOWN = "–"


def report(profile: str, parts: Sequence[str], jobs: int) -> None:
    """Print what a profile asks of some parts.

    Raises:
        ValueError: data are not what they should be.
        FileNotFoundError: the data root names no folder, or what a run needs is not there.
    """
    if not parts:
        print("these chapters compute nothing of their own; name others, or none for all")
        return
    asked = {part: importlib.import_module(PLUGINS[part]).of(profile) for part in parts}
    like = {part: importlib.import_module(PLUGINS[part]).of("quick") for part in parts}
    print(f"Profile {profile}: what is there, and what would be computed\n")
    print(ROW.format(*HEADS))
    together, processors = 0.0, Counter[str]()
    for part, works in asked.items():
        print(f"\n{chapters.PARTS[part]}")
        measured = {work.name: work for work in like[part]}
        for work in works:
            taken = seconds(work, measured)
            together += work.missing * (taken or 0.0) / 3600
            processors.update(each["processor"] for each in [*work.there, *_there(measured, work)])
            _print_row(work, taken, count=profile == "paper")
    _print_notes(together, jobs, processors)
    for part in parts:
        _print_lacking(part)


def seconds(work: Work, measured: Mapping[str, Work]) -> float | None:
    """Return the seconds that one run takes on one core; None where they are unknown.

    Args:
        work: like runs.
        measured: those of the profile quick, by name.
    """
    if work.seconds is not None:
        return work.seconds
    other = measured.get(work.name)
    if other is None or other.seconds is None or not work.operations or not other.operations:
        return None
    return other.seconds * work.operations() / other.operations()


def _there(measured: Mapping[str, Work], work: Work) -> Sequence[Mapping[str, str]]:
    """Return the provenance of the runs of the profile quick that are like some others."""
    return measured[work.name].there if work.name in measured else []


def _print_row(work: Work, taken: float | None, count: bool) -> None:
    """Print one line of the table; operations are of all runs, where they are counted."""
    each = work.operations() if count and work.operations else 0.0
    print(
        ROW.format(
            textwrap.shorten(work.name, NAME - 1, placeholder=" ..."),
            *(f"{n:,}" for n in (len(work.found), len(work.there), work.missing)),
            _operations(len(work.found) * each),
            UNKNOWN if taken is None else _number(work.missing * taken / 3600),
        )
    )


def _print_notes(together: float, jobs: int, processors: Counter[str]) -> None:
    """Print what the columns mean, and the hours of all missing runs."""
    names = " and ".join(processors) or "no processor yet"
    print(
        f"\nTogether about {_number(together)} hours of one core; on {jobs} at once about "
        f"{_number(together / jobs)}, if none waits."
    )
    note = (
        "runs: a result each, or a network; present: it lies here already. operations: "
        "floating-point, of all runs, counted for the profile paper (T: 10^12, P: 10^15, E: "
        "10^18). hours: missing runs times the median seconds of the stored ones; where there are "
        "none, of those of the profile quick, times the ratio of operations. Stored seconds are "
        f"those of {names}. {UNKNOWN}: unknown."
    )
    print(textwrap.fill(note, WIDTH))


def _print_lacking(part: str) -> None:
    """Print which data of the paper's own protocol are not there."""
    for name, source in data_root.sources().items():
        if source.part == part and not data_root.present(name):
            line = f"{chapters.PARTS[part]} lacks {source.title}: {data_root.todo(name)}"
            print(textwrap.fill(line, WIDTH, subsequent_indent="  "))


def _number(value: float) -> str:
    """Return a number that is not negative with some two digits, never in scientific form."""
    if value >= 10 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 0.005 else "< 0.01"


def _operations(count: float) -> str:
    """Return a count of operations with the prefix of its unit."""
    unit = next(unit for unit in PREFIXES if count >= unit)
    return f"{_number(count / (unit or 1e9))} {PREFIXES[unit]}" if count else UNKNOWN


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code: 0, or 1 where data are missing or bad."""
    parser = argparse.ArgumentParser(prog="python -m lib.runs.dry_run")
    parser.add_argument("profile", choices=PROFILES)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PLUGINS)}")
    options = parser.parse_args(arguments)
    jobs = int(os.environ.get("BOOK_JOBS") or joblib.cpu_count())
    try:
        report(options.profile, options.parts, jobs)
    except KeyboardInterrupt:
        return 130
    except (OSError, ValueError) as error:
        print(f"run_all.sh: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
