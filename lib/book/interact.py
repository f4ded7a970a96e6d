"""Widgets with something to say when nobody can move them.

A page to explore is one pure function `draw(**settings) -> Figure`. With a live kernel its
settings become linked controls; run by papermill or read as a file, a strip of settings is drawn.
"""

import html
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
from IPython.display import display
from matplotlib.figure import Figure

from lib.book.show import Page, png

Draw = Callable[..., Figure]


def explore(
    page: Page,
    name: str,
    draw: Draw,
    controls: Mapping[str, Any],
    *,
    start: Mapping[str, Any],
    strip: Sequence[Mapping[str, Any]],
    alt: str,
    caption: str,
) -> None:
    """Show controls that redraw a picture or, where no one can move them, a strip of pictures.

    Args:
        page: the chapter's page.
        name: of the strip's files in figures/.
        draw: returns the picture for one setting of all controls.
        controls: as in `ipywidgets.interact`: (low, high, step) or a list of choices, per setting.
        start: the first setting.
        strip: the settings of the strip, changes to `start`.
        alt: the alt text, with a place for each setting, as in "digit at epsilon {epsilon}".
        caption: what to see.
    """
    if os.environ.get("BOOK_HEADLESS"):
        for number, changes in enumerate(strip, start=1):
            setting = {**start, **changes}
            text = alt.format(**setting)
            page.figure(
                draw(**setting), f"{name}_{number}", alt=text, caption=f"{caption} Here: {text}."
            )
    else:
        display(panel(draw, controls, start, alt))


def panel(
    draw: Draw, controls: Mapping[str, Any], start: Mapping[str, Any], alt: str
) -> widgets.VBox:
    """Return the controls over their picture and, in words, what it shows or what went wrong.

    The picture is replaced, never appended, so hundreds of moves need no more memory than one.
    """
    made = {name: _control(name, controls[name], start[name]) for name in controls}
    picture = widgets.Image(format="png")
    line = widgets.HTML()
    reset = widgets.Button(description="Reset", tooltip="Back to the first setting")

    def redraw(_: object = None) -> None:
        setting = {name: control.value for name, control in made.items()}
        call = ", ".join(f"{name}={value!r}" for name, value in setting.items())
        before = set(plt.get_fignums())
        try:
            drawn = png(draw(**setting))
        except Exception as error:  # a reader moves on; the message stands where the picture was
            said = html.escape(f"{type(error).__name__}: {error}")
            line.value = f"<b>{said}</b><br><code>draw({html.escape(call)})</code>"
            return
        finally:  # half a figure too, where drawing broke off
            for number in set(plt.get_fignums()) - before:
                plt.close(number)
        picture.value = drawn
        shown = html.escape(alt.format(**setting))  # in words too: an image widget has no alt text
        line.value = f"{shown}<br><code>draw({html.escape(call)})</code>"

    def back(_: object) -> None:
        for name, control in made.items():
            control.value = start[name]

    for control in made.values():
        control.observe(redraw, names="value")
    reset.on_click(back)
    redraw()
    return widgets.VBox([*made.values(), reset, picture, line])


def _control(name: str, abbreviation: Any, value: Any) -> widgets.ValueWidget:
    """Return the widget that ipywidgets' own abbreviation stands for, set to `value`."""
    control = widgets.interactive.widget_from_abbrev(abbreviation, default=value)
    control.value = value
    control.description = name.replace("_", " ")
    control.style = {"description_width": "9em"}
    control.layout.width = "34em"
    if hasattr(control, "continuous_update"):
        control.continuous_update = False  # one answer per move, none while dragging
    return control
