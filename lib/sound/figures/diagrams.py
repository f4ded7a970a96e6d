"""Figure 2 and Tables 1 and 2, read off a network as it is, layer by layer."""

from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from torch import Tensor, nn

from lib.book.show import PAGE_WIDTH, PALETTE, arrow
from lib.sound.crnn import CRNN, Probabilities
from lib.sound.figures.metric_plots import INPUT_COLOURS

TITLES = {
    "spectral": "spectral features",
    "audio": "pretrained auditory features",
    "visual": "pretrained visual features",
}


@dataclass(frozen=True)
class Step:
    """One box: what is done, and the shape (without the batch) of what comes out of it."""

    text: str
    shape: tuple[int, ...]


def trace(model: CRNN) -> dict[str, list[Step]]:
    """Return the steps of each input's way in, and under "fused" of what follows.

    The shapes are those of one 10 s clip that is sent through the network.
    """
    shapes: dict[nn.Module, tuple[int, ...]] = {}

    def record(module: nn.Module, _: Any, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) else output
        if isinstance(first, Tensor):
            shapes[module] = tuple(first.shape[1:])

    config = model.config
    sizes = {
        "spectral": (604, config.mel_bands),
        "audio": (151, config.audio_features),
        "visual": (151, config.visual_features),
    }
    hooks = [module.register_forward_hook(record) for module in model.modules()]
    with torch.no_grad():
        found = model.eval()({name: torch.zeros(1, *sizes[name]) for name in config.inputs})
    for hook in hooks:
        hook.remove()
    ways = {
        name: _way(name, encoder, sizes[name], shapes) for name, encoder in model.encoders.items()
    }
    return {**ways, "fused": _fused(model, shapes, found)}


def _way(
    name: str, encoder: nn.Module, read: tuple[int, ...], shapes: dict[nn.Module, tuple[int, ...]]
) -> list[Step]:
    """Return the steps from one input to its 151 embeddings."""
    steps = [Step(TITLES[name], read)]
    if name != "spectral":
        return [*steps, Step("linear, ReLU, dropout", shapes[encoder])]
    for number, stack in enumerate(encoder.stacks):  # type: ignore[arg-type]
        steps.append(Step(f"stack {number}: conv, BN, ReLU, dropout, pool", shapes[stack]))
    return steps


def _fused(
    model: CRNN, shapes: dict[nn.Module, tuple[int, ...]], found: Probabilities
) -> list[Step]:
    """Return the steps from the joined embeddings to the probabilities."""
    return [
        Step("concatenated frame by frame", (151, model.gru.input_size)),
        Step("BiGRU, two layers", shapes[model.gru]),
        Step("linear, sigmoid", tuple(found.frame.shape[1:])),
        Step("linear pooling (eq. 1)", tuple(found.clip.shape[1:])),
    ]


def architecture(model: CRNN) -> Figure:
    """Draw a network as boxes from the features down to the probabilities (Fig. 2)."""
    steps = trace(model)
    fused = steps.pop("fused")
    rows = max(len(way) for way in steps.values()) + len(fused)
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, 0.46 * rows + 0.2))
    axes.set(xlim=(0, 1), ylim=(-rows, 0.1))
    axes.axis("off")
    width = 0.96 / len(steps)
    join = -(rows - len(fused)) - 0.5
    for column, (name, way) in enumerate(steps.items()):
        middle = 0.02 + width * (column + 0.5)
        first = rows - len(fused) - len(way)  # ways of different length end on one line
        for row, step in enumerate(way):
            y = -(first + row) - 0.5
            _box(axes, middle, y, width - 0.03, step, INPUT_COLOURS[name])
            if row:
                arrow(axes, (middle, y + 0.69), (middle, y + 0.31))
        arrow(axes, (middle, join + 0.69), (0.5, join + 0.31))
    for row, step in enumerate(fused):
        _box(axes, 0.5, join - row, 0.56, step, PALETTE[4])
        if row:
            arrow(axes, (0.5, join - row + 0.69), (0.5, join - row + 0.31))
    return figure


def _box(axes: Axes, x: float, y: float, width: float, step: Step, colour: str) -> None:
    """Draw one step as a box with its shape."""
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - 0.31),
            width,
            0.62,
            boxstyle="round,pad=0,rounding_size=0.015",
            facecolor=colour + "30",
            edgecolor=colour,
            mutation_aspect=20,
        )
    )
    text = f"{step.text}   {' × '.join(map(str, step.shape))}"
    narrow = len(text) * 0.0105 > width
    if narrow:
        text = f"{step.text}\n{' × '.join(map(str, step.shape))}"
    axes.text(x, y, text, ha="center", va="center", fontsize=7.2 if narrow else 8.2)


def stacks(model: CRNN) -> pd.DataFrame:
    """Return Tables 1 and 2 as the network has them, with what each stack leaves and weighs."""
    encoder = model.encoders["spectral"]
    rows = [
        {
            "stack": number,
            "kernel": str(tuple(stack[0].kernel_size)),
            "channels": stack[0].out_channels,
            "pooling": str(tuple(stack[4].kernel_size)),
            "frames × bands left": f"{step.shape[1]} × {step.shape[2]}",
            "parameters": sum(weight.numel() for weight in stack.parameters()),
        }
        for number, (stack, step) in enumerate(
            zip(encoder.stacks, trace(model)["spectral"][1:], strict=True)  # type: ignore[arg-type]
        )
    ]
    return pd.DataFrame(rows)
