"""Training: it learns, it keeps its promises about the ball, and it can be interrupted."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from lib.adversarial import data, training
from lib.adversarial.data import Digits
from lib.adversarial.profiles import TrainingConfig
from lib.adversarial.training import Trainer
from lib.book import states

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


def stop_in(epoch: int) -> Callable[[int, float, nn.Module], None]:
    """Return a report that interrupts the training after this epoch, before it is stored."""

    def report(done: int, loss: float, network: nn.Module) -> None:
        if done == epoch:
            raise Interrupted

    return report


def weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return set(first) == set(second) and all(torch.equal(first[n], second[n]) for n in first)


@pytest.mark.parametrize("config", [NATURAL, ROBUST], ids=lambda config: config.name)
@pytest.mark.parametrize("bfloat16", [False, True], ids=["float32", "bfloat16"])
def test_an_interrupted_training_ends_at_the_same_bits(
    config: TrainingConfig, bfloat16: bool, few: Few, tmp_path: Path
) -> None:
    digits, config = few(64, 8), replace(config, bfloat16=bfloat16)
    whole = weights(training.train(config, digits))
    path = tmp_path / "new" / "state.training"
    with pytest.raises(Interrupted):
        training.train(config, digits, path, stop_in(2))  # epochs 0 and 1 are stored
    assert [file.name for file in path.parent.iterdir()] == ["state.training"]
    epochs: list[int] = []
    resumed = training.train(config, digits, path, lambda epoch, *_: epochs.append(epoch))
    assert epochs == [2, 3]
    assert equal(whole, weights(resumed))
    assert equal(whole, weights(training.train(config, digits, path)))  # nothing is left to do
    assert not equal(whole, weights(training.train(replace(config, seed=1), digits)))


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"epochs": 5}, {"epsilon": 0.2}, {"bfloat16": False}]
)
def test_a_checkpoint_of_another_configuration_is_refused_and_kept(
    change: dict, few: Few, tmp_path: Path
) -> None:
    path = tmp_path / "state.training"
    states.write(path, Trainer(ROBUST, few(8, 4)).state(), ROBUST)
    before = path.read_bytes()
    line = "state.training belongs to another configuration; move it away to start anew"
    with pytest.raises(ValueError, match=line):
        training.train(replace(ROBUST, **change), few(8, 4), path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("keep", [0, 100, 100_000])
def test_a_damaged_checkpoint_is_one_clear_line(keep: int, few: Few, tmp_path: Path) -> None:
    path = tmp_path / "state.training"
    states.write(path, Trainer(NATURAL, few(8, 4)).state(), NATURAL)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match="state.training") as raised:
        training.train(NATURAL, few(8, 4), path)
    assert "\n" not in str(raised.value)


def test_half_a_checkpoint_is_never_left_behind(
    few: Few, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.training"
    trainer = Trainer(NATURAL, few(8, 4))
    states.write(path, trainer.state(), NATURAL)
    before = path.read_bytes()

    def full(tensors: dict, target: Path, **keywords: object) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(states, "save_file", full)
    with pytest.raises(OSError):
        states.write(path, trainer.state(), NATURAL)
    assert path.read_bytes() == before


@pytest.mark.parametrize("bfloat16", [False, True], ids=["float32", "bfloat16"])
def test_perturbations_stay_within_epsilon_and_the_pixel_range(bfloat16: bool, few: Few) -> None:
    config = replace(ROBUST, bfloat16=bfloat16, ramp_epochs=1.0)
    trainer, half = Trainer(config, few(48, 4)), 5e-4  # float16 keeps three digits
    sizes = []
    for _ in range(config.epochs):
        trainer.train_epoch()
        kept = trainer.perturbations.float()
        sizes.append(float(kept.abs().max()))
        assert sizes[-1] <= 0.3 + half
        attacked = trainer.images + kept
        assert -half <= float(attacked.min()) and float(attacked.max()) <= 1 + half
    assert sizes[-1] > 0.29  # it does use the ball
    assert sizes[0] < 0.3 * (1 - 1 / 2) + half  # the first epoch ramps up: two batches, 0 and half


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
