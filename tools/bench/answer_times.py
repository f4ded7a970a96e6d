"""How long a reader waits for an answer in the explore chapters: run by hand, on an idle machine.

    python -m tools.bench.answer_times
    python -m tools.bench.answer_times smoke --rounds 3

Each chapter is opened in a real browser. A control is moved by a key, three times: to a setting
that is new; after a look of a second to the next one, which is drawn ahead where the control is a
slider; and back. What counts is the time from the key to the picture that the browser has decoded,
everything in between included.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from lib.book import lab
from lib.book.files import REPOSITORY
from lib.runs.results import processor
from tests.browser import lab as pages
from tests.browser.lab import Notebook

CHAPTERS = ("15_sound_explore", "25_faces_explore", "35_adversarial_explore")
MOVES = {"new": "ArrowRight", "next": "ArrowRight", "back": "ArrowLeft"}
SECONDS = 1.0  # that a reader looks at a picture


def measure(notebook: Notebook, chapter: str, rounds: int) -> None:
    """Print median and 95th percentile of each kind of move, by control and over all of them."""
    every: dict[str, list[float]] = {kind: [] for kind in MOVES}
    for place, panel in enumerate(notebook.panels, start=1):
        for name in panel.names:
            times: dict[str, list[float]] = {kind: [] for kind in MOVES}
            for _ in range(rounds):
                for kind, key in MOVES.items():
                    time.sleep(SECONDS)
                    started = time.perf_counter()
                    panel.move(name, key)
                    times[kind].append(1000 * (time.perf_counter() - started))
                panel.back()
            print(line(f"{chapter[:2]}, panel {place}, {name}", times), flush=True)
            for kind, values in times.items():
                every[kind] += values
    print(line(f"{chapter[:2]}, all", every), flush=True)


def line(name: str, times: Mapping[str, Sequence[float]]) -> str:
    """Return median and 95th percentile of each kind of move as text."""
    kinds = (f"{np.median(each):10.0f}{np.percentile(each, 95):6.0f}" for each in times.values())
    return f"{name:30}{''.join(kinds)}"


def main(arguments: list[str] | None = None) -> int:
    """Run the measurement; return 1 where there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.answer_times")
    parser.add_argument("profile", nargs="?", default="quick", choices=["smoke", "quick"])
    parser.add_argument("--rounds", type=int, default=2, help="of three moves a control")
    asked = parser.parse_args(arguments)
    if pages.chromium() is None:
        print("no browser here; install chromium", file=sys.stderr)
        return 1
    print(f"{processor()}, profile {asked.profile}, load {os.getloadavg()[0]:.1f}")
    kinds = "".join(f"{kind:>10}{'95 %':>6}" for kind in MOVES)
    print(f"{'ms, median and 95th percentile':30}{kinds}")
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
                measure(notebook, name, asked.rounds)
                page.close()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
