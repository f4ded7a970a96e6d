"""The ledger: every open point is in it, and what is measured has the size and sign it should."""

from collections.abc import Callable

import pytest

from lib.runs import results
from lib.runs.results import Result
from lib.sound import evaluation, features, mean_teacher
from lib.sound.crnn import COMBINATIONS
from lib.sound.runs import experiments, ledger, verdicts
from lib.sound.runs.profiles import PROFILES

MakeRun = Callable[..., Result]
LEVELS = {"clip": 0.6, "segment": 0.5, "event": 0.3}


def test_the_ledger_says_what_the_code_does() -> None:
    table = ledger.OPEN.set_index("open point")
    assert f"{features.RATE:,}" in table.loc["sample rate of 22.1 kHz", "we take"]
    assert str(features.FRAMES) in table.loc["sample rate of 22.1 kHz", "we take"]
    assert f"{features.QUIETEST:.0f} dB" in table.loc["floor of the logarithm", "we take"]
    chosen = mean_teacher.TrainingConfig()
    assert chosen.consistency_ramp and "learning rate" in table.loc["consistency ramp", "we take"]
    assert chosen.teacher_mode == "train" and "training" in table.loc["teacher's mode", "we take"]
    assert "scores 0" in table.loc["class never predicted", "we take"]


def test_every_reading_of_the_metrics_is_shown_after_our_choice() -> None:
    def counted(value: float) -> Result:
        said = dict.fromkeys(evaluation.METRICS, value)
        readings = {"another": said, ledger.CHOSEN: {**said, "clip": 0.9}}  # as they are stored
        return Result("part1", "table3", {}, {"readings": readings})

    table = ledger.counting({verdicts.AUDIO: [counted(0.2), counted(0.4)]})
    assert table["reading"].tolist() == [ledger.CHOSEN, "another"]
    assert table["clip"].tolist() == pytest.approx([90, 30])
    assert table["event"].tolist() == pytest.approx([30, 30])


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
    assert sorted(scores) == list(scores)
