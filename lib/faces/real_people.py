"""DE-GAN on photographs of real people: pre-trained on others, then fine-tuned, as in section 4.1.

There are two photographs of each person, neutral and smiling. D would learn so few by heart, and
somebody it saw neutral only would seem to it another person when smiling. So it sees each picture,
real or synthesised, moved anew as the paper's 110 variants are (differentiable augmentation, Zhao
et al. 2020): what it can learn is what shows in all of them.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lib.faces import augment, gan_training
from lib.faces.data.corpus import Faces
from lib.faces.de_gan import NOISE, Generator, ModelConfig
from lib.faces.gan_training import GANConfig

SPLIT, HELD_OUT = 0, 24  # seed of the order of people, and how many of them are held out
TURN = math.radians(max(augment.ANGLES))  # most that D's pictures are turned


def held_out(people: int) -> np.ndarray:
    """Return whose smile the training never sees, drawn at random, sorted."""
    return np.sort(np.random.default_rng(SPLIT).permutation(people)[:HELD_OUT])


def training_set(faces: Faces) -> Faces:
    """Return all neutral faces, and the smiles of those who are not held out."""
    kept_back = np.isin(faces.identities, held_out(faces.people)) & (faces.expressions > 0)
    return faces.take(np.flatnonzero(~kept_back))


class FineTuning(gan_training.Trainer):
    """A training that begins with a generator of other people, perhaps for smaller pictures."""

    def __init__(
        self, trained: Generator, model: ModelConfig, config: GANConfig, faces: Faces, seed: int
    ) -> None:
        super().__init__(model, config, faces, seed)
        begin_from(self.generator, trained)
        self.average.load_state_dict(self.generator.state_dict())
        self.discriminator.register_forward_pre_hook(self.move)

    def move(self, _: nn.Module, images: tuple[Tensor]) -> tuple[Tensor]:
        """Return what D sees in place of its pictures."""
        return (moved(images[0], self.random),)


def moved(images: Tensor, random: torch.Generator) -> Tensor:
    """Return pictures shifted, turned and mirrored at random, as far as the 110 variants are.

    Gradients flow back to the pictures (n, 3, side, side); `random` draws on the CPU.
    """
    count = len(images)
    turn = (2 * torch.rand(count, generator=random) - 1) * TURN
    across, down = (2 * torch.rand(2, count, generator=random) - 1) * 2 * augment.SHIFT
    mirror = 2.0 * torch.randint(2, (count,), generator=random) - 1
    cosine, sine = turn.cos(), turn.sin()
    maps = torch.stack([mirror * cosine, -sine, across, mirror * sine, cosine, down], dim=1)
    place = maps.view(count, 2, 3).to(images.device)
    grid = F.affine_grid(place, list(images.shape), align_corners=False)
    found = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    return found.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def begin_from(generator: Generator, trained: Generator) -> None:
    """Give a generator for other people what one trained before, of the same width, knows.

    Everybody begins as the mean of the people it knew, and a little apart, as the identity's
    weights were drawn. For larger pictures the decoder's first maps are stretched.
    """
    own, known = generator.state_dict(), trained.state_dict()
    people = slice(generator.config.code, -NOISE)
    weight = stretched(known["decoder.start.weight"], trained.config, generator.config)
    apart = own["decoder.start.weight"][:, people]
    mean = weight[:, people].mean(dim=1, keepdim=True)
    weight = torch.cat([weight[:, : people.start], mean + apart, weight[:, -NOISE:]], dim=1)
    bias = stretched(known["decoder.start.bias"][:, None], trained.config, generator.config)
    start = {"decoder.start.weight": weight, "decoder.start.bias": bias[:, 0]}
    generator.load_state_dict(known | start)


def stretched(rows: Tensor, before: ModelConfig, after: ModelConfig) -> Tensor:
    """Return the rows of a linear layer that fills square maps, for maps of another size.

    Rows are (channels x side x side, n); `smallest` of both forms is the side.
    """
    maps: Any = rows.T.unflatten(1, (-1, before.smallest, before.smallest))
    side = (after.smallest, after.smallest)
    return F.interpolate(maps, side, mode="bilinear", align_corners=True).flatten(1).T


def fine_tune(
    trained: Generator,
    model: ModelConfig,
    config: GANConfig,
    faces: Faces,
    seed: int,
    checkpoint: Path | None = None,
) -> tuple[Generator, gan_training.History]:
    """Return the generator fine-tuned, frozen, and the mean losses of each interval.

    The faces are aligned at `augment.source_side(model.side)`; the checkpoint is written after each
    interval, and if it is there already, training goes on from it.
    """
    trainer = FineTuning(trained, model, config, faces, seed)
    trainer.run(checkpoint, (model, config, faces.fingerprint(), seed, "fine-tuned"))
    generator = trainer.average.cpu().eval().requires_grad_(False)
    return generator, gan_training.by_interval(trainer.history, config)
