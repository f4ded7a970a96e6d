"""The state of a training in the eyes of a test: what it holds to the bit."""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load
from torch import Tensor

from lib.runs.states import DIGEST_BYTES

Bits = dict[str, tuple[torch.dtype, torch.Size, bytes]]


def bits(tensors: Mapping[str, Tensor]) -> Bits:
    """Return types, shapes and bytes of tensors: NaN is itself, -0 is not 0."""
    return {
        name: (value.dtype, value.shape, value.flatten().view(torch.uint8).numpy().tobytes())
        for name, value in tensors.items()
    }


def stored(path: Path) -> Bits:
    """Return what a state holds, to the bit."""
    return bits(load(path.read_bytes()[:-DIGEST_BYTES]))


def flipped(content: bytes, bit: int) -> bytes:
    """Return the content with one bit turned."""
    turned = bytearray(content)
    turned[bit // 8] ^= 1 << bit % 8
    return bytes(turned)
