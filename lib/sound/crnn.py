"""The networks of sections 2.1 and 3: a CRNN over any combination of the three kinds of features.

Spectral features pass the convolutions of Tables 1 and 2, pretrained ones a linear layer each; what
they become is concatenated frame by frame, and a bidirectional GRU reads it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lib.sound.fast import Dropout

INPUT_NAMES = {"spectral": "spectral", "audio": "pretrained audio", "visual": "pretrained visual"}
INPUTS = tuple(INPUT_NAMES)  # the three columns of Table 3
COMBINATIONS = (  # the seven rows of Table 3, in its order
    ("spectral",),
    ("spectral", "visual"),
    ("spectral", "audio"),
    ("spectral", "audio", "visual"),
    ("visual",),
    ("audio",),
    ("audio", "visual"),
)
CHANNELS = (16, 32, 64, 128, 128, 128, 128)  # Table 1
POOLS = ((2, 2), (2, 2), (1, 2), (1, 2), (1, 2), (1, 2), (1, 2))  # Table 2: (time, frequency)
MEL_BANDS = 128  # section 2.1; the seven poolings leave one of them
HIDDEN = 128  # section 2.1, in each direction
DROPOUT = 0.33  # sections 2.1 and 3
BESIDE_SPECTRAL = {"audio": 16, "visual": 4}  # embedding sizes, section 3
ALONE = {"audio": 64, "visual": 16}
SMALLEST = 1e-7  # probabilities keep this far from 0 and 1, so that eq. 1 and the loss are defined


class Probabilities(NamedTuple):
    """What the network says: `frame` (batch, frames, classes) and `clip` (batch, classes)."""

    frame: Tensor
    clip: Tensor


class CRNN(nn.Module):
    """The network of Fig. 1, with the fusion of Fig. 2 where pretrained features come in."""

    def __init__(self, config: "ModelConfig", generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        dropout = Dropout(generator or torch.Generator().manual_seed(0), DROPOUT)
        channels = [config.wide(size) for size in CHANNELS]
        sizes = {"audio": config.audio_features, "visual": config.visual_features}
        self.encoders = nn.ModuleDict()
        if "spectral" in config.inputs:
            self.encoders["spectral"] = SpectralEncoder(channels, config.pools, dropout)
        for name, size in config.embeddings.items():
            self.encoders[name] = Embedding(sizes[name], size, dropout)
        fused = sum(config.embeddings.values())
        fused += channels[-1] if "spectral" in config.inputs else 0
        hidden = config.wide(HIDDEN)
        self.gru = nn.GRU(fused, hidden, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(2 * hidden, config.classes)

    def forward(self, features: Mapping[str, Tensor]) -> Probabilities:
        """Return frame and clip probabilities.

        Args:
            features: by input, standardised; "spectral" (batch, 604, mel bands) log-mel, "audio"
                (batch, 151, audio features), "visual" (batch, 151, visual features).

        Raises:
            ValueError: an input is missing, or their numbers of frames differ.
        """
        if missing := [name for name in self.config.inputs if name not in features]:
            raise ValueError(f"this network also reads {missing[0]!r}; give all its inputs")
        streams = [self.encoders[name](features[name]) for name in self.config.inputs]
        if len(frames := {stream.shape[1] for stream in streams}) > 1:
            raise ValueError(f"streams of {sorted(frames)} frames cannot be joined; use one grid")
        fused = torch.cat([stream.float() for stream in streams], dim=2)  # (batch, 151, 128 + ...)
        with torch.autocast(fused.device.type, enabled=False):  # the GRU gains nothing from bf16
            recurrent, _ = self.gru(fused)  # (batch, 151, 256)
            frame = torch.sigmoid(self.head(recurrent)).clamp(SMALLEST, 1 - SMALLEST)
        return Probabilities(frame, POOLINGS[self.config.pooling](frame))


class SpectralEncoder(nn.Module):
    """The convolutional part (Tables 1 and 2)."""

    def __init__(
        self, channels: Sequence[int], pools: Sequence[tuple[int, int]], dropout: nn.Module
    ) -> None:
        super().__init__()
        sizes = zip((1, *channels[:-1]), channels, pools, strict=True)
        self.stacks = nn.Sequential(*(Stack(*size, dropout) for size in sizes))

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Return (batch, frames, channels) from log-mel (batch, 4 x frames, mel bands)."""
        images = spectrogram.unsqueeze(1).contiguous(memory_format=torch.channels_last)
        maps = self.stacks(images)  # (batch, 128, 151, 1)
        return maps.squeeze(3).transpose(1, 2)


class Stack(nn.Sequential):
    """One of the seven stacks: convolution, batch normalisation, ReLU, dropout, average pooling."""

    def __init__(
        self, channels_in: int, channels_out: int, pool: tuple[int, int], dropout: nn.Module
    ) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
            dropout,
            nn.AvgPool2d(pool),
        )


class Embedding(nn.Sequential):
    """One pretrained stream's way in: linear, ReLU, dropout (section 3)."""

    def __init__(self, features: int, size: int, dropout: nn.Module) -> None:
        super().__init__(nn.Linear(features, size), nn.ReLU(), dropout)


def linear_pooling(frame: Tensor) -> Tensor:
    """Return clip probabilities (batch, classes): the sum of p squared over the sum of p (eq. 1).

    Each frame's weight is its own probability. The derivative by a frame has the sign of
    2 p_frame - p_clip: a positive label pushes frames below half the clip's probability *down*.

    Args:
        frame: (batch, frames, classes), probabilities above 0.
    """
    return frame.square().sum(dim=1) / frame.sum(dim=1)


POOLINGS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": linear_pooling,
    "maximum": lambda frame: frame.amax(dim=1),
    "mean": lambda frame: frame.mean(dim=1),
}


@dataclass(frozen=True)
class ModelConfig:
    """Which features come in, how large they are, and how wide the network is."""

    inputs: tuple[str, ...]  # of INPUTS, in that order
    audio_features: int = 128  # per frame; VGGish's 128
    visual_features: int = 4096  # VGG16's 4096
    width: float = 1.0  # of convolutions and GRU; 1 is the paper's
    mel_bands: int = MEL_BANDS  # a power of two up to 128; fewer bands are pooled less often
    embeddings: dict[str, int] = field(default_factory=dict)  # by stream; the paper's where empty
    pooling: str = "linear"  # of POOLINGS
    classes: int = 10

    def __post_init__(self) -> None:
        """Refuse what is no row of Table 3, and bands that the poolings do not bring to one."""
        if self.inputs not in COMBINATIONS:
            raise ValueError(f"{self.inputs} is no row of Table 3; give one of {COMBINATIONS}")
        if self.pooling not in POOLINGS:
            raise ValueError(f"unknown pooling {self.pooling!r}; choose one of {[*POOLINGS]}")
        if not self.embeddings:
            object.__setattr__(self, "embeddings", published_embeddings(self.inputs))
        if self.mel_bands not in (bands := [2**power for power in range(8)]):
            raise ValueError(f"{self.mel_bands} mel bands cannot be halved to one; give {bands}")

    def wide(self, size: int) -> int:
        """Return a published size at this width."""
        return max(1, round(size * self.width))

    @property
    def pools(self) -> tuple[tuple[int, int], ...]:
        """Return Table 2, the last frequency poolings left out where there are fewer bands."""
        halvings = int(math.log2(self.mel_bands))
        return tuple((time, 2 if i < halvings else 1) for i, (time, _) in enumerate(POOLS))


def published_embeddings(inputs: Sequence[str]) -> dict[str, int]:
    """Return the size of each pretrained stream's embedding (section 3), whatever the width."""
    sizes = BESIDE_SPECTRAL if "spectral" in inputs else ALONE
    return {name: sizes[name] for name in inputs if name != "spectral"}


def count_parameters(model: nn.Module) -> int:
    """Return the number of parameters."""
    return sum(weight.numel() for weight in model.parameters())
