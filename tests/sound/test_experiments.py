"""One run of Table 3, from features to scores: each step by hand or by another route."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
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
from lib.sound.runs.profiles import Profile

MakeEvents = Callable[..., Events]
Run = dict[str, Any]
BOTH = ("spectral", "audio")


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


def test_a_run_names_only_what_it_reads_and_what_sounds_does_not_change_with_pictures(
    common: Run, mixed: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = Sight(never_seen=1.0)
    for row in COMBINATIONS:
        ours, other = (experiments.config(common, row, 7, sight=each) for each in (None, blind))
        for field in ("inputs", "streams", "weights", "fingerprint"):
            assert tuple(ours[field]) == row
        assert tuple(ours["embeddings"]) == tuple(name for name in row if name != "spectral")
        assert (ours["seed"], ours["rotation"], ours["align"]) == (7, 2, "index")
        assert (results.key(ours) == results.key(other)) == ("visual" not in row)
        changed = {name for name in row if ours["fingerprint"][name] != other["fingerprint"][name]}
        assert changed == {"visual"} & set(row)
    original = replace(mixed, name="dcase2018", rung="original")  # has neither folds nor knobs
    monkeypatch.setattr(experiments, "_corpus", lambda *arguments: original)
    run = experiments.config({**common, "dataset": "dcase2018"}, ("visual",), 7)
    assert run["rotation"] == 0 and "sight" not in run


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


def test_other_readings_are_the_same_runs_but_for_one_thing(common: Run) -> None:
    runs = experiments.grid(common, 2)
    assert [(tuple(run["inputs"]), run["seed"]) for run in runs] == [
        (row, seed) for seed in range(2) for row in COMBINATIONS
    ]
    aligned = experiments.aligned_grid(common, 2)
    assert [{**run, "align": "index"} for run in aligned] == [
        run for run in runs if tuple(run["inputs"]) in experiments.ALIGNED_ROWS
    ]
    assert {run["align"] for run in aligned} == {"time"}
    chosen, literal, still = experiments.ledger_grid(common, 2).values()
    assert chosen == [run for run in runs if run["inputs"] == ["audio"]]
    for others, name, value in (
        (literal, "consistency_ramp", False),
        (still, "teacher_mode", "eval"),
    ):
        for ours, theirs in zip(chosen, others, strict=True):
            assert theirs == {**ours, "training": {**ours["training"], name: value}} != ours


def test_what_is_there_of_further_rotations_is_shown_with_what_was_asked_for(
    common: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ((2, ("audio",)), (3, ("spectral", "audio")))
    there = [
        *experiments.grid(common, 1),
        *(experiments.config(common, row, seed) for seed, row in rows),
    ]

    def found(runs: Sequence[Run]) -> list[Run | None]:
        return [run if run in there else None for run in runs]

    monkeypatch.setattr(experiments, "trained", there.extend)
    monkeypatch.setattr(experiments, "present", found)
    asked = list(there)
    assert experiments.table3(common, 1) == asked
    assert experiments.table3(common, 3) == [
        *experiments.grid(common, 3),
        there[len(COMBINATIONS) + 1],
    ]


# --- features


def test_features_are_standardised_by_the_training_frames_that_sound(
    mixed: Corpus, prepared: Prepared
) -> None:
    raw: dict[str, list[np.ndarray]] = {}
    for split in SPLITS:
        log_mel = extraction.extract(mixed, "log_mel", mixed.clips[split]).astype(np.float64)
        raw[split] = list(log_mel.reshape(*log_mel.shape[:2], 32, 4).mean(axis=3))
    sounding = [
        clip[:length]
        for split in ("weak", "unlabelled")
        for clip, length in zip(
            raw[split],
            extraction.sounding_frames(mixed, mixed.clips[split], "log_mel"),
            strict=True,
        )
    ]
    frames = np.concatenate(sounding)
    for split in SPLITS:
        found = prepared.splits[split]["spectral"][:].astype(np.float64)
        expected = (np.stack(raw[split]) - frames.mean(axis=0)) / frames.std(axis=0)
        expected = expected.clip(-features.FARTHEST, features.FARTHEST)
        assert np.abs(found - expected).max() < 0.03  # float16, of values up to ten


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
    run: Run, prepared: Prepared, trained: tuple[dict[str, Any], Path]
) -> None:
    metrics, path = trained
    result = results.Result("part1", "table3", run, metrics)  # plain, so that it can be stored
    for name in evaluation.METRICS:
        counted = evaluation.SCORES[name](protocol.counts(result, name))
        assert counted == metrics["test"]["scores"][name]
    assert {len(values) for values in metrics["history"].values()} == {run["training"]["epochs"]}
    scales = experiments.load_scales(path)
    assert set(scales) == set(BOTH)
    for name, scale in scales.items():
        assert np.array_equal(scale.mean, prepared.scales[name].mean)
        assert np.array_equal(scale.std, prepared.scales[name].std)
    assert [file.name for file in path.parent.iterdir()] == [path.name]  # no progress is left


class Stopped(Exception):
    """The power went."""


def test_a_run_interrupted_while_it_is_scored_ends_as_if_nothing_had_been(
    run: Run,
    trained: tuple[dict[str, Any], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Within an epoch, see tests/runs/test_trainers.py."""
    monkeypatch.setattr(experiments, "WEIGHTS", tmp_path)
    begun: list[int] = []
    epoch = mean_teacher.Trainer.learn

    def learning(trainer: mean_teacher.Trainer) -> dict[str, float]:
        begun.append(trainer.done)
        return epoch(trainer)

    def stopped(*arguments: Any) -> dict[str, dict[str, float]]:
        raise Stopped

    monkeypatch.setattr(mean_teacher.Trainer, "learn", learning)
    with monkeypatch.context() as patch:
        patch.setattr(experiments, "readings", stopped)
        with pytest.raises(Stopped):
            experiments.run_one(run)
    metrics = experiments.run_one(run)
    assert begun == [0, 1]  # nothing is trained twice
    assert metrics == trained[0]
    assert experiments.weights_path(run).read_bytes() == trained[1].read_bytes()
    assert list(tmp_path.iterdir()) == [experiments.weights_path(run)]


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


def test_the_papers_own_networks_are_asked_for_by_one_line_where_they_lack(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    with pytest.raises(SystemExit) as refused:
        experiments.main(["smoke", "published"])
    assert refused.value.code == 1
    assert "data_root get vggish" in capsys.readouterr().err
