"""What trainings cost: every count against a closed form, and against a real training step."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lib.faces.classifier import Classifier
from lib.faces.data.corpus import Faces
from lib.faces.de_gan import Discriminator, Generator, ModelConfig, Trunk
from lib.faces.gan_training import GANConfig, Trainer
from lib.faces.recognition import Recogniser
from lib.faces.runs import arithmetic
from lib.faces.runs.arithmetic import PRETRAINING

CHANNELS = (3, 32, 64, 64, 64, 128, 128, 96, 192, 192, 128, 256, 256, 160)  # as published
SIDES = (96, 96, 48, 48, 48, 24, 24, 24, 12, 12, 12, 6, 6, 6)  # of each convolution's result
FIRST = 9 * 3 * 32 * 96**2  # the first convolution's
TINY = ModelConfig(identities=4, expressions=2, side=32, width=0.125)


def trunk(features: int) -> int:
    pairs = pairwise((*CHANNELS, features))
    return sum(9 * a * b * side**2 for (a, b), side in zip(pairs, SIDES, strict=True))


def decoder(identities: int) -> int:
    channels = (320, *CHANNELS[:0:-1])
    start = (350 + identities + 50) * 320 * 6**2
    total, side = start, 6
    for place, (a, b) in enumerate(pairwise(channels)):
        doubling = place in (2, 5, 8, 11)
        total += (16 if doubling else 9) * a * b * side**2  # transposed: on the smaller side
        side *= 2 if doubling else 1
    return total + 9 * 32 * 3 * side**2


def test_one_picture_costs_what_its_layers_do() -> None:
    each_network = arithmetic.passes(PRETRAINING)
    assert each_network.encoder == trunk(350)
    assert each_network.discriminator == trunk(320) + 320 * (7 + 101)
    assert each_network.decoder == decoder(101)
    for each in each_network:
        assert each == pytest.approx(1e9, rel=0.15)  # about 1 GMAC each


def test_a_step_of_d_judges_twice_and_goes_back() -> None:
    forward = trunk(320) + 320 * (7 + 101)
    training = 3 * forward - FIRST  # a gradient for weights, one for inputs but the picture's
    assert arithmetic.warm_up_step(PRETRAINING) == training
    unasked = 2 * 320 * 101  # the gradient of whom a fake shows
    assert arithmetic.discriminator_step(PRETRAINING) == 2 * training - unasked


def test_a_step_of_g_goes_back_through_a_discriminator_that_is_frozen() -> None:
    generator = 3 * trunk(350) - FIRST + 3 * decoder(101)
    frozen = 2 * (trunk(320) + 320 * (7 + 101))
    assert arithmetic.generator_step(PRETRAINING) == generator + frozen


def test_both_steps_are_what_a_real_training_computes() -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 36, 36, 3)).astype(np.uint8)
    rows = np.arange(8)
    faces = Faces("noise", "open", images, rows % 2, rows // 2, rows, 0 * rows, ("a", "b"))
    config = GANConfig(steps=3, batch=6, warm_up=1, own_identity=0.5, reconstruction=5.0)
    trainer = Trainer(TINY, config, faces, seed=0)
    with FlopCounterMode(display=False) as warm_up:
        trainer.advance()
    with FlopCounterMode(display=False) as counter:
        trainer.advance()
    real = arithmetic.warm_up_step(TINY)
    both = arithmetic.discriminator_step(TINY) + arithmetic.generator_step(TINY)
    assert warm_up.get_total_flops() == 2 * 6 * real
    assert counter.get_total_flops() == 2 * 6 * both
    expected = 2 * 6 * (real + 2 * both) / 1e12
    assert arithmetic.gan_tflop(TINY, config) == pytest.approx(expected, rel=1e-12)


def test_the_second_stage_goes_forward_through_the_encoder_and_back_through_the_rest() -> None:
    recogniser = Recogniser(Trunk(PRETRAINING, 350), PRETRAINING, 7)
    training, forward = trunk(350), trunk(350)
    for channels, side in ((128, 48), (192, 24), (256, 12), (350, 6)):
        first, second = 9 * channels * 64 * side**2, 9 * 64 * 64 * side**2
        after = 64 * 9 * 128 + 128 * 7
        forward += first + second + after
        training += 2 * first + 3 * (second + after)  # the maps need no gradient
    joint = (4 * 128 + 350) * 7
    assert arithmetic.macs(recogniser, 96) == forward + joint
    assert arithmetic.training_macs(recogniser, 96) == training + 3 * joint


def test_a_classifier_costs_three_times_forward_but_for_the_pictures_gradient() -> None:
    network = Classifier(PRETRAINING, 7)
    expected = 3 * (trunk(350) + 350 * 7) - FIRST
    assert arithmetic.training_macs(network, 96) == expected


def test_hours_at_a_rate() -> None:
    assert arithmetic.hours(7200.0, 2.0) == 1.0
    for rate in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="TFLOP a second; give one above 0"):
            arithmetic.hours(1.0, rate)


def test_counting_leaves_a_network_and_the_random_numbers_alone() -> None:
    network = Discriminator(TINY).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = torch.random.get_rng_state()
    arithmetic.macs(network, 32)
    arithmetic.training_macs(network, 32)
    arithmetic.generator_step(TINY)
    assert torch.equal(state, torch.random.get_rng_state())
    assert not network.training
    assert all(weight.grad is None and weight.is_cpu for weight in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_frozen_layers_cost_no_gradient() -> None:
    network = nn.Sequential(nn.Conv2d(3, 5, 1), nn.Flatten(), nn.Linear(5 * 16, 2))
    network[0].requires_grad_(False)
    convolution, linear = 3 * 5 * 16, 80 * 2
    assert arithmetic.macs(network, 4) == convolution + linear
    assert arithmetic.training_macs(network, 4) == convolution + 2 * linear


def test_a_generator_is_its_two_halves() -> None:
    halves = arithmetic.passes(TINY)
    images, noise = torch.zeros(3, 3, 32, 32), torch.zeros(3, 50)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        Generator(TINY)(images, torch.zeros(3, dtype=torch.int64), noise)
    assert counter.get_total_flops() == 2 * 3 * (halves.encoder + halves.decoder)


def test_the_cost_falls_with_width_and_side() -> None:
    full = arithmetic.passes(PRETRAINING)
    half = arithmetic.passes(replace(PRETRAINING, width=0.5))
    small = arithmetic.passes(replace(PRETRAINING, side=48))
    assert 3.4 < full.encoder / half.encoder < 4
    assert full.encoder == 4 * small.encoder
