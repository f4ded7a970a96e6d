"""Training: it learns, and it keeps its promises about the ball."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from lib.adversarial import classifiers, data, training
from lib.adversarial.data import Digits
from lib.adversarial.training import Trainer, TrainingConfig
from lib.runs import device

NATURAL = TrainingConfig("natural", epochs=4, batch_size=32)
ROBUST = replace(NATURAL, epsilon=0.3, attack_steps=2, restart_epochs=3, ramp_epochs=1.0)
Few = Callable[[int, int], Digits]


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep off a GPU: its sums come out in no fixed order."""
    monkeypatch.setattr(training, "best_device", lambda: torch.device("cpu"))


@pytest.mark.parametrize("half", [False, True], ids=["float32", "bfloat16"])
def test_perturbations_stay_within_epsilon_and_the_pixel_range(
    half: bool, few: Few, monkeypatch: pytest.MonkeyPatch
) -> None:
    if half and not device.half_precision(torch.device("cpu")):
        pytest.skip("this processor trains in float32 alone")
    for module in (training, device):
        monkeypatch.setattr(module, "half_precision", lambda device: half)
    trainer, rounding = Trainer(ROBUST, few(48, 4)), 5e-4  # float16 keeps three digits
    sizes = []
    for _ in range(ROBUST.epochs):
        trainer.advance()
        kept = trainer.perturbations.float()
        sizes.append(float(kept.abs().max()))
        assert sizes[-1] <= 0.3 + rounding
        attacked = trainer.images + kept
        assert -rounding <= float(attacked.min()) and float(attacked.max()) <= 1 + rounding
    assert sizes[-1] > 0.29  # it does use the ball
    assert sizes[0] < 0.3 * (1 - 1 / 2) + rounding  # a ramp: two batches, 0 and half


def test_the_learning_rate_rises_for_a_tenth_and_falls_to_nearly_zero(few: Few) -> None:
    trainer = Trainer(replace(NATURAL, epochs=20), few(320, 4))
    rates = []
    for trainer.done in range(20):
        steps = range(trainer.steps_per_epoch)
        rates += [trainer.learning_rate(trainer.progress(step)) for step in steps]
    peak = rates.index(max(rates))
    assert len(rates) == 200 and peak == 20
    assert rates[0] == 0 and max(rates) == pytest.approx(1e-3)
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert 0 < rates[-1] < 1e-6
    constant = Trainer(replace(NATURAL, one_cycle=False, learning_rate=1e-4), few(8, 4))
    assert {constant.learning_rate(progress) for progress in (0.0, 0.5, 1.0)} == {1e-4}


def test_the_average_copies_the_weights_first_and_then_trails_them(few: Few) -> None:
    config = replace(NATURAL, epochs=2, average_from=0.5, average_decay=0.9)
    trainer = Trainer(config, few(64, 4))
    trainer.advance()
    assert not bool(trainer.perturbations.any())  # natural training attacks nothing
    before = {name: value.clone() for name, value in trainer.average.state_dict().items()}
    for name, value in trainer.model.state_dict().items():
        assert torch.equal(before[name], value), name
    with torch.no_grad():
        for parameter in trainer.model.parameters():
            parameter.add_(1.0)
    trainer.update_average(0.75)
    for name, value in trainer.average.state_dict().items():
        assert torch.allclose(value, before[name] + 0.1, atol=1e-6), name


def test_the_loss_falls_and_the_network_reads(few: Few) -> None:
    digits = few(300, 100)
    trainer = Trainer(replace(NATURAL, epsilon=0.1, attack_steps=1), digits)
    trainer.run(None, "")
    network, losses = classifiers.frozen(trainer.average), trainer.history["loss"]
    assert len(losses) == 4
    assert losses[-1] < 0.6 * losses[0]
    test = data.to_batch(digits.test_images), torch.from_numpy(digits.test_labels)
    assert training.accuracy(network, *test) > 0.6
