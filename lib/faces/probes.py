"""What do features know about the expression, and what about the person? Linear probes.

f(x) is meant to be "mutually exclusive of identity information" (section 1). A probe is the
simplest reader there is, a logistic regression: what it finds is there; what it does not find may
still be.
"""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn import functional as F

from lib.faces import folds
from lib.faces.classifier import predict
from lib.faces.data.corpus import Faces
from lib.faces.de_gan import Trunk
from lib.faces.protocol import Estimate, by_person, pooled
from lib.runs.rows import Rows

REGULARISATION = 0.1  # C of the logistic regression
ITERATIONS = 5000
PIXELS = 8  # side of the pictures in "pixels"
FOLDS = 5  # of people, for expressions


@dataclass(frozen=True, eq=False)
class Knowledge:
    """How well a probe reads features, by person, and what a guess would do.

    `hits` are the images of each person that it reads right and `images` how many there are,
    (people,) int64 each.
    """

    hits: np.ndarray
    images: np.ndarray
    chance: float

    @property
    def accuracy(self) -> Estimate:
        """Return the share of images that the probe reads right, with a bootstrap over people."""
        return pooled(self.hits, self.images)


def features(network: nn.Module, images: np.ndarray | Rows) -> dict[str, np.ndarray]:
    """Return what an encoder records of each image, (n, channels) float32 by name.

    "map 1" to "map 3" are means over the maps after the first three strides, largest first; the
    mean of the fourth is "f(x)" itself. "pixels" are the image's own, averaged to 8 x 8: what is
    plain to see without any network.

    Args:
        network: a trunk, or a network with one in it, in its state for evaluation.
        images: (n, source, source, 3) uint8.
    """
    trunk = next(module for module in network.modules() if isinstance(module, Trunk))

    def recorded(pictures: Tensor) -> Tensor:
        means = [maps.mean(dim=(2, 3)) for maps in trunk.maps(pictures)]
        sizes[:] = [PIXELS**2 * 3] + [each.shape[1] for each in means]
        return torch.cat([F.adaptive_avg_pool2d(pictures, PIXELS).flatten(1), *means], dim=1)

    sizes: list[int] = []
    parts = predict(recorded, images).split(sizes, dim=1)
    names = ("pixels", "map 1", "map 2", "map 3", "f(x)")
    return {name: part.numpy() for name, part in zip(names, parts, strict=True)}


def probe(values: np.ndarray, labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the labels that a probe reads from other images, (m,) int64.

    Args:
        values: (n, d), features that the probe learns from, standardised by their own statistics.
        labels: (n,) int64.
        others: (m, d).
    """
    if len(np.unique(labels)) < 2:
        raise ValueError("a probe tells labels apart; give images with two of them at least")
    learner = LogisticRegression(C=REGULARISATION, max_iter=ITERATIONS)
    reader = make_pipeline(StandardScaler(), learner)
    return reader.fit(values.astype(np.float64), labels).predict(others.astype(np.float64))


def expression(values: np.ndarray, faces: Faces) -> Knowledge:
    """Return what features (n, d) of a set tell of expressions of people the probe does not know.

    A guess names the most frequent expression.
    """
    places = folds.split(faces.identities, faces.expressions, FOLDS)
    read = _crossed(values, faces.expressions, places)
    chance = np.bincount(faces.expressions).max() / len(read)
    return _known(faces.identities, read == faces.expressions, float(chance))


def identity(values: np.ndarray, faces: Faces, seed: int = 0) -> Knowledge:
    """Return what features (n, d) of a set tell of the identity: who is it, in another sequence?

    Half of each person's sequences, drawn by `seed`, teach the probe, the other half test it, and
    the reverse. Images of one sequence are alike whoever is in them, so they stay together. People
    with one sequence are left out.
    """
    halves = sequence_halves(faces, np.random.default_rng(seed))
    rows = np.flatnonzero(halves >= 0)
    people = faces.identities[rows]
    if (count := len(np.unique(people))) < 2:
        raise ValueError(f"{faces.name}: {count} people with two sequences; a probe needs two")
    read = _crossed(values[rows], people, halves[rows])
    return _known(people, read == people, 1 / count)


def sequence_halves(faces: Faces, generator: np.random.Generator) -> np.ndarray:
    """Return in which half of the person's sequences each image is, (n,); -1 for a lone one."""
    halves = np.full(len(faces.identities), -1)
    for person in np.unique(faces.identities):
        own = np.flatnonzero(faces.identities == person)
        sequences, index = np.unique(faces.sequences[own], return_inverse=True)
        if len(sequences) > 1:
            halves[own] = generator.permutation(len(sequences))[index] % 2
    return halves


def _known(people: np.ndarray, hits: np.ndarray, chance: float) -> Knowledge:
    """Return what was read of the images (n,) of some people (n,)."""
    right, images = by_person(people, hits)
    return Knowledge(right.astype(np.int64), images, chance)


def _crossed(values: np.ndarray, labels: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return what is read of each image by a probe that learnt from all other places."""
    read = np.empty_like(labels)
    for place in np.unique(places):
        test = places == place
        read[test] = probe(values[~test], labels[~test], values[test])
    return read
