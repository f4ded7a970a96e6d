"""The networks of DE-GAN: layers as published, sizes in closed form, what reaches the picture."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
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


def convolutions(network: nn.Module) -> list[nn.Conv2d | nn.ConvTranspose2d]:
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    return [layer for layer in network.modules() if isinstance(layer, kinds)]


def inputs(count: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return codes, identity codes and noise of the tiny size."""
    code = torch.randn(count, CODE, generator=random(seed))
    noise = torch.rand(count, NOISE, generator=random(seed + 1)) * 2 - 1
    return code, torch.eye(TINY.identities)[torch.arange(count) % TINY.identities], noise


def test_the_encoder_is_casia_net_channel_by_channel() -> None:
    layers = convolutions(Trunk(FULL, CODE))
    published = [size for stage in CASIA for size in stage]
    assert [layer.out_channels for layer in layers] == published
    assert [layer.in_channels for layer in layers] == [3, *published[:-1]]
    assert {layer.kernel_size for layer in layers} == {(3, 3)}
    doubled = [place for place, layer in enumerate(layers) if layer.stride == (2, 2)]
    assert doubled == [2, 5, 8, 11]  # each stage but the first begins with one
    kinds = [type(layer).__name__ for layer in Trunk(FULL, CODE).stages[1]]
    assert kinds == ["Conv2d", "BatchNorm2d", "ELU"] * 3


def test_the_decoder_runs_through_the_encoders_channels_backwards() -> None:
    layers = convolutions(Decoder(FULL))
    assert layers[0].in_channels == 320
    mirrored = [size for stage in CASIA for size in stage][:-1][::-1]
    sizes = [layer.out_channels for layer in layers]
    doubling = [place for place, layer in enumerate(layers) if layer.stride == (2, 2)]
    assert [size for place, size in enumerate(sizes[:-1]) if place not in doubling] == [
        160, 256, 128, 192, 96, 128, 64, 64, 32,
    ]  # fmt: skip
    assert [sizes[place] for place in doubling] == [256, 192, 128, 64]
    assert sizes[:-1] == mirrored and sizes[-1] == 3


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


def test_96_pixels_become_maps_of_48_to_6_a_code_of_350_and_a_picture_again() -> None:
    generator = drawn(Generator(FULL))
    images = pictures(1, 96)
    with torch.no_grad():
        maps = generator.encoder.maps(images)
        code = generator.encoder(images)
        made = generator(images, torch.tensor([100]), torch.zeros(1, NOISE))
    shapes = [tuple(each.shape) for each in maps]
    assert shapes == [(1, 128, 48, 48), (1, 192, 24, 24), (1, 256, 12, 12), (1, 350, 6, 6)]
    assert code.shape == (1, 350)
    assert torch.equal(code, maps[-1].mean(dim=(2, 3)))
    assert made.shape == (1, 3, 96, 96)
    assert float(made.min()) >= -1 and float(made.max()) <= 1 and float(made.std()) > 0


def test_the_heads_tell_one_expression_more_and_every_identity() -> None:
    with torch.no_grad():
        judged = drawn(Discriminator(FULL))(pictures(2, 96))
    assert judged.expression.shape == (2, 6 + 1)
    assert judged.identity.shape == (2, 101)


@pytest.mark.parametrize("side", [32, 48, 64])
def test_pictures_keep_their_side(side: int) -> None:
    config = ModelConfig(5, 3, side, 0.125)
    generator = drawn(Generator(config))
    with torch.no_grad():
        maps = generator.encoder.maps(pictures(2, side))
        made = generator(pictures(2, side), torch.tensor([0, 4]), torch.zeros(2, NOISE))
    assert [each.shape[2] for each in maps] == [side // 2, side // 4, side // 8, side // 16]
    assert made.shape == (2, 3, side, side)


def test_the_picture_is_bounded_whatever_the_code() -> None:
    decoder = drawn(Decoder(TINY))
    code, identity, noise = inputs(10)
    with torch.no_grad():
        made = decoder(1e9 * code, identity, noise)
    assert torch.isfinite(made).all()
    assert float(made.abs().max()) <= 1


def test_the_encoder_equals_one_of_plain_operations() -> None:
    encoder = drawn(Trunk(TINY, CODE))
    generator = random(4)
    for layer in encoder.modules():
        if isinstance(layer, nn.BatchNorm2d):  # statistics that matter
            layer.running_mean.normal_(0, 0.1, generator=generator)
            layer.running_var.uniform_(0.5, 2, generator=generator)
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


def test_a_generator_is_its_encoder_its_decoder_and_a_one_hot_code() -> None:
    generator = drawn(Generator(TINY))
    images, wanted = pictures(3, 32), torch.tensor([4, 0, 2])
    _, _, noise = inputs(3)
    with torch.no_grad():
        made = generator(images, wanted, noise)
        code = generator.encoder(images)
        identity = torch.zeros(3, 5).index_put((torch.arange(3), wanted), torch.ones(3))
        assert torch.equal(made, generator.decoder(code, identity, noise))


def test_every_identity_makes_another_picture() -> None:
    decoder = drawn(Decoder(TINY)).train()  # statistics of the batch: untrained ones hide it
    code, _, noise = inputs(1)
    with torch.no_grad():
        made = decoder(code.expand(5, -1), torch.eye(5), noise.expand(5, -1)).flatten(1)
    assert float(torch.pdist(made).min()) > 0.1 * float(made.norm(dim=1).mean())


def test_every_number_of_the_code_and_of_the_noise_reaches_the_picture() -> None:
    decoder = drawn(Decoder(TINY)).train()
    code, identity, noise = (each.requires_grad_() for each in inputs(4))
    picture = decoder(code, identity, noise)
    weights = torch.randn(picture.shape, generator=random(3))
    (picture * weights).sum().backward()
    for given_part in (code, identity, noise):
        assert (given_part.grad.abs().amax(dim=0) > 0).all()


def test_the_picture_depends_on_the_source_through_the_code_alone() -> None:
    generator = drawn(Generator(TINY)).train()
    noise = torch.zeros(2, NOISE)
    with torch.no_grad():
        first, second = generator(pictures(2, 32), torch.tensor([1, 1]), noise)
        assert float((first - second).abs().max()) > 1e-3
        generator.encoder.stages[-1][-2].weight.zero_()  # the last normalisation: f(x) constant
        first, second = generator(pictures(2, 32), torch.tensor([1, 1]), noise)
    torch.testing.assert_close(first, second, rtol=0, atol=1e-6)


def test_initial_weights_are_normal_with_deviation_002() -> None:
    generator = Generator(ModelConfig(20, 6, 32, 0.5))
    initialise(generator, random())
    layers = list(generator.modules())
    dense = [layer for layer in layers if isinstance(layer, nn.Linear)] + convolutions(generator)
    weights = np.concatenate([layer.weight.detach().numpy().ravel() for layer in dense])
    assert len(weights) > 500_000
    sample = weights[:: len(weights) // 20_000]
    assert stats.kstest(sample, stats.norm(0, 0.02).cdf).pvalue > 1e-3
    assert abs(weights.mean()) < 4 * 0.02 / np.sqrt(len(weights))
    assert weights.std() == pytest.approx(0.02, rel=4 / np.sqrt(2 * len(weights)))
    norms = [layer for layer in layers if isinstance(layer, nn.BatchNorm2d)]
    scales = np.concatenate([layer.weight.detach().numpy() for layer in norms])
    assert stats.kstest(scales, stats.norm(1, 0.02).cdf).pvalue > 1e-3
    shifts = [layer.bias for layer in [*dense, *norms] if layer.bias is not None]
    assert len(shifts) == len(norms) + 2  # of the first and of the last layer of the decoder
    assert all(not shift.any() for shift in shifts)


def test_initial_weights_follow_the_seed_and_nothing_else() -> None:
    networks = []
    for outside, seed in ((1, 0), (2, 0), (1, 1)):
        torch.manual_seed(outside)
        networks.append(drawn(Discriminator(TINY), seed).state_dict())
    same, other = (
        [torch.equal(networks[0][name], network[name]) for name in network]
        for network in networks[1:]
    )
    assert all(same) and not all(other)


def test_frozen_layers_stay_what_they_are() -> None:
    generator = Generator(TINY)
    generator.encoder.requires_grad_(False)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    initialise(generator, random())
    for name, value in generator.state_dict().items():
        if name.startswith("encoder"):
            assert torch.equal(value, before[name]), name
    assert not torch.equal(generator.decoder.start.weight, before["decoder.start.weight"])


@given(st.sampled_from(range(8, 329, 8)), st.floats(0.125, 2))
def test_widths_come_in_steps_of_8_close_to_the_share_asked_for(size: int, width: float) -> None:
    found = ModelConfig(5, 3, 32, width).wide(size)
    assert found % 8 == 0 and found >= 8
    assert abs(found - size * width) <= 4 or found == 8
    assert ModelConfig(5, 3, 32, 1.0).wide(size) == size


@pytest.mark.parametrize("side", [0, 16, 24, 40, 100])
def test_sides_that_cannot_be_halved_four_times_are_refused(side: int) -> None:
    with pytest.raises(ValueError, match=f"pictures of {side} pixels cannot be halved four times"):
        ModelConfig(5, 3, side)
