"""What Part III costs as the attacked images grow more: attacking and judging them, run by run."""

from typing import Any

from lib.adversarial import checkpoints, data, evaluation
from lib.adversarial.data import IMAGE_SIZE
from lib.adversarial.profiles import PROFILES
from lib.runs.scaling import FACTORS, timed

IMAGES = {"smoke": 40, "quick": 250, "paper": 10_000}  # of a run
STEPS, EPSILON = 5, 0.2  # of the attack; the paper's 40 steps take eight times as long


def configs(profile: str) -> list[dict[str, Any]]:
    """Return growing numbers of runs of the attack on so many images each."""
    digits, quick = data.load("mnist"), PROFILES["quick"]
    network = checkpoints.networks(quick, digits)[0]  # the shipped one, at every profile
    evaluation.thresholds(digits)  # once, before other processes want them
    attack = evaluation.attack_config(
        quick, network, digits, EPSILON, steps=STEPS, step_size=2.5 * EPSILON / STEPS
    )
    attack |= {"images": IMAGES[profile], "unit": "attacked images"}
    return [{**attack, "runs": n, "size": n * IMAGES[profile]} for n in FACTORS[profile]]


def run_one(run: dict[str, Any]) -> dict[str, Any]:
    """Attack the images run by run, as a sweep does, each with a seed of its own.

    Returns:
        `seconds`, and `data_mb`, what all attacked images would take.
    """
    seconds: dict[str, float] = {}
    with timed(seconds, "attacked and judged"):
        for seed in range(run["runs"]):
            evaluation.attack_run({**run, "seed": seed})
    return {"seconds": seconds, "data_mb": run["size"] * IMAGE_SIZE**2 * 4 / 1e6}
