"""The pictures of recognition: Fig. 3, who is in which fold, Tables 1 to 3, and the controls."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lib.book.show import INK, PAGE_WIDTH, PALE, PALETTE, arrow
from lib.faces import protocol
from lib.faces.de_gan import ModelConfig, Trunk
from lib.faces.figures import grids
from lib.faces.protocol import Estimate, Predictions
from lib.faces.recognition import WEIGHTS, Recogniser
from lib.faces.runs.verdicts import NAMES, PUBLISHED, SETS, Judge
from lib.runs.results import Result

RESIDUE, DISENTANGLED = PALETTE[3], PALETTE[1]  # the paper's red and orange arrows
STYLES = {  # colour and mark of a method
    "cnn": (PALETTE[7], "s"),
    "de_gan": (PALETTE[0], "o"),
    "supervised": (PALETTE[2], "^"),
}
OTHERS = (PALETTE[4], "D")  # of methods that are not set against each other by class
PAPER: dict[str, Any] = {"marker": "D", "color": "white", "markeredgecolor": INK, "zorder": 4}
HEIGHT = 3.9  # inches of Fig. 3
TALLEST = 1.3  # inches of the picture
SMALL = 7.5  # points
THIN: dict[str, Any] = {"shrinkA": 1, "shrinkB": 1, "lw": 1.0}  # points, of arrows
SHOWN = 40  # people at most in the picture of folds


def second_stage(config: ModelConfig, classes: int) -> Figure:
    """Draw Fig. 3, with shapes read off a recogniser of this form."""
    with torch.device("meta"):  # shapes alone: no weight is computed
        encoder = Trunk(config, config.code)
        network = Recogniser(encoder, config, classes).eval()
        pictures = torch.empty(1, 3, config.side, config.side)
        first = encoder.stages[0](pictures)
        maps = encoder.maps(pictures)
        lengths = [part(each)[0].shape[1] for part, each in zip(network.local, maps, strict=True)]
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, HEIGHT), layout="none")
    figure.subplots_adjust(0, 0, 1, 1)
    axes.set(xlim=(0, PAGE_WIDTH), ylim=(0, HEIGHT))
    axes.axis("off")
    shapes = [tuple(each.shape[1:]) for each in (pictures, first, *maps)]
    places = _encoder(axes, shapes, config.code)
    _local(axes, places, lengths)
    _joined(axes, places, [*lengths, config.code], classes)
    return figure


def _encoder(axes: Axes, shapes: Sequence[Sequence[int]], length: int) -> list[tuple[float, float]]:
    """Draw the frozen encoder; return where the lower ends of the four maps and f(x) are."""
    middle, side, most = 2.95, shapes[0][-1], max(shape[0] for shape in shapes)
    places = list(np.linspace(0.75, 5.9, len(shapes)))
    frame = Rectangle((1.35, 2.0), 5.65, 1.8, facecolor="none", edgecolor=PALE, linestyle="--")
    axes.add_patch(frame)
    axes.text(6.95, 3.62, "$G_{en}$, frozen", ha="right", color=PALETTE[0], weight="bold")
    ends: list[tuple[float, float]] = []
    for number, (x, shape) in enumerate(zip(places, shapes, strict=True)):
        width, height = 0.06 + 0.3 * shape[0] / most, TALLEST * (shape[-1] / side) ** 0.75
        colour = PALETTE[0] if number else INK
        box = (x - width / 2, middle - height / 2)
        axes.add_patch(Rectangle(box, width, height, facecolor=colour + "38", edgecolor=colour))
        words = f"{shape[0]} × {shape[1]}²"
        axes.text(x, middle + height / 2 + 0.04, words, ha="center", fontsize=SMALL)
        ends.append((x, middle - height / 2))
        if number:
            arrow(axes, (places[number - 1] + 0.22, middle), (x - width / 2 - 0.03, middle), **THIN)
    axes.text(places[0], middle - 0.85, "$x$", ha="center", fontsize=11)
    code = 6.7
    axes.add_patch(
        Rectangle(
            (code - 0.07, middle - 0.45), 0.14, 0.9, color=DISENTANGLED, alpha=0.4, linewidth=0
        )
    )
    axes.text(code, middle + 0.49, f"$f(x)$ {length}", ha="center", fontsize=SMALL)
    axes.text((places[-1] + code) / 2 + 0.05, middle + 0.06, "mean", ha="center", fontsize=SMALL)
    arrow(axes, (places[-1] + 0.22, middle), (code - 0.1, middle), **THIN)
    return [*ends[2:], (code, middle - 0.45)]


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


def table(judge: Judge, name: str) -> pd.DataFrame:
    """Return one of Tables 1 to 3: the published methods, and ours where the set is there."""
    paper = pd.DataFrame(judge.rows(name)).rename(columns={"accuracy": "paper"})
    paper = paper[["method", "setting", "paper"]]
    if name not in judge.tables:
        return paper
    found = {
        title: protocol.pool(judge.tables[name][method])
        for method, title in PUBLISHED.items()
        if judge.tables[name][method]
    }
    return paper.merge(protocol.table(found, {}).drop(columns="paper"), on="method", how="left")


def sets(judge: Judge) -> Figure:
    """Draw the baseline and DE-GAN on each set: folds, their mean, and the paper's numbers."""
    figure, grid = plt.subplots(1, len(SETS), figsize=(PAGE_WIDTH, 1.75), sharey=True, sharex=True)
    for axes, name in zip(grid, SETS, strict=True):
        for y, method in enumerate(PUBLISHED):
            if judge.tables.get(name, {}).get(method):
                _folds(axes, protocol.pool(judge.tables[name][method]), y, STYLES[method][0])
            axes.plot(judge.published(name, method), y, markersize=6, **PAPER)
        words = judge.title(name) if name in judge.tables else f"{SETS[name]}: the paper alone"
        axes.set(xlabel="percent", ylim=(len(PUBLISHED) - 0.5, -0.5))
        axes.set_title(words, fontsize=9)
    grid[0].set_yticks(range(len(PUBLISHED)), [NAMES[method] for method in PUBLISHED])
    return figure


def _folds(axes: Axes, found: Predictions, y: float, colour: str) -> None:
    """Draw the folds as dots, and their mean with its interval."""
    each = 100 * protocol.fold_accuracies(found)
    value, low, high, _ = protocol.mean_over_folds(found)
    axes.plot(each, [y] * len(each), "o", color=colour, markersize=4, alpha=0.45)
    axes.plot(100 * value, y, "|", color=colour, markersize=15, markeredgewidth=2.4)
    ends = np.clip((100 * low, 100 * high), 0, 100)
    axes.plot(ends, [y, y], color=colour, linewidth=1.4)


def controls(runs: Mapping[str, Sequence[Result]], reference: str = "de_gan") -> Figure:
    """Draw the accuracy of each method on a set, and what it gains over one of them.

    Methods that were run in some folds only have hollow marks; they are compared on those.
    """
    size = (PAGE_WIDTH, 0.34 * len(runs) + 0.8)
    figure, (left, right) = plt.subplots(1, 2, figsize=size, sharey=True)
    right.axvline(0, color=INK, linewidth=0.8)
    for y, (method, own) in enumerate(runs.items()):
        if not own:
            for axes in (left, right):
                axes.text(0.5, y, "not measured", transform=axes.get_yaxis_transform(), **_GREY)
            continue
        folds = {run.config["fold"] for run in own}
        whole = len(folds) == own[0].config["folds"]
        pooled = protocol.pool(own, folds)
        _bar(left, protocol.accuracy(pooled), y, method, whole)
        gained = protocol.gain(own, runs[reference])
        if gained is not None and method != reference:
            _bar(right, gained, y, method, whole)
    left.set_yticks(range(len(runs)), [NAMES[method] for method in runs])
    left.set(title="accuracy", xlabel="percent of images", ylim=(len(runs) - 0.5, -0.5))
    right.set(title=f"less {NAMES[reference]}'s", xlabel="points")
    return figure


_GREY: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8, "color": "#777777"}


def _bar(axes: Axes, found: Estimate, y: float, method: str, whole: bool) -> None:
    """Draw an estimate with its interval; hollow where it rests on some folds only."""
    colour, mark = STYLES.get(method, OTHERS)
    axes.plot([100 * found.low, 100 * found.high], [y, y], color=colour, linewidth=1.5)
    face = colour if whole else "white"
    axes.plot(
        100 * found.value, y, mark, color=face, markeredgecolor=colour, markersize=6.5, zorder=3
    )


def confusion(found: Predictions, classes: Sequence[str]) -> Figure:
    """Draw what each expression was taken for: colours by share of the row, numbers in percent."""
    counts = protocol.confusion(found)
    figure, axes = plt.subplots(figsize=(0.68 * PAGE_WIDTH, 0.42 * len(classes) + 1.5))
    grids.confusion(axes, counts, classes, least=0.1, turned=35, aspect="auto")
    names = [f"{name} ({total})" for name, total in zip(classes, counts.sum(axis=1), strict=True)]
    axes.set_yticks(range(len(classes)), names)
    axes.set(xlabel="taken for", ylabel="shown (images)")
    return figure


def recalls(found: Mapping[str, Predictions], classes: Sequence[str]) -> Figure:
    """Draw the share of each expression that some methods recognise, with intervals over people."""
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, 2.7))
    for place, (method, own) in enumerate(found.items()):
        shift = 0.22 * (place - (len(found) - 1) / 2)
        colour, mark = STYLES[method]
        for number, (value, low, high, _) in enumerate(recall(own)):
            x = number + shift
            axes.plot([x, x], [100 * low, 100 * high], color=colour, linewidth=1.5)
            label = NAMES[method] if number == 0 else None
            axes.plot(x, 100 * value, mark, color=colour, markersize=6, label=label)
    axes.set_xticks(range(len(classes)), classes)
    axes.set(ylabel="recognised, percent", ylim=(-3, 103))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=len(found))
    return figure


def recall(found: Predictions) -> list[Estimate]:
    """Return the share recognised of each class, with a bootstrap over the people who show it."""
    rows = [found.targets == label for label in range(found.classes)]
    return [protocol.share(found.identities[each], found.hits[each]) for each in rows]
