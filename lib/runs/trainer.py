"""One loop for every training of the book: it measures, keeps its state, and goes on from it.

What is a paper's own (losses, one step, schedules, what the rest of a training depends on) stands
in a subclass in its part.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from tqdm.auto import tqdm

from lib.runs import states

Measured = dict[str, float]


class Training(ABC):
    """A training in rounds, resumable after each; one that goes on ends at the same bits.

    Bit-equal on the same machine, with the same versions and number of threads.

    Attributes:
        kept: names of everything that the rest of the training depends on: networks, optimisers,
            random generators, tensors, numbers.
        unit: what a round is, an epoch or a step.
        keep_every: rounds from one state on disk to the next.
        done: rounds that lie behind.
        history: what was measured, a number for each round; NaN where it did not occur.
    """

    kept: tuple[str, ...]
    unit = "epoch"

    def __init__(self, title: str, rounds: int, keep_every: int = 1) -> None:
        self.title, self.rounds, self.keep_every = title, rounds, keep_every
        self.done = 0
        self.history: dict[str, list[float]] = {}

    @abstractmethod
    def learn(self) -> Measured:
        """Train for one round; return the losses, and what else was measured."""

    def advance(self) -> Measured:
        """Train for one round and count it."""
        found = self.learn()
        self.done += 1
        if not all(map(math.isfinite, found.values())):
            raise FloatingPointError(
                f"{self.unit} {self.done}: {found}; lower the learning rate, check the data"
            )
        return found

    def run(
        self,
        checkpoint: Path | None,
        identity: object,
        report: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        """Train for all rounds that are left, with a progress bar on a terminal.

        Args:
            checkpoint: where the state is kept; if one is there already, the training goes on
                from it.
            identity: what makes the training another one, with a `repr` that says all of it.
            report: called after each round; what it returns joins the history.

        Raises:
            FloatingPointError: a loss is no longer a number.
            ValueError: the checkpoint belongs to another training.
        """
        if checkpoint is not None and (stored := states.read(checkpoint, identity)):
            self.load_state(stored)
        left = range(self.done, self.rounds)
        for _ in tqdm(left, desc=self.title, unit=self.unit, leave=False, disable=None):
            self._record({**self.advance(), **report()})
            if checkpoint is not None and self.done % self.keep_every == 0:
                states.write(checkpoint, self.state(), identity)

    def _record(self, found: Mapping[str, float]) -> None:
        """Add the numbers of a round to the history."""
        for name in {**self.history, **found}:
            values = self.history.setdefault(name, [math.nan] * (self.done - 1))
            values.append(found.get(name, math.nan))

    def state(self) -> dict[str, Tensor]:
        """Return everything that the rest of the training depends on, as named tensors."""
        tensors = {"done": torch.tensor(self.done)}
        for name, values in self.history.items():
            tensors[f"history.{name}"] = torch.tensor(values, dtype=torch.float64)
        for name in self.kept:
            parts = packed(getattr(self, name))
            tensors |= {f"{name}.{part}": value for part, value in parts.items()}
        return tensors

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from what `state` returned."""
        self.done = int(tensors["done"])
        history = states.unpack("history", tensors)
        self.history = {name: values.tolist() for name, values in history.items()}
        for name in self.kept:
            setattr(self, name, unpacked(getattr(self, name), states.unpack(name, tensors)))


def packed(value: Any) -> dict[str, Tensor]:
    """Return what an optimiser remembers of each weight, or all of anything else, as tensors."""
    match value:
        case Optimizer():
            slots = value.state_dict()["state"].items()
            return {f"{index}.{name}": each for index, s in slots for name, each in s.items()}
        case torch.Generator():
            return {"state": value.get_state()}
        case Tensor():
            return {"value": value}
        case float():
            return {"value": torch.tensor(value, dtype=torch.float64)}
    return dict(value.state_dict())


def unpacked(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Return a value like this one that holds what `packed` returned of another."""
    match value:
        case Optimizer():
            _restore(value, tensors)
        case torch.Generator():
            value.set_state(tensors["state"])
        case Tensor():
            return tensors["value"].to(value.device)
        case float():
            return float(tensors["value"])
        case _:
            value.load_state_dict(tensors)
    return value


def _restore(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser back what it remembered.

    What has the shape of a weight gets its order in memory, too: a step over two orders takes
    another path through the processor, which may round otherwise.
    """
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    content = optimizer.state_dict()
    content["state"] = {}
    for key, value in tensors.items():
        index, name = key.split(".")
        like = weights[int(index)]
        laid = torch.empty_like(like).copy_(value) if value.shape == like.shape else value
        content["state"].setdefault(int(index), {})[name] = laid
    optimizer.load_state_dict(content)


def descend(optimizer: Optimizer, loss: Tensor, rate: float) -> None:
    """Take one step down the gradient of the loss at a learning rate."""
    optimizer.param_groups[0]["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module, decay: float, buffers: bool = True) -> None:
    """Move the teacher's weights to decay x theirs + (1 - decay) x the student's: a running mean.

    Args:
        teacher: changed in place.
        student: what it follows.
        decay: from 0 (copy) to 1 (stay).
        buffers: whether the running statistics of batch normalisation follow too.
    """
    means = teacher.state_dict()
    values = student.state_dict() if buffers else dict(student.named_parameters())
    for name, value in values.items():
        if value.is_floating_point():  # the count of batches is not averaged
            means[name].lerp_(value, 1 - decay)
