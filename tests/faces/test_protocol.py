"""Ten folds together: numbers by hand or from scikit-learn, intervals over people."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, confusion_matrix

from lib.faces import protocol
from lib.faces.protocol import Predictions
from lib.runs.results import Result

CLASSES, PEOPLE, FOLDS = 3, 20, 5


def columns(skill: Callable[[np.ndarray], np.ndarray], seed: int = 0) -> Predictions:
    """Return predictions for 20 people with six images each, right with a person's own skill."""
    people = np.repeat(np.arange(PEOPLE), 6)
    targets = np.arange(len(people)) % CLASSES
    generator = np.random.default_rng(seed)
    right = generator.random(len(people)) < skill(people)
    predicted = np.where(right, targets, (targets + generator.integers(1, 3, len(people))) % 3)
    return Predictions(np.arange(len(people)), people % FOLDS, people, targets, predicted, CLASSES)


def runs(found: Predictions, method: str = "cnn", seed: int = 0) -> list[Result]:
    """Return the same as results of one run per fold."""
    metrics = ("rows", "identities", "targets", "predicted")
    return [
        Result(
            "part2",
            "recognition",
            {"method": method, "folds": FOLDS, "fold": fold, "seed": seed},
            {name: getattr(found, name)[found.folds == fold].tolist() for name in metrics},
        )
        for fold in range(FOLDS)
    ]


def test_macro_recall_and_confusion_are_scikit_learns() -> None:
    found = columns(lambda people: people / PEOPLE)
    kept = np.flatnonzero((found.targets != 2) | (found.identities < 4))  # a rare class
    columns_kept = ("rows", "folds", "identities", "targets", "predicted")
    rare = replace(found, **{name: getattr(found, name)[kept] for name in columns_kept})
    expected = balanced_accuracy_score(rare.targets, rare.predicted)
    found_recall = protocol.macro_recall(rare)
    assert found_recall.value == pytest.approx(expected)
    assert found_recall.low < expected < found_recall.high
    assert protocol.confusion(rare).tolist() == (
        confusion_matrix(rare.targets, rare.predicted).tolist()
    )
    rows = np.arange(4)
    labels = np.array([0, 1, 0, 0])
    right = Predictions(rows, rows, np.array([0, 0, 1, 2]), labels, labels, 2)
    assert protocol.macro_recall(right) == (1, 1, 1, 3)  # who lacks a class says nothing of it


def test_people_who_are_all_right_or_all_wrong_count_as_one_image_each() -> None:
    found = columns(lambda people: (people < PEOPLE // 2).astype(float))
    value, low, high, count = protocol.accuracy(found)
    assert (value, count) == (0.5, PEOPLE)
    ends = stats.binom.ppf([0.025, 0.975], PEOPLE, 0.5) / PEOPLE  # of 20 coins, not of 120
    assert (low, high) == pytest.approx(tuple(ends), abs=0.051)


def test_a_constant_gain_over_equal_people_is_certain() -> None:
    worse = columns(lambda people: np.zeros(len(people)))
    gained = np.where(worse.rows % 6 < 2, worse.targets, worse.predicted)  # two of six images each
    better = replace(worse, predicted=gained)
    assert protocol.difference(better, worse) == pytest.approx((1 / 3, 1 / 3, 1 / 3, PEOPLE))
    assert protocol.difference(worse, better).value == pytest.approx(-1 / 3)


def test_a_difference_is_paired_by_person() -> None:
    hard = columns(lambda people: people / PEOPLE)
    easier = columns(lambda people: np.minimum(1, people / PEOPLE + 0.1))
    gain = protocol.difference(easier, hard)
    apart = [protocol.accuracy(each) for each in (easier, hard)]
    assert gain.value == pytest.approx(apart[0].value - apart[1].value)
    widths = [each.high - each.low for each in apart]
    assert gain.high - gain.low < min(widths)


FOUND = columns(lambda people: people / PEOPLE)
OTHER = columns(lambda people: people / PEOPLE, seed=1)


def test_the_mean_over_folds_is_students_in_whatever_order() -> None:
    each = [FOUND.hits[FOUND.folds == fold].mean() for fold in range(FOLDS)]
    expected = stats.t.interval(0.95, FOLDS - 1, np.mean(each), stats.sem(each))
    assert protocol.fold_accuracies(FOUND) == pytest.approx(each)
    assert protocol.mean_over_folds(FOUND) == pytest.approx((np.mean(each), *expected, FOLDS))
    pooled = protocol.pool(runs(FOUND)[::-1])
    assert pooled.classes == CLASSES and sorted(pooled.rows) == FOUND.rows.tolist()
    for measure in protocol.MEASURES.values():
        assert measure(pooled) == pytest.approx(measure(FOUND))
    shuffled = protocol.pool(runs(OTHER)[::-1])
    expected = protocol.difference(FOUND, OTHER)
    assert protocol.difference(FOUND, shuffled) == pytest.approx(expected)


def test_folds_of_unequal_size_weigh_the_same_in_the_mean_but_not_among_images() -> None:
    rows = np.arange(4)
    found = Predictions(rows, np.array([0, 0, 0, 1]), rows, np.zeros(4), np.array([0, 0, 0, 1]), 1)
    assert (protocol.mean_over_folds(found).value, protocol.accuracy(found).value) == (0.5, 0.75)


def test_several_seeds_and_some_folds_are_pooled() -> None:
    both = protocol.pool([*runs(FOUND), *runs(OTHER, seed=1)])
    expected = (protocol.accuracy(FOUND).value + protocol.accuracy(OTHER).value) / 2
    assert protocol.accuracy(both).value == pytest.approx(expected)
    assert protocol.accuracy(both).n == PEOPLE  # not 40
    some = protocol.pool(runs(FOUND), {1, 3})
    assert sorted(some.rows) == FOUND.rows[np.isin(FOUND.folds, (1, 3))].tolist()


def test_a_gain_is_measured_in_the_folds_of_the_first_method(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    better = columns(lambda people: np.ones(len(people)))
    worse = columns(lambda people: np.full(len(people), 0.5))
    kept = np.isin(worse.folds, (0, 1))
    gained = protocol.gain(runs(better)[:2], runs(worse, "de_gan"))
    assert gained is not None and gained.value == pytest.approx(1 - worse.hits[kept].mean())
    assert gained.n == PEOPLE * 2 // FOLDS
    assert protocol.gain([], runs(worse)) is None
    monkeypatch.setenv("BOOK_RUN", '{"present": true}')
    gained = protocol.gain(runs(better)[:3], runs(worse, "de_gan")[1:])
    assert gained is not None and gained.n == PEOPLE * 2 // FOLDS  # in those that both have


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: protocol.pool([]), "no runs to pool"),
        (lambda: protocol.pool(runs(FOUND)[:3], {1, 3}), "fold 3 of 5 has fewer runs"),
        (lambda: protocol.pool(runs(FOUND) + runs(FOUND)[:1]), "fold 1 of 5 has fewer runs"),
        (
            lambda: protocol.pool(runs(FOUND)[:-1] + runs(FOUND, "de_gan")[-1:]),
            "differ in more than fold and",
        ),
        (
            lambda: protocol.difference(FOUND, replace(FOUND, folds=FOUND.folds[::-1])),
            "differ in their folds; compare runs of one split",
        ),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(
    call: Callable[[], object], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        call()


def test_pairs_are_drawn_by_lender_and_by_borrower() -> None:
    """With an effect of lenders alone the interval is that of so many people, not of all pairs."""
    people, ones = 24, np.ones((24, 24))
    lenders = np.random.default_rng(0).random(people) < 0.5
    found = protocol.crossed(np.repeat(lenders[:, None], people, axis=1), ones)
    half = 1.96 * np.sqrt(lenders.mean() * (1 - lenders.mean()) / people)
    assert found.n == people and found.value == pytest.approx(lenders.mean())
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.15)
    nothing = protocol.crossed(0 * ones, ones - np.eye(people))
    assert nothing[:3] == (0, 0, 0)
    alike = protocol.crossed(np.eye(people), ones)  # drawn as one, they would meet twice as often
    assert alike.low < alike.value < alike.high
    assert protocol.crossed(ones[:3], ones[:3]).n == 3
