"""Plain classifiers of faces: the CNN baseline (Tables 1 to 3), the judges and the control.

All have the encoder's form and one linear layer on top. `fit` and `predict` serve whatever network
gives logits, the recogniser of section 3.2 too.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from lib.book.device import best_device
from lib.faces import augment
from lib.faces.models import CODE, ModelConfig, Trunk, initialise
from lib.faces.profiles import ClassifierConfig, GANConfig

Loss = Callable[[Any, Tensor], Tensor]  # of a network's output and the targets (batch,)
PREDICTED = 128  # pictures at a time


class Classifier(nn.Module):
    """The encoder's layers and a linear layer: logits of pictures."""

    def __init__(self, config: ModelConfig, classes: int) -> None:
        super().__init__()
        self.config = config
        self.trunk = Trunk(config, CODE)
        self.head = nn.Linear(CODE, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (batch, classes) for pictures (batch, 3, side, side) in [-1, 1]."""
        logits: Tensor = self.head(self.trunk(images))
        return logits


def rate_share(config: ClassifierConfig | GANConfig, step: int) -> float:
    """Return the share of the learning rate at a step: 1, and at the end a line down to 0."""
    falling = config.falling * config.steps
    return min(1.0, (config.steps - step) / falling) if falling else 1.0


def fit(
    network: nn.Module,
    loss: Loss,
    images: np.ndarray,
    targets: np.ndarray,
    config: ClassifierConfig,
    seed: int,
) -> list[float]:
    """Train all weights that require a gradient, on variants drawn anew; return the losses.

    Initial weights are drawn from N(0, 0.02) where a weight requires a gradient (section 4.1). The
    network comes back on the CPU, in its state for evaluation.

    Args:
        network: changed in place.
        loss: of its output and the targets.
        images: (n, source, source, 3) uint8, source = augment.source_side(side).
        targets: (n,) int64.
        config: how to train.
        seed: of initial weights, order and variants.

    Raises:
        FloatingPointError: a loss is no longer a number.
        ValueError: there is not one target for each image, or there are none.
    """
    if not len(images) == len(targets) > 0:
        raise ValueError(f"{len(images)} images, {len(targets)} targets; give one for each image")
    device, random = best_device(), torch.Generator().manual_seed(seed)
    initialise(network, random)
    layout: Any = {"memory_format": torch.channels_last}  # a third less time on a CPU
    network.to(device, **layout).train()
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(weights, lr=config.learning_rate, betas=(0.5, 0.999))
    wanted, history = torch.from_numpy(targets), list[float]()
    for step in tqdm(range(config.steps), desc="classifier", leave=False, disable=None):
        rows = torch.randint(len(images), (config.batch,), generator=random)
        pictures = augment.draw(images, rows, random).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=config.bfloat16):
            value = loss(network(pictures), wanted[rows].to(device))
        optimizer.param_groups[0]["lr"] = config.learning_rate * rate_share(config, step)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        history.append(float(value.detach()))
        if not math.isfinite(history[-1]):
            raise FloatingPointError(
                f"step {len(history)}: the loss is {history[-1]}; lower the learning rate"
            )
    network.cpu().eval()
    return history


@torch.no_grad()
def predict(network: Callable[[Tensor], Any], images: np.ndarray) -> Tensor:
    """Return what a network says of the centre crops, float32, one row for each picture.

    Args:
        network: in its state for evaluation.
        images: (n, source, source, 3) uint8.
    """
    rows: Sequence[Tensor] = torch.arange(len(images)).split(PREDICTED)
    found = [network(augment.centre(augment.take(images, some))).float() for some in rows]
    return torch.cat(found)
