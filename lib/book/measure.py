"""What a chapter costs: minutes and peak memory, kept in data/costs.json for the cost boxes."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from lib.book.files import write_atomically

SECONDS_BETWEEN_LOOKS = 0.5


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """Watch the memory of all processes under this one; give a list of what was seen, in gigabytes.

    Each is a sum of resident sizes; what processes share counts in each.
    """
    seen, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(SECONDS_BETWEEN_LOOKS):
            seen.append(_resident_bytes_below() / 1e9)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def _resident_bytes_below() -> int:
    total = 0
    for process in psutil.Process().children(recursive=True):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:  # ended between the two calls
            continue
    return total


def record(
    costs: Path,
    chapter: str,
    profile: str,
    minutes: float,
    peak_memory_gb: float,
    cores: int,
    processor: str,
) -> None:
    """Put one measurement into the file `costs`, over an older one of the same chapter and profile.

    `processor` is its kind, see `differences.processor_kind`: the page measured was made on it.
    """
    known = json.loads(costs.read_text(encoding="utf-8")) if costs.is_file() else {}
    known.setdefault(chapter, {})[profile] = {
        "minutes": round(minutes, 2),
        "peak_memory_gb": round(peak_memory_gb, 2),
        "cores": cores,
        "processor": processor,
    }
    write_atomically(costs, json.dumps(known, indent=2, sort_keys=True) + "\n")
