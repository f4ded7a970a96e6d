"""Widgets with something to say when nobody can move them.

A page to explore is one pure function `draw(**settings) -> Figure`. With a live kernel its
settings become linked controls; run by papermill or read as a file, a strip of settings is drawn.
For pages without a kernel, frames are made: one picture for each value of the main control.
What a picture says in numbers is its label (`figure.set_label`): it ends the alt text, so that a
reader who sees no picture is told the same.
"""

import asyncio
import gc
import html
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
from IPython import get_ipython
from IPython.display import display
from matplotlib.figure import Figure
from traitlets import Unicode

from lib.book.files import write_atomically
from lib.book.show import Page, png
from lib.book.told import told

MOST_FRAMES = 26  # 0 to 0.5 in steps of 0.02; more would only make the site larger
KEPT = 64  # pictures of a panel, so that a move back is answered at once
LOOK = 0.15  # seconds that a reader looks at a picture before another one is drawn ahead
REST = 1.5  # seconds of rest before pictures of other controls are, which are asked for less often

Draw = Callable[..., Figure]


def explore(
    page: Page,
    name: str,
    draw: Draw,
    controls: Mapping[str, Any],
    *,
    start: Mapping[str, Any],
    strip: Sequence[Mapping[str, Any]],
    moving: str,
    alt: str,
    caption: str,
) -> None:
    """Show controls that redraw a picture or, where no one can move them, a strip of pictures.

    Args:
        name: of the strip's files in figures/.
        draw: returns the picture for one setting of all controls; the chapter knows it by its name.
        controls: as in `ipywidgets.interact`: (low, high, step) or a list of choices, per setting;
            or a control that is shown elsewhere too, so that both move together.
        start: the first setting, to which those of the `strip` are changes.
        moving: the main control, which moves in the frames.
        alt: the alt text, with a place for each setting, as in "digit at epsilon {epsilon}".
    """
    if folder := told().frames:
        origin = f"{page.origin}."
        frames(Path(folder) / name, draw, controls[moving], moving, start, alt, origin)
    elif os.environ.get("BOOK_HEADLESS"):
        for number, changes in enumerate(strip, start=1):
            setting = {**start, **changes}
            figure, here = draw(**setting), alt.format(**setting)
            text = words(figure, here)
            page.figure(
                figure,
                f"{name}_{number}",
                alt=text,
                caption=f"{caption} Here: {text}.",
                networks=computing(page, setting),
            )
    else:
        page.warn(networks=page.networks)
        display(panel(draw, controls, start, alt))
        gc.unfreeze()
        gc.collect()
        gc.freeze()  # what is there stays; Python need not look it all through every few pictures


def computing(page: Page, setting: Mapping[str, Any]) -> list[str]:
    """Return which networks of a page a setting computes with: those that it names, or all."""
    return [value for value in setting.values() if value in page.networks] or list(page.networks)


def frames(
    folder: Path,
    draw: Draw,
    control: tuple[Any, ...] | list[Any],
    moving: str,
    start: Mapping[str, Any],
    alt: str,
    origin: str,
) -> None:
    """Write a picture for each value of the control `moving`, and frames.json, into `folder`.

    The other controls stay at their start. Of more than MOST_FRAMES values every second, third, ...
    is drawn, the start among them.
    """
    told = []
    for number, value in enumerate(_values(control, start[moving])):
        drawn, shown = _drawn(draw, {**start, moving: value}, alt)
        write_atomically(folder / f"{number:02}.png", drawn)
        told.append({"value": str(value), "alt": shown, "start": value == start[moving]})
    content = {"control": moving.replace("_", " "), "origin": origin, "frames": told}
    write_atomically(folder / "frames.json", json.dumps(content, indent=1, ensure_ascii=False))


def _values(control: tuple[Any, ...] | list[Any], start: Any) -> list[Any]:
    """Return the values of a control, (low, high, step) or choices, thinned around `start`."""
    values = control
    if isinstance(control, tuple):
        low, high, step = control
        values = [round(low + k * step, 10) for k in range(round((high - low) / step) + 1)]
    every = math.ceil(len(values) / MOST_FRAMES)
    return list(values[values.index(start) % every :: every])


def words(figure: Figure, alt: str) -> str:
    """Return the alt text of a picture: its setting, and what it says in numbers."""
    return f"{alt}: {figure.get_label()}" if figure.get_label() else alt


class Picture(widgets.Image):
    """A picture whose tooltip tells a screen reader what it shows; there is no other alt text.

    ipywidgets shows tooltips of what has a description only, if an empty one.
    """

    description = Unicode().tag(sync=True)


class Panel(widgets.VBox):
    """Controls over their picture; `redraw` draws it again, after what it shows has changed."""

    redraw: Callable[[], None]


def panel(draw: Draw, controls: Mapping[str, Any], start: Mapping[str, Any], alt: str) -> Panel:
    """Return the controls over their picture and, in words, what it shows or what went wrong.

    The picture is replaced, never appended, so hundreds of moves need no more memory than KEPT.
    """
    made = {name: _control(name, controls[name], start[name]) for name in controls}
    picture = Picture(format="png", layout={"align_self": "flex-start"})  # as large as it is
    line = widgets.HTML()
    reset = widgets.Button(description="Reset", tooltip="Back to the first setting")
    looking: list[asyncio.Task[None]] = []  # asyncio itself keeps no hold of a task

    @lru_cache(maxsize=KEPT)
    def drawn(cells: int, *values: Any) -> tuple[bytes, str]:  # a cell may change what is drawn
        return _drawn(draw, dict(zip(made, values, strict=True)), alt, level=1)

    def chosen() -> dict[str, Any]:
        return {name: _exact(control.value) for name, control in made.items()}

    def show() -> None:
        setting = chosen()
        try:
            image, shown = drawn(_cells_run(), *setting.values())
        except Exception as error:  # a reader moves on; the message stands where the picture was
            said = html.escape(f"{type(error).__name__}: {error}")
            picture.layout.display = "none"
            line.value = _below(f"<b>{said}</b>", draw, setting)
            return
        with picture.hold_sync():  # one message; the browser decodes the picture once
            picture.value, picture.tooltip = image, shown
        picture.layout.display = None
        line.value = _below(html.escape(shown), draw, setting)

    async def ahead(first: object) -> None:
        """Draw what a step of any control leads to, `first` of the one that moved last."""
        for name, control in sorted(made.items(), key=lambda item: item[1] is not first):
            await asyncio.sleep(LOOK if control is first else REST)
            for value in _beside(control):
                before = drawn.cache_info().misses
                with suppress(Exception):  # what is wrong is said when somebody asks for it
                    drawn(_cells_run(), *{**chosen(), name: value}.values())
                if drawn.cache_info().misses > before:
                    await asyncio.sleep(LOOK)  # a move in between is answered at once

    def look(first: object = None) -> None:
        with suppress(RuntimeError):  # without a kernel no loop runs, and nobody looks
            loop = asyncio.get_running_loop()
            for task in looking:
                task.cancel()
            looking[:] = [loop.create_task(ahead(first))]

    def moved(change: Any) -> None:
        show()
        look(change.owner)

    def back(_: object) -> None:
        for control in made.values():  # one picture for all of them
            control.unobserve(moved, names="value")
        for name, control in made.items():
            control.value = start[name]
            control.observe(moved, names="value")
        show()
        look()

    def redraw() -> None:
        drawn.cache_clear()
        show()

    for control in made.values():
        control.observe(moved, names="value")
    reset.on_click(back)
    show()
    found = Panel([*made.values(), reset, picture, line])
    found.redraw = redraw
    return found


def _cells_run() -> int:
    """Return how many cells have been run."""
    shell = get_ipython()
    return shell.execution_count if shell else 0


def _exact(value: Any) -> Any:
    """Return a number without the last digits of floating point."""
    return round(value, 10) if isinstance(value, float) else value


def _beside(control: Any) -> list[Any]:
    """Return the values one step up and down from where a slider or a list stands."""
    if isinstance(control, widgets.Dropdown):
        places = (control.index + 1, control.index - 1)
        return [control.options[place] for place in places if 0 <= place < len(control.options)]
    values = (_exact(control.value + step) for step in (control.step, -control.step))
    return [value for value in values if control.min <= value <= control.max]


def show_in(place: widgets.VBox, make: Callable[[], Panel]) -> None:
    """Draw the panel in a place again, or make it where there is none yet."""
    if place.children:
        place.children[0].redraw()
    else:
        place.children = (make(),)


def upload(
    description: str, take: Callable[[bytes, str], None], accept: str = "image/*"
) -> tuple[widgets.FileUpload, widgets.HTML]:
    """Return a button for a file of the reader's, and a line for what is wrong with it.

    The file itself is not kept, and may be chosen again.

    Args:
        description: of the button.
        take: gets the bytes of the file and its name; raises ValueError where it is of no use.
        accept: which files the browser offers.
    """
    button = widgets.FileUpload(accept=accept, multiple=False, description=description)
    line = widgets.HTML()

    def chosen(_: object) -> None:
        if button.value:
            file = button.value[0]
            button.value = ()
            attempt(line, lambda: take(bytes(file["content"]), file["name"]))

    button.observe(chosen, names="value")
    return button, line


def attempt(line: widgets.HTML, act: Callable[[], None]) -> None:
    """Do something with what a reader brought; a line says what is wrong with it, or nothing."""
    try:
        act()
    except ValueError as error:
        line.value = f"<b>{html.escape(str(error))}</b>"
    else:
        line.value = ""


def _drawn(draw: Draw, setting: Mapping[str, Any], alt: str, level: int = 6) -> tuple[bytes, str]:
    """Return the picture of a setting as PNG and in words, and leave no figure open."""
    before = set(plt.get_fignums())
    try:
        figure = draw(**setting)
        return png(figure, level), words(figure, alt.format(**setting))
    finally:  # half a figure too, where drawing broke off
        for number in set(plt.get_fignums()) - before:
            plt.close(number)


def _below(said: str, draw: Draw, setting: Mapping[str, Any]) -> str:
    """Return what stands below a picture: words, and a line of code that draws it in a cell."""
    call = ", ".join(f"{name}={value!r}" for name, value in setting.items())
    line = html.escape(f"{draw.__name__}({call});")  # or a cell would show the figure twice
    code = f'<code style="user-select: all">{line}</code>'  # a click selects all of it
    return f'<div style="line-height: 1.5">{said}<br>{code}</div>'


def _control(name: str, abbreviation: Any, value: Any) -> widgets.ValueWidget:
    """Return the widget that ipywidgets' own abbreviation stands for, set to `value`."""
    control = widgets.interactive.widget_from_abbrev(abbreviation, default=value)
    control.value = value
    control.description = control.tooltip = name.replace("_", " ")
    control.style.description_width = "9em"
    control.layout.width = "34em"
    return control
