"""Means, the best few and intervals: held to hand examples, to SciPy, and to the paper's table."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from lib.runs import results
from lib.runs.results import Result
from lib.sound import evaluation, protocol
from lib.sound.crnn import COMBINATIONS, Probabilities
from lib.sound.evaluation import METRICS
from lib.sound.events import Events

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


# --- the best few


def test_the_best_are_chosen_on_validation_and_averaged_on_test() -> None:
    runs = scored([0.5, 0.9, 0.1, 0.7], validation=[0.8, 0.2, 0.9, 0.3])
    assert protocol.best_mean(runs, "clip", 1) == 0.1
    assert protocol.best_mean(runs, "clip", 2) == pytest.approx((0.1 + 0.5) / 2)
    assert protocol.best_mean(runs, "clip", 4) == pytest.approx(0.55)
    with pytest.raises(ValueError, match="the best 5 of 4 trainings cannot be chosen"):
        protocol.best_mean(runs, "clip", 5)


# --- pairs of trainings


def test_terms_are_weighted_rotation_by_rotation(runs: dict[tuple[str, ...], list[Result]]) -> None:
    terms = [(1.0, runs[BOTH], "clip"), (-2.0, runs[SPECTRAL], "clip")]
    terms += [(-1.0, runs[BOTH], "event"), (0.5, runs[SPECTRAL], "segment")]
    each = sum(weight * np.array(protocol.scores(row, name)) for weight, row, name in terms)
    expected = stats.ttest_1samp(each, 0).confidence_interval()
    found = protocol.combination([(w, row[::-1], name) for w, row, name in terms])  # in any order
    assert found.value == pytest.approx(np.mean(each))
    assert (found.low, found.high) == pytest.approx(tuple(expected))


def test_only_rotations_that_all_rows_have_are_compared() -> None:
    first, second = scored([0.5, 0.7, 0.9]), scored([0.4, 0.5, 0.1])
    found = protocol.difference(first, second[:2], "clip")
    assert found == protocol.difference(first[:2], second[:2], "clip")
    assert protocol.difference(first[:1], second[1:], "clip") == pytest.approx(
        protocol.UNKNOWN, nan_ok=True
    )
    one = protocol.difference(scored([0.7]), scored([0.5]), "clip")
    assert one.value == pytest.approx(0.2) and np.isnan([one.low, one.high]).all()
    agreed = protocol.difference(scored([0.5, 0.75]), scored([0.25, 0.5]), "clip")
    assert agreed == protocol.Difference(0.25, 0.25, 0.25, 2)


# --- probabilities as text


def test_probabilities_survive_being_written_down() -> None:
    generator = np.random.default_rng(0)
    values = generator.random(3 * 151 * 4 + 3 * 4, dtype=np.float32)
    half = np.float32(0.5)
    close = [np.nextafter(half, np.float32(0)), np.nextafter(half, np.float32(1))]
    for part in (slice(0, 4), slice(-4, None)):  # of the frames, and of the clips
        values[part] = [1e-7, 1 - 1e-7, *close]
    frame, clip = torch.from_numpy(values).split([3 * 151 * 4, 3 * 4])
    said = Probabilities(frame.reshape(3, 151, 4), clip.reshape(3, 4))
    metrics = {"probabilities": protocol.pack_probabilities(said), "shape": [3, 4]}
    found = protocol.probabilities(Result("part1", "table3", {}, metrics))
    for kept, exact in zip(found, said, strict=True):
        assert kept.shape == exact.shape and kept.dtype == torch.float32
        assert float((kept - exact).abs().max()) <= 0.5 / 255 + 1e-6
        assert torch.equal(kept > 0.5, exact > 0.5)


# --- Table 3


def test_the_papers_table_is_read_row_by_row() -> None:
    assert protocol.paper_score(PAPER, SPECTRAL, "clip") == pytest.approx(0.7622)
    assert protocol.paper_score(PAPER, AUDIO, "segment") == pytest.approx(0.7020)
    assert protocol.paper_score(PAPER, ("audio", "visual"), "event") == pytest.approx(0.2231)


def test_table_3_has_ours_beside_the_papers(made_up_run: MakeRun) -> None:
    runs = {
        row: [made_up_run(row, seed, dict.fromkeys(METRICS, 0.5), 0.05) for seed in range(3)]
        for row in COMBINATIONS
    }
    table = protocol.table3(runs, PAPER)
    assert table["row"].tolist() == LETTERS and table["n"].tolist() == [3] * 7
    for metric in METRICS:
        printed = [row[metric] for row in PAPER["rows"]]
        assert table[f"{metric}, paper"].tolist() == pytest.approx(printed)
        for place, found in enumerate(runs.values()):
            values = 100 * np.array(protocol.scores(found, metric))
            half = stats.t(2).ppf(0.975) * values.std(ddof=1) / np.sqrt(3)
            assert table[metric][place] == pytest.approx(values.mean())
            assert table[f"{metric} ±"][place] == pytest.approx(half)
    one = protocol.table3({AUDIO: runs[AUDIO][:1]}, PAPER)
    assert one["n"].tolist() == [1] and one["clip ±"].isna().all()


def tagged_and_placed(tags: list[list[int]], events: list[list[list[int]]], seed: int) -> Result:
    """Return a run with hits per clip and class, and event counts per clip and class."""
    hits = np.array(tags)
    clip = np.stack([hits, np.ones_like(hits), np.ones_like(hits)], axis=2)
    packed = {"clip": protocol.pack(clip), "event": protocol.pack(np.array(events))}
    metrics = {"counts": packed, "shape": list(hits.shape)}
    return Result("part1", "table3", {"seed": seed}, metrics, {})


def test_given_the_tag_only_what_both_tag_rightly_counts() -> None:
    # clip 0: both tag class 0; clip 1: only the first; clip 2: both, and neither places it
    one = [[1], [1], [1]], [[[2, 2, 2]], [[3, 3, 3]], [[0, 1, 1]]]
    other = [[1], [0], [1]], [[[1, 2, 2]], [[0, 3, 0]], [[0, 1, 1]]]
    first, second = ([tagged_and_placed(*each, seed) for seed in (0, 1)] for each in (one, other))
    value, reference, found, shared = protocol.given_the_tag(first, second[::-1])
    assert value == pytest.approx(2 / 3)  # 2 hits of 3 true, 3 found
    assert reference == pytest.approx(1 / 3)
    assert (found.value, found.low, found.high) == pytest.approx([1 / 3] * 3)  # the pairs agree
    assert shared == 4  # clips 0 and 2, on two rotations
    later = [tagged_and_placed(*other, 2)]  # on a rotation that the first has not
    assert np.isnan(protocol.given_the_tag(first, later)[0])


def test_who_always_says_the_commonest_class_hears_nothing(make: Callable[..., Events]) -> None:
    truth = make((0, 1, 2, 4), (1, 1, 0, 10), (1, 2, 0, 3), clips=3)
    found = protocol.always_commonest(truth)
    assert found.tags.sum(axis=0).tolist()[:3] == [0, 3, 0] and (found.offset == 10).all()
    scores = evaluation.table3_scores(evaluation.all_counts(truth, found))
    assert scores["clip"] == pytest.approx(4 / 6)  # 2 hits of 3 true, 3 found
