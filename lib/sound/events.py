"""The labels of Part I (section 4.1): who sounds in a clip, and from when to when.

They are kept as arrays, so that a whole test set is counted in one call.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

CLASSES = (
    *("Alarm_bell_ringing", "Blender", "Cat", "Dishes", "Dog"),
    *("Electric_shaver_toothbrush", "Frying", "Running_water", "Speech", "Vacuum_cleaner"),
)
CLIP_SECONDS = 10.0  # "mainly consists of audio files with a length of 10 seconds"


@dataclass(frozen=True, eq=False)
class Events:
    """Clips and the sound events in them.

    `clips` are n names, `durations` (n,) float64 in seconds. The m events are four parallel arrays:
    `clip` (m,) int64 into `clips`, `label` (m,) int64 into `classes`, `onset` and `offset` (m,)
    float64 in seconds. A clip without events is a clip all the same.
    """

    clips: tuple[str, ...]
    durations: np.ndarray
    clip: np.ndarray
    label: np.ndarray
    onset: np.ndarray
    offset: np.ndarray
    classes: tuple[str, ...] = CLASSES

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.clip)

    @property
    def shape(self) -> tuple[int, int]:
        """Return the numbers of clips and classes."""
        return len(self.clips), len(self.classes)

    @cached_property
    def tags(self) -> np.ndarray:
        """Return which class sounds in which clip at all, (clips, classes) bool."""
        present = np.zeros(self.shape, dtype=bool)
        present[self.clip, self.label] = True
        return present

    @cached_property
    def fingerprint(self) -> str:
        """Return the first 16 hex digits of the SHA-256 over names, classes and arrays."""
        digest = hashlib.sha256("\n".join([*self.clips, "", *self.classes]).encode())
        for array in (self.durations, self.clip, self.label, self.onset, self.offset):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def replaced(
        self, clip: np.ndarray, label: np.ndarray, onset: np.ndarray, offset: np.ndarray
    ) -> "Events":
        """Return other events in the same clips; those that would end before they begin go."""
        kept = offset > onset
        clip, label, onset, offset = clip[kept], label[kept], onset[kept], offset[kept]
        return replace(self, clip=clip, label=label, onset=onset, offset=offset)

    def only(self, kept: np.ndarray) -> "Events":
        """Return those events that a mask (m,) keeps, in the same clips."""
        return self.replaced(*(a[kept] for a in (self.clip, self.label, self.onset, self.offset)))

    def subset(self, clips: Sequence[str]) -> "Events":
        """Return the events of some clips, in the order in which these are named."""
        place = {name: index for index, name in enumerate(self.clips)}
        if missing := [name for name in clips if name not in place]:
            raise ValueError(f"no clip is named {missing[0]} ({len(missing)} of {len(clips)} lack)")
        kept = np.array([place[name] for name in clips], dtype=np.int64)
        new_place = np.full(len(self.clips), -1)
        new_place[kept] = np.arange(len(kept))
        order = np.argsort(new_place[self.clip], kind="stable")
        order = order[new_place[self.clip[order]] >= 0]
        chosen = replace(self, clips=tuple(clips), durations=self.durations[kept])
        clip, label = new_place[self.clip[order]], self.label[order]
        return chosen.replaced(clip, label, self.onset[order], self.offset[order])


def clear_onsets(events: Events, margin: float) -> np.ndarray:
    """Return the events that begin and last clearly: indices (n,) int64.

    For `margin` seconds before such an event its class is silent and the clip already runs; for as
    long after its onset the event lasts. What other classes do meanwhile is left to chance.
    """
    found = []
    for index in range(len(events)):
        same = (events.clip == events.clip[index]) & (events.label == events.label[index])
        ends = events.offset[same & (events.onset < events.onset[index])]
        quiet = events.onset[index] - max([0.0, *ends.tolist()])
        length = events.offset[index] - events.onset[index]
        if quiet >= margin and length >= margin:
            found.append(index)
    return np.array(found, dtype=np.int64)
