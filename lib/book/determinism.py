"""What is bit-equal and what only agrees: the same small works done under different circumstances.

Each circumstance is a fresh process, whose results are compared, bit by bit and as numbers, with
those of a process that has one thread and whatever instructions this machine offers. A part
describes its works in a module with one function, `works(profile)`; this module knows no part.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from _thread import interrupt_main
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from lib.book import device, sweep
from lib.book.files import REPOSITORY
from lib.book.results import Result

EXPERIMENT = "determinism"
LIMIT = 600  # seconds for one process, which takes a few
SMOKE = ("two threads",)
POLLING = 0.002  # seconds between two looks for a checkpoint
OLD = {  # the instructions of x86 processors before 2011
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
}
OTHER_PROCESSOR = Path(__file__).with_name("processor.c")  # plays one that has no AVX-512


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


class Work(NamedTuple):
    """One thing a part computes. `run` gets a path where a training may keep its checkpoint;
    `resumes` says whether it does, so that it can be interrupted."""

    run: Callable[[Path], Outcome]
    resumes: bool


@dataclass(frozen=True)
class Circumstance:
    """How a process is set up; the default is what every other one is compared with."""

    environment: Mapping[str, str] = field(default_factory=dict)
    threads: int | None = 1  # torch's; None leaves them to the environment
    beside: bool = False  # in a sweep of two processes, each doing the works
    interrupted: bool = False  # by Ctrl-C after the first checkpoint, then begun again
    processor: str = ""  # played: "older" or "amd", see processor.c
    gpu: bool = False
    against: str = "reference"


def circumstances() -> dict[str, Circumstance]:
    """Return all circumstances by name, "reference" first."""
    exact = device.deterministic_environment()
    on_gpu = exact.keys() - device.PINNED.keys()
    gpu_exact = {name: exact[name] for name in sorted(on_gpu)}
    flag = "--deterministic"
    return {
        "reference": Circumstance(),
        "again": Circumstance(),
        "beside another run": Circumstance(beside=True),
        "interrupted and resumed": Circumstance(interrupted=True),
        "two threads": Circumstance(threads=2),
        "older processor": Circumstance(processor="older"),
        "SSE4.1 instructions": Circumstance(OLD),
        flag: Circumstance(exact, None),
        f"{flag}, again": Circumstance(exact, None, against=flag),
        f"{flag}, older processor": Circumstance(exact, None, processor="older", against=flag),
        f"{flag}, AMD processor": Circumstance(exact, None, processor="amd", against=flag),
        "GPU": Circumstance(gpu=True),
        "GPU, again": Circumstance(gpu=True, against="GPU"),
        f"GPU, {flag}": Circumstance(gpu_exact, None, gpu=True, against="GPU"),
        f"GPU, {flag}, again": Circumstance(gpu_exact, None, gpu=True, against=f"GPU, {flag}"),
    }


def measure(part: str, works: ModuleType, profile: str) -> dict[str, Result | None]:
    """Return the result of each circumstance by name, computing what is missing.

    None stands where this machine cannot bring the circumstance about and no result is stored.

    Args:
        part: "part1", "part2" or "part3".
        works: the module that describes the part's works.
        profile: "smoke" is content with few circumstances.
    """
    names = SMOKE if profile == "smoke" else tuple(circumstances())[1:]
    found: dict[str, Result | None] = {}
    for can in (True, False):
        chosen = [name for name in names if possible(circumstances()[name]) == can]
        common = {"works": works.__name__, "profile": profile}
        runs = [common | {"circumstance": name} for name in chosen]
        done = sweep.run(part, EXPERIMENT, runs, compare_run, compute=can)
        found |= dict(zip(chosen, done, strict=True))
    return {name: found[name] for name in names}


def possible(circumstance: Circumstance) -> bool:
    """Return whether this machine can bring a circumstance about."""
    if circumstance.gpu:
        return torch.cuda.is_available()
    if circumstance.processor:
        try:
            traps = "cpuid_fault" in Path("/proc/cpuinfo").read_text()
        except OSError:  # no Linux
            return False
        return traps and shutil.which("cc") is not None and _sees("avx2")
    return True


def _sees(instructions: str) -> bool:
    """Return whether torch finds that the processor has these instructions."""
    return bool(torch.cpu.get_capabilities().get(instructions))


def compare_run(run: dict[str, Any]) -> dict[str, Any]:
    """Do the works of a part in a circumstance and in the one it is held against; compare them."""
    against = circumstances()[run["circumstance"]].against
    (base, *_), base_facts = outcomes(run["works"], run["profile"], against)
    copies, facts = outcomes(run["works"], run["profile"], run["circumstance"])
    compared = {name: compare([copy[name] for copy in copies], base[name]) for name in base}
    return {"against": against, "works": compared, "facts": facts, "facts_against": base_facts}


def compare(copies: Sequence[Outcome], base: Outcome) -> dict[str, Any]:
    """Return how far the copy of a work that is furthest from `base` is from it.

    "weights" and "outputs" are the largest difference over the largest magnitude in `base`,
    "where" is the weight that differs most; None where there are none. Of "labels" so many are
    "agreeing".

    Raises:
        ValueError: a copy is of another shape, so not of the same work, or not all is finite.
    """
    shapes = {name: value.shape for name, value in base.arrays.items()}
    for copy in copies:
        if {name: value.shape for name, value in copy.arrays.items()} != shapes:
            raise ValueError("these outcomes are not of the same work: their shapes differ")
    apart = {
        name: max(_largest(copy.weights[name] - base.weights[name]) for copy in copies)
        for name in base.weights
    }
    scale = max(map(_largest, base.weights.values()), default=0.0)
    outputs = max(_largest(copy.outputs - base.outputs) for copy in copies)
    equal = all(copy.digest == base.digest for copy in copies)
    return {
        "bit_equal": equal,
        "weights": max(apart.values()) / (scale or 1.0) if apart else None,
        "where": max(apart, key=apart.__getitem__) if apart and not equal else None,
        "outputs": outputs / (_largest(base.outputs) or 1.0),
        "labels": len(base.labels.ravel()),
        "agreeing": min(int((copy.labels == base.labels).sum()) for copy in copies),
        "digest": copies[0].digest,
    }


def _largest(values: np.ndarray) -> float:
    """Return the largest magnitude; raise ValueError where a value is not finite."""
    found = float(np.abs(values.astype(np.float64)).max(initial=0.0))
    if not np.isfinite(found):
        raise ValueError("an outcome holds a value that is not finite; nothing can be compared")
    return found


@lru_cache(maxsize=3)  # two are held against others, one is compared
def outcomes(
    works: str, profile: str, name: str
) -> tuple[list[dict[str, Outcome]], dict[str, Any]]:
    """Do the works in a process of its own; return each copy's outcomes by work, and facts.

    Facts are what the process saw: "avx512" (whether there is any), "cpu_capability" (what torch's
    loops use), "threads", "device", and "cpu_seconds" by work (of what was left, where a training
    was resumed).

    Raises:
        RuntimeError: the process failed, or a training could not be interrupted.
        subprocess.CalledProcessError: the C compiler failed.
    """
    circumstance = circumstances()[name]
    with tempfile.TemporaryDirectory() as folder:
        for phase in ("interrupt", "finish") if circumstance.interrupted else ("finish",):
            _process(circumstance, works, profile, name, folder, phase)
        facts = json.loads((Path(folder) / "facts.json").read_text())
        copies = [
            {name: Outcome.load(place / f"{name}.npz") for name in facts["cpu_seconds"]}
            for place in (Path(folder) / f"copy{n}" for n in range(2 if circumstance.beside else 1))
        ]
    return copies, facts


def _process(circumstance: Circumstance, *arguments: str) -> None:
    """Call `answer` in a fresh process that knows of no other circumstance."""
    own = device.ALWAYS.keys() | device.PINNED.keys() | OLD.keys()
    environment = {name: value for name, value in os.environ.items() if name not in own}
    environment["OMP_WAIT_POLICY"] = "PASSIVE"  # as in the chapters' kernels
    if not circumstance.gpu:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    environment |= circumstance.environment
    call = "import sys; from lib.book import determinism; determinism.answer(*sys.argv[1:])"
    with tempfile.TemporaryDirectory() as folder:
        if circumstance.processor:
            environment["BOOK_PROCESSOR"] = circumstance.processor
            environment["LD_PRELOAD"] = _compiled(Path(folder))
        done = subprocess.run(
            [sys.executable, "-c", call, *arguments],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RuntimeError(f"{' '.join(arguments[:3])}: exit code {done.returncode}, {last}")


def _compiled(folder: Path) -> str:
    """Return the library that plays another processor, compiled into a folder."""
    library = str(folder / "processor.so")
    command = ["cc", "-shared", "-fPIC", "-o", library, str(OTHER_PROCESSOR)]
    subprocess.run(command, check=True, capture_output=True)
    return library


def answer(works: str, profile: str, name: str, folder: str, phase: str) -> None:
    """Do what `outcomes` asks of its process: write copy0/, copy1/ and facts.json below a folder.

    Raises:
        RuntimeError: a training ended before it was interrupted, or resumed with nothing left, or
            the circumstance did not come about.
    """
    circumstance = circumstances()[name]
    if circumstance.threads is not None:
        torch.set_num_threads(circumstance.threads)
    common = {"works": works, "profile": profile, "folder": folder}
    if phase == "interrupt":
        interrupt_all(common | {"copy": 0})
        return
    if circumstance.beside:
        runs = [common | {"copy": copy} for copy in range(2)]
        found = sweep.run("scratch", "copies", runs, do_works, jobs=2, folder=Path(folder))
        facts = next(result.metrics for result in found if result)
    else:
        facts = do_works(common | {"copy": 0})
    if circumstance.processor and facts["avx512"]:
        raise RuntimeError(f"{name}: the processor was not replaced")
    if circumstance.interrupted and facts["resumed"] != facts["resumable"]:
        raise RuntimeError(f"{name}: of {facts['resumable']} went on only {facts['resumed']}")
    (Path(folder) / "facts.json").write_text(json.dumps(facts))


def do_works(run: dict[str, Any]) -> dict[str, Any]:
    """Do all works once, write their outcomes, and return facts; see `outcomes`."""
    works, seconds, resumed = _works(run), dict[str, float](), list[str]()
    for name, work in works.items():
        checkpoint = _place(run) / f"{name}.training"
        before = checkpoint.stat().st_mtime_ns if checkpoint.is_file() else None
        started = time.process_time()
        outcome = work.run(checkpoint)
        seconds[name] = round(time.process_time() - started, 3)
        outcome.save(_place(run) / f"{name}.npz")
        if before is not None and checkpoint.stat().st_mtime_ns != before:
            resumed.append(name)
    used_gpu = torch.cuda.is_initialized()
    return {
        "avx512": _sees("avx512_f"),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if used_gpu else "cpu",
        "cpu_seconds": seconds,
        "resumable": [name for name, work in works.items() if work.resumes],
        "resumed": resumed,
    }


def interrupt_all(run: dict[str, Any]) -> None:
    """Begin each training, and press Ctrl-C as soon as it has kept a checkpoint."""
    for name, work in _works(run).items():
        if work.resumes:
            interrupt(work, _place(run) / f"{name}.training")


def interrupt(work: Work, checkpoint: Path) -> None:
    """Begin a training, and press Ctrl-C as soon as it has kept a checkpoint.

    Raises:
        RuntimeError: it ended before.
    """
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(POLLING):
            if checkpoint.is_file():
                interrupt_main()
                return

    threading.Thread(target=watch, daemon=True).start()
    try:
        work.run(checkpoint)
    except KeyboardInterrupt:
        return
    finally:
        ended.set()
    raise RuntimeError(f"{checkpoint.stem} ended before it was interrupted; give it more steps")


def _works(run: Mapping[str, Any]) -> dict[str, Work]:
    works: dict[str, Work] = import_module(run["works"]).works(run["profile"])
    return works


def _place(run: Mapping[str, Any]) -> Path:
    place = Path(run["folder"]) / f"copy{run['copy']}"
    place.mkdir(exist_ok=True)
    return place


def as_arrays(state: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Return the weights and statistics of a network, without what counts batches."""
    return {
        name: value.detach().cpu().numpy()
        for name, value in state.items()
        if value.is_floating_point()
    }
