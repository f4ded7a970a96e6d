"""How long a reader waits for an answer in the explore chapters: run by hand, on an idle machine.

    python -m tests.benchmarks.answer_times
    python -m tests.benchmarks.answer_times smoke --rounds 3

Each chapter is opened in a real browser. A control is moved there and back again; what counts is
the time from the key to the picture that the browser has decoded, everything in between included.
An answer should come within 300 ms.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from lib.book import lab
from lib.book.files import REPOSITORY
from tests.browser import lab as pages
from tests.browser.lab import Notebook

CHAPTERS = ("15_sound_explore", "25_faces_explore", "35_adversarial_explore")
GOAL = 300  # ms


def measure(notebook: Notebook, chapter: str, rounds: int) -> None:
    """Print median and worst answer of each control of a chapter."""
    for place, panel in enumerate(notebook.panels, start=1):
        for name in panel.names:
            moves = [number % 2 == 0 for number in range(2 * rounds)]
            times = [1000 * panel.move(name, forward) for forward in moves]
            typical, worst = statistics.median(times), max(times)
            verdict = "within" if typical <= GOAL else "above"
            place_and_name = f"{chapter[:2]}, panel {place}, {name}"
            print(f"{place_and_name:32}{typical:8.0f}{worst:8.0f} ms  {verdict} {GOAL} ms")


def main(arguments: list[str] | None = None) -> int:
    """Run the measurement; return 1 where there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.answer_times")
    parser.add_argument("profile", nargs="?", default="quick", choices=["smoke", "quick"])
    parser.add_argument("--rounds", type=int, default=5, help="moves there and back again")
    asked = parser.parse_args(arguments)
    if pages.chromium() is None:
        print("no browser here; install chromium", file=sys.stderr)
        return 1
    print(f"profile {asked.profile}, load {os.getloadavg()[0]:.1f}{'':8}median   worst")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root, browser = Path(folder), pages.launch(playwright)
        told = {"BOOK_RESULTS": str(root / "results")} if asked.profile == "smoke" else {}
        for name in CHAPTERS:
            source, copy = REPOSITORY / "notebooks" / f"{name}.py", root / f"{name}.ipynb"
            lab.copy(source, {"PROFILE": asked.profile}, copy)
        with pages.served(root, told, root / "log.txt") as address:
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
