"""Cost against size: measured in fresh processes, stored, and drawn as it was measured."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib.book import results, scaling, scaling_plots
from lib.book.results import Result


def process(config: dict[str, Any]) -> dict[str, Any]:
    """Return who ran this; a stand-in for a part's own function."""
    return {"seconds": {"together": 0.5}, "data_mb": config["size"] / 10, "process": os.getpid()}


def made_up(sizes: list[int]) -> list[Result]:
    """Return costs in exact proportion, two stages, at a steady 400 MB."""
    return [
        Result(
            "part1",
            "scaling",
            {"size": size, "unit": "clips"},
            {
                "seconds": {"prepared": size / 10, "trained": size / 5},
                "data_mb": size / 4,
                "peak_memory_mb": 400.0,
            },
        )
        for size in sizes
    ]


def test_each_size_is_measured_once_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    asked: list[int] = []

    def alone(function: scaling.Measured, config: dict[str, Any]) -> dict[str, Any]:
        asked.append(config["size"])
        return function(config)

    monkeypatch.setattr(scaling, "alone", alone)
    configs = [{"size": size, "unit": "clips"} for size in (10, 40)]
    first = scaling.measure("part1", configs, process)
    assert asked == [10, 40] and [found.metrics["data_mb"] for found in first] == [1.0, 4.0]
    assert scaling.measure("part1", configs, process) == first and asked == [10, 40]


def test_a_fresh_process_tells_its_peak_of_memory() -> None:
    found = scaling.alone(dict, {"size": 1})
    assert found["size"] == 1 and 20 < found["peak_memory_mb"] < 2000


def test_what_else_runs_does_not_count() -> None:
    seconds: dict[str, float] = {}
    with scaling.timed(seconds, "waiting"):
        time.sleep(0.3)
    with scaling.timed(seconds, "working"):
        started = time.process_time()
        while time.process_time() < started + 0.05:
            pass
    assert seconds["waiting"] < 0.2 and 0.05 <= seconds["working"] < 0.25


def test_proportion_lies_on_its_line_and_memory_shows_both_ways() -> None:
    figure = scaling_plots.plot(made_up([80, 20, 320]))
    left, right = figure.axes
    lines = {line.get_label(): np.array(line.get_xydata()) for line in left.lines}
    assert list(lines) == ["exact proportion", "together", "prepared", "trained"]
    assert lines["together"] == pytest.approx(lines["exact proportion"])
    assert lines["trained"][:, 0].tolist() == [20, 80, 320]
    assert lines["trained"][:, 1].tolist() == [4, 16, 64]
    kept, peak = (np.array(line.get_ydata()) for line in right.lines)
    assert peak.tolist() == [400.0] * 3 and kept.tolist() == [400, 415, 475]
    assert left.get_xlabel() == right.get_xlabel() == "clips"
    assert "s" in left.get_ylabel() and right.get_ylabel() == "memory, MB"


def test_one_size_makes_no_line() -> None:
    with pytest.raises(ValueError, match="1 sizes make no line; measure two at least"):
        scaling_plots.plot(made_up([20]))
