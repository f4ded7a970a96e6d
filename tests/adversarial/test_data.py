"""The images: MNIST is read as published, and what is no batch of images is refused."""

import gzip
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lib.adversarial import data
from lib.adversarial.data import Digits


def idx(array: np.ndarray, kind: int = 0x08) -> bytes:
    """Return a uint8 array in the idx format."""
    header = bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content, mtime=0))
    return path


def pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).integers(0, 256, shape).astype(np.uint8)


@pytest.mark.parametrize("shape", [(7,), (5, 3), (4, 28, 28), (2, 3, 4, 5), (0, 28, 28)])
def test_idx_files_are_read_as_they_were_written(shape: tuple[int, ...], tmp_path: Path) -> None:
    found = data.read_idx(write(tmp_path / "x.gz", idx(pixels(*shape))))
    assert found.dtype == np.uint8
    assert np.array_equal(found, pixels(*shape))


def test_real_mnist_has_its_known_contents(mnist: Digits) -> None:
    assert (mnist.name, mnist.rung) == ("mnist", "original")
    assert mnist.fingerprint == "1e35582d42a90940"  # as in every result and record
    assert mnist.train_images.shape == (60_000, 28, 28)
    assert mnist.test_images.shape == (10_000, 28, 28)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # as published
    assert np.bincount(mnist.train_labels).tolist() == counts
    assert mnist.train_labels.dtype == mnist.test_labels.dtype == np.int64
    assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    mean = mnist.train_images.mean() / 255, mnist.train_images.std() / 255
    assert mean == pytest.approx((0.1307, 0.3081), abs=1e-4)  # the constants everyone normalises by


def test_the_small_digits_are_the_first_of_all(digits: Digits, mnist: Digits) -> None:
    for split, count in (("train", 1_000), ("test", 200)):
        for kind in ("images", "labels"):
            every, few = (getattr(each, f"{split}_{kind}") for each in (mnist, digits))
            assert np.array_equal(few, every[:count])
    assert set(digits.train_labels) == set(digits.test_labels) == set(range(10))


def test_the_fingerprint_is_the_same_each_time_and_changes_with_a_pixel(digits: Digits) -> None:
    assert data.load("mnist_small").fingerprint == digits.fingerprint
    assert len(digits.fingerprint) == 16
    changed = digits.test_images.copy()
    changed[0, 0, 0] ^= 1
    other = replace(digits, test_images=changed)
    assert other.fingerprint != digits.fingerprint


def test_an_unknown_dataset_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(ValueError, match="unknown dataset 'cifar'; choose one of: mnist, mnist_"):
        data.load("cifar")


@pytest.mark.parametrize(
    "images", [np.zeros((2, 28, 28)), np.zeros((28, 28), np.uint8), np.zeros((2, 3), np.int64)]
)
def test_only_stacks_of_eight_bit_images_become_a_batch(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected uint8 \(n, height, width\), not"):
        data.to_batch(images)


def test_a_batch_is_float_in_the_unit_range() -> None:
    found = data.to_batch(np.array([[[0, 51], [102, 255]]], np.uint8))
    assert found.shape == (1, 1, 2, 2) and found.dtype == torch.float32
    assert found.flatten().tolist() == pytest.approx([0.0, 0.2, 0.4, 1.0])
