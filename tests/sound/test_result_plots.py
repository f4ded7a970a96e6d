"""The pictures of Table 3: what is drawn are the numbers, each in its place and colour."""

from collections.abc import Callable
from dataclasses import asdict, fields

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lib.book.claims import mean_interval
from lib.book.show import PAGE_WIDTH
from lib.runs import results
from lib.runs.results import Result
from lib.sound import protocol
from lib.sound.crnn import COMBINATIONS, linear_pooling
from lib.sound.data.corpus import Sight
from lib.sound.evaluation import METRICS
from lib.sound.figures import result_plots
from lib.sound.figures.metric_plots import METRIC_COLOURS, METRIC_NAMES
from lib.sound.protocol import Runs
from lib.sound.runs.verdicts import AUDIO, SPECTRAL, VISUAL, WITH_AUDIO, Judge

pytestmark = pytest.mark.usefixtures("no_open_figures")
MakeRun = Callable[..., Result]
PAPER = results.paper("part1_table3")
LETTERS = ["S", "S + V", "S + A", "S + A + V", "V", "A", "A + V"]
TRAININGS = 3


@pytest.fixture(scope="module")
def runs(made_up_run: MakeRun) -> Runs:
    """Give three trainings of each row, with histories."""
    history = {"classification": [0.5, 0.4], "frame_consistency": [0.01, 0.02]}

    def run(row: tuple[str, ...], seed: int) -> Result:
        levels = {name: protocol.paper_score(PAPER, row, name) for name in METRICS}
        found = made_up_run(row, seed, levels, 0.01)
        scores = {f"validation_{name}": [0.1 * seed, 0.2 * seed] for name in METRICS}
        metrics = {**found.metrics, "history": {**history, **scores}}
        return Result(found.part, found.experiment, found.config, metrics)

    return {row: [run(row, seed) for seed in range(TRAININGS)] for row in COMBINATIONS}


def with_marker(axes: Axes, marker: str) -> list[Line2D]:
    return [line for line in axes.get_lines() if line.get_marker() == marker]


def rows_of(figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def on_page(figure: Figure) -> bool:
    """Return whether a figure can be drawn, is of page width, and has all it shows on the page."""
    figure.canvas.draw()
    used = figure.get_tightbbox()
    return used.x0 >= 0 and used.x1 <= figure.get_figwidth() == PAGE_WIDTH


def test_table_3_shows_every_training_its_mean_and_the_papers_number(runs: Runs) -> None:
    figure = result_plots.table3(runs, PAPER)
    assert rows_of(figure) == LETTERS
    for axes, metric in zip(figure.axes, METRICS, strict=True):
        assert axes.get_title(loc="left") == METRIC_NAMES[metric]
        values = [100 * np.array(protocol.scores(found, metric)) for found in runs.values()]
        for y, (dots, mean, theirs) in enumerate(
            zip(with_marker(axes, "o"), with_marker(axes, "|"), with_marker(axes, "D"), strict=True)
        ):
            assert dots.get_xdata() == pytest.approx(values[y])
            assert list(dots.get_ydata()) == [y] * TRAININGS
            assert dots.get_color() == mean.get_color() == METRIC_COLOURS[metric]
            assert mean.get_xdata() == pytest.approx([values[y].mean()])
            assert theirs.get_xdata() == pytest.approx([PAPER["rows"][y][metric]])
            assert list(mean.get_ydata()) == list(theirs.get_ydata()) == [y]
        spans = with_marker(axes, "None")
        for y, span in enumerate(spans):
            low, high = mean_interval(values[y].tolist())
            assert span.get_xdata() == pytest.approx([max(low, 0), min(high, 100)])
        assert len(spans) == len(runs)
        assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first row on top, as in the paper
    assert on_page(figure)


def test_one_training_is_drawn_without_an_interval(runs: Runs) -> None:
    figure = result_plots.table3({AUDIO: runs[AUDIO][:1]}, PAPER)
    assert not with_marker(figure.axes[0], "None") and len(with_marker(figure.axes[0], "o")) == 1
    assert on_page(figure)


def test_gains_are_those_that_are_judged(runs: Runs) -> None:
    few = {row: runs[row] for row in (SPECTRAL, WITH_AUDIO, AUDIO)}
    judge = Judge(few, {}, PAPER, "made up", "original", "quick")
    figure = result_plots.gains(judge)
    assert rows_of(figure) == ["S + A", "A"]
    assert len({axes.get_xlim() for axes in figure.axes}) == 1  # to compare across metrics
    for axes, metric in zip(figure.axes, METRICS, strict=True):
        zero, *spans = with_marker(axes, "None")
        assert list(zero.get_xdata()) == [0, 0]
        for y, row in enumerate((WITH_AUDIO, AUDIO)):
            found = protocol.difference(runs[row], runs[SPECTRAL], metric)
            theirs = judge.published(row, metric) - judge.published(SPECTRAL, metric)
            assert spans[y].get_xdata() == pytest.approx([100 * found.low, 100 * found.high])
            assert with_marker(axes, "o")[y].get_xdata() == pytest.approx([100 * found.value])
            assert with_marker(axes, "D")[y].get_xdata() == pytest.approx([100 * theirs])
    assert on_page(figure)


def test_histories_are_means_over_trainings(runs: Runs) -> None:
    figure = result_plots.histories(runs)
    expected = [[0.5, 0.4], [0.01, 0.02], [0.1, 0.2], [0.1, 0.2]]  # of seeds 0, 1 and 2
    for axes, values in zip(figure.axes, expected, strict=True):
        lines = axes.get_lines()
        assert [line.get_label() for line in lines] == LETTERS
        for line in lines:
            assert list(line.get_xdata()) == [1, 2]
            assert line.get_ydata() == pytest.approx(values)
        looks = {(line.get_color(), line.get_linestyle()) for line in lines}
        assert len(looks) == len(lines)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == LETTERS
    assert on_page(figure)


def turned(run: Result, **knobs: float) -> Result:
    """Return a run whose pictures have some knobs turned."""
    config = {**run.config, "sight": {**asdict(Sight()), **knobs}}
    return Result(run.part, run.experiment, config, run.metrics)


def test_knobs_run_from_none_over_table_3_to_all(runs: Runs) -> None:
    table3 = [run for found in runs.values() for run in found[:1]]
    ends = {0.0: runs[VISUAL][1], 1.0: runs[VISUAL][2]}
    study = [turned(run, out_of_step=share) for share, run in ends.items()]
    figure = result_plots.knobs([*table3, *study])
    assert {each.name for each in fields(Sight)} == set(result_plots.KNOBS)
    for row, metric in zip((figure.axes[:3], figure.axes[3:]), ("clip", "event"), strict=True):
        for axes, knob in zip(row, result_plots.KNOBS, strict=True):
            level, both, visual = axes.get_lines()
            (expected,) = protocol.scores(runs[SPECTRAL][:1], metric)
            assert level.get_ydata() == pytest.approx([100 * expected] * 2)
            assert list(both.get_xdata()) == [getattr(Sight(), knob)]  # was trained once
            there = [*runs[VISUAL][1:2], *runs[VISUAL][:1], *runs[VISUAL][2:]]
            there = there if knob == "out_of_step" else runs[VISUAL][:1]
            assert visual.get_ydata() == pytest.approx(
                [100 * value for value in protocol.scores(there, metric)]
            )
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["S", "S + V", "V"]
    assert on_page(figure)


def test_poolings_derivative_is_that_of_finite_differences() -> None:
    frame = np.array([0.05, 0.2, 0.4, 0.9, 0.7, 0.1])
    figure = result_plots.pooling(frame)
    top, bottom = figure.axes

    def pooled(values: np.ndarray) -> float:
        return float(linear_pooling(torch.from_numpy(values).reshape(1, -1, 1)))

    step = 1e-6
    slopes = [
        (pooled(frame + step * place) - pooled(frame - step * place)) / (2 * step)
        for place in np.eye(len(frame))
    ]
    heights = [bar.get_height() for bar in bottom.containers[0]]
    assert heights == pytest.approx(slopes, abs=1e-7)
    clip = float((frame**2).sum() / frame.sum())
    drawn, whole, half = top.get_lines()
    assert list(drawn.get_ydata()) == list(frame)
    assert whole.get_ydata() == pytest.approx([clip] * 2)
    assert half.get_ydata() == pytest.approx([clip / 2] * 2)
    assert whole.get_label() == f"clip probability: {clip:.2f}"
    colours = [bar.get_facecolor() for bar in bottom.containers[0]]
    assert all(
        (a == b) == ((x > 0) == (y > 0))
        for a, x in zip(colours, heights, strict=True)
        for b, y in zip(colours, heights, strict=True)
    )
    assert [value > 0 for value in heights] == (frame > clip / 2).tolist()
    assert on_page(figure)
