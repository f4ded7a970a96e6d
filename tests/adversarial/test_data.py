"""The images: reading idx files as torchvision does, refusing damaged ones, the embedded rung."""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from lib.adversarial import data
from lib.adversarial.data import MNIST_FILES, Digits
from lib.book import data_root
from lib.book.vision import load_torchvision


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


@pytest.mark.parametrize("shape", [(9,), (6, 28, 28)])
def test_torchvisions_own_reader_agrees(shape: tuple[int, ...], tmp_path: Path) -> None:
    load_torchvision()
    from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

    (tmp_path / "plain").write_bytes(idx(pixels(*shape)))
    expected = read_sn3_pascalvincent_tensor(str(tmp_path / "plain"))
    found = data.read_idx(write(tmp_path / "x.gz", idx(pixels(*shape))))
    assert torch.equal(torch.tensor(found), expected)


GOOD = idx(pixels(4, 28, 28))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (gzip.compress(GOOD)[:-600], "is truncated or no gzip file .*fetch it again"),
        (gzip.compress(GOOD)[:12], "is truncated or no gzip file .*fetch it again"),
        (b"", "is no idx file|is truncated or no gzip file"),
        (GOOD, "is truncated or no gzip file .*fetch it again"),
        (b"<html>not found</html>", "is truncated or no gzip file .*fetch it again"),
        (gzip.compress(b""), "is no idx file of unsigned bytes; fetch it again"),
        (gzip.compress(GOOD[:10]), "is no idx file of unsigned bytes"),
        (gzip.compress(idx(pixels(4), kind=0x0D)), "is no idx file of unsigned bytes"),
        (gzip.compress(b"\x01" + GOOD[1:]), "is no idx file of unsigned bytes"),
        (gzip.compress(GOOD[:-1]), r"announces \(4, 28, 28\) but holds 3135 bytes"),
        (gzip.compress(GOOD + b"\x00"), r"announces \(4, 28, 28\) but holds 3137 bytes"),
    ],
)
def test_a_damaged_file_is_one_clear_line(content: bytes, line: str, tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=line) as raised:
        data.read_idx(path)
    assert "\n" not in str(raised.value) and "images.gz" in str(raised.value)


def test_a_flipped_byte_is_noticed(tmp_path: Path) -> None:
    content = bytearray(gzip.compress(GOOD, mtime=0))
    content[len(content) // 2] ^= 0xFF
    with pytest.raises((OSError, zlib.error)):  # the file is really damaged
        gzip.decompress(bytes(content))
    (tmp_path / "images.gz").write_bytes(content)
    with pytest.raises(ValueError, match="is truncated or no gzip file"):
        data.read_idx(tmp_path / "images.gz")


def test_sizes_beyond_all_memory_are_only_compared(tmp_path: Path) -> None:
    huge = b"\x00\x00\x08\x03" + struct.pack(">3I", 2**32 - 1, 2**20, 2**10) + b"abc"
    with pytest.raises(ValueError, match="but holds 3 bytes"):
        data.read_idx(write(tmp_path / "x.gz", huge))


def test_a_missing_file_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match="x.gz not found in .*data_root get mnist"
    ) as raised:
        data.read_idx(tmp_path / "x.gz")
    assert "\n" not in str(raised.value)


def write_mnist(folder: Path, train: int, test: int, train_labels: int | None = None) -> None:
    """Write four idx files of the given counts; constant pixels keep them small."""
    counts = {"train": (train, train_labels or train), "test": (test, test)}
    for split, (images, labels) in counts.items():
        zeros = np.zeros((images, 28, 28), np.uint8)
        write(folder / MNIST_FILES[f"{split}_images"], idx(zeros))
        write(folder / MNIST_FILES[f"{split}_labels"], idx(np.arange(labels).astype(np.uint8)))


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        ((50, 20, None), r"MNIST train files .*hold \(50, 28, 28\) images .*expected 60000"),
        ((60_000, 20, 55_000), r"hold \(60000, 28, 28\) images and \(55000,\) labels"),
        ((60_000, 20, None), r"MNIST test files .*hold \(20, 28, 28\) images .*expected 10000"),
    ],
)
def test_files_with_other_counts_are_not_mnist(
    counts: tuple[int, int, int | None], line: str, tmp_path: Path
) -> None:
    write_mnist(tmp_path, *counts)
    with pytest.raises(ValueError, match=line) as raised:
        data.load_mnist(tmp_path)
    assert "\n" not in str(raised.value)


def test_a_folder_without_one_of_the_files_is_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path, 5, 5)
    (tmp_path / MNIST_FILES["test_labels"]).unlink()
    with pytest.raises(FileNotFoundError, match="t10k-labels-idx1-ubyte.gz not found"):
        data.load_mnist(tmp_path)


def test_real_mnist_has_its_known_contents(mnist: Digits) -> None:
    assert (mnist.name, mnist.rung) == ("mnist", "original")
    assert mnist.train_images.shape == (60_000, 28, 28)
    assert mnist.test_images.shape == (10_000, 28, 28)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # as published
    assert np.bincount(mnist.train_labels).tolist() == counts
    assert mnist.train_labels.dtype == mnist.test_labels.dtype == np.int64
    assert mnist.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    mean = mnist.train_images.mean() / 255, mnist.train_images.std() / 255
    assert mean == pytest.approx((0.1307, 0.3081), abs=1e-4)  # the constants everyone normalises by


def test_torchvision_reads_the_same_mnist(mnist: Digits, tmp_path: Path) -> None:
    load_torchvision()
    from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor

    folder = data_root.locate("mnist")
    for key in ("test_images", "test_labels"):
        plain = tmp_path / key
        plain.write_bytes(gzip.decompress((folder / MNIST_FILES[key]).read_bytes()))
        theirs = read_sn3_pascalvincent_tensor(str(plain)).numpy()
        assert np.array_equal(getattr(mnist, key), theirs)


def test_the_embedded_rung_looks_like_mnist(digits: Digits) -> None:
    assert (digits.name, digits.rung) == ("digits", "embedded")
    test = data.EMBEDDED_TEST_IMAGES
    assert digits.train_images.shape == (1797 - test, 28, 28)
    assert digits.test_images.shape == (test, 28, 28)
    assert digits.train_labels.shape == (1797 - test,) and digits.test_labels.shape == (test,)
    images = np.concatenate([digits.train_images, digits.test_images])
    assert images.dtype == np.uint8 and digits.train_labels.dtype == np.int64
    frame = np.ones((28, 28), bool)
    frame[2:-2, 2:-2] = False
    assert not images[:, frame].any()  # the background is exactly black
    assert images.max() == 255
    assert 0.4 < (images == 0).mean() < 0.9
    assert set(digits.train_labels) == set(digits.test_labels) == set(range(10))


def test_the_embedded_digits_are_upright_and_in_order(digits: Digits) -> None:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.concatenate([digits.train_images, digits.test_images])
    labels = np.concatenate([digits.train_labels, digits.test_labels])
    assert np.array_equal(labels, bunch.target)
    scans = bunch.images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4))  # both seen as 4 x 4 blocks
    turned = [images, images.transpose(0, 2, 1), images[:, ::-1], images[:, :, ::-1]]
    alike = [
        np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(
            view.reshape(-1, 4, 7, 4, 7).mean(axis=(2, 4)), scans, strict=True)])
        for view in turned
    ]  # fmt: skip
    assert alike[0] > 0.8
    assert max(alike[1:]) < 0.7  # neither mirrored nor turned


def test_the_fingerprint_is_the_same_each_time_and_changes_with_a_pixel(digits: Digits) -> None:
    assert data.load("digits").fingerprint == digits.fingerprint
    assert len(digits.fingerprint) == 16
    changed = digits.test_images.copy()
    changed[0, 0, 0] ^= 1
    other = Digits(
        "digits", "embedded", digits.train_images, digits.train_labels, changed, digits.test_labels
    )
    assert other.fingerprint != digits.fingerprint


def test_an_unknown_dataset_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(ValueError, match="unknown dataset 'cifar'; choose one of: best, mnist, di"):
        data.load("cifar")


def test_without_mnist_the_best_rung_is_embedded_and_mnist_by_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    assert data.load("best").rung == "embedded"
    with pytest.raises(FileNotFoundError, match="MNIST not found under .*get mnist") as raised:
        data.load("mnist")
    assert "\n" not in str(raised.value)


def test_with_mnist_the_best_rung_is_the_original(mnist: Digits) -> None:
    assert data.load("best").fingerprint == mnist.fingerprint


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
