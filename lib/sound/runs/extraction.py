"""The features of a corpus (section 4.2): computed once, on one time grid, standardised, on disk.

The paper's 15,494 clips take gigabytes for each input. They pass through memory one by one, each is
kept in data/cache, so that extraction goes on where it was interrupted, and training reads them
batch by batch.
"""

import hashlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from lib.book.files import REPOSITORY
from lib.runs import code, rows
from lib.runs.rows import Rows
from lib.sound import features, pretrained
from lib.sound.data.corpus import SPLITS, Corpus, Stills
from lib.sound.features import GRID_TIMES, Standardiser

CACHE = REPOSITORY / "data" / "cache" / "features"
TRAINING_SPLITS = ("weak", "unlabelled")


# --- for training


def prepare(
    corpus: Corpus, stream: str, align: str, mel_bands: int
) -> tuple[dict[str, Rows], Standardiser]:
    """Return one input's features of each split, standardised, and by what; made once.

    For the stream see `features.STREAMS`, for `align`, of audio networks only, `features.on_grid`.

    Returns:
        {split: (clips, frames, n) float16, on disk}, and what the training clips have of mean and
        standard deviation.
    """
    sense = features.sense_of(stream)
    kept = cached(stream)
    facts = (
        code.key([features]),
        kept.name,
        align,
        mel_bands,
        features.FARTHEST,
        corpus.fingerprint(sense),
    )
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
    place = kept.parent / "prepared" / f"{stream}-{digest}.npy"
    scale = Standardiser(
        *_made_once(
            place.with_name(f"{place.stem}-scale.npy"),
            lambda: [np.stack(_statistics(corpus, stream, align, mel_bands))],
        )[:]
    )
    names = [name for split in SPLITS for name in corpus.clips[split]]
    if corpus.stills and sense == "sight":
        stills = corpus.stills
        few = _made_once(
            place, lambda: [features.standardised(of_stills(stills, stream)[:], scale).numpy()]
        )
        found = few.numbered(np.stack([stills.shown(name, GRID_TIMES) for name in names]))
    else:
        clips = raw_clips(corpus, names, stream, align, mel_bands)
        found = _made_once(
            place, lambda: (features.standardised(clip[None], scale).numpy() for clip in clips)
        )
    ends = list(itertools.accumulate((len(corpus.clips[split]) for split in SPLITS), initial=0))
    parts = itertools.starmap(slice, itertools.pairwise(ends))
    return {split: found.only(part) for split, part in zip(SPLITS, parts, strict=True)}, scale


def _statistics(
    corpus: Corpus, stream: str, align: str, mel_bands: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation of an input over the training clips, padding left out."""
    names = [name for split in TRAINING_SPLITS for name in corpus.clips[split]]
    clips = raw_clips(corpus, names, stream, align, mel_bands)
    lengths = sounding_frames(corpus, names, stream)
    scale = Standardiser.fit(clip[:n] for clip, n in zip(clips, lengths, strict=True))
    return scale.mean, scale.std


def raw_clips(
    corpus: Corpus, clips: Sequence[str], stream: str, align: str, mel_bands: int
) -> Iterator[np.ndarray]:
    """Yield the features of clips, (frames, n) float16 each, before standardisation."""
    for values in each(corpus, stream, clips):
        if stream == "log_mel":
            yield fewer_bands(values, mel_bands)
        else:
            yield features.on_grid(values, align)


def sounding_frames(corpus: Corpus, clips: Sequence[str], stream: str) -> Iterator[int]:
    """Yield of each clip how many frames there are before the silence that fills short ones up."""
    scale = 1 if stream == "log_mel" else features.POOLED  # others have a frame for four of its
    for values in each(corpus, "log_mel", clips):
        sounding = values.max(axis=1) > features.QUIETEST
        yield math.ceil((features.FRAMES - int(sounding[::-1].argmax())) / scale)


def fewer_bands(log_mel: np.ndarray, bands: int) -> np.ndarray:
    """Return a log-mel (frames, 128) with neighbouring bands averaged, in dB."""
    frames, there = log_mel.shape
    if there == bands:
        return log_mel
    grouped = log_mel.reshape(frames, bands, there // bands)
    return grouped.mean(axis=2, dtype=np.float32).astype(log_mel.dtype)


# --- clip by clip


def extract(corpus: Corpus, stream: str, clips: Sequence[str]) -> np.ndarray:
    """Return features of some clips in memory, (clips, rows, dimensions) float16; see `each`."""
    return np.stack(list(each(corpus, stream, clips)))


def each(corpus: Corpus, stream: str, clips: Sequence[str]) -> Iterator[np.ndarray]:
    """Yield the (rows, dimensions) float16 of each clip; what the cache lacks is computed first.

    For streams see `features.STREAMS`. Patches of the audio networks are 60 ms apart, see
    `pretrained.log_mel_patches`; frames of the visual ones are nearest to GRID_TIMES.
    """
    if stream not in features.STREAMS:
        known = ", ".join(features.STREAMS)
        raise ValueError(f"unknown stream {stream!r}; choose one of: {known}")
    sense = features.sense_of(stream)
    if corpus.stills and sense == "sight":
        table = of_stills(corpus.stills, stream)
        yield from (table[corpus.stills.shown(clip, GRID_TIMES)] for clip in clips)
        return
    kept = cached(stream)
    places = {clip: kept / f"{corpus.content(clip, sense)}.npy" for clip in clips}
    lacking = {place: clip for clip, place in places.items() if not place.is_file()}
    quiet = None if lacking else True
    for place, clip in tqdm(lacking.items(), f"features {stream}", unit="clip", disable=quiet):
        rows.write(place, _computed(corpus, stream, clip))
    for clip in clips:  # a damaged file is made anew
        yield _made_once(places[clip], partial(_computed, corpus, stream, clip))[:]


def of_stills(stills: Stills, stream: str) -> Rows:
    """Return the (pictures, dimensions) float16 of the few that a corpus shows, computed once."""
    place = cached(stream) / f"stills-{stills.key}.npy"
    return _made_once(
        place, lambda: [pretrained.embeddings(stream, stills.pictures()).astype(np.float16)]
    )


def cached(stream: str) -> Path:
    """Return the folder in which a stream's features are kept; its name says what made them."""
    weights = "" if stream == "log_mel" else f"-{pretrained.digest(stream)}"
    made_by = code.key([features, pretrained] if stream == "log_mel" else [pretrained])
    return CACHE / f"{stream}-{made_by}{weights}"


def _made_once(place: Path, make: Callable[[], Iterable[np.ndarray]]) -> Rows:
    """Return the rows of a file; where it is missing or damaged, they are made first."""
    if (found := rows.read(place)) is None:
        rows.write(place, make())
        found = rows.read(place)
    if found is None:
        raise OSError(f"{place} cannot be read back; check the disk and run again")
    return found


def _computed(corpus: Corpus, stream: str, clip: str) -> list[np.ndarray]:
    """Return what a clip's file holds, one (rows, dimensions) float16; name the clip on failure."""
    if stream in pretrained.NETWORKS:
        pretrained.loaded(stream)  # bad weights are not the clip's fault
    try:
        values = _features(corpus, stream, clip)
    except (ValueError, OSError) as error:
        raise ValueError(f"clip {clip} of {corpus.name}: {error}") from error
    if not np.abs(values).max() <= np.finfo(np.float16).max:  # true of NaN as well
        raise ValueError(f"clip {clip} of {corpus.name}: its {stream} features do not fit float16")
    return [values.astype(np.float16)]


def _features(corpus: Corpus, stream: str, clip: str) -> np.ndarray:
    """Return the features of one clip, (rows, dimensions) float32."""
    if stream == "log_mel":
        return features.log_mel(corpus.audio(clip))
    network = pretrained.NETWORKS[stream]
    if not network.sees:
        patches = pretrained.log_mel_patches(corpus.audio(clip), network.offset)
        return pretrained.embeddings(stream, patches)
    frames = corpus.frames(clip, GRID_TIMES)
    if frames is None:
        raise ValueError("it has no pictures; leave it out")
    return pretrained.embeddings(stream, frames)
