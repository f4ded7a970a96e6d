"""The panel: what it says, what a line of it draws in code, and that moves leave nothing behind."""

import asyncio
import gc
import html
import re
import tracemalloc
import weakref
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances
from matplotlib.figure import Figure

from lib.book import interact
from lib.book.show import Page, png

pytestmark = pytest.mark.usefixtures("no_open_figures")
CONTROLS: dict[str, Any] = {
    "height": (0, 9, 1),
    "colour": ["red", "it's <b>"],
    "x": (0.0, 1.0, 0.1),
}
START: dict[str, Any] = {"height": 3, "colour": "red", "x": 0.5}
ALT = "a bar of {height}, {colour}, at {x:.1f}"


def bar(height: int, colour: str, x: float) -> Figure:
    """Draw a bar and say how high it is; there is none of nine."""
    if height == 9:
        raise ValueError("nine is <i>too high</i>")
    figure, axes = plt.subplots(figsize=(2, 2))
    axes.bar([x], [height], color="red" if colour == "red" else "black")
    figure.set_label(f"{100 * height} cm")
    return figure


class Panel:
    """What a reader can see and touch."""

    def __init__(self, controls: dict[str, Any] | None = None, draw: Any = bar) -> None:
        self.box = interact.panel(draw, controls or CONTROLS, START, ALT)
        self.height, self.colour, self.x, self.reset, self.picture, self.line = self.box.children

    @property
    def words(self) -> str:
        return html.unescape(re.sub(r"^<div[^>]*>|<br>.*", "", self.line.value))

    @property
    def code(self) -> str:
        return html.unescape(re.sub(r"<[^>]*>", "", self.line.value.partition("<br>")[2]))


# --- words


def test_the_words_are_the_alt_text_and_what_the_figure_says() -> None:
    panel = Panel()
    assert panel.words == "a bar of 3, red, at 0.5: 300 cm" == panel.picture.tooltip
    panel.height.value = 7
    assert panel.words == "a bar of 7, red, at 0.5: 700 cm" == panel.picture.tooltip


def test_a_strip_says_in_its_alt_text_what_the_panel_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOK_HEADLESS", "1")
    page = Page("10_tiny", "smoke", "drawn", "open", tmp_path)
    strip = [{}, {"height": 5}]
    words = {"alt": ALT, "caption": "A bar."}
    interact.explore(page, "bar", bar, CONTROLS, start=START, strip=strip, moving="height", **words)
    described = (tmp_path / "smoke" / "bar_2.json").read_text()
    assert '"alt": "a bar of 5, red, at 0.5: 500 cm"' in described
    assert sorted(path.stem for path in (tmp_path / "smoke").glob("*.png")) == ["bar_1", "bar_2"]


@pytest.mark.parametrize("colour", CONTROLS["colour"])
def test_the_line_of_code_draws_the_picture(colour: str) -> None:
    panel = Panel()
    panel.height.value, panel.colour.value, panel.x.value = 4, colour, 0.3
    assert panel.code.startswith("bar(") and repr(colour) in panel.code
    figure = eval(panel.code.removesuffix(";"), {"bar": bar})
    assert png(figure, level=1) == panel.picture.value


# --- errors


def test_an_error_stands_where_the_picture_was_until_the_next_good_move() -> None:
    panel = Panel()
    before = panel.picture.value
    panel.height.value = 9
    assert panel.words == "<b>ValueError: nine is <i>too high</i></b>"
    assert "<i>" not in panel.line.value  # said, not run
    assert panel.picture.layout.display == "none"
    assert panel.code == "bar(height=9, colour='red', x=0.5);"
    panel.height.value = 3
    assert panel.picture.layout.display is None and panel.picture.value == before
    assert "ValueError" not in panel.words


# --- moves


@pytest.fixture
def counted() -> tuple[list[dict[str, Any]], Any]:
    """Give the settings that were drawn, and what draws them."""
    drawn: list[dict[str, Any]] = []

    def draw(**setting: Any) -> Figure:
        drawn.append(setting)
        return bar(**setting)

    return drawn, draw


def test_going_back_draws_nothing_anew_but_what_has_changed(counted: Any) -> None:
    drawn, draw = counted
    panel = Panel(draw=draw)
    first = panel.picture.value
    panel.height.value, panel.colour.value, panel.x.value = 5, CONTROLS["colour"][1], 0.9
    assert len(drawn) == 4 and panel.picture.value != first
    panel.reset.click()
    assert len(drawn) == 4 and panel.picture.value == first
    panel.box.redraw()
    assert len(drawn) == 5 and drawn[-1] == START


def test_a_cell_that_was_run_may_have_changed_what_is_drawn(
    counted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, draw = counted
    panel = Panel(draw=draw)
    panel.height.value = 5
    monkeypatch.setattr(interact, "_cells_run", lambda: 1)
    panel.height.value = 3
    assert [each["height"] for each in drawn] == [3, 5, 3]


def test_neighbours_are_drawn_while_a_reader_looks_until_the_next_move(
    counted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, draw = counted
    monkeypatch.setattr(interact, "REST", 4 * interact.LOOK)
    place = {"height": 8, "colour": "red", "x": 0.6}

    async def look() -> None:
        panel = Panel(draw=draw)
        panel.height.value = 8
        await asyncio.sleep(0.5 * interact.LOOK)
        panel.x.value = 0.6
        assert len(drawn) == 3
        await asyncio.sleep(3 * interact.LOOK)
        assert drawn[3:] == [{**place, "x": 0.7}]  # of what moved last first, and one at a time
        await asyncio.sleep(14 * interact.LOOK)
        others = [{"x": 0.5}, {"height": 9}, {"height": 7}, {"colour": CONTROLS["colour"][1]}]
        assert drawn[4:] == [{**place, **each} for each in others if each != {"x": 0.5}]
        assert "too high" not in panel.words  # nine, of which there is none, was not asked for
        panel.x.value = 0.7
        panel.x.value, panel.colour.value = 0.6, CONTROLS["colour"][1]
        assert len(drawn) == 7

    asyncio.run(look())


def test_hundreds_of_moves_leave_neither_figures_nor_widgets_nor_bytes() -> None:
    made: weakref.WeakSet[Figure] = weakref.WeakSet()

    def noise(x: int) -> Figure:
        if x % 10 == 8:
            plt.figure()
            raise ValueError("half-way")
        figure = plt.figure(figsize=(2, 2), layout="none")
        figure.figimage(np.random.default_rng(x).random((100, 100, 3)))
        made.add(figure)
        return figure

    slider, *_, picture, _ = interact.panel(noise, {"x": (0, 999, 1)}, {"x": 0}, "{x}").children

    def moves(count: int) -> tuple[int, int, int, int]:
        for _ in range(count):
            slider.value += 1
        gc.collect()
        return (
            tracemalloc.get_traced_memory()[0],
            len(_instances),
            len(made),
            len(plt.get_fignums()),
        )

    tracemalloc.start()
    try:
        first, *before = moves(2 * interact.KEPT)
        last, *after = moves(300)
    finally:
        tracemalloc.stop()
    assert after == before and after[1:] == [0, 0]
    assert last - first < 10 * len(picture.value)  # 300 pictures later, less than ten of them
