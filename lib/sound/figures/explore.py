"""One clip at a time: what networks of Table 3 make of it, and how their F1 scores follow.

Everything a reader may ask for is computed once (`observe`); a new threshold or filter then only
decides, decodes, counts and draws.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Audio, Markdown, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lib.book.show import INK, PAGE_WIDTH, PALE, Ground
from lib.sound import evaluation, mean_teacher
from lib.sound.crnn import CRNN, Probabilities
from lib.sound.data.corpus import Corpus
from lib.sound.evaluation import FRAME_SECONDS, METRICS
from lib.sound.events import Events
from lib.sound.figures import clip_plots, metric_plots
from lib.sound.protocol import Row, short
from lib.sound.runs import experiments, extraction

PICTURES = 10  # of each clip, one a second in a clip of 10 s
CLASSES_DRAWN = 4  # more where a clip has more
RANGE = 60.0  # dB below the loudest that a spectrogram shows
LEVEL = 3.0  # dB from one shade to the next: a third of the bytes of a smooth picture
STYLES = ("-", "--")  # of first and second
LANES = (-0.28, -0.55)  # where their events are drawn, below the probabilities
MARGINS = {"left": 0.125, "right": 0.99, "bottom": 0.085, "top": 0.945}
ROW = 1.7  # height of a class: its probabilities from 0 to 1, the events below, and a gap


@dataclass(frozen=True, eq=False)
class Scenes:
    """A few clips, seen from all sides.

    `truth` holds their names and events, `found` maps the short name of a row of Table 3 to what
    its network says, `log_mel` is (clips, 604, 128) in dB, `pictures` are (10, height, width, 3)
    uint8 of each clip, None where it has none.
    """

    truth: Events
    found: Mapping[str, Probabilities]
    log_mel: np.ndarray
    pictures: Sequence[np.ndarray | None]

    @property
    def names(self) -> list[str]:
        """Return a name to choose each clip by: its number and its classes."""
        words = np.array([metric_plots.short_label(label) for label in self.truth.classes])
        return [
            f"{clip + 1}: {', '.join(words[tags]) or 'nothing'}"
            for clip, tags in enumerate(self.truth.tags)
        ]


def choose_clips(truth: Events, count: int) -> tuple[str, ...]:
    """Return the first clips that together hold every class, then the first of the others.

    A clip is taken if it holds a class that none before it does; they keep their order. All are
    returned where there are fewer than `count`.
    """
    seen = np.zeros(len(truth.classes), dtype=bool)
    new = []
    for clip, tags in enumerate(truth.tags):
        if (tags & ~seen).any():
            new.append(clip)
            seen |= tags
    others = [clip for clip in range(len(truth.clips)) if clip not in new]
    return tuple(truth.clips[clip] for clip in sorted((new + others)[:count]))


def observe(
    corpus: Corpus,
    clips: Sequence[str],
    networks: Mapping[Row, CRNN],
    inputs: Mapping[str, Tensor],
) -> Scenes:
    """Return what there is to hear and to see in some test clips, and what networks find in them.

    `inputs` are standardised features of these clips by input, see `experiments.Prepared`.
    """
    truth = corpus.strong["test"].subset(clips)
    shares = (np.arange(PICTURES) + 0.5) / PICTURES
    return Scenes(
        truth,
        {short(row): mean_teacher.predict(network, inputs) for row, network in networks.items()},
        extraction.extract(corpus, "log_mel", clips).astype(np.float32),
        [
            corpus.frames(clip, shares * seconds)
            for clip, seconds in zip(clips, truth.durations, strict=True)
        ],
    )


def listen(corpus: Corpus, scenes: Scenes) -> widgets.Dropdown | list[str]:
    """Show a list of clips, a player and a line on a clip's source, or say where there is one.

    Sound is never written into a notebook that runs by itself: recordings are not ours to pass on.

    Returns:
        what a panel takes as its control of the clip: the player's own list, so that both move
        together, or where nobody can move it the names.
    """
    if os.environ.get("BOOK_HEADLESS"):
        display(Markdown("*With a running kernel, you can listen to each of these clips here.*"))
        return scenes.names
    choice = widgets.Dropdown(options=scenes.names, description="clip")
    sound = widgets.Audio(format="wav", autoplay=False, loop=False)
    origin = widgets.Label()

    def load(_: object = None) -> None:
        clip = scenes.truth.clips[choice.index]
        waveform = corpus.audio(clip)
        sound.value = Audio(waveform.samples, rate=waveform.rate).data
        origin.value = corpus.notes(clip)

    choice.observe(load, names="value")
    load()
    display(widgets.VBox([choice, sound, origin]))
    return choice


def scores(scenes: Scenes, model: str, threshold: float, median: int) -> dict[str, float]:
    """Return a network's three F1 scores over all of these clips (section 4.3.2)."""
    counts = experiments.count(scenes.truth, scenes.found[model], threshold, median)
    return evaluation.table3_scores(counts)


def classes_of_interest(scenes: Scenes, clip: int, models: Sequence[str]) -> np.ndarray:
    """Return a clip's true classes and, up to CLASSES_DRAWN, the most probable others, sorted.

    They depend on no threshold, so that a picture keeps its rows while a reader moves one.
    """
    top = np.max([scenes.found[model].frame[clip].numpy().max(axis=0) for model in models], axis=0)
    truth = scenes.truth.tags[clip]
    order = np.lexsort((-top, ~truth))
    return np.sort(order[: max(CLASSES_DRAWN, truth.sum())])


def panel(
    scenes: Scenes, clip: int, models: Sequence[str], threshold: float, median: int
) -> Figure:
    """Draw a clip from above to below: pictures, spectrogram, probabilities and events by class.

    `models` are one or two names in `scenes.found`; a name given twice counts once. The figure's
    label says the F1 scores in words.
    """
    models = list(dict.fromkeys(models))
    labels = classes_of_interest(scenes, clip, models)
    figure, (rows, bars) = _ground(scenes, clip, tuple(labels)).figure()
    _thresholds(rows, labels, threshold)
    elsewhere = 0
    for place, model in enumerate(models):
        frame = scenes.found[model].frame.numpy()
        filtered = evaluation.median_filter(frame[clip : clip + 1], median)[0]
        events = evaluation.detect(frame, scenes.truth, threshold, median)
        _findings(rows, scenes.truth, clip, labels, filtered, events, place, model)
        elsewhere += int(((events.clip == clip) & ~np.isin(events.label, labels)).sum())
    title = f"threshold {threshold:.2f}, median filter of {median} frames"
    if elsewhere:
        title += f"; {elsewhere} false alarm{'s' * (elsewhere > 1)} of other classes not drawn"
    figure.text(MARGINS["left"], 0.96, title, fontsize=10)
    found = {model: scores(scenes, model, threshold, median) for model in models}
    _bars(bars, found)
    figure.set_label(_in_words(found, len(scenes.names)))
    return figure


@lru_cache(maxsize=20)
def _ground(scenes: Scenes, clip: int, labels: tuple[int, ...]) -> Ground:
    """Draw what stays: pictures, spectrogram, true events, and the axes of what was found."""
    figure = plt.figure(figsize=(PAGE_WIDTH, 5.6), layout="none")
    grid = figure.add_gridspec(3, 2, width_ratios=(3.6, 1), height_ratios=(0.6, 1.2, 3.9))
    grid.update(**MARGINS, wspace=0.2, hspace=0.06)
    film, spectrogram, rows = (figure.add_subplot(grid[row, 0]) for row in range(3))
    _pictures(film, scenes.pictures[clip])
    _spectrogram(spectrogram, scenes.log_mel[clip])
    _truth(rows, scenes.truth, clip, np.array(labels))
    for axes in (spectrogram, rows):
        axes.set_xlim(0, scenes.truth.durations[clip])
        axes.tick_params(axis="x", labelbottom=axes is rows, labelsize=8.5)
    rows.set_xlabel("seconds")
    bars = figure.add_subplot(grid[2, 1])
    bars.set(xlim=(-0.5, len(METRICS) - 0.5), ylim=(0, 109), yticks=(0, 50, 100))
    bars.set_xticks(range(len(METRICS)), METRICS, fontsize=8)
    bars.set_title(f"F1 over all clips\nshown here ({len(scenes.names)}), %", fontsize=9)
    bars.tick_params(axis="y", labelsize=8.5)
    bars.grid(axis="x", visible=False)
    return Ground.of(figure, rows, bars)


def _in_words(found: Mapping[str, Mapping[str, float]], clips: int) -> str:
    """Return the F1 scores of each network as a line."""
    said = [
        f"inputs {model}: "
        + ", ".join(f"{metric} {100 * values[metric]:.0f} %" for metric in METRICS)
        for model, values in found.items()
    ]
    return f"F1 over {clips} clip{'s' * (clips != 1)}; {'; '.join(said)}"


def _pictures(axes: Axes, pictures: np.ndarray | None) -> None:
    """Draw the pictures of a clip, or say that there are none."""
    axes.axis("off")
    if pictures is None:
        axes.text(0.5, 0.5, "no pictures", ha="center", transform=axes.transAxes)
    else:
        clip_plots.film(axes, pictures)


def _spectrogram(axes: Axes, log_mel: np.ndarray) -> None:
    """Draw a log-mel spectrogram (604, 128) small: pairs of bands, in steps of LEVEL."""
    pairs = log_mel.reshape(len(log_mel), -1, 2).mean(axis=2)
    levels = LEVEL * np.round((pairs - pairs.max()) / LEVEL)
    clip_plots.spectrogram(axes, levels, vmin=-RANGE, vmax=0)
    axes.set_ylabel("kHz", fontsize=8.5)
    axes.tick_params(labelsize=8.5)


def _truth(axes: Axes, truth: Events, clip: int, labels: np.ndarray) -> None:
    """Draw a row for each class, shaded where it sounds."""
    grounds = _grounds(labels)
    for ground, label in zip(grounds, labels, strict=True):
        here = (truth.clip == clip) & (truth.label == label)
        shade: dict[str, Any] = {"color": PALE, "linewidth": 0, "alpha": 0.7}
        axes.broken_barh(_spans(truth, here), (ground + LANES[1], 1 - LANES[1]), **shade)
    axes.hlines(grounds, 0, 1, color=INK, linewidth=0.5, transform=axes.get_yaxis_transform())
    names = [metric_plots.short_label(truth.classes[label]) for label in labels]
    axes.set_yticks(grounds + 0.5, names, fontsize=9)
    axes.set_ylim(LANES[1] - 0.05, grounds[0] + 1.06)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)


def _thresholds(axes: Axes, labels: np.ndarray, threshold: float) -> None:
    """Mark the threshold in the row of each class."""
    ends: dict[str, Any] = {"transform": axes.get_yaxis_transform()}  # from end to end
    axes.hlines(_grounds(labels) + threshold, 0, 1, color=INK, linestyle=":", linewidth=1, **ends)


def _grounds(labels: np.ndarray) -> np.ndarray:
    """Return where the probability of each class is 0; the first row is the highest."""
    return ROW * np.arange(len(labels))[::-1]


def _findings(
    axes: Axes,
    truth: Events,
    clip: int,
    labels: np.ndarray,
    filtered: np.ndarray,
    events: Events,
    place: int,
    model: str,
) -> None:
    """Draw one network's filtered probabilities, and its events below them as bars.

    A bar is filled if its event is paired with a true one, hollow if it is a false alarm.
    """
    paired = np.isin(np.arange(len(events)), evaluation.match(truth, events))
    times = (np.arange(len(filtered)) + 0.5) * FRAME_SECONDS
    look = _look(model, place)
    grounds = _grounds(labels)
    axes.plot(times, grounds + filtered[:, labels], linewidth=1.4, **look)
    for ground, label in zip(grounds, labels, strict=True):
        here = (events.clip == clip) & (events.label == label)
        faces = [look["color"] if each else "white" for each in paired[here]]
        lane = (ground + LANES[place], 0.2)
        axes.broken_barh(_spans(events, here), lane, facecolors=faces, edgecolor=look["color"])


def _look(model: str, place: int) -> dict[str, Any]:
    """Return how a network is drawn: its inputs have one colour in all chapters."""
    return {"color": metric_plots.ROW_COLOURS[model], "linestyle": STYLES[place]}


def _spans(events: Events, chosen: np.ndarray) -> list[tuple[float, float]]:
    """Return onset and length of the chosen events, in seconds."""
    lengths = events.offset - events.onset
    return list(zip(events.onset[chosen].tolist(), lengths[chosen].tolist(), strict=True))


def _bars(axes: Axes, found: Mapping[str, Mapping[str, float]]) -> None:
    """Draw the F1 scores of all clips of the scenes, a group of bars for each metric."""
    width = 0.8 / len(found)
    for place, (model, scored) in enumerate(found.items()):
        values = [100 * scored[metric] for metric in METRICS]
        at = np.arange(len(METRICS)) + (place - (len(found) - 1) / 2) * width
        look = _look(model, place)
        filled = {"color": look["color"], "hatch": "///" * place, "edgecolor": "white", "lw": 0}
        axes.bar_label(axes.bar(at, values, width, **filled), fmt="%.0f", fontsize=7.5)
        axes.plot([], [], label=model, **look)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.1, 1.18), fontsize=9, title="inputs")
