"""How fast attacks are made here and by other libraries: run by hand, on an idle machine.

    python -m tests.benchmarks.attack_speed

Every library attacks the same images with the same network from the same start (the image itself),
with one thread, in turns. Twice: with the book's network (frozen, channels last, ReLU after the
pooling) and with the same weights in the way such a network is usually written. Beside that stands
how many operations per second a plain matrix product reaches at that moment. torchattacks and ART
join in where they are installed; the book does not need them.
"""

import argparse
import statistics
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from lib.adversarial import attacks, checkpoints, classifiers, data
from lib.adversarial.classifiers import MadryNet
from lib.adversarial.training import accuracy

EPSILON, STEP_SIZE, BATCH = 0.07, 0.01, 100
AGREE = 0.02  # how far accuracies may lie apart: four of 200 images
MATRIX = 2048
Attack = Callable[[Tensor, Tensor], Tensor]
Maker = Callable[[nn.Module, int], Attack]


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


def ours(network: nn.Module, steps: int) -> Attack:
    def attack(images: Tensor, labels: Tensor) -> Tensor:
        return attacks.pgd(
            network, images, labels, EPSILON, steps=steps, step_size=STEP_SIZE, random_start=False
        )

    return attack


def by_foolbox(network: nn.Module, steps: int) -> Attack:
    import foolbox

    model = foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu")
    pgd = foolbox.attacks.LinfPGD(abs_stepsize=STEP_SIZE, steps=steps, random_start=False)

    def attack(images: Tensor, labels: Tensor) -> Tensor:
        return pgd.run(model, images, foolbox.criteria.Misclassification(labels), epsilon=EPSILON)

    return attack


def by_torchattacks(network: nn.Module, steps: int) -> Attack:
    import torchattacks

    return torchattacks.PGD(network, eps=EPSILON, alpha=STEP_SIZE, steps=steps, random_start=False)


def by_art(network: nn.Module, steps: int) -> Attack:
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
        max_iter=steps,
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


def flop_per_image_step() -> int:
    """Return the operations of one forward pass and one backward pass to the image.

    A layer costs two operations per weight and output place; the way back to its input costs the
    same again. Gradients of the weights are not needed and not counted.
    """
    places = {"conv1": 28 * 28, "conv2": 14 * 14, "dense1": 1, "dense2": 1}
    weights = {name: MadryNet().get_parameter(f"{name}.weight").numel() for name in places}
    return 2 * sum(2 * weights[name] * places[name] for name in places)


def peak_gflops(products: int = 4) -> float:
    """Return the best rate of a few float32 matrix products, in GFLOP per CPU-second."""
    left, right = torch.rand(MATRIX, MATRIX), torch.rand(MATRIX, MATRIX)
    best = 0.0
    for _ in range(products):
        started = time.process_time()
        left @ right
        best = max(best, 2 * MATRIX**3 / (time.process_time() - started) / 1e9)
    return best


def timed(attack: Attack, images: Tensor, labels: Tensor) -> tuple[float, Tensor]:
    """Return the CPU-seconds that attacking all images took, and what came out."""
    found = []
    started = time.process_time()
    for batch, truth in zip(images.split(BATCH), labels.split(BATCH), strict=True):
        found.append(attack(batch, truth))
    return time.process_time() - started, torch.cat(found).detach()


def present(steps: int, network: nn.Module) -> dict[str, Attack]:
    """Return the attack of each library that is installed; say so of the others."""
    made = {}
    for name, maker in LIBRARIES.items():
        try:
            made[name] = maker(network, steps)
        except ImportError as error:
            print(f"{name} left out, not installed ({error})")
    return made


def compare(
    title: str, network: nn.Module, images: Tensor, labels: Tensor, steps: int, rounds: int
) -> bool:
    """Time every library on one network, print the table, and return whether results agree."""
    libraries = present(steps, network)
    speeds: dict[str, list[float]] = {name: [] for name in libraries}
    accuracies: dict[str, float] = {}
    peaks = []
    for attack in libraries.values():  # what is made once is made now
        attack(images[:2], labels[:2])
    for _ in range(rounds):
        peaks.append(peak_gflops())
        for name, attack in libraries.items():
            seconds, found = timed(attack, images, labels)
            speeds[name].append(len(images) * steps / seconds)
            accuracies[name] = accuracy(network, found, labels)
    peak, mine = statistics.median(peaks), statistics.median(speeds["this book"])
    print(
        f"\n{title}\n{'':14}{'image-steps/CPU-s':>18}{'to ours':>9}{'of peak':>9}{'accuracy':>10}"
    )
    for name, values in speeds.items():
        speed = statistics.median(values)
        share = speed * flop_per_image_step() / 1e9 / peak
        print(f"{name:14}{speed:18,.0f}{speed / mine:9.2f}{share:9.0%}{accuracies[name]:10.3f}")
    print(f"float32 matrix product ({MATRIX} x {MATRIX}): {peak:.0f} GFLOP per CPU-second")
    return max(accuracies.values()) - min(accuracies.values()) <= AGREE


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison; return 1 if the libraries do not end with nearly the same accuracy."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.attack_speed")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--steps", type=int, default=40)
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
    print(
        f"{len(images)} images of {digits.name}, {asked.steps} steps, epsilon {EPSILON}, batches "
        f"of {BATCH}, one thread, median of {asked.rounds}; "
        f"{flop_per_image_step() / 1e6:.1f} MFLOP per image-step"
    )
    agree = [
        compare(title, each, images, labels, asked.steps, asked.rounds)
        for title, each in (
            ("the book's network", network),
            ("the same network as usually written", usual),
        )
    ]
    if not all(agree):
        print(f"the accuracies lie more than {AGREE} apart: something differs", file=sys.stderr)
    return 0 if all(agree) else 1


if __name__ == "__main__":
    sys.exit(main())
