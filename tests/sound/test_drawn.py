"""The embedded rung: drawn events, a simulated detector, and the ladder that falls back to them."""

from pathlib import Path

import numpy as np
import pytest

from lib.sound import drawn, evaluation, scored
from lib.sound.labels import CLASSES
from lib.sound.scored import SIMULATED, WEAKER, Scored


def test_drawn_events_are_determined_by_their_seed() -> None:
    first = drawn.draw_events(30)
    assert first.fingerprint == drawn.draw_events(30).fingerprint
    assert first.fingerprint != drawn.draw_events(30, seed=1).fingerprint


def test_drawn_events_lie_in_their_clips_and_do_not_overlap() -> None:
    events = drawn.draw_events(200)
    assert (events.onset >= 0).all() and (events.onset < events.offset).all()
    assert (events.offset <= events.durations[events.clip]).all()
    assert events.tags.any(axis=0).all() and not events.tags.any(axis=1).all()
    order = np.lexsort((events.onset, events.label, events.clip))
    same = np.diff(events.clip[order] * 10 + events.label[order]) == 0
    assert (events.onset[order][1:] >= events.offset[order][:-1])[same].all()


def test_drawn_events_have_the_timing_they_are_drawn_from() -> None:
    events = drawn.draw_events(880)
    assert len(events) == pytest.approx(3328, rel=0.1)  # of the real test set
    for label, name in enumerate(CLASSES):
        timing = drawn.TIMINGS[name]
        assert events.tags[:, label].mean() == pytest.approx(timing.share, abs=0.04)
        lengths = (events.offset - events.onset)[events.label == label]
        whole = lengths > 0.9 * events.durations[events.clip[events.label == label]]
        assert np.median(lengths[~whole]) == pytest.approx(timing.seconds, rel=0.35)


def test_too_few_clips_are_refused() -> None:
    with pytest.raises(ValueError, match="9 clips cannot hold 10 classes"):
        drawn.draw_events(9)


def test_the_simulated_detector_is_fair_and_a_less_skilled_one_worse(drawn: Scored) -> None:
    assert drawn.scores.dtype == np.float32 and drawn.scores.shape == (40, 151, 10)
    assert drawn.scores.min() >= 0 and drawn.scores.max() <= 1
    counts = {n: evaluation.all_counts(drawn.truth, e) for n, e in drawn.systems.items()}
    scores = {name: evaluation.table3_scores(each) for name, each in counts.items()}
    assert 0.6 < scores[SIMULATED]["clip"] < 0.95
    assert all(scores[SIMULATED][metric] > scores[WEAKER][metric] for metric in evaluation.METRICS)


def test_without_the_lists_the_drawn_rung_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    scored.load.cache_clear()
    assert scored.load("best", 20).rung == "embedded"
    with pytest.raises(FileNotFoundError, match="get dcase2018_task4"):
        scored.load("dcase2018")
    with pytest.raises(ValueError, match="unknown dataset 'desed'"):
        scored.load("desed")
    scored.load.cache_clear()


def test_the_real_rung_is_what_it_says(real: Scored) -> None:
    assert real.rung == "original" and real.scores.shape == (880, 157, 10)
    assert all(found.clips == real.truth.clips for found in real.systems.values())
