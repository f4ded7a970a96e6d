"""The networks: size, shapes, initial weights, and files that do not fit."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from lib.adversarial import attacks, classifiers, fast
from lib.adversarial.classifiers import MadryNet, ReferenceLeNet


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def stored(model: nn.Module, path: Path) -> Path:
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, path)
    return path


def layers(kernel: int, dense: int) -> int:
    """Return the parameters of two convolutions (32, 64 channels) and two dense layers."""
    convolutions = (kernel**2 * 1 + 1) * 32 + (kernel**2 * 32 + 1) * 64
    return convolutions + (7 * 7 * 64 + 1) * dense + (dense + 1) * 10


@pytest.mark.parametrize(
    ("network", "expected"),
    [(MadryNet, 3_274_634), (MadryNet, layers(5, 1024)), (ReferenceLeNet, layers(3, 200))],
)
def test_parameter_counts(network: type[nn.Module], expected: int) -> None:
    assert sum(weights.numel() for weights in network().parameters()) == expected


@pytest.mark.parametrize("architecture", ["madry", "reference"])
@pytest.mark.parametrize("batch", [1, 5])
def test_a_batch_of_images_becomes_ten_logits_each(architecture: str, batch: int) -> None:
    network = classifiers.frozen(classifiers.build(architecture, seeded()))
    images = torch.rand(batch, 1, 28, 28, generator=seeded(1))
    logits = network(images)
    assert logits.shape == (batch, 10) and logits.dtype == torch.float32
    assert torch.allclose(logits[:1], network(images[:1]), atol=1e-5)


@pytest.mark.parametrize("architecture", ["madry", "reference"])
@pytest.mark.parametrize("rule", ["uniform", "truncated_normal"])
def test_a_generator_decides_the_initial_weights(architecture: str, rule: str) -> None:
    before = torch.get_rng_state()
    first, again, other = (
        classifiers.build(architecture, seeded(seed), rule).state_dict() for seed in (0, 0, 1)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[n], other[n]) for n in first if n.endswith("weight"))
    torch.set_rng_state(before)


def test_uniform_weights_and_biases_lie_within_one_over_the_root_of_the_inputs() -> None:
    network = classifiers.build("madry", seeded())
    for name, inputs in (("conv1", 25), ("conv2", 800), ("dense1", 3136), ("dense2", 1024)):
        for kind in ("weight", "bias"):
            values = network.get_parameter(f"{name}.{kind}").detach()
            assert 0.5 * inputs**-0.5 < float(values.abs().max()) <= inputs**-0.5, (name, kind)


def test_truncated_normal_is_madrys_rule() -> None:
    network = classifiers.build("madry", seeded(), "truncated_normal")
    for name, values in network.state_dict().items():
        if name.endswith("bias"):
            assert bool((values == 0.1).all()), name
        else:
            assert float(values.abs().max()) <= 0.2, name
    weights = network.get_parameter("dense1.weight").detach()
    assert float(weights.abs().max()) > 0.19
    # a normal of deviation 0.1, cut at two deviations, has deviation 0.0880
    assert float(weights.std()) == pytest.approx(0.0880, abs=5e-4)
    assert float(weights.mean()) == pytest.approx(0.0, abs=5e-4)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown architecture 'vgg'; choose one of: madry, ref"):
        classifiers.build("vgg")
    with pytest.raises(ValueError, match="unknown initial_weights 'zeros'"):
        classifiers.build("madry", initial_weights="zeros")


@pytest.mark.parametrize("architecture", ["madry", "reference"])
def test_what_was_stored_is_loaded_frozen(architecture: str, tmp_path: Path) -> None:
    model = classifiers.build(architecture, seeded())
    found = classifiers.load(stored(model, tmp_path / "x.safetensors"), architecture)
    assert not found.training
    assert not any(weights.requires_grad for weights in found.parameters())
    for name, weights in found.state_dict().items():
        assert torch.equal(weights, model.state_dict()[name]), name


def test_half_precision_files_are_loaded_as_float32(tmp_path: Path) -> None:
    model = classifiers.build("reference", seeded())
    found = classifiers.load(stored(model.half(), tmp_path / "x.safetensors"), "reference")
    for name, weights in found.state_dict().items():
        assert weights.dtype == torch.float32, name
        assert torch.equal(weights, model.state_dict()[name].float()), name


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    path = stored(classifiers.build("reference", seeded()), tmp_path / "x.safetensors")
    with pytest.raises(
        ValueError, match="x.safetensors does not hold the 'madry' network"
    ) as found:
        classifiers.load(path, "madry")
    assert "\n" not in str(found.value)
    with pytest.raises(ValueError, match="unknown architecture 'vgg'"):
        classifiers.load(path, "vgg")


def test_a_missing_layer_is_refused(tmp_path: Path) -> None:
    weights = dict(classifiers.build("madry", seeded()).state_dict())
    del weights["dense2.bias"]
    save_file({name: value.contiguous() for name, value in weights.items()}, tmp_path / "x")
    with pytest.raises(ValueError, match=r"see dense2.bias \(10,\)"):
        classifiers.load(tmp_path / "x")


@pytest.mark.parametrize("damage", ["truncated", "header", "empty", "text"])
def test_a_damaged_file_is_refused_and_left_as_it_is(damage: str, tmp_path: Path) -> None:
    path = stored(classifiers.build("reference", seeded()), tmp_path / "x.safetensors")
    whole = path.read_bytes()
    path.write_bytes(
        {
            "truncated": whole[: len(whole) // 2],
            "header": b"\xff" * 8 + whole[8:],
            "empty": b"",
            "text": b"not a network",
        }[damage]
    )
    before = path.read_bytes()
    with pytest.raises(
        ValueError, match="x.safetensors is not a readable safetensors file"
    ) as found:
        classifiers.load(path, "reference")
    assert "\n" not in str(found.value)
    assert path.read_bytes() == before


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no checkpoint at .*--retrain") as found:
        classifiers.load(tmp_path / "x.safetensors")
    assert "\n" not in str(found.value)


def test_frozen_does_not_touch_the_original() -> None:
    model = classifiers.build("reference", seeded()).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    copy = classifiers.frozen(model, torch.bfloat16)
    assert all(weights.dtype == torch.bfloat16 for weights in copy.parameters())
    for weights in copy.parameters():
        weights.zero_()
    assert model.training
    assert all(weights.requires_grad for weights in model.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("architecture", ["madry", "reference"])
@pytest.mark.parametrize("batch", [fast.SMALLEST_FAST_BATCH - 1, fast.SMALLEST_FAST_BATCH + 8])
def test_the_fast_way_back_to_the_image_is_the_plain_convolutions(
    architecture: str, batch: int
) -> None:
    generator = torch.Generator().manual_seed(4)
    plain = classifiers.build(architecture, generator).eval()
    frozen = classifiers.frozen(plain)
    images = torch.rand(batch, 1, 28, 28, generator=generator)
    labels = torch.randint(0, 10, (batch,), generator=generator)
    expected = attacks.image_gradient(plain, images, labels)  # its weights ask for gradients
    found = attacks.image_gradient(frozen, images, labels)
    assert float(expected.abs().max()) > 0
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)
    assert float((found.sign() == expected.sign()).double().mean()) > 0.999
