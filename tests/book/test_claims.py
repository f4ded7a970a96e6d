"""Claims and intervals: against SciPy's own, against closed forms, and what is refused."""

import ast
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import binomtest, sem, t

from lib.book import claims
from lib.book.claims import BOOK, FAILS, HOLDS, NOTHING, OWN, UNDECIDED, Claim, Reading, Source
from lib.book.files import REPOSITORY, locked

SOURCE = Source("part3", "mnist", "original", "quick", "33_adversarial_results", OWN, "images")
READING = Reading("natural", 0.5293, 0.51234567, 0.48, 0.54, 1000, HOLDS)
TEXT = "The detector flags | every attack"
CLAIM = Claim(TEXT, "Table II", (READING,), SOURCE, "another network")


@settings(deadline=None)  # a busy machine is no fault
@given(st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(counts: tuple[int, int]) -> None:
    successes, n = counts
    low, high = claims.wilson(successes, n)
    expected = binomtest(successes, n).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= successes / n <= high <= 1


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
        (0.05, 0.15, 0.0, HOLDS, FAILS),
        (-0.15, -0.05, 0.0, FAILS, HOLDS),
        (-0.05, 0.25, 0.0, UNDECIDED, UNDECIDED),
        (0.0, 8.0, 0.0, UNDECIDED, UNDECIDED),  # from 0 exactly
        (NAN, NAN, 0.0, UNDECIDED, UNDECIDED),
        (0.01, 0.015, 0.02, FAILS, HOLDS),
        (0.03, None, 0.02, HOLDS, FAILS),  # a missing end is open
        (None, 0.01, 0.02, FAILS, HOLDS),
        (0.01, None, 0.02, UNDECIDED, UNDECIDED),
        (None, None, 0.02, UNDECIDED, UNDECIDED),
    ],
)
def test_only_an_interval_on_one_side_of_the_limit_decides(
    low: float | None, high: float | None, limit: float, if_above: str, if_below: str
) -> None:
    assert claims.above(low, high, limit) == if_above
    assert claims.below(low, high, limit) == if_below


@pytest.mark.parametrize(
    ("low", "high", "answer"),
    [
        (-0.02, 0.02, HOLDS),
        (0.03, 0.05, FAILS),
        (-0.05, -0.03, FAILS),
        (0.01, 0.03, UNDECIDED),
        (NAN, NAN, UNDECIDED),
        (0.03, None, FAILS),
        (None, None, UNDECIDED),
    ],
)
def test_near_zero_is_the_whole_interval_within_the_limit(
    low: float | None, high: float | None, answer: str
) -> None:
    assert claims.near(low, high, 0.02) == answer


def test_intervals_of_a_curve_are_those_of_a_stricter_level() -> None:
    assert claims.wilson(0, 0) == (0, 1)  # without a trial nothing is said
    low, high = claims.wilson(400, 1000, among=50)
    expected = binomtest(400, 1000).proportion_ci(confidence_level=1 - 0.05 / 50, method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(
    ("directions", "answer"),
    [
        ((HOLDS, HOLDS), HOLDS),
        ((HOLDS, UNDECIDED), UNDECIDED),
        ((HOLDS, UNDECIDED, FAILS), FAILS),
        ((), UNDECIDED),
    ],
)
def test_a_claim_holds_where_all_its_readings_hold(
    directions: tuple[str, ...], answer: str
) -> None:
    beside = replace(READING, direction=FAILS, decides=False)
    readings = (beside, *(replace(READING, direction=each) for each in directions))
    claim = replace(CLAIM, readings=readings)
    assert claim.direction == answer
    if directions:
        assert claim.shown == next(each for each in readings[1:] if each.direction == answer)


@pytest.mark.parametrize(
    ("paper", "size"),
    [(0.5, "inside"), (0.48, "inside"), (0.47, "below"), (0.55, "above"), (None, "none")],
)
def test_the_size_is_where_the_papers_value_lies(paper: float | None, size: str) -> None:
    assert replace(READING, paper_value=paper).size == size
    assert replace(READING, paper_value=paper, low=None, high=None).size == "none"
    assert replace(READING, paper_value=0.47, high=None).size == "below"


def test_a_source_gives_its_readings_its_scale() -> None:
    points = replace(SOURCE, scale=100)
    found = points.reading("S + A", 4.81, (0.25, 0.125, NAN, 7), UNDECIDED)
    assert found == Reading("S + A", 4.81, 25.0, 12.5, None, 7, UNDECIDED)


def test_bootstrap_interval_of_a_mean_is_near_students() -> None:
    values = stats.norm.ppf((np.arange(10) + 0.5) / 10)  # few: expansion matters, by 5 %
    found = claims.bootstrap_interval(values, np.mean, np.random.default_rng(1), resamples=20_000)
    assert np.ptp(found) == pytest.approx(np.ptp(claims.mean_interval(values)), rel=0.02)
    assert sum(found) == pytest.approx(0, abs=0.02)


def test_bootstrap_keeps_together_what_belongs_to_a_unit() -> None:
    pairs = np.arange(20.0).repeat(2).reshape(20, 2)  # both columns are equal

    def largest_difference(drawn: np.ndarray) -> float:
        return float(np.abs(drawn[:, 0] - drawn[:, 1]).max())

    generator = np.random.default_rng(0)
    assert claims.bootstrap_interval(pairs, largest_difference, generator) == (0, 0)


@pytest.mark.parametrize(
    ("made", "change", "expected"),
    [
        (READING, {"direction": "confirmed"}, "direction 'confirmed'; choose one of"),
        (READING, {"n": -1}, "n is -1"),
        (READING, {"ours": NAN}, "ours is nan; use None"),
        (READING, {"high": float("inf")}, "high is inf; use None"),
        (CLAIM, {"source": replace(SOURCE, part="part4")}, "part 'part4'; choose one of"),
        (CLAIM, {"source": replace(SOURCE, chapter="99_none")}, "chapter '99_none'; choose one"),
        (CLAIM, {"source": replace(SOURCE, evidence="drawn")}, "evidence 'drawn'; choose one of"),
    ],
)
def test_what_cannot_be_shown_is_refused(made: object, change: dict, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        replace(made, **change)


def test_a_part_replaces_its_claims_and_leaves_the_others_in_whatever_order_they_run(
    tmp_path: Path,
) -> None:
    second = replace(CLAIM, claim="No false positives")
    sound = replace(CLAIM, source=replace(SOURCE, part="part1"), readings=())

    def stored(profile: str = "quick") -> list[dict]:
        return [claim.entry() for claim in claims.load(profile, tmp_path)]

    first = claims.record([CLAIM, second], tmp_path)
    claims.record([sound], tmp_path)
    assert stored() == [sound.entry(), CLAIM.entry(), second.entry()]
    other = claims.record([sound], tmp_path / "other")
    for _ in range(2):
        claims.record([CLAIM, second], tmp_path / "other")
        assert first.read_bytes() == other.read_bytes()
    claims.record([second], tmp_path)
    assert stored() == [sound.entry(), second.entry()]
    with pytest.raises(ValueError, match=r"not of \['paper', 'quick'\]"):
        claims.record([CLAIM, replace(CLAIM, source=replace(SOURCE, profile="paper"))], tmp_path)
    assert stored("paper") == []
    late = Thread(target=claims.record, args=([sound], tmp_path / "late"))
    with locked(REPOSITORY / ".cache" / "claims.lock"):  # another part writes at that moment
        late.start()
        late.join(0.2)
        assert not (tmp_path / "late").exists()
    late.join(30)
    assert (tmp_path / "late").exists()


def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    target = claims.record([CLAIM], tmp_path)
    for text in ("[{", "[1]", "3", '[{"part": "part3"}]', target.read_text()[:-10]):
        target.write_text(text)
        with pytest.raises(ValueError, match="is damaged"):
            claims.record([CLAIM], tmp_path)
        assert target.read_text() == text


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ((-0.0054131, -4.6952, 4.66612), "0.0 [-4.7, 4.7]"),  # nor "-0.0"
        ((25.284, 14.232, 36.361), "25.3 [14.2, 36.4]"),
        ((0.8529, 0.84936, 0.85641), "0.8529 [0.8494, 0.8564]"),
        ((1.0, 0.99617, 1.0), "1.0000 [0.9962, 1.0000]"),
        ((0.36, 0.36, 0.36), "0.36 [0.36, 0.36]"),  # a strength of a grid
        ((20123.4, 20001.0, 20200.0), "20123 [20001, 20200]"),
        ((0.35, 0.31, None), "0.35 [0.31, –]"),
        ((2.0 / 3, None, None), "0.6667"),
        ((None, None, None), "–"),
    ],
)
def test_digits_that_the_interval_makes_meaningless_are_not_shown(
    numbers: tuple[float | None, float | None, float | None], shown: str
) -> None:
    value, low, high = numbers
    reading = replace(READING, ours=value, low=low, high=high)
    row = claims.markdown([replace(CLAIM, readings=(reading,))]).splitlines()[2]
    assert row.replace(r"\|", "").split("|")[3].strip() == shown


def test_a_page_shows_each_claim_with_its_readings_below() -> None:
    beside = replace(READING, name="robust\nnetwork", decides=False, n=1)
    several = replace(CLAIM, readings=(READING, beside))
    _, _, alone, first, *below = claims.markdown([CLAIM, several], chapters=True).splitlines()
    assert "[chapter 33](33_adversarial_results.ipynb)" in alone and "1000 images" in alone
    assert "another network" in alone and "1000 images" not in first
    assert below[0].startswith("| – natural | 0.5293 | 0.512 [0.480, 0.540] | 1000 images | holds")
    assert below[1].startswith("| – *robust network* |") and "| 1 image |" in below[1]
    assert {line.replace(r"\|", "").count("|") for line in (alone, first, *below)} == {7}
    apart = replace(CLAIM, readings=(READING, replace(READING, paper_value=0.9)))
    assert (CLAIM.sizes, apart.sizes) == ("inside", "inside 1, above 1")
    split = replace(CLAIM, readings=(READING, replace(READING, direction=FAILS)))
    assert (CLAIM.answer, split.answer) == (HOLDS, "fails (1 of 2)")


def test_the_papers_claims_are_counted_by_what_they_stand_on() -> None:
    fails = replace(CLAIM, readings=(replace(READING, direction=FAILS),))
    made = replace(CLAIM, source=replace(SOURCE, part="part1", evidence="made"))
    nothing = replace(CLAIM, readings=(replace(READING, ours=None, low=None, high=None),))
    assert nothing.evidence == NOTHING
    table = claims.tally([CLAIM, fails, CLAIM, made, nothing, replace(fails, asked_by=BOOK)])
    assert table.to_numpy().tolist() == [["Part I", "made", 1, 0, 0], ["Part III", OWN, 2, 1, 0]]
    assert len(claims.short([CLAIM] * 9).splitlines()) == 2 + claims.MATTER


def test_the_file_holds_exactly_the_agreed_fields() -> None:
    agreed = "part claim where paper_value ours low high n dataset rung profile evidence unit"
    entry = CLAIM.entry()
    assert list(entry) == [*agreed.split(), "direction", "size", "source", "rules", "chapter"] + [
        "note",
        "readings",
    ]
    assert claims.from_entry(entry) == CLAIM


FILES = ("sound/runs/verdicts", "faces/runs/verdicts", "adversarial/verdicts", "book/claims")
ANSWERS = ("above", "below", "near", "_ends", "wilson", "mean_interval", "bootstrap_interval")


class _Wordless(ast.NodeTransformer):
    """Empties strings, which say what a rule is called and never what it decides."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return ast.Constant("")


def _rules(code: str) -> dict[str, str]:
    """Return the functions and limits of a module, without their words."""
    tree = ast.parse(code)
    named = {ast.unparse(n.targets[0]): n for n in tree.body if isinstance(n, ast.Assign)}
    named |= {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    return {name: ast.dump(_Wordless().visit(node)) for name, node in named.items()}


@pytest.mark.parametrize("path", FILES)
def test_all_rules_are_those_of_the_commit_that_claims_name(path: str) -> None:
    """Whoever changes one names a later commit: then all results are older than the rules."""
    file = f"lib/{path}.py"
    command = ["git", "-C", str(REPOSITORY), "show", f"{claims.RULES}:{file}"]
    then = subprocess.run(command, capture_output=True, text=True, check=False)
    if then.returncode:
        pytest.skip("this clone does not have the history of the book")
    now, before = (_rules(code) for code in ((REPOSITORY / file).read_text(), then.stdout))
    if path == "book/claims":
        now, before = ({name: each.get(name) for name in ANSWERS} for each in (now, before))
    assert now == before and len(now) > 4
