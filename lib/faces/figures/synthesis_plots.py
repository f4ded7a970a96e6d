"""The pictures and tables of chapter 23: faces made, what judges see, what each layer knows."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lib.book.show import INK, PAGE_WIDTH, PALETTE
from lib.faces import augment
from lib.faces.figures import grids
from lib.faces.figures.grids import MARKERS
from lib.faces.runs.synthesis import (
    Cast,
    acquaintances,
    codes,
    crossed,
    one_of_each,
    portraits,
    synthesise,
    worst,
)
from lib.runs.results import Result
from lib.runs.rows import Rows

SHARES = {  # what judges see: the name of the ceiling, if there is one, and what it is
    "expression": ("expression", "the expression asked for"),
    "identity": ("identity", "the person asked for"),
    "leak": ("", "the person in the source"),
}
SOURCES = {  # of synthesised pictures
    "transfer": "from people it knew",
    "strangers": "from strangers",
}
NETWORKS = {  # whose features are probed
    "de_gan": (PALETTE[0], "o", "-", "DE-GAN", "DE-GAN's encoder"),
    "supervised": (PALETTE[3], "s", "--", "control", "control, trained on expressions alone"),
}
LABELS: dict[str, dict[str, Any]] = {  # where they stand beside their points
    "de_gan": {"xytext": (8, 6), "textcoords": "offset points"},
    "supervised": {"xytext": (-7, -14), "textcoords": "offset points", "ha": "right"},
}
FEATURES = ("pixels", "map 1", "map 2", "map 3", "f(x)")
LIKELY = 0.5  # belief from which on a face counts as read
LIKELIEST = 4  # expressions drawn below a walk
FONT = 9
WIDTHS = {"grid": 5.1, "known": 5.2, "draws": 3.8, "failures": 2.9}  # inches: faces take bytes
LEVEL = 8  # of each colour from one shade to the next: fewer bytes than with grids.grid_of's 6
SIDE, BREADTH = 76, 0.84  # of a face on a walk: in pixels, and as a share of a step
STEPS = 7  # of a walk


def grid(cast: Cast) -> Figure:
    """Draw one stranger's face for each expression, put on every borrower."""
    own = portraits(cast.profile, cast.corpus, cast.borrowers)
    sources, targets = _pictures(cast.strangers.images[cast.chosen]), _pictures(own)
    sheet = crossed(targets, sources, augment.pixels(cast.made[:, cast.borrowers]))
    people = [f"person {number}" for number in cast.borrowers]
    rows, columns = ["the target", *cast.names], ["the source", *people]
    return _faces(cast, sheet, rows, columns, width=WIDTHS["grid"])


def _pictures(images: np.ndarray | Rows) -> np.ndarray:
    """Return the centres of pictures as they are drawn, (n, side, side, 3) uint8."""
    return augment.pixels(augment.centre(images))


def grid_known(cast: Cast, person: int) -> Figure:
    """Draw one known person's face for each expression, put on somebody."""
    known = acquaintances(cast.profile, cast.corpus)
    known = known.take(one_of_each(known))
    made = synthesise(cast.generator, codes(cast.generator, known.images), [person])[:, 0, 0]
    sheet = np.stack([_pictures(known.images), augment.pixels(made)])
    columns = [known.classes[label] for label in known.expressions]
    return _faces(cast, sheet, ["the source", f"person {person}"], columns, width=WIDTHS["known"])


def draws(cast: Cast, z: Tensor) -> Figure:
    """Draw the first and the last expression, put on person 0 with each draw of z (d, 50)."""
    rows = cast.chosen[[0, -1]]
    made = synthesise(cast.generator, cast.codes[rows], [0], z)[:, 0]
    sources = _pictures(cast.strangers.images[rows])
    sheet = np.concatenate([sources[:, None], augment.pixels(made)], axis=1)
    columns = ["the source", *(f"z {number}" for number in range(1, len(z) + 1))]
    return _faces(cast, sheet, [cast.names[0], cast.names[-1]], columns, width=WIDTHS["draws"])


def failures(cast: Cast) -> Figure:
    """Draw the worst transfer of each expression, right of its source and left of its target."""
    sources, people = worst(cast.belief)
    made = cast.made[sources, people]
    seen = cast.panel(made).expression.argmax(1)
    rows = [
        f"{cast.names[source]},\nseen as {cast.panel.classes[label]}"
        for source, label in zip(sources, seen, strict=True)
    ]
    lenders = _pictures(cast.strangers.images[cast.chosen[sources]])
    targets = _pictures(portraits(cast.profile, cast.corpus, people.tolist()))
    sheet = np.stack([lenders, augment.pixels(made), targets], axis=1)
    return _faces(cast, sheet, rows, ["source", "made", "target"], width=WIDTHS["failures"])


def census(cast: Cast) -> Figure:
    """Draw for how many people none, one, ... or all expressions arrive, and they themselves."""
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, 2.5))
    counted = ((cast.belief > LIKELY).sum(axis=0), cast.recognised.sum(axis=0))
    names = ("the expression asked for", "the person asked for")
    styles = ({"color": PALETTE[0]}, {"color": PALETTE[2], "hatch": "////"})
    for offset, each, name, style in zip((-0.2, 0.2), counted, names, styles, strict=True):
        heights = np.bincount(each, minlength=len(cast.made) + 1)
        places = np.arange(len(heights))
        axes.bar(places + offset, heights, 0.38, label=name, edgecolor="white", **style)
    axes.set(xlabel=f"of {len(cast.made)} faces, in how many judges see", ylabel="people")
    axes.set_xticks(places)
    axes.grid(axis="x", visible=False)
    figure.legend(loc="outside upper center", ncols=2, fontsize=FONT)
    return figure


def _faces(
    cast: Cast, sheet: np.ndarray, rows: Sequence[str], columns: Sequence[str], width: float
) -> Figure:
    """Draw a grid of faces, in few shades, where they may be shown."""

    def draw() -> Figure:
        figure = grids.grid_of(sheet, rows=rows, columns=columns, width=width)
        for drawn in figure.images:
            drawn.set_data(_shaded(np.asarray(drawn.get_array())))
        return figure

    return grids.shown(cast.corpus, draw)


def _shaded(picture: np.ndarray) -> np.ndarray:
    """Return a picture in steps of LEVEL; white stays white."""
    return picture // LEVEL * LEVEL + LEVEL - 1


def walk(cast: Cast, start: int, end: int, person: int) -> Figure:
    """Draw the way from one code to another on one person, and what a judge sees on it.

    It leads from one of the chosen strangers to another, by their places.
    """
    ends = cast.codes[cast.chosen[[start, end]]]
    path = torch.lerp(ends[0], ends[1], torch.linspace(0, 1, STEPS)[:, None])
    made = synthesise(cast.generator, path, [person])[:, 0, 0]
    belief = cast.panel(made).expression.softmax(1).numpy()
    faces, names = augment.pixels(made), cast.panel.classes
    return grids.shown(
        cast.corpus, lambda: way(faces, belief, names, (cast.names[start], cast.names[end]))
    )


def way(faces: np.ndarray, belief: np.ndarray, names: Sequence[str], ends: Sequence[str]) -> Figure:
    """Draw faces in a row, and below each what a judge sees: both ends, and what is likeliest.

    Args:
        faces: (steps, side, side, 3) uint8.
        belief: (steps, classes), probabilities.
        names: of the classes.
        ends: the classes that the walk leads from and to.
    """
    figure, (strip, axes) = plt.subplots(
        2, 1, figsize=(PAGE_WIDTH, 2.9), sharex=True, height_ratios=(1.0, 1.3)
    )
    _strip(strip, faces)
    likeliest = np.argsort(-belief.max(axis=0), kind="stable")[:LIKELIEST].tolist()
    for label in sorted({*likeliest, *map(names.index, ends)}):
        style: dict[str, Any] = {"color": PALETTE[label], "marker": MARKERS[label], "markersize": 4}
        axes.plot(100 * belief[:, label], label=names[label], **style)
    steps = len(faces)
    axes.set_xticks(range(steps), [f"{place / (steps - 1):.2g}" for place in range(steps)])
    axes.set(ylim=(-4, 104), yticks=(0, 50, 100), ylabel="judge, %")
    axes.set(xlabel="share of the way", xlim=(-0.5, steps - 0.5))
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=FONT)
    return figure


def _strip(axes: Axes, faces: np.ndarray) -> None:
    """Show pictures side by side, one at each whole number."""
    axes.axis("off")
    for place, face in enumerate(faces):
        large = cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_LANCZOS4)
        extent = (place - BREADTH / 2, place + BREADTH / 2, 0.0, BREADTH)
        axes.imshow(_shaded(large), extent=extent, interpolation="nearest", aspect="equal")
    axes.set(xlim=(-0.5, len(faces) - 0.5), ylim=(0, BREADTH))


def chances(found: Result) -> dict[str, float]:
    """Return how often each of SHARES would be seen by who guesses.

    The source is never the person asked for: what is seen as that person leaves the others to err.
    """
    people = found.config["sizes"]["people"]
    classes = len(found.metrics["transfer"]["classes"])
    elsewhere = 1 - found.metrics["transfer"]["identity"]["value"]
    leak = elsewhere / (people - 1)
    return {"expression": 1 / classes, "identity": 1 / people, "leak": leak}


def share_table(found: Result) -> pd.DataFrame:
    """Return what judges see in synthesised and in real pictures, in percent with intervals."""
    rows = []
    for share, (ceiling, label) in SHARES.items():
        row: dict[str, Any] = {"judges see": label}
        for sources, name in SOURCES.items():
            row[name] = percent(found.metrics[sources].get(share))
        row["real pictures"] = percent(found.metrics["ceiling"].get(ceiling))
        rows.append(row | {"chance": f"{100 * chances(found)[share]:.1f}"})
    return pd.DataFrame(rows)


def percent(estimate: Mapping[str, float] | None) -> str | None:
    """Return a share in percent with its interval as text; None for none."""
    if estimate is None:
        return None
    value, low, high = (100 * estimate[name] for name in ("value", "low", "high"))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"


def confusions(found: Result) -> Figure:
    """Draw what judges see for each expression asked for, in percent of its pictures."""
    figure, panels = plt.subplots(1, len(SOURCES), figsize=(PAGE_WIDTH, 4.6), sharey=True)
    for axes, (sources, name) in zip(panels, SOURCES.items(), strict=True):
        classes = found.metrics[sources]["classes"]
        counts = np.array(found.metrics[sources]["confusion"])
        grids.confusion(axes, counts, classes)
        axes.set(title=name, xlabel="seen")
    panels[0].set_ylabel("asked for")
    return figure


def probe_table(found: Result) -> pd.DataFrame:
    """Return what probes read from each kind of features, in percent with intervals."""
    table: dict[str, list[str | None]] = {"features": [*FEATURES, "chance"]}
    for network, (*_, name, _) in NETWORKS.items():
        for about, chance in _chance(found).items():
            read = [percent(probed(found, network, features, about)) for features in FEATURES]
            table[f"{name}: {about}"] = [*read, f"{100 * chance:.1f}"]
    return pd.DataFrame(table)


def probed(found: Result, network: str, features: str, about: str) -> dict[str, Any]:
    """Return one row of `knowledge.find`'s probes."""
    wanted = {"network": network, "features": features, "about": about}
    return next(row for row in found.metrics["probes"] if wanted.items() <= row.items())


def _chance(found: Result) -> dict[str, float]:
    """Return what a guess would do for identity and expression; it is one for all features."""
    return {
        about: probed(found, "de_gan", "f(x)", about)["chance"]
        for about in ("identity", "expression")
    }


def knowledge(found: Result) -> Figure:
    """Draw how much of identity and expression each layer of both networks knows.

    One arrow leads from the pixels, common to both, through each network's maps to f(x).
    """
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, 5.0))
    for network, (colour, mark, style, _, name) in NETWORKS.items():
        points = np.array([_point(found, network, features) for features in FEATURES])
        for start, end in zip(points[:-1, :, 0], points[1:, :, 0], strict=True):
            arrow = {"arrowstyle": "-|>", "color": colour, "ls": style, "lw": 1.6, "shrinkB": 5}
            axes.annotate("", end, start, arrowprops=arrow)
        for place, (identity, expression) in enumerate(points):
            look = (colour, mark) if place else (INK, "*")
            _crossed(axes, identity, expression, *look)
        for features, point in zip(FEATURES[1:], points[1:, :, 0], strict=True):
            axes.annotate(features, point, color=colour, fontsize=FONT, **LABELS[network])
        axes.plot([], [], color=colour, marker=mark, ls=style, label=name)
    _corners(axes, found)
    figure.legend(loc="outside upper center", ncols=2, fontsize=FONT)
    return figure


def _point(found: Result, network: str, features: str) -> list[list[float]]:
    """Return identity and expression of some features: value, low and high each, in percent."""
    return [
        [100 * probed(found, network, features, about)[end] for end in ("value", "low", "high")]
        for about in ("identity", "expression")
    ]


def _crossed(
    axes: Axes, identity: np.ndarray, expression: np.ndarray, colour: str, mark: str
) -> None:
    """Draw a point with its intervals in both directions."""
    (x, left, right), (y, below, above) = identity, expression
    across, up = [[x - left], [right - x]], [[y - below], [above - y]]
    style: dict[str, Any] = {"fmt": mark, "color": colour, "markersize": 7, "elinewidth": 1.1}
    axes.errorbar(x, y, xerr=across, yerr=up, **style)


def _corners(axes: Axes, found: Result) -> None:
    """Draw the lines of chance, name the pixels, and say in which corner the paper's f(x) lies."""
    chance = {about: 100 * each for about, each in _chance(found).items()}
    axes.axvline(chance["identity"], color=INK, lw=1.1, ls=":")
    axes.axhline(chance["expression"], color=INK, lw=1.1, ls=":")
    (across, *_), (up, *_) = _point(found, "de_gan", "pixels")
    where: dict[str, Any] = {"textcoords": "offset points", "color": INK, "fontsize": FONT}
    axes.annotate("pixels", (across, up), xytext=(7, -12), **where)
    claimed = (chance["identity"], 100.0)
    axes.plot(*claimed, "*", color=INK, markerfacecolor="none", markersize=9, clip_on=False)
    axes.annotate("all expression, no identity", claimed, xytext=(9, 4), style="italic", **where)
    axes.set(
        xlabel="probe for identity, % right (people known)",
        ylabel="probe for expression, % right (strangers)",
    )
    right = max(row["high"] for row in found.metrics["probes"] if row["about"] == "identity")
    axes.set(xlim=(0, min(103, 100 * right + 8)), ylim=(0, 106))
