"""The trained networks of all parts: taken, kept or trained as their records say, and measured."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import fisher_exact
from torch import nn

from lib.adversarial import attacks, classifiers, data, training
from lib.adversarial import checkpoints as of_digits
from lib.adversarial.profiles import PROFILES as DIGITS
from lib.faces import augment, classifier, judges
from lib.faces.data import datasets
from lib.faces.data.corpus import EXPRESSIONS, Faces, Requests
from lib.faces.render import ict
from lib.faces.render.ict import NEW
from lib.faces.runs import checkpoints as of_faces
from lib.faces.runs import real
from lib.faces.runs.profiles import PROFILES as FACES
from lib.runs import checkpoints, results
from lib.runs.checkpoints import SHIPPED, save_weights
from lib.sound import evaluation, features, mean_teacher
from lib.sound.crnn import COMBINATIONS
from lib.sound.runs import checkpoints as of_sounds
from lib.sound.runs import experiments, extraction
from lib.sound.runs.profiles import PROFILES as SOUNDS

FILES = sorted(SHIPPED.glob("*.safetensors"))
SAYS = {  # beside the run and its provenance
    "part1": {"result", "validation", "test"},
    "part2": {"history", "licence"},
    "part3": {"command", "licence", "metrics"},
}
LARGEST = {"part1": 3e6, "part2": 7e6, "part3": 7e6}
FRESH = 28  # faces on which shipped networks are measured, each of another person


def layer(value: float = 0.1) -> nn.Module:
    """Return a network of one layer, all of whose weights are alike."""
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    for weight in network.parameters():
        weight.data.fill_(value)
    return network


# --- taken, kept or trained now


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the place of a shipped network with its record; it was trained for three steps."""
    monkeypatch.delenv("BOOK_RETRAIN", raising=False)
    path = tmp_path / "shipped" / "x.safetensors"
    save_weights(layer(), path)
    checkpoints.write_record(path, {"run": {"steps": 3}})
    return path


def test_what_is_shipped_is_taken_where_its_record_is_of_the_run(
    shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached, run = Path("cached.safetensors"), {"steps": 3}
    assert checkpoints.place(shipped, cached, run) == shipped
    for other in ({"steps": 4}, run | {"seed": 0}):
        assert checkpoints.place(shipped, cached, other) == cached
    with monkeypatch.context() as patch:
        patch.setenv("BOOK_RETRAIN", "1")
        assert checkpoints.place(shipped, cached, run) == cached
    shipped.unlink()
    assert checkpoints.place(shipped, cached, run) == cached


def test_a_network_is_written_with_its_record_and_until_then_progress_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, progress = tmp_path / "new" / "x.safetensors", tmp_path / "x.training"

    def make(place: Path) -> checkpoints.Made:
        place.touch()
        return layer(), {"loss": 0.5}

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "write_record", full)
        with pytest.raises(OSError, match="No space left"):
            checkpoints.train(path, {"steps": 3}, progress, make, ("mnist", "original"))
    assert progress.is_file()
    checkpoints.train(path, {"steps": 3}, progress, make, ("mnist", "original"))
    assert sorted(each.name for each in tmp_path.rglob("*.*")) == ["x.json", "x.safetensors"]
    found = checkpoints.record(path)
    assert found["run"] == checkpoints.run_of(path) == {"steps": 3} and found["loss"] == 0.5
    assert found["licence"] == "CC BY 4.0" and found["provenance"]["seconds"] >= 0
    assert found["provenance"]["rung"] == "original"


def test_stored_weights_are_half_precision_and_close(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.safetensors"
    network = classifiers.build("madry", torch.Generator().manual_seed(0))
    save_weights(network, path, {"scale": torch.tensor([1 / 3])})
    assert [file.name for file in path.parent.iterdir()] == ["x.safetensors"]
    found = load_file(path)
    assert torch.equal(found.pop("scale"), torch.tensor([1 / 3]))  # as it is
    for name, exact in network.state_dict().items():
        assert found[name].dtype == torch.float16
        assert bool(((found[name] - exact).abs() <= exact.abs() / 2000 + 1e-7).all()), name
    save_weights(layer(), path)
    assert load_file(path)["1.num_batches_tracked"].dtype == torch.int64


# --- what is shipped


def no_constant(name: str) -> float:
    """Refuse what is no JSON: NaN and Infinity, which Python would read."""
    raise AssertionError(f"{name} in a record")


def test_every_shipped_network_has_a_record_and_every_record_a_network() -> None:
    assert {path.stem for path in FILES} == {path.stem for path in SHIPPED.glob("*.json")}
    rows = {experiments.shipped_path({"rung": "open", "inputs": row}) for row in COMBINATIONS}
    faces = {of_faces.shipped_path("open", kind) for kind in (*of_faces.KINDS, real.KIND)}
    digits = {of_digits.shipped_path(kind) for kind in ("natural", "robust")}
    assert set(FILES) == rows | faces | digits


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_shipped_is_small_and_finite_and_says_how_it_was_made(path: Path) -> None:
    text = path.with_suffix(".json").read_text()
    record, part = json.loads(text, parse_constant=no_constant), path.stem[:5]
    assert SAYS[part] | {"run", "provenance"} <= record.keys()
    assert record.get("licence", "CC BY 4.0") == "CC BY 4.0"
    assert record.get("result") in (None, results.key(record["run"]))
    stored = load_file(path)
    scales = [value for name, value in stored.items() if name.startswith("scales.")]
    others = [value for name, value in stored.items() if not name.startswith("scales.")]
    assert {value.dtype for value in scales} <= {torch.float32}
    assert {value.dtype for value in others} <= {torch.float16, torch.int64}
    assert all(bool(value.isfinite().all()) for value in stored.values())
    assert path.stat().st_size < LARGEST[part]


@pytest.fixture
def nothing_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no training begin."""

    def refuse(*arguments: object, **keywords: object) -> None:
        raise AssertionError("what is shipped does not fit profile quick: it would be trained")

    monkeypatch.delenv("BOOK_RETRAIN", raising=False)
    monkeypatch.setattr(checkpoints, "train", refuse)
    monkeypatch.setattr(experiments, "table3", refuse)


def test_profile_quick_takes_the_shipped_networks_and_they_load(nothing_is_trained: None) -> None:
    common = experiments.common(SOUNDS["quick"])
    found = set(of_sounds.paths(common).values())
    profile = FACES["quick"]
    corpus = datasets.load("ict", profile.sizes)
    made = [of_faces.trained(kind, profile, corpus) for kind in of_faces.KINDS]
    made.append(real.trained(profile, corpus))
    found |= {each.path for each in made}
    networks = of_digits.networks(DIGITS["quick"], data.load())
    ours = [network for network in networks if network.pair == "ours"]
    found |= {network.path for network in ours}
    assert found == set(FILES)
    loaded = [*of_sounds.networks(common).values(), *map(of_faces.load, made)]
    loaded += [network.load() for network in ours]
    for network in loaded:
        assert not network.training and not any(w.requires_grad for w in network.parameters())


# --- measured again


def test_recorded_scores_are_measured_again() -> None:
    path = experiments.shipped_path({"rung": "open", "inputs": ["spectral"]})
    run = checkpoints.record(path)["run"]
    corpus = experiments.corpus_of(run)
    assert experiments.fingerprints(run) == run["fingerprint"]
    clips = corpus.clips["test"]
    raw = extraction.raw_clips(corpus, clips, "log_mel", "index", run["mel_bands"])
    scales = experiments.load_scales(path)
    assert set(scales) == set(run["inputs"])
    inputs = features.standardised(np.stack(list(raw)), scales["spectral"])
    model = experiments.load_weights(path, experiments.model_config(run))
    found = mean_teacher.predict(model, {"spectral": inputs})
    scores = evaluation.table3_scores(experiments.count(corpus.strong["test"], found))
    recorded = checkpoints.record(path)["test"]
    for name in evaluation.METRICS:  # another machine rounds: a frame or two may tip
        assert scores[name] == pytest.approx(recorded[name], abs=0.005)


def networks_of_faces(*kinds: str) -> list[Any]:
    """Return shipped networks of Part II."""
    paths = [of_faces.shipped_path("open", kind) for kind in kinds]
    return [of_faces.load(of_faces.stored(path)) for path in paths]


def fresh() -> Faces:
    """Return as many people that all networks know, in pictures that none of them saw."""
    rows = np.arange(FRESH)
    labels, zeros = rows % len(EXPRESSIONS), 0 * rows
    sizes = FACES["quick"].sizes
    requests = Requests(rows, labels, np.full(FRESH, 0.9), rows + NEW, zeros, sizes.seed)
    images, _ = ict.render(requests, augment.source_side(sizes.side))
    return Faces("fresh", "open", images, labels, rows, rows + NEW, zeros, EXPRESSIONS)


def test_shipped_networks_know_fresh_faces_and_paint_expressions_on_other_people() -> None:
    control, generator, *seats = networks_of_faces(
        "supervised", "de_gan", "expression_judge", "identity_judge"
    )
    people = fresh()
    seen = classifier.predict(control, people.images).argmax(1).numpy()
    assert np.mean(seen == people.expressions) > 0.5  # by chance 1/7
    panel = judges.seated(*seats, datasets.load("ict", FACES["quick"].sizes))
    ceiling = judges.ceiling(panel, people)
    assert ceiling["expression"].value > 0.5 and ceiling["identity"].value > 0.5
    found = judges.transfer_scores(generator, panel, people, 0, per_source=1)
    assert found.confusion.sum() == FRESH
    assert found.expression.value > 0.4  # by chance 1/7
    assert found.identity.value > 0.2  # by chance 1/101; the judges know 3 in 4 real pictures


@pytest.mark.parametrize("kind", ["natural", "robust"])
def test_recorded_accuracies_are_measured_again(kind: str) -> None:
    path, mnist = of_digits.shipped_path(kind), data.load()
    recorded, network = checkpoints.record(path)["metrics"], classifiers.load(path)
    images, labels = data.to_batch(mnist.test_images), torch.from_numpy(mnist.test_labels)
    clean = training.accuracy(network, images, labels)
    assert recorded["clean_images"] == len(images)
    off = abs(clean - recorded["clean_accuracy"]) * len(images)
    assert off <= 2.5  # two images: another machine rounds
    few, truth = images[:50], labels[:50]
    attacked = attacks.pgd(network, few, truth, 0.3, generator=torch.Generator().manual_seed(0))
    right = round(50 * training.accuracy(network, attacked, truth))
    n = recorded["attacked_images"]
    before = round(n * recorded["pgd40_accuracy_at_0.3"])
    assert fisher_exact([[right, 50 - right], [before, n - before]]).pvalue > 1e-4


@pytest.mark.parametrize("network", of_digits.reference_networks(), ids=lambda each: each.kind)
def test_the_reference_pair_is_what_its_publishers_say(network: of_digits.Network) -> None:
    mnist = data.load()
    images = data.to_batch(mnist.test_images[:2000])
    labels = torch.from_numpy(mnist.test_labels[:2000])
    assert training.accuracy(network.load(), images, labels) > 0.97
