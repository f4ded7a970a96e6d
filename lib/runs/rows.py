"""Rows of an array that lies on disk: features and faces that would not fit into memory.

An array is written while its rows are made, and read a batch at a time. Its file is a .npy, which
NumPy reads too, with a SHA-256 behind it.
"""

import copy
import errno
import hashlib
import io
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from lib.book.files import named, written

DIGEST_BYTES = 32  # of the SHA-256 behind the array
PIECE = 2**20  # bytes that are checked at a time


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
        """Return rows: one for a number; several for a slice, a list, an array or a tensor.

        Raises:
            OSError: the file is gone, or shorter than it was.
        """
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
    digest, shape, dtype = hashlib.sha256(), (0,), np.dtype(np.uint8)
    with written(path) as file:
        for number, part in enumerate(parts):
            if number == 0:
                shape, dtype = (0, *part.shape[1:]), part.dtype
                _put(file, path, _header(shape, dtype))
            if (part.dtype, part.shape[1:]) != (dtype, shape[1:]):
                raise ValueError(f"{path.name}: {part.dtype} {part.shape} among {dtype} {shape}")
            content = part.tobytes()
            digest.update(content)
            _put(file, path, content)
            shape = (shape[0] + len(part), *shape[1:])
        if not shape[0]:
            raise ValueError(f"no rows for {path}")
        header = _header(shape, dtype)  # NumPy makes it as long for any number of rows
        digest.update(header)
        _put(file, path, digest.digest())
        file.seek(0)
        _put(file, path, header)


def _put(file: BinaryIO, path: Path, content: bytes) -> None:
    """Write bytes; an error names the file that they are for."""
    with named(path):
        file.write(content)


def _header(shape: tuple[int, ...], dtype: np.dtype) -> bytes:
    """Return how a .npy file of an array begins."""
    buffer = io.BytesIO()
    form = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, form)
    return buffer.getvalue()


def read(path: Path) -> Rows | None:
    """Return the rows in a file that `write` made; None where it is missing, cut short or damaged.

    All of it is compared with its digest, a piece at a time, once in each process.
    """
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return _checked(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=64)
def _checked(path: Path, size: int, changed: int) -> Rows | None:
    """Return the rows in a file of this size; one that has changed since is checked anew."""
    try:
        array = np.load(path, mmap_mode="r")
    except (ValueError, EOFError):
        return None
    begin, end = array.offset, array.offset + array.nbytes
    if not array.ndim or size != end + DIGEST_BYTES:
        return None
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(begin)
        for place in range(begin, end, PIECE):
            digest.update(file.read(min(PIECE, end - place)))
        stored = file.read()
        file.seek(0)
        digest.update(file.read(begin))
    return Rows(path, array, np.arange(len(array))) if digest.digest() == stored else None
