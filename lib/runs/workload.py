"""Like runs that a profile asks for: which are there, how long those took, and what one costs.

Each part's module `workload` has one function, `of(profile)`, that lists them, so that `dry_run`
can say what is missing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from torch.utils.flop_counter import FlopCounterMode

from lib.runs import sweep
from lib.runs.checkpoints import record

Provenance = Mapping[str, Any]


@dataclass(frozen=True)
class Work:
    """Like runs: `found` is the provenance of each run that is there, None of one that is missing.

    `operations` returns the FLOP of one run, None where they are not counted.
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

    @property
    def seconds(self) -> float | None:
        """Return the median of what the runs that are there took; None where none is."""
        return median(each["seconds"] for each in self.there) if self.there else None


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
    forward and backward; what else is done takes time, but few operations. Nothing but shapes has
    to pass through networks on the device "meta", at any size in a moment.
    """
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()
