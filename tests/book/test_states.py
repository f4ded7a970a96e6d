"""The state of a training on disk: whole or known to be damaged, whoever else writes there."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from lib.runs import states
from tests.damage import DAMAGES, bits, flipped, stored
from tests.together import GATE, together

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


def test_what_was_written_is_read_to_the_bit(path: Path) -> None:
    states.write(path, tensors(), CONFIG)
    found = states.read(path, CONFIG)
    assert found is not None and bits(found) == bits(tensors())
    assert names(path.parent) == {"state.training"}


def test_tensors_in_any_order_of_memory_and_with_gradients_are_kept(path: Path) -> None:
    values = torch.arange(48.0).reshape(1, 2, 4, 6)
    layouts = {
        "channels": values.to(memory_format=torch.channels_last),
        "turned": values.transpose(1, 3),
        "weight": nn.Parameter(values.clone()),
        "part": values.flatten()[5:9],
    }
    states.write(path, layouts, CONFIG)
    found = states.read(path, CONFIG)
    assert found is not None
    assert all(torch.equal(found[name], value) for name, value in layouts.items())


def test_where_there_is_nothing_there_is_nothing_to_say(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert states.read(path, CONFIG) is None
    assert capsys.readouterr().err == ""
    states.remove(path)


def test_the_last_two_states_are_kept_until_they_are_removed(path: Path) -> None:
    for number in range(4):
        states.write(path, tensors(number), CONFIG)
    for place, number in ((path, 3), (path.with_name("state.training.previous"), 2)):
        assert stored(place) == bits(tensors(number))
    assert names(path.parent) == {"state.training", "state.training.previous"}
    for _ in range(2):  # another process may have been first
        states.remove(path)
        assert names(path.parent) == set()


def test_a_kill_between_the_two_renames_loses_one_state_only(path: Path) -> None:
    states.write(path, tensors(1), CONFIG)
    path.replace(path.with_name("state.training.previous"))
    found = states.read(path, CONFIG)
    assert found is not None and bits(found) == bits(tensors(1))


def test_a_state_of_another_configuration_is_refused_and_kept(path: Path) -> None:
    states.write(path, tensors(), CONFIG)
    before = path.read_bytes()
    line = "state.training belongs to another configuration; move it away to start anew"
    with pytest.raises(ValueError, match=line) as raised:
        states.read(path, ("a training", {"steps": 4}))
    assert "\n" not in str(raised.value)
    assert path.read_bytes() == before and names(path.parent) == {"state.training"}


# --- damaged


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_state_is_set_aside_and_the_previous_one_is_used(
    damage: Callable[[bytes], bytes], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        states.write(path, tensors(number), CONFIG)
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    found = states.read(path, CONFIG)
    assert found is not None and bits(found) == bits(tensors(0))
    said = capsys.readouterr().err
    assert said.startswith(f"{path} is damaged (") and said.count("\n") == 1
    assert said.endswith("; it is kept as state.training.damaged\n")
    assert path.with_name("state.training.damaged").read_bytes() == damaged
    states.write(path, tensors(2), CONFIG)  # what was resumed from stays the previous one
    previous = path.with_name("state.training.previous")
    assert stored(previous) == bits(tensors(0))
    again = states.read(path, CONFIG)
    assert again is not None and bits(again) == bits(tensors(2))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("count", [1, 2])
def test_where_all_states_are_damaged_the_training_starts_anew(
    count: int, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(count):
        states.write(path, tensors(number), CONFIG)
    before = names(path.parent)
    for name in before:
        path.with_name(name).write_bytes(b"")
    assert states.read(path, CONFIG) is None
    said = capsys.readouterr().err.splitlines()
    assert said[-1] == f"no whole state is left of {path}; its training starts anew"
    assert len(said) == count + 1
    assert names(path.parent) == {f"{name}.damaged" for name in before}
    assert states.read(path, CONFIG) is None
    assert capsys.readouterr().err == ""  # said once


def test_whatever_bit_turns_and_wherever_it_breaks_off_no_wrong_tensor_is_read(
    path: Path,
) -> None:
    small = {"step": torch.tensor(7), "weights": torch.tensor([0.5, -2.0])}
    aside = path.with_name("state.training.damaged")
    states.write(path, small, "short")
    content = path.read_bytes()
    header = 8 + int.from_bytes(content[:8], "little")
    for bit in range(8 * len(content)):
        path.write_bytes(flipped(content, bit))
        found = states.read(path, "short")
        noticed = aside.exists()
        aside.unlink(missing_ok=True)
        assert noticed or bit < 8 * header
        assert found is None if noticed else bits(found or {}) == bits(small)
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert states.read(path, "short") is None


# --- disks and other processes


def test_a_full_disk_leaves_the_states_that_were_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        states.write(path, tensors(number), CONFIG)
    before = {name: path.with_name(name).read_bytes() for name in names(path.parent)}

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="cannot write .*state.training.*No space left") as raised:
            states.write(path, tensors(2), CONFIG)
    assert "\n" not in str(raised.value)
    assert {name: path.with_name(name).read_bytes() for name in names(path.parent)} == before


SHARE = f"""
import sys
from pathlib import Path
import torch
from lib.runs import states
path, own = Path(sys.argv[1]), float(sys.argv[2])
{GATE}
for _ in range(60):
    states.write(path, dict(a=torch.full((3000,), own), b=torch.full((7,), own)), "shared")
    found = states.read(path, "shared")
    assert found is not None and len(set(torch.cat([*found.values()]).tolist())) == 1
"""


def test_several_processes_in_one_place_each_find_a_whole_state(path: Path) -> None:
    together(SHARE, [[str(path), own] for own in "123"])
    assert names(path.parent) == {"state.training", "state.training.previous"}


# --- optimisers


def convolutions() -> tuple[nn.Module, torch.optim.Adam]:
    """Return a network in the layout of the trainings, and its optimiser."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 19, 3), nn.ELU(), nn.Conv2d(19, 21, 3))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, torch.optim.Adam(network.parameters(), betas=(0.5, 0.999))


def descend(network: nn.Module, optimizer: torch.optim.Adam, first: int, last: int) -> None:
    """Take some steps, each on pictures of its own."""
    for step in range(first, last):
        pictures = torch.randn(4, 3, 12, 12, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        network(pictures).square().mean().backward()
        optimizer.step()


def test_an_optimiser_goes_on_to_the_same_bits(path: Path) -> None:
    whole, optimizer = convolutions()
    descend(whole, optimizer, 0, 9)
    begun, first = convolutions()
    descend(begun, first, 0, 4)
    kept = states.pack("network", begun.state_dict()) | states.pack_optimizer(first)
    states.write(path, kept, CONFIG)
    resumed, second = convolutions()
    found = states.read(path, CONFIG)
    assert found is not None
    resumed.load_state_dict(states.unpack("network", found))
    states.unpack_optimizer(second, found)
    descend(resumed, second, 4, 9)
    assert bits(dict(resumed.state_dict())) == bits(dict(whole.state_dict()))
    assert bits(states.pack_optimizer(second)) == bits(states.pack_optimizer(optimizer))
    assert bits(dict(begun.state_dict())) != bits(dict(whole.state_dict()))
