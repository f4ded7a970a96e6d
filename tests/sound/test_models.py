"""The networks of Part I: shapes and sizes as published, eq. 1 by hand, the fusion of section 3."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import nn

from lib.sound.crnn import (
    COMBINATIONS,
    CRNN,
    DROPOUT,
    ModelConfig,
    count_parameters,
    linear_pooling,
)
from lib.sound.fast import Dropout

PARAMETERS = {  # counted by hand: 541,152 convolutions, 494,592 GRU, 2,570 head, and what is fused
    ("spectral",): 1_038_314,
    ("spectral", "visual"): 1_057_774,
    ("spectral", "audio"): 1_052_666,
    ("spectral", "audio", "visual"): 1_072_126,
    ("visual",): 476_698,
    ("audio",): 456_266,
    ("audio", "visual"): 534_106,
}


def features(batch: int = 2, audio: int = 128, visual: int = 4096, bands: int = 128) -> dict:
    generator = torch.Generator().manual_seed(3)
    shapes = {"spectral": (604, bands), "audio": (151, audio), "visual": (151, visual)}
    return {name: torch.randn(batch, *shape, generator=generator) for name, shape in shapes.items()}


@pytest.mark.parametrize("inputs", COMBINATIONS, ids="+".join)
def test_each_row_of_table_3_has_its_size_and_its_shapes(inputs: tuple[str, ...]) -> None:
    network = CRNN(ModelConfig(inputs)).eval()
    assert count_parameters(network) == PARAMETERS[inputs]
    gru = network.gru
    assert (gru.hidden_size, gru.num_layers, gru.bidirectional) == (128, 2, True)
    with torch.no_grad():
        found = network(features(1))
    assert found.frame.shape == (1, 151, 10) and found.clip.shape == (1, 10)
    assert float(found.frame.min()) > 0 and float(found.frame.max()) < 1


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=20))
def test_linear_pooling_is_eq_1(values: list[float]) -> None:
    frame = torch.tensor(values, dtype=torch.float64).reshape(1, -1, 1)
    expected = math.fsum(p * p / math.fsum(values) for p in values)
    assert float(linear_pooling(frame)) == pytest.approx(expected, rel=1e-12)


def test_dropout_keeps_its_share_and_the_mean() -> None:
    dropout = Dropout(torch.Generator().manual_seed(0), DROPOUT).train()
    layout = torch.channels_last  # as it lies in a training
    ones = torch.ones(8, 101, 13, 10).contiguous(memory_format=layout).requires_grad_()
    out = dropout(ones)
    out.sum().backward()
    assert torch.equal(ones.grad, out.detach())  # the same mask backwards
    kept = int((out > 0).sum())
    assert stats.binomtest(kept, ones.numel(), 0.67).pvalue > 1e-3
    assert torch.allclose(out[out > 0], torch.tensor(1 / 0.67))
    assert dropout.eval()(ones) is ones


def test_dropout_is_independent_from_value_to_value_and_from_call_to_call() -> None:
    dropout = Dropout(torch.Generator().manual_seed(0), DROPOUT).train()
    first, second = ((dropout(torch.ones(200_000)) > 0).double() for _ in range(2))
    bound = 4.5 / math.sqrt(200_000)
    for lag in (1, 2, 3, 4, 8):
        pair = torch.stack([first[lag:], first[:-lag]])
        assert abs(float(torch.corrcoef(pair)[0, 1])) < bound
    assert abs(float(torch.corrcoef(torch.stack([first, second]))[0, 1])) < bound


def test_without_dropout_the_network_equals_one_of_plain_layers() -> None:
    model = CRNN(ModelConfig(("spectral", "audio"), audio_features=12, width=0.25)).eval()
    given_features = features(2, audio=12)
    x = given_features["spectral"].unsqueeze(1)
    for stack, pool in zip(model.encoders["spectral"].stacks, model.config.pools, strict=True):
        x = nn.functional.avg_pool2d(torch.relu(stack[1](stack[0](x))), pool)
    audio = torch.relu(model.encoders["audio"][0](given_features["audio"]))
    fused = torch.cat([x.squeeze(3).transpose(1, 2), audio], dim=2)
    expected = torch.sigmoid(model.head(model.gru(fused)[0]))
    assert torch.allclose(model(given_features).frame, expected, atol=1e-5)
    kinds = [type(layer).__name__ for layer in model.encoders["spectral"].stacks[0]]
    assert kinds == ["Conv2d", "BatchNorm2d", "ReLU", "Dropout", "AvgPool2d"]
