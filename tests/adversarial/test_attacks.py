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

NORMS = ("linf", "l2")
ROUNDING = 1e-6


class Linear(nn.Module):
    """Logits that are linear in the pixels: what an attack can reach is known in closed form."""

    def __init__(self, classes: int, pixels: int, scale: float = 1.0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        weight = scale * torch.randn(classes, pixels, generator=generator)
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.weight.T


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def batch(digits: Digits) -> tuple[Tensor, Tensor]:
    """Give 200 test images and their labels."""
    return data.to_batch(digits.test_images[:200]), torch.from_numpy(digits.test_labels[:200])


def accuracy(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    return float((network(images).argmax(1) == labels).double().mean())


def size(perturbation: Tensor, norm: str) -> Tensor:
    """Return the length of each image's perturbation."""
    flat = perturbation.double().flatten(1)
    return flat.abs().amax(dim=1) if norm == "linf" else flat.norm(dim=1)


# --- boxes


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("start", ["random", "image", "elsewhere"])
def test_epsilon_zero_returns_the_input(
    norm: str, start: str, small_network: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    how = {"norm": norm, "random_start": start == "random", "generator": seeded(0)}
    elsewhere = 1 - batch[0] if start == "elsewhere" else None
    found = attacks.pgd(small_network, *batch, 0.0, start=elsewhere, steps=3, **how)
    assert torch.equal(found, batch[0])
    assert torch.equal(attacks.fgm(small_network, *batch, 0.0), batch[0])
    evading = attacks.evading_pgd(small_network, *batch, 0.0, steps=3, step_size=0.01)
    assert torch.equal(evading, batch[0])


@settings(deadline=None, max_examples=150)
@given(
    pixels=arrays(
        np.float32, st.tuples(st.integers(1, 3), st.just(1), st.just(4), st.just(4)),
        elements=st.floats(0, 1, width=32),
    ),
    epsilon=st.floats(0, 1),
    steps=st.integers(0, 4),
    step_size=st.sampled_from([0.0, 0.01, 0.3, 5.0]),
    norm=st.sampled_from(NORMS),
    random_start=st.booleans(),
    targeted=st.booleans(),
    seed=st.integers(0, 1000),
)  # fmt: skip
def test_both_boxes_are_held(
    pixels: np.ndarray, epsilon: float, steps: int, step_size: float, norm: str,
    random_start: bool, targeted: bool, seed: int,
) -> None:  # fmt: skip
    images = torch.from_numpy(pixels)
    labels = torch.arange(len(images)) % 3
    found = attacks.pgd(
        Linear(3, 16), images, labels, epsilon, steps=steps, step_size=step_size, norm=norm,
        random_start=random_start, targeted=targeted, generator=seeded(seed),
    )  # fmt: skip
    assert found.shape == images.shape and found.dtype == torch.float32
    assert float(found.min()) >= 0 and float(found.max()) <= 1
    assert float(size(found - images, norm).max()) <= epsilon + ROUNDING


@settings(deadline=None, max_examples=60)
@given(st.floats(0, 1), st.sampled_from(NORMS), st.integers(0, 1000))
def test_a_start_from_outside_is_brought_into_both_boxes(
    epsilon: float, norm: str, seed: int
) -> None:
    images = torch.rand(2, 1, 4, 4, generator=seeded(seed))
    start = torch.randn(images.shape, generator=seeded(seed + 1)) * 3
    labels = torch.zeros(2, dtype=torch.int64)
    found = attacks.pgd(Linear(3, 16), images, labels, epsilon, steps=0, norm=norm, start=start)
    assert float(found.min()) >= 0 and float(found.max()) <= 1
    assert float(size(found - images, norm).max()) <= epsilon + ROUNDING


@pytest.mark.parametrize("norm", NORMS)
def test_a_random_start_fills_the_ball(norm: str) -> None:
    images = torch.full((400, 1, 3, 3), 0.5)
    lengths = size(attacks.random_point(images, 0.2, norm, seeded(0)) - images, norm)
    assert float(lengths.max()) <= 0.2 + ROUNDING
    # uniform in a ball of dimension 9: P(length <= r epsilon) = r^9, in both norms
    for share in (0.25, 0.5, 0.75):
        inside = float((lengths <= 0.2 * share ** (1 / 9)).double().mean())
        assert abs(inside - share) < 0.1


# --- what it reaches


@pytest.mark.parametrize("steps", [30, 60])
def test_pgd_reaches_the_optimum_of_a_linear_model_in_the_infinity_norm(steps: int) -> None:
    model, epsilon = Linear(2, 49, scale=0.1), 0.25
    images = torch.rand(6, 1, 7, 7, generator=seeded(0))
    labels = torch.tensor([0, 1] * 3)
    away = (model.weight[1 - labels] - model.weight[labels]).reshape(images.shape)
    best = (images + epsilon * away.sign()).clamp(0, 1)
    settings: dict[str, Any] = {"steps": steps, "step_size": 0.02, "generator": seeded(1)}
    found = attacks.pgd(model, images, labels, epsilon, **settings)
    assert torch.allclose(found, best, atol=ROUNDING)
    assert torch.allclose(attacks.fgm(model, images, labels, epsilon), best, atol=ROUNDING)
    back = attacks.pgd(model, images, 1 - labels, epsilon, targeted=True, **settings)
    assert torch.allclose(back, best, atol=ROUNDING)


def test_pgd_reaches_the_optimum_of_a_linear_model_in_the_euclidean_norm() -> None:
    model, epsilon = Linear(2, 49, scale=0.1), 0.3
    images = 0.35 + 0.3 * torch.rand(6, 1, 7, 7, generator=seeded(0))  # [0, 1] stays out of reach
    labels = torch.tensor([0, 1] * 3)
    away = model.weight[1 - labels] - model.weight[labels]
    best = images + epsilon * F.normalize(away).reshape(images.shape)
    at_image = attacks.pgd(
        model, images, labels, epsilon, norm="l2", steps=20, step_size=0.02, random_start=False
    )
    assert torch.allclose(at_image, best, atol=1e-5)
    anywhere = attacks.pgd(
        model, images, labels, epsilon, norm="l2", steps=400, step_size=0.05, generator=seeded(1)
    )
    assert torch.allclose(anywhere, best, atol=1e-4)


def test_the_fast_gradient_method_is_one_full_step(
    small_network: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    images, labels = batch
    variable = images.clone().requires_grad_(True)
    F.cross_entropy(small_network(variable), labels, reduction="sum").backward()
    assert variable.grad is not None
    expected = (images + 0.1 * variable.grad.sign()).clamp(0, 1)
    found = attacks.fgm(small_network, images, labels, 0.1)
    assert torch.allclose(found, expected, atol=ROUNDING)


def test_targeted_descends_and_untargeted_climbs(
    small_network: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    images, labels = batch
    goal = (labels + 1) % 10
    towards = attacks.pgd(
        small_network, images, goal, 0.3, targeted=True, steps=20, step_size=0.03,
        random_start=False,
    )  # fmt: skip
    away = attacks.pgd(small_network, images, labels, 0.1, steps=20, random_start=False)

    def losses(points: Tensor, classes: Tensor) -> Tensor:
        return F.cross_entropy(small_network(points), classes, reduction="none")

    assert bool((losses(towards, goal) < losses(images, goal)).all())
    assert accuracy(small_network, towards, goal) > 0.8
    assert bool((losses(away, labels) > losses(images, labels)).all())


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


def by_foolbox(
    attack: Any, network: nn.Module, images: Tensor, labels: Tensor, epsilon: float
) -> Tensor:
    """Return foolbox's adversarial images."""
    model = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
    return attack.run(model, images, foolbox.criteria.Misclassification(labels), epsilon=epsilon)


@pytest.mark.parametrize(
    ("norm", "theirs", "epsilon", "step_size"),
    [("linf", FromGivenStart, 0.1, 0.01), ("l2", FromGivenStartL2, 1.5, 0.2)],
)
def test_from_the_same_start_foolbox_finds_the_same_images(
    norm: str, theirs: Any, epsilon: float, step_size: float,
    small_network: nn.Module, batch: tuple[Tensor, Tensor],
) -> None:  # fmt: skip
    images, labels = batch
    start = attacks.project(
        attacks.random_point(images, epsilon, norm, seeded(5)), images, epsilon, norm
    )
    ours = attacks.pgd(
        small_network, images, labels, epsilon, norm=norm, steps=10, step_size=step_size,
        start=start,
    )  # fmt: skip
    attack = theirs(abs_stepsize=step_size, steps=10, random_start=True)
    attack.given = start
    found = by_foolbox(attack, small_network, images, labels, epsilon)
    assert float((ours - start).abs().max()) > 0.05  # it went somewhere
    gaps = (ours - found).abs().flatten(1).amax(dim=1)
    # A pixel whose gradient is zero but for rounding may step the other way: two images in 100 may.
    assert float((gaps < 1e-5).double().mean()) >= 0.98
    assert torch.equal(small_network(ours).argmax(1), small_network(found).argmax(1))


def test_from_its_own_start_foolbox_is_as_strong(small_network: nn.Module, digits: Digits) -> None:
    images = data.to_batch(digits.train_images[:300])
    labels = torch.from_numpy(digits.train_labels[:300])
    ours = attacks.pgd(small_network, images, labels, 0.08, steps=20, generator=seeded(0))
    attack = foolbox.attacks.LinfPGD(abs_stepsize=0.01, steps=20, random_start=True)
    with torch.random.fork_rng():
        torch.manual_seed(1)  # foolbox draws from torch's global generator
        found = by_foolbox(attack, small_network, images, labels, 0.08)
    strengths = [accuracy(small_network, points, labels) for points in (ours, found)]
    assert 0.1 < strengths[0] < 0.9  # neither harmless nor overwhelming: a difference would show
    assert abs(strengths[0] - strengths[1]) <= 0.04


def test_from_the_image_torchattacks_finds_the_same_images(
    small_network: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    torchattacks = pytest.importorskip("torchattacks", reason="torchattacks is not installed")
    images, labels = batch
    theirs = torchattacks.PGD(small_network, eps=0.1, alpha=0.01, steps=10, random_start=False)
    found = theirs(images, labels)
    ours = attacks.pgd(small_network, images, labels, 0.1, steps=10, random_start=False)
    gaps = (ours - found).abs().flatten(1).amax(dim=1)
    assert float((gaps < 1e-5).double().mean()) >= 0.98


# --- exactness


def rectified_first(network: nn.Module, images: Tensor) -> Tensor:
    """Return the logits of a network of `models` with ReLU before the pooling, as published."""
    layers = list(network.children())
    hidden = F.max_pool2d(F.relu(layers[0](images)), 2)
    hidden = F.max_pool2d(F.relu(layers[1](hidden)), 2)
    return layers[3](F.relu(layers[2](hidden.flatten(1))))


@pytest.mark.parametrize("architecture", ["madry", "reference"])
def test_relu_after_pooling_changes_no_bit(architecture: str, digits: Digits) -> None:
    network = classifiers.frozen(classifiers.build(architecture, seeded(0)))
    images = data.to_batch(digits.test_images[:8])
    labels = torch.from_numpy(digits.test_labels[:8])
    variable = images.clone().requires_grad_(True)
    logits = rectified_first(network, variable)
    F.cross_entropy(logits, labels, reduction="sum").backward()
    assert torch.equal(network(images), logits)
    assert variable.grad is not None and float(variable.grad.abs().max()) > 0
    assert torch.equal(attacks.image_gradient(network, images, labels), variable.grad)


@pytest.mark.parametrize("norm", NORMS)
def test_an_image_does_not_notice_who_shares_its_batch(
    norm: str, small_network: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    images, labels = batch

    def attacked(index: list[int]) -> Tensor:
        return attacks.pgd(
            small_network, images[index], labels[index], 0.1, norm=norm, steps=8, step_size=0.02,
            random_start=False,
        )  # fmt: skip

    here, there = attacked([0, 1, 2, 3]), attacked([0, 40, 50, 3])
    assert torch.equal(here[[0, 3]], there[[0, 3]])
    assert not torch.equal(here[1], there[1])
    alone = torch.cat([attacked([index]) for index in range(4)])
    assert float((alone - here).abs().flatten(1).amax(dim=1).median()) < 1e-5


def test_the_gradient_is_of_the_sum_not_the_mean(
    small_network: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    images, labels = batch
    together = attacks.image_gradient(small_network, images[:20], labels[:20])
    alone = attacks.image_gradient(small_network, images[:1], labels[:1])
    assert torch.allclose(together[:1], alone, rtol=1e-4, atol=1e-7)
    assert float(alone.abs().max()) > 1e-4


def test_a_generator_makes_an_attack_repeatable(
    small_network: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    before = torch.get_rng_state()
    first, again, other = (
        attacks.pgd(small_network, *batch, 0.1, steps=3, generator=seeded(seed))
        for seed in (7, 7, 8)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)  # the global generator was left alone


def test_an_attack_changes_neither_its_input_nor_the_network(
    small_network: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    images, labels = batch[0].clone(), batch[1].clone()
    weights = {name: value.clone() for name, value in small_network.state_dict().items()}
    found = attacks.pgd(small_network, images, labels, 0.1, steps=3)
    attacks.evading_pgd(small_network, images, labels, 0.1, steps=3, step_size=0.01)
    assert torch.equal(images, batch[0]) and torch.equal(labels, batch[1])
    assert not found.requires_grad
    assert all(torch.equal(weights[n], value) for n, value in small_network.state_dict().items())


def test_an_attack_takes_its_own_gradients_and_leaves_none(batch: tuple[Tensor, Tensor]) -> None:
    network = classifiers.build("madry", seeded(0)).eval()  # its weights are not frozen
    found = attacks.pgd(network, batch[0][:3], batch[1][:3], 0.1, steps=2, generator=seeded(1))
    assert all(weight.grad is None for weight in network.parameters())
    with torch.no_grad():
        again = attacks.pgd(network, batch[0][:3], batch[1][:3], 0.1, steps=2, generator=seeded(1))
    assert torch.equal(found, again)


class Watching(Linear):
    """Refuse pixels out of range, about which a network says nothing that counts."""

    def forward(self, images: Tensor) -> Tensor:
        low, high = images.detach().aminmax()
        assert low >= 0 and high <= 1
        return super().forward(images)


@pytest.mark.parametrize("norm", NORMS)
def test_the_network_is_asked_about_images_alone(norm: str) -> None:
    images = torch.rand(3, 1, 4, 4, generator=seeded(0)).round()  # at the ends of the range
    labels = torch.arange(3)
    attacks.pgd(Watching(3, 16), images, labels, 0.5, steps=3, norm=norm, generator=seeded(1))


@pytest.mark.parametrize("norm", NORMS)
def test_without_a_slope_there_is_no_step(norm: str) -> None:
    images, labels = torch.rand(3, 1, 4, 4, generator=seeded(0)), torch.arange(3)
    flat = Linear(3, 16, scale=0.0)
    found = attacks.pgd(flat, images, labels, 0.5, steps=3, norm=norm, random_start=False)
    assert torch.equal(found, images)


# --- the attacker who knows the detector


@pytest.mark.parametrize("threshold", [0.007, 0.006])  # above all of these images, benign
def test_evading_pgd_stays_in_both_boxes_and_below_the_threshold(
    threshold: float, small_network: nn.Module, batch: tuple[Tensor, Tensor]
) -> None:
    images, labels, epsilon = batch[0][:80], batch[1][:80], 0.4
    plain = attacks.pgd(small_network, images, labels, epsilon, generator=seeded(0))
    evading = attacks.evading_pgd(
        small_network, images, labels, epsilon, steps=60, step_size=0.01, threshold=threshold
    )
    assert float(evading.min()) >= 0 and float(evading.max()) <= 1
    assert float(size(evading - images, "linf").max()) <= epsilon + ROUNDING
    assert float((Detector().score(plain) > threshold).double().mean()) > 0.5
    assert float((Detector().score(evading) > threshold).double().mean()) < 0.1
    assert accuracy(small_network, evading, labels) < 0.1


def test_score_and_gradient_is_the_slope_of_the_score(batch: tuple[Tensor, Tensor]) -> None:
    detector = Detector(quantise="none", truncated_variance=False)
    noise = torch.rand(3, 1, 28, 28, generator=seeded(0))
    images = (0.25 + 0.5 * noise).clamp(0, 1)
    excess, direction = attacks.score_and_gradient(detector, images, 0.01)
    assert torch.allclose(excess.double(), detector.score(images) / 0.01 - 1, atol=1e-5)
    assert torch.allclose(direction.flatten(1).norm(dim=1), torch.ones(3), atol=1e-5)
    step = 1e-3
    higher, lower = (detector.score(images + sign * step * direction) for sign in (1, -1))
    assert bool((higher > lower).all())


# --- bad input

IMAGES = torch.full((3, 1, 28, 28), 0.5)
LABELS = torch.zeros(3, dtype=torch.int64)
NAN = IMAGES.clone()
NAN[1, 0, 3, 3] = float("nan")

BAD_INPUT = [
    ({"images": IMAGES[:, 0]}, r"images must be \(batch, 1, height, .* not \(3, 28, 28\)"),
    ({"images": IMAGES.repeat(1, 3, 1, 1)}, r"images must be .*not \(3, 3, 28, 28\)"),
    ({"images": IMAGES.double()}, r"float32, not torch.float64; use images.float\(\)$"),
    ({"images": (IMAGES * 255).byte()}, r"not uint8; use images.float\(\) / 255$"),
    ({"images": IMAGES * 255}, r"images must lie in \[0, 1\], not \[127.5, 127.5\]; divide by 255"),
    ({"images": (IMAGES - 0.13) / 0.3}, r"not \[1.23333, 1.23333\]; undo their normalisation"),
    ({"images": IMAGES - 0.6}, r"must lie in \[0, 1\], not \[-0.1, -0.1\]; undo their normalisa"),
    ({"images": NAN}, "images hold NaN or infinite pixels; remove these images first"),
    ({"images": IMAGES * float("inf")}, "images hold NaN or infinite pixels"),
    ({"labels": LABELS[:2]}, r"labels must be \(3,\), not \(2,\)$"),
    ({"labels": LABELS[:, None]}, r"labels must be \(3,\), not \(3, 1\)$"),
    ({"labels": LABELS.float()}, r"labels must be int64, not torch.float32; use labels.long"),
    ({"labels": LABELS.int()}, r"labels must be int64, not torch.int32; use labels.long"),
    ({"labels": LABELS - 100}, "labels must be classes, counted from 0, not -100"),
    ({"labels": LABELS - 1}, "labels must be classes, counted from 0, not -1"),
    ({"epsilon": -0.1}, r"epsilon must lie in \[0, 1\] .*not -0.1"),
    ({"epsilon": 1.5}, r"epsilon must lie in \[0, 1\] .*not 1.5"),
    ({"epsilon": float("nan")}, r"epsilon must lie in \[0, 1\] .*not nan"),
    ({"steps": -1}, "steps and step_size must be at least 0, not -1 and 0.01"),
    ({"step_size": -0.1}, "steps and step_size must be at least 0, not 40 and -0.1"),
    ({"step_size": float("nan")}, "steps and step_size must be at least 0, not 40 and nan"),
]


@pytest.mark.parametrize("attack", [attacks.pgd, attacks.evading_pgd])
@pytest.mark.parametrize(("change", "line"), BAD_INPUT)
def test_bad_input_is_one_clear_line(
    attack: Callable[..., Tensor], change: dict[str, Any], line: str
) -> None:
    good: dict[str, Any] = {"images": IMAGES, "labels": LABELS, "epsilon": 0.1}
    good |= {"steps": 40, "step_size": 0.01}
    with pytest.raises(ValueError, match=line) as raised:
        attack(Linear(2, 784), **(good | change))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("start", "line"),
    [
        (NAN, "start holds NaN or infinite pixels"),
        (IMAGES[:1], r"must be \(3, 1, 28, 28\) torch.float32, not \(1, 1, 28, 28\) torch.float32"),
        (IMAGES.double(), r"not \(3, 1, 28, 28\) torch.float64"),
    ],
)
def test_a_bad_start_is_one_clear_line(start: Tensor, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        attacks.pgd(Linear(2, 784), IMAGES, LABELS, 0.1, steps=1, start=start)


@pytest.mark.parametrize("attack", [attacks.pgd, attacks.evading_pgd])
def test_inference_mode_is_refused_and_images_with_gradients_are_cut_off(attack: Any) -> None:
    with torch.inference_mode(), pytest.raises(ValueError, match="an attack needs gradients"):
        attack(Linear(2, 784), IMAGES, LABELS, 0.1, steps=1, step_size=0.1)
    tracked = IMAGES.clone().requires_grad_()
    found = attack(Linear(2, 784), tracked, LABELS, 0.1, steps=1, step_size=0.1)
    assert not found.requires_grad


@pytest.mark.parametrize("norm", NORMS)
def test_no_images_are_attacked_in_no_time(norm: str) -> None:
    found = attacks.pgd(Linear(2, 784), IMAGES[:0], LABELS[:0], 0.1, norm=norm)
    assert found.shape == (0, 1, 28, 28)


@pytest.mark.parametrize("epsilon", [-0.1, 1.01, float("nan"), float("inf")])
def test_the_fast_gradient_method_refuses_the_same_epsilons(epsilon: float) -> None:
    with pytest.raises(ValueError, match="epsilon must lie in"):
        attacks.fgm(Linear(2, 784), IMAGES, LABELS, epsilon)


def test_an_unknown_norm_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(ValueError, match="unknown norm 'l1'; choose one of: linf, l2"):
        attacks.pgd(Linear(2, 784), IMAGES, LABELS, 0.1, norm="l1")


@pytest.mark.parametrize("attack", [attacks.pgd, attacks.evading_pgd])
def test_a_network_in_training_mode_is_refused_and_left_as_it_is(attack: Any) -> None:
    network = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(784, 2))
    with pytest.raises(ValueError, match=r"the network is in training mode; call its eval\(\)"):
        attack(network, IMAGES, LABELS, 0.1, steps=1, step_size=0.1)
    assert int(network[0].num_batches_tracked) == 0
    attack(network.eval(), IMAGES, LABELS, 0.1, steps=1, step_size=0.1)
    assert int(network[0].num_batches_tracked) == 0


def test_the_euclidean_ball_may_be_larger_than_the_pixel_range() -> None:
    found = attacks.pgd(Linear(2, 784), IMAGES, LABELS, 2.5, norm="l2", steps=5, step_size=1.0)
    assert float(size(found - IMAGES, "l2").min()) > 1
    with pytest.raises(ValueError, match="epsilon"):
        attacks.pgd(Linear(2, 784), IMAGES, LABELS, -2.5, norm="l2")
    with pytest.raises(ValueError, match="epsilon"):
        attacks.pgd(Linear(2, 784), IMAGES, LABELS, float("inf"), norm="l2")
