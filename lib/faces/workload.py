"""What Part II still has to compute: faces, networks, and what recognises expressions in folds.

Operations are those of `arithmetic`, two for each of its MACs. Where a run trains two networks one
after the other, the time of both is taken from the one with more operations.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from lib.book import profiles, sweep, workload
from lib.book.weights import file_digest, shipped_run
from lib.book.workload import Do, Sample, Work, Workload
from lib.faces import (
    arithmetic,
    augment,
    checkpoints,
    classifier,
    data,
    experiments,
    knowledge,
    recognition,
    studies,
)
from lib.faces.classifier import PREDICTED, Classifier
from lib.faces.data import EXPRESSIONS, Corpus, Faces, Shape
from lib.faces.datasets import ict, made
from lib.faces.experiments import METHODS, PART, TRAINED_ON
from lib.faces.models import Discriminator, Generator, ModelConfig, Trunk, count_parameters
from lib.faces.profiles import PROFILES, ClassifierConfig, GANConfig, Profile
from lib.faces.recognition import Recogniser
from lib.faces.training import Trainer

WEIGHTS, RESULT = 2, 4e3  # bytes: of a stored weight, of a result about
PER_SOURCE = 4  # pictures that judges see of each source, see `judges.transfer_scores`
SHOWN = 2  # faces of each person in a sample


def of(profile_name: str) -> Workload:
    """Return what a profile computes.

    Raises:
        ValueError: there is no such profile.
        FileNotFoundError: the data root names no folder.
    """
    profile, lacking = profiles.choose(PROFILES, profile_name), workload.lacking(PART)
    corpus = data.load(profile.dataset, profile.sizes)
    networks = experiments.networks(profile, corpus, train=False)
    work = [*faces_work(profile, corpus), *networks_work(profile, corpus)]
    for name in corpus.sets:
        work += recognition_work(
            profile, corpus.rung, networks, name, waits=profile_name == "quick"
        )
    work.append(knowledge_work(profile, corpus, networks))
    if profile_name == "smoke":  # the others show those of the quick profile that there are
        work.append(studies_work(profile, corpus))
    read = max(faces_asked(profile)) * _face(profile)
    return Workload(corpus.name, corpus.rung, work, read, lacking)


def faces_work(profile: Profile, corpus: Corpus) -> list[Work]:
    """Return the sets of faces that are rendered; none where they are read.

    A set counts as there where a file of its size is.
    """
    if corpus.rung == "original":
        return []
    face = _face(profile)
    sizes = [count * face for count in faces_asked(profile)]
    kept = [path.stat().st_size for path in made.CACHE.glob(f"{corpus.name}-*.npy")]
    present = sum(min(_about(sizes, each), _about(kept, each)) for each in sorted(set(sizes)))
    lacking = sum(max(0, _about(sizes, s) - _about(kept, s)) * s for s in set(sizes))
    missing = max(1, len(sizes) - present)
    return [
        Work(
            "sets of faces",
            len(sizes),
            present,
            items=lacking / face / missing,
            sample=_rendering(profile.sizes.side),
            disk=lacking / missing,
            in_turn=True,
        )
    ]


def faces_asked(profile: Profile) -> list[int]:
    """Return how many faces there are in each set: of the people DE-GAN learns, and of others."""
    sizes = profile.sizes
    each = sizes.people * len(EXPRESSIONS)
    own = [each * sizes.frames, each * sizes.frames, each * sizes.held_out]
    return own + [_images(shape) for shape in sizes.shapes.values()]


def networks_work(profile: Profile, corpus: Corpus) -> list[Work]:
    """Return the trainings of DE-GAN, of its supervised control and of the judges."""
    model = checkpoints.model_config(profile, corpus)
    work = []
    for kind in checkpoints.KINDS:
        run = checkpoints.describe(kind, profile, corpus)
        form = partial(Work, f"network, {kind}", 1, int(_trained(run)), in_turn=True)
        if kind == "de_gan":
            work.append(form(**_gan_cost(model, profile.gan)))
        else:
            classes = checkpoints.classes(kind, model)
            work.append(form(**_classifier_cost(model, classes, "", profile.judge)))
    return work


def recognition_work(
    profile: Profile, rung: str, networks: Mapping[str, Path], name: str, waits: bool
) -> list[Work]:
    """Return the methods that run on a set, one line for each, a run for each fold.

    Args:
        profile: its sizes and trainings.
        rung: of the data ladder.
        networks: whose encoders are read, see `experiments.networks`.
        name: of the set.
        waits: whether what trains DE-GAN on a fold is shown only where it has a result.
    """
    common = experiments.describe(profile, rung, name)
    work = []
    for methods, count in experiments.planned(profile, name):
        for method in methods:
            encoder = networks.get(METHODS[method][0])
            there = encoder is None or encoder.is_file()
            grid = experiments.grid(common, networks, [method], count) if there else []
            present = _present(experiments.EXPERIMENT, grid, experiments.run_one)
            work.append(
                Work(
                    f"{name}: {method}",
                    present if waits and method in TRAINED_ON else count,
                    present,
                    **_method_cost(profile, profile.sizes.shapes[name], method),
                    note="" if there else "its encoder is not trained yet",
                )
            )
    return work


def knowledge_work(profile: Profile, corpus: Corpus, networks: Mapping[str, Path]) -> Work:
    """Return what probes and judges say of the networks; fitting the probes is not counted."""
    there = all(path.is_file() for path in networks.values())
    present = 0
    if there:
        digests = {kind: file_digest(path) for kind, path in networks.items()}
        config = knowledge.describe(profile, corpus.rung, digests)
        present = _present(knowledge.EXPERIMENT, [config], knowledge.run_one)
    model = checkpoints.model_config(profile, corpus)
    operations, encoder = _knowledge_flop(profile, model), 2 * arithmetic.passes(model).encoder
    return Work(
        "probes and judges",
        1,
        present,
        items=operations / encoder,
        operations=operations,
        sample=_looking(model),
        disk=RESULT,
        in_turn=True,
        note="without fitting the probes" if there else "its networks are not trained yet",
    )


def studies_work(profile: Profile, corpus: Corpus) -> Work:
    """Return the small trainings of DE-GAN, counted as if nothing in them were changed."""
    small = studies.profile_of(profile)
    found = studies.runs(small, corpus, compute=False)
    model = checkpoints.model_config(small, corpus)
    present = sum(result is not None for result in found.values())
    return Work("studies", len(found), present, **_gan_cost(model, small.gan))


def _face(profile: Profile) -> int:
    """Return the bytes of a face."""
    return augment.source_side(profile.sizes.side) ** 2 * 3


def _trained(run: Mapping[str, Any]) -> bool:
    """Return whether a network is there."""
    return shipped_run(checkpoints.place(run)) == run


def _present(experiment: str, configs: list[dict[str, Any]], run_one: sweep.RunOne) -> int:
    """Return how many of some runs have a result."""
    found = sweep.run(PART, experiment, configs, run_one, compute=False)
    return sum(result is not None for result in found)


def _images(shape: Shape) -> int:
    """Return how many images a set has."""
    return sum(shape.sequences.values()) * shape.frames


def _about(sizes: Sequence[int], wanted: int) -> int:
    """Return how many files hold so many bytes between a header and a digest."""
    return sum(0 <= size - wanted <= 256 for size in sizes)


# --- what a run costs: its items, its operations, the sample of its speed, what it leaves


def _gan_cost(model: ModelConfig, config: GANConfig) -> dict[str, Any]:
    """Return the cost of a training of DE-GAN; both its networks are kept."""
    step = arithmetic.discriminator_step(model) + arithmetic.generator_step(model)
    operations = 1e12 * arithmetic.gan_tflop(model, config)
    with torch.device("meta"):
        weights = count_parameters([Generator(model), Discriminator(model)])
    return {
        "items": operations / (2 * step),
        "operations": operations,
        "sample": _adversarial(model, replace(config, steps=config.warm_up + 1)),
        "disk": WEIGHTS * weights,
    }


def _classifier_cost(
    model: ModelConfig, classes: int, parts: str, config: ClassifierConfig
) -> dict[str, Any]:
    """Return the cost of a training of a classifier or recogniser."""
    form = replace(model, identities=1, expressions=1)  # which play no part here
    each, weights = _trained_and_kept(form, classes, parts)
    items = config.steps * config.batch
    return {
        "items": items,
        "operations": 2 * items * each,
        "sample": _classifying(form, parts, replace(config, steps=1)),
        "disk": WEIGHTS * weights,
    }


@cache
def _trained_and_kept(model: ModelConfig, classes: int, parts: str) -> tuple[int, int]:
    """Return the MACs of a picture in a step of training, and the number of weights."""
    with torch.device("meta"):
        network = _network(model, classes, parts)
    return arithmetic.training_macs(network, model.side), count_parameters([network])


def _method_cost(profile: Profile, shape: Shape, method: str) -> dict[str, Any]:
    """Return the cost of one fold of a method on a set of some shape."""
    classes, (_, parts) = len(shape.sequences), METHODS[method]
    people = round(shape.people * (1 - 1 / profile.folds))
    model = ModelConfig(people, classes, profile.sizes.side, profile.width)
    config = profile.baseline if method == "cnn" else profile.recogniser
    cost = _classifier_cost(model, classes, parts, config) | {"disk": RESULT}
    if method in TRAINED_ON:
        before = _gan_cost(model, profile.fine_tuning)
        share = 1 + cost["operations"] / before["operations"]
        cost |= {"operations": share * before["operations"], "items": share * before["items"]}
        cost["sample"] = before["sample"]
    return cost


def _knowledge_flop(profile: Profile, model: ModelConfig) -> float:
    """Return the operations of what probes and judges are shown."""
    passes = arithmetic.passes(model)
    known = profile.sizes.people * len(EXPRESSIONS) * profile.sizes.held_out
    pictures = known + _images(profile.sizes.shapes["ck"])
    probed = len(knowledge.PROBED) * pictures * passes.encoder
    judged = len(knowledge.JUDGING) * (known + PER_SOURCE * pictures) * passes.encoder
    made_up = PER_SOURCE * pictures * (passes.encoder + passes.decoder)
    return 2.0 * (probed + judged + made_up)


def _network(model: ModelConfig, classes: int, parts: str) -> nn.Module:
    """Return a classifier, or the recogniser that reads some parts."""
    if not parts:
        return Classifier(model, classes)
    return Recogniser(Trunk(model, model.code), model, classes, parts)


# --- samples


@cache
def _adversarial(model: ModelConfig, config: GANConfig) -> Sample:
    """Return how fast DE-GAN is trained: an item is a picture in a step of both networks."""

    def prepare() -> Do:
        trainer = Trainer(model, config, _people(model), seed=0)
        trainer.step = config.warm_up

        def do(items: int) -> None:
            trainer.config = replace(config, batch=items)
            trainer.train_step()

        return do

    return Sample(prepare, config.batch)


@cache
def _classifying(model: ModelConfig, parts: str, config: ClassifierConfig) -> Sample:
    """Return how fast a classifier or recogniser is trained: an item is a picture in a step."""

    def prepare() -> Do:
        faces = _people(replace(model, identities=config.batch, expressions=2))
        network = _network(model, 2, parts)
        loss = recognition.total_loss if parts else F.cross_entropy
        images, targets = faces.images, faces.expressions

        def do(items: int) -> None:
            classifier.fit(network, loss, images, targets, replace(config, batch=items), seed=0)

        return do

    return Sample(prepare, config.batch)


@cache
def _looking(model: ModelConfig) -> Sample:
    """Return how fast pictures pass an encoder, forward only."""

    def prepare() -> Do:
        network, images = (
            Trunk(model, model.code).eval(),
            _people(replace(model, identities=64)).images,
        )
        return lambda items: classifier.predict(network, images[:items])

    return Sample(prepare, PREDICTED)


@cache
def _rendering(side: int) -> Sample:
    """Return how fast faces are made: an item is a face."""

    def prepare() -> Do:
        def do(items: int) -> None:
            with tempfile.TemporaryDirectory() as folder:
                people = max(1, items // len(EXPRESSIONS))
                made.pretraining(ict.render, people, 1, side, 0, folder=Path(folder))

        return do

    return Sample(prepare, made.TOGETHER // len(EXPRESSIONS) * len(EXPRESSIONS), len(EXPRESSIONS))


def _people(model: ModelConfig) -> Faces:
    """Return noise in place of faces, SHOWN for each identity."""
    side, rows = augment.source_side(model.side), torch.arange(SHOWN * model.identities).numpy()
    images = workload.noise(len(rows), side, side, 3)
    expressions, identities = rows % max(1, model.expressions), rows // SHOWN
    classes = EXPRESSIONS[: model.expressions]
    return Faces("noise", "", images, expressions, identities, rows, 0 * rows, classes)
