"""Where the networks of Part II come from, and that those that are shipped do what is said."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from lib.faces import classifier, gan_training
from lib.faces.classifier import Classifier, ClassifierConfig
from lib.faces.data.corpus import EXPRESSIONS, Corpus, Faces, Sizes
from lib.faces.de_gan import Generator, initialise
from lib.faces.gan_training import GANConfig
from lib.faces.runs import checkpoints
from lib.faces.runs.checkpoints import KINDS
from lib.faces.runs.profiles import PROFILES
from lib.runs import results
from lib.runs.checkpoints import save_weights
from lib.runs.trainer import Training
from tests.faces.made_up import coloured

Run = dict[str, Any]
PEOPLE, SIDE = 4, 32
GAN = GANConfig(
    steps=8,
    intervals=4,
    batch=6,
    learning_rate=1e-3,
    augmentation="flips",
    warm_up=2,
    own_identity=0.5,
    reconstruction=5.0,
)
TINY = replace(
    PROFILES["smoke"],
    sizes=Sizes(side=SIDE, people=PEOPLE, frames=1, held_out=1, shapes={}),
    gan=GAN,
    judge=ClassifierConfig(steps=3, batch=6, learning_rate=1e-3),
)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give the folder of the test, with nothing shipped or cached."""
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(checkpoints, "CACHE", tmp_path / "cache")
    monkeypatch.delenv("BOOK_RETRAIN", raising=False)
    return tmp_path


def noisy(seed: int) -> Faces:
    """Return noise under every name, all expressions of all people once."""
    return coloured(PEOPLE, EXPRESSIONS, 1, seed)


def no_faces() -> Faces:
    """Stand where faces would be made that nobody needs."""
    raise AssertionError("these faces are not to be made")


def corpus(rung: str = "open", name: str = "coloured", **sets: Callable[[], Faces]) -> Corpus:
    """Return a corpus of noise, or of the sets given."""
    made = {"pretraining": lambda: noisy(0), "judging": lambda: noisy(1)} | sets
    return Corpus(name, rung, **made, held_out=no_faces, judging_sequences=range(0), sets={})


def untrained(kind: str) -> nn.Module:
    """Return a network of the tiny form whose weights were drawn."""
    config = checkpoints.model_config(TINY, corpus())
    network = Generator(config) if kind == "de_gan" else Classifier(config, PEOPLE)
    initialise(network, torch.Generator().manual_seed(0))
    return network


def test_every_kind_rung_set_and_profile_is_another_training() -> None:
    profiles = [TINY, replace(TINY, width=0.25)]
    profiles += [
        replace(TINY, sizes=replace(TINY.sizes, **change))
        for change in ({"people": 5}, {"frames": 2}, {"seed": 1}, {"side": 48})
    ]
    corpora = [corpus(), corpus("original"), corpus(name="other")]
    runs = [
        checkpoints.describe(kind, profile, each)
        for kind in KINDS
        for profile in profiles
        for each in corpora
    ]
    assert len({results.key(run) for run in runs}) == len(runs) == 4 * 6 * 3
    assert all(results.plain(run) == run for run in runs)
    trained_as = {run["kind"]: run["training"] for run in runs}
    assert trained_as.pop("de_gan") == asdict(TINY.gan)
    assert all(training == asdict(TINY.judge) for training in trained_as.values())
    assert checkpoints.model_config(TINY, corpus("original")).expressions == 6  # no contempt
    other = replace(TINY, recogniser=GAN, folds=7, sizes=replace(TINY.sizes, held_out=9))
    for kind in KINDS:  # what does not concern a network leaves it the same
        assert checkpoints.describe(kind, other, corpus()) == runs[18 * KINDS.index(kind)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_is_trained_once_from_its_own_pictures_goes_on_and_is_then_loaded(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That what goes on ends at the same bits is held in tests/runs/test_trainers.py."""
    monkeypatch.setattr(classifier, "CHECKPOINT_STEPS", 1)
    unwanted = "pretraining" if kind.endswith("judge") else "judging"
    own, begun, advance = corpus(**{unwanted: no_faces}), list[int](), Training.advance

    def stopping(one: Training) -> dict[str, float]:
        begun.append(one.done)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return advance(one)

    monkeypatch.setattr(Training, "advance", stopping)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.trained(kind, TINY, own)
    first = checkpoints.trained(kind, TINY, own)
    assert begun[3] > 0
    kept = {first.path, first.path.with_suffix(".json")}
    kept |= {checkpoints.discriminator_path(first.run)} if kind == "de_gan" else set()
    assert set((folder / "cache").iterdir()) == kept  # no progress is left
    again = checkpoints.trained(kind, TINY, corpus(pretraining=no_faces, judging=no_faces))
    assert again == first


@pytest.mark.parametrize("kind", ["de_gan", "identity_judge"])
def test_a_network_is_loaded_frozen_in_full_precision(kind: str) -> None:
    path = checkpoints.shipped_path("open", kind)
    save_weights(untrained(kind), path)
    record = {"run": checkpoints.describe(kind, TINY, corpus()), "history": {}}
    path.with_suffix(".json").write_text(json.dumps(record))
    network = checkpoints.load(checkpoints.trained(kind, TINY, corpus()))
    assert type(network) is (Generator if kind == "de_gan" else Classifier)
    assert not network.training and not any(w.requires_grad for w in network.parameters())
    expected = untrained(kind).state_dict()
    for name, value in network.state_dict().items():
        rounded = expected[name].half().float() if value.is_floating_point() else expected[name]
        assert value.dtype == expected[name].dtype and torch.equal(value, rounded), name


def test_losses_that_did_not_occur_are_minus_one_in_the_record() -> None:
    config = checkpoints.model_config(TINY, corpus())
    exact = gan_training.train(config, GAN, noisy(0), KINDS.index("de_gan")).history
    found = checkpoints.trained("de_gan", TINY, corpus())
    assert "NaN" not in found.path.with_suffix(".json").read_text()
    assert found.history.keys() == exact.keys()
    for name, values in found.history.items():
        assert np.isnan(exact[name]).tolist() == [name != "discriminator", False, False, False]
        expected = np.nan_to_num(exact[name], nan=-1.0)
        np.testing.assert_allclose(values, expected, atol=6e-5, err_msg=name)
