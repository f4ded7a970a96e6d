"""What Part II still has to compute, and what trainings of section 4.1 cost, counted alone.

A multiplication with an addition (MAC) is two floating-point operations (FLOP).
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lib.book import profiles
from lib.faces.classifier import Classifier, ClassifierConfig
from lib.faces.data import datasets
from lib.faces.data.corpus import Corpus
from lib.faces.de_gan import NOISE, Decoder, Discriminator, ModelConfig, Trunk
from lib.faces.gan_training import GANConfig
from lib.faces.recognition import Recogniser
from lib.faces.runs import ablations, checkpoints, experiments, knowledge
from lib.faces.runs.experiments import METHODS, PART, TRAINED_ON
from lib.faces.runs.profiles import PROFILES, Profile
from lib.runs import workload
from lib.runs.checkpoints import file_digest
from lib.runs.workload import Work

PRETRAINING = ModelConfig(identities=101, expressions=6)  # BU-4DFE
COUNTED = 2  # pictures at a time: batch normalisation asks for more than one


def of(profile_name: str) -> list[Work]:
    """Return what a profile computes."""
    profile = profiles.choose(PROFILES, profile_name)
    corpus = datasets.load(profile.dataset, profile.sizes)
    networks = experiments.networks(profile, corpus, train=False)
    work = [_network(kind, profile, corpus) for kind in checkpoints.KINDS]
    for name in corpus.sets:
        work += _recognition(profile, corpus.rung, networks, name)
    return [*work, _knowledge(profile, corpus.rung, networks), _studies(profile, corpus)]


def _network(kind: str, profile: Profile, corpus: Corpus) -> Work:
    """Return the training of DE-GAN, of the supervised encoder or of a judge."""
    run = checkpoints.describe(kind, profile, corpus)
    form = checkpoints.model_config(profile, corpus)

    def operations() -> float:
        if kind == "de_gan":
            return 1e12 * gan_tflop(form, profile.gan)
        return fitting_flop(form, checkpoints.classes(kind, form), "", profile.judge)

    return Work(f"network, {kind}", workload.network(checkpoints.place(run), run), operations)


def _recognition(
    profile: Profile, rung: str, networks: Mapping[str, Path], name: str
) -> list[Work]:
    """Return the methods that run on a set, one line for each, a run for each fold."""
    common = experiments.describe(profile, rung, name)

    def work(method: str, count: int) -> Work:
        encoder = networks.get(METHODS[method][0])
        found: list[workload.Provenance | None] = [None] * count
        if encoder is None or encoder.is_file():
            grid = experiments.grid(common, networks, [method], count)
            found = workload.stored(PART, experiments.EXPERIMENT, grid)
        return Work(f"{name}: {method}", found, partial(fold_flop, profile, name, method))

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
    """Return the FLOP of one fold of a method on a set, DE-GAN's where the run trains it too."""
    shape, (_, parts) = profile.sizes.shapes[name], METHODS[method]
    people = round(shape.people * (1 - 1 / profile.folds))
    form = ModelConfig(people, len(shape.sequences), profile.sizes.side, profile.width)
    config = profile.baseline if method == "cnn" else profile.recogniser
    count = fitting_flop(form, len(shape.sequences), parts, config)
    if method in TRAINED_ON:
        count += 1e12 * gan_tflop(form, profile.fine_tuning)
    return count


def fitting_flop(form: ModelConfig, classes: int, parts: str, config: ClassifierConfig) -> float:
    """Return the FLOP of training a classifier, or the recogniser that reads some `parts`."""
    with torch.device("meta"):
        network: nn.Module = Classifier(form, classes)
        if parts:
            network = Recogniser(Trunk(form, form.code), form, classes, parts)
    return 2.0 * config.steps * config.batch * training_macs(network, form.side)


def training_macs(network: nn.Module, side: int) -> int:
    """Return the MACs per picture of a training step, forward and backward.

    What is frozen costs no gradient, and neither does the picture.

    Args:
        network: on the device "meta"; takes pictures (batch, 3, side, side) and returns logits, or
            tuples of them.
        side: of the pictures in pixels.
    """
    return _count(lambda: _sum(network(_pictures(side))).backward())


class GANSteps(NamedTuple):
    """MACs per picture of the steps of a training of DE-GAN, forward and backward."""

    warm_up: int  # D learns from real pictures alone
    discriminator: int  # eq. 1: it judges a real one and a fake
    generator: int  # eq. 2: the gradient comes through D; both learn from the same fake, made here


@cache
def gan_steps(model: ModelConfig) -> GANSteps:
    """Return the MACs per picture of each kind of step."""
    with torch.device("meta"):
        encoder, decoder = Trunk(model, model.code), Decoder(model)
        discriminator = Discriminator(model)
        identity, noise = torch.empty(COUNTED, model.identities), torch.empty(COUNTED, NOISE)

    def judge() -> None:
        real, fake = (discriminator(_pictures(model.side)) for _ in range(2))
        # whom a fake shows does not enter eq. 1
        (_sum(real) + fake.expression.sum()).backward()

    def generate() -> None:
        fakes = decoder(encoder(_pictures(model.side)), identity, noise)
        _sum(discriminator(fakes)).backward()

    warm_up, judging = training_macs(discriminator, model.side), _count(judge)
    discriminator.requires_grad_(False)
    return GANSteps(warm_up, judging, _count(generate))


def gan_tflop(model: ModelConfig, config: GANConfig) -> float:
    """Return the TFLOP of a training of DE-GAN in which D never waits, the most it can cost."""
    each = gan_steps(model)
    real = config.warm_up * each.warm_up
    both = each.discriminator + each.generator
    return 2 * config.batch * (real + (config.steps - config.warm_up) * both) / 1e12


def _count(run: Callable[[], object]) -> int:
    """Return the MACs per picture of what is done with COUNTED of them."""
    return workload.flop(run) // (2 * COUNTED)


def _pictures(side: int) -> Tensor:
    """Return pictures without content, (COUNTED, 3, side, side)."""
    return torch.empty(COUNTED, 3, side, side, device="meta")


def _sum(output: Tensor | tuple) -> Tensor:
    """Return the sum of all logits, so that a gradient flows into each."""
    if isinstance(output, Tensor):
        return output.sum()
    return sum((_sum(part) for part in output), torch.zeros(()))  # some parts are empty
