"""The rules by which claims on faces are judged, on made-up results for which they are plain."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib.book import claims
from lib.book.claims import NOT_TESTABLE, UNDECIDED
from lib.faces.protocol import Estimate
from lib.faces.runs import verdicts
from lib.faces.runs.experiments import METHODS
from lib.faces.runs.verdicts import SETS, Judge
from lib.runs import results
from lib.runs.results import Result

PAPER = results.paper("part2_tables")
PEOPLE, IMAGES, FOLDS = 12, 4, 3
BY_HAND = [7.02, 14.52, 16.10]  # DE-GAN less the baseline in Tables 1 to 3
BEST = [97.36 - 97.30, 72.98 - 75.12, 89.24 - 88.0]  # DeRL, STM-Explet, DeRL


def runs(method: str, right: int) -> list[Result]:
    """Return runs that recognise so many of each person's four images."""
    found = []
    for fold in range(FOLDS):
        people = np.repeat(np.arange(fold, PEOPLE, FOLDS), IMAGES)
        image = np.tile(np.arange(IMAGES), len(people) // IMAGES)
        targets = image % 2
        metrics = {
            "rows": (people * IMAGES + image).tolist(),
            "identities": people.tolist(),
            "targets": targets.tolist(),
            "predicted": np.where(image < right, targets, 1 - targets).tolist(),
        }
        config = {"method": method, "folds": FOLDS, "fold": fold, "seed": 0}
        found.append(Result("part2", "recognition", config, metrics))
    return found


def table(**right: int) -> dict[str, list[Result]]:
    """Return runs of every method, two of four images right but for those named."""
    return {name: runs(name, right.get(name.replace(" ", "_"), 2)) for name in METHODS}


def stored(value: float, half: float = 0.01) -> dict[str, float]:
    """Return an estimate as results hold it."""
    return {"value": value, "low": value - half, "high": value + half, "n": 20}


def known() -> dict[str, Any]:
    """Return what networks know: identity at chance in f(x), expressions in it, faces as asked."""
    levels = {
        "de_gan f(x) identity": 0.01,
        "supervised f(x) identity": 0.2,
        "de_gan pixels identity": 0.5,
        "de_gan f(x) expression": 0.8,
        "de_gan pixels expression": 0.5,
    }
    names = ("network", "features", "about")
    probes = [
        {**dict(zip(names, name.split(), strict=True)), **stored(value)}
        | {"chance": 0.25 if name.endswith("expression") else 0.01}
        for name, value in levels.items()
    ]
    return {
        "probes": probes,
        "ceiling": {name: stored(0.9) for name in ("expression", "identity")},
        "transfer": {
            **{name: stored(0.88) for name in ("expression", "identity")},
            "classes": ["anger", "fear"],
        },
    }


def of_real() -> dict[str, Any]:
    """Return what is known of real people: the same, and smiles as asked."""
    seen = {name: stored(0.88) for name in ("smile", "identity")}
    return {"probes": known()["probes"], "transfer": seen, "photographs": seen}


def judge(found: dict[str, Any] | None = None, rung: str = "open", **right: int) -> Judge:
    """Return a judge over all three sets; DE-GAN is right about three of four images."""
    better = {"de_gan": 3, "de_gan_code": 3, "supervised": 2, **right}
    better["de_gan"] = right.get("de_gan", 4)
    tables = {name: table(**better) for name in SETS}
    return Judge(tables, found or known(), of_real(), PAPER, "made up", rung, "quick")


def test_what_is_as_the_paper_says_is_reproduced(tmp_path: Path) -> None:
    found = judge().all()
    assert [claim.verdict for claim in found] == ["reproduced"] * 15 + [NOT_TESTABLE] * 3
    assert len({claim.claim for claim in found}) == len(found)
    assert [claim.paper_value for claim in found[:3]] == pytest.approx(BY_HAND)
    assert [claim.paper_value for claim in found[-3:]] == pytest.approx(BEST)
    assert all(claim.paper_value is None for claim in found[3:15])
    claims.record(found, tmp_path)
    assert claims.load("quick", tmp_path) == found


def test_every_rule_of_the_module_has_claims() -> None:
    counts = {"over CNN": 3, "exclusive": 2, "holds": 2, "synthesised": 2, "alone": 3, "before": 3}
    texts = [claim.claim for claim in judge().all()]
    counts["real people"] = 4
    for words, count in counts.items():
        assert sum(words in text for text in texts) == count


def test_a_claim_names_the_chapter_that_shows_it() -> None:
    shown = {claim.claim: claim.chapter for claim in judge().all()}
    synthesis = {text for text, chapter in shown.items() if chapter == "23_faces_synthesis"}
    asked = {text for text in shown if "asked for" in text}
    assert synthesis == {text for text in shown if "f(x) " in text[:5]} | asked
    assert len(synthesis) == 8
    assert {shown[text] for text in shown.keys() - synthesis} == {"24_faces_recognition"}


def test_a_claim_says_what_it_rests_on() -> None:
    claim = judge().over_baseline("mmi")
    assert claim.claim == "DE-GAN over CNN baseline, in the shape of MMI, points"
    assert (claim.part, claim.where, claim.n) == ("part2", "4.2, Table 2", PEOPLE)
    assert (claim.dataset, claim.rung, claim.profile) == ("made up", "open", "quick")
    assert (claim.ours, claim.low, claim.high) == (50, 50, 50)
    assert judge(rung="original").over_baseline("mmi").claim.startswith("DE-GAN over CNN b")
    assert ", MMI, " in judge(rung="original").over_baseline("mmi").claim


def test_a_method_that_is_worse_or_equal_is_not_reproduced_or_open() -> None:
    assert judge(cnn=4, de_gan=1).over_baseline("ck").verdict == "not reproduced"
    assert judge(cnn=4).over_baseline("ck").verdict == UNDECIDED


def test_an_absent_set_is_not_testable() -> None:
    found = judge()
    alone = Judge({"ck": found.tables["ck"]}, known(), of_real(), PAPER, "made up", "open", "quick")
    claim = alone.over_baseline("oulu")
    assert claim.verdict == NOT_TESTABLE and claim.ours is None and claim.n == 0
    assert claim.paper_value == pytest.approx(BY_HAND[2]) and "no such set" in claim.note


def estimate(value: float, half: float = 0.01) -> Estimate:
    """Return an estimate."""
    return Estimate(value, value - half, value + half, 20)


@pytest.mark.parametrize(
    ("own", "supervised", "pixels", "verdict"),
    [
        (0.01, 0.01, 0.01, "reproduced"),  # up to 0.02, twice chance
        (0.011, 0.5, 0.5, "partly"),
        (0.3, 0.5, 0.5, "partly"),
        (0.49, 0.5, 0.9, "not reproduced"),  # intervals touch
        (0.3, 0.9, 0.3, "not reproduced"),
        (0.3, 0.2, 0.9, "not reproduced"),
    ],
)
def test_identity_in_the_code(own: float, supervised: float, pixels: float, verdict: str) -> None:
    found = (estimate(own), 0.01, estimate(supervised), estimate(pixels))
    assert verdicts.exclusive(*found) == verdict


@pytest.mark.parametrize(
    ("own", "pixels", "verdict"),
    [(0.8, 0.5, "reproduced"), (0.51, 0.5, "partly"), (0.25, 0.9, "not reproduced")],
)
def test_expression_in_the_code(own: float, pixels: float, verdict: str) -> None:
    assert verdicts.captured(estimate(own), 0.25, estimate(pixels)) == verdict


@pytest.mark.parametrize(
    ("low", "verdict"),
    [(0.91, "reproduced"), (0.89, "partly"), (0.51, "partly"), (0.49, "not reproduced")],
)
@pytest.mark.parametrize("about", ["expression", "identity"])
def test_faces_as_asked(about: str, low: float, verdict: str) -> None:
    """The lower end decides, as a share of what judges see in real faces, which is 0.9."""
    found = known()
    found["transfer"][about] = stored(0.9 * low + 0.01)
    assert judge(found).as_asked(about).verdict == verdict


def test_faces_are_measured_against_what_judges_see_in_real_ones() -> None:
    claim = judge().as_asked("expression")
    assert claim.ours == pytest.approx(100 * 0.88 / 0.9)
    assert (claim.low, claim.high) == pytest.approx((100 * 0.87 / 0.9, 100 * 0.89 / 0.9))
    assert "88.0 (87.0 to 89.0), in real pictures 90.0" in claim.note


@pytest.mark.parametrize(("about", "guess"), [("identity", 1 / 20), ("expression", 1 / 2)])
def test_judges_who_guess_judge_nothing(about: str, guess: float) -> None:
    blind = known()
    blind["ceiling"][about] = stored(guess)
    claim = judge(blind).as_asked(about)
    assert claim.verdict == NOT_TESTABLE and claim.ours is None
    assert f"a guess {100 * guess:.1f}" in claim.note
    blind["ceiling"][about] = stored(guess + 0.02)
    assert judge(blind).as_asked(about).ours == pytest.approx(100 * 0.88 / (guess + 0.02))


def test_notes_hold_the_numbers_that_decide() -> None:
    found = judge()
    for source, knows in ((found.source, found.known), (found.real_source, found.real)):
        identity, expression = found.of_probes(source, knows, "people", "a smile")
        assert "chance is 1.0" in identity.note
        assert "supervised code 20.0 (19.0 to 21.0), of pixels 50.0" in identity.note
        assert "most frequent class has 25.0" in expression.note


def test_claims_on_real_people_are_of_their_photographs() -> None:
    real = [claim for claim in judge().all() if claim.dataset != "made up"]
    assert [claim.claim.partition(":")[0] for claim in real[:2]] == [
        "f(x) is exclusive of identity",
        "f(x) holds the expression",
    ]
    assert {(claim.dataset, claim.ours) for claim in real[2:]} == {("faces_london", 100)}


def test_a_missing_probe_is_named() -> None:
    with pytest.raises(ValueError, match="0 probes of .*'network': 'vae'"):
        verdicts.probe(known(), "vae", "f(x)", "identity")


def test_published_numbers_are_compared_on_original_faces_alone() -> None:
    first = judge(rung="original").over_the_best("ck")
    assert first.ours == pytest.approx(100 - 97.30) and first.verdict == "reproduced"
    below = judge(rung="original").over_the_best("mmi")  # the paper says it is below the best
    assert below.ours == pytest.approx(100 - 75.12) and below.verdict == "not reproduced"
    assert "STM-Explet" in below.claim and below.n == FOLDS
    worse = judge(rung="original", de_gan=1).over_the_best("mmi")
    assert worse.ours == pytest.approx(25 - 75.12) and worse.verdict == "reproduced"


def test_every_method_has_a_name() -> None:
    assert set(verdicts.NAMES) == set(METHODS)
    published = {row["method"] for row in PAPER["rows"]}
    assert set(verdicts.PUBLISHED.values()) <= published
