"""Bringing published weights into the book's form: safetensors, which cannot run code.

    python -m lib.book.data_root get reference_lenet
    python -m lib.adversarial.convert madry variables.npz robust

write <data root>/weights/advertorch_lenet5_robust.safetensors, with the natural one, and
.../madry_robust.safetensors, where every chapter finds them.
"""

import argparse
import pickle
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from lib.adversarial.models import MadryNet, ReferenceLeNet
from lib.book import data_root
from lib.book.files import write_atomically

ADVERTORCH = {  # its published files, by how the network was trained
    "natural": "mnist_lenet5_clntrained.pt",
    "robust": "mnist_lenet5_advtrained.pt",
}


def from_advertorch(path: Path) -> ReferenceLeNet:
    """Return the LeNet in one of advertorch's published .pt files, read without running code.

    Raises:
        ValueError: the file is no plain dictionary of this network's weights.
    """
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path} is no plain file of weights: {reason}") from None
    model = ReferenceLeNet()
    expected = {name: value.shape for name, value in model.state_dict().items()}
    found = weights.items() if isinstance(weights, dict) else ()
    if {name: getattr(value, "shape", None) for name, value in found} != expected:
        raise ValueError(f"{path} does not hold advertorch's LeNet5; expected {list(expected)}")
    model.load_state_dict(weights)
    return model


def from_tensorflow(variables: dict[str, np.ndarray]) -> MadryNet:
    """Return Madry's released network from the eight arrays of its TensorFlow checkpoint.

    Where TensorFlow is installed, two lines write them to a file this command reads:

        reader = tf.train.load_checkpoint("models/secret")
        np.savez("variables.npz", **{n: reader.get_tensor(n) for n in WEIGHTS})

    WEIGHTS are Variable, Variable_1, ... Variable_7, in the order in which the graph made them.
    TensorFlow stores kernels as
    (height, width, in, out), dense weights as (in, out), and flattens (height, width, channel);
    torch wants (out, in, height, width), (out, in) and (channel, height, width).

    Raises:
        ValueError: an array is missing or has another shape.
    """
    names = ["Variable"] + [f"Variable_{index}" for index in range(1, 8)]
    shapes = [(5, 5, 1, 32), (32,), (5, 5, 32, 64), (64,), (3136, 1024), (1024,), (1024, 10), (10,)]
    for name, shape in zip(names, shapes, strict=True):
        if name not in variables or variables[name].shape != shape:
            raise ValueError(f"TensorFlow variable {name!r} must be present with shape {shape}")
    kernel1, bias1, kernel2, bias2, dense1, bias3, dense2, bias4 = (variables[n] for n in names)
    dense1 = dense1.reshape(7, 7, 64, 1024).transpose(3, 2, 0, 1).reshape(1024, 3136)
    arrays = {
        "conv1.weight": kernel1.transpose(3, 2, 0, 1),
        "conv1.bias": bias1,
        "conv2.weight": kernel2.transpose(3, 2, 0, 1),
        "conv2.bias": bias2,
        "dense1.weight": dense1,
        "dense1.bias": bias3,
        "dense2.weight": dense2.T,
        "dense2.bias": bias4,
    }
    model = MadryNet()
    model.load_state_dict({k: torch.from_numpy(v.copy()).float() for k, v in arrays.items()})
    return model.eval()


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz file; objects, which could run code, are refused.

    Raises:
        ValueError: it is no such file.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(stored)
    except (ValueError, OSError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no .npz file of plain arrays: {error}") from None


def prepare(source: Path, target: Path) -> None:
    """Lay down advertorch's two networks in the book's form, made from its two .pt files.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: a file does not hold what it should.
    """
    for kind, name in ADVERTORCH.items():
        model = from_advertorch(source / name)
        _store(model, target / f"advertorch_lenet5_{kind}.safetensors")


def _store(model: nn.Module, path: Path) -> None:
    """Store a converted network in full precision."""
    weights: dict[str, Tensor] = {k: v.contiguous() for k, v in model.state_dict().items()}
    write_atomically(path, save(weights))


def main(arguments: list[str] | None = None) -> int:
    """Convert Madry's arrays, as described at the top; 2 with one line for what does not fit."""
    parser = argparse.ArgumentParser(prog="python -m lib.adversarial.convert")
    parser.add_argument("source", choices=["madry"])
    parser.add_argument("file", type=Path)
    parser.add_argument("kind", choices=["natural", "robust"])
    asked = parser.parse_args(arguments)
    if not asked.file.is_file():
        print(f"{asked.file} does not exist; give the file you fetched", file=sys.stderr)
        return 2
    path = data_root.root() / "weights" / f"madry_{asked.kind}.safetensors"
    try:
        _store(from_tensorflow(read_arrays(asked.file)), path)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
