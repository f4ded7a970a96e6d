"""Part II in seconds: a small DE-GAN that learns from rendered faces."""

from functools import lru_cache
from pathlib import Path

import torch

from lib.faces import augment, gan_training
from lib.faces.data.corpus import Faces
from lib.faces.de_gan import NOISE, ModelConfig
from lib.faces.gan_training import GANConfig
from lib.faces.render import ict, made
from lib.runs.determinism import Outcome, Work, as_arrays

PEOPLE, SIDE, WIDTH = 4, 32, 0.125  # each person once in each expression
TRAINING = GANConfig(  # in large steps, so that few of them paint something
    steps=48,
    intervals=4,
    batch=8,
    learning_rate=3e-3,
    warm_up=8,
    own_identity=0.25,
    reconstruction=5.0,
    average=0.8,
)


def works() -> dict[str, Work]:
    """Return what is done under each circumstance."""
    return {"DE-GAN": train}


def train(checkpoint: Path) -> Outcome:
    """Train a small DE-GAN; labels are the expressions its discriminator sees in what it makes."""
    people = faces()
    form = ModelConfig(people.people, len(people.classes), SIDE, WIDTH)
    found = gan_training.train(form, TRAINING, people, seed=0, checkpoint=checkpoint)
    images = augment.centre(people.images)
    others = torch.from_numpy((people.identities + 1) % people.people)
    painted = found.generator(images, others, torch.zeros(len(images), NOISE))
    seen = found.discriminator(painted).expression[:, :-1].argmax(dim=1)
    weights = {
        f"{name}.{key}": value
        for name in ("generator", "discriminator")
        for key, value in as_arrays(getattr(found, name).state_dict()).items()
    }
    return Outcome(weights, painted.numpy(), seen.numpy())


@lru_cache(maxsize=1)
def faces() -> Faces:
    """Return the people to learn from."""
    return made.pretraining(ict.render, PEOPLE, 1, SIDE, seed=0)
