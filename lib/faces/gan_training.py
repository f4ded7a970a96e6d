"""Training DE-GAN (sections 3.1 and 4.1): equations 1 and 2, in turn.

What the equations alone did not achieve here stands apart, each as a switch of `GANConfig`: heads
of the discriminator that know real faces before the generator begins, pictures that keep their own
identity and are compared with their source, and a running mean of the generator's weights.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lib.faces import augment
from lib.faces.classifier import rate_share
from lib.faces.data.corpus import Faces
from lib.faces.de_gan import NOISE, Discriminator, Generator, Judgement, ModelConfig, initialise
from lib.runs.device import autocast, best_device
from lib.runs.rows import take
from lib.runs.trainer import Measured, Training, descend, follow

History = dict[str, list[float]]
MEASURED = ("discriminator", "generator", "reconstruction", "strength")


@dataclass(frozen=True)
class GANConfig:
    """How DE-GAN is trained (section 4.1); the defaults are the paper's."""

    steps: int = 121_200  # 300 epochs of 404 batches, BU-4DFE's 60,600 pictures
    intervals: int = 300
    batch: int = 150
    learning_rate: float = 1e-4  # of D
    generator_rate: float = 1.0  # times D's, of G
    strong: float = 0.9  # D's mean accuracy from which on it is near its optimum; DR-GAN's port
    generator_steps: int = 4  # of G for one of D from there on; DR-GAN's port
    augmentation: str = "all"  # of pictures: "all" 110, or "flips"
    warm_up: int = 0  # first steps in which D learns from real pictures, G waits
    own_identity: float = 0.0  # share of the batch that keeps its identity ...
    reconstruction: float = 0.0  # ... and the weight of its mean difference from the source
    falling: float = 0.0  # share of the steps, at the end, in which both rates fall to 0
    average: float = 0.0  # decay of the running mean of G's weights; 0.995 is about 200 steps


def discriminator_loss(real: Judgement, fake: Judgement, labels: "Labels") -> Tensor:
    """Return the negative of V_D, which D maximises (eq. 1), as means over the batch.

    Args:
        real: what D says of real pictures.
        fake: what D says of the generator's.
        labels: expression and identity of the real pictures.
    """
    is_fake = torch.full_like(labels.expressions, fake.expression.shape[1] - 1)
    return (
        F.cross_entropy(real.expression.float(), labels.expressions)
        + F.cross_entropy(real.identity.float(), labels.identities)
        + F.cross_entropy(fake.expression.float(), is_fake)
    )


def generator_loss(fake: Judgement, wanted: "Labels") -> Tensor:
    """Return the negative of V_G, which G maximises (eq. 2), as means over the batch.

    Args:
        fake: what D says of the generator's pictures.
        wanted: the source's expression, and the identity of the code I.
    """
    return F.cross_entropy(fake.expression.float(), wanted.expressions) + F.cross_entropy(
        fake.identity.float(), wanted.identities
    )


class Labels(NamedTuple):
    """Expressions and identities of a batch, (batch,) int64 each."""

    expressions: Tensor
    identities: Tensor


@torch.no_grad()
def accuracy(real: Judgement, fake: Judgement, labels: Labels) -> float:
    """Return the mean of D's three accuracies: expressions, identities, and fakes seen as such.

    The real pictures' expression counts as right only where it beats *fake*, too.
    """
    hits = torch.cat(
        [
            real.expression.argmax(1) == labels.expressions,
            real.identity.argmax(1) == labels.identities,
            fake.expression.argmax(1) == fake.expression.shape[1] - 1,
        ]
    )
    return float(hits.float().mean())


class Trainer(Training):
    """One training of DE-GAN: both networks, step by step."""

    kept = (
        "random",
        "strength",
        *("generator", "average", "discriminator"),
        *("generator_optimizer", "discriminator_optimizer"),
    )
    unit = "step"

    def __init__(self, model: ModelConfig, config: GANConfig, faces: Faces, seed: int) -> None:
        super().__init__("DE-GAN", config.steps, keep_every=config.steps // config.intervals)
        self.config, self.faces = config, faces
        self.device = best_device()
        self.random = torch.Generator().manual_seed(seed)
        with torch.random.fork_rng(devices=[]):  # torch fills new layers from its global generator
            self.generator = self._network(Generator(model))
            self.average = self._network(Generator(model), self.generator)
            self.discriminator = self._network(Discriminator(model))
        rate = config.learning_rate
        self.discriminator_optimizer = _adam(self.discriminator, rate)
        self.generator_optimizer = _adam(self.generator, rate * config.generator_rate)
        self.variants = variants(config.augmentation)
        self.labels = Labels(
            torch.from_numpy(faces.expressions), torch.from_numpy(faces.identities)
        )
        self.strength = 0.0

    def _network(self, network: Any, like: nn.Module | None = None) -> Any:
        """Return the network with initial weights, or another's, in the layout that is fastest."""
        if like is None:
            initialise(network, self.random)
        else:
            network.load_state_dict(like.state_dict())
        return network.to(self.device, memory_format=torch.channels_last).train(like is None)

    def batch(self) -> tuple[Tensor, Labels]:
        """Return real pictures (batch, 3, side, side) and their labels."""
        size = (self.config.batch,)
        rows = torch.randint(len(self.faces.images), size, generator=self.random)
        picks = torch.randint(len(self.variants), size, generator=self.random)
        images = augment.augment(take(self.faces.images, rows), self.variants[picks])
        labels = Labels(self.labels.expressions[rows], self.labels.identities[rows])
        return images.to(self.device), Labels(*(label.to(self.device) for label in labels))

    def warm_up_step(self) -> Measured:
        """Teach D's two heads what real pictures show; G waits."""
        images, labels = self.batch()
        with autocast(self.device):
            real = self.discriminator(images)
        loss = F.cross_entropy(real.expression.float(), labels.expressions)
        loss = loss + F.cross_entropy(real.identity.float(), labels.identities)
        self.descend(self.discriminator_optimizer, loss)
        return {"discriminator": float(loss.detach())}

    def wanted(self, labels: Labels) -> tuple[Labels, Tensor]:
        """Return what G is asked for, and which pictures keep their own identity.

        The identity is drawn uniformly from all of the training set (p_I); the first
        `own_identity` of the batch keep theirs.
        """
        count = len(labels.identities)
        drawn = torch.randint(self.generator.config.identities, (count,), generator=self.random).to(
            self.device
        )
        own = torch.arange(count, device=self.device) < round(self.config.own_identity * count)
        return Labels(labels.expressions, torch.where(own, labels.identities, drawn)), own

    def train_step(self) -> Measured:
        """Take one step of G and, unless D is near its optimum and has to wait, one of D."""
        images, labels = self.batch()
        wanted, own = self.wanted(labels)
        noise = torch.rand(len(images), NOISE, generator=self.random).to(self.device) * 2 - 1
        with autocast(self.device):
            fakes = self.generator(images, wanted.identities, noise)
        found = self.discriminator_step(images, labels, fakes.detach()) if self.turn() else {}
        self.discriminator.requires_grad_(False)  # its gradients would be computed for nothing
        with autocast(self.device):
            judged = self.discriminator(fakes)
        loss = generator_loss(judged, wanted)
        found["generator"] = float(loss.detach())
        if own.any() and self.config.reconstruction:
            difference = F.l1_loss(fakes[own].float(), images[own])
            loss = loss + self.config.reconstruction * difference
            found["reconstruction"] = float(difference.detach())
        self.descend(self.generator_optimizer, loss)
        self.discriminator.requires_grad_(True)
        steps = self.done - self.config.warm_up + 1
        follow(self.average, self.generator, min(self.config.average, 1 - 1 / steps))
        return found

    def turn(self) -> bool:
        """Return whether D learns: in every step, or near its optimum in fewer than G (4.1)."""
        strong = self.strength > self.config.strong
        return not strong or self.done % self.config.generator_steps == 0

    def discriminator_step(self, images: Tensor, labels: Labels, fakes: Tensor) -> Measured:
        """Take one step of D on real pictures and fakes, and note how strong it is."""
        with autocast(self.device):
            real, fake = self.discriminator(images), self.discriminator(fakes)
        loss = discriminator_loss(real, fake, labels)
        self.descend(self.discriminator_optimizer, loss)
        strength = accuracy(real, fake, labels)
        self.strength += 0.1 * (strength - self.strength)  # of the last ten steps or so
        return {"discriminator": float(loss.detach()), "strength": strength}

    def descend(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        """Take one step down the gradient, at a rate that may fall to 0 at the end."""
        share = rate_share(self.done, self.config.steps, self.config.falling)
        descend(optimizer, loss, share * optimizer.defaults["lr"])

    def learn(self) -> Measured:
        """Take the next step, of the warm-up or of both; return the losses."""
        return self.warm_up_step() if self.done < self.config.warm_up else self.train_step()


def variants(augmentation: str) -> Tensor:
    """Return the variants of a picture that a training sees: "all" 110, or the two "flips"."""
    every = torch.arange(augment.VARIANTS)
    crop, angle, _ = augment.decode(every)
    plain = (crop == augment.CROPS.index((1, 1))) & (angle == augment.ANGLES.index(0))
    if augmentation not in (known := {"all": every, "flips": every[plain]}):
        raise ValueError(f"unknown augmentation {augmentation!r}; choose one of: all, flips")
    return known[augmentation]


def _adam(network: nn.Module, rate: float) -> torch.optim.Adam:
    """Return Adam with DCGAN's betas: the first is the paper's "momentum of 0.5"."""
    return torch.optim.Adam(network.parameters(), lr=rate, betas=(0.5, 0.999))


class DEGAN(NamedTuple):
    """What a training gives: both networks, frozen, and the losses by interval."""

    generator: Generator
    discriminator: Discriminator
    history: History


def train(
    model: ModelConfig,
    config: GANConfig,
    faces: Faces,
    seed: int,
    checkpoint: Path | None = None,
    start: tuple[Generator, Discriminator] | None = None,
) -> DEGAN:
    """Train DE-GAN; the generator returned is the running mean of its weights.

    The history holds the means of the losses over each of `config.intervals` parts of the training.

    Args:
        model: the form of the networks.
        faces: the training set, rendered or aligned at `augment.source_side(model.side)`.
        seed: of initial weights, noise, wanted identities and the order of the pictures.
        checkpoint: written after each interval; if it is there already, training goes on from it.
        start: networks trained on other people, to fine-tune (see `carry_over`).

    Raises:
        FloatingPointError: a loss is no longer a number.
        ValueError: the checkpoint belongs to another training, the model to other faces, or the
            steps do not make whole intervals.
    """
    _check(model, faces)
    _check_schedule(config)
    trainer = Trainer(model, config, faces, seed)
    if start is not None:
        for network in (trainer.generator, trainer.average):
            carry_over(network, start[0])
        carry_over(trainer.discriminator, start[1])
    trainer.run(checkpoint, (model, config, faces.fingerprint(), seed))
    history = by_interval(trainer.history, config)
    return DEGAN(_frozen(trainer.average), _frozen(trainer.discriminator), history)


@torch.no_grad()
def carry_over(network: Generator | Discriminator, trained: nn.Module) -> None:
    """Give a network for other people what one of the same form knows, all but those people.

    The identity code's columns and D's identity head stay as they were drawn, and D's expression
    head too where there are other expressions.
    """
    own, known = network.state_dict(), trained.state_dict()
    if "decoder.start.weight" in known:
        for columns in (slice(None, network.config.code), slice(-NOISE, None)):
            own["decoder.start.weight"][:, columns] = known["decoder.start.weight"][:, columns]
    people = ("decoder.start.weight", "identity.weight", "identity.bias")
    for name, value in known.items():
        if name not in people and own[name].shape == value.shape:
            own[name].copy_(value)


def _frozen(network: Any) -> Any:
    """Return the network on the CPU, for evaluation only."""
    return network.cpu().eval().requires_grad_(False)


def by_interval(history: History, config: GANConfig) -> History:
    """Return the mean of each loss over each interval; what did not occur in it is not a number."""
    found = {}
    for name in MEASURED:
        values = np.array(history.get(name, [math.nan] * config.steps))
        parts = [part[~np.isnan(part)] for part in values.reshape(config.intervals, -1)]
        found[name] = [float(part.mean()) if len(part) else math.nan for part in parts]
    return found


def _check(model: ModelConfig, faces: Faces) -> None:
    side = augment.source_side(model.side)
    if faces.images.shape[1:] != (side, side, 3):
        raise ValueError(
            f"{faces.name}: pictures of shape {faces.images.shape[1:]}; networks for "
            f"{model.side} pixels take {(side, side, 3)}"
        )
    have: Mapping[str, int] = {"identities": faces.people, "expressions": len(faces.classes)}
    for name, count in have.items():
        if getattr(model, name) != count:
            raise ValueError(
                f"{faces.name} has {count} {name}, the networks {getattr(model, name)}"
            )
    if len(present := np.unique(faces.identities)) != model.identities:
        raise ValueError(
            f"{faces.name}: only {len(present)} of {model.identities} identities have pictures, "
            "but all would be asked for; number those present from 0"
        )


def _check_schedule(config: GANConfig) -> None:
    if config.intervals < 1 or config.steps % config.intervals:
        raise ValueError(
            f"{config.steps} steps do not make {config.intervals} equal intervals; take a multiple"
        )
    if config.warm_up >= config.steps:
        raise ValueError(
            f"the warm-up of {config.warm_up} steps leaves none of {config.steps} to the generator"
        )
