"""Plain classifiers: they learn what can be learned, frozen layers stay, batches do not matter."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lib.faces import classifier
from lib.faces.classifier import Classifier, ClassifierConfig
from lib.faces.de_gan import CODE, ModelConfig, Trunk, count_parameters
from lib.faces.recognition import Recogniser, total_loss

SIDE, SOURCE = 32, 36  # source_side(32)
FORM = ModelConfig(identities=1, expressions=3, side=SIDE, width=0.125)
SHORT = ClassifierConfig(steps=3, batch=4, learning_rate=2e-3)


def striped(count: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return noisy pictures of three classes, each brightest in another channel."""
    generator = np.random.default_rng(seed)
    targets = np.arange(count) % 3
    images = generator.integers(0, 120, (count, SOURCE, SOURCE, 3))
    images[np.arange(count), :, :, targets] += 100
    return images.astype(np.uint8), targets


IMAGES, TARGETS = striped()


def fitted(seed: int = 0, config: ClassifierConfig = SHORT) -> tuple[Classifier, list[float]]:
    network = Classifier(FORM, 3)
    return network, classifier.fit(network, F.cross_entropy, IMAGES, TARGETS, config, seed)


def state(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def equal(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[n], right[n]) for n in left)


def test_a_classifier_is_the_encoder_and_a_linear_layer() -> None:
    network = Classifier(ModelConfig(1, 6), 7)
    encoder = count_parameters([Trunk(ModelConfig(1, 6), CODE)])
    assert count_parameters([network]) == encoder + (350 + 1) * 7
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
    assert np.mean(losses[-5:]) < losses[0] / 4
    images, targets = striped(30, seed=1)
    assert classifier.predict(network, images).argmax(1).tolist() == targets.tolist()


def test_what_is_frozen_stays_to_the_bit() -> None:
    encoder = Trunk(FORM, CODE)
    network = Recogniser(encoder, FORM, 3)
    before, rest = state(encoder), state(network.local)
    classifier.fit(network, total_loss, IMAGES, TARGETS, SHORT, 0)
    assert equal(before, state(encoder))  # statistics, too
    assert not equal(rest, state(network.local))


def test_a_fitted_network_is_on_the_cpu_and_ready_for_evaluation() -> None:
    network, _ = fitted()
    assert not any(module.training for module in network.modules())
    assert all(weight.is_cpu for weight in network.parameters())


def test_the_first_loss_is_that_of_the_initial_weights() -> None:
    """With one picture whose variants are all alike, the first step can be repeated by hand."""
    grey = np.full((1, SOURCE, SOURCE, 3), 200, np.uint8)
    network = Classifier(FORM, 3)
    losses = classifier.fit(
        network, F.cross_entropy, grey, np.array([2]), replace(SHORT, steps=1), 7
    )
    expected = Classifier(FORM, 3)
    classifier.initialise(expected, torch.Generator().manual_seed(7))
    logits = expected.train()(torch.full((4, 3, SIDE, SIDE), 200 / 127.5 - 1))
    likelihood = logits.log_softmax(1)[:, 2].mean()
    assert losses == [pytest.approx(-float(likelihood.detach()), rel=1e-4)]
    for (name, weight), gradient in zip(
        expected.named_parameters(),
        torch.autograd.grad(-likelihood, list(expected.parameters())),
        strict=True,
    ):
        if name.startswith("head"):  # Adam's first step is the learning rate, whatever the slope
            moved = network.get_parameter(name) - weight
            torch.testing.assert_close(moved, -2e-3 * gradient.sign(), rtol=1e-3, atol=1e-6)


def test_predictions_are_those_of_single_pictures() -> None:
    network, _ = fitted()
    images, _ = striped(9, seed=2)
    found = classifier.predict(network, images)
    assert found.dtype == torch.float32 and not found.requires_grad
    for image, row in zip(images, found, strict=True):
        crop = torch.from_numpy(image[2:-2, 2:-2].transpose(2, 0, 1).copy()) / 127.5 - 1
        with torch.no_grad():
            torch.testing.assert_close(network(crop[None])[0], row, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch", [1, 4, 11])
def test_the_size_of_batches_does_not_matter(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network, _ = fitted()
    images, _ = striped(11, seed=3)
    whole = classifier.predict(network, images)
    sizes: list[int] = []

    def watched(pictures: torch.Tensor) -> torch.Tensor:
        sizes.append(len(pictures))
        return network(pictures)

    monkeypatch.setattr(classifier, "PREDICTED", batch)
    torch.testing.assert_close(classifier.predict(watched, images), whole, rtol=1e-4, atol=1e-5)
    assert sum(sizes) == 11 and max(sizes) == batch


def test_predictions_of_no_pictures_are_none() -> None:
    network, _ = fitted()
    assert classifier.predict(network, IMAGES[:0]).shape == (0, 3)


@pytest.mark.parametrize("count", [0, 11, 13])
def test_each_image_needs_a_target(count: int) -> None:
    targets = np.zeros(count, np.int64)
    with pytest.raises(ValueError, match=f"12 images, {count} targets; give one for each image"):
        classifier.fit(Classifier(FORM, 3), F.cross_entropy, IMAGES, targets, SHORT, 0)
    with pytest.raises(ValueError, match="0 images, 0 targets"):
        classifier.fit(Classifier(FORM, 3), F.cross_entropy, IMAGES[:0], TARGETS[:0], SHORT, 0)
