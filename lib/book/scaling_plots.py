"""A picture of what a part costs as its data grow, see `lib.book.scaling`."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, ScalarFormatter

from lib.book.results import Result
from lib.book.show import INK, PAGE_WIDTH, PALETTE

REFERENCE: dict[str, Any] = {"color": "#8a8a8a", "linestyle": "--", "linewidth": 1.2, "zorder": 3}


def plot(found: Sequence[Result]) -> Figure:
    """Draw processor time and peak memory over size; each size is a run of its own.

    Args:
        found: see `scaling.measure`, two sizes at least.

    Raises:
        ValueError: there are fewer.
    """
    if len(found) < 2:
        raise ValueError(f"{len(found)} sizes make no line; measure two at least")
    ordered = sorted(found, key=lambda result: result.config["size"])
    sizes = np.array([result.config["size"] for result in ordered])
    figure, (left, right) = plt.subplots(1, 2, figsize=(PAGE_WIDTH, 3.4))
    _draw_seconds(left, sizes, ordered)
    _draw_memory(right, sizes, ordered)
    for axes in (left, right):
        axes.set_xlabel(ordered[0].config["unit"])
        axes.legend(fontsize=8.5, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


def _draw_seconds(axes: Axes, sizes: np.ndarray, ordered: Sequence[Result]) -> None:
    """Draw the seconds of each stage and of all, and what exact proportion would be."""
    stages = list(ordered[0].metrics["seconds"])
    total = np.array([sum(result.metrics["seconds"].values()) for result in ordered])
    axes.plot(sizes, total[-1] * sizes / sizes[-1], **REFERENCE, label="exact proportion")
    axes.plot(sizes, total, "o-", color=INK, label="together" if len(stages) > 1 else stages[0])
    if len(stages) > 1:
        for colour, stage in zip(PALETTE, ordered[0].metrics["seconds"], strict=False):
            values = [result.metrics["seconds"][stage] for result in ordered]
            axes.plot(sizes, values, "o-", markersize=3, linewidth=1.2, color=colour, label=stage)
    axes.set(xscale="log", yscale="log", ylabel="processor time, s")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:g}")


def _draw_memory(axes: Axes, sizes: np.ndarray, ordered: Sequence[Result]) -> None:
    """Draw the peak of memory, and what it would be if all data were kept in it."""
    peaks = np.array([result.metrics["peak_memory_mb"] for result in ordered])
    data = np.array([result.metrics["data_mb"] for result in ordered])
    kept = peaks[0] + data - data[0]
    axes.plot(sizes, kept, **REFERENCE, label="if the data were kept in it")
    axes.plot(sizes, peaks, "o-", color=PALETTE[0], label="peak")
    axes.set(ylabel="memory, MB", ylim=(0, 1.1 * max(*kept, *peaks)), xlim=(0, None))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_major_locator(MaxNLocator(4))
