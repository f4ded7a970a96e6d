"""What the paper's protocol costs (sections 4.1 and 4.2), counted without computing it.

Counted are the multiplications with an addition (MAC) of convolutions and linear layers, each two
floating-point operations (FLOP); what else networks do takes time, but few operations. Nothing but
the shapes of tensors passes through the networks, so that a count takes a moment at any size.
"""

import copy
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lib.faces import augment, folds
from lib.faces.models import NOISE, Decoder, Discriminator, ModelConfig, Trunk
from lib.faces.profiles import GANConfig
from lib.faces.recognition import Recogniser

EPOCHS = 300  # of DE-GAN, section 4.1
SECOND_EPOCHS = 50  # of the local CNNs, section 4.1
PRETRAINING_IMAGES = 60_600  # BU-4DFE; the paper counts no variants of them
FOLD_IMAGES = round(981 * (1 - 1 / folds.FOLDS) * augment.VARIANTS)  # CK+ without a tenth
PRETRAINING = ModelConfig(identities=101, expressions=6)  # BU-4DFE
FINE_TUNING = ModelConfig(identities=106, expressions=7)  # nine tenths of CK+'s 118 people
COUNTED = 2  # pictures at a time: batch normalisation asks for more than one


class Passes(NamedTuple):
    """MACs of one picture on its way through each network, forward only."""

    encoder: int
    decoder: int
    discriminator: int


class Protocol(NamedTuple):
    """TFLOP of the paper's three stages on CK+."""

    pretraining: float
    fine_tuning: float
    recognition: float

    @property
    def total(self) -> float:
        """Return the TFLOP of all stages."""
        return sum(self)


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
    return _tflop(config.batch * (real + (config.steps - config.warm_up) * both))


def protocol() -> Protocol:
    """Return the TFLOP of the paper's protocol on CK+: in each fold, DE-GAN is trained on."""
    both = [
        discriminator_step(model) + generator_step(model) for model in (PRETRAINING, FINE_TUNING)
    ]
    with torch.device("meta"):
        encoder = Trunk(FINE_TUNING, FINE_TUNING.code)
        recogniser = Recogniser(encoder, FINE_TUNING, FINE_TUNING.expressions)
    second = training_macs(recogniser, FINE_TUNING.side)
    return Protocol(
        _tflop(EPOCHS * PRETRAINING_IMAGES * both[0]),
        _tflop(folds.FOLDS * EPOCHS * FOLD_IMAGES * both[1]),
        _tflop(folds.FOLDS * SECOND_EPOCHS * FOLD_IMAGES * second),
    )


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
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() // (2 * COUNTED)


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


def _tflop(operations: float) -> float:
    """Return MACs as 10^12 floating-point operations."""
    return 2 * operations / 1e12
