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
KINDS = ("natural", "robust")


def test_the_ledger_names_only_what_exists() -> None:
    for entry in ledger.ENTRIES:
        what, other = entry.measured
        assert other in KNOWN[what], entry
        assert all(entry.words("other choice").values()), entry
    assert set(ledger.SHOWN) <= set(RATES)
    strengths = {epsilon for _, epsilon in ledger.SHOWN.values()}
    assert strengths <= set(PROFILES["quick"].ledger_epsilons)


@pytest.mark.parametrize(
    ("rate", "other", "ours", "theirs"),
    [
        ("flagged", "signed", 0.31, 0.07),  # at the maximum of each reading
        ("flagged", "formula's maximum", 0.30, 0.31),
        ("flagged", "99th percentile", 0.30, 0.30),
        ("flagged", "100", 0.0, 0.05),  # "as published" stands first and counts nothing
        ("accuracy", "100", 0.0, 0.05),
        ("accuracy", "seed 1", 0.0, 0.01),
        ("correct or flagged", "lost, if read correctly", 0.77, 0.74),
    ],
)
def test_an_entry_compares_the_right_runs(
    rate: str, other: str, ours: float, theirs: float
) -> None:
    runs = {("ours", kind): [run(0.1, 500, 300, 270), run(0.35, 200, 900)] for kind in KINDS}
    for found in runs.values():
        detectors = found[0].metrics["readings"]
        detectors["signed"] = {
            "thresholds": {"maximum": {"flagged": 70, "flagged_misclassified": 0}}
        }
        limits = {**detectors["paper"]["thresholds"]}
        limits["maximum"] = {"flagged": 310, "flagged_misclassified": 0}
        detectors["paper"] = {"thresholds": limits}
    attacks = {
        kind: {
            name: [run(0.1, 500, 10 * place), run(0.35, 10 * place, 900)]
            for place, name in enumerate(LEDGER)
        }
        for kind in KINDS
    }
    table = ledger.table(runs, attacks, rate)
    (row,) = table[table["other choice"] == other].to_dict("records")
    for kind in KINDS:
        assert (row[f"{kind}: ours"], row[f"{kind}: other"]) == pytest.approx((ours, theirs))


def test_every_entry_stands_in_one_table_and_the_attacks_in_two() -> None:
    runs = {("ours", kind): [run(0.1, 500, 300)] for kind in KINDS}
    attacks = {kind: {name: [run(0.1, 500, 300)] for name in LEDGER} for kind in KINDS}
    sizes = [len(ledger.table(runs, attacks, rate)) for rate in ledger.SHOWN]
    assert sizes == [13, 4, 1] and len(ledger.ENTRIES) == 14
