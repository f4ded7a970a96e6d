"""What the networks of Part I are given (section 4.2): log-mel and pretrained features.

Each clip and stream is computed once and kept in data/cache, so that extraction goes on where it
was interrupted.
"""

import hashlib
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import joblib
import librosa
import numpy as np
import torch
from tqdm.auto import tqdm

from lib.book.files import REPOSITORY, write_atomically
from lib.runs import rows
from lib.runs.rows import Rows
from lib.sound import pretrained
from lib.sound.data.corpus import Corpus, Stills, Waveform

CACHE = REPOSITORY / "data" / "cache" / "features"
VERSION = 1  # raise it when what is computed changes: the cache then starts afresh
FARTHEST = 10.0  # standard deviations

RATE = 22100  # Hz, as the paper says: at 22,050 there would be 603 frames, not its 604
WINDOW, HOP, BANDS = 2048, 366, 128
FRAMES = 604  # of a clip of CLIP_SECONDS
FLOOR, LOUDEST, QUIETEST = 1e-5, 80.0, -50.0  # of mel magnitudes; of their level in dB
POOLED = 4  # frames that the network's pooling makes one: 151 remain
GRID = FRAMES // POOLED
GRID_TIMES = (np.arange(GRID) + 0.5) * POOLED * HOP / RATE  # seconds, the centre of each
UNPADDED = slice(8, 8 + GRID)  # patches that lie wholly inside the clip
DIGEST_BYTES = 32  # of the SHA-256 behind each array in the cache


@dataclass(frozen=True)
class Stream:
    """One kind of features: `rows` in a clip, each with `dimensions`."""

    rows: int
    dimensions: int


STREAMS = {"log_mel": Stream(FRAMES, BANDS)} | {
    name: Stream(GRID if network.sees else pretrained.PATCHES, network.dimensions)
    for name, network in pretrained.NETWORKS.items()
}


def log_mel(waveform: Waveform) -> np.ndarray:
    """Return the log-mel magnitude spectrogram of a clip of CLIP_SECONDS.

    Longer clips are cut, shorter ones padded with silence: `valid_frames` tells from where on.

    Args:
        waveform: of any rate, resampled to RATE and scaled to a peak of 1.

    Returns:
        (604, 128) float32, frames by mel bands, in dB within [QUIETEST, LOUDEST].
    """
    samples = pretrained.fitted(waveform, RATE)
    samples = samples / (np.abs(samples).max() or 1.0)
    spectrum = torch.stft(
        torch.from_numpy(samples),
        WINDOW,
        HOP,
        window=torch.hann_window(WINDOW),
        pad_mode="reflect",
        return_complex=True,
    )
    mel = _mel_weights() @ spectrum.abs()
    return (20 * torch.log10(mel.clamp(min=FLOOR))).clamp(QUIETEST, LOUDEST).T.numpy()


@cache
def _mel_weights() -> torch.Tensor:
    """Return the (BANDS, WINDOW / 2 + 1) float32 weights of Slaney's mel bands up to Nyquist."""
    return torch.from_numpy(librosa.filters.mel(sr=RATE, n_fft=WINDOW, n_mels=BANDS))


def valid_frames(seconds: float) -> int:
    """Return how many of a clip's 604 frames are centred inside its sound, at least one."""
    return min(FRAMES, max(1, math.ceil(seconds * RATE / HOP)))


@dataclass(frozen=True, eq=False)
class Standardiser:
    """Mean and standard deviation of each dimension over training clips ("per-frequency bin").

    `mean` and `std` are (dimensions,) float32; where a dimension never changes, `std` is 1.
    """

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(
        cls, parts: Iterable[Iterable[np.ndarray]], valid: Iterable[Iterable[int]] | None = None
    ) -> "Standardiser":
        """Return the statistics of features, taken clip by clip, none of which is kept.

        Args:
            parts: clips (frames, dimensions), for example those of one split after the other.
            valid: for each of them how many frames of each clip are no padding; all where None.

        Raises:
            ValueError: there are no frames, or a value is not finite.
        """
        count, mean, squares = 0, np.zeros(1), np.zeros(1)
        for clip in _clips(parts, valid):
            values = clip.astype(np.float64)
            share = len(values) / (count + len(values))
            here = values.mean(axis=0)
            # the update of Chan, Golub and LeVeque, which subtracts no large sums
            squares = (
                squares + ((values - here) ** 2).sum(axis=0) + (here - mean) ** 2 * count * share
            )
            mean = mean + (here - mean) * share
            count += len(values)
        if not count or not np.isfinite(squares).all():
            raise ValueError("no finite frames to standardise by; are there training clips?")
        std = np.sqrt(squares / count).astype(np.float32)
        return cls(mean.astype(np.float32), np.where(std > 0, std, np.float32(1)))

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Return features with zero mean and unit variance, of the same shape, float32."""
        return (features.astype(np.float32) - self.mean) / self.std


def _clips(
    parts: Iterable[Iterable[np.ndarray]], valid: Iterable[Iterable[int]] | None
) -> Iterator[np.ndarray]:
    """Yield the frames of each clip that are no padding."""
    if valid is None:
        yield from (clip for part in parts for clip in part)
        return
    for part, frames in zip(parts, valid, strict=True):
        yield from (clip[:length] for clip, length in zip(part, frames, strict=True) if length)


def standardised(values: np.ndarray, scale: Standardiser) -> torch.Tensor:
    """Return features with zero mean and unit variance per dimension over the training clips.

    Beyond FARTHEST they are cut: a unit that hardly ever fires would drown all others when it does.
    """
    return torch.from_numpy(scale(values).clip(-FARTHEST, FARTHEST).astype(np.float16))


def on_grid(features: np.ndarray, align: str) -> np.ndarray:
    """Return pretrained features on the 151 frames that remain of the spectral ones.

    Args:
        features: (..., 167, dimensions) of sound; of pictures they are on that grid already.
        align: "index" joins patch i of the 151 that lie inside the clip to frame i, as the paper
            does, although their times drift apart by up to half a second; "time" takes for each
            frame the patch centred nearest to it.

    Returns:
        (..., 151, dimensions).

    Raises:
        ValueError: `align` is neither.
    """
    if features.shape[-2] == GRID:
        return features
    if align == "index":
        return features[..., UNPADDED, :]
    if align == "time":
        return features[..., nearest_patches(), :]
    raise ValueError(f"unknown alignment {align!r}; choose 'index' or 'time'")


def patch_times() -> np.ndarray:
    """Return the centres of a clip's 167 patches, (167,) in seconds."""
    begin = np.arange(pretrained.PATCHES) * pretrained.STEP - pretrained.MARGIN
    samples = (pretrained.PATCH - 1) * pretrained.HOP + pretrained.WINDOW
    return (begin * pretrained.HOP + samples / 2) / pretrained.RATE


def nearest_patches() -> np.ndarray:
    """Return for each of GRID_TIMES which patch is centred nearest to it, (151,) int64."""
    return np.abs(patch_times()[None] - GRID_TIMES[:, None]).argmin(axis=1)


def extract(
    corpus: Corpus, stream: str, clips: Sequence[str], folder: Path | None = None, jobs: int = 1
) -> np.ndarray:
    """Return the features of some clips in memory; for arguments and errors see `each`.

    Returns:
        (clips, rows, dimensions) float16, see STREAMS.
    """
    found = np.empty((len(clips), *_shape(stream)), dtype=np.float16)
    for row, values in zip(found, each(corpus, stream, clips, folder, jobs), strict=True):
        row[:] = values
    return found


def each(
    corpus: Corpus, stream: str, clips: Sequence[str], folder: Path | None = None, jobs: int = 1
) -> Iterator[np.ndarray]:
    """Yield the features of clips, one at a time; those not in the cache are computed first.

    Args:
        corpus: that holds the clips.
        stream: of STREAMS. Patches of the audio networks are 60 ms apart, see
            `pretrained.log_mel_patches`; frames of the visual ones are nearest to GRID_TIMES.
        clips: names, in the order wanted.
        folder: of the cache, CACHE where None.
        jobs: processes to compute in.

    Yields:
        (rows, dimensions) float16, see STREAMS.

    Raises:
        ValueError: the stream is unknown, or a clip cannot be decoded or has no pictures.
        FileNotFoundError: the network's weights are not there.
    """
    shape = _shape(stream)
    sense = sense_of(stream)
    if corpus.stills and sense == "sight":
        table = of_stills(corpus.stills, stream, folder)
        yield from (table[corpus.stills.shown(clip, GRID_TIMES)] for clip in clips)
        return
    kept = cached(stream, folder)
    places = {clip: kept / f"{corpus.content(clip, sense)}.npy" for clip in clips}
    lacking = {place: clip for clip, place in places.items() if not place.is_file()}
    if lacking:
        _compute_all(corpus, stream, lacking, jobs)
    for clip in clips:
        values = _read(places[clip], shape)
        if values is None:  # the file is damaged
            _compute(corpus, stream, clip, places[clip])
            values = _read(places[clip], shape)
        assert values is not None
        yield values


def of_stills(stills: Stills, stream: str, folder: Path | None = None) -> Rows:
    """Return the features of the few pictures that a corpus shows, computed once.

    Returns:
        (pictures, dimensions) float16, on disk.
    """
    place = cached(stream, folder) / f"stills-{stills.key}.npy"
    if (found := rows.read(place)) is None:
        values = pretrained.embeddings(stream, stills.pictures())
        rows.write(place, [values.astype(np.float16)])
        found = rows.read(place)
    assert found is not None
    return found


def sense_of(stream: str) -> str:
    """Return by which sense a stream knows a clip, see `Corpus.content`."""
    seen = stream != "log_mel" and pretrained.NETWORKS[stream].sees
    return "sight" if seen else "sound"


def _shape(stream: str) -> tuple[int, int]:
    """Return the rows and dimensions of a clip's features, or raise ValueError."""
    if stream not in STREAMS:
        raise ValueError(f"unknown stream {stream!r}; choose one of: {', '.join(STREAMS)}")
    return STREAMS[stream].rows, STREAMS[stream].dimensions


def cached(stream: str, folder: Path | None = None) -> Path:
    """Return the folder in which a stream's features are kept; its name says what made them."""
    weights = "" if stream == "log_mel" else f"-{pretrained.digest(stream)}"
    return (folder or CACHE) / f"{stream}-{VERSION}{weights}"


def _compute_all(corpus: Corpus, stream: str, places: dict[Path, str], jobs: int) -> None:
    """Compute the features of clips and write each to its place as soon as it is there."""
    tasks = (joblib.delayed(_compute)(corpus, stream, c, place) for place, c in places.items())
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        done = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(tasks)
        for _ in tqdm(done, f"features {stream}", len(places), unit="clip", disable=None):
            pass


def _compute(corpus: Corpus, stream: str, clip: str, place: Path) -> None:
    """Compute the features of one clip and write them; name the clip where that fails."""
    if stream in pretrained.NETWORKS:
        pretrained.loaded(stream)  # missing weights are not the clip's fault
    try:
        values = _features(corpus, stream, clip)
    except (ValueError, OSError) as error:
        raise ValueError(f"clip {clip} of {corpus.name}: {error}") from error
    if not np.abs(values).max() <= np.finfo(np.float16).max:  # true of NaN as well
        raise ValueError(f"clip {clip} of {corpus.name}: its {stream} features do not fit float16")
    _store(place, values.astype(np.float16))


def _features(corpus: Corpus, stream: str, clip: str) -> np.ndarray:
    """Return the features of one clip, (rows, dimensions) float32."""
    if stream == "log_mel":
        return log_mel(corpus.audio(clip))
    network = pretrained.NETWORKS[stream]
    if not network.sees:
        patches = pretrained.log_mel_patches(corpus.audio(clip), network.offset)
        return pretrained.embeddings(stream, patches)
    frames = corpus.frames(clip, GRID_TIMES)
    if frames is None:
        raise ValueError("it has no pictures; leave it out")
    return pretrained.embeddings(stream, frames)


def _store(place: Path, values: np.ndarray) -> None:
    """Write features into the cache, their SHA-256 behind them."""
    buffer = io.BytesIO()
    np.save(buffer, values)
    content = buffer.getvalue()
    write_atomically(place, content + hashlib.sha256(content).digest())


def _read(place: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """Return features from the cache, None where they are missing or damaged."""
    try:
        content = place.read_bytes()
    except FileNotFoundError:
        return None
    body, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    values = np.load(io.BytesIO(body), allow_pickle=False)
    return values if values.shape == shape else None
