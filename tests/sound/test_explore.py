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
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex

from lib.book import interact
from lib.sound import crnn, evaluation
from lib.sound.crnn import COMBINATIONS, CRNN, ModelConfig, Probabilities
from lib.sound.data.corpus import Corpus, Waveform
from lib.sound.data.mixtures import CLASSES
from lib.sound.events import Events
from lib.sound.figures import explore
from lib.sound.figures.explore import LOOKS, Scenes

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
def truth(make: MakeEvents) -> Events:
    """Give three clips, of which the second holds no event."""
    events = make((0, 3, 1, 3), (0, 4, 2, 8), (0, 4, 8.5, 9), (2, 8, 0, 10), clips=3)
    return replace(events, classes=CLASSES)


@pytest.fixture
def scenes(truth: Events) -> Scenes:
    """Give two networks' words on these clips, one of them often wrong."""
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 255, (10, 6, 8, 3)).astype(np.uint8)
    log_mel = generator.uniform(-50, 20, (3, 604, 128)).astype(np.float32)
    found = {"S": said(truth, 0.2), "A": said(truth, 0.6, seed=1)}
    return Scenes(truth, found, log_mel, [pictures, None, pictures])


def class_rows(figure: Any) -> list[Axes]:
    """Return the axes of the classes: behind pictures and spectrogram, before the scores."""
    return list(figure.axes[2:-1])


def bars(axes: Axes, place: int) -> list[tuple[float, float, str]]:
    """Return onset, offset and face colour of the events drawn for one network."""
    found = []
    for collection in axes.collections:
        assert isinstance(collection, PolyCollection)
        if not len(collection.get_paths()):
            continue
        if to_hex(collection.get_edgecolor()[0]) != LOOKS[place]["color"]:
            continue
        faces = map(to_hex, collection.get_facecolor())
        for path, face in zip(collection.get_paths(), faces, strict=True):
            left, right = path.vertices[:, 0].min(), path.vertices[:, 0].max()
            found.append((float(left), float(right), face))
    return found


def test_the_first_clips_that_hold_every_class_then_the_first_others(make: MakeEvents) -> None:
    tags = [(0,), (0,), (0, 1), (1,), (2,), (0, 2)]
    rows = [(clip, label, 1, 2) for clip, labels in enumerate(tags) for label in labels]
    truth = make(*rows, clips=7, classes=4)
    assert explore.choose_clips(truth, 2) == ("clip_0.wav", "clip_2.wav")
    assert explore.choose_clips(truth, 3) == ("clip_0.wav", "clip_2.wav", "clip_4.wav")
    assert explore.choose_clips(truth, 5) == tuple(f"clip_{i}.wav" for i in range(5))
    assert explore.choose_clips(truth, 99) == truth.clips


def test_names_tell_clips_apart_and_say_what_is_in_them(scenes: Scenes) -> None:
    assert scenes.names == ["1: sneeze, baby", "2: nothing", "3: helicopter"]


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
    assert scenes.log_mel.shape == (2, 604, 128)


@pytest.mark.parametrize(("threshold", "median"), [(0.5, 7), (0.3, 1), (0.65, 15)])
def test_the_scores_are_sed_evals(scenes: Scenes, threshold: float, median: int) -> None:
    for name, found in scenes.found.items():
        ours = explore.scores(scenes, name, threshold, median)
        events = evaluation.detect(found.frame.numpy(), scenes.truth, threshold, median)
        theirs = evaluation.by_sed_eval(scenes.truth, events)
        assert ours["segment"] == theirs["segment micro"]
        assert ours["event"] == theirs["event macro"]


def test_the_true_classes_have_rows_and_so_have_the_most_probable_others(scenes: Scenes) -> None:
    found = explore.classes_of_interest(scenes, 0, ["A"])
    assert list(found) == sorted(found) and len(found) == explore.CLASSES_DRAWN
    top = scenes.found["A"].frame[0].amax(dim=0)
    others = [label for label in found if label not in (3, 4)]
    left_out = [label for label in range(10) if label not in found]
    assert {3, 4} <= set(found)
    assert min(top[others]) >= max(top[left_out])


def test_a_clip_of_many_classes_has_a_row_for_each(make: MakeEvents) -> None:
    truth = make(*((0, label, 1, 2) for label in range(6)))
    found = {"S": said(truth, 0.1)}
    scenes = Scenes(truth, found, np.zeros((1, 604, 128), dtype=np.float32), [None])
    assert explore.classes_of_interest(scenes, 0, ["S"]).tolist() == list(range(6))


@pytest.mark.parametrize("threshold", [0.3, 0.55])
def test_every_bar_is_an_event_and_only_paired_ones_are_filled(
    scenes: Scenes, threshold: float
) -> None:
    figure = explore.panel(scenes, 0, ["S", "A"], threshold, 3)
    labels = explore.classes_of_interest(scenes, 0, ["S", "A"])
    undrawn = 0
    for place, name in enumerate(("S", "A")):
        events = evaluation.detect(scenes.found[name].frame.numpy(), scenes.truth, threshold, 3)
        paired = set(evaluation.match(scenes.truth, events).tolist())
        for axes, label in zip(class_rows(figure), labels, strict=True):
            here = np.flatnonzero((events.clip == 0) & (events.label == label))
            expected = [
                (events.onset[i], events.offset[i], LOOKS[place]["color"])
                if i in paired
                else (events.onset[i], events.offset[i], "#ffffff")
                for i in here
            ]
            for (on, off, face), drawn in zip(expected, bars(axes, place), strict=True):
                assert drawn[:2] == pytest.approx((on, off)) and drawn[2] == face
        undrawn += sum((events.clip == 0) & ~np.isin(events.label, labels))
    assert undrawn == 0 or f"{undrawn} false alarm" in figure.axes[0].get_title(loc="left")
    plt.close(figure)


def test_false_alarms_without_a_row_are_counted(scenes: Scenes) -> None:
    figure = explore.panel(scenes, 0, ["S"], 0.05, 1)
    title = figure.axes[0].get_title(loc="left")
    events = evaluation.detect(scenes.found["S"].frame.numpy(), scenes.truth, 0.05, 1)
    labels = explore.classes_of_interest(scenes, 0, ["S"])
    count = int(((events.clip == 0) & ~np.isin(events.label, labels)).sum())
    assert count > 1 and f"{count} false alarms of other classes" in title
    plt.close(figure)


def test_the_curves_are_the_filtered_probabilities_of_the_right_class(scenes: Scenes) -> None:
    figure = explore.panel(scenes, 2, ["A"], 0.4, 7)
    labels = explore.classes_of_interest(scenes, 2, ["A"])
    filtered = evaluation.median_filter(scenes.found["A"].frame.numpy(), 7)[2]
    for axes, label in zip(class_rows(figure), labels, strict=True):
        dotted, curve = axes.get_lines()
        assert np.array_equal(np.asarray(curve.get_ydata()), filtered[:, label])
        assert set(np.asarray(dotted.get_ydata())) == {0.4}
    plt.close(figure)


def test_the_bars_of_the_scores_are_the_scores(scenes: Scenes) -> None:
    figure = explore.panel(scenes, 1, ["S", "A"], 0.5, 7)
    heights = [bar.get_height() for bar in figure.axes[-1].patches]
    expected = [
        100 * explore.scores(scenes, name, 0.5, 7)[metric]
        for name in ("S", "A")
        for metric in evaluation.METRICS
    ]
    assert heights == pytest.approx(expected)
    assert "(3)" in figure.axes[-1].get_title(loc="left")
    said = [float(number) for number in re.findall(r"(\d+) %", figure.get_label())]
    assert said == pytest.approx(expected, abs=0.5) and len(said) == 6
    plt.close(figure)


def test_a_network_compared_with_itself_is_drawn_once(scenes: Scenes) -> None:
    figure = explore.panel(scenes, 0, ["A", "A"], 0.5, 7)
    assert len(figure.axes[-1].patches) == 3
    plt.close(figure)


def test_clips_without_pictures_or_sound_say_so_or_stay_dark(scenes: Scenes) -> None:
    silent = replace(scenes, log_mel=np.full_like(scenes.log_mel, -50))
    figure = explore.panel(silent, 1, ["S"], 0.5, 7)
    assert [text.get_text() for text in figure.axes[0].texts] == ["no pictures"]
    figure.canvas.draw()
    plt.close(figure)


def test_every_control_moves_the_picture_and_no_figure_stays(scenes: Scenes) -> None:
    def draw(clip: str, threshold: float, median: int) -> Any:
        return explore.panel(scenes, scenes.names.index(clip), ["S", "A"], threshold, median)

    controls = {"clip": scenes.names, "threshold": (0.05, 0.95, 0.05), "median": (1, 31, 2)}
    start = {"clip": scenes.names[0], "threshold": 0.5, "median": 7}
    alt = "clip {clip}, {threshold:.2f}, {median}"
    *made, _, picture, _ = interact.panel(draw, controls, start, alt).children
    for control, value in zip(made, (scenes.names[2], 0.2, 21), strict=True):
        before = bytes(picture.value)
        control.value = value
        assert bytes(picture.value) != before and picture.value[:4] == b"\x89PNG"
    assert plt.get_fignums() == []


def test_the_player_plays_the_chosen_clip_and_says_whose_it_is(mixed: Corpus) -> None:
    scenes = scenes_of(mixed)
    control = widgets.Dropdown(options=scenes.names)
    choice, sound, origin = explore.player(mixed, scenes, control).children
    assert choice is control
    for clip, name in zip(mixed.clips["test"][:2], scenes.names, strict=False):
        choice.value = name
        with wave.open(io.BytesIO(sound.value)) as played:
            samples = np.frombuffer(played.readframes(played.getnframes()), dtype=np.int16)
            assert played.getframerate() == mixed.audio(clip).rate
        assert np.corrcoef(samples, mixed.audio(clip).samples)[0, 1] > 0.9999
        assert origin.value == mixed.notes(clip)
    assert not sound.autoplay and not sound.loop


def scenes_of(mixed: Corpus) -> Scenes:
    """Return the test clips with nothing but their names."""
    return Scenes(mixed.strong["test"], {}, np.zeros((0, 604, 128)), [])


@pytest.mark.parametrize("headless", [True, False])
def test_sound_is_for_live_readers_only(
    headless: bool, mixed: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[object] = []
    heard: list[str] = []

    def audio(name: str) -> Waveform:
        heard.append(name)
        return mixed.audio(name)

    monkeypatch.setattr(explore, "display", shown.append)
    monkeypatch.delenv("BOOK_HEADLESS", raising=False)
    if headless:
        monkeypatch.setenv("BOOK_HEADLESS", "1")
    scenes = scenes_of(mixed)
    control = explore.listen(replace(mixed, audio=audio), scenes)
    assert len(shown) == 1 and bool(heard) is not headless
    assert isinstance(control, list) is headless
    assert list(control if isinstance(control, list) else control.options) == scenes.names
