"""The committed reference pair is what its converter makes of the published form."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lib.book import data_root
from tools import convert_lenet


def test_the_reference_pair_is_made_byte_for_byte(tmp_path: Path) -> None:
    folder = data_root.locate("weights")
    names = [f"advertorch_lenet5_{kind}.safetensors" for kind in convert_lenet.PUBLISHED]
    for name, published in zip(names, convert_lenet.PUBLISHED.values(), strict=True):
        torch.save(load_file(folder / name), tmp_path / published)
    convert_lenet.convert(tmp_path, tmp_path)
    for name in names:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


class Trap:
    """A pickled object that, once unpickled carelessly, leaves a file behind."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return Path.touch, (self.mark,)


def test_a_malicious_file_is_refused_without_running_it(tmp_path: Path) -> None:
    path = tmp_path / convert_lenet.PUBLISHED["natural"]
    torch.save({"conv1.weight": Trap(tmp_path / "sprung")}, path)
    with pytest.raises(pickle.UnpicklingError):
        convert_lenet.convert(tmp_path, tmp_path)
    assert not (tmp_path / "sprung").exists()
    torch.load(path, weights_only=False)  # the trap works: careless reading springs it
    assert (tmp_path / "sprung").exists()
