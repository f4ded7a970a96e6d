"""From frame scores to the three F1 scores (sections 2.2 and 4.3.2).

Two ways to one number: `by_sed_eval` asks the reference implementation, `clip_counts`,
`segment_counts` and `event_counts` count whole test sets in a few milliseconds, for curves and
widgets. A test holds them equal to the last digit.

All counts are (clips, classes, 3) int64: true positives, events (tags, segments) in the truth, and
in the prediction. Every score and every bootstrap interval over clips follows from them.
"""

import math
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from lib.book import claims
from lib.sound.events import Events

THRESHOLD = 0.5  # section 2.2: "a simple, fixed threshold of 0.5"
MEDIAN_FRAMES = 7  # section 2.2: "a window of 7 temporal frames"
FRAME_SECONDS = 4 * 366 / 22_100  # section 4.2: hop of 366 samples, pooled by 2 twice; 66.24 ms
FRAMES = 151  # section 4.2: of a 10 s clip
SEGMENT_SECONDS = 1.0  # section 4.3.2
COLLAR = 0.2  # seconds, section 4.3.2
LENGTH_SHARE = 0.2  # of the event's length, section 4.3.2
OFFSET_RULES: dict[str, Callable[[float, float], float]] = {"max": max, "min": min}
METRICS = ("clip", "segment", "event")  # in the order of Table 3


def decide(scores: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """Return which of (clips, frames, classes) probabilities are strictly above the threshold.

    Raises:
        ValueError: the shape is another, or a score is NaN.
    """
    if scores.ndim != 3 or np.isnan(scores).any():
        raise ValueError(f"expected (clips, frames, classes) without NaN, not {scores.shape}")
    return scores > threshold


def median_filter(frames: np.ndarray, size: int = MEDIAN_FRAMES) -> np.ndarray:
    """Return the running median over time, per clip and class, mirrored at both ends.

    A median commutes with a threshold, so scores may be filtered first and cut afterwards.

    Args:
        frames: (clips, frames, classes), decisions (bool) or scores.
        size: of the window in frames, odd, else ValueError.
    """
    if size < 1 or size % 2 == 0:
        raise ValueError(f"a median filter of {size} frames has no middle; give an odd number")
    if size == 1:
        return frames
    if frames.dtype != bool:
        return ndimage.median_filter(frames, size=(1, size, 1))
    half = size // 2  # the median of decisions is a vote, and votes are counted by running sums
    padded = np.pad(frames, ((0, 0), (half + 1, half), (0, 0)), mode="symmetric")
    padded[:, 0] = False
    sums = np.cumsum(padded, axis=1, dtype=np.int32)
    return sums[:, size:] - sums[:, :-size] > half


def decode(active: np.ndarray, clips: Events, hop: float = FRAME_SECONDS) -> Events:
    """Return the events that runs of active frames stand for, from first start to last end.

    Args:
        active: (clips, frames, classes) bool.
        clips: whose names, durations and classes are taken; events are cut at a clip's end.
        hop: seconds from frame to frame.
    """
    if (active.shape[0], active.shape[2]) != clips.shape:
        raise ValueError(f"{active.shape} does not hold {clips.shape} clips and classes")
    by_class = active.transpose(0, 2, 1).astype(np.int8)  # (clips, classes, frames)
    steps = np.diff(by_class, axis=2, prepend=0, append=0)
    clip, label, first = np.nonzero(steps == 1)
    after = np.nonzero(steps == -1)[2]  # in the same order: by clip, class, time
    return clips.replaced(clip, label, first * hop, np.minimum(after * hop, clips.durations[clip]))


def detect(
    scores: np.ndarray,
    clips: Events,
    threshold: float = THRESHOLD,
    median: int = MEDIAN_FRAMES,
    hop: float = FRAME_SECONDS,
) -> Events:
    """Return what `decide`, `median_filter` and `decode` make of frame scores (section 2.2)."""
    return decode(median_filter(decide(scores, threshold), median), clips, hop)


def clip_counts(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return the counts of audio tagging from tags (clips, classes) bool, see `Events.tags`."""
    return np.stack([truth & predicted, truth, predicted], axis=2).astype(np.int64)


def segment_counts(
    truth: Events, predicted: Events, seconds: float = SEGMENT_SECONDS
) -> np.ndarray:
    """Return the counts of segments: a class is active in each segment that its event touches."""
    last = max([0.0, *truth.offset, *predicted.offset])
    count = math.ceil(last / seconds)
    rolls = [_segments(events, count, seconds) for events in (truth, predicted)]
    both = [(rolls[0] & rolls[1]), *rolls]
    return np.stack([roll.sum(axis=2) for roll in both], axis=2).astype(np.int64)


def _segments(events: Events, count: int, seconds: float) -> np.ndarray:
    """Return which segments events touch, (clips, classes, count) bool."""
    edges = np.zeros((*events.shape, count + 1), dtype=np.int32)
    first = np.floor(events.onset / seconds).astype(int)
    after = np.ceil(events.offset / seconds).astype(int)
    np.add.at(edges, (events.clip, events.label, first), 1)
    np.add.at(edges, (events.clip, events.label, after), -1)
    return np.cumsum(edges, axis=2)[:, :, :count] > 0


def event_counts(
    truth: Events,
    predicted: Events,
    *,
    collar: float = COLLAR,
    share: float = LENGTH_SHARE,
    rule: str = "max",
) -> np.ndarray:
    """Return the counts of events; a true positive is a pair of `match`."""
    matched = match(truth, predicted, collar=collar, share=share, rule=rule) >= 0
    counts = np.zeros((*truth.shape, 3), dtype=np.int64)
    np.add.at(counts[..., 0], (truth.clip[matched], truth.label[matched]), 1)
    np.add.at(counts[..., 1], (truth.clip, truth.label), 1)
    np.add.at(counts[..., 2], (predicted.clip, predicted.label), 1)
    return counts


def match(
    truth: Events,
    predicted: Events,
    *,
    collar: float = COLLAR,
    share: float = LENGTH_SHARE,
    rule: str = "max",
) -> np.ndarray:
    """Return for each true event the predicted one that is paired with it, -1 where none is.

    A predicted event may be paired with a true one of its clip and class if
    |onset - onset'| <= collar and |offset - offset'| <= rule(collar, share * length).
    Pairs are one to one, and as many as can be.

    Args:
        truth: the true events.
        predicted: the events found, in the same clips.
        collar: tolerance of the onset, seconds.
        share: tolerance of the offset as a share of the true event's length.
        rule: "max" as sed_eval has it, or "min", the paper's "up to a maximum of 200 ms".
    """
    if rule not in OFFSET_RULES:
        raise ValueError(f"unknown rule {rule!r}; choose one of: {', '.join(OFFSET_RULES)}")
    left, right = _pairs(truth, predicted)
    length = truth.offset[left] - truth.onset[left]
    tolerance = (np.maximum if rule == "max" else np.minimum)(collar, share * length)
    hit = np.abs(truth.onset[left] - predicted.onset[right]) <= collar
    hit &= np.abs(truth.offset[left] - predicted.offset[right]) <= tolerance
    shape = (len(truth), len(predicted))
    hits = sparse.csr_matrix((np.ones(hit.sum()), (left[hit], right[hit])), shape=shape)
    return csgraph.maximum_bipartite_matching(hits, perm_type="column")


def _pairs(truth: Events, predicted: Events) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of all pairs of a true and a predicted event of one clip and class."""
    classes = len(truth.classes)
    group = predicted.clip * classes + predicted.label
    order = np.argsort(group, kind="stable")
    wanted = truth.clip * classes + truth.label
    start = np.searchsorted(group[order], wanted, side="left")
    many = np.searchsorted(group[order], wanted, side="right") - start
    left = np.repeat(np.arange(len(truth)), many)
    within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    return left, order[np.repeat(start, many) + within]


def f1(true_positives: float, in_truth: float, in_prediction: float) -> float:
    """Return F1 = 2PR / (P + R); without a prediction 0, without a truth NaN (not defined)."""
    if in_truth == 0:
        return float("nan")
    precision = true_positives / in_prediction if in_prediction else 0.0
    recall = true_positives / in_truth
    if precision == 0 and recall == 0:
        return 0.0
    return float(2.0 * precision * recall / (precision + recall))


def micro_f1(counts: np.ndarray) -> float:
    """Return F1 of all clips and classes pooled; frequent classes decide it."""
    return f1(*counts.sum(axis=(0, 1)).tolist())


def macro_f1(counts: np.ndarray, never_predicted: str = "zero") -> float:
    """Return the mean over classes of their F1; each class counts alike.

    A class that is not in the truth has no F1 and does not count. One that is, and is never
    predicted, scores "zero", or is left out of the mean ("skip", sed_eval's own choice).
    """
    totals = counts.sum(axis=0)
    values = np.array([f1(*row) for row in totals.tolist()])
    if never_predicted == "skip":
        values[totals[:, 2] == 0] = np.nan
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")


SCORES: dict[str, Callable[[np.ndarray], float]] = {
    "clip": micro_f1,
    "segment": micro_f1,
    "event": macro_f1,
}


def all_counts(
    truth: Events, predicted: Events, tags: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return the counts of the three metrics of Table 3.

    `tags` (clips, classes) bool are clip-level decisions; where None, a class is tagged if it has
    an event.
    """
    tagged = predicted.tags if tags is None else tags
    return {
        "clip": clip_counts(truth.tags, tagged),
        "segment": segment_counts(truth, predicted),
        "event": event_counts(truth, predicted),
    }


def table3_scores(counts: dict[str, np.ndarray]) -> dict[str, float]:
    """Return clip micro, segment micro and event macro F1 of `all_counts`."""
    return {name: SCORES[name](counts[name]) for name in METRICS}


def interval(
    counts: np.ndarray,
    statistic: Callable[[np.ndarray], float],
    seed: int = 0,
    resamples: int = 2000,
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval over clips of a score of `counts`.

    Of classes that a resample does not contain, only those that it does count.
    """
    generator = np.random.default_rng(seed)
    return claims.bootstrap_interval(counts, statistic, generator, resamples=resamples)


def standard_error(ends: tuple[float, float]) -> float:
    """Return the standard error that a 95 % interval stands for: its length over 2 x 1.96."""
    return (ends[1] - ends[0]) / (2 * 1.96)


@cache
def _sed_eval() -> Any:
    """Import sed_eval without its dependency's complaint about pkg_resources (setuptools)."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        import sed_eval
    return sed_eval


def by_sed_eval(
    truth: Events, predicted: Events, *, rule: str = "max", never_predicted: str = "zero"
) -> dict[str, float]:
    """Return what sed_eval says: segment and event F1, micro and macro.

    Its traps: a class never predicted scores NaN and drops out of the macro mean unless it is told
    otherwise, which its segment-based class cannot be in the constructor; clips without events must
    be passed too; files must come one by one.

    For `rule` see `match`, for `never_predicted` see `macro_f1`.
    """
    library, classes = _sed_eval(), list(truth.classes)
    handling = {"zero": "zero_score", "skip": None}[never_predicted]
    segments = library.sound_event.SegmentBasedMetrics(classes, time_resolution=SEGMENT_SECONDS)
    segments.empty_system_output_handling = handling
    events = _event_metrics(rule)(
        classes,
        t_collar=COLLAR,
        percentage_of_length=LENGTH_SHARE,
        event_matching_type="optimal",
        empty_system_output_handling=handling,
    )
    for reference, estimate in zip(_by_clip(truth), _by_clip(predicted), strict=True):
        segments.evaluate(reference, estimate)
        events.evaluate(reference, estimate)
    with warnings.catch_warnings():  # means over classes of which none has a value
        warnings.simplefilter("ignore", RuntimeWarning)
        return {
            f"{name} {kind}": float(result["f_measure"]["f_measure"])
            for name, metric in (("segment", segments), ("event", events))
            for kind, result in (
                ("micro", metric.results_overall_metrics()),
                ("macro", metric.results_class_wise_average_metrics()),
            )
        }


def _event_metrics(rule: str) -> Any:
    """Return sed_eval's event metric with one of the two readings of the offset tolerance."""
    combine = OFFSET_RULES[rule]

    class Metric(_sed_eval().sound_event.EventBasedMetrics):  # type: ignore[misc]
        @staticmethod
        def validate_offset(
            reference_event: Any,
            estimated_event: Any,
            t_collar: float = COLLAR,
            percentage_of_length: float = LENGTH_SHARE,
        ) -> bool:
            length = reference_event["event_offset"] - reference_event["event_onset"]
            away = math.fabs(reference_event["event_offset"] - estimated_event["event_offset"])
            return away <= combine(t_collar, percentage_of_length * length)

    return Metric


def _by_clip(events: Events) -> list[list[dict[str, Any]]]:
    """Return the events of each clip as sed_eval takes them; clips without events are empty."""
    lists: list[list[dict[str, Any]]] = [[] for _ in events.clips]
    for index, clip in enumerate(events.clip):
        lists[clip].append(
            {
                "filename": events.clips[clip],
                "event_label": events.classes[events.label[index]],
                "event_onset": float(events.onset[index]),
                "event_offset": float(events.offset[index]),
            }
        )
    return lists
