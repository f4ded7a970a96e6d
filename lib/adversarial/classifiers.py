"""The classifiers under attack (section III-B): Madry's MNIST network and a public reference LeNet.

The paper fetched its *natural* and *secret* networks from Madry's challenge. Both are the network
below; they differ only in the images they were trained on (`training.py`).
"""

import copy
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from lib.adversarial.fast import convolve_image

IMAGE_SIZE = 28
CLASSES = 10


class MadryNet(nn.Module):
    """Two 5x5 convolutions and two dense layers, as in Madry's challenge (paper, footnote 2).

    ReLU stands after the pooling instead of before it: the maximum of rectified values is the
    rectified maximum, outputs and image gradients are bit-equal, and a quarter of the work remains.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=5, padding=2)
        self.dense1 = nn.Linear(64 * 7 * 7, 1024)
        self.dense2 = nn.Linear(1024, CLASSES)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (batch, 10) for images (batch, 1, 28, 28) float in [0, 1]."""
        hidden = F.relu(F.max_pool2d(convolve_image(self.conv1, images), 2))  # (batch, 32, 14, 14)
        hidden = F.relu(F.max_pool2d(self.conv2(hidden), 2))  # (batch, 64, 7, 7)
        hidden = F.relu(self.dense1(hidden.flatten(1)))  # (batch, 1024)
        return self.dense2(hidden)  # (batch, 10)


class ReferenceLeNet(nn.Module):
    """The LeNet of the advertorch examples: 3x3 convolutions (32, 64), dense 200 and 10.

    Its published weights were trained by other people with other code, which makes them a check
    on every finding that might hang on our own checkpoints.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3, padding=1)
        self.linear1 = nn.Linear(64 * 7 * 7, 200)
        self.linear2 = nn.Linear(200, CLASSES)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (batch, 10) for images (batch, 1, 28, 28) float in [0, 1]."""
        hidden = F.relu(F.max_pool2d(convolve_image(self.conv1, images), 2))  # (batch, 32, 14, 14)
        hidden = F.relu(F.max_pool2d(self.conv2(hidden), 2))  # (batch, 64, 7, 7)
        hidden = F.relu(self.linear1(hidden.flatten(1)))  # (batch, 200)
        return self.linear2(hidden)  # (batch, 10)


ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {
    "madry": MadryNet,
    "reference": ReferenceLeNet,
}


def build(
    architecture: str,
    generator: torch.Generator | None = None,
    initial_weights: str = "uniform",
) -> nn.Module:
    """Return a fresh network whose initial weights are drawn from `generator`.

    Args:
        architecture: "madry" or "reference".
        generator: source of the weights; torch's global one if None.
        initial_weights: "uniform" in +-1/sqrt(fan_in), biases too (torch's own rule), or
            "truncated_normal" of deviation 0.1 with biases 0.1 (Madry's script).
    """
    if architecture not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise ValueError(f"unknown architecture {architecture!r}; choose one of: {known}")
    if initial_weights not in ("uniform", "truncated_normal"):
        raise ValueError(f"unknown initial_weights {initial_weights!r}")
    model = ARCHITECTURES[architecture]()
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            if initial_weights == "uniform":
                bound = module.weight[0].numel() ** -0.5
                nn.init.uniform_(module.weight, -bound, bound, generator=generator)
                nn.init.uniform_(module.bias, -bound, bound, generator=generator)
            else:
                nn.init.trunc_normal_(module.weight, 0.0, 0.1, -0.2, 0.2, generator=generator)
                nn.init.constant_(module.bias, 0.1)
    return model


def load(path: str | Path, architecture: str = "madry") -> nn.Module:
    """Return the network stored in a safetensors file, in evaluation mode, float32.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged or holds another architecture.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}; train one with ./run_all.sh --retrain")
    model = build(architecture)
    try:
        weights = {name: tensor.float() for name, tensor in load_file(path).items()}
    except Exception as error:  # safetensors raises its own class for any malformed header
        raise ValueError(f"{path} is not a readable safetensors file: {error}") from error
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if expected != found:
        odd = sorted(set(expected.items()) ^ set(found.items()))[0]
        raise ValueError(
            f"{path} does not hold the {architecture!r} network: see {odd[0]} {odd[1]}"
        )
    model.load_state_dict(weights)
    return frozen(model)


def frozen(model: nn.Module, dtype: torch.dtype = torch.float32) -> nn.Module:
    """Return a copy of `model` for attacking: evaluation mode, no weight gradients, `dtype`."""
    return copy.deepcopy(model).eval().requires_grad_(False).to(dtype)
