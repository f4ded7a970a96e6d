"""What the pictures of clips and features show is what they were given."""

import base64
import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import soundfile
from IPython.display import Audio, Markdown
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.book.show import png
from lib.runs import results
from lib.sound import features, pretrained, probes
from lib.sound.crnn import INPUT_NAMES
from lib.sound.data.corpus import Waveform
from lib.sound.data.mixtures import CLASSES
from lib.sound.events import Events
from lib.sound.features import GRID, GRID_TIMES, Standardiser
from lib.sound.figures import clip_plots

pytestmark = pytest.mark.usefixtures("no_open_figures")
MakeEvents = Callable[..., Events]
RATE = 22_050


@pytest.fixture
def chirp() -> Waveform:
    """Give ten seconds of a tone that is there from 3 s to 6 s, over a little noise."""
    times = np.arange(10 * RATE) / RATE
    noise = 0.001 * np.random.default_rng(0).standard_normal(len(times))
    tone = 0.5 * np.sin(2 * np.pi * 1000 * times) * ((times >= 3) & (times < 6))
    return Waveform((tone + noise).astype(np.float32), RATE)


@pytest.fixture
def events(make: MakeEvents) -> Events:
    """Give two clips; classes 1 and 4 sound in the second."""
    return make((0, 2, 0, 9), (1, 1, 3, 6), (1, 4, 1, 2), (1, 1, 8, 9), clips=2)


def drawn(figure: Figure) -> bool:
    """Return whether a figure can be drawn and is not empty."""
    return len(png(figure)) > 3000


def points(axes: Axes, label: str) -> tuple[list[float], list[float]]:
    """Return the points of the line with this label."""
    (found,) = [each for each in axes.get_lines() if each.get_label() == label]
    return list(found.get_xdata()), list(found.get_ydata())  # type: ignore[arg-type]


def step(height: float) -> dict[str, Any]:
    """Return a response as `probes.steps` gives it."""
    mean = (height * (probes.LAGS > 0)).tolist()
    band = [[value - 0.1 for value in mean], [value + 0.1 for value in mean]]
    found = {"mean": mean, "mean interval": band, "height": height, "centre": 0.1, "onsets": 5}
    return {**found, "sharp": 0.5}


# --- sound


def test_nobody_listens_where_no_kernel_runs(
    chirp: Waveform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOK_HEADLESS", "1")
    shown = clip_plots.hear(chirp)
    assert isinstance(shown, Markdown) and "running kernel" in shown.data
    monkeypatch.delenv("BOOK_HEADLESS")
    player = clip_plots.hear(chirp)
    assert isinstance(player, Audio)
    samples, rate = soundfile.read(io.BytesIO(player.data), dtype="float32")
    assert rate == RATE and samples == pytest.approx(chirp.samples, abs=1e-4)  # no louder


def test_an_excerpt_holds_the_piece_asked_for(chirp: Waveform) -> None:
    html = clip_plots.excerpt(chirp, start=2.5, seconds=1.0).data
    assert html == clip_plots.excerpt(chirp, start=2.5, seconds=1.0).data
    (data,) = re.findall(r'src="data:audio/flac;base64,([^"]+)"', html)
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
    assert rate == 16_000 and len(samples) == 16_000
    assert np.abs(samples[:7000]).max() < 0.05 < 0.45 < np.abs(samples[9000:]).max() < 0.55
    assert len(html) < 70_000


# --- the paper and the data


def test_the_claim_shows_table_3() -> None:
    rows = results.paper("part1_table3")["rows"]
    axes = clip_plots.claim(rows).axes[0]
    x, y = points(axes, "event, macro F1")
    assert x == [row["event"] for row in rows] and y == list(range(7))
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == ["S", "S + V", "S + A", "S + A + V", "V", "A", "A + V"]


@pytest.mark.parametrize("pictures", [True, False])
def test_a_clip_has_its_own_events_and_pictures(
    chirp: Waveform, events: Events, pictures: bool
) -> None:
    film = np.full((10, 8, 8, 3), 128, dtype=np.uint8) if pictures else None
    figure = clip_plots.clip(chirp, events, 1, film)
    _, spectrogram, strip, labels = figure.axes
    bars = {(bar.get_x(), bar.get_width()) for bar in labels.patches}
    assert bars == {(3.0, 3.0), (1.0, 1.0), (8.0, 1.0)}
    assert [text.get_text() for text in labels.get_yticklabels()] == ["class", "class"]
    assert len(strip.images) == (10 if pictures else 0)
    values = spectrogram.images[0].get_array()
    assert values is not None and values.shape == (128, 302)
    assert drawn(figure)


def test_a_tone_stands_at_its_pitch_and_time(chirp: Waveform) -> None:
    axes = plt.figure().add_subplot()
    clip_plots.spectrogram(axes, features.log_mel(chirp))
    values = np.asarray(axes.images[0].get_array())
    loud = values.max(axis=0) > 20
    assert 0.27 < loud.mean() < 0.34 and loud[95:175].all()  # 3 s of 10
    ticks = dict(
        zip([t.get_text() for t in axes.get_yticklabels()], axes.get_yticks(), strict=True)
    )
    assert values[:, 130].argmax() == pytest.approx(ticks["1"], abs=1)  # at 1 kHz
    plt.close(axes.get_figure())


def test_photographs_stand_under_their_names() -> None:
    pictures = [np.full((8, 8, 3), shade, dtype=np.uint8) for shade in (10, 200)]
    figure = clip_plots.photographs(pictures, ["dark", "bright"])
    for axes, picture, name in zip(figure.axes, pictures, ("dark", "bright"), strict=True):
        assert np.array_equal(np.asarray(axes.images[0].get_array()), picture)
        assert axes.get_title() == name
    plt.close(figure)


def test_statistics_draw_every_class_and_what_happens_at_once() -> None:
    classes = pd.DataFrame(
        {
            "class": [name.replace("_", " ") for name in CLASSES],
            "weak clips, %": np.arange(10.0),
            "test clips, %": np.arange(10.0) + 5,
        }
    )
    levels = pd.DataFrame({"contrast": [3.0, 12.0, np.nan]})
    figure = clip_plots.statistics(classes, np.array([0.5, 0.4, 0.1, 0, 0]), levels)
    left, middle, right = figure.axes
    assert [bar.get_width() for bar in left.patches] == [*range(10), *range(5, 15)]  # type: ignore[attr-defined]
    assert [text.get_text() for text in left.get_yticklabels()][4] == "baby"
    heights = [bar.get_height() for bar in middle.patches]  # type: ignore[attr-defined]
    assert heights == pytest.approx([50, 40, 10])
    assert sum(bar.get_height() for bar in right.patches) == 2  # type: ignore[attr-defined]
    assert drawn(figure)


# --- features


def test_the_standardised_spectrogram_is_what_the_scale_makes_of_it(chirp: Waveform) -> None:
    log_mel = features.log_mel(chirp)
    scale = Standardiser.fit([log_mel])
    first, second = (
        np.asarray(a.images[0].get_array()) for a in clip_plots.standardised(chirp, scale).axes[:2]
    )
    assert first.mean(axis=1) == pytest.approx(log_mel.mean(axis=0), abs=1e-3)
    assert second.mean() == pytest.approx(0, abs=1e-4)


def test_the_patch_is_where_its_frame_says(chirp: Waveform) -> None:
    figure = clip_plots.patch(chirp, number=50)
    left, right = figure.axes
    corners = [frame.get_x() for frame in left.patches]  # type: ignore[attr-defined]
    assert corners == pytest.approx([3.0, 3.06, 3.12])
    patches = pretrained.log_mel_patches(chirp, 0.01)[features.UNPADDED]
    assert np.array_equal(np.asarray(right.images[0].get_array()), patches[50].T)
    whole = np.asarray(left.images[0].get_array())
    assert whole.shape == (64, 498)
    pairs = patches[50].reshape(48, 2, 64).mean(axis=1)
    assert whole[:, 150:198] == pytest.approx(pairs.T, abs=1e-5)


def test_distances_are_euclidean_and_about_one_between_strangers(events: Events) -> None:
    values = np.random.default_rng(0).standard_normal((60, 400))
    found = clip_plots.distances(values)
    direct = np.linalg.norm(values[:, None] - values[None], axis=2) / np.sqrt(800)
    assert found == pytest.approx(direct, abs=1e-6)
    assert found[~np.eye(60, dtype=bool)].mean() == pytest.approx(1, abs=0.02)
    inputs = dict.fromkeys(INPUT_NAMES, np.zeros((GRID, 4)))
    inputs["audio"] = np.repeat((GRID_TIMES > 5).astype(float), 4).reshape(GRID, 4)
    figure = clip_plots.distance_maps(inputs, events, 1)
    maps = [np.asarray(axes.images[0].get_array()) for axes in figure.axes[3:6]]
    assert not maps[0].any() and maps[1][0, -1] == pytest.approx(1 / np.sqrt(2))
    assert drawn(figure)


def test_what_and_when_show_the_probes_numbers() -> None:
    scores = {"F1": 0.5, "interval": [0.4, 0.6], "by class": [0.3] * 9 + [None]}
    figure = clip_plots.what(dict.fromkeys(clip_plots.WHAT_ORDER, scores), 0.2, CLASSES)
    left, right = figure.axes
    assert [text.get_text() for text in left.texts] == ["50"] * 5
    assert right.get_yticklabels()[2].get_text() == "clock"
    assert list(right.get_lines()[0].get_xdata())[:9] == pytest.approx([30] * 9)  # type: ignore[arg-type]
    assert drawn(figure)
    found = {name: step(1 + place) for place, name in enumerate(("visual", "spectral", "audio"))}
    axes = clip_plots.steps(probes.LAGS, found).axes[0]
    assert points(axes, "pretrained visual")[1] == found["visual"]["mean"]
    _, window = points(axes, "a window of 0.96 s")
    assert window[0] == 0 and window[-1] == 3 and window[len(window) // 2] == pytest.approx(1.5)


def test_drift_marks_the_centre_of_each_rise() -> None:
    halves = {"by index": step(1.0), "audio": step(2.0), "expected": 0.2}
    figure = clip_plots.drift({"first": halves, "second": halves}, probes.LAGS)
    for axes in figure.axes:
        marks = [line for line in axes.get_lines() if line.get_marker() == "D"]
        assert [float(mark.get_ydata()[0]) for mark in marks] == [0.5, 1.0]  # type: ignore[index]
    assert "5 onsets in the second half" in figure.axes[1].get_title(loc="left")
    assert drawn(figure)


def test_the_grids_drift_as_section_4_2_has_it() -> None:
    right = clip_plots.grids().axes[1]
    _, apart = points(right, "by index")
    assert apart[0] == pytest.approx(0.46, abs=0.01) and apart[-1] == pytest.approx(-0.47, abs=0.02)
    assert np.abs(points(right, "by time")[1]).max() <= 0.031  # half of 60 ms
