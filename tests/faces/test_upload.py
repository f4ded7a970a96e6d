"""A reader's photograph: what is read, where its eyes go, and what is said where it is no use."""

import builtins
import io
import os
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import center_of_mass

from lib.book.show import Page, png
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
    return upload.photograph(scenes, stored(face), "face.png")


def stored(picture: np.ndarray) -> bytes:
    """Return a picture as the bytes of a file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "png")
    return file.getvalue()


def with_eyes(shape: tuple[int, int], eyes: np.ndarray) -> np.ndarray:
    """Return a dark picture with a soft spot at each eye: the left red, the other blue."""
    picture = np.zeros((*shape, 3))
    for channel, (x, y) in zip((0, 2), eyes, strict=True):
        down, across = np.indices(shape)
        picture[:, :, channel] = 255 * np.exp(-((across - x) ** 2 + (down - y) ** 2) / 40)
    return picture.round().astype(np.uint8)


@pytest.mark.parametrize(
    ("shape", "eyes"),
    [
        ((240, 200), [[70.0, 140.0], [120.0, 95.0]]),  # askew
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


def test_nothing_is_written_and_no_file_is_opened(
    scenes: Scenes, face: np.ndarray, seen: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*arguments: Any, **_: Any) -> None:
        raise AssertionError(f"opens {arguments}")

    content = stored(face)
    for place in (builtins, io, os):
        monkeypatch.setattr(place, "open", forbidden)
    monkeypatch.setattr(Path, "open", forbidden)
    assert (upload.photograph(scenes, content, "face.png") == seen).all()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (lambda face: b"dear diary", "x.png is no image"),
        (lambda face: stored(face[60:90, 60:90]), "the photograph is 30 x 30 pixels"),
        (lambda face: stored(np.full_like(face, 128)), "no face found"),
        (lambda face: stored(np.concatenate([face, face], axis=1)), "2 faces found"),
    ],
)
def test_what_is_of_no_use_is_said_in_one_line(
    content: Any, complaint: str, scenes: Scenes, face: np.ndarray
) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        upload.photograph(scenes, content(face), "x.png")
    assert "\n" not in str(caught.value)


def test_a_photograph_chosen_becomes_the_source_of_the_panel_and_a_bad_one_changes_nothing(
    scenes: Scenes, face: np.ndarray, seen: np.ndarray
) -> None:
    lender = upload.Lender(scenes)
    button, line, place = upload.uploader(lender).children

    def choose(content: bytes, name: str = "me.png") -> None:
        file = {"name": name, "type": "image/png", "size": len(content), "last_modified": 0}
        button.set_state({"value": [{**file, "content": memoryview(content)}]})

    def shown() -> bytes:
        return bytes(place.children[0].children[-2].value)

    with pytest.raises(ValueError, match="no photograph yet; choose one"):
        lender.lend_mine(person=0, noise_1=0.0, noise_2=0.0)
    choose(stored(face))
    assert line.value == "" and button.value == ()
    panel = place.children[0]
    panel.children[0].value = 2
    lent = png(explore.lend(scenes, seen, "your photograph", 2, (0, 0)), level=1)
    assert shown() == lent
    choose(b"no", "<i>me</i>.png")
    assert line.value.startswith("<b>&lt;i&gt;me&lt;/i&gt;.png is no image")
    assert shown() == lent
    choose(stored(face[:, ::-1]))
    assert line.value == ""
    assert place.children == (panel,)  # drawn again as it was set
    turned = upload.photograph(scenes, stored(face[:, ::-1]), "me.png")
    assert shown() == png(explore.lend(scenes, turned, "your photograph", 2, (0, 0)), level=1)


def test_a_photograph_in_a_file_is_that_of_its_bytes(
    scenes: Scenes, face: np.ndarray, seen: np.ndarray, tmp_path: Path
) -> None:
    (tmp_path / "me.png").write_bytes(stored(face))
    np.testing.assert_array_equal(upload.of_file(scenes, tmp_path / "me.png"), seen)
    with pytest.raises(ValueError, match="no face and no file 'hapiness, A'; take one like"):
        upload.of_file(scenes, "hapiness, A")


@pytest.mark.parametrize("headless", [True, False])
def test_without_a_reader_a_portrait_is_lent(
    headless: bool, scenes: Scenes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(upload, "display", shown.append)
    monkeypatch.setenv("BOOK_HEADLESS", "1" if headless else "")
    page = Page("25_faces_explore", "smoke", "ict", "open", tmp_path)
    assert upload.own_photograph(page, "own", scenes).__name__ == "lend_mine"
    assert (tmp_path / "smoke" / "own.png").is_file() is headless
    assert isinstance(shown[0], widgets.VBox) is not headless
