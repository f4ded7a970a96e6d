"""Made-up runs of Part III with the counts that a test asks for."""

from lib.adversarial import evaluation
from lib.adversarial.detector import READINGS
from lib.runs.results import Result


def run(
    epsilon: float,
    correct: int,
    flagged: int,
    both: int | None = None,
    *,
    images: int = 1000,
    auc: float = 0.9,
    roughness: float = 1.0,
    changed: float = 1.0,
) -> Result:
    """Return a run with these counts for every reading and threshold."""
    both = min(flagged, images - correct) if both is None else both
    counts = {"flagged": flagged, "flagged_misclassified": both}
    reading = {
        "auc": auc,
        "quantiles": {str(q): 0.001 + q * epsilon for q in evaluation.QUANTILES},
        "thresholds": {name: counts for name in ("authors", "maximum", "percentile")},
    }
    metrics = {
        "images": images,
        "correct": correct,
        "readings": {name: reading for name in READINGS},
        "perturbation": {"changed": changed, "size": 0.1, "roughness": roughness},
    }
    return Result(evaluation.PART, "attack", {"epsilon": epsilon}, metrics)
