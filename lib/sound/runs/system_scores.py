"""A test set, its true events, and what two detectors said of it: for the metrics chapter.

The paper's own test set (all 880 clips of it; the paper kept 779) with the published decisions of
two real systems, and the frame scores of one.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from lib.book import data_root
from lib.sound.data.lists import read_durations, read_strong
from lib.sound.events import Events

NAME = "DCASE 2018 task 4, test clips"
CLIPS = 880
DESED_HOP = 256 * 4 / 16_000  # seconds; the baseline pools a hop of 256 samples at 16 kHz by 4
STUDENT, BASELINE = "DESED baseline, student", "DCASE 2018 baseline"


@dataclass(frozen=True, eq=False)
class Scored:
    """A test set with true events, frame scores of one detector, decisions of two.

    `scores` are (clips, frames, classes) float32 in [0, 1], one frame every `hop` seconds.
    `systems` holds the events that detectors found, each at its published setting.
    """

    truth: Events
    scores: np.ndarray
    hop: float
    systems: Mapping[str, Events]

    @cached_property
    def fingerprint(self) -> str:
        """Return the first 16 hex digits of the SHA-256 over truth, scores and found events."""
        prints = [self.truth.fingerprint, *(s.fingerprint for s in self.systems.values())]
        digest = hashlib.sha256(" ".join(prints).encode())
        digest.update(np.ascontiguousarray(self.scores).tobytes())
        return digest.hexdigest()[:16]


@cache
def load(clips: int = CLIPS) -> Scored:
    """Return so many of the test clips of DCASE 2018 task 4, evenly spread over its list."""
    lists, desed = data_root.locate("dcase2018_task4"), data_root.locate("desed_baseline")
    durations = read_durations(desed / "validation_durations.tsv")
    truth = read_strong(lists / "eval_dcase2018.tsv", durations)
    everything = read_strong(desed / "validation.tsv", durations).clips
    with np.load(desed / "student_scores.npz", allow_pickle=False) as stored:
        scores = stored["scores"].astype(np.float32)
    student = read_strong(desed / "student_predictions_0.5.tsv", durations, clips=everything)
    baseline = read_strong(lists / "baseline_eval_predictions.csv", durations, clips=truth.clips)
    kept = [truth.clips[place] for place in np.linspace(0, CLIPS - 1, clips).astype(int)]
    if clips < CLIPS:  # the whole stays in the order of its lists, from which its fingerprint is
        truth, baseline = truth.subset(kept), baseline.subset(kept)
    place = {name: index for index, name in enumerate(everything)}
    return Scored(
        truth,
        scores[[place[name] for name in kept]],
        DESED_HOP,
        {STUDENT: student.subset(kept), BASELINE: baseline},
    )
