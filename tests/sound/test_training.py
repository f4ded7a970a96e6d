"""The mean teacher: its loss and schedules in closed form, its batches, and that it learns."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from lib.sound import mean_teacher
from lib.sound.crnn import ModelConfig, Probabilities
from lib.sound.mean_teacher import Shuffled, Trainer, TrainingConfig, TrainingSet
from lib.sound.runs.profiles import PROFILES

PAPER = PROFILES["paper"].training
SHORT = TrainingConfig(epochs=3, steps_per_epoch=2, weak_batch=3, unlabelled_batch=2, ramp_steps=3)
FORM = ModelConfig(
    ("spectral", "audio"), audio_features=6, visual_features=5, width=0.125, mel_bands=16
)


def some(clips: int, seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "spectral": torch.randn(clips, 604, 16, generator=generator).half(),
        "audio": torch.randn(clips, 151, 6, generator=generator).half(),
    }


@pytest.fixture(scope="module")
def clips() -> TrainingSet:
    targets = (torch.arange(50).reshape(5, 10) % 3 == 0).float()
    return TrainingSet(some(5, 0), targets, some(4, 1))


def test_the_loss_is_that_of_section_2_3() -> None:
    generator = np.random.default_rng(0)
    student, teacher = (
        Probabilities(
            torch.from_numpy(generator.uniform(0.05, 0.95, (4, 7, 10))),
            torch.from_numpy(generator.uniform(0.05, 0.95, (4, 10))),
        )
        for _ in range(2)
    )
    targets = torch.from_numpy(generator.integers(0, 2, (2, 10)).astype(float))
    found = mean_teacher.losses(student, teacher, targets)
    p, y = student.clip[:2].numpy(), targets.numpy()
    assert float(found.classification) == pytest.approx(
        -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    )
    for term, name in ((found.clip_consistency, "clip"), (found.frame_consistency, "frame")):
        difference = getattr(student, name).numpy() - getattr(teacher, name).numpy()
        assert float(term) == pytest.approx(np.mean(difference**2))


def test_the_learning_rate_rises_for_12500_steps_and_then_decays_and_that_of_quick_alike() -> None:
    assert mean_teacher.learning_rate(PAPER, 0) == pytest.approx(1e-3 * math.exp(-5))
    assert mean_teacher.learning_rate(PAPER, 6250) == pytest.approx(1e-3 * math.exp(-1.25))
    assert mean_teacher.learning_rate(PAPER, 12_500) == 1e-3
    assert mean_teacher.learning_rate(PAPER, 12_501) == pytest.approx(1e-3 * 0.99995)
    assert mean_teacher.learning_rate(PAPER, 50_000) == pytest.approx(1.534e-4, rel=1e-3)
    rates = [mean_teacher.learning_rate(PAPER, step) for step in range(0, 12_501, 100)]
    assert rates == sorted(rates)
    quick = PROFILES["quick"].training
    steps = quick.epochs * quick.steps_per_epoch
    assert quick.ramp_steps / steps == PAPER.ramp_steps / 50_000
    assert mean_teacher.learning_rate(quick, steps) == pytest.approx(1.534e-4, rel=1e-3)


def test_consistency_is_ramped_or_the_papers_two_from_the_first_step() -> None:
    assert mean_teacher.consistency_weight(PAPER, 0) == pytest.approx(2 * math.exp(-5))
    assert mean_teacher.consistency_weight(PAPER, 20_000) == 2
    assert mean_teacher.consistency_weight(replace(PAPER, consistency_ramp=False), 0) == 2


def test_the_teacher_is_the_plain_mean_of_few_students_and_forgets_the_first_of_many() -> None:
    """That it follows is held in tests/runs/test_trainers.py."""
    decays = [mean_teacher.teacher_decay(PAPER, step) for step in range(4)]
    assert decays == pytest.approx([0, 1 / 2, 2 / 3, 3 / 4])
    assert mean_teacher.teacher_decay(PAPER, 10_000) == 0.999


def test_every_clip_comes_once_before_any_comes_twice() -> None:
    stream = Shuffled(7, torch.Generator().manual_seed(0))
    taken = torch.cat([stream.take(4) for _ in range(7)]).reshape(4, 7)
    assert [sorted(row.tolist()) for row in taken] == [list(range(7))] * 4
    assert len({tuple(row.tolist()) for row in taken}) > 1


def test_a_batch_holds_weak_clips_first(clips: TrainingSet) -> None:
    trainer = Trainer(FORM, SHORT, clips, seed=0)
    features, targets = trainer.batch()
    assert features["spectral"].shape == (5, 604, 16)
    assert features["audio"].dtype == torch.float32
    places = [
        int((clips.weak["audio"].float() == row).flatten(1).all(1).nonzero())
        for row in features["audio"][:3]
    ]
    assert torch.equal(targets, clips.targets[places])


def test_training_learns_what_can_be_learned() -> None:
    targets = (torch.arange(120).reshape(12, 10) % 4 == 0).float()
    weak = {"audio": targets[:, None, :].repeat(1, 12, 1) - 0.25}
    form = ModelConfig(("audio",), audio_features=10, width=0.125)
    config = replace(SHORT, epochs=10, weak_batch=12, learning_rate=3e-2)
    model, _ = mean_teacher.train(form, config, TrainingSet(weak, targets, weak), seed=0)
    found = mean_teacher.predict(model, weak, batch_size=5)
    assert found.frame.shape == (12, 12, 10)
    assert torch.equal(found.clip > 0.5, targets > 0.5)


def test_an_evaluated_teacher_has_neither_dropout_nor_batch_statistics(clips: TrainingSet) -> None:
    trainer = Trainer(FORM, replace(SHORT, teacher_mode="eval"), clips, seed=0)
    features, _ = trainer.batch()
    with torch.no_grad():
        first, second = trainer.teacher(features), trainer.teacher(features)
    assert torch.equal(first.frame, second.frame)
    trainer = Trainer(FORM, SHORT, clips, seed=0)
    with torch.no_grad():
        first, second = trainer.teacher(features), trainer.teacher(features)
    assert not torch.equal(first.frame, second.frame)
