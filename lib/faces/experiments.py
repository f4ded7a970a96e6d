"""One run of the second stage: a set, a method, a fold and a seed in, a prediction per image out.

A run is a plain dict (see `config`), so that any number of them can be computed anywhere, each
with a result file of its own.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from lib.book import states, sweep
from lib.book.results import Result
from lib.book.weights import SHIPPED
from lib.faces import classifier, folds, recognition
from lib.faces.classifier import Classifier
from lib.faces.data import CK_PLUS, Faces, Shape
from lib.faces.datasets import drawn, ict, made
from lib.faces.models import CODE, ModelConfig, Trunk
from lib.faces.profiles import ClassifierConfig
from lib.faces.recognition import Recogniser, Recognition

PART, EXPERIMENT = "part2", "recognition"
SETS = {"ck": CK_PLUS, "mmi": made.MMI, "oulu": made.OULU_CASIA}
RENDERERS = {"embedded": ("drawn", drawn.render), "open": ("ict", ict.render)}
METHODS: dict[str, tuple[str, str]] = {  # which encoder is frozen, and what is read of it
    "cnn": ("", ""),  # the baseline: none, trained from scratch
    "de_gan": ("de_gan", "maps and code"),
    "de_gan code": ("de_gan", "code"),
    "de_gan maps": ("de_gan", "maps"),
    "supervised": ("supervised", "maps and code"),
    "supervised code": ("supervised", "code"),
}
TRUNKS = {"de_gan": "encoder", "supervised": "trunk"}  # its name within the stored network
LAST = 0.1  # share of the steps whose mean loss is reported


def describe(
    name: str,
    rung: str,
    shape: Shape,
    model: ModelConfig,
    training: ClassifierConfig,
    data_seed: int,
    count: int = folds.FOLDS,
) -> dict[str, Any]:
    """Return what all runs on a set have in common, as plain JSON.

    Args:
        name: of SETS.
        rung: of the data ladder.
        shape: of a set that is made; the original sets have their own.
        model: how large the networks are.
        training: of each run.
        data_seed: of a set that is made.
        count: of folds.

    Raises:
        ValueError: see `load_set`.
        OSError: see `load_set`.
    """
    faces = load_set(name, rung, shape, model.side, data_seed)
    return {
        "set": name,
        "dataset": faces.name,
        "rung": rung,
        "shape": {**asdict(shape), "sequences": dict(shape.sequences)},
        "data_seed": data_seed,
        "fingerprint": faces.fingerprint(),
        "folds": count,
        "model": {"side": model.side, "width": model.width},
        "training": asdict(training),
    }


def config(common: Mapping[str, Any], method: str, fold: int, seed: int) -> dict[str, Any]:
    """Return one run.

    Args:
        common: see `describe`.
        method: of METHODS.
        fold: which one is tested.
        seed: of the training.

    Raises:
        ValueError: there is no such method or fold.
        FileNotFoundError: the method's encoder is missing.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; choose one of: {', '.join(METHODS)}")
    if not 0 <= fold < common["folds"]:
        raise ValueError(f"fold {fold} of {common['folds']}; they count from 0")
    run = {**common, "method": method, "fold": fold, "seed": seed}
    return {**run, "encoder": encoder_digest(run)}


def grid(common: Mapping[str, Any], methods: Sequence[str], seed: int = 0) -> list[dict[str, Any]]:
    """Return the runs of some methods in all folds, fold by fold."""
    return [config(common, name, fold, seed) for fold in range(common["folds"]) for name in methods]


def run_all(runs: Sequence[Mapping[str, Any]]) -> list[Result]:
    """Return the result of each run; what has none yet is trained."""
    return [found for found in sweep.run(PART, EXPERIMENT, runs, run_one) if found]


def run_one(run: dict[str, Any]) -> dict[str, Any]:
    """Train on all folds but one and return what is predicted for the images of that one.

    Returns:
        For each test image its `rows` in the set, `identities`, `targets` and `predicted`, the mean
        `loss` at the end of training, training `seconds`, and the number of trained `parameters`.

    Raises:
        ValueError: images, folds, network or encoder are not as the run says.
        FileNotFoundError: the encoder is missing.
    """
    found = faces(run)
    train, test = rows_of(found, run)
    network = build(run, len(found.classes))
    loss = recognition.total_loss if isinstance(network, Recogniser) else F.cross_entropy
    started = time.perf_counter()
    history = classifier.fit(
        network,
        loss,
        found.images[train],
        found.expressions[train],
        ClassifierConfig(**run["training"]),
        run["seed"],
    )
    return {
        "rows": test.tolist(),
        "identities": found.identities[test].tolist(),
        "targets": found.expressions[test].tolist(),
        "predicted": predicted(network, found.images[test]).tolist(),
        "loss": float(np.mean(history[-max(1, round(LAST * len(history))) :])),
        "seconds": round(time.perf_counter() - started, 3),
        "parameters": sum(each.numel() for each in network.parameters() if each.requires_grad),
    }


def load_set(name: str, rung: str, shape: Shape, side: int, seed: int) -> Faces:
    """Return a set for recognition, at the size that networks for `side` pixels are trained on.

    Args:
        name: of SETS.
        rung: of the data ladder.
        shape: of a set that is made.
        side: of the networks' pictures.
        seed: of a set that is made.

    Raises:
        ValueError: there is no such set or rung.
        OSError: a set that is made cannot be kept.
    """
    if name not in SETS:
        raise ValueError(f"unknown set {name!r}; choose one of: {', '.join(SETS)}")
    if rung not in RENDERERS:
        raise ValueError(f"no faces on the rung {rung!r}; choose one of: {', '.join(RENDERERS)}")
    kind, render = RENDERERS[rung]
    return made.recognition(render, f"{kind}_{name}", rung, shape, side, seed)


def faces(run: Mapping[str, Any]) -> Faces:
    """Return the set that a run is about.

    Raises:
        ValueError: its images or labels are not those the run names.
    """
    shape = Shape(**run["shape"])
    found = load_set(run["set"], run["rung"], shape, run["model"]["side"], run["data_seed"])
    if found.fingerprint() != run["fingerprint"]:
        raise ValueError(f"the faces of {found.name} are not those of this run; describe it anew")
    return found


def rows_of(found: Faces, run: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return which images of a set train and which test a run; nobody is in both (section 4.2).

    Raises:
        ValueError: somebody is, a class has no image to learn it from, or there is no such fold.
    """
    count, fold = run["folds"], run["fold"]
    if not 0 <= fold < count:
        raise ValueError(f"fold {fold} of {count}; they count from 0")
    places = folds.split(found.identities, found.expressions, count)
    folds.check(found.identities, places)
    train, test = np.flatnonzero(places != fold), np.flatnonzero(places == fold)
    there = np.isin(np.arange(len(found.classes)), found.expressions[train])
    if not there.all():
        lacking = found.classes[int(there.argmin())]
        raise ValueError(
            f"no {lacking} outside fold {fold} of {found.name}; leave the class out, or take "
            "other folds"
        )
    return train, test


def build(run: Mapping[str, Any], classes: int) -> nn.Module:
    """Return a run's network with the weights it begins with.

    Raises:
        ValueError, FileNotFoundError: see `load_encoder`.
    """
    model = ModelConfig(identities=1, expressions=classes, **run["model"])
    kind, parts = METHODS[run["method"]]
    if not kind:
        return Classifier(model, classes)
    if encoder_digest(run) != run["encoder"]:
        raise ValueError(f"{encoder_path(run)} is not the encoder of this run; describe it anew")
    encoder = load_encoder(encoder_path(run), TRUNKS[kind], model)
    return Recogniser(encoder, model, classes, parts)


def encoder_path(run: Mapping[str, Any]) -> Path:
    """Return where the network lies whose encoder a run reads: DE-GAN's generator, or a classifier.

    The JSON beside it says how it was trained; its "run" holds the form under "model".
    """
    kind, _ = METHODS[run["method"]]
    return SHIPPED / f"part2_{run['rung']}_{kind}.safetensors"


def encoder_digest(run: Mapping[str, Any]) -> str:
    """Return the first 16 hex digits of the SHA-256 of a run's encoder, nothing for the baseline.

    Raises:
        FileNotFoundError: the encoder is missing.
    """
    kind, _ = METHODS[run["method"]]
    if not kind:
        return ""
    path = encoder_path(run)
    _check_there(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def load_encoder(path: Path, name: str, model: ModelConfig) -> Trunk:
    """Return the encoder of a stored network.

    Args:
        path: of the network, with a JSON beside it.
        name: of the encoder within the network.
        model: the form it must have.

    Raises:
        FileNotFoundError: there is no such file, or no JSON.
        ValueError: it is of another width or for pictures of another size, or is damaged.
    """
    _check_there(path)
    _check_there(path.with_suffix(".json"))
    stored = json.loads(path.with_suffix(".json").read_bytes())["run"]["model"]
    for field in ("side", "width"):
        if stored[field] != getattr(model, field):
            raise ValueError(
                f"{path} has {field} {stored[field]}, the run {getattr(model, field)}; train an "
                "encoder of that form, or change the run"
            )
    encoder = Trunk(model, CODE)
    try:
        encoder.load_state_dict(states.unpack(name, load_file(path)))
    except (SafetensorError, RuntimeError):
        raise ValueError(f"{path} holds no such encoder; train it again") from None
    return encoder


def _check_there(path: Path) -> None:
    """Raise FileNotFoundError where a file of an encoder is missing."""
    if not path.is_file():
        raise FileNotFoundError(
            f"no encoder under {path}; train one with `python -m lib.faces.checkpoints`"
        )


def predicted(network: nn.Module, images: np.ndarray) -> np.ndarray:
    """Return the class with the largest logit of each image, (n,) int64.

    Args:
        network: a classifier or a recogniser.
        images: (n, source, source, 3) uint8.
    """

    def logits(pictures: Tensor) -> Tensor:
        output = network(pictures)
        return output.joint if isinstance(output, Recognition) else output

    return classifier.predict(logits, images).argmax(dim=1).numpy()
