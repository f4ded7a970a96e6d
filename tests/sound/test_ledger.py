"""The ledger: every open point is in it, and what is measured has the size and sign it should."""

import inspect
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

from lib.runs.results import Result
from lib.sound import evaluation, features, mean_teacher, protocol
from lib.sound.crnn import COMBINATIONS, Probabilities, linear_pooling
from lib.sound.data import mixtures
from lib.sound.events import Events
from lib.sound.runs import experiments, ledger, verdicts

MakeRun = Callable[..., Result]
LEVELS = {"clip": 0.6, "segment": 0.5, "event": 0.3}


def made_up_events() -> Events:
    """Return twelve clips, each with one event of one class."""
    clip, names = np.arange(12), tuple(f"{number}.wav" for number in range(12))
    onset = 0.5 * clip
    return Events(names, np.full(12, 10.0), clip, clip % 10, onset, onset + 2, mixtures.CLASSES)


def counted(made_up_run: MakeRun, row: tuple[str, ...], seed: int) -> Result:
    """Return a made-up run with the readings of random probabilities."""
    truth = made_up_events()
    frame = torch.rand(12, 151, 10, generator=torch.Generator().manual_seed(seed))
    found = Probabilities(frame, linear_pooling(frame))
    run = made_up_run(row, seed % 10, LEVELS, 0.02)  # so that rows are compared in pairs
    readings = dict(sorted(experiments.readings(truth, found).items()))  # as they are stored
    metrics = {**run.metrics, "readings": readings}
    return Result(run.part, run.experiment, run.config, metrics)


@pytest.fixture(scope="module")
def runs(made_up_run: MakeRun) -> protocol.Runs:
    """Give two runs of each row."""
    return {
        row: [counted(made_up_run, row, 10 * place + seed) for seed in range(2)]
        for place, row in enumerate(COMBINATIONS)
    }


def test_every_entry_is_complete_and_no_point_is_listed_twice() -> None:
    table = ledger.differences()
    assert list(table) == ["open point", "the paper says", "we take", "effect"]
    assert len(table) == len(ledger.ENTRIES)
    assert (table.map(str.strip) != "").all(axis=None)
    assert table["open point"].is_unique


def test_the_ledger_says_what_the_code_does() -> None:
    table = ledger.differences().set_index("open point")
    assert f"{features.RATE:,}" in table.loc["sample rate", "we take"]
    assert str(features.FRAMES) in table.loc["sample rate", "we take"]
    assert f"{features.QUIETEST:.0f} dB" in table.loc["floor of the logarithm", "we take"]
    chosen = mean_teacher.TrainingConfig()
    assert chosen.consistency_ramp and "learning rate" in table.loc["consistency ramp", "we take"]
    assert chosen.teacher_mode == "train" and "training" in table.loc["teacher's mode", "we take"]
    assert "at least 200 ms" in table.loc["offset tolerance", "we take"]
    assert inspect.signature(evaluation.match).parameters["rule"].default == "max"
    assert "scores 0" in table.loc["class never predicted", "we take"]


def test_what_can_be_measured_here_is_measured() -> None:
    here = ledger.differences().query("effect == 'this chapter'")["open point"]
    measured = {  # the readings of metrics and training, the time grid, the knobs, the best
        *("offset tolerance", "tags", "frames of untagged classes", "class never predicted"),
        *("consistency ramp", "teacher's mode", "joining streams", "pictures", "best 5 of 20"),
    }
    assert set(here) == measured


def test_every_reading_of_the_metrics_is_shown(runs: protocol.Runs) -> None:
    table = ledger.counting(runs)
    readings = list(runs[verdicts.AUDIO][0].metrics["readings"])
    assert len(readings) == 6 and readings.index(ledger.CHOSEN) > 0
    readings.remove(ledger.CHOSEN)
    readings.insert(0, ledger.CHOSEN)  # what others are compared to
    for row in ledger.SHOWN:
        shown = table[table["row"] == protocol.short(row)]
        assert shown["reading"].tolist() == readings
        for metric in evaluation.METRICS:
            means = [
                100 * np.mean([run.metrics["readings"][each][metric] for run in runs[row]])
                for each in readings
            ]
            assert shown[metric].tolist() == pytest.approx(means)
    assert len(table) == len(ledger.SHOWN) * len(readings)


def test_rows_that_were_not_run_are_left_out(runs: protocol.Runs) -> None:
    table = ledger.counting({verdicts.AUDIO: runs[verdicts.AUDIO]})
    assert set(table["row"]) == {"A"}


def readings_of(made_up_run: MakeRun, gains: dict[str, float], count: int) -> pd.DataFrame:
    """Return the ledger of trainings whose clip scores differ by these gains."""
    return ledger.training(
        {
            name: [
                made_up_run(verdicts.AUDIO, seed, {**LEVELS, "clip": 0.6 + gain}, 0.002)
                for seed in range(count)
            ]
            for name, gain in gains.items()
        }
    )


def test_gains_have_their_sign_and_hold_the_difference(made_up_run: MakeRun) -> None:
    gains = {ledger.CHOSEN: 0.0, "better": 0.1, "worse": -0.1}
    table = readings_of(made_up_run, gains, 3)
    assert table["reading"].tolist() == list(gains) and table["n"].tolist() == [3, 3, 3]
    assert (table["clip"] - table["clip"][0]).tolist() == pytest.approx([0, 10, -10], abs=0.5)
    assert pd.isna(table["clip: gain"][0])  # our choice has no gain over itself
    for place, sign in ((1, "+"), (2, "-")):
        value, low, _, high = table["clip: gain"][place].replace("(", "").rstrip(")").split()
        assert value[0] == low[0] == high[0] == sign
        assert float(value) == pytest.approx(table["clip"][place] - table["clip"][0], abs=0.05)
        assert float(low) <= float(value) <= float(high)


def test_one_training_has_a_difference_without_an_interval(made_up_run: MakeRun) -> None:
    table = readings_of(made_up_run, {ledger.CHOSEN: 0.0, "other": 0.1}, 1)
    assert float(table["clip: gain"][1]) == pytest.approx(10, abs=0.5)


def test_gains_of_pairs_are_in_points_and_a_dash_where_there_is_none(runs: protocol.Runs) -> None:
    higher, lower = runs[verdicts.AUDIO], runs[verdicts.SPECTRAL]
    table = ledger.gains({"A over S": (higher, lower), "nothing": ([], lower)})
    assert table["what"].tolist() == ["A over S", "nothing"]
    for metric in evaluation.METRICS:
        assert table[metric].tolist() == [str(protocol.difference(higher, lower, metric)), "–"]


def test_placing_compares_each_row_with_spectral_features(runs: protocol.Runs) -> None:
    table = ledger.placing(runs).set_index("row")
    assert list(table.index) == ["S + V", "S + A", "S + A + V", "V", "A", "A + V"]
    own, other, apart = protocol.given_the_tag(runs[verdicts.AUDIO], runs[verdicts.SPECTRAL])
    assert table.loc["A"].tolist() == [100 * own, 100 * other, str(apart)]


def test_our_choice_has_one_name() -> None:
    assert next(iter(experiments.TRAINING_READINGS)) == ledger.CHOSEN
    assert experiments.TRAINING_READINGS[ledger.CHOSEN] == {}
