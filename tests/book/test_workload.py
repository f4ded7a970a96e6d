"""Operations against closed forms; speed by a clock that the test turns; memory of known graphs."""

import pytest
import torch
from torch import nn

from lib.book import workload
from lib.book.workload import Kept, Sample


def test_a_convolution_counts_as_its_closed_form() -> None:
    layer, pictures = nn.Conv2d(3, 8, 5, padding=2), torch.zeros(2, 3, 12, 10)
    forward = 2 * 2 * 8 * 12 * 10 * 3 * 5 * 5  # a MAC is two; then pictures, outputs, kernel
    assert workload.count(lambda: layer(pictures)) == forward
    # backward a gradient for the weights, and none for pictures that ask for none
    assert workload.count(lambda: layer(pictures).sum().backward()) == 2 * forward


def test_a_linear_layer_counts_as_its_closed_form() -> None:
    layer, rows = nn.Linear(7, 5), torch.zeros(3, 7, requires_grad=True)
    assert workload.count(lambda: layer(rows)) == 2 * 3 * 7 * 5
    assert workload.count(lambda: layer(rows).sum().backward()) == 3 * 2 * 3 * 7 * 5


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_gru_counts_as_its_closed_form(device: str) -> None:
    batch, frames, size, hidden = 3, 15, 20, 8
    layer = nn.GRU(size, hidden, 2, bidirectional=True, batch_first=True, device=device)
    values = torch.empty(batch, frames, size, device=device)
    gates, directions = 3 * hidden, 2
    first, second = gates * size, gates * 2 * hidden  # of the input: size, then both directions
    again = gates * hidden  # of what was before
    forward = 2 * directions * batch * frames * (first + second + 2 * again)
    assert workload.count(lambda: layer(values)) == forward
    # twice as much backward, but no gradient for the input, nor for the state before the first
    spared = 2 * directions * batch * (frames * first + 2 * again)
    assert workload.count(lambda: layer(values)[0].sum().backward()) == 3 * forward - spared


class Clock:
    """A clock that work turns on by so many seconds an item."""

    def __init__(self, seconds: float) -> None:
        self.now, self.seconds, self.done = 0.0, seconds, list[int]()

    def perf_counter(self) -> float:
        return self.now

    def do(self, items: int) -> None:
        self.done.append(items)
        self.now += items * self.seconds


@pytest.mark.parametrize(
    ("seconds", "done"),
    [(2.0, [2, 2, 5]), (0.001, [2, 2, 50]), (100.0, [2, 2])],
    ids=["part of a batch", "a whole batch", "the least"],
)
def test_speed_is_taken_from_as_many_items_as_there_is_time_for(
    monkeypatch: pytest.MonkeyPatch, seconds: float, done: list[int]
) -> None:
    clock = Clock(seconds)
    monkeypatch.setattr(workload, "time", clock)
    speed = workload.calibrate(Sample(lambda: clock.do, whole=50, least=2), seconds=20.0)
    assert clock.done == done
    assert speed.seconds == pytest.approx(seconds)


def test_what_the_backward_pass_needs_is_counted_while_it_is_kept() -> None:
    values = torch.ones(1000, requires_grad=True)
    kept = Kept()
    with kept:
        for _ in range(2):  # the second time in place of the first
            found = values.exp().exp().exp()  # each keeps its result
            found.sum().backward()
            del found
    assert kept.peak == 3 * 4000


def test_a_block_of_memory_that_is_kept_twice_counts_once_and_a_weight_not_at_all() -> None:
    weight, values = torch.ones(10, 10, requires_grad=True), torch.ones(5, 10)
    kept = Kept()
    with kept:
        hidden = (values @ weight).sigmoid()  # its input and its result
        (hidden @ weight.T).sum()  # the same result once more
    assert kept.peak == 2 * 5 * 10 * 4


def test_memory_of_a_whole_batch_follows_from_that_of_a_small_one() -> None:
    weight = torch.ones(100, 100, requires_grad=True)
    values = torch.ones(64, 100)

    def do(items: int) -> None:
        (values[:items] @ weight).exp().sum().backward()

    speed = workload.calibrate(Sample(lambda: do, whole=64), seconds=0.01)
    # exp's result of each item; the block behind `values` is kept whole, however few are taken
    assert speed.memory >= 64 * 100 * 4


def test_noise_is_bytes_and_always_the_same() -> None:
    first = workload.noise(4, 5, 3)
    assert first.shape == (4, 5, 3) and first.dtype == "uint8"
    assert (first == workload.noise(4, 5, 3)).all()
    assert len(set(first.ravel().tolist())) > 20
