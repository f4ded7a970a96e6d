"""The book's trained networks: shipped with it, kept in data/cache, or trained now.

Weights are small, in a form that cannot run code; the JSON beside them says from what they were
trained. What is shipped is taken where that is the run at hand.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor, nn

from lib.book import files
from lib.book.files import REPOSITORY, write_atomically
from lib.runs import code, results, states, sweep

SHIPPED = REPOSITORY / "data" / "checkpoints"
CACHE = REPOSITORY / "data" / "cache" / "checkpoints"
Made = tuple[nn.Module, Mapping[str, Any]]  # a network, and what its record says beside


def place(shipped: Path, cached: Path, run: Mapping[str, Any]) -> Path:
    """Return where the network of a run stands, or will stand once it is trained.

    With BOOK_RETRAIN in the environment what is shipped is passed over.
    """
    fits = not sweep.retraining() and run_of(shipped) == run
    return shipped if fits else cached


def train(
    path: Path,
    run: Mapping[str, Any],
    progress: Path,
    make: Callable[[Path], Made],
    data: tuple[str, str],
    sources: Iterable[code.Source] = (),
) -> None:
    """Train a network and write its weights and, beside them, its record.

    Args:
        run: what determines the weights, as plain JSON.
        progress: where the training keeps its state; what was interrupted goes on from it.
        make: trains, given that place.
        data: name and rung of what it learns from.
        sources: modules and functions on which the weights rest.
    """
    said_today = code.digests(sources)
    started = time.monotonic()
    model, said = make(progress)
    save_weights(model, path)
    provenance = results.provenance(time.monotonic() - started, *data) | {"sources": said_today}
    write_record(path, {"run": run, **said, "licence": "CC BY 4.0", "provenance": provenance})
    states.remove(progress)


def record(path: Path) -> dict[str, Any]:
    """Return what the JSON beside some weights says; nothing unless both files are there."""
    beside = path.with_suffix(".json")
    there = path.is_file() and beside.is_file()
    return json.loads(beside.read_text()) if there else {}


def older(digests: Iterable[str]) -> list[str]:
    """Return which code has changed since the networks with these digests were trained."""
    found = dict[str, None]()
    for digest in digests:
        with suppress(FileNotFoundError):
            made = record(find_by_digest(digest, (SHIPPED, CACHE))).get("provenance", {})
            said = made.get("sources", {}).items()
            found |= dict.fromkeys(place for place, known in said if not code.stands(place, known))
    return list(found)


def run_of(path: Path) -> dict[str, Any] | None:
    """Return what some weights were trained from, None without a record."""
    return record(path).get("run")


def write_record(path: Path, content: Mapping[str, Any]) -> None:
    """Write the JSON beside some weights."""
    write_atomically(path.with_suffix(".json"), json.dumps(content, indent=1) + "\n")


def command(module: str, names: Sequence[str], ship: Callable[[str], Iterable[Path]]) -> None:
    """Run the command line of a part: `python -m MODULE ship NAME`."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}")
    parser.add_argument("command", choices=["ship"])
    parser.add_argument("name", choices=names)
    for path in ship(parser.parse_args().name):
        print(path)


def save_weights(model: nn.Module, path: Path, beside: Mapping[str, Tensor] | None = None) -> None:
    """Store the weights as float16, half the size; what is reported is measured on what is stored.

    Rounding to float16 moves a weight by at most one part in 2,000. Whole numbers stay what they
    are, and so do the tensors `beside`, stored under other names.
    """
    weights = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in model.state_dict().items()
    }
    write_atomically(path, save(weights | dict(beside or {})))


def file_digest(path: Path) -> str:
    """Return the first 16 hex digits of a file's SHA-256."""
    return files.digest(path)[:16]


def find_by_digest(digest: str, folders: Iterable[Path]) -> Path:
    """Return the first weights file with this digest in some folders."""
    for folder in folders:
        for path in sorted(folder.glob("*.safetensors")):
            if file_digest(path) == digest:
                return path
    raise FileNotFoundError(
        f"no network with digest {digest}; train one with ./run_all.sh --retrain"
    )
