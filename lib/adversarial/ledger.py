"""The ledger of Part III: what the paper leaves open, our choice, and the other choice's effect."""

from collections.abc import Mapping, Sequence

import pandas as pd

from lib.adversarial.evaluation import at_epsilon, share
from lib.book.ledger import Entry
from lib.runs.results import Result

Runs = Mapping[tuple[str, str], Sequence[Result]]
AttackReadings = Mapping[str, Mapping[str, Sequence[Result]]]  # {kind: {reading: results}}

# `measured` says what differs, and what it is in the other choice: a reading of the detector, one
# of its thresholds, a reading of the attack, or how images are counted.
ENTRIES = (
    Entry("scale of pixels", "[0, 1]; 5 + variance", "0 to 255 (code)", "0 to 1",
          ("reading", "unit scale")),
    Entry("whole pixels", "not said", "truncated (code)", "rounded", ("reading", "rounded")),
    Entry("whole pixels", "not said", "truncated (code)", "not quantised",
          ("reading", "unquantised")),
    Entry("border", "not said", "left out (code)", "black beyond it", ("reading", "black border")),
    Entry("neighbourhood", "excludes the centre", "4 nearest (code)", "all 8",
          ("reading", "literal")),
    Entry("residual", "signed (eq. 3)", "magnitude (code)", "signed", ("reading", "signed")),
    Entry("weights", "proportional", "sum to 1 (code)", "not normalised",
          ("reading", "unnormalised")),
    Entry("threshold", "maximum, training", "scripts'", "text's", ("threshold", "maximum")),
    Entry("threshold", "maximum, training", "scripts'", "99th percentile",
          ("threshold", "percentile")),
    Entry("start", "at the image (eq. 2)", "random (script)", "at the image",
          ("attack", "no random start")),
    Entry("step size", "not said", "0.01 (script)", "2.5 epsilon / K",
          ("attack", "step grows with epsilon")),
    Entry("steps", "K, not said", "40 (script)", "100", ("attack", "100 steps")),
    Entry("random numbers", "not said", "seed 0", "seed 1", ("attack", "another seed")),
    Entry("flagged images", "count as success (code)", "the same", "lost, if read correctly",
          ("rate", "rightly handled")),
)  # fmt: skip
EPSILON = 0.10  # at which the tables compare


def table(runs: Runs, attacks: AttackReadings, *what: str) -> pd.DataFrame:
    """Return each entry that measures one of `what` with both choices' rates, for both networks."""
    rows = []
    for entry in (each for each in ENTRIES if each.measured[0] in what):
        row: dict[str, str | float] = {**entry.words("other choice")}
        for kind, readings in attacks.items():
            found = {name: at_epsilon(runs, EPSILON) for name, runs in readings.items()}
            both = compared(entry, at_epsilon(runs["ours", kind], EPSILON), found)
            row |= zip((f"{kind}: as taken", f"{kind}: other"), both, strict=True)
        rows.append(row)
    return pd.DataFrame(rows)


def compared(entry: Entry, run: Result, attacks: Mapping[str, Result]) -> tuple[float, float]:
    """Return the share flagged under the book's choice and under the other, on the same images.

    Readings of the detector are compared at the text's threshold of each, so that one thing
    differs at a time. How flagged images count is shown by the combined rate.
    """
    what, other = entry.measured
    if what == "attack":
        return share(attacks["as published"], "flagged"), share(attacks[other], "flagged")
    if what == "reading":
        ours = share(run, "flagged", threshold="maximum")
        return ours, share(run, "flagged", other, "maximum")
    if what == "threshold":
        return share(run, "flagged"), share(run, "flagged", threshold=other)
    return share(run, "correct or flagged"), share(run, other)
