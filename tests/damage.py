"""The state of a training in the eyes of a test: what it holds to the bit, and what befalls it."""

from collections.abc import Callable, Mapping
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


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut in the header": lambda content: content[:100],
    "cut in the data": lambda content: content[: len(content) // 2],
    "a byte short": lambda content: content[:-1],
    "a byte long": lambda content: content + b"\0",
    "one bit flipped": lambda content: flipped(content, len(content) * 8 * 3 // 4),
    "a text": lambda content: b"no training at all\n" * 10,
    "without its digest": lambda content: content[:-DIGEST_BYTES],
}
