"""What a chapter costs: minutes and peak memory, kept in data/costs.json for the cost boxes."""

import json
import threading
from pathlib import Path
from types import TracebackType

import psutil

from lib.book.files import write_atomically

SECONDS_BETWEEN_LOOKS = 0.5


class PeakMemory:
    """Watches the memory of all processes under this one while its `with` block runs.

    `gigabytes` is the largest sum of resident sizes seen; what processes share counts in each.
    """

    def __init__(self) -> None:
        self.gigabytes = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(SECONDS_BETWEEN_LOOKS):
            self.gigabytes = max(self.gigabytes, _resident_bytes_below() / 1e9)


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

    Raises:
        OSError: the file cannot be written; what was there stays.
    """
    known = json.loads(costs.read_text(encoding="utf-8")) if costs.is_file() else {}
    known.setdefault(chapter, {})[profile] = {
        "minutes": round(minutes, 2),
        "peak_memory_gb": round(peak_memory_gb, 2),
        "cores": cores,
        "processor": processor,
    }
    write_atomically(costs, json.dumps(known, indent=2, sort_keys=True) + "\n")
