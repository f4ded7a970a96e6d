"""A reader's own sound: from a file or the microphone, heard, drawn, and never written."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display
from matplotlib.figure import Figure

from lib.book import interact
from lib.book.show import INK, PAGE_WIDTH
from lib.sound import evaluation, features, mean_teacher, pretrained
from lib.sound.crnn import CRNN
from lib.sound.data import media
from lib.sound.data.corpus import Waveform
from lib.sound.evaluation import FRAME_SECONDS
from lib.sound.events import CLIP_SECONDS, Events
from lib.sound.features import Standardiser
from lib.sound.figures import clip_plots, metric_plots
from lib.sound.protocol import Row, short
from lib.sound.runs import checkpoints, extraction

LONGEST = 120  # seconds that are heard: the audio network takes as long for ten of them as one core
SHORTEST = 0.1  # seconds; less is no sound that a frame could tell of
CLASSES_DRAWN = 3  # at least, the most probable
RANGE = 60.0  # dB below the loudest that the spectrogram shows
LANE = 0.2  # height of the events of a network, below the probabilities
LINES = ("-", "--", ":")

# What a browser does to make speech clearer is switched off: it takes away what is to be heard.
MICROPHONE = """
export default { render({ model, el }) {
  const button = document.createElement("button");
  button.className = "jupyter-button widget-button";
  button.textContent = "Record";
  let recorder;
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  button.onclick = async () => {
    if (recorder) { recorder.stop(); return; }
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
      const pieces = [];
      recorder = new MediaRecorder(stream);
      recorder.ondataavailable = (event) => pieces.push(event.data);
      recorder.onstop = async () => {
        stream.getTracks().forEach((track) => track.stop());
        recorder = undefined;
        button.textContent = "Record";
        model.send({ trouble: "" }, undefined, [await new Blob(pieces).arrayBuffer()]);
      };
      recorder.start();
      button.textContent = "Stop";
    } catch (error) {
      recorder = undefined;
      const trouble = `the browser gives no microphone (${error.name}); choose a file instead`;
      model.send({ trouble });
    }
  };
  el.appendChild(button);
} };
"""


@dataclass(frozen=True, eq=False)
class Ears:
    """The networks that need no picture, and what they need instead.

    `networks` by row of Table 3, `scales` by input, `audio` the stream of the pretrained network,
    `bands` of the spectrogram, `classes` by name.
    """

    networks: Mapping[Row, CRNN]
    scales: Mapping[str, Standardiser]
    audio: str
    bands: int
    classes: tuple[str, ...]

    @classmethod
    def of(cls, common: Mapping[str, Any], classes: tuple[str, ...]) -> "Ears":
        """Return the networks of Table 3 that hear; for `common` see `experiments.common`."""
        every = checkpoints.networks(common)
        hearing = {row: network for row, network in every.items() if "visual" not in row}
        streams, bands = common["streams"], common["mel_bands"]
        return cls(hearing, checkpoints.scales(common), streams["audio"], bands, classes)


def windows(waveform: Waveform) -> list[Waveform]:
    """Return a sound in pieces of CLIP_SECONDS, the last one shorter.

    Raises:
        ValueError: it is too short, or longer than LONGEST.
    """
    samples, rate = waveform.samples, waveform.rate
    if not SHORTEST <= waveform.seconds <= LONGEST:
        raise ValueError(
            f"this sound lasts {waveform.seconds:.2f} s; bring one of {SHORTEST} to {LONGEST} s"
        )
    size = round(CLIP_SECONDS * rate)
    starts = range(0, len(samples), size)
    pieces = [Waveform(samples[start : start + size], rate) for start in starts]
    if len(pieces) > 1 and pieces[-1].seconds < SHORTEST:
        pieces.pop()  # too short to hear anything in
    return pieces


@dataclass(frozen=True, eq=False)
class Heard:
    """A sound and what each network hears in it.

    `log_mel` (windows, 604, 128) in dB, `windows` without any events, `frames` by row
    (windows, 151, classes).
    """

    log_mel: np.ndarray
    windows: Events
    frames: Mapping[str, np.ndarray]


def hear(ears: Ears, file: str | Path, threshold: float, median: int) -> Figure:
    """Draw what each network hears in a sound or video file.

    Raises:
        FileNotFoundError, ValueError: see `media.read_audio` and `windows`.
    """
    return drawn(listen(ears, media.read_audio(Path(file))), threshold, median)


def listen(ears: Ears, waveform: Waveform) -> Heard:
    """Let each network hear a sound, in windows of CLIP_SECONDS: they know no other length."""
    pieces = windows(waveform)
    log_mel = np.stack([features.log_mel(piece) for piece in pieces])
    inputs = {
        "spectral": np.stack([extraction.fewer_bands(each, ears.bands) for each in log_mel]),
        "audio": np.stack([_patches(ears.audio, piece) for piece in pieces]),
    }
    read = {
        name: features.standardised(values, ears.scales[name]) for name, values in inputs.items()
    }
    frames = {
        short(row): mean_teacher.predict(network, read).frame.numpy()
        for row, network in ears.networks.items()
    }
    names = tuple(f"window {index}" for index in range(len(pieces)))
    lengths, nothing = np.array([piece.seconds for piece in pieces]), np.zeros(0, dtype=np.int64)
    clips = Events(names, lengths, nothing, nothing, np.zeros(0), np.zeros(0), ears.classes)
    return Heard(log_mel, clips, frames)


def own_sound(ears: Ears, threshold: float, median: int) -> None:
    """Show a button to record, one for a file, and what is heard; or say where they are."""
    if os.environ.get("BOOK_HEADLESS"):
        words = "*With a running kernel, you can record a sound here, or choose a file.*"
        display(Markdown(words))
        return
    microphone, place = Microphone(), widgets.VBox()
    kept: list[Heard] = []
    controls = {"threshold": (0.05, 0.95, 0.05), "median": (1, 31, 2)}
    start = {"threshold": threshold, "median": median}
    alt = "your sound, threshold {threshold:.2f}, median filter of {median} frames"

    def take(content: bytes, name: str) -> None:
        kept[:] = [listen(ears, media.read_audio(Path(name), content))]
        interact.show_in(place, partial(interact.panel, draw_mine, controls, start, alt))

    def draw_mine(threshold: float, median: int) -> Figure:
        return drawn(kept[0], threshold, median)

    button, line = interact.upload("Sound or video", take, accept="audio/*,video/*")

    def recorded(_: object, content: dict[str, str], files: list[memoryview]) -> None:
        line.value = content["trouble"]
        for file in files:
            interact.attempt(line, partial(take, bytes(file), "the recording"))

    microphone.on_msg(recorded)
    display(widgets.VBox([widgets.HBox([microphone, button]), line, place]))


class Microphone(anywidget.AnyWidget):
    """A button that records: it sends a file as the browser makes it, or what the trouble is."""

    _esm = MICROPHONE


def _patches(stream: str, piece: Waveform) -> np.ndarray:
    """Return the pretrained features of a window on the grid of frames, (151, n)."""
    offset = pretrained.NETWORKS[stream].offset
    values = pretrained.embeddings(stream, pretrained.log_mel_patches(piece, offset))
    return features.on_grid(values, "index")


def drawn(heard: Heard, threshold: float, median: int) -> Figure:
    """Draw the spectrogram, and below it each class that some network hears or nearly hears.

    The figure's label says in words what each of them hears.
    """
    log_mel, clips, frames = heard.log_mel, heard.windows, heard.frames
    found = {
        name: evaluation.detect(each, clips, threshold, median) for name, each in frames.items()
    }
    seconds = (len(log_mel) - 1) * CLIP_SECONDS + float(clips.durations[-1])
    labels = _labels(frames, found)
    figure, rows = plt.subplots(
        1 + len(labels),
        1,
        figsize=(PAGE_WIDTH, height := 1.5 + 0.9 * len(labels)),
        sharex=True,
        height_ratios=[1.3, *[1] * len(labels)],
        layout="none",  # fixed, which is drawn sooner
    )
    figure.subplots_adjust(0.12, 0.5 / height, 0.99, 1 - 0.36 / height, hspace=0.25)
    clip_plots.spectrogram(rows[0], np.concatenate(list(log_mel)), vmin=log_mel.max() - RANGE)
    times = (np.arange(sum(map(len, next(iter(frames.values()))))) + 0.5) * FRAME_SECONDS
    for axes, label in zip(rows[1:], labels, strict=True):
        axes.axhline(threshold, color=INK, linestyle=":", linewidth=1)
        for place, (name, each) in enumerate(frames.items()):
            colour = metric_plots.ROW_COLOURS[name]
            curve = np.concatenate(list(each))[:, label]
            axes.plot(times, curve, LINES[place], color=colour, linewidth=1.4, label=name)
            spans = [(on, off - on) for on, off in _spans(found[name], label)]
            axes.broken_barh(spans, (-LANE * (1.3 + place), LANE), color=colour)
        axes.set(ylim=(-LANE * 4.5, 1.05), yticks=(0, 1), xlim=(0, seconds))
        name = metric_plots.short_label(clips.classes[label])
        axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        axes.grid(visible=False)
    figure.legend(*rows[1].get_legend_handles_labels(), loc="upper right", ncols=3)
    rows[-1].set_xlabel("seconds")
    figure.set_label(_in_words(found))
    return figure


def _labels(frames: Mapping[str, np.ndarray], found: Mapping[str, Events]) -> list[int]:
    """Return the classes that are heard, and up to CLASSES_DRAWN the most probable others."""
    heard = sorted({int(label) for events in found.values() for label in events.label})
    loudest = np.max([each.max(axis=(0, 1)) for each in frames.values()], axis=0)
    others = [int(label) for label in np.argsort(-loudest) if label not in heard]
    return heard + others[: max(0, CLASSES_DRAWN - len(heard))]


def _spans(events: Events, label: int) -> list[tuple[float, float]]:
    """Return onset and offset of a class in seconds of the whole; what a window cut is joined."""
    joined: list[tuple[float, float]] = []
    for clip, each, onset, offset in sorted(
        zip(events.clip, events.label, events.onset, events.offset, strict=True)
    ):
        if each != label:
            continue
        begin, end = clip * CLIP_SECONDS + onset, clip * CLIP_SECONDS + offset
        if joined and begin - joined[-1][1] < FRAME_SECONDS:
            begin = joined.pop()[0]
        joined.append((float(begin), float(end)))
    return joined


def _in_words(found: Mapping[str, Events]) -> str:
    """Return what each network hears, as a line."""
    said = []
    for name, events in found.items():
        spans = [
            f"{metric_plots.short_label(events.classes[label])} {on:.1f} to {off:.1f} s"
            for label in sorted(set(events.label.tolist()))
            for on, off in _spans(events, label)
        ]
        said.append(f"inputs {name}: {', '.join(spans) or 'nothing'}")
    return "; ".join(said)
