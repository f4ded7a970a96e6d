"""Training the two networks of section III-B: *natural* on clean digits, *robust* on attacked ones.

The paper fetched both from Madry's challenge. Robust training solves min over weights of the
max over the epsilon ball; the inner maximum is approached by PGD against the current network.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from lib.adversarial import attacks, classifiers
from lib.adversarial.data import Digits, to_batch
from lib.runs import states
from lib.runs.device import autocast, best_device, half_precision


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained. epsilon 0 is natural training; above 0, every image is attacked."""

    name: str
    epochs: int
    batch_size: int = 128
    initial_weights: str = "uniform"  # or "truncated_normal" (0.1, bias 0.1), Madry's script
    learning_rate: float = 1e-3  # the peak of one cycle, or the constant value
    one_cycle: bool = True  # linear up over a tenth of the training, then a cosine to zero
    epsilon: float = 0.0  # 0.3 for the robust network, as in Madry's challenge
    attack_steps: int = 5
    attack_step_size: float = 0.06  # five reach the ball's boundary; Madry: 40 of 0.01
    ramp_epochs: float = 2.0  # epsilon grows from 0: at full size the first epochs learn nothing
    restart_epochs: int = 8  # perturbations are kept between epochs and drawn anew this often
    average_from: float = 0.8  # the result is a running mean of the weights over the last fifth
    average_decay: float = 0.999
    seed: int = 0


class Trainer:
    """One training: network, optimiser, kept perturbations and position, resumable at each epoch.

    The inner attack starts where the attack on the same image ended an epoch before, which lets a
    few steps do the work of many (Zheng et al. 2020, "Efficient adversarial training with
    transferable adversarial examples"); every `restart_epochs` it starts again from a random point.
    """

    def __init__(self, config: TrainingConfig, digits: Digits) -> None:
        self.config = config
        self.device = best_device()
        self.images = to_batch(digits.train_images).to(self.device)  # (n, 1, 28, 28)
        self.labels = torch.from_numpy(digits.train_labels).to(self.device)  # (n,)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.model = classifiers.build("madry", self.generator, config.initial_weights).to(
            self.device
        )
        self.average = classifiers.frozen(self.model)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=config.learning_rate)
        self.perturbations = torch.zeros_like(self.images, dtype=torch.float16)
        self.epoch = 0

    @property
    def steps_per_epoch(self) -> int:
        """Return the number of batches in one pass over the training images."""
        return math.ceil(len(self.images) / self.config.batch_size)

    def progress(self, step: int) -> float:
        """Return how much of the training lies behind at this step of this epoch, 0 to 1."""
        return (self.epoch + step / self.steps_per_epoch) / self.config.epochs

    def learning_rate(self, progress: float) -> float:
        """Return the learning rate: constant, or one cycle of linear warm-up and cosine decay."""
        peak = self.config.learning_rate
        if not self.config.one_cycle:
            return peak
        if progress < 0.1:
            return peak * progress / 0.1
        return peak * 0.5 * (1 + math.cos(math.pi * (progress - 0.1) / 0.9))

    def train_epoch(self) -> float:
        """Pass once over the training images; return the mean loss on the attacked images."""
        config, losses = self.config, []
        if config.epsilon and self.epoch % config.restart_epochs == 0:
            noise = torch.rand(self.images.shape, generator=self.generator) * 2 - 1
            self.perturbations = (config.epsilon * noise).half().to(self.device)
        order = torch.randperm(len(self.images), generator=self.generator).to(self.device)
        self.model.train()
        for step, index in enumerate(order.split(config.batch_size)):
            progress = self.progress(step)
            images = self.attacked(index, progress) if config.epsilon else self.images[index]
            for group in self.optimizer.param_groups:
                group["lr"] = self.learning_rate(progress)
            losses.append(self.update(images, self.labels[index]))
            self.update_average(progress)
        self.epoch += 1
        return float(np.mean(losses))

    def attacked(self, index: Tensor, progress: float) -> Tensor:
        """Return this batch attacked against the current network, and keep the perturbations."""
        config, images = self.config, self.images[index]
        ramp = (
            min(1.0, progress * config.epochs / config.ramp_epochs) if config.ramp_epochs else 1.0
        )
        epsilon = config.epsilon * ramp
        dtype = torch.bfloat16 if half_precision(self.device) else torch.float32
        adversarial = attacks.pgd(
            classifiers.frozen(self.model, dtype),
            images,
            self.labels[index],
            epsilon,
            steps=config.attack_steps,
            step_size=config.attack_step_size * ramp,
            start=images + self.perturbations[index].float(),
        )
        self.perturbations[index] = (adversarial - images).half()
        return adversarial

    def update(self, images: Tensor, labels: Tensor) -> float:
        """Take one step of Adam on the mean cross-entropy; return that loss."""
        self.optimizer.zero_grad(set_to_none=True)
        with autocast(self.device):
            logits = self.model(images)
        loss = F.cross_entropy(logits.float(), labels)
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())

    @torch.no_grad()
    def update_average(self, progress: float) -> None:
        """Follow the weights with a running mean; before `average_from` simply copy them."""
        decay = self.config.average_decay if progress >= self.config.average_from else 0.0
        for mean, weight in zip(self.average.parameters(), self.model.parameters(), strict=True):
            mean.lerp_(weight, 1 - decay)

    def state(self) -> dict[str, Tensor]:
        """Return everything that the rest of the training depends on, as named tensors."""
        tensors = {"epoch": torch.tensor(self.epoch), "generator": self.generator.get_state()}
        tensors["perturbations"] = self.perturbations
        tensors |= states.pack("model", self.model.state_dict())
        tensors |= states.pack("average", self.average.state_dict())
        return tensors | states.pack_optimizer(self.optimizer)

    def load_state(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `state` returned."""
        self.epoch = int(tensors["epoch"])
        self.generator.set_state(tensors["generator"])
        self.perturbations = tensors["perturbations"].to(self.device)
        self.model.load_state_dict(states.unpack("model", tensors))
        self.average.load_state_dict(states.unpack("average", tensors))
        states.unpack_optimizer(self.optimizer, tensors)


def train(
    config: TrainingConfig,
    digits: Digits,
    checkpoint: Path | None = None,
    report: Callable[[int, float, nn.Module], None] | None = None,
) -> nn.Module:
    """Train a network and return its averaged weights, frozen, float32.

    Args:
        config: what to train.
        digits: where the training images come from; the test images are not touched.
        checkpoint: written after each epoch; if it is there already, training goes on from it to
            the same result (bit-equal on the same machine, versions and number of threads).
        report: called after each epoch with (epoch, mean loss, averaged network).

    Raises:
        ValueError: the checkpoint belongs to another training.
    """
    trainer = Trainer(config, digits)
    run = (config, digits.fingerprint)
    if checkpoint is not None and (stored := states.read(checkpoint, run)):
        trainer.load_state(stored)
    for epoch in remaining(trainer):
        loss = trainer.train_epoch()
        if report is not None:
            report(epoch, loss, trainer.average)
        if checkpoint is not None:
            states.write(checkpoint, trainer.state(), run)
    return classifiers.frozen(trainer.average).cpu()


def remaining(trainer: Trainer) -> Iterator[int]:
    """Yield the epochs that are left, with a progress bar on a terminal."""
    epochs = range(trainer.epoch, trainer.config.epochs)
    yield from tqdm(epochs, desc=f"train {trainer.config.name}", unit="epoch", disable=None)


@torch.no_grad()
def count_correct(
    model: nn.Module, images: Tensor, labels: Tensor, batch_size: int = 500
) -> tuple[int, int]:
    """Return how many of the images (n, 1, 28, 28) are classified as labelled, and n."""
    correct = [
        int((model(batch).argmax(1) == truth).sum())
        for batch, truth in zip(images.split(batch_size), labels.split(batch_size), strict=True)
    ]
    return sum(correct), len(images)


def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Return the share of images (n, 1, 28, 28) that the network classifies as labelled."""
    correct, n = count_correct(model, images, labels)
    return correct / n
