"""What the detector finds (section IV): one run per network and epsilon, counted three ways.

The paper's Table II counts images that are misclassified *and* flagged, over all images. Two other
rates answer the questions a reader has: how many attacked images are flagged, and how many of the
successful ones. A run stores counts, so that every rate and every interval follows from its file.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from lib.adversarial import attacks, checkpoints, classifiers, data, detector, fast
from lib.adversarial.checkpoints import Network
from lib.adversarial.data import Digits
from lib.adversarial.detector import PAPER_THRESHOLD, READINGS
from lib.adversarial.profiles import Profile
from lib.runs import sweep
from lib.runs.device import best_device
from lib.runs.results import Result

PART = "part3"
LEDGER: dict[str, Callable[[float], dict[str, Any]]] = {
    "as published": lambda epsilon: {},
    "another seed": lambda epsilon: {"seed": 1},
    "a third seed": lambda epsilon: {"seed": 2},
    "no random start": lambda epsilon: {"random_start": False},  # eq. 2 as printed
    "step grows with epsilon": lambda epsilon: {"step_size": round(2.5 * epsilon / 40, 6)},
    "100 steps": lambda epsilon: {"steps": 100},
    "uniform noise, no attack": lambda epsilon: {"method": "noise"},
    "evades the detector": lambda epsilon: {"method": "evasion", "steps": 100},
}
SUBSETS = {"first 50,000": slice(50_000), "all but first 5,000": slice(5_000, None)}
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
TOGETHER = 500  # perturbations looked at at once
PERCENTILE = 99.0  # of the third threshold: one benign training image in a hundred is flagged


def attack_config(
    profile: Profile, network: Network, digits: Digits, epsilon: float, **changes: Any
) -> dict[str, Any]:
    """Return everything that determines the counts of one run, with settings changed by name."""
    config = {
        "pair": network.pair,
        "kind": network.kind,
        "architecture": network.architecture,
        "weights": network.digest,
        **digits.origin,
        "images": min(profile.test_images, len(digits.test_images)),
        "batch_size": profile.batch_size,
        "epsilon": epsilon,
        "method": "pgd",
        "steps": profile.steps,
        "step_size": profile.step_size,
        "random_start": True,
        "norm": "linf",
        "seed": 0,
    }
    if unknown := set(changes) - set(config):
        raise ValueError(f"an attack has no setting {sorted(unknown)[0]!r}")
    return config | changes


def attack_networks(
    profile: Profile,
    networks: Sequence[Network],
    digits: Digits,
    epsilons: Sequence[float] | None = None,
) -> dict[tuple[str, str], list[Result]]:
    """Return {(pair, kind): one result per epsilon} behind Table II and Fig. 2 to 4.

    What has no result file yet is computed. Without `epsilons`, which ascend, they are those of the
    paper's figures and table. There are fewer where only what is present is shown.

    Raises:
        RuntimeError: of a network there is none.
    """
    grid = attack_grid(profile, networks, digits, epsilons or strengths(profile))
    found: dict[tuple[str, str], list[Result]] = {(n.pair, n.kind): [] for n in networks}
    for result in run_attacks(grid, digits):
        found[result.config["pair"], result.config["kind"]].append(result)
    for (pair, kind), of_network in found.items():
        if not of_network:
            raise RuntimeError(f"no attack on the {kind} network ({pair}) is there yet")
    return found


def attack_grid(
    profile: Profile, networks: Sequence[Network], digits: Digits, epsilons: Sequence[float]
) -> list[dict[str, Any]]:
    """Return the runs of some networks, strength by strength."""
    return [attack_config(profile, n, digits, epsilon) for n in networks for epsilon in epsilons]


def strengths(profile: Profile) -> list[float]:
    """Return the strengths of the paper's figures and table, in ascending order."""
    return sorted({*profile.epsilons, *profile.table_epsilons})


def run_attacks(grid: Sequence[dict[str, Any]], digits: Digits) -> list[Result]:
    """Return the result of each config, computing what is missing on all cores."""
    thresholds(digits)  # once, before several processes want them
    code = (attacks, detector, classifiers, fast, data, attack_run, attack, count, describe)
    found = sweep.run(PART, "attack", grid, attack_run, sources=code)
    return [result for result in found if result is not None]


def ledger_grid(
    profile: Profile, network: Network, digits: Digits
) -> dict[str, list[dict[str, Any]]]:
    """Return {other reading of the attack: configs over the ledger's epsilons} for one network.

    "as published" is the same attack on the same, smaller number of images.
    """
    images = min(profile.ledger_images, len(digits.test_images))
    return {
        name: [
            attack_config(profile, network, digits, epsilon, images=images, **changes(epsilon))
            for epsilon in profile.ledger_epsilons
        ]
        for name, changes in LEDGER.items()
    }


def attack_ledger(
    profile: Profile, networks: Sequence[Network], digits: Digits, names: Sequence[str] = ()
) -> dict[str, dict[str, list[Result]]]:
    """Return {kind: {reading of the attack: one result per epsilon}} of this book's own networks.

    `names` are of LEDGER; all if none is given.
    """
    return {
        network.kind: {
            name: run_attacks(grid, digits)
            for name, grid in ledger_grid(profile, network, digits).items()
            if name in (names or LEDGER)
        }
        for network in networks
        if network.pair == "ours"
    }


def without_filter(profile: Profile, network: Network, digits: Digits) -> list[Result]:
    """Return what is left of the informed attacker without the filter: her start and her steps.

    One result per strength of the ledger; of a network that her start makes a difference to.
    """
    grid = ledger_grid(profile, network, digits)["100 steps"]
    return run_attacks([config | {"random_start": False} for config in grid], digits)


def attack_run(config: dict[str, Any]) -> dict[str, Any]:
    """Attack the first `images` test images of one network; return what the detectors make of it.

    Returns:
        "images" and "correct" (counts); "perturbation", see `describe`; and for each reading of
        the detector "auc", the area under the ROC curve against the same images unattacked, score
        "quantiles", and per threshold "flagged" and "flagged_misclassified" (counts).
    """
    digits = cached_digits(config["dataset"])
    device = best_device()
    model = classifiers.load(checkpoints.find_by_digest(config["weights"]), config["architecture"])
    model = model.to(device)
    generator = torch.Generator().manual_seed(config["seed"])
    correct: list[Tensor] = []
    scores: dict[str, list[Tensor]] = {name: [] for name in READINGS}
    benign, labels = digits.test_images[: config["images"]], torch.from_numpy(digits.test_labels)
    perturbed = torch.empty(len(benign), 1, *benign.shape[1:])
    for rows in torch.arange(len(benign)).split(config["batch_size"]):
        batch, truth = data.to_batch(benign[rows.numpy()]).to(device), labels[rows].to(device)
        adversarial = attack(model, batch, truth, config, generator)
        correct.append(predict(model, adversarial) == truth)
        perturbed[rows] = (adversarial - batch).cpu()
        for name, reading in READINGS.items():
            scores[name].append(reading.score(adversarial))
    all_scores = {name: torch.cat(found).cpu() for name, found in scores.items()}
    counts = count(benign, torch.cat(correct).cpu(), all_scores, digits)
    return counts | {"perturbation": describe(perturbed)}


def attack(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    config: dict[str, Any],
    generator: torch.Generator,
) -> Tensor:
    """Return the images (batch, 1, 28, 28) as the configured method leaves them."""
    epsilon, norm = config["epsilon"], config["norm"]
    if config["method"] == "noise":  # no attack at all: uniform noise of the same size
        noise = attacks.random_point(images, epsilon, norm, generator)
        return attacks.project(noise, images, epsilon, norm)
    steps = {name: config[name] for name in ("steps", "step_size")}
    if config["method"] == "evasion":
        return attacks.evading_pgd(model, images, labels, epsilon, **steps)
    start = {"random_start": config["random_start"], "norm": norm, "generator": generator}
    return attacks.pgd(model, images, labels, epsilon, **steps, **start)


@torch.no_grad()
def predict(model: nn.Module, images: Tensor) -> Tensor:
    """Return the predicted classes (batch,) int64."""
    return model(images).argmax(dim=1)


def count(
    benign: np.ndarray, correct: Tensor, scores: dict[str, Tensor], digits: Digits
) -> dict[str, Any]:
    """Return the counts of one run from what was predicted and scored, see `attack_run`.

    Args:
        benign: (n, 28, 28) uint8, the images before the attack.
        correct: (n,) bool, whether the attacked ones are read correctly.
        scores: of the attacked ones by reading, (n,) float64 each.
        digits: whose training images the thresholds are from.
    """
    readings: dict[str, Any] = {}
    truth = np.repeat([0, 1], len(benign))
    for name, attacked in scores.items():
        both = np.concatenate([detector.benign_scores(READINGS[name], benign), attacked.numpy()])
        counts = {}
        for threshold, value in thresholds(digits)[name].items():
            flagged = attacked > value
            missed = flagged & ~correct
            counts[threshold] = {
                "flagged": int(flagged.sum()),
                "flagged_misclassified": int(missed.sum()),
            }
        readings[name] = {
            "auc": float(roc_auc_score(truth, both)),
            "quantiles": {str(q): float(attacked.quantile(q)) for q in QUANTILES},
            "thresholds": counts,
        }
    return {"images": len(correct), "correct": int(correct.sum()), "readings": readings}


def describe(perturbations: Tensor) -> dict[str, float]:
    """Return what perturbations (n, 1, height, width) look like, averaged over all images.

    "changed" is the share of pixels changed by half a grey level or more, "size" the mean magnitude
    of the change (in units of the pixel range), and "roughness" the mean magnitude of the
    predictor's residual on the perturbation (without the border), over that size: small if
    neighbours change alike, as the paper suspects of attacks on the robust network (section IV-A).
    """
    magnitude = perturbations.abs()
    size = float(magnitude.mean())
    count, _, height, width = perturbations.shape
    residuals = torch.empty(count, height - 2, width - 2, dtype=torch.float64)
    for rows in torch.arange(count).split(TOGETHER):
        residuals[rows] = detector.residual(perturbations[rows, 0].double())
    rough = float(residuals.abs_().mean())  # of all at once: parts would round differently
    return {
        "changed": int((magnitude >= 0.5 / 255).sum()) / magnitude.numel(),
        "size": size,
        "roughness": rough / size if size else 0.0,
    }


def threshold_configs(digits: Digits) -> list[dict[str, Any]]:
    """Return one config per reading: what the detector says of benign images alone."""
    return [{"reading": name, **digits.origin} for name in READINGS]


def threshold_run(config: dict[str, Any]) -> dict[str, Any]:
    """Return the thresholds that benign training images give one reading, and its false positives.

    The paper takes the largest score over "50,000" training images; MNIST has 60,000, and the
    loader of Madry's challenge keeps all but the first 5,000. "maximum_of" holds the alternatives.
    """
    digits, reading = cached_digits(config["dataset"]), READINGS[config["reading"]]
    train = detector.benign_scores(reading, digits.train_images)
    test = detector.benign_scores(reading, digits.test_images)
    found = {"maximum": float(train.max()), "percentile": float(np.percentile(train, PERCENTILE))}
    if config["reading"] == "paper":
        found["authors"] = PAPER_THRESHOLD
    return {
        "thresholds": found,
        "maximum_of": {
            name: float(train[part].max()) for name, part in SUBSETS.items() if len(train) > 50_000
        },
        "image_of_maximum": int(train.argmax()),
        "train_images": len(train),
        "test_images": len(test),
        "test_maximum": float(test.max()),
        "false_positives": {name: int((test > value).sum()) for name, value in found.items()},
    }


@lru_cache(maxsize=2)
def benign_runs(digits: Digits) -> list[Result]:
    """Return one result per reading, see `threshold_run`; from their files where they exist."""
    wanted, code = threshold_configs(digits), (detector, data, threshold_run)
    found = sweep.run(PART, "thresholds", wanted, threshold_run, jobs=1, sources=code)
    return [result for result in found if result is not None]


def thresholds(digits: Digits) -> dict[str, dict[str, float]]:
    """Return {reading: {threshold name: value}}."""
    return {run.config["reading"]: run.metrics["thresholds"] for run in benign_runs(digits)}


@lru_cache(maxsize=2)
def cached_digits(dataset: str) -> Digits:
    """Return a dataset by name, read once per process."""
    return data.load(dataset)


def rate(
    metrics: dict[str, Any], name: str, reading: str = "paper", threshold: str = "authors"
) -> tuple[int, int]:
    """Return one rate of a run as (successes, out of).

    "flagged and misclassified" is the paper's Table II; "flagged" is what its text calls the true
    positive rate; "flagged of successful" asks only about attacks that worked; "accuracy" is
    Fig. 3 and "correct or flagged" Fig. 4; "rightly handled" counts an image that is flagged
    although it would have been read correctly as lost.

    Raises:
        KeyError: there is no such rate, reading or threshold.
    """
    images, correct = metrics["images"], metrics["correct"]
    counts = metrics["readings"][reading]["thresholds"][threshold]
    flagged, both = counts["flagged"], counts["flagged_misclassified"]
    return {
        "flagged and misclassified": (both, images),
        "flagged": (flagged, images),
        "flagged of successful": (both, images - correct),
        "accuracy": (correct, images),
        "correct or flagged": (correct + both, images),
        "rightly handled": (correct - (flagged - both) + both, images),
    }[name]


def share(result: Result, name: str, reading: str = "paper", threshold: str = "authors") -> float:
    """Return one rate of a run as a share; NaN where it has no images to speak of."""
    successes, n = rate(result.metrics, name, reading, threshold)
    return successes / n if n else float("nan")


def at_epsilon(found: Sequence[Result], epsilon: float) -> Result:
    """Return the run at `epsilon`, or the nearest one (profile smoke has few)."""
    return min(found, key=lambda result: abs(result.config["epsilon"] - epsilon))
