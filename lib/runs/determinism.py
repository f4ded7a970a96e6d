"""What is bit-equal and what only agrees: the same small works done under different circumstances.

Each circumstance is a fresh process, whose results are compared, bit by bit and as numbers, with
those of a process with one thread. A part describes its works in a module with one function,
`works()`; this module knows no part.
"""

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from _thread import interrupt_main
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lib.book.files import REPOSITORY
from lib.book.told import told
from lib.runs import device, sweep
from lib.runs.results import Result

EXPERIMENT = "determinism"
SMOKE = ("two threads",)  # what the profile smoke is content with
LIMIT = 600  # seconds for one process, which takes a few
POLLING = 0.002  # seconds between two looks for a checkpoint


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a work came to: `weights` of what was trained (none where nothing was), `outputs`, and
    `labels`, the classes that follow from the outputs (none where there are no classes)."""

    weights: Mapping[str, np.ndarray]
    outputs: np.ndarray
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Return all of it by name."""
        weights = {f"weights.{name}": value for name, value in self.weights.items()}
        return {**weights, "outputs": self.outputs, "labels": self.labels}

    @property
    def digest(self) -> str:
        """Return the first 16 hex digits of the SHA-256 over names, shapes and bytes."""
        found = hashlib.sha256()
        for name, value in sorted(self.arrays.items()):
            found.update(f"{name} {value.dtype} {value.shape}\n".encode())
            found.update(np.ascontiguousarray(value).tobytes())
        return found.hexdigest()[:16]

    def save(self, path: Path) -> None:
        """Write it as .npz."""
        np.savez(path, **self.arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> "Outcome":
        """Return what `save` wrote."""
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        outputs, labels = arrays.pop("outputs"), arrays.pop("labels")
        weights = {name.removeprefix("weights."): value for name, value in arrays.items()}
        return cls(weights, outputs, labels)


# One thing a part computes. It gets a path, where a training keeps its checkpoint; only what does
# can be interrupted.
Work = Callable[[Path], Outcome]


@dataclass(frozen=True)
class Circumstance:
    """How a process is set up; the default is what every other one is held against."""

    environment: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = 1  # torch's; None leaves them to the environment
    interrupted: bool = False  # by Ctrl-C after the first checkpoint, then begun again


def circumstances() -> dict[str, Circumstance]:
    """Return all circumstances by name, "reference" first."""
    return {
        "reference": Circumstance(),
        "again": Circumstance(),
        "interrupted and resumed": Circumstance(interrupted=True),
        "two threads": Circumstance(threads=2),
        "--deterministic": Circumstance(device.deterministic_environment(), threads=None),
    }


def measure(part: str, works: ModuleType, profile: str) -> list[Result]:
    """Return the result of each circumstance but the reference, computing what is missing.

    Args:
        part: "part1", "part2" or "part3".
        works: the module that describes the part's works.
        profile: "smoke" is content with few circumstances.
    """
    names = SMOKE if profile == "smoke" else tuple(circumstances())[1:]
    runs = [{"works": works.__name__, "circumstance": name} for name in names]
    found = sweep.run(part, EXPERIMENT, runs, compare_run, jobs=1)
    return [result for result in found if result is not None]


def compare_run(run: dict[str, Any]) -> dict[str, Any]:
    """Do the works of a part in a circumstance and in the reference; compare them."""
    base, base_facts = outcomes(run["works"], "reference")
    found, facts = outcomes(run["works"], run["circumstance"])
    compared = {name: compare(found[name], base[name]) for name in base}
    return {"works": compared, "facts": facts, "reference": base_facts}


def compare(found: Outcome, base: Outcome) -> dict[str, Any]:
    """Return how far an outcome is from another of the same work.

    "weights" and "outputs" are the largest difference over the largest magnitude in `base`, None
    where nothing was trained. Of "labels" so many are "agreeing".

    Raises:
        ValueError: the shapes differ, so it is not the same work, or not all is finite.
    """
    shapes = [{n: value.shape for n, value in each.arrays.items()} for each in (found, base)]
    if shapes[0] != shapes[1]:
        raise ValueError("these outcomes are not of the same work: their shapes differ")
    apart = [_largest(found.weights[name] - base.weights[name]) for name in base.weights]
    scale = max(map(_largest, base.weights.values()), default=0.0)
    return {
        "bit_equal": found.digest == base.digest,
        "weights": max(apart) / (scale or 1.0) if apart else None,
        "outputs": _largest(found.outputs - base.outputs) / (_largest(base.outputs) or 1.0),
        "labels": len(base.labels.ravel()),
        "agreeing": int((found.labels == base.labels).sum()),
        "digest": found.digest,
    }


def _largest(values: np.ndarray) -> float:
    """Return the largest magnitude; raise ValueError where a value is not finite."""
    found = float(np.abs(values.astype(np.float64)).max(initial=0.0))
    if not np.isfinite(found):
        raise ValueError("an outcome holds a value that is not finite; nothing can be compared")
    return found


@lru_cache(maxsize=2)  # the reference, and what is held against it
def outcomes(works: str, name: str) -> tuple[dict[str, Outcome], dict[str, Any]]:
    """Do the works in a process of its own; return the outcomes by work, and facts.

    Facts are what the process saw: "cpu_capability" (the instructions of torch's loops), "threads",
    "cpu_seconds" by work (of what was left, where a training was resumed), and "resumed".

    Raises:
        RuntimeError: the process failed, or a training could not be interrupted.
    """
    circumstance = circumstances()[name]
    with tempfile.TemporaryDirectory() as folder:
        if circumstance.interrupted:
            _process(circumstance, "interrupt_all", works, folder)
        _process(circumstance, "do_works", works, folder)
        facts = json.loads((Path(folder) / "facts.json").read_text())
        found = {work: Outcome.load(Path(folder) / f"{work}.npz") for work in facts["cpu_seconds"]}
    return found, facts


def _process(circumstance: Circumstance, function: str, works: str, folder: str) -> None:
    """Call a function of this module in a fresh process that knows of no other circumstance."""
    own = device.ALWAYS.keys() | device.PINNED.keys()
    environment = {name: value for name, value in os.environ.items() if name not in own}
    environment |= replace(told(), deterministic=False).environment()
    environment["OMP_WAIT_POLICY"] = "PASSIVE"  # as in the chapters' kernels
    environment["CUDA_VISIBLE_DEVICES"] = ""
    threads = [] if circumstance.threads is None else [str(circumstance.threads)]
    done = subprocess.run(
        [sys.executable, "-m", __name__, function, works, folder, *threads],
        cwd=REPOSITORY,
        env=environment | dict(circumstance.environment),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RuntimeError(f"{works}: exit code {done.returncode}, {last}")


def do_works(works: str, folder: str) -> None:
    """Do all works once, write their outcomes and facts.json into a folder; see `outcomes`.

    Raises:
        RuntimeError: a training went on from a checkpoint, but nothing was left to train.
    """
    seconds, resumed = dict[str, float](), list[str]()
    for name, work in import_module(works).works().items():
        checkpoint = Path(folder) / f"{name}.training"
        before = checkpoint.stat().st_mtime_ns if checkpoint.is_file() else None
        started = time.process_time()
        work(checkpoint).save(Path(folder) / f"{name}.npz")
        seconds[name] = round(time.process_time() - started, 3)
        if before is not None:
            resumed.append(name)
            if checkpoint.stat().st_mtime_ns == before:
                raise RuntimeError(f"{name} had nothing left when it was resumed")
    facts = {
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "cpu_seconds": seconds,
        "resumed": resumed,
    }
    (Path(folder) / "facts.json").write_text(json.dumps(facts))


def interrupt_all(works: str, folder: str) -> None:
    """Begin each work, and press Ctrl-C as soon as it has kept a checkpoint."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
    for name, work in import_module(works).works().items():
        interrupt(work, Path(folder) / f"{name}.training")


def interrupt(work: Work, checkpoint: Path) -> None:
    """Begin a work, and press Ctrl-C as soon as it has kept a checkpoint; most keep none.

    Raises:
        RuntimeError: a training ended before.
    """
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(POLLING):
            if checkpoint.is_file():
                interrupt_main()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        work(checkpoint)
    except KeyboardInterrupt:
        return
    finally:
        ended.set()
    if checkpoint.is_file():
        raise RuntimeError(f"{checkpoint.stem} ended before it was interrupted; give it more steps")


def as_arrays(state: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Return the weights and statistics of a network, without what counts batches."""
    return {
        name: value.detach().cpu().numpy()
        for name, value in state.items()
        if value.is_floating_point()
    }


def main(function: str, works: str, folder: str, threads: str = "") -> None:
    """Do in this fresh process what `outcomes` has begun it for."""
    if threads:
        torch.set_num_threads(int(threads))
    {"do_works": do_works, "interrupt_all": interrupt_all}[function](works, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
