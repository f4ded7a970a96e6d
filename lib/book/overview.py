"""What the first and the last page show: small pictures, paths, this machine, and all claims."""

import json
import os
from collections.abc import Iterator, Sequence

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from lib.book import chapters, check, claims
from lib.book.chapters import select
from lib.book.files import REPOSITORY
from lib.book.show import DPI, INK, PAGE_WIDTH, PALE, PALETTE, costs

SHARE = 0.66  # of the side of a picture that is left in its thumbnail
LOOKS = {
    claims.HOLDS: {"color": PALETTE[0]},
    claims.FAILS: {"color": PALETTE[1], "hatch": "..."},
    claims.UNDECIDED: {"color": PALE},
}
PROFILES = {
    "smoke": "proof that every line runs, on tiny data; its numbers mean nothing",
    "quick": "findings on less data and with smaller networks than the papers'; what is stored is "
    "shown, and what you delete is computed again",
    "paper": "the published protocols; meant for a GPU or many cores",
}


def thumbnail(figure: Figure) -> Figure:
    """Return a figure with the same picture, smaller, and the same label; close the first one."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    width, height = (round(SHARE * side) for side in picture.size)
    small = picture.resize((width, height), Image.Resampling.LANCZOS)
    plt.close(figure)
    made = plt.figure(figsize=(width / DPI, height / DPI), dpi=DPI, layout="none")
    made.figimage(np.asarray(small))
    made.set_label(figure.get_label())
    return made


def minutes(names: Sequence[str], profile: str) -> str:
    """Return how long the chapters with these names (see `chapters.select`) run, as measured."""
    found = [costs().get(path.stem, {}).get(profile) for path in select(list(names))]
    if None in found:
        return "not measured yet"
    return f"{sum(each['minutes'] for each in found if each):.1f} min"


def process_hours(part: str) -> float:
    """Return how long one process took for a part's stored results and shipped networks, in hours.

    It is the sum of what their files say; a shipped network of a stored result counts once.
    """
    files = [
        *(REPOSITORY / "data" / "results" / part).glob("*/*.json"),
        *(REPOSITORY / "data" / "checkpoints").glob(f"{part}_*.json"),
    ]
    contents = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    made = [content["provenance"] for content in contents if "result" not in content]
    return sum(origin["seconds"] for origin in made) / 3600


def machine(profile: str) -> str:
    """Return in Markdown what this machine has for the book, and what that means.

    The runner's pages do not say it: they are the same wherever they are made.
    """
    rows = ["| what | here | which means |", "|---|---|---|"]
    rows += [f"| {' | '.join(row)} |" for row in _machine(profile)]
    asked = "*Run this cell, or `./run_all.sh --check`, and it says what your machine has.*"
    return asked if os.environ.get("BOOK_HEADLESS") else "\n".join(rows)


def _machine(profile: str) -> Iterator[tuple[str, str, str]]:
    yield "profile", profile, PROFILES[profile]
    cores = joblib.cpu_count()
    yield "processor cores", str(cores), f"up to {cores} trainings or attacks at a time"
    for need, enough in (
        (check.memory(), "enough"),
        (check.graphics(), "profile paper is for you"),
        *((need, "") for need in check.data()),
    ):
        yield need.name, need.found, enough if need.enough else need.what_to_do


def answer_bars(tally: pd.DataFrame) -> Figure:
    """Draw how many claims have come to each answer, by what they stand on (`claims.tally`)."""
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, 1.9))
    left = pd.Series(0, index=tally.index)
    for direction, counts in tally.items():
        look = {"edgecolor": INK, "linewidth": 0.8, **LOOKS[str(direction)]}
        bars = axes.barh(range(len(tally)), counts, 0.62, left=left, label=str(direction), **look)
        words = [str(count) if count else "" for count in counts]
        box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"}
        labels = axes.bar_label(bars, words, label_type="center", fontsize=9)
        for label in labels:
            label.set_bbox(box if label.get_text() else None)
        left = left + counts
    axes.set_yticks(range(len(tally)), [_stands_on(*row) for row in tally.index])
    axes.set(xlabel="claims", xlim=(0, max(1, left.max())))
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside upper center", ncols=len(tally.columns), fontsize=8.5)
    return figure


def in_words(tally: pd.DataFrame) -> str:
    """Return the counts of `claims.tally` as a sentence, for those who see no picture."""
    rows = [
        f"{_stands_on(*row)}: " + ", ".join(f"{count} {each}" for each, count in counts.items())
        for row, counts in tally.to_dict("index").items()
    ]
    return "; ".join(rows) or "no claims yet"


def _stands_on(part: str, evidence: str) -> str:
    """Return a row of `claims.tally` in words."""
    return f"{chapters.PARTS[part].partition(',')[0]}, {evidence}"
