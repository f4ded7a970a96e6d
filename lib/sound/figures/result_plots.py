"""The pictures of trained networks: what rows of Table 3 gain, and what they say of a clip."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.book.show import INK, PAGE_WIDTH, PALE, PALETTE
from lib.runs.results import Result
from lib.sound import protocol
from lib.sound.crnn import COMBINATIONS, linear_pooling
from lib.sound.evaluation import COLLAR, FRAME_SECONDS, METRICS, THRESHOLD
from lib.sound.events import Events
from lib.sound.features import GRID_TIMES
from lib.sound.figures.metric_plots import METRIC_COLOURS, METRIC_NAMES, ROW_COLOURS, short_label
from lib.sound.protocol import Row, short
from lib.sound.runs import verdicts
from lib.sound.runs.verdicts import Judge

WIDEST = 45  # points that a picture of gains shows
KNOBS = {  # of `corpus.Sight`, as titles
    "never_seen": "never seen",
    "out_of_step": "out of step",
    "distractor": "something silent",
}
KNOB_ROWS: dict[Row, dict[str, Any]] = {
    verdicts.WITH_VISUAL: {"color": ROW_COLOURS["S + V"], "marker": "o"},
    verdicts.VISUAL: {"color": ROW_COLOURS["V"], "marker": "D", "linestyle": "--"},
}

Found = Sequence[Result]
Bands = Mapping[str, Sequence[float]]


def gains(
    paper: Mapping[str, Any], ours: Judge | None = None, bands: Bands | None = None
) -> Figure:
    """Draw by how much each row's scores exceed those of spectral features alone.

    Args:
        paper: Table 3, drawn as hollow diamonds.
        ours: each rotation a dot, their mean with its interval a bar.
        bands: by metric, half-widths of what the choice of test clips alone may do, widest first.
    """
    rows = [row for row in COMBINATIONS if row != verdicts.SPECTRAL]
    size = (PAGE_WIDTH, 0.42 * len(rows) + 0.9)
    figure, grid = plt.subplots(1, 3, figsize=size, sharex=True, sharey=True)
    for axes, metric in zip(grid, METRICS, strict=True):
        for half, shade in zip((bands or {}).get(metric, ()), ("#e3e3e3", "#bdbdbd"), strict=False):
            axes.axvspan(-half, half, color=shade, linewidth=0)
        axes.axvline(0, color=INK, linewidth=0.8)
        zero = protocol.paper_score(paper, verdicts.SPECTRAL, metric)
        for y, row in enumerate(rows):
            if ours:
                _gain(axes, ours.of(row), ours.of(verdicts.SPECTRAL), metric, y)
            change = 100 * (protocol.paper_score(paper, row, metric) - zero)
            axes.plot(change, y, "D", color="white", markeredgecolor=INK, markersize=5, zorder=4)
        axes.set(title=METRIC_NAMES[metric], xlabel="points", ylim=(len(rows) - 0.5, -0.5))
        axes.grid(axis="y", visible=False)
    low, high = grid[0].get_xlim()  # intervals of two rotations may be wider than all else
    grid[0].set_xlim(max(low, -WIDEST), min(high, WIDEST))
    grid[0].set_yticks(range(len(rows)), [short(row) for row in rows])
    return figure


def _gain(axes: Axes, row: Found, spectral: Found, metric: str, y: float) -> None:
    """Draw what a row gains over spectral features alone on each rotation that both have."""
    gained = protocol.by_rotation([(1, row, metric), (-1, spectral, metric)])
    spread(axes, [100 * each for each in gained], y, METRIC_COLOURS[metric])


def spread(axes: Axes, values: Sequence[float], y: float, colour: str) -> None:
    """Draw several values as dots, and their mean with its 95 % interval, on one level."""
    found = protocol.paired(values)
    several = list(values) if len(values) > 1 else []
    axes.plot(several, [y] * len(several), "o", color=colour, markersize=4, alpha=0.5)
    axes.plot(found.value, y, "|", color=colour, markersize=13, markeredgewidth=2.4)
    axes.plot([found.low, found.high], [y, y], color=colour, linewidth=1.4)


def ideas(found: Mapping[str, Result]) -> Figure:
    """Draw two scores of each idea: each training, and their mean with its 95 % interval.

    For `found` see `laboratory.beside`; the first is what the others are compared with.
    """
    size = (PAGE_WIDTH, 0.42 * len(found) + 0.9)
    figure, panels = plt.subplots(1, 2, figsize=size, sharey=True)
    for axes, metric in zip(panels, ("clip", "event"), strict=True):
        values = [100 * np.array(result.metrics[metric]) for result in found.values()]
        axes.axvline(values[0].mean(), color=INK, linestyle=":", linewidth=1.2)
        for y, each in enumerate(values):
            spread(axes, each.tolist(), y, METRIC_COLOURS[metric])
        axes.set_xlim(left=max(0, axes.get_xlim()[0]))
        axes.set(title=METRIC_NAMES[metric], xlabel="percent", ylim=(len(found) - 0.5, -0.5))
    panels[0].set_yticks(range(len(found)), list(found))
    return figure


def heard(truth: Events, clip: int, frames: Mapping[str, np.ndarray]) -> Figure:
    """Draw each class of a clip: where it sounds, and what up to four networks say frame by frame.

    `frames` are (151, classes) probabilities, by row or name.
    """
    labels = np.flatnonzero(truth.tags[clip]).tolist()
    size = (PAGE_WIDTH, 1.15 * len(labels) + 1.2)
    figure, grid = plt.subplots(len(labels), 1, figsize=size, sharex=True, squeeze=False)
    for axes, label in zip(grid[:, 0], labels, strict=True):
        sounding(axes, truth, clip, label)
        axes.axhline(THRESHOLD, color=INK, linestyle=":", linewidth=1)
        looks = zip(("-", "--", "-.", ":"), (INK, *PALETTE), strict=False)
        for (name, frame), (style, colour) in zip(frames.items(), looks, strict=False):
            colour = ROW_COLOURS.get(name, colour)
            axes.plot(GRID_TIMES, frame[:, label], style, color=colour, label=name)
        axes.set(ylabel=f"{short_label(truth.classes[label])}:\nprobability", ylim=(-0.03, 1.03))
        axes.set_xlim(0, truth.durations[clip])
    grid[-1, 0].set_xlabel("seconds")
    handles = grid[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=len(frames))
    return figure


def collars(
    seconds: Sequence[float], found: Mapping[str, Mapping[int, np.ndarray]], reference: str
) -> Figure:
    """Draw event F1 over the collar, and what rows that only hear gain over another one.

    Args:
        seconds: the collars.
        found: by row and rotation the event F1 at each collar, as a share of 1; dashed is what has
            a comma in its name, thin what has pictures.
        reference: name of the row that the others are compared with.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(PAGE_WIDTH, 3.2))
    for axes, label in ((left, "event F1, %"), (right, f"points above {reference}")):
        axes.axvline(COLLAR, color=INK, linestyle=":", linewidth=1)
        axes.set(xscale="log", xlabel="collar, seconds", ylabel=label)
        axes.set_xticks(ticks := (0.05, 0.1, 0.2, 0.5, 1, 2), [f"{each:g}" for each in ticks])
        axes.minorticks_off()
    right.axhline(0, color=INK, linewidth=0.8)
    for name, scores in found.items():
        row, _, otherwise = name.partition(",")
        colour, style = ROW_COLOURS[row], "--" if otherwise else "-"
        mean = 100 * np.mean(list(scores.values()), axis=0)
        sees = "V" in row
        left.plot(seconds, mean, style, color=colour, label=name, linewidth=1.0 if sees else 1.8)
        gained = protocol.curve_difference(scores, found[reference])
        if name == reference or sees or gained[0].n < 2:
            continue
        value, low, high = 100 * np.array([[each.value, each.low, each.high] for each in gained]).T
        right.plot(seconds, value, style, color=colour)
        right.fill_between(seconds, low, high, color=colour, alpha=0.2, linewidth=0)
    handles, names = left.get_legend_handles_labels()
    lines = dict(zip(names, handles, strict=True))
    figure.legend(lines.values(), lines, loc="outside lower center", ncols=len(lines) // 2)
    return figure


def knobs(runs: Sequence[Result]) -> Figure:
    """Draw clip and event F1 of rows with pictures over each knob of the pictures, S beside them.

    The runs are those of Table 3 and of `experiments.sight_grid`, as far as they are there.
    """
    figure, grid = plt.subplots(2, 3, figsize=(PAGE_WIDTH, 4.2), sharex=True, sharey="row")
    spectral = [run for run in runs if run.config["inputs"] == list(verdicts.SPECTRAL)]
    for column, (knob, title) in zip(grid.T, KNOBS.items(), strict=True):
        column[0].set_title(title)
        column[1].set_xlabel("share")
        for axes, metric in zip(column, ("clip", "event"), strict=True):
            if spectral:
                level = 100 * np.mean(protocol.scores(spectral, metric))
                axes.axhline(level, color=ROW_COLOURS["S"], linestyle=":", label="S")
            for row, look in KNOB_ROWS.items():
                found = protocol.by_share(runs, row, knob)
                means = [100 * np.mean(protocol.scores(each, metric)) for each in found.values()]
                axes.plot(list(found), means, label=short(row), **look)
    grid[0, 0].set_ylabel("clip F1, %")
    grid[1, 0].set_ylabel("event F1, %")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def pooling(truth: Events, clip: int, frame: np.ndarray) -> Figure:
    """Draw (151, classes) probabilities of a clip's first class, eq. 1 of them, its derivative."""
    values = torch.tensor(frame[None], dtype=torch.float64).requires_grad_()
    place = int(truth.label[truth.clip == clip][0])
    found = linear_pooling(values)[0, place]  # eq. 1
    found.backward()
    pooled = float(found.detach())
    push = values.grad[0, :, place].numpy()  # type: ignore[index]
    figure, grid = plt.subplots(2, 1, figsize=(PAGE_WIDTH, 3.6), sharex=True)
    for axes in grid:
        sounding(axes, truth, clip, place)
    grid[0].step(GRID_TIMES, frame[:, place], where="mid", color=INK)
    for value, text, style in ((pooled, "clip probability", "-"), (pooled / 2, "half of it", "--")):
        grid[0].axhline(
            value, color=ROW_COLOURS["S + A"], linestyle=style, label=f"{text}: {value:.2f}"
        )
    grid[0].set(ylabel="frame probability", ylim=(0, 1), xlim=(0, truth.durations[clip]))
    grid[0].legend(loc="upper right")
    colours = [PALETTE[9] if each > 0 else PALETTE[3] for each in push]
    grid[1].bar(GRID_TIMES, push, width=FRAME_SECONDS, color=colours)
    grid[1].axhline(0, color=INK, linewidth=0.8)
    grid[1].set(xlabel="seconds", ylabel="derivative of\nthe clip probability")
    return figure


def sounding(axes: Axes, truth: Events, clip: int, place: int) -> None:
    """Shade where a class sounds in a clip."""
    for event in np.flatnonzero((truth.clip == clip) & (truth.label == place)):
        axes.axvspan(truth.onset[event], truth.offset[event], color=PALE, linewidth=0)
