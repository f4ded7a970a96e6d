"""What the comparisons of speed have in common: ways that take turns, and the hardware's limit.

CPU time counts, with one thread, and the median of some rounds. Beside that stands how many
operations per second a plain matrix product reaches at that moment.
"""

import argparse
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Mapping

import torch

Ways = Mapping[str, Callable[[], object]]
KINDS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
MATRIX = 2048


def cpu_seconds(call: Callable[[], object]) -> float:
    """Return the CPU time of a call."""
    started = time.process_time()
    call()
    return time.process_time() - started


def in_turns(ways: Ways, rounds: int) -> dict[str, float]:
    """Return the median CPU-seconds of each way, after one turn that makes what is kept."""
    for call in ways.values():
        call()
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, call in ways.items():
            found[name].append(cpu_seconds(call))
    return {name: statistics.median(values) for name, values in found.items()}


def peak_gflops(kind: str = "float32", products: int = 4) -> float:
    """Return the best rate of a few matrix products, in GFLOP per CPU-second."""
    left, right = (torch.rand(MATRIX, MATRIX).to(KINDS[kind]) for _ in range(2))
    torch.mm(left, right)
    seconds = min(cpu_seconds(lambda: torch.mm(left, right)) for _ in range(products))
    return 2 * MATRIX**3 / seconds / 1e9


def show(title: str, seconds: Mapping[str, float], flop: float) -> None:
    """Print the ways: their time, its ratio to the first, and the share of the matrix product.

    Args:
        title: of the table.
        seconds: of each way; one whose name has bfloat16 in it is held against that product.
        flop: of each way.
    """
    first = next(iter(seconds.values()))
    kinds = {name: "bfloat16" if "bfloat16" in name else "float32" for name in seconds}
    peaks = {kind: peak_gflops(kind) for kind in sorted(set(kinds.values()))}
    print(f"\n{title}\n{'':44}{'ms':>10}{'to ours':>9}{'of peak':>9}")
    for name, value in seconds.items():
        share = flop / value / 1e9 / peaks[kinds[name]]
        print(f"{name:44}{1000 * value:10,.1f}{value / first:9.2f}{share:9.0%}")
    for kind, peak in peaks.items():
        print(f"{kind} matrix product ({MATRIX} x {MATRIX}): {peak:,.0f} GFLOP per CPU-second")


def rounds_asked(program: str) -> int:
    """Return the number of rounds on the command line, and prepare for timing one thread."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}")
    parser.add_argument("--rounds", type=int, default=3, help="the median of them counts")
    rounds = int(parser.parse_args().rounds)
    warnings.simplefilter("ignore")  # other libraries' business
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # what is timed is the processor
    torch.set_num_threads(1)
    print(f"One thread, median of {rounds} rounds")
    return rounds


def exit_code(agree: Mapping[str, bool]) -> int:
    """Return 1, and say what differs, if results that should agree do not."""
    for name in (name for name, same in agree.items() if not same):
        print(f"{name} differ between the ways: something is wrong", file=sys.stderr)
    return 0 if all(agree.values()) else 1
