"""Which networks there are to attack, and where their weights come from.

`natural` and `robust` are the book's own. They are shipped, with a JSON beside each that says how
it was made; a training whose configuration or data differ from what is shipped is run here and
kept in data/cache. Two further pairs join in where a reader has them: the public `reference`
LeNets and `madry`, the released networks of the paper.

    python -m lib.adversarial.checkpoints ship robust

trains a network of the quick profile on MNIST anew and puts it into data/checkpoints; with
`--embedded` on the digits that need no download.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from lib.adversarial import attacks, data, models, training
from lib.adversarial.data import Digits
from lib.adversarial.profiles import PROFILES, Profile, TrainingConfig
from lib.book import data_root, results, states, weights
from lib.book.files import REPOSITORY, write_atomically
from lib.book.weights import SHIPPED, save_weights, shipped_run

CACHE = REPOSITORY / "data" / "cache" / "checkpoints"


@dataclass(frozen=True)
class Network:
    """Weights on disk: `pair` says whose ("ours", "reference", "madry"), `kind` how trained."""

    pair: str
    kind: str  # "natural" or "robust"
    path: Path

    @property
    def architecture(self) -> str:
        """Return the name under which `models` knows how to build it."""
        return "reference" if self.pair == "reference" else "madry"

    @property
    def digest(self) -> str:
        """Return the first 16 hex digits of the file's SHA-256."""
        return weights.file_digest(self.path)

    def load(self) -> nn.Module:
        """Return the network, frozen, float32."""
        return models.load(self.path, self.architecture)


def networks(profile: Profile, digits: Digits, *, train: bool = True) -> list[Network]:
    """Return all networks to attack, pair by pair, natural before robust.

    Ours are trained if need be, unless `train` is False: then a file may not be there yet. The
    other pairs know MNIST only and are left out on the embedded rung.
    """
    own = own_weights if train else place
    ours = [
        Network("ours", config.name, own(config, digits))
        for config in profile.trainings(digits.rung)
    ]
    return ours + (published_networks() if digits.name == "mnist" else [])


def published_networks() -> list[Network]:
    """Return the reference and Madry pairs, as far as their files are under the data root."""
    folder = data_root.root() / "weights"
    names = {"reference": "advertorch_lenet5_{}.safetensors", "madry": "madry_{}.safetensors"}
    found = [
        Network(pair, kind, folder / name.format(kind))
        for pair, name in names.items()
        for kind in ("natural", "robust")
    ]
    return [network for network in found if network.path.is_file()]


def digests(networks: Sequence[Network]) -> dict[str, str]:
    """Return the digest of the weights of each network, by kind and pair."""
    return {f"{network.kind}, {network.pair}": network.digest for network in networks}


def own_weights(config: TrainingConfig, digits: Digits) -> Path:
    """Return the file with the weights that `config` leads to: shipped, cached, or trained now."""
    path = place(config, digits)
    if not path.is_file():
        progress = path.with_suffix(".training")
        model = training.train(config, digits, checkpoint=progress)
        save_weights(model, path)
        states.remove(progress)
    return path


def place(config: TrainingConfig, digits: Digits) -> Path:
    """Return where the weights that `config` leads to stand, or will stand once they are trained.

    With BOOK_RETRAIN in the environment the shipped file is passed over.
    """
    run = training_run(config, digits)
    shipped = shipped_path(config.name, digits.rung)
    if not os.environ.get("BOOK_RETRAIN") and shipped_run(shipped) == run:
        return shipped
    return CACHE / f"{results.key(run)}.safetensors"


def shipped_path(name: str, rung: str) -> Path:
    """Return where the shipped network of this name lies that was trained on a rung's digits."""
    return SHIPPED / f"part3_{rung}_{name}.safetensors"


def training_run(config: TrainingConfig, digits: Digits) -> dict[str, object]:
    """Return what determines the weights, as plain JSON."""
    return {"training": asdict(config), "dataset": digits.name, "fingerprint": digits.fingerprint}


def find_by_digest(digest: str) -> Path:
    """Return the weights file with this digest, wherever networks are kept.

    Raises:
        FileNotFoundError: there is none.
    """
    found = weights.find_by_digest(digest, (SHIPPED, CACHE, data_root.root() / "weights"))
    if found is None:
        raise FileNotFoundError(f"no weights with digest {digest}; run the networks' chapter first")
    return found


def measure(model: nn.Module, digits: Digits, images: int = 1000) -> dict[str, float | int]:
    """Return test accuracy on clean digits and under 40-step PGD at 0.3 on the first `images`."""
    test, labels = data.to_batch(digits.test_images), torch.from_numpy(digits.test_labels)
    generator = torch.Generator().manual_seed(0)
    attacked = torch.cat(
        [
            attacks.pgd(model, batch, truth, 0.3, generator=generator)
            for batch, truth in zip(
                test[:images].split(200), labels[:images].split(200), strict=True
            )
        ]
    )
    return {
        "clean_accuracy": training.accuracy(model, test, labels),
        "clean_images": len(test),
        "pgd40_accuracy_at_0.3": training.accuracy(model, attacked, labels[:images]),
        "attacked_images": len(attacked),
    }


def ship(
    name: str, digits: Digits, report: Callable[[int, float, nn.Module], None] | None = None
) -> Path:
    """Train a network of the quick profile and put it, with its record, into SHIPPED."""
    trainings = PROFILES["quick"].trainings(digits.rung)
    (config,) = (config for config in trainings if config.name == name)
    run = training_run(config, digits)
    path = shipped_path(name, digits.rung)
    progress = CACHE / f"{results.key(run)}.training"
    started = time.monotonic()
    model = training.train(config, digits, progress, report)
    seconds = time.monotonic() - started
    save_weights(model, path)
    record = {
        "run": run,
        "command": f"python -m lib.adversarial.checkpoints ship {name}"
        + (" --embedded" if digits.rung == "embedded" else ""),
        "licence": "CC BY 4.0",
        "metrics": measure(models.load(path), digits),
        "provenance": results.provenance(seconds, digits.name, digits.rung),
    }
    write_atomically(path.with_suffix(".json"), json.dumps(record, indent=1) + "\n")
    states.remove(progress)
    return path


def main() -> None:
    """Run the command line described at the top."""
    parser = argparse.ArgumentParser(prog="python -m lib.adversarial.checkpoints")
    parser.add_argument("command", choices=["ship"])
    parser.add_argument("name", choices=["natural", "robust"])
    parser.add_argument("--embedded", action="store_true", help="train it on the embedded digits")
    arguments = parser.parse_args()
    digits = data.load("digits" if arguments.embedded else "mnist")
    path = ship(
        arguments.name, digits, lambda epoch, loss, _: print(f"epoch {epoch} loss {loss:.4f}")
    )
    print(path.with_suffix(".json").read_text())


if __name__ == "__main__":
    main()
