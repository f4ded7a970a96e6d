"""The clip a reader plays with: what is drawn is what the metrics say, and nothing stays open."""

import io
import re
import wave
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from lib.sound import crnn, evaluation
from lib.sound.crnn import COMBINATIONS, CRNN, ModelConfig, Probabilities
from lib.sound.data.corpus import Corpus
from lib.sound.data.mixtures import CLASSES
from lib.sound.events import Events
from lib.sound.figures import explore
from lib.sound.figures.explore import Scenes
from lib.sound.figures.metric_plots import ROW_COLOURS, short_label

pytestmark = pytest.mark.usefixtures("no_open_figures")
MakeEvents = Callable[..., Events]
FRAMES = 151


def said(truth: Events, noise: float, seed: int = 0) -> Probabilities:
    """Return probabilities that follow the truth, with some noise."""
    generator = np.random.default_rng(seed)
    times = (np.arange(FRAMES) + 0.5) * evaluation.FRAME_SECONDS
    frame = generator.uniform(0.01, 0.01 + noise, (len(truth.clips), FRAMES, len(truth.classes)))
    for clip, label, on, off in zip(
        truth.clip, truth.label, truth.onset, truth.offset, strict=True
    ):
        frame[clip, (times >= on) & (times < off), label] += 0.5
    probabilities = torch.from_numpy(frame.clip(0.01, 0.99))
    return Probabilities(probabilities, crnn.linear_pooling(probabilities))


@pytest.fixture
def scenes(make: MakeEvents) -> Scenes:
    """Give two networks' words on three clips, one of them often wrong; the second is silent."""
    truth = make((0, 3, 1, 3), (0, 4, 2, 8), (0, 4, 8.5, 9), (2, 8, 0, 10), clips=3)
    truth = replace(truth, classes=CLASSES)
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 255, (10, 6, 8, 3)).astype(np.uint8)
    log_mel = generator.uniform(-50, 20, (3, 604, 128)).astype(np.float32)
    log_mel[1] = -50
    found = {"S": said(truth, 0.2), "A": said(truth, 0.6, seed=1)}
    return Scenes(truth, found, log_mel, [pictures, None, pictures])


def bars(axes: Axes, place: int, ground: float) -> list[tuple[float, float, str]]:
    """Return onset, offset and face of a network's events that are drawn in the row of a class."""
    found = []
    for collection in axes.collections:
        if not len(collection.get_paths()):
            continue
        if to_hex(collection.get_edgecolor()[0]) != ROW_COLOURS["SA"[place]]:
            continue
        faces = map(to_hex, collection.get_facecolor())
        for path, face in zip(collection.get_paths(), faces, strict=True):
            if not np.isclose(path.vertices[:, 1].min(), ground + explore.LANES[place]):
                continue  # of another class
            left, right = path.vertices[:, 0].min(), path.vertices[:, 0].max()
            found.append((float(left), float(right), face))
    return found


def test_what_is_observed_belongs_to_the_clips_in_their_order(mixed: Corpus) -> None:
    clips = [mixed.clips["test"][place] for place in (2, 0)]
    generator = torch.Generator().manual_seed(0)
    inputs = {
        "spectral": torch.randn(2, 604, 16, generator=generator),
        "audio": torch.randn(2, FRAMES, 5, generator=generator),
    }
    networks = {
        row: CRNN(ModelConfig(row, audio_features=5, width=0.125, mel_bands=16)).eval()
        for row in COMBINATIONS
        if "visual" not in row
    }
    scenes = explore.observe(mixed, clips, networks, inputs)
    assert list(scenes.found) == ["S", "S + A", "A"]
    alone = {name: values[1:] for name, values in inputs.items()}
    with torch.no_grad():
        expected = networks["spectral", "audio"](alone).frame[0]
    assert torch.allclose(scenes.found["S + A"].frame[1], expected, atol=1e-5)
    assert scenes.truth.clips == tuple(clips)
    seconds = mixed.strong["test"].durations[2]
    shown = scenes.pictures[0]
    assert shown is not None and len(shown) == explore.PICTURES
    last = mixed.frames(clips[0], np.array([0.95 * seconds]))
    assert last is not None and (shown[-1] == last[0]).all()


@pytest.mark.parametrize(("clip", "threshold", "median"), [(0, 0.3, 3), (0, 0.05, 1), (1, 0.5, 7)])
def test_curves_bars_and_scores_are_those_of_the_metrics(
    scenes: Scenes, clip: int, threshold: float, median: int
) -> None:
    figure = explore.panel(scenes, clip, ["S", "A", "S"], threshold, median)
    figure.canvas.draw()
    labels = explore.classes_of_interest(scenes, clip, ["S", "A"])
    undrawn, scores = 0, []
    axes, scored = figure.axes
    thresholds = axes.collections[0].get_segments()
    grounds = explore.ROW * np.arange(len(labels))[::-1]
    assert np.allclose([line[0, 1] for line in thresholds], grounds + threshold)
    for place, name in enumerate(("S", "A")):
        frame = scenes.found[name].frame.numpy()
        filtered = evaluation.median_filter(frame, median)[clip]
        events = evaluation.detect(frame, scenes.truth, threshold, median)
        paired = set(evaluation.match(scenes.truth, events).tolist())
        curves = axes.get_lines()[place * len(labels) :]
        for row, label in enumerate(labels):
            ground = grounds[row]
            drawn = np.asarray(curves[row].get_ydata()) - ground
            assert np.allclose(drawn, filtered[:, label], atol=1e-6)
            here = np.flatnonzero((events.clip == clip) & (events.label == label))
            for i, (on, off, face) in zip(here, bars(axes, place, ground), strict=True):
                assert (on, off) == pytest.approx((events.onset[i], events.offset[i]))
                assert face == (ROW_COLOURS[name] if i in paired else "#ffffff")
        undrawn += sum((events.clip == clip) & ~np.isin(events.label, labels))
        theirs = evaluation.by_sed_eval(scenes.truth, events)
        ours = explore.scores(scenes, name, threshold, median)
        assert (ours["segment"], ours["event"]) == (theirs["segment micro"], theirs["event macro"])
        scores += [100 * ours[metric] for metric in evaluation.METRICS]
    assert undrawn == 0 or f"{undrawn} false alarm" in figure.texts[0].get_text()
    assert [bar.get_height() for bar in scored.patches] == pytest.approx(scores)
    said = [float(number) for number in re.findall(r"(\d+) %", figure.get_label())]
    assert said == pytest.approx(scores, abs=0.5)


@pytest.mark.parametrize("clip", [0, 2])
def test_each_row_has_its_name_and_is_shaded_where_its_class_sounds(
    scenes: Scenes, clip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []
    close = plt.close
    monkeypatch.setattr(plt, "close", drawn.append)
    labels = explore.classes_of_interest(scenes, clip, ["S"]).tolist()
    explore._ground.__wrapped__(scenes, clip, tuple(labels))
    rows = drawn[0].axes[2]
    names = [name.get_text() for name in rows.get_yticklabels()]
    assert names == [short_label(scenes.truth.classes[label]) for label in labels]
    for shade, label in zip(rows.collections, labels, strict=False):
        boxes = [path.get_extents() for path in shade.get_paths()]
        here = (scenes.truth.clip == clip) & (scenes.truth.label == label)
        ends = [*zip(scenes.truth.onset[here], scenes.truth.offset[here], strict=True)]
        assert [(box.x0, box.x1) for box in boxes] == [pytest.approx(each) for each in ends]
    close(drawn[0])


@pytest.mark.parametrize("headless", [True, False])
def test_the_player_plays_the_chosen_clip_and_only_to_live_readers(
    headless: bool, mixed: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(explore, "display", shown.append)
    monkeypatch.setenv("BOOK_HEADLESS", "1" if headless else "")
    scenes = Scenes(mixed.strong["test"], {}, np.zeros((0, 604, 128)), [])
    silent = replace(mixed, audio=lambda name: pytest.fail("a clip was read"))
    control = explore.listen(silent if headless else mixed, scenes)
    (player,) = shown
    if isinstance(control, list):
        assert headless and control == scenes.names
        return
    choice, sound, origin = player.children
    assert choice is control and isinstance(control, widgets.Dropdown)
    for clip, name in zip(mixed.clips["test"][:2], scenes.names, strict=False):
        choice.value = name
        with wave.open(io.BytesIO(sound.value)) as played:
            samples = np.frombuffer(played.readframes(played.getnframes()), dtype=np.int16)
            assert played.getframerate() == mixed.audio(clip).rate
        assert np.corrcoef(samples, mixed.audio(clip).samples)[0, 1] > 0.9999
        assert origin.value == mixed.notes(clip)
