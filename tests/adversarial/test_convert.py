"""Published weights: the same function in another layout, and files that must not be trusted."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lib.adversarial import convert, models
from lib.book import data_root, datasets, downloads

SHAPES = {
    "Variable": (5, 5, 1, 32),
    "Variable_1": (32,),
    "Variable_2": (5, 5, 32, 64),
    "Variable_3": (64,),
    "Variable_4": (3136, 1024),
    "Variable_5": (1024,),
    "Variable_6": (1024, 10),
    "Variable_7": (10,),
}


@pytest.fixture
def variables(random: np.random.Generator) -> dict[str, np.ndarray]:
    """Give random arrays in TensorFlow's shapes."""
    return {
        name: (0.1 * random.standard_normal(shape)).astype(np.float32)
        for name, shape in SHAPES.items()
    }


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty data root."""
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    return tmp_path


def convolve(images: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Return TensorFlow's conv2d, padding "SAME", stride 1; NHWC and (height, width, in, out)."""
    reach = kernel.shape[0] // 2
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach), (0, 0)))
    height, width = images.shape[1:3]
    found = np.zeros((*images.shape[:3], kernel.shape[3]))
    for row in range(kernel.shape[0]):
        for column in range(kernel.shape[1]):
            window = padded[:, row : row + height, column : column + width]
            found += window @ kernel[row, column]
    return found + bias


def pool(images: np.ndarray) -> np.ndarray:
    """Return the maxima of 2x2 blocks, NHWC."""
    n, height, width, channels = images.shape
    return images.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


def madry_forward(images: np.ndarray, variables: dict[str, np.ndarray]) -> np.ndarray:
    """Return the logits of Madry's model.py, in NumPy and in TensorFlow's layout."""
    v = [variables[name].astype(np.float64) for name in SHAPES]
    hidden = pool(np.maximum(convolve(images.astype(np.float64), v[0], v[1]), 0))
    hidden = pool(np.maximum(convolve(hidden, v[2], v[3]), 0))
    hidden = np.maximum(hidden.reshape(len(images), -1) @ v[4] + v[5], 0)
    return hidden @ v[6] + v[7]


def test_a_tensorflow_network_computes_the_same_logits(
    variables: dict[str, np.ndarray], random: np.random.Generator
) -> None:
    images = random.random((3, 28, 28, 1)).astype(np.float32)
    model = convert.from_tensorflow(variables)
    with torch.no_grad():
        found = model(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()
    expected = madry_forward(images, variables)
    assert np.abs(expected).max() > 0.5
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", list(SHAPES))
def test_a_missing_variable_is_named(name: str, variables: dict[str, np.ndarray]) -> None:
    del variables[name]
    with pytest.raises(ValueError, match=f"variable '{name}' must be present with shape"):
        convert.from_tensorflow(variables)


def test_a_variable_of_another_shape_is_named(variables: dict[str, np.ndarray]) -> None:
    variables["Variable_6"] = variables["Variable_6"].T
    with pytest.raises(ValueError, match=r"'Variable_6' must be present with shape \(1024, 10\)"):
        convert.from_tensorflow(variables)


def test_arrays_survive_their_file(variables: dict[str, np.ndarray], tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **variables)
    found = convert.read_arrays(tmp_path / "x.npz")
    assert set(found) == set(variables)
    assert all(np.array_equal(found[name], variables[name]) for name in variables)


class Trap:
    """A pickled object that, once unpickled carelessly, leaves a file behind."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return Path.touch, (self.mark,)


def test_pickled_objects_in_arrays_are_refused_without_running_them(tmp_path: Path) -> None:
    trapped = np.array([Trap(tmp_path / "sprung")], dtype=object)
    np.savez(tmp_path / "x.npz", Variable=trapped)
    with pytest.raises(ValueError, match="x.npz is no .npz file of plain arrays") as raised:
        convert.read_arrays(tmp_path / "x.npz")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "text", "npy"])
def test_a_damaged_file_of_arrays_is_refused(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, Variable=np.arange(500.0))
    whole = path.read_bytes()
    flipped = whole[:600] + bytes([whole[600] ^ 0xFF]) + whole[601:]
    if damage == "npy":
        with path.open("wb") as file:
            np.save(file, np.arange(5.0))
    else:
        path.write_bytes(
            {
                "truncated": whole[: len(whole) // 2],
                "flipped": flipped,
                "empty": b"",
                "text": b"see the website",
            }[damage]
        )
    with pytest.raises(ValueError, match="x.npz is no .npz file of plain arrays"):
        convert.read_arrays(path)


def test_a_plain_advertorch_file_converts(tmp_path: Path) -> None:
    model = models.build("reference", torch.Generator().manual_seed(0))
    torch.save(model.state_dict(), tmp_path / "x.pt")
    found = convert.from_advertorch(tmp_path / "x.pt").state_dict()
    assert all(torch.equal(found[name], value) for name, value in model.state_dict().items())


def test_a_malicious_advertorch_file_is_refused_without_running_it(tmp_path: Path) -> None:
    torch.save({"conv1.weight": Trap(tmp_path / "sprung")}, tmp_path / "x.pt")
    with pytest.raises(ValueError, match="x.pt is no plain file of weights") as raised:
        convert.from_advertorch(tmp_path / "x.pt")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "sprung").exists()
    torch.load(tmp_path / "x.pt", weights_only=False)  # the trap works: careless reading springs it
    assert (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", ["other network", "list", "tensor", "nested", "text", "empty"])
def test_other_files_are_not_advertorchs(content: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    state = models.build("reference").state_dict()
    if content in ("text", "empty"):
        path.write_bytes(b"<html>not found</html>" if content == "text" else b"")
    else:
        kinds = {
            "other network": models.build("madry").state_dict(),
            "list": [torch.zeros(2)],
            "tensor": torch.zeros(2),
            "nested": {"state_dict": state},
        }
        torch.save(kinds[content], path)
    with pytest.raises(ValueError, match="x.pt (is no plain file|does not hold)") as raised:
        convert.from_advertorch(path)
    assert "\n" not in str(raised.value)


def test_the_reference_pair_is_made_byte_for_byte(tmp_path: Path) -> None:
    if not data_root.present("reference_lenet"):
        pytest.skip("the reference LeNets are not under the data root")
    folder = data_root.locate("reference_lenet")
    for kind, name in convert.ADVERTORCH.items():
        stored = load_file(folder / f"advertorch_lenet5_{kind}.safetensors")
        torch.save(stored, tmp_path / name)
    (made := tmp_path / "made").mkdir()
    convert.prepare(tmp_path, made)
    for file in datasets.DATASETS["reference_lenet"].files:
        assert downloads.is_good(file, made / file.name)


def test_a_missing_file_of_the_pair_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="mnist_lenet5_clntrained.pt"):
        convert.prepare(tmp_path, tmp_path)


def test_the_command_line_converts_madrys_arrays(
    root: Path, variables: dict[str, np.ndarray]
) -> None:
    np.savez(root / "variables.npz", **variables)
    assert convert.main(["madry", str(root / "variables.npz"), "robust"]) == 0
    found = models.load(root / "weights" / "madry_robust.safetensors", "madry").state_dict()
    expected = convert.from_tensorflow(variables).state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


@pytest.mark.parametrize("content", [None, b"", b"<html>not found</html>", b"PK\x03\x04 cut off"])
def test_the_command_line_answers_a_bad_file_with_one_line_and_2(
    content: bytes | None, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = root / "weights.file"
    if content is not None:
        path.write_bytes(content)
    assert convert.main(["madry", str(path), "natural"]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and "weights.file" in printed.err
    assert not (root / "weights").exists()


def test_a_folder_that_cannot_be_written_is_one_line(
    root: Path, variables: dict[str, np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(root / "variables.npz", **variables)
    target = root / "weights" / "madry_robust.safetensors"
    target.mkdir(parents=True)  # in the way, for root too
    assert convert.main(["madry", str(root / "variables.npz"), "robust"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
