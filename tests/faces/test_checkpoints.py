"""Where the networks of Part II come from, and that those that are shipped do what is said."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from lib.faces import classifier, gan_training
from lib.faces.classifier import Classifier, ClassifierConfig
from lib.faces.data import datasets
from lib.faces.data.corpus import EXPRESSIONS, Corpus, Faces, Sizes
from lib.faces.de_gan import Discriminator, Generator, ModelConfig, initialise
from lib.faces.gan_training import GANConfig
from lib.faces.runs import checkpoints
from lib.faces.runs.checkpoints import KINDS
from lib.faces.runs.profiles import PROFILES, Profile
from lib.runs import results
from lib.runs.checkpoints import save_weights
from lib.runs.trainer import Training

Run = dict[str, Any]
PEOPLE, SIDE, SOURCE = 4, 32, 36  # source_side(32)
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


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Hold torch to one thread: sums come out in one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give the folder of the test, with nothing shipped or cached."""
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(checkpoints, "CACHE", tmp_path / "cache")
    monkeypatch.delenv("BOOK_RETRAIN", raising=False)
    return tmp_path


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record which networks are really trained."""
    done: list[str] = []
    train = checkpoints.train

    def counted(path: Path, run: Run, profile: Profile, corpus: Corpus) -> None:
        done.append(run["kind"])
        train(path, run, profile, corpus)

    monkeypatch.setattr(checkpoints, "train", counted)
    return done


def noisy(seed: int) -> Faces:
    """Return noise under every name, all expressions of all people once."""
    who, what = np.indices((PEOPLE, len(EXPRESSIONS))).reshape(2, -1)
    shape = (len(who), SOURCE, SOURCE, 3)
    images = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    rows = np.arange(len(who))
    return Faces("noise", "open", images, what, who, rows, 0 * rows, EXPRESSIONS)


def no_faces() -> Faces:
    """Stand where faces would be made that nobody needs."""
    raise AssertionError("these faces are not to be made")


def corpus(rung: str = "open", name: str = "noise", **sets: Callable[[], Faces]) -> Corpus:
    """Return a corpus of noise, or of the sets given."""
    made = {"pretraining": lambda: noisy(0), "judging": lambda: noisy(1)} | sets
    return Corpus(name, rung, **made, held_out=no_faces, judging_sequences=range(0), sets={})


def untrained(kind: str, seed: int = 0) -> nn.Module:
    """Return a network of the tiny form whose weights were drawn."""
    config = checkpoints.model_config(TINY, corpus())
    made = {
        "de_gan": lambda: Generator(config),
        "identity_judge": lambda: Classifier(config, PEOPLE),
    }
    network = made.get(kind, lambda: Classifier(config, len(EXPRESSIONS)))()
    initialise(network, torch.Generator().manual_seed(seed))
    return network


def ship_by_hand(kind: str, changes: Run | None = None) -> Path:
    """Put drawn weights where shipped ones stand, and a record, which fits but for the changes."""
    path = checkpoints.shipped_path("open", kind)
    save_weights(untrained(kind), path)
    run = checkpoints.describe(kind, TINY, corpus()) | (changes or {})
    path.with_suffix(".json").write_text(json.dumps({"run": run, "history": {"loss": [1.0]}}))
    return path


# --- what a training is


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_is_plain_and_survives_its_file(kind: str) -> None:
    run = checkpoints.describe(kind, TINY, corpus())
    assert results.plain(run) == run == json.loads(json.dumps(run))
    assert (run["kind"], run["dataset"], run["rung"]) == (kind, "noise", "open")


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


@pytest.mark.parametrize(
    ("kind", "rung", "configuration"),
    [
        ("de_gan", "open", TINY.gan),
        ("de_gan", "original", TINY.gan),
        ("supervised", "open", TINY.judge),
        ("expression_judge", "open", TINY.judge),
        ("identity_judge", "open", TINY.judge),
    ],
)
def test_each_kind_is_trained_as_the_profile_says(
    kind: str, rung: str, configuration: GANConfig | ClassifierConfig
) -> None:
    assert checkpoints.describe(kind, TINY, corpus(rung))["training"] == asdict(configuration)


def test_what_does_not_concern_a_network_leaves_its_training_the_same() -> None:
    other = replace(
        TINY,
        recogniser=TINY.judge,
        fine_tuning=GAN,
        folds=7,
        sizes=replace(TINY.sizes, held_out=9),
    )
    for kind in KINDS:
        before = checkpoints.describe(kind, TINY, corpus())
        assert checkpoints.describe(kind, other, corpus()) == before
    longer = replace(TINY, judge=replace(TINY.judge, steps=4))
    changed = [
        kind
        for kind in KINDS
        if checkpoints.describe(kind, longer, corpus())
        != checkpoints.describe(kind, TINY, corpus())
    ]
    assert changed == ["supervised", "expression_judge", "identity_judge"]


def test_the_original_people_show_no_contempt() -> None:
    assert checkpoints.model_config(TINY, corpus("original")).expressions == 6  # BU-4DFE
    assert checkpoints.model_config(TINY, corpus("open")) == ModelConfig(PEOPLE, 7, SIDE, 0.125)


# --- shipped, kept or trained now


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_shipped_is_taken_where_it_fits(kind: str, trainings: list[str]) -> None:
    path = ship_by_hand(kind)
    found = checkpoints.trained(kind, TINY, corpus(pretraining=no_faces, judging=no_faces))
    assert (found.path, found.history) == (path, {"loss": [1.0]})
    assert found.run == checkpoints.describe(kind, TINY, corpus())
    assert trainings == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("training", asdict(replace(TINY.judge, steps=4))),
        ("fingerprint", "0"),  # a field that `describe` does not know
    ],
)
def test_what_is_shipped_is_left_where_its_record_is_anothers(
    field: str, value: Any, trainings: list[str], folder: Path
) -> None:
    path = ship_by_hand("supervised", {field: value})
    before = path.read_bytes()
    found = checkpoints.trained("supervised", TINY, corpus())
    assert found.path.parent == folder / "cache" and trainings == ["supervised"]
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_is_trained_once_and_then_loaded(
    kind: str, trainings: list[str], folder: Path
) -> None:
    first = checkpoints.trained(kind, TINY, corpus())
    before = first.path.read_bytes()
    again = checkpoints.trained(kind, TINY, corpus(pretraining=no_faces, judging=no_faces))
    assert again == first and trainings == [kind]
    assert first.path.read_bytes() == before
    expected = {first.path, first.path.with_suffix(".json")}
    if kind == "de_gan":
        expected.add(checkpoints.discriminator_path(first.run))
    assert set((folder / "cache").iterdir()) == expected  # no progress is left
    assert not (folder / "shipped").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_judges_learn_from_other_pictures_than_de_gan(kind: str) -> None:
    judging = kind.endswith("judge")
    unwanted = "pretraining" if judging else "judging"
    found = checkpoints.trained(kind, TINY, corpus(**{unwanted: no_faces}))
    assert found.path.is_file()
    wanted = "judging" if judging else "pretraining"
    with pytest.raises(AssertionError, match="not to be made"):
        checkpoints.trained(kind, replace(TINY, width=0.25), corpus(**{wanted: no_faces}))


# --- interrupted


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_training_goes_on_to_the_same_weights(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "CHECKPOINT_STEPS", 1)
    whole = checkpoints.trained(kind, TINY, corpus())
    monkeypatch.setattr(checkpoints, "CACHE", folder / "again")
    taken: list[int] = []
    advance = Training.advance

    def stopping(one: Training) -> dict[str, float]:
        if len(taken) == 2:
            raise KeyboardInterrupt
        taken.append(one.done)
        return advance(one)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "advance", stopping)
        with pytest.raises(KeyboardInterrupt):
            checkpoints.trained(kind, TINY, corpus())
    assert {path.suffix for path in (folder / "again").iterdir()} >= {".training"}
    found = checkpoints.trained(kind, TINY, corpus())
    assert found.path.read_bytes() == whole.path.read_bytes() and found.history == whole.history
    kept = {found.path, found.path.with_suffix(".json")}
    if kind == "de_gan":
        kept.add(checkpoints.discriminator_path(found.run))
    assert set((folder / "again").iterdir()) == kept


# --- loaded


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_is_loaded_frozen_in_full_precision(kind: str) -> None:
    path = ship_by_hand(kind)
    network = checkpoints.load(checkpoints.trained(kind, TINY, corpus()))
    assert type(network) is (Generator if kind == "de_gan" else Classifier)
    if kind != "de_gan":
        assert network.head.out_features == (PEOPLE if kind == "identity_judge" else 7)
    assert not network.training and not any(w.requires_grad for w in network.parameters())
    assert {value.dtype for value in load_file(path).values()} == {torch.float16, torch.int64}
    expected = untrained(kind).state_dict()
    for name, value in network.state_dict().items():
        rounded = expected[name].half().float() if value.is_floating_point() else expected[name]
        assert value.dtype == expected[name].dtype and torch.equal(value, rounded), name


def test_both_networks_come_back_to_be_trained_on() -> None:
    found = checkpoints.trained("de_gan", TINY, corpus())
    generator, discriminator = checkpoints.pair(found.path)
    assert isinstance(generator, Generator) and isinstance(discriminator, Discriminator)
    stored = load_file(found.path), load_file(checkpoints.discriminator_path(found.run))
    for network, weights in zip((generator, discriminator), stored, strict=True):
        assert all(weight.requires_grad for weight in network.parameters())
        for name, value in network.state_dict().items():
            assert value.dtype != torch.float16 and torch.equal(value, weights[name].to(value))


def test_a_shipped_generator_alone_cannot_be_trained_on(trainings: list[str]) -> None:
    path = ship_by_hand("de_gan")
    other = checkpoints.describe("de_gan", replace(TINY, gan=replace(GAN, steps=12)), corpus())
    save_weights(
        Discriminator(ModelConfig(**other["model"])), checkpoints.discriminator_path(other)
    )
    with pytest.raises(FileNotFoundError, match="needs the discriminator too, and part2_open_"):
        checkpoints.pair(path)


# --- the record


def no_constant(name: str) -> float:
    """Refuse what is no JSON: NaN and Infinity, which Python would read."""
    raise AssertionError(f"{name} in a record")


def test_losses_that_did_not_occur_are_minus_one_in_the_record() -> None:
    faces = noisy(0)
    config = checkpoints.model_config(TINY, corpus())
    exact = gan_training.train(config, GAN, faces, checkpoints.SEEDS["de_gan"]).history
    found = checkpoints.trained("de_gan", TINY, corpus())
    json.loads(found.path.with_suffix(".json").read_text(), parse_constant=no_constant)
    assert found.history.keys() == exact.keys()
    for name, values in found.history.items():
        expected = np.nan_to_num(exact[name], nan=-1.0)
        np.testing.assert_allclose(values, expected, atol=6e-5, err_msg=name)
    missing = {name: np.flatnonzero(np.isnan(each)).tolist() for name, each in exact.items()}
    waited = [0]  # the warm-up is the first of four intervals
    assert missing == {
        "discriminator": [],
        "generator": waited,
        "reconstruction": waited,
        "strength": waited,
    }


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([3.0, 2.0, 1.00004], [3.0, 2.0, 1.0]),
        (list(range(250)), [*np.arange(1, 150, 3), *np.arange(150.5, 250, 2)]),  # by 3, then by 2
    ],
)
def test_losses_of_a_classifier_are_recorded_in_a_hundred_parts(
    losses: list[float], expected: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "fit", lambda *arguments: losses)
    found = checkpoints.trained("expression_judge", TINY, corpus())
    assert found.history == {"loss": expected}


def test_what_is_shipped_is_of_the_quick_profile(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    asked: list[tuple[str, Sizes]] = []

    def load(name: str, sizes: Sizes) -> Corpus:
        asked.append((name, sizes))
        return corpus(name=name)

    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setitem(PROFILES, "quick", TINY)
    path = folder / "shipped" / "part2_open_supervised.safetensors"
    assert checkpoints.ship("supervised") == [path] and asked == [("ict", TINY.sizes)]
    assert checkpoints.trained("supervised", TINY, corpus(name="ict")).path == path
