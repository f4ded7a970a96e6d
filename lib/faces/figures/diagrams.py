"""Pictures of the networks (Figs. 2 and 3), with shapes read off the modules as they are."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from lib.book.show import INK, PAGE_WIDTH, PALE, PALETTE, arrow
from lib.faces.de_gan import (
    FEATURES,
    MIRROR,
    NOISE,
    Decoder,
    Discriminator,
    Generator,
    ModelConfig,
    Trunk,
)
from lib.faces.recognition import WEIGHTS, Recogniser

COLOURS = {"encoder": PALETTE[0], "decoder": PALETTE[2], "discriminator": PALETTE[1]}
TITLES = {
    "encoder": r"$G_{en}$, encoder",
    "decoder": r"$G_{de}$, decoder",
    "discriminator": r"$D$, discriminator",
}
TALLEST, WIDEST = 1.5, 0.3  # inches of the largest maps' side, and of the most channels
PITCH = 0.49  # inches from one block to the next
HEIGHT, SECOND = 4.7, 4.0  # inches, of Fig. 2 and Fig. 3
RESIDUE, DISENTANGLED = PALETTE[3], PALETTE[1]  # the paper's red and orange arrows
SMALL = 7.5  # points
THIN: dict[str, Any] = {"shrinkA": 1, "shrinkB": 1, "lw": 0.8}  # points, of arrows


Shape = tuple[int, ...]  # channels, and twice the side; or how many numbers


def stages(config: ModelConfig) -> dict[str, list[Shape]]:
    """Return the shapes that leave the stages of "encoder", "decoder" and "discriminator".

    They are read off the networks as they are, of which the last ends in its two heads. On the
    device "meta" shapes alone pass through: no weight is computed.
    """
    with torch.device("meta"):
        generator, discriminator = Generator(config).eval(), Discriminator(config).eval()
        images = torch.empty(1, 3, config.side, config.side)
        parts = [torch.empty(1, size) for size in (config.code, config.identities, NOISE)]
        found = {
            "encoder": _leaving(generator.encoder.stages, images),
            "decoder": _decoding(generator.decoder, torch.cat(parts, dim=1)),
            "discriminator": _leaving(discriminator.trunk.stages, images),
        }
    heads = (discriminator.expression, discriminator.identity)
    found["discriminator"] += [(head.out_features,) for head in heads]
    return found


def _leaving(layers: Iterable[nn.Module], maps: Tensor) -> list[Shape]:
    """Return the shape that leaves each layer, without the batch."""
    found = []
    for layer in layers:
        maps = layer(maps)
        found.append(tuple(maps.shape[1:]))
    return found


def _decoding(decoder: Decoder, joined: Tensor) -> list[Shape]:
    """Return what leaves the stages of the decoder, whose layers stand in one row."""
    side, layers = decoder.config.smallest, iter(decoder.layers)
    first = nn.Sequential(decoder.start, nn.Unflatten(1, (-1, side, side)), *islice(layers, 2))
    mirror = [nn.Sequential(*islice(layers, 3 * len(sizes))) for sizes in MIRROR]
    return _leaving([first, *mirror, nn.Sequential(*layers)], joined)


def de_gan(config: ModelConfig) -> Figure:
    """Draw Fig. 2: maps as blocks, as tall as their side and as wide as their channels are many."""
    found = stages(config)
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, HEIGHT), layout="none")
    figure.subplots_adjust(0, 0, 1, 1)
    axes.set(xlim=(0, PAGE_WIDTH), ylim=(0, HEIGHT))
    axes.axis("off")
    scale = _Scale(config.side, max(each[0] for part in found.values() for each in part[:-2]))
    _generator(axes, found, config, scale)
    _discriminator(axes, found["discriminator"], config, scale)
    return figure


class _Scale(NamedTuple):
    """How maps become inches."""

    side: int
    channels: int

    def size(self, shape: tuple[int, ...]) -> tuple[float, float]:
        """Return width and height of a block; the smallest maps can still be seen."""
        width = 0.05 + WIDEST * shape[0] / self.channels
        return width, TALLEST * (shape[-1] / self.side) ** 0.75


def _generator(
    axes: Axes, found: dict[str, list[Shape]], config: ModelConfig, scale: _Scale
) -> None:
    """Draw the upper row, from x over f(x), I and z to the synthesised picture."""
    y, x = 3.6, 0.3
    picture = found["decoder"][-1]
    end = _blocks(axes, x, y, [picture, *found["encoder"]], "encoder", scale)
    axes.text(x, y + TALLEST / 2 + 0.1, "$x$", ha="center", fontsize=11)
    middle = end + 0.6
    lengths = {"f(x)": config.code, "I": config.identities, "z": NOISE}
    _vectors(axes, middle, y, lengths)
    arrow(axes, (end + 0.19, y), (middle - 0.12, y + 0.25), **THIN)
    axes.text(end - 0.02, y + 0.22, "mean", ha="left", fontsize=SMALL)
    start = middle + 0.95
    arrow(axes, (middle + 0.12, y), (start - 0.17, y), **THIN)
    last = _blocks(axes, start, y, found["decoder"], "decoder", scale)
    axes.text(last, y + TALLEST / 2 + 0.1, r"$\bar{x}$", ha="center", fontsize=11)
    for name, place in (("encoder", (x + end) / 2), ("decoder", (start + last) / 2)):
        axes.text(place, y + 0.92, TITLES[name], ha="center", color=COLOURS[name], weight="bold")


def _discriminator(axes: Axes, found: list[Shape], config: ModelConfig, scale: _Scale) -> None:
    """Draw the lower row, from a picture to both heads."""
    y, x = 1.2, 1.6
    picture = (3, config.side, config.side)
    end = _blocks(axes, x, y, [picture, *found[:-2]], "discriminator", scale)
    arrow(axes, (end + 0.19, y), (end + 0.62, y), **THIN)
    axes.text(end + 0.25, y + 0.06, "mean", ha="left", fontsize=SMALL)
    title = {"ha": "center", "color": COLOURS["discriminator"], "weight": "bold"}
    axes.text((x + end) / 2 + 0.3, y + 0.92, TITLES["discriminator"], **title)
    axes.text(x, y + TALLEST / 2 + 0.1, r"$x$ or $\bar{x}$", ha="center", fontsize=11)
    (expression,), (identity,) = found[-2:]
    heads = (
        (y + 0.42, f"$D^e$: {expression - 1} expressions\nand fake"),
        (y - 0.42, f"$D^i$: {identity} identities"),
    )
    axes.text(end + 0.67, y, f"{FEATURES}", va="center", fontsize=9)
    for height, words in heads:
        arrow(axes, (end + 1.0, y), (end + 1.4, height), **THIN)
        axes.text(end + 1.45, height, words, va="center", fontsize=10)


def _blocks(
    axes: Axes,
    x: float,
    y: float,
    shapes: Sequence[Shape],
    name: str,
    scale: _Scale,
    *,
    pitch: float = PITCH,
    above: bool = False,
) -> float:
    """Draw maps in a row, channels and side below or above; return where the last one stands."""
    for place, each in enumerate(shapes):
        width, height = scale.size(each)
        middle = x + place * pitch
        colour = COLOURS[name] if each[0] > 3 else INK
        corner = (middle - width / 2, y - height / 2)
        axes.add_patch(
            Rectangle(corner, width, height, facecolor=colour + "38", edgecolor=colour, lw=1.2)
        )
        words: dict[str, Any] = {"ha": "center", "fontsize": SMALL}
        if above:
            axes.text(middle, y + height / 2 + 0.05, f"{each[0]} × {each[1]}²", **words)
        else:
            axes.text(middle, y - TALLEST / 2 - 0.06, f"{each[0]}\n{each[1]}²", va="top", **words)
        if place:
            before = scale.size(shapes[place - 1])[0] / 2
            arrow(axes, (middle - pitch + before, y), (middle - width / 2, y), **THIN)
    return middle


def _vectors(axes: Axes, x: float, y: float, lengths: dict[str, int]) -> None:
    """Draw f(x), I and z on each other, as long as they are."""
    bottom, whole = y + TALLEST / 2, sum(lengths.values())
    words: dict[str, Any] = {"ha": "left", "va": "center", "fontsize": SMALL}
    for name, colour in zip(lengths, (PALETTE[0], PALETTE[3], PALETTE[7]), strict=True):
        height = TALLEST * lengths[name] / whole
        bottom -= height
        box = {"facecolor": colour + "60", "edgecolor": colour}
        axes.add_patch(Rectangle((x - 0.08, bottom), 0.16, height, **box))
        place = max(bottom + height / 2, y - TALLEST / 2 + 0.04)
        place += 0.12 if name == "f(x)" else 0  # above the arrow
        axes.text(x + 0.13, place, f"${name}$  {lengths[name]}", **words)


def second_stage(config: ModelConfig, classes: int) -> Figure:
    """Draw Fig. 3, with shapes read off a recogniser of this form."""
    with torch.device("meta"):
        encoder = Trunk(config, config.code)
        network = Recogniser(encoder, config, classes).eval()
        maps = encoder.maps(torch.empty(1, 3, config.side, config.side))
        lengths = [part(each)[0].shape[1] for part, each in zip(network.local, maps, strict=True)]
    shapes = stages(config)["encoder"]
    scale = _Scale(config.side, max(each[0] for each in shapes))
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, SECOND), layout="none")
    figure.subplots_adjust(0, 0, 1, 1)
    axes.set(xlim=(0, PAGE_WIDTH), ylim=(0, SECOND))
    axes.axis("off")
    places = _frozen(axes, [(3, config.side, config.side), *shapes], config.code, scale)
    _local(axes, places, lengths)
    _joined(axes, places, [*lengths, config.code], classes)
    return figure


def _frozen(
    axes: Axes, shapes: Sequence[Shape], length: int, scale: _Scale
) -> list[tuple[float, float]]:
    """Draw the frozen encoder; return where the lower ends of the four maps and f(x) are."""
    x, y, pitch, code = 0.75, 2.95, 1.03, 6.7
    frame = Rectangle((1.35, 2.0), 5.65, 1.95, facecolor="none", edgecolor=PALE, linestyle="--")
    axes.add_patch(frame)
    axes.text(6.95, 3.77, "$G_{en}$, frozen", ha="right", color=COLOURS["encoder"], weight="bold")
    end = _blocks(axes, x, y, shapes, "encoder", scale, pitch=pitch, above=True)
    axes.text(x, y - TALLEST / 2 - 0.16, "$x$", ha="center", fontsize=11)
    bar = {"color": DISENTANGLED, "alpha": 0.4, "linewidth": 0}
    axes.add_patch(Rectangle((code - 0.07, y - 0.45), 0.14, 0.9, **bar))
    axes.text(code, y + 0.49, f"$f(x)$ {length}", ha="center", fontsize=SMALL)
    axes.text((end + code) / 2 + 0.05, y + 0.06, "mean", ha="center", fontsize=SMALL)
    arrow(axes, (end + 0.22, y), (code - 0.1, y), **THIN)
    heights = [scale.size(each)[1] for each in shapes]
    ends = [(x + pitch * place, y - height / 2) for place, height in enumerate(heights)]
    return [*ends[2:], (code, y - 0.45)]


def _local(axes: Axes, places: Sequence[tuple[float, float]], lengths: Sequence[int]) -> None:
    """Draw a local CNN below each map."""
    for number, ((x, end), length) in enumerate(zip(places, lengths, strict=False), 1):
        arrow(axes, (x, end - 0.03), (x, 1.87), color=RESIDUE, **THIN)
        axes.add_patch(Rectangle((x - 0.4, 1.35), 0.8, 0.5, facecolor="white", edgecolor=RESIDUE))
        words = f"local CNN {number}\n$fc_{number}$: {length}"
        axes.text(x, 1.6, words, ha="center", va="center", fontsize=SMALL)
        loss = rf"{WEIGHTS[number - 1]:g} $\mathcal{{L}}_{number}$"
        axes.text(x + 0.08, 1.16, loss, ha="left", fontsize=SMALL + 1)


def _joined(
    axes: Axes, places: Sequence[tuple[float, float]], parts: Sequence[int], classes: int
) -> None:
    """Draw h below the local CNNs, each part as long as it is, and the joint loss."""
    start, length = 2.5, 4.85
    x, y = start, 0.5
    for number, ((place, end), size) in enumerate(zip(places, parts, strict=True), 1):
        width = length * size / sum(parts)
        last = number == len(parts)
        colour = DISENTANGLED if last else RESIDUE
        axes.add_patch(Rectangle((x, y), width, 0.26, facecolor=colour + "60", edgecolor=colour))
        name = "$f(x)$" if last else f"$fc_{number}$"
        axes.text(x + width / 2, y + 0.12, name, ha="center", va="center", fontsize=SMALL)
        top = end - 0.03 if last else 1.35
        arrow(axes, (place, top), (x + width / 2, y + 0.29), color=colour, **THIN)
        x += width
    axes.text(start - 0.08, y + 0.13, f"$h$, {sum(parts)}", ha="right", va="center", fontsize=9)
    arrow(axes, (start + length / 2, y - 0.02), (start + length / 2, y - 0.26), **THIN)
    words = rf"linear, {classes} expressions, {WEIGHTS[-1]:g} $\mathcal{{L}}_5$"
    axes.text(start + length / 2 + 0.1, 0.1, words, ha="left", va="bottom", fontsize=9)
