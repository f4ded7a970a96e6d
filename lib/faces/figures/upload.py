"""A reader's own photograph as the source of an expression: read, aligned, and never written.

It comes through the browser into the memory of the kernel, and stays there, as the small picture
that the networks see, until another takes its place or the kernel ends.
"""

import io
import math
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from IPython.display import Markdown, display
from matplotlib.figure import Figure
from PIL import Image

from lib.book import images, interact
from lib.book.show import Page
from lib.faces import alignment
from lib.faces.data import london
from lib.faces.figures import explore, grids
from lib.faces.figures.explore import Scenes

TILT = 9  # degrees by which it hangs askew
ALT = "your expression lent to person {person}, noise {noise_1:.2f} and {noise_2:.2f}"


def photograph(scenes: Scenes, content: bytes, name: str) -> np.ndarray:
    """Return the face in a photograph, placed as the networks know faces, (source, source, 3).

    `name` is what a complaint calls it.

    Raises:
        ValueError: it is no image, is damaged, too large or too small, or does not show one face.
    """
    image, eyes = alignment.upright(images.decode(content, name))
    return placed(image, eyes, scenes.eyes, scenes.people.shape[2])


def of_file(scenes: Scenes, file: str | Path) -> np.ndarray:
    """Return the face in a photograph in a file, as `photograph` does."""
    if not Path(file).is_file():
        raise ValueError(f"no face and no file {str(file)!r}; take one like {scenes.names[0]!r}")
    return photograph(scenes, Path(file).read_bytes(), str(file))


def placed(image: np.ndarray, eyes: np.ndarray, wanted: np.ndarray, side: int) -> np.ndarray:
    """Return a face turned, scaled and cut so that its eyes come to lie where they are wanted.

    `alignment.align` has a place of its own for eyes; it is given points of the photograph which,
    once there, bring the eyes to the wanted ones.

    Args:
        image: (height, width, 3) uint8.
        eyes, wanted: (2, 2), the left one first; in its pixels, and as fractions of the side.
        side: of the result, (side, side, 3) uint8, in pixels.
    """
    (left, right), (first, second), theirs = (
        points @ [1, 1j] for points in (eyes.astype(np.float64), wanted, explore.usual_eyes())
    )
    found = left + (right - left) / (second - first) * (theirs - first)
    points = np.stack([found.real, found.imag], axis=1)
    beyond = np.maximum(-points, points - [image.shape[1] - 1, image.shape[0] - 1]).max()
    margin = max(0, math.ceil(beyond))  # a face may fill its photograph
    if margin:
        image = around(image, margin)
    return alignment.align(image, points + margin, side)


def around(image: np.ndarray, margin: int) -> np.ndarray:
    """Return a picture with its outermost pixels repeated around it, `margin` times."""
    return np.pad(image, ((margin, margin), (margin, margin), (0, 0)), mode="edge")


def portrait() -> bytes:
    """Return the PNG of the London set's first smile, which hangs askew as photographs may."""
    image = london.photographs().images[london.CLASSES.index("smiling")]
    wide = around(image, len(image) // 4)
    file = io.BytesIO()
    Image.fromarray(wide).rotate(TILT, Image.Resampling.BICUBIC).save(file, "png")
    return file.getvalue()


@dataclass(eq=False)
class Lender:
    """Lends the expression of the photograph that was chosen last.

    `source` (source, source, 3) uint8 is its face, kept in memory until another takes its place.
    """

    scenes: Scenes
    source: np.ndarray | None = None

    def lend_mine(self, person: int, noise_1: float, noise_2: float) -> Figure:
        """Lend the expression in the photograph to one person; see `explore.lend`."""
        if self.source is None:
            raise ValueError("no photograph yet; choose one with the button in this chapter")
        noise = noise_1, noise_2
        return explore.lend(self.scenes, self.source, "your photograph", person, noise)


def own_photograph(page: Page, name: str, scenes: Scenes) -> interact.Draw:
    """Let a reader lend an expression of their own; where no one can, a portrait takes its place.

    What comes back draws what the panel shows: `lend_mine(person, noise_1, noise_2)`.
    """
    lender = Lender(scenes)
    if not os.environ.get("BOOK_HEADLESS"):
        display(uploader(lender))
        return lender.lend_mine
    display(Markdown("*With a running kernel, you can choose a photograph of your own here.*"))
    lender.source = photograph(scenes, portrait(), "portrait.png")
    figure = explore.lend(scenes, lender.source, "the portrait", 0, (0, 0))
    alt = "A portrait, person 0 with its expression, and what the judges see in both"
    page.figure(
        figure,
        name,
        alt=interact.words(figure, alt),
        caption="A portrait that hung askew, read from the bytes of a PNG file as an upload is. "
        f"{london.CITATION} {grids.credit(scenes.corpus)}",
        networks=page.networks,
    )
    return lender.lend_mine


def uploader(lender: Lender) -> widgets.VBox:
    """Return a button for a photograph, a line for what is wrong with it, and then the controls."""
    controls, start = explore.controls(lender.scenes), {"person": 0, "noise_1": 0.0, "noise_2": 0.0}
    place = widgets.VBox()

    def take(content: bytes, name: str) -> None:
        lender.source = photograph(lender.scenes, content, name)
        interact.show_in(place, partial(interact.panel, lender.lend_mine, controls, start, ALT))

    return widgets.VBox([*interact.upload("Photograph", take), place])
