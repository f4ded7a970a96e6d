"""The second stage: equation 3 by hand, an encoder that stays as it is, and something learnt."""

import math
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from lib.faces import classifier, recognition
from lib.faces.classifier import ClassifierConfig
from lib.faces.de_gan import CODE, Trunk, initialise
from lib.faces.recognition import WEIGHTS, LocalCNN, Recogniser, Recognition
from tests.faces.made_up import coloured, measured, small

CLASSES = 3
MODEL = small(2, CLASSES)
TRAINING = ClassifierConfig(steps=6, batch=6, learning_rate=1e-3)


@cache
def weights() -> dict[str, Tensor]:
    """Return random weights, and the statistics of normalisation that belong to them."""
    return measured(Trunk(MODEL, CODE)).state_dict()


def encoder() -> Trunk:
    """Return an encoder whose maps differ from picture to picture."""
    trunk = Trunk(MODEL, CODE)
    trunk.load_state_dict(weights())
    return trunk


def contents(network: nn.Module) -> dict[str, bytes]:
    """Return all weights and statistics of a network as bytes."""
    return {name: value.numpy().tobytes() for name, value in network.state_dict().items()}


def logits_of(probability: float) -> Tensor:
    """Return logits (2, 2) that give the first class this probability."""
    return torch.tensor([[math.log(probability / (1 - probability)), 0.0]] * 2)


def test_equation_3_by_hand() -> None:
    local = tuple(map(logits_of, (0.9, 0.8, 0.7, 0.6)))
    targets = torch.tensor([0, 0])
    expected = -(
        0.7 * math.log(0.9)
        + 0.6 * math.log(0.8)
        + 0.4 * math.log(0.7)
        + 0.3 * math.log(0.6)
        + 1.0 * math.log(0.5)
    )
    found = recognition.total_loss(Recognition(logits_of(0.5), local), targets)
    assert float(found) == pytest.approx(expected, rel=1e-6)
    alone = recognition.total_loss(Recognition(logits_of(0.25), ()), targets)
    assert float(alone) == pytest.approx(-math.log(0.25), rel=1e-6)  # without maps
    with pytest.raises(ValueError, match="4 weights for 4 maps; give one more"):
        recognition.total_loss(Recognition(logits_of(0.5), local), targets, WEIGHTS[1:])


def test_h_is_every_fc_then_f_of_x() -> None:
    network, trunk = Recogniser(encoder(), MODEL, CLASSES).eval(), encoder().eval()
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        maps = trunk.maps(images)
        assert [tuple(each.shape[1:]) for each in maps] == [
            (channels, side, side)
            for channels, side in zip(recognition.map_channels(trunk), (16, 8, 4, 2), strict=True)
        ]
        pairs = [net(each) for net, each in zip(network.local, maps, strict=True)]
        h = torch.cat([connected for connected, _ in pairs] + [trunk(images)], dim=1)
        expected = h @ network.head.weight.T + network.head.bias
        output = network(images)
    assert output.joint.numpy() == pytest.approx(expected.numpy(), abs=1e-5)
    for (_, own), found in zip(pairs, output.local, strict=True):
        assert torch.equal(own, found)
    features, logits = LocalCNN(128, 7)(torch.zeros(2, 128, 48, 48))  # as wide as section 3.2's
    assert features.shape == (2, 128) and logits.shape == (2, 7)


def test_training_changes_every_byte_but_the_encoders() -> None:
    network = Recogniser(encoder(), MODEL, CLASSES)
    initialise(network, torch.Generator().manual_seed(4))
    before, own = contents(network.encoder), contents(network)
    faces = coloured(2)
    classifier.fit(
        network, recognition.total_loss, faces.images, faces.expressions, TRAINING, seed=4
    )
    assert contents(network.encoder) == before == contents(encoder())
    changed = {name for name, value in contents(network).items() if value != own[name]}
    assert changed == {name for name in own if not name.startswith("encoder.")}
    assert all(weight.grad is None for weight in network.encoder.parameters())


@pytest.mark.parametrize(
    ("parts", "maps", "inputs"),  # fc_i are 128 * 0.125 = 16 long
    [("maps and code", 4, 4 * 16 + CODE), ("maps", 4, 4 * 16), ("code", 0, CODE)],
)
def test_what_is_joined_has_its_length(parts: str, maps: int, inputs: int) -> None:
    network = Recogniser(encoder(), MODEL, CLASSES, parts)
    assert network.head.in_features == inputs
    output = network(torch.zeros(5, 3, 32, 32))
    assert [tuple(each.shape) for each in (output.joint, *output.local)] == [(5, 3)] * (1 + maps)
    with pytest.raises(ValueError, match="unknown parts 'noise'; choose one of: maps and code, "):
        Recogniser(encoder(), MODEL, CLASSES, "noise")


def test_the_encoder_is_for_evaluation_whatever_is_asked() -> None:
    network = Recogniser(encoder(), MODEL, CLASSES, "code").train()
    assert network.training and not any(module.training for module in network.encoder.modules())
    images = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    together, alone = network(images).joint, network(images[:1]).joint  # no batch's statistics
    assert alone[0].tolist() == pytest.approx(together[0].tolist(), abs=1e-5)
