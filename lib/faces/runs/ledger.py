"""The ledger of Part II: what the paper leaves open, our choice, and the other choice's effect."""

from collections.abc import Mapping, Sequence

import pandas as pd

from lib.book.ledger import Entry
from lib.faces import protocol
from lib.faces.protocol import Estimate
from lib.faces.runs import knowledge
from lib.runs.results import Result

CHOSEN = "as in the book"  # of the studies, see studies.VARIANTS
NOT_MEASURED, NONE = "not measured", "none to choose"
OTHER = "the other choice"  # head of a column

# `measured` names two methods in RECOGNITION, the other choice and ours; a study in SYNTHESIS.
RECOGNITION = (
    Entry("residue", "of intermediate layers", "after each stride of 2", "none: f(x) alone",
          measured=("de_gan code", "de_gan")),
    Entry("f(x)", "joined with the fc's", "one linear layer on all", "none: maps alone",
          measured=("de_gan maps", "de_gan")),
    Entry("pre-training, then?", '"initially"', "then frozen", "fine-tuned on the fold",
          measured=("de_gan fine-tuned", "de_gan")),
    Entry("pre-training", "BU-4DFE, 101 people", "as many other people", "none: the fold alone",
          measured=("de_gan fold only", "de_gan")),
    Entry("CNN baseline", "not said", "the encoder, on the fold", "it, against DE-GAN",
          measured=("cnn", "de_gan")),
    Entry("the GAN's own part", "no control", "encoder without a GAN", "it, against DE-GAN",
          measured=("supervised", "de_gan")),
    Entry("the same, no residue", "no control", "its code alone", "it, against f(x) alone",
          measured=("supervised code", "de_gan code")),
    Entry("local CNN", "not said", "2 × 64 maps, fc of 128", "other sizes"),
    Entry("weights of eq. 3", "0.7, 0.6, 0.4, 0.3, 1", "0.7 for the largest map", "the reverse"),
    Entry("what decides", "not said", "the joint logits", "a vote of all five"),
    Entry("augmented tests", "before the division", "never", "ten crops"),
    Entry("end of training", "50 epochs", "a number of steps", "the best test fold"),
    Entry("length of f(x)", "350 is optimal", "350", "others"),
    Entry("size of pictures", "96 pixels", "the profile's", "96 pixels"),
    Entry("frames of MMI", "three in the middle", "around the peak", NONE),
)  # fmt: skip
SYNTHESIS = (
    Entry(
        "layer sizes", "not said", "DR-GAN's, times the width", "half as wide", ("half as wide",)
    ),
    Entry("eq. 1 and 2", "all there is", "more, below", "alone", ("equations 1 and 2 alone",)),
    Entry("who begins", "not said", "D, on real faces", "both", ("no warm-up",)),
    Entry('"VAE-GAN"', "no such term", "own identity, L1", "no term", ("no reconstruction",)),
    Entry("rates", "1e-4 for both", "G's five times D's", "equal", ("G as slow as D",)),
    Entry(
        "rates in the end", "not said", "constant, if rendered", "fall to 0", ("rates that fall",)
    ),
    Entry(
        "update ratio", "G more often, later", "4 : 1, D near 0.9", "1 : 1", ("D in every step",)
    ),
    Entry(
        "update ratio",
        "G more often, later",
        "4 : 1, D near 0.9",
        "4 : 1",
        ("D in every fourth step",),
    ),
    Entry("augmentation", "110 variants", "mirror images", "110", ("all 110 variants",)),
    Entry("weights kept", "not said", "a running mean of G's", "the last", ("no running mean",)),
    Entry("decoder", "not said", "the mirror, then tanh", "others"),
    Entry("momentum 0.5", "Adam", "its first decay rate", NONE),
    Entry("noise z", "no length or law", "50, uniform", "others"),
    Entry("identity code", "another person", "anyone", "never one's own"),
    Entry("other people", "not said", "new heads, new columns", NONE),
    Entry("index of eq. 2", "idx", "the person asked for", NONE),
    Entry("corners to crop", "not said", "a picture 110 / 96 as wide", "others"),
    Entry("neutral frames", "all 60,600", "none, where we make them", "all"),
)


def recognition(table: Mapping[str, Sequence[Result]]) -> pd.DataFrame:
    """Return the entries on recognition, with effects in points of accuracy."""
    rows = []
    for entry in RECOGNITION:
        found = None
        if entry.measured:
            other, ours = entry.measured
            found = protocol.gain(table.get(other, ()), table[ours])
        effect = _unmeasured(entry) if found is None else points(found)
        rows.append({**entry.words(OTHER), "effect, points": effect})
    return pd.DataFrame(rows)


def synthesis(studies: Mapping[str, Result | None]) -> pd.DataFrame:
    """Return the entries on the training of DE-GAN, with what judges see in its pictures."""
    own = Entry(CHOSEN, "", "", "")
    rows = [{**own.words(OTHER), **_shares(studies.get(CHOSEN))}]
    for entry in SYNTHESIS:
        result = studies.get(entry.measured[0]) if entry.measured else None
        rows.append({**entry.words(OTHER), **_shares(result, _unmeasured(entry))})
    return pd.DataFrame(rows)


def points(found: Estimate) -> str:
    """Return a difference in points, with its interval, as text."""
    return f"{100 * found.value:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})"


def _unmeasured(entry: Entry) -> str:
    """Return what stands where there is no effect: there is none, or it was not measured."""
    return "–" if entry.otherwise == NONE else NOT_MEASURED


def _shares(result: Result | None, otherwise: str = NOT_MEASURED) -> dict[str, str]:
    """Return how often judges see expression and identity as asked, in percent, as text."""
    found = {}
    for name in ("expression", "identity"):
        found[f"{name}, %"] = otherwise
        if result is not None:
            value, low, high, _ = knowledge.estimate(result.metrics[name])
            found[f"{name}, %"] = f"{100 * value:.0f} ({100 * low:.0f} to {100 * high:.0f})"
    return found
