"""The pictures of Table 3: every training as a point, the paper's number beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.book.claims import mean_interval
from lib.book.show import INK, PAGE_WIDTH, PALE, PALETTE
from lib.runs.results import Result
from lib.sound import protocol
from lib.sound.crnn import linear_pooling
from lib.sound.evaluation import METRICS
from lib.sound.figures.metric_plots import INPUT_COLOURS, METRIC_COLOURS, METRIC_NAMES
from lib.sound.protocol import Row, Runs, short
from lib.sound.runs import verdicts
from lib.sound.runs.verdicts import Judge

KNOBS = {  # of `corpus.Sight`, as titles
    "never_seen": "never seen",
    "out_of_step": "out of step",
    "distractor": "something silent",
}
KNOB_ROWS: dict[Row, dict[str, Any]] = {
    verdicts.WITH_VISUAL: {"color": PALETTE[0], "marker": "o"},
    verdicts.VISUAL: {"color": PALETTE[2], "marker": "D", "linestyle": "--"},
}


def table3(runs: Runs, paper: Mapping[str, object]) -> Figure:
    """Draw the three scores of each row: each training, their mean with interval, the paper's."""
    figure, grid = plt.subplots(1, 3, figsize=(PAGE_WIDTH, 0.42 * len(runs) + 0.9), sharey=True)
    rows = list(runs)
    for axes, metric in zip(grid, METRICS, strict=True):
        for y, row in enumerate(rows):
            values = 100 * np.array(protocol.scores(runs[row], metric))
            spread(axes, values, y, METRIC_COLOURS[metric])
            theirs = 100 * protocol.paper_score(paper, row, metric)
            axes.plot(theirs, y, "D", color="white", markeredgecolor=INK, markersize=5, zorder=4)
        axes.set(title=METRIC_NAMES[metric], xlabel="percent", ylim=(len(rows) - 0.5, -0.5))
    grid[0].set_yticks(range(len(rows)), [short(row) for row in rows])
    return figure


def spread(axes: Axes, values: np.ndarray, y: float, colour: str) -> None:
    """Draw the trainings of one row as dots and their mean with its 95 % interval as a bar."""
    if not len(values):
        return
    axes.plot(values, [y] * len(values), "o", color=colour, markersize=4, alpha=0.5, zorder=3)
    axes.plot(values.mean(), y, "|", color=colour, markersize=13, markeredgewidth=2.4, zorder=3)
    if len(values) > 1:
        low, high = mean_interval(values.tolist())
        axes.plot([max(low, 0), min(high, 100)], [y, y], color=colour, linewidth=1.4, zorder=2)


def gains(judge: Judge) -> Figure:
    """Draw what each row gains over spectral features alone: ours with its interval, the paper's.

    The three axes are alike, so that the eye compares gains across metrics.
    """
    rows = [row for row in judge.runs if row != verdicts.SPECTRAL]
    size = (PAGE_WIDTH, 0.42 * len(rows) + 0.9)
    figure, grid = plt.subplots(1, 3, figsize=size, sharex=True, sharey=True)
    for axes, metric in zip(grid, METRICS, strict=True):
        axes.axvline(0, color=INK, linewidth=0.8)
        for y, row in enumerate(rows):
            found = judge.between([(1.0, row, metric), (-1.0, verdicts.SPECTRAL, metric)])
            theirs = judge.published(row, metric) - judge.published(verdicts.SPECTRAL, metric)
            colour = METRIC_COLOURS[metric]
            axes.plot([100 * found.low, 100 * found.high], [y, y], color=colour, linewidth=1.4)
            axes.plot(100 * found.value, y, "o", color=colour, markersize=6)
            axes.plot(100 * theirs, y, "D", color="white", markeredgecolor=INK, markersize=5)
        axes.set(title=METRIC_NAMES[metric], xlabel="points", ylim=(len(rows) - 0.5, -0.5))
    grid[0].set_yticks(range(len(rows)), [short(row) for row in rows])
    return figure


def histories(runs: Runs) -> Figure:
    """Draw the terms of the loss and the validation scores over the epochs, a mean per row.

    Rows with pretrained audio have one colour, those without it another.
    """
    panels = {
        "classification": "cross-entropy, weak clips",
        "frame_consistency": "frame consistency",
        "validation_clip": "validation clip F1",
        "validation_event": "validation event F1",
    }
    figure, grid = plt.subplots(2, 2, figsize=(PAGE_WIDTH, 4.6), sharex=True)
    for axes, (key, title) in zip(grid.flat, panels.items(), strict=True):
        for row, found in runs.items():
            lines = np.array([r.metrics["history"][key] for r in found])
            epochs = np.arange(1, lines.shape[1] + 1)
            alike = [each for each in runs if ("audio" in each) == ("audio" in row)]
            style = ("-", "--", "-.", ":")[alike.index(row)]
            colour = INPUT_COLOURS["audio" if "audio" in row else "spectral"]
            axes.plot(epochs, lines.mean(axis=0), style, color=colour, label=short(row))
        axes.set_title(title)
    for axes in grid[1]:
        axes.set_xlabel("epoch")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=7)
    return figure


def knobs(runs: Sequence[Result]) -> Figure:
    """Draw clip and event F1 of rows with pictures over each knob of the pictures, S beside them.

    Args:
        runs: of Table 3 and of `experiments.sight_grid`, as far as they are there.
    """
    figure, grid = plt.subplots(2, 3, figsize=(PAGE_WIDTH, 4.2), sharex=True, sharey="row")
    spectral = [run for run in runs if run.config["inputs"] == list(verdicts.SPECTRAL)]
    for column, (knob, title) in zip(grid.T, KNOBS.items(), strict=True):
        column[0].set_title(title)
        column[1].set_xlabel("share")
        for axes, metric in zip(column, ("clip", "event"), strict=True):
            if spectral:
                level = 100 * np.mean(protocol.scores(spectral, metric))
                axes.axhline(level, color=INK, linestyle=":", label="S")
            for row, look in KNOB_ROWS.items():
                mine = [run for run in runs if run.config["inputs"] == list(row)]
                found = protocol.by_share(mine, knob)
                means = [100 * np.mean(protocol.scores(each, metric)) for each in found.values()]
                axes.plot(list(found), means, label=short(row), **look)
    grid[0, 0].set_ylabel("clip F1, %")
    grid[1, 0].set_ylabel("event F1, %")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def pooling(frame: np.ndarray) -> Figure:
    """Draw frame probabilities, their clip probability (eq. 1), and where a label pushes each.

    Args:
        frame: (frames,) probabilities of one class.
    """
    values = torch.tensor(frame, dtype=torch.float64).reshape(1, -1, 1).requires_grad_()
    clip = linear_pooling(values)
    clip.sum().backward()
    pooled, push = float(clip.detach()), values.grad.flatten().numpy()  # type: ignore[union-attr]
    figure, grid = plt.subplots(2, 1, figsize=(PAGE_WIDTH, 3.6), sharex=True)
    places = np.arange(len(frame))
    grid[0].step(places, frame, where="mid", color=INK)
    for value, text, style in ((pooled, "clip probability", "-"), (pooled / 2, "half of it", "--")):
        grid[0].axhline(value, color=PALETTE[0], linestyle=style, label=f"{text}: {value:.2f}")
    grid[0].set(ylabel="frame probability", ylim=(0, 1))
    grid[0].legend(loc="upper right", ncols=2)
    colours = [PALETTE[2] if each > 0 else PALETTE[3] for each in push]
    grid[1].bar(places, push, width=1.0, color=colours)
    grid[1].axhline(0, color=PALE)
    grid[1].set(xlabel="frame", ylabel="derivative of\nthe clip probability")
    return figure
