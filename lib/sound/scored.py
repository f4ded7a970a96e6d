"""A test set, its true events, and what detectors said of it: what the metrics chapter works on.

The original rung is the paper's own test set (all 880 clips of it; the paper kept 779) with the
published frame scores of a real system. The embedded rung is drawn and simulated.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from lib.book import data_root
from lib.sound import drawn, evaluation
from lib.sound.labels import Events, read_durations, read_strong

DESED_HOP = 256 * 4 / 16_000  # seconds; the baseline pools a hop of 256 samples at 16 kHz by 4
DESED_FRAMES = 157  # of 64 ms, a clip
STUDENT, BASELINE = "DESED baseline, student", "DCASE 2018 baseline"
SIMULATED, WEAKER = "simulated detector", "simulated, weaker"
DATASETS = ("best", "dcase2018", "drawn")


@dataclass(frozen=True, eq=False)
class Scored:
    """A test set with true events, frame scores of one detector, decisions of two.

    `scores` are (clips, frames, classes) float32 in [0, 1], one frame every `hop` seconds.
    `systems` holds the events that detectors found, each at its published setting.
    """

    name: str
    rung: str
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
def load(dataset: str = "best", drawn_clips: int = 880) -> Scored:
    """Return "dcase2018" (the paper's test set), "drawn" (embedded), or the best rung present.

    Raises:
        ValueError: the name is unknown.
        FileNotFoundError: the lists were asked for by name and are not there.
    """
    if dataset not in DATASETS:
        raise ValueError(f"unknown dataset {dataset!r}; choose one of: {', '.join(DATASETS)}")
    needed = ("dcase2018_task4", "desed_baseline")
    if dataset == "drawn" or (dataset == "best" and not all(map(data_root.present, needed))):
        return load_drawn(drawn_clips)
    return load_dcase2018()


def load_dcase2018() -> Scored:
    """Return the test set of DCASE 2018 task 4 with two real systems' published predictions.

    Raises:
        FileNotFoundError: a list is missing.
        ValueError: a list is wrong, or there are not as many scores as clips.
    """
    lists, desed = data_root.locate("dcase2018_task4"), data_root.locate("desed_baseline")
    durations = read_durations(desed / "validation_durations.tsv")
    truth = read_strong(lists / "eval_dcase2018.tsv", durations)
    everything = read_strong(desed / "validation.tsv", durations)
    with np.load(desed / "student_scores.npz", allow_pickle=False) as stored:
        scores = stored["scores"].astype(np.float32)
    if scores.shape != (len(everything.clips), DESED_FRAMES, len(truth.classes)):
        raise ValueError(f"student_scores.npz holds {scores.shape} scores; fetch it again")
    place = {name: index for index, name in enumerate(everything.clips)}
    student = read_strong(desed / "student_predictions_0.5.tsv", durations, clips=everything.clips)
    baseline = read_strong(lists / "baseline_eval_predictions.csv", durations, clips=truth.clips)
    return Scored(
        "DCASE 2018 task 4, test clips",
        "original",
        truth,
        scores[[place[name] for name in truth.clips]],
        DESED_HOP,
        {STUDENT: student.subset(truth.clips), BASELINE: baseline},
    )


def load_drawn(clips: int = 880) -> Scored:
    """Return drawn events, the scores of a simulated detector and the finds of a weaker one."""
    truth = drawn.draw_events(clips)
    hop, frames = evaluation.FRAME_SECONDS, evaluation.FRAMES
    scores = drawn.simulate_scores(truth, hop, frames, seed=1)
    weaker = drawn.simulate_scores(truth, hop, frames, seed=2, skill=0.75)
    systems = {
        name: evaluation.decode(evaluation.median_filter(evaluation.decide(each)), truth, hop)
        for name, each in ((SIMULATED, scores), (WEAKER, weaker))
    }
    return Scored("drawn events", "embedded", truth, scores, hop, systems)
