"""The ledger of Part II: what the paper leaves open, our choice, and the other choice's effect."""

from collections.abc import Mapping, Sequence

import pandas as pd

from lib.book.ledger import Entry
from lib.faces import protocol
from lib.faces.protocol import Estimate
from lib.runs.results import Result

CHOSEN = "as in the book"  # of the studies, see studies.VARIANTS
NOT_MEASURED, NONE = "not measured", "none to choose"
OTHER = "the other choice"  # head of a column

# `measured` names two methods in RECOGNITION, the other choice and ours; a study in SYNTHESIS.
RECOGNITION = (
    Entry("the residue's maps", "those of intermediate layers", "after each stride of 2",
          "f(x) alone", measured=("de_gan code", "de_gan")),
    Entry("where f(x) is read", "with the last layers of local CNNs", "one linear layer on all",
          "the maps alone", measured=("de_gan maps", "de_gan")),
    Entry("after pre-training", '"initially pre-trained", no more', "the encoder is frozen",
          "fine-tuned on the fold", measured=("de_gan fine-tuned", "de_gan")),
    Entry("pre-training", "BU-4DFE, 101 people", "as many other people",
          "DE-GAN, not pre-trained", measured=("de_gan fold only", "de_gan")),
    Entry("form of the CNN baseline", "not said", "the encoder, trained on the fold",
          "this baseline in DE-GAN's place", measured=("cnn", "de_gan")),
    Entry("what the GAN adds", "no comparison", "a supervised encoder beside it",
          "that encoder in DE-GAN's place", measured=("supervised", "de_gan")),
    Entry("what the GAN adds to f(x)", "no comparison", "the supervised encoder's f(x) beside it",
          "that f(x) in DE-GAN's place", measured=("supervised code", "de_gan code")),
    Entry("form of a local CNN", "not said", "2 × 64 maps, fc of 128", "other sizes"),
    Entry("weights of eq. 3", "0.7, 0.6, 0.4, 0.3, 1", "0.7 for the largest map", "the reverse"),
    Entry("which answer counts", "not said", "the joint one", "a vote of all five"),
    Entry("test pictures", "augmented before they are divided", "the centre crop", "ten crops"),
    Entry("end of training", "after 50 epochs", "after a number of steps", "at the best test fold"),
    Entry("length of f(x)", "350 is optimal", "350", "other lengths"),
    Entry("size of pictures", "96 pixels", "the profile's", "96 pixels"),
    Entry("frames of MMI", "three in the middle", "around the peak", NONE),
)  # fmt: skip
SYNTHESIS = (
    Entry("sizes of layers", "not said", "DR-GAN's, times the width", "half as wide",
          ("half as wide",)),
    Entry("what G and D learn by", "equations 1 and 2", "those, and chapter 22's more",
          "equations 1 and 2 alone", ("equations 1 and 2 alone",)),
    Entry("who learns first", "not said", "D, on real faces", "both at once", ("no warm-up",)),
    Entry('term of the "VAE-GAN"', "none in the equations", "own identity, compared by L1",
          "no such term", ("no reconstruction",)),
    Entry("learning rates", "1e-4 for both", "G's five times D's", "equal", ("G as slow as D",)),
    Entry("rates at the end", "not said", "constant; falling in fine-tuning and in folds",
          "they fall to 0", ("rates that fall",)),
    Entry("steps of G for one of D", "more, in later iterations", "4, where D is above 0.9",
          "1 always", ("D in every step",)),
    Entry("steps of G for one of D", "more, in later iterations", "4, where D is above 0.9",
          "4 always", ("D in every fourth step",)),
    Entry("augmentation", "110 variants", "mirror images", "110 variants", ("all 110 variants",)),
    Entry("which weights are kept", "not said", "a running mean of G's", "the last",
          ("no running mean",)),
    Entry("form of the decoder", "not said", "the encoder's mirror, then tanh", "other forms"),
    Entry("momentum of 0.5", "of Adam", "its first decay rate", NONE),
    Entry("length and law of z", "not said", "50, uniform", "others"),
    Entry("whom I asks for", "another person", "anyone", "never the person in x"),
    Entry("what other people need", "not said", "new heads, new columns of I", NONE),
    Entry("idx in eq. 2", "not explained", "the person asked for", NONE),
    Entry("margin around a crop", "not said", "a source 110 / 96 as wide", "others"),
    Entry("neutral frames", "among the 60,600", "none, where we make them", "all"),
)  # fmt: skip


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
            found[f"{name}, %"] = f"{100 * result.metrics[name]['value']:.0f}"
    return found
