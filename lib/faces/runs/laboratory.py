"""Part II's laboratory: an idea beside the paper's, trained and judged in about a minute.

Few people with few expressions, each in one light, in small pictures: a training is short. The
judges are those of chapter 23, who know these people; they see the pictures enlarged, and choose
among the people and expressions of the laboratory.
"""

import base64
import importlib.util
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lib.book.images import decode
from lib.faces import augment, de_gan, gan_training, judges, protocol
from lib.faces.data import datasets
from lib.faces.data.corpus import EXPRESSIONS, Faces, Requests
from lib.faces.de_gan import NOISE, Discriminator, Generator, ModelConfig
from lib.faces.gan_training import GANConfig
from lib.faces.judges import Judges
from lib.faces.render import ict
from lib.faces.render.made import NAME, PRETRAINING_INTENSITY, RUNG
from lib.faces.runs import checkpoints, knowledge
from lib.faces.runs.profiles import PROFILES
from lib.runs import laboratory, trainer
from lib.runs.code import Source
from lib.runs.results import Result

SHOWN = ("anger", "happiness", "sadness", "surprise")  # of the seven expressions
PEOPLE, SIDE, WIDTH = 6, 32, 0.25
LEARNT, HELD_OUT = range(12), range(12, 15)  # pictures of each person in each expression
GAN = replace(
    PROFILES["quick"].gan,
    steps=1200,
    intervals=6,
    batch=16,
    warm_up=100,
    average=0.99,  # over 100 steps: there are not many more
    strong=-1.0,  # D learns in every fourth step, the best of chapter 22's studies
)
LENDER, BORROWERS = 0, (1, 2)  # of the faces that are drawn
BESIDE = "unchanged"  # what an idea is drawn beside


@dataclass(frozen=True)
class Idea:
    """What to change: by default nothing.

    discriminator_loss, generator_loss: equations 1 and 2, see `gan_training`.
    generator, discriminator: the networks, see `de_gan`.
    changes: other values of `gan_training.GANConfig`, by name.
    """

    discriminator_loss: Callable[..., Tensor] = gan_training.discriminator_loss
    generator_loss: Callable[..., Tensor] = gan_training.generator_loss
    generator: type[nn.Module] = Generator
    discriminator: type[nn.Module] = Discriminator
    changes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what is no function or class with a name, and switches that are not there."""
        for name in ("discriminator_loss", "generator_loss", "generator", "discriminator"):
            value = getattr(self, name)
            written = inspect.isfunction(value) or inspect.isclass(value)
            if not written or value.__name__ == "<lambda>":
                raise ValueError(
                    f"{name}: write it with def or class; results are kept by its code"
                )
        known = [each.name for each in fields(GANConfig)]
        if unknown := sorted(self.changes.keys() - known):
            raise ValueError(f"GANConfig has no {unknown[0]!r}; change any of: {', '.join(known)}")

    @property
    def parts(self) -> dict[str, Callable[..., Any]]:
        """Return what stands in for what `gan_training` calls by these names."""
        return {
            "discriminator_loss": self.discriminator_loss,
            "generator_loss": self.generator_loss,
            "Generator": self.generator,
            "Discriminator": self.discriminator,
        }


@dataclass(frozen=True, eq=False)
class Laboratory:
    """What every idea is trained on, how, and who judges: people they know, in other pictures."""

    learnt: Faces
    held_out: Faces
    model: ModelConfig
    gan: GANConfig
    panel: Judges
    networks: Mapping[str, str]  # digests of the judges


def load(profile: str) -> Laboratory:
    """Return the laboratory, or for "smoke" one with as few pictures and steps as there."""
    smoke = profile == "smoke"
    judging = PROFILES["smoke" if smoke else "quick"]
    gan, width = (judging.gan, judging.width) if smoke else (GAN, WIDTH)
    corpus = datasets.load("ict", judging.sizes)
    return Laboratory(
        pictures(LEARNT[:2] if smoke else LEARNT),
        pictures(HELD_OUT[:2] if smoke else HELD_OUT),
        ModelConfig(PEOPLE, len(SHOWN), SIDE, width),
        gan,
        among(checkpoints.panel(judging, corpus), PEOPLE),
        checkpoints.digests(knowledge.JUDGING, judging, corpus),
    )


def pictures(numbers: range) -> Faces:
    """Return so many pictures of each person in each expression, rendered.

    Each person keeps one light, one pose and one wall, of which no other picture is; pictures
    differ in how strong the expression is, and in small ways.
    """
    shape = PEOPLE, len(SHOWN), len(numbers)
    people, labels, frames = np.indices(shape).reshape(3, -1)
    frames = frames + numbers.start
    strength = np.random.default_rng(numbers.start).uniform(*PRETRAINING_INTENSITY, len(people))
    asked = np.array([EXPRESSIONS.index(name) for name in SHOWN])[labels]
    scenes = np.full_like(people, ict.NEW)
    requests = Requests(people, asked, strength, scenes, frames, 0)
    images, _ = ict.render(requests, augment.source_side(SIDE))
    return Faces(NAME, RUNG, images, labels, people, scenes, frames, SHOWN)


def among(panel: Judges, people: int) -> Judges:
    """Return judges who choose among SHOWN and the first people, and take pictures of any side."""

    def choose(judge: Any, classes: Sequence[int], pictures: Tensor) -> Tensor:
        side = (judge.config.side,) * 2
        seen = F.interpolate(pictures, side, mode="bilinear", antialias=True)
        logits: Tensor = judge(seen)[:, classes]
        return logits

    shown = [panel.classes.index(name) for name in SHOWN]
    expression = partial(choose, panel.expression, shown)
    identity = partial(choose, panel.identity, range(people))
    return Judges(expression, identity, SHOWN, people, panel.sequences)


def beside(ideas: Mapping[str, Idea], place: Laboratory, seed: int = 0) -> dict[str, Result]:
    """Return by name what some ideas come to, the unchanged training first; see `tried`."""
    every = {BESIDE: Idea(), **ideas}
    return {name: tried(idea, place, seed) for name, idea in every.items()}


def tried(idea: Idea, place: Laboratory, seed: int = 0) -> Result:
    """Return what judges see in the pictures that an idea leads to, see `measure`.

    Raises:
        ValueError: the idea stops, or what it gives is of another form or no number.
    """
    gan = replace(place.gan, **idea.changes)
    setting = {
        "model": asdict(place.model),
        "training": asdict(gan),
        "learnt": place.learnt.fingerprint(),
        "held_out": place.held_out.fingerprint(),
        "networks": dict(place.networks),
        "seed": seed,
    }
    code: list[Source] = [augment, de_gan, gan_training, judges, protocol, trainer]
    code += [knowledge.transfer, knowledge._transfer, measure, trained, among, *idea.parts.values()]

    def compute() -> dict[str, Any]:
        try:
            return measure(trained(idea, place, gan, seed), place)
        except Exception as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(
                f"the idea stopped, {type(error).__name__}: {reason}; look at its cell"
            ) from error

    return laboratory.tried("part2", setting, code, compute, (place.learnt.name, place.learnt.rung))


def trained(idea: Idea, place: Laboratory, gan: GANConfig, seed: int) -> Generator:
    """Return the generator that an idea leads to.

    It trains in a copy of `gan_training` in which the idea's networks and losses have the names of
    the book's own. What an idea leaves alone is thus the book's code, not another like it.
    """
    own = _copy(gan_training)
    vars(own).update(idea.parts)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # of layers that an idea adds
        _check(idea, own.Trainer(place.model, gan, place.learnt, seed), place.model)
        torch.manual_seed(seed)
        generator: Generator = own.train(place.model, gan, place.learnt, seed).generator
    return generator


def _copy(module: ModuleType) -> ModuleType:
    """Return a module anew, which nobody else knows."""
    spec = importlib.util.find_spec(module.__name__)
    assert spec is not None and spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    return copy


def _check(idea: Idea, training: gan_training.Trainer, form: ModelConfig) -> None:
    """Raise ValueError where networks or losses give something of another form."""
    images, labels = training.batch()
    fakes = training.generator(images, labels.identities, torch.zeros(len(images), NOISE))
    _has("the generator", fakes, images.shape)
    real, fake = training.discriminator(images), training.discriminator(fakes)
    _has("D on expressions", real.expression, (len(images), form.expressions + 1))
    _has("D on identities", real.identity, (len(images), form.identities))
    _has("the loss of D", idea.discriminator_loss(real, fake, labels), ())
    _has("the loss of G", idea.generator_loss(fake, labels), ())


def _has(what: str, found: Tensor, shape: Sequence[int]) -> None:
    """Raise ValueError where a tensor has another shape."""
    if tuple(found.shape) != tuple(shape):
        raise ValueError(f"{what} gives {tuple(found.shape)} instead of {tuple(shape)}")


def measure(generator: Generator, place: Laboratory) -> dict[str, Any]:
    """Return what judges see in lent expressions, see `knowledge.transfer`, and a few faces.

    "ceiling" is how often they are right about real pictures; "faces" is a PNG in base64, see
    `faces_of`.
    """
    ceiling = judges.ceiling(place.panel, place.held_out)
    lent = augment.centre(place.held_out.take(portraits(place.held_out, LENDER)).images)
    count, silence = len(lent), torch.zeros(len(lent), NOISE)
    with torch.no_grad():
        made = [generator(lent, torch.full((count,), each), silence) for each in BORROWERS]
    strip = np.concatenate(list(augment.pixels(torch.cat(made))), axis=1)
    _, file = cv2.imencode(".png", strip[..., ::-1])
    return {
        **knowledge.transfer(generator, place.panel, place.held_out),
        "ceiling": {name: estimate._asdict() for name, estimate in ceiling.items()},
        "faces": base64.b64encode(file.tobytes()).decode(),
    }


def portraits(faces: Faces, person: int) -> np.ndarray:
    """Return the rows of one picture of a person in each expression, (classes,) int64."""
    return np.concatenate([faces.middle(person, label) for label in range(len(faces.classes))])


def faces_of(result: Result) -> np.ndarray:
    """Return the kept faces, each of BORROWERS in each expression, (n, side, side, 3) uint8."""
    strip = decode(base64.b64decode(result.metrics["faces"]), "the faces of an idea")
    side = len(strip)
    return strip.reshape(side, -1, side, 3).swapaxes(0, 1)
