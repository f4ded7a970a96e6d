"""Training: it learns, it keeps its promises about the ball, and it can be interrupted."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lib.adversarial import classifiers, data, training
from lib.adversarial.data import Digits
from lib.adversarial.training import Trainer, TrainingConfig
from lib.runs import device, states
from tests.damage import DAMAGES, Bits, stored

NATURAL = TrainingConfig("natural", epochs=4, batch_size=32)
ROBUST = TrainingConfig(
    "robust", epochs=4, batch_size=32, epsilon=0.3, attack_steps=2, restart_epochs=3
)
Few = Callable[[int, int], Digits]


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep off a GPU: its sums come out in no fixed order."""
    monkeypatch.setattr(training, "best_device", lambda: torch.device("cpu"))


class Interrupted(Exception):
    """Stands for Ctrl-C in the middle of a training."""


def counted_steps(monkeypatch: pytest.MonkeyPatch, stop_in: int | None = None) -> list[int]:
    """Return a list that fills with the epochs of the steps to come; stop in one of the steps."""
    taken: list[int] = []
    update = Trainer.update

    def counted(trainer: Trainer, images: Tensor, labels: Tensor) -> float:
        if len(taken) == stop_in:
            raise Interrupted
        taken.append(trainer.epoch)
        return update(trainer, images, labels)

    monkeypatch.setattr(Trainer, "update", counted)
    return taken


def weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return set(first) == set(second) and all(torch.equal(first[n], second[n]) for n in first)


class Small(nn.Module):
    """The network of the trainings with fewer channels: their states are written many times."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(8, 12, kernel_size=5, padding=2)
        self.dense = nn.Linear(12 * 7 * 7, 10)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        hidden = F.relu(F.max_pool2d(classifiers.convolve_image(self.conv1, images), 2))
        hidden = F.relu(F.max_pool2d(self.conv2(hidden), 2))
        return self.dense(hidden.flatten(1))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small networks be trained."""
    monkeypatch.setitem(classifiers.ARCHITECTURES, "madry", Small)


class Whole(NamedTuple):
    """A training that nothing interrupted: of which configuration, and what came of it."""

    config: TrainingConfig
    weights: dict[str, Tensor]
    losses: list[float]
    state: Bits  # the last one


def trained(
    config: TrainingConfig, digits: Digits, path: Path | None = None
) -> tuple[dict[str, Tensor], list[float]]:
    """Return the weights of a training and the losses by epoch."""
    losses: list[float] = []
    network = training.train(config, digits, path, lambda _, loss, __: losses.append(loss))
    return weights(network), losses


@pytest.fixture(params=[NATURAL, ROBUST], ids=lambda config: config.name)
def config(request: pytest.FixtureRequest) -> TrainingConfig:
    """Give both trainings with every switch turned that changes from step to step."""
    return replace(request.param, average_from=0.4, average_decay=0.9, ramp_epochs=1.0)


@pytest.fixture(params=[False, True], ids=["float32", "bfloat16"])
def half(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Let trainings run in float32, and in half precision where the processor has it."""
    if request.param and not device.half_precision(torch.device("cpu")):
        pytest.skip("this processor trains in float32 alone")
    for module in (training, device):
        monkeypatch.setattr(module, "half_precision", lambda device: request.param)
    return request.param


@pytest.fixture
def whole(half: bool, config: TrainingConfig, small: None, few: Few, tmp_path: Path) -> Whole:
    """Give a training in each precision; to be kept does not change it."""
    found, losses = trained(config, few(64, 8))
    path = tmp_path / "whole" / "state.training"
    again, repeated = trained(config, few(64, 8), path)
    assert equal(found, again) and losses == repeated and len(losses) == 4
    return Whole(config, found, losses, stored(path))


def test_a_training_interrupted_at_any_step_ends_at_the_same_bits(
    whole: Whole, few: Few, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits, path = few(64, 8), tmp_path / "new" / "state.training"
    for stops in ([3], [4], [7], [1, 2, 3, 1]):  # steps of this process; two make an epoch
        for stop in stops:
            with monkeypatch.context() as power:
                counted_steps(power, stop)
                with pytest.raises(Interrupted):
                    training.train(whole.config, digits, path)
        with monkeypatch.context() as patch:
            taken = counted_steps(patch)
            found, losses = trained(whole.config, digits, path)
        done = sum(stop // 2 for stop in stops)
        assert taken == [epoch for epoch in range(done, 4) for _ in range(2)]
        assert equal(whole.weights, found) and losses == whole.losses[done:]
        assert stored(path) == whole.state  # perturbations, optimiser and draws, too
        states.remove(path)


@pytest.mark.parametrize("damage", ["cut in the data", "one bit flipped", "without metadata"])
def test_after_damage_a_training_goes_on_from_the_state_before(
    damage: str,
    small: None,
    few: Few,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    digits, path = few(64, 8), tmp_path / "state.training"
    whole, _ = trained(ROBUST, digits, path)
    last = stored(path)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    taken = counted_steps(monkeypatch)
    resumed, _ = trained(ROBUST, digits, path)
    assert "state.training is damaged" in capsys.readouterr().err
    assert taken == [3, 3]
    assert equal(whole, resumed) and stored(path) == last


def test_a_finished_training_is_read_not_repeated(
    small: None, few: Few, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits, path = few(64, 8), tmp_path / "state.training"
    whole, _ = trained(ROBUST, digits, path)
    taken = counted_steps(monkeypatch)
    again, losses = trained(ROBUST, digits, path)
    assert taken == losses == [] and equal(whole, again)
    assert not equal(whole, trained(replace(ROBUST, seed=1), digits)[0])


@pytest.mark.parametrize("change", [{"seed": 1}, {"epochs": 5}, {"epsilon": 0.2}])
def test_a_checkpoint_of_another_configuration_is_refused_and_kept(
    change: dict, small: None, few: Few, tmp_path: Path
) -> None:
    path = tmp_path / "state.training"
    training.train(replace(ROBUST, epochs=1), few(8, 4), path)
    before = path.read_bytes()
    line = "state.training belongs to another configuration; move it away to start anew"
    with pytest.raises(ValueError, match=line):
        training.train(replace(ROBUST, **{"epochs": 1, **change}), few(8, 4), path)
    assert path.read_bytes() == before


def test_a_checkpoint_of_other_digits_is_refused(small: None, few: Few, tmp_path: Path) -> None:
    path = tmp_path / "state.training"
    training.train(replace(NATURAL, epochs=1), few(8, 4), path)
    with pytest.raises(ValueError, match="belongs to another configuration"):
        training.train(replace(NATURAL, epochs=1), few(9, 4), path)


def test_perturbations_stay_within_epsilon_and_the_pixel_range(half: bool, few: Few) -> None:
    config = replace(ROBUST, ramp_epochs=1.0)
    trainer, rounding = Trainer(config, few(48, 4)), 5e-4  # float16 keeps three digits
    sizes = []
    for _ in range(config.epochs):
        trainer.train_epoch()
        kept = trainer.perturbations.float()
        sizes.append(float(kept.abs().max()))
        assert sizes[-1] <= 0.3 + rounding
        attacked = trainer.images + kept
        assert -rounding <= float(attacked.min()) and float(attacked.max()) <= 1 + rounding
    assert sizes[-1] > 0.29  # it does use the ball
    assert sizes[0] < 0.3 * (1 - 1 / 2) + rounding  # a ramp: two batches, 0 and half


def test_natural_training_attacks_nothing(few: Few, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **keywords: object) -> None:
        raise AssertionError("an attack in natural training")

    monkeypatch.setattr(training.attacks, "pgd", refuse)
    trainer = Trainer(NATURAL, few(32, 4))
    trainer.train_epoch()
    assert not bool(trainer.perturbations.any())


def test_one_cycle_rises_for_a_tenth_and_falls_to_nearly_zero(few: Few) -> None:
    trainer = Trainer(replace(NATURAL, epochs=20), few(320, 4))
    rates = []
    for trainer.epoch in range(20):
        rates += [
            trainer.learning_rate(trainer.progress(step)) for step in range(trainer.steps_per_epoch)
        ]
    peak = rates.index(max(rates))
    assert len(rates) == 200 and peak == 20
    assert rates[0] == 0 and max(rates) == pytest.approx(1e-3)
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert 0 < rates[-1] < 1e-6


def test_without_one_cycle_the_learning_rate_is_constant(few: Few) -> None:
    trainer = Trainer(replace(NATURAL, one_cycle=False, learning_rate=1e-4), few(8, 4))
    assert {trainer.learning_rate(progress) for progress in (0.0, 0.05, 0.5, 1.0)} == {1e-4}


def test_the_average_copies_the_weights_first_and_then_trails_them(few: Few) -> None:
    config = replace(NATURAL, epochs=2, average_from=0.5, average_decay=0.9)
    trainer = Trainer(config, few(64, 4))
    trainer.train_epoch()
    assert equal(weights(trainer.average), weights(trainer.model))
    before = weights(trainer.average)
    with torch.no_grad():
        for parameter in trainer.model.parameters():
            parameter.add_(1.0)
    trainer.update_average(0.75)
    for name, value in trainer.average.state_dict().items():
        assert torch.allclose(value, before[name] + 0.1, atol=1e-6), name


@pytest.mark.parametrize("epsilon", [0.0, 0.1])
def test_the_loss_falls_and_the_network_reads(epsilon: float, few: Few) -> None:
    losses: list[float] = []
    digits = few(300, 100)
    config = TrainingConfig("natural", epochs=4, batch_size=32, epsilon=epsilon, attack_steps=1)
    network = training.train(config, digits, report=lambda _, loss, __: losses.append(loss))
    assert len(losses) == 4
    assert losses[-1] < 0.6 * losses[0]
    test = data.to_batch(digits.test_images), torch.from_numpy(digits.test_labels)
    assert training.accuracy(network, *test) > 0.6
    assert not network.training
    assert {value.dtype for value in network.parameters()} == {torch.float32}
    assert not any(value.requires_grad for value in network.parameters())


@pytest.mark.parametrize("images", [7, 1234])
def test_accuracy_is_the_share_that_is_right(images: int) -> None:
    class Bright(nn.Module):
        """Says 3 where the first pixel is lit, else 5."""

        def forward(self, images: Tensor) -> Tensor:
            lit = images[:, 0, 0, 0] > 0
            return torch.eye(10)[torch.where(lit, 3, 5)]

    batch = torch.zeros(images, 1, 28, 28)
    batch[::3, 0, 0, 0] = 1.0
    labels = torch.full((images,), 3)
    lit = (images + 2) // 3
    assert training.count_correct(Bright(), batch, labels) == (lit, images)
    assert training.accuracy(Bright(), batch, labels) == lit / images
