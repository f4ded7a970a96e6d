"""Features: against librosa, published frame counts, and NumPy's own statistics."""

import librosa
import numpy as np
import pytest

from lib.sound import features
from lib.sound.data.corpus import Waveform
from lib.sound.features import Standardiser


def noise(seconds: float, rate: int = 22050) -> Waveform:
    """Return white noise that fades in."""
    samples = np.random.default_rng(0).normal(size=round(seconds * rate)) * 0.1
    return Waveform((samples * np.linspace(0.1, 1, len(samples))).astype(np.float32), rate)


def test_the_log_mel_is_librosas() -> None:
    waveform = noise(10.0)
    found = features.log_mel(waveform)
    samples = librosa.resample(waveform.samples, orig_sr=22050, target_sr=22100)[:221000]
    mel = librosa.feature.melspectrogram(
        y=samples / np.abs(samples).max(),
        sr=22100,
        n_fft=2048,
        hop_length=366,
        n_mels=128,
        power=1,
        pad_mode="reflect",
    )
    expected = np.clip(20 * np.log10(np.maximum(mel, 1e-5)), -50, 80).T
    assert found.shape == (604, 128) and found.dtype == np.float32  # as section 4.2 says
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_short_clips_are_padded_and_long_ones_cut() -> None:
    short = features.log_mel(noise(3.0))
    frames = np.count_nonzero(np.arange(604) * 366 / 22100 < 3)
    assert frames == 182
    assert (short[frames + 3 :] == -50).all() and (short[:frames] > -50).any(axis=1).all()
    whole, longer = noise(10.0), noise(10.0)
    longer = Waveform(np.concatenate([longer.samples, np.ones(22050, "f4")]), longer.rate)
    np.testing.assert_array_equal(features.log_mel(longer), features.log_mel(whole))
    assert (features.log_mel(Waveform(np.zeros(22050, "f4"), 22050)) == -50).all()


def test_the_standardiser_agrees_with_numpy_over_all_frames(rng: np.random.Generator) -> None:
    clips = [rng.normal(5000, spread, (length, 4)) for spread, length in ((0.01, 21), (3, 14))]
    frames = np.concatenate(clips)
    scale = Standardiser.fit([clips[0], clips[0][:0], clips[1]])
    np.testing.assert_allclose(scale.mean, frames.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(scale.std, frames.std(axis=0), rtol=1e-5)
    assert scale.mean.dtype == scale.std.dtype == np.float32


def test_a_dimension_that_never_changes_becomes_zero(rng: np.random.Generator) -> None:
    part = rng.normal(size=(2, 9, 3)).astype(np.float16)
    part[..., 1] = -3.5
    scaled = Standardiser.fit(part)(part)
    assert scaled.dtype == np.float32 and (scaled[..., 1] == 0).all()
    np.testing.assert_allclose(scaled.std(axis=(0, 1))[[0, 2]], 1, rtol=1e-5)


def test_the_papers_grid_drifts_and_the_other_does_not() -> None:
    assert features.GRID == 151
    assert features.GRID_TIMES[[0, -1]] == pytest.approx([0.0331, 9.9697], abs=1e-4)
    times = features.patch_times()[None, :, None]
    assert times.shape[1] == 167 and times[0, 0, 0] == pytest.approx(0.0075)
    np.testing.assert_allclose(np.diff(times[0, :, 0]), 0.06)
    shift = features.on_grid(times, "index")[0, :, 0] - features.GRID_TIMES
    assert shift[0] == pytest.approx(0.454, abs=1e-3)
    assert shift[-1] == pytest.approx(-0.482, abs=1e-3)
    aligned = features.on_grid(times, "time")[0, :, 0]
    assert np.abs(aligned - features.GRID_TIMES).max() <= 0.03 + 1e-9
    with pytest.raises(ValueError, match="unknown alignment 'paper'; choose 'index' or 'time'"):
        features.on_grid(times, "paper")


def test_values_far_from_all_others_are_cut() -> None:
    scale = Standardiser(np.zeros(3, np.float32), np.full(3, 0.5, np.float32))
    found = features.standardised(np.array([[[1.0, 50.0, -50.0]]]), scale)
    assert found.flatten().tolist() == [2.0, 10.0, -10.0]
