"""Ceilings: small cases by hand, and the numbers found on the real labels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lib.sound import evaluation, oracles
from lib.sound.data.lists import read_strong
from lib.sound.events import Events
from lib.sound.runs.system_scores import Scored

MakeEvents = Callable[..., Events]


def spans(events: Events) -> list[tuple[float, float]]:
    """Return onsets and offsets, rounded to the millisecond."""
    return [(round(a, 3), round(b, 3)) for a, b in zip(events.onset, events.offset, strict=True)]


def percent(truth: Events, found: Events) -> dict[str, float]:
    """Return the three scores in percent."""
    scores = evaluation.table3_scores(evaluation.all_counts(truth, found))
    return {name: 100 * value for name, value in scores.items()}


def test_a_window_grows_events_by_half_of_itself(make: MakeEvents) -> None:
    truth = make((0, 0, 1.0, 2.0), (0, 0, 2.9, 3.0), (0, 0, 9.9, 10.0), (0, 1, 0.1, 0.2))
    grown = oracles.touching(truth, 0.96)
    assert spans(grown) == [(0.52, 3.48), (9.42, 10), (0, 0.68)]


def test_merging_keeps_classes_and_clips_apart(make: MakeEvents) -> None:
    events = make((0, 0, 1, 5), (0, 0, 2, 3), (0, 1, 2, 3), (1, 0, 2, 3), (0, 0, 5, 6), clips=2)
    merged = oracles.merged(events)
    assert spans(merged) == [(1, 6), (2, 3), (2, 3)]
    assert merged.clip.tolist() == [0, 0, 1] and merged.label.tolist() == [0, 1, 0]
    assert len(oracles.merged(make())) == 0


def test_activity_is_the_share_of_the_window(make: MakeEvents) -> None:
    truth = make((0, 0, 1.0, 2.0))
    times = np.array([0.0, 1.0, 1.5, 2.0, 2.25])
    assert oracles.activity(truth, times)[0, :, 0].tolist() == [0, 1, 1, 0, 0]
    shares = oracles.activity(truth, times, window=1.0)[0, :, 0]
    assert shares.tolist() == pytest.approx([0, 0.5, 1.0, 0.5, 0.25])
    wide = oracles.activity(truth, np.array([0.5]), window=3.0)  # 0 to 2 s is inside the clip
    assert wide[0, 0, 0] == pytest.approx(0.5)


def test_an_erring_tagger_has_the_score_asked_for(few: Scored, make: MakeEvents) -> None:
    generator = np.random.default_rng(0)
    for score in (1.0, 0.8, 0.6):
        found = oracles.erring_tagger(few.truth, score, generator)
        assert percent(few.truth, found)["clip"] == pytest.approx(100 * score, abs=1)
        assert (found.onset == 0).all()
    frequent = make(  # what never sounds is never made up
        *((clip, 0, 0, 5) for clip in range(20)), clips=40
    )
    assert not oracles.erring_tagger(frequent, 0.5, generator).tags[:, 1:].any()
    with pytest.raises(ValueError, match="give a share"):
        oracles.erring_tagger(few.truth, 1.5, generator)


# What was found on the labels of the 880 test clips, every clip taken as 10 s. The phase of the
# frames was not noted then; half a frame moves the event scores of long filters by half a point.
FOUND = {
    "tags right, every event the whole clip": ((100, 77.9, 24.0), 0.1),
    "every 1 s segment right": ((100, 100, 32.8), 0.1),
    "frames right, no filter": ((100, 99.8, 100), 0.1),
    "frames right, median filter of 7": ((99.9, 99.6, 95.1), 0.15),
    "frames right, median filter of 15": ((98.1, 97.5, 76.4), 0.4),
    "frames right, median filter of 31": ((94.2, 93.6, 60.7), 0.1),
    "0.96 s window, yes if half full": ((98.1, 97.3, 76.7), 0.6),
    "0.96 s window, yes if touched": ((100, 94.5, 29.2), 0.1),
    "two grids of 151 joined by index": ((99.6, 96.4, 54.9), 0.1),
    "the same, 0.96 s window half full": ((97.6, 94.3, 49.1), 0.3),
}


@pytest.fixture(scope="module")
def labels(lists: Path) -> Events:
    """Give the labels of the test clips."""
    return read_strong(lists / "dcase2018_task4/eval_dcase2018.tsv")


@pytest.mark.parametrize("name", oracles.CEILINGS)
def test_the_ceilings_on_the_real_labels(labels: Events, name: str) -> None:
    expected, tolerance = FOUND[name]
    found = percent(labels, oracles.CEILINGS[name](labels))
    for metric, value in zip(evaluation.METRICS, expected, strict=True):
        assert found[metric] == pytest.approx(value, abs=tolerance + 0.001), metric


def test_how_short_real_events_are(labels: Events) -> None:
    short = labels.offset - labels.onset < oracles.WINDOW_SECONDS
    assert short.mean() == pytest.approx(0.46, abs=0.005)
    assert (oracles.gap_seconds(labels) < oracles.WINDOW_SECONDS).mean() == pytest.approx(
        0.64, abs=0.005
    )
