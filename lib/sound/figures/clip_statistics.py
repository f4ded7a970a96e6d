"""What a corpus is made of and what it is like, in numbers: labels, overlaps, loudness."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pandas as pd

from lib.book import data_root
from lib.sound import oracles
from lib.sound.data import mixtures, photos
from lib.sound.data.corpus import SPLITS, Corpus, Waveform
from lib.sound.events import CLIP_SECONDS, Events

KINDS = {"weak": "weak", "unlabelled": "none", "validation": "strong", "test": "strong"}
FRAME = 0.02  # seconds over which a level is taken
CLIPPED = 0.999  # of full scale; a sample from here on counts as clipped
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


def splits(corpus: Corpus) -> pd.DataFrame:
    """Return clips, kind of labels and number of labels or events of each split (section 4.1)."""
    rows = []
    for split in SPLITS:
        labels = {"weak": sum(len(corpus.weak[clip]) for clip in corpus.clips["weak"])}
        events = {name: len(each) for name, each in corpus.strong.items()}
        row = {"split": split, "clips": len(corpus.clips[split]), "labels": KINDS[split]}
        rows.append(row | {"tags or events": (labels | events).get(split)})
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


def example(corpus: Corpus, among: int) -> int:
    """Return the `liveliest` of the first test clips whose picture changes; of all if none does."""
    seconds = np.arange(round(CLIP_SECONDS)) + 0.5
    films = [corpus.frames(name, seconds) for name in corpus.clips["test"][:among]]
    changing = [
        clip for clip, film in enumerate(films) if film is not None and (film != film[0]).any()
    ]
    return liveliest(corpus.strong["test"], changing or range(len(films)))


def liveliest(events: Events, among: Iterable[int]) -> int:
    """Return which of some clips has most classes; of those with as many, most events."""
    number = np.bincount(events.clip, minlength=len(events.clips))
    return max(among, key=lambda clip: (events.tags[clip].sum(), number[clip], -clip))


def frame_levels(waveform: Waveform) -> np.ndarray:
    """Return the level of each FRAME of a sound, (frames,) in dB of full scale."""
    length = round(FRAME * waveform.rate)
    count = len(waveform.samples) // length
    frames = waveform.samples[: count * length].reshape(count, length).astype(np.float64)
    return 10 * np.log10((frames**2).mean(axis=1) + SILENCE)


def levels(corpus: Corpus, split: str, count: int) -> pd.DataFrame:
    """Return the loudness of a split's first clips, one row each.

    Columns: `peak` and `rms` in dB of full scale; `clipped`, the share of samples at full scale;
    `contrast` in dB, the median level within events over that of the rest, NaN where either lacks.
    """
    rows = []
    for clip, name in enumerate(corpus.clips[split][:count]):
        waveform = corpus.audio(name)
        loudness = np.abs(waveform.samples)
        frames = frame_levels(waveform)
        active = _active(corpus.strong[split], clip, (np.arange(len(frames)) + 0.5) * FRAME)
        both = active.any() and not active.all()
        difference = np.median(frames[active]) - np.median(frames[~active]) if both else np.nan
        rows.append(
            {
                "peak": 20 * np.log10(float(loudness.max())),
                "rms": 10 * np.log10(float(np.mean(waveform.samples.astype(np.float64) ** 2))),
                "clipped": float((loudness >= CLIPPED).mean()),
                "contrast": float(difference),
            }
        )
    return pd.DataFrame(rows)


def _active(events: Events, clip: int, times: np.ndarray) -> np.ndarray:
    """Return whether anything sounds in one clip at given times, (times,) bool."""
    own = events.clip == clip
    after = times >= events.onset[own, None]
    inside = after & (times < events.offset[own, None])
    return np.asarray(inside.any(axis=0))
