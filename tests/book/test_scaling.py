"""Cost against size: measured in fresh processes, stored, and drawn as it was measured."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lib.runs import results, scaling
from lib.runs.results import Result


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
    monkeypatch.setenv("BOOK_RESULTS", str(tmp_path))
    asked: list[int] = []

    def alone(function: Any, config: dict[str, Any]) -> dict[str, Any]:
        asked.append(config["size"])
        return function(config)

    def run_one(config: dict[str, Any]) -> dict[str, Any]:
        return {"seconds": {"together": 0.5}, "data_mb": config["size"] / 10}

    sizes = {"quick": (10, 40), "smoke": (10,)}
    way: Any = SimpleNamespace(
        configs=lambda profile: [{"size": size, "unit": "clips"} for size in sizes[profile]],
        run_one=run_one,
    )
    monkeypatch.setattr(scaling, "alone", alone)
    first = scaling.measured("part1", way, "quick")
    assert asked == [10, 40] and [found.metrics["data_mb"] for found in first] == [1.0, 4.0]
    assert scaling.measured("part1", way, "quick") == first and asked == [10, 40]


@pytest.mark.parametrize("part", ["part1", "part2", "part3"])
def test_time_grows_at_most_in_proportion_and_memory_hardly(part: str) -> None:
    files = (results.root() / part / scaling.EXPERIMENT).glob("*.json")
    stored = sorted(map(results.load, files), key=lambda each: each.config["size"])
    assert len(stored) == len(scaling.FACTORS["quick"])
    first, last = stored[0], stored[-1]
    growth = last.config["size"] / first.config["size"]
    seconds = [sum(each.metrics["seconds"].values()) for each in (first, last)]
    assert seconds[1] < 1.1 * growth * seconds[0]
    peaks = [each.metrics["peak_memory_mb"] for each in (first, last)]
    assert peaks[1] < 1.1 * peaks[0]


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
    figure = scaling.plot(made_up([80, 20, 320]))
    left, right = figure.axes
    lines = {line.get_label(): np.array(line.get_xydata()) for line in left.lines}
    assert list(lines) == ["exact proportion", "together", "prepared", "trained"]
    assert lines["together"] == pytest.approx(lines["exact proportion"])
    assert lines["trained"][:, 0].tolist() == [20, 80, 320]
    assert lines["trained"][:, 1].tolist() == [4, 16, 64]
    kept, peak = (np.array(line.get_ydata()) for line in right.lines)
    assert peak.tolist() == [400.0] * 3 and kept.tolist() == [400, 415, 475]
