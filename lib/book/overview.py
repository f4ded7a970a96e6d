"""What the first and the last page show: small pictures, how long things take, and all claims."""

import json
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from lib.book import claims, costs
from lib.book.chapters import select
from lib.book.files import REPOSITORY
from lib.book.show import DPI

SHARE = 0.66  # of the side of a picture that is left in its thumbnail


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
    found = [costs.known().get(path.stem, {}).get(profile) for path in select(list(names))]
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


def in_words(tally: pd.DataFrame) -> str:
    """Return the counts of `claims.tally` as a sentence."""
    rows = [
        f"{row['part']}, {row['stands on']}: "
        + ", ".join(f"{row[direction]} {direction}" for direction in claims.DIRECTIONS)
        for row in tally.to_dict("records")
    ]
    return "; ".join(rows) or "no claims yet"
