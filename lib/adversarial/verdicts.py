"""The paper's claims on adversarial examples, each with the rule by which this book judges it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lib.adversarial.data import Digits
from lib.adversarial.evaluation import PART, at_epsilon, rate, share
from lib.book.claims import Claim, wilson
from lib.book.results import Result

Runs = Mapping[tuple[str, str], Sequence[Result]]
Curves = Mapping[str, Mapping[str, Mapping[str, float]]]  # {kind: {rate: {epsilon: value}}}
CLOSE = 0.10  # a share that is to be "reproduced" lies within ten points of the paper's
NEAR = 0.021  # an epsilon that is to be "reproduced" lies within two steps of 0.01
PERFECT = 0.998  # what the paper's own curve has where the text says "perfect separation"


@dataclass(frozen=True)
class Judge:
    """Turns runs into claims; holds what all claims of Part III share.

    runs: {(pair, kind): one result per epsilon, ascending}; "ours" is judged, others are noted.
    paper: the paper's curves, see data/paper/part3_figures.json.
    """

    runs: Runs
    paper: Curves
    digits: Digits
    profile: str

    def claim(
        self,
        text: str,
        where: str,
        paper_value: float | None,
        counts: tuple[int, int] | None,
        verdict: str,
        *,
        value: float | None = None,
        note: str = "",
    ) -> Claim:
        """Return a claim; `counts` (successes, n) give value and interval, else `value` does."""
        images = self.runs["ours", "natural"][0].metrics["images"]
        low, high = wilson(*counts) if counts else (None, None)
        ours = counts[0] / counts[1] if counts else value
        n = counts[1] if counts else images
        if self.digits.name != "mnist":
            verdict, note = "not testable here", "the claim is about MNIST"
        origin = (self.digits.name, self.digits.rung, self.profile)
        return Claim(PART, text, where, paper_value, ours, low, high, n, *origin, verdict, note)

    def all(self, benign: Result, evasion: Mapping[str, Sequence[Result]]) -> list[Claim]:
        """Return every claim of the paper in its order.

        Args:
            benign: the benign scores of the published reading.
            evasion: {kind: results of the attacker who knows the detector}.
        """
        return [
            self.false_positives(benign),
            *(self.detection_rises(kind) for kind in ("natural", "robust")),
            self.robust_is_harder(),
            self.robust_is_smoother(),
            *(self.meets_robustness(kind) for kind in ("natural", "robust")),
            self.meets_robustness_flagged(),
            *(self.combined_minimum(kind) for kind in ("natural", "robust")),
            *(self.separation(kind) for kind in ("natural", "robust")),
            self.hard_to_defeat(evasion["robust"]),
        ]

    def false_positives(self, benign: Result) -> Claim:
        """Judge "in none of our tests we encountered a single benign image" flagged."""
        flagged, n = benign.metrics["false_positives"]["authors"], benign.metrics["test_images"]
        verdict = "reproduced" if flagged == 0 else "not reproduced"
        text = "no benign test image is flagged"
        return self.claim(text, "IV-A", 0.0, (flagged, n), verdict, note="one flagged test image")

    def detection_rises(self, kind: str) -> Claim:
        """Judge Table II: the rate rises with epsilon, and how far ours is from the paper's."""
        published = self.paper[kind]["flagged and misclassified"]
        shares = self.shares("ours", kind, "flagged and misclassified")
        gaps = {e: abs(share - published[f"{e:.2f}"]) for e, share in shares.items()}
        worst = max(gaps, key=lambda epsilon: gaps[epsilon])
        rises = max(shares.values()) > 0.9 and next(iter(shares.values())) < 0.1
        verdict = "not reproduced" if not rises else "partly"
        if rises and gaps[worst] <= CLOSE:
            verdict = "reproduced"
        counts = rate(self.at("ours", kind, worst).metrics, "flagged and misclassified")
        return self.claim(
            f"{kind}: the rate of Table II rises from 0 to 1 with epsilon"
            f" (shown where ours is furthest from the paper's: epsilon {worst:.2f})",
            "Table II, Fig. 2",
            published[f"{worst:.2f}"],
            counts,
            verdict,
            note=f"a curve within {CLOSE:.2f} of the paper's everywhere",
        )

    def robust_is_harder(self) -> Claim:
        """Judge "attacks against the secret model are harder to detect", by what is flagged."""
        epsilon, chances = 0.10, {}
        for kind in ("natural", "robust"):
            chances[kind] = rate(self.at("ours", kind, epsilon).metrics, "flagged")
        upper = wilson(*chances["robust"])[1]
        lower = wilson(*chances["natural"])[0]
        share = {kind: successes / n for kind, (successes, n) in chances.items()}
        verdict = "reproduced" if upper < lower else "not reproduced"
        return self.claim(
            f"attacks on the robust network are harder to detect (share flagged at epsilon "
            f"{epsilon:.2f}; natural: {share['natural']:.3f})",
            "IV-A",
            None,
            chances["robust"],
            verdict,
            note="intervals of the two networks that change sides; other checkpoints. "
            + self.others("robust", epsilon, "flagged"),
        )

    def robust_is_smoother(self) -> Claim:
        """Judge "these adversarial examples change more pixel values in a homogeneous way"."""
        rough = {
            kind: [
                result.metrics["perturbation"]["roughness"] for result in self.runs["ours", kind]
            ]
            for kind in ("natural", "robust")
        }
        ratios = np.array(rough["robust"]) / np.array(rough["natural"])
        smoother = float((ratios < 1).mean())
        verdict = (
            "reproduced" if smoother == 1 else "partly" if smoother > 0.5 else "not reproduced"
        )
        return self.claim(
            "attacks on the robust network change neighbouring pixels more alike"
            " (roughness of the perturbation, robust over natural, median over epsilon)",
            "IV-A",
            None,
            None,
            verdict,
            value=float(np.median(ratios)),
            note=f"below 1 at {smoother:.0%} of the strengths; another measure of alike",
        )

    def meets_robustness(self, kind: str) -> Claim:
        """Judge "our method improves approximately at the point where the classifiers" fail."""
        published = self.paper[kind]["flagged and misclassified"]
        expected = crossing({float(e): share for e, share in published.items()}, 0.5)
        found = crossing(self.shares("ours", kind, "flagged and misclassified"), 0.5)
        near = found is not None and expected is not None and abs(found - expected) <= NEAR
        return self.claim(
            f"{kind}: the rate of Table II passes 50 % where accuracy is lost (epsilon)",
            "IV-A, Fig. 2 and 3",
            expected,
            None,
            "reproduced" if near else "partly",
            value=found,
            note="as the paper counts, the rate cannot exceed 1 - accuracy, so it must pass there",
        )

    def meets_robustness_flagged(self) -> Claim:
        """Judge the same by what is flagged: does detection *begin* where robustness ends?"""
        accuracy = self.shares("ours", "robust", "accuracy")
        lost = crossing({e: 1 - share for e, share in accuracy.items()}, 0.5)
        flagged = crossing(self.shares("ours", "robust", "flagged"), 0.5)
        meets = lost is not None and flagged is not None and abs(flagged - lost) <= NEAR
        return self.claim(
            "robust: the share of attacked images that is flagged passes 50 % where accuracy does "
            f"(epsilon; accuracy: {lost})",
            "IV-A",
            lost,
            None,
            "reproduced" if meets else "not reproduced",
            value=flagged,
            note="a robust network whose attacks stay unflagged until it fails",
        )

    def combined_minimum(self, kind: str) -> Claim:
        """Judge "the accuracy never falls below 50% ... never less then 96%"."""
        floor = {"natural": 0.50, "robust": 0.96}[kind]
        shares = self.shares("ours", kind, "correct or flagged")
        worst = min(shares, key=lambda epsilon: shares[epsilon])
        counts = rate(self.at("ours", kind, worst).metrics, "correct or flagged")
        verdict = "reproduced" if counts[0] / counts[1] >= floor else "partly"
        if wilson(*counts)[1] < floor:
            verdict = "not reproduced"
        return self.claim(
            f"{kind}: filter and network together never fall below {floor:.0%} "
            f"(lowest at epsilon {worst:.2f})",
            "IV-B, Fig. 4",
            floor,
            counts,
            verdict,
            note="a lower point of the curve. " + self.others(kind, worst, "correct or flagged"),
        )

    def separation(self, kind: str) -> Claim:
        """Judge "perfect separation ... for epsilon >= 0.17" (natural), ">= 0.31" (robust)."""
        expected = {"natural": 0.17, "robust": 0.31}[kind]
        found = crossing(self.shares("ours", kind, "correct or flagged"), PERFECT)
        near = found is not None and abs(found - expected) <= NEAR
        return self.claim(
            f"{kind}: perfect separation from this epsilon on (combined rate {PERFECT} or more,"
            " the value of the paper's own curve there)",
            "IV-B, Fig. 4",
            expected,
            None,
            "reproduced" if near else "partly" if found is not None else "not reproduced",
            value=found,
            note="more images: one in a thousand decides",
        )

    def hard_to_defeat(self, evasion: Sequence[Result]) -> Claim:
        """Judge "very hard to defeat our method and [robust networks] with the same" images."""
        weakest = min(evasion, key=lambda result: share(result, "correct or flagged"))
        counts = rate(weakest.metrics, "correct or flagged")
        verdict = "not reproduced" if wilson(*counts)[1] < 0.96 else "reproduced"
        return self.claim(
            "filter and robust network are very hard to defeat with the same images (combined rate "
            f"against an attacker who knows both, epsilon {weakest.config['epsilon']:.2f})",
            "V",
            0.96,
            counts,
            verdict,
            note="a detector whose score cannot be descended",
        )

    def shares(self, pair: str, kind: str, name: str) -> dict[float, float]:
        """Return {epsilon: rate} of one network."""
        return {r.config["epsilon"]: share(r, name) for r in self.runs[pair, kind]}

    def at(self, pair: str, kind: str, epsilon: float) -> Result:
        """Return the run nearest to `epsilon`."""
        return at_epsilon(self.runs[pair, kind], epsilon)

    def others(self, kind: str, epsilon: float, name: str) -> str:
        """Return the same rate of the other pairs present, as text."""
        pairs = [pair for pair, other in self.runs if other == kind and pair != "ours"]
        values = [f"{pair}: {share(self.at(pair, kind, epsilon), name):.3f}" for pair in pairs]
        return f"Other pairs at the same epsilon: {', '.join(values)}." if values else ""


def crossing(shares: Mapping[float, float], level: float) -> float | None:
    """Return the smallest epsilon from which on a curve stays at `level` or above, or None."""
    below = [epsilon for epsilon, value in shares.items() if value < level]
    above = [epsilon for epsilon in shares if epsilon > max(below, default=-1.0)]
    return min(above, default=None)
