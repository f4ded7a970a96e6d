"""What files made here must hold, where the version of an encoder decides their bytes.

data/checksums/<dataset>.json has {"tolerance": ..., "files": {file: {array: what}}}: `what` is the
start of the SHA-256 of an array's kind, shape and numbers, or, where rounding is free, its levels.
"""

import hashlib
import json
from functools import cache
from pathlib import Path
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np
import soundfile

from lib.book.files import REPOSITORY

SOUND = "samples"  # name of the one array of a sound file


@cache
def _expected(dataset: str) -> tuple[float, dict[str, dict[str, str | list[float]]]]:
    """Return the tolerance, and what the files of a dataset must hold: none where bytes decide."""
    path = REPOSITORY / "data" / "checksums" / f"{dataset}.json"
    if not path.is_file():
        return 0.0, {}
    content = json.loads(path.read_text())
    return content["tolerance"], content["files"]


def listed(dataset: str, file: str) -> bool:
    """Return whether a file of a dataset may have other bytes, if it holds the same."""
    return file in _expected(dataset)[1]


def holds(dataset: str, file: str, path: Path) -> bool:
    """Return whether a file is there and holds what a file of a dataset must hold."""
    if not listed(dataset, file) or not path.is_file():
        return False
    tolerance, files = _expected(dataset)
    try:
        arrays = read(path)
    except (OSError, ValueError, EOFError, BadZipFile, ZlibError, soundfile.SoundFileError):
        return False
    return all(
        name in arrays and _agrees(arrays[name], wanted, tolerance)
        for name, wanted in files[file].items()
    )


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz file, or the samples of a sound file and its rate.

    Raises:
        OSError, ValueError, EOFError, BadZipFile, zlib.error, SoundFileError: it is damaged.
    """
    if path.suffix == ".npz":
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            return dict(stored)
    samples, rate = soundfile.read(path, dtype="int16" if path.suffix == ".flac" else "float32")
    return {SOUND: samples, "rate": np.array(rate)}


def digest(array: np.ndarray) -> str:
    """Return the start of the SHA-256 of an array's kind, shape and numbers."""
    stamp = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    stamp.update(np.ascontiguousarray(array).tobytes())
    return stamp.hexdigest()[:16]


def levels(array: np.ndarray, blocks: int) -> np.ndarray:
    """Return mean and root mean square of equal blocks of an array's numbers, (2 blocks,)."""
    parts = np.array_split(np.asarray(array, dtype=np.float64).reshape(-1), blocks)
    return np.array([[part.mean(), np.sqrt(np.mean(part**2))] for part in parts]).reshape(-1)


def _agrees(array: np.ndarray, wanted: str | list[float], tolerance: float) -> bool:
    """Return whether an array is the one wanted, or within a share of its loudest block."""
    if isinstance(wanted, str):
        return digest(array) == wanted
    reference = np.array(wanted)
    if array.dtype.kind not in "fiu" or array.size < len(reference):
        return False
    found = levels(array, len(reference) // 2)
    return bool(np.abs(found - reference).max() <= tolerance * np.abs(reference).max())
