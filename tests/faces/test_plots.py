"""Grids of faces show the images they were given, and no face that may not be shown."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from lib.book.show import PAGE_WIDTH, png
from lib.faces.data.corpus import Corpus, Faces
from lib.faces.figures import grids

pytestmark = pytest.mark.usefixtures("no_open_figures")


def nothing(*_: object) -> Faces:
    """Stand where a set would be made."""
    raise AssertionError("no set is needed to draw")


def corpus(rung: str) -> Corpus:
    """Return a corpus of one rung."""
    return Corpus("name", rung, nothing, nothing, nothing, range(0), {})


def images(rows: int, columns: int, side: int = 8) -> np.ndarray:
    """Return plain pictures, each of its own colour."""
    colours = np.random.default_rng(0).integers(0, 256, (rows, columns, 1, 1, 3), dtype=np.uint8)
    return np.broadcast_to(colours, (rows, columns, side, side, 3))


def test_every_picture_stands_in_its_place() -> None:
    asked = images(2, 3)
    figure = grids.grid_of(asked, rows=("a", "b"), columns=("x", "y", "z"), corner="c")
    sheet = np.asarray(figure.images[0].get_array())
    side = grids.LARGEST
    assert sheet.shape == (2 * side + grids.GAP, 3 * side + 2 * grids.GAP, 3)
    for row, column in np.ndindex(2, 3):
        y, x = row * (side + grids.GAP) + side // 2, column * (side + grids.GAP) + side // 2
        difference = sheet[y, x].astype(int) - asked[row, column, 0, 0]
        assert np.abs(difference).max() < grids.STEP
    assert {text.get_text() for text in figure.texts} == {*"abxyzc"}


@pytest.mark.parametrize("width", [PAGE_WIDTH, 4.0])
def test_a_grid_keeps_to_its_width_and_its_labels_stay_inside(width: float) -> None:
    figure = grids.grid_of(images(3, 9), rows=("long label", "two\nlines", "c"), width=width)
    assert figure.get_figwidth() <= width + 0.01
    assert len(png(figure)) > 1000
    for text in figure.texts:
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0 and box.y1 <= figure.bbox.y1


def test_labels_stand_beside_their_rows() -> None:
    figure = grids.grid_of(images(3, 2), rows=("first", "second", "third"))
    heights = [text.get_window_extent().y0 for text in figure.texts]
    assert heights == sorted(heights, reverse=True)
    assert np.diff(heights) == pytest.approx(-(grids.LARGEST + grids.GAP), abs=1.5)


def test_grids_without_labels_are_their_pictures_alone() -> None:
    figure = grids.grid_of(images(1, 1))
    assert figure.get_size_inches() * grids.DPI == pytest.approx([grids.LARGEST] * 2)
    assert figure.texts == []


@pytest.mark.parametrize(
    ("asked", "labels", "complaint"),
    [
        (np.zeros((2, 8, 8, 3), np.uint8), {}, "needs uint8 images of"),
        (np.zeros((1, 1, 8, 8, 3)), {}, "needs uint8 images of"),
        (images(1, 1)[..., :1], {}, "needs uint8 images of"),
        (images(1, 2), {"rows": ("a", "b")}, "2 row labels for 1 rows"),
        (images(1, 2), {"columns": ("a",)}, "1 column labels for 2 columns"),
    ],
)
def test_what_is_no_grid_is_refused(
    asked: np.ndarray, labels: dict[str, tuple[str, ...]], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        grids.grid_of(asked, **labels)


def test_original_faces_are_shown_to_none_but_their_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOK_SHOW_FACES", raising=False)
    draw = pytest.fail
    figure = grids.shown(corpus("original"), lambda: draw("drawn"))
    assert "licence" in figure.axes[0].texts[0].get_text()
    assert not grids.may_show(corpus("original"))
    monkeypatch.setenv("BOOK_SHOW_FACES", "1")
    assert grids.may_show(corpus("original"))


def test_rendered_faces_are_shown_with_their_credit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOK_SHOW_FACES", raising=False)
    made = plt.figure()
    assert grids.shown(corpus("open"), lambda: made) is made
    assert "ICT-FaceKit" in grids.credit(corpus("open"))


def test_enlarged_pictures_keep_their_form_and_nearly_their_colours() -> None:
    plain = np.full((10, 20, 3), 97, dtype=np.uint8)
    large = grids.enlarged(plain, 50)
    assert large.shape == (25, 50, 3) and set(np.unique(large)) == {99}
    assert (grids.enlarged(plain * 0 + 255, 50) == 255).all()
    assert grids.enlarged(plain, 4).shape == (2, 4, 3)
