"""Verdicts and intervals: against SciPy's own, against closed forms, and what is refused."""

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, sem, t

from lib.book import claims
from lib.book.claims import Claim, Source

SOURCE = Source("part3", "mnist", "original", "quick", "33_adversarial_results")
NUMBERS = (0.51234567, 0.48, 0.54, 1000)
TEXT = "The detector flags | every attack"
CLAIM = SOURCE.claim(TEXT, "Table II", 0.5293, NUMBERS, "partly", "another network")


@settings(deadline=None)  # a busy machine is no fault
@given(st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(counts: tuple[int, int]) -> None:
    successes, n = counts
    low, high = claims.wilson(successes, n)
    expected = binomtest(successes, n).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= successes / n <= high <= 1


def test_wilson_without_a_trial_says_nothing() -> None:
    assert claims.wilson(0, 0) == (0, 1)


def test_mean_interval_is_the_closed_form_and_scipys() -> None:
    # mean 3, sample variance 2.5, and the 97.5 % quantile of t with 4 degrees from a printed table
    half = 2.776445 * np.sqrt(2.5 / 5)
    found = claims.mean_interval([1, 2, 3, 4, 5])
    assert found == pytest.approx((3 - half, 3 + half), abs=1e-6)
    assert found == t.interval(0.95, 4, loc=3, scale=sem([1, 2, 3, 4, 5]))
    assert claims.mean_interval([0.5, 0.5, 0.5]) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("interval", "values", "line"),
    [
        *((claims.wilson, counts, "0 <= successes <= n") for counts in ((-1, 5), (6, 5), (0, -1))),
        *(
            (claims.mean_interval, (values,), "at least two finite values")
            for values in ([], [1.0], [1.0, float("nan")], [[1.0, 2.0], [3.0, 4.0]])
        ),
        (
            claims.bootstrap_interval,
            (np.ones(1), np.mean, np.random.default_rng(0)),
            "at least two units",
        ),
    ],
)
def test_no_interval_is_made_of_what_has_none(interval: Callable, values: tuple, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        interval(*values)


NAN = float("nan")


@pytest.mark.parametrize(
    ("low", "high", "limit", "if_above", "if_below"),
    [
        (0.05, 0.15, 0.0, "reproduced", "not reproduced"),
        (-0.15, -0.05, 0.0, "not reproduced", "reproduced"),
        (-0.05, 0.25, 0.0, "undecided", "undecided"),
        (0.0, 8.0, 0.0, "undecided", "undecided"),  # from 0 exactly
        (-8.0, 0.0, 0.0, "undecided", "undecided"),  # to 0 exactly
        (NAN, NAN, 0.0, "undecided", "undecided"),
        (0.01, 0.03, 0.02, "undecided", "undecided"),
        (0.01, 0.015, 0.02, "not reproduced", "reproduced"),
        (0.03, 0.05, 0.02, "reproduced", "not reproduced"),
    ],
)
def test_only_an_interval_on_one_side_of_the_limit_decides(
    low: float, high: float, limit: float, if_above: str, if_below: str
) -> None:
    assert claims.above(low, high, limit) == if_above
    assert claims.below(low, high, limit) == if_below


def test_the_harder_of_two_conditions_is_looked_at_first() -> None:
    found = [claims.graded(*conditions) for conditions in ((1, 0), (1, 1), (0, 1), (0, 0), (0,))]
    assert found == ["reproduced", "reproduced", "partly", "not reproduced", "not reproduced"]


def test_a_source_gives_its_claims_what_they_share_in_its_unit() -> None:
    source = Source("part1", "esc10", "open", "quick", "14_sound_results", unit=100)
    found = source.claim("higher", "5", 4.81, (0.25, 0.125, NAN, 7), "undecided", "more data")
    numbers = (4.81, 25.0, 12.5, None, 7)
    shared = ("esc10", "open", "quick", "undecided", "14_sound_results", "more data")
    assert found == Claim("part1", "higher", "5", *numbers, *shared)
    elsewhere = source.claim("x", "1", None, None, "undecided", "", "15_sound_explore")
    assert (elsewhere.ours, elsewhere.low, elsewhere.high, elsewhere.n) == (None, None, None, 0)
    assert elsewhere.chapter == "15_sound_explore"


def test_bootstrap_interval_of_a_mean_is_near_the_normal_one() -> None:
    values = np.random.default_rng(0).normal(10, 2, 400)
    low, high = claims.bootstrap_interval(values, np.mean, np.random.default_rng(1))
    half = 1.96 * values.std(ddof=1) / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03)
    assert claims.bootstrap_interval(values, np.mean, np.random.default_rng(1)) == (low, high)


def test_bootstrap_keeps_together_what_belongs_to_a_unit() -> None:
    pairs = np.arange(20.0).repeat(2).reshape(20, 2)  # both columns are equal

    def largest_difference(drawn: np.ndarray) -> float:
        return float(np.abs(drawn[:, 0] - drawn[:, 1]).max())

    generator = np.random.default_rng(0)
    assert claims.bootstrap_interval(pairs, largest_difference, generator) == (0, 0)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"verdict": "confirmed"}, "verdict 'confirmed'; choose one of"),
        ({"part": "part4"}, "part 'part4'; choose one of"),
        ({"chapter": "99_no_such"}, "chapter '99_no_such'; choose one of"),
        ({"n": -1}, "n is -1"),
        ({"ours": float("nan")}, "ours is nan; use None"),
        ({"high": float("inf")}, "high is inf; use None"),
    ],
)
def test_a_claim_that_cannot_be_shown_is_refused(change: dict, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        replace(CLAIM, **change)


def test_a_part_replaces_its_claims_and_leaves_the_others_in_whatever_order_they_run(
    tmp_path: Path,
) -> None:
    second = replace(CLAIM, claim="No false positives", verdict="reproduced")
    sound = replace(CLAIM, part="part1", verdict="not testable here", ours=None)
    first = claims.record([CLAIM, second], tmp_path)
    claims.record([sound], tmp_path)
    assert claims.load("quick", tmp_path) == [sound, CLAIM, second]
    other = claims.record([sound], tmp_path / "other")
    for _ in range(2):
        claims.record([CLAIM, second], tmp_path / "other")
        assert first.read_bytes() == other.read_bytes()
    claims.record([second], tmp_path)
    assert claims.load("quick", tmp_path) == [sound, second]
    assert claims.load("paper", tmp_path) == []


def test_claims_of_several_profiles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"not of \['paper', 'quick'\]"):
        claims.record([CLAIM, replace(CLAIM, profile="paper")], tmp_path)
    with pytest.raises(ValueError, match="one profile"):
        claims.record([], tmp_path)


def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    target = claims.record([CLAIM], tmp_path)
    for text in ("[{", "[1]", "3", '[{"part": "part3"}]', target.read_text()[:-10]):
        target.write_text(text)
        with pytest.raises(ValueError, match="is damaged"):
            claims.record([CLAIM], tmp_path)
        assert target.read_text() == text


def test_the_table_shows_numbers_to_be_read() -> None:
    missing = replace(CLAIM, ours=None, low=None, high=None, n=0, verdict="not testable here")
    table = claims.as_table([CLAIM, missing])
    assert table["Ours"].tolist() == ["0.512", "–"]
    assert table["95 % interval"].tolist() == ["0.480 to 0.540", "–"]
    assert table["Verdict"].tolist() == ["partly", "not testable here"]
    assert len(claims.as_table([])) == 0


@pytest.mark.parametrize(
    ("numbers", "ours", "interval"),
    [
        ((0.0054131, -4.6952, 4.66612), "0.0", "-4.7 to 4.7"),  # nor "-0.0" for what is below 0
        ((-0.0054131, -4.6952, 4.66612), "0.0", "-4.7 to 4.7"),
        ((25.284, 14.232, 36.361), "25.3", "14.2 to 36.4"),
        ((10.63, -0.5001, 21.73), "10.6", "-0.5 to 21.7"),
        ((-0.01468, -3.409, 3.319), "0.0", "-3.4 to 3.3"),
        ((13.581, 10.957, 16.229), "13.6", "11.0 to 16.2"),
        ((0.8529, 0.84936, 0.85641), "0.8529", "0.8494 to 0.8564"),
        ((1.0, 0.99617, 1.0), "1.0000", "0.9962 to 1.0000"),
        ((0.0, 0.0, 0.000384), "0.0000", "0.0000 to 0.0004"),
        ((0.17, 0.16, 0.17), "0.17", "0.16 to 0.17"),  # strengths of a grid
        ((0.36, 0.36, 0.36), "0.36", "0.36 to 0.36"),
        ((100.0, 50.0, 150.0), "100", "50 to 150"),
        ((20123.4, 20001.0, 20200.0), "20123", "20001 to 20200"),
        ((2.0 / 3, None, None), "0.6667", "–"),
    ],
)
def test_digits_that_the_interval_makes_meaningless_are_not_shown(
    numbers: tuple[float, float | None, float | None], ours: str, interval: str
) -> None:
    value, low, high = numbers
    table = claims.as_table([replace(CLAIM, ours=value, low=low, high=high)])
    assert (table["Ours"].item(), table["95 % interval"].item()) == (ours, interval)


def test_a_claim_is_linked_to_its_chapter_and_says_what_would_change_it() -> None:
    head, _, line = claims.linked([CLAIM]).splitlines()
    names, cells = (
        [cell.strip() for cell in row.replace(r"\|", "/").split("|")[1:-1]] for row in (head, line)
    )
    shown = dict(zip(names, cells, strict=True))
    assert shown["Chapter"] == "[33](33_adversarial_results.ipynb)"
    assert shown["What would change it"] == "another network"
    assert (shown["Its value"], shown["Ours"], shown["n"]) == ("0.5293", "0.512", "1000")


def test_verdicts_are_counted_for_each_part() -> None:
    second = replace(CLAIM, verdict="reproduced")
    table = claims.tally([CLAIM, second, CLAIM, replace(CLAIM, part="part1", verdict="undecided")])
    assert table.loc["part3"].tolist() == [1, 2, 0, 0, 0]
    assert table.loc["part1"].tolist() == [0, 0, 0, 1, 0]
    assert table.loc["part2"].sum() == 0
    assert list(table.columns) == list(claims.VERDICTS) and list(table.index) == list(claims.PARTS)


def test_markdown_has_one_line_per_claim_whatever_is_in_it() -> None:
    broken = replace(CLAIM, claim="two\nlines")
    lines = claims.markdown([CLAIM, broken]).splitlines()
    assert len(lines) == 4
    cells = {line.replace(r"\|", "").count("|") for line in lines}
    assert cells == {8}  # seven columns
    assert len(claims.markdown([]).splitlines()) == 2


def test_the_file_holds_exactly_the_agreed_fields() -> None:
    agreed = (
        "part claim where paper_value ours low high n dataset rung profile verdict chapter note"
    )
    assert list(asdict(CLAIM)) == agreed.split()
