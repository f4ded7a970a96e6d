"""One run of the second stage: who trains and who tests, which encoder, and what is refused."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lib.faces import augment, classifier, folds, gan_training
from lib.faces.classifier import Classifier, ClassifierConfig
from lib.faces.data.corpus import Faces, Shape, Sizes
from lib.faces.de_gan import Discriminator, Generator, ModelConfig, Trunk, initialise
from lib.faces.render import made
from lib.faces.runs import checkpoints, experiments
from lib.faces.runs.experiments import METHODS
from lib.faces.runs.profiles import PROFILES
from lib.runs import results
from lib.runs.checkpoints import save_weights
from tests.faces.made_up import CLASSES, coloured, small

pytestmark = pytest.mark.usefixtures("one_thread")
Run = dict[str, Any]
PEOPLE, FRAMES, COUNT = 8, 2, 4  # and folds
SHAPE = Shape(PEOPLE, dict.fromkeys(CLASSES, PEOPLE), FRAMES)
MODEL = small(5, 3)
TRAINING = ClassifierConfig(steps=3, batch=6, learning_rate=1e-3)


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
    for seed, (kind, network) in enumerate(networks.items()):
        initialise(network, torch.Generator().manual_seed(seed))
        measure(network)
        path = tmp_path / f"part2_open_{kind}.safetensors"
        save_weights(network, path)
        path.with_suffix(".json").write_text(json.dumps({"run": {"model": asdict(MODEL)}}))
    return tmp_path


def measure(network: torch.nn.Module) -> None:
    """Give normalisation the statistics of the coloured faces, as training would."""
    trunks = [module for module in network.modules() if isinstance(module, Trunk)]
    for module in trunks[0].modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    trunks[0](augment.centre(torch.from_numpy(coloured().images)))


PROFILE = replace(
    PROFILES["smoke"],
    sizes=Sizes(side=32, people=5, frames=1, held_out=1, shapes={"ck": SHAPE}),
    recogniser=TRAINING,
    baseline=TRAINING,
    folds=COUNT,
)


def common(trained_by: ClassifierConfig = TRAINING) -> Run:
    """Return what all runs on the coloured faces have in common."""
    profile = replace(PROFILE, recogniser=trained_by, baseline=trained_by)
    return experiments.describe(profile, "open")


def config(method: str, fold: int, seed: int, shared: Run | None = None) -> Run:
    """Return one run; encoders are those of the folder."""
    kind = METHODS[method][0]
    encoder = experiments.SHIPPED / f"part2_open_{kind}.safetensors" if kind else None
    return experiments.config(shared or common(), method, fold, seed, encoder)


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


def test_everyone_is_tested_once_and_never_trained_on_in_that_fold(faces: Faces) -> None:
    tested = []
    for fold in range(COUNT):
        run = config("cnn", fold, 0)
        train, test = experiments.rows_of(faces, run)
        assert not set(faces.identities[train]) & set(faces.identities[test])
        assert sorted([*train, *test]) == list(range(len(faces.images)))
        tested += test.tolist()
    assert sorted(tested) == list(range(len(faces.images)))


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


def test_a_run_names_what_it_reads_and_every_run_is_another(faces: Faces, encoders: Path) -> None:
    runs = [config(method, fold, 3) for method in METHODS for fold in range(COUNT)]
    assert len({results.key(run) for run in runs}) == len(runs)
    assert all(results.plain(run) == run and "fingerprint" not in run for run in runs)
    read = experiments.describe(PROFILE, "original")
    assert read["fingerprint"] == faces.fingerprint() and read["dataset"] == "original"
    before, other = config("de_gan", 0, 0), config("supervised", 0, 0)
    save_weights(Generator(MODEL), encoders / "part2_open_de_gan.safetensors")
    assert config("de_gan", 0, 0)["encoder"] != before["encoder"]
    assert config("supervised", 0, 0) == other and config("cnn", 0, 0)["encoder"] == ""
    with pytest.raises(FileNotFoundError, match=f"no network with digest {before['encoder']}; tr"):
        experiments.run_one(before)


def test_a_planted_leak_stops_the_run_before_training(
    faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folds, "split", lambda people, labels, count: np.arange(len(people)) % 4)
    monkeypatch.setattr(classifier, "fit", lambda *_: pytest.fail("trained on a leak"))
    with pytest.raises(ValueError, match=r"person \d is in folds \d and \d"):
        experiments.run_one(config("cnn", 0, 0))


@pytest.mark.parametrize("method", ["cnn", "de_gan"])
def test_plain_expressions_are_recognised(method: str, faces: Faces) -> None:
    longer = replace(TRAINING, steps=60, batch=12, learning_rate=5e-3)
    run = results.plain(config(method, 0, 0, common(longer)))
    found = experiments.run_one(run)
    _, test = experiments.rows_of(faces, run)
    assert found["rows"] == test.tolist()
    assert found["identities"] == faces.identities[test].tolist()
    assert found["targets"] == faces.expressions[test].tolist()
    assert np.mean(np.equal(found["predicted"], found["targets"])) >= 0.9
    assert found["loss"] < 0.5 and results.plain(found) == found


@pytest.mark.parametrize("method", [name for name in METHODS if "fine" not in name])
def test_every_method_trains_its_parts_and_comes_to_the_same_bits(
    method: str, faces: Faces
) -> None:
    parts = METHODS[method][1]
    run = config(method, 0, 0)
    found, again = experiments.run_one(run), experiments.run_one(run)
    assert {**again, "seconds": 0} == {**found, "seconds": 0}
    network = experiments.build(run, faces)
    trained = {name for name, weight in network.named_parameters() if weight.requires_grad}
    assert any(name.startswith("trunk.") for name in trained) == (method == "cnn")
    assert any(name.startswith("local.") for name in trained) == ("maps" in parts)
    assert hasattr(network, "encoder") == (method != "cnn")
    expected = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
    assert found["parameters"] == expected > 0


def test_an_interrupted_run_goes_on_in_its_stage_and_leaves_nothing(
    encoders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "CHECKPOINT_STEPS", 1)
    gan = replace(PROFILE.fine_tuning, steps=4, intervals=4)
    shared = experiments.describe(replace(PROFILE, fine_tuning=gan), "open")
    run = results.plain(config("de_gan fold only", 1, 0, shared))
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


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: experiments.config(common(), "vae", 0, 0, None), "unknown method 'vae'; choose"),
        (lambda: config("cnn", -1, 0), "fold -1 of 4; they count from 0"),
        (lambda: config("cnn", COUNT, 0), "fold 4 of 4; they count from 0"),
        (lambda: experiments.rows_of(coloured(), {"folds": 4, "fold": 4}), "fold 4 of 4"),
        (lambda: experiments.describe(PROFILE, "open", "fer"), "unknown set 'fer'; choose one of"),
    ],
)
def test_runs_that_cannot_be_are_refused(call: Callable[[], object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        call()


def other_form(path: Path) -> None:
    """Say of the network that it is wider."""
    record = {"run": {"model": {**asdict(MODEL), "width": 0.25}}}
    path.with_suffix(".json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda path: path.unlink(), "no network with digest .*; train one with"),
        (lambda path: path.with_suffix(".json").unlink(), "no encoder under .*json; train one"),
        (other_form, r"has width 0.25, the run .*train an encoder of"),
        (lambda path: path.write_bytes(path.read_bytes()[:1000]), "holds no such encoder; train"),
    ],
)
def test_an_encoder_that_does_not_fit_is_named(
    encoders: Path, damage: Callable[[Path], None], complaint: str
) -> None:
    run, path = config("de_gan", 0, 0), encoders / "part2_open_de_gan.safetensors"
    damage(path)
    if path.is_file():
        run["encoder"] = checkpoints.file_digest(path)
    with pytest.raises((ValueError, FileNotFoundError), match=complaint):
        experiments.run_one(run)
