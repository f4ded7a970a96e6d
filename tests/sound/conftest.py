"""Small event lists, and the real ones where they are there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from lib.book import data_root, results
from lib.sound import scored
from lib.sound.labels import Events
from lib.sound.scored import Scored

MakeEvents = Callable[..., Events]


@pytest.fixture
def no_open_figures() -> Iterator[None]:
    """Begin without figures and leave none behind."""
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def drawn() -> Scored:
    """Give a small embedded rung."""
    return scored.load("drawn", 40)


@pytest.fixture(scope="session")
def lists() -> Path:
    """Give the folder of the original lists, or skip the test."""
    for name in ("dcase2018_task4", "desed_baseline"):
        if not data_root.present(name):
            pytest.skip(f"{name} is not under the data root: see data/README.md")
    return data_root.root()


@pytest.fixture(scope="session")
def real(lists: Path) -> Scored:
    """Give the original rung, or skip the test."""
    return scored.load("dcase2018")


@pytest.fixture
def make() -> MakeEvents:
    """Return a function that makes events from rows (clip, label, onset, offset)."""

    def events(*rows: tuple[int, int, float, float], clips: int = 1, classes: int = 10) -> Events:
        columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T
        clip, label = columns[:2].astype(np.int64)
        names = tuple(f"clip_{index}.wav" for index in range(clips))
        kinds = tuple(f"class_{index}" for index in range(classes))
        return Events(names, np.full(clips, 10.0), clip, label, columns[2], columns[3], kinds)

    return events


@pytest.fixture
def private_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let results of the test go into its own folder, and be found only there."""
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    return tmp_path / "results"
