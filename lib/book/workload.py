"""Work that a profile asks for, its operations counted, and how long it takes on this machine.

Counted are the multiplications and additions of convolutions, recurrent and linear layers, forward
and backward, as torch counts them (`torch.utils.flop_counter`); a multiplication with an addition
is two floating-point operations (FLOP). What else a run does takes time, but few operations; the
time comes from doing a little of the work itself, so it holds that too.
"""

import io
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import redirect_stderr
from dataclasses import dataclass
from typing import Any

import psutil
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from lib.book import datasets

Do = Callable[[int], object]  # does so many items of a work


@dataclass(frozen=True, eq=False)
class Sample:
    """How the speed of a work is found: `prepare` returns a function that does so many items.

    `whole` items are done at a time in a real run; `least` are the fewest that can be.
    """

    prepare: Callable[[], Do]
    whole: int
    least: int = 2


@dataclass(frozen=True)
class Work:
    """One kind of work: how many `runs`, how many of them `present`, and what one run takes.

    A run has so many `items`, all alike (a picture in a step of training, a clip, an attacked
    image), and `operations` in FLOP. It leaves `disk` bytes. Where the speed of two works is the
    same, they share one `sample`; without one, the time stays unknown and the `note` says why.
    Runs that are `in_turn` wait for each other, others go to several processes.
    """

    name: str
    runs: int
    present: int
    items: float = 1
    operations: float = 0
    sample: Sample | None = None
    disk: float = 0
    in_turn: bool = False
    note: str = ""

    @property
    def missing(self) -> int:
        """Return how many runs are still to be done."""
        return self.runs - self.present


@dataclass(frozen=True)
class Workload:
    """What one profile asks of one part: on which data, and which work.

    `data` are the bytes that one of its processes reads at most, `lacking` names the datasets (see
    `lib.book.datasets`) without which it is not the protocol of the paper.
    """

    dataset: str
    rung: str
    work: list[Work]
    data: float
    lacking: tuple[str, ...]


@dataclass(frozen=True)
class Speed:
    """What one thread of this machine does: `seconds` an item.

    `memory` are the bytes that the work adds to a process: what was there after a little of it
    (networks, gradients, what the optimiser remembers), and what the forward pass of a whole batch
    keeps for the backward pass. Passing results in between, and the data, come on top.
    """

    seconds: float
    memory: float


def lacking(part: str, also: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the datasets of a part's original rung, and others by name, that are not there."""
    from lib.book import data_root

    original = [
        name
        for name, each in datasets.DATASETS.items()
        if (each.part, each.rung) == (part, "original")
    ]
    return tuple(name for name in [*original, *also] if not data_root.present(name))


def count(run: Callable[[], object]) -> int:
    """Return the FLOP of what is done; see the top for what counts.

    Nothing but shapes has to pass through networks on the device "meta", at any size in a moment.
    """
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def calibrate(sample: Sample, seconds: float) -> Speed:
    """Return how fast work is done in this process, with the threads that it has.

    After a first time that does not count, `least` items are timed, then as many as take about
    half the `seconds`, at most `whole`. A smaller batch is a little slower for each item.
    """
    before, kept = _resident(), Kept()
    with redirect_stderr(io.StringIO()):  # no place for progress bars of a moment
        do = sample.prepare()
        with kept:
            do(sample.least)
        networks = max(0, _resident() - before)
        taken = _timed(do, sample.least)
        items = min(sample.whole, int(sample.least * seconds / (2 * taken)))
        if items > sample.least:
            taken = _timed(do, items)
    memory = networks + kept.peak * sample.whole / sample.least
    return Speed(taken / max(items, sample.least), memory)


def _resident() -> int:
    """Return the bytes of memory that this process has."""
    return int(psutil.Process().memory_info().rss)


def _timed(do: Do, items: int) -> float:
    """Return the seconds that items take."""
    started = time.perf_counter()
    do(items)
    return time.perf_counter() - started


class Kept(saved_tensors_hooks):
    """Watches the bytes that forward passes keep for the backward pass; `peak` is the most."""

    def __init__(self) -> None:
        self.peak, self._bytes = 0, 0
        self._times: Counter[int] = Counter()  # each block of memory is kept once, however often
        super().__init__(self._keep, _Kept.tensor_of)

    def _keep(self, tensor: Tensor) -> "_Kept":
        """Note a tensor that is kept, unless it is a weight."""
        return _Kept(tensor, self)

    def change(self, tensor: Tensor, by: int) -> None:
        """Count a block of memory once more, or once less."""
        block = tensor.untyped_storage()
        place = block.data_ptr()
        before = self._times[place] > 0
        self._times[place] += by
        after = self._times[place] > 0
        self._bytes += (after - before) * block.nbytes()
        self.peak = max(self.peak, self._bytes)


class _Kept:
    """A tensor for as long as a backward pass needs it."""

    def __init__(self, tensor: Tensor, watch: Kept) -> None:
        self.tensor, self.watch = tensor, watch
        origin = tensor if tensor._base is None else tensor._base
        self.counts = not (origin.is_leaf and origin.requires_grad)  # a weight is there anyway
        if self.counts:
            watch.change(tensor, 1)

    def tensor_of(self) -> Tensor:
        """Return the tensor."""
        return self.tensor

    def __del__(self) -> None:
        if self.counts:
            self.watch.change(self.tensor, -1)


def noise(*shape: int, seed: int = 0) -> Any:
    """Return random bytes, (shape) uint8, for a sample's pictures."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, shape, dtype=torch.uint8, generator=generator).numpy()
