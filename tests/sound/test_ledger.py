"""The ledger: every open point is in it, and what is measured has the size and sign it should."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from lib.runs import results
from lib.runs.results import Result
from lib.sound import evaluation, features, mean_teacher, protocol
from lib.sound.crnn import COMBINATIONS, Probabilities, linear_pooling
from lib.sound.data import mixtures
from lib.sound.events import Events
from lib.sound.runs import experiments, ledger, verdicts
from lib.sound.runs.profiles import PROFILES

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


def test_the_ledger_says_what_the_code_does() -> None:
    table = ledger.OPEN.set_index("open point")
    assert f"{features.RATE:,}" in table.loc["sample rate of 22.1 kHz", "we take"]
    assert str(features.FRAMES) in table.loc["sample rate of 22.1 kHz", "we take"]
    assert f"{features.QUIETEST:.0f} dB" in table.loc["floor of the logarithm", "we take"]
    chosen = mean_teacher.TrainingConfig()
    assert chosen.consistency_ramp and "learning rate" in table.loc["consistency ramp", "we take"]
    assert chosen.teacher_mode == "train" and "training" in table.loc["teacher's mode", "we take"]
    assert "scores 0" in table.loc["class never predicted", "we take"]


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


def test_gains_have_their_sign_and_hold_the_difference(made_up_run: MakeRun) -> None:
    gains = {ledger.CHOSEN: 0.0, "better": 0.1, "worse": -0.1}
    trained = {
        name: [
            made_up_run(verdicts.AUDIO, seed, {**LEVELS, "clip": 0.6 + gain}, 0.002)
            for seed in range(3)
        ]
        for name, gain in gains.items()
    }
    ours = trained[ledger.CHOSEN]
    table = ledger.gains({name: (trained[name], ours) for name in ("better", "worse")})
    assert table["what"].tolist() == ["better", "worse"]
    for place, name in enumerate(table["what"]):
        value, low, _, high = table["clip"][place].replace("(", "").rstrip(")").split()
        assert float(low) <= float(value) <= float(high)
        assert float(value) == pytest.approx(100 * gains[name], abs=0.5)


def test_table_3_is_read_with_and_without_an_interval(made_up_run: MakeRun) -> None:
    runs = {row: [made_up_run(row, 0, LEVELS, 0.02)] for row in COMBINATIONS}
    runs[verdicts.AUDIO].append(made_up_run(verdicts.AUDIO, 1, LEVELS, 0.02))
    table = ledger.table3(runs, results.paper("part1_table3")).set_index("row")
    assert "±" in table["clip"]["A"] and "±" not in table["clip"]["S"]
    assert table["clip"]["A"].endswith("(78.2)") and table["n"]["A"] == 2
    assert len(table.columns) <= 5


def test_events_are_counted_at_every_collar_as_the_run_itself_counted_them() -> None:
    profile = PROFILES["quick"]
    (run,) = experiments.present([experiments.config(experiments.common(profile), ("audio",), 0)])
    assert run is not None
    scores = ledger.by_collar([run])[0]
    stored = run.metrics["test"]["scores"]["event"]
    assert scores[ledger.COLLARS.index(evaluation.COLLAR)] == pytest.approx(stored, abs=1e-9)
    assert np.all(np.diff(scores) >= 0)
