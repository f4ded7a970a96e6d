"""A training in progress, kept on disk as named tensors: what all parts resume from.

Beside a state lies the one before it, `<name>.previous`. A damaged state is known by its digest and
set aside as `<name>.damaged`; then the previous one is used. Several processes may run the same
training in the same place at once: each finds a whole state there.
"""

import hashlib
import json
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torch.optim import Optimizer

from lib.book.files import write_atomically


def write(path: Path, tensors: Mapping[str, Tensor], config: object) -> None:
    """Put a training's state in its place, whole; the one that stood there becomes the previous.

    Args:
        path: of the state.
        tensors: everything that the rest of the training depends on.
        config: what the training is; its `repr` is kept, too.

    Raises:
        OSError: the disk is full or the folder cannot be written; what was there stays.
    """
    kept = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    metadata = {"config": repr(config), "digest": _digest(kept, repr(config))}
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    write_atomically(beside, save(kept, metadata))
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
            found, tensors = _load(place)
        except FileNotFoundError:
            continue
        except SafetensorError as error:
            _set_aside(place, error)
            damaged = True
            continue
        if found != repr(config):
            raise ValueError(
                f"{place} belongs to another configuration; move it away to start anew"
            )
        return tensors
    if damaged:
        print(f"no whole state is left of {path}; its training starts anew", file=sys.stderr)
    return None


def remove(path: Path) -> None:
    """Delete the states of a finished training, as far as another process has not done so."""
    for place in (path, _previous(path)):
        place.unlink(missing_ok=True)


def _previous(path: Path) -> Path:
    """Return where the state before the last is kept."""
    return path.with_name(f"{path.name}.previous")


def _load(path: Path) -> tuple[str, dict[str, Tensor]]:
    """Return the configuration and the tensors in a file.

    Raises:
        FileNotFoundError: there is no such file.
        SafetensorError: it is damaged.
    """
    content = path.read_bytes()  # at once: another process may replace the file at any time
    tensors = load(content)
    header = content[8 : 8 + int.from_bytes(content[:8], "little")]  # which `load` has checked
    metadata = json.loads(header).get("__metadata__") or {}
    config = metadata.get("config", "")
    if metadata.get("digest") != _digest(tensors, config):
        raise SafetensorError("its content does not fit its digest")
    return config, tensors


def _digest(tensors: Mapping[str, Tensor], config: str) -> str:
    """Return the SHA-256 of a configuration and of tensors: their names, types, shapes, bytes."""
    found = hashlib.sha256(config.encode())
    for name, value in sorted(tensors.items()):
        found.update(f"\n{name} {value.dtype} {tuple(value.shape)}\n".encode())
        found.update(value.flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()


def _set_aside(path: Path, reason: Exception) -> None:
    """Rename a damaged state and say so."""
    aside = path.with_name(f"{path.name}.damaged")
    with suppress(FileNotFoundError):  # another process has done it
        path.replace(aside)
    print(f"{path} is damaged ({reason}); it is kept as {aside.name}", file=sys.stderr)


def pack(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with a prefix before each name."""
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def unpack(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return those tensors whose name has the prefix, without it."""
    start = f"{prefix}."
    return {name[len(start) :]: v for name, v in tensors.items() if name.startswith(start)}


def pack_optimizer(optimizer: Optimizer) -> dict[str, Tensor]:
    """Return what an optimiser remembers of each weight, as named tensors."""
    return {
        f"optimizer.{index}.{name}": value
        for index, slots in optimizer.state_dict()["state"].items()
        for name, value in slots.items()
    }


def unpack_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser back what `pack_optimizer` returned.

    What has the shape of a weight gets its order in memory, too: a step over two orders takes
    another path through the processor, which may round otherwise.
    """
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    content = optimizer.state_dict()
    content["state"] = {}
    for key, value in unpack("optimizer", tensors).items():
        index, name = key.split(".")
        like = weights[int(index)]
        laid = torch.empty_like(like).copy_(value) if value.shape == like.shape else value
        content["state"].setdefault(int(index), {})[name] = laid
    optimizer.load_state_dict(content)
