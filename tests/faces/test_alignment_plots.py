"""The pictures of alignment show what they were given: eyes where they lie, all that was missed."""

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pytest

from lib.book.show import png
from lib.faces import alignment, augment
from lib.faces.data import london
from lib.faces.figures import alignment_plots, grids

pytestmark = pytest.mark.usefixtures("no_open_figures")

SIZE = 96
EYES = np.array([[30.0, 40.0], [66.0, 40.0]], dtype=np.float32)


def dotted(eyes: np.ndarray, size: int = SIZE) -> np.ndarray:
    """Return a black picture with a soft red dot at the left eye and a soft green one at the right.

    Their centres of mass are the eyes, as alignment counts points: (0.5, 0.5) is a pixel's centre.
    """
    y, x = np.mgrid[:size, :size] + 0.5
    image = np.zeros((size, size, 3), dtype=np.uint8)
    for channel, (across, down) in enumerate(eyes):
        away = (x - across) ** 2 + (y - down) ** 2
        image[..., channel] = np.round(255 * np.exp(-away / 18))
    return image


def centres(image: np.ndarray) -> np.ndarray:
    """Return the centre of mass of the red and of the green channel, (2, 2)."""
    y, x = np.mgrid[: len(image), : len(image)] + 0.5
    weights = [image[..., channel].astype(float) for channel in range(2)]
    return np.array([[(x * w).sum() / w.sum(), (y * w).sum() / w.sum()] for w in weights])


# --- photographs


def test_people_stand_neutral_above_smiling(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []
    monkeypatch.setattr(grids, "grid_of", lambda images, rows: seen.append(images))
    taken = london.photographs()
    alignment_plots.pairs(taken, [2, 0])
    assert (seen[0][0] == taken.images[[4, 0]]).all()
    assert (seen[0][1] == taken.images[[5, 1]]).all()
    assert (taken.expressions[[4, 0, 5, 1]] == [0, 0, 1, 1]).all()


# --- as a face may lie


def test_the_eyes_follow_the_picture() -> None:
    image, generator = dotted(EYES), np.random.default_rng(0)
    for _ in range(8):
        moved, eyes = alignment_plots.scatter(image, EYES, generator)
        assert moved.shape == image.shape and moved.dtype == np.uint8 and eyes.dtype == np.float32
        np.testing.assert_allclose(eyes, centres(moved), atol=0.1)
        assert np.abs(eyes - EYES).max() > 1  # it did move


def test_how_a_face_lies_is_within_what_is_said() -> None:
    generator = np.random.default_rng(0)
    middle, black = np.full(2, SIZE / 2), np.zeros((SIZE, SIZE, 3), dtype=np.uint8)
    across = np.array([[1.0, 0.0], [0.0, 1.0]])
    points = np.stack([middle, middle + 10 * across[0]])
    turns, scales, shifts = [], [], []
    for _ in range(400):
        _, (centre, beside) = alignment_plots.scatter(black, points, generator)
        arm = (beside - centre) / 10
        turns.append(np.degrees(np.arctan2(arm[1], arm[0])))
        scales.append(np.hypot(*arm))
        shifts.append((centre - middle) / SIZE)
    assert -20 <= min(turns) < -19 and 19 < max(turns) <= 20
    assert 0.7 <= min(scales) < 0.71 and 0.99 < max(scales) <= 1
    # OpenCV turns about a pixel's centre, half a pixel away from the middle
    assert np.abs(shifts).max() < 0.1 + 0.5 / SIZE and np.abs(shifts).max() > 0.095


# --- eyes, true and found


def test_circles_are_the_true_eyes_and_crosses_those_found() -> None:
    count = alignment_plots.ACROSS + 1  # two rows
    images = np.stack([dotted(EYES)] * count)
    true = np.stack([EYES + row for row in range(count)])
    found = true + 2
    found[3] = np.nan
    figure = alignment_plots.eyes(images, true, found)
    assert len(figure.axes) == 2 * alignment_plots.ACROSS
    for row, axis in enumerate(figure.axes[:count]):
        circles, crosses = axis.collections
        assert np.array_equal(circles.get_offsets(), true[row])
        where = np.ma.filled(crosses.get_offsets(), np.nan)
        np.testing.assert_array_equal(where, found[row])
        assert axis.images[0].get_extent() == [0, SIZE, SIZE, 0]  # pixels from the upper left
    assert not any(axis.axison for axis in figure.axes)  # empty places too
    assert not any(axis.images for axis in figure.axes[count:])
    assert len(png(figure)) > 1000


# --- how far off


def test_the_curve_ends_at_the_share_of_faces_found() -> None:
    errors = np.array([[0.02, 0.01], [np.nan, np.nan], [0.04, 0.10], [0.03, 0.03], [np.nan, 0.0]])
    axis = alignment_plots.error_curve(errors).axes[0]
    curve = axis.lines[0]
    np.testing.assert_allclose(curve.get_xdata(), [2, 3, 10])  # the worse eye, sorted, in percent
    np.testing.assert_allclose(curve.get_ydata(), [20, 40, 60])  # of five faces
    assert axis.lines[1].get_xdata()[0] == 25 and axis.texts[0].get_text() == "half an eye's width"
    none = alignment_plots.error_curve(np.full((3, 2), np.nan))
    assert len(none.axes[0].lines[0].get_ydata()) == 0 and len(png(none)) > 1000


# --- before and after


def test_the_mean_of_all_stands_beside_four() -> None:
    shades = np.array([10, 20, 30, 40, 100, 103], dtype=np.uint8)
    before = np.broadcast_to(shades[:, None, None, None], (6, 8, 8, 3))
    figure = alignment_plots.mean_faces(before, before // 2)
    sheet = np.asarray(figure.images[0].get_array())
    texts = {text.get_text() for text in figure.texts}
    assert {"as it lies", "aligned", "mean of 6"} <= texts
    rows, columns = np.array(sheet.shape[:2]) / [2, 5]
    for row, factor in enumerate((1, 2)):
        means = [*shades[:4] // factor, np.mean(shades // factor)]
        for column, value in enumerate(means):
            pixel = sheet[int(rows * (row + 0.5)), int(columns * (column + 0.5)), 0]
            assert abs(int(pixel) - float(value)) <= 4  # of 64 levels


# --- variants


def test_a_picture_has_55_variants_that_are_not_mirrored(monkeypatch: pytest.MonkeyPatch) -> None:
    size = augment.source_side(32)
    image = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    image = cv2.resize(image[:4, :4], (size, size), interpolation=cv2.INTER_CUBIC)  # smooth
    given: list[np.ndarray] = []
    grid_of = grids.grid_of

    def watched(images: np.ndarray, **labels: list[str]) -> object:
        given.append(images)
        return grid_of(images, **labels)

    monkeypatch.setattr(grids, "grid_of", watched)
    figure = alignment_plots.variants(image)
    (cells,) = given
    assert cells.shape == (5, 11, 32, 32, 3)
    margin = (size - 32) // 2
    for row, (y, x) in enumerate(augment.CROPS):  # the middle column is not turned
        crop = image[y * margin : y * margin + 32, x * margin : x * margin + 32]
        assert np.abs(cells[row, 5].astype(int) - crop).max() <= 1
    assert len(np.unique(cells.reshape(55, -1), axis=0)) == 55
    texts = [text.get_text() for text in figure.texts]
    assert [text for text in texts if text.endswith("°")] == [f"{n}°" for n in range(-15, 16, 3)]
    assert len(plt.get_fignums()) == 1


# --- found or missing


def test_a_blank_picture_has_no_eyes_and_a_portrait_has() -> None:
    images, eyes = london.photographs().images[:1], london.photographs().eyes[:1]
    blank = np.full_like(images, 128)
    found = alignment_plots.found_or_missing(np.concatenate([blank, images]))
    assert np.isnan(found[0]).all()
    assert alignment.error(found[1], eyes[0]).max() < 0.12


def test_other_errors_are_not_taken_for_missing_eyes(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_eyes(image: np.ndarray) -> np.ndarray:
        raise OSError("the cascade is gone")

    monkeypatch.setattr(alignment, "find_eyes", find_eyes)
    with pytest.raises(OSError, match="cascade"):
        alignment_plots.found_or_missing(np.zeros((1, 8, 8, 3), dtype=np.uint8))
