"""Pictures of the networks (Fig. 2), with shapes and counts read off the modules as they are."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from lib.book.show import INK, PAGE_WIDTH, PALETTE, arrow
from lib.faces.de_gan import FEATURES, MIRROR, NOISE, Decoder, Discriminator, Generator, ModelConfig

COLOURS = {"encoder": PALETTE[0], "decoder": PALETTE[2], "discriminator": PALETTE[1]}
TITLES = {
    "encoder": r"$G_{en}$, encoder",
    "decoder": r"$G_{de}$, decoder",
    "discriminator": r"$D$, discriminator",
}
TALLEST, WIDEST = 1.5, 0.3  # inches of the largest maps' side, and of the most channels
PITCH = 0.49  # inches from one block to the next
HEIGHT = 4.7  # inches
SMALL = 7.5  # points
THIN: dict[str, Any] = {"shrinkA": 1, "shrinkB": 1, "lw": 0.8}  # points, of arrows


class Stage(NamedTuple):
    """Some layers together: the shape that leaves them (without the batch), and what they cost."""

    name: str
    shape: tuple[int, ...]
    parameters: int
    macs: int


def stages(config: ModelConfig) -> dict[str, list[Stage]]:
    """Return the stages of "encoder", "decoder" and "discriminator", read off the networks.

    Only shapes pass through them, so that no weight is computed.
    """
    with torch.device("meta"):
        generator, discriminator = Generator(config).eval(), Discriminator(config).eval()
        images = torch.empty(1, 3, config.side, config.side)
        encoder, decoder = generator.encoder, generator.decoder
        parts = (torch.empty(1, size) for size in (config.code, config.identities, NOISE))
        seen = _outputs(encoder, images) | _outputs(decoder, *parts)
        seen |= _outputs(discriminator, images)
    trunks = {"encoder": encoder, "discriminator": discriminator.trunk}
    found = {
        name: [_stage(f"stage {n}", [stage], seen) for n, stage in enumerate(trunk.stages, 1)]
        for name, trunk in trunks.items()
    }
    for name in ("expression", "identity"):
        head = getattr(discriminator, name)
        found["discriminator"].append(_stage(f"{name} head", [head], seen))
    return {"encoder": found["encoder"], "decoder": _decoding(decoder, seen), **found}


def _decoding(decoder: Decoder, seen: dict[nn.Module, tuple[Any, Any]]) -> list[Stage]:
    """Return the stages of the decoder, whose layers stand in one row."""
    layers = list(decoder.layers)
    first, layers = layers[:2], layers[2:]
    found = [_stage("linear", [decoder.start, *first], seen)]
    for number, sizes in enumerate(MIRROR, 1):
        own, layers = layers[: 3 * len(sizes)], layers[3 * len(sizes) :]
        found.append(_stage(f"stage {number}", own, seen))
    return [*found, _stage("picture", layers, seen)]


def _outputs(network: nn.Module, *inputs: Tensor) -> dict[nn.Module, tuple[Any, Any]]:
    """Return the shapes of what enters and leaves each module, without the batch."""
    seen: dict[nn.Module, tuple[Any, Any]] = {}

    def record(module: nn.Module, entering: tuple[Any, ...], leaving: Any) -> None:
        if isinstance(leaving, Tensor):
            seen[module] = tuple(entering[0].shape[1:]), tuple(leaving.shape[1:])

    hooks = [module.register_forward_hook(record) for module in network.modules()]
    with torch.no_grad():
        network(*inputs)
    for hook in hooks:
        hook.remove()
    return seen


def _stage(
    name: str, modules: Sequence[nn.Module], seen: dict[nn.Module, tuple[Any, Any]]
) -> Stage:
    """Return some modules together."""
    layers = [layer for module in modules for layer in module.modules()]
    parameters = sum(weight.numel() for module in modules for weight in module.parameters())
    macs = sum(_macs(layer, *seen[layer]) for layer in layers if layer in seen)
    return Stage(name, seen[modules[-1]][1], parameters, macs)


def _macs(layer: nn.Module, entering: tuple[int, ...], leaving: tuple[int, ...]) -> int:
    """Return how often a layer multiplies: each weight once for every place it is laid on."""
    if isinstance(layer, nn.Linear):
        return layer.weight.numel()
    if isinstance(layer, nn.Conv2d):
        return layer.weight.numel() * leaving[1] * leaving[2]
    if isinstance(layer, nn.ConvTranspose2d):
        return layer.weight.numel() * entering[1] * entering[2]
    return 0


def shape(stage: Stage) -> str:
    """Return a shape as it is read: channels and side, or how many numbers."""
    return " × ".join(map(str, stage.shape))


def table(configs: dict[str, ModelConfig]) -> pd.DataFrame:
    """Return all stages of both networks in several forms, side by side."""
    forms = {name: stages(config) for name, config in configs.items()}
    rows = []
    for network, found in next(iter(forms.values())).items():
        for place, stage in enumerate(found):
            row: dict[str, Any] = {"stage": f"{network}, {stage.name}"}
            for name, form in forms.items():
                own = form[network][place]
                row[f"maps, {name}"] = shape(own)
                row[f"parameters, {name}"] = f"{own.parameters:,}"
                row[f"M MAC, {name}"] = f"{own.macs / 1e6:,.1f}"
            rows.append(row)
    return pd.DataFrame(rows)


def de_gan(config: ModelConfig) -> Figure:
    """Draw Fig. 2: maps as blocks, as tall as their side and as wide as their channels are many."""
    found = stages(config)
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, HEIGHT), layout="none")
    figure.subplots_adjust(0, 0, 1, 1)
    axes.set(xlim=(0, PAGE_WIDTH), ylim=(0, HEIGHT))
    axes.axis("off")
    scale = _Scale(config.side, max(each.shape[0] for part in found.values() for each in part[:-2]))
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
    axes: Axes, found: dict[str, list[Stage]], config: ModelConfig, scale: _Scale
) -> None:
    """Draw the upper row, from x over f(x), I and z to the synthesised picture."""
    y, x = 3.6, 0.3
    picture = found["decoder"][-1].shape
    end = _blocks(axes, x, y, [picture, *_shapes(found["encoder"])], "encoder", scale)
    axes.text(x, y + TALLEST / 2 + 0.1, "$x$", ha="center", fontsize=11)
    middle = end + 0.6
    lengths = {"f(x)": config.code, "I": config.identities, "z": NOISE}
    _vectors(axes, middle, y, lengths)
    arrow(axes, (end + 0.19, y), (middle - 0.12, y + 0.25), **THIN)
    axes.text(end - 0.02, y + 0.22, "mean", ha="left", fontsize=SMALL)
    start = middle + 0.95
    arrow(axes, (middle + 0.12, y), (start - 0.17, y), **THIN)
    last = _blocks(axes, start, y, _shapes(found["decoder"]), "decoder", scale)
    axes.text(last, y + TALLEST / 2 + 0.1, r"$\bar{x}$", ha="center", fontsize=11)
    for name, place in (("encoder", (x + end) / 2), ("decoder", (start + last) / 2)):
        axes.text(place, y + 0.92, TITLES[name], ha="center", color=COLOURS[name], weight="bold")


def _discriminator(axes: Axes, found: list[Stage], config: ModelConfig, scale: _Scale) -> None:
    """Draw the lower row, from a picture to both heads."""
    y, x = 1.2, 1.6
    picture = (3, config.side, config.side)
    end = _blocks(axes, x, y, [picture, *_shapes(found[:-2])], "discriminator", scale)
    arrow(axes, (end + 0.19, y), (end + 0.62, y), **THIN)
    axes.text(end + 0.25, y + 0.06, "mean", ha="left", fontsize=SMALL)
    title = {"ha": "center", "color": COLOURS["discriminator"], "weight": "bold"}
    axes.text((x + end) / 2 + 0.3, y + 0.92, TITLES["discriminator"], **title)
    axes.text(x, y + TALLEST / 2 + 0.1, r"$x$ or $\bar{x}$", ha="center", fontsize=11)
    expression, identity = found[-2].shape[0], found[-1].shape[0]
    heads = (
        (y + 0.42, f"$D^e$: {expression - 1} expressions\nand fake"),
        (y - 0.42, f"$D^i$: {identity} identities"),
    )
    axes.text(end + 0.67, y, f"{FEATURES}", va="center", fontsize=9)
    for height, words in heads:
        arrow(axes, (end + 1.0, y), (end + 1.4, height), **THIN)
        axes.text(end + 1.45, height, words, va="center", fontsize=10)


def _shapes(found: Iterable[Stage]) -> list[tuple[int, ...]]:
    """Return the shapes of some stages."""
    return [stage.shape for stage in found]


def _blocks(
    axes: Axes, x: float, y: float, shapes: Sequence[tuple[int, ...]], name: str, scale: _Scale
) -> float:
    """Draw maps in a row, with side and channels below; return where the last one stands."""
    for place, each in enumerate(shapes):
        width, height = scale.size(each)
        middle = x + place * PITCH
        colour = COLOURS[name] if each[0] > 3 else INK
        corner = (middle - width / 2, y - height / 2)
        axes.add_patch(
            Rectangle(corner, width, height, facecolor=colour + "38", edgecolor=colour, lw=1.2)
        )
        words = f"{each[0]}\n{each[1]}²"
        below: dict[str, Any] = {"ha": "center", "va": "top", "fontsize": SMALL}
        axes.text(middle, y - TALLEST / 2 - 0.06, words, **below)
        if place:
            before = scale.size(shapes[place - 1])[0] / 2
            arrow(axes, (middle - PITCH + before, y), (middle - width / 2, y), **THIN)
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
