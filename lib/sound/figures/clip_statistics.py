"""What a corpus is made of and what it is like, in numbers: labels, overlaps, loudness."""

from collections import Counter

import numpy as np
import pandas as pd

from lib.book import data_root
from lib.sound import oracles
from lib.sound.data import mixtures, photos
from lib.sound.data.corpus import Corpus, Waveform
from lib.sound.events import Events

FRAME = 0.02  # seconds over which a level is taken
SILENCE = 1e-10  # of the power of full scale; keeps the level of digital silence finite


def materials() -> pd.DataFrame:
    """Return what each class of the mixtures is made of: recordings, timing, photographs."""
    recordings = mixtures.read_recordings(data_root.locate("esc10"))
    heard = Counter(each.kind for each in recordings)
    seen = Counter(each.kind for each in photos.read(data_root.locate("photos")))
    rows = []
    for name, material in mixtures.MATERIAL.items():
        folder = photos.FOLDER.get(name)
        row: dict[str, object] = {"class": name.replace("_", " "), "recordings": heard[name]}
        row["in the timing of"] = material.timing.replace("_", " ").lower()
        row["is seen as"] = photos.SIGNS[folder] if folder else None
        row["photographs"] = seen[folder] if folder else None
        rows.append(row)
    return pd.DataFrame(rows, dtype=object)


def classes(corpus: Corpus, split: str = "test") -> pd.DataFrame:
    """Return how often each class sounds, how long, and how often throughout a clip.

    Lengths are medians in seconds; a class without events has none.
    """
    events, weak = corpus.strong[split], corpus.weak_targets()
    lengths = events.offset - events.onset
    whole = lengths >= 0.99 * events.durations[events.clip]
    rows = []
    for label, name in enumerate(events.classes):
        own = events.label == label
        rows.append(
            {
                "class": name.replace("_", " "),
                "weak clips, %": 100 * float(weak[:, label].mean()) if len(weak) else np.nan,
                f"{split} clips, %": 100 * float(events.tags[:, label].mean()),
                "events": int(own.sum()),
                "median length, s": float(np.median(lengths[own])) if own.any() else np.nan,
                "as long as the clip, %": 100 * float(whole[own].mean()) if own.any() else np.nan,
            }
        )
    return pd.DataFrame(rows)


def overlaps(events: Events, step: float = 0.02) -> np.ndarray:
    """Return which share of all time so many classes sound at once, (classes + 1,) from none on."""
    times = np.arange(step / 2, events.durations.max(), step)
    sounding = oracles.activity(events, times) > 0
    inside = times < events.durations[:, None]
    counts = np.bincount(sounding.sum(axis=2)[inside], minlength=events.shape[1] + 1)
    return counts / counts.sum()


def example(events: Events, label: str = "dog") -> int:
    """Return the first clip in which one class alone sounds, or the first with an event at all."""
    place = [name.lower() for name in events.classes].index(label)
    alone = (events.tags.sum(axis=1) == 1) & events.tags[:, place]
    return int(alone.argmax() if alone.any() else events.clip[0])


def contrasts(corpus: Corpus, split: str, count: int) -> np.ndarray:
    """Return by how many dB events stand above the rest of their clip, one number for each.

    It is the median level within events less that of the rest. Of the first `count` clips of a
    split, those without either are left out.
    """
    found = []
    for clip, name in enumerate(corpus.clips[split][:count]):
        level = frame_levels(corpus.audio(name))
        active = _active(corpus.strong[split], clip, (np.arange(len(level)) + 0.5) * FRAME)
        if active.any() and not active.all():
            found.append(np.median(level[active]) - np.median(level[~active]))
    return np.array(found)


def frame_levels(waveform: Waveform) -> np.ndarray:
    """Return the level of each FRAME of a sound, (frames,) in dB of full scale."""
    length = round(FRAME * waveform.rate)
    count = len(waveform.samples) // length
    frames = waveform.samples[: count * length].reshape(count, length).astype(np.float64)
    return 10 * np.log10((frames**2).mean(axis=1) + SILENCE)


def _active(events: Events, clip: int, times: np.ndarray) -> np.ndarray:
    """Return whether anything sounds in one clip at given times, (times,) bool."""
    own = events.clip == clip
    after = times >= events.onset[own, None]
    inside = after & (times < events.offset[own, None])
    return np.asarray(inside.any(axis=0))
