"""Rows of an array that lies on disk: features and faces that would not fit into memory.

An array is written while its rows are made, and read a batch at a time. Its file is a .npy, which
NumPy reads too.
"""

import copy
import errno
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from lib.book.files import named, written


class Rows:
    """Some rows of an array in a file; indexing reads those asked for and no others.

    Nothing stays open or mapped in between: a mapped page that was touched counts as memory of the
    process for as long as the map is there.
    """

    def __init__(self, path: Path, like: np.ndarray, numbers: np.ndarray) -> None:
        self.path, self.numbers = path, numbers  # which rows of the file, in an array of any shape
        self.dtype, self.row = like.dtype, like.shape[1:]

    @property
    def shape(self) -> tuple[int, ...]:
        """Return (rows, ...), as of an array."""
        return (*self.numbers.shape, *self.row)

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.numbers)

    def numbered(self, numbers: np.ndarray) -> "Rows":
        """Return the rows with these numbers in the file, in an array of any shape."""
        found = copy.copy(self)
        found.numbers = numbers
        return found

    def only(self, index: slice | np.ndarray) -> "Rows":
        """Return some of these rows, or the same in another order; nothing is read."""
        return self.numbered(self.numbers[index])

    def __getitem__(self, index: Any) -> np.ndarray:
        """Return rows, as an array does; raise OSError where the file is gone or cut."""
        wanted = self.numbers[index if isinstance(index, slice) else np.asarray(index)]
        try:
            return np.array(np.load(self.path, mmap_mode="r")[wanted])
        except (ValueError, EOFError):
            reason = f"{self.path} is shorter than it was; run again, it is made anew"
            raise OSError(errno.EIO, reason) from None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return all rows in memory: what np.asarray calls."""
        return self[:].astype(self.dtype if dtype is None else dtype, copy=False)


def take(values: Tensor | np.ndarray | Rows, rows: Tensor) -> Tensor:
    """Return some rows of values, which are in memory or on disk, as a tensor."""
    if isinstance(values, Tensor):
        return values[rows.to(values.device)]
    return torch.from_numpy(np.asarray(values[rows.numpy()]))


def write(path: Path, parts: Iterable[np.ndarray]) -> None:
    """Write arrays one behind the other as one: all of it is there in the end, or nothing.

    Args:
        path: of the file.
        parts: arrays (n, ...) that differ in n only; each is written before the next is made.

    Raises:
        ValueError: there is none, or one does not fit the first.
        OSError: the file cannot be written; what was there stays.
    """
    shape, dtype = (0,), np.dtype(np.uint8)
    with written(path) as file:
        for number, part in enumerate(parts):
            if number == 0:
                shape, dtype = (0, *part.shape[1:]), part.dtype
                _put_header(file, path, shape, dtype)
            if (part.dtype, part.shape[1:]) != (dtype, shape[1:]):
                raise ValueError(f"{path.name}: {part.dtype} {part.shape} among {dtype} {shape}")
            with named(path):
                file.write(part.tobytes())
            shape = (shape[0] + len(part), *shape[1:])
        if not shape[0]:
            raise ValueError(f"no rows for {path}")
        file.seek(0)
        _put_header(file, path, shape, dtype)  # NumPy makes it as long for any number of rows


def _put_header(file: BinaryIO, path: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
    form = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    with named(path):
        np.lib.format.write_array_header_1_0(file, form)


def read(path: Path) -> Rows | None:
    """Return the rows in a file that `write` made; None where it is missing or cut short."""
    try:
        array = np.load(path, mmap_mode="r")
    except (FileNotFoundError, ValueError, EOFError):
        return None
    return Rows(path, array, np.arange(len(array)))
