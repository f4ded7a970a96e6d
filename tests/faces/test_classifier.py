"""Plain classifiers: they learn what can be learned, frozen layers stay, batches do not matter."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lib.faces import classifier
from lib.faces.classifier import Classifier, ClassifierConfig
from tests.faces.made_up import SIDE, SIZE, coloured, small

FORM = small(1, 3)
SHORT = ClassifierConfig(steps=3, batch=4, learning_rate=2e-3)


FACES = coloured(people=2)
IMAGES, TARGETS = FACES.images, FACES.expressions


def fitted(seed: int = 0, config: ClassifierConfig = SHORT) -> tuple[Classifier, list[float]]:
    network = Classifier(FORM, 3)
    return network, classifier.fit(network, F.cross_entropy, IMAGES, TARGETS, config, seed)


def test_a_classifier_is_the_encoder_and_a_linear_layer() -> None:
    images = torch.rand(2, 3, SIDE, SIDE)
    small = Classifier(FORM, 3).eval()
    with torch.no_grad():
        expected = small.trunk(images) @ small.head.weight.T + small.head.bias
        torch.testing.assert_close(small(images), expected)


def test_what_can_be_told_apart_is_learned_and_holds_for_new_pictures() -> None:
    config = replace(SHORT, steps=80, batch=8, learning_rate=3e-4)
    network, losses = fitted(config=config)
    assert len(losses) == 80
    assert losses[0] == pytest.approx(math.log(3), abs=0.3)  # as good as a guess
    assert np.median(losses[-10:]) < losses[0] / 4
    others = coloured(people=5, seed=1)
    read = classifier.predict(network, others.images).argmax(1)
    assert read.tolist() == others.expressions.tolist()


def test_the_first_loss_is_that_of_the_initial_weights() -> None:
    """With one picture whose variants are all alike, the first step can be repeated by hand."""
    grey = np.full((1, SIZE, SIZE, 3), 200, np.uint8)
    network = Classifier(FORM, 3)
    losses = classifier.fit(
        network, F.cross_entropy, grey, np.array([2]), replace(SHORT, steps=1), 7
    )
    expected = Classifier(FORM, 3)
    classifier.initialise(expected, torch.Generator().manual_seed(7))
    logits = expected.train()(torch.full((4, 3, SIDE, SIDE), 200 / 127.5 - 1))
    likelihood = logits.log_softmax(1)[:, 2].mean()
    assert losses == [pytest.approx(-float(likelihood.detach()), rel=1e-4)]
    (slope,) = torch.autograd.grad(-likelihood, [expected.head.weight])
    moved = network.head.weight - expected.head.weight  # by the rate, whatever the slope
    torch.testing.assert_close(moved, -2e-3 * slope.sign(), rtol=1e-3, atol=1e-6)


def test_predictions_are_those_of_single_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "PREDICTED", 4)  # several batches, the last one not full
    network, _ = fitted()
    assert not any(module.training for module in network.modules())
    images = coloured(people=3, frames=1, seed=2).images
    found = classifier.predict(network, images)
    assert found.dtype == torch.float32 and found.shape == (9, 3) and not found.requires_grad
    for image, row in zip(images, found, strict=True):
        crop = torch.from_numpy(image[2:-2, 2:-2].transpose(2, 0, 1).copy()) / 127.5 - 1
        with torch.no_grad():
            torch.testing.assert_close(network(crop[None])[0], row, rtol=1e-4, atol=1e-5)
    assert classifier.predict(network, images[:0]).shape == (0, 3)


def test_each_image_needs_a_target() -> None:
    with pytest.raises(ValueError, match="12 images, 11 targets"):
        classifier.fit(Classifier(FORM, 3), F.cross_entropy, IMAGES, TARGETS[:11], SHORT, 0)
