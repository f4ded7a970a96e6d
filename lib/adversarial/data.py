"""The images of Part III (section III-B): MNIST, or scikit-learn's digits where MNIST is missing.

MNIST is the paper's own data. The embedded rung is another, smaller set (8x8 scans enlarged to
28x28): it lets every chapter run without a network, and its numbers are never the paper's.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import zoom
from sklearn.datasets import load_digits
from torch import Tensor

from lib.book import data_root

IMAGE_SIZE = 28
MNIST_FILES = {
    "train_images": "train-images-idx3-ubyte.gz",
    "train_labels": "train-labels-idx1-ubyte.gz",
    "test_images": "t10k-images-idx3-ubyte.gz",
    "test_labels": "t10k-labels-idx1-ubyte.gz",
}
EMBEDDED_TEST_IMAGES = 200


@dataclass(frozen=True, eq=False)
class Digits:
    """Handwritten digits split into train and test.

    Images are (n, 28, 28) uint8, labels (n,) int64. `rung` is "original" for MNIST and "embedded"
    for scikit-learn's digits; `fingerprint` identifies the bytes.
    """

    name: str
    rung: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    @cached_property
    def fingerprint(self) -> str:
        """Return the first 16 hex digits of the SHA-256 over all four arrays."""
        digest = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]


def load(dataset: str = "best") -> Digits:
    """Return the digits: "mnist", "digits" (embedded), or the best rung present.

    Raises:
        ValueError: the name is unknown.
        FileNotFoundError: MNIST was asked for by name and is not there.
    """
    if dataset not in ("best", "mnist", "digits"):
        raise ValueError(f"unknown dataset {dataset!r}; choose one of: best, mnist, digits")
    if dataset == "digits" or (dataset == "best" and not data_root.present("mnist")):
        return load_embedded()
    return load_mnist(data_root.locate("mnist"))


def load_mnist(folder: str | Path) -> Digits:
    """Return MNIST from its four official gzipped idx files in `folder`.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is truncated, corrupted or not of the expected form.
    """
    arrays = {key: read_idx(Path(folder) / name) for key, name in MNIST_FILES.items()}
    for split, count in (("train", 60_000), ("test", 10_000)):
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
        if images.shape != (count, 28, 28) or labels.shape != (count,):
            raise ValueError(
                f"MNIST {split} files in {folder} hold {images.shape} images and {labels.shape} "
                f"labels, expected {count}; fetch them again"
            )
        arrays[f"{split}_labels"] = labels.astype(np.int64)
    return Digits("mnist", "original", **arrays)


def read_idx(path: Path) -> np.ndarray:
    """Return the uint8 array of a gzipped idx file (magic number, sizes, then the bytes).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not gzip, not idx of unsigned bytes, or not as long as it says.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path.name} not found in {path.parent}; run `python -m lib.book.data_root get mnist`"
        )
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, ValueError, gzip.zlib.error) as error:  # type: ignore[attr-defined]
        raise ValueError(f"{path} is truncated or no gzip file ({error}); fetch it again") from None
    if len(content) < 4 or content[:3] != b"\x00\x00\x08" or len(content) < 4 + 4 * content[3]:
        raise ValueError(f"{path} is no idx file of unsigned bytes; fetch it again")
    shape = tuple(np.frombuffer(content, ">u4", count=content[3], offset=4).tolist())
    pixels = np.frombuffer(content, np.uint8, offset=4 + 4 * content[3])
    if pixels.size != int(np.prod(shape, dtype=np.int64)):
        raise ValueError(f"{path} announces {shape} but holds {pixels.size} bytes; fetch it again")
    return pixels.reshape(shape)


def load_embedded() -> Digits:
    """Return scikit-learn's 1,797 handwritten digits, enlarged to 28x28 with MNIST's margin.

    Each 8x8 scan is interpolated to 20x20 and centred with four black pixels around, as MNIST's
    digits are. The last 200 are the test set.
    """
    bunch = load_digits()
    small = np.pad(bunch.images / 16.0, ((0, 0), (1, 1), (1, 1)))  # (n, 10, 10): ink stays inside
    large = np.clip(zoom(small, (1, 2.5, 2.5), order=1), 0, 1)  # (n, 25, 25)
    large[large < 0.04] = 0.0  # interpolation haze; MNIST's background is exactly black
    images = np.pad(np.round(large * 255).astype(np.uint8), ((0, 0), (1, 2), (1, 2)))
    labels, split = bunch.target.astype(np.int64), len(images) - EMBEDDED_TEST_IMAGES
    return Digits(
        "digits", "embedded", images[:split], labels[:split], images[split:], labels[split:]
    )


def to_batch(images: np.ndarray) -> Tensor:
    """Return uint8 images (n, height, width) as float32 (n, 1, height, width) in [0, 1].

    Raises:
        ValueError: the array is not a stack of uint8 images.
    """
    if images.dtype != np.uint8 or images.ndim != 3:
        raise ValueError(f"expected uint8 (n, height, width), not {images.dtype} {images.shape}")
    return torch.from_numpy(images.astype(np.float32) / 255)[:, None]
