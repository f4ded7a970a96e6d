"""The ledger of Part III: what the paper leaves open, our choice, and the other choice's effect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from lib.adversarial.evaluation import at_epsilon, share
from lib.runs.results import Result

Runs = Mapping[tuple[str, str], Sequence[Result]]
AttackReadings = Mapping[str, Mapping[str, Sequence[Result]]]  # {kind: {reading: results}}


@dataclass(frozen=True)
class Entry:
    """One open point: what the text says, what we do and why, and where the effect is measured.

    Either `reading` (of the detector) and `threshold`, or `attack` (a reading of the attack), or
    `other_rate` names the other choice; `rate` is what is compared at `epsilon`. Readings of the
    detector are compared at the formula's maximum of each, so that one thing differs at a time.
    """

    item: str
    paper: str
    ours: str
    other: str
    reading: str = "paper"
    threshold: str = "maximum"
    attack: str = ""
    rate: str = "flagged"
    other_rate: str = ""
    epsilon: float = 0.10


_STRONG = {"rate": "accuracy", "epsilon": 0.35}  # where the robust network gives way
_STEP = ("step size", "not said", "0.01 (script)", "2.5 epsilon / K")
_STEPS = ("steps", "K, not said", "40 (script)", "100")
_START = ("start", "at the image (eq. 2)", "random (script)", "at the image")
_SEED = ("random numbers", "not said", "seed 0", "seed 1")
_LIMIT = ("threshold", "maximum, training", "authors' constant")

ENTRIES = (
    Entry("scale of pixels", "[0, 1]; 5 + variance", "0 to 255 (code)", "0 to 1", "unit scale"),
    Entry("whole pixels", "not said", "truncated (code)", "rounded", "rounded"),
    Entry("whole pixels", "not said", "truncated (code)", "not quantised", "unquantised"),
    Entry("border", "not said", "left out (code)", "black beyond it", "black border"),
    Entry("neighbourhood", "excludes the centre", "4 nearest (code)", "all 8", "literal"),
    Entry("residual", "signed (eq. 3)", "magnitude (code)", "signed", "signed"),
    Entry("weights", "proportional", "sum to 1 (code)", "not normalised", "unnormalised"),
    Entry(*_LIMIT, "formula's maximum"),
    Entry(*_LIMIT, "99th percentile", threshold="percentile"),
    Entry(*_START, attack="no random start"),
    Entry(*_STEP, attack="step grows with epsilon"),
    Entry(*_STEPS, attack="100 steps"),
    Entry(*_SEED, attack="another seed"),
    Entry(
        *("flagged images", "count as success (code)", "the same", "lost, if read correctly"),
        rate="correct or flagged",
        other_rate="rightly handled",
    ),
    Entry(*_START, attack="no random start", **_STRONG),  # type: ignore[arg-type]
    Entry(*_STEP, attack="step grows with epsilon", **_STRONG),  # type: ignore[arg-type]
    Entry(*_STEPS, attack="100 steps", **_STRONG),  # type: ignore[arg-type]
    Entry(*_SEED, attack="another seed", **_STRONG),  # type: ignore[arg-type]
)


def table(runs: Runs, attacks: AttackReadings, rate_name: str) -> pd.DataFrame:
    """Return the entries measured by one rate, both networks, our choice and the other."""
    rows = []
    for entry in (entry for entry in ENTRIES if entry.rate == rate_name):
        row: dict[str, str | float] = {
            "open point": entry.item,
            "the paper says": entry.paper,
            "we take": entry.ours,
            "other choice": entry.other,
        }
        for kind in attacks:
            row |= {f"{kind}: ours": mine(entry, kind, runs, attacks)}
            row |= {f"{kind}: other": others(entry, kind, runs, attacks)}
        rows.append(row)
    return pd.DataFrame(rows)


def mine(entry: Entry, kind: str, runs: Runs, attacks: AttackReadings) -> float:
    """Return the rate under the book's choice, on the images of the other choice."""
    found = attacks[kind]["as published"] if entry.attack else runs["ours", kind]
    threshold = "authors" if entry.reading == "paper" else "maximum"
    return share(at_epsilon(found, entry.epsilon), entry.rate, threshold=threshold)


def others(entry: Entry, kind: str, runs: Runs, attacks: AttackReadings) -> float:
    """Return the rate under the other choice."""
    if entry.attack:
        return share(at_epsilon(attacks[kind][entry.attack], entry.epsilon), entry.rate)
    run = at_epsilon(runs["ours", kind], entry.epsilon)
    if entry.other_rate:
        return share(run, entry.other_rate)
    return share(run, entry.rate, entry.reading, entry.threshold)
