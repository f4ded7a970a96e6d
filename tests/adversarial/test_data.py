"""The images: MNIST is read as published, and what is no batch of images is refused."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.adversarial import data
from lib.adversarial.data import Digits


def test_real_mnist_has_its_known_contents(mnist: Digits) -> None:
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
    changed = digits.test_images.copy()
    changed[0, 0, 0] ^= 1
    assert replace(digits, test_images=changed).fingerprint != digits.fingerprint


def test_a_batch_is_float_in_the_unit_range() -> None:
    found = data.to_batch(np.array([[[0, 51], [102, 255]]], np.uint8))
    assert found.shape == (1, 1, 2, 2) and found.dtype == torch.float32
    assert found.flatten().tolist() == pytest.approx([0.0, 0.2, 0.4, 1.0])


GREY = torch.full((2, 1, 28, 28), 0.5)
REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: data.load("cifar"), "unknown dataset 'cifar'; choose one of: mnist, mnist_small"),
    (lambda: data.to_batch(np.zeros((2, 28, 28))), "expected uint8 (n, height, width), not"),
    (lambda: data.to_batch(np.zeros((28, 28), np.uint8)), "expected uint8 (n, height, width)"),
    (lambda: data.check_batch(GREY.repeat(1, 3, 1, 1)), "not (2, 3, 28, 28)"),
    (lambda: data.check_batch(GREY[..., :2]), "at least 3x3, not (2, 1, 28, 2)"),
    (lambda: data.check_batch((GREY * 255).byte()), "not uint8; use images.float() / 255"),
    (lambda: data.check_batch(GREY.long()), "float in [0, 1], not torch.int64"),
    (lambda: data.check_batch(GREY * 255), "not [127.5, 127.5]; divide by 255"),
    (lambda: data.check_batch(GREY - 0.6), "not [-0.1, -0.1]; undo their normalisation"),
    (lambda: data.check_batch(GREY * float("inf")), "images hold NaN or infinite pixels"),
]


@pytest.mark.parametrize(("call", "line"), REFUSED)
def test_what_is_no_batch_of_images_is_one_clear_line(
    call: Callable[[], object], line: str
) -> None:
    with pytest.raises(ValueError) as raised:
        call()
    assert line in str(raised.value) and "\n" not in str(raised.value)
