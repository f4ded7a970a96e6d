"""What a profile would still compute, before it does: `./run_all.sh paper --dry-run`.

Nothing is trained, and nothing written into the book. Runs that have a result count as present,
a damaged one as missing. Hours are an estimate: a little of each kind of work that is missing is
done here, for about a minute in all.
"""

import argparse
import importlib
import os
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence

import joblib
import torch
from tqdm import tqdm

from lib.book import chapters, check, data_root, workload
from lib.book.profiles import PROFILES
from lib.book.workload import Sample, Speed, Work, Workload

PLUGINS = {  # by part; found by name, since the book's common part imports none of them
    "part1": "lib.sound.workload",
    "part2": "lib.faces.workload",
    "part3": "lib.adversarial.workload",
}
IDLE = 0.5e9  # bytes of a process that has done nothing but import the libraries, about
BUDGET = 60.0  # seconds, of all measurements together
WIDTH = 100
HEADS = ("work", "runs", "present", "missing", "FLOP", "GFLOP/s", "GB", "hours")
NAME = 38  # characters
ROW = f"  {{:<{NAME}}}{{:>7}}{{:>9}}{{:>9}}{{:>11}}{{:>9}}{{:>6}}{{:>9}}"
EXPLAINED = """\
runs: a result each, a network, of features a clip, of faces a set; present: it lies here already.
FLOP: floating-point operations of what is missing, counted (G: 10^9, T: 10^12, P: 10^15).
GFLOP/s: 10^9 of them a second, measured on one thread. GB: memory of one process, at the least.
hours: of what is missing on {jobs}, an estimate; networks, features and faces go on one core."""
PREFIXES = {1e15: "P", 1e12: "T", 0: "G"}
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
    works = [work for each in asked.values() for work in each.work]
    speeds = _measured(works)
    print(f"Profile {profile}: what is there, and what would be computed\n")
    print(ROW.format(*HEADS) + "\n")
    for part, each in asked.items():
        _print_part(chapters.PARTS[part], each, speeds, jobs)
    _print_row("all together", works, speeds, jobs)
    _print_notes(works)
    print("\n" + EXPLAINED.format(jobs=_processes(jobs)))
    _print_room(works, speeds, jobs, max(each.data for each in asked.values()))
    for part, each in asked.items():
        _print_data(chapters.PARTS[part], each)


def hours(work: Work, speeds: Mapping[Sample, Speed], jobs: int) -> float | None:
    """Return the hours that the missing runs of a work take; None where they are unknown."""
    if not work.missing:
        return 0.0
    if work.sample is None:
        return None
    processes = 1 if work.in_turn else min(jobs, work.missing)
    return work.missing * work.items * speeds[work.sample].seconds / processes / 3600


def rate(work: Work, speeds: Mapping[Sample, Speed]) -> float | None:
    """Return how many FLOP a second one thread does of a missing work; None where unknown."""
    if not work.missing or work.sample is None or not work.operations:
        return None
    return work.operations / (work.items * speeds[work.sample].seconds)


def _measured(works: Sequence[Work]) -> dict[Sample, Speed]:
    """Return the speed of what is missing, each kind measured for its share of the time."""
    samples = list(dict.fromkeys(each.sample for each in works if each.sample and each.missing))
    progress = tqdm(samples, desc="measuring", leave=False, disable=None)
    return {each: workload.calibrate(each, BUDGET / len(samples)) for each in progress}


def _print_part(title: str, asked: Workload, speeds: Mapping[Sample, Speed], jobs: int) -> None:
    """Print the table of one part."""
    print(f"{title}, on {asked.dataset} ({asked.rung})")
    for work in asked.work:
        _print_row(work.name, [work], speeds, jobs)
    _print_row("together", asked.work, speeds, jobs)
    print()


def _print_row(name: str, works: Sequence[Work], speeds: Mapping[Sample, Speed], jobs: int) -> None:
    """Print one line of a table: one work, or several together."""
    counts = [sum(getattr(work, each) for work in works) for each in ("runs", "present", "missing")]
    operations = sum(work.missing * work.operations for work in works)
    known = [each for work in works if (each := hours(work, speeds, jobs)) is not None]
    memory = max((_memory(work, speeds) for work in works), default=0.0)
    speed = rate(works[0], speeds) if len(works) == 1 else None
    print(
        ROW.format(
            textwrap.shorten(name, NAME, placeholder=" ..."),
            *(f"{each:,}" for each in counts),
            _operations(operations),
            UNKNOWN if speed is None else f"{speed / 1e9:.1f}",
            f"{memory / 1e9:.1f}" if memory else UNKNOWN,
            _number(sum(known)) if known else UNKNOWN,
        )
    )


def _print_notes(works: Sequence[Work]) -> None:
    """Print each remark on what is missing, and which work it is about."""
    missing = [work for work in works if work.note and work.missing]
    for note in dict.fromkeys(work.note for work in missing):
        names = "; ".join(work.name for work in missing if work.note == note)
        print("\n" + textwrap.fill(f"{note}: {names}", WIDTH, subsequent_indent="  "))


def _print_room(
    works: Sequence[Work], speeds: Mapping[Sample, Speed], jobs: int, data: float
) -> None:
    """Print the memory and the disk that are needed, and what there is of both."""
    apart = [_memory(work, speeds) for work in works if not work.in_turn]
    most = max([jobs * max(apart, default=0.0), *(_memory(work, speeds) for work in works)])
    kept = sum(work.missing * work.disk for work in works)
    memory, disk = check.memory(), check.disk(packages_missing=False)
    print(
        f"\nmemory: {most / 1e9:.1f} GB or more for {_processes(jobs)}, beside up to "
        f"{data / 1e9:.1f} GB of data that each reads; here: {memory.found}\n"
        f"disk: about {kept / 1e9:.1f} GB more; here: {disk.found}\n"
    )
    if kept > shutil.disk_usage(check.REPOSITORY).free:
        print("the disk is too small for all of this; make room, or run some of the chapters")


def _print_data(title: str, asked: Workload) -> None:
    """Print on which rung a part stands, and what its original protocol lacks."""
    print(f"{title}: rung {asked.rung} ({asked.dataset})")
    for name in asked.lacking:
        dataset = datasets.DATASETS[name]
        how = dataset.ask or f"`{data_root.COMMAND} get {name}`"
        line = f"  missing for the paper's own protocol: {dataset.title}; {how}"
        print(textwrap.fill(line, WIDTH, subsequent_indent="    "))


def _memory(work: Work, speeds: Mapping[Sample, Speed]) -> float:
    """Return the bytes of one process at work, 0 where nothing is known or to be done."""
    return IDLE + speeds[work.sample].memory if work.missing and work.sample else 0.0


def _number(value: float) -> str:
    """Return a number that is not negative with some two digits, never in scientific form."""
    if value >= 10 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 0.005 else "< 0.01"


def _operations(count: float) -> str:
    """Return a count of operations with the prefix of its unit."""
    unit = next(unit for unit in PREFIXES if count >= unit)
    return f"{_number(count / (unit or 1e9))} {PREFIXES[unit]}" if count else UNKNOWN


def _processes(jobs: int) -> str:
    """Return so many processes in words."""
    return "1 process" if jobs == 1 else f"{jobs} processes"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code: 0, or 1 where data are missing or bad."""
    parser = argparse.ArgumentParser(prog="python -m lib.book.dry_run")
    parser.add_argument("profile", choices=PROFILES)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PLUGINS)}")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)  # as each run has one
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
