"""What the readers of the four original sets share (section 4.2): sequences, and aligned images."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lib.book.images import read_image
from lib.faces.alignment import align_found

LAST = 3  # frames taken of a sequence that ends at its peak


@dataclass(frozen=True)
class Sequence:
    """One labelled sequence of a person; files are named relative to the folder of its set.

    `files` are its images in order, or its video; `beside` are other files that decide what
    becomes of it.
    """

    name: str
    person: str
    expression: str
    files: tuple[str, ...]
    beside: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """Return whose it is by one name, however files spell it: s005 and "S005 " are S005."""
        return self.person.strip().upper()


@dataclass(frozen=True)
class Listing:
    """What a set holds by its names and labels; `skipped` says why something cannot be used."""

    sequences: list[Sequence] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def add_images(
        self, name: str, person: str, expression: str, files: list[str], beside: Iterable[str] = ()
    ) -> None:
        """Add a sequence that ends at its peak, with its last frames only."""
        if len(files) < LAST:
            self.skipped[name] = f"{len(files)} images instead of {LAST} or more"
            return
        last = tuple(files[-LAST:])
        self.sequences.append(Sequence(name, person, expression, last, tuple(beside)))


class Picture(NamedTuple):
    """One frame of a sequence: its aligned image, or the reason why there is none."""

    name: str
    frame: int
    image: np.ndarray | None
    reason: str


def attempt(folder: Path, name: str, frame: int, make: Callable[[], np.ndarray]) -> Picture:
    """Return the picture that a function makes, or in one line why it cannot."""
    try:
        return Picture(name, frame, make(), "")
    except (OSError, ValueError) as error:
        text = str(error).replace(f"{folder}{os.sep}", "")
        return Picture(name, frame, None, " ".join(text.split()))


def aligned_files(folder: Path, sequence: Sequence, side: int) -> Iterator[Picture]:
    """Yield the images of a sequence, their eyes found by the cascades."""
    for name in sequence.files:

        def make(path: Path = folder / name) -> np.ndarray:
            return align_found(read_image(path), side)

        yield attempt(folder, name, frame_number(name), make)


def frame_number(name: str) -> int:
    """Return the number at the end of a file's name, 11 of S005_001_00000011.png; 0 for none."""
    digits = re.findall(r"\d+$", Path(name).stem)
    return int(digits[0]) if digits else 0


def by_folder(folder: Path, paths: Iterable[Path]) -> dict[str, list[str]]:
    """Return the files of each folder in order of their frames, all named relative to `folder`."""
    found: dict[str, list[str]] = {}
    names = (path.relative_to(folder).as_posix() for path in paths)
    for name in sorted(names, key=lambda name: (frame_number(name), name)):
        found.setdefault(name.rpartition("/")[0], []).append(name)
    return dict(sorted(found.items()))
