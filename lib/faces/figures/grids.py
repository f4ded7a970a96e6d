"""What the pictures of all chapters of Part II share: grids of faces, and who may be shown."""

import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import cv2
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from lib.book.images import GROUND
from lib.book.show import INK, PAGE_WIDTH
from lib.faces.data.corpus import Corpus, Faces

CREDIT = {
    "open": "Faces: ICT-FaceKit (MIT), rendered by this book (made).",
    "original": "Faces: the original sets, under their licences; not to be passed on.",
}
DPI = 110  # of every saved picture, see lib.book.show
GAP = 2  # pixels between faces
MARKERS = "os^Dv<>"  # by expression
FONT = 9
LARGEST = 112  # pixels of one face's side
STEP = 6  # from one level of a colour to the next: the eye sees no difference


def credit(corpus: Corpus) -> str:
    """Return the sentence of a caption that says whose faces these are, and their licence."""
    return CREDIT[corpus.rung]


def shown(corpus: Corpus, draw: Callable[[], Figure]) -> Figure:
    """Return what `draw` draws, or words in its place where these faces may not be shown.

    The licences of the original sets allow no faces in public; BOOK_SHOW_FACES=1 is for a reader's
    own machine.
    """
    if corpus.rung != "original" or os.environ.get("BOOK_SHOW_FACES") == "1":
        return draw()
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, 1.0))
    axes.axis("off")
    words = (
        "The licence of the original faces forbids showing them here.\n"
        "On your own machine, set BOOK_SHOW_FACES=1 and run the chapter again."
    )
    axes.text(0.5, 0.5, words, ha="center", va="center", fontsize=FONT, color=INK)
    return figure


def portraits(faces: Faces, people: Sequence[int]) -> np.ndarray:
    """Return people with every expression, (people, classes, s, s, 3) uint8.

    The picture in the middle of all that a person has of an expression; grey where there is none.
    """
    shape = len(people), len(faces.classes), *faces.images.shape[1:]
    shown = np.full(shape, GROUND, dtype=np.uint8)
    for row, label in np.ndindex(shape[:2]):
        for middle in faces.middle(people[row], label):
            shown[row, label] = faces.images[middle]
    return shown


def grid_of(
    images: np.ndarray,
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    width: float = PAGE_WIDTH,
) -> Figure:
    """Draw a grid of small pictures, each enlarged to whole pixels, with labels and no axes.

    Args:
        images: (rows, columns, height, width, 3) uint8, RGB.
        rows, columns: labels left of each row, with line breaks, and above each column.
        width: of the whole picture in inches; faces are never larger than 112 pixels. A face of
            100 pixels takes about 9 kB in a chapter.
    """
    left, top = _room(tuple(rows)), _room(tuple(columns), upright=False)
    count = images.shape[1]
    side = min(LARGEST, (round(width * DPI) - left) // count - GAP)
    sheet = _sheet(images, side)
    height, breadth = sheet.shape[0] + top, sheet.shape[1] + left
    figure = plt.figure(figsize=(breadth / DPI, height / DPI), layout="none")
    figure.figimage(sheet, xo=left, yo=0)
    step_down, step = (sheet.shape[0] + GAP) / len(images), side + GAP
    style: dict[str, Any] = {"fontsize": FONT, "color": INK}
    for row, label in enumerate(rows):
        y = (sheet.shape[0] - step_down * (row + 0.5)) / height
        figure.text((left - 6) / breadth, y, label, ha="right", va="center", **style)
    for column, label in enumerate(columns):
        x, y = (left + step * column + side / 2) / breadth, (sheet.shape[0] + 5) / height
        figure.text(x, y, label, ha="center", va="bottom", **style)
    return figure


@lru_cache
def _room(labels: tuple[str, ...], *, upright: bool = True) -> int:
    """Return the pixels that labels take: the widest one's width, or the most lines' height."""
    if not any(labels):
        return 0
    figure = plt.figure(layout="none", dpi=DPI)
    boxes = [figure.text(0, 0, label, fontsize=FONT).get_window_extent() for label in labels]
    plt.close(figure)
    return int(max(box.width if upright else box.height for box in boxes)) + 10


def _sheet(images: np.ndarray, side: int) -> np.ndarray:
    """Return a grid's pictures, each `side` pixels wide, on one white sheet (h, w, 3) uint8."""
    rows, columns = images.shape[:2]
    down = round(side * images.shape[2] / images.shape[3])
    sheet = np.full((rows * (down + GAP), columns * (side + GAP), 3), 255, dtype=np.uint8)
    for row, column in np.ndindex(rows, columns):
        y, x = row * (down + GAP), column * (side + GAP)
        sheet[y : y + down, x : x + side] = enlarged(images[row, column], side)
    return sheet[:-GAP, :-GAP]


def enlarged(image: np.ndarray, side: int) -> np.ndarray:
    """Return a picture (h, w, 3) uint8 brought smoothly to a width of `side` pixels, in 43 levels.

    White stays white. Drawn at its own size, its file is half as large as with all 256 levels.
    """
    down = round(side * image.shape[0] / image.shape[1])
    smooth = cv2.INTER_AREA if side < image.shape[1] else cv2.INTER_CUBIC
    found = cv2.resize(np.ascontiguousarray(image), (side, down), interpolation=smooth)
    return found // STEP * STEP + STEP // 2
