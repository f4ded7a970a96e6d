"""The clips of Part I (section 4.1) behind one interface: the paper's own, or mixtures.

Training clips are *weak* (which classes sound is known) or *unlabelled*; those for *validation* and
*test* are strongly labelled (from when to when as well). Sound is read clip by clip, when needed.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from lib.sound.events import Events

SPLITS = ("weak", "unlabelled", "validation", "test")


@dataclass(frozen=True)
class Sizes:
    """How many clips a corpus that is made, not read, has in each split."""

    weak: int
    unlabelled: int
    validation: int
    test: int


@dataclass(frozen=True)
class Sight:
    """How well the pictures of a corpus that is made go with its sounds; shares from 0 to 1.

    `never_seen` of a clip's visible classes are out of the picture, `out_of_step` of the others are
    seen up to a second before or after they sound, and in `distractor` of the clips something
    silent is seen where nothing visible sounds. The paper gives none of these; rounded guesses:
    its videos were chosen by their sound alone, so that in most clips something is amiss.
    """

    never_seen: float = 0.4
    out_of_step: float = 0.25
    distractor: float = 0.5


@dataclass(frozen=True, eq=False)
class Stills:
    """The few pictures that all frames of a corpus are, so that features of each are computed once.

    `pictures()` gives all of them, (n, height, width, 3) uint8, of which `key` is a digest;
    `shown(clip, times)` says which of them a clip shows at times in seconds, (times,) int64.
    """

    key: str
    pictures: Callable[[], np.ndarray]
    shown: Callable[[str, np.ndarray], np.ndarray]


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
    "validation" and "test" to their events (same clips, same order as in `clips`).
    `content(name, sense)` is a digest of what determines the clip's "sound" or its "sight",
    `audio(name)` its sound, and `frames(name, times)` the (len(times), height, width, 3) uint8
    pictures nearest to times in seconds, or None where the clip has none; `stills` where all
    pictures are taken from a few. `left_out` says of each clip that is listed but cannot be used
    why not. `notes` maps clips to what a reader may want to know: sources, attribution.
    """

    name: str
    rung: str
    classes: tuple[str, ...]
    clips: Mapping[str, tuple[str, ...]]
    weak: Mapping[str, tuple[str, ...]]
    strong: Mapping[str, Events]
    content: Callable[[str, str], str]
    audio: Callable[[str], Waveform]
    frames: Callable[[str, np.ndarray], np.ndarray | None]
    left_out: Mapping[str, str]
    notes: Callable[[str], str]
    stills: Stills | None = None

    def weak_targets(self) -> np.ndarray:
        """Return which class sounds in which weak clip, (clips, classes) float32 of 0 and 1."""
        rows = [[label in self.weak[clip] for label in self.classes] for clip in self.clips["weak"]]
        return np.array(rows, dtype=np.float32).reshape(-1, len(self.classes))

    @cache  # noqa: B019 -- a corpus is kept as long as it is asked
    def fingerprint(self, sense: str) -> str:
        """Return the first 16 hex digits of the SHA-256 over names, labels and what one sense gets.

        Args:
            sense: "sound" or "sight"; what is read by ear does not change with the pictures.
        """
        digest = hashlib.sha256(self.name.encode())
        for split in SPLITS:
            for name in self.clips[split]:
                line = (split, name, self.content(name, sense), *self.weak.get(name, ()))
                digest.update("\t".join(line).encode() + b"\n")
        for events in self.strong.values():
            digest.update(events.fingerprint.encode())
        return digest.hexdigest()[:16]
