"""Which networks there are to attack, and where their weights come from.

`natural` and `robust` are the book's own. Beside them stands a `reference` pair, trained by other
people.

    python -m lib.adversarial.checkpoints ship robust

trains a network of the quick profile anew and puts it into data/checkpoints.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from lib.adversarial import attacks, classifiers, data, training
from lib.adversarial.data import Digits
from lib.adversarial.profiles import PROFILES, Profile
from lib.adversarial.training import TrainingConfig
from lib.book import data_root
from lib.runs import checkpoints, results, trainer
from lib.runs.checkpoints import CACHE, SHIPPED, Made, command


@dataclass(frozen=True)
class Network:
    """Weights on disk: `pair` says whose ("ours" or "reference"), `kind` how trained."""

    pair: str
    kind: str  # "natural" or "robust"
    path: Path

    @property
    def architecture(self) -> str:
        """Return the name under which `classifiers` knows how to build it."""
        return "reference" if self.pair == "reference" else "madry"

    @property
    def digest(self) -> str:
        """Return the first 16 hex digits of the file's SHA-256, "" where it is not there yet."""
        return checkpoints.file_digest(self.path) if self.path.is_file() else ""

    def load(self) -> nn.Module:
        """Return the network, frozen, float32."""
        return classifiers.load(self.path, self.architecture)


def networks(profile: Profile, digits: Digits, *, train: bool = True) -> list[Network]:
    """Return all networks to attack, pair by pair, natural before robust.

    Ours are trained if need be, unless `train` is False: then a file may not be there yet.
    """
    own = own_weights if train else place
    ours = [Network("ours", config.name, own(config, digits)) for config in profile.trainings]
    return ours + reference_networks()


def reference_networks() -> list[Network]:
    """Return the two LeNets of the advertorch examples."""
    folder = data_root.locate("weights")
    return [
        Network("reference", kind, folder / f"advertorch_lenet5_{kind}.safetensors")
        for kind in ("natural", "robust")
    ]


def digests(networks: Sequence[Network]) -> dict[str, str]:
    """Return the digest of the weights of each network, by kind and pair."""
    return {f"{network.kind}, {network.pair}": network.digest for network in networks}


def own_weights(config: TrainingConfig, digits: Digits) -> Path:
    """Return the file with the weights that `config` leads to: shipped, cached, or trained now."""
    path = place(config, digits)
    if checkpoints.run_of(path) != training_run(config, digits):
        train(path, config, digits)
    return path


def train(path: Path, config: TrainingConfig, digits: Digits) -> None:
    """Train a network and write its weights and, beside them, its record."""

    def make(progress: Path) -> Made:
        return training.train(config, digits, progress), {}

    progress = cached_path(config, digits).with_suffix(".training")
    run = training_run(config, digits)
    code = (classifiers, attacks, training, trainer)
    checkpoints.train(path, run, progress, make, (digits.name, digits.rung), code)


def place(config: TrainingConfig, digits: Digits) -> Path:
    """Return where the weights of a training stand, or will stand once it is done."""
    run = training_run(config, digits)
    return checkpoints.place(shipped_path(config.name), cached_path(config, digits), run)


def shipped_path(name: str) -> Path:
    """Return where the shipped network of this name lies."""
    return SHIPPED / f"part3_original_{name}.safetensors"


def cached_path(config: TrainingConfig, digits: Digits) -> Path:
    """Return where the weights that `config` leads to are kept if they are trained here."""
    return CACHE / f"{results.key(training_run(config, digits))}.safetensors"


def training_run(config: TrainingConfig, digits: Digits) -> dict[str, object]:
    """Return what determines the weights, as plain JSON."""
    return {"training": asdict(config), "dataset": digits.name, "fingerprint": digits.fingerprint}


def find_by_digest(digest: str) -> Path:
    """Return the weights file with this digest, wherever networks are kept."""
    return checkpoints.find_by_digest(digest, (SHIPPED, CACHE, data_root.locate("weights")))


def measure(model: nn.Module, digits: Digits) -> dict[str, float | int]:
    """Return test accuracy on clean digits and under 40-step PGD at 0.3 on the first 1,000."""
    images = 1000
    test, labels = data.to_batch(digits.test_images), torch.from_numpy(digits.test_labels)
    generator = torch.Generator().manual_seed(0)
    batches = zip(test[:images].split(200), labels[:images].split(200), strict=True)
    attacked = torch.cat(
        [attacks.pgd(model, each, truth, 0.3, generator=generator) for each, truth in batches]
    )
    return {
        "clean_accuracy": training.accuracy(model, test, labels),
        "clean_images": len(test),
        "pgd40_accuracy_at_0.3": training.accuracy(model, attacked, labels[:images]),
        "attacked_images": len(attacked),
    }


def ship(name: str) -> list[Path]:
    """Train a network of the quick profile and put it, with its record, into data/checkpoints."""
    digits, path = data.load(), shipped_path(name)
    (config,) = (config for config in PROFILES["quick"].trainings if config.name == name)
    train(path, config, digits)
    made_by = f"python -m lib.adversarial.checkpoints ship {name}"
    metrics = measure(classifiers.load(path), digits)
    content = {**checkpoints.record(path), "command": made_by, "metrics": metrics}
    checkpoints.write_record(path, content)
    return [path]


if __name__ == "__main__":
    command("lib.adversarial.checkpoints", ["natural", "robust"], ship)
