"""CK+ as the paper uses it (section 4.2): the last three frames of every labelled sequence.

Assumed layout, that of the official archives unpacked side by side:
cohn-kanade-images/S005/001/S005_001_00000001.png, from a neutral face to the peak;
Emotion/S005/001/S005_001_00000011_emotion.txt with one number, where the sequence is labelled; and
Landmarks/S005/001/S005_001_00000011_landmarks.txt with 68 lines "x y". Where a frame has landmarks,
its eyes are taken from them and not searched.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from lib.book.images import read_image
from lib.faces.alignment import align, align_found
from lib.faces.data.corpus import EXPRESSIONS
from lib.faces.data.sequences import LAST, Listing, Picture, Sequence, attempt, frame_number

IMAGES, LABELS, LANDMARKS = "cohn-kanade-images", "Emotion", "Landmarks"
POINTS = 68
CORNERS = [[36, 39], [42, 45]]  # of the 68 points: both corners of the left eye, of the right one


def listing(folder: Path, files: Mapping[str, list[str]]) -> Listing:
    """Return the labelled sequences, each with its last three frames and their landmarks."""
    found = Listing()
    for place, images in files.items():
        person, number = place.split("/")[-2:]
        name = f"{person}/{number}"
        try:
            expression = _expression(folder, name)
        except (OSError, ValueError) as error:
            found.skipped[f"{LABELS}/{name}"] = str(error)
            continue
        points = [_landmarks(image) for image in images[-LAST:]]
        there = [each for each in points if (folder / each).is_file()]
        found.add_images(name, person, expression, images, there)
    return found


def aligned(folder: Path, sequence: Sequence, side: int) -> Iterator[Picture]:
    """Yield the images of a sequence, aligned by their landmarks where there are any."""
    for name in sequence.files:

        def make(name: str = name) -> np.ndarray:
            image, points = read_image(folder / name), _landmarks(name)
            if points in sequence.beside:
                return align(image, read_eyes(folder / points), side)
            return align_found(image, side)

        yield attempt(folder, name, frame_number(name), make)


def read_label(path: Path) -> str:
    """Return the expression that a label file names, nothing where it says neutral."""
    text = path.read_bytes().decode(errors="replace").strip()
    # the order of the labels is that of EXPRESSIONS
    labels: dict[float, str] = dict(enumerate(("", *EXPRESSIONS)))
    try:
        return labels[float(text)]
    except (KeyError, ValueError):
        raise ValueError(f"{path.name} holds {text!r}, no whole number from 0 to 7") from None


def read_eyes(path: Path) -> np.ndarray:
    """Return the eyes, midway between their corners, (2, 2) float64."""
    fields = path.read_bytes().split()
    with suppress(ValueError):  # no numbers, or not so many
        points = np.array(fields, dtype=np.float64).reshape(POINTS, 2)
        if np.isfinite(points).all():
            return points[CORNERS].mean(axis=1)
    raise ValueError(f"{path.name} does not hold {POINTS} points")


def _expression(folder: Path, name: str) -> str:
    """Return the expression of a sequence, or raise ValueError with why it is left out."""
    labels = [
        path
        for path in (folder / LABELS / name).rglob("[!.]*")
        if path.suffix.lower() == ".txt" and path.is_file()
    ]
    if len(labels) != 1:
        raise ValueError(f"{len(labels)} label files (.txt) instead of 1")
    if not (expression := read_label(labels[0])):
        raise ValueError("labelled neutral")
    return expression


def _landmarks(image: str) -> str:
    stem = Path(image).with_suffix("").as_posix()
    return f"{stem.replace(IMAGES, LANDMARKS, 1)}_landmarks.txt"
