"""The ledger: every entry names what exists, and compares the right runs."""

import pytest

from lib.adversarial import ledger
from lib.adversarial.detector import READINGS
from lib.adversarial.evaluation import LEDGER
from lib.adversarial.profiles import PROFILES
from tests.adversarial.made_up import run

KNOWN = {
    "reading": set(READINGS) - {"paper"},
    "threshold": {"maximum", "percentile"},
    "attack": set(LEDGER) - {"as published"},
    "rate": {"rightly handled"},
}


def test_the_ledger_names_only_what_exists() -> None:
    for what, other in (entry.measured for entry in ledger.ENTRIES):
        assert other in KNOWN[what]
    assert ledger.EPSILON in PROFILES["quick"].ledger_epsilons


@pytest.mark.parametrize(
    ("other", "compared"),
    [
        ("signed", (0.31, 0.07)),  # at the maximum of each reading
        ("text's", (0.3, 0.31)),
        ("100", (0.0, 0.05)),  # "as published" stands first and counts nothing
        ("lost, if read correctly", (0.77, 0.74)),
    ],
)
def test_an_entry_compares_the_right_runs(other: str, compared: tuple[float, float]) -> None:
    weak, strong = run(0.1, 500, 300, 270), run(0.1, 500, 310)
    signed = run(0.1, 500, 70).metrics["readings"]["signed"]
    limits = weak.metrics["readings"]["paper"]["thresholds"]
    limits |= {"maximum": strong.metrics["readings"]["paper"]["thresholds"]["maximum"]}
    weak.metrics["readings"]["signed"] = signed
    attacks = {
        name: [run(0.1, 500, 10 * place), run(0.35, 10 * place, 900)]
        for place, name in enumerate(LEDGER)
    }
    runs = {("ours", "robust"): [weak, run(0.35, 200, 900)]}
    table = ledger.table(runs, {"robust": attacks}, *KNOWN)
    assert len(table) == len(ledger.ENTRIES) > len(ledger.table(runs, {"robust": attacks}, "rate"))
    (row,) = table[table["other choice"] == other].to_dict("records")
    assert (row["robust: as taken"], row["robust: other"]) == pytest.approx(compared)
