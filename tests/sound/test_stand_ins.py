"""The book's own pretrained networks: their material, and whether they do what they say."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lib.sound import pretrained, stand_ins
from lib.sound.data import Waveform
from lib.sound.datasets import synthesis
from lib.sound.stand_ins import NETWORKS, PRETRAININGS, Pictures, Sounds

INPUTS = {"small_audio": (3, 1, 96, 64), "small_image": (3, 3, 64, 64)}
SAMPLES = {"small_audio": 10, "small_image": 25}  # examples of each kind


@pytest.fixture(scope="module")
def sounds() -> Sounds:
    """Give a few sounds of each kind."""
    return Sounds(2, (0, 0))


@pytest.fixture(scope="module")
def scenes() -> Pictures:
    """Give a few pictures of each kind."""
    return Pictures(4, (0, 0))


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_shipped_is_as_good_as_its_record_says(name: str) -> None:
    record = json.loads(stand_ins.checkpoint(name).with_suffix(".json").read_text())
    claimed = record["metrics"]["held_out_accuracy"]
    assert claimed > 0.8
    examples = SAMPLES[name]
    found = stand_ins.accuracy(name, stand_ins.load(name), examples, stream=3)  # other examples
    error = np.sqrt(claimed * (1 - claimed) * (1 / (20 * examples) + 1 / (20 * 25)))
    assert found == pytest.approx(claimed, abs=4 * error)
    config = {**record["run"]["pretraining"]}
    assert config == vars(PRETRAININGS[name]) and len(record["run"]["kinds"]) == 20


@pytest.mark.parametrize("name", NETWORKS)
def test_a_loaded_network_is_frozen_and_small(name: str) -> None:
    network = stand_ins.load(name)
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    assert 100_000 < sum(p.numel() for p in network.parameters()) < 250_000
    inputs = torch.randn(INPUTS[name], generator=torch.Generator().manual_seed(0))
    outputs = network(inputs)
    assert outputs.shape == (3, pretrained.NETWORKS[name].dimensions)
    torch.testing.assert_close(network(inputs[1:2]), outputs[1:2], atol=1e-4, rtol=1e-4)


def test_weights_that_are_not_there_or_not_those(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stand_ins, "SHIPPED", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"run `python -m .* pretrain audio`"):
        stand_ins.load("small_audio")
    stand_ins.checkpoint("small_image").write_bytes(b"no weights")
    with pytest.raises(ValueError, match="does not hold the weights of small_image; run"):
        stand_ins.load("small_image")
    save_file({"weight": torch.zeros(1)}, stand_ins.checkpoint("small_image"))
    with pytest.raises(ValueError, match="does not hold the weights of small_image; run"):
        stand_ins.load("small_image")
    with pytest.raises(ValueError, match="no stand-in is named 'vgg'; choose one of: small_audio"):
        stand_ins.load("vgg")


def test_the_front_end_is_that_of_the_corpus() -> None:
    sound = synthesis.synthesise("Speech", 10.0, np.random.default_rng(0), pretrained.RATE)
    patches = pretrained.log_mel_patches(Waveform(sound, pretrained.RATE), stand_ins.OFFSET)
    here = np.log(stand_ins.mel_magnitudes(sound) + stand_ins.OFFSET)
    first = 20  # whose frames lie wholly inside the clip
    start = first * pretrained.STEP - pretrained.MARGIN
    np.testing.assert_allclose(patches[first], here[start : start + 96], atol=1e-4)


def test_powers_add_nearly_as_waveforms_do() -> None:
    generator = np.random.default_rng(0)
    one, two = (
        synthesis.synthesise(kind, 2.0, generator, pretrained.RATE) for kind in ("Dog", "Frying")
    )
    real = np.log(stand_ins.mel_magnitudes(one + two) + stand_ins.OFFSET)
    parts = [stand_ins.mel_magnitudes(sound) for sound in (one, two)]
    added = np.log(np.hypot(*parts) + stand_ins.OFFSET)
    assert (
        np.median(np.abs(real - added)) < 0.15 and np.corrcoef(real.flat, added.flat)[0, 1] > 0.98
    )


def test_examples_that_judge_are_of_one_kind(sounds: Sounds, scenes: Pictures) -> None:
    for material, shape in ((sounds, (1, 96, 64)), (scenes, (3, 64, 64))):
        inputs, targets = material.batch(50, np.random.default_rng(0), alone=True)
        assert inputs.shape == (50, *shape) and inputs.dtype == torch.float32
        assert (targets.sum(dim=1) == 1).all()
        mixed = material.batch(200, np.random.default_rng(1))[1].sum(dim=1)
        assert mixed.max() == 2 and 0.15 < (mixed == 2).float().mean() < 0.5


def test_labels_say_what_is_heard(sounds: Sounds) -> None:
    _, targets = sounds.batch(300, np.random.default_rng(2))
    empty = targets.sum(dim=1) == 0
    assert 0.02 < empty.float().mean() < 0.16  # rooms without anything
    everything = targets.sum(dim=0)
    assert len(everything) == 20 and (everything > 0).all()
    loud = sounds._heard(np.arange(40), np.full(40, -20.0), np.random.default_rng(0))
    assert (loud.sum(axis=2) > 0).sum(axis=1).min() >= 10  # never only a crumb of a sound
    assert not sounds._heard(np.arange(3), np.full(3, -np.inf), np.random.default_rng(0)).any()


@pytest.mark.parametrize("name", NETWORKS)
def test_pretraining_repeats(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(stand_ins.HELD_OUT, name, 5)
    config = replace(PRETRAININGS[name], examples=2, steps=4, batch_size=16)
    (network, accuracy), (again, same) = (stand_ins.pretrain(name, config) for _ in range(2))
    assert accuracy == same
    for key, value in network.state_dict().items():
        assert torch.equal(value, again.state_dict()[key])
    other, _ = stand_ins.pretrain(name, replace(config, seed=1))
    assert not torch.equal(network.head.weight, other.head.weight)


def test_pretraining_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(stand_ins.HELD_OUT, "small_audio", 5)
    config = replace(PRETRAININGS["small_audio"], examples=8, steps=80, batch_size=32)
    _, accuracy = stand_ins.pretrain("small_audio", config)
    assert accuracy > 0.15  # a guess is right once in twenty; what is shipped took 1,600 steps
