"""The attacks: both boxes, analytic optima, an independent library, and what is refused."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor, nn
from torch.nn import functional as F

from lib.adversarial import attacks, classifiers, data
from lib.adversarial.data import Digits
from lib.adversarial.detector import Detector

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports scipy.ndimage.filters
    import foolbox

ROUNDING = 1e-6
each_norm = pytest.mark.parametrize("norm", ["linf", "l2"])


class Linear(nn.Module):
    """Logits that are linear in the pixels: what an attack can reach is known in closed form.

    It refuses pixels out of range, about which a network says nothing that counts.
    """

    def __init__(self, classes: int, pixels: int, scale: float = 1.0) -> None:
        super().__init__()
        weight = scale * torch.randn(classes, pixels, generator=seeded(3))
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        low, high = images.detach().aminmax()
        assert low >= 0 and high <= 1
        return images.flatten(1) @ self.weight.T


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def batch(digits: Digits) -> tuple[Tensor, Tensor]:
    """Give 200 test images and their labels."""
    return data.to_batch(digits.test_images[:200]), torch.from_numpy(digits.test_labels[:200])


def size(perturbation: Tensor, norm: str) -> Tensor:
    """Return the length of each image's perturbation."""
    flat = perturbation.double().flatten(1)
    return flat.abs().amax(dim=1) if norm == "linf" else flat.norm(dim=1)


# --- boxes


@each_norm
def test_epsilon_zero_returns_the_input(
    norm: str, small_network: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    for start in (None, 1 - batch[0]):
        found = attacks.pgd(small_network, *batch, 0.0, norm=norm, start=start, steps=3)
        assert torch.equal(found, batch[0])
    evading = attacks.evading_pgd(small_network, *batch, 0.0, steps=3, step_size=0.01)
    assert torch.equal(evading, batch[0])


@settings(deadline=None, max_examples=100)
@given(
    pixels=arrays(
        np.float32, st.tuples(st.integers(1, 3), st.just(1), st.just(4), st.just(4)),
        elements=st.floats(0, 1, width=32),
    ),
    epsilon=st.floats(0, 1),
    steps=st.integers(0, 4),
    step_size=st.sampled_from([0.0, 0.01, 0.3, 5.0]),
    norm=st.sampled_from(attacks.NORMS),
    start=st.sampled_from(["random", "image", "outside"]),
    targeted=st.booleans(),
    seed=st.integers(0, 1000),
)  # fmt: skip
def test_both_boxes_are_held(
    pixels: np.ndarray, epsilon: float, steps: int, step_size: float, norm: str,
    start: str, targeted: bool, seed: int,
) -> None:  # fmt: skip
    images = torch.from_numpy(pixels)
    outside = 3 * torch.randn(images.shape, generator=seeded(seed))
    found = attacks.pgd(
        Linear(3, 16), images, torch.arange(len(images)), epsilon, steps=steps,
        step_size=step_size, norm=norm, random_start=start == "random", targeted=targeted,
        start=outside if start == "outside" else None, generator=seeded(seed),
    )  # fmt: skip
    assert found.shape == images.shape and found.dtype == torch.float32
    assert float(found.min()) >= 0 and float(found.max()) <= 1
    assert float(size(found - images, norm).max()) <= epsilon + ROUNDING


@each_norm
def test_a_random_start_fills_the_ball(norm: str) -> None:
    images = torch.full((400, 1, 3, 3), 0.5)
    lengths = size(attacks.random_point(images, 0.2, norm, seeded(0)) - images, norm)
    assert float(lengths.max()) <= 0.2 + ROUNDING
    # uniform in a ball of dimension 9: P(length <= r epsilon) = r^9, in both norms
    for share in (0.25, 0.5, 0.75):
        inside = float((lengths <= 0.2 * share ** (1 / 9)).double().mean())
        assert abs(inside - share) < 0.1


# --- what it reaches


def test_pgd_reaches_the_optimum_of_a_linear_model() -> None:
    model, epsilon = Linear(2, 49, scale=0.1), 0.25
    images = torch.rand(6, 1, 7, 7, generator=seeded(0))
    labels = torch.tensor([0, 1] * 3)
    away = model.weight[1 - labels] - model.weight[labels]
    best = (images + epsilon * away.reshape(images.shape).sign()).clamp(0, 1)
    how: dict[str, Any] = {"steps": 30, "step_size": 0.02, "generator": seeded(1)}
    found = attacks.pgd(model, images, labels, epsilon, **how)
    back = attacks.pgd(model, images, 1 - labels, epsilon, targeted=True, **how)
    for each in (found, back, attacks.fgm(model, images, labels, epsilon)):
        assert torch.allclose(each, best, atol=ROUNDING)
    inner = 0.35 + 0.3 * images  # [0, 1] stays out of reach
    best = inner + epsilon * F.normalize(away).reshape(images.shape)
    how = {"norm": "l2", "steps": 20, "step_size": 0.02, "random_start": False}
    assert torch.allclose(attacks.pgd(model, inner, labels, epsilon, **how), best, atol=1e-5)


@each_norm
def test_without_a_slope_there_is_no_step(norm: str) -> None:
    flat = Linear(2, 784, scale=0.0)
    found = attacks.pgd(flat, IMAGES, LABELS, 0.5, steps=3, norm=norm, random_start=False)
    assert torch.equal(found, IMAGES)


# --- against an independent library


class Given:
    """Lets foolbox's attack begin where the test says."""

    given: Tensor

    def get_random_start(self, x0: Any, epsilon: float) -> Any:
        return type(x0)(self.given)


class FromGivenStart(Given, foolbox.attacks.LinfPGD):
    """In the infinity norm."""


class FromGivenStartL2(Given, foolbox.attacks.L2PGD):
    """In the Euclidean norm."""


@pytest.mark.parametrize(
    ("norm", "theirs", "epsilon", "step_size"),
    [("linf", FromGivenStart, 0.1, 0.01), ("l2", FromGivenStartL2, 1.5, 0.2)],
)
def test_from_the_same_start_foolbox_finds_the_same_images(
    norm: str, theirs: Any, epsilon: float, step_size: float,
    small_network: nn.Module, batch: tuple[Tensor, Tensor],
) -> None:  # fmt: skip
    images, labels = batch
    anywhere = attacks.random_point(images, epsilon, norm, seeded(5))
    start = attacks.project(anywhere, images, epsilon, norm)
    how: dict[str, Any] = {"norm": norm, "steps": 10, "step_size": step_size}
    ours = attacks.pgd(small_network, images, labels, epsilon, start=start, **how)
    attack = theirs(abs_stepsize=step_size, steps=10, random_start=True)
    attack.given = start
    model = foolbox.PyTorchModel(small_network, bounds=(0, 1), device="cpu")
    missed = foolbox.criteria.Misclassification(labels)
    found = attack.run(model, images, missed, epsilon=epsilon)
    assert float((ours - start).abs().max()) > 0.05  # it went somewhere
    gaps = (ours - found).abs().flatten(1).amax(dim=1)
    # A pixel whose gradient is zero but for rounding may step the other way: two images in 100 may.
    assert float((gaps < 1e-5).double().mean()) >= 0.98
    assert torch.equal(small_network(ours).argmax(1), small_network(found).argmax(1))


# --- exactness


def rectified_first(network: nn.Module, images: Tensor) -> Tensor:
    """Return the logits of a network of `models` with ReLU before the pooling, as published."""
    layers = list(network.children())
    hidden = F.max_pool2d(F.relu(layers[0](images)), 2)
    hidden = F.max_pool2d(F.relu(layers[1](hidden)), 2)
    return layers[3](F.relu(layers[2](hidden.flatten(1))))


@pytest.mark.parametrize("architecture", ["madry", "reference"])
def test_relu_after_pooling_changes_no_bit(architecture: str, batch: tuple[Tensor, Tensor]) -> None:
    network = classifiers.frozen(classifiers.build(architecture, seeded(0)))
    images, labels = batch[0][:8], batch[1][:8]
    variable = images.clone().requires_grad_(True)
    logits = rectified_first(network, variable)
    F.cross_entropy(logits, labels, reduction="sum").backward()
    assert torch.equal(network(images), logits)
    assert variable.grad is not None and float(variable.grad.abs().max()) > 0
    assert torch.equal(attacks.image_gradient(network, images, labels), variable.grad)


@each_norm
def test_an_image_does_not_notice_who_shares_its_batch(
    norm: str, small_network: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    images, labels = batch
    how: dict[str, Any] = {"norm": norm, "steps": 8, "step_size": 0.02, "random_start": False}

    def attacked(index: list[int]) -> Tensor:
        return attacks.pgd(small_network, images[index], labels[index], 0.1, **how)

    here, there = attacked([0, 1, 2, 3]), attacked([0, 40, 50, 3])
    assert torch.equal(here[[0, 3]], there[[0, 3]])
    assert not torch.equal(here[1], there[1])
    together = attacks.image_gradient(small_network, images[:20], labels[:20])
    alone = attacks.image_gradient(small_network, images[:1], labels[:1])
    assert torch.allclose(together[:1], alone, rtol=1e-4, atol=1e-7)


def test_an_attack_is_repeatable_and_leaves_no_trace(batch: tuple[Tensor, Tensor]) -> None:
    network = classifiers.build("madry", seeded(0)).eval()  # its weights are not frozen
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    tracked, labels = batch[0][:3].clone().requires_grad_(), batch[1][:3].clone()
    before = torch.get_rng_state()

    def found(seed: int) -> Tensor:
        return attacks.pgd(network, tracked, labels, 0.1, steps=2, generator=seeded(seed))

    first = found(7)
    with torch.no_grad():
        assert torch.equal(first, found(7))
    assert not torch.equal(first, found(8))
    attacks.evading_pgd(network, tracked, labels, 0.1, steps=2, step_size=0.01)
    assert torch.equal(torch.get_rng_state(), before)
    assert not first.requires_grad and tracked.grad is None
    assert torch.equal(tracked, batch[0][:3]) and torch.equal(labels, batch[1][:3])
    assert all(weight.grad is None for weight in network.parameters())
    assert all(torch.equal(weights[n], value) for n, value in network.state_dict().items())


# --- the attacker who knows the detector


def test_evading_pgd_stays_in_both_boxes_and_below_the_threshold(
    small_network: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    images, labels, epsilon = batch[0][:80], batch[1][:80], 0.2
    threshold = 0.004  # some of these images lie above it from the beginning
    plain = attacks.pgd(small_network, images, labels, epsilon, generator=seeded(0))
    evading = attacks.evading_pgd(
        small_network, images, labels, epsilon, steps=20, step_size=0.01, threshold=threshold
    )
    assert float(evading.min()) >= 0 and float(evading.max()) <= 1
    assert float(size(evading - images, "linf").max()) <= epsilon + ROUNDING
    assert float((Detector().score(plain) > threshold).double().mean()) > 0.5
    assert float((Detector().score(evading) > threshold).double().mean()) < 0.3
    assert float((small_network(evading).argmax(1) == labels).double().mean()) < 0.15


def test_score_and_gradient_is_the_slope_of_the_score() -> None:
    detector = Detector(quantise="none", truncated_variance=False)
    images = 0.25 + 0.5 * torch.rand(3, 1, 28, 28, generator=seeded(0))
    excess, direction = attacks.score_and_gradient(detector, images, 0.01)
    assert torch.allclose(excess.double(), detector.score(images) / 0.01 - 1, atol=1e-5)
    assert torch.allclose(direction.flatten(1).norm(dim=1), torch.ones(3), atol=1e-5)
    higher, lower = (detector.score(images + step * direction) for step in (1e-3, -1e-3))
    assert bool((higher > lower).all())


# --- bad input

IMAGES = torch.full((3, 1, 28, 28), 0.5)
LABELS = torch.zeros(3, dtype=torch.int64)
BOTH = (attacks.pgd, attacks.evading_pgd)
BAD_INPUT: list[tuple[dict[str, Any], str]] = [
    ({"images": IMAGES[:, 0]}, "images must be (batch, 1, height, width)"),
    ({"images": IMAGES.double()}, "float32, not torch.float64"),
    ({"labels": LABELS[:2]}, "labels must be (3,), not (2,)"),
    ({"labels": LABELS.int()}, "labels must be int64, not torch.int32"),
    ({"labels": LABELS - 100}, "labels must be classes, counted from 0, not -100"),
    ({"epsilon": 1.5}, "epsilon must lie in [0, 1]"),
    ({"epsilon": float("nan")}, "epsilon must lie in [0, 1]"),
    ({"steps": -1}, "steps and step_size must be at least 0, not -1 and 0.01"),
    ({"step_size": float("nan")}, "must be at least 0, not 40 and nan"),
]
BAD_FOR_PGD: list[tuple[dict[str, Any], str]] = [
    ({"start": IMAGES * float("nan")}, "start holds NaN or infinite pixels"),
    ({"start": IMAGES[:1]}, "start must be (3, 1, 28, 28) torch.float32"),
    ({"norm": "l1"}, "unknown norm 'l1'; choose one of: linf, l2"),
    ({"norm": "l2", "epsilon": float("inf")}, "epsilon must lie in"),
]


@pytest.mark.parametrize(
    ("attack", "change", "line"),
    [*((attack, *row) for attack in BOTH for row in BAD_INPUT),
     *((attacks.pgd, *row) for row in BAD_FOR_PGD)],
)  # fmt: skip
def test_bad_input_is_one_clear_line(
    attack: Callable[..., Tensor], change: dict[str, Any], line: str
) -> None:
    good: dict[str, Any] = {"images": IMAGES, "labels": LABELS, "epsilon": 0.1}
    good |= {"steps": 40, "step_size": 0.01}
    with pytest.raises(ValueError) as raised:
        attack(Linear(2, 784), **(good | change))
    assert line in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("attack", BOTH)
def test_a_mode_without_gradients_or_with_moving_statistics_is_refused(attack: Any) -> None:
    with torch.inference_mode(), pytest.raises(ValueError, match="an attack needs gradients"):
        attack(Linear(2, 784), IMAGES, LABELS, 0.1, steps=1, step_size=0.1)
    network = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(784, 2))
    with pytest.raises(ValueError, match="the network is in training mode"):
        attack(network, IMAGES, LABELS, 0.1, steps=1, step_size=0.1)
    assert int(network[0].num_batches_tracked) == 0
