"""The pictures of Table 3: every training as a point, the paper's number beside it."""

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.book.claims import mean_interval
from lib.book.show import INK, PAGE_WIDTH, PALE, PALETTE
from lib.sound import protocol, training, verdicts
from lib.sound.evaluation import METRICS
from lib.sound.models import linear_pooling
from lib.sound.plots import METRIC_COLOURS, METRIC_NAMES, short_label
from lib.sound.profiles import TrainingConfig
from lib.sound.protocol import Difference, Row, Runs, short
from lib.sound.verdicts import Judge


def table3(runs: Runs, paper: Mapping[str, object]) -> Figure:
    """Draw the three scores of each row: each training, their mean with interval, the paper's."""
    figure, grid = plt.subplots(1, 3, figsize=(PAGE_WIDTH, 0.42 * len(runs) + 0.9), sharey=True)
    rows = list(runs)
    for axes, metric in zip(grid, METRICS, strict=True):
        for y, row in enumerate(rows):
            values = 100 * np.array(protocol.scores(runs[row], metric))
            _spread(axes, values, y, METRIC_COLOURS[metric])
            theirs = 100 * protocol.paper_score(paper, row, metric)
            axes.plot(theirs, y, "D", color="white", markeredgecolor=INK, markersize=5, zorder=4)
        axes.set(title=METRIC_NAMES[metric], xlabel="percent", ylim=(len(rows) - 0.5, -0.5))
    grid[0].set_yticks(range(len(rows)), [short(row) for row in rows])
    return figure


def _spread(axes: Axes, values: np.ndarray, y: float, colour: str) -> None:
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


def alignment(runs: Runs, aligned: Runs) -> Figure:
    """Draw rows with pretrained audio twice: streams joined by index, and joined by time."""
    rows = list(aligned)
    figure, grid = plt.subplots(1, 3, figsize=(PAGE_WIDTH, 0.7 * len(rows) + 0.8), sharey=True)
    for axes, metric in zip(grid, METRICS, strict=True):
        for y, row in enumerate(rows):
            for shift, found, colour in ((-0.17, runs, PALETTE[7]), (0.17, aligned, PALETTE[4])):
                values = 100 * np.array(protocol.scores(found.get(row, []), metric))
                _spread(axes, values, y + shift, colour)
        axes.set(title=METRIC_NAMES[metric], xlabel="percent", ylim=(len(rows) - 0.5, -0.5))
    grid[0].set_yticks(range(len(rows)), [short(row) for row in rows])
    marks = [plt.Line2D([], [], color=colour, marker="o") for colour in (PALETTE[7], PALETTE[4])]
    figure.legend(marks, ["by index", "by time"], loc="outside lower center", ncols=2)
    return figure


def histories(runs: Runs) -> Figure:
    """Draw the terms of the loss and the validation scores over the epochs, a mean per row."""
    panels = {
        "classification": "cross-entropy, weak clips",
        "frame_consistency": "frame consistency",
        "validation_clip": "validation clip F1",
        "validation_event": "validation event F1",
    }
    figure, grid = plt.subplots(2, 2, figsize=(PAGE_WIDTH, 4.6), sharex=True)
    for axes, (key, title) in zip(grid.flat, panels.items(), strict=True):
        for index, (row, found) in enumerate(runs.items()):
            lines = np.array([r.metrics["history"][key] for r in found])
            epochs = np.arange(1, lines.shape[1] + 1)
            style = ("-", "--", "-.", ":")[index % 4]
            axes.plot(epochs, lines.mean(axis=0), style, color=PALETTE[index], label=short(row))
        axes.set_title(title)
    for axes in grid[1]:
        axes.set_xlabel("epoch")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=7)
    return figure


def by_class(runs: Runs, rows: Sequence[Row], classes: Sequence[str]) -> Figure:
    """Draw the event F1 of each class for some rows, mean over trainings."""
    rows = [row for row in rows if row in runs]
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, 3.2))
    width = 0.8 / len(rows)
    for index, row in enumerate(rows):
        values = np.array(
            [
                [np.nan if v is None else v for v in r.metrics["test"]["event_by_class"]]
                for r in runs[row]
            ]
        )
        places = np.arange(len(classes)) + (index - (len(rows) - 1) / 2) * width
        axes.bar(places, 100 * values.mean(axis=0), width, color=PALETTE[index], label=short(row))
    names = [short_label(name) for name in classes]
    axes.set_xticks(range(len(classes)), names, rotation=30, ha="right")
    axes.set_ylabel("event F1, percent")
    axes.legend(ncols=len(rows))
    return figure


def given_the_tag(placed: Mapping[Row, tuple[float, float, Difference]]) -> Figure:
    """Draw event F1 over what both rows tag rightly, of each row and of the reference.

    Args:
        placed: see `protocol.given_the_tag`.
    """
    size = (PAGE_WIDTH, 0.42 * len(placed) + 0.9)
    figure, (left, right) = plt.subplots(1, 2, figsize=size, sharey=True)
    colour = METRIC_COLOURS["event"]
    right.axvline(0, color=INK, linewidth=0.8)
    for y, (value, reference, found) in enumerate(placed.values()):
        left.plot([100 * value, 100 * reference], [y, y], color=PALE, zorder=1)
        left.plot(100 * value, y, "o", color=colour, markersize=7)
        left.plot(100 * reference, y, "o", color="white", markeredgecolor=colour, markersize=7)
        right.plot([100 * found.low, 100 * found.high], [y, y], color=colour, linewidth=1.4)
        right.plot(100 * found.value, y, "o", color=colour, markersize=6)
    left.set_yticks(range(len(placed)), [short(row) for row in placed])
    left.set(title="event F1, given the tag", xlabel="percent", ylim=(len(placed) - 0.5, -0.5))
    right.set(title="difference to S", xlabel="points")
    return figure


def schedules(configs: Mapping[str, TrainingConfig]) -> Figure:
    """Draw learning rate, weight of the consistency terms and decay of the teacher over a training.

    The steps are shown as a share of the whole training, so that schedules of any length compare.
    """
    curves: dict[str, Callable[[TrainingConfig, int], float]] = {
        "learning rate": training.learning_rate,
        "weight of consistency": training.consistency_weight,
        "decay of the teacher": training.teacher_decay,
    }
    figure, grid = plt.subplots(1, 3, figsize=(PAGE_WIDTH, 2.4))
    for axes, (title, curve) in zip(grid, curves.items(), strict=True):
        for index, (name, config) in enumerate(configs.items()):
            steps = np.linspace(0, config.epochs * config.steps_per_epoch - 1, 400).astype(int)
            values = [curve(config, int(step)) for step in steps]
            axes.plot(steps / steps[-1], values, ("-", "--")[index % 2], label=name)
        axes.set(title=title, xlabel="share of the training")
    grid[2].set_ylim(0.9, 1.003)
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
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
