"""How fast attacks are made here and by other libraries.

    python -m tools.bench.attack_speed

Every library attacks the same images with the same network from the same start (the image itself).
Twice: with the book's network (frozen, channels last, ReLU after the pooling) and with the same
weights in the way such a network is usually written. torchattacks and ART join in where they are
installed; the book does not need them.
"""

import argparse
import sys
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from lib.adversarial import attacks, checkpoints, classifiers, data
from lib.adversarial.training import accuracy
from lib.runs import workload
from tools.bench import timing

EPSILON, STEP_SIZE, STEPS = 0.07, 0.01, 40
BATCH = 100
AGREE = 0.02  # how far accuracies may lie apart: four of 200 images
Attack = Callable[[Tensor, Tensor], Tensor]
Maker = Callable[[nn.Module], Attack]


class AsUsuallyWritten(nn.Module):
    """Madry's network with ReLU before the pooling, channels first, weights open to training."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
            *(nn.Linear(64 * 7 * 7, 1024), nn.ReLU(), nn.Linear(1024, 10)),
        )
        for mine, given in zip(self.parameters(), network.parameters(), strict=True):
            mine.data = given.detach().clone(memory_format=torch.contiguous_format)

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images)


def ours(network: nn.Module) -> Attack:
    def attack(images: Tensor, labels: Tensor) -> Tensor:
        return attacks.pgd(
            network, images, labels, EPSILON, steps=STEPS, step_size=STEP_SIZE, random_start=False
        )

    return attack


def by_foolbox(network: nn.Module) -> Attack:
    import foolbox

    model = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
    pgd = foolbox.attacks.LinfPGD(abs_stepsize=STEP_SIZE, steps=STEPS, random_start=False)

    def attack(images: Tensor, labels: Tensor) -> Tensor:
        return pgd.run(model, images, foolbox.criteria.Misclassification(labels), epsilon=EPSILON)

    return attack


def by_torchattacks(network: nn.Module) -> Attack:
    import torchattacks

    return torchattacks.PGD(network, eps=EPSILON, alpha=STEP_SIZE, steps=STEPS, random_start=False)


def by_art(network: nn.Module) -> Attack:
    from art.attacks.evasion import ProjectedGradientDescentPyTorch
    from art.estimators.classification import PyTorchClassifier

    classifier = PyTorchClassifier(
        network,
        loss=nn.CrossEntropyLoss(),
        input_shape=(1, 28, 28),
        nb_classes=10,
        clip_values=(0, 1),
        device_type="cpu",
    )
    pgd = ProjectedGradientDescentPyTorch(
        classifier,
        eps=EPSILON,
        eps_step=STEP_SIZE,
        max_iter=STEPS,
        num_random_init=0,
        batch_size=BATCH,
        verbose=False,
    )

    def attack(images: Tensor, labels: Tensor) -> Tensor:
        return torch.from_numpy(pgd.generate(images.numpy(), np.eye(10)[labels.numpy()]))

    return attack


LIBRARIES: dict[str, Maker] = {
    "this book": ours,
    "foolbox": by_foolbox,
    "torchattacks": by_torchattacks,
    "ART": by_art,
}


# One forward pass and one backward pass to the image, two operations per weight and output place;
# gradients of the weights are not needed and not counted.
FLOP = 2 * workload.flop(lambda: classifiers.build("madry")(torch.zeros(1, 1, 28, 28)))


def attacked(attack: Attack, images: Tensor, labels: Tensor) -> Tensor:
    """Return all images as an attack leaves them, batch by batch."""
    batches = zip(images.split(BATCH), labels.split(BATCH), strict=True)
    return torch.cat([attack(batch, truth) for batch, truth in batches]).detach()


def present(network: nn.Module) -> dict[str, Attack]:
    """Return the attack of each library that is installed; say so of the others."""
    made = {}
    for name, maker in LIBRARIES.items():
        try:
            made[name] = maker(network)
        except ImportError as error:
            print(f"{name} left out, not installed ({error})")
    return made


def compare(title: str, network: nn.Module, images: Tensor, labels: Tensor, rounds: int) -> bool:
    """Time every library on one network, and return whether they end with the same accuracy."""
    libraries = present(network)
    ways = {name: partial(attacked, attack, images, labels) for name, attack in libraries.items()}
    seconds, peak = timing.in_turns(ways, rounds), timing.peak_gflops()
    print(
        f"\n{title}\n{'':14}{'image-steps/CPU-s':>18}{'to ours':>9}{'of peak':>9}{'accuracy':>10}"
    )
    found = {name: accuracy(network, way(), labels) for name, way in ways.items()}
    for name, value in seconds.items():
        speed = len(images) * STEPS / value
        ratio, share = seconds["this book"] / value, speed * FLOP / 1e9 / peak
        print(f"{name:14}{speed:18,.0f}{ratio:9.2f}{share:9.0%}{found[name]:10.3f}")
    size = f"{timing.MATRIX} x {timing.MATRIX}"
    print(f"float32 matrix product ({size}): {peak:.0f} GFLOP per CPU-second")
    return max(found.values()) - min(found.values()) <= AGREE


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison; return 1 if the libraries do not end with nearly the same accuracy."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.attack_speed")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3, help="the median of them counts")
    asked = parser.parse_args(arguments)
    warnings.simplefilter("ignore")  # other libraries' business
    torch.set_num_threads(1)
    network = classifiers.load(checkpoints.shipped_path("natural"))
    digits = data.load()
    images = data.to_batch(digits.test_images[: asked.images])
    labels = torch.from_numpy(digits.test_labels[: asked.images])
    usual = AsUsuallyWritten(network).eval()
    assert torch.allclose(usual(images[:8]), network(images[:8]), atol=1e-3)
    print(f"{len(images)} images, {STEPS} steps, one thread, median of {asked.rounds}")
    networks = {"the book's network": network, "the same network as usually written": usual}
    agree = [compare(name, each, images, labels, asked.rounds) for name, each in networks.items()]
    if not all(agree):
        print(f"the accuracies lie more than {AGREE} apart: something differs", file=sys.stderr)
    return 0 if all(agree) else 1


if __name__ == "__main__":
    sys.exit(main())
