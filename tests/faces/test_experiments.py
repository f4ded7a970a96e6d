"""One run of the second stage: who trains and who tests, which encoder, and what is refused."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lib.faces import augment, classifier, folds, gan_training
from lib.faces.classifier import Classifier, ClassifierConfig
from lib.faces.data.corpus import Corpus, Faces, Shape, Sizes
from lib.faces.de_gan import Discriminator, Generator, ModelConfig, Trunk, initialise
from lib.faces.render import made
from lib.faces.runs import checkpoints, experiments
from lib.faces.runs.experiments import METHODS
from lib.faces.runs.profiles import PROFILES
from lib.runs import results
from lib.runs.checkpoints import save_weights

pytestmark = pytest.mark.usefixtures("one_thread")
Run = dict[str, Any]
CLASSES = ("fear", "happiness", "surprise")
PEOPLE, FRAMES, COUNT = 8, 2, 4  # and folds
SHAPE = Shape(PEOPLE, dict.fromkeys(CLASSES, PEOPLE), FRAMES)
MODEL = ModelConfig(identities=5, expressions=3, side=32, width=0.125)
TRAINING = ClassifierConfig(steps=3, batch=6, learning_rate=1e-3)


def planted() -> Faces:
    """Return noisy faces whose brightest channel is their expression."""
    people, labels, frames = np.indices((PEOPLE, len(CLASSES), FRAMES)).reshape(3, -1)
    generator = np.random.default_rng(0)
    images = generator.integers(0, 120, (len(people), 36, 36, 3), dtype=np.uint8)
    images[np.arange(len(people)), :, :, labels] += 120
    sequences = people * len(CLASSES) + labels
    return Faces("planted", "open", images, labels, people, sequences, frames, CLASSES)


@pytest.fixture(autouse=True)
def faces(monkeypatch: pytest.MonkeyPatch) -> Faces:
    """Give the planted faces, in place of every set."""
    found = planted()
    monkeypatch.setattr(experiments, "faces", lambda run: found)
    return found


@pytest.fixture(autouse=True)
def encoders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give the folder with one encoder of each kind."""
    monkeypatch.setattr(experiments, "SHIPPED", tmp_path)
    monkeypatch.setattr(experiments, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(checkpoints, "CACHE", tmp_path / "cache")
    networks = {"de_gan": Generator(MODEL), "supervised": Classifier(MODEL, 7)}
    for seed, (kind, network) in enumerate(networks.items()):
        initialise(network, torch.Generator().manual_seed(seed))
        measure(network)
        path = tmp_path / f"part2_open_{kind}.safetensors"
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


PROFILE = replace(
    PROFILES["smoke"],
    sizes=Sizes(side=32, people=5, frames=1, held_out=1, shapes={"ck": SHAPE}),
    recogniser=TRAINING,
    baseline=TRAINING,
    folds=COUNT,
)


def common(trained_by: ClassifierConfig = TRAINING) -> Run:
    """Return what all runs on the planted faces have in common."""
    profile = replace(PROFILE, recogniser=trained_by, baseline=trained_by)
    return experiments.describe(profile, "open")


def config(method: str, fold: int, seed: int, shared: Run | None = None) -> Run:
    """Return one run; encoders are those of the folder."""
    kind = METHODS[method][0]
    encoder = experiments.SHIPPED / f"part2_open_{kind}.safetensors" if kind else None
    return experiments.config(shared or common(), method, fold, seed, encoder)


# --- what a run is


def test_a_run_is_plain_and_names_what_it_reads(faces: Faces) -> None:
    run = config("de_gan", 2, 5)
    assert results.plain(run) == run
    assert (run["fold"], run["seed"], run["folds"]) == (2, 5, COUNT)
    assert run["dataset"] == "ict" and "fingerprint" not in run
    assert re.fullmatch("[0-9a-f]{16}", run["encoder"])
    assert config("cnn", 2, 5)["encoder"] == ""


def test_every_run_is_another_one() -> None:
    runs = [config(method, fold, 3) for method in METHODS for fold in range(COUNT)]
    assert len({results.key(run) for run in runs}) == len(runs) == COUNT * len(METHODS)


def test_sets_that_are_read_are_known_by_their_content(faces: Faces) -> None:
    run = experiments.describe(PROFILE, "original")
    assert run["fingerprint"] == faces.fingerprint() and run["dataset"] == "original"


def test_another_encoder_is_another_run(encoders: Path) -> None:
    before = config("de_gan", 0, 0)
    other = config("supervised", 0, 0)
    save_weights(Generator(MODEL), encoders / "part2_open_de_gan.safetensors")
    assert config("de_gan", 0, 0)["encoder"] != before["encoder"]
    assert config("supervised", 0, 0) == other
    with pytest.raises(FileNotFoundError, match=f"no network with digest {before['encoder']}; tr"):
        experiments.run_one(before)


def test_every_method_has_its_encoder_and_parts(faces: Faces) -> None:
    for method, (kind, parts) in METHODS.items():
        if method in experiments.TRAINED_ON:
            continue
        network = experiments.build(config(method, 0, 0), faces)
        trained = {name for name, weight in network.named_parameters() if weight.requires_grad}
        assert any(name.startswith("trunk.") for name in trained) == (method == "cnn")
        assert any(name.startswith("local.") for name in trained) == ("maps" in parts)
        assert bool(kind) == hasattr(network, "encoder")


@pytest.mark.parametrize(("method", "name"), [("de_gan", "encoder"), ("supervised", "trunk")])
def test_the_encoder_is_the_stored_one(faces: Faces, method: str, name: str) -> None:
    stored = {"de_gan": Generator(MODEL), "supervised": Classifier(MODEL, 7)}[method]
    initialise(stored, torch.Generator().manual_seed(list(experiments.TRUNKS).index(method)))
    measure(stored)
    run = config(method, 0, 0)
    found = experiments.build(run, faces).get_submodule("encoder").state_dict()
    for key, value in stored.get_submodule(name).state_dict().items():
        assert found[key].dtype == value.dtype
        torch.testing.assert_close(found[key], value, rtol=1e-3, atol=1e-7)  # float16


# --- who trains, who tests


def test_everyone_is_tested_once_and_never_trained_on_in_that_fold(faces: Faces) -> None:
    tested = []
    for fold in range(COUNT):
        run = config("cnn", fold, 0)
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

    def no_training(*arguments: Any) -> None:
        raise AssertionError("trained on a leak")

    monkeypatch.setattr(folds, "split", leaking)
    monkeypatch.setattr(classifier, "fit", no_training)
    with pytest.raises(ValueError, match=r"person \d is in folds \d and \d"):
        experiments.run_one(config("cnn", 0, 0))


def test_a_class_that_the_training_folds_lack_is_named(
    faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    lone = faces.take(np.flatnonzero((faces.expressions != 1) | (faces.identities == 0)))
    places = (lone.identities > 0).astype(np.int64)
    monkeypatch.setattr(folds, "split", lambda *columns: places)
    run = config("cnn", 0, 0)
    with pytest.raises(ValueError, match="no happiness outside fold 0 of planted"):
        experiments.rows_of(lone, run)


@pytest.mark.parametrize("fold", [-1, COUNT])
def test_folds_out_of_range_are_refused(faces: Faces, fold: int) -> None:
    with pytest.raises(ValueError, match=f"fold {fold} of 4; they count from 0"):
        config("cnn", fold, 0)
    with pytest.raises(ValueError, match=f"fold {fold} of 4; they count from 0"):
        experiments.rows_of(faces, {**config("cnn", 0, 0), "fold": fold})


# --- what comes out


@pytest.mark.parametrize("method", [name for name in METHODS if "fine" not in name])
def test_a_run_says_of_every_test_image_what_was_predicted(faces: Faces, method: str) -> None:
    run = results.plain(config(method, 1, 0))
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
    found = experiments.run_one(config(method, 0, 0, common(longer)))
    assert np.mean(np.equal(found["predicted"], found["targets"])) >= 0.9
    assert found["loss"] < 0.5


def test_what_is_predicted_is_the_largest_joint_logit(faces: Faces) -> None:
    network = experiments.build(config("de_gan", 0, 0), faces).eval()
    pictures = augment.centre(torch.from_numpy(faces.images[:5]))
    expected = network(pictures).joint.argmax(1)
    assert experiments.predicted(network, faces.images[:5]).tolist() == expected.tolist()


# --- what is refused


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown method 'vae'; choose one of: cnn, de_gan, "):
        experiments.config(common(), "vae", 0, 0, None)


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_a_missing_encoder_is_named(encoders: Path, suffix: str) -> None:
    run = config("de_gan", 0, 0)
    path = encoders / f"part2_open_de_gan{suffix}"
    path.unlink()
    lacking = "no network with digest" if suffix == ".safetensors" else "no encoder under .*json"
    with pytest.raises(FileNotFoundError, match=f"{lacking}.*; train one with"):
        experiments.run_one(run)


@pytest.mark.parametrize(("field", "value"), [("width", 0.25), ("side", 48), ("code", 64)])
def test_an_encoder_of_another_form_is_named(encoders: Path, field: str, value: float) -> None:
    run = config("de_gan", 0, 0)
    path = encoders / "part2_open_de_gan.json"
    path.write_text(json.dumps({"run": {"model": {**asdict(MODEL), field: value}}}))
    with pytest.raises(ValueError, match=rf"has {field} {value}, the run .*train an encoder of"):
        experiments.run_one(run)


@pytest.mark.parametrize("content", ["damaged", "another network"])
def test_a_file_that_holds_no_encoder_is_named(encoders: Path, content: str) -> None:
    path = encoders / "part2_open_de_gan.safetensors"
    if content == "damaged":
        path.write_bytes(path.read_bytes()[:1000])
    else:
        save_weights(torch.nn.Linear(2, 2), path)
    run = config("de_gan", 0, 0)
    with pytest.raises(ValueError, match="holds no such encoder; train it again"):
        experiments.run_one(run)


# --- the sets


def test_a_set_is_rendered_and_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = common()
    monkeypatch.undo()
    monkeypatch.setitem(made.recognition.__kwdefaults__, "folder", tmp_path)
    found = experiments.faces(run)
    assert found.images.shape == (2 * 3 * PEOPLE, 36, 36, 3) and found.rung == "open"
    assert found.classes == CLASSES and found.people == PEOPLE
    assert [path.name.split("-")[0] for path in tmp_path.glob("*.npy")] == ["ict"]
    with pytest.raises(ValueError, match="the faces of ict are not those of this run"):
        experiments.faces({**run, "fingerprint": "0" * 16})


def test_unknown_sets_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown set 'fer'; choose one of: ck"):
        experiments.describe(PROFILE, "open", "fer")


# --- DE-GAN that learns from the fold's people


def test_fine_tuning_begins_with_the_stored_networks_and_other_people(
    faces: Faces, encoders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}
    train = gan_training.train

    def watched(model: ModelConfig, *rest: Any, **named: Any) -> Any:
        seen.update(model=model, people=rest[1].people, start=named["start"])
        return train(model, *rest, **named)

    monkeypatch.setattr(gan_training, "train", watched)
    run = config("de_gan fine-tuned", 0, 0)
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


@pytest.mark.parametrize(("stage", "kept"), [("gan", 3), ("reader", 4)])
def test_an_interrupted_run_goes_on_in_its_stage_and_leaves_nothing(
    stage: str, kept: int, encoders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "CHECKPOINT_STEPS", 1)
    gan = replace(PROFILE.fine_tuning, steps=4, intervals=4)
    shared = experiments.describe(replace(PROFILE, fine_tuning=gan), "open")
    run = results.plain(config("de_gan fold only", 1, 0, shared))
    whole = experiments.run_one(run)
    with monkeypatch.context() as patch:
        counted_steps(patch, stop_before={"gan": ("gan", 3), "reader": ("reader", 2)}[stage])
        with pytest.raises(KeyboardInterrupt):
            experiments.run_one(run)
    taken = counted_steps(monkeypatch)
    again = experiments.run_one(run)
    assert {**again, "seconds": 0} == {**whole, "seconds": 0}
    rest = [("gan", step) for step in range(kept, 4)]
    assert taken == rest + [("reader", step) for step in range(2 if stage == "reader" else 0, 3)]
    assert list((encoders / "cache").iterdir()) == []


def counted_steps(
    monkeypatch: pytest.MonkeyPatch, stop_before: tuple[str, int] | None = None
) -> list[tuple[str, int]]:
    """Return a list that fills with stages and steps to come; stop before one of them."""
    taken: list[tuple[str, int]] = []

    def count(stage: str, kind: Any, position: Any) -> None:
        advance = kind.advance

        def counted(trainer: Any) -> Any:
            if (stage, position(trainer)) == stop_before:
                raise KeyboardInterrupt
            taken.append((stage, position(trainer)))
            return advance(trainer)

        monkeypatch.setattr(kind, "advance", counted)

    count("gan", gan_training.Trainer, lambda trainer: trainer.done)
    count("reader", classifier.Trainer, lambda trainer: trainer.done)
    return taken


# --- all of them


def tables_of(
    monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], **named: bool
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the sets whose tables are made, and what was asked for."""
    asked: list[tuple[Any, ...]] = []

    def table(common: Run, encoders: Run, methods: Any, count: int, compute: bool = True) -> Run:
        asked.append((common["set"], tuple(methods), count, compute))
        return {}

    monkeypatch.setattr(experiments, "table", table)
    monkeypatch.setattr(experiments, "networks", lambda profile, corpus: {})
    sizes = replace(PROFILE.sizes, shapes={"ck": SHAPE, "mmi": SHAPE})
    sets = dict.fromkeys(there, planted)
    corpus = Corpus("ict", "open", planted, planted, planted, range(0), sets)
    found = experiments.tables(replace(PROFILE, sizes=sizes), corpus, **named)
    return list(found), asked


def test_sets_that_are_not_there_have_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tables_of(monkeypatch, ("ck", "mmi"))[0] == ["ck", "mmi"]
    assert tables_of(monkeypatch, ("ck",))[0] == ["ck"]
    with pytest.raises(FileNotFoundError, match="CK\\+ is not there, on which all methods"):
        tables_of(monkeypatch, ("mmi",))


@pytest.mark.parametrize("fine_tuning", [True, False])
def test_gans_are_trained_in_the_first_folds_and_only_where_asked_for(
    monkeypatch: pytest.MonkeyPatch, fine_tuning: bool
) -> None:
    _, asked = tables_of(monkeypatch, ("ck", "mmi"), fine_tuning=fine_tuning)
    others = tuple(name for name in METHODS if name not in experiments.TRAINED_ON)
    assert asked == [
        ("ck", others, COUNT, True),
        ("ck", experiments.TRAINED_ON, PROFILE.fine_tuned_folds, fine_tuning),
        ("mmi", experiments.BOTH, COUNT, True),
    ]
