"""What trainings of section 4.1 cost, counted without computing them (see `workload.flop`).

A multiplication with an addition (MAC) is two floating-point operations (FLOP).
"""

import copy
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lib.faces.de_gan import NOISE, Decoder, Discriminator, ModelConfig, Trunk
from lib.faces.gan_training import GANConfig
from lib.runs.workload import flop

PRETRAINING = ModelConfig(identities=101, expressions=6)  # BU-4DFE
COUNTED = 2  # pictures at a time: batch normalisation asks for more than one


class Passes(NamedTuple):
    """MACs of one picture on its way through each network, forward only."""

    encoder: int
    decoder: int
    discriminator: int


def macs(network: nn.Module, side: int) -> int:
    """Return the MACs of one picture on its way through a network, forward only.

    Args:
        network: takes pictures (batch, 3, side, side); left as it is.
        side: of the pictures in pixels.
    """
    shadow = copy.deepcopy(network).to("meta")
    with torch.no_grad():
        return _count(lambda: shadow(_pictures(side)))


def training_macs(network: nn.Module, side: int) -> int:
    """Return the MACs per picture of a training step, forward and backward.

    What is frozen costs no gradient, and neither does the picture.

    Args:
        network: takes pictures (batch, 3, side, side) and returns logits, or tuples of them.
        side: of the pictures in pixels.
    """
    shadow = copy.deepcopy(network).to("meta").train()
    return _count(lambda: _sum(shadow(_pictures(side))).backward())


@cache
def passes(model: ModelConfig) -> Passes:
    """Return the MACs of one picture in encoder, decoder and discriminator."""
    with torch.device("meta"), torch.no_grad():
        encoder, decoder = Trunk(model, model.code), Decoder(model)
        decoding = _count(lambda: _decode(decoder, torch.empty(COUNTED, model.code)))
        discriminator = Discriminator(model)
    return Passes(macs(encoder, model.side), decoding, macs(discriminator, model.side))


@cache
def discriminator_step(model: ModelConfig) -> int:
    """Return the MACs per picture of a step of D (eq. 1): it judges a real one and a fake."""
    with torch.device("meta"):
        discriminator = Discriminator(model)

        def step() -> None:
            real, fake = (discriminator(_pictures(model.side)) for _ in range(2))
            # whom a fake shows does not enter eq. 1
            (_sum(real) + fake.expression.sum()).backward()

        return _count(step)


@cache
def warm_up_step(model: ModelConfig) -> int:
    """Return the MACs per picture of a step in which D learns from real ones alone."""
    with torch.device("meta"):
        return training_macs(Discriminator(model), model.side)


@cache
def generator_step(model: ModelConfig) -> int:
    """Return the MACs per picture of a step of G (eq. 2), whose gradient comes through D.

    D learns from the same fake: both steps together make it once.
    """
    with torch.device("meta"):
        encoder, decoder = Trunk(model, model.code), Decoder(model)
        discriminator = Discriminator(model).requires_grad_(False)

        def step() -> None:
            _sum(discriminator(_decode(decoder, encoder(_pictures(model.side))))).backward()

        return _count(step)


def gan_tflop(model: ModelConfig, config: GANConfig) -> float:
    """Return the TFLOP of a training of DE-GAN in which D never waits, the most it can cost."""
    real = config.warm_up * warm_up_step(model)
    both = discriminator_step(model) + generator_step(model)
    return 2 * config.batch * (real + (config.steps - config.warm_up) * both) / 1e12


def hours(tflop: float, rate: float) -> float:
    """Return the hours that operations take.

    Args:
        tflop: how many, in 10^12.
        rate: TFLOP that are done in a second; less than what is advertised.

    Raises:
        ValueError: the rate is not above 0.
    """
    if not rate > 0:
        raise ValueError(f"a rate of {rate} TFLOP a second; give one above 0")
    return tflop / rate / 3600


def _count(run: Callable[[], object]) -> int:
    """Return the MACs per picture of what is done with COUNTED of them."""
    return flop(run) // (2 * COUNTED)


def _pictures(side: int) -> Tensor:
    """Return pictures without content, (COUNTED, 3, side, side)."""
    return torch.empty(COUNTED, 3, side, side, device="meta")


def _decode(decoder: Decoder, code: Tensor) -> Tensor:
    """Return the pictures that a decoder without content makes of codes."""
    identity = torch.empty(COUNTED, decoder.config.identities, device="meta")
    return decoder(code, identity, torch.empty(COUNTED, NOISE, device="meta"))


def _sum(output: Tensor | tuple) -> Tensor:
    """Return the sum of all logits, so that a gradient flows into each."""
    if isinstance(output, Tensor):
        return output.sum()
    return sum((_sum(part) for part in output), torch.zeros(()))  # some parts are empty
