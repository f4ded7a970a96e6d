"""Photographs of real people: the Face Research Lab London Set, each neutral and smiling.

102 adults who gave signed consent that their pictures may illustrate research; whoever shows one
adds CITATION. Where both eyes are was marked by hand or carried over from such marks.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from lib.book import data_root
from lib.book.images import read_image
from lib.faces.alignment import align
from lib.faces.augment import source_side
from lib.faces.data.corpus import Faces

NAME = "faces_london"
CITATION = "Photographs: Face Research Lab London Set (DeBruine and Jones 2017), CC BY 4.0."
CLASSES = ("neutral", "smiling")
LIST = "people.csv"
MARKS = ("left_x", "left_y", "right_x", "right_y")  # of each picture
FIRST_PIXEL = 0.5  # where its centre is for `alignment`; for the marks it is at 0


@dataclass(frozen=True, eq=False)
class Photographs:
    """All pictures as they are, first one person's, neutral and smiling, then the next one's.

    `images` is (204, 256, 256, 3) uint8; `eyes` (204, 2, 2) float64 are (x, y) in pixels as in
    `alignment`, the left one in the picture first; `people` (204,) int64 count from 0 and
    `expressions` (204,) int64 index CLASSES.
    """

    images: np.ndarray
    eyes: np.ndarray
    people: np.ndarray
    expressions: np.ndarray


@cache
def photographs() -> Photographs:
    """Return the photographs."""
    folder = data_root.locate(NAME)
    names, eyes = marks(folder / LIST)
    people, expressions = np.indices((len(names), len(CLASSES))).reshape(2, -1)
    files = [folder / f"{name}_{each}.jpg" for name in names for each in CLASSES]
    images = np.stack([read_image(file) for file in files])
    return Photographs(images, eyes.reshape(-1, 2, 2), people, expressions)


def marks(path: Path) -> tuple[list[str], np.ndarray]:
    """Return the names of the people in a list, and their eyes in each picture, (n, 2, 2, 2)."""
    names, eyes = [], []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            try:
                eyes.append([float(row[f"{each}_{mark}"]) for each in CLASSES for mark in MARKS])
                names.append(row["face_id"])
            except (KeyError, TypeError, ValueError) as error:
                place = f"{data_root.shown(path)}, person {row.get('face_id')}"
                raise ValueError(f"{place}: a mark is missing or no number ({error})") from None
    return names, np.reshape(eyes, (-1, len(CLASSES), 2, 2)) + FIRST_PIXEL


def load(side: int) -> Faces:
    """Return the faces aligned for networks of `side` pixels, as photographs of the sets are."""
    found, size = photographs(), source_side(side)
    pairs = zip(found.images, found.eyes, strict=True)
    images = np.stack([align(image, eyes, size) for image, eyes in pairs])
    each, none = np.arange(len(images)), np.zeros(len(images), dtype=np.int64)
    labels = found.expressions, found.people
    return Faces(NAME, "open", images, *labels, each, none, CLASSES)
