"""The ledger: every open point is complete, and effects are the differences they say they are."""

import re

from lib.faces import de_gan, recognition
from lib.faces.runs import ledger, profiles
from lib.faces.runs.experiments import METHODS
from lib.faces.runs.ledger import CHOSEN, NOT_MEASURED
from lib.runs.results import Result
from tests.faces.made_up import runs


def study(expression: float) -> Result:
    """Return a study with these shares."""
    share = {"value": expression, "low": expression - 0.1, "high": expression + 0.1, "n": 6}
    return Result("part2", "studies", {}, {"expression": share, "identity": share})


def test_the_ledger_says_what_the_code_does() -> None:
    found = {entry.open_point: entry for entry in (*ledger.RECOGNITION, *ledger.SYNTHESIS)}
    assert found["form of a local CNN"].we_take == (
        f"2 × {recognition.CHANNELS} maps, fc of {recognition.CONNECTED}"
    )
    said = ", ".join(f"{weight:g}" for weight in recognition.WEIGHTS)
    assert found["weights of eq. 3"].the_paper_says == said
    assert found["length of f(x)"].we_take == str(de_gan.CODE)
    assert found["length and law of z"].we_take == f"{de_gan.NOISE}, uniform"
    chosen = profiles.PROFILES["quick"].gan
    ratio = f"{chosen.generator_steps}, where D is above {chosen.strong}"
    assert found["steps of G for one of D"].we_take == ratio
    assert chosen.generator_rate == 5 and "five times" in found["learning rates"].we_take


def test_effects_are_the_other_choice_less_ours() -> None:
    table = {
        "de_gan": runs("de_gan", 4),
        "de_gan code": runs("de_gan code", 2),
        "de_gan fine-tuned": runs("de_gan fine-tuned", 2, folds=1),
        "de_gan maps": [],
    }
    table |= {name: runs(name, 4) for name in METHODS if name not in table}
    found = ledger.recognition(table).set_index("open point")["effect, points"]
    assert found["the residue's maps"] == "-50.0 (-50.0 to -50.0)"
    assert found["after pre-training"] == "-50.0 (-50.0 to -50.0)"  # in the first fold
    assert found["form of the CNN baseline"] == "+0.0 (+0.0 to +0.0)"
    assert found["what the GAN adds to f(x)"] == "+50.0 (+50.0 to +50.0)"
    assert found["where f(x) is read"] == found["form of a local CNN"] == NOT_MEASURED


def test_studies_stand_beside_the_choice_of_the_book() -> None:
    found = ledger.synthesis({CHOSEN: study(0.8), "no warm-up": study(0.3), "half as wide": None})
    assert found.iloc[0]["open point"] == CHOSEN
    shares = found.set_index("open point")["expression, %"]
    assert shares[CHOSEN] == "80" and shares["who learns first"] == "30"
    assert shares["sizes of layers"] == shares["length and law of z"] == NOT_MEASURED
    assert all(re.fullmatch(r"\d+|not measured|–", text) for text in shares)
    assert shares["idx in eq. 2"] == "–"
