"""The runs and pictures of the metrics chapter, on a small drawn set."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from lib.book import results
from lib.book.results import Result
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


def test_tables_read_the_same_from_a_file_as_from_memory(drawn: Scored) -> None:
    first, again = studies.noise_table(noise_of(drawn)), studies.noise_table(noise_of(drawn))
    assert first == again and [list(row) for row in first] == [list(row) for row in again]
    ways = [studies.traps(drawn).metrics["ways"] for _ in range(2)]
    tables = [studies.in_percent("counting", {way["counting"]: way for way in w}) for w in ways]
    assert tables[0].equals(tables[1]) and list(tables[0]) == ["counting", "segment", "event"]


def noise_of(data: Scored) -> Result:
    """Return the noise run of the test's size."""
    return studies.noise(PROFILE, data)


def test_silence_pays_where_it_is_not_counted(drawn: Scored) -> None:
    ways = studies.traps(drawn).metrics["ways"]
    honest, silent, dropped = (way["event"] for way in ways[:3])
    assert silent <= honest < dropped
    assert ways[4]["event"] < honest and ways[3]["segment"] >= ways[0]["segment"]


def test_taggers_that_never_localise_are_near_each_other(drawn: Scored) -> None:
    sure, erring = studies.taggers(drawn, [1.0, 0.7], draws=3)
    assert sure.metrics["spread"]["event"] == 0 and erring.metrics["spread"]["event"] > 0
    assert erring.metrics["event"] < sure.metrics["event"]
    table = studies.tagger_table(ROWS[4:6], [sure, erring])
    assert table["features"].tolist() == ["V", "A"]


def test_a_window_of_nothing_loses_nothing(drawn: Scored) -> None:
    run = studies.windows(PROFILE, drawn)
    assert [run.metrics[name][0] for name in evaluation.METRICS] == [1.0, 1.0, 1.0]
    assert run.metrics["event"] == sorted(run.metrics["event"], reverse=True)


def test_the_noise_of_a_difference_is_paired(drawn: Scored) -> None:
    found = studies.noise(PROFILE, drawn).metrics["segment"]
    difference = found["one"]["value"] - found["other"]["value"]
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
        lambda data: plots.fall(ROWS, studies.taggers(data, [0.8], draws=2), ROWS[0]),
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
    assert [studies.row_name(row) for row in ROWS] == [
        *("S", "S + V", "S + A", "S + A + V", "V", "A", "A + V")
    ]
    first, last = ROWS[0], ROWS[3]  # section 5.1: gains of 4.81, 4.50 and 7.50 %
    assert ROWS[2]["clip"] - first["clip"] == pytest.approx(4.81)
    assert ROWS[1]["clip"] - first["clip"] == pytest.approx(4.50)
    assert last["clip"] - first["clip"] == pytest.approx(7.50)
