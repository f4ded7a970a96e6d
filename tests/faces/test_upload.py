"""A reader's photograph: what is read, where its eyes go, and what is said where it is no use."""

import builtins
import html
import io
import os
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances
from PIL import Image
from scipy.ndimage import center_of_mass, gaussian_filter

from lib.book.show import Page, png
from lib.faces import alignment
from lib.faces.data import london
from lib.faces.figures import explore, upload
from lib.faces.figures.explore import Scenes
from lib.faces.render.made import OTHERS

pytestmark = pytest.mark.usefixtures("no_open_figures")
WANTED = np.array([[0.36, 0.46], [0.64, 0.46]])


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """Give a rendered stranger's portrait, (160, 160, 3)."""
    pictures, _ = explore.everybody([OTHERS], 160, 0)
    return pictures[0, 4]


@pytest.fixture(scope="module")
def seen(scenes: Scenes, face: np.ndarray) -> np.ndarray:
    """Give what the networks see of that portrait, from a PNG."""
    return upload.photograph(scenes, stored(face, "png"), "face.png")


def stored(picture: np.ndarray, form: str, **options: Any) -> bytes:
    """Return a picture as the bytes of a file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, form, **options)
    return file.getvalue()


def with_eyes(shape: tuple[int, int], eyes: np.ndarray) -> np.ndarray:
    """Return a dark picture with a soft spot at each eye: the left red, the other blue."""
    picture = np.zeros((*shape, 3))
    for channel, (x, y) in zip((0, 2), eyes, strict=True):
        down, across = np.indices(shape)
        picture[:, :, channel] = 255 * np.exp(-((across - x) ** 2 + (down - y) ** 2) / 40)
    return picture.round().astype(np.uint8)


def far(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean difference of two pictures in grey levels."""
    return float(np.abs(one.astype(float) - other).mean())


# --- where the eyes go


@pytest.mark.parametrize(
    ("shape", "eyes"),
    [
        ((200, 240), [[90.0, 100.0], [140.0, 100.0]]),
        ((240, 200), [[70.0, 140.0], [120.0, 95.0]]),  # askew
        ((150, 150), [[40.0, 20.0], [110.0, 25.0]]),  # hair and chin cut off
        ((120, 120), [[18.0, 60.0], [102.0, 60.0]]),  # from eye to eye
    ],
)
def test_eyes_come_where_they_are_wanted(shape: tuple[int, int], eyes: list[list[float]]) -> None:
    side = 112
    placed = upload.placed(with_eyes(shape, np.array(eyes)), np.array(eyes), WANTED, side)
    assert placed.shape == (side, side, 3) and placed.dtype == np.uint8
    for channel, (x, y) in zip((0, 2), WANTED * side - 0.5, strict=True):
        spot = placed[:, :, channel].astype(float)
        down, across = center_of_mass(np.where(spot > 60, spot, 0))
        assert (across, down) == pytest.approx((x, y), abs=0.7)


def test_a_photograph_in_a_file_is_that_of_its_bytes(
    scenes: Scenes, face: np.ndarray, seen: np.ndarray, tmp_path: Path
) -> None:
    (tmp_path / "me.png").write_bytes(stored(face, "png"))
    np.testing.assert_array_equal(upload.of_file(scenes, tmp_path / "me.png"), seen)
    with pytest.raises(ValueError, match="no face and no file 'hapiness, A'; take one like"):
        upload.of_file(scenes, "hapiness, A")


def test_where_the_usual_places_are_wanted_it_is_the_usual_alignment(face: np.ndarray) -> None:
    eyes = np.array([[55.0, 70.0], [101.0, 74.0]])
    ours = upload.placed(face, eyes, explore.usual_eyes(), 56)
    assert far(ours, alignment.align(face, eyes, 56)) < 0.01


def test_margins_repeat_the_outermost_pixels(face: np.ndarray) -> None:
    wide = upload.around(face, 3)
    assert wide.shape == (166, 166, 3) and (wide[3:-3, 3:-3] == face).all()
    assert (wide[:3, 3:-3] == face[0]).all() and (wide[3:-3, -1] == face[:, -1]).all()


def test_a_portrait_hung_askew_comes_out_as_the_smile_it_shows(scenes: Scenes) -> None:
    found = upload.photograph(scenes, upload.portrait(), "portrait.png")
    taken, side = london.photographs(), len(found)
    upright = [
        upload.placed(taken.images[row], taken.eyes[row], scenes.eyes, side) for row in range(6)
    ]
    flat = [gaussian_filter(each.astype(float), (1, 1, 0)).ravel() for each in [*upright, found]]
    alike = [np.corrcoef(flat[-1], each)[0, 1] for each in flat[:-1]]
    assert int(np.argmax(alike)) == 1 and alike[1] > 0.9


# --- files


def test_a_photograph_is_turned_as_its_exif_says_and_may_be_large(
    scenes: Scenes, face: np.ndarray, seen: np.ndarray
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be seen upright, turn it a quarter clockwise
    large = np.asarray(Image.fromarray(face).resize((900, 900), Image.Resampling.BICUBIC))
    content = stored(np.rot90(large).copy(), "jpeg", quality=95, exif=exif)
    assert far(upload.photograph(scenes, content, "large"), seen) < 6


def test_nothing_is_written_and_no_file_is_opened(
    scenes: Scenes, face: np.ndarray, seen: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*arguments: Any, **_: Any) -> None:
        raise AssertionError(f"opens {arguments}")

    content = stored(face, "png")
    for place in (builtins, io, os):
        monkeypatch.setattr(place, "open", forbidden)
    monkeypatch.setattr(Path, "open", forbidden)
    assert (upload.photograph(scenes, content, "face.png") == seen).all()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (lambda face: b"dear diary", "x.png is no image"),
        (lambda face: stored(face, "jpeg", quality=95)[:1500], "x.png is truncated or damaged"),
        (lambda face: stored(face[60:90, 60:90], "png"), "the photograph is 30 x 30 pixels"),
        (lambda face: stored(np.full_like(face, 128), "png"), "no face found"),
        (lambda face: stored(np.concatenate([face, face], axis=1), "png"), "2 faces found"),
    ],
)
def test_what_is_of_no_use_is_said_in_one_line(
    content: Any, complaint: str, scenes: Scenes, face: np.ndarray
) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        upload.photograph(scenes, content(face), "x.png")
    assert "\n" not in str(caught.value)


# --- the button


class Uploader:
    """What a reader can see and touch."""

    def __init__(self, scenes: Scenes) -> None:
        self.lender = upload.Lender(scenes)
        self.button, self.line, self.place = upload.uploader(self.lender).children

    def choose(self, content: bytes, name: str = "me.png") -> None:
        """Choose a file, as the browser reports it."""
        file = {"name": name, "type": "image/png", "size": len(content), "last_modified": 0}
        self.button.set_state({"value": [{**file, "content": memoryview(content)}]})

    @property
    def picture(self) -> bytes:
        return bytes(self.place.children[0].children[-2].value)

    @property
    def words(self) -> str:
        return html.unescape(self.place.children[0].children[-1].value)


@pytest.fixture
def uploader(scenes: Scenes) -> Uploader:
    """Give a button that nobody has touched."""
    return Uploader(scenes)


def test_a_photograph_becomes_the_source_of_the_panel(
    uploader: Uploader, scenes: Scenes, face: np.ndarray, seen: np.ndarray
) -> None:
    assert uploader.place.children == ()
    uploader.choose(stored(face, "png"))
    assert uploader.line.value == "" and uploader.button.value == ()
    first = uploader.picture
    person = uploader.place.children[0].children[0]
    person.value = 2
    figure = explore.lend(scenes, seen, "your photograph", 2, (0, 0))
    assert uploader.picture == png(figure) != first
    plt.close(figure)
    assert plt.get_fignums() == []


def test_the_line_below_the_picture_draws_it_in_code(
    uploader: Uploader, face: np.ndarray, seen: np.ndarray
) -> None:
    lend_mine = uploader.lender.lend_mine
    with pytest.raises(ValueError, match="no photograph yet; choose one"):
        lend_mine(person=0, noise_1=0.0, noise_2=0.0)
    uploader.choose(stored(face, "png"))
    assert "lend_mine(person=0, noise_1=0.0, noise_2=0.0);</code>" in uploader.words
    figure = lend_mine(person=0, noise_1=0.0, noise_2=0.0)
    assert png(figure) == uploader.picture and figure.get_label() in uploader.words
    plt.close(figure)


def test_a_bad_file_changes_no_picture_and_a_good_one_clears_the_complaint(
    uploader: Uploader, face: np.ndarray
) -> None:
    uploader.choose(b"")
    assert "me.png is empty" in uploader.line.value and uploader.place.children == ()
    uploader.choose(stored(face, "png"))
    first = uploader.picture
    uploader.choose(b"no", "<i>me</i>.png")
    assert uploader.line.value.startswith("<b>&lt;i&gt;me&lt;/i&gt;.png is no image")
    assert uploader.picture == first
    uploader.choose(stored(face[:, ::-1], "png"))
    assert uploader.line.value == "" and uploader.picture != first


def test_photographs_that_follow_each_other_do_not_pile_up(
    uploader: Uploader, face: np.ndarray
) -> None:
    uploader.choose(stored(face, "png"))
    panel, count = uploader.place.children[0], len(pictures_alive())
    for _ in range(2):
        uploader.choose(stored(face, "png"))
    assert len(pictures_alive()) == count and uploader.place.children[0] is not panel
    assert panel.comm is None  # closed


def pictures_alive() -> list[widgets.Widget]:
    """Return all panels and pictures that ipywidgets keeps."""
    kinds = (widgets.Image, widgets.FloatSlider, widgets.VBox)
    return [each for each in _instances.values() if isinstance(each, kinds)]


# --- in the chapter


@pytest.mark.parametrize("headless", [True, False])
def test_without_a_reader_a_portrait_is_lent(
    headless: bool, scenes: Scenes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(upload, "display", shown.append)
    monkeypatch.delenv("BOOK_HEADLESS", raising=False)
    if headless:
        monkeypatch.setenv("BOOK_HEADLESS", "1")
    page = Page("25_faces_explore", "smoke", "ict", "open", tmp_path)
    draw = upload.own_photograph(page, "own", scenes)
    assert draw.__name__ == "lend_mine"
    assert (tmp_path / "smoke" / "own.png").is_file() is headless
    assert isinstance(shown[0], widgets.VBox) is not headless
