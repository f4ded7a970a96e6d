"""What a perfect system would score if it could only do so much: ceilings, on the labels alone.

Nothing here hears anything. Each function takes the true events and returns the "predictions" of a
system that knows the truth, and loses exactly one thing.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from lib.sound import evaluation
from lib.sound.evaluation import FRAME_SECONDS, FRAMES, MEDIAN_FRAMES, SEGMENT_SECONDS
from lib.sound.events import CLASSES, CLIP_SECONDS, Events

WINDOW_SECONDS = 0.96  # of the audio network, section 4.2
WINDOW_HOP_SECONDS = 0.06  # 960 ms with an overlap of 900 ms
FIRST_CENTRE = 0.49  # seconds: of the first window without padding, in frames of 25 ms every 10 ms


def made_up_clip() -> Events:
    """Return one clip, made up to explain: three barks, two sentences, and water all through it."""
    dog, speech, water = (CLASSES.index(name) for name in ("Dog", "Speech", "Running_water"))
    return Events(
        clips=("made up",),
        durations=np.array([CLIP_SECONDS]),
        clip=np.zeros(6, dtype=np.int64),
        label=np.array([dog, dog, dog, speech, speech, water]),
        onset=np.array([1.1, 2.2, 3.0, 4.3, 7.1, 0.0]),
        offset=np.array([1.6, 2.6, 3.4, 6.4, 9.2, 10.0]),
    )


def whole_clips(truth: Events) -> Events:
    """Return what a perfect tagger says that never localises: all clip long, each class in it."""
    clip, label = np.nonzero(truth.tags)
    return truth.replaced(clip, label, np.zeros(len(clip)), truth.durations[clip])


def erring_tagger(truth: Events, score: float, generator: np.random.Generator) -> Events:
    """Return whole-clip events of a tagger with clip micro F1 `score` that never localises.

    As many tags are missed as are made up, so that precision, recall and F1 are alike. Which are
    missed is drawn from all true tags; which are made up, from the others, frequent classes more
    often.

    Raises:
        ValueError: the score is no share, or so low that there are not enough false tags.
    """
    if not 0 <= score <= 1:
        raise ValueError(f"F1 is {score}; give a share between 0 and 1")
    tags = truth.tags.copy()
    right, wrong = np.flatnonzero(tags), np.flatnonzero(~tags)
    errors = round((1 - score) * len(right))
    frequency = np.broadcast_to(tags.sum(axis=0) + 0.0, tags.shape).ravel()[wrong]
    if errors > np.count_nonzero(frequency):
        raise ValueError(f"F1 of {score} needs {errors} false tags, more than there can be")
    tags.flat[generator.choice(right, errors, replace=False)] = False
    weights = frequency / frequency.sum()
    tags.flat[generator.choice(wrong, errors, replace=False, p=weights)] = True
    clip, label = np.nonzero(tags)
    return truth.replaced(clip, label, np.zeros(len(clip)), truth.durations[clip])


def evenly_spread(truth: Events, share: float = 0.8) -> Events:
    """Return as many events of each class as a clip has, spread evenly over it.

    Each fills `share` of its part of the clip; a single one fills the clip.
    """
    order = np.lexsort((truth.onset, truth.label, truth.clip))
    clip, label = truth.clip[order], truth.label[order]
    _, start, many = np.unique(clip * truth.shape[1] + label, return_index=True, return_counts=True)
    place = np.arange(len(truth)) - np.repeat(start, many)
    part = truth.durations[clip] / np.repeat(many, many)
    filled = np.where(np.repeat(many, many) == 1, 1.0, share)
    return truth.replaced(clip, label, place * part, (place + filled) * part)


def whole_segments(truth: Events, seconds: float = SEGMENT_SECONDS) -> Events:
    """Return the events made of all segments that a true event touches, neighbours joined."""
    onset = np.floor(truth.onset / seconds) * seconds
    offset = np.minimum(np.ceil(truth.offset / seconds) * seconds, truth.durations[truth.clip])
    return merged(truth.replaced(truth.clip, truth.label, onset, offset))


def touching(truth: Events, window: float = WINDOW_SECONDS) -> Events:
    """Return events active whenever a window of so many seconds, centred there, touches the truth.

    What a perfect tagger says that is slid over the clip: every event grows by half a window at
    each end, and what then overlaps is one.
    """
    onset = np.maximum(truth.onset - window / 2, 0)
    offset = np.minimum(truth.offset + window / 2, truth.durations[truth.clip])
    return merged(truth.replaced(truth.clip, truth.label, onset, offset))


def in_frames(truth: Events, median: int = MEDIAN_FRAMES, window: float = 0.0) -> Events:
    """Return what is left of the truth in the paper's frames after a median filter.

    A frame is active if the class sounds in more than half of the window of so many seconds around
    its centre, or, for 0, at its centre.
    """
    heard = activity(truth, (np.arange(FRAMES) + 0.5) * FRAME_SECONDS, window)
    active = evaluation.median_filter(heard > 0.5, median)
    return evaluation.decode(active, truth)


def joined_by_index(truth: Events, window: float = 0.0) -> Events:
    """Return a perfect detector of one grid read as if its frames were those of the other.

    Section 4.2 joins 151 spectral frames (66.24 ms apart, centred at 0.03 to 9.97 s) with 151
    windows (60 ms apart, centred at 0.49 to 9.49 s) frame by frame. What the windows hear is thus
    placed up to 0.46 s too early at a clip's start and as much too late at its end. The window is
    that of `in_frames`.
    """
    heard = activity(truth, FIRST_CENTRE + np.arange(FRAMES) * WINDOW_HOP_SECONDS, window)
    return evaluation.decode(evaluation.median_filter(heard > 0.5), truth)


def activity(truth: Events, times: np.ndarray, window: float = 0.0) -> np.ndarray:
    """Return how much of a window around each time each class sounds, (clips, frames, classes).

    Args:
        truth: the true events.
        times: (frames,) seconds, the windows' centres.
        window: their length in seconds; what lies outside the clip does not count. For 0 it is
            whether the class sounds at that time.
    """
    events = merged(truth)
    onset, offset = events.onset[:, None], events.offset[:, None]
    low = np.maximum(times - window / 2, 0.0)
    high = np.minimum(times + window / 2, events.durations[:, None])  # (clips, frames)
    if window == 0:
        shares = ((onset <= times) & (times < offset)).astype(float)
    else:
        ends = high[events.clip]
        heard = np.minimum(offset, ends) - np.maximum(onset, low)
        shares = np.maximum(heard, 0.0) / np.maximum(ends - low, 1e-9)
    total = np.zeros((truth.shape[0], truth.shape[1], len(times)))
    np.add.at(total, (events.clip, events.label), shares)
    return total.transpose(0, 2, 1)


def gap_seconds(truth: Events) -> np.ndarray:
    """Return the silences between one event and the next of its clip and class, in seconds."""
    order = np.lexsort((truth.onset, truth.label, truth.clip))
    same = (np.diff(truth.clip[order]) == 0) & (np.diff(truth.label[order]) == 0)
    gaps = truth.onset[order][1:] - truth.offset[order][:-1]
    return gaps[same & (gaps > 0)]


def merged(events: Events) -> Events:
    """Return the events with those of one clip and class that overlap or meet made one."""
    order = np.lexsort((events.onset, events.label, events.clip))
    rows = (a[order] for a in (events.clip, events.label, events.onset, events.offset))
    joined: list[list[float]] = []
    for clip, label, onset, offset in zip(*(row.tolist() for row in rows), strict=True):
        last = joined[-1] if joined else None
        if last and last[:2] == [clip, label] and onset <= last[3]:
            last[3] = max(last[3], offset)
        else:
            joined.append([clip, label, onset, offset])
    columns = np.array(joined, dtype=np.float64).reshape(-1, 4).T
    clip_label = columns[:2].astype(np.int64)
    return events.replaced(clip_label[0], clip_label[1], columns[2], columns[3])


CEILINGS: dict[str, Callable[[Events], Events]] = {
    "tags right, every event the whole clip": whole_clips,
    "every 1 s segment right": whole_segments,
    "frames right, no filter": partial(in_frames, median=1),
    "frames right, median filter of 7": partial(in_frames, median=7),
    "frames right, median filter of 15": partial(in_frames, median=15),
    "frames right, median filter of 31": partial(in_frames, median=31),
    "0.96 s window, yes if half full": partial(in_frames, window=WINDOW_SECONDS),
    "0.96 s window, yes if touched": touching,
    "two grids of 151 joined by index": joined_by_index,
    "the same, 0.96 s window half full": partial(joined_by_index, window=WINDOW_SECONDS),
}
