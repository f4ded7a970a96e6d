"""Part III's laboratory: an idea beside the paper's, attacked and judged in about a minute."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lib.adversarial import attacks, classifiers, detector
from lib.adversarial.checkpoints import Network
from lib.adversarial.data import Digits, to_batch
from lib.adversarial.detector import Detector, InkCounter, benign_scores
from lib.adversarial.profiles import Profile
from lib.runs import laboratory
from lib.runs.code import Source
from lib.runs.results import Result

BENIGN = 2000  # training images that set the threshold
EPSILONS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
FALSE_ALARMS = 0.01  # share of benign images above the threshold
BESIDE = "the paper's"  # what an idea is drawn beside


@dataclass(frozen=True)
class Idea:
    """What to change: by default nothing.

    reading: judges images, see `detector.Detector`.
    step, within: of the attack, see `attacks.pgd`.
    around: makes the network that is attacked of a trained one.
    """

    reading: Detector | InkCounter = field(default_factory=Detector)
    step: Callable[[Tensor, str], Tensor] = attacks.steepest
    within: Callable[[Tensor, Tensor, float, str], Tensor] = attacks.project
    around: Callable[[nn.Module], nn.Module] = nn.Sequential


def beside(
    ideas: Mapping[str, Idea], network: Network, digits: Digits, profile: Profile
) -> dict[str, Result]:
    """Return by name what some ideas come to, the paper's own first; see `tried`."""
    every = {BESIDE: Idea(), **ideas}
    return {name: tried(idea, network, digits, profile) for name, idea in every.items()}


def tried(idea: Idea, network: Network, digits: Digits, profile: Profile) -> Result:
    """Return how often a network is right and the filter raises an alarm, by epsilon.

    Raises:
        ValueError: what the idea gives is of another form or no number.
    """
    setting: dict[str, Any] = {
        "network": network.digest,
        "reading": repr(idea.reading),
        "images": profile.ledger_images,
        "steps": profile.steps,
        "step_size": profile.step_size,
        "benign": BENIGN,
        "epsilons": EPSILONS,
        "false_alarms": FALSE_ALARMS,
    }
    code: list[Source] = [attacks, detector, classifiers, measure]
    code += [idea.step, idea.within, type(idea.reading)]
    if idea.around is not nn.Sequential:
        code.append(idea.around)
    data = (digits.name, digits.rung)

    def compute() -> dict[str, Any]:
        return measure(idea, network.load(), digits, setting)

    return laboratory.tried("part3", setting, code, compute, data)


def measure(
    idea: Idea, network: nn.Module, digits: Digits, setting: Mapping[str, Any]
) -> dict[str, Any]:
    """Attack a network and let the filter look.

    Returns:
        By epsilon: `accuracy` under attack and `flagged`, the share of attacked images above the
        threshold, which one benign training image in a hundred exceeds.
    """
    attacked = idea.around(network).eval()
    images = to_batch(digits.test_images[: setting["images"]])
    labels = torch.from_numpy(digits.test_labels[: setting["images"]])
    _check("the network", attacked(images[:2]), (2, 10))
    benign = benign_scores(idea.reading, digits.train_images[:BENIGN])
    _check("the filter", torch.from_numpy(benign), (len(benign),))
    threshold = np.quantile(benign, 1 - FALSE_ALARMS)
    found: dict[str, Any] = {"epsilon": list(EPSILONS), "accuracy": [], "flagged": []}
    for epsilon in EPSILONS:
        random = torch.Generator().manual_seed(0)
        adversarial = attacks.pgd(
            attacked,
            images,
            labels,
            epsilon,
            steps=setting["steps"],
            step_size=setting["step_size"],
            step=idea.step,
            within=idea.within,
            generator=random,
        )
        _check("the attack", adversarial, tuple(images.shape))
        with torch.no_grad():
            right = attacked(adversarial).argmax(dim=1) == labels
        flagged = idea.reading.score(adversarial) > threshold
        found["accuracy"].append(float(right.float().mean()))
        found["flagged"].append(float(flagged.float().mean()))
    return found


def _check(what: str, found: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(found.shape) != shape:
        raise ValueError(f"{what} gives {tuple(found.shape)} instead of {shape}; look at your idea")
    if not found.isfinite().all():
        raise ValueError(f"{what} gives what is no number; look at your idea")
