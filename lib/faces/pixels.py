"""What raw pixels say: who it is, loudly, and what the face does, hardly (section 1).

The paper begins with representations in which expression and identity are entangled. Pixels are
the first of them, and what they know can be counted without any network.
"""

import numpy as np
import pandas as pd

from lib.faces.data import Faces
from lib.faces.protocol import share

TOGETHER = 512  # pictures whose distances to all others are held at once


def nearest(faces: Faces) -> np.ndarray:
    """Return for each picture the most similar one of another sequence, (n,) int64.

    Similar is what has the least sum of squared differences, pixel by pixel. Frames of one sequence
    are nearly the same picture and are left out.

    Raises:
        ValueError: all pictures are of one sequence.
    """
    if len(np.unique(faces.sequences)) < 2:
        raise ValueError(f"{faces.name}: pictures of one sequence have no neighbours in another")
    values = faces.images.reshape(len(faces.images), -1).astype(np.float32)
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
    """Return how often neighbours share the person and the expression, with chance levels.

    Args:
        faces: the pictures.
        neighbours: (n,) int64, see `nearest`.

    Returns:
        Columns about, share, low, high (95 %, a bootstrap over people) and chance: the share
        among all pictures that could have been the neighbour.
    """
    rows = []
    for about, labels in (("person", faces.identities), ("expression", faces.expressions)):
        value, low, high, _ = share(faces.identities, labels[neighbours] == labels)
        rows.append((about, value, low, high, chance(labels, faces.sequences)))
    return pd.DataFrame(rows, columns=["about", "share", "low", "high", "chance"])


def chance(labels: np.ndarray, sequences: np.ndarray) -> float:
    """Return how often a picture of another sequence, drawn blindly, has the same label.

    Args:
        labels: (n,) int64; all pictures of one sequence have the same.
        sequences: (n,) int64.
    """
    own = np.bincount(np.unique(sequences, return_inverse=True)[1])
    own = own[np.unique(sequences, return_inverse=True)[1]]
    alike = np.bincount(labels)[labels] - own
    return float((alike / (len(labels) - own)).mean())


def explained(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the squared deviations of each pixel, and those that the means of groups explain.

    Args:
        images: (n, h, w, 3) uint8.
        labels: (n,) int64, the groups.

    Returns:
        Two arrays (h, w), summed over pictures and colours: all squared deviations from the mean
        picture, and those of the groups' mean pictures from it. Their ratio is the share explained,
        1 where pictures of a group are alike.
    """
    mean = images.mean(axis=0, dtype=np.float64)
    total = np.zeros(mean.shape)
    between = np.zeros(mean.shape)
    for label in np.unique(labels):
        group = np.asarray(images[labels == label], dtype=np.float64)
        total += ((group - mean) ** 2).sum(axis=0)
        between += len(group) * (group.mean(axis=0) - mean) ** 2
    return total.sum(axis=-1), between.sum(axis=-1)


def few(faces: Faces, count: int) -> Faces:
    """Return the first `count` pictures of each person with each expression."""
    groups = faces.identities * len(faces.classes) + faces.expressions
    seen = pd.Series(groups).groupby(groups).cumcount().to_numpy()
    return faces.take(np.flatnonzero(seen < count))
