"""What Part III costs as the attacked images grow more: attacking and judging them, run by run."""

from typing import Any

from lib.adversarial import checkpoints, evaluation
from lib.adversarial.checkpoints import Network
from lib.adversarial.data import IMAGE_SIZE, Digits
from lib.adversarial.profiles import PROFILES
from lib.book import scaling
from lib.book.results import Result
from lib.book.scaling import FACTORS, timed

IMAGES = {"smoke": 40, "quick": 250, "paper": 10_000}  # of a run
STEPS = 5  # of the attack; the paper's 40 take eight times as long
EPSILON = 0.2


def measured(profile: str, digits: Digits) -> list[Result]:
    """Return the cost of growing numbers of runs, see `book.scaling.measure`."""
    network = checkpoints.networks(PROFILES[profile], digits)[0]
    evaluation.thresholds(digits)  # once, before other processes want them
    runs = [config(IMAGES[profile], runs, network, digits) for runs in FACTORS[profile]]
    return scaling.measure("part3", runs, run_one)


def config(images: int, runs: int, network: Network, digits: Digits) -> dict[str, Any]:
    """Return the measurement of so many runs of the attack on so many images each."""
    attack = evaluation.attack_config(
        PROFILES["quick"], network, digits, EPSILON, steps=STEPS, step_size=2.5 * EPSILON / STEPS
    )
    attack["images"] = min(images, len(digits.test_images))
    size = runs * attack["images"]
    return {**attack, "unit": "attacked images", "runs": runs, "size": size}


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
