"""Real trainings at smoke size that leave a trace, for workers to import."""

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from safetensors.torch import save

from lib.adversarial import data as digits
from lib.adversarial import training
from lib.adversarial.profiles import SMOKE
from lib.adversarial.training import TrainingConfig as NetworkConfig
from lib.faces.runs import experiments as faces
from lib.faces.runs.profiles import PROFILES as FACES
from lib.runs import results
from lib.sound.runs import experiments as sound
from lib.sound.runs.profiles import PROFILES as SOUND


def network(run: dict[str, Any]) -> dict[str, Any]:
    """Train a network of Part III; the digest of its weights tells any two apart."""
    found = training.train(NetworkConfig(**run), digits.load("mnist_small"))
    weights = {name: each.contiguous() for name, each in found.state_dict().items()}
    return {"weights": hashlib.sha256(save(weights)).hexdigest()}


PARTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "sound": sound.run_one,
    "faces": faces.run_one,
    "adversarial": network,
}


def some_runs() -> list[dict[str, Any]]:
    """Return one training of Part I, the slowest, and two of each other part."""
    profile = SOUND["smoke"]
    of_sound = [sound.config(sound.common(profile), ("spectral",), 0)]
    described = faces.describe(FACES["smoke"], "open")
    of_faces = [faces.config(described, "cnn", fold, 0, None) for fold in range(2)]
    shorter = replace(SMOKE.natural, epochs=1)
    networks = [asdict(replace(shorter, seed=seed)) for seed in range(2)]
    every = {"faces": of_faces, "sound": of_sound, "adversarial": networks}
    return [{"part": part, "run": run} for part, runs in every.items() for run in runs]


def name(config: Mapping[str, Any]) -> str:
    """Return what a training is called in the traces."""
    return results.key({"part": config["part"], "run": config["run"]})


def train(config: dict[str, Any]) -> dict[str, Any]:
    """Compute a run of any part; leave empty files when it begins and when it has ended."""
    traces = Path(config["traces"])
    sound.WEIGHTS = traces / "weights"

    def leave(stage: str) -> None:
        (traces / f"{stage}-{name(config)}-{os.getpid()}-{secrets.token_hex(4)}").touch()

    leave("begin")
    found = PARTS[config["part"]](config["run"])
    leave("end")
    return {key: value for key, value in found.items() if key != "seconds"}
