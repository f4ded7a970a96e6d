"""The probes, on features whose knowledge of *what* and *when* was put into them."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lib.sound import features, probes
from lib.sound.crnn import INPUTS
from lib.sound.events import Events
from lib.sound.features import FRAMES, GRID, GRID_TIMES
from lib.sound.probes import LAGS, REGULARISATION, Probe

MakeEvents = Callable[..., Events]


def ramps(width: float, centre: float, height: float = 1.0, ground: float = 0.0) -> np.ndarray:
    """Return one straight rise over LAGS, (1, lags)."""
    return ground + height * np.clip((LAGS - centre) / width + 0.5, 0, 1)[None]


def windowed(events: Events, window: float) -> np.ndarray:
    """Return what a window of so many seconds hears of each class, (clips, 151, classes)."""
    heard = np.zeros((len(events.clips), GRID, events.shape[1]))
    rows = zip(events.clip, events.label, events.onset, events.offset, strict=True)
    for clip, label, onset, offset in rows:
        low, high = GRID_TIMES - window / 2, GRID_TIMES + window / 2
        inside = np.minimum(high, offset) - np.maximum(low, onset)
        heard[clip, :, label] += np.maximum(inside, 0) / window
    return heard


@pytest.fixture
def onsets(make: MakeEvents) -> Events:
    """Give twelve clips with one clear onset each, at different times, and twelve without."""
    rows = [(clip, clip % 2, 2 + 0.47 * clip, 9.9) for clip in range(12)]
    return make(*rows, clips=24, classes=2)


def test_a_probe_is_scikit_learns_regression() -> None:
    generator = np.random.default_rng(0)
    inputs = generator.standard_normal((60, 5))
    targets = (inputs[:, :3] + 0.5 * generator.standard_normal((60, 3)) > 0).astype(np.float32)
    probe = Probe.fit(inputs, targets)
    for label in range(3):
        reference = LogisticRegression(C=REGULARISATION, tol=1e-8)
        expected = reference.fit(inputs, targets[:, label]).decision_function(inputs)
        assert probe(inputs)[:, label] == pytest.approx(expected, abs=1e-3)
    frames = generator.standard_normal((20, GRID, 5))  # of averages it says the average
    assert probe(frames).mean(axis=1) == pytest.approx(probe(frames.mean(axis=1)), abs=1e-6)
    targets[:, 0], targets[:, 2] = 1, 0  # what all clips have, and what none has
    logits = Probe.fit(inputs, targets)(np.zeros((1, 5)))[0]
    assert logits[0] > 10 and logits[2] < -10


def test_perfect_and_reversed_logits_score_one_and_none(make: MakeEvents) -> None:
    truth = make((0, 0, 0, 1), (1, 1, 0, 1), (2, 0, 0, 1), (3, 1, 0, 1), clips=4, classes=3)
    logits = np.where(truth.tags, 2.0, -2.0)
    found = probes.scored(logits, truth)
    assert found["F1"] == 1 and found["interval"] == [1, 1] and found["mean"] == 1
    assert found["by class"] == [1, 1, None]
    assert probes.scored(-logits, truth)["F1"] == 0


@pytest.mark.parametrize(("width", "centre"), [(0.06, 0.0), (0.9, 0.24)])
def test_the_centre_of_a_rise_is_found_at_any_height(width: float, centre: float) -> None:
    found = probes.centre_of_rise(ramps(width, centre, height=7, ground=-4))
    assert found == pytest.approx(centre, abs=0.02 if width > 0.1 else 0.04)


@pytest.mark.parametrize("window", [0.066, 0.96])
def test_a_window_blurs_a_step_as_geometry_says(onsets: Events, window: float) -> None:
    seen = np.arange(12)
    found = probes.steps(windowed(onsets, window), onsets, seen)
    assert found["onsets"] == 12
    assert found["centre"] == pytest.approx(0, abs=0.04)
    assert found["sharp"] == pytest.approx(min(1, 0.4 / window), abs=0.03)
    middle = np.abs(LAGS) < 0.3
    ideal = np.clip(LAGS / window + 0.5, 0, 1)
    assert np.array(found["mean"])[middle] / found["height"] == pytest.approx(
        ideal[middle], abs=0.25 if window < 0.1 else 0.04
    )


def test_the_step_is_measured_in_contrasts_between_clips(onsets: Events) -> None:
    logits = windowed(onsets, 0.1)
    found = probes.steps(logits, onsets, np.arange(12))
    contrast = probes.contrasts(logits, onsets)
    for label in range(2):
        tags = onsets.tags[:, label]
        means = logits[:, :, label].mean(axis=1)
        assert contrast[label] == pytest.approx(means[tags].mean() - means[~tags].mean())
    labels = onsets.label
    assert found["height"] == pytest.approx(1 / contrast[labels].mean(), rel=0.02)
    scaled = probes.steps(5 * logits + 3, onsets, np.arange(12))
    assert scaled["mean"] == pytest.approx(found["mean"], abs=1e-3)


def test_what_knows_the_clip_only_makes_no_step(onsets: Events) -> None:
    tags = np.repeat(onsets.tags[:, None].astype(float), GRID, axis=1)
    noise = 0.01 * np.random.default_rng(0).standard_normal(tags.shape)
    found = probes.steps(tags + noise, onsets, np.arange(12))
    low, high = found["height interval"]
    assert low < 0.01 and high < 0.02
    table = probes.when_table({each: {**found, "height interval": [-0.1, 0.2]} for each in INPUTS})
    assert table["its centre, s"].isna().all()  # may be none: it has no place
    with pytest.raises(ValueError, match="no event has a clear onset; take more clips"):
        probes.steps(windowed(onsets, 0.1), onsets, np.arange(0))


def test_the_expected_shift_is_that_of_the_step(onsets: Events) -> None:
    patches = features.patch_times()
    heard = np.stack(
        [np.interp(patches, GRID_TIMES, clip) for clip in windowed(onsets, 0.5)[..., 0]]
    )
    heard = heard[..., None]  # (clips, 167, 1): what patches know of class 0
    by_index = features.on_grid(heard, "index")
    seen = np.flatnonzero((onsets.label == 0) & (onsets.onset < 5))
    found = probes.steps(np.repeat(by_index, 2, axis=2), onsets, seen)
    expected = probes.expected_shift(onsets.onset[seen]).mean()
    assert expected < -0.05 and found["centre"] == pytest.approx(expected, abs=0.04)


def test_every_stream_comes_onto_the_grid() -> None:
    spectrum = np.arange(2 * FRAMES * 3, dtype=np.float32).reshape(2, FRAMES, 3)
    pooled = probes.grid_features(spectrum)
    assert pooled.shape == (2, GRID, 3)
    assert pooled[1, 7] == pytest.approx(spectrum[1, 28:32].mean(axis=0))
    patches = features.patch_times()[None, :, None]
    assert np.array_equal(probes.grid_features(patches), features.on_grid(patches, "time"))
