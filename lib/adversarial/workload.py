"""What Part III still has to compute: two networks, the attacks on them, the detector's thresholds.

Networks are the same in all profiles, so that their passes, forward or back, stand for operations.
The way back to an image takes as many as the way forward, that to the weights as many again.
"""

from collections.abc import Callable, Sequence

from lib.adversarial import checkpoints, data, evaluation
from lib.adversarial.checkpoints import Network
from lib.adversarial.data import Digits
from lib.adversarial.profiles import PROFILES, Profile
from lib.adversarial.training import TrainingConfig
from lib.book import profiles
from lib.runs import workload
from lib.runs.sweep import Config
from lib.runs.workload import Provenance, Work

PART = evaluation.PART


def of(profile_name: str) -> list[Work]:
    """Return what a profile computes."""
    profile = profiles.choose(PROFILES, profile_name)
    digits = data.load(profile.dataset)
    networks = checkpoints.networks(profile, digits, train=False)
    ours = [network for network in networks if network.pair == "ours"]
    thresholds = workload.stored(PART, "thresholds", evaluation.threshold_configs(digits))
    return [
        *(_training(config, digits) for config in profile.trainings),
        Work("thresholds of the detector", thresholds),
        *(_attacks(profile, network, digits) for network in networks),
        *(_ledger(name, profile, ours, digits) for name in evaluation.LEDGER),
    ]


def _training(config: TrainingConfig, digits: Digits) -> Work:
    path, run = checkpoints.place(config, digits), checkpoints.training_run(config, digits)
    images = config.epochs * len(digits.train_images)
    found = workload.network(path, run)
    return Work(f"network, {config.name}", found, lambda: images * training_passes(config))


def _attacks(profile: Profile, network: Network, digits: Digits) -> Work:
    """Return the attacks on one network behind Table II and Fig. 2 to 4."""
    strengths = evaluation.strengths(profile)

    def grid(network: Network) -> Sequence[Config]:
        return evaluation.attack_grid(profile, [network], digits, strengths)

    return Work(
        f"attacks, {network.pair} {network.kind}",
        _found([network], grid, len(strengths)),
        lambda: profile.test_images * attack_passes("pgd", profile.steps),
    )


def _ledger(name: str, profile: Profile, ours: Sequence[Network], digits: Digits) -> Work:
    """Return one other reading of the attack on our networks."""
    run = {"method": "pgd", "steps": profile.steps, **evaluation.LEDGER[name](0.0)}

    def grid(network: Network) -> Sequence[Config]:
        return [*evaluation.ledger_grid(profile, network, digits)[name]]

    return Work(
        f"ledger, {name}",
        _found(ours, grid, len(profile.ledger_epsilons)),
        lambda: profile.ledger_images * attack_passes(run["method"], run["steps"]),
    )


def _found(
    networks: Sequence[Network], grid: Callable[[Network], Sequence[Config]], count: int
) -> list[Provenance | None]:
    """Return which of `count` attacks on each network are there; on a network to come none is."""
    found: list[Provenance | None] = []
    for network in networks:
        there = network.path.is_file()
        found += workload.stored(PART, "attack", grid(network)) if there else [None] * count
    return found


def attack_passes(method: str, steps: int) -> int:
    """Return how often each image passes the network in one attack, and in what is then said of it.

    `steps` are of its gradient; noise takes none.
    """
    ways = {"pgd": 2, "evasion": 3, "noise": 0}[method]  # evading looks at each result as well
    return steps * ways + 1


def training_passes(config: TrainingConfig) -> int:
    """Return how often each image passes the network in an epoch, its attack included."""
    return 3 + (2 * config.attack_steps if config.epsilon else 0)
