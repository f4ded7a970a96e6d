"""The paper's sets and the faces at hand, as tables and pictures (sections 4.1 and 4.2)."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lib.book.show import PAGE_WIDTH
from lib.faces.data import originals
from lib.faces.data.corpus import Corpus
from lib.faces.runs.profiles import Profile

SHORT = {name: short for short, name in originals.RECOGNITION.items()}  # in Corpus.sets


def sets(published: Sequence[Mapping[str, Any]], profile: Profile, corpus: Corpus) -> pd.DataFrame:
    """Return what the paper says of its sets, and what stands in their place here.

    `published` are the rows of data/paper/part2_protocol.json.
    """
    rows = []
    for row in published:
        said = {key: "–" if row[key] is None else f"{row[key]:,}" for key in ("people", "images")}
        used = {"set": row["title"], "used for": row["used"]}
        rows.append(used | said | _here(str(row["set"]), profile, corpus))
    return pd.DataFrame(rows)


def _here(name: str, profile: Profile, corpus: Corpus) -> dict[str, str]:
    """Return people and images of what stands for a set, from its shape: nothing is rendered."""
    if corpus.rung == "original":
        if not originals.present(name):
            return {"people here": "–", "images here": "–"}
        faces = corpus.sets[SHORT[name]]() if name in SHORT else corpus.pretraining()
        people, images = faces.people, len(faces.images)
    elif name == originals.PRETRAINING:
        people = profile.sizes.people
        images = people * profile.sizes.frames * len(originals.SETS["ck_plus"].classes)
    elif SHORT[name] in profile.sizes.shapes:
        shape = profile.sizes.shapes[SHORT[name]]
        people, images = shape.people, sum(shape.sequences.values()) * shape.frames
    else:
        return {"people here": "–", "images here": "–"}
    return {"people here": f"{people:,}", "images here": f"{images:,}"}


def explained(mean: np.ndarray, shares: Mapping[str, np.ndarray]) -> Figure:
    """Draw the mean picture, and which share of each pixel's deviations a factor explains.

    Args:
        mean: (h, w, 3), 0 to 255.
        shares: by factor, (h, w), 0 to 1; each has its own scale.
    """
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
