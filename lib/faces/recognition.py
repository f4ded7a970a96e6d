"""Recognising expressions from a frozen encoder (section 3.2, Fig. 3).

The encoder records expression on its way down: each map after a stride of 2 goes to a small network
of its own, and what these say last is joined with f(x).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lib.faces.de_gan import ModelConfig, Trunk

PARTS = ("maps and code", "code", "maps")  # what is read; the first is the paper's
WEIGHTS = (0.7, 0.6, 0.4, 0.3, 1.0)  # lambda_1 to lambda_5, section 4.1: largest map first
CHANNELS = 64  # of a local CNN's convolutions; the paper names no size
POOLED = 3  # side of the maps before its fully connected layer
CONNECTED = 128  # length of fc_i


class Recognition(NamedTuple):
    """Logits of the expressions: `joint` (batch, classes), from which the class is read, and one of
    the same shape in `local` for each map, largest first (none where no maps are read)."""

    joint: Tensor
    local: tuple[Tensor, ...]


class LocalCNN(nn.Module):
    """What one map tells of the expression: two convolutions, one fully connected layer, logits."""

    def __init__(
        self, channels: int, classes: int, width: int = CHANNELS, features: int = CONNECTED
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for size in (channels, width):
            convolution = nn.Conv2d(size, width, 3, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(width), nn.ELU(inplace=True)]
        self.layers = nn.Sequential(
            *layers,
            nn.AdaptiveAvgPool2d(POOLED),
            nn.Flatten(),
            nn.Linear(width * POOLED**2, features),
            nn.ELU(inplace=True),
        )
        self.head = nn.Linear(features, classes)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Return fc_i (batch, features) and logits (batch, classes) of (batch, channels, s, s)."""
        connected = self.layers(maps)
        return connected, self.head(connected)


class Recogniser(nn.Module):
    """The second stage: h = [fc_1, ..., fc_4, f(x)], a linear layer, logits."""

    def __init__(
        self, encoder: Trunk, config: ModelConfig, classes: int, parts: str = PARTS[0]
    ) -> None:
        """Build local CNNs that fit the encoder, which is frozen in place."""
        super().__init__()
        if parts not in PARTS:
            raise ValueError(f"unknown parts {parts!r}; choose one of: {', '.join(PARTS)}")
        self.encoder = encoder.requires_grad_(False).eval()
        self.reads_code = parts != "maps"
        width, features = config.wide(CHANNELS), config.wide(CONNECTED)
        channels = [] if parts == "code" else map_channels(encoder)
        self.local = nn.ModuleList(LocalCNN(size, classes, width, features) for size in channels)
        self.head = nn.Linear(len(channels) * features + self.reads_code * config.code, classes)

    def train(self, mode: bool = True) -> "Recogniser":
        """Set the local CNNs for training or evaluation; the encoder's statistics stay fixed."""
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, images: Tensor) -> Recognition:
        """Return the logits for pictures (batch, 3, side, side) in [-1, 1]."""
        with torch.no_grad():
            maps = self.encoder.maps(images)
            code = maps[-1].mean(dim=(2, 3))  # f(x), (batch, code)
        found = [network(each) for network, each in zip(self.local, maps, strict=False)]
        joined = [connected for connected, _ in found] + [code] * self.reads_code
        logits = self.head(torch.cat(joined, dim=1))
        return Recognition(logits, tuple(own for _, own in found))


def map_channels(encoder: Trunk) -> list[int]:
    """Return how many channels the four maps have, largest map first."""
    convolutions = [
        [layer for layer in stage.modules() if isinstance(layer, nn.Conv2d)]
        for stage in encoder.stages
    ]
    return [layers[-1].out_channels for layers in convolutions[1:]]


def total_loss(output: Recognition, targets: Tensor, weights: Sequence[float] = WEIGHTS) -> Tensor:
    """Return the total loss (eq. 3): cross entropies, those of the maps before the joint one.

    Where no maps are read, the joint one stands alone.

    Args:
        output: logits of a batch.
        targets: (batch,) int64.
        weights: lambda_1 to lambda_5.

    Raises:
        ValueError: there is not one weight for each map and one more.
    """
    *local, joint = weights
    if output.local and len(local) != len(output.local):
        raise ValueError(f"{len(weights)} weights for {len(output.local)} maps; give one more")
    loss = joint * F.cross_entropy(output.joint.float(), targets)
    for weight, logits in zip(local, output.local, strict=False):
        loss = loss + weight * F.cross_entropy(logits.float(), targets)
    return loss
