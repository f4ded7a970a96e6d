"""Training the two networks of section III-B: *natural* on clean digits, *robust* on attacked ones.

The paper fetched both from Madry's challenge. Robust training solves min over weights of the
max over the epsilon ball; the inner maximum is approached by PGD against the current network.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lib.adversarial import attacks, classifiers
from lib.adversarial.data import Digits, to_batch
from lib.runs.device import autocast, best_device, half_precision
from lib.runs.trainer import Measured, Training, descend, follow


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


class Trainer(Training):
    """One training, epoch by epoch.

    The inner attack starts where the attack on the same image ended an epoch before, which lets a
    few steps do the work of many (Zheng et al. 2020, "Efficient adversarial training with
    transferable adversarial examples"); every `restart_epochs` it starts again from a random point.
    """

    kept = ("generator", "perturbations", "model", "average", "optimizer")

    def __init__(self, config: TrainingConfig, digits: Digits) -> None:
        super().__init__(f"train {config.name}", config.epochs)
        if not len(digits.train_images):
            raise ValueError(f"{digits.name} has no images to train on")
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

    @property
    def steps_per_epoch(self) -> int:
        """Return the number of batches in one pass over the training images."""
        return math.ceil(len(self.images) / self.config.batch_size)

    def progress(self, step: int) -> float:
        """Return how much of the training lies behind at this step of this epoch, 0 to 1."""
        return (self.done + step / self.steps_per_epoch) / self.config.epochs

    def learning_rate(self, progress: float) -> float:
        """Return the learning rate: constant, or one cycle of linear warm-up and cosine decay."""
        peak = self.config.learning_rate
        if not self.config.one_cycle:
            return peak
        if progress < 0.1:
            return peak * progress / 0.1
        return peak * 0.5 * (1 + math.cos(math.pi * (progress - 0.1) / 0.9))

    def learn(self) -> Measured:
        """Pass once over the training images; return the mean loss on the attacked images."""
        config, losses = self.config, []
        if config.epsilon and self.done % config.restart_epochs == 0:
            noise = torch.rand(self.images.shape, generator=self.generator) * 2 - 1
            self.perturbations = (config.epsilon * noise).half().to(self.device)
        order = torch.randperm(len(self.images), generator=self.generator).to(self.device)
        self.model.train()
        for step, index in enumerate(order.split(config.batch_size)):
            progress = self.progress(step)
            images = self.attacked(index, progress) if config.epsilon else self.images[index]
            losses.append(self.update(images, self.labels[index], self.learning_rate(progress)))
            self.update_average(progress)
        return {"loss": float(np.mean(losses))}

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

    def update(self, images: Tensor, labels: Tensor, rate: float) -> float:
        """Take one step of Adam on the mean cross-entropy; return that loss."""
        with autocast(self.device):
            logits = self.model(images)
        loss = F.cross_entropy(logits.float(), labels)
        descend(self.optimizer, loss, rate)
        return float(loss.detach())

    def update_average(self, progress: float) -> None:
        """Follow the weights with a running mean; before `average_from` simply copy them."""
        decay = self.config.average_decay if progress >= self.config.average_from else 0.0
        follow(self.average, self.model, decay)


def train(config: TrainingConfig, digits: Digits, checkpoint: Path | None = None) -> nn.Module:
    """Train a network and return its averaged weights, frozen, float32.

    Args:
        digits: where the training images come from; the test images are not touched.
        checkpoint: written after each epoch; if it is there already, training goes on from it.
    """
    trainer = Trainer(config, digits)
    trainer.run(checkpoint, (config, digits.fingerprint))
    return classifiers.frozen(trainer.average).cpu()


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
