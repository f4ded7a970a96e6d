"""Real trainings at smoke size that leave a trace, for workers to import."""

import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from safetensors.torch import save

from lib.adversarial import data, training
from lib.adversarial.profiles import SMOKE
from lib.faces.runs import experiments as faces
from lib.faces.runs.profiles import PROFILES as FACES
from lib.runs import results

FEW = 320  # digits that a network learns from


def network(run: dict[str, Any]) -> dict[str, Any]:
    """Train a network of Part III; the digest of its weights tells any two apart."""
    every = data.load("mnist_small")
    few = replace(
        every, train_images=every.train_images[:FEW], train_labels=every.train_labels[:FEW]
    )
    found = training.train(training.TrainingConfig(**run), few)
    weights = {name: each.contiguous() for name, each in found.state_dict().items()}
    return {"weights": hashlib.sha256(save(weights)).hexdigest()}


def some_runs() -> list[dict[str, Any]]:
    """Return a training of Part II and three of Part III."""
    described = faces.describe(FACES["smoke"], "open")
    of_faces = [faces.config(described, "cnn", 0, 0, None)]
    networks = [asdict(replace(SMOKE.natural, seed=seed)) for seed in range(3)]
    every = {"faces": of_faces, "adversarial": networks}
    return [{"part": part, "run": run} for part, runs in every.items() for run in runs]


def name(config: Mapping[str, Any]) -> str:
    """Return what a training is called in the traces."""
    return results.key({"part": config["part"], "run": config["run"]})


def train(config: dict[str, Any]) -> dict[str, Any]:
    """Compute a run of either part; leave empty files when it begins and when it has ended."""
    traces = Path(config["traces"])

    def leave(stage: str) -> None:
        (traces / f"{stage}-{name(config)}-{os.getpid()}-{secrets.token_hex(4)}").touch()

    leave("begin")
    found = {"faces": faces.run_one, "adversarial": network}[config["part"]](config["run"])
    leave("end")
    return {key: value for key, value in found.items() if key != "seconds"}
