"""Drawn event lists and a simulated detector: the embedded rung, which needs no data at all.

The events have the timing of a domestic test set (how often a class sounds, how often in a clip,
for how long), rounded from the published lists. The detector is fair, not good: it mistakes some
clips altogether and blurs what it hears, as real ones do.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, special

from lib.sound.labels import CLASSES, CLIP_SECONDS, Events


@dataclass(frozen=True)
class Timing:
    """How one class sounds: rounded statistics of the 880 test clips of DCASE 2018 task 4."""

    share: float  # of the clips have it
    times: float  # events in such a clip, mean
    whole: float  # share of events that fill their clip
    seconds: float  # median length of the others
    spread: float  # of the logarithm of their length
    gap: float  # seconds between two, median


TIMINGS = {
    "Alarm_bell_ringing": Timing(0.16, 2.2, 0.06, 1.0, 0.9, 0.45),
    "Blender": Timing(0.06, 1.1, 0.16, 3.7, 0.7, 0.7),
    "Cat": Timing(0.10, 2.8, 0.03, 0.9, 0.8, 0.9),
    "Dishes": Timing(0.16, 3.3, 0.00, 0.4, 0.7, 0.6),
    "Dog": Timing(0.15, 3.4, 0.02, 0.8, 0.9, 0.55),
    "Electric_shaver_toothbrush": Timing(0.04, 1.0, 0.68, 4.3, 0.4, 1.0),
    "Frying": Timing(0.07, 1.1, 0.64, 4.4, 0.6, 1.7),
    "Running_water": Timing(0.15, 1.2, 0.22, 3.5, 0.9, 1.6),
    "Speech": Timing(0.60, 2.9, 0.00, 1.1, 0.7, 0.7),
    "Vacuum_cleaner": Timing(0.06, 1.0, 0.68, 4.8, 0.4, 1.0),
}
SHORT_CLIPS = 0.075  # share of clips under 10 s
WHOLE_CLIP_ERROR = 1.8  # of the logit; sets how often a clip is mistaken altogether
SHORTEST_EVENT = 0.25  # seconds; annotators mark nothing much shorter


def draw_events(clips: int, seed: int = 0) -> Events:
    """Return drawn events in so many clips; every class sounds in at least one.

    Raises:
        ValueError: there are fewer clips than classes.
    """
    if clips < len(CLASSES):
        raise ValueError(f"{clips} clips cannot hold {len(CLASSES)} classes; draw more")
    generator = np.random.default_rng(seed)
    short = generator.random(clips) < SHORT_CLIPS
    durations = np.where(short, generator.uniform(3.0, 9.9, clips).round(1), CLIP_SECONDS)
    present = generator.random((clips, len(CLASSES))) < [t.share for t in TIMINGS.values()]
    present[np.arange(len(CLASSES)), np.arange(len(CLASSES))] = True
    rows = [
        (clip, label, onset, offset)
        for clip, label in zip(*np.nonzero(present), strict=True)
        for onset, offset in _draw(TIMINGS[CLASSES[label]], float(durations[clip]), generator)
    ]
    clip, label, onset, offset = (np.array(column) for column in zip(*rows, strict=True))
    names = tuple(f"drawn_{index:04d}.wav" for index in range(clips))
    return Events(names, durations, clip, label, onset, offset)


def example() -> Events:
    """Return one made-up clip: three barks, two sentences, and water all through it."""
    dog, speech, water = (CLASSES.index(name) for name in ("Dog", "Speech", "Running_water"))
    return Events(
        clips=("example",),
        durations=np.array([CLIP_SECONDS]),
        clip=np.zeros(6, dtype=np.int64),
        label=np.array([dog, dog, dog, speech, speech, water]),
        onset=np.array([1.1, 2.2, 3.0, 4.3, 7.1, 0.0]),
        offset=np.array([1.6, 2.6, 3.4, 6.4, 9.2, 10.0]),
    )


def _draw(
    timing: Timing, seconds: float, generator: np.random.Generator
) -> list[tuple[float, float]]:
    """Return onsets and offsets of one class in one clip, one after the other, in milliseconds."""
    if generator.random() < timing.whole * timing.times / (1 + timing.whole * (timing.times - 1)):
        return [(0.0, seconds)]
    count = 1 + generator.poisson(timing.times - 1)
    lengths = timing.seconds * np.exp(timing.spread * generator.standard_normal(count))
    gaps = timing.gap * np.exp(0.9 * generator.standard_normal(count))
    lengths, ends = np.maximum(lengths, SHORTEST_EVENT), []
    free = seconds - lengths.sum() - gaps[1:].sum()
    time = generator.uniform(0, free) if free > 0 else 0.0
    for length, gap in zip(lengths, gaps, strict=True):
        if time + SHORTEST_EVENT > seconds:
            break
        ends.append((round(time, 3), round(min(time + length, seconds), 3)))
        time = ends[-1][1] + gap
    return ends


def simulate_scores(
    truth: Events, hop: float, frames: int, seed: int = 0, skill: float = 1.0
) -> np.ndarray:
    """Return what a simulated detector would score, (clips, frames, classes) float32 in [0, 1].

    Its logit is the truth seen through a short blur, plus an error of the whole clip (it hears what
    is not there, or not what is), plus one that drifts with time, plus one of each frame.

    Args:
        truth: the true events.
        hop: seconds from frame to frame.
        frames: how many.
        seed: of the errors.
        skill: 1 for a fair detector, less for a worse one.
    """
    generator = np.random.default_rng(seed)
    times = (np.arange(frames) + 0.5) * hop
    active = np.zeros((truth.shape[0], frames, truth.shape[1]))
    for clip, label, onset, offset in zip(
        truth.clip, truth.label, truth.onset, truth.offset, strict=True
    ):
        active[clip, (times >= onset) & (times < offset), label] = 1.0
    heard = ndimage.gaussian_filter1d(active, sigma=0.15 / hop, axis=1, mode="nearest")
    tagged = np.where(truth.tags, 0.6, -1.7)[:, None, :]
    whole = WHOLE_CLIP_ERROR * generator.standard_normal((truth.shape[0], 1, truth.shape[1]))
    noise = generator.standard_normal(active.shape)
    slow = ndimage.gaussian_filter1d(noise, sigma=0.5 / hop, axis=1, mode="reflect")
    slow *= np.sqrt(2 * np.sqrt(np.pi) * 0.5 / hop)  # unit variance again
    fast = generator.standard_normal(active.shape)
    logit = skill * (4.5 * (heard - 0.5) + 1.5 * tagged) + whole + 1.1 * slow + 0.5 * fast
    return special.expit(logit).astype(np.float32)
