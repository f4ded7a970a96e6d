"""Memory holds: with ten times the data a part needs hardly more of it.

Each size runs in a process of its own, `peak_memory.py`. Profile smoke itself would show nothing:
ten times its data are a few megabytes, its libraries take hundreds. So the smaller size is one
whose tenfold, kept in memory, would break the bound; that it would is checked, too.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lib.book.files import REPOSITORY
from lib.runs.scaling import RETURNED, alone, peak_memory_mb

BOUND = 1.3


def measured(part: str, size: int, folder: Path) -> dict[str, float]:
    """Return the peak of memory and the size of the data, in MB, of one way through a part."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("peak_memory.py"), part, str(size), folder],
        env={**os.environ, **RETURNED, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(("part", "size"), [("sound", 100), ("faces", 700), ("adversarial", 8000)])
def test_ten_times_the_data_need_hardly_more_memory(part: str, size: int, tmp_path: Path) -> None:
    small = measured(part, size, tmp_path / "small")
    large = measured(part, 10 * size, tmp_path / "large")
    assert large["data"] == pytest.approx(10 * small["data"], rel=0.01)
    assert large["data"] - small["data"] > (BOUND - 1) * small["peak"]  # kept, it would show
    assert large["peak"] <= BOUND * small["peak"]


def test_the_peak_stays_when_memory_is_given_back_and_is_the_processs_own() -> None:
    held = bytearray(300_000_000)
    held[::4096] = b"\1" * len(held[::4096])
    assert peak_memory_mb() > 300
    before, after = (alone(hold, {"bytes": size})["peak_memory_mb"] for size in (0, 200_000_000))
    assert before < peak_memory_mb() - 100  # not that of the process that started it ...
    assert 180 < after - before < 220  # ... and all of what was held for a moment


def hold(config: dict[str, int]) -> dict[str, int]:
    """Hold so many bytes for a moment."""
    bytes([1]) * config["bytes"]
    return config
