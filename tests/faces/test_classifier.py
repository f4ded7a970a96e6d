"""Plain classifiers: they learn what can be learned, frozen layers stay, batches do not matter."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lib.faces import classifier
from lib.faces.classifier import Classifier, ClassifierConfig, Trainer
from lib.faces.de_gan import CODE, ModelConfig, Trunk, count_parameters
from lib.faces.recognition import Recogniser, total_loss
from lib.runs import states
from tests.damage import DAMAGES, Bits, stored

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


def test_the_same_seed_gives_the_same_bits_another_one_others() -> None:
    torch.manual_seed(1)
    network, losses = fitted(0)
    torch.manual_seed(2)  # the global generator plays no part
    again, repeated = fitted(0)
    other, different = fitted(1)
    assert equal(state(network), state(again)) and losses == repeated
    assert not equal(state(network), state(other)) and losses != different


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


def test_a_loss_that_is_no_number_stops_with_its_step() -> None:
    calls: list[int] = []

    def loss(output: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return output.sum() * (math.nan if len(calls) == 2 else 1.0)

    with pytest.raises(FloatingPointError, match="step 2: the loss is nan; lower the learning"):
        classifier.fit(Classifier(FORM, 3), loss, IMAGES, TARGETS, SHORT, 0)


# --- interrupted

LONGER = replace(SHORT, steps=7, falling=0.5)


class Stopped(Exception):
    """The power went."""


def plain(config: ClassifierConfig, path: Path | None = None) -> tuple[nn.Module, list[float]]:
    """Return a classifier after its training, and the losses."""
    network = Classifier(FORM, 3)
    return network, classifier.fit(network, F.cross_entropy, IMAGES, TARGETS, config, 0, path)


def reader(config: ClassifierConfig, path: Path | None = None) -> tuple[nn.Module, list[float]]:
    """Return a recogniser on a frozen encoder after its training, and the losses."""
    encoder = Trunk(FORM, CODE)
    classifier.initialise(encoder, torch.Generator().manual_seed(9))
    network = Recogniser(encoder, FORM, 3)
    return network, classifier.fit(network, total_loss, IMAGES, TARGETS, config, 0, path)


class Whole(NamedTuple):
    """A training that nothing interrupted: which one, and what came of it."""

    train: Callable[..., tuple[nn.Module, list[float]]]
    config: ClassifierConfig
    weights: dict[str, torch.Tensor]
    losses: list[float]
    state: Bits  # the last one


@pytest.fixture
def two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let states be written after every second step."""
    monkeypatch.setattr(classifier, "CHECKPOINT_STEPS", 2)


@pytest.fixture(params=[plain, reader], ids=["a classifier", "a recogniser"])
def whole(request: pytest.FixtureRequest, two_steps: None, tmp_path: Path) -> Whole:
    """Give a training of each kind; to be kept does not change it."""
    path = tmp_path / "whole" / "state.training"
    network, losses = request.param(LONGER)
    again, repeated = request.param(LONGER, path)
    assert equal(state(network), state(again)) and losses == repeated and len(losses) == 7
    return Whole(request.param, LONGER, state(network), losses, stored(path))


def counted_steps(monkeypatch: pytest.MonkeyPatch, stop_before: int = -1) -> list[int]:
    """Return a list that fills with the steps of trainings to come; stop before one of them."""
    taken: list[int] = []
    advance = Trainer.advance

    def counted(one: Trainer) -> None:
        if len(one.history) == stop_before:
            raise Stopped
        taken.append(len(one.history))
        advance(one)

    monkeypatch.setattr(Trainer, "advance", counted)
    return taken


def test_a_training_interrupted_at_any_step_ends_at_the_same_bits(
    whole: Whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.training"
    for stops in ([3], [4], [6], [1, 2, 3, 5]):
        for stop in stops:
            with monkeypatch.context() as power:
                counted_steps(power, stop)
                with pytest.raises(Stopped):
                    whole.train(whole.config, path)
        torch.manual_seed(2)  # the global generator plays no part
        with monkeypatch.context() as patch:
            taken = counted_steps(patch)
            resumed, losses = whole.train(whole.config, path)
        assert taken == list(range(stops[-1] // 2 * 2, 7))  # the steps before are not repeated
        assert equal(state(resumed), whole.weights) and losses == whole.losses
        assert stored(path) == whole.state  # optimiser and random draws, too
        assert not any(module.training for module in resumed.modules())
        states.remove(path)


@pytest.mark.parametrize("damage", DAMAGES)
def test_after_damage_a_training_goes_on_from_the_state_before(
    damage: str,
    two_steps: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "state.training"
    network, losses = plain(LONGER, path)
    last = stored(path)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    taken = counted_steps(monkeypatch)
    resumed, repeated = plain(LONGER, path)
    assert "state.training is damaged" in capsys.readouterr().err
    assert taken == [4, 5, 6]
    assert equal(state(network), state(resumed)) and losses == repeated
    assert stored(path) == last


def test_a_short_training_keeps_no_state(tmp_path: Path) -> None:
    plain(LONGER, tmp_path / "state.training")
    assert LONGER.steps < classifier.CHECKPOINT_STEPS
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_another_training_is_refused(two_steps: None, tmp_path: Path) -> None:
    path = tmp_path / "state.training"
    network, _ = plain(LONGER, path)
    others = [(network, IMAGES, LONGER, 1), (network, IMAGES[:9], LONGER, 0)]
    others += [(network, IMAGES, replace(LONGER, steps=9), 0)]
    others += [(Classifier(replace(FORM, width=0.25), 3), IMAGES, LONGER, 0)]
    for other, images, config, seed in others:
        targets = TARGETS[: len(images)]
        with pytest.raises(ValueError, match="belongs to another configuration; move it away"):
            classifier.fit(other, F.cross_entropy, images, targets, config, seed, path)


@pytest.mark.parametrize("count", [0, 11, 13])
def test_each_image_needs_a_target(count: int) -> None:
    targets = np.zeros(count, np.int64)
    with pytest.raises(ValueError, match=f"12 images, {count} targets; give one for each image"):
        classifier.fit(Classifier(FORM, 3), F.cross_entropy, IMAGES, targets, SHORT, 0)
    with pytest.raises(ValueError, match="0 images, 0 targets"):
        classifier.fit(Classifier(FORM, 3), F.cross_entropy, IMAGES[:0], TARGETS[:0], SHORT, 0)
