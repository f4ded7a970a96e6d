"""One run of the second stage: who trains and who tests, which encoder, and what is refused."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lib.faces import classifier, folds, gan_training
from lib.faces.classifier import Classifier, ClassifierConfig
from lib.faces.data.corpus import Faces, Requests, Shape, Sizes
from lib.faces.de_gan import Discriminator, Generator, ModelConfig
from lib.faces.runs import checkpoints, experiments
from lib.faces.runs.experiments import METHODS
from lib.faces.runs.profiles import PROFILES, Profile
from lib.runs import results
from lib.runs.checkpoints import save_weights
from tests.faces.made_up import CLASSES, coloured, measured, small

Run = dict[str, Any]
PEOPLE, FRAMES, COUNT = 8, 2, 4  # and folds
SHAPE = Shape(PEOPLE, dict.fromkeys(CLASSES, PEOPLE), FRAMES)
MODEL = small(5, 3)
TRAINING = ClassifierConfig(steps=3, batch=6, learning_rate=1e-3)
FACES_OF_RUN = experiments.faces


@pytest.fixture(autouse=True)
def faces(monkeypatch: pytest.MonkeyPatch) -> Faces:
    """Give the coloured faces, in place of every set."""
    found = coloured()
    monkeypatch.setattr(experiments, "faces", lambda run: found)
    return found


@pytest.fixture(autouse=True)
def encoders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give the folder with one encoder of each kind."""
    monkeypatch.setattr(experiments, "SHIPPED", tmp_path)
    monkeypatch.setattr(experiments, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(checkpoints, "CACHE", tmp_path / "cache")
    networks = {"de_gan": Generator(MODEL), "supervised": Classifier(MODEL, 7)}
    for kind, network in networks.items():
        path = tmp_path / f"part2_open_{kind}.safetensors"
        save_weights(measured(network), path)
        path.with_suffix(".json").write_text(json.dumps({"run": {"model": asdict(MODEL)}}))
    return tmp_path


PROFILE = replace(
    PROFILES["smoke"],
    sizes=Sizes(side=32, people=5, frames=1, held_out=1, shapes={"ck": SHAPE}),
    recogniser=TRAINING,
    baseline=TRAINING,
    folds=COUNT,
)


def config(method: str, fold: int = 0, seed: int = 0, profile: Profile = PROFILE) -> Run:
    """Return one run on the coloured faces; encoders are those of the folder."""
    kind = METHODS[method][0]
    encoder = experiments.SHIPPED / f"part2_open_{kind}.safetensors" if kind else None
    common = experiments.describe(profile, "open")
    return results.plain(experiments.config(common, method, fold, seed, encoder))


@pytest.mark.parametrize(("method", "name"), [("de_gan", "encoder"), ("supervised", "trunk")])
def test_the_encoder_is_the_stored_one(faces: Faces, method: str, name: str) -> None:
    stored = measured(Generator(MODEL) if method == "de_gan" else Classifier(MODEL, 7))
    found = experiments.build(config(method), faces).get_submodule("encoder").state_dict()
    for key, value in stored.get_submodule(name).state_dict().items():
        assert found[key].dtype == value.dtype
        torch.testing.assert_close(found[key], value, rtol=1e-3, atol=1e-7)  # float16


def test_everyone_is_tested_once_and_never_trained_on_in_that_fold(faces: Faces) -> None:
    tested = []
    for fold in range(COUNT):
        train, test = experiments.rows_of(faces, config("cnn", fold))
        assert not set(faces.identities[train]) & set(faces.identities[test])
        assert sorted([*train, *test]) == list(range(len(faces.images)))
        tested += test.tolist()
    assert sorted(tested) == list(range(len(faces.images)))


def test_a_set_is_rendered_and_another_than_described_is_refused(asked: list[Requests]) -> None:
    found = FACES_OF_RUN(config("cnn"))
    assert len(asked) == 1 and len(asked[0].people) == len(found.images)
    assert found.images.shape == (2 * 3 * PEOPLE, 36, 36, 3) and found.rung == "open"
    assert found.classes == CLASSES and found.people == PEOPLE
    with pytest.raises(ValueError, match="the faces of ict are not those of this run"):
        FACES_OF_RUN({**config("cnn"), "fingerprint": "0" * 16})


def test_fine_tuning_begins_with_the_stored_networks_and_other_people(
    faces: Faces, encoders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}
    train = gan_training.train

    def watched(model: ModelConfig, *rest: Any, **named: Any) -> Any:
        seen.update(model=model, people=rest[1].people, start=named["start"])
        return train(model, *rest, **named)

    monkeypatch.setattr(gan_training, "train", watched)
    run = config("de_gan fine-tuned")
    record = {"run": {"model": asdict(MODEL)}}
    rows, _ = experiments.rows_of(faces, run)
    with pytest.raises(FileNotFoundError, match="fine-tuning needs the discriminator too"):
        experiments.build(run, faces.take(rows))
    save_weights(Discriminator(MODEL), checkpoints.discriminator_path(record["run"]))
    network = experiments.build(run, faces.take(rows))
    assert seen["model"].identities == seen["people"] == len(set(faces.identities[rows]))
    stored = experiments.load_encoder(encoders / "part2_open_de_gan.safetensors", "encoder", MODEL)
    torch.testing.assert_close(seen["start"][0].encoder.state_dict(), stored.state_dict())
    frozen = network.get_submodule("encoder").parameters()
    assert not any(weight.requires_grad for weight in frozen)


def test_a_run_names_what_it_reads_and_every_run_is_another(faces: Faces, encoders: Path) -> None:
    runs = [config(method, fold, 3) for method in METHODS for fold in range(COUNT)]
    assert len({results.key(run) for run in runs}) == len(runs)
    assert all(results.plain(run) == run and "fingerprint" not in run for run in runs)
    read = experiments.describe(PROFILE, "original")
    assert read["fingerprint"] == faces.fingerprint() and read["dataset"] == "original"
    before, other = config("de_gan"), config("supervised")
    save_weights(Generator(MODEL), encoders / "part2_open_de_gan.safetensors")
    assert config("de_gan")["encoder"] != before["encoder"]
    assert config("supervised") == other and config("cnn")["encoder"] == ""
    with pytest.raises(FileNotFoundError, match=f"no network with digest {before['encoder']}; tr"):
        experiments.run_one(before)


def test_a_planted_leak_stops_the_run_before_training(
    faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folds, "split", lambda people, labels, count: np.arange(len(people)) % 4)
    monkeypatch.setattr(classifier, "fit", lambda *_: pytest.fail("trained on a leak"))
    with pytest.raises(ValueError, match=r"person \d is in folds \d and \d"):
        experiments.run_one(config("cnn"))
    with pytest.raises(ValueError, match="fold 4 of 4; they count from 0"):
        experiments.run_one(config("cnn", COUNT))


def test_plain_expressions_are_recognised(faces: Faces) -> None:
    longer = replace(TRAINING, steps=60, batch=12, learning_rate=5e-3)
    run = config("de_gan", profile=replace(PROFILE, recogniser=longer))
    found = experiments.run_one(run)
    _, test = experiments.rows_of(faces, run)
    assert found["rows"] == test.tolist()
    assert found["identities"] == faces.identities[test].tolist()
    assert found["targets"] == faces.expressions[test].tolist()
    assert np.mean(np.equal(found["predicted"], found["targets"])) >= 0.9
    assert found["loss"] < 0.5 and results.plain(found) == found


@pytest.mark.parametrize("method", [name for name in METHODS if "fine" not in name])
def test_every_method_trains_its_parts(method: str, faces: Faces) -> None:
    network = experiments.build(config(method), faces)
    trained = {name for name, weight in network.named_parameters() if weight.requires_grad}
    assert any(name.startswith("trunk.") for name in trained) == (method == "cnn")
    assert any(name.startswith("local.") for name in trained) == ("maps" in METHODS[method][1])
    assert hasattr(network, "encoder") == (method != "cnn")


def test_an_interrupted_run_goes_on_in_its_stage_and_leaves_nothing(
    encoders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "CHECKPOINT_STEPS", 1)
    gan = replace(PROFILE.fine_tuning, steps=4, intervals=4)
    run = config("de_gan fold only", 1, profile=replace(PROFILE, fine_tuning=gan))
    whole = experiments.run_one(run)
    taken: list[tuple[str, int]] = []
    stops = [("gan", 3), ("reader", 2)]

    def count(stage: str, kind: Any, position: Any) -> None:
        advance = kind.advance

        def counted(trainer: Any) -> Any:
            place = (stage, position(trainer))
            if place in stops:
                stops.remove(place)
                raise KeyboardInterrupt
            taken.append(place)
            return advance(trainer)

        monkeypatch.setattr(kind, "advance", counted)

    count("gan", gan_training.Trainer, lambda trainer: trainer.done)
    count("reader", classifier.Trainer, lambda trainer: trainer.done)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            experiments.run_one(run)
    again = experiments.run_one(run)
    assert {**again, "seconds": 0} == {**whole, "seconds": 0}
    assert taken == [("gan", step) for step in range(4)] + [("reader", step) for step in range(3)]
    assert list((encoders / "cache").iterdir()) == []
