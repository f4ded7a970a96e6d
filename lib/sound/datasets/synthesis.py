"""Domestic sounds from formulas: the ten classes of section 4.1, and ten other kinds.

Every sound is built from a few parts that physics suggests: pulses through resonances (voices,
animals), decaying modes (china, bells), harmonics over noise (motors), grains (frying, bubbles),
all in a small room. Everything that varies in real life is drawn: pitch, length, timbre, rhythm.
"""

from collections.abc import Callable

import numpy as np
from scipy import fft, signal

from lib.sound.labels import CLASSES

RATE = 22_050  # Hz; sounds are built at this rate
LEVEL = 0.1  # root mean square of the loud parts
CEILING = 0.9  # no sample is larger
FADE = 0.005  # seconds; short enough to keep onsets sharp, long enough not to click
SHORTEST = 0.1  # seconds
WINDOW = 512  # samples of the short-time filter
HOP = 128
LOWEST = 40.0  # Hz; what lies below is removed, no loudspeaker gives it back
HIGHEST = 0.45 * RATE  # Hz; nothing is built above, so that nothing folds back

Array = np.ndarray
Limits = tuple[float, float]


def _log_uniform(generator: np.random.Generator, limits: Limits) -> float:
    """Return a random number whose logarithm is uniform."""
    return float(np.exp(generator.uniform(np.log(limits[0]), np.log(limits[1]))))


def _log_uniforms(generator: np.random.Generator, limits: Limits, size: int) -> Array:
    """Return random numbers, (size,), whose logarithm is uniform."""
    return np.exp(generator.uniform(np.log(limits[0]), np.log(limits[1]), size))


def _filter(sound: Array, gain: Callable[[Array], Array]) -> Array:
    """Return a sound with every frequency (Hz) multiplied by its gain."""
    length = fft.next_fast_len(len(sound) + RATE // 10, real=True)  # the tail must not wrap around
    frequencies = fft.rfftfreq(length, 1 / RATE)
    return fft.irfft(fft.rfft(sound, length) * gain(frequencies), length)[: len(sound)]


def _band(low: float, high: float, steepness: float = 2.0) -> Callable[[Array], Array]:
    """Return the gain of a soft band-pass between two frequencies in Hz."""

    def gain(frequencies: Array) -> Array:
        ratio = np.maximum(frequencies, 1.0)
        rise = 1 / (1 + (low / ratio) ** (2 * steepness))
        return np.sqrt(rise / (1 + (ratio / high) ** (2 * steepness)))

    return gain


def _noise(
    n: int, generator: np.random.Generator, low: float = LOWEST, high: float = HIGHEST
) -> Array:
    """Return noise in a band, (n,), of root mean square 1."""
    sound = _filter(generator.standard_normal(n), _band(low, high))
    return sound / np.sqrt(np.mean(sound**2))


def _wander(n: int, generator: np.random.Generator, rate: float) -> Array:
    """Return a smooth random line, (n,), with about `rate` independent normal values a second."""
    knots = max(int(np.ceil(n / RATE * rate)) + 2, 3)
    values = generator.standard_normal(knots)
    return np.interp(np.linspace(0, knots - 1, n), np.arange(knots), values)


def _harmonics(pitch: Array, weights: Array, generator: np.random.Generator) -> Array:
    """Return a harmonic sound, (n,): its pitch (n,) in Hz, one weight for each harmonic.

    Harmonics that would pass HIGHEST anywhere are left out. One period is tabulated and read off.
    """
    count = int(min(len(weights), HIGHEST // pitch.max()))
    spectrum = np.zeros(4097, dtype=complex)
    turns = np.exp(2j * np.pi * generator.random(count))
    spectrum[1 : count + 1] = weights[:count] * turns
    period = np.fft.irfft(spectrum, 8192) * 4096
    phase = np.cumsum(pitch) / RATE % 1.0
    sound = np.interp(phase * 8192, np.arange(8193), np.append(period, period[0]))
    return sound / np.sqrt(np.mean(period**2))


def _units(
    n: int, generator: np.random.Generator, length: Limits, gap: Limits
) -> tuple[Array, Array]:
    """Return first and last sample of units (beeps, barks ...) that fill a sound of n samples.

    The first begins with it and the last ends with it; length and gap are limits in seconds.
    """
    seconds, lengths, gaps = n / RATE, [generator.uniform(*length)], [0.0]
    while sum(lengths) + sum(gaps) < seconds - (length[0] + gap[0]) / 2:
        lengths.append(generator.uniform(*length))
        gaps.append(generator.uniform(*gap))
    ends = np.cumsum(np.array(lengths) + np.array(gaps))
    scale = n / ends[-1]
    return (scale * (ends - lengths)).astype(int), (scale * ends).astype(int)


def _envelope(
    n: int, starts: Array, stops: Array, attack: float, release: float, curve: float = 1.0
) -> Array:
    """Return loudness over time, (n,) from 0 to 1: up at each start, down towards each stop.

    Args:
        n: samples.
        starts, stops: (units,) int, the first and last sample of each.
        attack, release: as shares of a unit's length, together at most 1.
        curve: above 1, the rise and fall are hollow, as of something struck.
    """
    lengths = (stops - starts).astype(np.float64)
    knots = np.stack(
        [starts, starts + attack * lengths, stops - release * lengths, stops - 1e-3], axis=1
    )
    heights = np.tile([0.0, 1.0, 1.0, 0.0], len(starts))
    return np.interp(np.arange(n), knots.ravel(), heights) ** curve


def _contour(n: int, starts: Array, stops: Array, values: Array) -> Array:
    """Return a line, (n,), through values (units, points) spread evenly over each unit."""
    share = np.linspace(0.02, 0.98, values.shape[1])
    knots = starts[:, None] + share * (stops - starts)[:, None]
    return np.interp(np.arange(n), knots.ravel(), values.ravel())


def _scatter(n: int, starts: Array, grains: Array) -> Array:
    """Return the sum of grains (m, length), each from its start on, (n,); the rest is cut off."""
    index = np.asarray(starts).astype(int)[:, None] + np.arange(grains.shape[1])
    length = n + grains.shape[1]
    return np.bincount(index.ravel(), grains.ravel(), minlength=length)[:n]


def _modes(
    frequencies: Array, decays: Array, weights: Array, seconds: float, glide: float = 0.0
) -> Array:
    """Return struck things, (things, samples): decaying sines.

    Args:
        frequencies: (things, modes) in Hz.
        decays: (things, modes), seconds until a mode has fallen to 1/e.
        weights: (things, modes).
        seconds: how long.
        glide: share by which the frequencies rise (or fall) in that time.
    """
    time = np.arange(round(seconds * RATE)) / RATE
    capped = np.minimum(frequencies, HIGHEST / (1 + max(glide, 0.0)))[..., None]
    phase = 2 * np.pi * capped * (time + glide * time**2 / (2 * seconds))
    sound = np.einsum("km,kmt->kt", weights, np.exp(-time / decays[..., None]) * np.sin(phase))
    return sound * np.minimum(1.0, (seconds - time) / (0.2 * seconds))


def _hits(n: int, generator: np.random.Generator, rate: float, longest: float) -> Array:
    """Return starts at random times, `rate` a second, never further apart than longest seconds."""
    count = int(np.ceil(1.5 * rate * n / RATE)) + 2
    gaps = np.minimum(generator.exponential(1 / rate, count), longest)
    starts = (np.append(0.0, np.cumsum(gaps)) * RATE).astype(int)
    return starts[starts < n]


def _formants(sound: Array, centres: Array, widths: Array, weights: Array) -> Array:
    """Return a sound through moving resonances.

    Args:
        sound: (n,).
        centres: (formants, n) in Hz.
        widths, weights: (formants,), the widths in Hz.
    """
    padded = np.pad(sound, (WINDOW, 2 * WINDOW))
    starts = np.arange(0, len(padded) - WINDOW, HOP)
    window = np.sin(np.pi * (np.arange(WINDOW) + 0.5) / WINDOW)
    frames = fft.rfft(padded[starts[:, None] + np.arange(WINDOW)] * window)
    frequencies = fft.rfftfreq(WINDOW, 1 / RATE).astype(np.float32)
    middle = np.clip(starts - WINDOW // 2, 0, len(sound) - 1)
    gain = np.zeros(frames.shape, dtype=np.float32)
    for centre, width, weight in zip(centres, widths, weights, strict=True):
        distance = (frequencies - centre[middle, None].astype(np.float32)) / np.float32(width)
        gain += np.float32(weight) / (1 + distance * distance)
    grains = fft.irfft(frames * gain, WINDOW) * window / 2
    return _scatter(len(padded), starts, grains)[WINDOW : WINDOW + len(sound)]


def _alarm(n: int, generator: np.random.Generator) -> Array:
    """Return an alarm: beeps, two tones in turn, a warble, or a hammer on a bell."""
    style = generator.integers(4)
    if style == 0:
        length = float(generator.uniform(0.05, 0.3))
        starts, stops = _units(n, generator, (length, 1.02 * length), (0.6 * length, 0.7 * length))
        pitch = np.full(n, _log_uniform(generator, (700, 3400)))
        sound = _harmonics(pitch, _odd(generator, 6), generator)
        return sound * _envelope(n, starts, stops, 0.03, 0.05)
    if style < 3:
        low, turns = _log_uniform(generator, (500, 1800)), generator.uniform(1.5, 9.0)
        ratio, swing = generator.uniform(1.15, 1.8), np.sin(2 * np.pi * turns * np.arange(n) / RATE)
        shape = np.tanh(40 * swing) if style == 1 else swing
        return _harmonics(low * ratio ** (0.5 + 0.5 * shape), _odd(generator, 8), generator)
    partials = _log_uniform(generator, (1200, 2600)) * np.array([[1.0, 1.58, 2.24, 2.92, 3.8]])
    decays = generator.uniform(0.08, 0.3) / np.arange(1, 6)[None]
    bell = _modes(partials, decays, generator.uniform(0.3, 1.0, (1, 5)), 0.5)
    period = RATE / generator.uniform(11, 26)
    starts = np.arange(0, n, period) + generator.uniform(0, 0.1 * period, int(np.ceil(n / period)))
    return _scatter(n, starts, bell * generator.uniform(0.6, 1.0, (len(starts), 1)))


def _odd(generator: np.random.Generator, count: int) -> Array:
    """Return weights of harmonics that fall off, the even ones weaker, as a buzzer has."""
    order = np.arange(1, count + 1)
    return np.where(order % 2, 1.0, generator.uniform(0.0, 0.6)) / order ** generator.uniform(
        0.8, 2
    )


def _motor(n: int, generator: np.random.Generator, pitch: Array, tilt: float, count: int) -> Array:
    """Return the hum of a motor, (n,): uneven harmonics that fall off as order to the -tilt."""
    order = np.arange(1, count + 1)
    weights = np.exp(0.6 * generator.standard_normal(count)) / order**tilt
    return _harmonics(pitch * (1 + 0.004 * _wander(n, generator, 8)), weights, generator)


def _blender(n: int, generator: np.random.Generator) -> Array:
    """Return a blender: a hum whose pitch slides under load, knives in the fruit, and noise."""
    time = np.arange(n) / RATE
    start = 1 - 0.45 * np.exp(-time / generator.uniform(0.05, 0.35))
    load = 1 + 0.05 * _wander(n, generator, 2.5)
    pitch = _log_uniform(generator, (140, 420)) * start * np.clip(load, 0.8, 1.2)
    hum = _motor(n, generator, pitch, generator.uniform(0.3, 0.9), 30)
    rough = 1 + 0.35 * np.tanh(_wander(n, generator, 18))
    noise = _noise(n, generator, generator.uniform(300, 1200), generator.uniform(3000, 8000))
    return (hum + generator.uniform(0.5, 1.4) * noise * rough) * start**2


def _vacuum(n: int, generator: np.random.Generator) -> Array:
    """Return a vacuum cleaner: steady wide noise, few motor harmonics, a whine far up."""
    centre = _log_uniform(generator, (350, 1100))
    sound = _noise(n, generator, centre / 3, 2.5 * centre)
    sound += generator.uniform(0.15, 0.5) * _noise(n, generator, 1500, 9000)
    pitch = np.full(n, _log_uniform(generator, (170, 330)))
    sound += generator.uniform(0.15, 0.7) * _motor(n, generator, pitch, 1.2, 10)
    whine = np.full(n, _log_uniform(generator, (2500, 6000)))
    sound += generator.uniform(0.0, 0.12) * _harmonics(whine, np.ones(1), generator)
    return sound * (1 + generator.uniform(0, 0.15) * _wander(n, generator, 0.7))


def _shaver(n: int, generator: np.random.Generator) -> Array:
    """Return a shaver or an electric toothbrush: a narrow buzz, its loudness going up and down."""
    time = np.arange(n) / RATE
    pitch = np.full(n, _log_uniform(generator, (90, 280)))
    pitch = pitch * (1 + 0.015 * _wander(n, generator, 2))
    buzz = _motor(n, generator, pitch, generator.uniform(0.0, 0.4), 60)
    peak = _log_uniform(generator, (1200, 5000))
    buzz = _filter(buzz, _band(peak / 2.5, 1.8 * peak)) + 0.15 * buzz
    beat = np.sin(2 * np.pi * generator.uniform(2, 14) * time + generator.uniform(0, 6))
    beat = 1 + generator.uniform(0.2, 0.7) * beat * (0.7 + 0.3 * _wander(n, generator, 2))
    return buzz * beat + 0.03 * _noise(n, generator, 2000, 9000)


def _frying(n: int, generator: np.random.Generator) -> Array:
    """Return frying: a dense crackle of bursts of all sizes over a high hiss."""
    low = generator.uniform(1800, 5000)
    hiss = _noise(n, generator, low, 9500) * (1 + 0.2 * _wander(n, generator, 3))
    starts = _hits(n, generator, generator.uniform(60, 320), 0.1)
    frequencies = _log_uniforms(generator, (1500, 9000), 40)[:, None]
    decays = _log_uniforms(generator, (0.0006, 0.004), 40)[:, None]
    burst = _modes(frequencies, decays, np.ones((40, 1)), 0.015)
    sizes = np.minimum(generator.pareto(1.6, (len(starts), 1)), 12)
    crackle = _scatter(n, starts, burst[generator.integers(40, size=len(starts))] * sizes)
    return generator.uniform(0.12, 0.5) * hiss + crackle


def _water(n: int, generator: np.random.Generator) -> Array:
    """Return running water: noise that swells slowly, and bubbles whose pitch rises."""
    low, high = _log_uniform(generator, (250, 1200)), _log_uniform(generator, (3000, 8000))
    stream = _noise(n, generator, low, high) * (1 + 0.2 * _wander(n, generator, 1.5))
    starts = _hits(n, generator, generator.uniform(25, 160), 0.2)
    frequencies = _log_uniforms(generator, (350, 2600), 60)[:, None]
    decays = 9.0 / frequencies
    bubble = _modes(frequencies, decays, np.ones((60, 1)), 0.06, glide=generator.uniform(0.2, 1))
    sizes = generator.exponential(1, (len(starts), 1))
    bubbles = _scatter(n, starts, bubble[generator.integers(60, size=len(starts))] * sizes)
    return stream + generator.uniform(0.4, 1.6) * bubbles


def _dishes(n: int, generator: np.random.Generator) -> Array:
    """Return dishes: knocks on a few plates and pans with their own inharmonic modes."""
    things = int(generator.integers(3, 8))
    lowest = _log_uniforms(generator, (700, 2800), things)[:, None]
    frequencies = lowest * np.cumprod(generator.uniform(1.15, 1.7, (things, 7)), axis=1)
    decays = _log_uniforms(generator, (0.02, 0.16), things)[:, None] * (lowest / frequencies)
    struck = _modes(frequencies, decays, generator.uniform(0.2, 1, (things, 7)), 0.4)
    starts = _hits(n, generator, generator.uniform(5, 13), 0.19)
    sizes = np.exp(0.8 * generator.standard_normal((len(starts), 1)))
    sound = _scatter(n, starts, struck[generator.integers(things, size=len(starts))] * sizes)
    knock = generator.standard_normal((len(starts), 220)) * np.exp(-np.arange(220) / 40) * sizes
    return sound + 0.5 * _filter(_scatter(n, starts, knock), _band(1500, 9000))


def _dog(n: int, generator: np.random.Generator) -> Array:
    """Return barks in a row: short, rough, through a throat that opens and closes."""
    size = generator.uniform(0.7, 1.6)  # of the dog; small dogs yap high and fast
    starts, stops = _units(n, generator, (0.12 * size, 0.22 * size), (0.05, 0.17))
    rise = generator.uniform(0.85, 1.1, (len(starts), 1)) * np.array([[0.8, 1.15, 1.0, 0.6]])
    pitch = _contour(n, starts, stops, 420 / size**1.3 * rise)
    voice = _harmonics(pitch, 1 / np.arange(1, 61) ** 0.7, generator)
    rough = voice * (1 + 0.5 * _wander(n, generator, 120)) + 0.7 * _noise(n, generator, 300, 6000)
    throat = np.array([[0.7, 1.2, 1.0, 0.7]]) * np.ones((len(starts), 1))
    centres = [_contour(n, starts, stops, f / size**0.7 * throat) for f in (750, 1500, 2900)]
    barks = _formants(rough, np.array(centres), np.array([160, 260, 500]), np.array([1, 0.7, 0.25]))
    loud = generator.uniform(0.6, 1.0, (len(starts), 1)) * np.ones((1, 2))
    return barks * _envelope(n, starts, stops, 0.08, 0.7, 1.6) * _contour(n, starts, stops, loud)


def _cat(n: int, generator: np.random.Generator) -> Array:
    """Return mews: a gliding voice through a mouth that opens and closes."""
    starts, stops = _units(n, generator, (0.35, 1.1), (0.05, 0.18))
    one = np.ones((len(starts), 1))
    jitter = np.exp(generator.normal(0, 0.08, (len(starts), 1)))
    height = _log_uniform(generator, (380, 780))
    glide = np.array([[0.8, 1.0, 1.12, 1.0, generator.uniform(0.6, 0.9)]])
    pitch = _contour(n, starts, stops, height * jitter * glide)
    pitch *= 1 + 0.012 * np.sin(2 * np.pi * generator.uniform(5, 9) * np.arange(n) / RATE)
    voice = _harmonics(pitch, 1 / np.arange(1, 25) ** generator.uniform(0.5, 1.0), generator)
    voice += generator.uniform(0.03, 0.15) * _noise(n, generator, 1000, 8000)
    tract = generator.uniform(0.85, 1.2)
    mouth = (
        [500, 900, 1250, 1000, 550],
        [2300, 2100, 1900, 1700, 1100],
        [3600, 3600, 3500, 3400, 3200],
    )
    centres = np.array([_contour(n, starts, stops, tract * one * np.array([f])) for f in mouth])
    mews = _formants(voice, centres, np.array([180, 260, 450]), np.array([1, 0.8, 0.4]))
    return mews * _envelope(n, starts, stops, 0.15, 0.35, 1.2)


# First three formants of vowels of an adult man in Hz, rounded from textbooks of phonetics.
VOWELS = np.array(
    [
        [730, 1090, 2440],
        [530, 1840, 2480],
        [270, 2290, 3010],
        [570, 840, 2410],
        [300, 870, 2240],
        [660, 1720, 2410],
        [490, 1350, 1690],
    ],
    dtype=np.float64,
)


def _speech(n: int, generator: np.random.Generator) -> Array:
    """Return babble: vowels in the rhythm of syllables, with hisses and stops between them."""
    kind = generator.integers(3)  # man, woman, child
    tract = (1.0, 1.16, 1.32)[kind] * float(generator.uniform(0.94, 1.06))
    height = (115, 205, 280)[kind] * np.exp(generator.normal(0, 0.12))
    starts, stops = _units(n, generator, (0.1, 0.26), (0.02, 0.1))
    count = len(starts)
    tune = height * np.exp(0.12 * _wander(n, generator, 2.2) - 0.1 * (np.arange(n) / RATE % 2.5))
    voice = _harmonics(tune, 1 / np.arange(1, 90) ** 1.1, generator)
    voice *= _envelope(n, starts, stops, 0.2, 0.3)
    vowels = VOWELS[generator.integers(len(VOWELS), size=count)] * tract
    ends = vowels * generator.uniform(0.85, 1.15, (count, 3))
    moving = [_contour(n, starts, stops, np.stack([vowels[:, f], ends[:, f]], 1)) for f in range(3)]
    centres = np.array([*moving, np.full(n, 3500 * tract), np.full(n, 4500 * tract)])
    widths, weights = np.array([80, 110, 170, 250, 300]), np.array([1.0, 0.55, 0.35, 0.25, 0.2])
    loud = np.exp(0.25 * generator.standard_normal((count, 1))) * np.ones((1, 2))
    spoken = _formants(voice, centres, widths, weights) * _contour(n, starts, stops, loud)
    return spoken / np.sqrt(np.mean(spoken**2)) + _consonants(n, generator, starts)


def _consonants(n: int, generator: np.random.Generator, starts: Array) -> Array:
    """Return hisses (long) and stops (short) just before some of the starts of syllables."""
    count, length = len(starts), round(0.11 * RATE)
    time = np.arange(length) / length
    hiss = np.sin(np.pi * time) ** 1.5
    stop = np.exp(-((time - 0.85) ** 2) / 0.004)
    shapes = np.where(generator.random((count, 1)) < 0.5, hiss, stop)
    sizes = generator.choice([0.0, 0.5, 1.0], (count, 1), p=[0.35, 0.3, 0.35])
    grains = generator.standard_normal((count, length)) * shapes * sizes
    first = np.maximum(starts - int(0.08 * RATE), 0)
    return 1.2 * _filter(_scatter(n, first, grains), _band(generator.uniform(2000, 4500), 8500))


def _laughter(n: int, generator: np.random.Generator) -> Array:
    """Return laughter: breathy calls, all alike, falling in pitch from one breath to the next."""
    starts, stops = _units(n, generator, (0.1, 0.14), (0.06, 0.1))
    tract = generator.uniform(1.0, 1.35)
    fall = 1.25 - 0.5 * (np.arange(len(starts)) % 6)[:, None] / 6
    fall = fall * np.array([[1.1, 1.0, 0.85]])
    pitch = _contour(n, starts, stops, _log_uniform(generator, (170, 420)) * fall)
    voice = _harmonics(pitch, 1 / np.arange(1, 50) ** 0.8, generator)
    voice += generator.uniform(0.4, 0.9) * _noise(n, generator, 500, 6000)
    centres = np.array([np.full(n, tract * f) for f in (750, 1250, 2600)])
    calls = _formants(voice, centres, np.array([120, 160, 250]), np.array([1, 0.7, 0.35]))
    return calls * _envelope(n, starts, stops, 0.25, 0.6, 1.3)


def _bell(n: int, generator: np.random.Generator) -> Array:
    """Return a church bell: a hum, a minor third, and slow decay."""
    partials = _log_uniform(generator, (180, 700)) * np.array([[0.5, 1, 1.2, 1.5, 2, 2.7, 4.2]])
    decays = generator.uniform(0.8, 2.5) * np.array([[1.6, 1.0, 0.8, 0.6, 0.6, 0.3, 0.15]])
    struck = _modes(partials, decays, generator.uniform(0.3, 1, (1, 7)), 3.0)
    starts = np.arange(0, n, round(RATE * generator.uniform(0.5, 1.4)))
    return _scatter(n, starts, struck * generator.uniform(0.7, 1, (len(starts), 1)))


def _bird(n: int, generator: np.random.Generator) -> Array:
    """Return a bird: quick whistles that sweep up or down."""
    starts, stops = _units(n, generator, (0.05, 0.22), (0.03, 0.2))
    figures = _log_uniform(generator, (2200, 5500)) * np.exp(generator.normal(0, 0.22, (3, 4)))
    pitch = _contour(n, starts, stops, figures[generator.integers(3, size=len(starts))])
    sound = _harmonics(np.minimum(pitch, 7500), np.array([1.0, 0.1]), generator)
    return sound * _envelope(n, starts, stops, 0.25, 0.4, 1.3)


def _crickets(n: int, generator: np.random.Generator) -> Array:
    """Return crickets: a high tone in fast pulses, a few animals together."""
    time, sound = np.arange(n) / RATE, np.zeros(n)
    for _ in range(generator.integers(1, 4)):
        pulse = np.maximum(np.sin(2 * np.pi * generator.uniform(22, 55) * time), 0) ** 2
        chirp = 0.55 + 0.45 * np.tanh(
            8 * np.sin(2 * np.pi * generator.uniform(1.8, 4.5) * time + 1)
        )
        tone = _harmonics(np.full(n, generator.uniform(3600, 6200)), np.array([1.0]), generator)
        sound += generator.uniform(0.4, 1) * tone * pulse * chirp
    return sound


def _drum(n: int, generator: np.random.Generator) -> Array:
    """Return drums: two skins whose pitch falls, and a snare, on a steady beat."""
    frequencies = np.array([[1.0], [1.6]]) * generator.uniform(70, 160)
    skins = _modes(frequencies, np.array([[0.12], [0.08]]), np.ones((2, 1)), 0.35, glide=-0.4)
    step = round(RATE / generator.uniform(4, 8))
    starts = np.arange(0, n, step)
    struck = generator.integers(3, size=len(starts))
    sizes = generator.uniform(0.5, 1.0, (len(starts), 1))
    low = _scatter(n, starts, skins[struck % 2] * sizes)
    grain = np.exp(-np.arange(3000) / generator.uniform(400, 1200))
    snare = generator.standard_normal((len(starts), 3000)) * grain * sizes * (struck == 2)[:, None]
    return low + 0.5 * _filter(_scatter(n, starts, snare), _band(200, 7000))


def _engine(n: int, generator: np.random.Generator) -> Array:
    """Return a combustion engine: low, uneven pulses that rise and fall slowly."""
    pitch = _log_uniform(generator, (28, 75)) * np.exp(0.18 * _wander(n, generator, 0.6))
    sound = _motor(n, generator, pitch, generator.uniform(0.5, 0.9), 60)
    sound = _filter(sound, _band(60, generator.uniform(500, 1500)))
    return sound + generator.uniform(0.05, 0.25) * _noise(n, generator, 80, 1200)


def _siren(n: int, generator: np.random.Generator) -> Array:
    """Return a siren: a wide, slow sweep, or two tones in slow turns."""
    time = np.arange(n) / RATE
    swing = np.sin(2 * np.pi * generator.uniform(0.15, 0.7) * time + generator.uniform(0, 6))
    swing = np.tanh(30 * swing) * 0.4 if generator.random() < 0.4 else swing
    pitch = _log_uniform(generator, (500, 1000)) * 1.6**swing
    return _harmonics(pitch, 1 / np.arange(1, 15) ** generator.uniform(0.6, 1.2), generator)


def _typing(n: int, generator: np.random.Generator) -> Array:
    """Return typing: dull, dry clicks of many keys."""
    starts = _hits(n, generator, generator.uniform(6, 12), 0.24)
    length = round(0.03 * RATE)
    grains = generator.standard_normal((12, length)) * np.exp(-np.arange(length) / 60)
    centres = np.array([[180.0], [320.0]]) * generator.uniform(0.8, 1.2)
    thud = _modes(centres, np.array([[0.012], [0.008]]), np.ones((2, 1)), 0.03)[:, :length]
    keys = grains[generator.integers(12, size=len(starts))]
    keys = keys + 1.5 * thud[generator.integers(2, size=len(starts))]
    sizes = generator.uniform(0.4, 1, (len(starts), 1))
    return _filter(_scatter(n, starts, keys * sizes), _band(120, generator.uniform(2500, 5000)))


def _whistle(n: int, generator: np.random.Generator) -> Array:
    """Return a whistled tune: a pure tone, long notes, breath."""
    starts, stops = _units(n, generator, (0.2, 0.6), (0.02, 0.08))
    notes = 2 ** (generator.integers(-7, 8, (len(starts), 1)) / 12) * np.ones((1, 3))
    pitch = _log_uniform(generator, (900, 1600)) * _contour(n, starts, stops, notes)
    pitch *= 1 + 0.008 * np.sin(2 * np.pi * generator.uniform(4, 7) * np.arange(n) / RATE)
    sound = _harmonics(pitch, np.array([1.0, 0.04]), generator)
    sound += generator.uniform(0.02, 0.1) * _noise(n, generator, 800, 4000)
    return sound * _envelope(n, starts, stops, 0.1, 0.15)


def _wind(n: int, generator: np.random.Generator) -> Array:
    """Return wind: low noise through one resonance that wanders, in gusts."""
    gust = np.exp(0.5 * _wander(n, generator, 0.8))
    centre = _log_uniform(generator, (200, 700)) * gust
    howl = _formants(_noise(n, generator), centre[None], np.array([60.0]), np.ones(1))
    howl /= np.sqrt(np.mean(howl**2))
    return gust * (howl + generator.uniform(0.3, 1.0) * _noise(n, generator, 50, 250))


MAKERS: dict[str, Callable[[int, np.random.Generator], Array]] = {
    "Alarm_bell_ringing": _alarm,
    "Blender": _blender,
    "Cat": _cat,
    "Dishes": _dishes,
    "Dog": _dog,
    "Electric_shaver_toothbrush": _shaver,
    "Frying": _frying,
    "Running_water": _water,
    "Speech": _speech,
    "Vacuum_cleaner": _vacuum,
    "Bell": _bell,
    "Bird": _bird,
    "Crickets": _crickets,
    "Drum": _drum,
    "Engine": _engine,
    "Laughter": _laughter,
    "Siren": _siren,
    "Typing": _typing,
    "Whistle": _whistle,
    "Wind": _wind,
}
OTHER_KINDS = tuple(kind for kind in MAKERS if kind not in CLASSES)


def _reverberate(sound: Array, generator: np.random.Generator) -> Array:
    """Return a sound in a room: noise that dies away, cut off where the sound ends."""
    decay = generator.uniform(0.03, 0.12)  # seconds to 1/e: 60 dB in 0.2 to 0.8 s
    time = np.arange(round(4 * decay * RATE)) / RATE
    tail = generator.standard_normal(len(time)) * np.exp(-time / decay)
    tail *= generator.uniform(0.05, 0.5) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return signal.oaconvolve(sound, tail)[: len(sound)]


def _level(sound: Array) -> Array:
    """Return a sound without what is too low to hear, its loud parts at LEVEL, below CEILING."""
    sound = _filter(sound, _band(LOWEST, HIGHEST, 4.0))
    block = RATE // 20
    whole = sound[: max(len(sound) // block, 1) * block]
    power = np.mean(whole.reshape(-1, min(block, len(whole))) ** 2, axis=1)
    sound = sound * (LEVEL / np.sqrt(np.quantile(power, 0.9) + 1e-12))
    return sound * min(1.0, CEILING / np.abs(sound).max())


def _fade(sound: Array) -> Array:
    """Return a sound that begins and ends in silence."""
    length = round(FADE * RATE)
    ramp = np.sin(0.5 * np.pi * np.arange(length) / length) ** 2
    faded = sound.copy()
    faded[:length] *= ramp
    faded[-length:] *= ramp[::-1]
    return faded


def _samples(seconds: float, rate: int, sound: Array) -> Array:
    """Return a sound at another rate, float32, exactly as long as it should be."""
    if rate != RATE:
        common = int(np.gcd(rate, RATE))
        sound = signal.resample_poly(sound, rate // common, RATE // common)
    length = round(seconds * rate)
    return np.pad(sound, (0, max(length - len(sound), 0)))[:length].astype(np.float32)


def synthesise(
    label: str, seconds: float, generator: np.random.Generator, rate: int = RATE
) -> np.ndarray:
    """Return one sound source that sounds from beginning to end, (n,) float32 in [-0.9, 0.9].

    Its loud parts have a root mean square of LEVEL; pauses (between barks) last under 0.3 s.

    Args:
        label: one of CLASSES or OTHER_KINDS.
        seconds: how long, at least SHORTEST.
        generator: of everything that is left to chance.
        rate: samples a second.

    Raises:
        ValueError: there is no such kind of sound, or it is too short.
    """
    if label not in MAKERS:
        raise ValueError(f"no recipe for {label!r}; choose one of: {', '.join(MAKERS)}")
    if not SHORTEST <= seconds < float("inf"):
        raise ValueError(f"a sound of {seconds} s cannot be made; ask for {SHORTEST} s or more")
    sound = MAKERS[label](round(seconds * RATE), generator)
    return _samples(seconds, rate, _fade(_level(_reverberate(sound, generator))))


def background(seconds: float, generator: np.random.Generator, rate: int = RATE) -> np.ndarray:
    """Return the noise of a quiet room, (n,) float32, of root mean square LEVEL.

    Noise that falls off towards high frequencies, more or less steeply, and a little mains hum.

    Raises:
        ValueError: it would be too short.
    """
    if not SHORTEST <= seconds < float("inf"):
        raise ValueError(f"a sound of {seconds} s cannot be made; ask for {SHORTEST} s or more")
    n, slope = round(seconds * RATE), generator.uniform(0.4, 1.1)
    noise = generator.standard_normal(n)
    sound = _filter(noise, lambda frequencies: np.maximum(frequencies, 60.0) ** -slope)
    sound *= (1 + 0.15 * _wander(n, generator, 0.5)) / np.sqrt(np.mean(sound**2))
    hum = _harmonics(np.full(n, 50.0), 1 / np.arange(1, 9), generator)
    sound += generator.uniform(0, 0.3) * hum
    sound *= LEVEL / np.sqrt(np.mean(sound**2))
    return _samples(seconds, rate, sound)
