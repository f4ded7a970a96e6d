"""The detector: golden constants on MNIST, an independent route to the same score."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from lib.adversarial import detector
from lib.adversarial.data import Digits, to_batch
from lib.adversarial.detector import PAPER_THRESHOLD, READINGS, Detector, InkCounter

OFFSETS = {
    4: [(-1, 0), (0, -1), (0, 1), (1, 0)],
    8: [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)],
}

# --- golden constants


def test_the_formula_gives_the_correct_threshold_on_mnist(mnist: Digits) -> None:
    scores = detector.benign_scores(Detector(), mnist.train_images)
    assert scores.shape == (60_000,) and scores.max() == 0.013054912763276442
    highest = mnist.train_images[[scores.argmax()]]
    exact = Detector(truncated_variance=False)
    assert detector.benign_scores(exact, highest) == 0.013054912714780868
    of_unit_scale = detector.benign_scores(READINGS["unit scale"], highest)
    assert of_unit_scale == pytest.approx(0.000148552, rel=1e-5)  # that of the published script
    test = detector.benign_scores(Detector(), mnist.test_images)
    assert test.shape == (10_000,) and 0.003 < test.max() < 0.013054912714780868


def test_eight_bit_overflow_gives_the_authors_constant_bit_for_bit(mnist: Digits) -> None:
    parts = np.array_split(mnist.train_images, 30)  # each image alone: parts only save memory
    scores = np.concatenate([detector.wrapped_scores(part) for part in parts])
    assert scores.shape == (60_000,)
    assert int(np.isnan(scores).sum()) == 24_413
    assert float(np.nanmax(scores)) == PAPER_THRESHOLD == 0.014321956650606307
    assert float(np.nanmin(scores)) == 0.0003615763742060155


# --- what the residual does not see


@settings(deadline=None)
@given(
    arrays(np.float64, 9, elements=st.integers(-500, 500)),
    arrays(np.float64, 7, elements=st.integers(-500, 500)),
)
def test_the_residual_of_a_row_profile_plus_a_column_profile_is_zero(
    rows: np.ndarray, columns: np.ndarray
) -> None:
    pixels = torch.from_numpy(rows[:, None] + columns[None, :])[None]
    assert not bool(detector.residual(pixels).any())


def test_the_residual_of_a_product_of_profiles_is_not_zero() -> None:
    row, column = torch.meshgrid(torch.arange(8.0), torch.arange(10.0), indexing="ij")
    corner = ((row > 3) & (column > 4)).double()[None]
    assert float(detector.residual(corner).abs().max()) == 0.25


@settings(deadline=None)
@given(arrays(np.uint8, (6, 6), elements=st.integers(0, 155)), st.integers(0, 100),
       st.sampled_from([4, 8]))  # fmt: skip
def test_the_score_does_not_change_with_brightness(
    pixels: np.ndarray, grey: int, neighbours: int
) -> None:
    images = to_batch(np.stack([pixels, pixels + np.uint8(grey)]))
    first, second = Detector(neighbours=neighbours).score(images).tolist()
    assert first == second


# --- independent routes


def slow_score(image: np.ndarray, neighbours: int) -> float:
    """Return p-hat of one uint8 image in exact fractions, pixel by pixel, from the paper's text."""
    height, width = image.shape
    weights, residuals = [], []
    for row in range(1, height - 1):
        for column in range(1, width - 1):
            predicted = Fraction(0)
            for down, right in OFFSETS[8]:
                share = Fraction(1, 2) if down == 0 or right == 0 else Fraction(-1, 4)
                predicted += share * int(image[row + down, column + right])
            around = [int(image[row + d, column + r]) for d, r in OFFSETS[neighbours]]
            mean = Fraction(sum(around), len(around))
            variance = sum((value - mean) ** 2 for value in around) / (len(around) - 1)
            weights.append(Fraction(1, 5 + int(variance)))
            residuals.append(abs(int(image[row, column]) - predicted))
    total = sum(weights)
    score = sum(w / total * r for w, r in zip(weights, residuals, strict=True)) / len(weights)
    return float(score)


@pytest.mark.parametrize("neighbours", [4, 8])
def test_exact_fractions_pixel_by_pixel_give_the_same_score(
    neighbours: int, digits: Digits, random: np.random.Generator
) -> None:
    images = np.concatenate(
        [digits.test_images[:3], random.integers(0, 256, (2, 28, 28)).astype(np.uint8)]
    )
    found = Detector(neighbours=neighbours).score(to_batch(images)).tolist()
    expected = [slow_score(image, neighbours) for image in images]
    assert found == pytest.approx(expected, rel=1e-12)
    assert min(expected) > 0


# --- readings


def noisy(random: np.random.Generator) -> tuple[np.ndarray, Tensor]:
    """Return five noisy images as floats in [0, 1] that are no whole pixels, in both forms."""
    pixels = random.random((5, 9, 11)).astype(np.float32)
    return pixels.astype(np.float64), torch.from_numpy(pixels)[:, None]


def test_signed_and_magnitude_differ_by_where_the_absolute_value_stands(
    random: np.random.Generator,
) -> None:
    _, images = noisy(random)
    reading = Detector()
    pixels = detector.to_pixels(images, "truncate")
    terms = reading.weights(pixels) * detector.residual(pixels)
    assert torch.equal(reading.score(images), terms.abs().flatten(1).mean(1))
    assert torch.equal(READINGS["signed"].score(images), terms.flatten(1).mean(1))
    assert bool((READINGS["signed"].score(images).abs() < reading.score(images)).all())
    assert reading.weights(pixels).sum(dim=(1, 2)).tolist() == pytest.approx([1.0] * 5)


def test_pixels_are_truncated_rounded_or_left(random: np.random.Generator) -> None:
    values, images = noisy(random)
    scaled = (values.astype(np.float32) * np.float32(255)).astype(np.float64)
    assert np.array_equal(detector.to_pixels(images, "truncate").numpy(), np.floor(scaled))
    assert np.array_equal(detector.to_pixels(images, "round").numpy(), np.rint(scaled))
    assert np.array_equal(detector.to_pixels(images, "none").numpy(), scaled)
    assert np.array_equal(detector.to_pixels(images, "none", 1.0).numpy(), values)
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    for dtype in (torch.bfloat16, torch.float32):  # all survive the way to floats and back
        back = detector.to_pixels(to_batch(levels).to(dtype), "truncate")
        assert np.array_equal(back.numpy(), levels)


def test_a_black_border_is_a_frame_of_zeros(digits: Digits, random: np.random.Generator) -> None:
    bright = random.integers(50, 256, (3, 10, 10)).astype(np.uint8)
    framed = np.pad(bright, ((0, 0), (1, 1), (1, 1)))
    with_frame = READINGS["black border"].score(to_batch(bright)).tolist()
    assert with_frame == Detector().score(to_batch(framed)).tolist()
    assert with_frame != Detector().score(to_batch(bright)).tolist()


def test_the_ink_counter_counts_pixels_above_zero() -> None:
    images = torch.zeros(2, 1, 4, 4)
    images[1, 0, 0, :3] = torch.tensor([1.0, 1 / 255, 0.9 / 255])  # the third truncates to 0
    assert InkCounter().score(images).tolist() == [0.0, 2.0]


def test_every_reading_scores_each_image_by_itself(random: np.random.Generator) -> None:
    _, images = noisy(random)
    for name, reading in READINGS.items():
        together = reading.score(images)
        alone = torch.cat([reading.score(image[None]) for image in images])
        assert together.shape == (5,) and together.dtype == torch.float64, name
        assert torch.allclose(together, alone, rtol=1e-12, atol=0), name


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda: Detector().score(torch.rand(2, 3, 28, 28)), "images must be"),
        (lambda: InkCounter().score(torch.full((2, 1, 28, 28), 127.5)), "divide by 255"),
        (lambda: Detector(neighbours=5), "no such detector: .*see the docstring"),
        (lambda: Detector(quantise="floor"), "no such detector"),
    ],
)
def test_what_no_detector_can_judge_is_refused(call: Callable[[], object], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        call()
