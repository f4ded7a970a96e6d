"""One factor at a time: what should stay stays, and what changes does so where it should."""

import numpy as np
import pytest

from lib.book import data_root
from lib.faces import factors
from lib.faces.data import EXPRESSIONS, NEUTRAL
from lib.faces.factors import Setting

SIZE, SEED = 40, 0


@pytest.fixture(params=["drawn", "ict"])
def name(request: pytest.FixtureRequest) -> str:
    """Give the name of each maker of pictures, or skip where its model is not there."""
    if request.param == "ict" and not data_root.present("ict_facekit"):
        pytest.skip("the face model is not under the data root")
    return request.param


def pictures(name: str, *settings: Setting) -> np.ndarray:
    """Return pictures as whole numbers that can be subtracted."""
    return factors.MAKERS[name](list(settings), SIZE, SEED).astype(int)


def test_each_row_changes_one_thing() -> None:
    for changes in factors.FACTORS.values():
        assert len(changes) == 6
        assert len({name for change in changes for name in change}) == 1


def test_rows_have_six_different_pictures(name: str) -> None:
    varied = factors.vary(name, SIZE, SEED)
    assert varied.shape == (6, 6, SIZE, SIZE, 3) and varied.dtype == np.uint8
    for row in varied:
        assert len({picture.tobytes() for picture in row}) == 6
    assert np.array_equal(varied, factors.vary(name, SIZE, SEED))


def test_a_picture_is_the_same_in_other_company(name: str) -> None:
    first, second = Setting(1), Setting(2, yaw=10.0, light=-0.5)
    both = pictures(name, first, second)
    assert np.array_equal(both[0], pictures(name, first)[0])
    assert np.array_equal(both[1], pictures(name, second)[0])


def test_no_intensity_is_no_expression(name: str) -> None:
    silent, neutral = pictures(name, Setting(1, intensity=0.0), Setting(1, expression=NEUTRAL))
    assert np.array_equal(silent, neutral)


def test_light_falls_from_the_side_it_is_said_to(name: str) -> None:
    left, right = pictures(name, Setting(3, light=-1.2), Setting(3, light=1.2))
    middle = SIZE // 2
    cheek = slice(SIZE // 2, 3 * SIZE // 4)
    brighter = (left - right)[cheek].sum(axis=-1)
    assert brighter[:, :middle].mean() > 3 and brighter[:, middle:].mean() < -3


def test_the_inner_brow_raiser_moves_brows_and_no_mouth(name: str) -> None:
    person = factors.PLAIN[name]
    rest, raised = pictures(name, Setting(person, unit=0.0), Setting(person, unit=1.2))
    changed = np.abs(raised - rest).sum(axis=(1, 2))
    assert changed[: SIZE // 2].sum() > 20 * changed[5 * SIZE // 8 :].sum() > -1


def test_surprise_opens_the_mouth(name: str) -> None:
    person, surprise = factors.PLAIN[name], EXPRESSIONS.index("surprise")
    rest, open_wide = pictures(
        name, Setting(person, expression=NEUTRAL), Setting(person, expression=surprise)
    )
    mouth = np.s_[5 * SIZE // 8 : 7 * SIZE // 8, 3 * SIZE // 8 : 5 * SIZE // 8]
    assert (rest - open_wide)[mouth].sum(axis=-1).max() > 100  # dark where skin was


def test_sets_that_are_read_borrow_the_drawn_faces() -> None:
    assert [factors.maker(name) for name in ("ict", "drawn", "original")] == [
        *("ict", "drawn", "drawn")
    ]
