"""What a part costs as its data grow: processor time and peak memory, each size in a fresh process.

Each part has a module `scaling` with a function that goes the whole way, from making data to
training or attacking, at the size that its config names.
"""

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from lib.book import sweep
from lib.book.results import Result

EXPERIMENT = "scaling"
# glibc then gives back all large pieces of memory that are freed. Left alone it keeps many, more or
# fewer by chance, up to hundreds of MB that nothing is in.
RETURNED = {"MALLOC_MMAP_THRESHOLD_": "131072"}
FACTORS = {"smoke": (1, 2), "quick": (1, 2, 4, 8, 16), "paper": (1, 2, 4, 8, 16)}
Measured = Callable[[dict[str, Any]], dict[str, Any]]


def measure(part: str, configs: Sequence[dict[str, Any]], function: Measured) -> list[Result]:
    """Return the cost at each size, one after the other; what has no result yet is measured.

    Args:
        part: "part1", "part2" or "part3".
        configs: that differ in `size`, which counts what `unit` says.
        function: returns processor `seconds` by stage and `data_mb`, the size of the data on disk
            or, where they are never all there, that they would have.

    Returns:
        Results whose metrics have the process's `peak_memory_mb`, too.
    """
    found = sweep.run(part, EXPERIMENT, configs, partial(alone, function), jobs=1)
    return [result for result in found if result is not None]


def alone(function: Measured, config: dict[str, Any]) -> dict[str, Any]:
    """Return what a function measures in a fresh process, and the peak of that process's memory."""
    before = os.environ.copy()
    os.environ.update(RETURNED)
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return pool.submit(_watched, function, config).result()
    finally:
        os.environ.clear()
        os.environ.update(before)


def _watched(function: Measured, config: dict[str, Any]) -> dict[str, Any]:
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
