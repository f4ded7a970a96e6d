"""One run of the second stage: a set, a method, a fold and a seed in, a prediction per image out.

A run is a plain dict (see `config`), so that any number of them can be computed anywhere, each
with a result file of its own.

    python -m lib.faces.runs.experiments

computes those of the quick profile that have none yet, those that train a GAN in each fold, too.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from lib.faces import classifier, folds, gan_training, recognition
from lib.faces.classifier import Classifier, ClassifierConfig
from lib.faces.data import datasets
from lib.faces.data.corpus import Corpus, Faces, Shape, Sizes
from lib.faces.de_gan import CODE, ModelConfig, Trunk
from lib.faces.gan_training import GANConfig
from lib.faces.recognition import Recogniser, Recognition
from lib.faces.runs import checkpoints, sources
from lib.faces.runs.checkpoints import CACHE
from lib.faces.runs.profiles import PROFILES, Profile
from lib.runs import results, states, sweep
from lib.runs.checkpoints import SHIPPED, file_digest
from lib.runs.checkpoints import find_by_digest as weights_with
from lib.runs.results import Result
from lib.runs.rows import Rows

PART, EXPERIMENT = "part2", "recognition"
DATASETS = {"original": "original", "open": "ict"}  # by rung
# these train DE-GAN on the fold's training people, too
TRAINED_ON = ("de_gan fine-tuned", "de_gan fold only")
OWN = ("baseline", "fine_tuning")  # trainings that some methods only have
BOTH = ("cnn", "de_gan")  # the rows of Tables 1 to 3 that are the paper's own
METHODS: dict[str, tuple[str, str]] = {  # which encoder is frozen, and what is read of it
    "cnn": ("", ""),  # the baseline: none, trained from scratch
    "de_gan": ("de_gan", "maps and code"),
    "de_gan code": ("de_gan", "code"),
    "de_gan maps": ("de_gan", "maps"),
    "de_gan fine-tuned": ("de_gan", "maps and code"),
    "de_gan fold only": ("", "maps and code"),  # without pre-training
    "supervised": ("supervised", "maps and code"),
    "supervised code": ("supervised", "code"),
}
TRUNKS = {"de_gan": "encoder", "supervised": "trunk"}  # its name within the stored network
GAN_OF_FOLD, READER = STAGES = ("gan_of_fold", "reader")  # trainings of a run; few have the first
LAST = 0.1  # share of the steps whose mean loss is reported


def describe(profile: Profile, rung: str, name: str = "ck") -> dict[str, Any]:
    """Return what all runs on a set ("ck", "mmi" or "oulu") have in common, as plain JSON.

    Sets that are made follow from their names and sizes, those that are read from their content.
    """
    sizes = profile.sizes
    common: dict[str, Any] = {
        "set": name,
        "dataset": DATASETS[rung],
        "rung": rung,
        "shape": asdict(sizes.shapes[name]),
        "data_seed": sizes.seed,
        "folds": profile.folds,
        "model": {"side": sizes.side, "width": profile.width, "code": CODE},
        "training": asdict(profile.recogniser),
        "baseline": asdict(profile.baseline),
        "fine_tuning": asdict(profile.fine_tuning),
    }
    if rung == "original":
        common["fingerprint"] = faces(common).fingerprint()
    return results.plain(common)


def config(
    common: Mapping[str, Any], method: str, fold: int, seed: int, encoder: Path | None
) -> dict[str, Any]:
    """Return one run: a method, the fold that is tested, a seed, and what `describe` says of all.

    `encoder` is the network whose encoder the method reads, None for the baseline.
    """
    run = {name: value for name, value in common.items() if name not in OWN}
    if method == "cnn":
        run["training"] = common["baseline"]
    if method in TRAINED_ON:
        run["fine_tuning"] = common["fine_tuning"]
    digest = file_digest(encoder) if encoder else ""
    return {**run, "method": method, "fold": fold, "seed": seed, "encoder": digest}


def grid(
    common: Mapping[str, Any], encoders: Mapping[str, Path], methods: Sequence[str], count: int
) -> list[dict[str, Any]]:
    """Return the runs of some methods in the first folds, fold by fold; see `table`."""
    return [
        config(common, method, fold, 0, encoders.get(METHODS[method][0]))
        for fold in range(count)
        for method in methods
    ]


def table(
    common: Mapping[str, Any],
    encoders: Mapping[str, Path],
    methods: Sequence[str],
    count: int,
    compute: bool = True,
) -> dict[str, list[Result]]:
    """Return the results of some methods in the first folds, fold by fold."""
    runs = grid(common, encoders, methods, count)
    code = (*sources.RECOGNISED, run_one, faces, rows_of, build, predicted)
    swept = sweep.run(PART, EXPERIMENT, runs, run_one, compute=compute, sources=code)
    found = [each for each in swept if each]
    return {name: [each for each in found if each.config["method"] == name] for name in methods}


def networks(profile: Profile, corpus: Corpus) -> dict[str, Path]:
    """Return the networks of a profile by kind (see checkpoints.KINDS), trained if need be."""
    return {kind: checkpoints.trained(kind, profile, corpus).path for kind in checkpoints.KINDS}


def run_one(run: dict[str, Any]) -> dict[str, Any]:
    """Train on all folds but one and return what is predicted for the images of that one.

    Returns:
        For each test image its `rows` in the set, `identities`, `targets` and `predicted`, the mean
        `loss` at the end of training, training `seconds`, and the number of trained `parameters`.
    """
    found = faces(run)
    train, test = rows_of(found, run)
    network = build(run, found.take(train))
    loss = recognition.total_loss if isinstance(network, Recogniser) else F.cross_entropy
    started = time.perf_counter()
    history = classifier.fit(
        network,
        loss,
        found.take(train).images,
        found.expressions[train],
        ClassifierConfig(**run["training"]),
        run["seed"],
        checkpoints.progress_path(READER, run),
    )
    metrics = {
        "rows": test.tolist(),
        "identities": found.identities[test].tolist(),
        "targets": found.expressions[test].tolist(),
        "predicted": predicted(network, found.take(test).images).tolist(),
        "loss": float(np.mean(history[-max(1, round(LAST * len(history))) :])),
        "seconds": round(time.perf_counter() - started, 3),
        "parameters": sum(each.numel() for each in network.parameters() if each.requires_grad),
    }
    for stage in STAGES:
        states.remove(checkpoints.progress_path(stage, run))
    return metrics


def faces(run: Mapping[str, Any]) -> Faces:
    """Return the set that a run is about.

    Raises:
        ValueError: there is no such set or rung, or a set that was read has changed.
        OSError: a set that is made cannot be kept.
    """
    shape, name = Shape(**run["shape"]), run["set"]
    sizes = Sizes(run["model"]["side"], 1, 1, 1, {name: shape}, run["data_seed"])
    sets = datasets.load(run["dataset"], sizes).sets
    if name not in sets:
        raise FileNotFoundError(f"no faces of the set {name!r}; these are there: {', '.join(sets)}")
    found = sets[name]()
    if run.get("fingerprint") not in (None, found.fingerprint()):
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


def build(run: Mapping[str, Any], train: Faces) -> nn.Module:
    """Return a run's network with the weights it begins with.

    Some methods first train DE-GAN on the faces that this network will be trained on.
    """
    classes = len(train.classes)
    model = ModelConfig(identities=1, expressions=classes, **run["model"])
    kind, parts = METHODS[run["method"]]
    if run["method"] in TRAINED_ON:
        return Recogniser(_trained_on(run, train), model, classes, parts)
    if not kind:
        return Classifier(model, classes)
    encoder = load_encoder(find_by_digest(run["encoder"]), TRUNKS[kind], model)
    return Recogniser(encoder, model, classes, parts)


def _trained_on(run: Mapping[str, Any], train: Faces) -> Trunk:
    """Return the encoder of a DE-GAN that learned from these faces, pre-trained or not."""
    people = train.renumbered()
    model = ModelConfig(people.people, len(people.classes), **run["model"])
    start = checkpoints.pair(find_by_digest(run["encoder"])) if run["encoder"] else None
    config = GANConfig(**run["fine_tuning"])
    progress = checkpoints.progress_path(GAN_OF_FOLD, run)
    found = gan_training.train(model, config, people, run["seed"], progress, start=start)
    return found.generator.encoder


def find_by_digest(digest: str) -> Path:
    """Return the network with this digest, shipped or trained here."""
    return weights_with(digest, (SHIPPED, CACHE))


def load_encoder(path: Path, name: str, model: ModelConfig) -> Trunk:
    """Return the encoder of a stored network, in which its weights begin with `name`."""
    encoder = Trunk(model, model.code)
    encoder.load_state_dict(states.unpack(name, load_file(path)))
    return encoder


def predicted(network: nn.Module, images: np.ndarray | Rows) -> np.ndarray:
    """Return the class with the largest logit of each image, (n,) int64."""

    def logits(pictures: Tensor) -> Tensor:
        output = network(pictures)
        return output.joint if isinstance(output, Recognition) else output

    return classifier.predict(logits, images).argmax(dim=1).numpy()


def tables(
    profile: Profile, corpus: Corpus, *, fine_tuning: bool = True
) -> dict[str, dict[str, list[Result]]]:
    """Return the results for each set that is there, by method, as `planned`.

    Without `fine_tuning` no run of TRAINED_ON is computed: each of them trains a GAN.
    """
    encoders = networks(profile, corpus)
    if "ck" not in corpus.sets:
        raise FileNotFoundError("CK+ is not there, on which all methods are compared; fetch it")
    found: dict[str, dict[str, list[Result]]] = {}
    for name in corpus.sets:
        common = describe(profile, corpus.rung, name)
        found[name] = {}
        for methods, count in planned(profile, name):
            compute = fine_tuning or methods != TRAINED_ON
            found[name] |= table(common, encoders, methods, count, compute)
    return found


def planned(profile: Profile, name: str) -> list[tuple[tuple[str, ...], int]]:
    """Return which methods run on a set, each with the number of folds.

    All methods run on the set in the shape of CK+, those that train DE-GAN on its people in
    `fine_tuned_folds`; the other sets see the paper's own two.
    """
    if name != "ck":
        return [(BOTH, profile.folds)]
    everywhere = tuple(method for method in METHODS if method not in TRAINED_ON)
    return [(everywhere, profile.folds), (TRAINED_ON, profile.fine_tuned_folds)]


if __name__ == "__main__":
    tables(PROFILES["quick"], datasets.load("best", PROFILES["quick"].sizes))
