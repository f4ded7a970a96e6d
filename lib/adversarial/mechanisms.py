"""Why curves of Part III look as they do: one thing of a network is changed, then attacked."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lib.adversarial import attacks, checkpoints, classifiers, data, detector, evaluation
from lib.adversarial.checkpoints import Network
from lib.adversarial.data import Digits
from lib.adversarial.profiles import Profile
from lib.book.claims import mean_interval
from lib.runs import sweep
from lib.runs.results import Result

MOVED_TO = (None, 0.2, 0.4)  # None: as trained
AROUND = (0.16, 0.18, 0.2, 0.22, 0.24, 0.28, 0.3, 0.32, 0.34, 0.38, 0.4, 0.42, 0.44)
FALLING = (0.05, 0.08, 0.1, 0.12, 0.15, 0.2)
IMAGES, TRAINED = 100, 20_000


def moved(profile: Profile, networks: Sequence[Network], digits: Digits) -> list[Result]:
    """Return attacks on robust networks, their first layer as trained and moved, see `attacked`."""
    found = [network for network in networks if network.kind == "robust"]
    changes = [{"to": to, "epsilons": AROUND} for to in MOVED_TO]
    return _attacks(profile, digits, found, changes)


def fall(profile: Profile, networks: Sequence[Network], digits: Digits) -> list[Result]:
    """Return attacks on natural networks, as trained and trained anew for one epoch."""
    found = [network for network in networks if network.kind == "natural"]
    trained = min(TRAINED, len(digits.train_images))
    plain: dict[str, Any] = {"to": None, "epsilons": FALLING}
    changes = [plain, plain | {"weights": "", "trained": trained}]
    return _attacks(profile, digits, found, changes)


def attacked(config: dict[str, Any]) -> dict[str, Any]:
    """Return what PGD leaves of a network whose guards answer above `to`.

    Guards are kernels of the first layer that look at a single pixel and answer to less than half
    of full ink; "answer_above" has where they did as trained. "clean" is the accuracy without
    attack. For each image there are "margin" and "predicted", see `slopes`; by epsilon "right" says
    of each whether it is read correctly, "score" is its p-hat and "rough" the roughness of its
    change, see `evaluation.describe`; "slope" is the mean magnitude of the loss's gradient at black
    pixels where the attack begins.
    """
    model, (images, labels) = _network(config), _first_images(config)
    weight, bias = model.get_parameter("conv1.weight").flatten(1), model.get_parameter("conv1.bias")
    top = weight.amax(dim=1)
    guards = (top > 0.95 * weight.abs().sum(dim=1)) & (bias < 0) & (-bias / top < 0.5)
    found: dict[str, Any] = {"answer_above": (-bias / top)[guards].tolist()}
    if config["to"] is not None:
        bias[guards] = -config["to"] * top[guards]
    found["clean"] = float((evaluation.predict(model, images) == labels).float().mean())
    found["margin"], found["predicted"] = (each.tolist() for each in slopes(model, images, labels))
    found |= {"right": [], "score": [], "rough": [], "slope": []}
    for epsilon in config["epsilons"]:
        start = attacks.random_point(images, epsilon, "linf", torch.Generator().manual_seed(0))
        start = attacks.project(start, images, epsilon, "linf")
        slope = attacks.image_gradient(model, start, labels)[images == 0].abs().mean()
        how = {"steps": config["steps"], "step_size": config["step_size"], "start": start}
        changed = attacks.pgd(model, images, labels, epsilon, **how)
        found["right"].append((evaluation.predict(model, changed) == labels).int().tolist())
        found["score"].append(detector.Detector().score(changed).tolist())
        found["rough"].append(
            [evaluation.describe(each[None])["roughness"] for each in changed - images]
        )
        found["slope"].append(float(slope))
    return found


def jump(result: Result, name: str, at: float) -> tuple[float, float, float]:
    """Return by how much "score" or "rough" changes where guards that answer from `at` are reached.

    It is the mean over images, with its 95 % interval, from the last strength below `at` to the
    first that is not. A jump is owed to the guards if it goes where they go: with guards put
    elsewhere, the change at `at` has not the sign of the one as trained, or its interval holds 0,
    and with guards put there it has that sign, and its interval does not. Fixed before it was
    computed for "rough".
    """
    reached = int(np.argmax(np.array(result.config["epsilons"]) >= at))
    values = np.array(result.metrics[name])
    change = values[reached] - values[reached - 1]
    return float(change.mean()), *mean_interval(change)


def answers_from(result: Result) -> float:
    """Return the grey value from which the guards of a result answer, NaN where there are none."""
    return float(result.config["to"] or np.median(result.metrics["answer_above"] or [np.nan]))


def owed(found: Sequence[Result], name: str) -> bool:
    """Return whether the jumps of one network are owed to its guards, by the rule of `jump`."""
    trained = next(result for result in found if result.config["to"] is None)
    sign = np.sign(jump(trained, name, answers_from(trained))[0])
    places = [answers_from(result) for result in found]
    return all(
        bool(np.all(sign * np.array(jump(result, name, at)) > 0)) == (place == at)
        for result, place in zip(found, places, strict=True)
        for at in places
    )


def slopes(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return each image's margin, and the smallest epsilon that undoes it if slopes do not change.

    The margin is the true logit less the best other one. A black pixel can only brighten and a
    white one only darken; slopes that would need more do not count.
    """
    images = images.clone().requires_grad_(True)
    logits = model(images)
    gaps = logits.gather(1, labels[:, None]) - logits  # (batch, 10), 0 at the true class
    needed = torch.full_like(gaps, torch.inf)
    for other in range(gaps.shape[1]):
        slope = torch.autograd.grad(gaps[:, other].sum(), images, retain_graph=True)[0]
        useful = ((slope < 0) & (images < 1)) | ((slope > 0) & (images > 0))
        needed[:, other] = gaps[:, other] / (slope.abs() * useful).flatten(1).sum(dim=1)
    true = F.one_hot(labels, gaps.shape[1]).bool()
    margin, strength = (t.detach().masked_fill(true, torch.inf).amin(1) for t in (gaps, needed))
    return margin, strength


def _attacks(
    profile: Profile,
    digits: Digits,
    networks: Sequence[Network],
    changes: Sequence[dict[str, Any]],
) -> list[Result]:
    """Return the result of each change of each network; what has one is not computed again."""
    few = {"images": min(IMAGES, profile.ledger_images)}
    grid = [
        evaluation.attack_config(profile, network, digits, 0.0, **few) | change
        for network in networks
        for change in changes
    ]
    code = (attacks, detector, classifiers, data, attacked, slopes, _network, evaluation.describe)
    found = sweep.run("part3", "mechanism", grid, attacked, sources=code)
    return [each for each in found if each is not None]


def _network(config: Mapping[str, Any]) -> nn.Module:
    """Return a stored network, or one after a short training on clean digits."""
    name, digits = config["architecture"], evaluation.cached_digits(config["dataset"])
    if config["weights"]:
        return classifiers.load(checkpoints.find_by_digest(config["weights"]), name)
    random = torch.Generator().manual_seed(0)
    images = data.to_batch(digits.train_images[: config["trained"]])
    labels = torch.from_numpy(digits.train_labels)
    model = classifiers.build(name, random)
    adam = torch.optim.Adam(model.parameters())
    for rows in torch.randperm(len(images), generator=random).split(128):
        adam.zero_grad()
        F.cross_entropy(model(images[rows]), labels[rows]).backward()
        adam.step()
    return classifiers.frozen(model)


def _first_images(config: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """Return the first test images and their classes."""
    digits, count = evaluation.cached_digits(config["dataset"]), config["images"]
    return data.to_batch(digits.test_images[:count]), torch.from_numpy(digits.test_labels[:count])
