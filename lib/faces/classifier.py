"""Plain classifiers of faces: the CNN baseline (Tables 1 to 3), judges and supervised encoder.

All have the encoder's form and one linear layer on top. `fit` and `predict` serve whatever network
gives logits, the recogniser of section 3.2 too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lib.faces import augment
from lib.faces.de_gan import ModelConfig, Trunk, initialise
from lib.runs.device import autocast, best_device
from lib.runs.rows import Rows, take
from lib.runs.trainer import Measured, Training, descend

Loss = Callable[[Any, Tensor], Tensor]  # of a network's output and the targets (batch,)
PREDICTED = 128  # pictures at a time
CHECKPOINT_STEPS = 250  # seconds of a GPU, or minutes of a CPU: all that an interruption costs


@dataclass(frozen=True)
class ClassifierConfig:
    """How a classifier is trained (section 4.1); the defaults are the paper's."""

    steps: int = 32_350  # 50 epochs of 647 batches: 981 x 0.9 pictures of CK+, 110 variants each
    batch: int = 150
    learning_rate: float = 1e-4
    falling: float = 0.0  # share of the steps, at the end, in which the rate falls to 0


class Classifier(nn.Module):
    """The encoder's layers and a linear layer: logits of pictures."""

    def __init__(self, config: ModelConfig, classes: int) -> None:
        super().__init__()
        self.config = config
        self.trunk = Trunk(config, config.code)
        self.head = nn.Linear(config.code, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (batch, classes) for pictures (batch, 3, side, side) in [-1, 1]."""
        logits: Tensor = self.head(self.trunk(images))
        return logits


def rate_share(step: int, steps: int, falling: float) -> float:
    """Return the share of the learning rate at a step: 1, and over `falling` a line down to 0."""
    return min(1.0, (steps - step) / (falling * steps)) if falling else 1.0


class Trainer(Training):
    """One training, step by step; weights that require a gradient are drawn anew, see `fit`."""

    kept = ("random", "network", "optimizer")
    unit = "step"

    def __init__(
        self,
        network: nn.Module,
        loss: Loss,
        images: np.ndarray | Rows,
        targets: np.ndarray,
        config: ClassifierConfig,
        seed: int,
    ) -> None:
        super().__init__("classifier", config.steps, CHECKPOINT_STEPS)
        self.loss, self.images, self.config = loss, images, config
        self.targets = torch.from_numpy(targets)
        self.device, self.random = best_device(), torch.Generator().manual_seed(seed)
        initialise(network, self.random)
        layout: Any = {"memory_format": torch.channels_last}  # a third less time on a CPU
        self.network = network.to(self.device, **layout).train()
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        self.optimizer = torch.optim.Adam(weights, lr=config.learning_rate, betas=(0.5, 0.999))

    def learn(self) -> Measured:
        """Take the next step, on pictures and variants drawn at random; return its loss."""
        config = self.config
        rows = torch.randint(len(self.images), (config.batch,), generator=self.random)
        pictures = augment.draw(self.images, rows, self.random).to(self.device)
        with autocast(self.device):
            loss = self.loss(self.network(pictures), self.targets[rows].to(self.device))
        share = rate_share(self.done, config.steps, config.falling)
        descend(self.optimizer, loss, config.learning_rate * share)
        return {"loss": float(loss.detach())}


def fit(
    network: nn.Module,
    loss: Loss,
    images: np.ndarray | Rows,
    targets: np.ndarray,
    config: ClassifierConfig,
    seed: int,
    checkpoint: Path | None = None,
) -> list[float]:
    """Train all weights that require a gradient, on variants drawn anew; return the losses.

    Initial weights are drawn from N(0, 0.02) where a weight requires a gradient (section 4.1). The
    network comes back on the CPU, in its state for evaluation.

    Args:
        network: changed in place.
        loss: of its output and the targets.
        images: (n, source, source, 3) uint8, source = augment.source_side(side); on disk they are
            read batch by batch.
        targets: (n,) int64.
        config: how to train.
        seed: of initial weights, order and variants.
        checkpoint: written every CHECKPOINT_STEPS; if it is there already, training goes on from
            it. ValueError where it is that of another training.
    """
    if not len(images) == len(targets) > 0:
        raise ValueError(f"{len(images)} images, {len(targets)} targets; give one for each image")
    trainer = Trainer(network, loss, images, targets, config, seed)
    trainer.run(checkpoint, (repr(network), config, images.shape, seed))
    network.cpu().eval()
    return trainer.history.get("loss", [])


@torch.no_grad()
def predict(network: Callable[[Tensor], Any], images: np.ndarray | Rows) -> Tensor:
    """Return what a network says of the centre crops, float32, one row for each picture."""
    rows: Sequence[Tensor] = torch.arange(len(images)).split(PREDICTED)
    found = [network(augment.centre(take(images, some))).float() for some in rows]
    return torch.cat(found)
