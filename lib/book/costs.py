"""What a chapter costs, minutes and peak memory: data/costs.json, which `--measure` writes."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from lib.book.files import REPOSITORY, write_atomically

SECONDS_BETWEEN_LOOKS = 0.5


def known(root: Path = REPOSITORY) -> dict[str, dict[str, dict[str, Any]]]:
    """Return {chapter: {profile: {"minutes", "peak_memory_gb", ...}}}, as far as measured."""
    file = root / "data" / "costs.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def made_on(profile: str, root: Path = REPOSITORY) -> list[str]:
    """Return the kinds of processors on which the pages of a profile were made and measured."""
    found = {each.get(profile, {}).get("processor") for each in known(root).values()}
    return sorted(filter(None, found))


def record(root: Path, chapter: str, profile: str, measured: Mapping[str, Any]) -> None:
    """Write down one measurement, over an older one of the same chapter and profile."""
    costs = known(root)
    costs.setdefault(chapter, {})[profile] = dict(measured)
    text = json.dumps(costs, indent=2, sort_keys=True) + "\n"
    write_atomically(root / "data" / "costs.json", text)


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """Watch the memory of all processes under this one; give a list of what was seen, in gigabytes.

    Each is a sum of resident sizes; what processes share counts in each.
    """
    seen, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(SECONDS_BETWEEN_LOOKS):
            total = 0
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.NoSuchProcess):  # it has just ended
                    total += process.memory_info().rss
            seen.append(total / 1e9)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()
