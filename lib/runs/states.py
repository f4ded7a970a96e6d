"""A training in progress, kept on disk as named tensors: what all parts resume from.

A damaged state is known by the SHA-256 at its end. Several processes may run the same training in
the same place at once: each finds a whole state there.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load, save
from torch import Tensor

from lib.book.files import write_atomically

DIGEST_BYTES = 32  # of the SHA-256 behind the tensors


def write(path: Path, tensors: Mapping[str, Tensor], config: object) -> None:
    """Put a training's state in its place, whole.

    `config` says what the training is: its `repr` is kept, too.

    Raises:
        OSError: the disk is full or the folder cannot be written; what was there stays.
    """
    kept = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    content = save(kept, {"config": repr(config)})
    write_atomically(path, content + hashlib.sha256(content).digest())


def read(path: Path, config: object) -> dict[str, Tensor] | None:
    """Return the tensors of a training in progress; None where there is nothing to resume from.

    Of a damaged state a line on stderr tells that the training starts anew.

    Raises:
        ValueError: the state belongs to a training with another configuration.
    """
    try:
        content = path.read_bytes()  # at once: another process may replace it at any time
    except FileNotFoundError:
        return None
    content, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        print(f"{path} is damaged; its training starts anew", file=sys.stderr)
        return None
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    if header["__metadata__"]["config"] != repr(config):
        raise ValueError(f"{path} belongs to another configuration; move it away to start anew")
    return load(content)


def remove(path: Path) -> None:
    """Delete the state of a finished training, unless another process has done so."""
    path.unlink(missing_ok=True)


def unpack(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return those tensors whose name begins with the prefix and a dot, without them."""
    start = f"{prefix}."
    return {name[len(start) :]: v for name, v in tensors.items() if name.startswith(start)}
