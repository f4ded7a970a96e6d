"""The rules by which claims are judged, on made-up runs for which the verdict is plain."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lib.book import claims, results
from lib.book.claims import Claim
from lib.book.results import Result
from lib.sound import protocol, verdicts
from lib.sound.evaluation import METRICS
from lib.sound.models import COMBINATIONS
from lib.sound.protocol import Difference
from lib.sound.verdicts import ALL, AUDIO, PRETRAINED, SPECTRAL, VISUAL, WITH_AUDIO, Judge

MakeRun = Callable[..., Result]
Levels = Mapping[tuple[str, ...], Mapping[str, float]]
MakeJudge = Callable[..., Judge]
PAPER = results.paper("part1_table3")
PUBLISHED = {
    row: {name: protocol.paper_score(PAPER, row, name) for name in METRICS} for row in COMBINATIONS
}
DIFFERENCES = [  # of Table 3 by hand, in points, in the order of section 5
    *(4.81, 4.50, 7.50),  # clip: audio, visual, both, beside spectral (printed in 5.1)
    *(1.95, 2.86, 14.62),  # audio over spectral; spectral beside audio; spectral over visual
    *(2.69, 1.87),  # visual beside spectral and audio, beside audio
    *(4.65, 3.72, 6.77),  # segment: audio, visual, both
    *(-0.45, 0.37, -0.38),  # event: visual, audio, both
    *(4.95, 4.44, 7.88),  # clip gain less event gain
    *(17.35, 14.20, 10.72),  # event: spectral over visual, audio, both of these
]


@pytest.fixture
def judge(made_up_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> MakeJudge:
    """Return a function that makes a judge over three runs a row with the scores asked for."""
    monkeypatch.setattr(protocol, "RESAMPLES", 80)

    def make(
        changes: Levels | None = None,
        aligned: float = 0.0,
        spread: float = 0.001,
        count: int = 3,
        rung: str = "original",
    ) -> Judge:
        levels = {row: {**PUBLISHED[row], **(changes or {}).get(row, {})} for row in PUBLISHED}
        runs = {
            row: [made_up_run(row, seed, levels[row], spread) for seed in range(count)]
            for row in levels
        }
        moved = {**levels[AUDIO], "event": levels[AUDIO]["event"] + aligned}
        other = [made_up_run(AUDIO, 100 + seed, moved, spread) for seed in range(count)]
        return Judge(runs, {AUDIO: other}, PAPER, "made up", rung, "quick")

    return make


def test_who_has_the_papers_scores_reproduces_every_claim(judge: MakeJudge, tmp_path: Path) -> None:
    found = judge().all()
    assert {claim.verdict for claim in found} == {"reproduced"}
    assert len({claim.claim for claim in found}) == len(found)
    *compared, objectives = [claim.paper_value for claim in found]
    assert compared == pytest.approx([value / 100 for value in DIFFERENCES])
    assert objectives is None
    claims.record(found, tmp_path)
    assert claims.load("quick", tmp_path) == found


def test_a_claim_says_what_it_rests_on(judge: MakeJudge) -> None:
    claim = judge(count=4).higher(WITH_AUDIO, SPECTRAL, "clip", "5.1")
    assert claim.claim == "clip F1: spectral + pretrained audio over spectral"
    assert (claim.part, claim.where, claim.n) == ("part1", "5.1", 4)
    assert (claim.dataset, claim.rung, claim.profile) == ("made up", "original", "quick")
    assert claim.low <= claim.ours <= claim.high


def test_the_row_with_the_fewest_trainings_is_counted(judge: MakeJudge) -> None:
    full = judge(count=3)
    fewer = {**full.runs, VISUAL: full.runs[VISUAL][:2]}
    few = Judge(fewer, full.aligned, PAPER, "made up", "original", "quick")
    assert few.higher(ALL, SPECTRAL, "clip", "5.1").n == 2


# --- each rule


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (Difference(0.1, (0.05, 0.15), (0.01, 0.2)), "reproduced"),
        (Difference(0.1, (-0.05, 0.25), (0.01, 0.2)), "partly"),
        (Difference(0.1, (0.05, 0.15), (-0.01, 0.2)), "partly"),
        (Difference(0.1, (0.05, 0.15), (0.0, 0.2)), "partly"),
        (Difference(0.0, (-0.1, 0.1), (-0.1, 0.1)), "not reproduced"),
        (Difference(-0.1, (-0.3, 0.1), (-0.2, 0.3)), "not reproduced"),
    ],
)
def test_both_intervals_must_lie_above_zero(found: Difference, verdict: str) -> None:
    assert verdicts.above_zero(found) == verdict


def of_audio(claim: str, judge: Judge) -> Claim:
    """Return one claim on the row with spectral and pretrained audio features."""
    if claim == "higher":
        return judge.higher(WITH_AUDIO, SPECTRAL, "clip", "5.1")
    return judge.not_notable(WITH_AUDIO) if claim == "small" else judge.smaller_gain(WITH_AUDIO)


@pytest.mark.parametrize(
    ("claim", "metric", "gain", "spread", "verdict"),
    [
        ("higher", "clip", 0.05, 0.001, "reproduced"),
        ("higher", "clip", 0.1, 0.1, "partly"),
        ("higher", "clip", -0.05, 0.001, "not reproduced"),
        ("small", "event", -0.05, 0.001, "reproduced"),
        ("small", "event", 0.0, 0.1, "partly"),
        ("small", "event", 0.08, 0.001, "not reproduced"),
        ("gap", "event", 0.0, 0.001, "reproduced"),
        ("gap", "event", 0.0, 0.1, "partly"),
        ("gap", "event", 0.15, 0.001, "not reproduced"),
    ],
)
def test_each_rule_has_three_outcomes(
    judge: MakeJudge, claim: str, metric: str, gain: float, spread: float, verdict: str
) -> None:
    levels = {WITH_AUDIO: {metric: PUBLISHED[SPECTRAL][metric] + gain}}
    found = of_audio(claim, judge(levels, spread=spread))
    assert found.verdict == verdict, found


def test_a_difference_of_gains_is_combined_from_four_means(judge: MakeJudge) -> None:
    made = judge(spread=0.05)
    mean = {
        (row, name): sum(protocol.scores(made.runs[row], name)) / 3
        for row in (ALL, SPECTRAL)
        for name in METRICS
    }
    expected = mean[ALL, "clip"] - mean[SPECTRAL, "clip"]
    expected -= mean[ALL, "event"] - mean[SPECTRAL, "event"]
    assert made.smaller_gain(ALL).ours == pytest.approx(expected)


@pytest.mark.parametrize(
    ("gain", "spread", "verdict"),  # the paper's gap on events is 14.2 points
    [
        (0.0, 0.001, "reproduced"),
        (0.02, 0.012, "reproduced"),  # above 0, but not surely
        (0.035, 0.001, "partly"),
        (0.12, 0.001, "not reproduced"),
        (0.04, 0.08, "not testable here"),
    ],
)
def test_what_joining_by_time_recovers_decides_on_the_papers_reason(
    judge: MakeJudge, gain: float, spread: float, verdict: str
) -> None:
    claim = judge(aligned=gain, spread=spread).objectives()
    assert claim.verdict == verdict, claim
    assert claim.paper_value is None


# --- what the clips can tell


def test_drawn_pictures_reproduce_in_part_at_most(judge: MakeJudge) -> None:
    made = judge(rung="open")
    assert made.higher(WITH_AUDIO, SPECTRAL, "clip", "5.1").verdict == "reproduced"
    assert made.not_notable(WITH_AUDIO).verdict == "reproduced"
    assert made.objectives().verdict == "reproduced"
    for claim in (
        made.higher(SPECTRAL, VISUAL, "clip", "5.1"),
        made.higher(ALL, WITH_AUDIO, "clip", "5.1"),
        made.not_notable(ALL),
        made.smaller_gain(ALL),
    ):
        assert claim.verdict == "partly" and "the pictures are drawn" in claim.note


def test_drawn_pictures_make_nothing_better(judge: MakeJudge) -> None:
    levels = {ALL: {"clip": PUBLISHED[SPECTRAL]["clip"] - 0.05}}
    claim = judge(levels, rung="open").higher(ALL, SPECTRAL, "clip", "5.1")
    assert claim.verdict == "not reproduced"


def test_synthetic_clips_are_never_a_verdict_on_the_paper(judge: MakeJudge) -> None:
    made = judge(rung="embedded")
    found = [made.higher(WITH_AUDIO, SPECTRAL, "clip", "5.1"), made.not_notable(ALL)]
    found += [made.smaller_gain(ALL), made.objectives()]
    assert {claim.verdict for claim in found} == {"not testable here"}


def test_rows_are_named_by_their_features() -> None:
    assert verdicts.name(PRETRAINED) == "pretrained audio + pretrained visual"


def test_without_a_gap_there_is_nothing_to_explain() -> None:
    gain = protocol.Difference(0.1, (0.05, 0.15), (0.05, 0.15))
    assert verdicts.unexplained(gain, gap=-0.01) == "not testable here"
    assert verdicts.unexplained(gain, gap=0.05) == "not reproduced"
