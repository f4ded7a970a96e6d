"""A training in progress, kept on disk as named tensors: what all parts resume from."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.optim import Optimizer


def write(path: Path, tensors: Mapping[str, Tensor], config: object) -> None:
    """Write a training's state beside its place, then rename it: never half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    save_file(dict(tensors), partial, metadata={"config": repr(config)})
    partial.replace(path)


def read(path: Path, config: object) -> dict[str, Tensor]:
    """Return the tensors of a training in progress.

    Raises:
        ValueError: the file is damaged, or belongs to a training with another configuration.
    """
    try:
        with safe_open(path, framework="pt") as stored:
            if stored.metadata().get("config") == repr(config):
                return {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged ({error}); delete it to start anew") from None
    raise ValueError(f"{path} belongs to another configuration; move it away to start anew")


def pack(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with a prefix before each name."""
    return {f"{prefix}.{name}": value.contiguous() for name, value in tensors.items()}


def unpack(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return those tensors whose name has the prefix, without it."""
    start = f"{prefix}."
    return {name[len(start) :]: v for name, v in tensors.items() if name.startswith(start)}


def pack_optimizer(optimizer: Optimizer) -> dict[str, Tensor]:
    """Return what an optimiser remembers of each weight, as named tensors."""
    return {
        f"optimizer.{index}.{name}": value.contiguous()
        for index, slots in optimizer.state_dict()["state"].items()
        for name, value in slots.items()
    }


def unpack_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser back what `pack_optimizer` returned."""
    content = optimizer.state_dict()
    content["state"] = {}
    for key, value in unpack("optimizer", tensors).items():
        index, name = key.split(".")
        content["state"].setdefault(int(index), {})[name] = value
    optimizer.load_state_dict(content)
