"""What Part III still has to compute: two networks, the attacks on them, the detector's thresholds.

Gradients at images are counted as the plain network has them; the fast way back to the image (see
`models.FirstConvolution`) does more operations in less time.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import torch

from lib.adversarial import checkpoints, data, detector, evaluation, models
from lib.adversarial.checkpoints import Network
from lib.adversarial.data import IMAGE_SIZE, Digits
from lib.adversarial.detector import READINGS
from lib.adversarial.profiles import PROFILES, Profile, TrainingConfig
from lib.adversarial.training import Trainer
from lib.book import profiles, sweep, workload
from lib.book.device import best_device
from lib.book.workload import Do, Sample, Work, Workload

PART = evaluation.PART
WEIGHTS, RESULT = 2, 8e3  # bytes: of a stored weight, of a result about
COUNTED = 2  # images at a time
SCORED = 2000  # images at a time, see `detector.benign_scores`


def of(profile_name: str) -> Workload:
    """Return what a profile computes.

    Raises:
        ValueError: there is no such profile.
        FileNotFoundError: the data root names no folder.
    """
    profile, lacking = profiles.choose(PROFILES, profile_name), workload.lacking(PART)
    digits = data.load(profile.dataset)
    networks = checkpoints.networks(profile, digits, train=False)
    work = [
        *(training_work(config, digits) for config in profile.trainings),
        thresholds_work(digits),
        *attacks_work(profile, networks, digits),
        *ledger_work(profile, networks, digits),
    ]
    read = digits.train_images.nbytes + digits.test_images.nbytes
    return Workload(digits.name, digits.rung, work, read, lacking)


def training_work(config: TrainingConfig, digits: Digits) -> Work:
    """Return the training of one of our networks."""
    items = config.epochs * len(digits.train_images)
    with torch.device("meta"):
        weights = sum(each.numel() for each in models.build("madry").parameters())
    return Work(
        f"network, {config.name}",
        runs=1,
        present=int(checkpoints.place(config, digits).is_file()),
        items=items,
        operations=items * training_flop(config),
        sample=_training(config),
        disk=WEIGHTS * weights,
        in_turn=True,
    )


def thresholds_work(digits: Digits) -> Work:
    """Return what the detector says of benign images; it has no operations that count."""
    configs = evaluation.threshold_configs(digits)
    return Work(
        "thresholds of the detector",
        len(configs),
        _present("thresholds", configs),
        items=len(digits.train_images) + len(digits.test_images),
        sample=_scoring(),
        disk=RESULT,
        in_turn=True,
    )


def attacks_work(profile: Profile, networks: Sequence[Network], digits: Digits) -> list[Work]:
    """Return the attacks behind Table II and Fig. 2 to 4, one line for each network."""
    strengths = evaluation.strengths(profile)
    return [
        _attack_work(
            f"attacks, {network.pair} {network.kind}",
            profile,
            [network],
            digits,
            partial(_main_grid, profile, digits, strengths),
            {"images": min(profile.test_images, len(digits.test_images))},
            len(strengths),
        )
        for network in networks
    ]


def ledger_work(profile: Profile, networks: Sequence[Network], digits: Digits) -> list[Work]:
    """Return the other readings of the attack, one line for each, on our networks."""
    ours = [network for network in networks if network.pair == "ours"]
    images = min(profile.ledger_images, len(digits.test_images))
    return [
        _attack_work(
            f"ledger, {name}",
            profile,
            ours,
            digits,
            partial(_ledger_grid, profile, digits, name),
            {"images": images, **changes(0.0)},
            len(profile.ledger_epsilons),
        )
        for name, changes in evaluation.LEDGER.items()
    ]


def attack_flop(architecture: str, method: str, steps: int) -> int:
    """Return the FLOP for each image of one attack, what the network then says included.

    Args:
        architecture: see `models.ARCHITECTURES`.
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
        network = models.frozen(models.build(architecture))
        images = torch.empty(COUNTED, 1, IMAGE_SIZE, IMAGE_SIZE, requires_grad=True)
    forward = workload.count(lambda: network(images)) // COUNTED
    gradient = workload.count(lambda: network(images).sum().backward()) // COUNTED
    return forward, gradient


def training_flop(config: TrainingConfig) -> int:
    """Return the FLOP of training for each image in an epoch, its attack included."""
    with torch.device("meta"):
        network = models.build("madry")
        images = torch.empty(COUNTED, 1, IMAGE_SIZE, IMAGE_SIZE)
    update = workload.count(lambda: network(images).sum().backward()) // COUNTED
    if not config.epsilon:
        return update
    return update + config.attack_steps * _looks("madry")[1]


def _attack_work(
    name: str,
    profile: Profile,
    networks: Sequence[Network],
    digits: Digits,
    grid: Callable[[Network], list[dict[str, Any]]],
    changes: dict[str, Any],
    strengths: int,
) -> Work:
    """Return the attacks on some networks of one form; those on a network to come are missing."""
    settings: dict[str, Any] = {"method": "pgd", "steps": profile.steps} | changes
    if settings["method"] == "noise":
        settings["steps"] = 1  # no attack at all
    architecture = networks[0].architecture
    each = attack_flop(architecture, settings["method"], settings["steps"])
    there = [network for network in networks if network.path.is_file()]
    present = _present("attack", [config for network in there for config in grid(network)])
    return Work(
        name,
        strengths * len(networks),
        present,
        items=settings["images"] * settings["steps"],
        operations=settings["images"] * each,
        sample=_attack(architecture, settings["method"], profile.batch_size),
        disk=RESULT,
        note="" if len(there) == len(networks) else "its networks are not trained yet",
    )


def _main_grid(
    profile: Profile, digits: Digits, strengths: Sequence[float], network: Network
) -> list[dict[str, Any]]:
    """Return the attacks on one network over the strengths."""
    return evaluation.attack_grid(profile, [network], digits, strengths)


def _ledger_grid(
    profile: Profile, digits: Digits, name: str, network: Network
) -> list[dict[str, Any]]:
    """Return one reading of the attack on one network over the ledger's strengths."""
    return evaluation.ledger_grid(profile, network, digits)[name]


def _present(experiment: str, configs: list[dict[str, Any]]) -> int:
    """Return how many of some runs have a result."""
    run_one = evaluation.attack_run
    found = sweep.run(PART, experiment, configs, run_one, compute=False)
    return sum(result is not None for result in found)


@cache
def _training(config: TrainingConfig) -> Sample:
    """Return how fast a network is trained: an item is an image in a batch."""

    def prepare() -> Do:
        batch = _digits(config.batch_size)
        trainer = Trainer(config, batch)

        def do(items: int) -> None:
            index = torch.arange(items, device=trainer.device)
            images = trainer.attacked(index, 1.0) if config.epsilon else trainer.images[index]
            trainer.update(images, trainer.labels[index])

        return do

    return Sample(prepare, config.batch_size)


@cache
def _attack(architecture: str, method: str, batch: int) -> Sample:
    """Return how fast images are attacked: an item is a step of one image."""

    def prepare() -> Do:
        device = best_device()
        network = models.frozen(models.build(architecture)).to(device)
        images = data.to_batch(_digits(batch).test_images).to(device)
        labels = torch.arange(batch, device=device) % models.CLASSES
        settings = {"epsilon": 0.3, "norm": "linf", "method": method, "step_size": 0.01}
        settings |= {"steps": 1, "random_start": True}
        generator = torch.Generator().manual_seed(0)

        def do(items: int) -> None:
            some = slice(items)
            found = evaluation.attack(network, images[some], labels[some], settings, generator)
            if method == "noise":  # then nothing but this asks the network
                evaluation.predict(network, found)

        return do

    return Sample(prepare, batch, least=min(batch, models.SMALLEST_FAST_BATCH))


@cache
def _scoring() -> Sample:
    """Return how fast the published detector scores images."""

    def prepare() -> Do:
        images = _digits(SCORED).train_images
        return lambda items: detector.benign_scores(READINGS["paper"], images[:items])

    return Sample(prepare, SCORED)


def _digits(count: int) -> Digits:
    """Return noise in place of digits."""
    images = workload.noise(count, IMAGE_SIZE, IMAGE_SIZE)
    labels = torch.arange(count).numpy() % models.CLASSES
    return Digits("noise", images, labels, images, labels)
