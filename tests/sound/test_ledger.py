"""The ledger: every open point is in it, and what is measured has the size and sign it should."""

import inspect
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

from lib.book.results import Result
from lib.sound import evaluation, experiments, features, ledger, profiles, protocol, verdicts
from lib.sound.labels import CLASSES, Events
from lib.sound.models import COMBINATIONS, Probabilities, linear_pooling

MakeRun = Callable[..., Result]
LEVELS = {"clip": 0.6, "segment": 0.5, "event": 0.3}
TRUTH = Events(  # two events in each of twelve clips
    *(tuple(f"{place}.wav" for place in range(12)), np.full(12, 10.0)),
    *(np.repeat(np.arange(12), 2), np.arange(24) % 10),
    *(np.tile([1.0, 4.0], 12), np.tile([3.0, 9.0], 12), CLASSES),
)


def counted(made_up_run: MakeRun, row: tuple[str, ...], seed: int) -> Result:
    """Return a made-up run with the readings of random probabilities."""
    frame = torch.rand(12, 151, 10, generator=torch.Generator().manual_seed(seed))
    found = Probabilities(frame, linear_pooling(frame))
    run = made_up_run(row, seed, LEVELS, 0.02)
    readings = dict(sorted(experiments.readings(TRUTH, found).items()))  # as they are stored
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
    chosen = profiles.TrainingConfig()
    assert chosen.consistency_ramp and "learning rate" in table.loc["consistency ramp", "we take"]
    assert chosen.teacher_mode == "train" and "training" in table.loc["teacher's mode", "we take"]
    assert "at least 200 ms" in table.loc["offset tolerance", "we take"]
    assert inspect.signature(evaluation.match).parameters["rule"].default == "max"
    assert "scores 0" in table.loc["class never predicted", "we take"]


def test_what_can_be_measured_here_is_measured() -> None:
    here = ledger.differences().query("effect == 'this chapter'")["open point"]
    measured = {  # the readings of the metrics, of the training, of the time grid and of the best
        *("offset tolerance", "tags", "frames of untagged classes", "class never predicted"),
        *("size of the training", "consistency ramp", "teacher's mode", "pictures"),
        *("joining streams", "best 5 of 20"),
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
        low, high = table["clip: gain"][place].split(" to ")
        assert low[0] == high[0] == sign
        assert float(low) <= table["clip"][place] - table["clip"][0] <= float(high)


def test_one_training_has_means_but_no_gains(made_up_run: MakeRun) -> None:
    table = readings_of(made_up_run, {ledger.CHOSEN: 0.0, "other": 0.1}, 1)
    assert list(table) == ["reading", "n", *evaluation.METRICS]


def test_our_choice_has_one_name() -> None:
    assert next(iter(experiments.TRAINING_READINGS)) == ledger.CHOSEN
    assert experiments.TRAINING_READINGS[ledger.CHOSEN] == {}
