"""Features made ready for training (section 4.2): on one time grid, standardised, on disk.

The paper's 15,494 clips take gigabytes for each input. They pass through memory one by one, and
training reads them batch by batch.
"""

import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lib.runs import rows
from lib.runs.rows import Rows
from lib.sound import features
from lib.sound.data.corpus import SPLITS, Corpus
from lib.sound.features import Standardiser

VERSION = 1  # raise it when what is prepared changes: it is then prepared afresh
TRAINING_SPLITS = ("weak", "unlabelled")


def prepare(
    corpus: Corpus, stream: str, align: str, mel_bands: int, folder: Path | None = None
) -> tuple[dict[str, Rows], Standardiser]:
    """Return one input's features of each split, standardised, and by what; made once.

    Args:
        corpus: whose training clips they are standardised by.
        stream: of `features.STREAMS`.
        align: see `features.on_grid`; plays a part for audio networks only.
        mel_bands: of the log-mel spectrogram.
        folder: of the cache, see `features.each`.

    Returns:
        {split: (clips, frames, n) float16, on disk}, and what the training clips have of mean and
        standard deviation.
    """
    place = _place(corpus, stream, align, mel_bands, folder)
    scale = _scale(place, corpus, stream, align, mel_bands, folder)
    names = [name for split in SPLITS for name in corpus.clips[split]]
    stills = corpus.stills if features.sense_of(stream) == "sight" else None
    found = rows.read(place)
    if found is None:
        if stills:
            few = features.of_stills(stills, stream, folder)[:]
            rows.write(place, [features.standardised(few, scale).numpy()])
        else:
            clips = raw_clips(corpus, names, stream, align, mel_bands, folder)
            rows.write(place, (features.standardised(clip[None], scale).numpy() for clip in clips))
        found = rows.read(place)
    if found is None:
        raise OSError(f"{place} cannot be read back; check the disk and run again")
    if stills:
        found = found.numbered(
            np.stack([stills.shown(name, features.GRID_TIMES) for name in names])
        )
    ends = list(itertools.accumulate((len(corpus.clips[split]) for split in SPLITS), initial=0))
    parts = itertools.starmap(slice, itertools.pairwise(ends))
    return {split: found.only(part) for split, part in zip(SPLITS, parts, strict=True)}, scale


def _place(corpus: Corpus, stream: str, align: str, mel_bands: int, folder: Path | None) -> Path:
    """Return where an input is kept: the name changes with the clips and with what is computed."""
    kept = features.cached(stream, folder)
    print_of = corpus.fingerprint(features.sense_of(stream))
    facts = (VERSION, kept.name, align, mel_bands, features.FARTHEST, print_of)
    return kept.parent / "prepared" / f"{stream}-{_digest(facts)}.npy"


def _digest(facts: tuple[object, ...]) -> str:
    """Return 16 hex digits that change with any of the facts."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _scale(
    place: Path, corpus: Corpus, stream: str, align: str, mel_bands: int, folder: Path | None
) -> Standardiser:
    """Return what an input is standardised by, which is kept beside it."""
    beside = place.with_name(f"{place.stem}-scale.npy")
    found = rows.read(beside)
    if found is not None:
        return Standardiser(*found[:])
    scale = Standardiser.fit(
        (
            raw_clips(corpus, corpus.clips[split], stream, align, mel_bands, folder)
            for split in TRAINING_SPLITS
        ),
        (sounding_frames(corpus, split, stream, folder) for split in TRAINING_SPLITS),
    )
    rows.write(beside, [np.stack([scale.mean, scale.std])])
    return scale


def raw_clips(
    corpus: Corpus,
    clips: Sequence[str],
    stream: str,
    align: str,
    mel_bands: int,
    folder: Path | None = None,
) -> Iterator[np.ndarray]:
    """Yield the features of clips, (frames, n) float16 each, before standardisation."""
    for values in features.each(corpus, stream, clips, folder):
        if stream == "log_mel":
            yield fewer_bands(values, mel_bands)
        else:
            yield features.on_grid(values, align)


def sounding_frames(
    corpus: Corpus, split: str, stream: str, folder: Path | None = None
) -> Iterator[int]:
    """Yield of each clip how many frames there are before the silence that fills short ones up."""
    scale = 1 if stream == "log_mel" else features.POOLED  # others have a frame for four of its
    for values in features.each(corpus, "log_mel", corpus.clips[split], folder):
        sounding = values.max(axis=1) > features.QUIETEST
        yield math.ceil((features.FRAMES - int(sounding[::-1].argmax())) / scale)


def fewer_bands(log_mel: np.ndarray, bands: int) -> np.ndarray:
    """Return a log-mel (frames, 128) with neighbouring bands averaged, in dB."""
    frames, there = log_mel.shape
    if there == bands:
        return log_mel
    grouped = log_mel.reshape(frames, bands, there // bands)
    return grouped.mean(axis=2, dtype=np.float32).astype(log_mel.dtype)
