"""One run of Table 3, from features to scores: each step by hand or by another route."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy import ndimage
from sklearn.metrics import f1_score

from lib.book import results
from lib.sound import data, evaluation, experiments, features, preparation, protocol, training
from lib.sound.data import Corpus, Sizes, Waveform
from lib.sound.experiments import Prepared
from lib.sound.features import Standardiser
from lib.sound.labels import Events
from lib.sound.models import COMBINATIONS, CRNN, Probabilities
from lib.sound.profiles import PROFILES, Profile, TrainingConfig

MakeEvents = Callable[..., Events]
Run = dict[str, Any]
BOTH = ("spectral", "audio")
TINY = replace(
    PROFILES["smoke"],
    sizes=Sizes(weak=5, unlabelled=4, validation=4, test=10),
    training=TrainingConfig(
        epochs=2, steps_per_epoch=2, weak_batch=3, unlabelled_batch=2, ramp_steps=2
    ),
)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Hold torch to one thread: sums come out in one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """Give a few drawn clips."""
    return data.load(TINY.dataset, TINY.sizes)


@pytest.fixture(scope="module")
def run(corpus: Corpus) -> Run:
    """Give a run of the row with spectral and pretrained audio features."""
    return experiments.config(experiments.describe(TINY, corpus), BOTH, 3)


@pytest.fixture(scope="module")
def prepared(run: Run) -> Prepared:
    """Give its features."""
    return experiments.prepared_for(run)


@pytest.fixture(scope="module")
def trained(run: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Give what the run measured, and where its weights are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments, "WEIGHTS", tmp_path_factory.mktemp("weights"))
        return experiments.run_one(run), experiments.weights_path(run)


# --- what a run is


@pytest.mark.parametrize("inputs", COMBINATIONS, ids="+".join)
def test_a_run_names_only_what_it_reads(corpus: Corpus, inputs: tuple[str, ...]) -> None:
    found = experiments.config(experiments.describe(TINY, corpus), inputs, 7)
    assert tuple(found["inputs"]) == tuple(found["streams"]) == tuple(found["weights"]) == inputs
    assert found["weights"].get("spectral", "") == ""  # no network makes these
    assert (found["seed"], found["align"]) == (7, "index")
    assert results.plain(found)["training"] == results.plain(asdict(TINY.training))


def test_the_embedded_rung_reads_the_same_networks_for_everyone(corpus: Corpus) -> None:
    streams = experiments.describe(TINY, corpus)["streams"]
    assert streams == {"spectral": "log_mel", "audio": "small_audio", "visual": "small_image"}


def test_every_run_is_another_one(corpus: Corpus) -> None:
    common = experiments.describe(TINY, corpus)
    runs = experiments.grid(common, 3)
    assert [tuple(run["inputs"]) for run in runs] == list(COMBINATIONS) * 3
    assert [run["seed"] for run in runs] == [0] * 7 + [1] * 7 + [2] * 7
    assert len({results.key(run) for run in runs}) == 21


def test_the_ledger_and_the_time_grid_are_runs_too(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments, "_run", lambda runs: runs)
    common = experiments.describe(TINY, corpus)
    aligned = experiments.aligned(common, 2)
    assert {run["align"] for run in aligned} == {"time"}
    assert all("audio" in run["inputs"] for run in aligned)
    assert len(aligned) == 2 * len(experiments.ALIGNED_ROWS)
    ledger = experiments.ledger(common, 2)
    assert list(ledger) == list(experiments.TRAINING_READINGS)
    chosen, literal, still = ledger.values()
    assert chosen == [experiments.config(common, ("audio",), seed) for seed in range(2)]
    for other, name, value in (
        (literal, "consistency_ramp", False),
        (still, "teacher_mode", "eval"),
    ):
        for ours, theirs in zip(chosen, other, strict=True):
            assert theirs == {**ours, "training": {**ours["training"], name: value}} != ours


@pytest.mark.parametrize(
    ("profile", "decay"),  # over the last 1,000 of 50,000 steps as in the paper, and 12.8 of 640
    [("paper", 0.999), ("quick", 1 - 1 / 12.8), ("smoke", 0.0)],  # of 4 steps there is no fiftieth
)
def test_a_teacher_may_look_back_over_a_fiftieth_of_its_training(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, profile: str, decay: float
) -> None:
    monkeypatch.setattr(experiments, "_run", lambda runs: runs)
    *_, younger = experiments.leads(experiments.describe(PROFILES[profile], corpus)).values()
    assert [run["training"]["teacher_decay"] for run in younger] == pytest.approx([decay] * 2)


def test_each_lead_changes_one_thing(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments, "_run", lambda runs: runs)
    common = experiments.describe(PROFILES["quick"], corpus)
    found = experiments.leads(common)
    horizon = "teacher looking back over a fiftieth"
    assert list(found) == ["as in the table", "2 times as many steps", horizon]
    table, *others = found.values()
    assert table == [experiments.config(common, row, 0) for row in (("spectral",), ("audio",))]
    differing = ({"steps_per_epoch", "ramp_steps", "decay"}, {"teacher_decay"})
    for runs, names in zip(others, differing, strict=True):
        for ours, theirs in zip(table, runs, strict=True):
            assert theirs == {**ours, "training": theirs["training"]}
            pairs = zip(ours["training"].items(), theirs["training"].items(), strict=True)
            assert {own[0] for own, other in pairs if own != other} == names


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 1])  # the ramp, its end, the decay, the end
def test_a_longer_training_has_the_same_schedule_stretched(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    monkeypatch.setattr(experiments, "_run", lambda runs: runs)
    short, long, _ = experiments.leads(experiments.describe(PROFILES["quick"], corpus)).values()
    rates = []
    for runs, steps in ((short, 640), (long, 1280)):
        schedule = TrainingConfig(**runs[0]["training"])
        assert schedule.epochs * schedule.steps_per_epoch == steps
        rates.append(training.learning_rate(schedule, round(share * steps)))
    assert rates[1] == pytest.approx(rates[0], rel=1e-3)


@pytest.mark.parametrize("profile", [*PROFILES.values(), PROFILES["quick"].drawn])
def test_every_row_is_trained_often_enough_for_an_interval(profile: Profile) -> None:
    assert profile.trainings >= 2
    assert 1 <= profile.best < profile.trainings


def test_a_field_that_trainings_do_not_have_is_refused(run: Run) -> None:
    with pytest.raises(TypeError, match="teachers"):
        experiments.other_reading(run, teachers=2)


# --- features


def test_neighbouring_bands_are_averaged() -> None:
    log_mel = np.arange(3 * 128, dtype=np.float16).reshape(3, 128)
    found = preparation.fewer_bands(log_mel, 32)
    assert found.shape == (3, 32) and found.dtype == np.float16
    assert found[2, 5] == log_mel[2, 20:24].astype(float).mean()
    assert preparation.fewer_bands(log_mel, 128) is log_mel


@pytest.mark.parametrize("name", BOTH)
def test_training_frames_that_sound_have_mean_0_and_variance_1(
    corpus: Corpus, prepared: Prepared, name: str
) -> None:
    stream = {"spectral": "log_mel", "audio": "small_audio"}[name]
    frames = np.concatenate(
        [
            clip[:length].astype(np.float64)
            for split in ("weak", "unlabelled")
            for clip, length in zip(
                prepared.splits[split][name],
                preparation.sounding_frames(corpus, split, stream),
                strict=True,
            )
        ]
    )
    moves = prepared.scales[name].std != 1  # where a dimension never changes it is 1
    assert moves.any() and np.abs(frames).max() < preparation.FARTHEST  # nothing was cut
    assert frames.mean(axis=0) == pytest.approx(0, abs=2e-3)
    assert frames.std(axis=0)[moves] == pytest.approx(1, abs=2e-3)


def test_all_splits_are_standardised_by_the_training_clips(
    corpus: Corpus, prepared: Prepared
) -> None:
    for split in data.SPLITS:
        raw = features.extract(corpus, "log_mel", corpus.clips[split]).astype(np.float64)
        bands = raw.reshape(*raw.shape[:2], 32, 4).mean(axis=3)
        scale = prepared.scales["spectral"]
        expected = (bands - scale.mean) / scale.std
        found = prepared.splits[split]["spectral"][:].astype(np.float64)
        assert np.abs(found - expected).max() < 0.03  # float16, of values up to ten


def test_values_far_from_all_others_are_cut() -> None:
    scale = Standardiser(np.zeros(3, np.float32), np.full(3, 0.5, np.float32))
    found = preparation.standardised(np.array([[[1.0, 50.0, -50.0]]]), scale)
    assert found.flatten().tolist() == [2.0, 10.0, -10.0]


def test_the_silence_behind_a_short_clip_does_not_sound(corpus: Corpus, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    seconds = {"short": 3.02, "whole": 10.0}
    sounds = {
        name: Waveform(
            generator.uniform(-0.5, 0.5, round(length * features.RATE)).astype(np.float32),
            features.RATE,
        )
        for name, length in seconds.items()
    }
    two = replace(
        corpus,
        clips={"weak": tuple(sounds)},
        content=lambda name: name,
        audio=lambda name: sounds[name],
    )
    short, whole = preparation.sounding_frames(two, "weak", "log_mel", tmp_path)
    reach = features.WINDOW // 2 / features.HOP  # a window looks beyond its centre
    assert features.valid_frames(3.02) <= short <= features.valid_frames(3.02) + reach
    assert whole == features.FRAMES
    pooled = preparation.sounding_frames(two, "weak", "small_audio", tmp_path)
    assert short % 4 and list(pooled) == [short // 4 + 1, features.GRID]


def test_joined_by_time_are_other_patches_of_audio(corpus: Corpus) -> None:
    clips = corpus.clips["test"][:2]
    patches = features.extract(corpus, "small_audio", clips)
    for align in ("index", "time"):
        found = preparation.raw_clips(corpus, clips, "small_audio", align, 32)
        assert np.array_equal(np.stack(list(found)), features.on_grid(patches, align))


@pytest.mark.parametrize("field", ["fingerprint", "weights"])
def test_other_clips_or_weights_than_the_runs_are_refused(run: Run, field: str) -> None:
    other: object = "0" * 16 if field == "fingerprint" else {**run["weights"], "audio": "0"}
    with pytest.raises(ValueError, match="clips or pretrained weights are not those of this run"):
        experiments.prepared_for({**run, field: other})


# --- one run


def by_hand(run: Run, path: Path, prepared: Prepared) -> tuple[np.ndarray, np.ndarray]:
    """Return frame and clip probabilities of the test clips from the stored weights, float64."""
    model = CRNN(experiments.model_config(run))
    stored = load_file(path)
    model.load_state_dict({name: stored[name].float() for name in model.state_dict()})
    test = prepared.splits["test"]
    inputs = {name: torch.from_numpy(np.asarray(test[name])).float() for name in test}
    with torch.no_grad():
        frame = model.eval()(inputs).frame.double().numpy()
    return frame, (frame**2).sum(axis=1) / frame.sum(axis=1)


def decoded(frame: np.ndarray, truth: Events) -> Events:
    """Return events of frame probabilities, found run by run."""
    rows = []
    for clip, label in np.ndindex(len(frame), frame.shape[2]):
        active = ndimage.median_filter((frame[clip, :, label] > 0.5).astype(float), 7) > 0
        place = 0
        for on, group in itertools.groupby(active):
            length = len(list(group))
            end = min((place + length) * evaluation.FRAME_SECONDS, truth.durations[clip])
            if on and end > place * evaluation.FRAME_SECONDS:
                rows.append((clip, label, place * evaluation.FRAME_SECONDS, end))
            place += length
    columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    clip, label = columns[:2].astype(np.int64)
    return Events(truth.clips, truth.durations, clip, label, *columns[2:], truth.classes)


def test_the_scores_are_those_of_the_stored_network(
    run: Run, prepared: Prepared, trained: tuple[dict[str, Any], Path]
) -> None:
    metrics, path = trained
    truth = prepared.corpus.strong["test"]
    frame, clip = by_hand(run, path, prepared)
    expected = evaluation.by_sed_eval(truth, decoded(frame, truth))
    scores = metrics["test"]["scores"]
    assert scores["clip"] == pytest.approx(f1_score(truth.tags, clip > 0.5, average="micro"))
    assert scores["segment"] == pytest.approx(expected["segment micro"])
    assert scores["event"] == pytest.approx(expected["event macro"])
    assert 0 < scores["segment"] < 1  # an untrained network finds something, not all
    assert metrics["readings"]["as chosen"] == scores


def test_what_is_kept_of_a_run_gives_its_scores_again(
    run: Run, trained: tuple[dict[str, Any], Path]
) -> None:
    metrics, path = trained
    result = results.Result("part1", "table3", run, metrics)  # plain, so that it can be stored
    for name in evaluation.METRICS:
        counted = evaluation.SCORES[name](protocol.counts(result, name))
        assert counted == metrics["test"]["scores"][name]
    assert set(metrics["history"]) == {
        *training.Losses._fields,
        *(f"validation_{name}" for name in evaluation.METRICS),
    }
    assert {len(values) for values in metrics["history"].values()} == {TINY.training.epochs}
    stored = load_file(path)
    weights = [name for name in stored if not name.startswith("scales.")]
    assert {stored[name].dtype for name in weights} == {torch.float16, torch.int64}
    norms = ("running_mean", "running_var", "num_batches_tracked")
    learnt = sum(stored[name].numel() for name in weights if not name.endswith(norms))
    assert metrics["parameters"] == learnt
    assert [file.name for file in path.parent.iterdir()] == [path.name]  # no progress is left


def test_the_scales_are_stored_with_the_network(
    prepared: Prepared, trained: tuple[dict[str, Any], Path]
) -> None:
    found = experiments.load_scales(trained[1])
    assert set(found) == set(BOTH)
    for name, scale in found.items():
        assert np.array_equal(scale.mean, prepared.scales[name].mean)
        assert np.array_equal(scale.std, prepared.scales[name].std)


class Stopped(Exception):
    """The power went."""


def test_an_interrupted_run_ends_as_if_nothing_had_been(
    run: Run,
    trained: tuple[dict[str, Any], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(experiments, "WEIGHTS", tmp_path)
    begun: list[int] = []
    epoch = training.Trainer.train_epoch

    def stopping(trainer: training.Trainer) -> dict[str, float]:
        begun.append(trainer.epoch)
        if begun == [0, 1]:
            raise Stopped
        return epoch(trainer)

    monkeypatch.setattr(training.Trainer, "train_epoch", stopping)
    with pytest.raises(Stopped):
        experiments.run_one(run)
    metrics = experiments.run_one(run)
    assert begun == [0, 1, 1]  # the first epoch is not repeated
    assert metrics == trained[0]
    assert experiments.weights_path(run).read_bytes() == trained[1].read_bytes()


def test_a_run_that_stops_while_it_is_scored_is_not_trained_again(
    run: Run,
    trained: tuple[dict[str, Any], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(experiments, "WEIGHTS", tmp_path)

    def stopped(*arguments: object) -> None:
        raise Stopped

    with monkeypatch.context() as power:
        power.setattr(experiments, "readings", stopped)
        with pytest.raises(Stopped):
            experiments.run_one(run)
    monkeypatch.setattr(training.Trainer, "train_epoch", stopped)
    assert experiments.run_one(run) == trained[0]
    assert list(tmp_path.iterdir()) == [experiments.weights_path(run)]


# --- many runs


def test_a_damaged_result_is_computed_anew(
    run: Run,
    private_results: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("BOOK_JOBS", "1")
    monkeypatch.delenv("BOOK_RETRAIN", raising=False)
    monkeypatch.setattr(experiments, "run_one", lambda run: {"seed": run["seed"]})
    prepared_first: list[int] = []
    monkeypatch.setattr(experiments, "prepared_for", lambda run: prepared_first.append(run["seed"]))
    runs = [run, {**run, "seed": 4}]
    expected = [{"seed": 3}, {"seed": 4}]
    assert [result.metrics for result in experiments._run(runs)] == expected
    assert prepared_first == [3, 4]  # in this process, before any other begins
    assert [result.metrics for result in experiments._run(runs)] == expected
    assert prepared_first == [3, 4]  # nothing is left to do
    results.location("part1", "table3", runs[0], private_results).write_text("{")
    assert [result.metrics for result in experiments._run(runs)] == expected
    assert prepared_first == [3, 4, 3, 4]
    assert "a damaged result counts as missing" in capsys.readouterr().err


@pytest.mark.parametrize("rung", ["open", "original"])
def test_what_was_recorded_on_recordings_is_shown_to_who_has_none(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rung: str
) -> None:
    monkeypatch.setattr(experiments, "SHIPPED", tmp_path)
    monkeypatch.delenv("BOOK_RETRAIN", raising=False)
    quick = PROFILES["quick"]
    own = quick.drawn, experiments.describe(quick.drawn, corpus)
    assert experiments.runs_of(quick.drawn, corpus) == own  # nothing is recorded yet
    common = {**experiments.describe(quick, corpus), "dataset": "esc10", "rung": rung}
    run = experiments.config(common, ("spectral", "audio", "visual"), 1)
    weights = experiments.shipped_path(rung, run["inputs"])
    weights.touch()
    weights.with_suffix(".json").write_text(json.dumps({"run": run}))
    shown = quick, results.plain(common)
    assert experiments.runs_of(quick.drawn, corpus) == (shown if rung == "open" else own)
    assert experiments.runs_of(TINY, corpus)[0] == TINY  # no other profile is replaced
    monkeypatch.setenv("BOOK_RETRAIN", "1")
    assert experiments.runs_of(quick.drawn, corpus) == own


# --- other readings


def test_readings_of_the_metrics_by_hand(make: MakeEvents) -> None:
    truth = make((0, 0, 1.0, 3.0), (1, 1, 5.0, 6.0), (1, 2, 2.0, 4.0), clips=2)
    frame, clip = torch.full((2, 151, 10), 0.1), torch.full((2, 10), 0.1)
    frame[0, 15:50, 0] = 0.9  # 0.99 to 3.31 s: its end is late by 0.31 s, 16 % of its length
    frame[1, 30:61, 2] = 0.9  # 1.99 to 4.04 s, but its clip probability is low
    frame[0, 100, 3] = 0.9  # 6.62 s, one frame: the median filter takes it away
    clip[0, 0], clip[1, 2] = 0.9, 0.4
    found = experiments.readings(truth, Probabilities(frame, clip))
    expected = {  # clip: 1 of 3 tags, 1 given; segments: 4 of 5 hit, 8 found; events: 1, 0, 1
        "as chosen": (1 / 2, 8 / 13, 2 / 3),
        "offset tolerance: the smaller of 200 ms and 20 %": (1 / 2, 8 / 13, 1 / 3),
        "no median filter": (1 / 2, 8 / 14, 2 / 3),
        "tags from events instead of clip probabilities": (4 / 5, 8 / 13, 2 / 3),
        "events only of tagged classes": (1 / 2, 4 / 9, 1 / 3),
        "a class never predicted is left out of the mean": (1 / 2, 8 / 13, 1.0),
    }
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert [found[name][each] for each in evaluation.METRICS] == pytest.approx(values), name


def test_readings_of_silence_are_zero(make: MakeEvents) -> None:
    silence = Probabilities(torch.full((1, 151, 10), 0.1), torch.full((1, 10), 0.1))
    found = experiments.readings(make((0, 0, 1.0, 3.0)), silence)
    assert {value for scores in found.values() for value in scores.values()} == {0.0}
