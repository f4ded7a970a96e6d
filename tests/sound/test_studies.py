"""The runs and pictures of the metrics chapter, on a small drawn set."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from lib.book import results
from lib.sound import evaluation, oracles, plots, profiles, studies
from lib.sound.scored import Scored

PROFILE = replace(profiles.METRICS["smoke"], resamples=20)
ROWS = results.paper("part1_table3")["rows"]

pytestmark = pytest.mark.usefixtures("private_results", "no_open_figures")


def test_every_ceiling_is_one_run_and_is_kept(drawn: Scored, private_results: Path) -> None:
    first = studies.ceilings(drawn)
    assert [run.config["ceiling"] for run in first] == list(oracles.CEILINGS)
    assert len(list(private_results.rglob("*.json"))) == len(first)
    assert studies.ceilings(drawn) == first


def test_the_curve_at_the_paper_setting_is_the_system_itself(drawn: Scored) -> None:
    (run,) = studies.curves(replace(PROFILE, thresholds=(0.5,), medians=(7,)), drawn)
    system = next(iter(drawn.systems.values()))
    expected = evaluation.table3_scores(evaluation.all_counts(drawn.truth, system))
    assert {name: run.metrics[name][0] for name in evaluation.METRICS} == expected
    assert np.mean(run.metrics["event by class"]) == pytest.approx(expected["event"])


def test_a_window_of_nothing_loses_nothing(drawn: Scored) -> None:
    run = studies.windows(PROFILE, drawn)
    assert [run.metrics[name][0] for name in evaluation.METRICS] == [1.0, 1.0, 1.0]
    assert run.metrics["event"] == sorted(run.metrics["event"], reverse=True)


def test_the_noise_of_a_difference_is_paired(drawn: Scored) -> None:
    found = studies.noise(PROFILE, drawn).metrics["segment"]
    one, two = list(drawn.systems)
    difference = found[one]["value"] - found[two]["value"]
    assert found["difference"]["value"] == pytest.approx(difference)
    assert found["twins"]["standard error"] < found["difference"]["standard error"]
    assert found["subsets"] == {"clips": 35, "spread": pytest.approx(0.005, abs=0.01)}


@pytest.mark.parametrize(
    "draw",
    [
        lambda data: plots.timelines(data.truth, data.systems),
        lambda data: plots.ceilings(studies.ceilings(data)),
        lambda data: plots.window_curve(studies.windows(PROFILE, data)),
        lambda data: plots.threshold_curves(studies.curves(PROFILE, data), 7),
        lambda data: plots.lengths(data.truth),
        lambda data: plots.table3_noise(ROWS, studies.noise(PROFILE, data)),
        lambda data: plots.fall({"tagger": ({"clip": 100, "segment": 78, "event": 24}, "tagger")}),
    ],
    ids=["timelines", "ceilings", "windows", "thresholds", "lengths", "noise", "fall"],
)
def test_every_picture_is_drawn(drawn: Scored, draw: Callable[[Scored], Figure]) -> None:
    figure = draw(drawn)
    figure.canvas.draw()
    assert figure.axes


@pytest.mark.parametrize("threshold", [0.02, 0.5, 0.98])
def test_the_widget_draws_every_kind_of_clip(drawn: Scored, threshold: float) -> None:
    silent = int(np.flatnonzero(~drawn.truth.tags.any(axis=1))[0])
    for clip in (0, silent):
        for scores in (drawn.scores, np.zeros_like(drawn.scores)):
            figure = plots.explore_panel(drawn.truth, scores, drawn.hop, clip, threshold, 7)
            figure.canvas.draw()


def test_the_rows_of_table_3_are_typed_as_printed() -> None:
    assert [plots.row_name(row) for row in ROWS] == [
        *("S", "S + V", "S + A", "S + A + V", "V", "A", "A + V")
    ]
    first, last = ROWS[0], ROWS[3]  # section 5.1: gains of 4.81, 4.50 and 7.50 %
    assert ROWS[2]["clip"] - first["clip"] == pytest.approx(4.81)
    assert ROWS[1]["clip"] - first["clip"] == pytest.approx(4.50)
    assert last["clip"] - first["clip"] == pytest.approx(7.50)
