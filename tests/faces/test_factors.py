"""One factor at a time: what should stay stays, and what changes does so where it should."""

import numpy as np

from lib.faces.data.corpus import EXPRESSIONS, NEUTRAL
from lib.faces.figures import factors
from lib.faces.figures.factors import Setting

SIZE, SEED = 40, 0


def pictures(*settings: Setting) -> np.ndarray:
    """Return pictures as whole numbers that can be subtracted."""
    return factors.photographs(list(settings), SIZE, SEED).astype(int)


def test_each_row_changes_one_thing() -> None:
    for changes in factors.FACTORS.values():
        assert len(changes) == 6
        assert len({name for change in changes for name in change}) == 1


def test_rows_have_six_different_pictures() -> None:
    varied = factors.vary(SIZE, SEED)
    assert varied.shape == (6, 6, SIZE, SIZE, 3) and varied.dtype == np.uint8
    for row in varied:
        assert len({picture.tobytes() for picture in row}) == 6
    assert np.array_equal(varied, factors.vary(SIZE, SEED))


def test_a_picture_is_the_same_in_other_company() -> None:
    first, second = Setting(1), Setting(2, yaw=10.0, light=-0.5)
    both = pictures(first, second)
    assert np.array_equal(both[0], pictures(first)[0])
    assert np.array_equal(both[1], pictures(second)[0])


def test_no_intensity_is_no_expression() -> None:
    silent, neutral = pictures(Setting(1, intensity=0.0), Setting(1, expression=NEUTRAL))
    assert np.array_equal(silent, neutral)


def test_light_falls_from_the_side_it_is_said_to() -> None:
    left, right = pictures(Setting(3, light=-1.2), Setting(3, light=1.2))
    middle = SIZE // 2
    cheek = slice(SIZE // 2, 3 * SIZE // 4)
    brighter = (left - right)[cheek].sum(axis=-1)
    assert brighter[:, :middle].mean() > 3 and brighter[:, middle:].mean() < -3


def test_the_inner_brow_raiser_moves_brows_and_no_mouth() -> None:
    person = factors.PLAIN
    rest, raised = pictures(Setting(person, unit=0.0), Setting(person, unit=1.2))
    changed = np.abs(raised - rest).sum(axis=(1, 2))
    assert changed[: SIZE // 2].sum() > 20 * changed[5 * SIZE // 8 :].sum() > -1


def test_surprise_opens_the_mouth() -> None:
    person, surprise = factors.PLAIN, EXPRESSIONS.index("surprise")
    rest, open_wide = pictures(
        Setting(person, expression=NEUTRAL), Setting(person, expression=surprise)
    )
    mouth = np.s_[5 * SIZE // 8 : 7 * SIZE // 8, 3 * SIZE // 8 : 5 * SIZE // 8]
    assert (rest - open_wide)[mouth].sum(axis=-1).max() > 100  # dark where skin was
