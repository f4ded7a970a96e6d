"""The pictures of Part I: every one is drawn, and what it shows are the numbers it was given."""

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lib.book.show import PALE
from lib.runs import results
from lib.runs.results import Result
from lib.sound import features, pretrained, protocol
from lib.sound.crnn import COMBINATIONS, CRNN, INPUTS, ModelConfig, count_parameters
from lib.sound.data.corpus import Sight, Waveform
from lib.sound.evaluation import COLLAR, METRICS
from lib.sound.events import Events
from lib.sound.features import GRID
from lib.sound.figures import clip_plots, diagrams, metric_plots, result_plots
from lib.sound.figures.result_plots import KNOBS
from lib.sound.protocol import Runs
from lib.sound.runs.verdicts import AUDIO, SPECTRAL, VISUAL, Judge

pytestmark = pytest.mark.usefixtures("no_open_figures")
MakeRun = Callable[..., Result]
RATE = 22_050
PAPER = results.paper("part1_table3")
LETTERS = ["S", "S + V", "S + A", "S + A + V", "V", "A", "A + V"]


@pytest.fixture(scope="module")
def chirp() -> Waveform:
    """Give ten seconds of a tone that is there from 3 s to 6 s, over a little noise."""
    times = np.arange(10 * RATE) / RATE
    noise = 0.001 * np.random.default_rng(0).standard_normal(len(times))
    tone = 0.5 * np.sin(2 * np.pi * 1000 * times) * ((times >= 3) & (times < 6))
    return Waveform((tone + noise).astype(np.float32), RATE)


@pytest.fixture
def events(make: Callable[..., Events]) -> Events:
    """Give two clips; classes 1 and 4 sound in the second."""
    return make((0, 2, 0, 9), (1, 1, 3, 6), (1, 4, 1, 2), (1, 1, 8, 9), clips=2)


@pytest.fixture(scope="module")
def runs(made_up_run: MakeRun) -> Runs:
    """Give three trainings of each row."""

    def run(row: tuple[str, ...], seed: int) -> Result:
        levels = {name: protocol.paper_score(PAPER, row, name) for name in METRICS}
        return made_up_run(row, seed, levels, 0.01)

    return {row: [run(row, seed) for seed in range(3)] for row in COMBINATIONS}


def points(axes: Axes, label: str) -> tuple[list[float], list[float]]:
    """Return the points of the line with this label."""
    (found,) = [each for each in axes.get_lines() if each.get_label() == label]
    return list(found.get_xdata()), list(found.get_ydata())  # type: ignore[arg-type]


def image(axes: Axes) -> np.ndarray:
    return np.asarray(axes.images[0].get_array())


def with_marker(axes: Axes, marker: str) -> list[Line2D]:
    return [line for line in axes.get_lines() if line.get_marker() == marker]


def rows_of(figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


# --- clips


@pytest.mark.parametrize("pictures", [True, False])
def test_a_clip_has_its_own_events_and_pictures_and_a_tone_its_pitch(
    chirp: Waveform, events: Events, pictures: bool
) -> None:
    shades = np.broadcast_to(20 * np.arange(12, dtype=np.uint8)[:, None], (10, 8, 12, 3))
    film = shades if pictures else None
    figure = clip_plots.clip(chirp, events, 1, film)
    figure.canvas.draw()
    _, spectrogram, strip, labels = figure.axes
    bars = {(bar.get_x(), bar.get_width()) for bar in labels.patches}
    assert bars == {(3.0, 3.0), (1.0, 1.0), (8.0, 1.0)}
    assert len(strip.images) == (1 if pictures else 0)
    if pictures:  # the middle of each
        assert image(strip)[0, :8, 0].tolist() == list(range(40, 200, 20))
    values = image(spectrogram)
    assert spectrogram.images[0].origin == "lower"
    assert values.shape == (128, 302)
    loud = values.max(axis=0) > 20
    assert 0.27 < loud.mean() < 0.34 and loud[95:175].all()  # 3 s of 10
    names = [tick.get_text() for tick in spectrogram.get_yticklabels()]
    ticks = dict(zip(names, spectrogram.get_yticks(), strict=True))
    assert values[:, 130].argmax() == pytest.approx(ticks["1"], abs=1)  # at 1 kHz


# --- features


def test_the_patch_is_where_its_frame_says(chirp: Waveform) -> None:
    left, right = clip_plots.patch(chirp, number=50, offset=0.01).axes
    corners = [frame.get_x() for frame in left.patches]  # type: ignore[attr-defined]
    assert corners == pytest.approx([3.0, 3.06, 3.12])
    patches = pretrained.log_mel_patches(chirp, 0.01)[features.UNPADDED]
    assert np.array_equal(image(right), patches[50].T)
    pairs = patches[50].reshape(48, 2, 64).mean(axis=1)
    assert image(left)[:, 150:198] == pytest.approx(pairs.T, abs=1e-5)


def test_what_and_when_features_know_is_what_was_found(events: Events) -> None:
    found = {
        name: {"F1": 0.1 * n, "interval": (0.1 * n, 0.9), "by class": [0.05 * n, None, *[0.5] * 8]}
        for n, name in enumerate(clip_plots.WHAT_ORDER, start=1)
    }
    left, right = clip_plots.what(found, events, 0.3).axes
    shown = [float(dot.get_xdata()[0]) for dot in with_marker(left, "o")]
    assert shown == pytest.approx([10, 20, 30, 40, 50])
    assert with_marker(right, "o")[0].get_xdata()[0] == pytest.approx(5)
    assert with_marker(right, "|")[0].get_xdata() == pytest.approx(100 * events.tags.mean(axis=0))
    _, drift = clip_plots.grids().axes
    expected = features.patch_times()[features.UNPADDED] - features.GRID_TIMES
    assert points(drift, "by index")[1] == pytest.approx(expected)


# --- the network


def test_the_tables_and_shapes_are_the_published_ones() -> None:
    network = CRNN(ModelConfig(INPUTS))
    ways = {name: [s.shape for s in way] for name, way in diagrams.trace(network).items()}
    stacks = [(16, 302, 64), (32, 151, 32), (64, 151, 16), (128, 151, 8), (128, 151, 4)]
    assert ways == {
        "spectral": [(604, 128), *stacks, (128, 151, 2), (128, 151, 1)],
        "audio": [(151, 128), (151, 16)],
        "visual": [(151, 4096), (151, 4)],
        "fused": [(151, 148), (151, 256), (151, 10), (10,)],
    }
    table = diagrams.stacks(network)
    assert table["channels"].tolist() == [16, 32, 64, 128, 128, 128, 128]
    channels = [1, *table["channels"]]
    expected = [9 * channels[i] * channels[i + 1] + 3 * channels[i + 1] for i in range(7)]
    assert table["parameters"].tolist() == expected  # weights, biases, and BN's two per channel
    assert sum(expected) == count_parameters(network.encoders["spectral"])
    assert table["pooling"].tolist() == ["(2, 2)"] * 2 + ["(1, 2)"] * 5
    left = [f"{302 if band == 64 else 151} × {band}" for band in (64, 32, 16, 8, 4, 2, 1)]
    assert table["frames × bands left"].tolist() == left


def test_poolings_derivative_is_that_of_finite_differences(events: Events) -> None:
    frame = np.random.default_rng(0).uniform(0.05, 0.95, GRID)
    frames = np.full((GRID, 10), 0.5)
    frames[:, 2] = frame  # the class of the first clip
    top, bottom = result_plots.pooling(events, 0, frames).axes

    def pooled(values: np.ndarray) -> float:
        return float((values**2).sum() / values.sum())

    nudges = 1e-6 * np.eye(len(frame))
    slopes = [(pooled(frame + each) - pooled(frame - each)) / 2e-6 for each in nudges]
    heights = [bar.get_height() for bar in bottom.containers[0]]
    assert heights == pytest.approx(slopes, abs=1e-7)
    assert [(span.get_x(), span.get_width()) for span in top.patches] == [(0, 9)]  # type: ignore[attr-defined]
    drawn, whole, half = top.get_lines()
    assert list(drawn.get_ydata()) == list(frame)
    assert whole.get_ydata() == pytest.approx([pooled(frame)] * 2)
    assert half.get_ydata() == pytest.approx([pooled(frame) / 2] * 2)


# --- results


@pytest.mark.parametrize("trainings", [3, 1])
def test_gains_are_paired_by_rotation_beside_the_papers(runs: Runs, trainings: int) -> None:
    few = {**runs, AUDIO: runs[AUDIO][-trainings:]}  # of which spectral features have all
    judge = Judge(few, {}, [], PAPER, "made up", "original", "quick")
    figure = result_plots.gains(PAPER, judge)
    assert rows_of(figure) == LETTERS[1:]
    y = LETTERS.index("A") - 1
    for axes, metric in zip(figure.axes, METRICS, strict=True):
        found = protocol.difference(few[AUDIO], few[SPECTRAL], metric)
        mine, theirs = (protocol.scores(few[row], metric)[-trainings:] for row in (AUDIO, SPECTRAL))
        dots = with_marker(axes, "o")[y].get_xdata()
        gained = 100 * (np.array(mine) - theirs)
        assert dots == pytest.approx(gained if trainings > 1 else [])  # one is its own mean
        assert with_marker(axes, "|")[y].get_xdata() == pytest.approx([100 * found.value])
        change = judge.published(AUDIO, metric) - judge.published(SPECTRAL, metric)
        assert with_marker(axes, "D")[y].get_xdata() == pytest.approx([100 * change])
        span = with_marker(axes, "None")[1 + y].get_xdata()  # the first is zero
        ends = [100 * found.low, 100 * found.high]
        assert span == pytest.approx(ends, nan_ok=True)  # one pair has no interval


def test_gains_over_the_collar_are_paired_and_of_rows_that_hear_with_several_rotations() -> None:
    found = {
        "S": {0: np.array([0.1, 0.2]), 1: np.array([0.2, 0.2])},
        "A": {1: np.array([0.1, 0.5]), 0: np.array([0.2, 0.4])},
        "V": {seed: np.array([0.0, 0.1]) for seed in (0, 1)},
        "S + A": {0: np.array([0.3, 0.6])},
    }
    left, right = result_plots.collars([0.2, 2], found, "S").axes
    assert points(left, "A") == (pytest.approx([0.2, 2]), pytest.approx([15, 45]))
    _, _, gain = right.get_lines()  # the collar, zero, and A alone
    assert gain.get_ydata() == pytest.approx([0, 25])
    ends = right.collections[0].get_paths()[0].get_extents()
    expected = [protocol.paired(each) for each in ([10, -10], [20, 30])]
    assert (ends.y0, ends.y1) == pytest.approx(
        (min(each.low for each in expected), max(each.high for each in expected))
    )


def test_scores_are_drawn_in_percent_and_bands_as_wide_as_they_are() -> None:
    each = {"clip": 0.8, "segment": 0.5, "event": 0.2}
    (axes,) = metric_plots.scores({"first": each, "second": dict.fromkeys(each, 0.1)}).axes
    assert points(axes, "event F1") == ([20, 10], [0, 1])
    axes, *_ = result_plots.gains(PAPER, bands={"clip": [3, 1]}).axes
    assert [span.get_width() for span in axes.patches] == [6, 2]  # type: ignore[attr-defined]


def test_what_is_paired_is_filled_and_a_false_alarm_hollow(make: Callable[..., Events]) -> None:
    truth, found = (make((0, 2, 1, 4), (0, 5, on, on + 1), (1, 2, 0, 9), clips=2) for on in (2, 7))
    _, axes = metric_plots.timelines(truth, {"a system": found}).axes
    bars = {(bar.get_x(), bar.get_width(), to_hex(bar.get_facecolor())) for bar in axes.patches}
    assert bars == {(1, 3, to_hex(PALE)), (7, 1, "#ffffff")}


def test_curves_are_those_of_the_results() -> None:
    def run(factor: float, **config: object) -> Result:
        scores = {name: [factor * 0.1 * n, 0.5] for n, name in enumerate(METRICS, start=1)}
        return Result("part1", "curves", config, scores)  # type: ignore[arg-type]

    (axes,) = metric_plots.window_curve(run(1, windows=[0.2, 2])).axes
    assert points(axes, "event F1") == ([0.2, 2], pytest.approx([30, 50]))
    assert [each.get_xdata()[0] for each in axes.get_lines()[3:]] == [2 * COLLAR, 0.96]
    runs = [run(median, median=median, thresholds=[0.1, 0.9]) for median in (1, 3)]
    left, right = metric_plots.threshold_curves(runs, 3).axes
    assert points(left, "segment F1") == ([0.1, 0.9], pytest.approx([60, 50]))
    for median in (1, 3):
        assert points(right, str(median))[1] == pytest.approx([30 * median, 50])


def test_each_knob_has_its_own_column_with_the_row_that_needs_no_picture(
    made_up_run: MakeRun,
) -> None:
    def run(row: tuple[str, ...], clip: float, **turned: float) -> Result:
        made = made_up_run(row, 0, {"clip": clip, "segment": 0, "event": 0}, 0)
        return replace(made, config={**made.config, "sight": asdict(Sight(**turned))})

    runs = [run(VISUAL, 0.1 * n, **{knob: 1.0}) for n, knob in enumerate(KNOBS, start=1)]
    runs += [run(VISUAL, 0.7), run(SPECTRAL, 0.8), run(SPECTRAL, 0.9)]
    for place, (axes, knob) in enumerate(zip(result_plots.knobs(runs).axes, KNOBS, strict=False)):
        assert points(axes, "V") == (
            [asdict(Sight())[knob], 1],
            pytest.approx([70, 10 * (place + 1)]),
        )
        assert points(axes, "S")[1] == pytest.approx([85] * 2)
