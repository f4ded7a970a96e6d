"""The pictures of the laboratory: what ideas score, and where their networks hear a sound."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from lib.book.show import INK, PAGE_WIDTH, PALE, PALETTE
from lib.runs.results import Result
from lib.sound import protocol
from lib.sound.evaluation import THRESHOLD
from lib.sound.events import CLIP_SECONDS, Events
from lib.sound.features import GRID_TIMES
from lib.sound.figures.metric_plots import METRIC_COLOURS, METRIC_NAMES, short_label
from lib.sound.figures.result_plots import spread

SHOWN = ("clip", "event")  # what and when
LOOKS = ((INK, "-"), (PALETTE[0], "--"), (PALETTE[1], "-."), (PALETTE[2], ":"))


def ideas(found: Mapping[str, Result]) -> Figure:
    """Draw two scores of each idea: each training, and their mean with its 95 % interval.

    Args:
        found: by name, see `laboratory.beside`; the first is what the others are compared with.
    """
    size = (PAGE_WIDTH, 0.42 * len(found) + 0.9)
    figure, panels = plt.subplots(1, 2, figsize=size, sharey=True)
    for axes, metric in zip(panels, SHOWN, strict=True):
        values = [100 * np.array(result.metrics[metric]) for result in found.values()]
        axes.axvline(values[0].mean(), color=INK, linestyle=":", linewidth=1.2)
        for y, each in enumerate(values):
            spread(axes, each.tolist(), y, METRIC_COLOURS[metric])
        axes.set_xlim(left=max(0, axes.get_xlim()[0]))
        axes.set(title=METRIC_NAMES[metric], xlabel="percent", ylim=(len(found) - 0.5, -0.5))
    panels[0].set_yticks(range(len(found)), list(found))
    return figure


def firing(found: Mapping[str, Result], truth: Events, clip: int) -> Figure:
    """Draw each class of a test clip: when it sounds, and what ideas say frame by frame.

    Args:
        found: up to four, see `laboratory.beside`; shown is the first training of each.
        truth: events of the test clips.
        clip: number of one of them.
    """
    labels = np.flatnonzero(truth.tags[clip]).tolist()
    frames = {name: protocol.probabilities(each).frame[clip] for name, each in found.items()}
    size = (PAGE_WIDTH, 1.15 * len(labels) + 0.9)
    figure, grid = plt.subplots(len(labels), 1, figsize=size, sharex=True, squeeze=False)
    for axes, label in zip(grid[:, 0], labels, strict=True):
        for event in np.flatnonzero((truth.clip == clip) & (truth.label == label)):
            axes.axvspan(truth.onset[event], truth.offset[event], color=PALE, alpha=0.6, lw=0)
        axes.axhline(THRESHOLD, color=INK, linestyle=":", linewidth=1.0)
        for (name, frame), (colour, style) in zip(frames.items(), LOOKS, strict=False):
            axes.plot(GRID_TIMES, frame[:, label], label=name, color=colour, linestyle=style)
        axes.set(ylabel=short_label(truth.classes[label]), ylim=(0, 1), xlim=(0, CLIP_SECONDS))
    grid[-1, 0].set_xlabel("seconds")
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), fontsize=9)
    return figure
