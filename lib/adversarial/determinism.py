"""Part III in seconds: a network trained on attacked digits, and an attack on a shipped one."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch

from lib.adversarial import attacks, checkpoints, classifiers, data, training
from lib.adversarial.data import Digits
from lib.adversarial.evaluation import predict
from lib.adversarial.training import TrainingConfig
from lib.runs.determinism import Outcome, Work, as_arrays

TRAINED, TESTED, ATTACKED = 64, 200, 64  # images
BATCH = 32  # large enough for the fast way back to the image
EPSILON, STEPS = 0.12, 20  # of the attack, which then fools the network
TRAINING = TrainingConfig("robust", epochs=2, batch_size=BATCH, epsilon=0.3, attack_steps=2)


def works() -> dict[str, Work]:
    """Return what is done under each circumstance."""
    return {"robust training": train, "PGD attack": attack}


def train(checkpoint: Path) -> Outcome:
    """Train on few attacked digits; outputs are the logits of the test images."""
    network = training.train(TRAINING, digits(), checkpoint)
    with torch.no_grad():
        logits = network(data.to_batch(digits().test_images))
    return Outcome(as_arrays(network.state_dict()), logits.numpy(), logits.argmax(dim=1).numpy())


def attack(checkpoint: Path) -> Outcome:
    """Attack the natural network; labels are what it reads. There is nothing to keep on the way."""
    network = classifiers.load(checkpoints.shipped_path("natural"))
    images = data.to_batch(digits().test_images[:ATTACKED])
    truth = torch.from_numpy(digits().test_labels[:ATTACKED])
    random = torch.Generator().manual_seed(0)
    size = 2.5 * EPSILON / STEPS
    found = attacks.pgd(
        network, images, truth, EPSILON, steps=STEPS, step_size=size, generator=random
    )
    return Outcome({}, found.numpy(), predict(network, found).numpy())


@lru_cache(maxsize=1)
def digits() -> Digits:
    """Return the first digits of MNIST."""
    every = data.load("mnist")
    return replace(
        every,
        train_images=every.train_images[:TRAINED],
        train_labels=every.train_labels[:TRAINED],
        test_images=every.test_images[:TESTED],
        test_labels=every.test_labels[:TESTED],
    )
