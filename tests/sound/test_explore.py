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

from lib.book import interact
from lib.sound import crnn, evaluation
from lib.sound.crnn import COMBINATIONS, CRNN, ModelConfig, Probabilities
from lib.sound.data.corpus import Corpus
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


def bars(axes: Axes, place: int) -> list[tuple[float, float, str]]:
    """Return onset, offset and face colour of the events drawn for one network."""
    found = []
    for collection in axes.collections:
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


def test_the_true_classes_have_rows_and_so_have_the_most_probable_others(
    scenes: Scenes, make: MakeEvents
) -> None:
    found = explore.classes_of_interest(scenes, 0, ["A"])
    assert list(found) == sorted(found) and len(found) == explore.CLASSES_DRAWN
    top = scenes.found["A"].frame[0].amax(dim=0)
    others = [label for label in found if label not in (3, 4)]
    left_out = [label for label in range(10) if label not in found]
    assert {3, 4} <= set(found) and min(top[others]) >= max(top[left_out])
    many = make(*((0, label, 1, 2) for label in range(6)))
    crowded = Scenes(many, {"S": said(many, 0.1)}, scenes.log_mel[:1], [None])
    assert explore.classes_of_interest(crowded, 0, ["S"]).tolist() == list(range(6))


@pytest.mark.parametrize(("clip", "threshold", "median"), [(0, 0.3, 3), (0, 0.05, 1), (1, 0.5, 7)])
def test_curves_bars_and_scores_are_those_of_the_metrics(
    scenes: Scenes, clip: int, threshold: float, median: int
) -> None:
    figure = explore.panel(scenes, clip, ["S", "A", "S"], threshold, median)
    figure.canvas.draw()
    labels = explore.classes_of_interest(scenes, clip, ["S", "A"])
    undrawn, scores = 0, []
    for place, name in enumerate(("S", "A")):
        frame = scenes.found[name].frame.numpy()
        filtered = evaluation.median_filter(frame, median)[clip]
        events = evaluation.detect(frame, scenes.truth, threshold, median)
        paired = set(evaluation.match(scenes.truth, events).tolist())
        for axes, label in zip(figure.axes[2:-1], labels, strict=True):
            dotted, *curves = axes.get_lines()
            assert np.array_equal(np.asarray(curves[place].get_ydata()), filtered[:, label])
            assert set(np.asarray(dotted.get_ydata())) == {threshold}
            here = np.flatnonzero((events.clip == clip) & (events.label == label))
            for i, (on, off, face) in zip(here, bars(axes, place), strict=True):
                assert (on, off) == pytest.approx((events.onset[i], events.offset[i]))
                assert face == (LOOKS[place]["color"] if i in paired else "#ffffff")
        undrawn += sum((events.clip == clip) & ~np.isin(events.label, labels))
        theirs = evaluation.by_sed_eval(scenes.truth, events)
        ours = explore.scores(scenes, name, threshold, median)
        assert (ours["segment"], ours["event"]) == (theirs["segment micro"], theirs["event macro"])
        scores += [100 * ours[metric] for metric in evaluation.METRICS]
    assert undrawn == 0 or f"{undrawn} false alarm" in figure.axes[0].get_title(loc="left")
    assert [bar.get_height() for bar in figure.axes[-1].patches] == pytest.approx(scores)
    said = [float(number) for number in re.findall(r"(\d+) %", figure.get_label())]
    assert said == pytest.approx(scores, abs=0.5)


def test_every_control_moves_the_picture_and_no_figure_stays(scenes: Scenes) -> None:
    assert scenes.names == ["1: sneeze, baby", "2: nothing", "3: helicopter"]

    def draw(clip: str, threshold: float, median: int) -> Any:
        return explore.panel(scenes, scenes.names.index(clip), ["S", "A"], threshold, median)

    controls = {"clip": scenes.names, "threshold": (0.05, 0.95, 0.05), "median": (1, 31, 2)}
    start = {"clip": scenes.names[0], "threshold": 0.5, "median": 7}
    *made, _, picture, _ = interact.panel(
        draw, controls, start, "{clip}{threshold}{median}"
    ).children
    for control, value in zip(made, (scenes.names[2], 0.2, 21), strict=True):
        before = bytes(picture.value)
        control.value = value
        assert bytes(picture.value) != before and picture.value[:4] == b"\x89PNG"
    assert plt.get_fignums() == []


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
