"""The attacks of section II-A: the fast gradient method and projected gradient descent.

Each returns adversarial images that stay in two boxes: the epsilon ball around the original
images and the pixel range [0, 1].
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lib.adversarial.data import check_batch
from lib.adversarial.detector import PAPER_THRESHOLD, Detector

NORMS = ("linf", "l2")


def steepest(gradient: Tensor, norm: str) -> Tensor:
    """Return the unit step that raises the loss most: the sign (linf) or the direction (l2)."""
    if norm == "linf":
        return gradient.sign()
    length = gradient.flatten(1).norm(dim=1).clamp_min(1e-12)
    return gradient / length[:, None, None, None]


def project(points: Tensor, images: Tensor, epsilon: float, norm: str) -> Tensor:
    """Return `points` moved into the epsilon ball around `images`, then into [0, 1]."""
    if norm == "linf":
        points = torch.clamp(points, images - epsilon, images + epsilon)
    else:
        offset = points - images
        length = offset.flatten(1).norm(dim=1).clamp_min(1e-12)
        offset = offset * (epsilon / length).clamp_max(1.0)[:, None, None, None]
        points = images + offset
    return points.clamp(0.0, 1.0)


def fgm(model: nn.Module, images: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    """Fast gradient method ([16] in the paper): one step along the sign, of length epsilon.

    Arguments and errors as for `pgd`; returns (batch, 1, 28, 28).
    """
    return pgd(model, images, labels, epsilon, steps=1, step_size=epsilon, random_start=False)


def pgd(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    epsilon: float,
    *,
    steps: int = 40,
    step_size: float = 0.01,
    random_start: bool = True,
    norm: str = "linf",
    targeted: bool = False,
    start: Tensor | None = None,
    generator: torch.Generator | None = None,
    step: Callable[[Tensor, str], Tensor] = steepest,
    within: Callable[[Tensor, Tensor, float, str], Tensor] = project,
) -> Tensor:
    """Projected gradient descent, eq. 2 of the paper with the settings of Madry's script.

    x[k+1] = clip_[0,1]( clip_ball( x[k] + step_size * sign(gradient of the loss) ) )

    Args:
        model: maps (batch, 1, 28, 28) in [0, 1] to logits (batch, 10), in evaluation mode.
        images: (batch, 1, 28, 28) float32 in [0, 1], the benign images.
        labels: (batch,) int64, the true class, or the class to reach if `targeted`.
        epsilon: radius of the ball, in units of the pixel range, 0 to 1 (in norm l2: at least 0).
        steps: K, the number of gradient steps.
        step_size: length of one step in the same norm; the script's is 0.01 for every epsilon.
        random_start: begin uniformly in the ball (the script) or at the image (eq. 2 as printed).
        norm: "linf" as in the paper, or "l2".
        targeted: descend towards `labels` instead of climbing away from them.
        start: images to begin from, instead of a random or plain start.
        generator: source of the random start, on the CPU wherever the images are.
        step: makes a step of unit length of a gradient.
        within: brings points back to where the attacker may go.

    Returns:
        (batch, 1, 28, 28) adversarial images, inside both boxes.

    Raises:
        ValueError: an argument has the wrong shape, type, range, mode, or holds NaN.
    """
    check_attack(model, images, labels, epsilon, steps, step_size, norm)
    check_start(start, images)
    images = images.detach()
    if start is None:
        start = random_point(images, epsilon, norm, generator) if random_start else images
    direction = -1.0 if targeted else 1.0
    adversarial = within(start, images, epsilon, norm)
    for _ in range(steps if epsilon > 0 else 0):
        gradient = direction * image_gradient(model, adversarial, labels)
        adversarial = adversarial + step_size * step(gradient, norm)
        adversarial = within(adversarial, images, epsilon, norm)
    return adversarial


def evading_pgd(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    epsilon: float,
    *,
    steps: int,
    step_size: float,
    threshold: float = PAPER_THRESHOLD,
) -> Tensor:
    """Attack the network *and* the detector: the attacker who knows both, whom the paper omits.

    Climbs loss - multiplier * p_hat with both gradients brought to unit length. Each image's
    multiplier grows while p_hat exceeds nine tenths of the threshold and shrinks below that (dual
    ascent on "p_hat stays below the threshold"). It starts at the image itself: from a random point
    every pixel of the background would begin as something to be hidden.

    Args:
        model, images, labels, epsilon, steps, step_size: as for `pgd`.
        threshold: of the published detector, above which an image would be flagged.

    Returns:
        (batch, 1, 28, 28): of the points passed, the last that fooled the network unflagged, or
        where the climb ended.

    Raises:
        ValueError: an argument has the wrong shape, type, range, mode, or holds NaN.
    """
    check_attack(model, images, labels, epsilon, steps, step_size)
    images = images.detach()
    smooth, judge = Detector(quantise="none", truncated_variance=False), Detector()
    target = 0.9 * threshold  # a margin for what truncation to whole pixels adds
    multiplier = torch.zeros(len(images), device=images.device)
    adversarial, best = images, images
    for _ in range(steps if epsilon > 0 else 0):
        loss_gradient = steepest(image_gradient(model, adversarial, labels), "l2")
        excess, score_gradient = score_and_gradient(smooth, adversarial, target)
        multiplier = (multiplier + excess).clamp(0.0, 10.0)
        direction = loss_gradient - multiplier[:, None, None, None] * score_gradient
        adversarial = project(adversarial + step_size * direction.sign(), images, epsilon, "linf")
        fooled = model(adversarial).argmax(dim=1) != labels
        unseen = judge.score(adversarial) <= threshold
        best = torch.where((fooled & unseen)[:, None, None, None], adversarial, best)
    never = (best == images).flatten(1).all(dim=1)
    return torch.where(never[:, None, None, None], adversarial, best)


def score_and_gradient(detector: Detector, images: Tensor, target: float) -> tuple[Tensor, Tensor]:
    """Return p_hat / target - 1 (batch,) and the unit direction in which p_hat grows."""
    images = images.detach().requires_grad_(True)
    with torch.enable_grad():
        score = detector.score(images)
    gradient = torch.autograd.grad(score.sum(), images)[0]
    return (score.detach() / target - 1).float(), steepest(gradient, "l2")


def image_gradient(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Return d(sum of cross-entropies)/d(images), in the shape and type of `images`.

    The sum, not the mean: each image's gradient must not depend on who shares its batch.
    """
    images = images.detach().requires_grad_(True)
    dtype = next(model.parameters()).dtype
    with torch.enable_grad():
        loss = F.cross_entropy(model(images.to(dtype)).float(), labels, reduction="sum")
    return torch.autograd.grad(loss, images)[0]


def random_point(
    images: Tensor, epsilon: float, norm: str, generator: torch.Generator | None
) -> Tensor:
    """Return a point drawn uniformly from the epsilon ball around each image."""
    if norm == "linf":
        noise = torch.rand(images.shape, generator=generator) * 2 - 1
        return images + epsilon * noise.to(images.device)
    noise = torch.randn(images.shape, generator=generator)
    noise = noise / noise.flatten(1).norm(dim=1)[:, None, None, None]
    radius = torch.rand(len(images), generator=generator) ** (1 / images.shape[1:].numel())
    return images + epsilon * (radius[:, None, None, None] * noise).to(images.device)


def check_attack(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    epsilon: float,
    steps: int,
    step_size: float,
    norm: str = "linf",
) -> None:
    """Raise ValueError unless an attack with these settings on these images makes sense."""
    if torch.is_inference_mode_enabled():
        raise ValueError("an attack needs gradients; leave torch.inference_mode() for it")
    check_batch(images)
    if images.dtype != torch.float32:
        raise ValueError(f"images must be float32, not {images.dtype}; use images.float()")
    if labels.shape != images.shape[:1]:
        raise ValueError(f"labels must be ({len(images)},), not {tuple(labels.shape)}")
    if labels.dtype != torch.int64:
        raise ValueError(f"labels must be int64, not {labels.dtype}; use labels.long()")
    if len(labels) and int(labels.min()) < 0:  # cross-entropy leaves out the label -100
        raise ValueError(f"labels must be classes, counted from 0, not {int(labels.min())}")
    if any(module.training for module in model.modules()):  # its statistics would follow the attack
        raise ValueError("the network is in training mode; call its eval() first")
    if norm not in NORMS:
        raise ValueError(f"unknown norm {norm!r}; choose one of: {', '.join(NORMS)}")
    if not 0 <= epsilon < math.inf or (norm == "linf" and epsilon > 1):
        raise ValueError(f"epsilon must lie in [0, 1] (pixels are in [0, 1]), not {epsilon}")
    if steps < 0 or not step_size >= 0:
        raise ValueError(f"steps and step_size must be at least 0, not {steps} and {step_size}")


def check_start(start: Tensor | None, images: Tensor) -> None:
    """Raise ValueError unless an attack on these images can begin at `start`."""
    if start is None:
        return
    if start.shape != images.shape or start.dtype != images.dtype:
        wanted = f"{tuple(images.shape)} {images.dtype}"
        raise ValueError(f"start must be {wanted}, not {tuple(start.shape)} {start.dtype}")
    if not bool(torch.isfinite(start).all()):
        raise ValueError("start holds NaN or infinite pixels")
