"""Fig. 1 of the paper, with what a trained generator really makes of a picture at every step."""

from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Polygon, Rectangle
from torch import Tensor

from lib.book.show import INK, PAGE_WIDTH, PALE, PALETTE, arrow
from lib.faces import augment
from lib.faces.de_gan import Generator
from lib.faces.figures.grids import DPI, FONT, enlarged

HEIGHT = 3.14  # inches; all places below are in inches from the lower left corner
LINE = 1.74  # height at which the way from x to the synthesised picture runs
FACE, STRIP, NARROW = 1.12, (1.15, 0.16), 0.5
STRIPS = {"code": (3.08, LINE), "identity": (3.08, LINE + 0.52), "noise": (3.08, LINE + 1.04)}
ENCODER, DECODER = (1.36, 2.2), (4.28, 5.12)  # from left to right
MAPS = (1.42, 0.6)  # the middle of the first map
TASK, TASK_SIZE = (4.75, 0.36), (2.1, 0.5)  # the second stage
LINES = 1.1  # points, width of an arrow
RESIDUE, CODE, GIVEN = PALETTE[3], PALETTE[1], PALETTE[0]  # red and orange as in Fig. 3


@dataclass(frozen=True, eq=False)
class Transfer:
    """One way through G: x, its maps and f(x), the code I, the noise z and what G makes of them.

    `source` and `made` are (side, side, 3) uint8; `maps` four arrays (channels, h, w); `code`
    (350,), `identity` (N,) one-hot and `noise` (50,).
    """

    source: np.ndarray
    maps: list[np.ndarray]
    code: np.ndarray
    identity: np.ndarray
    noise: np.ndarray
    made: np.ndarray


def transfer(network: Generator, picture: np.ndarray, person: int, noise: Tensor) -> Transfer:
    """Return the way from a picture (source, source, 3) uint8 to its expression on a person."""
    image = augment.centre(picture[None])
    identity = torch.zeros(1, network.config.identities)
    identity[0, person] = 1
    with torch.no_grad():
        maps, code = network.encoder.maps(image), network.encoder(image)
        made = network.decoder(code, identity, noise[None])
    return Transfer(
        source=augment.pixels(image)[0],
        maps=[each[0].numpy() for each in maps],
        code=code[0].numpy(),
        identity=identity[0].numpy(),
        noise=noise.numpy(),
        made=augment.pixels(made)[0],
    )


def figure1(shown: Transfer, real: np.ndarray, source: str, target: str) -> Figure:
    """Draw Fig. 1: in go x, I and z, out come the residue, f(x) and a synthesised face.

    `real` is a picture of the wanted person, (source, source, 3) uint8, to compare; `source` and
    `target` say in words what x shows and who is wanted.
    """
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, HEIGHT), layout="none")
    figure.subplots_adjust(0, 0, 1, 1)
    axes.axis("off")
    face(axes, shown.source, 0.62, LINE, FACE, above="image $x$", below=source)
    _network(axes, ENCODER, "$G_{en}$", "encoder")
    arrow(axes, (1.19, LINE), (1.35, LINE), lw=LINES)
    arrow(axes, (2.21, LINE), (2.49, LINE), lw=LINES)
    _strips(axes, shown)
    _network(axes, DECODER[::-1], "$G_{de}$", "decoder")
    for x, y in STRIPS.values():
        arrow(axes, (x + STRIP[0] / 2 + 0.02, y), (4.27, LINE - 0.25 * (LINE - y)), lw=LINES)
    arrow(axes, (5.13, LINE), (5.29, LINE), lw=LINES)
    face(axes, shown.made, 5.86, LINE, FACE, above=r"synthesised $\bar{x}$", below=target)
    real = augment.pixels(augment.centre(real[None]))[0]
    face(axes, real, 7.07, LINE, 0.8, above=f"{target}, neutral", below="for comparison")
    _recognition(axes, shown)
    axes.set(xlim=(0, PAGE_WIDTH), ylim=(0, HEIGHT), aspect="equal")
    return figure


def face(
    axes: Axes, image: np.ndarray, x: float, y: float, side: float, *, above: str, below: str
) -> None:
    """Draw a picture (h, w, 3) around a place, with words above and below."""
    extent = (x - side / 2, x + side / 2, y - side / 2, y + side / 2)
    large = enlarged(image, round(side * DPI))
    axes.imshow(large, extent=extent, interpolation="nearest", aspect="auto")
    axes.text(x, extent[3] + 0.06, above, ha="center", va="bottom", fontsize=FONT)
    axes.text(x, extent[2] - 0.06, below, ha="center", va="top", fontsize=FONT)


def _network(axes: Axes, ends: tuple[float, float], symbol: str, name: str) -> None:
    """Draw a network as a funnel from its wide end to its narrow one."""
    wide, narrow = ends
    corners = [(wide, -FACE / 2), (wide, FACE / 2), (narrow, NARROW / 2), (narrow, -NARROW / 2)]
    places = [(x, LINE + y) for x, y in corners]
    axes.add_patch(Polygon(places, facecolor=PALE + "50", edgecolor=INK, lw=1.0))
    words: dict[str, Any] = {"ha": "center", "va": "center"}
    axes.text((wide + narrow) / 2, LINE + 0.11, symbol, fontsize=12, **words)
    axes.text((wide + narrow) / 2, LINE - 0.11, name, fontsize=FONT, **words)


def _strips(axes: Axes, shown: Transfer) -> None:
    """Draw f(x), I and z, each number as a small field."""
    names = {
        "code": f"$f(x)$: {len(shown.code)} numbers",
        "identity": f"identity $I$: one of {len(shown.identity)}",
        "noise": f"noise $z$: {len(shown.noise)} numbers",
    }
    for name, (x, y) in STRIPS.items():
        values, (width, height) = getattr(shown, name), STRIP
        left, bottom = x - width / 2, y - height / 2
        axes.text(x, y + height / 2 + 0.04, names[name], ha="center", va="bottom", fontsize=FONT)
        frame = {"facecolor": "none", "edgecolor": CODE if name == "code" else GIVEN, "lw": 1.4}
        if name == "identity":  # one field of a hundred would be too thin to be seen
            lit = left + 0.04 + (width - 0.08) * values.argmax() / (len(values) - 1)
            axes.add_patch(Rectangle((lit - 0.02, bottom), 0.04, height, facecolor=INK))
        else:
            extent = (left, left + width, bottom, bottom + height)
            limit = np.quantile(np.abs(values), 0.95)
            tints = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
            axes.imshow(values[None], extent=extent, aspect="auto", **tints)
        axes.add_patch(Rectangle((left, bottom), width, height, **frame))


def _recognition(axes: Axes, shown: Transfer) -> None:
    """Draw the second stage: residue and f(x) go to the recognition of expressions."""
    (x, y), slope = MAPS, (FACE - NARROW) / 2 / (ENCODER[1] - ENCODER[0])
    for place, maps in enumerate(shown.maps):
        side, start = 0.5 - 0.07 * place, ENCODER[0] + 0.1 + 0.2 * place
        extent = (x - side / 2, x + side / 2, y - side / 2, y + side / 2)
        axes.imshow(maps.mean(axis=0), extent=extent, cmap="gray", aspect="auto")
        top = LINE - FACE / 2 + slope * (start - ENCODER[0])
        arrow(axes, (start, top), (x, extent[3] + 0.03), color=RESIDUE, lw=LINES)
        x += 0.54 - 0.06 * place
    corner, size = (MAPS[0] - 0.28, y - 0.28), (x - 0.14 - MAPS[0] + 0.28, 0.56)  # around all four
    axes.add_patch(Rectangle(corner, *size, facecolor="none", edgecolor=RESIDUE, lw=LINES))
    words: dict[str, Any] = {"ha": "center", "va": "top", "fontsize": FONT, "color": RESIDUE}
    axes.text(2.05, y - 0.33, "residue: what the encoder's layers hold", **words)
    left, top = TASK[0] - TASK_SIZE[0] / 2, TASK[1] + TASK_SIZE[1] / 2
    corner, style = (left, TASK[1] - TASK_SIZE[1] / 2), "round,pad=0,rounding_size=0.05"
    look: dict[str, Any] = {"boxstyle": style, "facecolor": INK + "25", "edgecolor": INK}
    axes.add_patch(FancyBboxPatch(corner, *TASK_SIZE, **look))
    task = "recognition of expressions\n(second stage)"
    axes.text(*TASK, task, ha="center", va="center", fontsize=FONT)
    arrow(axes, (x - 0.13, y), (left - 0.02, TASK[1] + 0.05), color=RESIDUE, lw=LINES)
    code = STRIPS["code"][0] + 0.3, LINE - STRIP[1] / 2
    arrow(axes, code, (left + 0.6, top), color=CODE, lw=LINES)
