"""The networks: size, shapes, initial weights, and files that do not fit."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save, save_file

from lib.adversarial import attacks, classifiers, fast

each_architecture = pytest.mark.parametrize("architecture", ["madry", "reference"])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def layers(kernel: int, dense: int) -> int:
    """Return the parameters of two convolutions (32, 64 channels) and two dense layers."""
    convolutions = (kernel**2 * 1 + 1) * 32 + (kernel**2 * 32 + 1) * 64
    return convolutions + (7 * 7 * 64 + 1) * dense + (dense + 1) * 10


def test_parameter_counts() -> None:
    count = {
        name: sum(weights.numel() for weights in classifiers.build(name).parameters())
        for name in ("madry", "reference")
    }
    assert count == {"madry": 3_274_634, "reference": layers(3, 200)}
    assert count["madry"] == layers(5, 1024)


@pytest.mark.parametrize("rule", ["uniform", "truncated_normal"])
def test_a_generator_decides_the_initial_weights(rule: str) -> None:
    first, again, other = (
        classifiers.build("madry", seeded(seed), rule).state_dict() for seed in (0, 0, 1)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[n], other[n]) for n in first if n.endswith("weight"))


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
    # a normal of deviation 0.1, cut at two deviations, has deviation 0.0880
    assert float(weights.std()) == pytest.approx(0.0880, abs=5e-4)
    assert float(weights.mean()) == pytest.approx(0.0, abs=5e-4)


@each_architecture
def test_what_was_stored_is_loaded_frozen_in_float32(architecture: str, tmp_path: Path) -> None:
    model = classifiers.build(architecture, seeded()).half()
    stored = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(stored, tmp_path / "x.safetensors")
    found = classifiers.load(tmp_path / "x.safetensors", architecture)
    assert not found.training
    assert not any(weights.requires_grad for weights in found.parameters())
    for name, weights in found.state_dict().items():
        assert weights.dtype == torch.float32, name
        assert torch.equal(weights, stored[name].float()), name


WEIGHTS = {n: v.contiguous() for n, v in classifiers.build("reference").state_dict().items()}
REFERENCE = save(WEIGHTS)
NARROW = save(WEIGHTS | {"linear2.bias": torch.zeros(9)})
UNREADABLE = "x.safetensors is not a readable safetensors file"


@pytest.mark.parametrize(
    ("content", "architecture", "line"),
    [
        (REFERENCE, "madry", "x.safetensors does not hold the 'madry' network"),
        (NARROW, "reference", r"the 'reference' network: see linear2.bias \((9|10),\)"),
        (REFERENCE, "vgg", "unknown architecture 'vgg'; choose one of: madry, reference"),
        (REFERENCE[: len(REFERENCE) // 2], "reference", UNREADABLE),
        (b"not a network", "reference", UNREADABLE),
        (None, "reference", "no checkpoint at "),
    ],
)
def test_a_file_without_the_network_is_refused_and_left_as_it_is(
    content: bytes | None, architecture: str, line: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises((ValueError, FileNotFoundError), match=line) as found:
        classifiers.load(path, architecture)
    assert "\n" not in str(found.value)
    assert content is None or path.read_bytes() == content


@each_architecture
@pytest.mark.parametrize("batch", [fast.SMALLEST_FAST_BATCH - 1, fast.SMALLEST_FAST_BATCH + 8])
def test_the_fast_way_back_to_the_image_is_the_plain_convolutions(
    architecture: str, batch: int
) -> None:
    generator = seeded(4)
    plain = classifiers.build(architecture, generator).eval()
    frozen = classifiers.frozen(plain)
    images = torch.rand(batch, 1, 28, 28, generator=generator)
    labels = torch.randint(0, 10, (batch,), generator=generator)
    expected = attacks.image_gradient(plain, images, labels)  # its weights ask for gradients
    found = attacks.image_gradient(frozen, images, labels)
    assert float(expected.abs().max()) > 0
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)
    assert float((found.sign() == expected.sign()).double().mean()) > 0.999
