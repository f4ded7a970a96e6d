"""Weights that come with the book: small, in a form that cannot run code, each with its record."""

import json
from collections.abc import Mapping
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


def shipped_run(path: Path) -> dict[str, Any] | None:
    """Return what the JSON beside a shipped file says it was trained from; None without one."""
    record = path.with_suffix(".json")
    there = path.is_file() and record.is_file()
    return json.loads(record.read_text())["run"] if there else None
