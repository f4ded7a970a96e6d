"""The reference pair of Part III, from advertorch's published files to data/weights.

    python -m tools.convert_lenet FOLDER

FOLDER holds mnist_lenet5_clntrained.pt and mnist_lenet5_advtrained.pt, as they lie in
advertorch_examples/trained_models of github.com/BorealisAI/advertorch (a83f4c7, LGPL-3.0).
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save

from lib.adversarial.classifiers import ReferenceLeNet
from lib.book.data_root import COMMITTED
from lib.book.files import write_atomically

PUBLISHED = {"natural": "mnist_lenet5_clntrained.pt", "robust": "mnist_lenet5_advtrained.pt"}


def convert(source: Path, target: Path) -> None:
    """Write both networks as safetensors, which cannot run code; nor is any run to read them."""
    for kind, name in PUBLISHED.items():
        model = ReferenceLeNet()
        model.load_state_dict(torch.load(source / name, map_location="cpu", weights_only=True))
        weights = {key: value.contiguous() for key, value in model.state_dict().items()}
        write_atomically(target / f"advertorch_lenet5_{kind}.safetensors", save(weights))


if __name__ == "__main__":
    convert(Path(sys.argv[1]), COMMITTED / "weights")
