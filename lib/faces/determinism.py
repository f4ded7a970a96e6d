"""Part II in seconds: a small DE-GAN that learns from rendered faces."""

from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import torch

from lib.book.determinism import Outcome, Work, as_arrays
from lib.faces import augment, data, training
from lib.faces.data import Faces
from lib.faces.models import NOISE, ModelConfig
from lib.faces.profiles import PROFILES

STEPS = {"smoke": 8, "quick": 12, "paper": 12}
SEED = 0


def works(profile: str) -> dict[str, Work]:
    """Return what is done under each circumstance."""
    return {"DE-GAN": Work(partial(train, STEPS[profile]), resumes=True)}


def train(steps: int, checkpoint: Path) -> Outcome:
    """Train a small DE-GAN; labels are the expressions its discriminator sees in what it makes."""
    smoke, people = PROFILES["smoke"], faces()
    config = replace(smoke.gan, steps=steps, intervals=4)
    form = ModelConfig(people.people, len(people.classes), smoke.sizes.side, smoke.width)
    found = training.train(form, config, people, SEED, checkpoint)
    images = augment.centre(people.images)
    others = torch.from_numpy((people.identities + 1) % people.people)
    made = found.generator(images, others, torch.zeros(len(images), NOISE))
    seen = found.discriminator(made).expression[:, :-1].argmax(dim=1)
    weights = {
        f"{name}.{key}": value
        for name in ("generator", "discriminator")
        for key, value in as_arrays(getattr(found, name).state_dict()).items()
    }
    return Outcome(weights, made.numpy(), seen.numpy())


@lru_cache(maxsize=1)
def faces() -> Faces:
    """Return the people to learn from."""
    return data.load("ict", PROFILES["smoke"].sizes).pretraining()
