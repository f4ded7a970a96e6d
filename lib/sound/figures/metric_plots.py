"""The pictures of Part I. Each function takes data and returns a matplotlib figure."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.book.show import INK, PAGE_WIDTH, PALE, PALETTE
from lib.runs.results import Result
from lib.sound import evaluation
from lib.sound.evaluation import METRICS
from lib.sound.events import Events
from lib.sound.oracles import WINDOW_SECONDS

# none is a colour of an input; the finer a question asks for times, the darker
METRIC_COLOURS: dict[str, Any] = {"clip": "#b094e0", "segment": "#7345b5", "event": "#34125e"}
METRIC_NAMES = {"clip": "clip F1", "segment": "segment F1", "event": "event F1"}
METRIC_STYLES = {"clip": "-", "segment": "--", "event": "-."}
SHORT_NAMES = {
    "crying_baby": "baby",
    "Electric_shaver_toothbrush": "Shaver",
    "Running_water": "Water",
}
INPUT_COLOURS = {"spectral": PALETTE[0], "audio": PALETTE[1], "visual": PALETTE[2]}
ROW_COLOURS = {
    **{"S": PALETTE[0], "A": PALETTE[1], "V": PALETTE[2], "S + A": PALETTE[4]},
    **{"S + V": PALETTE[9], "A + V": PALETTE[5], "S + A + V": PALETTE[3]},
}
METRIC_MARKERS = {"clip": "o", "segment": "s", "event": "D"}


def timelines(truth: Events, found: Mapping[str, Events]) -> Figure:
    """Draw the first clip's true events and, below, what each of several systems found.

    A found event is filled if it is paired with a true one, hollow if it is a false alarm.
    """
    shown_labels = [events.tags[0] for events in (truth, *found.values())]
    labels = np.flatnonzero(np.any(shown_labels, axis=0))
    rows = 1 + len(found)
    figure, grid = plt.subplots(
        rows, 1, figsize=(PAGE_WIDTH, 0.32 * rows * max(2, len(labels)) + 0.7), sharex=True
    )
    for axes, (name, events) in zip(grid, {"truth": truth, **found}.items(), strict=True):
        paired = np.isin(np.arange(len(events)), evaluation.match(truth, events))
        scores = evaluation.table3_scores(evaluation.all_counts(truth, events))
        shown = np.flatnonzero(events.clip == 0)
        bars(axes, events, shown, labels.tolist(), paired[shown])
        numbers = ", ".join(f"{metric} {100 * scores[metric]:.0f}" for metric in METRICS)
        axes.set_title(name if name == "truth" else f"{name}: {numbers}", fontsize=9.5)
        axes.set(xlim=(0, truth.durations[0]))
    grid[-1].set_xlabel("seconds")
    return figure


def bars(
    axes: Axes, events: Events, shown: np.ndarray, labels: list[int], filled: np.ndarray
) -> None:
    """Draw the events numbered `shown` as bars, a line for each class; hollow if not filled."""
    places = [labels.index(label) for label in events.label[shown].tolist()]
    lengths, left = (events.offset - events.onset)[shown], events.onset[shown]
    look: dict[str, Any] = {"color": np.where(filled, PALE, "white"), "edgecolor": INK}
    axes.barh(places, lengths, left=left, height=0.7, linewidth=0.8, **look)
    axes.set_yticks(range(len(labels)), [short_label(events.classes[label]) for label in labels])
    axes.set_ylim(len(labels) - 0.45, -0.55)
    axes.tick_params(axis="y", labelsize=8.5, length=0)


def short_label(label: str) -> str:
    """Return the word that tells a class from the others."""
    return SHORT_NAMES.get(label, label.split("_")[0])


def scores(
    values: Mapping[str, Mapping[str, float]], first: str = "", below: Sequence[int] = ()
) -> Figure:
    """Draw three scores of each of several systems, one line each, with the event score as number.

    Args:
        values: by system its scores, as shares of 1.
        first: a system whose scores go through all lines, dotted.
        below: lines below which a rule is drawn.
    """
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, 0.36 * len(values) + 1.0))
    axes.hlines([place + 0.5 for place in below], 0, 103, color=INK, linewidth=0.8)
    for metric in METRICS:
        colour, shown = METRIC_COLOURS[metric], [100 * each[metric] for each in values.values()]
        (dots,) = axes.plot(shown, range(len(shown)), METRIC_MARKERS[metric], color=colour)
        dots.set(label=METRIC_NAMES[metric], markersize=6.5)
        if first:
            axes.axvline(100 * values[first][metric], color=colour, linestyle=":", linewidth=1.3)
    for place, each in enumerate(values.values()):
        ends = [100 * each["event"], 100 * max(each[metric] for metric in METRICS)]
        axes.plot(ends, (place, place), color=PALE, linewidth=1.5, zorder=1)
        axes.text(ends[0] - 2, place, f"{ends[0]:.0f}", ha="right", va="center", fontsize=9)
    axes.set_yticks(range(len(values)), list(values))
    axes.set(ylim=(len(values) - 0.4, -0.6), xlim=(0, 103), xlabel="F1, %")
    axes.grid(axis="y", visible=False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def window_curve(result: Result) -> Figure:
    """Draw the scores of a perfect tagger slid over the clips, over its window's length."""
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, 3.2))
    for metric in METRICS:
        look = {"color": METRIC_COLOURS[metric], "linestyle": METRIC_STYLES[metric]}
        values = 100 * np.array(result.metrics[metric])
        axes.plot(result.config["windows"], values, label=METRIC_NAMES[metric], **look)
    for seconds, text in ((2 * evaluation.COLLAR, "twice the collar"), (WINDOW_SECONDS, "0.96 s")):
        axes.axvline(seconds, color=INK, linestyle=":", linewidth=1.2)
        axes.annotate(text, (seconds, 62), (4, 0), textcoords="offset points", fontsize=9)
    axes.set(xlabel="length of the window, s", ylabel="F1, %", ylim=(0, 103))
    axes.set_xlim(0, max(result.config["windows"]))
    axes.legend(fontsize=9, loc="center right")
    return figure


def threshold_curves(found: Sequence[Result], median: int) -> Figure:
    """Draw the three scores over the threshold at one median filter, and event F1 at each."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(PAGE_WIDTH, 3.1), sharey=True)
    (chosen,) = [result for result in found if result.config["median"] == median]
    for metric in METRICS:
        look = {"color": METRIC_COLOURS[metric], "linestyle": METRIC_STYLES[metric]}
        values = 100 * np.array(chosen.metrics[metric])
        left.plot(chosen.config["thresholds"], values, label=METRIC_NAMES[metric], **look)
    for place, result in enumerate(found):
        values = 100 * np.array(result.metrics["event"])
        look = {"color": PALETTE[place], "linewidth": 1.3 + 0.9 * (len(found) - 1 - place)}
        name = str(result.config["median"])  # wide below narrow: curves that coincide are all seen
        right.plot(result.config["thresholds"], values, label=name, **look)
    for axes in (left, right):
        axes.axvline(evaluation.THRESHOLD, color=INK, linestyle=":", linewidth=1.2)
        axes.set(xlabel="threshold", xlim=(0, 1), ylim=(0, 100))
    left.set(ylabel="F1, %", title=f"median filter of {median} frames")
    right.set(title="event F1, by median filter")
    left.legend(fontsize=8.5, loc="lower center")
    right.legend(fontsize=8.5, title="frames", ncols=2, loc="upper right")
    return figure
