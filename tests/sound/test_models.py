"""The networks of Part I: shapes and sizes as published, eq. 1 by hand, the fusion of section 3."""

import math
from dataclasses import replace

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
def test_each_row_of_table_3_has_its_number_of_parameters(inputs: tuple[str, ...]) -> None:
    assert count_parameters(CRNN(ModelConfig(inputs))) == PARAMETERS[inputs]


@pytest.mark.parametrize("inputs", COMBINATIONS, ids="+".join)
def test_ten_seconds_become_151_frames_of_ten_classes(inputs: tuple[str, ...]) -> None:
    with torch.no_grad():
        found = CRNN(ModelConfig(inputs)).eval()(features())
    assert found.frame.shape == (2, 151, 10)
    assert found.clip.shape == (2, 10)
    assert float(found.frame.min()) > 0
    assert float(found.frame.max()) < 1


def test_every_layer_has_the_shape_of_tables_1_and_2() -> None:
    model = CRNN(ModelConfig(("spectral",))).eval()
    shapes: list[tuple[int, ...]] = []
    for stack in model.encoders["spectral"].stacks:
        stack.register_forward_hook(lambda _m, _i, output: shapes.append(tuple(output.shape[1:])))
    model(features(1))
    expected = [(16, 302, 64), (32, 151, 32), (64, 151, 16), (128, 151, 8), (128, 151, 4)]
    assert shapes == [*expected, (128, 151, 2), (128, 151, 1)]
    kinds = [type(layer).__name__ for layer in model.encoders["spectral"].stacks[0]]
    assert kinds == ["Conv2d", "BatchNorm2d", "ReLU", "Dropout", "AvgPool2d"]
    assert (model.gru.hidden_size, model.gru.num_layers, model.gru.bidirectional) == (128, 2, True)


@pytest.mark.parametrize("bands", [128, 64, 32, 1])
def test_fewer_bands_are_pooled_to_one_as_well(bands: int) -> None:
    model = CRNN(ModelConfig(("spectral",), width=0.25, mel_bands=bands)).eval()
    assert model(features(1, bands=bands)).frame.shape == (1, 151, 10)


def test_embeddings_are_smaller_beside_spectral_features() -> None:
    assert ModelConfig(("spectral", "audio", "visual")).embeddings == {"audio": 16, "visual": 4}
    assert ModelConfig(("audio", "visual")).embeddings == {"audio": 64, "visual": 16}


def test_other_embeddings_poolings_and_classes_reach_the_network() -> None:
    form = ModelConfig(
        ("audio", "visual"), width=0.125, embeddings={"audio": 7, "visual": 3}, classes=4
    )
    network = CRNN(form).eval()
    assert [network.encoders[name][0].out_features for name in ("audio", "visual")] == [7, 3]
    assert network.gru.input_size == 10
    pooled = {
        "linear": linear_pooling,
        "maximum": lambda x: x.max(1)[0],
        "mean": lambda x: x.mean(1),
    }
    for pooling, expected in pooled.items():
        other = CRNN(replace(form, pooling=pooling)).eval()
        other.load_state_dict(network.state_dict())
        with torch.no_grad():
            frame, clip = other(features())
        assert frame.shape == (2, 151, 4) and torch.allclose(clip, expected(frame))
    with pytest.raises(ValueError, match=r"unknown pooling 'median'; choose one of \['linear'"):
        replace(form, pooling="median")


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=20))
def test_linear_pooling_is_eq_1(values: list[float]) -> None:
    frame = torch.tensor(values, dtype=torch.float64).reshape(1, -1, 1)
    expected = math.fsum(p * p / math.fsum(values) for p in values)
    assert float(linear_pooling(frame)) == pytest.approx(expected, rel=1e-12)


def test_a_positive_label_pushes_frames_below_half_the_clip_probability_down() -> None:
    frame = torch.tensor([0.05, 0.3, 0.5, 0.9]).reshape(1, 4, 1).requires_grad_()
    clip = linear_pooling(frame)
    clip.sum().backward()
    signs = torch.sign(frame.grad.flatten())
    assert signs.tolist() == torch.sign(2 * frame.detach().flatten() - clip.item()).tolist()
    assert signs[0] == -1 and signs[-1] == 1


def test_dropout_keeps_its_share_and_the_mean() -> None:
    dropout = Dropout(torch.Generator().manual_seed(0), DROPOUT).train()
    ones = torch.ones(8, 101, 131)
    out = dropout(ones)
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


def test_dropout_passes_the_same_mask_backwards_whatever_the_memory_order() -> None:
    dropout = Dropout(torch.Generator().manual_seed(0), DROPOUT).train()
    values = torch.ones(2, 3, 4, 5).contiguous(memory_format=torch.channels_last).requires_grad_()
    out = dropout(values)
    out.sum().backward()
    assert torch.equal(values.grad, out.detach())
    assert 0 < int((out == 0).sum()) < out.numel()


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


@pytest.mark.parametrize("inputs", [(), ("video",), ("audio", "spectral")])
def test_what_is_no_row_of_table_3_is_refused(inputs: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="no row of Table 3"):
        ModelConfig(inputs)


def test_bands_that_cannot_be_halved_to_one_are_refused() -> None:
    with pytest.raises(ValueError, match="100 mel bands cannot be halved to one"):
        ModelConfig(("spectral",), mel_bands=100)


def test_a_missing_stream_and_streams_on_two_grids_are_named() -> None:
    model = CRNN(ModelConfig(("spectral", "audio"), width=0.125)).eval()
    given_features = features()
    with pytest.raises(ValueError, match="also reads 'audio'"):
        model({"spectral": given_features["spectral"]})
    given_features["audio"] = given_features["audio"][:, :150]
    with pytest.raises(ValueError, match=r"streams of \[150, 151\] frames"):
        model(given_features)
