"""Means, the best few and intervals: held to hand examples, to SciPy, and to the paper's table."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from lib.book import results
from lib.book.results import Result
from lib.sound import protocol
from lib.sound.evaluation import METRICS
from lib.sound.models import COMBINATIONS

MakeRun = Callable[..., Result]
PAPER = results.paper("part1_table3")
SPECTRAL, AUDIO, BOTH = ("spectral",), ("audio",), ("spectral", "audio")
LETTERS = ["S", "S + V", "S + A", "S + A + V", "V", "A", "A + V"]  # in the order of Table 3


def scored(test: Sequence[float], validation: Sequence[float] | None = None) -> list[Result]:
    """Return runs with these clip scores."""
    pairs = zip(test, validation or test, strict=True)
    return [
        Result(
            "part1",
            "table3",
            {"inputs": ["audio"], "seed": seed},
            {"test": {"scores": {"clip": score}}, "validation": {"scores": {"clip": ranked}}},
        )
        for seed, (score, ranked) in enumerate(pairs)
    ]


@pytest.fixture(scope="module")
def runs(made_up_run: MakeRun) -> dict[tuple[str, ...], list[Result]]:
    """Give four trainings of two rows; the row with more inputs is better."""
    levels = {
        SPECTRAL: {"clip": 0.7, "segment": 0.6, "event": 0.3},
        BOTH: {"clip": 0.78, "segment": 0.65, "event": 0.31},
    }
    return {row: [made_up_run(row, seed, levels[row], 0.02) for seed in range(4)] for row in levels}


# --- counts as text

COUNTS = arrays.arrays(
    np.int64,
    st.tuples(st.integers(1, 6), st.integers(1, 10), st.just(3)),
    elements=st.one_of(st.just(0), st.integers(0, 40)),
)


@given(COUNTS)
def test_counts_survive_being_written_down(counts: np.ndarray) -> None:
    text = protocol.pack(counts)
    assert np.array_equal(protocol.unpack(text, counts.shape[:2]), counts)
    assert len(text.split("; ")) == max(1, int(counts.any(axis=2).sum()))  # no row for nothing


def test_counts_are_written_as_documented() -> None:
    counts = np.zeros((3, 10, 3), dtype=np.int64)
    counts[2, 7], counts[0, 1] = (1, 2, 3), (0, 0, 4)
    assert protocol.pack(counts) == "0 1 0 0 4; 2 7 1 2 3"
    assert protocol.pack(np.zeros((3, 10, 3), dtype=np.int64)) == ""


def test_scores_follow_from_the_counts_that_were_kept(
    runs: dict[tuple[str, ...], list[Result]],
) -> None:
    run = runs[SPECTRAL][0]
    hits, true, found = protocol.counts(run, "segment").sum(axis=(0, 1))
    assert protocol.scores([run], "segment") == [pytest.approx(2 * hits / (true + found))]


# --- the best few


def test_the_best_are_chosen_on_validation_and_averaged_on_test() -> None:
    runs = scored([0.5, 0.9, 0.1, 0.7], validation=[0.8, 0.2, 0.9, 0.3])
    assert protocol.best_mean(runs, "clip", 1) == 0.1
    assert protocol.best_mean(runs, "clip", 2) == pytest.approx((0.1 + 0.5) / 2)
    assert protocol.best_mean(runs, "clip", 4) == pytest.approx(0.55)


def test_more_than_there_are_cannot_be_chosen() -> None:
    with pytest.raises(ValueError, match="the best 5 of 2 trainings cannot be chosen"):
        protocol.best_mean(scored([0.5, 0.9]), "clip", 5)


def test_runs_are_sorted_into_the_rows_of_table_3() -> None:
    rows = [["audio"], ["spectral"], ["audio"]]
    given_runs = [
        Result("part1", "table3", {"inputs": row, "seed": seed}, {})
        for seed, row in enumerate(rows)
    ]
    found = protocol.by_row(given_runs)
    assert list(found) == [SPECTRAL, AUDIO]
    assert found[AUDIO] == [given_runs[0], given_runs[2]]


# --- independent trainings

SCORES = st.lists(st.floats(0.01, 0.99), min_size=2, max_size=6)


@given(SCORES, SCORES)
def test_the_interval_over_trainings_is_welchs(first: list[float], second: list[float]) -> None:
    assume(min(np.ptp(first), np.ptp(second)) > 1e-6)  # else SciPy warns of lost digits
    terms = [(1.0, scored(first), "clip"), (-1.0, scored(second), "clip")]
    value = float(np.mean(first) - np.mean(second))
    expected = stats.ttest_ind(first, second, equal_var=False).confidence_interval()
    assert protocol._welch(terms, value) == pytest.approx(tuple(expected), rel=1e-9, abs=1e-12)


def test_a_difference_of_gains_counts_what_its_terms_share_once(
    runs: dict[tuple[str, ...], list[Result]],
) -> None:
    terms = [(1.0, runs[BOTH], "clip"), (-1.0, runs[SPECTRAL], "clip")]
    terms += [(-1.0, runs[BOTH], "event"), (1.0, runs[SPECTRAL], "event")]
    found = protocol.combination(terms)
    gaps = {  # of each training by itself: then there are two samples, and Welch's is SciPy's
        row: np.subtract(protocol.scores(runs[row], "clip"), protocol.scores(runs[row], "event"))
        for row in runs
    }
    expected = stats.ttest_ind(gaps[BOTH], gaps[SPECTRAL], equal_var=False).confidence_interval()
    assert found.value == pytest.approx(gaps[BOTH].mean() - gaps[SPECTRAL].mean())
    assert found.trainings == pytest.approx(tuple(expected))


def test_three_independent_rows_are_weighted_as_satterthwaite_does() -> None:
    samples = [[0.2, 0.3, 0.5], [0.6, 0.7], [0.1, 0.4, 0.2, 0.3]]
    weights = [1.0, -2.0, 0.5]
    terms = [(w, scored(s), "clip") for w, s in zip(weights, samples, strict=True)]
    parts = [w**2 * np.var(s, ddof=1) / len(s) for w, s in zip(weights, samples, strict=True)]
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / 2 + parts[1] ** 2 / 1 + parts[2] ** 2 / 3)
    half = stats.t(freedom).ppf(0.975) * np.sqrt(sum(parts))
    assert protocol._welch(terms, 0.1) == pytest.approx((0.1 - half, 0.1 + half))


def test_trainings_without_spread_have_an_interval_of_nothing() -> None:
    terms = [(1.0, scored([0.5, 0.5]), "clip"), (-1.0, scored([0.25, 0.25]), "clip")]
    assert protocol._welch(terms, 0.25) == (0.25, 0.25)


def test_one_training_tells_nothing_about_its_spread(
    runs: dict[tuple[str, ...], list[Result]],
) -> None:
    with pytest.raises(ValueError, match="run at least two of a row"):
        protocol.difference(runs[BOTH], runs[SPECTRAL][:1], "clip")


# --- other clips


@pytest.mark.parametrize("metric", METRICS)
def test_the_interval_over_clips_is_that_of_scipys_bootstrap(
    runs: dict[tuple[str, ...], list[Result]], metric: str
) -> None:
    found = protocol.difference(runs[BOTH], runs[SPECTRAL], metric).clips
    stacks = [np.stack([protocol.counts(run, metric) for run in runs[r]]) for r in (BOTH, SPECTRAL)]

    def statistic(drawn: np.ndarray) -> float:
        return mean_f1(stacks[0][:, drawn], metric) - mean_f1(stacks[1][:, drawn], metric)

    expected = stats.bootstrap(
        (np.arange(200),),
        statistic,
        vectorized=False,
        n_resamples=1000,
        method="percentile",
        rng=np.random.default_rng(99),
    ).confidence_interval
    width = expected.high - expected.low
    assert found == pytest.approx((expected.low, expected.high), abs=0.15 * width)


def mean_f1(counts: np.ndarray, metric: str) -> float:
    """Return the mean F1 over runs of counts (runs, clips, classes, 3) as 2 TP / (T + P)."""
    totals = counts.sum(axis=1)  # (runs, classes, 3)
    if metric != "event":
        totals = totals.sum(axis=1, keepdims=True)
    hits, true, found = np.moveaxis(totals, -1, 0)
    return float(np.mean(2 * hits / (true + found)))


def test_the_clips_are_the_same_for_both_rows(
    runs: dict[tuple[str, ...], list[Result]],
) -> None:
    twins = list(runs[SPECTRAL])
    found = protocol.difference(runs[SPECTRAL], twins, "event")
    assert (found.value, found.clips) == (0.0, (0.0, 0.0))


def test_a_seed_gives_one_interval(
    runs: dict[tuple[str, ...], list[Result]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "RESAMPLES", 50)
    terms = [(1.0, runs[BOTH], "clip"), (-1.0, runs[SPECTRAL], "clip")]
    first, again, other = (protocol.combination(terms, seed) for seed in (0, 0, 1))
    assert first == again
    assert first.clips != other.clips and first.trainings == other.trainings


def test_the_distances_to_both_ends_are_added_as_squares() -> None:
    found = protocol.Difference(1.0, trainings=(0.7, 1.5), clips=(0.6, 2.2))
    assert found.low == pytest.approx(1 - 0.5)  # 3, 4, 5
    assert found.high == pytest.approx(1 + 1.3)  # 5, 12, 13


def test_two_normal_uncertainties_add_up_as_in_a_simulation() -> None:
    deviations = np.array([0.02, 0.03])
    halves = stats.norm.ppf(0.975) * deviations
    found = protocol.Difference(0.1, *((0.1 - half, 0.1 + half) for half in halves))
    drawn = 0.1 + np.random.default_rng(0).normal(0, deviations, (200_000, 2)).sum(axis=1)
    expected = np.percentile(drawn, [2.5, 97.5])
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-3)


# --- Table 3


def test_the_papers_table_is_read_row_by_row() -> None:
    assert protocol.paper_score(PAPER, SPECTRAL, "clip") == pytest.approx(0.7622)
    assert protocol.paper_score(PAPER, AUDIO, "segment") == pytest.approx(0.7020)
    assert protocol.paper_score(PAPER, ("audio", "visual"), "event") == pytest.approx(0.2231)


def test_a_row_that_the_paper_has_not_is_named() -> None:
    with pytest.raises(ValueError, match=r"Table 3 has no row \(\)"):
        protocol.paper_score(PAPER, (), "clip")


def test_table_3_has_ours_beside_the_papers(made_up_run: MakeRun) -> None:
    runs = {
        row: [made_up_run(row, seed, dict.fromkeys(METRICS, 0.5), 0.05) for seed in range(3)]
        for row in COMBINATIONS
    }
    table = protocol.table3(runs, PAPER)
    columns = [(name, f"{name} ±", f"{name}, paper") for name in METRICS]
    assert list(table) == ["row", "n", *(name for each in columns for name in each)]
    assert table["row"].tolist() == LETTERS
    assert table["n"].tolist() == [3] * 7
    for metric in METRICS:
        printed = [row[metric] for row in PAPER["rows"]]
        assert table[f"{metric}, paper"].tolist() == pytest.approx(printed)
        for place, found in enumerate(runs.values()):
            values = 100 * np.array(protocol.scores(found, metric))
            half = stats.t(2).ppf(0.975) * values.std(ddof=1) / np.sqrt(3)
            assert table[metric][place] == pytest.approx(values.mean())
            assert table[f"{metric} ±"][place] == pytest.approx(half)


def test_one_training_of_a_row_makes_no_table(made_up_run: MakeRun) -> None:
    run = made_up_run(AUDIO, 0, dict.fromkeys(METRICS, 0.5), 0.05)
    with pytest.raises(ValueError, match="at least two finite values"):
        protocol.table3({AUDIO: [run]}, PAPER)


def test_the_papers_rule_takes_the_best_on_validation(made_up_run: MakeRun) -> None:
    levels = dict.fromkeys(METRICS, 0.5)
    runs = {
        row: [made_up_run(row, seed, levels, 0.05) for seed in range(count)]
        for row, count in ((SPECTRAL, 3), (BOTH, 4))
    }
    one, two = protocol.selected(runs, 1), protocol.selected(runs, 2)
    assert list(two) == ["row", "best of", *METRICS]
    assert two["row"].tolist() == ["S", "S + A"]
    assert two["best of"].tolist() == ["2 of 3", "2 of 4"]
    for metric in METRICS:
        for place, found in enumerate(runs.values()):
            ranked = sorted(
                zip(
                    protocol.scores(found, metric, "validation"),
                    protocol.scores(found, metric),
                    strict=True,
                )
            )
            best = [100 * test for _, test in ranked[::-1]]
            assert one[metric][place] == pytest.approx(best[0])
            assert two[metric][place] == pytest.approx((best[0] + best[1]) / 2)


def test_the_papers_rule_needs_as_many_trainings_as_it_keeps(
    runs: dict[tuple[str, ...], list[Result]],
) -> None:
    with pytest.raises(ValueError, match="the best 5 of 4 trainings cannot be chosen"):
        protocol.selected(runs, 5)


def test_rows_have_short_names() -> None:
    assert [protocol.short(row) for row in COMBINATIONS] == LETTERS


def tagged_and_placed(tags: list[list[int]], events: list[list[list[int]]]) -> Result:
    """Return a run with hits per clip and class, and event counts per clip and class."""
    hits = np.array(tags)
    clip = np.stack([hits, np.ones_like(hits), np.ones_like(hits)], axis=2)
    packed = {"clip": protocol.pack(clip), "event": protocol.pack(np.array(events))}
    return Result("part1", "table3", {"seed": 0}, {"counts": packed, "shape": list(hits.shape)}, {})


def test_given_the_tag_only_what_both_tag_rightly_counts() -> None:
    # clip 0: both tag class 0; clip 1: only the first; clip 2: both, and neither places it
    first = tagged_and_placed([[1], [1], [1]], [[[2, 2, 2]], [[3, 3, 3]], [[0, 1, 1]]])
    second = tagged_and_placed([[1], [0], [1]], [[[1, 2, 2]], [[0, 3, 0]], [[0, 1, 1]]])
    value, reference, found = protocol.given_the_tag([first, first], [second, second])
    assert value == pytest.approx(2 / 3)  # 2 hits of 3 true, 3 found
    assert reference == pytest.approx(1 / 3)
    assert found.value == pytest.approx(1 / 3)
    assert found.trainings == pytest.approx((1 / 3, 1 / 3))  # the trainings agree
    assert found.clips[0] < 1 / 3 < found.clips[1]


def test_given_the_tag_rows_that_share_nothing_place_nothing() -> None:
    first = tagged_and_placed([[1], [0]], [[[2, 2, 2]], [[0, 1, 0]]])
    second = tagged_and_placed([[0], [1]], [[[0, 2, 0]], [[1, 1, 1]]])
    assert protocol.given_the_tag([first, first], [second, second])[:2] == (0.0, 0.0)


def test_given_the_tag_compares_pairs() -> None:
    run = tagged_and_placed([[1], [1]], [[[1, 2, 2]], [[1, 1, 1]]])
    _, _, found = protocol.given_the_tag([run, run], [run, run])
    assert found == protocol.Difference(0.0, (0.0, 0.0), (0.0, 0.0))
    with pytest.raises(ValueError):
        protocol.given_the_tag([run, run], [run])
