"""The metrics: equal to sed_eval to the last digit, and to what real predictions are known for."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from lib.sound import evaluation
from lib.sound.data.lists import read_strong
from lib.sound.events import Events
from lib.sound.runs.system_scores import STUDENT, Scored

MakeEvents = Callable[..., Events]

CLIPS, KINDS = 3, 4
# Times on a coarse grid meet the tolerances exactly, where rounding decides; others fall anywhere.
times = st.integers(0, 48).map(lambda step: step * 0.2) | st.floats(0, 9.8)
rows = st.lists(
    st.tuples(
        st.integers(0, CLIPS - 1), st.integers(0, KINDS - 1), times, st.floats(0.01, 4) | times
    ),
    max_size=14,
)


def as_events(drawn: list[tuple[int, int, float, float]]) -> Events:
    """Return events of drawn rows (clip, label, onset, length)."""
    good = [(c, k, on, on + long) for c, k, on, long in drawn if on + long > on]
    columns = np.array(good, dtype=np.float64).reshape(-1, 4).T
    clip, label = columns[:2].astype(np.int64)
    onset, offset = columns[2], columns[3]
    names, kinds = tuple("abc"), tuple("wxyz")
    return Events(names, np.full(CLIPS, 14.0), clip, label, onset, offset, kinds)


def vectorised(truth: Events, found: Events, rule: str, never: str) -> dict[str, float]:
    """Return our counts as the four scores of `by_sed_eval`."""
    segments = evaluation.segment_counts(truth, found)
    events = evaluation.event_counts(truth, found, rule=rule)
    return {
        "segment micro": evaluation.micro_f1(segments),
        "segment macro": evaluation.macro_f1(segments, never),
        "event micro": evaluation.micro_f1(events),
        "event macro": evaluation.macro_f1(events, never),
    }


def same(ours: dict[str, float], theirs: dict[str, float]) -> bool:
    """Return whether all scores are equal to the last bit, or both not defined."""
    return ours.keys() == theirs.keys() and np.array_equal(
        list(ours.values()), [theirs[name] for name in ours], equal_nan=True
    )


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows, rows, st.sampled_from(["max", "min"]), st.sampled_from(["zero", "skip"]))
def test_the_vectorised_count_equals_sed_eval_to_the_last_digit(
    true: list[tuple[int, int, float, float]],
    found: list[tuple[int, int, float, float]],
    rule: str,
    never: str,
) -> None:
    truth, predicted = as_events(true), as_events(found)
    reference = evaluation.by_sed_eval(truth, predicted, rule=rule, never_predicted=never)
    ours = vectorised(truth, predicted, rule, never)
    if never == "skip" and len(predicted) == 0:  # then sed_eval has no micro score either
        reference |= {name: ours[name] for name in ("segment micro", "event micro")}
    assert same(ours, reference), (ours, reference)


def test_a_found_event_is_paired_once(make: MakeEvents) -> None:
    truth = make((0, 0, 1.0, 2.0), (0, 0, 1.1, 2.1))
    one = make((0, 0, 1.05, 2.05))
    assert evaluation.event_counts(truth, one).sum(axis=(0, 1)).tolist() == [1, 2, 1]
    # greedy pairing would give the middle event away and find one pair only
    truth, found = make((0, 0, 1.0, 3.0), (0, 0, 1.3, 3.0)), make((0, 0, 1.15, 3), (0, 0, 0.9, 3))
    assert evaluation.event_counts(truth, found)[..., 0].sum() == 2


@pytest.mark.parametrize(
    ("found", "rule", "hit"),
    [
        ((1.15, 5.0), "max", True),
        ((1.25, 5.0), "max", False),
        ((1.0, 5.75), "max", True),  # 20 % of four seconds
        ((1.0, 5.75), "min", False),  # at most 200 ms
        ((1.0, 5.15), "min", True),
        ((1.0, 5.85), "max", False),
    ],
)
def test_the_tolerances(make: MakeEvents, found: tuple[float, float], rule: str, hit: bool) -> None:
    truth, predicted = make((0, 2, 1.0, 5.0)), make((0, 2, *found))
    assert evaluation.event_counts(truth, predicted, rule=rule)[..., 0].sum() == hit


def test_false_alarms_in_clips_without_events_count(make: MakeEvents) -> None:
    truth = make((0, 0, 1, 2), clips=2)
    found = make((0, 0, 1, 2), (1, 0, 1, 2), clips=2)
    scores = evaluation.table3_scores(evaluation.all_counts(truth, found))
    assert list(scores.values()) == pytest.approx([2 / 3] * 3)
    counts = evaluation.all_counts(make(), make())
    assert all(math.isnan(score) for score in evaluation.table3_scores(counts).values())
    nothing_found = evaluation.all_counts(make((0, 0, 1, 2)), make())
    assert set(evaluation.table3_scores(nothing_found).values()) == {0.0}


# ---- from scores to events


def test_the_threshold_is_strict_and_seven_frames_are_half_a_second() -> None:
    scores = np.array([0.49, 0.5, 0.51]).reshape(1, 3, 1)
    assert evaluation.decide(scores).ravel().tolist() == [False, False, True]
    assert pytest.approx(0.0662443, abs=1e-6) == evaluation.FRAME_SECONDS
    assert pytest.approx(0.4637, abs=1e-4) == evaluation.MEDIAN_FRAMES * evaluation.FRAME_SECONDS


@pytest.mark.parametrize(("size", "length"), [(1, 60), (31, 60), (7, 5)])
def test_the_vote_is_scipys_median_and_commutes_with_the_threshold(size: int, length: int) -> None:
    scores = np.random.default_rng(0).random((4, length, 3)).astype(np.float32)
    active = evaluation.decide(scores)
    ours = evaluation.median_filter(active, size)
    theirs = ndimage.median_filter(active.astype(np.uint8), size=(1, size, 1)) > 0
    assert (ours == theirs).all()
    assert (ours == evaluation.decide(evaluation.median_filter(scores, size))).all()


def test_runs_of_active_frames_become_events(make: MakeEvents) -> None:
    active = np.zeros((2, 10, 10), dtype=bool)
    active[0, :2, 3] = active[0, 5:7, 3] = active[1, 8:, 0] = True
    events = evaluation.decode(active, make(clips=2), hop=1.1)
    assert events.clip.tolist() == [0, 0, 1] and events.label.tolist() == [3, 3, 0]
    assert events.onset.tolist() == pytest.approx([0.0, 5.5, 8.8])
    assert events.offset.tolist() == pytest.approx([2.2, 7.7, 10.0])  # cut at the clip's end


NOTHING = Events((), np.zeros(0), *(np.zeros(0, int),) * 2, *(np.zeros(0),) * 2, ("x",))


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (
            lambda: evaluation.event_counts(NOTHING, NOTHING, rule="mean"),
            "unknown rule 'mean'; choose one of: max, min",
        ),
        (lambda: evaluation.decide(np.zeros((3, 4))), "expected .clips, frames, classes."),
        (lambda: evaluation.decide(np.full((1, 2, 3), np.nan)), "without NaN"),
        (lambda: evaluation.median_filter(np.zeros((1, 9, 1)), 2), "has no middle; give an odd"),
        (lambda: evaluation.decode(np.zeros((1, 9, 1), bool), NOTHING), "does not hold"),
    ],
)
def test_what_cannot_be_counted_is_refused(call: Callable[[], object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        call()


# ---- intervals


def test_the_interval_covers_the_score_and_shrinks_with_more_clips(few: Scored) -> None:
    found = next(iter(few.systems.values()))
    counts = evaluation.all_counts(few.truth, found)["segment"]
    low, high = evaluation.interval(counts, evaluation.micro_f1, resamples=300)
    assert low < evaluation.micro_f1(counts) < high
    four = np.concatenate([counts] * 4)
    narrow = evaluation.interval(four, evaluation.micro_f1, resamples=300)
    ratio = evaluation.standard_error(narrow) / evaluation.standard_error((low, high))
    assert ratio == pytest.approx(0.5, abs=0.12)


# ---- published numbers


LISTS = {
    "2018 baseline": (
        "dcase2018_task4/eval_dcase2018.tsv",
        "dcase2018_task4/baseline_eval_predictions.csv",
        {"event macro": 10.947, "event micro": 4.748}
        | {"segment micro": 58.4374, "segment macro": 52.394},
        9.5,
    ),
    "DESED student": (
        "desed_baseline/validation.tsv",
        "desed_baseline/student_predictions_0.5.tsv",
        {"event macro": 39.8728, "event micro": 40.950}
        | {"segment micro": 75.466, "segment macro": 69.353},
        33.7,
    ),
}


@pytest.mark.parametrize(("truth", "predictions", "expected", "literal"), LISTS.values(), ids=LISTS)
def test_real_predictions_give_the_published_scores(
    lists: Path, truth: str, predictions: str, expected: dict[str, float], literal: float
) -> None:
    events = read_strong(lists / truth, float("inf"))  # as the challenge counted: nothing clipped
    found = read_strong(lists / predictions, float("inf"), clips=events.clips)
    ours = vectorised(events, found, "max", "zero")
    for name, value in expected.items():
        assert 100 * ours[name] == pytest.approx(value, abs=6e-4), name
    if literal == 9.5:  # the smaller list
        assert same(ours, evaluation.by_sed_eval(events, found))
    other = evaluation.event_counts(events, found, rule="min")
    assert 100 * evaluation.macro_f1(other) == pytest.approx(literal, abs=0.05)


def test_the_test_clips_alone(lists: Path, real: Scored) -> None:
    events = read_strong(lists / "dcase2018_task4/eval_dcase2018.tsv", float("inf"))
    everything = read_strong(lists / "desed_baseline/validation.tsv", float("inf"))
    path = lists / "desed_baseline/student_predictions_0.5.tsv"
    found = read_strong(path, float("inf"), clips=everything.clips).subset(events.clips)
    counts = evaluation.all_counts(events, found)
    scores = evaluation.table3_scores(counts)
    assert scores["event"] == pytest.approx(0.395135675635645, abs=1e-14)
    assert scores["segment"] == pytest.approx(0.745944627393585, abs=1e-14)
    assert scores["clip"] == pytest.approx(0.797, abs=5e-4)
    clipped = evaluation.table3_scores(evaluation.all_counts(real.truth, real.systems[STUDENT]))
    assert clipped["event"] == pytest.approx(scores["event"], abs=1e-3)
