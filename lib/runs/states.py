"""A training in progress, kept on disk as named tensors: what all parts resume from.

Beside a state lies the one before it, `<name>.previous`. A damaged state is known by the SHA-256 at
its end and set aside as `<name>.damaged`; then the previous one is used. Several processes may run
the same training in the same place at once: each finds a whole state there.
"""

import hashlib
import json
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from safetensors.torch import load, save
from torch import Tensor

from lib.book.files import write_atomically

DIGEST_BYTES = 32  # of the SHA-256 behind the tensors


def write(path: Path, tensors: Mapping[str, Tensor], config: object) -> None:
    """Put a training's state in its place, whole; the one that stood there becomes the previous.

    `config` says what the training is: its `repr` is kept, too.

    Raises:
        OSError: the disk is full or the folder cannot be written; what was there stays.
    """
    kept = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    content = save(kept, {"config": repr(config)})
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    write_atomically(beside, content + hashlib.sha256(content).digest())
    with suppress(FileNotFoundError):  # the first, or another process has just moved it
        path.replace(_previous(path))
    beside.replace(path)


def read(path: Path, config: object) -> dict[str, Tensor] | None:
    """Return the tensors of a training in progress; None where there is nothing to resume from.

    A damaged state is set aside, with a line on stderr, and the previous one is returned.

    Raises:
        ValueError: the state belongs to a training with another configuration.
    """
    damaged = False
    for place in (path, _previous(path)):
        try:
            content = place.read_bytes()  # at once: another process may replace it at any time
        except FileNotFoundError:
            continue
        content, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != digest:
            _set_aside(place)
            damaged = True
            continue
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        if header["__metadata__"]["config"] != repr(config):
            raise ValueError(
                f"{place} belongs to another configuration; move it away to start anew"
            )
        return load(content)
    if damaged:
        print(f"no whole state is left of {path}; its training starts anew", file=sys.stderr)
    return None


def remove(path: Path) -> None:
    """Delete the states of a finished training, as far as another process has not done so."""
    for place in (path, _previous(path)):
        place.unlink(missing_ok=True)


def unpack(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return those tensors whose name begins with the prefix and a dot, without them."""
    start = f"{prefix}."
    return {name[len(start) :]: v for name, v in tensors.items() if name.startswith(start)}


def _previous(path: Path) -> Path:
    return path.with_name(f"{path.name}.previous")


def _set_aside(path: Path) -> None:
    aside = path.with_name(f"{path.name}.damaged")
    with suppress(FileNotFoundError):  # another process has done it
        path.replace(aside)
    print(f"{path} is damaged; it is kept as {aside.name}", file=sys.stderr)
