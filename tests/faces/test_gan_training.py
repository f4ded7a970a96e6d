"""Training DE-GAN: equations 1 and 2 by hand, its schedule, and what comes of it."""

import math
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from lib.faces import gan_training
from lib.faces.data.corpus import Faces
from lib.faces.de_gan import NOISE, Judgement, ModelConfig
from lib.faces.gan_training import GANConfig, Labels, Trainer

SIDE, SOURCE = 32, 36  # source_side(32)
FORM = ModelConfig(identities=4, expressions=2, side=SIDE, width=0.125)
SHORT = GANConfig(
    steps=6,
    intervals=3,
    batch=8,
    learning_rate=2e-3,
    generator_rate=2,
    augmentation="flips",
    warm_up=1,
    own_identity=0.25,
    reconstruction=5.0,
)
COLOURS = np.array([[220, 40, 40], [40, 60, 220], [40, 200, 60], [230, 220, 60]])


def squares(people: int = 4, expressions: int = 2, frames: int = 3) -> Faces:
    """Return plain pictures, sorted by person: a colour is a person, a dark place an expression.

    Frames differ in brightness alone.
    """
    who, what, frame = np.indices((people, expressions, frames)).reshape(3, -1)
    images = np.broadcast_to(
        (COLOURS[who] - 4 * frame[:, None])[:, None, None], (len(who), SOURCE, SOURCE, 3)
    ).astype(np.uint8)
    for row, expression in enumerate(what):
        top = 7 + 12 * expression
        images[row, top : top + 10, 8:28] = 10
    sequences, names = np.arange(len(who)), ("high", "low", "none")[:expressions]
    return Faces("squares", "open", images, what, who, sequences, frame, names)


FACES = squares()


def trainer(seed: int = 0, faces: Faces = FACES, **changes: object) -> Trainer:
    return Trainer(FORM, replace(SHORT, **changes), faces, seed)  # type: ignore[arg-type]


def judgement(count: int, seed: int) -> Judgement:
    generator = torch.Generator().manual_seed(seed)
    return Judgement(
        3 * torch.randn(count, 6 + 1, generator=generator),
        3 * torch.randn(count, 5, generator=generator),
    )


def probability(logits: torch.Tensor, row: int, entry: int) -> float:
    """Return one entry of a softmax, written out."""
    values = [math.exp(value) for value in logits[row].tolist()]
    return values[entry] / math.fsum(values)


def snapshot(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def equal(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[n], right[n]) for n in left)


def moved(module: nn.Module, before: dict[str, torch.Tensor]) -> bool:
    """Return whether any weight (not: statistic) is another than before."""
    return any(not torch.equal(value, before[name]) for name, value in module.named_parameters())


def test_the_discriminators_loss_is_the_negative_of_eq_1() -> None:
    real, fake = judgement(4, 0), judgement(4, 1)
    labels = Labels(torch.tensor([0, 5, 2, 2]), torch.tensor([4, 0, 1, 3]))
    terms = [
        math.log(probability(real.expression, row, int(labels.expressions[row])))
        + math.log(probability(real.identity, row, int(labels.identities[row])))
        + math.log(probability(fake.expression, row, 6))  # N^e + 1, the last
        for row in range(4)
    ]
    found = float(gan_training.discriminator_loss(real, fake, labels))
    assert found == pytest.approx(-math.fsum(terms) / 4, rel=1e-5)


def test_the_generators_loss_is_the_negative_of_eq_2() -> None:
    fake = judgement(3, 2)
    wanted = Labels(torch.tensor([1, 5, 0]), torch.tensor([2, 2, 4]))
    terms = [
        math.log(probability(fake.expression, row, int(wanted.expressions[row])))
        + math.log(probability(fake.identity, row, int(wanted.identities[row])))
        for row in range(3)
    ]
    found = float(gan_training.generator_loss(fake, wanted))
    assert found == pytest.approx(-math.fsum(terms) / 3, rel=1e-5)


def test_accuracy_is_the_mean_of_three_and_a_real_face_must_beat_fake() -> None:
    hot = 9 * torch.eye(7)
    labels = Labels(torch.tensor([0, 1, 2, 3]), torch.tensor([0, 1, 2, 3]))
    real = Judgement(hot[[0, 1, 6, 6]], 9 * torch.eye(5)[[0, 1, 2, 0]])  # 2 and 3 of 4
    fake = Judgement(hot[[6, 0, 0, 0]], torch.zeros(4, 5))  # 1 of 4
    assert gan_training.accuracy(real, fake, labels) == pytest.approx((2 / 4 + 3 / 4 + 1 / 4) / 3)


def test_the_generators_gradient_is_that_of_eq_2_and_the_weighted_difference() -> None:
    one = trainer(own_identity=0.5)
    one.done, one.strength = 2, 1.0  # D has to wait
    networks = deepcopy(one.generator), deepcopy(one.discriminator)
    state = one.random.get_state()
    one.train_step()
    one.random.set_state(state)
    images, labels = one.batch()
    wanted, own = one.wanted(labels)
    noise = torch.rand(8, NOISE, generator=one.random) * 2 - 1
    fakes = networks[0](images, wanted.identities, noise)
    judged = networks[1](fakes)
    rows = torch.arange(8)
    likelihood = (
        judged.expression.log_softmax(1)[rows, labels.expressions]
        + judged.identity.log_softmax(1)[rows, wanted.identities]
    )
    difference = (fakes - images).abs().flatten(1).mean(1)[own].mean()
    (5.0 * difference - likelihood.mean()).backward()
    for (name, weight), expected in zip(
        one.generator.named_parameters(), networks[0].parameters(), strict=True
    ):
        torch.testing.assert_close(weight.grad, expected.grad, rtol=1e-3, atol=1e-6, msg=name)


def test_pictures_of_a_batch_show_what_their_labels_say() -> None:
    images, labels = trainer(batch=64, augmentation="all").batch()
    assert images.shape == (64, 3, SIDE, SIDE) and images.dtype == torch.float32
    colour = (images.amax(dim=(2, 3)) + 1) * 127.5  # dark squares and reflections are darker
    nearest = torch.cdist(colour, torch.from_numpy(COLOURS).float()).argmin(dim=1)
    assert torch.equal(nearest, labels.identities)
    upper, lower = images[:, :, :16].mean(dim=(1, 2, 3)), images[:, :, 16:].mean(dim=(1, 2, 3))
    assert torch.equal((upper > lower).long(), labels.expressions)
    assert set(labels.identities.tolist()) == {0, 1, 2, 3}
    assert gan_training.variants("flips").tolist() == [98, 99]  # the centre upright, and mirrored


def test_what_comes_back_is_the_running_mean_frozen_and_mean_losses() -> None:
    found = gan_training.train(FORM, replace(SHORT, average=0.9, warm_up=3), FACES, 0)
    one = trainer(average=0.9, warm_up=3)
    steps = [one.advance() for _ in range(SHORT.steps)]
    assert equal(snapshot(one.average), snapshot(found.generator))
    assert not equal(snapshot(one.generator), snapshot(found.generator))
    for name, values in found.history.items():
        parts = [[s[name] for s in steps[start : start + 2] if name in s] for start in (0, 2, 4)]
        expected = [np.mean(part) if part else math.nan for part in parts]
        np.testing.assert_allclose(values, expected, rtol=1e-12, err_msg=name)
    assert math.isnan(found.history["generator"][0])  # in the warm-up G says nothing
    for network in (found.generator, found.discriminator):
        assert not network.training
        assert not any(weight.requires_grad for weight in network.parameters())


def test_strength_is_a_running_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [0.2, 0.9, 1.0]
    given_values = iter(values)
    monkeypatch.setattr(gan_training, "accuracy", lambda *_: next(given_values))
    one = trainer(warm_up=0)
    for _ in values:
        one.advance()
    assert one.strength == pytest.approx(0.1 * (0.9**2 * 0.2 + 0.9 * 0.9 + 1.0))


def test_each_step_teaches_its_own_network_and_the_warm_up_d_alone() -> None:
    one = trainer()
    before = [snapshot(one.generator), snapshot(one.average), snapshot(one.discriminator)]
    assert one.advance().keys() == {"discriminator"}  # the warm-up
    assert equal(before[0], snapshot(one.generator)) and equal(before[1], snapshot(one.average))
    assert all(weight.grad is None for weight in one.generator.parameters())
    assert moved(one.discriminator, before[2])
    one.done, one.strength = 2, 1.0  # D has to wait
    before = [snapshot(one.generator), snapshot(one.discriminator)]
    assert one.train_step().keys() == {"generator", "reconstruction"}
    assert moved(one.generator, before[0]) and not moved(one.discriminator, before[1])


def test_exactly_the_share_keeps_its_identity_and_is_anybody() -> None:
    for share in (0.0, 0.3, 1.0):
        one = trainer(batch=10, own_identity=share)
        _, labels = one.batch()
        wanted, own = one.wanted(labels)
        assert int(own.sum()) == round(share * 10)
        assert torch.equal(wanted.identities[own], labels.identities[own])
        assert torch.equal(wanted.expressions, labels.expressions)
    zeros = torch.zeros(20_000, dtype=torch.int64)
    wanted, _ = trainer(own_identity=0.0).wanted(Labels(zeros, zeros))  # others: equally often
    counts = np.bincount(wanted.identities.numpy(), minlength=4)
    assert len(counts) == 4 and stats.chisquare(counts).pvalue > 1e-3


def test_the_discriminator_learns_always_or_in_every_fourth_step_once_strong() -> None:
    one = trainer(strong=0.9, generator_steps=4)
    for strength, expected in ((0.9, [True] * 5), (0.91, [True, False, False, False, True])):
        one.strength, found = strength, []
        for one.done in range(5):
            found.append(one.turn())
        assert found == expected
    one = trainer(warm_up=0, strong=-1.0, generator_steps=3)
    learned = ["discriminator" in one.advance() for _ in range(4)]
    assert learned == [True, False, False, True]


def test_the_mean_begins_plainly_with_the_generators_first_step_and_forgets() -> None:
    one = trainer(warm_up=1, average=0.7)
    one.advance()
    expected = torch.zeros_like(one.average.decoder.start.weight)
    for decay in (0, 1 / 2, 2 / 3, 0.7):  # three are averaged plainly
        one.advance()
        expected = decay * expected + (1 - decay) * one.generator.decoder.start.weight.detach()
    torch.testing.assert_close(one.average.decoder.start.weight.detach(), expected)


ALONE = FACES.take(np.flatnonzero(FACES.identities != 1))


@pytest.mark.parametrize(
    ("form", "config", "faces", "said"),
    [
        ({"side": 48}, {}, FACES, r"\(36, 36, 3\); networks for 48 pixels take \(56"),
        ({"identities": 5}, {}, FACES, "squares has 4 identities, the networks 5"),
        ({}, {}, ALONE, "only 3 of 4 identities have pictures"),  # all would be asked for
        ({}, {"intervals": 4}, FACES, "6 steps do not make 4 equal intervals"),
        ({}, {"warm_up": 6}, FACES, "the warm-up of 6 steps leaves none of 6"),
        ({}, {"augmentation": "some"}, FACES, "unknown augmentation 'some'; choose one of"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    form: dict[str, Any], config: dict[str, Any], faces: Faces, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        gan_training.train(replace(FORM, **form), replace(SHORT, **config), faces, 0)
