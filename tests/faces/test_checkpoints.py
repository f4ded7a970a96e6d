"""Where the networks of Part II come from, and that those that are shipped do what is said."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from lib.faces import augment, classifier, gan_training, judges
from lib.faces.classifier import Classifier, ClassifierConfig
from lib.faces.data import datasets
from lib.faces.data.corpus import EXPRESSIONS, Corpus, Faces, Requests, Sizes
from lib.faces.de_gan import Discriminator, Generator, ModelConfig, initialise
from lib.faces.gan_training import GANConfig
from lib.faces.judges import Judges
from lib.faces.render import ict
from lib.faces.render.ict import NEW
from lib.faces.runs import checkpoints
from lib.faces.runs.checkpoints import KINDS
from lib.faces.runs.profiles import PROFILES, Profile
from lib.runs import results
from lib.runs.weights import save_weights

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
SHIPPED = checkpoints.SHIPPED  # the real folder: tests that write take another
FILES = sorted(SHIPPED.glob("part2_*.safetensors"))
FRESH = 28  # faces on which shipped networks are measured, each of another person


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
        ("data_seed", 1),
        ("dataset", "ict"),
        ("frames", 2),
        ("kind", "expression_judge"),
        ("model", {}),
        ("training", asdict(replace(TINY.judge, steps=4))),
        ("seed", 9),
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


@pytest.mark.parametrize("lost", [".safetensors", ".json"])
def test_half_of_a_shipped_network_is_none(lost: str, trainings: list[str], folder: Path) -> None:
    ship_by_hand("supervised").with_suffix(lost).unlink()
    found = checkpoints.trained("supervised", TINY, corpus())
    assert found.path.parent == folder / "cache" and trainings == ["supervised"]


def test_book_retrain_passes_over_what_is_shipped_but_trains_once(
    trainings: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = ship_by_hand("supervised")
    before = path.read_bytes()
    monkeypatch.setenv("BOOK_RETRAIN", "1")
    for _ in range(2):
        found = checkpoints.trained("supervised", TINY, corpus())
        assert found.path.parent == folder / "cache"
    assert trainings == ["supervised"] and path.read_bytes() == before


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


def test_the_same_training_gives_the_same_bytes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = checkpoints.trained("identity_judge", TINY, corpus())
    monkeypatch.setattr(checkpoints, "CACHE", folder / "again")
    second = checkpoints.trained("identity_judge", TINY, corpus())
    assert second.path != first.path and second.history == first.history
    assert second.path.read_bytes() == first.path.read_bytes()


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


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let DE-GAN's training be interrupted before a step (never: -1); give the steps taken."""
    taken: list[int] = []
    advance = gan_training.Trainer.advance

    def interrupted(self: gan_training.Trainer) -> dict[str, float]:
        if self.step == step:
            raise KeyboardInterrupt
        taken.append(self.step)
        return advance(self)

    monkeypatch.setattr(gan_training.Trainer, "advance", interrupted)
    return taken


def test_an_interrupted_training_goes_on_to_the_same_weights(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = checkpoints.trained("de_gan", TINY, corpus())
    weights = [whole.path, checkpoints.discriminator_path(whole.run)]
    before = [path.read_bytes() for path in weights]
    monkeypatch.setattr(checkpoints, "CACHE", folder / "again")
    with monkeypatch.context() as patch:
        stop_at(5, patch)  # within the third of four intervals
        with pytest.raises(KeyboardInterrupt):
            checkpoints.trained("de_gan", TINY, corpus())
    suffixes = {path.suffix for path in (folder / "again").iterdir()}
    assert suffixes == {".training", ".previous"}
    taken = stop_at(-1, monkeypatch)
    found = checkpoints.trained("de_gan", TINY, corpus())
    assert taken == [4, 5, 6, 7]  # two intervals were kept
    resumed = [found.path, checkpoints.discriminator_path(found.run)]
    assert [path.read_bytes() for path in resumed] == before
    assert found.history == whole.history


@pytest.mark.parametrize("kind", KINDS[1:])
def test_an_interrupted_classifier_goes_on_to_the_same_weights(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = checkpoints.trained(kind, TINY, corpus())
    before = whole.path.read_bytes()
    monkeypatch.setattr(checkpoints, "CACHE", folder / "again")
    monkeypatch.setattr(classifier, "CHECKPOINT_STEPS", 1)
    with monkeypatch.context() as patch:
        stop_classifier_at(2, patch)
        with pytest.raises(KeyboardInterrupt):
            checkpoints.trained(kind, TINY, corpus())
    taken = stop_classifier_at(-1, monkeypatch)
    found = checkpoints.trained(kind, TINY, corpus())
    assert taken == [2]  # of three steps two were kept
    assert found.path.read_bytes() == before and found.history == whole.history
    assert set((folder / "again").iterdir()) == {found.path, found.path.with_suffix(".json")}


def stop_classifier_at(step: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let classifiers be interrupted before a step (never: -1); give the steps taken."""
    taken: list[int] = []
    advance = classifier.Trainer.advance

    def interrupted(self: classifier.Trainer) -> None:
        if len(self.history) == step:
            raise KeyboardInterrupt
        taken.append(len(self.history))
        advance(self)

    monkeypatch.setattr(classifier.Trainer, "advance", interrupted)
    return taken


@pytest.mark.parametrize("kind", ["de_gan", "supervised"])
def test_a_finished_training_is_kept_until_its_record_is_written(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifier, "CHECKPOINT_STEPS", 1)
    whole = checkpoints.trained(kind, TINY, corpus())
    before = whole.path.read_bytes()
    whole.path.with_suffix(".json").unlink()

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(checkpoints, "save_weights", full)
        with pytest.raises(OSError, match="No space left"):
            checkpoints.trained(kind, TINY, corpus())
    taken = stop_at(-1, monkeypatch), stop_classifier_at(-1, monkeypatch)
    assert checkpoints.trained(kind, TINY, corpus()) == whole
    assert taken == ([], []) and whole.path.read_bytes() == before


# --- loaded


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_is_loaded_frozen_in_full_precision(kind: str) -> None:
    path = ship_by_hand(kind)
    network = checkpoints.load(checkpoints.trained(kind, TINY, corpus()))
    assert type(network) is (Generator if kind == "de_gan" else Classifier)
    assert not network.training and not any(w.requires_grad for w in network.parameters())
    assert {value.dtype for value in load_file(path).values()} == {torch.float16, torch.int64}
    expected = untrained(kind).state_dict()
    for name, value in network.state_dict().items():
        rounded = expected[name].half().float() if value.is_floating_point() else expected[name]
        assert value.dtype == expected[name].dtype and torch.equal(value, rounded), name


def test_an_identity_judge_tells_people_apart_the_others_expressions() -> None:
    heads = {
        kind: checkpoints.load(checkpoints.stored(ship_by_hand(kind))).head.out_features
        for kind in KINDS[1:]
    }
    assert heads == {"supervised": 7, "expression_judge": 7, "identity_judge": PEOPLE}


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


def test_a_record_says_how_a_network_was_made() -> None:
    found = checkpoints.trained("identity_judge", TINY, corpus())
    record = json.loads(found.path.with_suffix(".json").read_text())
    assert list(record) == ["run", "history", "licence", "provenance"]
    assert record["licence"] == "CC BY 4.0" and record["run"] == found.run
    assert record["provenance"]["rung"] == "open" and record["provenance"]["seconds"] >= 0


def test_the_command_ships_a_network_of_the_quick_profile(
    monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[str, Sizes]] = []

    def load(name: str, sizes: Sizes) -> Corpus:
        asked.append((name, sizes))
        return corpus(name=name)

    monkeypatch.setattr(datasets, "load", load)
    monkeypatch.setitem(PROFILES, "quick", TINY)
    monkeypatch.setattr(sys, "argv", ["checkpoints", "ship", "supervised"])
    checkpoints.main()
    path = folder / "shipped" / "part2_open_supervised.safetensors"
    assert asked == [("ict", TINY.sizes)] and capsys.readouterr().out == f"{path}\n"
    assert checkpoints.trained("supervised", TINY, corpus(name="ict")).path == path


def test_the_command_refuses_unknown_kinds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["checkpoints", "ship", "vae"])
    with pytest.raises(SystemExit):
        checkpoints.main()
    assert "invalid choice: 'vae'" in capsys.readouterr().err


# --- what is shipped


def test_every_shipped_network_has_a_record_and_every_record_a_network() -> None:
    assert {path.stem for path in FILES} == {path.stem for path in SHIPPED.glob("part2_*.json")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_network_fits_its_record(path: Path) -> None:
    text = path.with_suffix(".json").read_text()
    record = json.loads(text, parse_constant=no_constant)
    assert {"run", "history", "licence", "provenance"} <= record.keys()
    assert record.keys() <= {"run", "history", "licence", "provenance", "remark"}
    run = record["run"]
    assert path.name == f"part2_{run['rung']}_{run['kind']}.safetensors"
    assert record["licence"] == "CC BY 4.0"
    assert record["provenance"]["rung"] == run["rung"] and record["provenance"]["seconds"] > 0
    network = checkpoints.load(checkpoints.stored(path))
    assert all(bool(value.isfinite().all()) for value in network.state_dict().values())
    assert path.stat().st_size < 6e6


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_network_is_the_one_that_the_quick_profile_asks_for(path: Path) -> None:
    run = checkpoints.stored(path).run
    asked = checkpoints.describe(
        run["kind"], PROFILES["quick"], corpus(run["rung"], run["dataset"])
    )
    assert run == asked


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_history_is_that_of_its_training(path: Path) -> None:
    found = checkpoints.stored(path)
    plan, history = found.run["training"], found.history
    if found.run["kind"] != "de_gan":
        assert len(history["loss"]) == min(100, plan["steps"])
        assert np.mean(history["loss"][-10:]) < 0.6 * history["loss"][0]
        return
    assert {len(values) for values in history.values()} == {plan["intervals"]}
    waited = plan["warm_up"] * plan["intervals"] // plan["steps"]
    for name in ("generator", "reconstruction", "strength"):
        assert np.array_equal(np.equal(history[name], -1), np.arange(plan["intervals"]) < waited)
    assert min(history["discriminator"]) > 0


def shipped(*kinds: str) -> list[Any]:
    """Return shipped networks."""
    paths = [SHIPPED / f"part2_open_{kind}.safetensors" for kind in kinds]
    return [checkpoints.load(checkpoints.stored(path)) for path in paths]


@cache
def fresh() -> Faces:
    """Return as many people that all networks know, in pictures that none of them saw."""
    rows = np.arange(FRESH)
    labels, zeros = rows % len(EXPRESSIONS), 0 * rows
    sizes = PROFILES["quick"].sizes
    requests = Requests(rows, labels, np.full(FRESH, 0.9), rows + NEW, zeros, sizes.seed)
    images, _ = ict.render(requests, augment.source_side(sizes.side))
    return Faces("fresh", "open", images, labels, rows, rows + NEW, zeros, EXPRESSIONS)


def panel(expression: Classifier, identity: Classifier) -> Judges:
    """Return the shipped judges."""
    return judges.seated(expression, identity, datasets.load("ict", PROFILES["quick"].sizes))


def test_shipped_judges_are_right_about_fresh_faces() -> None:
    found = judges.ceiling(panel(*shipped("expression_judge", "identity_judge")), fresh())
    assert found["expression"].value > 0.5  # by chance 1/7
    assert found["identity"].value > 0.5  # by chance 1/101


def test_the_shipped_control_knows_expressions() -> None:
    (network,) = shipped("supervised")
    seen = classifier.predict(network, fresh().images).argmax(1).numpy()
    assert np.mean(seen == fresh().expressions) > 0.5


def test_a_shipped_generator_puts_expressions_on_other_people() -> None:
    generator, *seats = shipped("de_gan", "expression_judge", "identity_judge")
    found = judges.transfer_scores(generator, panel(*seats), fresh(), 0, per_source=1)
    assert found.confusion.sum() == FRESH
    assert found.expression.value > 0.4  # by chance 1/7
    assert found.identity.value > 0.2  # by chance 1/101; the judges know 3 in 4 real pictures
