"""What raw pixels say: who it is, loudly, and what the face does, hardly (section 1).

The paper begins with representations in which expression and identity are entangled. Pixels are
the first of them, and what they know can be counted without any network.
"""

import numpy as np
import pandas as pd

from lib.faces.data.corpus import Faces
from lib.faces.protocol import share
from lib.runs.rows import Rows

TOGETHER = 512  # pictures whose distances to all others are held at once


def nearest(faces: Faces) -> np.ndarray:
    """Return for each picture the most similar one of another sequence, (n,) int64.

    Similar is what has the least sum of squared differences, pixel by pixel. Frames of one sequence
    are nearly the same picture and are left out.
    """
    values = np.asarray(faces.images).reshape(len(faces.images), -1).astype(np.float32)
    values -= values.mean(axis=0)
    squares = (values**2).sum(axis=1)
    found = np.empty(len(values), dtype=np.int64)
    for begin in range(0, len(values), TOGETHER):
        rows = slice(begin, begin + TOGETHER)
        distances = squares - 2 * values[rows] @ values.T
        same = faces.sequences[rows, None] == faces.sequences
        found[rows] = np.where(same, np.inf, distances).argmin(axis=1)
    return found


def agreement(faces: Faces, neighbours: np.ndarray) -> pd.DataFrame:
    """Return how often neighbours (see `nearest`) share the person and the expression.

    Columns about, share, low, high (95 %, a bootstrap over people) and chance: the share among all
    pictures that could have been the neighbour.
    """
    rows = []
    for about, labels in (("person", faces.identities), ("expression", faces.expressions)):
        value, low, high, _ = share(faces.identities, labels[neighbours] == labels)
        rows.append((about, value, low, high, chance(labels, faces.sequences)))
    return pd.DataFrame(rows, columns=["about", "share", "low", "high", "chance"])


def chance(labels: np.ndarray, sequences: np.ndarray) -> float:
    """Return how often a picture of another sequence, drawn blindly, has the same label.

    All pictures of one sequence have the same.
    """
    _, sequence = np.unique(sequences, return_inverse=True)
    own = np.bincount(sequence)[sequence]
    alike = np.bincount(labels)[labels] - own
    return float((alike / (len(labels) - own)).mean())


def explained(images: np.ndarray | Rows, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the squared deviations of each pixel, and those that the means of groups explain.

    Both are (h, w), summed over the pictures (n, h, w, 3) and colours: all deviations from the mean
    picture, and those of the groups' mean pictures from it. Their ratio is the share explained, 1
    where pictures of a group (their labels are the same) are alike.
    """
    whole = np.zeros(images.shape[1:], dtype=np.int64)
    squares, between = np.zeros_like(whole), np.zeros(whole.shape)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        own = np.zeros_like(whole)
        for part in np.array_split(rows, 1 + len(rows) // TOGETHER):
            values = images[part].astype(np.int64)
            own += values.sum(axis=0)
            squares += (values**2).sum(axis=0)
        whole += own
        between += own.astype(np.float64) ** 2 / len(rows)
    middle = whole.astype(np.float64) ** 2 / len(labels)
    return (squares - middle).sum(axis=-1), (between - middle).sum(axis=-1)


def few(faces: Faces, count: int) -> Faces:
    """Return at most `count` pictures of each person with each expression, evenly spread."""
    groups = faces.identities * len(faces.classes) + faces.expressions
    grouped = pd.Series(groups).groupby(groups)
    rank, size = grouped.cumcount().to_numpy(), grouped.transform("size").to_numpy()
    kept = np.minimum(count, size)
    return faces.take(np.flatnonzero((rank + 1) * kept // size > rank * kept // size))
