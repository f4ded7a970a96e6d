"""The ledger: every entry names what exists, and compares the right runs."""

import pytest

from lib.adversarial import ledger
from lib.adversarial.detector import READINGS
from lib.adversarial.evaluation import LEDGER, RATES
from lib.adversarial.profiles import PROFILES
from tests.adversarial.made_up import run

KNOWN = {
    "reading": set(READINGS) - {"paper"},
    "threshold": {"maximum", "percentile"},
    "attack": set(LEDGER) - {"as published"},
    "rate": set(RATES),
}


def test_the_ledger_names_only_what_exists_and_shows_each_entry() -> None:
    for what, other in (entry.measured for entry in ledger.ENTRIES):
        assert other in KNOWN[what]
    assert {entry.measured[0] for entry in ledger.ENTRIES} == {
        what for about, _ in ledger.SHOWN.values() for what in about
    }
    strengths = {epsilon for _, epsilon in ledger.SHOWN.values()}
    assert strengths <= set(PROFILES["quick"].ledger_epsilons)


@pytest.mark.parametrize(
    ("rate", "other", "ours", "theirs"),
    [
        ("flagged", "signed", 0.31, 0.07),  # at the maximum of each reading
        ("flagged", "formula's maximum", 0.30, 0.31),
        ("flagged", "100", 0.0, 0.05),  # "as published" stands first and counts nothing
        ("accuracy", "100", 0.0, 0.05),
        ("correct or flagged", "lost, if read correctly", 0.77, 0.74),
    ],
)
def test_an_entry_compares_the_right_runs(
    rate: str, other: str, ours: float, theirs: float
) -> None:
    weak = run(0.1, 500, 300, 270)
    limits = dict(weak.metrics["readings"]["paper"]["thresholds"])
    limits["maximum"] = {"flagged": 310, "flagged_misclassified": 0}
    signed = {"maximum": {"flagged": 70, "flagged_misclassified": 0}}
    weak.metrics["readings"] |= {"paper": {"thresholds": limits}, "signed": {"thresholds": signed}}
    attacks = {
        name: [run(0.1, 500, 10 * place), run(0.35, 10 * place, 900)]
        for place, name in enumerate(LEDGER)
    }
    runs = {("ours", "robust"): [weak, run(0.35, 200, 900)]}
    table = ledger.table(runs, {"robust": attacks}, rate)
    (row,) = table[table["other choice"] == other].to_dict("records")
    assert (row["robust: ours"], row["robust: other"]) == pytest.approx((ours, theirs))
