"""One JSON file per run, and the published numbers that stand beside.

A run is its config: the file's name is a hash of it, so a run that has a file is never repeated
and a changed config is another run. Files lie in data/results/<part>/<experiment>/<key>.json.
"""

import functools
import hashlib
import json
import os
import platform
import resource
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lib.book.files import REPOSITORY, git, write_atomically
from lib.runs.device import half_precision

PAPER = REPOSITORY / "data" / "paper"


@dataclass(frozen=True)
class Result:
    """One finished run: `config` fully determines it, `metrics` is what it measured.

    All three dicts hold plain JSON values; tuples become lists, so that what is loaded equals
    what was saved. `changed` names code that has changed since (see `code`); it is not saved.

    Raises:
        TypeError, ValueError: see `plain`.
    """

    part: str
    experiment: str
    config: dict[str, Any]
    metrics: dict[str, Any]
    provenance: dict[str, Any] = field(default_factory=dict)
    changed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would not survive a round trip through its file."""
        for name in ("config", "metrics", "provenance"):
            object.__setattr__(self, name, plain(getattr(self, name), name))


def changed(found: Iterable[Result | None]) -> list[str]:
    """Return what code has changed since any of some results was computed, sorted."""
    return sorted({place for result in found if result for place in result.changed})


def plain(value: Any, name: str = "config") -> Any:
    """Return a copy of `value` as JSON gives it back, its keys in order.

    Raises:
        TypeError: something is in it that JSON does not know (a NumPy number, a tensor).
        ValueError: a number is NaN or infinite; say None for what is not defined.
    """
    try:
        return json.loads(json.dumps(value, sort_keys=True, allow_nan=False))
    except (TypeError, ValueError) as error:
        advice = "use finite Python numbers, strings, lists and dicts"
        raise type(error)(f"{name} is no plain JSON ({error}); {advice}") from None


def key(config: Mapping[str, Any]) -> str:
    """Return the first 16 hex digits of the SHA-256 of a config, whatever its order."""
    return _digest(plain(config))[:16]


def root() -> Path:
    """Return the folder of all results; the runner names another one for smoke runs."""
    return Path(os.environ.get("BOOK_RESULTS") or REPOSITORY / "data" / "results").absolute()


def location(
    part: str, experiment: str, config: Mapping[str, Any], folder: Path | None = None
) -> Path:
    """Return where the result of a run lies, below `root()` or another folder."""
    return (folder or root()) / part / experiment / f"{key(config)}.json"


def save(result: Result, folder: Path | None = None) -> Path:
    """Write a result into its file and return the path.

    Raises:
        OSError: the disk is full or the folder cannot be written; what was there stays.
    """
    content = {"key": key(result.config), **asdict(result)}
    del content["changed"]
    content["digest"] = _digest(content)
    target = location(result.part, result.experiment, result.config, folder)
    write_atomically(target, json.dumps(content, indent=1, sort_keys=True) + "\n")
    return target


def load(path: str | Path) -> Result:
    """Return the result in a file.

    Raises:
        ValueError: the file is truncated, was altered by hand, or lies in another run's place.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_bytes())
        digest, stored_key = content.pop("digest"), content.pop("key")
        result = Result(**content)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete it and run again") from None
    place = location(result.part, result.experiment, result.config)
    if digest != _digest({"key": stored_key, **content}) or path.parts[-3:] != place.parts[-3:]:
        raise ValueError(f"{path} was altered or moved after the run; delete it and run again")
    return result


def find(
    part: str, experiment: str, config: Mapping[str, Any], folder: Path | None = None
) -> Result | None:
    """Return the result of a run, or None where there is none."""
    try:
        return load(location(part, experiment, config, folder))
    except FileNotFoundError:
        return None


def provenance(
    seconds: float, dataset: str | None = None, rung: str | None = None
) -> dict[str, Any]:
    """Return how a result came about; call it in the process that computed it.

    `seconds` is wall time. Peak memory is the process's so far, in MB. The device is the GPU if
    this process has used one. Nothing in it names the machine, its user or its folders.
    """
    on_gpu = torch.cuda.is_initialized()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "code": code_version(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
        "bfloat16": half_precision(torch.device("cuda" if on_gpu else "cpu")),  # in training
        "torch_threads": torch.get_num_threads(),
        "seconds": round(seconds, 3),
        "peak_memory_mb": round(peak / (2**20 if sys.platform == "darwin" else 2**10)),
        "dataset": dataset,
        "rung": rung,
        "day": datetime.now(UTC).date().isoformat(),
    }


@functools.cache
def code_version() -> str:
    """Return the commit's short hash, with " dirty" if lib/ differs from it, or "unknown"."""
    commit = git("rev-parse", "--short", "HEAD", root=REPOSITORY)
    if commit is None:
        return "unknown"
    edited = git("status", "--porcelain", "--", "lib", root=REPOSITORY)
    return f"{commit} dirty" if edited else commit


@functools.cache
def processor() -> str:
    """Return the processor's name: platform.processor(), but Linux keeps it in /proc/cpuinfo."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def paper(name: str) -> dict[str, Any]:
    """Return the published numbers in data/paper/<name>.json."""
    return json.loads((PAPER / f"{name}.json").read_bytes())


def _digest(content: Any) -> str:
    """Return the SHA-256 in hex of plain content as sorted compact JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
