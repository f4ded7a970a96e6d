"""Faces of which everything is known beforehand, and networks that read and paint them."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lib.faces import augment
from lib.faces.data.corpus import EXPRESSIONS, Faces
from lib.faces.de_gan import Generator, ModelConfig, Trunk, initialise
from lib.runs.results import Result

SIDE, SIZE = 32, 36  # of the pictures that networks see, and of those in sets
STEP = 40  # grey levels between two expressions (red) or two people (green)
CLASSES = ("anger", "contempt", "disgust")


def small(identities: int, expressions: int = 7) -> ModelConfig:
    """Return the form of small networks."""
    return ModelConfig(identities, expressions, SIDE, width=0.125)


def columns(people: int, classes: int, frames: int, first: int) -> tuple[np.ndarray, ...]:
    """Return expressions, identities, sequences and frames of people who all show everything."""
    identities, labels, shown = np.indices((people, classes, frames)).reshape(3, -1)
    return labels, identities, first + np.arange(len(labels)), shown


def greys(
    people: list[int],
    expressions: list[int],
    classes: tuple[str, ...] = EXPRESSIONS,
    rung: str = "open",
) -> Faces:
    """Return a set of pictures, each of its own grey, without sequences."""
    shades = np.arange(len(people), dtype=np.uint8)[:, None, None, None]
    pictures = np.broadcast_to(shades, (len(people), SIZE, SIZE, 3)).copy()
    zeros = np.zeros(len(people), dtype=np.int64)
    columns = np.array(expressions), np.array(people), zeros, zeros
    return Faces("grey", rung, pictures, *columns, classes)


def coloured(
    people: int = 8, classes: tuple[str, ...] = CLASSES, frames: int = 2, seed: int = 0
) -> Faces:
    """Return noisy faces; the brightest channel is the expression where there are three."""
    labels, *others = columns(people, len(classes), frames, 0)
    shape = (len(labels), SIZE, SIZE, 3)
    images = np.random.default_rng(seed).integers(0, 120, shape, dtype=np.uint8)
    if len(classes) == 3:
        images[np.arange(len(images)), :, :, labels] += 120
    return Faces("coloured", "open", images, labels, *others, classes)


def painted(people: int = 4, frames: int = 2, first: int = 0) -> Faces:
    """Return faces whose red is their expression and whose other colours are the person."""
    labels, identities, *others = columns(people, len(CLASSES), frames, first)
    images = np.random.default_rng(first).integers(0, 8, (len(labels), SIZE, SIZE, 3))
    images[..., 0] += STEP * labels[:, None, None]
    images[..., 1] += STEP * identities[:, None, None]
    images[..., 2] += 15 * (identities[:, None, None] - 2) ** 2  # no one between two others
    return Faces("painted", "open", images.astype(np.uint8), labels, identities, *others, CLASSES)


def measured(network: nn.Module) -> nn.Module:
    """Return a network with weights drawn, and the statistics of coloured faces in its trunk."""
    initialise(network, torch.Generator().manual_seed(0))
    trunk = next(module for module in network.modules() if isinstance(module, Trunk))
    for module in trunk.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # one batch is enough
    trunk.train()(augment.centre(coloured().images))
    return network


class Reader(nn.Module):
    """A judge that reads a colour of painted faces and cannot err."""

    def __init__(self, channel: int, count: int, people: int = 4) -> None:
        super().__init__()
        self.channel, self.count, self.config = channel, count, small(people)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits."""
        level = (pictures[:, self.channel].mean(dim=(1, 2)) + 1) * 127.5
        found = ((level - 3.5) / STEP).round().long().clamp(0, self.count - 1)
        return F.one_hot(found, self.count).float()


class Painter(Generator):
    """Keep the expression and paint the person asked for."""

    def forward(self, images: Tensor, identities: Tensor, noise: Tensor) -> Tensor:
        """Return the pictures with another green."""
        green = (STEP * identities.float() + 3.5) / 127.5 - 1
        shape = images[:, 1].shape
        return torch.stack([images[:, 0], green[:, None, None].expand(shape), images[:, 2]], dim=1)


def runs(method: str, right: int, folds: int = 3) -> list[Result]:
    """Return runs over 12 people that recognise so many of each person's four images."""
    found = []
    for fold in range(folds):
        people, image = np.repeat(np.arange(fold, 12, 3), 4), np.tile(np.arange(4), 4)
        targets = image % 2
        metrics = {
            "rows": people * 4 + image,
            "identities": people,
            "targets": targets,
            "predicted": np.where(image < right, targets, 1 - targets),
        }
        config = {"method": method, "folds": 3, "fold": fold, "seed": 0}
        columns = {name: values.tolist() for name, values in metrics.items()}
        found.append(Result("part2", "recognition", config, columns))
    return found
