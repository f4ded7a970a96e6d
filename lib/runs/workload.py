"""What a profile would still compute, and the hours it takes: missing runs times stored seconds.

Nothing is trained, and nothing written. A part lists its runs as `Work`, like ones together. What
one takes is the median of the stored ones; for the profile paper, where none is stored, that of
the profile quick times the ratio of their operations.
"""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from torch.utils.flop_counter import FlopCounterMode

from lib.book import chapters, data_root
from lib.runs import sweep
from lib.runs.checkpoints import record

Provenance = Mapping[str, Any]
WIDTH, NAME = 100, 58  # characters
ROW = f"  {{:<{NAME}}}{{:>8}}{{:>9}}{{:>9}}{{:>9}}"
HEADS = ("work", "runs", "present", "missing", "hours")
UNKNOWN = "–"
NOTE = (
    "runs: a result each, or a network; present: it lies here already. hours: missing runs times "
    "the median seconds of the stored ones; where there are none, of those of the profile quick, "
    "times the ratio of their operations. Stored seconds are those of {}. –: unknown."
)


@dataclass(frozen=True)
class Work:
    """Like runs: `found` is the provenance of each run that is there, None of one that is missing.

    `operations` returns those of one run, in a unit that profiles share; it is None where they are
    not counted.
    """

    name: str
    found: Sequence[Provenance | None]
    operations: Callable[[], float] | None = None

    @property
    def there(self) -> list[Provenance]:
        """Return the provenance of the runs that are there."""
        return [each for each in self.found if each is not None]

    @property
    def missing(self) -> int:
        """Return how many runs are still to be done."""
        return len(self.found) - len(self.there)

    def seconds(self, like: "Work | None") -> float | None:
        """Return the seconds that one run takes on one core; None where they are unknown."""
        if self.there:
            return median(each["seconds"] for each in self.there)
        if like is None or not like.there or not self.operations or not like.operations:
            return None
        return median(each["seconds"] for each in like.there) * (
            self.operations() / like.operations()
        )


def stored(
    part: str, experiment: str, configs: Sequence[sweep.Config], version: int = 1
) -> list[Provenance | None]:
    """Return the provenance of each run of a sweep, None where it has no result."""
    found = sweep.run(part, experiment, configs, dict, compute=False, version=version)
    return [None if result is None else result.provenance for result in found]


def network(path: Path, run: Mapping[str, Any]) -> list[Provenance | None]:
    """Return the provenance of a network in a list of its own, None where it is not there."""
    found = record(path)
    return [found["provenance"] if found.get("run") == run else None]


def flop(run: Callable[[], object]) -> int:
    """Return the floating-point operations (FLOP) of what is done, as torch counts them.

    Counted are the multiplications and additions of convolutions, recurrent and linear layers,
    forward and backward. Networks on the device "meta" are counted in a moment, at any size.
    """
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def report(profile: str, parts: Mapping[str, Callable[[str], list[Work]]], jobs: int) -> None:
    """Print what a profile asks of some parts."""
    asked = {part: of(profile) for part, of in parts.items()}
    quick = {part: {work.name: work for work in of("quick")} for part, of in parts.items()}
    print(f"Profile {profile}: what is there, and what would be computed\n")
    print(ROW.format(*HEADS))
    hours, processors = 0.0, dict[str, None]()
    for part, works in asked.items():
        print(f"\n{chapters.PARTS[part]}")
        for work in works:
            like = quick[part].get(work.name)
            taken = work.seconds(like)
            hours += work.missing * (taken or 0.0) / 3600
            there = [*work.there, *(like.there if like else [])]
            processors |= dict.fromkeys(each["processor"] for each in there)
            _print_row(work, taken)
    print(
        f"\nTogether about {_number(hours)} hours of one core; on {jobs} at once about "
        f"{_number(hours / jobs)}, if none waits."
    )
    print(textwrap.fill(NOTE.format(" and ".join(processors) or "no processor yet"), WIDTH))
    for part in parts:
        _print_lacking(part)


def _print_row(work: Work, taken: float | None) -> None:
    print(
        ROW.format(
            textwrap.shorten(work.name, NAME - 1, placeholder=" ..."),
            *(f"{n:,}" for n in (len(work.found), len(work.there), work.missing)),
            UNKNOWN if taken is None else _number(work.missing * taken / 3600),
        )
    )


def _print_lacking(part: str) -> None:
    for name, source in data_root.sources().items():
        if source.part == part and not data_root.present(name):
            line = f"{chapters.PARTS[part]} lacks {source.title}: {data_root.todo(name)}"
            print(textwrap.fill(line, WIDTH, subsequent_indent="  "))


def _number(value: float) -> str:
    """Return a number that is not negative with some two digits, never in scientific form."""
    if value >= 10 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 0.005 else "< 0.01"
