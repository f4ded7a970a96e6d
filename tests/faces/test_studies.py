"""Studies of the training: each turns its own switch, and reports what judges say."""

import base64
import io
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from lib.faces import augment
from lib.faces.data import datasets
from lib.faces.data.corpus import EXPRESSIONS, Corpus, Faces, Sizes
from lib.faces.de_gan import NOISE, Generator
from lib.faces.gan_training import GANConfig
from lib.faces.judges import Judges
from lib.faces.runs import ablations, checkpoints
from lib.faces.runs.ablations import STUDY, VARIANTS
from lib.faces.runs.profiles import PROFILES
from lib.runs import results
from tests.faces.made_up import coloured, small

pytestmark = pytest.mark.usefixtures("no_open_figures")
PEOPLE, FRAMES = 3, 2
TINY = replace(
    PROFILES["smoke"],
    sizes=Sizes(side=32, people=PEOPLE, frames=FRAMES, held_out=FRAMES, shapes={}),
    gan=replace(PROFILES["smoke"].gan, steps=4, intervals=2, warm_up=2),
)


def planted(seed: int = 0) -> Faces:
    """Return noise of three people, with every expression."""
    return coloured(PEOPLE, EXPRESSIONS, FRAMES, seed)


def corpus(rung: str = "open") -> Corpus:
    """Return a corpus of planted faces."""
    return Corpus("planted", rung, planted, planted, lambda: planted(100), range(0), {})


def always(classes: int, winner: int) -> Any:
    """Return a network that is sure of one class."""

    def network(images: Tensor) -> Tensor:
        return torch.eye(classes)[torch.full((len(images),), winner)]

    return network


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Give planted faces, and judges who always see contempt on person 2."""
    monkeypatch.setattr(checkpoints, "CACHE", tmp_path / "cache")
    seven = len(EXPRESSIONS)
    sure = Judges(always(seven, 1), always(PEOPLE, 2), EXPRESSIONS, PEOPLE, frozenset())
    monkeypatch.setattr(datasets, "load", lambda dataset, sizes: corpus())
    monkeypatch.setattr(checkpoints, "panel", lambda profile, corpus: sure)


def described(name: str = "as in the book", rung: str = "open") -> dict[str, Any]:
    """Return one run at the tiny size."""
    return ablations.describe(TINY, corpus(rung), VARIANTS[name], 0)


def test_every_study_changes_what_it_says_and_nothing_else() -> None:
    book = described()
    for name, variant in VARIANTS.items():
        run = described(name)
        assert run["training"] == asdict(TINY.gan) | dict(variant.changes)
        assert run["model"]["width"] == TINY.width * variant.width
        others = run.keys() - {"training", "model"}
        assert {key: run[key] for key in others} == {key: book[key] for key in others}


def test_equations_alone_have_every_switch_at_the_papers_value() -> None:
    left = replace(STUDY.gan, **ablations.EQUATIONS)
    paper = GANConfig()
    shortened = {"steps", "intervals", "batch", "augmentation"}
    for each in fields(GANConfig):
        same = getattr(left, each.name) == getattr(paper, each.name)
        assert same != (each.name in shortened), each.name


def test_made_faces_are_of_the_person_asked_for() -> None:
    generator, asked = Generator(small(PEOPLE)).eval(), torch.full((7,), ablations.ASKED)
    rows = ablations.first_rows(planted())
    assert planted().identities[rows].tolist() == [ablations.SOURCE] * len(EXPRESSIONS)
    assert planted().expressions[rows].tolist() == list(range(len(EXPRESSIONS)))
    output = generator(augment.centre(planted().images[rows]), asked, torch.zeros(7, NOISE))
    made = ablations.made_of(generator, planted())
    np.testing.assert_array_equal(made, augment.pixels(output))


def test_a_run_reports_what_the_judges_see_and_keeps_faces() -> None:
    metrics = ablations.run_one(described())
    assert metrics["expression"]["value"] == pytest.approx(1 / len(EXPRESSIONS))
    assert 0 < metrics["identity"]["value"] < 1  # of the people drawn, some are person 2
    assert metrics["leak"]["value"] == pytest.approx(1 / PEOPLE)
    assert metrics["ceiling"]["identity"]["value"] == pytest.approx(1 / PEOPLE)
    assert metrics["history"]["generator"][0] is None  # the warm-up
    assert metrics["history"]["generator"][1] > 0
    assert results.plain(metrics) == metrics  # a result file can hold it
    strip = Image.open(io.BytesIO(base64.b64decode(metrics["faces"])))
    assert strip.size == (32 * len(EXPRESSIONS), 32)


def test_faces_of_the_original_sets_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load", lambda dataset, sizes: corpus("original"))
    form = small(PEOPLE)
    monkeypatch.setattr(checkpoints, "model_config", lambda profile, corpus: form)
    assert ablations.run_one(described(rung="original"))["faces"] == ""
