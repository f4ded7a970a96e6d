"""The sets of Part II behind one interface: which rung is taken, and that nothing is made early."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lib.book import data_root
from lib.faces.data import datasets, originals
from lib.faces.data.corpus import BASIC, EXPRESSIONS, Faces, Requests, Shape, Sizes

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


@pytest.mark.parametrize(
    ("names", "best"),
    [
        (("bu_4dfe",), "ict"),  # nobody to recognise
        (("ck_plus", "mmi", "oulu_casia"), "ict"),  # nobody to learn from
        (("bu_4dfe", "mmi"), "original"),
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


def test_names_that_cannot_be_loaded_are_refused(root: Path) -> None:
    with pytest.raises(ValueError, match="unknown dataset 'Ict'; choose one of: best, orig"):
        datasets.load("Ict", SIZES)
    corpus = datasets.load("original", SIZES)
    assert dict(corpus.sets) == {}
    with pytest.raises(FileNotFoundError, match="BU-4DFE .* not found"):
        corpus.pretraining()


def test_a_corpus_makes_what_its_sizes_say_when_it_is_called_for(
    root: Path, asked: list[Requests]
) -> None:
    corpus = datasets.load("ict", SIZES)
    assert set(corpus.sets) == {"ck"} and not asked
    sets = [getattr(corpus, name)() for name in SETS]
    assert [len(each.images) for each in sets] == [42, 42, 14]  # 2 people, 7 expressions, 3 frames
    for each in sets:
        assert each.images.shape[1:] == (SOURCE, SOURCE, 3) and each.images.dtype == np.uint8
        assert (each.people, each.classes, each.rung) == (2, EXPRESSIONS, "open")
    assert {requests.seed for requests in asked} == {SIZES.seed}
    numbers = [set(each.sequences.tolist()) for each in sets]  # no picture is in two sets
    assert len(set.union(*numbers)) == 42 + 42 + 14
    assert numbers[1] == set(corpus.judging_sequences)
    learnt = set(np.concatenate([requests.people for requests in asked]).tolist())
    asked.clear()
    others = corpus.sets["ck"]()
    assert (len(others.images), others.people, others.classes) == (10, 3, ("fear", "happiness"))
    recognised = set(np.concatenate([requests.people for requests in asked]).tolist())
    assert learnt == {0, 1} and not learnt & recognised
    asked.clear()
    corpus.held_out()
    assert not asked  # kept


COLUMNS = ("images", "expressions", "identities", "sequences", "frames")


def faces() -> Faces:
    """Return small noisy pictures of people 0, 2 and 5, two at a time."""
    images = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), dtype=np.uint8)
    rows, people = np.arange(6), np.array([0, 0, 2, 2, 5, 5])
    return Faces("few", "open", images, rows % 2, people, rows + 10, rows % 2, BASIC)


def test_a_fingerprint_is_that_of_the_content_and_rows_are_taken_of_all() -> None:
    whole, rows = faces(), np.array([4, 0, 0])
    for name in COLUMNS:
        assert np.array_equal(getattr(whole.take(rows), name), getattr(whole, name)[rows])
    spread = replace(whole, images=np.asfortranarray(whole.images))  # the same in other order
    assert spread.fingerprint() == whole.fingerprint()
    exchanged = {"expressions": whole.identities, "identities": whole.expressions}
    others = [
        replace(whole, name="other"),
        replace(whole, classes=EXPRESSIONS),
        replace(whole, images=whole.images.reshape(6, 2, 8, 3)),
        replace(whole, **exchanged),
        whole.take(np.arange(6)[::-1]),
    ]
    for name in COLUMNS:
        values = getattr(whole, name).copy()
        values.flat[-1] += 1
        others.append(replace(whole, **{name: values}))
    found = {each.fingerprint() for each in (whole, *others)}
    assert len(found) == 1 + len(others)
