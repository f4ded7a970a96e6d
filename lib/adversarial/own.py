"""A reader's own digit: from a file or the mouse, brought to the form of MNIST, and never written.

MNIST's digits are white on black, fit into 20 x 20 pixels, and lie in 28 x 28 with their centre of
mass in the middle (LeCun et al., yann.lecun.com/exdb/mnist).
"""

import base64
import io
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import numpy as np
import torch
import traitlets
from IPython.display import Markdown, display
from matplotlib.figure import Figure
from PIL import Image
from scipy import ndimage
from torch import Tensor

from lib.adversarial.data import IMAGE_SIZE
from lib.book import images, interact
from lib.book.show import Page

BOX = 20  # pixels, of the longer side of a digit
CENTRE = IMAGE_SIZE // 2  # where its centre of mass lies
FAINT = 0.15  # difference from the ground, of all there can be, below which nothing is drawn
PAPER = 0.3  # of the strongest ink; what is fainter is paper or its shadow
MOST_INK = 0.6  # of the picture; where more differs from the border, the border is no ground
SPECK = 0.05  # of the ink; smaller pieces are dirt
Draw = Callable[..., Figure]  # of an image (1, 1, 28, 28), and the settings of the controls

CANVAS = """
export default { render({ model, el }) {
  const square = document.createElement("canvas"), side = 196;
  square.width = square.height = side;
  square.setAttribute("role", "img");
  square.setAttribute("aria-label", "A square to draw a digit on, with mouse, pen or finger");
  square.style = "touch-action: none; cursor: crosshair; border: 1px solid #888";
  const pen = square.getContext("2d");
  const clear = () => { pen.fillStyle = "black"; pen.fillRect(0, 0, side, side); };
  pen.strokeStyle = "white"; pen.lineWidth = 15; pen.lineCap = pen.lineJoin = "round";
  clear();
  let down = false;
  square.addEventListener("pointerdown", (event) => {
    down = true; square.setPointerCapture(event.pointerId);
    pen.beginPath(); pen.moveTo(event.offsetX, event.offsetY);
    pen.lineTo(event.offsetX, event.offsetY); pen.stroke();
  });
  square.addEventListener("pointermove", (event) => {
    if (down) { pen.lineTo(event.offsetX, event.offsetY); pen.stroke(); }
  });
  square.addEventListener("pointerup", () => {
    down = false; model.set("drawn", square.toDataURL("image/png")); model.save_changes();
  });
  model.on("change:drawn", () => { if (!model.get("drawn")) clear(); });
  el.appendChild(square);
} };
"""


def digit(source: str | Path | bytes, name: str = "the picture") -> Tensor:
    """Return a digit in the form of MNIST, (1, 1, 28, 28) float32 from 0 to 1.

    Polarity, size, colour and place do not matter: the ground is what the border shows.

    Args:
        source: an image file, or its bytes.
        name: what to call bytes in a complaint.

    Raises:
        ValueError: it is no image, nothing is drawn in it, or its ground is uneven.
    """
    if isinstance(source, bytes):
        picture = images.decode(source, name)
    else:
        picture = images.read_image(source)
    return torch.from_numpy(in_form(_ink(picture))).float()[None, None]


def _ink(picture: np.ndarray) -> np.ndarray:
    """Return how much ink there is, (height, width) from 0 to 1, of a picture (.., .., 3) uint8."""
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    ink = np.abs(picture - np.median(border, axis=0)).max(axis=2) / 255  # red on green is ink, too
    if ink.max() < FAINT:
        raise ValueError("nothing is drawn in this picture; draw a digit in dark on light, or back")
    ink /= ink.max()
    ink[ink < PAPER] = 0
    if (ink > 0).mean() > MOST_INK:
        raise ValueError("digit and ground are hard to tell apart; cut the picture closer to it")
    pieces, count = ndimage.label(ink > 0, structure=np.ones((3, 3)))
    sizes = ndimage.sum_labels(ink, pieces, np.arange(count + 1))
    return np.where(sizes[pieces] < SPECK * ink.sum(), 0, ink)


def in_form(ink: np.ndarray) -> np.ndarray:
    """Return ink (height, width) cut, scaled and centred as MNIST's digits are, (28, 28)."""
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, round(BOX * side / max(cut.shape))) for side in cut.shape)
    small = Image.fromarray(cut.astype(np.float32)).resize((width, height), Image.Resampling.BOX)
    values = np.asarray(small).clip(0, 1)
    placed = np.zeros((3 * IMAGE_SIZE, 3 * IMAGE_SIZE))
    top, left = (IMAGE_SIZE + CENTRE - round(middle) for middle in ndimage.center_of_mass(values))
    placed[top : top + height, left : left + width] = values
    return placed[IMAGE_SIZE : 2 * IMAGE_SIZE, IMAGE_SIZE : 2 * IMAGE_SIZE]


class Square(anywidget.AnyWidget):
    """A square to draw on; `drawn` is its picture as a data URL, after each stroke."""

    _esm = CANVAS
    drawn = traitlets.Unicode().tag(sync=True)

    def picture(self) -> bytes:
        """Return the bytes of the picture, a PNG."""
        return base64.b64decode(self.drawn.partition(",")[2])


def printed(image: Tensor) -> bytes:
    """Return the PNG of a digit (1, 1, 28, 28) printed ten times as large, black on white."""
    paper = 255 - (255 * image[0, 0].numpy()).round().astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(paper.repeat(10, 0).repeat(10, 1)).save(file, "png")
    return file.getvalue()


def own_digit(
    page: Page,
    name: str,
    draw: Draw,
    controls: Mapping[str, Any],
    start: Mapping[str, Any],
    example: Tensor,
) -> Draw:
    """Let a reader draw or choose a digit; where no one can, a printed one takes its place.

    Args:
        page, name, controls, start: see `interact.explore`.
        draw: draws an image and a setting of the controls.
        example: (1, 1, 28, 28), printed and read again where no one can draw.

    Returns:
        `attack_drawn(**setting)`, which draws what the panel shows.
    """
    kept: list[Tensor] = []

    def attack_drawn(**setting: Any) -> Figure:
        if not kept:
            raise ValueError("no digit yet; draw one in the square of this chapter")
        return draw(kept[0], **setting)

    alt = "your digit, " + ", ".join(f"{key.replace('_', ' ')} {{{key}}}" for key in start)
    if not os.environ.get("BOOK_HEADLESS"):
        display(drawing_board(kept, attack_drawn, controls, start, alt))
        return attack_drawn
    display(Markdown("*With a running kernel, you can draw a digit here, or choose a picture.*"))
    kept[:] = [digit(printed(example))]
    figure = attack_drawn(**start)
    page.figure(
        figure,
        name,
        alt=interact.words(figure, alt.format(**start).replace("your", "a printed")),
        caption="A test digit printed black on white and ten times as large, read as your own "
        "picture would be, then attacked.",
        networks=interact.computing(page, start),
    )
    return attack_drawn


def drawing_board(
    kept: list[Tensor],
    draw: interact.Draw,
    controls: Mapping[str, Any],
    start: Mapping[str, Any],
    alt: str,
) -> widgets.VBox:
    """Return a square to draw on, a button for a file, and below them what becomes of the digit.

    The digit drawn or chosen last is the one element of `kept`; `draw` draws it.
    """
    square, clear, place = Square(), widgets.Button(description="Clear"), widgets.VBox()

    def take(content: bytes, name: str = "the drawing") -> None:
        kept[:] = [digit(content, name)]
        interact.show_in(place, partial(interact.panel, draw, controls, start, alt))

    button, line = interact.upload("Picture", take)

    def stroke(_: object) -> None:
        if square.drawn:
            interact.attempt(line, lambda: take(square.picture()))

    def cleared(_: object) -> None:
        square.drawn = ""

    square.observe(stroke, names="drawn")
    clear.on_click(cleared)
    return widgets.VBox([square, widgets.HBox([clear, button]), line, place])
