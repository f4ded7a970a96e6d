"""What a part costs as its data grow: processor time and peak memory, each size in a fresh process.

Each part describes the way through it in a module with two functions: `configs(profile)` returns
runs that differ in `size`, which counts what `unit` says, and `run_one(run)` goes the whole way at
one size, and returns processor `seconds` by stage and `data_mb`, the size of the data on disk or,
where they are never all there, that they would have.
"""

import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from lib.book.show import INK, PAGE_WIDTH, PALETTE
from lib.runs import sweep
from lib.runs.results import Result

EXPERIMENT = "scaling"
# glibc then gives back all large pieces of memory that are freed. Left alone it keeps many, more or
# fewer by chance, up to hundreds of MB that nothing is in.
RETURNED = {"MALLOC_MMAP_THRESHOLD_": "131072"}
FACTORS = {"smoke": (1, 2), "quick": (1, 2, 4, 8, 16), "paper": (1, 2, 4, 8, 16)}
REFERENCE: dict[str, Any] = {"color": "#8a8a8a", "linestyle": "--", "linewidth": 1.2, "zorder": 3}


def measured(part: str, way: ModuleType, profile: str) -> list[Result]:
    """Return the cost at each size, one after the other; what has no result yet is measured.

    Args:
        part: "part1", "part2" or "part3".
        way: the part's module, see the top.
        profile: "smoke", "quick" or "paper".

    Returns:
        Results whose metrics have the process's `peak_memory_mb`, too.
    """
    found = sweep.run(part, EXPERIMENT, way.configs(profile), partial(alone, way.run_one), jobs=1)
    return [result for result in found if result is not None]


def alone(function: sweep.RunOne, config: dict[str, Any]) -> dict[str, Any]:
    """Return what a function measures in a fresh process, and the peak of that process's memory."""
    before = os.environ.copy()
    os.environ.update(RETURNED)
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return pool.submit(_watched, function, config).result()
    finally:
        os.environ.clear()
        os.environ.update(before)


def _watched(function: sweep.RunOne, config: dict[str, Any]) -> dict[str, Any]:
    """Call a function with one torch thread and note the peak of memory."""
    torch.set_num_threads(1)
    return {**function(config), "peak_memory_mb": round(peak_memory_mb(), 1)}


def peak_memory_mb() -> float:
    """Return the most memory that this process has had so far: its own and files mapped into it."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM:"))
        return int(peak.split()[1]) / 1024
    except (OSError, StopIteration):
        # getrusage starts a Linux process with the peak of the one that started it
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / (2**20 if sys.platform == "darwin" else 2**10)


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Note how many processor seconds a block takes: whatever else runs does not count."""
    started = time.process_time()
    yield
    seconds[stage] = round(time.process_time() - started, 3)


def megabytes(folder: Path) -> float:
    """Return how much the files in a folder hold together."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def plot(found: Sequence[Result]) -> Figure:
    """Draw processor time and peak memory over size; each size is a run of its own.

    Args:
        found: see `measured`, two sizes at least.

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
        for colour, stage in zip(PALETTE, stages, strict=False):
            values = [result.metrics["seconds"][stage] for result in ordered]
            axes.plot(sizes, values, "o-", markersize=3, linewidth=1.2, color=colour, label=stage)
    axes.set(xscale="log", yscale="log", ylabel="processor time, s")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
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
