"""The networks of DE-GAN: layers as published, sizes in closed form, what reaches the picture."""

import itertools
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional as F

from lib.faces.de_gan import (
    CODE,
    NOISE,
    Decoder,
    Discriminator,
    Generator,
    ModelConfig,
    Trunk,
    count_parameters,
    initialise,
)

CASIA = ((32, 64), (64, 64, 128), (128, 96, 192), (192, 128, 256), (256, 160, CODE))  # published
FULL = ModelConfig(identities=101, expressions=6)
TINY = ModelConfig(identities=5, expressions=3, side=32, width=0.125)


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int, side: int) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=random(9)) * 2 - 1


def drawn(network: nn.Module, seed: int = 0) -> nn.Module:
    initialise(network, random(seed))
    return network.eval()


def inputs(count: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return codes, identity codes and noise of the tiny size."""
    code = torch.randn(count, CODE, generator=random(seed))
    noise = torch.rand(count, NOISE, generator=random(seed + 1)) * 2 - 1
    return code, torch.eye(TINY.identities)[torch.arange(count) % TINY.identities], noise


def test_parameters_at_full_size_are_those_counted_by_hand() -> None:
    def trunk(features: int) -> int:
        sizes = [3, *(size for stage in CASIA for size in stage)]
        sizes[-1] = features
        pairs = pairwise(sizes)
        return sum(9 * before * after + 2 * after for before, after in pairs)  # no shift; BN's two

    heads = 321 * (6 + 1) + 321 * 101
    sizes = [320, *(size for stage in CASIA for size in stage)][:-1]
    sizes = [320, *sizes[:0:-1]]
    start = (CODE + 101 + NOISE + 1) * 320 * 36 + 2 * 320
    middle = sum(
        (16 if place in (2, 5, 8, 11) else 9) * before * after + 2 * after
        for place, (before, after) in enumerate(pairwise(sizes))
    )
    encoder, decoder = Trunk(FULL, CODE), Decoder(FULL)
    assert count_parameters([encoder]) == trunk(CODE) == 2_905_244
    assert count_parameters([Discriminator(FULL)]) == trunk(320) + heads == 2_896_652
    assert count_parameters([decoder]) == start + middle + 9 * 32 * 3 + 3 == 9_505_187
    assert count_parameters([encoder, decoder]) == count_parameters([Generator(FULL)])


def test_the_encoder_equals_one_of_plain_operations() -> None:
    encoder = drawn(Trunk(TINY, CODE))
    for layer in encoder.modules():
        if isinstance(layer, nn.BatchNorm2d):  # statistics that matter
            layer.running_mean.normal_(0, 0.1, generator=random(4))
            layer.running_var.uniform_(0.5, 2, generator=random(5))
    x, weights = pictures(2, 32).double(), {k: v.double() for k, v in encoder.state_dict().items()}
    for stage, count in enumerate((2, 3, 3, 3, 3)):
        for place in range(count):
            name = f"stages.{stage}.{3 * place}.weight"
            x = F.conv2d(x, weights[name], stride=2 if stage and not place else 1, padding=1)
            norm = f"stages.{stage}.{3 * place + 1}"
            mean, var, scale, shift = (
                weights[f"{norm}.{part}"][:, None, None]
                for part in ("running_mean", "running_var", "weight", "bias")
            )
            x = (x - mean) / (var + 1e-5).sqrt() * scale + shift
            x = torch.where(x > 0, x, x.exp() - 1)
    with torch.no_grad():
        found = encoder(pictures(2, 32))
    torch.testing.assert_close(found.double(), x.mean(dim=(2, 3)), rtol=1e-4, atol=1e-6)


def test_every_number_of_the_code_and_of_the_noise_reaches_the_picture() -> None:
    decoder = drawn(Decoder(TINY)).train()
    code, identity, noise = (each.requires_grad_() for each in inputs(4))
    picture = decoder(code, identity, noise)
    weights = torch.randn(picture.shape, generator=random(3))
    (picture * weights).sum().backward()
    for given_part in (code, identity, noise):
        assert (given_part.grad.abs().amax(dim=0) > 0).all()


def test_initial_weights_are_normal_with_deviation_002() -> None:
    generator = Generator(ModelConfig(20, 6, 32, 0.5))
    initialise(generator, random())
    layers, kinds = list(generator.modules()), (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
    dense = [layer for layer in layers if isinstance(layer, kinds)]
    weights = np.concatenate([layer.weight.detach().numpy().ravel() for layer in dense])
    assert len(weights) > 500_000
    sample = weights[:: len(weights) // 20_000]
    assert stats.kstest(sample, stats.norm(0, 0.02).cdf).pvalue > 1e-3
    norms = [layer for layer in layers if isinstance(layer, nn.BatchNorm2d)]
    scales = np.concatenate([layer.weight.detach().numpy() for layer in norms])
    assert stats.kstest(scales, stats.norm(1, 0.02).cdf).pvalue > 1e-3
    shifts = [layer.bias for layer in [*dense, *norms] if layer.bias is not None]
    assert len(shifts) == len(norms) + 2  # of the first and of the last layer of the decoder
    assert all(not shift.any() for shift in shifts)


@pytest.mark.parametrize("side", [48, 96])
def test_pictures_become_maps_of_half_to_a_sixteenth_a_code_and_a_picture_again(side: int) -> None:
    config = FULL if side == 96 else ModelConfig(101, 6, side, 0.125)
    generator, images = drawn(Generator(config)), pictures(2, side)
    with torch.no_grad():
        maps = generator.encoder.maps(images)
        code = generator.encoder(images)
        made = generator(images, torch.tensor([100, 0]), torch.zeros(2, NOISE))
        judged = drawn(Discriminator(config))(images)
    shapes = [tuple(each.shape[1:]) for each in maps]
    sizes = [config.wide(size) for size in (128, 192, 256)] + [350]
    assert shapes == [(size, side >> n, side >> n) for n, size in enumerate(sizes, start=1)]
    assert code.shape == (2, 350) and torch.equal(code, maps[-1].mean(dim=(2, 3)))
    assert made.shape == (2, 3, side, side) and float(made.std()) > 0
    assert float(made.min()) >= -1 and float(made.max()) <= 1
    assert judged.expression.shape == (2, 6 + 1) and judged.identity.shape == (2, 101)


def test_widths_come_in_steps_of_8_close_to_the_share_asked_for() -> None:
    for size, width in itertools.product(range(8, 329, 8), (0.125, 0.5, 0.7, 1, 2)):
        found = ModelConfig(5, 3, 32, width).wide(size)
        assert found % 8 == 0 and (abs(found - size * width) <= 4 or found == 8)
    for side in (16, 40):
        with pytest.raises(ValueError, match=f"pictures of {side} pixels cannot be halved four"):
            ModelConfig(5, 3, side)
