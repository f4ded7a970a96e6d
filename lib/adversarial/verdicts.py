"""The paper's claims on adversarial examples, each with the rule by which this book judges it.

A share counts as the paper's if it lies within `CLOSE` of it, a strength if it lies within `NEAR`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lib.adversarial.data import Digits
from lib.adversarial.evaluation import PART, at_epsilon, rate, share
from lib.book.claims import Claim, Source, graded, wilson
from lib.runs.results import Result

Runs = Mapping[tuple[str, str], Sequence[Result]]
Curve = Mapping[float, float]  # {epsilon: value}
Curves = Mapping[str, Mapping[str, Mapping[str, float]]]  # {kind: {rate: {epsilon: value}}}
Counts = tuple[int, int]  # successes, out of
Numbers = tuple[float | None, float | None, float | None, int]  # value, both ends, n
KINDS = ("natural", "robust")
TABLE2, SUCCESSFUL, ALL = "flagged and misclassified", "flagged of successful", "flagged"
COMBINED = "correct or flagged"
LONG = {
    TABLE2: "the paper's count",
    SUCCESSFUL: "the share flagged among the successful attacks",
    ALL: "the share flagged among all attacked images",
}
CHAPTER = "33_adversarial_results"
CLOSE = 0.10
NEAR = 0.021  # two steps of the paper's grid
FLOOR = {"natural": 0.50, "robust": 0.96}  # below which the combined rate never falls, IV-B
PERFECT = 0.998  # what the paper's own curve has where the text says "perfect separation",
SEPARATED = {"natural": 0.17, "robust": 0.31}  # from these strengths on, IV-B
ZERO = {"natural": 0.0005, "robust": 0.005}  # what its curve has where the text says that accuracy
LOST = {"natural": 0.17, "robust": 0.47}  # is zero, from these strengths on, IV-B


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

    @property
    def source(self) -> Source:
        """Return what all claims of Part III share."""
        return Source(PART, self.digits.name, self.digits.rung, self.profile, CHAPTER)

    def all(self, benign: Result, evasion: Mapping[str, Sequence[Result]]) -> list[Claim]:
        """Return every claim of the paper, in its order.

        Args:
            benign: the benign scores of the published reading.
            evasion: {kind: results of the attacker who knows the detector}.
        """
        return [
            self.false_positives(benign),
            *(self.rises(kind) for kind in KINDS),
            *(self.same_curve(kind) for kind in KINDS),
            *(self.robust_is_harder(name) for name in (TABLE2, SUCCESSFUL, ALL)),
            self.more_pixels(),
            self.more_alike(),
            *(self.meets_robustness(kind, name) for name in LONG for kind in KINDS),
            *(self.majority(kind) for kind in KINDS),
            *(self.combined_minimum(kind) for kind in KINDS),
            self.at_par(),
            *(self.separation(kind) for kind in KINDS),
            *(self.zero_accuracy(kind) for kind in KINDS),
            self.hard_to_defeat(evasion["robust"]),
        ]

    def false_positives(self, benign: Result) -> Claim:
        """Judge "in none of our tests we encountered a single benign image" that is flagged."""
        flagged = benign.metrics["false_positives"]["authors"]
        return self.source.claim(
            "no benign test image is flagged",
            "IV-A",
            0.0,
            counted(flagged, benign.metrics["test_images"]),
            graded(flagged == 0),
            "would fall with a single flagged test image",
            "32_adversarial_detector",
        )

    def rises(self, kind: str) -> Claim:
        """Judge "our method improves for higher values of epsilon for both models"."""
        counts = [rate(result.metrics, TABLE2) for result in self.runs["ours", kind]]
        bounds = [wilson(*each) for each in counts]
        falls = any(
            later[1] < earlier[0] for i, earlier in enumerate(bounds) for later in bounds[i + 1 :]
        )
        return self.source.claim(
            f"{kind}: the rate of Table II rises with epsilon, from 0 to 1 (shown: at the last)",
            "Table II, Fig. 2",
            self.published(kind, TABLE2)[0.50],
            counted(*counts[-1]),
            graded(not falls and counts[-1][0] / counts[-1][1] > 0.9),
            "would fall if a later strength lay below an earlier one, outside their intervals",
        )

    def same_curve(self, kind: str) -> Claim:
        """Judge whether our curve of Fig. 2 is the paper's."""
        ours, theirs = self.shares(kind, TABLE2), self.published(kind, TABLE2)
        gaps = {epsilon: abs(value - theirs[epsilon]) for epsilon, value in ours.items()}
        worst = max(gaps, key=lambda epsilon: gaps[epsilon])
        return self.source.claim(
            f"{kind}: the curve of Fig. 2 (shown where ours is furthest from it: epsilon "
            f"{worst:.2f})",
            "Table II, Fig. 2",
            theirs[worst],
            self.counted_at(kind, worst, TABLE2),
            graded(gaps[worst] <= CLOSE, np.mean(list(gaps.values())) <= CLOSE),
            f"would be reproduced within {CLOSE} everywhere, partly so on average; the paper's "
            f"curve is one network's. {self.others(kind, worst, TABLE2)}",
        )

    def robust_is_harder(self, name: str) -> Claim:
        """Judge "attacks against the secret model are harder to detect for our method"."""
        lower = lower_share(*(self.shares(kind, name) for kind in KINDS))
        theirs = [self.published(kind, name) for kind in KINDS if name != ALL]
        return self.source.claim(
            f"attacks on the robust network are harder to detect, by {LONG[name]} (share of the "
            "strengths at which its rate is the lower one)",
            "IV-A",
            lower_share(*theirs) if theirs else None,
            self.bare(lower),
            graded(lower == 1, lower > 0.5),
            "would be reproduced at every strength that tells the two apart, partly at most",
        )

    def more_pixels(self) -> Claim:
        """Judge "these adversarial examples change more pixel values"."""
        return self.compare_perturbations(
            "changed", "change more pixels (share of pixels changed, robust over natural)", 1
        )

    def more_alike(self) -> Claim:
        """Judge "in a homogeneous way, thus lying closer to our pixel prediction"."""
        return self.compare_perturbations(
            "roughness", "change neighbours more alike (roughness, robust over natural)", -1
        )

    def compare_perturbations(self, name: str, text: str, sign: int) -> Claim:
        """Judge a property of the perturbations by the ratio of robust to natural."""
        natural, robust = (
            {r.config["epsilon"]: r.metrics["perturbation"][name] for r in self.runs["ours", kind]}
            for kind in KINDS
        )
        ratios = np.array([robust[e] / natural[e] for e in natural if e in robust])
        holds = float((sign * (ratios - 1) > 0).mean())
        return self.source.claim(
            f"attacks on the robust network {text}, median over epsilon",
            "IV-A",
            None,
            self.bare(float(np.median(ratios))),
            graded(holds == 1, holds > 0.5),
            f"holds at {holds:.0%} of the strengths; would be reproduced at all, partly at most",
        )

    def meets_robustness(self, kind: str, name: str) -> Claim:
        """Judge "improves approximately at the point where the CNN classifiers lose robustness"."""
        lost = crossing({e: 1 - value for e, value in self.shares(kind, "accuracy").items()}, 0.5)
        found = crossing(self.shares(kind, name), 0.5)
        gap = np.inf if found is None or lost is None else abs(found - lost)
        return self.source.claim(
            f"{kind}: {LONG[name]} passes 50 % about where accuracy does (epsilon; ours loses its "
            f"accuracy at {lost})",
            "IV-A, Fig. 2 and 3",
            crossing(self.published(kind, name), 0.5) if name != ALL else None,
            self.crossing_interval(kind, name, 0.5),
            graded(gap <= NEAR, gap <= CLOSE / 2),
            f"would be reproduced within {NEAR:.2f} of the loss, partly within {CLOSE / 2:.2f}",
        )

    def majority(self, kind: str) -> Claim:
        """Judge "detects a majority of the adversarial examples that would have been" missed."""
        counts = [rate(result.metrics, SUCCESSFUL) for result in self.runs["ours", kind]]
        pooled = sum(flagged for flagged, _ in counts), sum(n for _, n in counts)
        theirs = self.published(kind, TABLE2)
        missed = sum(1 - self.published(kind, "accuracy")[epsilon] for epsilon in theirs)
        return self.source.claim(
            f"{kind}: a majority of the successful attacks is flagged, all strengths together",
            "IV-B",
            sum(theirs.values()) / missed,
            counted(*pooled),
            graded(wilson(*pooled)[0] > 0.5),
            "pooled, the strong attacks decide, and an image counts once per strength; below the "
            "strength at which the rate passes 50 % it is a minority",
        )

    def combined_minimum(self, kind: str) -> Claim:
        """Judge "never falls below 50% and for the secret model [...] never less then 96%"."""
        shares = self.shares(kind, COMBINED)
        worst = min(shares, key=lambda epsilon: shares[epsilon])
        found = self.counted_at(kind, worst, COMBINED)
        return self.source.claim(
            f"{kind}: filter and network together never fall below {FLOOR[kind]:.0%} (lowest at "
            f"epsilon {worst:.2f})",
            "IV-B, Fig. 4",
            min(self.published(kind, COMBINED).values()),
            found,
            graded(shares[worst] >= FLOOR[kind], (found[2] or 0) >= FLOOR[kind]),
            "the lowest of many noisy points lies below the true minimum, and its interval is that "
            f"of a single point. {self.others(kind, worst, COMBINED)}",
        )

    def at_par(self) -> Claim:
        """Judge "almost at par with the accuracy of the tested CNNs for benign images"."""
        correct, n = self.clean["robust"]
        gap = correct / n - min(self.shares("robust", COMBINED).values())
        theirs = self.published("robust", "accuracy")[0.0]
        theirs -= min(self.published("robust", COMBINED).values())
        return self.source.claim(
            "robust: that minimum is almost at par with clean accuracy (clean minus minimum)",
            "V",
            theirs,
            self.bare(gap),
            graded(gap <= theirs + NEAR),
            f"would be reproduced up to {NEAR:.2f} more than the paper's gap",
        )

    def separation(self, kind: str) -> Claim:
        """Judge "perfect separation [...] for epsilon >= 0.17" (natural), ">= 0.31" (robust)."""
        found = crossing(self.shares(kind, COMBINED), PERFECT)
        return self.source.claim(
            f"{kind}: perfect separation from an epsilon on (the smallest from which the combined "
            f"rate stays at {PERFECT}, as it does in the paper's curve)",
            "IV-B, Fig. 4",
            SEPARATED[kind],
            self.crossing_interval(kind, COMBINED, PERFECT),
            graded(found is not None and found <= SEPARATED[kind] + NEAR, found is not None),
            "would be partly reproduced if it began later; with few images one miss decides",
        )

    def zero_accuracy(self, kind: str) -> Claim:
        """Judge "the exact value where the undefended network's accuracy is zero", and 0.47."""
        wrong = {epsilon: 1 - value for epsilon, value in self.shares(kind, "accuracy").items()}
        found = crossing(wrong, 1 - ZERO[kind])
        near = found is not None and abs(found - LOST[kind]) <= NEAR
        return self.source.claim(
            f"{kind}: accuracy under attack is zero from this epsilon on ({ZERO[kind]} or less)",
            "IV-B, Fig. 3",
            LOST[kind],
            self.bare(found),
            graded(near, found is not None),
            f"would be reproduced within {NEAR:.2f}, partly at any other strength",
        )

    def hard_to_defeat(self, evasion: Sequence[Result]) -> Claim:
        """Judge "it is very hard to defeat our method and adversarially re-trained CNNs"."""
        weakest = min(evasion, key=lambda result: share(result, COMBINED))
        counts = rate(weakest.metrics, COMBINED)
        return self.source.claim(
            "robust: hard to defeat network and filter with the same images (combined rate "
            f"against an attacker who knows both, lowest at epsilon {weakest.config['epsilon']})",
            "V",
            None,
            counted(*counts),
            graded(False, wilson(*counts)[1] >= FLOOR["robust"]),
            "would be partly reproduced if this attacker left 0.96 or more; no single attack that "
            "fails can show that all do",
            "34_adversarial_ledger",
        )

    def shares(self, kind: str, name: str) -> dict[float, float]:
        """Return {epsilon: rate} of one of our networks."""
        return {r.config["epsilon"]: share(r, name) for r in self.runs["ours", kind]}

    def published(self, kind: str, name: str) -> dict[float, float]:
        """Return {epsilon: rate} of the paper; "flagged of successful" follows from its curves."""
        curves = self.paper[kind]
        if name != SUCCESSFUL:
            return {float(epsilon): value for epsilon, value in curves[name].items()}
        return {
            float(epsilon): min(1.0, value / (1 - curves["accuracy"][epsilon]))
            for epsilon, value in curves[TABLE2].items()
        }

    def bare(self, value: float | None) -> Numbers:
        """Return a number of all our images that has no interval."""
        return value, None, None, self.runs["ours", "natural"][0].metrics["images"]

    def counted_at(self, kind: str, epsilon: float, name: str) -> Numbers:
        """Return one rate of one of our networks nearest to `epsilon`, with Wilson's interval."""
        return counted(*rate(at_epsilon(self.runs["ours", kind], epsilon).metrics, name))

    def crossing_interval(self, kind: str, name: str, level: float) -> Numbers:
        """Return where a curve, and both ends of its Wilson intervals, pass a level for good."""
        counts = {r.config["epsilon"]: rate(r.metrics, name) for r in self.runs["ours", kind]}
        low, high = (
            crossing({epsilon: wilson(*each)[end] for epsilon, each in counts.items()}, level)
            for end in (1, 0)
        )
        found, _, _, n = self.bare(crossing(self.shares(kind, name), level))
        return (found, None, None, n) if low is None or high is None else (found, low, high, n)

    def others(self, kind: str, epsilon: float, name: str) -> str:
        """Return the same rate of the other pairs present, as a sentence."""
        values = [
            f"{pair} {share(at_epsilon(runs, epsilon), name):.3f}"
            for (pair, other), runs in self.runs.items()
            if other == kind and pair != "ours"
        ]
        return f"Other networks there: {', '.join(values)}." if values else ""


def counted(successes: int, n: int) -> Numbers:
    """Return a share with Wilson's interval; no numbers where there is nothing to count."""
    return (successes / n, *wilson(successes, n), n) if n else (None, None, None, 0)


def lower_share(natural: Curve, robust: Curve) -> float:
    """Return at which share of the telling strengths the robust rate is the lower one.

    A strength tells if one of the two rates is neither almost 0 nor almost 1.
    """
    both = [e for e in natural if e in robust]
    telling = [e for e in both if 0.02 < natural[e] < 0.98 or 0.02 < robust[e] < 0.98]
    return float(np.mean([robust[e] < natural[e] for e in telling])) if telling else 0.0


def crossing(shares: Curve, level: float) -> float | None:
    """Return the smallest epsilon from which on a curve stays at `level` or above, or None.

    A strength without a rate (no attack succeeded) does not hold the curve back.
    """
    known = {epsilon: value for epsilon, value in shares.items() if not np.isnan(value)}
    below = [epsilon for epsilon, value in known.items() if value < level]
    above = [epsilon for epsilon in known if epsilon > max(below, default=-1.0)]
    return min(above, default=None)
