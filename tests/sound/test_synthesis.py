"""Synthesised sounds: their parts against closed forms, and what every one of them promises."""

import librosa
import numpy as np
import pytest
from scipy import signal

from lib.sound.datasets import synthesis
from lib.sound.datasets.synthesis import CEILING, HIGHEST, LEVEL, OTHER_KINDS, RATE, synthesise
from lib.sound.labels import CLASSES

KINDS = (*CLASSES, *OTHER_KINDS)


@pytest.fixture
def generator() -> np.random.Generator:
    """Give random numbers."""
    return np.random.default_rng(7)


def test_ten_classes_and_ten_other_kinds() -> None:
    assert set(CLASSES) <= set(synthesis.MAKERS) and len(OTHER_KINDS) == 10
    assert not set(CLASSES) & set(OTHER_KINDS)


def test_harmonics_have_their_weights_and_nothing_folds_back(
    generator: np.random.Generator,
) -> None:
    weights = 1 / np.arange(1.0, 41)
    sound = synthesis._harmonics(np.full(RATE, 441.0), weights, generator)
    spectrum = np.abs(np.fft.rfft(sound)) / (RATE / 2)  # bins of 1 Hz
    count = int(HIGHEST // 441)
    assert count < len(weights)  # some would lie too high
    loudness = np.sqrt(np.sum(weights[:count] ** 2) / 2)
    harmonics = 441 * np.arange(1, count + 1)
    np.testing.assert_allclose(spectrum[harmonics], weights[:count] / loudness, rtol=0.01)
    spectrum[harmonics] = 0
    assert np.sum(spectrum**2) < 1e-5


def test_a_gliding_tone_has_the_phase_of_its_pitch(generator: np.random.Generator) -> None:
    pitch = np.linspace(200, 2000, RATE)
    sound = synthesis._harmonics(pitch, np.ones(1), generator)
    phase = np.unwrap(np.angle(signal.hilbert(sound)))
    middle = slice(RATE // 10, -RATE // 10)
    measured = np.diff(phase)[middle] * RATE / (2 * np.pi)
    np.testing.assert_allclose(measured, pitch[1:][middle], rtol=0.01)


def test_the_filter_multiplies_each_frequency_by_its_gain() -> None:
    time = np.arange(RATE) / RATE
    low, high = np.sin(2 * np.pi * 500 * time), np.sin(2 * np.pi * 4000 * time)
    found = synthesis._filter(low + high, lambda f: np.where(f < 1000, 0.5, 2.0))
    middle = slice(RATE // 4, 3 * RATE // 4)
    np.testing.assert_allclose(found[middle], (0.5 * low + 2 * high)[middle], atol=0.01)
    gain = synthesis._band(500, 2000)(np.array([0.0, 500.0, 1000.0, 2000.0]))
    assert gain[0] < 1e-4 and gain[1] == pytest.approx(np.sqrt(0.5), rel=0.01)
    assert gain[2] > 0.9 and gain[3] == pytest.approx(np.sqrt(0.5), rel=0.01)


def test_resonances_filter_each_moment_by_their_closed_form(
    generator: np.random.Generator,
) -> None:
    noise = generator.standard_normal(2 * RATE)
    flat = synthesis._formants(noise, np.zeros((1, len(noise))), np.array([1e9]), np.ones(1))
    np.testing.assert_allclose(flat, noise, atol=1e-6)  # windows overlap to one
    one = synthesis._formants(
        noise, np.full((1, len(noise)), 2000.0), np.array([300.0]), np.array([0.7])
    )
    power = [np.abs(librosa.stft(x, n_fft=512)) ** 2 for x in (one, noise)]
    frequencies = librosa.fft_frequencies(sr=RATE, n_fft=512)
    gain = 0.7 / (1 + ((frequencies - 2000) / 300) ** 2)
    measured = np.sqrt(power[0].mean(axis=1) / power[1].mean(axis=1))
    near = np.abs(frequencies - 2000) < 600
    np.testing.assert_allclose(measured[near], gain[near], rtol=0.12)


def test_grains_are_added_where_they_start(generator: np.random.Generator) -> None:
    starts, grains = np.array([0, 3, 3, 95]), generator.standard_normal((4, 10))
    expected = np.zeros(110)
    for start, grain in zip(starts, grains, strict=True):
        expected[start : start + 10] += grain
    np.testing.assert_allclose(synthesis._scatter(100, starts, grains), expected[:100])


def test_modes_are_decaying_sines() -> None:
    found = synthesis._modes(
        np.array([[440.0, 880.0]]), np.array([[0.1, 0.05]]), np.array([[1.0, 0.5]]), 0.5
    )
    time = np.arange(round(0.5 * RATE)) / RATE
    expected = np.exp(-time / 0.1) * np.sin(2 * np.pi * 440 * time)
    expected += 0.5 * np.exp(-time / 0.05) * np.sin(2 * np.pi * 880 * time)
    first = time < 0.4  # then it is faded out
    np.testing.assert_allclose(found[0, first], expected[first], atol=1e-9)
    assert abs(found[0, -1]) < 1e-4


@pytest.mark.parametrize("seconds", [0.1, 0.25, 1.0, 10.0])
def test_units_fill_the_whole_sound(seconds: float, generator: np.random.Generator) -> None:
    n = round(seconds * RATE)
    starts, stops = synthesis._units(n, generator, (0.1, 0.2), (0.05, 0.15))
    assert starts[0] == 0 and n - 1 <= stops[-1] <= n
    assert (stops > starts).all() and (starts[1:] > stops[:-1]).all()
    assert ((starts[1:] - stops[:-1]) / RATE).max(initial=0) < 0.3
    envelope = synthesis._envelope(n, starts, stops, 0.2, 0.3)
    assert envelope.min() >= 0 and envelope.max() == pytest.approx(1, abs=0.01)
    between = np.concatenate(
        [np.arange(a, b) for a, b in zip(stops[:-1], starts[1:], strict=True)] or [[0]]
    )
    assert np.abs(envelope[between.astype(int)]).max() < 1e-9


@pytest.mark.parametrize("kind", KINDS)
def test_what_every_sound_promises(kind: str) -> None:
    for seed, seconds in enumerate((0.25, 0.7, 1.5, 3.0)):
        sound = synthesise(kind, seconds, np.random.default_rng(seed))
        assert sound.dtype == np.float32 and sound.shape == (round(seconds * RATE),)
        assert np.isfinite(sound).all() and 0.1 < np.abs(sound).max() <= CEILING + 1e-6
        assert abs(sound[0]) < 1e-6 and abs(sound[-1]) < 1e-3  # no clicks
        assert abs(sound.mean()) < 2e-3  # nothing constant
        frames = sound[: len(sound) // 441 * 441].reshape(-1, 441)  # of 20 ms
        power = (frames.astype(np.float64) ** 2).mean(axis=1)
        assert np.sqrt(power.max()) < 0.6
        loud = np.flatnonzero(power > 0.01 * np.quantile(power, 0.9))
        edges = np.concatenate([[-1], loud, [len(power)]])
        assert (np.diff(edges).max() - 1) * 0.02 <= 0.3  # it sounds from beginning to end


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_one_sound_and_another_seed_another(kind: str) -> None:
    first, again, other = (synthesise(kind, 0.5, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.9


@pytest.mark.parametrize("kind", ["Dishes", "Speech", "Siren"])
def test_nothing_lies_above_half_the_rate(kind: str) -> None:
    for seed in range(3):
        power = np.abs(np.fft.rfft(synthesise(kind, 2.0, np.random.default_rng(seed)))) ** 2
        frequencies = np.fft.rfftfreq(2 * RATE, 1 / RATE)
        assert power[frequencies > 10_700].sum() < 0.01 * power.sum()
        assert power[frequencies < 20].sum() < 0.01 * power.sum()


def test_kinds_have_the_pitch_and_brightness_of_what_they_imitate() -> None:
    def centroid(kind: str) -> float:
        values = []
        for seed in range(5):
            sound = synthesise(kind, 1.0, np.random.default_rng(seed))
            values.append(float(librosa.feature.spectral_centroid(y=sound, sr=RATE).mean()))
        return float(np.median(values))

    assert centroid("Engine") < centroid("Vacuum_cleaner") < centroid("Frying")
    assert centroid("Wind") < centroid("Running_water") and centroid("Dog") < centroid("Bird")
    pitches = [
        librosa.yin(synthesise("Speech", 2.0, np.random.default_rng(s)), fmin=60, fmax=600, sr=RATE)
        for s in range(6)
    ]
    assert all(60 < np.median(pitch) < 420 for pitch in pitches)
    assert max(map(np.median, pitches)) > 1.3 * min(map(np.median, pitches))


def test_another_rate_is_the_same_sound() -> None:
    here = synthesise("Cat", 1.0, np.random.default_rng(0))
    there = synthesise("Cat", 1.0, np.random.default_rng(0), 16_000)
    assert there.shape == (16_000,)
    expected = librosa.resample(here, orig_sr=RATE, target_sr=16_000)
    assert np.abs(there - expected).max() < 0.01 * np.abs(expected).max()


def test_a_room_is_quiet_noise_that_falls_off() -> None:
    for seed in range(5):
        room = synthesis.background(2.0, np.random.default_rng(seed))
        assert room.shape == (2 * RATE,) and room.dtype == np.float32
        assert np.sqrt(np.mean(room**2)) == pytest.approx(LEVEL, rel=1e-3)
        power = np.abs(np.fft.rfft(room)) ** 2
        assert power[400:1000].mean() > 3 * power[8000:16000].mean()


def test_bad_wishes() -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(ValueError, match="no recipe for 'Dragon'; choose one of: Alarm"):
        synthesise("Dragon", 1.0, generator)
    for seconds in (0.05, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="cannot be made; ask for 0.1 s or more"):
            synthesise("Dog", seconds, generator)
        with pytest.raises(ValueError, match="cannot be made; ask for 0.1 s or more"):
            synthesis.background(seconds, generator)
