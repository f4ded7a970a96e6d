"""Part I's laboratory: an idea beside the paper's, trained at small size in about a minute."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lib.runs import laboratory
from lib.runs.code import Source
from lib.runs.results import Result
from lib.sound import mean_teacher, protocol
from lib.sound.crnn import ALONE, CRNN, Probabilities, linear_pooling
from lib.sound.evaluation import METRICS, detect
from lib.sound.mean_teacher import Trainer, TrainingConfig, TrainingSet
from lib.sound.protocol import Difference
from lib.sound.runs import experiments, sources
from lib.sound.runs.profiles import Profile

ROW = ("audio",)  # the cheapest row of Table 3 that hears
BESIDE = "the paper's idea"  # what an idea is drawn beside


def as_it_is(features: Tensor) -> Tensor:
    """Return what comes in."""
    return features


@dataclass(frozen=True)
class Idea:
    """What to change: by default nothing.

    pooling: frame probabilities (clips, 151, classes) to those of clips (clips, classes).
    heard: pretrained features (clips, 151, n), standardised, to what the network is given instead.
    embedding: values into which the linear layer turns the pretrained features (section 3).
    consistency: weight of both terms that ask student and teacher to agree (section 2.3).

    Raises:
        ValueError: a function is not written with `def`, or a number is none.
    """

    pooling: Callable[[Tensor], Tensor] = linear_pooling
    heard: Callable[[Tensor], Tensor] = as_it_is
    embedding: int = ALONE["audio"]
    consistency: float = TrainingConfig.consistency

    def __post_init__(self) -> None:
        """Refuse what cannot be trained, or not be told from another idea by its code."""
        for name in ("pooling", "heard"):
            function = getattr(self, name)
            if not inspect.isfunction(function) or function.__name__ == "<lambda>":
                raise ValueError(f"write {name} with def: an idea is known by its code")
        if not (isinstance(self.embedding, int) and self.embedding > 0 and self.consistency >= 0):
            raise ValueError(
                "embedding is a whole number from 1 on, consistency a number from 0 on"
            )


def beside(ideas: Mapping[str, Idea], profile: Profile) -> dict[str, Result]:
    """Return by name what some ideas come to, the paper's own first; see `tried`."""
    every = {BESIDE: Idea(), **ideas}
    return {name: tried(idea, profile) for name, idea in every.items()}


def tried(idea: Idea, profile: Profile) -> Result:
    """Return what networks that are trained with an idea find in clips that none was trained on.

    For the profile see `profiles.LABORATORY`.

    Raises:
        ValueError: the idea raises an error, or what it gives is of another form or no number.
    """
    run = run_of(idea, profile)
    functions = {"pooling": idea.pooling, "heard": idea.heard}
    names = {name: function.__name__ for name, function in functions.items()}
    code: list[Source] = [*sources.TRAINED, experiments.count, experiments.summary]
    code += [measure, trained, give, asked, *functions.values()]
    return laboratory.tried(
        "part1",
        {**run, **names, "trainings": profile.trainings},
        code,
        lambda: measure(idea, run, profile.trainings),
        (run["dataset"], run["rung"]),
    )


def run_of(idea: Idea, profile: Profile) -> dict[str, Any]:
    """Return the run of Table 3 that an idea changes, see `experiments.config`."""
    run = experiments.config(experiments.common(profile), ROW, seed=0)
    training = {**run["training"], "consistency": float(idea.consistency)}
    return {**run, "embeddings": {"audio": idea.embedding}, "training": training}


def measure(idea: Idea, run: Mapping[str, Any], trainings: int) -> dict[str, Any]:
    """Train networks with an idea and let them listen to the test clips.

    Returns:
        One number for each training: by metric its F1, and as `sounding` for how long events are
        found, as a share of how long they are. Of the first training all probabilities, see
        `protocol.probabilities`.
    """
    prepared = experiments.prepared_for(run)
    data, truth = prepared.training_set(), prepared.corpus.strong["test"]
    networks = [trained(idea, run, data, seed) for seed in range(trainings)]
    found = [mean_teacher.predict(network, prepared.splits["test"]) for network in networks]
    scores = [experiments.summary(experiments.count(truth, each))["scores"] for each in found]
    events = [truth, *(detect(each.frame.numpy(), truth) for each in found)]
    sounding = [float((each.offset - each.onset).sum()) for each in events]
    return {
        **{metric: [each[metric] for each in scores] for metric in METRICS},
        "sounding": [each / sounding[0] for each in sounding[1:]],
        "probabilities": protocol.pack_probabilities(found[0]),
        "shape": list(truth.shape),
    }


def trained(idea: Idea, run: Mapping[str, Any], data: TrainingSet, seed: int) -> CRNN:
    """Return a student that was trained as the book trains it, but for the idea."""
    config = TrainingConfig(**run["training"])
    trainer = Trainer(experiments.model_config(run), config, data, seed)
    for network in (trainer.student, trainer.teacher):
        give(network, idea)
    try:
        trainer.run(None, seed)
    except FloatingPointError as error:
        raise ValueError(f"the training came to nothing: {error}; look at your idea") from error
    return trainer.student.cpu().eval().requires_grad_(False)


def give(network: CRNN, idea: Idea) -> None:
    """Let a network hear and pool as an idea has it."""

    def before(module: nn.Module, given: tuple[dict[str, Tensor]]) -> tuple[dict[str, Tensor]]:
        features = given[0]["audio"]
        return ({"audio": asked("heard", idea.heard, features, features.shape)},)

    def after(module: nn.Module, given: Any, found: Probabilities) -> Probabilities:
        clip = asked("pooling", idea.pooling, found.frame, found.clip.shape)
        if clip.min() < 0 or clip.max() > 1:
            raise ValueError("pooling gives what is no probability, 0 to 1; look at your idea")
        return found._replace(clip=clip)

    network.register_forward_pre_hook(before)
    network.register_forward_hook(after)


def asked(
    name: str, function: Callable[[Tensor], Tensor], values: Tensor, shape: tuple[int, ...]
) -> Tensor:
    """Return what a function of an idea gives; see `tried` for what is refused."""
    try:
        found = function(values)
    except Exception as error:
        line = str(error).partition("\n")[0]
        raise ValueError(f"{name} stopped: {type(error).__name__}: {line}") from error
    form = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
    if form != tuple(shape):
        raise ValueError(f"{name} gives {form} instead of {tuple(shape)}; look at your idea")
    if not torch.isfinite(found).all():
        raise ValueError(f"{name} gives what is no number; look at your idea")
    return found


def differences(found: Mapping[str, Result], metric: str) -> dict[str, Difference]:
    """Return by idea how much higher a score is than the paper's; see `beside`.

    Trainings that began with the same weights and the same order of clips are pairs.
    """
    (_, paper), *others = ((name, np.array(each.metrics[metric])) for name, each in found.items())
    return {name: protocol.paired((values - paper).tolist()) for name, values in others}
