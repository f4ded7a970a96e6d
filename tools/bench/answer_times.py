"""How long a reader waits for an answer in the explore chapters: run by hand, on an idle machine.

    python -m tools.bench.answer_times
    python -m tools.bench.answer_times smoke --rounds 3

Each chapter is opened in a real browser. A control is moved there and back again; what counts is
the time from the key to the picture that the browser has decoded, everything in between included.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from lib.book import lab
from lib.book.files import REPOSITORY
from lib.runs.results import processor
from tests.browser import lab as pages
from tests.browser.lab import Notebook, Panel

CHAPTERS = ("15_sound_explore", "25_faces_explore", "35_adversarial_explore")


def moves(panel: Panel, name: str, rounds: int) -> Iterator[float]:
    """Yield the milliseconds of each answer while a control goes there and back again."""
    for key in ("ArrowRight", "ArrowLeft") * rounds:
        started = time.perf_counter()
        panel.move(name, key)
        yield 1000 * (time.perf_counter() - started)


def measure(notebook: Notebook, chapter: str, rounds: int) -> list[float]:
    """Print median and 95th percentile of each control of a chapter, and return all times."""
    every: list[float] = []
    for place, panel in enumerate(notebook.panels, start=1):
        for name in panel.names:
            times = list(moves(panel, name, rounds))
            every += times
            print(line(f"{chapter[:2]}, panel {place}, {name}", times), flush=True)
    return every


def line(name: str, times: list[float]) -> str:
    """Return median and 95th percentile as text."""
    return f"{name:34}{np.median(times):8.0f}{np.percentile(times, 95):8.0f} ms"


def main(arguments: list[str] | None = None) -> int:
    """Run the measurement; return 1 where there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.answer_times")
    parser.add_argument("profile", nargs="?", default="quick", choices=["smoke", "quick"])
    parser.add_argument("--rounds", type=int, default=5, help="moves there and back again")
    asked = parser.parse_args(arguments)
    if pages.chromium() is None:
        print("no browser here; install chromium", file=sys.stderr)
        return 1
    print(f"{processor()}, profile {asked.profile}, load {os.getloadavg()[0]:.1f}")
    print(f"{'':34}{'median':>8}{'95 %':>8}")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root, browser = Path(folder), pages.launch(playwright)
        for name in CHAPTERS:
            source, copy = REPOSITORY / "notebooks" / f"{name}.py", root / f"{name}.ipynb"
            lab.copy(source, {"PROFILE": asked.profile}, copy)
        with pages.served(root, root / "log.txt") as address:
            for name in CHAPTERS:
                page = browser.new_page(viewport=pages.VIEW)
                notebook = Notebook(page, address.format(f"{name}.ipynb"))
                notebook.run_all()
                print(line(f"{name[:2]}, all", measure(notebook, name, asked.rounds)))
                page.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
