"""How fast Part II computes, beside the usual way to compute it: run by hand, on an idle machine.

    python -m tests.benchmarks.faces_speed
    python -m tests.benchmarks.faces_speed --rounds 1 --side 32 --width 0.125 --batch 8 --faces 4

Four parts: training DE-GAN, augmentation, rendering, and the second stage beside the baseline it is
compared with. In each the ways take turns, with one thread, and the median of their CPU times
counts; results that should agree are compared. Beside training stands how many operations per
second a plain matrix product reaches at that moment, in float32 and in bfloat16, and which share of
it is used: counted operations at that rate are the least time that a step can take.
"""

import argparse
import copy
import itertools
import os
import sys
import warnings
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from lib.faces import augment, classifier, recognition
from lib.faces.classifier import Classifier, ClassifierConfig
from lib.faces.data.corpus import EXPRESSIONS, Faces, Requests
from lib.faces.de_gan import NOISE, Decoder, Generator, ModelConfig, Trunk
from lib.faces.gan_training import GANConfig, Labels, Trainer
from lib.faces.recognition import Recogniser
from lib.faces.render import ict
from lib.faces.render.made import Render
from lib.faces.runs import workload
from tests.benchmarks.sound_speed import in_precision, in_turns, judge

PEOPLE = 101  # for pre-training
PICTURES = 10 * len(EXPRESSIONS)  # in memory, from which batches are drawn
CLOSE = 0.02  # of a range of 2, by which augmented pictures may differ: PIL rounds to 256 levels
SAME = 1e-4  # of that range, by which synthesised pictures may differ
MIDDLE = 0.5  # share of a crop's side, in its middle, that no padding reaches


def show(title: str, seconds: Mapping[str, float], images: int) -> None:
    """Print how many images each way does in a second, and its time as a ratio to the first."""
    first = next(iter(seconds.values()))
    print(f"\n{title}\n{'':44}{'images per second':>20}{'time to ours':>14}")
    for name, value in seconds.items():
        print(f"{name:44}{images / value:20,.1f}{value / first:14.2f}")


def pictures(side: int) -> Faces:
    """Return smooth random pictures of many people with all expressions."""
    generator = np.random.default_rng(0)
    size = augment.source_side(side)
    coarse = generator.integers(0, 256, (PICTURES, 6, 6, 3), dtype=np.uint8)
    images = np.stack([np.asarray(Image.fromarray(each).resize((size, size))) for each in coarse])
    rows = np.arange(PICTURES)
    people = rows % PEOPLE
    return Faces("noise", "open", images, rows % len(EXPRESSIONS), people, rows, rows, EXPRESSIONS)


# --- training DE-GAN


class UsualDecoder(nn.Module):
    """The decoder as it is usually called, channels first."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, code: Tensor, identity: Tensor, noise: Tensor) -> Tensor:
        start = self.decoder.start(torch.cat([code, identity, noise], dim=1))
        side = self.decoder.config.smallest
        return self.decoder.layers(start.unflatten(1, (-1, side, side)))


class UsualTrainer(Trainer):
    """The same training with all networks and pictures channels first."""

    def _network(self, network: Any, like: nn.Module | None = None) -> Any:
        if isinstance(network, Generator):
            network.decoder = UsualDecoder(network.decoder)  # type: ignore[assignment]
        made = super()._network(network, like)
        return made.to(memory_format=torch.contiguous_format)

    def batch(self) -> tuple[Tensor, Labels]:
        images, labels = super().batch()
        return images.contiguous(), labels


def gan_steps(rounds: int, model: ModelConfig, batch: int) -> bool:
    """Time steps of D and G together; return whether all ways compute the same pictures."""
    ways: dict[str, tuple[type[Trainer], bool]] = {
        "this book: bfloat16, channels last": (Trainer, True),
        "bfloat16, channels first": (UsualTrainer, True),
        "float32, channels last": (Trainer, False),
        "float32, channels first": (UsualTrainer, False),
    }
    faces = pictures(model.side)
    trainers = {
        name: kind(model, gan_config(batch), faces, seed=0) for name, (kind, _) in ways.items()
    }
    agree = same_pictures(trainers.values())
    steps = {
        name: partial(in_precision, ways[name][1], each.advance) for name, each in trainers.items()
    }
    seconds = in_turns(steps, rounds)
    show(f"Training DE-GAN, {model.side} px, width {model.width:g}, batch {batch}", seconds, batch)
    macs = workload.gan_steps(model).discriminator + workload.gan_steps(model).generator
    for name, kind in zip(ways, ("bfloat16", "bfloat16", "float32", "float32"), strict=True):
        judge(name.removeprefix("this book: "), 2 * macs * batch, seconds[name], kind)
    return agree


def gan_config(batch: int) -> GANConfig:
    """Return the quick profile's training, in which D never waits."""
    return GANConfig(
        batch=batch,
        learning_rate=2e-4,
        generator_rate=5,
        strong=1.0,
        augmentation="flips",
        own_identity=0.3,
        reconstruction=5.0,
        average=0.995,
    )


@torch.no_grad()
def same_pictures(trainers: Collection[Trainer]) -> bool:
    """Return whether the generators make the same of the same pictures, in float32.

    As in training, normalised by the batch: otherwise all they make would be close to 0.
    """
    images, _ = next(iter(trainers)).batch()
    noise = torch.linspace(-1, 1, len(images) * NOISE).view(len(images), NOISE)
    identities = torch.arange(len(images)) % PEOPLE
    found = [each.generator(images, identities, noise) for each in trainers]
    return all(torch.allclose(each, found[0], atol=SAME) for each in found)


# --- augmentation


def by_pil(images: np.ndarray, variants: Tensor) -> Tensor:
    """Return one variant of each picture as PIL makes it, one after the other.

    Beyond the picture it is black.
    """
    side = augment.crop_side(images.shape[1])
    margin = (images.shape[1] - side) // 2
    found = []
    for image, *variant in zip(images, *augment.decode(variants), strict=True):
        crop, angle, mirror = map(int, variant)
        y, x = (margin * place for place in augment.CROPS[crop])
        turned = Image.fromarray(image).rotate(
            augment.ANGLES[angle], Image.Resampling.BILINEAR, center=(x + side / 2, y + side / 2)
        )
        cut = turned.crop((x, y, x + side, y + side))
        if mirror:
            cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        found.append(torch.from_numpy(np.array(cut)).permute(2, 0, 1).float() / 127.5 - 1)
    return torch.stack(found)


def augmentation(rounds: int, side: int, batch: int) -> bool:
    """Time variants of a batch; return whether both ways show the same in their middle."""
    images = pictures(side).images[np.arange(batch) % PICTURES]
    variants = torch.randint(augment.VARIANTS, (batch,), generator=torch.Generator().manual_seed(0))
    ways: dict[str, Callable[[], Tensor]] = {
        "this book: a batch at once": partial(augment.augment, torch.from_numpy(images), variants),
        "PIL: picture by picture": partial(by_pil, images, variants),
    }
    seconds = in_turns(ways, rounds)
    show(f"One of 110 variants of each picture, {side} px", seconds, batch)
    ours, theirs = (way() for way in ways.values())
    edge = round(side * (1 - MIDDLE) / 2)
    inner = slice(edge, side - edge)
    return float((ours - theirs)[..., inner, inner].abs().max()) < CLOSE


# --- rendering


def rendering(rounds: int, side: int, faces: int) -> None:
    """Time rendering people who are new each time, seven pictures of each."""
    size = augment.source_side(side)
    ways = {"rendered, ICT-FaceKit": render_next(ict.render, faces, size)}
    show(f"Making faces, {size} px", in_turns(ways, rounds), faces)


def render_next(render: Render, count: int, size: int) -> Callable[[], object]:
    """Return what makes so many faces of people who follow on those of the call before."""
    turns = itertools.count()

    def call() -> object:
        rows = next(turns) * count + np.arange(count)
        people, expressions = np.divmod(rows, len(EXPRESSIONS))
        zeros = np.zeros_like(rows)
        return render(Requests(people, expressions, zeros + 0.9, rows, zeros, 0), size)

    return call


# --- the second stage


def second_stage(rounds: int, model: ModelConfig, batch: int, steps: int) -> None:
    """Time training the local CNNs on a frozen encoder, beside training all of the baseline."""
    faces, classes = pictures(model.side), model.expressions
    config = ClassifierConfig(steps=steps, batch=batch, learning_rate=1e-3)
    networks: dict[str, nn.Module] = {
        "this book: frozen encoder, maps and f(x)": Recogniser(
            Trunk(model, model.code), model, classes
        ),
        "baseline: all layers are trained": Classifier(model, classes),
    }
    ways = {name: partial(fit, network, faces, config) for name, network in networks.items()}
    seconds = in_turns(ways, rounds)
    show(f"Training to recognise, {model.side} px, batch {batch}", seconds, batch * steps)
    for name, network in networks.items():
        macs = workload.training_macs(copy.deepcopy(network).to("meta"), model.side)
        judge(name.removeprefix("this book: "), 2 * macs * batch * steps, seconds[name], "bfloat16")


def fit(network: nn.Module, faces: Faces, config: ClassifierConfig) -> list[float]:
    """Train a recogniser or a classifier for a few steps."""
    loss: Callable[[Any, Tensor], Tensor] = F.cross_entropy
    if isinstance(network, Recogniser):
        loss = recognition.total_loss
    return classifier.fit(network, loss, faces.images, faces.expressions, config, seed=0)


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison; return 1 if results that should agree do not."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.faces_speed")
    parser.add_argument("--rounds", type=int, default=3, help="the median of them counts")
    parser.add_argument("--side", type=int, default=48, help="of the networks' input in pixels")
    parser.add_argument("--width", type=float, default=0.5, help="of convolutions; 1 is DR-GAN's")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=3, help="of the second stage, in one turn")
    parser.add_argument("--faces", type=int, default=28, help="rendered in one turn")
    asked = parser.parse_args(arguments)
    warnings.simplefilter("ignore")  # other libraries' business
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # what is timed is the processor
    torch.set_num_threads(1)
    print(f"One thread, median of {asked.rounds} turns")
    model = ModelConfig(PEOPLE, len(EXPRESSIONS), asked.side, asked.width)
    agree = {
        "generators": gan_steps(asked.rounds, model, asked.batch),
        "augmented pictures": augmentation(asked.rounds, asked.side, asked.batch),
    }
    rendering(asked.rounds, asked.side, asked.faces)
    second_stage(asked.rounds, model, asked.batch, asked.steps)
    for name in (name for name, same in agree.items() if not same):
        print(f"{name} differ between the ways: something is wrong", file=sys.stderr)
    return 0 if all(agree.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
