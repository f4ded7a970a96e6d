"""The paper's claims on sound, each with the rule by which this book judges it.

A claim says that a score is higher in one row of Table 3 than in another. It counts as reproduced
if the interval of our difference (see `protocol.Difference`) lies on the paper's side of zero, as
not reproduced if it lies on the other side. If it holds zero, our trainings cannot tell: undecided.
The photographs of the mixtures were put beside the sounds by us: what is claimed of the pictures of
real videos cannot be tested with them.
Differences are in points of a percentage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lib.book.claims import NOT_TESTABLE, UNDECIDED, Claim, Source, above, below
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
Terms = Sequence[tuple[float, Row, str]]  # weight, row, metric


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
        note = "would change if the interval came to hold 0, or left it"
        return self.compare(text, where, [(1, higher, metric), (-1, lower, metric)], note)

    def not_notable(self, row: Row) -> Claim:
        """Judge "does not yield (notable) gains" for event F1."""
        text = f"event F1: no notable gain of {name(row)} over spectral"
        note = f"a gain is notable from {100 * NOTABLE:.0f} points; reproduced if it is surely less"
        terms = [(1, row, "event"), (-1, SPECTRAL, "event")]
        return self.compare(text, "5.2", terms, note, at_most=NOTABLE)

    def smaller_gain(self, row: Row) -> Claim:
        """Judge that what a row gains in clip F1 is more than what it gains in event F1."""
        terms = [(1, row, "clip"), (-1, SPECTRAL, "clip"), (-1, row, "event")]
        text = f"what {name(row)} gains over spectral in clip F1, less its gain in event F1"
        note = "points of the two scores are not alike; would change with the interval's side of 0"
        return self.compare(text, "5.2, 6", [*terms, (1, SPECTRAL, "event")], note)

    def grid_is_not_it(self) -> Claim:
        """Judge section 5.2's reason against a plainer one: frames joined by index drift apart.

        The paper blames objectives without time. If joining frames by time closed half of the gap
        between pretrained audio and spectral features, the grid would be a reason as well.
        """
        gap = self.between([(1, SPECTRAL, "event"), (-1, AUDIO, "event")])
        halves: list[Term] = [
            (RECOVERED, self.of(SPECTRAL), "event"),
            (1 - RECOVERED, self.of(AUDIO), "event"),
            (-1, self.aligned.get(AUDIO, []), "event"),
        ]
        found = protocol.combination(halves)
        text = (
            "the time grid explains less than half of pretrained audio's gap on events (how far "
            "joining by time ends below half-way)"
        )
        verdict = above(found.low, found.high) if gap.low > 0 else UNDECIDED
        note = f"without a gap there is nothing to explain; here it is {gap} points"
        return self.claim(text, "5.2", None, found, verdict, note)

    def of(self, row: Row) -> Sequence[Result]:
        """Return the runs of a row, none where none is present."""
        return self.runs.get(row, [])

    def between(self, terms: Terms) -> Difference:
        """Return a weighted sum of scores of rows."""
        return protocol.combination([(weight, self.of(row), each) for weight, row, each in terms])

    def published(self, row: Row, metric: str) -> float:
        """Return the paper's score of a row."""
        return protocol.paper_score(self.paper, row, metric)

    def compare(
        self, text: str, where: str, terms: Terms, note: str, at_most: float | None = None
    ) -> Claim:
        """Judge that a weighted sum of scores lies above 0, or below `at_most`."""
        found = self.between(terms)
        paper = sum(weight * self.published(row, metric) for weight, row, metric in terms)
        verdict = above(found.low, found.high)
        if at_most is not None:
            verdict = below(found.low, found.high, at_most)
        if self.rung != "original" and any("visual" in row for _, row, _ in terms):
            note = "we put sound and picture together; with the clips' own, it could be judged"
            verdict = NOT_TESTABLE
        return self.claim(text, where, round(100 * paper, 6), found, verdict, note)

    def claim(
        self, text: str, where: str, paper: float | None, found: Difference, verdict: str, note: str
    ) -> Claim:
        """Return a claim in points; it has no interval where there are too few trainings."""
        if verdict == UNDECIDED:
            note = f"so few trainings cannot tell; {note}"
        note = f"n: rotations, a training of each row on each; {note}"
        n = min(len(each) for each in self.runs.values())
        numbers = (found.value, found.low, found.high, n)
        source = Source(PART, self.dataset, self.rung, self.profile, CHAPTER, unit=100)
        return source.claim(f"{text}, points", where, paper, numbers, verdict, note)


def name(row: Row) -> str:
    """Return a row as text."""
    return " + ".join(INPUT_NAMES[each] for each in row)
