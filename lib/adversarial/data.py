"""The images of Part III (section III-B): MNIST, which comes with the book."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lib.book import data_root

IMAGE_SIZE = 28
MNIST_FILES = {
    "train_images": "train-images-idx3-ubyte.gz",
    "train_labels": "train-labels-idx1-ubyte.gz",
    "test_images": "t10k-images-idx3-ubyte.gz",
    "test_labels": "t10k-labels-idx1-ubyte.gz",
}
SIZES = {  # training and test images
    "mnist": {"train": 60_000, "test": 10_000},
    "mnist_small": {"train": 1_000, "test": 200},  # its first: enough to see that all runs
}


@dataclass(frozen=True, eq=False)
class Digits:
    """Handwritten digits split into train and test.

    Images are (n, 28, 28) uint8, labels (n,) int64; `fingerprint` identifies the bytes.
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    rung = "original"  # the paper's own data, and there is no other

    @cached_property
    def fingerprint(self) -> str:
        """Return the first 16 hex digits of the SHA-256 over all four arrays."""
        digest = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    @property
    def origin(self) -> dict[str, str]:
        """Return what the config of a run says of the images."""
        return {"dataset": self.name, "rung": self.rung, "fingerprint": self.fingerprint}


def load(dataset: str = "mnist") -> Digits:
    """Return a dataset of `SIZES`: all of MNIST, or the first images of either split.

    Raises:
        ValueError: the name is unknown, or a file of MNIST was changed.
    """
    if dataset not in SIZES:
        raise ValueError(f"unknown dataset {dataset!r}; choose one of: {', '.join(SIZES)}")
    folder = data_root.locate("mnist")
    arrays = {
        key: read_idx(folder / name)[: SIZES[dataset][key.split("_")[0]]]
        for key, name in MNIST_FILES.items()
    }
    for split in ("train", "test"):
        arrays[f"{split}_labels"] = arrays[f"{split}_labels"].astype(np.int64)
    return Digits(dataset, **arrays)


def read_idx(path: Path) -> np.ndarray:
    """Return the uint8 array of a gzipped idx file: a magic number, the sizes, then the bytes."""
    content = gzip.decompress(path.read_bytes())
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", count=dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def to_batch(images: np.ndarray) -> Tensor:
    """Return uint8 images (n, height, width) as float32 (n, 1, height, width) in [0, 1].

    Raises:
        ValueError: the array is not a stack of uint8 images.
    """
    if images.dtype != np.uint8 or images.ndim != 3:
        raise ValueError(f"expected uint8 (n, height, width), not {images.dtype} {images.shape}")
    return torch.from_numpy(images.astype(np.float32) / 255)[:, None]


def check_batch(images: Tensor) -> None:
    """Raise ValueError unless `images` is (batch, 1, height, width), float, and in [0, 1]."""
    if images.ndim != 4 or images.shape[1] != 1 or min(images.shape[2:]) < 3:
        shape = tuple(images.shape)
        raise ValueError(f"images must be (batch, 1, height, width), at least 3x3, not {shape}")
    if images.dtype == torch.uint8:
        raise ValueError("images must be float in [0, 1], not uint8; use images.float() / 255")
    if not images.is_floating_point():
        raise ValueError(f"images must be float in [0, 1], not {images.dtype}")
    if not bool(torch.isfinite(images).all()):
        raise ValueError("images hold NaN or infinite pixels; remove these images first")
    if not images.numel():
        return
    low, high = (float(end) for end in images.detach().aminmax())
    if low < 0 or high > 1:
        what = "divide by 255" if low >= 0 and high > 2 else "undo their normalisation or clip them"
        raise ValueError(f"images must lie in [0, 1], not [{low:g}, {high:g}]; {what}")
