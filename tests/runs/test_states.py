"""The state of a training on disk: whole or known to be damaged, whoever else writes there."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lib.runs import states
from tests.damage import bits, flipped

CONFIG = ("a training", {"steps": 3})


def tensors(number: float = 1.5) -> dict[str, Tensor]:
    """Return a tensor of each kind that a state may hold."""
    return {
        "empty": torch.empty(0, dtype=torch.int64),
        "flags": torch.tensor([True, False]),
        "half": torch.full((2, 3), number, dtype=torch.float16),
        "brain": torch.full((3,), number, dtype=torch.bfloat16),
        "odd": torch.tensor([float("nan"), -0.0, float("inf"), number]),
        "history": torch.tensor([1 / 3, number], dtype=torch.float64),
        "step": torch.tensor(7),
        "random": torch.Generator().manual_seed(0).get_state()[:5],
    }


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the place of a state in a folder that is not there yet."""
    return tmp_path / "new" / "state.training"


def test_what_was_written_is_read_to_the_bit(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert states.read(path, CONFIG) is None
    values = torch.arange(48.0).reshape(1, 2, 4, 6)
    layouts = {
        "channels": values.to(memory_format=torch.channels_last),
        "turned": values.transpose(1, 3),
        "weight": torch.nn.Parameter(values.clone()),
    }
    states.write(path, tensors() | layouts, CONFIG)
    found = states.read(path, CONFIG)
    assert found is not None and capsys.readouterr().err == ""
    assert all(torch.equal(found.pop(name), value) for name, value in layouts.items())
    assert bits(found) == bits(tensors())
    assert names(path.parent) == {"state.training"}


# --- damaged


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: flipped(content, len(content) * 8 * 3 // 4),
    ],
    ids=["empty", "a byte short", "a byte long", "a bit flipped"],
)
def test_of_a_damaged_state_it_is_said_and_the_training_starts_anew(
    damage: Callable[[bytes], bytes], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    states.write(path, tensors(), CONFIG)
    path.write_bytes(damage(path.read_bytes()))
    assert states.read(path, CONFIG) is None
    assert capsys.readouterr().err == f"{path} is damaged; its training starts anew\n"
    states.write(path, tensors(2), CONFIG)
    found = states.read(path, CONFIG)
    assert found is not None and bits(found) == bits(tensors(2))


def test_whatever_bit_turns_and_wherever_it_breaks_off_no_wrong_tensor_is_read(
    path: Path,
) -> None:
    states.write(path, {"weights": torch.tensor([0.5, -2.0])}, "short")
    content = path.read_bytes()
    spoilt = [flipped(content, bit) for bit in range(8 * len(content))]
    spoilt += [content[:length] for length in range(len(content))]
    for each in spoilt:
        path.write_bytes(each)
        assert states.read(path, "short") is None


# --- others


def test_several_writers_in_one_place_each_find_a_whole_state(path: Path) -> None:
    def share(own: float) -> None:
        for _ in range(50):
            both = {"a": torch.full((3000,), own), "b": torch.full((7,), own)}
            states.write(path, both, "shared")
            found = states.read(path, "shared")
            assert found is not None and len(set(torch.cat([*found.values()]).tolist())) == 1

    with ThreadPoolExecutor(2) as pool:
        assert [*pool.map(share, (1.0, 2.0))] == [None, None]
    assert names(path.parent) == {"state.training"}
