"""The pictures of Part III. Each function takes data and returns a matplotlib figure."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from torch import Tensor, nn

from lib.adversarial import detector
from lib.adversarial.evaluation import at_epsilon, predict, rate, share
from lib.adversarial.mechanisms import MOVED_TO, answers_from
from lib.adversarial.verdicts import COMBINED, INFORMED, TABLE2, crossing
from lib.book.claims import mean_interval, wilson
from lib.book.show import DPI, INK, PAGE_WIDTH, PALE, PALETTE, Ground, arrow
from lib.runs.results import Result

KIND_COLOURS = {"natural": PALETTE[1], "robust": PALETTE[0]}
PAIR_LINES = {"ours": "-", "reference": "--"}
THRESHOLDS = {"maximum": "text's", "percentile": "99th percentile", "authors": "scripts'"}
DIVERGING = "RdBu_r"  # around zero; readable with every common colour-vision deficiency
TERM = 0.25  # weighted residual of the brightest colour, reached in chapter 32 at epsilon 0.1
SCORE = 0.06  # p-hat at the top of its axis
BOXES = {  # Fig. 1: text -> where its middle lies
    "benign image": (0.0, 0.5),
    "PGD attack\non the network": (1.1, 0.5),
    "detector\n$\\hat p > \\bar p$ ?": (2.2, 0.5),
    "flagged as\nadversarial": (3.3, 1.0),
    "network\n(natural or robust)": (3.3, 0.0),
    "label": (4.4, 0.0),
}
SHOWN = ("attacked image", "perturbation", "weighted residual")
COLUMNS, MIDDLE, ZOOM = (86, 260, 428), 102, 6  # pixels: their middles, and one of a digit
ARROWS = ((0, 1, ""), (1, 2, ""), (2, 3, "yes"), (2, 4, "no"), (4, 5, ""))  # from, to, if


def workflow() -> Figure:
    """Draw Fig. 1, the experiment's block diagram."""
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, 1.7))
    axes.set(xlim=(-0.5, 4.7), ylim=(-0.4, 1.4))
    axes.axis("off")
    look = {"boxstyle": "round,pad=0.5", "facecolor": "#e8f0f7", "edgecolor": INK}
    middle: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 9}
    drawn = [axes.text(x, y, text, bbox=look, **middle) for text, (x, y) in BOXES.items()]
    for start, end, condition in ARROWS:
        (x0, y0), (x1, y1) = (list(BOXES.values())[place] for place in (start, end))
        near = {"patchA": drawn[start].get_bbox_patch(), "patchB": drawn[end].get_bbox_patch()}
        arrow(axes, (x0, y0), (x1, y1), **near)
        axes.text((x0 + x1) / 2, (y0 + y1) / 2 + 0.2 * np.sign(y1 - y0), condition, **middle)
    return figure


def cover(
    model: nn.Module, images: Tensor, label: int, epsilons: Sequence[float], threshold: float
) -> Figure:
    """Draw one image, of class `label`, attacked at each of `epsilons`: (n, 1, 28, 28).

    Above stands what the network reads, below what the filter sees; p-hat above the threshold is an
    alarm.
    """
    reading = detector.Detector()
    figure, grid = plt.subplots(2, len(images), figsize=(PAGE_WIDTH, 3.35))
    scores, classes = reading.score(images), predict(model, images)
    for column, epsilon in enumerate(epsilons):
        right, flagged = int(classes[column]) == label, float(scores[column]) > threshold
        upper, lower = grid[0, column], grid[1, column]
        draw_image(upper, images[column, 0])
        draw_terms(lower, reading, images[column : column + 1])
        upper.set_title(f"$\\varepsilon$ = {epsilon:.2f}", loc="center", fontsize=10)
        read = f"network: {int(classes[column])}" + ("" if right else "  ✗")
        upper.set_xlabel(read, color=PALETTE[0] if right else PALETTE[1], weight="bold")
        seen = "filter: alarm" if flagged else "filter: silent"
        lower.set_xlabel(seen, color=PALETTE[1] if flagged else PALETTE[0], weight="bold")
    grid[0, 0].set_ylabel("attacked")
    grid[1, 0].set_ylabel("weighted residual")
    return figure


def gallery(rows: Mapping[str, Tensor], titles: Sequence[str] = ()) -> Figure:
    """Draw named rows of images (n, 1, 28, 28); a row with negative values has a signed scale."""
    columns = max(len(images) for images in rows.values())
    size = PAGE_WIDTH / (columns + 1.2)
    figure, grid = plt.subplots(
        len(rows), columns, figsize=(PAGE_WIDTH, size * len(rows) + 0.3), squeeze=False
    )
    for line, (name, images) in zip(grid, rows.items(), strict=True):
        limit = float(images.abs().max()) if float(images.min()) < 0 else None
        for axes, image in zip(line, images, strict=True):
            draw_image(axes, image[0], limit)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    for axes, title in zip(grid[0], titles, strict=False):
        axes.set_title(title, loc="center", fontsize=9)
    return figure


def draw_image(axes: Axes, image: Tensor, limit: float | None = None) -> None:
    """Draw one image (height, width): grey in [0, 1], or signed colours up to +-limit."""
    cmap, low, high = ("gray", 0, 1) if limit is None else (DIVERGING, -limit, limit)
    axes.imshow(image.numpy(), cmap=cmap, vmin=low, vmax=high, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def draw_terms(axes: Axes, reading: detector.Detector, image: Tensor) -> None:
    """Draw the `terms` of one image (1, 1, 28, 28).

    On one scale for all images, stretched where it is dark as in `detector_panel`.
    """
    draw_image(axes, terms(reading, image))
    axes.images[0].set(cmap="magma", norm=PowerNorm(0.5, 0, TERM))


def terms(reading: detector.Detector, image: Tensor) -> Tensor:
    """Return what p-hat is the mean of, |residual| times weight, of (1, 1, 28, 28): (26, 26)."""
    pixels = detector.to_pixels(image, reading.quantise)
    return (reading.weights(pixels) * detector.residual(pixels).abs())[0]


def first_filters(networks: Mapping[str, nn.Module]) -> Figure:
    """Draw the first-layer kernels of several networks, the most concentrated ones first.

    Above each stands the share of its absolute weight that lies in its largest entry.
    """
    size = (PAGE_WIDTH, 0.85 * len(networks))
    figure, grid = plt.subplots(len(networks), 12, figsize=size, squeeze=False)
    for line, (name, network) in zip(grid, networks.items(), strict=True):
        kernels = network.get_parameter("conv1.weight")[:, 0]  # (out, size, size)
        weights = kernels.abs().flatten(1)
        shares = weights.amax(dim=1) / weights.sum(dim=1)
        for axes, index in zip(line, shares.argsort(descending=True)[: len(line)], strict=True):
            draw_image(axes, kernels[index], float(weights[index].max()))
            axes.set_title(f"{float(shares[index]):.2f}", loc="center", fontsize=8)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    return figure


def curves(
    runs: Mapping[tuple[str, str], Sequence[Result]],
    name: str,
    paper: Mapping[str, Mapping[float, float]] | None,
    *,
    ylabel: str,
) -> Figure:
    """Draw a rate of `evaluation.rate` over epsilon, with 95 % Wilson bands, a line a network.

    Args:
        runs: results by (pair, kind), one per epsilon.
        paper: {kind: {epsilon: value}}, or None where the paper shows no such curve.
    """
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, 3.3))
    for kind, points in (paper or {}).items():
        colour, label = KIND_COLOURS[kind], f"{kind}, the paper"
        x, y = list(points), list(points.values())
        axes.plot(x, y, color=colour, linewidth=6, alpha=0.3, solid_capstyle="round", label=label)
    for (pair, kind), results in runs.items():
        epsilons = [result.config["epsilon"] for result in results]
        counts = [rate(result.metrics, name) for result in results]
        style = PAIR_LINES[pair]
        draw_rate(axes, epsilons, counts, kind, linestyle=style, label=f"{kind}, {pair}")
    axes.set(xlabel="$\\varepsilon$", ylabel=ylabel, ylim=(-0.03, 1.03), xlim=(0, 0.505))
    legend_beside(axes)
    return figure


def draw_rate(
    axes: Axes, epsilons: Sequence[float], counts: Sequence[tuple[int, int]], kind: str, **line: Any
) -> None:
    """Draw a rate, counted as (successes, out of) at each strength, with its Wilson band."""
    values = [successes / n if n else np.nan for successes, n in counts]
    low, high = zip(*[wilson(*each) for each in counts], strict=True)
    colour = KIND_COLOURS[kind]
    axes.fill_between(epsilons, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(epsilons, values, color=colour, **line)


def legend_beside(axes: Axes) -> None:
    """Put the legend to the right of the axes."""
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8.5)


def scores(
    runs: Mapping[tuple[str, str], Sequence[Result]], thresholds: Mapping[str, float]
) -> Figure:
    """Draw median and central 90 % of p-hat over epsilon for our networks, and the thresholds."""
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, 3.0))
    for (pair, kind), results in runs.items():
        if pair != "ours":
            continue
        epsilons = [result.config["epsilon"] for result in results]
        low, middle, high = (
            [result.metrics["readings"]["paper"]["quantiles"][q] for result in results]
            for q in ("0.05", "0.5", "0.95")
        )
        axes.fill_between(epsilons, low, high, color=KIND_COLOURS[kind], alpha=0.2, linewidth=0)
        axes.plot(epsilons, middle, color=KIND_COLOURS[kind], label=kind)
    for style, (name, value) in zip(("-", "--", ":"), thresholds.items(), strict=False):
        label = f"threshold: {THRESHOLDS[name]}"
        axes.axhline(value, color=INK, linestyle=style, linewidth=1.2, label=label)
    axes.set(xlabel="$\\varepsilon$", ylabel="$\\hat p$", xlim=(0, 0.505), yscale="log")
    legend_beside(axes)
    return figure


def detector_panel(images: Mapping[str, Tensor], reading: detector.Detector) -> Figure:
    """Draw how images (1, 1, 28, 28) become scores, a row each: residual, weight, product.

    Each column has one scale; that of the product is stretched where it is dark.
    """
    pixels = detector.to_pixels(torch.cat(list(images.values())), reading.quantise)
    residual, weights = detector.residual(pixels), reading.weights(pixels)
    inner = pixels[:, 1:-1, 1:-1]
    panels = {
        "pixels $x^i$": (inner, "gray"),
        "prediction $\\hat x^i$": (inner - residual, "gray"),
        "residual $x^i-\\hat x^i$": (residual, DIVERGING),
        "weight $w_i$": (weights, "viridis"),
        "$w_i\\,|x^i-\\hat x^i|$": (weights * residual.abs(), "magma"),
    }
    size = (PAGE_WIDTH, 0.75 + 1.4 * len(images))
    figure, grid = plt.subplots(len(images), len(panels), figsize=size, squeeze=False)
    for column, (title, (values, cmap)) in zip(grid.T, panels.items(), strict=True):
        high = float(values.abs().max()) or 1.0
        low = -high if cmap == DIVERGING else min(0.0, float(values.min()))
        norm = PowerNorm(0.5 if cmap == "magma" else 1.0, low, high)
        for axes, image in zip(column, values, strict=True):
            drawn = axes.imshow(image.numpy(), cmap=cmap, norm=norm)
            axes.set(xticks=[], yticks=[])
        column[0].set_title(title, loc="center", fontsize=9)
        bar = figure.colorbar(drawn, ax=column, orientation="horizontal", pad=0.04)
        bar.ax.tick_params(labelsize=6.5)
        bar.locator = plt.MaxNLocator(3)
        bar.outline.set_visible(False)
    for axes, name in zip(grid[:, 0], images, strict=True):
        axes.set_ylabel(name)
    return figure


def effects(
    ledger: Mapping[str, Mapping[str, Sequence[Result]]], name: str, epsilons: Sequence[float]
) -> Figure:
    """Draw one rate for each reading of the attack, with 95 % intervals, a panel each strength.

    `ledger` is {kind: {reading: results}}; a line marks the reading "as published".
    """
    readings = list(next(iter(ledger.values())))
    size = (PAGE_WIDTH, 0.33 * len(readings) + 1.1)
    figure, (panels,) = plt.subplots(1, len(epsilons), figsize=size, sharey=True, squeeze=False)
    for axes, epsilon in zip(panels, epsilons, strict=True):
        for shift, (kind, found) in zip((0.14, -0.14), ledger.items(), strict=True):
            colour = KIND_COLOURS[kind]
            for place, reading in enumerate(readings):
                successes, n = rate(at_epsilon(found[reading], epsilon).metrics, name)
                y, value = len(readings) - place + shift, successes / n if n else np.nan
                axes.plot(wilson(successes, n), (y, y), color=colour, linewidth=2.2)
                axes.plot(value, y, "o", color=colour, markersize=5)
                if reading == "as published":
                    axes.axvline(value, color=colour, linestyle=":", linewidth=1.2)
            axes.plot([], [], "o-", color=colour, label=kind)
        axes.set(xlabel=name, xlim=(-0.03, 1.03), title=f"$\\varepsilon$ = {epsilon:.2f}")
    names = ["informed attacker" if reading == INFORMED else reading for reading in readings]
    panels[0].set_yticks(range(len(readings), 0, -1), names)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def overflow(runs: Mapping[tuple[str, str], Sequence[Result]]) -> Figure:
    """Draw where Table II stays at one half, and how low Fig. 4 falls, with both thresholds.

    The intervals hold for all strengths together. `runs` are by pair and kind of network.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(PAGE_WIDTH, 2.5), sharey=True)
    for place, ((_, kind), found) in enumerate(runs.items()):
        colour = KIND_COLOURS[kind]
        for threshold, face, y in (
            ("authors", colour, place - 0.14),
            ("maximum", "white", place + 0.14),
        ):
            look: dict[str, Any] = {"marker": "o", "color": colour, "markerfacecolor": face}
            curve = {r.config["epsilon"]: share(r, TABLE2, "paper", threshold) for r in found}
            left.plot(crossing(curve, 0.5) or np.nan, y, **look)
            lowest, n = min(rate(r.metrics, COMBINED, "paper", threshold) for r in found)
            right.plot(wilson(lowest, n, len(found)), (y, y), color=colour)
            right.plot(lowest / n, y, **look)
    for threshold, face in (("authors", INK), ("maximum", "white")):
        left.plot([], [], "o", color=INK, mfc=face, label=f"{THRESHOLDS[threshold]} threshold")
    left.set_yticks(range(len(runs)), [f"{kind}, {pair}" for pair, kind in runs])
    left.set(xlabel="$\\varepsilon$ from which Table II stays at 0.5", ylim=(len(runs) - 0.5, -0.5))
    right.set(xlabel="lowest point of Fig. 4", xlim=(-0.03, 1.03))
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def two_attackers(
    ledger: Mapping[str, Mapping[str, Sequence[Result]]], alone: Mapping[str, Sequence[Result]]
) -> Figure:
    """Draw the combined rate against both attackers, and what a network withstands `alone`."""
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, 3.0))
    name, styles = "correct or flagged", (("o", "-"), ("s", "--"), ("^", ":"))
    for kind, found in ledger.items():
        lines = {
            "as published": (found["as published"], name),
            "informed": (found[INFORMED], name),
            "no filter": (alone[kind], "accuracy"),
        }
        for (label, (results, shown)), (marker, style) in zip(lines.items(), styles, strict=True):
            counts = [rate(result.metrics, shown) for result in results]
            how = {"marker": marker, "linestyle": style, "markersize": 4}
            epsilons = [result.config["epsilon"] for result in results]
            draw_rate(axes, epsilons, counts, kind, label=f"{kind}, {label}", **how)
    axes.set(xlabel="$\\varepsilon$", ylabel=name, ylim=(-0.03, 1.03))
    legend_beside(axes)
    return figure


def explore_panel(
    model: nn.Module, image: Tensor, adversarial: Tensor, label: int, threshold: float
) -> Figure:
    """Draw an image of class `label`, (1, 1, 28, 28), and the attacked one as both judges see them.

    The figure's label says in words what network and detector find.
    """
    reading = detector.READINGS["paper"]
    assert isinstance(reading, detector.Detector)
    figure, (probabilities, scores) = _explore_ground().figure()
    pictures: list[tuple[Tensor, dict[str, Any]]] = [
        (adversarial[0, 0], {"cmap": "gray", "vmin": 0, "vmax": 1}),
        ((adversarial - image)[0, 0], {"cmap": DIVERGING, "vmin": -0.5, "vmax": 0.5}),
        (terms(reading, adversarial), {"cmap": "magma", "norm": PowerNorm(0.5, 0, TERM)}),
    ]
    for column, (picture, look) in zip(COLUMNS, pictures, strict=True):
        large = picture.numpy().repeat(ZOOM, 0).repeat(ZOOM, 1)
        look |= {"xo": column - len(large) // 2, "yo": MIDDLE - len(large) // 2}
        figure.figimage(large, **look)
    belief = draw_probabilities(probabilities, model, adversarial, label)
    alarm = draw_score(scores, reading, image, adversarial, threshold)
    figure.set_label(f"{belief}; {alarm}")
    return figure


@lru_cache
def _explore_ground() -> Ground:
    """Draw what stays in all panels: titles, and the axes of probabilities and of p-hat."""
    width, height = round(PAGE_WIDTH * DPI), 220
    figure = plt.figure(figsize=(width / DPI, height / DPI), layout="none")
    for column, title in zip(COLUMNS, SHOWN, strict=True):
        figure.text(column / width, 0.9, title, ha="center", fontsize=9)
    left, right = (figure.add_axes((x / width, 0.12, 116 / width, 0.76)) for x in (546, 714))
    left.set(xlim=(0, 1), ylim=(9.6, -0.6), yticks=range(10))
    left.set_xticks((0, 0.5, 1), ("0", "probability", "1"))
    right.set(xlim=(-0.5, 1.5), ylim=(0, SCORE), yticks=(0, 0.02, 0.04, 0.06))
    right.set_xticks((0, 1), ("benign", "attacked"))
    for axes in (left, right):
        axes.tick_params(labelsize=8)
    return Ground.of(figure, left, right)


def ideas(found: Mapping[str, Result]) -> Figure:
    """Draw for each idea how often the network is right and the filter raises an alarm.

    Args:
        found: by name, see `laboratory.beside`; the first is what the others are compared with.
    """
    figure, panels = plt.subplots(1, 2, figsize=(PAGE_WIDTH, 2.9), sharex=True, sharey=True)
    titles = {"accuracy": "the network is right", "flagged": "the filter raises an alarm"}
    for axes, (metric, title) in zip(panels, titles.items(), strict=True):
        for place, (name, result) in enumerate(found.items()):  # hollow: equal ones stay visible
            line = {"color": INK, "ls": "--"} if not place else {"color": PALETTE[place - 1]}
            look: dict[str, Any] = {"marker": "osD^v"[place], "mfc": "none", "ms": 4 + 2.5 * place}
            values = 100 * np.array(result.metrics[metric])
            axes.plot(result.metrics["epsilon"], values, label=name, **line, **look)
        axes.set(title=title, xlabel="$\\varepsilon$", ylim=(-3, 103))
    panels[0].set_ylabel("% of images")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), fontsize=9)
    return figure


@torch.no_grad()
def draw_probabilities(axes: Axes, model: nn.Module, image: Tensor, label: int) -> str:
    """Draw the ten class probabilities, and return in words which class wins.

    The true class is blue, a wrong winner orange.
    """
    probabilities = model(image).softmax(dim=1)[0]
    winner = int(probabilities.argmax())
    colours = [PALE] * len(probabilities)
    colours[winner] = PALETTE[1]
    colours[label] = PALETTE[0]
    axes.hlines(range(10), 0, probabilities.numpy(), colours, linewidth=8)
    verdict = "right" if winner == label else f"wrong, {winner}"
    _above(axes, f"network: {verdict}")
    return f"a {label}, read as {winner} with {100 * float(probabilities[winner]):.0f} %"


def draw_score(
    axes: Axes, reading: detector.Detector, image: Tensor, adversarial: Tensor, threshold: float
) -> str:
    """Draw p-hat of the benign and the attacked image against the threshold; return it in words."""
    scores = [float(reading.score(each)) for each in (image, adversarial)]
    flagged = scores[1] > threshold
    axes.vlines((0, 1), 0, scores, (PALE, PALETTE[1] if flagged else PALETTE[2]), linewidth=24)
    axes.axhline(threshold, color=INK, linestyle="--", linewidth=1.2)
    verdict = "flagged" if flagged else "not flagged"
    _above(axes, f"$\\hat p$: {verdict}")
    before, after = scores
    return f"p-hat {before:.3g} before, {after:.3g} after, threshold {threshold:.3g}: {verdict}"


def _above(axes: Axes, words: str) -> None:
    """Write a title; Matplotlib's own would look for ticks to avoid."""
    axes.text(0.5, 1.03, words, ha="center", fontsize=9, transform=axes.transAxes)


def moved(found: Sequence[Result]) -> Figure:
    """Draw p-hat and roughness over epsilon, the first layer as trained and moved.

    Means over images with 95 % intervals; `found` is of `mechanisms.moved`.
    """
    pairs = list(dict.fromkeys(result.config["pair"] for result in found))
    look: dict[str, Any] = {"figsize": (PAGE_WIDTH, 4.6), "sharex": True, "sharey": "row"}
    figure, grid = plt.subplots(2, len(pairs), squeeze=False, **look)
    for result in found:
        to, column = result.config["to"], pairs.index(result.config["pair"])
        colour = INK if to is None else PALETTE[MOVED_TO.index(to) - 1]
        label = f"moved to {to}" if to else "as trained"
        for axes, name in zip(grid[:, column], ("score", "rough"), strict=True):
            epsilons, values = result.config["epsilons"], result.metrics[name]
            axes.fill_between(
                epsilons,
                *np.transpose([*map(mean_interval, values)]),
                color=colour,
                alpha=0.2,
                lw=0,
            )
            axes.plot(epsilons, np.mean(values, axis=1), ".-", c=colour, label=label)
            axes.axvline(answers_from(result), color=colour, linestyle=":", linewidth=1.2)
        grid[0, column].set_title(f"robust, {result.config['pair']}")
        grid[1, column].set_xlabel("$\\varepsilon$")
    grid[0, 0].set_ylabel("$\\hat p$")
    grid[1, 0].set_ylabel("roughness of the change")
    handles = grid[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=len(MOVED_TO))
    return figure


def falling(found: Mapping[str, Result]) -> Figure:
    """Draw accuracy over epsilon beside the share of images predicted to withstand it.

    Args:
        found: by name, see `mechanisms.fall`.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(PAGE_WIDTH, 2.9), sharex=True, sharey=True)
    for (name, result), marker in zip(found.items(), "osD^", strict=False):
        epsilons = result.config["epsilons"]
        beyond = np.array(result.metrics["predicted"])[:, None] > epsilons
        left.plot(epsilons, np.mean(result.metrics["right"], axis=1), marker=marker, label=name)
        right.plot(epsilons, beyond.mean(axis=0), marker=marker)
    left.set(title="read correctly under attack", xlabel="$\\varepsilon$", ylabel="share of images")
    right.set(title="predicted from margin and slope", xlabel="$\\varepsilon$", ylim=(-0.03, 1.03))
    figure.legend(loc="outside upper center", ncols=2, fontsize=9)
    return figure
