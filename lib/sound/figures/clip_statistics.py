"""What a corpus is made of and what it is like, in numbers: labels and overlaps."""

from collections import Counter

import numpy as np
import pandas as pd

from lib.book import data_root
from lib.sound import oracles
from lib.sound.data import mixtures, photos
from lib.sound.data.corpus import Corpus
from lib.sound.events import Events


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
