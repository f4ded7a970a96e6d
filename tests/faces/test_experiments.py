"""One run of the second stage: who trains and who tests, which encoder, and what is refused."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lib.book import results
from lib.book.weights import save_weights
from lib.faces import augment, classifier, experiments, folds
from lib.faces.classifier import Classifier
from lib.faces.data import Faces, Shape
from lib.faces.datasets import made
from lib.faces.experiments import METHODS
from lib.faces.models import Generator, ModelConfig, Trunk, initialise
from lib.faces.profiles import ClassifierConfig

Run = dict[str, Any]
CLASSES = ("fear", "happiness", "surprise")
PEOPLE, FRAMES, COUNT = 8, 2, 4  # and folds
SHAPE = Shape(PEOPLE, dict.fromkeys(CLASSES, PEOPLE), FRAMES)
MODEL = ModelConfig(identities=5, expressions=3, side=32, width=0.125)
TRAINING = ClassifierConfig(steps=3, batch=6, learning_rate=1e-3)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Hold torch to one thread: sums come out in one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def planted() -> Faces:
    """Return noisy faces whose brightest channel is their expression."""
    people, labels, frames = np.indices((PEOPLE, len(CLASSES), FRAMES)).reshape(3, -1)
    generator = np.random.default_rng(0)
    images = generator.integers(0, 120, (len(people), 36, 36, 3), dtype=np.uint8)
    images[np.arange(len(people)), :, :, labels] += 120
    sequences = people * len(CLASSES) + labels
    return Faces("planted", "embedded", images, labels, people, sequences, frames, CLASSES)


@pytest.fixture(autouse=True)
def faces(monkeypatch: pytest.MonkeyPatch) -> Faces:
    """Give the planted faces, in place of every set."""
    found = planted()
    monkeypatch.setattr(experiments, "load_set", lambda *wanted: found)
    return found


@pytest.fixture(autouse=True)
def encoders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give the folder with one encoder of each kind."""
    monkeypatch.setattr(experiments, "SHIPPED", tmp_path)
    networks = {"de_gan": Generator(MODEL), "supervised": Classifier(MODEL, 7)}
    for seed, (kind, network) in enumerate(networks.items()):
        initialise(network, torch.Generator().manual_seed(seed))
        measure(network)
        path = tmp_path / f"part2_embedded_{kind}.safetensors"
        save_weights(network, path)
        path.with_suffix(".json").write_text(json.dumps({"run": {"model": asdict(MODEL)}}))
    return tmp_path


def measure(network: torch.nn.Module) -> None:
    """Give normalisation the statistics of the planted faces, as training would."""
    trunks = [module for module in network.modules() if isinstance(module, Trunk)]
    for module in trunks[0].modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    trunks[0](augment.centre(torch.from_numpy(planted().images)))


def common(training: ClassifierConfig = TRAINING) -> Run:
    """Return what all runs on the planted faces have in common."""
    return experiments.describe("ck", "embedded", SHAPE, MODEL, training, 0, COUNT)


# --- what a run is


def test_a_run_is_plain_and_names_what_it_reads(faces: Faces) -> None:
    run = experiments.config(common(), "de_gan", 2, 5)
    assert results.plain(run) == run
    assert (run["fold"], run["seed"], run["folds"]) == (2, 5, COUNT)
    assert run["fingerprint"] == faces.fingerprint() and run["dataset"] == "planted"
    assert re.fullmatch("[0-9a-f]{16}", run["encoder"])
    assert experiments.config(common(), "cnn", 2, 5)["encoder"] == ""


def test_every_run_is_another_one() -> None:
    runs = experiments.grid(common(), list(METHODS), seed=3)
    assert len({results.key(run) for run in runs}) == len(runs) == COUNT * len(METHODS)
    assert {run["seed"] for run in runs} == {3}
    assert [run["fold"] for run in runs[:: len(METHODS)]] == list(range(COUNT))


def test_another_encoder_is_another_run(encoders: Path) -> None:
    before = experiments.config(common(), "de_gan", 0, 0)
    other = experiments.config(common(), "supervised", 0, 0)
    save_weights(Generator(MODEL), encoders / "part2_embedded_de_gan.safetensors")
    assert experiments.config(common(), "de_gan", 0, 0)["encoder"] != before["encoder"]
    assert experiments.config(common(), "supervised", 0, 0) == other
    with pytest.raises(ValueError, match="is not the encoder of this run; describe it anew"):
        experiments.run_one(before)


def test_every_method_has_its_encoder_and_parts() -> None:
    for method, (kind, parts) in METHODS.items():
        network = experiments.build(experiments.config(common(), method, 0, 0), 3)
        trained = {name for name, weight in network.named_parameters() if weight.requires_grad}
        assert any(name.startswith("trunk.") for name in trained) == (method == "cnn")
        assert any(name.startswith("local.") for name in trained) == ("maps" in parts)
        assert bool(kind) == hasattr(network, "encoder")


@pytest.mark.parametrize(("method", "name"), [("de_gan", "encoder"), ("supervised", "trunk")])
def test_the_encoder_is_the_stored_one(encoders: Path, method: str, name: str) -> None:
    stored = {"de_gan": Generator(MODEL), "supervised": Classifier(MODEL, 7)}[method]
    initialise(stored, torch.Generator().manual_seed(list(experiments.TRUNKS).index(method)))
    measure(stored)
    run = experiments.config(common(), method, 0, 0)
    found = experiments.build(run, 3).get_submodule("encoder").state_dict()
    for key, value in stored.get_submodule(name).state_dict().items():
        assert found[key].dtype == value.dtype
        torch.testing.assert_close(found[key], value, rtol=1e-3, atol=1e-7)  # float16


# --- who trains, who tests


def test_everyone_is_tested_once_and_never_trained_on_in_that_fold(faces: Faces) -> None:
    tested = []
    for fold in range(COUNT):
        run = experiments.config(common(), "cnn", fold, 0)
        train, test = experiments.rows_of(faces, run)
        assert not set(faces.identities[train]) & set(faces.identities[test])
        assert sorted([*train, *test]) == list(range(len(faces.images)))
        tested += test.tolist()
    assert sorted(tested) == list(range(len(faces.images)))


def test_a_planted_leak_stops_the_run_before_training(
    faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaking(identities: np.ndarray, expressions: np.ndarray, count: int) -> np.ndarray:
        return np.arange(len(identities)) % count

    def training(*arguments: Any) -> None:
        raise AssertionError("trained on a leak")

    monkeypatch.setattr(folds, "split", leaking)
    monkeypatch.setattr(classifier, "fit", training)
    with pytest.raises(ValueError, match=r"person \d is in folds \d and \d"):
        experiments.run_one(experiments.config(common(), "cnn", 0, 0))


def test_a_class_that_the_training_folds_lack_is_named(
    faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    lone = faces.take(np.flatnonzero((faces.expressions != 1) | (faces.identities == 0)))
    places = (lone.identities > 0).astype(np.int64)
    monkeypatch.setattr(folds, "split", lambda *columns: places)
    run = experiments.config(common(), "cnn", 0, 0)
    with pytest.raises(ValueError, match="no happiness outside fold 0 of planted"):
        experiments.rows_of(lone, run)


@pytest.mark.parametrize("fold", [-1, COUNT])
def test_folds_out_of_range_are_refused(faces: Faces, fold: int) -> None:
    with pytest.raises(ValueError, match=f"fold {fold} of 4; they count from 0"):
        experiments.config(common(), "cnn", fold, 0)
    with pytest.raises(ValueError, match=f"fold {fold} of 4; they count from 0"):
        experiments.rows_of(faces, {**experiments.config(common(), "cnn", 0, 0), "fold": fold})


# --- what comes out


@pytest.mark.parametrize("method", METHODS)
def test_a_run_says_of_every_test_image_what_was_predicted(faces: Faces, method: str) -> None:
    run = results.plain(experiments.config(common(), method, 1, 0))
    found = experiments.run_one(run)
    _, test = experiments.rows_of(faces, run)
    assert found["rows"] == test.tolist()
    assert found["identities"] == faces.identities[test].tolist()
    assert found["targets"] == faces.expressions[test].tolist()
    assert set(found["predicted"]) <= {0, 1, 2} and len(found["predicted"]) == len(test)
    assert results.plain(found) == found and found["parameters"] > 0
    again = experiments.run_one(run)
    assert {**again, "seconds": 0} == {**found, "seconds": 0}


@pytest.mark.parametrize("method", ["cnn", "de_gan"])
def test_plain_expressions_are_recognised(method: str) -> None:
    longer = replace(TRAINING, steps=60, batch=12, learning_rate=5e-3)
    found = experiments.run_one(experiments.config(common(longer), method, 0, 0))
    assert np.mean(np.equal(found["predicted"], found["targets"])) >= 0.9
    assert found["loss"] < 0.5


def test_what_is_predicted_is_the_largest_joint_logit(faces: Faces) -> None:
    network = experiments.build(experiments.config(common(), "de_gan", 0, 0), 3).eval()
    pictures = augment.centre(torch.from_numpy(faces.images[:5]))
    expected = network(pictures).joint.argmax(1)
    assert experiments.predicted(network, faces.images[:5]).tolist() == expected.tolist()


# --- what is refused


def test_other_faces_than_the_runs_are_refused(faces: Faces) -> None:
    run = experiments.config(common(), "cnn", 0, 0)
    faces.images[0] += 1
    with pytest.raises(ValueError, match="the faces of planted are not those of this run"):
        experiments.run_one(run)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown method 'vae'; choose one of: cnn, de_gan, "):
        experiments.config(common(), "vae", 0, 0)


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_a_missing_encoder_is_named(encoders: Path, suffix: str) -> None:
    run = experiments.config(common(), "de_gan", 0, 0)
    path = encoders / f"part2_embedded_de_gan{suffix}"
    path.unlink()
    with pytest.raises(FileNotFoundError, match=f"no encoder under {re.escape(str(path))}; train"):
        experiments.run_one(run)


@pytest.mark.parametrize(("field", "value"), [("width", 0.25), ("side", 48)])
def test_an_encoder_of_another_form_is_named(encoders: Path, field: str, value: float) -> None:
    run = experiments.config(common(), "de_gan", 0, 0)
    path = encoders / "part2_embedded_de_gan.json"
    path.write_text(json.dumps({"run": {"model": {**asdict(MODEL), field: value}}}))
    with pytest.raises(ValueError, match=rf"has {field} {value}, the run .*train an encoder of"):
        experiments.run_one(run)


@pytest.mark.parametrize("content", ["damaged", "another network"])
def test_a_file_that_holds_no_encoder_is_named(encoders: Path, content: str) -> None:
    path = encoders / "part2_embedded_de_gan.safetensors"
    if content == "damaged":
        path.write_bytes(path.read_bytes()[:1000])
    else:
        save_weights(torch.nn.Linear(2, 2), path)
    run = experiments.config(common(), "de_gan", 0, 0)
    with pytest.raises(ValueError, match="holds no such encoder; train it again"):
        experiments.run_one(run)


# --- the sets


def test_the_sets_have_the_papers_shapes() -> None:
    images = {name: sum(s.sequences.values()) * s.frames for name, s in experiments.SETS.items()}
    assert images == {"ck": 981, "mmi": 624, "oulu": 1440}  # section 4.2; the last is not stated


def test_a_set_is_drawn_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    monkeypatch.setitem(made.recognition.__kwdefaults__, "folder", tmp_path)
    shape = Shape(2, {"fear": 2, "surprise": 1}, 2)
    found = experiments.load_set("mmi", "embedded", shape, 32, 3)
    assert found.images.shape == (6, 36, 36, 3) and found.rung == "embedded"
    assert found.classes == ("fear", "surprise") and found.people == 2
    assert [path.name.split("-")[0] for path in tmp_path.glob("*.npy")] == ["drawn_mmi"]


def test_unknown_sets_and_rungs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with pytest.raises(ValueError, match="unknown set 'fer'; choose one of: ck, mmi, oulu"):
        experiments.load_set("fer", "embedded", SHAPE, 32, 0)
    with pytest.raises(ValueError, match="no faces on the rung 'closed'"):
        experiments.load_set("ck", "closed", SHAPE, 32, 0)
