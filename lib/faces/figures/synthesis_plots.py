"""The pictures and tables of chapter 23: faces made, what judges see, what each layer knows."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.book.show import INK, PAGE_WIDTH, PALETTE
from lib.faces import augment
from lib.faces.data.corpus import Faces
from lib.faces.de_gan import Generator
from lib.faces.figures import grids
from lib.faces.figures.grids import FONT
from lib.faces.runs import knowledge as knows
from lib.faces.runs.synthesis import Cast, codes, crossed, portraits, synthesise
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
SEEN = {  # in real people, and what a guess is one about
    "smile": ("the expression asked for (probe of the expression judge's features)", "expression"),
    "happier": ("more happiness where a smile was asked for (expression judge)", "expression"),
    "identity": ("the person asked for (nearest in the identity judge's features)", "identity"),
    "pixels": ("the person asked for (nearest in 8 × 8 pixels)", "identity"),
    "leak": ("the lender (nearest in the identity judge's features)", "identity"),
}
NETWORKS = {  # whose features are probed
    "de_gan": (PALETTE[0], "o", "-", "DE-GAN's encoder"),
    "supervised": (PALETTE[2], "^", "--", "supervised encoder"),
}
CODE_LABELS = {"de_gan": (1, 10), "supervised": (4, -20)}  # where they stand beside their points
FEATURES = ("pixels", "map 1", "map 2", "map 3", "f(x)")

WIDTH = 5.1  # inches of the grid: faces take bytes
FEW = 10  # people whom a judge hardly knows
LABEL, FACE = 0.8, 0.56  # inches: labels at the left, and a face of real people
LEVEL = 8  # of each colour from one shade to the next: fewer bytes than with grids.grid_of's 6


def grid(cast: Cast) -> Figure:
    """Draw one stranger's face for each expression, put on every borrower."""
    own = portraits(cast.profile, cast.corpus, cast.borrowers)
    sources, targets = _pictures(cast.strangers.images[cast.chosen]), _pictures(own)
    sheet = crossed(targets, sources, augment.pixels(cast.made[:, cast.borrowers]))
    people = [f"person {number}" for number in cast.borrowers]
    rows, columns = ["the target", *cast.names], ["the source", *people]
    return _faces(cast, sheet, rows, columns, width=WIDTH)


def real_people(
    generator: Generator, faces: Faces, people: Sequence[int], smiling: str = "smiling"
) -> Figure:
    """Draw real people, neutral and smiling, and their faces as two others lent theirs.

    Faces are photographs, each person's neutral one before the smile. People are who borrows and,
    as the last two, who lends; `smiling` stands beside the borrowers' own smiles.
    """
    assert isinstance(faces.images, np.ndarray)
    own = faces.images.reshape(-1, len(faces.classes), *faces.images.shape[1:])
    borrowers, lenders = people[:-2], people[-2:]
    lent = own[lenders][:, ::-1].reshape(-1, *own.shape[2:])  # the smile first
    made = synthesise(generator, codes(generator, lent), borrowers)[:, :, 0]
    known, kept = (_pictures(own[borrowers, place]) for place in range(2))
    inner = np.concatenate([kept[None], augment.pixels(made)])
    left = np.concatenate([np.full_like(known[:1], 255), _pictures(lent)])
    rows = ["neutral", smiling, *["smile lent", "neutral lent"] * 2]
    sheet, columns = crossed(known, left, inner), ["lender", *map(str, borrowers)]
    width = LABEL + FACE * len(columns)
    return _in_few_shades(grids.grid_of(sheet, rows=rows, columns=columns, width=width))


def _pictures(images: np.ndarray | Rows) -> np.ndarray:
    """Return the centres of pictures as they are drawn, (n, side, side, 3) uint8."""
    return augment.pixels(augment.centre(images))


def hardly_known(cast: Cast) -> Figure:
    """Draw whom a judge knows in the fewest of their synthesised faces, with one lent smile."""
    people = cast.recognised.sum(axis=0).argsort(kind="stable")[:FEW].tolist()
    smile = cast.names.index("happiness")
    own = _pictures(portraits(cast.profile, cast.corpus, people))
    lent = augment.pixels(cast.made[smile, people])
    source = _pictures(cast.strangers.images[cast.chosen[smile]][None])
    sheet = np.stack([np.concatenate(row) for row in ([source, own], [255 | source, lent])])
    counts = cast.recognised[:, people].sum(axis=0)
    columns = ["the source", *(f"{who}: {n}" for who, n in zip(people, counts, strict=True))]
    return _faces(cast, sheet, ["rendered", "synthesised"], columns, width=PAGE_WIDTH)


def _faces(
    cast: Cast, sheet: np.ndarray, rows: Sequence[str], columns: Sequence[str], width: float
) -> Figure:
    """Draw a grid of faces, in few shades, where they may be shown."""

    def draw() -> Figure:
        return _in_few_shades(grids.grid_of(sheet, rows=rows, columns=columns, width=width))

    return grids.shown(cast.corpus, draw)


def _in_few_shades(figure: Figure) -> Figure:
    """Return a figure with its pictures in steps of LEVEL; white stays white."""
    for drawn in figure.images:
        drawn.set_data(np.asarray(drawn.get_array()) // LEVEL * LEVEL + LEVEL - 1)
    return figure


def chances(found: Result) -> dict[str, float]:
    """Return how often each of SHARES would be seen by who guesses.

    The source is never the person asked for: what is seen as that person leaves the others to err.
    """
    people, seen = found.config["sizes"]["people"], found.metrics["transfer"]
    leak = (1 - seen["identity"]["value"]) / (people - 1)
    return {"expression": 1 / len(seen["classes"]), "identity": 1 / people, "leak": leak}


def share_table(found: Result) -> pd.DataFrame:
    """Return what judges see in synthesised and in other pictures, in percent with intervals."""
    rows, others = [], "photographs" if found.config.get("rung") == "original" else "renderings"
    for share, (ceiling, label) in SHARES.items():
        row: dict[str, Any] = {"judges see": label}
        for sources, name in SOURCES.items():
            row[name] = percent(found.metrics[sources].get(share))
        row[others] = percent(found.metrics["ceiling"].get(ceiling))
        rows.append(row | {"chance": f"{100 * chances(found)[share]:.1f}"})
    return pd.DataFrame(rows)


def real_table(found: Result) -> pd.DataFrame:
    """Return what judges see in real people with borrowed faces, in percent with intervals."""
    chance = {about: f"{100 * each:.1f}" for about, each in _chance(found).items()}
    rows = []
    for seen, (words, about) in SEEN.items():
        made, real = (found.metrics[name].get(seen) for name in ("transfer", "photographs"))
        row = {"judges see": words, "synthesised": percent(made), "photographs": percent(real)}
        rows.append(row | {"chance": chance[about]})
    return pd.DataFrame(rows)


def percent(estimate: Mapping[str, float] | None) -> str | None:
    """Return a share in percent with its interval as text; None for none."""
    if estimate is None:
        return None
    value, low, high = (100 * estimate[name] for name in ("value", "low", "high"))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"


def _chance(found: Result) -> dict[str, float]:
    """Return what a guess would do for identity and expression; it is one for all features."""
    return {
        about: knows.row(found.metrics, "de_gan", "f(x)", about)["chance"]
        for about in ("identity", "expression")
    }


def knowledge(rendered: Result, real: Result) -> Figure:
    """Draw how much of identity and expression each layer of both networks knows.

    Arrows lead from the pixels, common to both, through each network's maps to f(x).
    """
    figure, panels = plt.subplots(1, 2, figsize=(PAGE_WIDTH, 4.4), sharey=True)
    titles = "rendered people: seven expressions", "photographs: neutral or smiling"
    for axes, found, title in zip(panels, (rendered, real), titles, strict=True):
        _layers(axes, found)
        _corners(axes, found)
        axes.set_title(title)
    panels[0].set_ylabel("expression of people never met, % right")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, fontsize=FONT)
    return figure


def _layers(axes: Axes, found: Result) -> None:
    """Draw the way of each network from the pixels to f(x)."""
    for network, (colour, mark, line, name) in NETWORKS.items():
        points = np.array([_point(found, network, features) for features in FEATURES])
        for start, end in zip(points[:-1, :, 0], points[1:, :, 0], strict=True):
            arrow = {"arrowstyle": "-|>", "color": colour, "ls": line, "lw": 1.6, "shrinkB": 5}
            axes.annotate("", end, start, arrowprops=arrow)
        for place, (identity, expression) in enumerate(points):
            look = (colour, mark) if place else (INK, "*")
            _crossed(axes, identity, expression, *look)
        for features, point in zip(FEATURES[1:-1], points[1:-1, :, 0], strict=True):
            inside: dict[str, Any] = {"color": "white", "fontsize": 6.5, "weight": "bold"}
            inside |= {"ha": "center", "va": "center_baseline", "zorder": 4}
            axes.text(point[0], point[1], features.removeprefix("map "), **inside)
        style: dict[str, Any] = {"xytext": CODE_LABELS[network], "textcoords": "offset points"}
        axes.annotate(FEATURES[-1], tuple(points[-1, :, 0]), color=colour, fontsize=FONT, **style)
        axes.plot([], [], color=colour, marker=mark, ls=line, label=name)


def _point(found: Result, network: str, features: str) -> list[list[float]]:
    """Return identity and expression of some features: value, low and high each, in percent."""
    rows = (
        knows.row(found.metrics, network, features, each) for each in ("identity", "expression")
    )
    return [[100 * row[end] for end in ("value", "low", "high")] for row in rows]


def _crossed(
    axes: Axes, identity: np.ndarray, expression: np.ndarray, colour: str, mark: str
) -> None:
    """Draw a point with its intervals in both directions."""
    (x, left, right), (y, below, above) = identity, expression
    across, up = [[x - left], [right - x]], [[y - below], [above - y]]
    style: dict[str, Any] = {"fmt": mark, "color": colour, "markersize": 10, "elinewidth": 1.1}
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
    axes.annotate("all expression, no identity", claimed, xytext=(9, 7), style="italic", **where)
    axes.set_xlabel("identity, % right")
    right = max(row["high"] for row in found.metrics["probes"] if row["about"] == "identity")
    axes.set(xlim=(0, min(103, 100 * right + 8)), ylim=(0, 108))
