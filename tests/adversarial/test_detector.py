"""The detector: golden constants on MNIST, independent routes to the same score, bad input."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import convolve2d
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
    assert detector.benign_scores(Detector(), mnist.train_images).max() == 0.013054912763276442
    exact = Detector(truncated_variance=False)
    assert detector.benign_scores(exact, mnist.train_images).max() == 0.013054912714780868


def test_eight_bit_overflow_gives_the_authors_constant_bit_for_bit(mnist: Digits) -> None:
    parts = np.array_split(mnist.train_images, 30)  # each image alone: parts only save memory
    scores = np.concatenate([detector.wrapped_scores(part) for part in parts])
    assert scores.shape == (60_000,)
    assert int(np.isnan(scores).sum()) == 24_413
    assert float(np.nanmax(scores)) == PAPER_THRESHOLD == 0.014321956650606307
    assert float(np.nanmin(scores)) == 0.0003615763742060155


def test_pixels_from_0_to_1_give_the_published_scripts_maximum(mnist: Digits) -> None:
    highest = detector.benign_scores(READINGS["unit scale"], mnist.train_images).max()
    assert highest == pytest.approx(0.000148552, rel=1e-5)


def test_no_benign_test_image_is_flagged(mnist: Digits) -> None:
    scores = detector.benign_scores(Detector(), mnist.test_images)
    assert scores.shape == (10_000,)
    assert int((scores > 0.013054912714780868).sum()) == 0
    assert scores.min() > 0 and scores.max() > 0.003  # they are scores, not zeros


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


@settings(deadline=None)
@given(st.integers(-20, 20), st.integers(-20, 20), st.integers(-200, 200))
def test_the_residual_of_an_affine_image_is_zero(down: int, right: int, level: int) -> None:
    row, column = torch.meshgrid(torch.arange(8.0), torch.arange(10.0), indexing="ij")
    pixels = (down * row + right * column + level).double()[None]
    assert not bool(detector.residual(pixels).any())


def test_the_residual_of_a_product_of_profiles_is_not_zero() -> None:
    row, column = torch.meshgrid(torch.arange(8.0), torch.arange(10.0), indexing="ij")
    corner = ((row > 3) & (column > 4)).double()[None]
    assert float(detector.residual(corner).abs().max()) == 0.25


@settings(deadline=None)
@given(arrays(np.uint8, (28,), elements=st.integers(0, 127)),
       arrays(np.uint8, (28,), elements=st.integers(0, 127)))  # fmt: skip
def test_an_image_of_profiles_scores_zero(rows: np.ndarray, columns: np.ndarray) -> None:
    images = to_batch((rows[:, None] + columns[None, :])[None])
    assert float(Detector().score(images)) == 0.0


@settings(deadline=None)
@given(arrays(np.uint8, (6, 6), elements=st.integers(0, 155)), st.integers(0, 100),
       st.sampled_from([4, 8]))  # fmt: skip
def test_the_score_does_not_change_with_brightness(
    pixels: np.ndarray, grey: int, neighbours: int
) -> None:
    images = to_batch(np.stack([pixels, pixels + np.uint8(grey)]))
    first, second = Detector(neighbours=neighbours).score(images).tolist()
    assert first == second


@pytest.mark.parametrize("level", [0, 1, 77, 255])
def test_a_constant_image_scores_zero(level: int) -> None:
    images = to_batch(np.full((1, 28, 28), level, np.uint8))
    for name in ("paper", "literal", "signed", "unnormalised", "rounded", "unquantised"):
        assert float(READINGS[name].score(images)) == 0.0, name


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


def scipy_score(image: np.ndarray, neighbours: int) -> float:
    """Return p-hat of one uint8 image by SciPy's convolution and NumPy's variance."""
    pixels = image.astype(np.float64)
    kernel = np.array([[-1, 2, -1], [2, 0, 2], [-1, 2, -1]]) / 4
    residual = pixels[1:-1, 1:-1] - convolve2d(pixels, kernel, mode="valid")
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (3, 3))
    around = np.stack([windows[..., 1 + d, 1 + r] for d, r in OFFSETS[neighbours]])
    weights = 1 / (5 + around.var(axis=0, ddof=1).astype(int))
    return float(np.abs(weights / weights.sum() * residual).mean())


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


@pytest.mark.parametrize("neighbours", [4, 8])
def test_scipys_convolution_gives_the_same_score(neighbours: int, digits: Digits) -> None:
    images = digits.test_images[:40]
    found = Detector(neighbours=neighbours).score(to_batch(images)).tolist()
    assert found == pytest.approx([scipy_score(image, neighbours) for image in images], rel=1e-12)


def test_the_two_neighbourhoods_are_different_detectors(digits: Digits) -> None:
    images = to_batch(digits.test_images[:40])
    four, eight = (Detector(neighbours=n).score(images) for n in (4, 8))
    assert bool((four != eight).all())


def test_wrapped_scores_are_the_scores_where_no_variance_exceeds_250(
    random: np.random.Generator,
) -> None:
    faint = random.integers(100, 116, (3, 28, 28)).astype(np.uint8)  # variance at most 64 * 4 / 3
    found = detector.wrapped_scores(faint)
    assert found.tolist() == pytest.approx(Detector().score(to_batch(faint)).tolist(), rel=1e-12)


@pytest.mark.parametrize(
    ("around", "variance"), [((0, 1, 32), 250), ((0, 5, 33), 251), ((0, 27, 28), 252)]
)
def test_a_variance_of_251_makes_a_wrapped_score_nan(
    around: tuple[int, int, int], variance: int
) -> None:
    image = np.zeros((1, 3, 3), np.uint8)  # one pixel with a full neighbourhood
    image[0, 0, 1], image[0, 1, 0], image[0, 1, 2] = around
    assert int(detector.local_variance(torch.from_numpy(image).double(), 4)) == variance
    assert np.isnan(detector.wrapped_scores(image)).tolist() == [variance == 251]


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


def test_normalised_weights_sum_to_one_and_keep_their_ratios(random: np.random.Generator) -> None:
    pixels = detector.to_pixels(noisy(random)[1], "truncate")
    plain, shares = (Detector(normalised=flag).weights(pixels) for flag in (False, True))
    assert shares.sum(dim=(1, 2)).tolist() == pytest.approx([1.0] * 5)
    ratio = (shares / plain).flatten(1)
    assert bool((ratio.amax(1) / ratio.amin(1) - 1 < 1e-12).all())
    assert 1 / 5 >= float(plain.max()) > float(plain.min()) > 0


def test_pixels_are_truncated_rounded_or_left(random: np.random.Generator) -> None:
    values, images = noisy(random)
    scaled = (values.astype(np.float32) * np.float32(255)).astype(np.float64)
    assert np.array_equal(detector.to_pixels(images, "truncate").numpy(), np.floor(scaled))
    assert np.array_equal(detector.to_pixels(images, "round").numpy(), np.rint(scaled))
    assert np.array_equal(detector.to_pixels(images, "none").numpy(), scaled)
    assert np.array_equal(detector.to_pixels(images, "none", 1.0).numpy(), values)


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


def test_benign_scores_do_not_depend_on_the_batch(digits: Digits) -> None:
    images = digits.train_images[:101]
    whole = detector.benign_scores(Detector(), images)
    pieces = detector.benign_scores(Detector(), images, batch_size=7)
    assert whole.shape == (101,)
    assert np.allclose(whole, pieces, rtol=1e-12, atol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_all_256_pixel_values_survive_the_way_to_floats_and_back(dtype: torch.dtype) -> None:
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    for quantise in ("truncate", "round"):
        back = detector.to_pixels(to_batch(values).to(dtype), quantise)
        assert np.array_equal(back.numpy(), values), quantise


# --- bad input

IMAGES = torch.full((2, 1, 28, 28), 0.5)
NAN = IMAGES.clone()
NAN[0, 0, 0, 0] = float("nan")


@pytest.mark.parametrize("reading", [Detector(), InkCounter()])
@pytest.mark.parametrize(
    ("images", "line"),
    [
        (IMAGES[:, 0], r"images must be \(batch, 1, height, width\).*not \(2, 28, 28\)"),
        (IMAGES.repeat(1, 3, 1, 1), r"images must be .*not \(2, 3, 28, 28\)"),
        (IMAGES[..., :2], r"at least 3x3, not \(2, 1, 28, 2\)"),
        ((IMAGES * 255).byte(), r"float in \[0, 1\], not uint8; use images.float\(\) / 255"),
        (IMAGES.long(), r"images must be float in \[0, 1\], not torch.int64"),
        (IMAGES * 255, r"images must lie in \[0, 1\], not \[127.5, 127.5\]; divide by 255"),
        (IMAGES - 0.51, r"images must lie in \[0, 1\]"),
        (NAN, "images hold NaN or infinite pixels; remove these images first"),
        (IMAGES * float("inf"), "images hold NaN or infinite pixels"),
    ],
)
def test_bad_images_are_one_clear_line(
    reading: Detector | InkCounter, images: Tensor, line: str
) -> None:
    with pytest.raises(ValueError, match=line) as raised:
        reading.score(images)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "arguments", [{"neighbours": 5}, {"quantise": "floor"}, {"border": "mirror"}]
)
def test_an_unknown_reading_is_refused(arguments: dict) -> None:
    with pytest.raises(ValueError, match="no such detector: .*see the docstring"):
        Detector(**arguments)
