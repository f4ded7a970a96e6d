"""The paper's claims on sound, each with the rule by which this book judges it.

A claim says that a score is higher in one row of Table 3 than in another: it holds if the interval
of our difference (see `protocol.Difference`) lies on the paper's side of zero, fails if it lies on
the other side, and is undecided if it holds zero. "No notable gain" holds where the interval of the
gain lies below two points. Where the paper says one thing of several rows, it is one claim, and
holds if it does in each of them.

Clips and pictures are made: recordings and photographs are real, put together by us.
Differences are in points of a percentage.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from lib.book.claims import (
    BOOK,
    MADE,
    PAPER,
    UNDECIDED,
    Claim,
    Reading,
    Source,
    above,
    below,
    near,
)
from lib.runs.results import Result
from lib.sound import protocol
from lib.sound.crnn import INPUT_NAMES
from lib.sound.protocol import Difference, Row, Runs, Term

PART, CHAPTER = "part1", "14_sound_results"
SPECTRAL, VISUAL, AUDIO = ("spectral",), ("visual",), ("audio",)
WITH_AUDIO, WITH_VISUAL = ("spectral", "audio"), ("spectral", "visual")
ALL, PRETRAINED = ("spectral", "audio", "visual"), ("audio", "visual")
ON_TOP = (WITH_AUDIO, WITH_VISUAL, ALL)  # pretrained features beside the spectral ones
NOTABLE = 0.02  # an event gain below it is not "notable": about the noise of the paper's test set
EQUAL = 5  # points of clip F1, up to which features are "equally valuable"
RECOVERED = 0.5  # of a gap; what recovers so much of it explains it at least in part
SIDE = "would change if an interval came to hold 0, or left it"
Terms = Sequence[tuple[float, Row, str]]  # weight, row, metric
Rule = Callable[[float, float], str]  # low and high end of an interval to a direction


@dataclass(frozen=True)
class Judge:
    """Turns the runs of Table 3 into claims.

    `runs` are by row, `aligned` the same rows with audio features joined by time, `turned` those
    with a knob of the pictures turned. `paper` is data/paper/part1_table3.json; `filling` is by row
    what `ledger.filling` returns; the rest says what the runs were made on.
    """

    runs: Runs
    aligned: Runs
    turned: Sequence[Result]
    paper: Mapping[str, object]
    dataset: str
    rung: str
    profile: str
    filling: Mapping[Row, Sequence[float]] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        """Return what all claims of Part I share; their numbers are in points."""
        data = (self.dataset, self.rung, self.profile)
        return Source(PART, *data, CHAPTER, MADE, "rotations", scale=100)

    def all(self) -> list[Claim]:
        """Return the claims of sections 5 and 6, those that matter most first."""
        return [
            self.compared(
                "pretrained features beside spectral ones raise clip F1",
                "5.1",
                [(row, SPECTRAL, "clip") for row in ON_TOP],
            ),
            self.compared(
                "pretrained features beside spectral ones bring no notable gain in event F1",
                "5.2",
                [(row, SPECTRAL, "event") for row in ON_TOP],
                rule=partial(below, limit=NOTABLE),
                note=f"a gain is notable from {100 * NOTABLE:.0f} points",
            ),
            self.smaller_gain(),
            self.compared(
                "pretrained features alone place events worse than spectral ones (event F1)",
                "5.2",
                [(SPECTRAL, row, "event") for row in (AUDIO, VISUAL, PRETRAINED)],
            ),
            self.better_or_equal(),
            self.compared(
                "spectral features and pretrained audio complete each other (clip F1)",
                "5.1, 6",
                [(WITH_AUDIO, AUDIO, "clip"), (WITH_AUDIO, SPECTRAL, "clip")],
            ),
            self.compared(
                "pretrained pictures alone tag worse than spectral features alone (clip F1)",
                "5.1",
                [(SPECTRAL, VISUAL, "clip")],
            ),
            self.compared(
                "pictures add to what hears already (clip F1)",
                "5.1, 6",
                [(WITH_VISUAL, SPECTRAL, "clip"), (ALL, WITH_AUDIO, "clip")],
                [(PRETRAINED, AUDIO, "clip")],
            ),
            self.compared(
                "pretrained features beside spectral ones raise segment F1",
                "5.2",
                [(row, SPECTRAL, "segment") for row in ON_TOP],
            ),
            self.fills_the_clip(),
            self.out_of_step(),
            self.claim(
                "16 and 4 are the best sizes of the embeddings of audio and pictures beside "
                "spectral features, 64 and 16 without them",
                "3",
                [],
                "tried once, in chapter 16, too small to decide",
            ),
            self.grid_is_not_it(),
        ]

    def compared(
        self,
        text: str,
        where: str,
        pairs: Sequence[tuple[Row, Row, str]],
        beside: Sequence[tuple[Row, Row, str]] = (),
        rule: Rule = above,
        note: str = SIDE,
    ) -> Claim:
        """Judge by how much a score is higher in one row than in another.

        Args:
            text: the claim.
            where: it stands in the paper.
            pairs: (higher row, lower row, metric) of each reading.
            beside: the same of readings that do not decide.
            rule: says of both ends of an interval whether the claim holds.
            note: on the rule.
        """
        readings = [
            self.reading(
                f"{name(high)} over {name(low)}",
                [(1, high, metric), (-1, low, metric)],
                rule,
                decides=(high, low, metric) in pairs,
            )
            for high, low, metric in [*pairs, *beside]
        ]
        return self.claim(text, where, readings, note)

    def better_or_equal(self) -> Claim:
        """Judge "achieve better performance", which section 6 calls "equally valuable"."""
        text = "pretrained audio alone tags better than spectral features alone (clip F1)"
        note = f'the paper says "better" in 5.1 and "equally valuable" in 6: within {EQUAL} points'
        found = self.compared(text, "5.1, 6", [(AUDIO, SPECTRAL, "clip")], note=note)
        (better,) = found.readings
        near_it = near(better.low, better.high, EQUAL)
        equal = replace(better, name="equally valuable", direction=near_it, decides=False)
        return replace(found, readings=(better, equal))

    def smaller_gain(self) -> Claim:
        """Judge that what a row gains in clip F1 is more than what it gains in event F1."""
        readings = [
            self.reading(
                f"gain of {name(row)}",
                [
                    (1, row, "clip"),
                    (-1, SPECTRAL, "clip"),
                    (-1, row, "event"),
                    (1, SPECTRAL, "event"),
                ],
            )
            for row in ON_TOP
        ]
        text = (
            "pretrained features help more with what sounds than with when (clip less event gain)"
        )
        note = f"points of the two scores are not alike; {SIDE}"
        return self.claim(text, "5.2, 6", readings, note)

    def fills_the_clip(self) -> Claim:
        """Judge "still perform well for [...] events which are active for the full length"."""
        readings = []
        for row in (AUDIO, VISUAL, PRETRAINED):
            found = protocol.paired(self.filling.get(row, []))
            direction = above(found.low, found.high)
            readings.append(self.source.reading(name(row), None, numbers(found), direction))
        return self.claim(
            "pretrained features alone find events that last all clip long more often than others",
            "5.2",
            readings,
            f"share of events found; {SIDE}",
        )

    def out_of_step(self) -> Claim:
        """Judge "a detrimental effect" of pictures out of step, by the book's second knob."""
        shares = protocol.by_share(self.turned, WITH_VISUAL, "out_of_step")
        ends = shares.get(0.0, []), shares.get(1.0, [])
        found = protocol.difference(*ends, "event")
        direction = above(found.low, found.high)
        text = f"{name(WITH_VISUAL)}, none out of step over all"
        reading = self.source.reading(text, None, numbers(found), direction)
        text = "pictures out of step with the sound cost event F1"
        return self.claim(text, "5.2", [reading], SIDE)

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
        direction = above(found.low, found.high) if gap.low > 0 else UNDECIDED
        reading = self.source.reading(
            "how far joining by time ends below half-way", None, numbers(found), direction
        )
        text = "the time grid explains less than half of pretrained audio's gap in event F1"
        note = f"ours: by how much joining by time ends below half of that gap, here {gap} points"
        return self.claim(text, "5.2", [reading], note, asked_by=BOOK)

    def of(self, row: Row) -> Sequence[Result]:
        """Return the runs of a row, none where none is present."""
        return self.runs.get(row, [])

    def between(self, terms: Terms) -> Difference:
        """Return a weighted sum of scores of rows."""
        return protocol.combination([(weight, self.of(row), each) for weight, row, each in terms])

    def published(self, row: Row, metric: str) -> float:
        """Return the paper's score of a row."""
        return protocol.paper_score(self.paper, row, metric)

    def reading(
        self, text: str, terms: Terms, rule: Rule = above, *, decides: bool = True
    ) -> Reading:
        """Judge a weighted sum of scores by a rule."""
        found = self.between(terms)
        paper = sum(weight * self.published(row, metric) for weight, row, metric in terms)
        value, direction = round(100 * paper, 6), rule(found.low, found.high)
        return self.source.reading(text, value, numbers(found), direction, decides=decides)

    def claim(
        self, text: str, where: str, readings: Sequence[Reading], note: str, asked_by: str = PAPER
    ) -> Claim:
        """Return a claim in points."""
        return Claim(f"{text}, points", where, tuple(readings), self.source, note, asked_by)


def numbers(found: Difference) -> tuple[float, float, float, int]:
    """Return a difference, its interval and the number of rotations behind it."""
    return found.value, found.low, found.high, found.n


def name(row: Row) -> str:
    """Return a row as text."""
    return " + ".join(INPUT_NAMES[each] for each in row)
