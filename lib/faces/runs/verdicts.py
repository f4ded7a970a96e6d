"""The paper's claims on faces, each with the rule by which this book judges it.

The rules were fixed before the results on rendered faces were computed, but for the last sentence
of rule 4. Trainings were changed after looks at results; chapter 24 says which.

1. DE-GAN is better than the CNN baseline on people it never saw, on each of three sets: reproduced
   if the interval of the difference over people lies above 0, not reproduced if it lies below,
   undecided if it holds 0, not testable here if the set is absent. Where the paper has a
   difference, the interval must lie on its side.
2. f(x) is exclusive of identity: reproduced if a probe finds the identity there at most twice as
   often as by chance (the interval's upper end); partly if, with its interval, less often than in
   the code of the supervised encoder and than in pixels; else not reproduced.
3. f(x) holds the expression: reproduced if a probe of people never met reads it there, with its
   interval, more often than by chance and than from pixels; partly if more often than by chance.
4. Synthesised faces show the expression asked for: of what independent judges see in real pictures,
   they see there at least 0.9 (the interval's lower end), or, partly, 0.5. Judges who do no better
   than guess about real pictures judge nothing: not testable here.
5. They show the identity asked for: as rule 4.
6. Maps and code together are better than either alone: as rule 1.
7. The book's own question, whether the GAN adds anything to the people it learns from, against an
   encoder that learnt from the same people without it: as rule 1.
8. Better than the best method published before: as rule 1, but only on the original faces.
9. Real people: rules 2 and 3 for photographs of people whom no network learnt; rules 4 and 5 for
   neutral faces and smiles put on people whose smile was held out, where a smile is what a probe
   of other people's photographs sees, and a person is known where their own smile is the nearest
   of all to an embedding that learnt renderings alone. Fixed before any of it was computed but the
   probes.

Shares are in percent, differences in points. Intervals hold other people, not other trainings: each
network was trained once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from lib.book.claims import NOT_TESTABLE, UNDECIDED, Claim, Source, above, below, graded
from lib.faces import protocol
from lib.faces.data import london
from lib.faces.protocol import Estimate
from lib.faces.runs import knowledge
from lib.runs.results import Result

PART = "part2"
SETS = {"ck": "CK+", "mmi": "MMI", "oulu": "Oulu-CASIA"}  # Tables 1 to 3
PUBLISHED = {"cnn": "CNN (baseline)", "de_gan": "DE-GAN"}  # our methods that the tables have
NAMES = {
    "cnn": "CNN baseline",
    "de_gan": "DE-GAN",
    "de_gan code": "DE-GAN's f(x) alone",
    "de_gan maps": "DE-GAN's maps alone",
    "de_gan fine-tuned": "DE-GAN, fine-tuned",
    "de_gan fold only": "DE-GAN, not pre-trained",
    "supervised": "supervised encoder",
    "supervised code": "supervised code alone",
}
TIMES_CHANCE = 2  # up to which a probe finds no identity worth the name
FULLY, PARTLY = 0.9, 0.5  # of what judges see in real pictures
CODE = "f(x)"
SYNTHESIS, RECOGNITION = "23_faces_synthesis", "24_faces_recognition"  # chapters
ABOVE_ZERO = "would change if the interval came to hold 0, or left it"


@dataclass(frozen=True)
class Judge:
    """Turns results into claims.

    `tables` are the runs by set and method (see `experiments.tables`), `known` the metrics of
    `knowledge.find`, `real` those of `real.find`, `paper` is data/paper/part2_tables.json; the rest
    says what results are of.
    """

    tables: Mapping[str, Mapping[str, Sequence[Result]]]
    known: Mapping[str, Any]
    real: Mapping[str, Any]
    paper: Mapping[str, Any]
    dataset: str
    rung: str
    profile: str

    @property
    def source(self) -> Source:
        """Return what all claims of Part II share; their numbers are in percent."""
        return Source(PART, self.dataset, self.rung, self.profile, RECOGNITION, unit=100)

    @property
    def real_source(self) -> Source:
        """Return what the claims on real people share."""
        return Source(PART, london.NAME, "open", self.profile, SYNTHESIS, unit=100)

    def all(self) -> list[Claim]:
        """Return all claims of Part II."""
        return [
            *(self.over_baseline(name) for name in SETS),
            *self.of_probes(self.source, self.known, "known people", "that of people never met"),
            self.as_asked("expression"),
            self.as_asked("identity"),
            *self.of_probes(self.real_source, self.real, "real people", "a smile of real people"),
            self.smiles_as_asked("smile", "expression"),
            self.smiles_as_asked("identity", "identity"),
            self.higher("de_gan", "de_gan code", "3.2"),
            self.higher("de_gan", "de_gan maps", "3.2"),
            self.higher("de_gan", "supervised", "book"),
            self.higher("de_gan code", "supervised code", "book"),
            *(self.over_the_best(name) for name in SETS),
        ]

    def over_baseline(self, name: str) -> Claim:
        """Judge DE-GAN against the baseline on a set (rule 1)."""
        paper = round(self.published(name, "de_gan") - self.published(name, "cnn"), 6)
        return self.higher("de_gan", "cnn", _table(name), name, paper)

    def higher(
        self, better: str, worse: str, where: str, name: str = "ck", paper: float | None = None
    ) -> Claim:
        """Judge that one method is better than another on a set (rules 1, 6 and 7)."""
        text = f"{NAMES[better]} over {NAMES[worse]}, {self.title(name)}, points"
        if name not in self.tables:
            note = "this profile has no such set; with one, this could be judged"
            return self.source.claim(text, where, paper, None, NOT_TESTABLE, note)
        found = protocol.gain(self.tables[name][better], self.tables[name][worse])
        if found is None:
            return self.source.claim(
                text, where, paper, None, UNDECIDED, "these runs are not there yet"
            )
        verdict = above(found.low, found.high)
        return self.source.claim(text, where, paper, found, verdict, f"n: people; {ABOVE_ZERO}")

    def of_probes(
        self, source: Source, known: Mapping[str, Any], people: str, whose: str
    ) -> list[Claim]:
        """Judge what probes find in f(x): identity (rule 2) and expression (rule 3).

        Args:
            source: what the results are of.
            known: metrics with `probes`.
            people: who is to be found.
            whose: the expression is.
        """
        read = partial(probe, known)
        found, chance = read("de_gan", CODE, "identity")
        supervised, _ = read("supervised", CODE, "identity")
        pixels, _ = read("de_gan", "pixels", "identity")
        note = (
            f"n: people; chance is {100 * chance:.1f}; the same probe of the supervised code "
            f"{_percent(supervised)}, of pixels {_percent(pixels)}; would change with the upper "
            f"end: reproduced up to {TIMES_CHANCE} times chance, partly below both others"
        )
        text = f"f(x) is exclusive of identity: {people} found in it by a linear probe, %"
        verdict = exclusive(found, chance, supervised, pixels)
        identity = source.claim(text, "1, 3", None, found, verdict, note, SYNTHESIS)
        found, chance = read("de_gan", CODE, "expression")
        pixels, _ = read("de_gan", "pixels", "expression")
        note = (
            f"n: people; the most frequent class has {100 * chance:.1f}; the same probe of pixels "
            f"{_percent(pixels)}; would change with the lower end against these two"
        )
        text = f"f(x) holds the expression: {whose} read by a linear probe, %"
        verdict = captured(found, chance, pixels)
        return [identity, source.claim(text, "3", None, found, verdict, note, SYNTHESIS)]

    def as_asked(self, about: str) -> Claim:
        """Judge that made faces show what was asked for (rules 4 and 5)."""
        real, transfer = self.known["ceiling"][about], self.known["transfer"]
        chance = 1 / (len(transfer["classes"]) if about == "expression" else real["n"])
        text = f"synthesised faces show the {about} asked for, % of what judges see in real ones"
        return _as_asked(self.source, text, transfer[about], real, chance, "people in the sources")

    def smiles_as_asked(self, seen: str, about: str) -> Claim:
        """Judge that real people show what was asked for, neutral or smiling (rule 9)."""
        made, photographed = self.real["transfer"][seen], self.real["photographs"][seen]
        _, chance = probe(self.real, "de_gan", CODE, about)
        text = f"real people show the {about} asked for, % of what judges see in photographs"
        units = "lenders, and as many borrowers, drawn both"
        return _as_asked(self.real_source, text, made, photographed, chance, units)

    def over_the_best(self, name: str) -> Claim:
        """Judge DE-GAN against the best method published before it (rule 8)."""
        ours = set(PUBLISHED.values())
        others = [row for row in self.rows(name) if row["method"] not in ours]
        best = max(others, key=lambda row: row["accuracy"])
        paper = round(self.published(name, "de_gan") - best["accuracy"], 6)
        text = f"DE-GAN over {best['method']}, the best published before, {SETS[name]}, points"
        if self.rung != "original" or name not in self.tables:
            note = "published numbers are of the original faces; with them, this could be judged"
            return self.source.claim(text, _table(name), paper, None, NOT_TESTABLE, note)
        own = protocol.mean_over_folds(protocol.pool(self.tables[name]["de_gan"]))
        value, low, high = (each - best["accuracy"] / 100 for each in own[:3])
        found = Estimate(value, low, high, own.n)
        verdict = above(low, high) if paper > 0 else below(low, high)
        return self.source.claim(
            text, _table(name), paper, found, verdict, f"n: folds; {ABOVE_ZERO}"
        )

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a published table."""
        return [row for row in self.paper["rows"] if row["set"] == name]

    def published(self, name: str, method: str) -> float:
        """Return the paper's accuracy of one of PUBLISHED, in percent."""
        (row,) = (row for row in self.rows(name) if row["method"] == PUBLISHED[method])
        return float(row["accuracy"])

    def title(self, name: str) -> str:
        """Return what a set is called; sets that are made have no more than a set's shape."""
        return SETS[name] if self.rung == "original" else f"in the shape of {SETS[name]}"


def probe(
    known: Mapping[str, Any], network: str, features: str, about: str
) -> tuple[Estimate, float]:
    """Return what a probe reads from some features of a network, and chance."""
    wanted = {"network": network, "features": features, "about": about}
    rows = [row for row in known["probes"] if wanted.items() <= row.items()]
    if len(rows) != 1:
        raise ValueError(f"{len(rows)} probes of {wanted}; expected one")
    return knowledge.estimate(rows[0]), rows[0]["chance"]


def _as_asked(
    source: Source,
    text: str,
    made: Mapping[str, float],
    photographed: Mapping[str, float],
    chance: float,
    units: str,
) -> Claim:
    """Judge how often made pictures show what was asked for, against real ones (rules 4, 5)."""
    real, asked = knowledge.estimate(photographed), knowledge.estimate(made)
    if real.low <= chance:
        note = f"judges see {_percent(real)} in real pictures, a guess {100 * chance:.1f}"
        return source.claim(text, "1, 3", None, None, NOT_TESTABLE, note, SYNTHESIS)
    value, low, high = (each / real.value for each in asked[:3])
    note = (
        f"n: {units}; seen in {_percent(asked)}, in real pictures "
        f"{100 * real.value:.1f}, by which the interval is scaled as if it were known; would "
        f"change with the lower end: reproduced from {100 * FULLY:.0f}, partly from "
        f"{100 * PARTLY:.0f}"
    )
    verdict = graded(low >= FULLY, low >= PARTLY)
    found = Estimate(value, low, high, asked.n)
    return source.claim(text, "1, 3", None, found, verdict, note, SYNTHESIS)


def exclusive(own: Estimate, chance: float, supervised: Estimate, pixels: Estimate) -> str:
    """Return the verdict on what a probe finds of the identity (rule 2)."""
    return graded(own.high <= TIMES_CHANCE * chance, own.high < min(supervised.low, pixels.low))


def captured(own: Estimate, chance: float, pixels: Estimate) -> str:
    """Return the verdict on what a probe finds of the expression (rule 3)."""
    return graded(own.low > max(chance, pixels.high), own.low > chance)


def _table(name: str) -> str:
    """Return where the paper has a set's numbers."""
    return f"4.2, Table {list(SETS).index(name) + 1}"


def _percent(found: Estimate) -> str:
    """Return an estimate in percent, as text."""
    return f"{100 * found.value:.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"
