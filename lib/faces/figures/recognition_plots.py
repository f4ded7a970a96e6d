"""Tables 1 to 3 and the comparisons beside them: who recognises strangers, and how often."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.book.show import INK, PAGE_WIDTH, PALETTE
from lib.faces import protocol
from lib.faces.protocol import Estimate
from lib.faces.runs.verdicts import NAMES, PUBLISHED, SETS, Judge
from lib.runs.results import Result

STYLES = {  # colour and mark of a method
    "cnn": (PALETTE[7], "s"),
    "de_gan": (PALETTE[0], "o"),
    "supervised": (PALETTE[2], "^"),
}
OTHERS = (PALETTE[4], "D")  # of all other methods


def table(judge: Judge) -> pd.DataFrame:
    """Return Tables 1 to 3: baseline and DE-GAN in the paper, and here where a set is there."""
    rows = []
    for name, title in SETS.items():
        ours = judge.tables.get(name, {})
        for method, words in PUBLISHED.items():
            row = {"set": title, "method": words, "paper": judge.published(name, method)}
            if ours.get(method):
                found = protocol.table({words: protocol.pool(ours[method])}, {}).iloc[0]
                for measure in protocol.MEASURES:
                    row[measure] = f"{found[measure]:.1f} ({found[f'{measure}: 95 %']})"
            rows.append(row)
    return pd.DataFrame(rows)


def controls(runs: Mapping[str, Sequence[Result]]) -> Figure:
    """Draw the accuracy of each method on a set, and what it gains over DE-GAN.

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
        gained = protocol.gain(own, runs["de_gan"])
        if gained is not None and method != "de_gan":
            _bar(right, gained, y, method, whole)
    left.set_yticks(range(len(runs)), [NAMES[method] for method in runs])
    left.set(title="accuracy", xlabel="percent of images", ylim=(len(runs) - 0.5, -0.5))
    right.set(title="less DE-GAN's", xlabel="points")
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
