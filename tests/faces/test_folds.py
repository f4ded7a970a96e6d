"""Folds without a leak, and the leak found wherever one is planted."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold

from lib.faces import folds
from lib.faces.data.corpus import CK_PLUS, EXPRESSIONS, Requests, Shape
from lib.faces.render import made

Columns = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="session")
def columns(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Columns]:
    """Give identities and expressions of sets shaped as the paper's."""

    def render(requests: Requests, size: int) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((len(requests.people), size, size, 3), np.uint8), np.zeros(0)

    def of(name: str, shape: Shape) -> Columns:
        folder = tmp_path_factory.mktemp(name)
        faces = made.recognition(render, shape, 8, seed=0, folder=folder)
        return faces.identities, faces.expressions

    shapes = {"CK+": CK_PLUS, "MMI": made.MMI, "Oulu-CASIA": made.OULU_CASIA}
    return {name: of(name, shape) for name, shape in shapes.items()}


def by_hand(identities: np.ndarray, found: np.ndarray) -> float:
    """Return the share that leaks, one fold after the other, as a cross-validation runs."""
    leaked = 0
    for fold in set(found.tolist()):
        seen = set(identities[found != fold].tolist())
        leaked += sum(person in seen for person in identities[found == fold].tolist())
    return leaked / len(found)


@pytest.mark.parametrize(
    ("name", "images", "smallest", "largest"),
    [("CK+", 981, 90, 114), ("MMI", 624, 54, 81), ("Oulu-CASIA", 1440, 144, 144)],
)
def test_folds_of_the_papers_sets_are_disjoint_and_balanced(
    columns: dict[str, Columns], name: str, images: int, smallest: int, largest: int
) -> None:
    identities, expressions = columns[name]
    found = folds.split(identities, expressions)
    assert np.array_equal(found, folds.split(identities, expressions))
    sizes = np.bincount(found)
    assert len(sizes) == 10 and sizes.sum() == images
    assert smallest <= sizes.min() and sizes.max() <= largest
    assert by_hand(identities, found) == 0.0
    for label in range(len(np.unique(expressions))):
        inside = np.bincount(found[expressions == label], minlength=10) // 3  # sequences
        assert inside.min() >= 1 and inside.max() - inside.min() <= 4  # contempt has only 18


@given(st.data())
@settings(deadline=None, max_examples=40)
def test_whoever_is_where_no_fold_leaks_or_is_empty(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 6))
    people = data.draw(st.lists(st.integers(-3, 20), min_size=30, max_size=60))
    people += range(100, 100 + count)  # so many at least, and with one image each
    identities = np.array(people)
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    expressions = generator.integers(0, 3, len(identities))
    try:
        found = folds.split(identities, expressions, count)
    except ValueError as error:
        assert "alone, so no other fold can teach it" in str(error)
        return
    assert sorted(set(found.tolist())) == list(range(count))
    assert by_hand(identities, found) == folds.leak(identities, found) == 0.0
    folds.check(identities, found)


def test_a_planted_leak_is_found(
    columns: dict[str, Columns], monkeypatch: pytest.MonkeyPatch
) -> None:
    identities, expressions = columns["CK+"]
    found = folds.split(identities, expressions)
    row = int(np.flatnonzero((identities == 7) & (found == found[identities == 7][0]))[0])
    before, images = int(found[row]), int((identities == 7).sum())
    found[row] = (before + 1) % 10
    pair = sorted((before, int(found[row])))
    with pytest.raises(
        ValueError, match=rf"person 7 is in folds {pair[0]} and {pair[1]} \(1 of 118 people"
    ):
        folds.check(identities, found)
    assert folds.leak(identities, found) == pytest.approx(images / 981)
    blind = StratifiedKFold(10)  # which knows no people
    monkeypatch.setattr(
        folds.StratifiedGroupKFold, "split", lambda dealer, x, y, groups: blind.split(x, y)
    )
    with pytest.raises(ValueError, match="of 118 people are in several"):
        folds.split(identities, expressions)


def test_cutting_each_class_into_ten_leaks(columns: dict[str, Columns]) -> None:
    identities, expressions = columns["CK+"]
    found = folds.naive(expressions)
    with pytest.raises(ValueError, match="people are in several"):
        folds.check(identities, found)
    assert folds.leak(identities, found) > 0.5  # 63 % in the folds people copy
    for label, name in enumerate(EXPRESSIONS):  # yet they look well balanced
        sizes = np.bincount(found[expressions == label], minlength=10)
        assert sizes.sum() == 3 * CK_PLUS.sequences[name] and np.ptp(sizes) <= 1
        assert (np.diff(found[expressions == label]) >= 0).all()  # each a piece of the list


def test_few_images_of_every_class_still_make_folds() -> None:
    identities, expressions = np.arange(8), np.array([0, 0, 0, 0, 1, 1, 1, 1])
    found = folds.split(identities, expressions, 8)  # scikit-learn alone refuses this
    assert sorted(found.tolist()) == list(range(8))
    found = folds.split(identities, expressions, 4)  # as many images of a class as folds
    assert sorted(found[:4]) == sorted(found[4:]) == list(range(4))


PAIRS = np.repeat(np.arange(6), 2)
THREE, FOUR = np.zeros(3, dtype=np.int64), np.zeros(4, dtype=np.int64)
LONE = np.array([0, 1, 1, 2, 2, 3, 3, 3, 3]), np.array([0, 1, 1, 1, 1, 0, 0, 1, 1])


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: folds.split(*LONE, 4), r"fold \d of 4 would be empty; take fewer folds"),
        (lambda: folds.split(PAIRS, 3 * (PAIRS == 4), 3), r"class 3 is in fold \d alone"),
        (lambda: folds.split(PAIRS, PAIRS % 2, 10), "6 people cannot be put in 10 folds; take 2"),
        (lambda: folds.split(PAIRS[:0], PAIRS[:0], 10), "no images to put in folds"),
        (lambda: folds.check(THREE, FOUR), r"shape \(3,\) and folds \(4,\)"),
        (lambda: folds.naive(THREE, 1), "3 images cannot be cut into"),
    ],
)
def test_what_cannot_be_put_in_folds_is_refused(call: Callable[[], object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        call()
