"""Memory holds: with ten times the data a part needs hardly more of it.

Each size runs in a process of its own, `peak_memory.py`. Profile smoke itself would show nothing:
ten times its data are a few megabytes, its libraries take hundreds. So the smaller size is one
whose tenfold, kept in memory, would break the bound; that it would is checked, too.
"""

from pathlib import Path

import pytest

from lib.runs.sweep import RunOne
from tests.book.peak_memory import alone, faces, peak_memory_mb, sound

BOUND = 1.3


@pytest.mark.parametrize(("way", "size"), [(sound, 100), (faces, 700)])
def test_ten_times_the_data_need_hardly_more_memory(way: RunOne, size: int, tmp_path: Path) -> None:
    small, large = (
        alone(way, {"size": each, "folder": str(tmp_path / str(each))})
        for each in (size, 10 * size)
    )
    assert large["data"] == pytest.approx(10 * small["data"], rel=0.01)
    kept = large["data"] - small["data"]
    assert kept > (BOUND - 1) * small["peak_memory_mb"]  # kept, it would show
    assert large["peak_memory_mb"] <= BOUND * small["peak_memory_mb"]


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
