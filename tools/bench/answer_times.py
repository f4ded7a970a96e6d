"""How long a reader waits for an answer in the explore chapters: run by hand, on an idle machine.

    python -m tools.bench.answer_times
    python -m tools.bench.answer_times smoke --chapter 25_faces_explore

Each chapter is opened in a real browser. A control jumps to its end; after a look of a second it
goes a step from there, after another one a step further, and then a step back. The same follows
from its other end. In chapter 35 strokes are drawn besides. What counts is the time from the key,
or from the end of the stroke, to the picture that the browser has painted, everything in between
included, by the browser's own clock. Of all three chapters it is kept in data/answer_times.json,
for the README.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from lib.book import lab
from lib.book.files import REPOSITORY, write_atomically
from lib.book.readme import ANSWERS
from lib.runs.results import processor
from tests.browser import lab as pages
from tests.browser.lab import Notebook, Panel

CHAPTERS = ("15_sound_explore", "25_faces_explore", "35_adversarial_explore")
KINDS = ("jump", "step", "next", "back")
KEYS = [["End", "ArrowLeft", "ArrowLeft", "ArrowRight"]]
KEYS.append(["Home", "ArrowRight", "ArrowRight", "ArrowLeft"])
SECONDS = 1.0  # that a reader looks at a picture
STROKES = 6
# The line below a picture changes after it; what comes after the next frame comes after painting.
WATCH = """([line, picture]) => {
    let begun;
    const begin = event => { begun ??= event.timeStamp; };
    for (const kind of ['keydown', 'change', 'pointerup'])
        addEventListener(kind, begin, { capture: true, once: true });
    window.answer = new Promise(done => new MutationObserver(async (_, watch) => {
        watch.disconnect();
        await picture.decode();
        requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
    }).observe(line, { childList: true, subtree: true }));
}"""
# Whether a control stands at its upper end, and whether it is a list that has no two ends to go to.
STANDS = """control => control.tagName === 'SELECT'
    ? [control.selectedIndex === control.options.length - 1, control.options.length < 3]
    : [control.getAttribute('aria-valuenow') === control.getAttribute('aria-valuemax'), false]"""


def answer(panel: Panel, move: Callable[[], object]) -> float:
    """Make a move after a look, and return the milliseconds until its picture is painted."""
    time.sleep(SECONDS)
    page = panel.box.page
    page.evaluate(WATCH, [panel.line.element_handle(), panel.picture.element_handle()])
    move()
    return float(page.evaluate("answer"))


def measure(notebook: Notebook, chapter: str) -> dict[str, list[float]]:
    """Print median and 95th percentile of each kind of move, by control; return those of all."""
    every: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for place, panel in enumerate(notebook.panels, start=1):
        start = panel.setting
        for name in panel.names:
            times: dict[str, list[float]] = {kind: [] for kind in KINDS}
            at_end, few = panel.control(name).evaluate(STANDS)
            for keys in (KEYS[::-1] if at_end else KEYS)[: 1 if few else 2]:
                for kind, key in zip(KINDS, keys, strict=True):
                    times[kind].append(answer(panel, partial(panel.move, name, key)))
            if panel.setting != start:
                panel.back()
            print(line(f"{chapter[:2]}, panel {place}, {name}", times), flush=True)
            for kind, values in times.items():
                every[kind] += values
    print(line(f"{chapter[:2]}, all", every), flush=True)
    return {
        kind: np.percentile(values, (50, 95)).round().tolist() for kind, values in every.items()
    }


def draw(notebook: Notebook) -> None:
    """Print median and 95th percentile of strokes on the square for digits."""
    square = notebook.page.locator("canvas[aria-label^='A square to draw']")
    square.scroll_into_view_if_needed()
    box, mouse = square.bounding_box(), notebook.page.mouse
    assert box

    def stroke(number: int) -> None:
        x = box["x"] + box["width"] * (0.3 + 0.05 * number)
        mouse.move(x, box["y"] + 0.2 * box["height"])
        mouse.down()
        mouse.move(x, box["y"] + 0.8 * box["height"])
        mouse.up()

    stroke(0)
    panel = Panel(notebook.page.locator(".widget-vbox:has(> .widget-image)").last)
    panel.line.wait_for()
    times = [answer(panel, partial(stroke, number)) for number in range(1, STROKES)]
    print(line("35, stroke", {"stroke": times}), flush=True)


def line(name: str, times: Mapping[str, Sequence[float]]) -> str:
    """Return median and 95th percentile of each kind of move as text."""
    kinds = (f"{np.median(each):10.0f}{np.percentile(each, 95):6.0f}" for each in times.values())
    return f"{name:30}{''.join(kinds)}"


def main(arguments: list[str] | None = None) -> int:
    """Run the measurement; return 1 where there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.answer_times")
    parser.add_argument("profile", nargs="?", default="quick", choices=["smoke", "quick"])
    parser.add_argument("--chapter", choices=CHAPTERS, help="this one alone")
    asked = parser.parse_args(arguments)
    names = [asked.chapter] if asked.chapter else CHAPTERS
    if pages.chromium() is None:
        print("no browser here; install chromium", file=sys.stderr)
        return 1
    print(f"{processor()}, profile {asked.profile}, load {os.getloadavg()[0]:.1f}")
    kinds = "".join(f"{kind:>10}{'95 %':>6}" for kind in KINDS)
    print(f"{'ms, median and 95th percentile':30}{kinds}")
    found = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        root, browser = Path(folder), pages.launch(playwright)
        for name in names:
            source, copy = REPOSITORY / "notebooks" / f"{name}.py", root / f"{name}.ipynb"
            lab.copy(source, {"PROFILE": asked.profile}, copy)
        with pages.served(root, root / "log.txt") as address:
            for name in names:
                page = browser.new_page(viewport=pages.VIEW)
                notebook = Notebook(page, address.format(f"{name}.ipynb"))
                notebook.run_all()
                found[name] = measure(notebook, name)
                if name == CHAPTERS[-1]:
                    draw(notebook)
                page.close()
        browser.close()
    if asked.profile == "quick" and len(found) == len(CHAPTERS):
        kept = {"processor": processor(), "milliseconds": found}
        write_atomically(ANSWERS, json.dumps(kept, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
