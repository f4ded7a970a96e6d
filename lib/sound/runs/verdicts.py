"""The paper's claims on sound, each with the rule by which this book judges it.

A claim says that a score is higher in one row of Table 3 than in another. It counts as reproduced
if the interval of our difference (see `protocol.Difference`) lies on the paper's side of zero, as
not reproduced if it lies on the other side. If it holds zero, our trainings cannot tell: undecided.
The photographs of the mixtures were put beside the sounds by us: what is claimed of the pictures of
real videos cannot be tested with them.
Differences are in points of a percentage.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lib.book.claims import NOT_TESTABLE, UNDECIDED, Claim
from lib.runs.results import Result
from lib.sound import protocol
from lib.sound.crnn import INPUT_NAMES
from lib.sound.protocol import Difference, Row, Runs, Term

PART, CHAPTER = "part1", "14_sound_results"
SPECTRAL, VISUAL, AUDIO = ("spectral",), ("visual",), ("audio",)
WITH_AUDIO, WITH_VISUAL = ("spectral", "audio"), ("spectral", "visual")
ALL, PRETRAINED = ("spectral", "audio", "visual"), ("audio", "visual")
NOTABLE = 0.02  # an event gain below it is not "notable": about the noise of the paper's test set
RECOVERED = 0.5  # of a gap; what recovers so much of it explains it at least in part
LONG = {"clip": "clip F1", "segment": "segment F1", "event": "event F1"}


@dataclass(frozen=True)
class Judge:
    """Turns the runs of Table 3 into claims.

    `runs` are by row, `aligned` the same rows with audio features joined by time, `paper` is
    data/paper/part1_table3.json. `rung` and `dataset` say what the runs were made on.
    """

    runs: Runs
    aligned: Runs
    paper: Mapping[str, object]
    dataset: str
    rung: str
    profile: str

    def all(self) -> list[Claim]:
        """Return the claims of section 5 that differences can judge, and the book's question."""
        return [
            self.higher(WITH_AUDIO, SPECTRAL, "clip", "5.1"),
            self.higher(WITH_VISUAL, SPECTRAL, "clip", "5.1"),
            self.higher(ALL, SPECTRAL, "clip", "5.1"),
            self.higher(AUDIO, SPECTRAL, "clip", "5.1"),
            self.higher(WITH_AUDIO, AUDIO, "clip", "5.1"),
            self.higher(SPECTRAL, VISUAL, "clip", "5.1"),
            self.higher(ALL, WITH_AUDIO, "clip", "5.1"),
            self.higher(PRETRAINED, AUDIO, "clip", "5.1"),
            self.higher(WITH_AUDIO, SPECTRAL, "segment", "5.2"),
            self.higher(WITH_VISUAL, SPECTRAL, "segment", "5.2"),
            self.higher(ALL, SPECTRAL, "segment", "5.2"),
            self.higher(ALL, WITH_AUDIO, "segment", "5.2"),
            *(self.not_notable(row) for row in (WITH_VISUAL, WITH_AUDIO, ALL)),
            self.higher(SPECTRAL, WITH_VISUAL, "event", "5.2"),
            self.higher(WITH_AUDIO, ALL, "event", "5.2"),
            *(self.smaller_gain(row) for row in (WITH_VISUAL, WITH_AUDIO, ALL)),
            *(self.higher(SPECTRAL, row, "event", "5.2") for row in (VISUAL, AUDIO, PRETRAINED)),
            self.grid_is_not_it(),
        ]

    def higher(self, higher: Row, lower: Row, metric: str, where: str) -> Claim:
        """Judge that a score is higher in one row than in another."""
        text = f"{LONG[metric]}: {name(higher)} over {name(lower)}"
        found = self.between([(1.0, higher, metric), (-1.0, lower, metric)])
        paper = self.published(higher, metric) - self.published(lower, metric)
        note = "would change if the interval came to hold 0, or left it"
        return self.claim(text, where, paper, found, above_zero(found), note, [higher, lower])

    def not_notable(self, row: Row) -> Claim:
        """Judge "does not yield (notable) gains" for event F1."""
        found = self.between([(1.0, row, "event"), (-1.0, SPECTRAL, "event")])
        paper = self.published(row, "event") - self.published(SPECTRAL, "event")
        text = f"event F1: no notable gain of {name(row)} over spectral"
        verdict = "not reproduced" if found.low > NOTABLE else UNDECIDED
        verdict = "reproduced" if found.high < NOTABLE else verdict
        note = f"a gain is notable from {100 * NOTABLE:.0f} points; reproduced if it is surely less"
        return self.claim(text, "5.2", paper, found, verdict, note, [row])

    def smaller_gain(self, row: Row) -> Claim:
        """Judge that what a row gains in clip F1 is more than what it gains in event F1."""
        terms = [(1.0, row, "clip"), (-1.0, SPECTRAL, "clip")]
        found = self.between(terms + [(-1.0, row, "event"), (1.0, SPECTRAL, "event")])
        paper = sum(
            sign * (self.published(row, metric) - self.published(SPECTRAL, metric))
            for sign, metric in ((1, "clip"), (-1, "event"))
        )
        text = f"what {name(row)} gains over spectral in clip F1, less its gain in event F1"
        note = "points of the two scores are not alike; would change with the interval's side of 0"
        return self.claim(text, "5.2, 6", paper, found, above_zero(found), note, [row])

    def grid_is_not_it(self) -> Claim:
        """Judge section 5.2's reason against a plainer one: frames joined by index drift apart.

        The paper blames objectives without time. If joining frames by time closed half of the gap
        between pretrained audio and spectral features, the grid would be a reason as well.
        """
        gap = self.between([(1.0, SPECTRAL, "event"), (-1.0, AUDIO, "event")])
        halves: list[Term] = [
            (RECOVERED, self.of(SPECTRAL), "event"),
            (1 - RECOVERED, self.of(AUDIO), "event"),
            (-1.0, self.aligned.get(AUDIO, []), "event"),
        ]
        found = protocol.combination(halves)
        return self.claim(
            "the time grid explains less than half of pretrained audio's gap on events (how far "
            "joining by time ends below half-way)",
            "5.2",
            None,
            found,
            above_zero(found) if gap.low > 0 else UNDECIDED,
            f"without a gap there is nothing to explain; here it is {gap} points",
            [AUDIO],
        )

    def gain_of_alignment(self, row: Row, metric: str) -> Difference:
        """Return what a row gains when its streams are joined by time instead of by index."""
        return protocol.difference(self.aligned[row], self.of(row), metric)

    def of(self, row: Row) -> Sequence[Result]:
        """Return the runs of a row, none where none is present."""
        return self.runs.get(row, [])

    def between(self, terms: Sequence[tuple[float, Row, str]]) -> Difference:
        """Return a weighted sum of scores of rows."""
        found: list[Term] = [(weight, self.of(row), metric) for weight, row, metric in terms]
        return protocol.combination(found)

    def published(self, row: Row, metric: str) -> float:
        """Return the paper's score of a row."""
        return protocol.paper_score(self.paper, row, metric)

    def claim(
        self,
        text: str,
        where: str,
        paper: float | None,
        found: Difference,
        verdict: str,
        note: str,
        rows: Sequence[Row],
    ) -> Claim:
        """Return a claim on some rows, in points; none where there are too few trainings."""
        if verdict == UNDECIDED:
            note = f"so few trainings cannot tell; {note}"
        if self.rung != "original" and any("visual" in row for row in rows):
            note = "we put sound and picture together; with the clips' own, it could be judged"
            verdict = NOT_TESTABLE
        trainings = min(len(each) for each in self.runs.values())
        value, low, high = (
            None if math.isnan(each) else 100 * each
            for each in (found.value, found.low, found.high)
        )
        return Claim(
            PART,
            f"{text}, points",
            where,
            None if paper is None else round(100 * paper, 6),
            value,
            low,
            high,
            trainings,
            self.dataset,
            self.rung,
            self.profile,
            verdict,
            CHAPTER,
            f"n: rotations, a training of each row on each; {note}",
        )


def above_zero(found: Difference) -> str:
    """Return the verdict on a difference that the paper found above zero."""
    if found.low > 0:
        return "reproduced"
    return "not reproduced" if found.high < 0 else UNDECIDED


def name(row: Row) -> str:
    """Return a row as text."""
    return " + ".join(INPUT_NAMES[each] for each in row)
