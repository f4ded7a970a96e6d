"""Where the runs of a test leave their traces and results."""

from pathlib import Path

import pytest


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Give the file in which runs note that they were called."""
    return tmp_path / "calls.txt"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a place for results, which does not exist yet."""
    return tmp_path / "results"
