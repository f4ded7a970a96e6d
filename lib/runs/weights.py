"""Weights that come with the book: small, in a form that cannot run code, each with its record."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor, nn

from lib.book.files import REPOSITORY, write_atomically

SHIPPED = REPOSITORY / "data" / "checkpoints"


def save_weights(model: nn.Module, path: Path, beside: Mapping[str, Tensor] | None = None) -> None:
    """Store the weights as float16, half the size; what is reported is measured on what is stored.

    Rounding to float16 moves a weight by at most one part in 2,000. Whole numbers stay what they
    are.

    Args:
        model: whose weights and statistics are stored.
        path: of the file, written all or nothing.
        beside: tensors to store as they are, under other names.
    """
    weights = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in model.state_dict().items()
    }
    write_atomically(path, save(weights | dict(beside or {})))


def file_digest(path: Path) -> str:
    """Return the first 16 hex digits of a file's SHA-256."""
    stat = path.stat()
    return _digest(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest(path: Path, size: int, changed: int) -> str:
    """Return the digest of a file; one that has changed since is read anew."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def find_by_digest(digest: str, folders: Iterable[Path]) -> Path | None:
    """Return the first weights file with this digest in some folders; None where none has it."""
    paths = (path for folder in folders for path in sorted(folder.glob("*.safetensors")))
    return next((path for path in paths if file_digest(path) == digest), None)


def shipped_run(path: Path) -> dict[str, Any] | None:
    """Return what the JSON beside a shipped file says it was trained from; None without one."""
    record = path.with_suffix(".json")
    there = path.is_file() and record.is_file()
    return json.loads(record.read_text())["run"] if there else None
