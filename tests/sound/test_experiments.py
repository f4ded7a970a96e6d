"""One run of Table 3, from features to scores: each step by hand or by another route."""

import itertools
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

from lib.runs import results
from lib.sound import evaluation, features, mean_teacher, protocol
from lib.sound.crnn import COMBINATIONS, CRNN, Probabilities
from lib.sound.data.corpus import SPLITS, Corpus, Sight
from lib.sound.events import Events
from lib.sound.runs import experiments, extraction
from lib.sound.runs.experiments import Prepared
from lib.sound.runs.profiles import PROFILES, Profile

MakeEvents = Callable[..., Events]
Run = dict[str, Any]
BOTH = ("spectral", "audio")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Hold torch to one thread: sums come out in one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def common(mixed: Corpus, profile: Profile) -> Run:
    """Give what the runs on a few mixtures have in common."""
    return experiments.common(profile)


@pytest.fixture(scope="module")
def run(common: Run) -> Run:
    """Give a run of the row with spectral and pretrained audio features."""
    return experiments.config(common, BOTH, 0)


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
def test_a_run_names_only_what_it_reads(
    common: Run, profile: Profile, inputs: tuple[str, ...]
) -> None:
    found = experiments.config(common, inputs, 7)
    for field in ("inputs", "streams", "weights", "fingerprint"):
        assert tuple(found[field]) == inputs
    assert tuple(found["embeddings"]) == tuple(name for name in inputs if name != "spectral")
    assert ("sight" in found) == ("visual" in inputs)
    assert found["weights"].get("spectral", "") == ""  # no network makes these
    assert (found["seed"], found["rotation"], found["align"]) == (7, 2, "index")
    assert results.plain(found)["training"] == results.plain(asdict(profile.training))


def test_what_sounds_is_no_other_run_when_pictures_change(common: Run) -> None:
    blind = Sight(never_seen=1.0)
    for row in COMBINATIONS:
        ours, other = (experiments.config(common, row, 0, sight=each) for each in (None, blind))
        assert (results.key(ours) == results.key(other)) == ("visual" not in row)
        for name in row:
            same = ours["fingerprint"][name] == other["fingerprint"][name]
            assert same == (name != "visual")


def test_the_original_knows_no_rotation_and_no_knobs(
    common: Run, mixed: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = replace(mixed, name="dcase2018", rung="original")
    monkeypatch.setattr(experiments, "_corpus", lambda *arguments: original)
    run = experiments.config({**common, "dataset": "dcase2018"}, ("audio", "visual"), 3)
    assert run["rotation"] == 0 and "sight" not in run


def test_every_run_is_another_one(common: Run) -> None:
    runs = experiments.grid(common, 3)
    assert [tuple(run["inputs"]) for run in runs] == list(COMBINATIONS) * 3
    for field in ("seed", "rotation"):
        assert [run[field] for run in runs] == [0] * 7 + [1] * 7 + [2] * 7
    assert len({results.key(run) for run in runs}) == 21


def test_each_knob_of_the_pictures_is_turned_to_both_ends(common: Run) -> None:
    runs = experiments.sight_grid(common, 1)
    table = experiments.config(common, ("visual",), 0)["sight"]
    ends = [
        (tuple(run["inputs"]), name, value)
        for run in runs
        for name, value in run["sight"].items()
        if value != table[name]
    ]
    assert len(runs) == len(ends) == len({results.key(run) for run in runs})
    assert set(ends) == set(itertools.product(experiments.SEEING_ROWS, vars(Sight()), (0.0, 1.0)))


def test_the_ledger_and_the_time_grid_are_runs_too(common: Run) -> None:
    aligned = experiments.aligned_grid(common, 2)
    assert {run["align"] for run in aligned} == {"time"}
    assert all("audio" in run["inputs"] for run in aligned)
    assert len(aligned) == 2 * len(experiments.ALIGNED_ROWS)
    ledger = experiments.ledger_grid(common, 2)
    assert list(ledger) == list(experiments.TRAINING_READINGS)
    chosen, literal, still = ledger.values()
    assert chosen == [experiments.config(common, ("audio",), seed) for seed in range(2)]
    for other, name, value in (
        (literal, "consistency_ramp", False),
        (still, "teacher_mode", "eval"),
    ):
        for ours, theirs in zip(chosen, other, strict=True):
            assert theirs == {**ours, "training": {**ours["training"], name: value}} != ours


@pytest.mark.parametrize("name", list(PROFILES))
def test_the_best_few_are_fewer_than_all_and_a_teacher_looks_back_over_a_fiftieth(
    name: str,
) -> None:
    profile = PROFILES[name]
    assert 1 <= profile.best <= profile.trainings
    steps = profile.training.epochs * profile.training.steps_per_epoch
    decay = max(0, 1 - 50 / steps)  # of 4 steps there is no fiftieth
    assert profile.training.teacher_decay == pytest.approx(decay)


# --- features


@pytest.mark.parametrize("name", BOTH)
def test_training_frames_that_sound_have_mean_0_and_variance_1(
    mixed: Corpus, prepared: Prepared, name: str
) -> None:
    stream = {"spectral": "log_mel", "audio": "yamnet"}[name]
    frames = np.concatenate(
        [
            clip[:length].astype(np.float64)
            for split in ("weak", "unlabelled")
            for clip, length in zip(
                prepared.splits[split][name],
                extraction.sounding_frames(mixed, mixed.clips[split], stream),
                strict=True,
            )
        ]
    )
    whole = np.abs(frames).max(axis=0) < features.FARTHEST  # nothing was cut
    moves = whole & (prepared.scales[name].std != 1)  # where a dimension never changes it is 1
    assert moves.sum() > 20  # many units of YAMNet rest in so few clips
    assert frames[:, whole].mean(axis=0) == pytest.approx(0, abs=2e-3)
    assert frames[:, moves].std(axis=0) == pytest.approx(1, abs=2e-3)


def test_all_splits_are_standardised_by_the_training_clips(
    mixed: Corpus, prepared: Prepared
) -> None:
    for split in SPLITS:
        raw = extraction.extract(mixed, "log_mel", mixed.clips[split]).astype(np.float64)
        bands = raw.reshape(*raw.shape[:2], 32, 4).mean(axis=3)
        scale = prepared.scales["spectral"]
        expected = (bands - scale.mean) / scale.std
        found = prepared.splits[split]["spectral"][:].astype(np.float64)
        assert np.abs(found - expected).max() < 0.03  # float16, of values up to ten


@pytest.mark.parametrize("field", ["fingerprint", "weights"])
def test_other_clips_or_weights_than_the_runs_are_refused(run: Run, field: str) -> None:
    other = {**run[field], "audio": "0"}
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
    said = protocol.probabilities(results.Result("part1", "table3", run, metrics))
    assert np.abs(said.frame.numpy() - frame).max() < 3e-3
    again = experiments.summary(experiments.count(truth, said))["scores"]
    assert again == scores
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
        *mean_teacher.Losses._fields,
        *(f"validation_{name}" for name in evaluation.METRICS),
    }
    assert {len(values) for values in metrics["history"].values()} == {run["training"]["epochs"]}
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
    epoch = mean_teacher.Trainer.learn

    def stopping(trainer: mean_teacher.Trainer) -> dict[str, float]:
        begun.append(trainer.done)
        if begun == [0, 1]:
            raise Stopped
        return epoch(trainer)

    monkeypatch.setattr(mean_teacher.Trainer, "learn", stopping)
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
    monkeypatch.setattr(mean_teacher.Trainer, "learn", stopped)
    assert experiments.run_one(run) == trained[0]
    assert list(tmp_path.iterdir()) == [experiments.weights_path(run)]


# --- many runs


def test_a_damaged_result_is_computed_anew(
    run: Run,
    private_results: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("BOOK_RUN", '{"jobs": 1}')
    monkeypatch.delenv("BOOK_RETRAIN", raising=False)
    monkeypatch.setattr(experiments, "run_one", lambda run: {"seed": run["seed"]})
    prepared_first: list[int] = []
    monkeypatch.setattr(experiments, "prepared_for", lambda run: prepared_first.append(run["seed"]))
    runs = [run, {**run, "seed": 4}]
    expected = [{"seed": 0}, {"seed": 4}]
    assert [result.metrics for result in experiments.trained(runs)] == expected
    assert prepared_first == [0, 4]  # in this process, before any other begins
    assert [result.metrics for result in experiments.trained(runs)] == expected
    assert prepared_first == [0, 4]  # nothing is left to do
    results.location("part1", "table3", runs[0], private_results).write_text("{")
    assert [result.metrics for result in experiments.trained(runs)] == expected
    assert prepared_first == [0, 4, 0, 4]
    assert "a damaged result counts as missing" in capsys.readouterr().err


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


# --- the command line


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["aligned", "--trainings", "2"], {"aligned": 4}),
        ([], {"table3": 14, "aligned": 4, "ledger": 6, "seen": 24}),
    ],
)
def test_the_command_trains_the_runs_asked_for(
    mixed: Corpus,
    arguments: list[str],
    expected: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[Run] = []
    monkeypatch.setattr(experiments, "trained", lambda runs: asked.extend(runs) or runs)
    experiments.main(["smoke", *arguments])
    common = experiments.common(PROFILES["smoke"])
    assert asked == [run for name in expected for run in experiments.GRIDS[name](common, 2)]
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{name}: {count} trainings are there" for name, count in expected.items()]


def test_no_training_at_all_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        experiments.main(["quick", "seen", "--trainings", "0"])
    assert "0 trainings are none; give at least 1" in capsys.readouterr().err
