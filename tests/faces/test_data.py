"""The sets of Part II behind one interface: which rung is taken, and that nothing is made early."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.book import data_root
from lib.faces.data import datasets, originals
from lib.faces.data.corpus import (
    BASIC,
    EXPRESSIONS,
    NEUTRAL,
    Faces,
    Requests,
    Shape,
    Sizes,
)

SHAPE = Shape(3, {"fear": 2, "happiness": 3}, 2)
SIZES = Sizes(side=16, people=2, frames=3, held_out=1, shapes={"ck": SHAPE}, seed=5)
SOURCE = 18  # source_side(16)
SETS = ("pretraining", "judging", "held_out")


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give an empty data root."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("BOOK_DATA", str(folder))
    return folder


def put(root: Path, *names: str) -> None:
    """Lay down one empty picture or video where an original set would be."""
    for name in names:
        source = data_root.sources()[name]
        path = root / source.folder / source.pattern.replace("[FM]", "F").replace("*", "1")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


# --- which rung


@pytest.mark.parametrize(
    ("names", "best"),
    [
        ((), "ict"),
        (("bu_4dfe",), "ict"),  # nobody to recognise
        (("ck_plus", "mmi", "oulu_casia"), "ict"),  # nobody to learn from
        (("bu_4dfe", "mmi"), "original"),
        (("bu_4dfe", "ck_plus", "mmi", "oulu_casia"), "original"),
    ],
)
def test_the_original_rung_needs_bu_4dfe_and_one_set_more(
    root: Path, names: tuple[str, ...], best: str
) -> None:
    put(root, *names)
    corpus = datasets.load("best", SIZES)
    assert (corpus.name, corpus.rung) == (best, "open" if best == "ict" else best)
    assert datasets.load("ict", SIZES).rung == "open"  # what is asked for by name is taken
    if best == "original":
        there = {short for short, name in originals.RECOGNITION.items() if name in names}
        assert set(corpus.sets) == there


@pytest.mark.parametrize("name", ["", "Ict", "fer2013", "bu_4dfe"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"unknown dataset {name!r}; choose one of: best, orig"):
        datasets.load(name, SIZES)


def test_data_asked_for_by_name_that_are_not_there_are_named(root: Path) -> None:
    corpus = datasets.load("original", SIZES)
    assert dict(corpus.sets) == {}
    with pytest.raises(FileNotFoundError, match="BU-4DFE .* not found"):
        corpus.pretraining()


# --- nothing is made before it is called for


def test_a_corpus_renders_nothing_until_a_set_is_called_for(
    root: Path, asked: list[Requests], tmp_path: Path
) -> None:
    corpus = datasets.load("ict", SIZES)
    assert set(corpus.sets) == {"ck"} and len(corpus.judging_sequences) == 2 * 7 * 3
    assert not asked and not (tmp_path / "cache").exists()
    corpus.held_out()
    assert sum(len(requests.people) for requests in asked) == 2 * 7 * 1  # that set alone
    asked.clear()
    corpus.held_out()
    assert not asked  # kept


def test_an_original_corpus_reads_nothing_until_a_set_is_called_for(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[str, int]] = []
    monkeypatch.setattr(originals, "load", lambda name, side: read.append((name, side)))
    put(root, "bu_4dfe", "ck_plus")
    corpus = datasets.load("best", SIZES)
    assert read == []
    corpus.sets["ck"]()
    corpus.pretraining()
    assert read == [("ck_plus", SOURCE), ("bu_4dfe", SOURCE)]


def test_the_sets_of_a_corpus_are_as_its_sizes_say(root: Path, asked: list[Requests]) -> None:
    corpus = datasets.load("ict", SIZES)
    sets = {name: getattr(corpus, name)() for name in SETS}
    assert {name: len(each.images) for name, each in sets.items()} == {
        "pretraining": 42,  # 2 people, 7 expressions, 3 frames
        "judging": 42,
        "held_out": 14,  # one frame each
    }
    for each in sets.values():
        assert each.images.shape[1:] == (SOURCE, SOURCE, 3) and each.images.dtype == np.uint8
        assert (each.people, each.classes, each.rung) == (2, EXPRESSIONS, "open")
    assert {requests.seed for requests in asked} == {SIZES.seed}
    others = corpus.sets["ck"]()
    assert (len(others.images), others.people) == (10, 3)
    assert others.classes == ("fear", "happiness")


def test_judges_and_measurements_have_pictures_of_their_own(
    root: Path, asked: list[Requests]
) -> None:
    corpus = datasets.load("ict", SIZES)
    numbers = [set(getattr(corpus, name)().sequences.tolist()) for name in SETS]
    assert len(set.union(*numbers)) == sum(map(len, numbers)) == 42 + 42 + 14
    assert numbers[1] == set(corpus.judging_sequences)
    learnt = set(np.concatenate([requests.people for requests in asked]).tolist())
    asked.clear()
    corpus.sets["ck"]()
    recognised = set(np.concatenate([requests.people for requests in asked]).tolist())
    assert learnt == {0, 1} and not learnt & recognised


# --- one set


def faces(count: int = 6) -> Faces:
    """Return small noisy pictures of people 0, 2 and 5, two at a time."""
    generator = np.random.default_rng(0)
    rows = np.arange(count)
    images = generator.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    people = np.array([0, 2, 5])[rows // 2 % 3]
    return Faces("few", "open", images, rows % 2, people, rows + 10, rows % 2, BASIC, {"a": "b"})


COLUMNS = ("images", "expressions", "identities", "sequences", "frames")


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 5), max_size=8))
def test_taken_rows_are_those_of_all_columns(rows: list[int]) -> None:
    whole, places = faces(), np.array(rows, dtype=np.int64)
    part = whole.take(places)
    for name in COLUMNS:
        assert np.array_equal(getattr(part, name), getattr(whole, name)[places])
    assert (part.name, part.rung, part.classes) == ("few", "open", BASIC)
    assert part.people == (part.identities.max() + 1 if rows else 0)


def test_a_mask_takes_what_its_rows_take() -> None:
    whole = faces()
    mask = whole.identities == 2
    assert whole.take(mask).fingerprint() == whole.take(np.flatnonzero(mask)).fingerprint()


def test_people_are_counted_by_their_largest_number() -> None:
    whole = faces()
    assert whole.people == 6 and len(np.unique(whole.identities)) == 3
    assert whole.take(np.zeros(0, np.int64)).people == 0


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 200), min_size=1, max_size=30))
def test_renumbered_people_are_counted_without_gaps_and_in_order(numbers: list[int]) -> None:
    people = np.array(numbers)
    whole = replace(faces(len(people)), identities=people)
    found = whole.renumbered()
    assert found.identities.dtype == np.int64
    assert set(found.identities.tolist()) == set(range(len(set(numbers))))
    assert found.people == len(set(numbers))
    order = np.sign(np.subtract.outer(people, people))
    assert np.array_equal(np.sign(np.subtract.outer(*[found.identities] * 2)), order)
    assert found.images is whole.images and found.skipped == whole.skipped
    assert found.renumbered().fingerprint() == found.fingerprint()


def test_a_fingerprint_is_that_of_the_content() -> None:
    assert faces().fingerprint() == faces().fingerprint()
    assert len(bytes.fromhex(faces().fingerprint())) == 8
    spread = replace(faces(), images=np.asfortranarray(faces().images))  # the same in other order
    assert spread.fingerprint() == faces().fingerprint()


@pytest.mark.parametrize("name", COLUMNS)
def test_any_change_of_any_column_is_another_fingerprint(name: str) -> None:
    values = getattr(faces(), name).copy()
    values.flat[-1] += 1
    assert replace(faces(), **{name: values}).fingerprint() != faces().fingerprint()


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: replace(whole, name="other"),
        lambda whole: replace(whole, classes=EXPRESSIONS),
        lambda whole: replace(whole, images=whole.images.reshape(6, 2, 8, 3)),
        lambda whole: replace(
            whole, expressions=whole.identities, identities=whole.expressions
        ),  # exchanged
        lambda whole: whole.take(np.arange(5)),
        lambda whole: whole.take(np.arange(6)[::-1]),
        lambda whole: whole.renumbered(),
    ],
)
def test_another_set_has_another_fingerprint(change: Callable[[Faces], Faces]) -> None:
    assert change(faces()).fingerprint() != faces().fingerprint()


def test_neutral_is_no_expression_of_the_list() -> None:
    assert NEUTRAL not in range(len(EXPRESSIONS))
    assert set(EXPRESSIONS) - set(BASIC) == {"contempt"} and list(BASIC) == sorted(BASIC)
