"""What Part III still has to compute: two networks, the attacks on them, the detector's thresholds.

Gradients at images are counted as the plain network has them; the fast way back to the image (see
`fast.FirstConvolution`) does more operations in less time.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial

import torch

from lib.adversarial import checkpoints, classifiers, data, evaluation
from lib.adversarial.checkpoints import Network
from lib.adversarial.data import IMAGE_SIZE, Digits
from lib.adversarial.profiles import PROFILES, Profile
from lib.adversarial.training import TrainingConfig
from lib.book import profiles
from lib.runs import workload
from lib.runs.sweep import Config
from lib.runs.workload import Provenance, Work, flop

PART = evaluation.PART


def of(profile_name: str) -> list[Work]:
    """Return what a profile computes.

    Raises:
        ValueError: there is no such profile.
        FileNotFoundError: the data root names no folder.
    """
    profile = profiles.choose(PROFILES, profile_name)
    digits = data.load(profile.dataset)
    networks = checkpoints.networks(profile, digits, train=False)
    thresholds = workload.stored(PART, "thresholds", evaluation.threshold_configs(digits))
    return [
        *(_training(config, digits) for config in profile.trainings),
        Work("thresholds of the detector", thresholds),
        *(_attacks(profile, network, digits) for network in networks),
        *_ledger(profile, [network for network in networks if network.pair == "ours"], digits),
    ]


def _training(config: TrainingConfig, digits: Digits) -> Work:
    """Return the training of one of our networks."""
    path, run = checkpoints.place(config, digits), checkpoints.training_run(config, digits)
    images = config.epochs * len(digits.train_images)
    return Work(
        f"network, {config.name}",
        workload.network(path, run),
        lambda: images * training_flop(config),
    )


def _attacks(profile: Profile, network: Network, digits: Digits) -> Work:
    """Return the attacks on one network behind Table II and Fig. 2 to 4."""
    strengths = evaluation.strengths(profile)
    grid = partial(evaluation.attack_grid, profile, [network], digits, strengths)
    return Work(
        f"attacks, {network.pair} {network.kind}",
        _found([network], lambda _: grid(), len(strengths)),
        lambda: profile.test_images * attack_flop(network.architecture, "pgd", profile.steps),
    )


def _ledger(profile: Profile, ours: Sequence[Network], digits: Digits) -> list[Work]:
    """Return the other readings of the attack on our networks, one line for each."""

    def work(name: str) -> Work:
        def grid(network: Network) -> list[Config]:
            return [*evaluation.ledger_grid(profile, network, digits)[name]]

        changed = {"method": "pgd", "steps": profile.steps, **evaluation.LEDGER[name](0.0)}
        return Work(
            f"ledger, {name}",
            _found(ours, grid, len(profile.ledger_epsilons)),
            lambda: (
                profile.ledger_images * attack_flop("madry", changed["method"], changed["steps"])
            ),
        )

    return [work(name) for name in evaluation.LEDGER]


def _found(
    networks: Sequence[Network], grid: Callable[[Network], Sequence[Config]], count: int
) -> list[Provenance | None]:
    """Return which of `count` attacks on each network are there; on a network to come none is."""
    found: list[Provenance | None] = []
    for network in networks:
        if network.path.is_file():
            found += workload.stored(PART, "attack", grid(network))
        else:
            found += [None] * count
    return found


def attack_flop(architecture: str, method: str, steps: int) -> int:
    """Return the FLOP for each image of one attack, what the network then says included.

    Args:
        architecture: see `classifiers.ARCHITECTURES`.
        method: see `evaluation.attack_config`.
        steps: of its gradient; none for noise.
    """
    forward, gradient = _looks(architecture)
    step = {"pgd": gradient, "evasion": gradient + forward, "noise": 0}[method]
    return steps * step + forward


@cache
def _looks(architecture: str) -> tuple[int, int]:
    """Return the FLOP for each image of what a network says, and of that and the way back."""
    with torch.device("meta"):
        network = classifiers.frozen(classifiers.build(architecture))
        image = torch.empty(1, 1, IMAGE_SIZE, IMAGE_SIZE, requires_grad=True)
    return flop(lambda: network(image)), flop(lambda: network(image).sum().backward())


def training_flop(config: TrainingConfig) -> int:
    """Return the FLOP of training for each image in an epoch, its attack included."""
    with torch.device("meta"):
        network = classifiers.build("madry")
        image = torch.empty(1, 1, IMAGE_SIZE, IMAGE_SIZE)
    update = flop(lambda: network(image).sum().backward())
    return update + (config.attack_steps * _looks("madry")[1] if config.epsilon else 0)
