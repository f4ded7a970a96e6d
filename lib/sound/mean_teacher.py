"""The mean teacher of section 2.3: two networks of one form, one trained, one that follows it.

The student learns the weak labels and to agree with the teacher, on unlabelled clips too; the
teacher's weights are the running mean of the student's.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lib.runs.device import autocast, best_device
from lib.runs.rows import Rows, take
from lib.runs.trainer import Measured, Training, descend, follow
from lib.sound.crnn import CRNN, ModelConfig, Probabilities

# by input (see crnn.INPUTS), each (clips, frames, dimensions), in memory or on disk
Features = Mapping[str, Tensor | Rows]


@dataclass(frozen=True)
class TrainingConfig:
    """How a mean teacher is trained (sections 2.3 and 4.3.1)."""

    epochs: int = 200
    steps_per_epoch: int = 250
    weak_batch: int = 24
    unlabelled_batch: int = 24
    learning_rate: float = 1e-3  # at the end of the ramp
    ramp_steps: int = 12_500  # 50 epochs of 250
    decay: float = 0.99995  # of the learning rate after the ramp, each step
    teacher_decay: float = 0.999
    consistency: float = 2.0  # weight of both consistency terms
    consistency_ramp: bool = True  # under the learning rate's ramp, as both DCASE baselines have it
    teacher_mode: str = "train"  # own dropout and statistics; "eval": neither, as at test time


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Standardised features of the weak and the unlabelled clips, and the weak clips' labels."""

    weak: Features
    targets: Tensor  # (weak clips, classes) float32, 1 where the class sounds in the clip
    unlabelled: Features


class Losses(NamedTuple):
    """The three terms of the loss, before their weights (section 2.3)."""

    classification: Tensor  # binary cross-entropy of clip probabilities, weak clips
    clip_consistency: Tensor  # mean squared difference of student and teacher, all clips
    frame_consistency: Tensor  # the same, frame by frame


def losses(student: Probabilities, teacher: Probabilities, targets: Tensor) -> Losses:
    """Return the three terms of the loss.

    Args:
        student: of weak and unlabelled clips, the weak ones first.
        teacher: of the same clips.
        targets: (weak clips, classes), 0 or 1.
    """
    return Losses(
        F.binary_cross_entropy(student.clip[: len(targets)], targets),
        F.mse_loss(student.clip, teacher.clip),
        F.mse_loss(student.frame, teacher.frame),
    )


def ramp(step: int, steps: int) -> float:
    """Return exp(-5 (1 - step / steps)^2), which rises from 0.0067 to 1 and stays there."""
    return math.exp(-5 * max(0.0, 1 - step / steps) ** 2) if steps else 1.0


def learning_rate(config: TrainingConfig, step: int) -> float:
    """Return the learning rate of a step: a ramp, then a decay by a factor each step (4.3.1)."""
    after = max(0, step - config.ramp_steps)
    return config.learning_rate * ramp(step, config.ramp_steps) * config.decay**after


def consistency_weight(config: TrainingConfig, step: int) -> float:
    """Return the weight of the two consistency terms: the paper's 2, or 2 under the ramp."""
    steps = config.ramp_steps if config.consistency_ramp else 0
    return config.consistency * ramp(step, steps)


def teacher_decay(config: TrainingConfig, step: int) -> float:
    """Return the decay of the running mean: 0.999, and less while there is little to average."""
    return min(1 - 1 / (step + 1), config.teacher_decay)


class Trainer(Training):
    """One training: student and teacher, epoch by epoch."""

    kept = ("order", "noise", "weak", "unlabelled", "student", "teacher", "optimizer")

    def __init__(
        self, model: ModelConfig, config: TrainingConfig, data: TrainingSet, seed: int
    ) -> None:
        super().__init__(f"train {' + '.join(model.inputs)}", config.epochs)
        self.config, self.data = config, data
        self.device = best_device()
        self.order = torch.Generator().manual_seed(seed)
        self.noise = torch.Generator(self.device).manual_seed(seed)  # dropout's
        with torch.random.fork_rng(devices=[]):  # torch draws initial weights from its global one
            torch.manual_seed(seed)
            student, teacher = CRNN(model, self.noise), CRNN(model, self.noise)
        teacher.load_state_dict(student.state_dict())
        layout: Any = {"memory_format": torch.channels_last}  # a third less time on a CPU
        self.student = student.to(self.device, **layout).train()
        self.teacher = teacher.to(self.device, **layout).train(config.teacher_mode == "train")
        self.optimizer = torch.optim.Adam(self.student.parameters(), lr=config.learning_rate)
        self.weak = Shuffled(len(data.targets), self.order)
        self.unlabelled = Shuffled(len(next(iter(data.unlabelled.values()))), self.order)

    def learn(self) -> Measured:
        """Train for one epoch; return the means of the three terms of the loss."""
        count = self.config.steps_per_epoch
        steps = range(self.done * count, (self.done + 1) * count)
        sums = torch.zeros(3)
        for step in steps:
            sums += torch.stack([term.detach().cpu() for term in self.train_step(step)])
        return dict(zip(Losses._fields, (sums / count).tolist(), strict=True))

    def train_step(self, step: int) -> Losses:
        """Take one step of Adam, then let the teacher follow."""
        features, targets = self.batch()
        with autocast(self.device):
            student = self.student(features)
            with torch.no_grad():
                teacher = self.teacher(features)
        if not torch.isfinite(student.clip).all():  # the loss would say so less clearly
            raise FloatingPointError(
                f"step {step + 1}: probabilities are no numbers; "
                "lower the learning rate, check the features"
            )
        terms = losses(student, teacher, targets)
        weight = consistency_weight(self.config, step)
        loss = terms.classification + weight * (terms.clip_consistency + terms.frame_consistency)
        descend(self.optimizer, loss, learning_rate(self.config, step))
        decay = teacher_decay(self.config, step)
        follow(self.teacher, self.student, decay, buffers=self.config.teacher_mode == "eval")
        return terms

    def batch(self) -> tuple[dict[str, Tensor], Tensor]:
        """Return features of weak, then unlabelled clips, and the targets of the weak ones."""
        weak = self.weak.take(self.config.weak_batch)
        unlabelled = self.unlabelled.take(self.config.unlabelled_batch)
        features = {
            name: torch.cat(
                [take(self.data.weak[name], weak), take(self.data.unlabelled[name], unlabelled)]
            )
            for name in self.student.config.inputs
        }
        features = {name: value.to(self.device).float() for name, value in features.items()}
        return features, self.data.targets[weak].to(self.device)


class Shuffled:
    """An endless stream of clip numbers: all in random order, then all in another."""

    def __init__(self, count: int, generator: torch.Generator) -> None:
        if not count:
            raise ValueError("there is no clip to train on; every split needs some")
        self.count, self.generator = count, generator
        self.waiting = torch.empty(0, dtype=torch.int64)

    def take(self, number: int) -> Tensor:
        """Return the next `number` clip numbers."""
        while len(self.waiting) < number:
            order = torch.randperm(self.count, generator=self.generator)
            self.waiting = torch.cat([self.waiting, order])
        taken, self.waiting = self.waiting[:number], self.waiting[number:]
        return taken

    def state_dict(self) -> dict[str, Tensor]:
        """Return what is still to come of the order that has begun."""
        return {"waiting": self.waiting}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on where another stream was."""
        self.waiting = state["waiting"]


def train(
    model: ModelConfig,
    config: TrainingConfig,
    data: TrainingSet,
    seed: int,
    checkpoint: Path | None = None,
    validate: Callable[[CRNN], Mapping[str, float]] | None = None,
) -> tuple[CRNN, dict[str, list[float]]]:
    """Train; return the student of the last epoch (section 4.3.2), frozen, and the history.

    The history holds, by epoch, the means of the losses and what `validate` says of the student.

    Args:
        seed: of initial weights, dropout and the order of the clips.
        checkpoint: written after each epoch; if it is there already, training goes on from it.
        validate: called with the student after each epoch.
    """
    trainer = Trainer(model, config, data, seed)

    def report() -> Mapping[str, float]:
        found = validate(trainer.student.eval()) if validate is not None else {}
        trainer.student.train()
        return found

    trainer.run(checkpoint, (model, config, seed), report)
    return trainer.student.cpu().eval().requires_grad_(False), trainer.history


@torch.no_grad()
def predict(model: CRNN, features: Features, batch_size: int = 24) -> Probabilities:
    """Return frame (clips, frames, classes) and clip (clips, classes) probabilities, float32."""
    device = next(model.parameters()).device
    names = model.config.inputs
    parts = torch.arange(len(features[names[0]])).split(batch_size)
    found = [
        model({name: take(features[name], part).to(device).float() for name in names})
        for part in parts
    ]
    frame, clip = zip(*found, strict=True)
    return Probabilities(torch.cat(frame).cpu(), torch.cat(clip).cpu())
