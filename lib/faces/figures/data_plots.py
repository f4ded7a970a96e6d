"""The paper's sets and the faces at hand, as tables and pictures (sections 4.1 and 4.2)."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.book import data_root
from lib.book.show import PAGE_WIDTH
from lib.faces.data import originals
from lib.faces.data.corpus import EXPRESSIONS, Corpus
from lib.faces.runs.profiles import Profile

SHORT = {name: short for short, name in originals.RECOGNITION.items()}  # in Corpus.sets


def sets(published: Sequence[Mapping[str, Any]], profile: Profile, corpus: Corpus) -> pd.DataFrame:
    """Return what the paper says of its sets, and what stands in their place here.

    `published` are the rows of data/paper/part2_protocol.json.
    """
    rows = []
    for row in published:
        counts = row["people"], row["images"], *_here(str(row["set"]), profile, corpus)
        said = ["–" if each is None else f"{each:,}" for each in counts]
        columns = ("people", "images", "people here", "images here")
        used = {"set": row["title"], "used for": row["used"]}
        rows.append(used | dict(zip(columns, said, strict=True)))
    return pd.DataFrame(rows)


def _here(name: str, profile: Profile, corpus: Corpus) -> tuple[int | None, int | None]:
    """Return people and images of what stands for a set, from its shape: nothing is rendered."""
    sizes = profile.sizes
    if corpus.rung == "original" and data_root.present(name):
        faces = corpus.sets[SHORT[name]]() if name in SHORT else corpus.pretraining()
        return faces.people, len(faces.images)
    if corpus.rung != "original" and name == originals.PRETRAINING:
        return sizes.people, sizes.people * sizes.frames * len(EXPRESSIONS)
    if corpus.rung != "original" and SHORT[name] in sizes.shapes:
        shape = sizes.shapes[SHORT[name]]
        return shape.people, sum(shape.sequences.values()) * shape.frames
    return None, None


def explained(mean: np.ndarray, shares: Mapping[str, np.ndarray]) -> Figure:
    """Draw the mean picture (h, w, 3), and which share (h, w) of each pixel a factor explains."""
    figure, panels = plt.subplots(1, 1 + len(shares), figsize=(PAGE_WIDTH, 2.5))
    panels[0].imshow(mean.round().astype(np.uint8), interpolation="bicubic")
    panels[0].set_title("mean of all pictures", fontsize=10)
    for axes, (name, share) in zip(panels[1:], shares.items(), strict=True):
        image = axes.imshow(100 * share, cmap="viridis", vmin=0, interpolation="nearest")
        axes.set_title(f"{name} explains", fontsize=10)
        bar = figure.colorbar(image, ax=axes, shrink=0.85, format="%g %%")
        bar.outline.set_visible(False)
    for axes in panels:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    return figure
