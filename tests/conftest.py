"""A tiny book in a temporary folder, for the tests of what runs the real one."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import torch

from lib.book import show

# What a shell starts in the background ignores Ctrl-C, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
torch.set_num_threads(1)  # as in the book's own runs: sums come out in one order
HEADER = """\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A tiny chapter

# %% tags=["parameters"]
PROFILE = "quick"
SEED = 0
RATE = 0.5
"""


@pytest.fixture(scope="session", autouse=True)
def the_style_of_the_book() -> None:
    """Draw in tests as on a chapter's page."""
    show.set_style()


@pytest.fixture
def no_open_figures() -> Iterator[None]:
    """Begin without figures and leave none behind."""
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture(scope="session", autouse=True)
def jupyter_stays_in_a_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the tests away from the kernels and settings of whoever runs them."""
    folder = tmp_path_factory.mktemp("jupyter")
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        os.environ[name] = str(folder / name.lower())


@pytest.fixture
def write_chapter(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a chapter with the given code cells into a tiny book."""

    def write(*cells: str, name: str = "10_tiny", header: str = HEADER) -> Path:
        path = tmp_path / "notebooks" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(header + "".join(f"\n# %%\n{cell}\n" for cell in cells), encoding="utf-8")
        return path

    return write
