"""The pictures of Part I: every one is drawn, and what it shows are the numbers it was given."""

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lib.book.claims import mean_interval
from lib.runs import results
from lib.runs.results import Result
from lib.sound import features, pretrained, protocol
from lib.sound.crnn import COMBINATIONS, CRNN, INPUT_NAMES, INPUTS, ModelConfig, count_parameters
from lib.sound.data.corpus import Waveform
from lib.sound.evaluation import METRICS
from lib.sound.events import Events
from lib.sound.features import GRID, GRID_TIMES
from lib.sound.figures import clip_plots, diagrams, result_plots
from lib.sound.protocol import Runs
from lib.sound.runs.verdicts import AUDIO, SPECTRAL, WITH_AUDIO, Judge

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
    """Give three trainings of each row, with histories."""
    history = {"classification": [0.5, 0.4], "frame_consistency": [0.01, 0.02]}

    def run(row: tuple[str, ...], seed: int) -> Result:
        levels = {name: protocol.paper_score(PAPER, row, name) for name in METRICS}
        found = made_up_run(row, seed, levels, 0.01)
        scores = {f"validation_{name}": [0.1 * seed, 0.2 * seed] for name in METRICS}
        metrics = {**found.metrics, "history": {**history, **scores}}
        return Result(found.part, found.experiment, found.config, metrics)

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
    film = np.full((10, 8, 8, 3), 128, dtype=np.uint8) if pictures else None
    figure = clip_plots.clip(chirp, events, 1, film)
    figure.canvas.draw()
    _, spectrogram, strip, labels = figure.axes
    bars = {(bar.get_x(), bar.get_width()) for bar in labels.patches}
    assert bars == {(3.0, 3.0), (1.0, 1.0), (8.0, 1.0)}
    assert len(strip.images) == (10 if pictures else 0)
    values = image(spectrogram)
    assert values.shape == (128, 302)
    loud = values.max(axis=0) > 20
    assert 0.27 < loud.mean() < 0.34 and loud[95:175].all()  # 3 s of 10
    names = [tick.get_text() for tick in spectrogram.get_yticklabels()]
    ticks = dict(zip(names, spectrogram.get_yticks(), strict=True))
    assert values[:, 130].argmax() == pytest.approx(ticks["1"], abs=1)  # at 1 kHz


# --- features


def test_the_patch_is_where_its_frame_says(chirp: Waveform) -> None:
    left, right = clip_plots.patch(chirp, number=50).axes
    corners = [frame.get_x() for frame in left.patches]  # type: ignore[attr-defined]
    assert corners == pytest.approx([3.0, 3.06, 3.12])
    patches = pretrained.log_mel_patches(chirp, 0.01)[features.UNPADDED]
    assert np.array_equal(image(right), patches[50].T)
    pairs = patches[50].reshape(48, 2, 64).mean(axis=1)
    assert image(left)[:, 150:198] == pytest.approx(pairs.T, abs=1e-5)


def test_distances_are_euclidean_and_about_one_between_strangers(events: Events) -> None:
    values = np.random.default_rng(0).standard_normal((60, 400))
    found = clip_plots.distances(values)
    direct = np.linalg.norm(values[:, None] - values[None], axis=2) / np.sqrt(800)
    assert found == pytest.approx(direct, abs=1e-6)
    inputs = dict.fromkeys(INPUT_NAMES, np.zeros((GRID, 4)))
    inputs["audio"] = np.repeat((GRID_TIMES > 5).astype(float), 4).reshape(GRID, 4)
    maps = [image(axes) for axes in clip_plots.distance_maps(inputs, events, 1).axes[3:6]]
    assert not maps[0].any() and maps[1][0, -1] == pytest.approx(1 / np.sqrt(2))


def test_the_grids_drift_as_section_4_2_has_it() -> None:
    right = clip_plots.grids().axes[1]
    _, apart = points(right, "by index")
    assert apart[0] == pytest.approx(0.46, abs=0.01) and apart[-1] == pytest.approx(-0.47, abs=0.02)
    assert np.abs(points(right, "by time")[1]).max() <= 0.031  # half of 60 ms


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
    first, second = diagrams.table1(network), diagrams.table2(network)
    assert first["output channels"].tolist() == [16, 32, 64, 128, 128, 128, 128]
    channels = [1, *first["output channels"]]
    expected = [9 * channels[i] * channels[i + 1] + 3 * channels[i + 1] for i in range(7)]
    assert first["parameters"].tolist() == expected  # weights, biases, and BN's two per channel
    assert sum(expected) == count_parameters(network.encoders["spectral"])
    assert second["kernel size = stride"].tolist() == ["(2, 2)"] * 2 + ["(1, 2)"] * 5
    assert second["frames left"].tolist() == [302] + [151] * 6
    assert second["bands left"].tolist() == [64, 32, 16, 8, 4, 2, 1]


def test_poolings_derivative_is_that_of_finite_differences() -> None:
    frame = np.array([0.05, 0.2, 0.4, 0.9, 0.7, 0.1])
    top, bottom = result_plots.pooling(frame).axes

    def pooled(values: np.ndarray) -> float:
        return float((values**2).sum() / values.sum())

    nudges = 1e-6 * np.eye(len(frame))
    slopes = [(pooled(frame + each) - pooled(frame - each)) / 2e-6 for each in nudges]
    heights = [bar.get_height() for bar in bottom.containers[0]]
    assert heights == pytest.approx(slopes, abs=1e-7)
    drawn, whole, half = top.get_lines()
    assert list(drawn.get_ydata()) == list(frame)
    assert whole.get_ydata() == pytest.approx([pooled(frame)] * 2)
    assert half.get_ydata() == pytest.approx([pooled(frame) / 2] * 2)


# --- results


@pytest.mark.parametrize("trainings", [3, 1])
def test_table_3_shows_every_training_its_mean_and_the_papers_number(
    runs: Runs, trainings: int
) -> None:
    few = {row: found[:trainings] for row, found in runs.items()}
    figure = result_plots.table3(few, PAPER)
    figure.canvas.draw()
    assert rows_of(figure) == LETTERS
    for axes, metric in zip(figure.axes, METRICS, strict=True):
        values = [100 * np.array(protocol.scores(found, metric)) for found in few.values()]
        for y, (dots, mean, theirs) in enumerate(
            zip(with_marker(axes, "o"), with_marker(axes, "|"), with_marker(axes, "D"), strict=True)
        ):
            assert dots.get_xdata() == pytest.approx(values[y])
            assert mean.get_xdata() == pytest.approx([values[y].mean()])
            assert theirs.get_xdata() == pytest.approx([PAPER["rows"][y][metric]])
            assert {*dots.get_ydata(), *mean.get_ydata(), *theirs.get_ydata()} == {y}
        spans = with_marker(axes, "None")
        assert len(spans) == (7 if trainings == 3 else 0)  # one training has no interval
        for y, span in enumerate(spans):
            low, high = mean_interval(values[y].tolist())
            assert span.get_xdata() == pytest.approx([max(low, 0), min(high, 100)])


def test_gains_are_those_that_are_judged(runs: Runs) -> None:
    few = {row: runs[row] for row in (SPECTRAL, WITH_AUDIO, AUDIO)}
    judge = Judge(few, {}, [], PAPER, "made up", "original", "quick")
    figure = result_plots.gains(judge)
    assert rows_of(figure) == ["S + A", "A"]
    for axes, metric in zip(figure.axes, METRICS, strict=True):
        _, *spans = with_marker(axes, "None")
        for y, row in enumerate((WITH_AUDIO, AUDIO)):
            found = protocol.difference(runs[row], runs[SPECTRAL], metric)
            theirs = judge.published(row, metric) - judge.published(SPECTRAL, metric)
            assert spans[y].get_xdata() == pytest.approx([100 * found.low, 100 * found.high])
            assert with_marker(axes, "o")[y].get_xdata() == pytest.approx([100 * found.value])
            assert with_marker(axes, "D")[y].get_xdata() == pytest.approx([100 * theirs])
