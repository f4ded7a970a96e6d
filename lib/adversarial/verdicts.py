"""The paper's claims on adversarial examples, each with the rule by which this book judges it.

A claim about a share, or about the strength epsilon at which a share passes a level, holds where
the whole interval says so, fails where the whole interval denies it, and is undecided otherwise.
Intervals are Wilson's over images, together for all strengths of a curve (Bonferroni), so that they
hold for its lowest point too, and for the strength at which it passes a level. An average over
strengths has the average of their ends, for the strengths attack the same images.
What holds for the natural network and for the robust one is one claim, and holds if it does for
both. The networks are ours; the reference pair is noted where it differs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lib.adversarial.data import Digits
from lib.adversarial.evaluation import PART, at_epsilon, rate, share
from lib.adversarial.profiles import PROFILES
from lib.book.claims import (
    BOOK,
    FAILS,
    HOLDS,
    NO_NUMBERS,
    OTHER,
    OWN,
    UNDECIDED,
    Claim,
    Numbers,
    Reading,
    Source,
    above,
    below,
    near,
    wilson,
)
from lib.runs.results import Result

Runs = Mapping[tuple[str, str], Sequence[Result]]
Curve = Mapping[float, float]  # {epsilon: value}
Curves = Mapping[str, Mapping[str, Mapping[str, float]]]  # {kind: {rate: {epsilon: value}}}
Counts = tuple[int, int]  # successes, out of
Bounds = tuple[float, float, float]  # value, both ends
KINDS = ("natural", "robust")
TABLE2, SUCCESSFUL, ALL = "flagged and misclassified", "flagged of successful", "flagged"
COMBINED = "correct or flagged"
LONG = {
    TABLE2: "the paper's count",
    SUCCESSFUL: "the share flagged among the successful attacks",
    ALL: "the share flagged among all attacked images",
}
CHAPTER, LEDGER = "33_adversarial_results", "34_adversarial_ledger"
NEAR = 0.021  # two steps of the paper's grid
RELIABLE = 0.9  # of the strongest attacks flagged, in the words "can reliably detect"
FEW = 0.001  # of benign images, which "no benign image" must lie below to be more than luck
FLOOR = {"natural": 0.50, "robust": 0.96}  # below which the combined rate never falls, IV-B
PERFECT = 0.995  # counts as perfect separation: even the paper's own curve stays short of 1,
SEPARATED = {"natural": 0.17, "robust": 0.31}  # where its text says so, from these strengths, IV-B
ZERO = {"natural": 0.002, "robust": 0.005}  # counts as no accuracy, as in the paper's curves
LOST = {"natural": 0.17, "robust": 0.47}  # where its text says that accuracy is zero, IV-B
OPEN = "is open; that such an interval can deny a claim was settled after the results"
INFORMED = "evades the detector"  # of `evaluation.LEDGER`
SETTINGS = ("no random start", "step grows with epsilon", "100 steps")  # of the attack, likewise


@dataclass(frozen=True)
class Judge:
    """Turns runs into claims; holds what all claims of Part III share.

    runs: {(pair, kind): one result per epsilon, ascending}; "ours" is judged, others are noted.
    clean: {kind: (correct, images)} on clean test images, of our networks.
    paper: the paper's curves, see data/paper/part3_figures.json.
    """

    runs: Runs
    clean: Mapping[str, Counts]
    paper: Curves
    digits: Digits
    profile: str

    def source(self, chapter: str = CHAPTER) -> Source:
        """Return what claims of Part III share."""
        evidence = OWN if self.digits.rung == "original" else OTHER
        data = (self.digits.name, self.digits.rung, self.profile)
        return Source(PART, *data, chapter, evidence, "images")

    def all(
        self, benign: Result, ledger: Mapping[str, Mapping[str, Sequence[Result]]]
    ) -> list[Claim]:
        """Return every claim of the paper, those that matter most first.

        See `evaluation.benign_runs`, of which `benign` is one, and `evaluation.attack_ledger`.
        """
        return [
            self.rises(),
            self.meets_robustness(),
            self.never_below(),
            self.hard_to_defeat(ledger["robust"][INFORMED]),
            self.false_positives(benign),
            self.combinations(),
            self.robust_is_harder(),
            self.perturbations(),
            self.majority(),
            self.at_par(),
            self.separation(),
            self.zero_accuracy(),
            self.separated_at_zero(),
            self.settings(ledger),
        ]

    def claim(self, text: str, where: str, readings: Sequence[Reading], note: str) -> Claim:
        """Return a claim that chapter 33 shows."""
        return Claim(text, where, tuple(readings), self.source(), note)

    def for_both(
        self, paper: Callable[[str], float | None], judged: Callable[[str], tuple[Numbers, str]]
    ) -> list[Reading]:
        """Return a reading for each kind: the paper's value, our numbers and the direction."""
        return [self.source().reading(kind, paper(kind), *judged(kind)) for kind in KINDS]

    def rises(self) -> Claim:
        """Judge "our method improves for higher values of epsilon for both models"."""

        def judged(kind: str) -> tuple[Numbers, str]:
            bounds = list(self.bounds(kind, TABLE2).values())
            falls = any(b[2] < a[1] for i, a in enumerate(bounds) for b in bounds[i + 1 :])
            surely = bounds[-1][1] > bounds[0][2]
            direction = FAILS if falls else HOLDS if surely else UNDECIDED
            return self.passing(kind, TABLE2, 0.5), direction

        return self.claim(
            "the detector finds more as epsilon grows (epsilon at which the rate of Table II "
            "passes 50 %)",
            "IV-A, Table II, Fig. 2",
            self.for_both(lambda kind: crossing(self.published(kind, TABLE2), 0.5), judged),
            "would fail if a later strength lay below an earlier one, outside their intervals",
        )

    def meets_robustness(self) -> Claim:
        """Judge "improves approximately at the point where the CNN classifiers lose robustness"."""
        readings = []
        for name, long in LONG.items():
            for kind in KINDS:
                lost = crossing(inverse(self.published(kind, "accuracy")), 0.5)
                found = None if name == ALL else crossing(self.published(kind, name), 0.5)
                paper = None if found is None or lost is None else found - lost
                gap = apart(self.passing(kind, name, 0.5), self.passing(kind, "accuracy", 0.5))
                given = (f"{kind}, {long}", paper, gap, near(*gap[1:3], NEAR))
                readings.append(self.source().reading(*given, decides=name == TABLE2))
        return self.claim(
            "the detector begins where the network loses robustness (epsilon at which its rate "
            "passes 50 %, less that at which accuracy does)",
            "IV-A, Fig. 2 and 3",
            readings,
            f"holds within {NEAR:.2f}",
        )

    def never_below(self) -> Claim:
        """Judge "never falls below 50% and for the secret model [...] never less then 96%"."""

        def judged(kind: str) -> tuple[Numbers, str]:
            lowest = self.lowest(kind, COMBINED)
            return lowest, above(*lowest[1:3], FLOOR[kind])

        def paper(kind: str) -> float:
            return min(self.published(kind, COMBINED).values())

        others = {
            f"{pair}, {kind}": min(share(run, COMBINED) for run in runs)
            for (pair, kind), runs in self.runs.items()
            if pair != "ours"
        }
        for kind in KINDS:
            shares = [share(run, COMBINED, threshold="maximum") for run in self.runs["ours", kind]]
            others[f"ours, {kind}, text's threshold, chapter 34"] = min(shares)
        beside = ", ".join(f"{lowest:.3f} ({name})" for name, lowest in others.items())
        return self.claim(
            "filter and network together are never right in less than "
            f"{100 * FLOOR['natural']:.0f} % (natural) and {100 * FLOOR['robust']:.0f} % (robust) "
            "of attacked images",
            "IV-B, Fig. 4",
            self.for_both(paper, judged),
            f"the paper's own natural curve falls to {paper('natural')}; others: {beside}; "
            "begun at the image, as eq. 2 has it, the robust one's falls lower (chapter 34)",
        )

    def hard_to_defeat(self, informed: Sequence[Result]) -> Claim:
        """Judge "it is very hard to defeat our method and adversarially re-trained CNNs"."""
        source, readings = self.source(LEDGER), []
        bounds = self.bounds("robust", COMBINED, informed)
        worst = min(bounds, key=lambda epsilon: bounds[epsilon])
        trained = at_epsilon(informed, PROFILES[self.profile].robust.epsilon).config["epsilon"]
        for epsilon, what in ((worst, "lowest"), (trained, "the strength of its training")):
            numbers = (*bounds[epsilon], informed[0].metrics["images"])
            name, answer = (
                f"at epsilon {epsilon:.2f}, {what}",
                above(*numbers[1:3], FLOOR["robust"]),
            )
            readings.append(source.reading(name, None, numbers, answer, decides=what == "lowest"))
        text = (
            "network and filter are hard to defeat with the same images (robust, combined rate "
            "against an attacker who knows both, lowest over epsilon)"
        )
        note = (
            f"would hold from {FLOOR['robust']} on, for this attacker alone: no attack that fails "
            "shows that all do; the lowest decides, for the paper's own number is the lowest "
            '"over all parameters"; the other was added after the results'
        )
        return Claim(text, "V", tuple(readings), source, note)

    def false_positives(self, benign: Result) -> Claim:
        """Judge "in none of our tests we encountered a single benign image" that is flagged."""
        flagged = benign.metrics["false_positives"]["authors"]
        numbers = counted(flagged, benign.metrics["test_images"])
        direction = FAILS if flagged else below(*numbers[1:3], FEW)
        reading = self.source().reading("share flagged", 0.0, numbers, direction)
        note = "would fail with a single flagged test image"
        source = self.source("32_adversarial_detector")
        return Claim("no benign image is flagged", "IV-A", (reading,), source, note)

    def combinations(self) -> Claim:
        """Judge "for several parameter combinations of PGD that our method can reliably detect"."""

        def judged(kind: str) -> tuple[Numbers, str]:
            bounds = self.bounds(kind, TABLE2).values()
            value, low, high = (sum(each[end] >= RELIABLE for each in bounds) for end in range(3))
            return (value, low, high, self.images), above(low, high, 1)

        def paper(kind: str) -> int:
            return sum(rate >= RELIABLE for rate in self.published(kind, TABLE2).values())

        return self.claim(
            "PGD is found reliably under several combinations of epsilon and network (strengths at "
            f"which the rate of Table II is {RELIABLE} or more)",
            "abstract",
            self.for_both(paper, judged),
            "holds if it is at more than one strength on each network; the rule before it, now the "
            "book's own question on settings of PGD, was changed after it had failed",
        )

    def settings(self, ledger: Mapping[str, Mapping[str, Sequence[Result]]]) -> Claim:
        """Ask whether that is so under settings of PGD that the paper does not vary."""
        source, readings = self.source(LEDGER), []
        for kind in KINDS:
            for name in SETTINGS:
                run = ledger[kind][name][-1]
                numbers = counted(*rate(run.metrics, ALL), among=len(KINDS) * len(SETTINGS))
                direction = above(*numbers[1:3], RELIABLE)
                readings.append(source.reading(f"{kind}, {name}", None, numbers, direction))
        strength = max(run.config["epsilon"] for run in ledger["natural"][SETTINGS[0]])
        return Claim(
            "is PGD found as reliably from another start, with longer steps, with more steps "
            f"(share flagged at epsilon {strength:.2f})?",
            "",
            tuple(readings),
            source,
            f"holds from {RELIABLE} on; the paper varies epsilon and network alone",
            BOOK,
        )

    def robust_is_harder(self) -> Claim:
        """Judge "attacks against the secret model are harder to detect for our method"."""
        readings = []
        for name, long in LONG.items():
            numbers = apart(*((*self.average(kind, name), self.images) for kind in KINDS))
            paper = None
            if name != ALL:
                theirs, hers = (self.published(kind, name) for kind in KINDS)
                paper = float(np.mean([theirs[epsilon] - hers[epsilon] for epsilon in theirs]))
            found = (long, paper, numbers, above(*numbers[1:3]))
            readings.append(self.source().reading(*found, decides=name == TABLE2))
        return self.claim(
            "attacks on the robust network are harder to detect (natural less robust rate, "
            "average over epsilon)",
            "IV-A, Fig. 2",
            readings,
            "the paper's count asks of the robust network what it cannot have: many misclassified",
        )

    def alike(self) -> list[tuple[str, str, float, int, int]]:
        """Return by pair and measure of `evaluation.describe`: the median of robust over natural,
        at how many strengths it is as the paper says, and of how many."""
        rows = []
        for pair in dict.fromkeys(pair for pair, _ in self.runs):
            for name, text in (("changed", "share of pixels changed"), ("roughness", "roughness")):
                natural, robust = (
                    np.array([run.metrics["perturbation"][name] for run in self.runs[pair, kind]])
                    for kind in KINDS
                )
                agree = robust > natural if name == "changed" else robust < natural
                median = float(np.median(robust / natural))
                rows.append((pair, text, median, int(agree.sum()), len(agree)))
        return rows

    def perturbations(self) -> Claim:
        """Judge "these adversarial examples change more pixel values in a homogeneous way"."""
        readings = [
            self.source().reading(
                f"{pair}, {text} (as said at {agree} of {of} strengths)",
                None,
                (ratio, None, None, self.images),
                UNDECIDED,
                decides=pair == "ours",
            )
            for pair, text, ratio, agree, of in self.alike()
        ]
        return self.claim(
            "attacks on the robust network change more pixels, and neighbours more alike (robust "
            "over natural, median over epsilon)",
            "IV-A",
            readings,
            "stored are means over images, which have no interval: whatever the strengths say, "
            "nothing is decided",
        )

    def majority(self) -> Claim:
        """Judge "detects a majority of the adversarial examples that would have been" missed."""

        def judged(kind: str) -> tuple[Numbers, str]:
            mostly = [r for r in self.runs["ours", kind] if share(r, "accuracy") < 0.5]
            lowest = self.lowest(kind, SUCCESSFUL, mostly) if mostly else NO_NUMBERS
            return lowest, above(*lowest[1:3], 0.5)

        def paper(kind: str) -> float:
            accuracy = self.published(kind, "accuracy")
            shares = self.published(kind, SUCCESSFUL).items()
            return min(value for epsilon, value in shares if accuracy[epsilon] < 0.5)

        readings = self.for_both(paper, judged)
        for kind in KINDS:
            counts = [rate(result.metrics, SUCCESSFUL) for result in self.runs["ours", kind]]
            flagged, missed = (sum(each) for each in zip(*counts, strict=True))
            theirs = self.published(kind, TABLE2)
            lost = inverse(self.published(kind, "accuracy"))
            pooled = sum(theirs.values()) / sum(lost[epsilon] for epsilon in theirs)
            caught = flagged / missed if missed else 0.0
            found = (f"{kind}, all strengths together", pooled, (caught, None, None, self.images))
            readings.append(self.source().reading(*found, UNDECIDED, decides=False))
        return self.claim(
            "a majority of the successful attacks is flagged (fewest at an epsilon at which most "
            "attacks succeed)",
            "IV-B",
            readings,
            f"the natural curve of the paper itself has {paper('natural'):.2f} there; strong "
            "attacks, which all succeed, make it a majority of the sum",
        )

    def at_par(self) -> Claim:
        """Judge "almost at par with the accuracy of the tested CNNs for benign images"."""
        correct, n = self.clean["robust"]
        numbers = apart(counted(correct, n), self.lowest("robust", COMBINED))
        theirs = self.published("robust", "accuracy")[0.0]
        theirs -= min(self.published("robust", COMBINED).values())
        reading = self.source().reading(
            "robust", theirs, numbers, below(*numbers[1:3], theirs + NEAR)
        )
        return self.claim(
            "at its lowest, the robust network with the filter is almost at par with its clean "
            "accuracy (clean less lowest)",
            "V",
            [reading],
            f"holds up to {NEAR:.2f} more than the paper's own gap",
        )

    def separation(self) -> Claim:
        """Judge "perfect separation [...] for epsilon >= 0.17" (natural), ">= 0.31" (robust)."""

        def judged(kind: str) -> tuple[Numbers, str]:
            found = self.passing(kind, COMBINED, PERFECT)
            return found, below(*found[1:3], SEPARATED[kind] + NEAR)

        return self.claim(
            f"separation is perfect from an epsilon on (from which {PERFECT} are right or flagged)",
            "IV-B, Fig. 4",
            self.for_both(SEPARATED.get, judged),
            f"holds if it begins no later than {NEAR:.2f} after the paper's; a thousand images can "
            f"show that it is not perfect, and hardly that it is: the upper end {OPEN}",
        )

    def zero_accuracy(self) -> Claim:
        """Judge "the exact value where the undefended network's accuracy is zero", and 0.47."""

        def judged(kind: str) -> tuple[Numbers, str]:
            found = self.passing(kind, "accuracy", 1 - ZERO[kind])
            return found, near(*apart(found, (LOST[kind],) * 3 + (self.images,))[1:3], NEAR)

        return self.claim(
            f"accuracy under attack is zero from an epsilon on (or {max(ZERO.values())} at most)",
            "IV-B, Fig. 3",
            self.for_both(LOST.get, judged),
            f"holds within {NEAR:.2f} of the paper's; the upper end {OPEN}",
        )

    def separated_at_zero(self) -> Claim:
        """Judge "which is also the exact value where the undefended network's accuracy is zero"."""
        gap = apart(
            self.passing("natural", COMBINED, PERFECT),
            self.passing("natural", "accuracy", 1 - ZERO["natural"]),
        )
        reading = self.source().reading("natural", 0.0, gap, near(*gap[1:3], NEAR))
        return self.claim(
            "natural: separation becomes perfect exactly where accuracy becomes zero (epsilon of "
            "the first less that of the second)",
            "IV-B, Fig. 3 and 4",
            [reading],
            f"holds within {NEAR:.2f}",
        )

    @property
    def images(self) -> int:
        """Return how many images were attacked at each strength."""
        return int(self.runs["ours", "natural"][0].metrics["images"])

    def bounds(
        self, kind: str, name: str, runs: Sequence[Result] | None = None
    ) -> dict[float, Bounds]:
        """Return {epsilon: share, both ends}, all intervals of the curve together.

        Strengths at which there is nothing to count are left out. Accuracy is turned round: the
        share that the attack takes away rises with epsilon, as the others do.
        """
        runs = self.runs["ours", kind] if runs is None else runs
        found = {}
        for result in runs:
            count, n = rate(result.metrics, name)
            count = n - count if name == "accuracy" else count
            if n:
                found[result.config["epsilon"]] = (count / n, *wilson(count, n, len(runs)))
        return found

    def lowest(self, kind: str, name: str, runs: Sequence[Result] | None = None) -> Numbers:
        """Return the lowest share over all strengths, with its interval."""
        value, low, high = np.min(list(self.bounds(kind, name, runs).values()), axis=0)
        n = self.images if runs is None else runs[0].metrics["images"]
        return float(value), float(low), float(high), n

    def average(self, kind: str, name: str) -> Bounds:
        """Return the average share over the strengths, with its interval; NaN if there is none."""
        found = list(self.bounds(kind, name).values())
        value, low, high = np.mean(found, axis=0) if found else [np.nan] * 3
        return float(value), float(low), float(high)

    def passing(self, kind: str, name: str, level: float) -> Numbers:
        """Return where a curve, and both ends of its intervals, pass a level for good."""
        bounds = self.bounds(kind, name)
        value, high, low = (
            crossing({epsilon: each[end] for epsilon, each in bounds.items()}, level)
            for end in range(3)
        )
        return value, low, high, self.images

    def published(self, kind: str, name: str) -> dict[float, float]:
        """Return {epsilon: rate} of the paper; "flagged of successful" follows from its curves."""
        curves = self.paper[kind]
        if name != SUCCESSFUL:
            return {float(epsilon): value for epsilon, value in curves[name].items()}
        return {
            float(epsilon): min(1.0, value / (1 - curves["accuracy"][epsilon]))
            for epsilon, value in curves[TABLE2].items()
        }


def counted(successes: int, n: int, among: int = 1) -> Numbers:
    """Return a share with Wilson's interval; no numbers where there is nothing to count."""
    return (successes / n, *wilson(successes, n, among), n) if n else (None, None, None, 0)


def apart(first: Numbers, second: Numbers) -> Numbers:
    """Return the difference of two numbers of the same images, at worst and at best."""
    n = min(first[3], second[3])
    if first[0] is None or second[0] is None:
        return None, None, None, n
    low = None if None in (first[1], second[2]) else first[1] - second[2]  # type: ignore[operator]
    high = None if None in (first[2], second[1]) else first[2] - second[1]  # type: ignore[operator]
    return first[0] - second[0], low, high, n


def inverse(shares: Curve) -> dict[float, float]:
    """Return one less each share."""
    return {epsilon: 1 - value for epsilon, value in shares.items()}


def crossing(shares: Curve, level: float) -> float | None:
    """Return the smallest epsilon from which on a curve stays at `level` or above, or None.

    A strength without a rate (no attack succeeded) does not hold the curve back.
    """
    known = {epsilon: value for epsilon, value in shares.items() if not np.isnan(value)}
    below = [epsilon for epsilon, value in known.items() if value < level]
    above = [epsilon for epsilon in known if epsilon > max(below, default=-1.0)]
    return min(above, default=None)
