"""The face images of Part II (section 4) behind one interface, whichever rung they come from.

Two kinds of sets: people for *pre-training* DE-GAN (BU-4DFE in the paper) and other people for
*recognition* in ten folds (CK+, MMI, Oulu-CASIA). Every image has an expression, an identity, the
sequence it was taken from and its place in that sequence.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from lib.runs.rows import Rows

EXPRESSIONS = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
BASIC = tuple(expression for expression in EXPRESSIONS if expression != "contempt")
TOGETHER = 512  # pictures that pass through memory at once
NEUTRAL = -1  # where a face without any expression is asked for
COLUMNS = ("people", "expressions", "intensity", "sequences", "frames")  # of Requests


@dataclass(frozen=True)
class Shape:
    """How many people and sequences a set has: `sequences` counts them for each expression."""

    people: int
    sequences: Mapping[str, int]
    frames: int


CK_PLUS = Shape(118, dict(zip(EXPRESSIONS, (45, 18, 59, 25, 69, 28, 83), strict=True)), 3)


@dataclass(frozen=True, eq=False)
class Requests:
    """Which faces to render: n images in six arrays of length n and one seed.

    `people` and `sequences` are numbers of the asker's choice: the same number is the same person,
    and the same sequence of a person has the same light, pose, background and way of showing the
    expression; `frames` differ in small ways. `expressions` index EXPRESSIONS (or NEUTRAL) and
    `intensity` is 0 for none and 1 for the apex. Each image depends on its own row and the seed
    alone, not on the others.
    """

    people: np.ndarray
    expressions: np.ndarray
    intensity: np.ndarray
    sequences: np.ndarray
    frames: np.ndarray
    seed: int

    def take(self, rows: slice) -> "Requests":
        """Return some of the requests."""
        return replace(self, **{name: getattr(self, name)[rows] for name in COLUMNS})


@dataclass(frozen=True, eq=False)
class Faces:
    """One set of aligned faces.

    `images` is (n, side, side, 3) uint8, RGB, in memory or on disk; `expressions` (n,) int64 index
    `classes`; `identities` (n,) int64 count from 0; `sequences` and `frames` (n,) int64 say where
    an image comes from. `skipped` says of each file that could not be used why not.
    """

    name: str
    rung: str
    images: np.ndarray | Rows
    expressions: np.ndarray
    identities: np.ndarray
    sequences: np.ndarray
    frames: np.ndarray
    classes: tuple[str, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def people(self) -> int:
        """Return how many identities there are."""
        return int(self.identities.max()) + 1 if len(self.identities) else 0

    def middle(self, person: int, label: int) -> np.ndarray:
        """Return the row amid a person's pictures with a label, (1,) int64; (0,) for none."""
        own = np.flatnonzero((self.identities == person) & (self.expressions == label))
        return own[len(own) // 2 :][:1]

    def take(self, rows: np.ndarray) -> "Faces":
        """Return the set with these images only; identities keep their numbers.

        Images on disk stay there.
        """
        images = self.images
        return Faces(
            self.name,
            self.rung,
            images.only(rows) if isinstance(images, Rows) else images[rows],
            self.expressions[rows],
            self.identities[rows],
            self.sequences[rows],
            self.frames[rows],
            self.classes,
        )

    def renumbered(self) -> "Faces":
        """Return the set with its identities counted from 0 without gaps."""
        _, identities = np.unique(self.identities, return_inverse=True)
        return replace(self, identities=identities.astype(np.int64))

    def fingerprint(self) -> str:
        """Return the first 16 hex digits of the SHA-256 over images and labels."""
        digest = hashlib.sha256(repr((self.name, self.classes, self.images.shape)).encode())
        for begin in range(0, len(self.images), TOGETHER):
            digest.update(self.images[begin : begin + TOGETHER].tobytes())
        for array in (self.expressions, self.identities, self.sequences, self.frames):
            digest.update(array.tobytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Sizes:
    """How large the sets are that are made, not read; `shapes` are those of the paper's sets."""

    side: int  # of the networks' input in pixels, of sets that are read too
    people: int  # for pre-training
    frames: int  # of each of them in each expression
    held_out: int  # further ones, on which everything is measured
    shapes: Mapping[str, Shape]
    seed: int = 0


@dataclass(frozen=True)
class Corpus:
    """The sets of one rung, each made or read when it is called for.

    `pretraining` returns the people DE-GAN learns from, `judging` as many other pictures of the
    same people, from which its judges learn, `held_out` yet others, on which both are measured, and
    `sets` maps "ck", "mmi" and "oulu", as far as they are there, to the people for recognition.
    `judging_sequences` are the numbers of the sequences in `judging`, known without making them.
    """

    name: str
    rung: str
    pretraining: Callable[[], Faces]
    judging: Callable[[], Faces]
    held_out: Callable[[], Faces]
    judging_sequences: range
    sets: Mapping[str, Callable[[], Faces]]
