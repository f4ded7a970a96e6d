"""What a profile would still compute, and the hours it takes: missing runs times stored seconds.

Nothing is trained, and nothing written. Runs of one experiment differ in size, from profile to
profile above all: a missing one takes as many seconds for each of its operations, or steps, as
those that are stored took.
"""

import json
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from torch.utils.flop_counter import FlopCounterMode

from lib.book import chapters, data_root
from lib.runs import results
from lib.runs.checkpoints import SHIPPED, record
from lib.runs.sweep import Config, tell

Done = Sequence[tuple[Config, Mapping[str, Any]]]  # runs, each with its provenance
WIDTH = 100  # characters
ROW = "  {:<58}{:>8}{:>9}{:>9}{:>14}"
HEADS = ("work", "runs", "present", "missing", "hours")
NOTE = (
    "runs: a result each, or a network; present: it lies here already. hours: of one core, from "
    "the seconds of stored runs on {}; those of another size by their operations or steps."
)


@dataclass(frozen=True)
class Work:
    """Like runs: those that a profile asks for, and those that lie here, of whatever profile.

    `operations` returns those of one run, in any unit; by default all are alike.
    """

    name: str
    wanted: Sequence[Config]
    done: Done
    operations: Callable[[Config], float] = lambda run: 1.0

    @property
    def missing(self) -> list[Config]:
        """Return the runs that are still to be done."""
        there = {results.key(run) for run, _ in self.done}
        return [run for run in self.wanted if results.key(run) not in there]

    @property
    def hours(self) -> float | None:
        """Return the hours that they take on one core; None where nothing like it was measured."""
        missing = self.missing
        if not missing or not self.done:
            return None if missing else 0.0
        each = [origin["seconds"] / self.operations(run) for run, origin in self.done]
        return sum(map(self.operations, missing)) * median(each) / 3600


def stored(part: str, experiment: str) -> Done:
    """Return the runs of an experiment that have a result."""
    found = []
    for file in sorted((results.root() / part / experiment).glob("*.json")):
        try:
            result = results.load(file)
            found.append((result.config, result.provenance))
        except ValueError as error:
            tell(f"a damaged result counts as missing: {error}")
    return found


def networks(part: str, places: Iterable[Path]) -> Done:
    """Return the trainings of a part whose networks are shipped, or stand in some places."""
    found = map(record, {*places, *SHIPPED.glob(f"{part}_*.safetensors")})
    return [(each["run"], each["provenance"]) for each in found if "run" in each]


def flop(run: Callable[[], object]) -> int:
    """Return the floating-point operations (FLOP) of what is done, as torch counts them.

    Counted are the multiplications and additions of convolutions, recurrent and linear layers,
    forward and backward.
    """
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def counted(operations: Callable[[Config], float], *names: str) -> Callable[[Config], float]:
    """Return `operations`, done once for all runs that agree in what these names stand for."""

    @cache
    def of(form: str) -> float:
        return operations(json.loads(form))

    return lambda run: of(json.dumps({name: run[name] for name in names if name in run}))


def report(part: str, of: Callable[[str], Sequence[Work]], profile: str) -> Sequence[Work]:
    """Print what a profile asks of a part, and which data that lacks; return the work."""
    print(f"\n{chapters.PARTS[part]}")
    found: Sequence[Work] = []
    try:
        found = of(profile)
    except FileNotFoundError as error:
        print(textwrap.fill(f"cannot tell: {error}", WIDTH))
    for work in found:
        hours = "not measured" if work.hours is None else number(work.hours)
        missing, asked = len(work.missing), len(work.wanted)
        print(ROW.format(work.name, f"{asked:,}", f"{asked - missing:,}", f"{missing:,}", hours))
    for name, source in data_root.sources().items():
        if source.part == part and not data_root.present(name):
            print(textwrap.fill(f"lacks {source.title}: {data_root.todo(name)}", WIDTH))
    return found


def together(works: Sequence[Work], jobs: int) -> str:
    """Return in words how long all of some work takes, and where that was measured."""
    hours = sum(work.hours or 0.0 for work in works)
    processors = sorted({origin["processor"] for work in works for _, origin in work.done})
    note = NOTE.format(" and ".join(processors) or "no processor yet")
    return (
        f"Together about {number(hours)} hours of one core; on {jobs} at once about "
        f"{number(hours / jobs)}, if none waits.\n{textwrap.fill(note, WIDTH)}"
    )


def number(value: float) -> str:
    """Return a number that is not negative with some two digits, never in scientific form."""
    if value >= 10 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 0.005 else "< 0.01"
