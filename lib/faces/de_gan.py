"""The networks of section 3.1: an encoder-decoder generator and a multi-task discriminator.

The paper names no layer; encoder and discriminator have the form of CASIA-Net as DR-GAN uses it,
its reference [5], and the decoder is the encoder's mirror.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STAGES = ((32, 64), (64, 64, 128), (128, 96, 192), (192, 128, 256), (256, 160))  # channels
MIRROR = ((160, 256), (256, 128, 192), (192, 96, 128), (128, 64, 64), (64, 32))
CODE = 350  # length of f(x), section 4.1
FEATURES = 320  # of the discriminator, as in DR-GAN
NOISE = 50  # length of z, as in both ports of DR-GAN
DEVIATION = 0.02  # of the initial weights, section 4.1
HALVINGS = 4  # strides of 2: 96 pixels become 6


@dataclass(frozen=True)
class ModelConfig:
    """How large the networks are and what they tell apart."""

    identities: int  # of the training set: the length of I and of D's identity head
    expressions: int
    side: int = 96  # of the pictures in pixels
    width: float = 1.0  # of all convolutions; 1 is DR-GAN's
    code: int = CODE  # length of f(x)

    def __post_init__(self) -> None:
        """Refuse sides that four halvings do not bring to a whole number."""
        if self.side % 2**HALVINGS or self.side < 2 ** (HALVINGS + 1):
            raise ValueError(
                f"pictures of {self.side} pixels cannot be halved four times; give 32, 48, 64, 96"
            )

    def wide(self, channels: int) -> int:
        """Return a published number of channels at this width, in steps of 8."""
        return max(8, 8 * round(channels * self.width / 8))

    @property
    def smallest(self) -> int:
        """Return the side of the smallest maps: 6 at 96 pixels."""
        return self.side // 2**HALVINGS


def _normalised(convolution: nn.Module, channels: int) -> list[nn.Module]:
    """Return the convolution, batch normalisation and ELU."""
    return [convolution, nn.BatchNorm2d(channels), nn.ELU(inplace=True)]


class Trunk(nn.Module):
    """Five stages of 3x3 convolutions, each but the first halving the picture, then a mean."""

    def __init__(self, config: ModelConfig, features: int) -> None:
        super().__init__()
        channels, self.stages = 3, nn.ModuleList()
        for stage, published in enumerate(STAGES):
            sizes = [config.wide(size) for size in published]
            if stage == len(STAGES) - 1:
                sizes.append(features)
            layers: list[nn.Module] = []
            for place, size in enumerate(sizes):
                stride = 2 if stage and place == 0 else 1
                convolution = nn.Conv2d(channels, size, 3, stride, padding=1, bias=False)
                layers += _normalised(convolution, size)
                channels = size
            self.stages.append(nn.Sequential(*layers))

    def maps(self, images: Tensor) -> list[Tensor]:
        """Return the maps after each stride of 2: sides of 48, 24, 12 and 6 at 96 pixels."""
        found = []
        for stage in self.stages:
            images = stage(images)
            found.append(images)
        return found[1:]

    def forward(self, images: Tensor) -> Tensor:
        """Return (batch, features), the mean of the last map."""
        return self.maps(images)[-1].mean(dim=(2, 3))


class Decoder(nn.Module):
    """G_de: from the expression's code, the identity code and the noise to a picture."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        first = config.wide(FEATURES)
        self.start = nn.Linear(config.code + config.identities + NOISE, first * config.smallest**2)
        channels, layers = first, list[nn.Module]()
        layers += [nn.BatchNorm2d(first), nn.ELU(inplace=True)]
        for stage, published in enumerate(MIRROR):
            for place, size in enumerate(map(config.wide, published)):
                doubling = bool(stage and place == 0)
                layers += _normalised(_up(channels, size, doubling), size)
                channels = size
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, 3, 3, padding=1), nn.Tanh())

    def forward(self, code: Tensor, identity: Tensor, noise: Tensor) -> Tensor:
        """Return pictures (batch, 3, side, side) in [-1, 1].

        Args:
            code: f(x), (batch, code).
            identity: I, (batch, identities), one-hot.
            noise: z, (batch, 50), in [-1, 1].
        """
        start = self.start(torch.cat([code, identity, noise], dim=1))
        maps = start.unflatten(1, (-1, self.config.smallest, self.config.smallest))
        return self.layers(maps.contiguous(memory_format=torch.channels_last))


def _up(channels: int, size: int, doubling: bool) -> nn.Module:
    """Return a 3x3 convolution, or the transposed one of stride 2 that doubles the side."""
    if not doubling:
        return nn.Conv2d(channels, size, 3, padding=1, bias=False)
    return nn.ConvTranspose2d(channels, size, 4, 2, padding=1, bias=False)


class Generator(nn.Module):
    """G: its encoder reads the expression off a picture, its decoder puts it on an identity."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Trunk(config, config.code)
        self.decoder = Decoder(config)

    def forward(self, images: Tensor, identities: Tensor, noise: Tensor) -> Tensor:
        """Return G(x, I, z), (batch, 3, side, side) in [-1, 1].

        Args:
            images: x, (batch, 3, side, side) in [-1, 1].
            identities: the number of each wanted identity, (batch,) int64.
            noise: z, (batch, 50), in [-1, 1].
        """
        identity = F.one_hot(identities, self.config.identities).to(images.dtype)
        return self.decoder(self.encoder(images), identity, noise)


class Judgement(NamedTuple):
    """What the discriminator says: `expression` (batch, N^e + 1), the last entry for a fake, and
    `identity` (batch, N^i), both logits."""

    expression: Tensor
    identity: Tensor


class Discriminator(nn.Module):
    """D: one trunk, a head for expressions and *fake*, a head for identities (3.1.1)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = Trunk(config, FEATURES)
        self.expression = nn.Linear(FEATURES, config.expressions + 1)
        self.identity = nn.Linear(FEATURES, config.identities)

    def forward(self, images: Tensor) -> Judgement:
        """Return the logits of both heads for pictures (batch, 3, side, side) in [-1, 1]."""
        features = self.trunk(images)
        return Judgement(self.expression(features), self.identity(features))


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights from N(0, 0.02), section 4.1; shifts start at 0, scales at N(1, 0.02).

    The scales of batch normalisation follow DCGAN, the paper's reference [23]. Layers whose
    weights are frozen stay what they are.
    """
    for module in model.modules():
        if not all(weight.requires_grad for weight in module.parameters(recurse=False)):
            continue
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(module.weight, 0.0, DEVIATION, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, DEVIATION, generator=generator)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def count_parameters(models: Sequence[nn.Module]) -> int:
    """Return the number of parameters of some networks together."""
    return sum(weight.numel() for model in models for weight in model.parameters())
