"""The clips of Part I (section 4.1) behind one interface, whichever rung they come from.

Training clips are *weak* (which classes sound is known) or *unlabelled*; those for *validation* and
*test* are strongly labelled (from when to when as well). Sound is read clip by clip, when needed.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from lib.book import data_root
from lib.sound.labels import CLASSES, Events

SPLITS = ("weak", "unlabelled", "validation", "test")
DATASETS = ("best", "dcase2018", "esc10", "drawn")


@dataclass(frozen=True)
class Sizes:
    """How many clips a corpus that is made, not read, has in each split."""

    weak: int
    unlabelled: int
    validation: int
    test: int


@dataclass(frozen=True, eq=False)
class Waveform:
    """Mono sound: `samples` (n,) float32 in [-1, 1], `rate` in Hz."""

    samples: np.ndarray
    rate: int

    @property
    def seconds(self) -> float:
        """Return how long it is."""
        return len(self.samples) / self.rate


@dataclass(frozen=True, eq=False)
class Corpus:
    """Clips in four splits, their labels, and how to hear and see them.

    `clips` maps each of SPLITS to names, `weak` each weak clip to its labels, `strong` the splits
    "validation" and "test" to their events (same clips, same order as in `clips`). `content(name)`
    is a digest of what determines the clip's sound and pictures, `audio(name)` its sound, and
    `frames(name, times)` the (len(times), height, width, 3) uint8 pictures nearest to times in
    seconds, or None where the clip has none. `left_out` says of each clip that is listed but cannot
    be used why not. `notes` maps clips to what a reader may want to know: sources, attribution.
    """

    name: str
    rung: str
    clips: Mapping[str, tuple[str, ...]]
    weak: Mapping[str, tuple[str, ...]]
    strong: Mapping[str, Events]
    content: Callable[[str], str]
    audio: Callable[[str], Waveform]
    frames: Callable[[str, np.ndarray], np.ndarray | None]
    left_out: Mapping[str, str]
    notes: Callable[[str], str]

    def weak_targets(self) -> np.ndarray:
        """Return which class sounds in which weak clip, (clips, classes) float32 of 0 and 1."""
        rows = [[label in self.weak[clip] for label in CLASSES] for clip in self.clips["weak"]]
        return np.array(rows, dtype=np.float32).reshape(-1, len(CLASSES))

    def fingerprint(self) -> str:
        """Return the first 16 hex digits of the SHA-256 over names, labels and contents."""
        digest = hashlib.sha256(self.name.encode())
        for split in SPLITS:
            for name in self.clips[split]:
                line = (split, name, self.content(name), *self.weak.get(name, ()))
                digest.update("\t".join(line).encode() + b"\n")
        for events in self.strong.values():
            digest.update(events.fingerprint.encode())
        return digest.hexdigest()[:16]


def load(dataset: str = "best", sizes: Sizes | None = None) -> Corpus:
    """Return "dcase2018" (original), "esc10" (open), "drawn" (embedded), or the best rung present.

    Args:
        dataset: one of DATASETS.
        sizes: of the corpora that are made; the original has its own.

    Raises:
        ValueError: the name is unknown, or sizes are missing.
        FileNotFoundError: the data were asked for by name and are not there, or not enough.
    """
    from lib.sound.datasets import dcase, domestic, mixtures

    if dataset not in DATASETS:
        raise ValueError(f"unknown dataset {dataset!r}; choose one of: {', '.join(DATASETS)}")
    if dataset == "best":
        dataset = best()
    if dataset == "dcase2018":
        return dcase.load()
    if sizes is None:
        raise ValueError(f"say how many clips of {dataset!r} to make, see `Sizes`")
    return mixtures.load(sizes) if dataset == "esc10" else domestic.load(sizes)


def best() -> str:
    """Return the name of the best rung present; of the original, most clips have to be there.

    Raises:
        ValueError: a list of the original is wrong; the message names file and row.
    """
    from lib.sound.datasets import dcase

    if dcase.mostly_present():
        return "dcase2018"
    needed = ("esc10", "speech", "dcase2018_task4")
    return "esc10" if all(map(data_root.present, needed)) else "drawn"
