"""What trainings of section 4.1 cost: one real step on noise, counted by torch, times the steps."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from torch import nn
from torch.nn import functional as F

from lib.faces import augment, classifier, gan_training, recognition
from lib.faces.classifier import Classifier, ClassifierConfig
from lib.faces.data.corpus import Faces
from lib.faces.de_gan import ModelConfig, Trunk
from lib.faces.gan_training import GANConfig
from lib.faces.recognition import Recogniser
from lib.faces.runs import checkpoints
from lib.faces.runs.experiments import METHODS, TRAINED_ON
from lib.runs.workload import flop

COUNTED = 2  # pictures at a time: batch normalisation asks for more than one


def gan_flop(model: ModelConfig, config: GANConfig) -> float:
    """Return the FLOP of a training of DE-GAN in which D never waits, the most it can cost."""
    counted = replace(config, batch=COUNTED, warm_up=1)
    trainer = gan_training.Trainer(model, counted, _noise(model.side), seed=0)
    warm_up, both = flop(trainer.advance), flop(trainer.advance)
    steps = config.warm_up * warm_up + (config.steps - config.warm_up) * both
    return steps * config.batch / COUNTED


def fitting_flop(network: nn.Module, side: int, config: ClassifierConfig) -> float:
    """Return the FLOP of training a classifier, or a recogniser, on pictures of some side."""
    faces, counted = _noise(side), replace(config, batch=COUNTED)
    loss = recognition.total_loss if isinstance(network, Recogniser) else F.cross_entropy
    trainer = classifier.Trainer(network, loss, faces.images, faces.identities, counted, seed=0)
    return flop(trainer.advance) * config.steps * config.batch / COUNTED


def network_flop(run: Mapping[str, Any]) -> float:
    """Return the FLOP of training a network of `checkpoints`."""
    kind, form = run["kind"], ModelConfig(**run["model"])
    if kind in checkpoints.GENERATORS:
        return gan_flop(form, GANConfig(**run["training"]))
    network = Classifier(form, checkpoints.classes(kind, form))
    return fitting_flop(network, form.side, ClassifierConfig(**run["training"]))


def fold_flop(run: Mapping[str, Any]) -> float:
    """Return the FLOP of one run of `experiments`, DE-GAN's where it trains one."""
    shape, (_, parts) = run["shape"], METHODS[run["method"]]
    people = round(shape["people"] * (1 - 1 / run["folds"]))
    form = ModelConfig(people, len(shape["sequences"]), **run["model"])
    network: nn.Module = Classifier(form, form.expressions)
    if parts:
        network = Recogniser(Trunk(form, form.code), form, form.expressions, parts)
    count = fitting_flop(network, form.side, ClassifierConfig(**run["training"]))
    if run["method"] in TRAINED_ON:
        count += gan_flop(form, GANConfig(**run["fine_tuning"]))
    return count


def _noise(side: int) -> Faces:
    """Return faces without content, one for each of two people."""
    size, rows = augment.source_side(side), np.arange(COUNTED)
    images = np.random.default_rng(0).integers(0, 256, (COUNTED, size, size, 3), np.uint8)
    return Faces("noise", "open", images, 0 * rows, rows, rows, 0 * rows, ("any",))
