"""Part III in seconds: a network trained on attacked digits, and an attack on a shipped one."""

from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import torch

from lib.adversarial import attacks, checkpoints, data, models, training
from lib.adversarial.data import Digits
from lib.adversarial.evaluation import predict
from lib.adversarial.profiles import PROFILES
from lib.book.determinism import Outcome, Work, as_arrays
from lib.book.device import best_device

TRAINED, TESTED, ATTACKED = 64, 200, 64  # images
BATCH = 32  # large enough for the fast way back to the image
EPSILON = 0.12  # of the attack, which then fools the network
SIZES = {"smoke": (2, 5), "quick": (2, 20), "paper": (2, 20)}  # epochs, steps of the attack
SEED = 0


def works(profile: str) -> dict[str, Work]:
    """Return what is done under each circumstance."""
    epochs, steps = SIZES[profile]
    return {
        "robust training": Work(partial(train, epochs), resumes=True),
        "PGD attack, float32": Work(partial(attack, steps), resumes=False),
    }


def train(epochs: int, checkpoint: Path) -> Outcome:
    """Train on few attacked digits; outputs are the logits of the test images."""
    smoke = PROFILES["smoke"].robust
    config = replace(smoke, epochs=epochs, batch_size=BATCH)
    network = training.train(config, digits(), checkpoint)
    with torch.no_grad():
        logits = network(data.to_batch(digits().test_images))
    return Outcome(as_arrays(network.state_dict()), logits.numpy(), logits.argmax(dim=1).numpy())


def attack(steps: int, checkpoint: Path) -> Outcome:
    """Attack the natural network; labels are what it reads. There is nothing to keep on the way."""
    place = best_device()
    network = models.load(checkpoints.shipped_path("natural")).to(place)
    images = data.to_batch(digits().test_images[:ATTACKED]).to(place)
    truth = torch.from_numpy(digits().test_labels[:ATTACKED]).to(place)
    random = torch.Generator().manual_seed(SEED)
    step = 2.5 * EPSILON / steps
    found = attacks.pgd(
        network, images, truth, EPSILON, steps=steps, step_size=step, generator=random
    )
    return Outcome({}, found.cpu().numpy(), predict(network, found).cpu().numpy())


@lru_cache(maxsize=1)
def digits() -> Digits:
    """Return the first few digits."""
    every = data.load("mnist_small")
    return replace(
        every,
        train_images=every.train_images[:TRAINED],
        train_labels=every.train_labels[:TRAINED],
        test_images=every.test_images[:TESTED],
        test_labels=every.test_labels[:TESTED],
    )
