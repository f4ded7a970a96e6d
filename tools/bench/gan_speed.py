"""How fast DE-GAN takes a step in the profile quick, and how much of a matrix product's rate.

    python -m tools.bench.gan_speed

A step is one of the generator and one of the discriminator. Channels last as in the book, and
channels first as such networks are usually written; that both paint the same is looked at first.
"""

import sys

import numpy as np
import torch

from lib.faces import augment
from lib.faces.data.corpus import EXPRESSIONS, Faces
from lib.faces.de_gan import NOISE, ModelConfig
from lib.faces.gan_training import Trainer
from lib.faces.runs.profiles import PROFILES
from lib.runs import device, workload
from tools.bench import timing

SAME = 1e-4  # by which pictures may differ


def trainer(memory: torch.memory_format) -> Trainer:
    """Return a training of the profile's size, on noise."""
    profile = PROFILES["quick"]
    people, side = profile.sizes.people, augment.source_side(profile.sizes.side)
    identities = np.arange(profile.gan.batch) % people
    pictures = np.random.default_rng(0).integers(0, 256, (len(identities), side, side, 3), np.uint8)
    labels = identities % len(EXPRESSIONS)
    faces = Faces("noise", "open", pictures, labels, identities, identities, labels, EXPRESSIONS)
    form = ModelConfig(people, len(EXPRESSIONS), profile.sizes.side, profile.width)
    made = Trainer(form, profile.gan, faces, seed=0)
    for network in (made.generator, made.average, made.discriminator):
        network.to(memory_format=memory)
    return made


@torch.no_grad()
def painted(made: Trainer) -> torch.Tensor:
    """Return what the generator makes of the first four pictures."""
    images, labels = made.batch()
    return made.average(images[:4], labels.identities[:4], torch.zeros(4, NOISE))


def de_gan(rounds: int) -> bool:
    """Time steps of DE-GAN; return whether both ways paint the same."""
    device.half_precision = lambda _: False
    trainers = {
        "this book": trainer(torch.channels_last),
        "channels first": trainer(torch.contiguous_format),
    }
    ours, usual = map(painted, trainers.values())
    flop = workload.flop(next(iter(trainers.values())).train_step)
    ways = {name: made.train_step for name, made in trainers.items()}
    timing.show("DE-GAN, a step", timing.in_turns(ways, rounds), flop)
    return torch.allclose(ours, usual, atol=SAME)


if __name__ == "__main__":
    asked = timing.rounds_asked("tools.bench.gan_speed")
    sys.exit(timing.exit_code({"pictures": de_gan(asked)}))
