"""What the networks of Part I are given (section 4.2): log-mel and pretrained features."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import librosa
import numpy as np
import torch

from lib.sound import pretrained
from lib.sound.data.corpus import Waveform

FARTHEST = 10.0  # standard deviations

RATE = 22100  # Hz, as the paper says: at 22,050 there would be 603 frames, not its 604
WINDOW, HOP, BANDS = 2048, 366, 128
FRAMES = 604  # of a clip of CLIP_SECONDS
FLOOR, LOUDEST, QUIETEST = 1e-5, 80.0, -50.0  # of mel magnitudes; of their level in dB
POOLED = 4  # frames that the network's pooling makes one: 151 remain
GRID = FRAMES // POOLED
GRID_TIMES = (np.arange(GRID) + 0.5) * POOLED * HOP / RATE  # seconds, the centre of each
UNPADDED = slice(8, 8 + GRID)  # patches that lie wholly inside the clip


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

    Longer clips are cut, shorter ones padded with silence.

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


@dataclass(frozen=True, eq=False)
class Standardiser:
    """Mean and standard deviation of each dimension over training clips ("per-frequency bin").

    `mean` and `std` are (dimensions,) float32; where a dimension never changes, `std` is 1.
    """

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(cls, clips: Iterable[np.ndarray]) -> "Standardiser":
        """Return the statistics of clips (frames, dimensions); none of them is kept.

        Raises:
            ValueError: there are no frames, or a value is not finite.
        """
        count, mean, squares = 0, np.zeros(1), np.zeros(1)
        for clip in (each for each in clips if len(each)):
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
            frame the patch centred nearest to it; else ValueError.
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


def sense_of(stream: str) -> str:
    """Return by which sense a stream knows a clip, see `Corpus.content`."""
    seen = stream != "log_mel" and pretrained.NETWORKS[stream].sees
    return "sight" if seen else "sound"
