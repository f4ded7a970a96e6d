"""What Part II still has to compute: networks, and what recognises expressions in folds.

Operations are those of `arithmetic`, two for each of its MACs. Where a run trains DE-GAN and then a
recogniser, both count.
"""

from collections.abc import Mapping
from pathlib import Path

import torch

from lib.book import profiles
from lib.faces.classifier import Classifier, ClassifierConfig
from lib.faces.data import datasets
from lib.faces.data.corpus import Corpus
from lib.faces.de_gan import ModelConfig, Trunk
from lib.faces.recognition import Recogniser
from lib.faces.runs import ablations, arithmetic, checkpoints, experiments, knowledge
from lib.faces.runs.experiments import METHODS, PART, TRAINED_ON
from lib.faces.runs.profiles import PROFILES, Profile
from lib.runs import workload
from lib.runs.checkpoints import file_digest
from lib.runs.workload import Work


def of(profile_name: str) -> list[Work]:
    """Return what a profile computes.

    Raises:
        ValueError: there is no such profile.
        FileNotFoundError: the data root names no folder.
    """
    profile = profiles.choose(PROFILES, profile_name)
    corpus = datasets.load(profile.dataset, profile.sizes)
    networks = experiments.networks(profile, corpus, train=False)
    work = [_network(kind, profile, corpus) for kind in checkpoints.KINDS]
    for name in corpus.sets:
        work += _recognition(profile, corpus.rung, networks, name)
    return [*work, _knowledge(profile, corpus.rung, networks), _studies(profile, corpus)]


def _network(kind: str, profile: Profile, corpus: Corpus) -> Work:
    """Return the training of DE-GAN, of its supervised control or of a judge."""
    run, form = (
        checkpoints.describe(kind, profile, corpus),
        checkpoints.model_config(profile, corpus),
    )

    def operations() -> float:
        if kind == "de_gan":
            return 1e12 * arithmetic.gan_tflop(form, profile.gan)
        return fitting_flop(form, checkpoints.classes(kind, form), "", profile.judge)

    found = workload.network(checkpoints.place(run), run)
    return Work(f"network, {kind}", found, operations)


def _recognition(
    profile: Profile, rung: str, networks: Mapping[str, Path], name: str
) -> list[Work]:
    """Return the methods that run on a set, one line for each, a run for each fold."""
    common = experiments.describe(profile, rung, name)

    def work(method: str, count: int) -> Work:
        encoder = networks.get(METHODS[method][0])
        if encoder is not None and not encoder.is_file():
            return Work(
                f"{name}: {method}", [None] * count, lambda: fold_flop(profile, name, method)
            )
        grid = experiments.grid(common, networks, [method], count)
        found = workload.stored(PART, experiments.EXPERIMENT, grid)
        return Work(f"{name}: {method}", found, lambda: fold_flop(profile, name, method))

    planned = experiments.planned(profile, name)
    return [work(method, count) for methods, count in planned for method in methods]


def _knowledge(profile: Profile, rung: str, networks: Mapping[str, Path]) -> Work:
    """Return what probes and judges say of the networks."""
    if not all(path.is_file() for path in networks.values()):
        return Work("probes and judges", [None])
    digests = {kind: file_digest(path) for kind, path in networks.items()}
    run = knowledge.describe(profile, rung, digests)
    found = workload.stored(PART, knowledge.EXPERIMENT, [run], knowledge.VERSION)
    return Work("probes and judges", found)


def _studies(profile: Profile, corpus: Corpus) -> Work:
    """Return the small trainings of DE-GAN, which are the same for the two larger profiles."""
    found = ablations.runs(ablations.profile_of(profile), corpus, compute=False).values()
    return Work("studies", [None if each is None else each.provenance for each in found])


def fold_flop(profile: Profile, name: str, method: str) -> float:
    """Return the FLOP of one fold of a method on a set."""
    shape, (_, parts) = profile.sizes.shapes[name], METHODS[method]
    people = round(shape.people * (1 - 1 / profile.folds))
    form = ModelConfig(people, len(shape.sequences), profile.sizes.side, profile.width)
    config = profile.baseline if method == "cnn" else profile.recogniser
    count = fitting_flop(form, len(shape.sequences), parts, config)
    if method in TRAINED_ON:
        count += 1e12 * arithmetic.gan_tflop(form, profile.fine_tuning)
    return count


def fitting_flop(form: ModelConfig, classes: int, parts: str, config: ClassifierConfig) -> float:
    """Return the FLOP of training a classifier, or the recogniser that reads some `parts`."""
    with torch.device("meta"):
        network = (
            Recogniser(Trunk(form, form.code), form, classes, parts)
            if parts
            else Classifier(form, classes)
        )
    return 2.0 * config.steps * config.batch * arithmetic.training_macs(network, form.side)
