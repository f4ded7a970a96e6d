"""Pictures of single clips and of their features, and players to hear them."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import librosa
import matplotlib.pyplot as plt
import numpy as np
import soundfile
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lib.book.show import INK, PAGE_WIDTH, PALE, PALETTE
from lib.sound import features, pretrained
from lib.sound.crnn import INPUT_NAMES
from lib.sound.data.corpus import Waveform
from lib.sound.evaluation import COLLAR
from lib.sound.events import CLIP_SECONDS, Events
from lib.sound.features import GRID_TIMES
from lib.sound.figures.metric_plots import INPUT_COLOURS, bars, short_label
from lib.sound.oracles import WINDOW_SECONDS

STREAM_STYLES = {"spectral": "-", "audio": "--", "visual": "-."}
WHAT_ORDER = ("spectral", "spectral, mean and deviation", "audio", "visual", "audio and visual")
HERTZ = (250, 1000, 4000)  # ticks of a mel axis
EXCERPT_RATE = 16_000  # Hz
SHADES = 32  # of a spectrogram; more are not told apart, and make its file larger


# --- to hear


def excerpt(waveform: Waveform, start: float, seconds: float) -> HTML:
    """Return a player that holds so many seconds of a sound, stored with the page, as FLAC.

    Only for what may be passed on; name its sources beside it.
    """
    first = round(start * waveform.rate)
    piece = waveform.samples[first : first + round(seconds * waveform.rate)]
    small = librosa.resample(piece, orig_sr=waveform.rate, target_sr=EXCERPT_RATE)
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(small, -1, 1), EXCERPT_RATE, format="FLAC", subtype="PCM_16")
    data = base64.b64encode(buffer.getvalue()).decode()
    return HTML(f'<audio controls src="data:audio/flac;base64,{data}">a sound</audio>')


# --- the paper and the data


def clip(waveform: Waveform, events: Events, index: int, pictures: np.ndarray | None) -> Figure:
    """Draw a clip on one axis of time: waveform, log-mel spectrogram, pictures, labels.

    `pictures` are (n, height, width, 3) uint8, taken in the middle of n equal parts; None if the
    clip has none.
    """
    labels = np.unique(events.label[events.clip == index]).tolist()
    heights = [0.8, 1.7, 0.8 if pictures is not None else 0.01, 0.26 * len(labels)]
    figure, grid = plt.subplots(
        4, 1, figsize=(PAGE_WIDTH, sum(heights) + 1.0), sharex=True, height_ratios=heights
    )
    _waveform(grid[0], waveform)
    spectrogram(grid[1], features.log_mel(waveform))
    if pictures is not None:
        film(grid[2], pictures)
    grid[2].axis("off")
    shown = np.flatnonzero(events.clip == index)
    bars(grid[3], events, shown, labels, np.ones(len(shown), dtype=bool))
    grid[3].set(xlabel="seconds", xlim=(0, CLIP_SECONDS))
    figure.align_ylabels(grid)
    return figure


def _waveform(axes: Axes, waveform: Waveform) -> None:
    """Draw the highest and lowest sample of each hundredth of a second."""
    step = waveform.rate // 100
    count = len(waveform.samples) // step
    parts = waveform.samples[: count * step].reshape(count, step)
    times = (np.arange(count) + 0.5) * step / waveform.rate
    axes.fill_between(times, parts.min(axis=1), parts.max(axis=1), color=INK, linewidth=0)
    axes.set(ylim=(-1, 1), ylabel="sample", yticks=(-1, 0, 1))


def spectrogram(axes: Axes, log_mel: np.ndarray, cmap: str = "magma", **limits: Any) -> Any:
    """Draw the (604 n, 128) log-mel spectrogram of n clips over seconds; return its image."""
    seconds = CLIP_SECONDS * len(log_mel) / features.FRAMES
    extent = (0, seconds, -0.5, features.BANDS - 0.5)
    options: dict[str, Any] = {"aspect": "auto", "origin": "lower", "interpolation": "nearest"}
    pairs = log_mel.reshape(len(log_mel) // 2, 2, -1).mean(axis=1)  # finer than the picture's dots
    shades = plt.get_cmap(cmap, SHADES)
    image = axes.imshow(pairs.T, extent=extent, cmap=shades, **options, **limits)
    centres = librosa.mel_frequencies(features.BANDS + 2, fmin=0.0, fmax=features.RATE / 2)[1:-1]
    places = np.interp(HERTZ, centres, np.arange(features.BANDS))
    axes.set_yticks(places, [f"{hertz / 1000:g}" for hertz in HERTZ])
    axes.set_ylabel("kHz")
    axes.grid(visible=False)
    return image


def film(axes: Axes, pictures: np.ndarray) -> None:
    """Draw the middle of each picture (n, height, width, 3), side by side over a clip's length."""
    height, width = pictures.shape[1:3]
    left = max(0, width - height) // 2
    square = pictures[:, :, left : left + height]
    extent = (0, CLIP_SECONDS, 0, 1)
    axes.imshow(np.concatenate(list(square), axis=1), extent=extent, aspect="auto")


def photographs(pictures: Sequence[np.ndarray], names: Sequence[str]) -> Figure:
    """Draw pictures (height, width, 3) uint8 in a row, each under its name."""
    size = (PAGE_WIDTH, PAGE_WIDTH / len(pictures) + 0.25)
    figure, grid = plt.subplots(1, len(pictures), figsize=size)
    for axes, picture, name in zip(grid, pictures, names, strict=True):
        axes.imshow(picture)
        axes.set_title(name, fontsize=9, loc="center")
        axes.axis("off")
    return figure


# --- features


def standardised(waveform: Waveform, scale: features.Standardiser) -> Figure:
    """Draw a clip's log-mel spectrogram in dB and, below, standardised band by band."""
    log_mel = features.log_mel(waveform)
    figure, grid = plt.subplots(2, 1, figsize=(PAGE_WIDTH, 4.0), sharex=True)
    first = spectrogram(grid[0], log_mel)
    second = spectrogram(grid[1], scale(log_mel), "RdBu_r", vmin=-3.0, vmax=3.0)
    figure.colorbar(first, ax=grid[0], label="dB", pad=0.01)
    figure.colorbar(second, ax=grid[1], label="deviations", pad=0.01)
    grid[1].set_xlabel("seconds")
    return figure


def patch(waveform: Waveform, number: int, offset: float) -> Figure:
    """Draw the 64 mel bands that the audio networks hear, and large one patch inside the clip.

    For `offset` see `pretrained.log_mel_patches`.
    """
    patches = pretrained.log_mel_patches(waveform, offset)[features.UNPADDED]
    starts = patches[:, : pretrained.STEP].reshape(-1, pretrained.BANDS)
    whole = np.concatenate([starts, patches[-1, pretrained.STEP :]])
    seconds = pretrained.HOP / pretrained.RATE
    figure, (left, right) = plt.subplots(1, 2, figsize=(PAGE_WIDTH, 2.5), width_ratios=(3.2, 1))
    shades = plt.get_cmap("magma", SHADES)
    options: dict[str, Any] = {"aspect": "auto", "origin": "lower", "cmap": shades}
    options["interpolation"] = "nearest"
    options |= {"vmin": float(whole.min()), "vmax": float(whole.max())}
    pairs = whole.reshape(len(whole) // 2, 2, -1).mean(axis=1)  # finer than the picture's dots
    left.imshow(pairs.T, extent=(0, len(whole) * seconds, 0, pretrained.BANDS), **options)
    right.imshow(patches[number].T, extent=(0, WINDOW_SECONDS, 0, pretrained.BANDS), **options)
    for later, style in ((0, "-"), (1, "--"), (2, ":")):  # neighbours overlap by 0.90 s
        corner = ((number + later) * pretrained.STEP * seconds, 0.5)
        frame: dict[str, Any] = {"fill": False, "ec": "white", "ls": style, "lw": 1.4}
        left.add_patch(Rectangle(corner, WINDOW_SECONDS, pretrained.BANDS - 1.5, **frame))
    left.set(xlabel="seconds", ylabel="mel band")
    right.set(xlabel="seconds", title=f"patch {number}")
    for axes in (left, right):
        axes.grid(visible=False)
    return figure


def what(found: Mapping[str, Mapping[str, Any]], truth: Events, trivial: float) -> Figure:
    """Draw what each kind of features tells of which classes sound.

    Args:
        found: `what` of a run of `probes`.
        truth: of the clips; the average precision of a guess is the share that have the class.
        trivial: F1 of an answer that needs no features.
    """
    names, classes = WHAT_ORDER, truth.classes
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(PAGE_WIDTH, 0.3 * len(names) + 1.9), width_ratios=(1, 1.25)
    )
    for place, name in enumerate(names):
        colour = INPUT_COLOURS.get(name, PALETTE[7])
        low, high = (100 * value for value in found[name]["interval"])
        value = 100 * found[name]["F1"]
        left.plot((low, high), (place, place), color=colour)
        left.plot(value, place, "o", color=colour, markersize=6)
        left.text(value, place - 0.2, f"{value:.0f}", ha="center", va="bottom", fontsize=8.5)
    left.set_yticks(range(len(names)), [INPUT_NAMES.get(name, name) for name in names])
    left.axvline(100 * trivial, color=INK, linestyle=":", linewidth=1.2)
    left.set(xlabel="clip-based F1, %", ylim=(len(names) - 0.4, -0.7), xlim=(0, 100))
    left.grid(axis="y", visible=False)
    for name, marker in zip(INPUT_NAMES, "osD", strict=True):
        values = [100 * v if v is not None else np.nan for v in found[name]["by class"]]
        look = {"color": INPUT_COLOURS[name], "marker": marker, "linestyle": "", "markersize": 5}
        right.plot(values, range(len(classes)), **look)
    shares = 100 * truth.tags.mean(axis=0)
    right.plot(shares, range(len(classes)), "|", color=INK, markersize=11)
    right.set_yticks(range(len(classes)), [short_label(label) for label in classes])
    right.tick_params(axis="y", labelsize=8.5, length=0)
    right.set(xlabel="average precision, %", ylim=(len(classes) - 0.5, -0.6), xlim=(0, 103))
    return figure


def steps(lags: np.ndarray, found: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw how the probes' responses rise at an onset, and what a window of 0.96 s would do.

    `lags` are (lags,) seconds after the onset; for `found` by input see `probes.steps`.
    """
    figure, axes = plt.subplots(figsize=(PAGE_WIDTH, 3.3))
    window = found["audio"]["height"] * np.clip(lags / WINDOW_SECONDS + 0.5, 0, 1)
    axes.plot(lags, window, color=PALE, linewidth=5, label="a window of 0.96 s", zorder=1)
    for name in INPUT_NAMES:
        each = found[name]
        look = {"color": INPUT_COLOURS[name], "linestyle": STREAM_STYLES[name]}
        low, high = each["mean interval"]
        axes.fill_between(lags, low, high, color=look["color"], alpha=0.18, linewidth=0)
        axes.plot(lags, each["mean"], label=INPUT_NAMES[name], **look)
    axes.axvline(0, color=INK, linestyle=":", linewidth=1.2)
    axes.axvspan(-COLLAR, COLLAR, color=PALE, alpha=0.3, linewidth=0)
    axes.set(xlabel="seconds after the onset", ylabel="response of the probe")
    axes.set_xlim(lags[0], lags[-1])
    axes.legend(fontsize=9, loc="upper left")
    return figure


def grids() -> Figure:
    """Draw the two grids of 151 frames, and how far they drift apart joined by index."""
    patches = features.patch_times()
    inside, nearest = patches[features.UNPADDED], patches[features.nearest_patches()]
    figure, (left, right) = plt.subplots(1, 2, figsize=(PAGE_WIDTH, 2.7), width_ratios=(1.4, 1))
    for place, times in ((0, GRID_TIMES), (1, inside)):
        left.plot(times[::5], np.full(len(times[::5]), place), "|", color=INK, markersize=9)
    for index in range(0, len(inside), 10):
        left.plot((GRID_TIMES[index], inside[index]), (0.07, 0.93), color=PALETTE[3], linewidth=1.2)
    left.set_yticks((0, 1), ["spectral", "pretrained\naudio"])
    left.set(xlabel="seconds", ylim=(-0.35, 1.35), xlim=(0, CLIP_SECONDS))
    left.grid(axis="y", visible=False)
    frames = np.arange(len(inside))
    right.plot(frames, inside - GRID_TIMES, color=PALETTE[3], label="by index")
    right.plot(frames, nearest - GRID_TIMES, color=INK, linestyle="--", label="by time")
    for collar in (-0.2, 0.2):
        right.axhline(collar, color=INK, linestyle=":", linewidth=1.2)
    right.set(xlabel="frame", ylabel="patch minus frame, s", xlim=(0, len(inside) - 1))
    right.legend(fontsize=9)
    return figure
