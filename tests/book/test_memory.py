"""Memory holds: with ten times the data a part needs hardly more of it.

Each size runs in a process of its own, `peak_memory.py`. Profile smoke itself would show nothing:
ten times its data are a few megabytes, its libraries take hundreds. So the smaller size is one
whose tenfold, kept in memory, would break the bound; that it would is checked, too.
"""

from pathlib import Path

import pytest

from lib.runs.sweep import RunOne
from tests.book.peak_memory import alone, faces, sound

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
