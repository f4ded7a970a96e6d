"""Pictures of how DE-GAN is trained: who pulls where, and what happened (sections 3.1 and 4.1)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.book.show import INK, PAGE_WIDTH, PALE, PALETTE
from lib.faces import augment
from lib.faces.data.corpus import Faces
from lib.faces.de_gan import Judgement
from lib.faces.figures import grids
from lib.faces.runs import laboratory
from lib.faces.runs.checkpoints import Trained
from lib.runs.results import Result

LINES = {
    "discriminator": (PALETTE[1], "-", "D's loss (eq. 1)"),
    "generator": (PALETTE[2], "--", "G's loss (eq. 2)"),
    "reconstruction": (PALETTE[4], "-", "own identity: mean difference from the source"),
    "strength": (PALETTE[0], "-", "D's accuracy"),
}
MARKS = {  # of the shares of a study
    "expression": (PALETTE[0], "o", "the expression asked for"),
    "identity": (PALETTE[2], "s", "the person asked for"),
    "leak": (PALETTE[3], "D", "the person in the source"),
}
UP, DOWN = {"color": PALETTE[0]}, {"color": PALETTE[3], "hatch": "////"}


def pulls(
    gradients: Mapping[str, Judgement], expressions: Sequence[str], identities: Sequence[str]
) -> Figure:
    """Draw where a step pushes each logit of D, one row for each loss and picture.

    `gradients` are of the losses, with respect to the logits (1, n) of one picture; the rest names
    the entries of D's heads.
    """
    figure, grid = plt.subplots(
        len(gradients),
        2,
        figsize=(PAGE_WIDTH, 1.15 * len(gradients) + 0.5),
        sharey=True,
        sharex="col",
        squeeze=False,
        width_ratios=(len(expressions), len(identities)),
    )
    for row, (name, gradient) in zip(grid, gradients.items(), strict=True):
        for axes, names, slope in zip(row, (expressions, identities), gradient, strict=True):
            for place, value in enumerate(-slope[0].numpy()):
                axes.bar(place, value, 0.6, edgecolor="white", **(UP if value > 0 else DOWN))
            axes.set_xticks(range(len(names)), names)
            axes.axhline(0, color=INK, lw=0.8)
        row[0].set_title(f"{name}: expression", fontsize=9.5)
    grid[0, 1].set_title("identity", fontsize=9.5)
    figure.supylabel("push on the answer (− slope of the loss)", fontsize=9)
    return figure


def history(found: Trained) -> Figure:
    """Draw the losses of a training and how strong D was; -1 stands for what did not occur."""
    training, model, values = found.run["training"], found.run["model"], pd.DataFrame(found.history)
    values.index = (values.index + 0.5) * training["steps"] / training["intervals"]
    figure, rows = plt.subplots(
        3, 1, figsize=(PAGE_WIDTH, 4.6), sharex=True, height_ratios=(2, 1, 1.2)
    )
    panels = (("discriminator", "generator"), ("reconstruction",), ("strength",))
    for axes, names in zip(rows, panels, strict=True):
        for name in names:
            colour, style, label = LINES[name]
            drawn = values[name].where(values[name] >= 0)
            axes.plot(drawn, style, color=colour, label=label, lw=1.5)
        axes.axvspan(0, training["warm_up"], color=PALE, alpha=0.45, lw=0)
        if training["falling"]:
            axes.axvline(training["steps"] * (1 - training["falling"]), color=INK, lw=0.9, ls="--")
        axes.legend(fontsize=8.5, loc="lower right", bbox_to_anchor=(1, 0.97), ncols=2, borderpad=0)
    ignorant = math.log(model["expressions"] + 1) + math.log(model["identities"])
    rows[0].axhline(ignorant, color=INK, lw=0.9, ls=":")
    words: dict[str, Any] = {"ha": "right", "va": "bottom", "fontsize": 8}
    rows[0].annotate("eq. 2 where D has no idea", (training["steps"], ignorant), **words)
    rows[2].axhline(training["strong"], color=INK, lw=0.9, ls=":")
    rows[0].set(ylabel="loss", ylim=(0, None))
    rows[2].set(xlabel="steps", ylabel="accuracy", xlim=(0, training["steps"]), ylim=(0, 1.05))
    return figure


def shares(found: Mapping[str, Result]) -> Figure:
    """Draw what judges see in the pictures of each study, one training each: without intervals."""
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, 0.36 * len(found) + 1.1))
    for offset, (share, (colour, mark, label)) in zip((-0.2, 0, 0.2), MARKS.items(), strict=True):
        values = [100 * result.metrics[share]["value"] for result in found.values()]
        places = np.arange(len(values)) + offset
        axes.plot(values, places, mark, color=colour, markersize=5, label=label)
    ceiling = next(iter(found.values())).metrics["ceiling"]
    for share in ("expression", "identity"):
        colour = MARKS[share][0]
        axes.axvline(100 * ceiling[share]["value"], color=colour, lw=1, ls=":")
    axes.set_yticks(range(len(found)), list(found))
    axes.set(
        ylim=(len(found) - 0.5, -0.5), xlim=(-2, 102), xlabel="pictures in which judges see, %"
    )
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def ideas(found: Mapping[str, Result], faces: Faces) -> Figure:
    """Draw the faces that ideas lead to under who lends and who borrows, see `laboratory.beside`.

    `faces` are the pictures of the laboratory that no idea was trained on.
    """

    def real(people: Sequence[int]) -> np.ndarray:
        rows = [laboratory.portraits(faces, each) for each in people]
        return augment.pixels(augment.centre(faces.take(np.concatenate(rows)).images))

    borrowers = laboratory.BORROWERS
    known = [real([laboratory.LENDER] * len(borrowers)), real(borrowers)]
    strips = [*known, *map(laboratory.faces_of, found.values())]
    columns = [f"{name}\non person {each}" for each in borrowers for name in faces.classes]
    rows = [f"lent by person {laboratory.LENDER}", "their own", *found]
    return grids.grid_of(np.stack(strips), rows=rows, columns=columns)
