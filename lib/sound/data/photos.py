"""The pictures of Part I's mixtures: photographs that move a little while their thing sounds.

The paper warns of its own videos that "there are no guarantees about the quality of the
corresponding visual component or the level of synchronization" (section 5). Here a photograph of
Caltech 101 stands for what sounds: put beside the sound by us, seldom the thing itself, sometimes
missing, late or silent, as `Sight` says.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from lib.sound.data.corpus import Sight
from lib.sound.data.lists import read_table

VERSION = 1  # of what is shown: another number, other pictures
CREDIT = "pictures: Caltech 101 (Li, Andreeto, Ranzato & Perona, CC BY 4.0)"
FOLDER = {  # of the photographs of each class that can be seen; no person is shown
    "dog": "dog",
    "rooster": "rooster",
    "clock_tick": "clock",
    "rain": "rain",
    "sea_waves": "sea",
    "helicopter": "helicopter",
}
SIGNS = {  # what they show; a sign of the sound, seldom the thing itself
    "dog": "a dalmatian",
    "rooster": "a rooster",
    "clock": "a watch",
    "rain": "an umbrella",
    "sea": "a sailing boat",
    "helicopter": "a helicopter",
}
SCENE = "scene"  # what is seen where nothing visible sounds
SHARES = (0.6, 0.75)  # training photographs up to the first share, validation up to the second
SIDE = 64  # pixels; at full size a linear probe tells all of these photographs apart
ZOOMS = (150, 130, 110)  # pixels of 160 that a crop keeps, each way
PANS = (0.0, 0.5, 1.0)  # where it lies, from left to right
CROPS = len(ZOOMS) * len(PANS)
REST = 4  # the crop of what is silent: the middle one
TO_AND_FRO = (0, 1, 2, 1)
MOVES_PER_SECOND = 3.0
LARGEST_SHIFT = 1.0  # seconds; enough to matter at a collar of 0.2 s
CUT = 0.3  # of what is seen changes to another photograph half-way
COLUMNS = ("file", "class", "sitting")


@dataclass(frozen=True)
class Photograph:
    """One photograph: its file, the folder it is of, and the sitting it was taken in."""

    path: Path
    kind: str
    sitting: str


@dataclass(frozen=True)
class Heard:
    """What sounds in a clip: of each event class, onset and offset (seconds), and loudness (dB).

    `split` says which photographs may be seen, `seed` which of them are.
    """

    seed: int
    split: str
    events: tuple[tuple[str, float, float, float], ...]


@dataclass(frozen=True)
class Shot:
    """What is seen of one thing: its photographs from `begin` to `end` (seconds), moving.

    `level` is the zoom of a pan or the pan of a zoom; the louder of two shots is in the picture.
    """

    begin: float
    end: float
    photographs: tuple[int, ...]
    zooms: bool
    level: int
    loudness: float

    def crop(self, time: float) -> int:
        """Return which crop of its photograph is seen at a time."""
        place = TO_AND_FRO[math.floor((time - self.begin) * MOVES_PER_SECOND) % len(TO_AND_FRO)]
        zoom, pan = (place, self.level) if self.zooms else (self.level, place)
        return zoom * len(PANS) + pan

    def photograph(self, time: float) -> int:
        """Return which photograph is seen at a time: the second one after a cut half-way."""
        share = (time - self.begin) / (self.end - self.begin)
        return self.photographs[min(int(share * len(self.photographs)), len(self.photographs) - 1)]


def read(folder: Path) -> list[Photograph]:
    """Return the photographs that index.csv lists, in its order."""
    found = []
    for place, row in read_table(folder / "index.csv", COLUMNS):
        path = Path(row["file"])
        inside = not path.is_absolute() and ".." not in path.parts
        if not (inside and row["sitting"] and row["class"] in (*FOLDER.values(), SCENE)):
            raise ValueError(f"{place}: {row['file']!r} is no photograph of ours")
        found.append(Photograph(folder / path, row["class"], row["sitting"]))
    return found


def split(photographs: Sequence[Photograph], rotation: int) -> dict[str, dict[str, list[int]]]:
    """Return by split and folder the numbers of the photographs, dealt anew for each rotation.

    Those of one sitting stay together; the order is a hash of sitting and rotation, so that it does
    not change with the order of files.
    """
    found: dict[str, dict[str, list[int]]] = {name: {} for name in ("train", "validation", "test")}
    for kind in dict.fromkeys(each.kind for each in photographs):
        numbers = [i for i, each in enumerate(photographs) if each.kind == kind]
        order = sorted(numbers, key=lambda i: (_rank(photographs[i].sitting, rotation), i))
        sittings = list(dict.fromkeys(photographs[i].sitting for i in order))
        ends = [math.ceil(share * len(sittings)) for share in SHARES]
        for name, part in zip(found, np.split(np.array(sittings), ends), strict=True):
            found[name][kind] = [i for i in order if photographs[i].sitting in part]
    return found


def _rank(sitting: str, rotation: int) -> str:
    """Return the place of a sitting in the order of a rotation."""
    return hashlib.sha256(f"{sitting} {rotation}".encode()).hexdigest()


class Camera:
    """Says what is seen of a clip at any time; it follows from what sounds alone."""

    def __init__(self, photographs: Sequence[Photograph], rotation: int, sight: Sight) -> None:
        self.photographs, self.sight = photographs, sight
        stock = split(photographs, rotation)
        names = (each.path.name for each in photographs)  # their bytes are known by their names
        self.key = hashlib.sha256("\n".join([str(VERSION), *names]).encode()).hexdigest()[:16]
        self.stock = {"weak": stock["train"], "unlabelled": stock["train"], **stock}

    def stills(self) -> np.ndarray:
        """Return every crop of every photograph, (photographs x CROPS, SIDE, SIDE, 3) uint8."""
        return stills(tuple(each.path for each in self.photographs))

    def frames(self, heard: Heard, times: np.ndarray) -> np.ndarray:
        """Return the pictures of a clip at times in seconds, (times, SIDE, SIDE, 3) uint8."""
        return self.stills()[self.shots(heard, times)]

    def shots(self, heard: Heard, times: np.ndarray) -> np.ndarray:
        """Return which of `stills` a clip shows at times in seconds, (times,) int64.

        Of two things that are seen at once the louder is in the picture; where none is, something
        silent or a scene, and it does not move.
        """
        generator = np.random.default_rng([heard.seed, 2])
        stock = self.stock[heard.split]
        silent = self._silent(heard, stock, generator)
        shots = sorted(self._seen(heard, stock, generator), key=lambda shot: shot.loudness)
        found = np.full(len(times), silent * CROPS + REST, dtype=np.int64)
        for shot in shots:  # a louder one replaces a softer one
            for place in np.flatnonzero((times >= shot.begin) & (times < shot.end)):
                time = float(times[place])
                found[place] = shot.photograph(time) * CROPS + shot.crop(time)
        return found

    def _silent(
        self, heard: Heard, stock: dict[str, list[int]], generator: np.random.Generator
    ) -> int:
        """Return the photograph of what is seen while nothing seen sounds."""
        sounding = {label for label, *_ in heard.events}
        others = [folder for label, folder in FOLDER.items() if label not in sounding]
        deceived, other = generator.random(), generator.integers(max(1, len(others)))
        kind = others[other] if others and deceived < self.sight.distractor else SCENE
        return int(stock[kind][generator.integers(len(stock[kind]))])

    def _seen(
        self, heard: Heard, stock: dict[str, list[int]], generator: np.random.Generator
    ) -> list[Shot]:
        """Return a shot of each event whose class is seen in this clip."""
        found = []
        for label, folder in FOLDER.items():  # drawn for every class: one knob leaves the others be
            hidden, late, shift, cut, zooms = generator.random(5)
            level = int(generator.integers(len(PANS)))
            first, second = generator.choice(stock[folder], size=2, replace=len(stock[folder]) < 2)
            photographs = (int(first), int(second)) if cut < CUT else (int(first),)
            if hidden < self.sight.never_seen:
                continue
            moved = (2 * shift - 1) * LARGEST_SHIFT if late < self.sight.out_of_step else 0.0
            found += [
                Shot(onset + moved, offset + moved, photographs, bool(zooms < 0.5), level, loudness)
                for name, onset, offset, loudness in heard.events
                if name == label
            ]
        return found

    def content(self, heard: Heard) -> str:
        """Return a digest of what is seen of a clip."""
        facts = (asdict(heard), asdict(self.sight), self.key)
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


@cache
def stills(paths: tuple[Path, ...]) -> np.ndarray:
    """Return the crops of photographs, (paths x CROPS, SIDE, SIDE, 3) uint8.

    Crop zoom x len(PANS) + pan keeps ZOOMS[zoom] pixels each way; its pan is from left to right,
    its height in the middle.
    """
    pictures = []
    for path in paths:
        with Image.open(path) as opened:
            photograph = opened.convert("RGB")
        for kept in ZOOMS:
            for pan in PANS:
                left, top = pan * (photograph.width - kept), (photograph.height - kept) / 2
                box = (left, top, left + kept, top + kept)
                small = photograph.resize((SIDE, SIDE), Image.Resampling.LANCZOS, box=box)
                pictures.append(np.asarray(small))
    return np.stack(pictures)
