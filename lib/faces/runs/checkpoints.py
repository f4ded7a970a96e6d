"""The trained networks of Part II: shipped, kept in data/cache, or trained now.

    python -m lib.faces.runs.checkpoints ship de_gan

trains a network of the quick profile on rendered faces anew and puts it into data/checkpoints;
training goes on from where it was interrupted.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from lib.faces import classifier, gan_training, judges
from lib.faces.classifier import Classifier
from lib.faces.data import datasets
from lib.faces.data.corpus import EXPRESSIONS, Corpus
from lib.faces.de_gan import Discriminator, Generator, ModelConfig
from lib.faces.runs import sources
from lib.faces.runs.profiles import PROFILES, Profile
from lib.runs import checkpoints, results
from lib.runs.checkpoints import CACHE, SHIPPED, Made, command, file_digest, save_weights

KINDS = ("de_gan", "supervised", "expression_judge", "identity_judge")
GENERATORS = ("de_gan", "real_people")  # the second is of `real`


@dataclass(frozen=True)
class Trained:
    """A trained network on disk: its weights, what it was trained from, and its losses."""

    path: Path
    run: dict[str, Any]
    history: dict[str, list[float]]


def model_config(profile: Profile, corpus: Corpus) -> ModelConfig:
    """Return the form of all networks of a profile that learn from the pre-training people."""
    classes = len(EXPRESSIONS) if corpus.rung != "original" else len(EXPRESSIONS) - 1  # BU-4DFE's
    return ModelConfig(profile.sizes.people, classes, profile.sizes.side, profile.width)


def describe(kind: str, profile: Profile, corpus: Corpus) -> dict[str, Any]:
    """Return what determines a network's weights, as plain JSON.

    `kind` is of KINDS: DE-GAN's generator, the same encoder trained on expressions alone, and the
    two judges, who see other pictures of the same people.
    """
    run: dict[str, Any] = {
        "kind": kind,
        "dataset": corpus.name,
        "rung": corpus.rung,
        "people": profile.sizes.people,
        "frames": profile.sizes.frames,
        "data_seed": profile.sizes.seed,
        "model": asdict(model_config(profile, corpus)),
        "training": asdict(profile.gan if kind == "de_gan" else profile.judge),
        "seed": KINDS.index(kind),  # each training has its own
    }
    return results.plain(run)


def trained(kind: str, profile: Profile, corpus: Corpus) -> Trained:
    """Return a trained network: shipped, cached, or trained now."""
    run = describe(kind, profile, corpus)
    path = place(run)
    if checkpoints.run_of(path) != run:
        train(path, run, profile, corpus)
    return stored(path)


def digests(kinds: Sequence[str], profile: Profile, corpus: Corpus) -> dict[str, str]:
    """Return the digest of the weights of some of the trained networks, by kind."""
    return {kind: file_digest(trained(kind, profile, corpus).path) for kind in kinds}


def place(run: Mapping[str, Any]) -> Path:
    """Return where the network of a run (see `describe`) stands, or will stand once trained."""
    cached = progress_path(run["kind"], run).with_suffix(".safetensors")
    return checkpoints.place(shipped_path(run["rung"], run["kind"]), cached, run)


def stored(path: Path) -> Trained:
    """Return the network in a file, with what the JSON beside it says."""
    record = json.loads(path.with_suffix(".json").read_text())
    return Trained(path, record["run"], record["history"])


def shipped_path(rung: str, kind: str) -> Path:
    """Return where a shipped network of a rung stands."""
    return SHIPPED / f"part2_{rung}_{kind}.safetensors"


def discriminator_path(run: Mapping[str, Any]) -> Path:
    """Return where the discriminator of a DE-GAN is kept; fine-tuning alone needs it."""
    return CACHE / f"part2_discriminator_{results.key(run)}.safetensors"


def progress_path(stage: str, run: Mapping[str, Any]) -> Path:
    """Return where a training in progress is kept: a stage of a run, which may have several."""
    return CACHE / f"part2_{stage}_{results.key(run)}.training"


def pair(path: Path) -> tuple[Generator, Discriminator]:
    """Return a stored DE-GAN, both networks, to be trained on.

    Raises:
        FileNotFoundError: only the generator is there, as it is shipped.
    """
    run = json.loads(path.with_suffix(".json").read_text())["run"]
    beside = discriminator_path(run)
    if not beside.is_file():
        raise FileNotFoundError(
            f"fine-tuning needs the discriminator too, and {path.name} has none in {CACHE}; train "
            "both with `python -m lib.faces.runs.checkpoints ship de_gan`"
        )
    config = ModelConfig(**run["model"])
    generator, discriminator = Generator(config), Discriminator(config)
    generator.load_state_dict(load_file(path))
    discriminator.load_state_dict(load_file(beside))
    return generator.float(), discriminator.float()


def load(found: Trained) -> Any:
    """Return the network, frozen, float32: a Generator or a Classifier."""
    config = ModelConfig(**found.run["model"])
    kind = found.run["kind"]
    makes = kind in GENERATORS
    network: nn.Module = Generator(config) if makes else Classifier(config, classes(kind, config))
    network.load_state_dict(load_file(found.path))
    return network.float().eval().requires_grad_(False)


def classes(kind: str, config: ModelConfig) -> int:
    """Return how many classes a classifier tells apart: people, or expressions."""
    return config.identities if kind == "identity_judge" else config.expressions


def train(path: Path, run: dict[str, Any], profile: Profile, corpus: Corpus) -> None:
    """Train a network and write its weights and, beside them, its record."""
    make = partial(_generator if run["kind"] == "de_gan" else _classifier, run, profile, corpus)
    progress = progress_path(run["kind"], run)
    data = (corpus.name, corpus.rung)
    checkpoints.train(path, run, progress, make, data, sources.TRAINED)


def _generator(run: dict[str, Any], profile: Profile, corpus: Corpus, progress: Path) -> Made:
    """Return DE-GAN's generator and its losses; the discriminator is stored."""
    config, faces = ModelConfig(**run["model"]), corpus.pretraining()
    found = gan_training.train(config, profile.gan, faces, run["seed"], progress)
    save_weights(found.discriminator, discriminator_path(run))
    history = {name: readable(values) for name, values in found.history.items()}
    return found.generator, {"history": history}


def _classifier(run: dict[str, Any], profile: Profile, corpus: Corpus, progress: Path) -> Made:
    """Return a classifier of expressions or identities and its losses, in a hundred parts."""
    kind, config = run["kind"], ModelConfig(**run["model"])
    faces = corpus.judging() if kind.endswith("judge") else corpus.pretraining()
    network = Classifier(config, classes(kind, config))
    targets = faces.identities if kind == "identity_judge" else faces.expressions
    losses = classifier.fit(
        network, F.cross_entropy, faces.images, targets, profile.judge, run["seed"], progress
    )
    parts = np.array_split(losses, min(100, len(losses)))
    return network, {"history": {"loss": [round(float(part.mean()), 4) for part in parts]}}


def readable(values: list[float]) -> list[float]:
    """Return losses as JSON may hold them: -1 where there was none (no loss is negative)."""
    return [-1.0 if np.isnan(value) else round(value, 4) for value in values]


def panel(profile: Profile, corpus: Corpus) -> judges.Judges:
    """Return the judges of the people DE-GAN learns, trained where they are not there yet."""
    expression, identity = (
        load(trained(kind, profile, corpus)) for kind in ("expression_judge", "identity_judge")
    )
    return judges.seated(expression, identity, corpus)


def ship(kind: str) -> list[Path]:
    """Train a network of the quick profile and put it, with its record, into data/checkpoints."""
    profile = PROFILES["quick"]
    corpus = datasets.load("ict", profile.sizes)
    path = shipped_path(corpus.rung, kind)
    train(path, describe(kind, profile, corpus), profile, corpus)
    return [path]


if __name__ == "__main__":
    command("lib.faces.runs.checkpoints", KINDS, ship)
