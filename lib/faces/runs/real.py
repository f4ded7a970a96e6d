"""Real people: what encoders of rendered people read in them, and their smiles put on one another.

    python -m lib.faces.runs.real ship real_people

fine-tunes the generator of the quick profile anew and puts it into data/checkpoints; training goes
on from where it was interrupted.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn import functional as F

from lib.faces import augment, probes, protocol, real_people
from lib.faces.classifier import PREDICTED, Classifier
from lib.faces.data import datasets, london
from lib.faces.data.corpus import BASIC, EXPRESSIONS, Corpus, Faces
from lib.faces.de_gan import Generator, ModelConfig
from lib.faces.runs import checkpoints, knowledge, sources, synthesis
from lib.faces.runs.checkpoints import Trained
from lib.faces.runs.experiments import find_by_digest
from lib.faces.runs.profiles import PROFILES, Profile
from lib.runs import checkpoints as stored
from lib.runs import results, sweep
from lib.runs.checkpoints import Made, file_digest
from lib.runs.results import Result

KIND, EXPERIMENT = "real_people", "real_people"
SEED = 0  # of the fine-tuning
JUDGING = ("expression_judge", "identity_judge")  # trained on rendered people alone
NEUTRAL, SMILE = range(len(london.CLASSES))


def describe(profile: Profile, corpus: Corpus) -> dict[str, Any]:
    """Return what determines the fine-tuned generator, as plain JSON."""
    begins = file_digest(checkpoints.trained("de_gan", profile, corpus).path)
    people = len(london.photographs().images) // len(london.CLASSES)
    form = ModelConfig(people, len(london.CLASSES), profile.real_side, profile.width)
    training = asdict(profile.real_people)
    run = {"kind": KIND, "begins": begins, "model": asdict(form), "training": training}
    return results.plain({**run, "seed": SEED})


def trained(profile: Profile, corpus: Corpus) -> Trained:
    """Return the fine-tuned generator: shipped, cached, or trained now."""
    run = describe(profile, corpus)
    cached = checkpoints.progress_path(KIND, run).with_suffix(".safetensors")
    path = stored.place(checkpoints.shipped_path("open", KIND), cached, run)
    if stored.run_of(path) != run:
        train(path, run, profile)
    return checkpoints.stored(path)


def train(path: Path, run: dict[str, Any], profile: Profile) -> None:
    """Fine-tune the generator and write its weights and, beside them, its record."""
    make = partial(_made, run, profile)
    data, code = (london.NAME, "open"), (*sources.TRAINED, *sources.REAL)
    stored.train(path, run, checkpoints.progress_path(KIND, run), make, data, code)


def _made(run: dict[str, Any], profile: Profile, progress: Path) -> Made:
    begins = checkpoints.load(checkpoints.stored(find_by_digest(run["begins"])))
    faces = real_people.training_set(london.load(profile.real_side))
    form = ModelConfig(**run["model"])
    found, history = real_people.fine_tune(
        begins, form, profile.real_people, faces, run["seed"], progress
    )
    said = {name: checkpoints.readable(values) for name, values in history.items()}
    return found, {"history": said}


def ship(kind: str) -> list[Path]:
    """Fine-tune the generator of the quick profile and put it into data/checkpoints."""
    profile = PROFILES["quick"]
    corpus = datasets.load("ict", profile.sizes)
    path = checkpoints.shipped_path(corpus.rung, kind)
    train(path, describe(profile, corpus), profile)
    return [path]


def find(profile: Profile, corpus: Corpus) -> Result:
    """Return what is known of real people; what has no result yet is computed."""
    networks = checkpoints.digests((*knowledge.PROBED, *JUDGING), profile, corpus)
    networks[KIND] = file_digest(trained(profile, corpus).path)
    run = {"dataset": london.NAME, "rung": "open", "side": profile.sizes.side, "networks": networks}
    code = (*sources.REAL, run_one, Panel, protocol.crossed, happiness)
    found = sweep.run(knowledge.PART, EXPERIMENT, [results.plain(run)], run_one, sources=code)
    return sweep.only(found)


def run_one(config: Mapping[str, Any]) -> dict[str, Any]:
    """Probe the encoders of rendered people on real ones, and judge borrowed smiles.

    Returns:
        `probes`: as `knowledge.run_one` has them, of one set of people for both questions.
        `transfer`: see `Panel`; `photographs`: the same of the real ones. All are shares.
    """
    network = {
        kind: checkpoints.load(checkpoints.stored(find_by_digest(digest)))
        for kind, digest in config["networks"].items()
    }
    small = london.load(config["side"])
    with warnings.catch_warnings():  # scikit-learn wonders at as many people as pictures
        warnings.filterwarnings("ignore", message="The number of unique classes")
        read = [
            row
            for kind in knowledge.PROBED
            for row in knowledge.probed(kind, network[kind], small, small)
        ]
    generator = network[KIND]
    assert isinstance(generator, Generator)
    faces = london.load(generator.config.side)
    panel = Panel(network["expression_judge"], network["identity_judge"], faces)
    return {
        "probes": read,
        "transfer": panel.transfer(generator, real_people.held_out(faces.people)),
        "photographs": panel.photographs(real_people.held_out(faces.people)),
    }


def plainest(expression: Classifier, faces: Faces, people: Sequence[int], count: int) -> list[int]:
    """Return in whose smiles the judge of renderings sees most happiness, most first."""
    smiles = augment.centre(faces.images).unflatten(0, (-1, len(london.CLASSES)))[people, SMILE]
    return [people[row] for row in np.argsort(-happiness(expression, smiles))[:count]]


def happiness(judge: Classifier, pictures: Tensor) -> np.ndarray:
    """Return the probability of happiness that the judge of renderings sees, (n,)."""
    classes = EXPRESSIONS if judge.config.expressions == len(EXPRESSIONS) else BASIC
    read = _of(lambda some: judge(_sized(some, judge)).softmax(1), pictures)
    return read[:, classes.index("happiness")]


class Panel:
    """Judges of real faces, none of whom had a part in the training of the generator.

    Two saw renderings alone: how much happiness one sees, and which of all real people's smiles is
    nearest in what the other records, or in plain pixels. The third, a probe of what the first
    records, learnt to tell smiles in photographs of the people who are not held out.
    """

    def __init__(self, expression: Classifier, identity: Classifier, faces: Faces) -> None:
        self.expression, self.identity = expression, identity
        pictures = augment.centre(faces.images).unflatten(0, (-1, len(london.CLASSES)))
        self.pictures = pictures  # (people, 2, 3, side, side), neutral and smiling
        others = np.delete(np.arange(faces.people), real_people.held_out(faces.people))
        known = self.pictures[others].flatten(0, 1)
        self.learnt = self.records(expression, known), np.tile([NEUTRAL, SMILE], len(others))
        self.smiles = self.pictures[:, SMILE]

    def records(self, judge: Classifier, pictures: Tensor) -> np.ndarray:
        """Return f(x) of pictures as a judge sees them, at the size it learnt, (n, 350)."""
        return _of(lambda some: judge.trunk(_sized(some, judge)), pictures)

    def read(self, pictures: Tensor) -> np.ndarray:
        """Return whether the probe sees a smile, (n,) int64."""
        return probes.probe(*self.learnt, self.records(self.expression, pictures))

    def nearest(self, pictures: Tensor) -> dict[str, np.ndarray]:
        """Return whose smile is nearest to each picture, (n,) int64, by how they are compared."""
        looks = {
            "identity": lambda some: self.records(self.identity, some),
            "pixels": lambda some: F.adaptive_avg_pool2d(some, probes.PIXELS).flatten(1).numpy(),
        }
        return {name: _nearest(look(pictures), look(self.smiles)) for name, look in looks.items()}

    def transfer(self, generator: Generator, people: np.ndarray) -> dict[str, dict[str, float]]:
        """Return what is seen where people (n,) borrow each other's faces, neutral and smiling.

        Shares with intervals over lenders and borrowers, both drawn. "smile": as asked, to the
        probe; "happier": of two faces of one pair, the judge of renderings sees more happiness in
        the one that was to smile; "identity" and "pixels": nearest of all is the smile of the
        person asked for; "leak": the lender's, by the judge.
        """
        sources = self.pictures[people].flatten(0, 1)
        with torch.no_grad():
            code = torch.cat([generator.encoder(part) for part in sources.split(PREDICTED)])
        made = synthesis.synthesise(generator, code, people.tolist())[:, :, 0]
        shape = (len(people), len(london.CLASSES), len(people))  # lender, expression, borrower
        pictures = made.flatten(0, 1)
        nearest = {name: each.reshape(shape) for name, each in self.nearest(pictures).items()}
        happy = happiness(self.expression, pictures).reshape(shape)
        asked = np.array([NEUTRAL, SMILE])[:, None]
        hits = {
            "smile": self.read(pictures).reshape(shape) == asked,
            "happier": (happy[:, SMILE] > happy[:, NEUTRAL])[:, None],
            **{name: each == people for name, each in nearest.items()},
            "leak": nearest["identity"] == people[:, None, None],
        }
        pairs = ~np.eye(len(people), dtype=bool)  # nobody borrows from oneself
        return {
            name: protocol.crossed(pairs * each.mean(axis=1), pairs)._asdict()
            for name, each in hits.items()
        }

    def photographs(self, people: np.ndarray) -> dict[str, dict[str, float]]:
        """Return the same of the photographs themselves: how far the judges can be trusted.

        "identity" and "pixels" ask whether a neutral face is nearest to the same person's smile.
        """
        own = self.pictures[people]
        happy = happiness(self.expression, own.flatten(0, 1)).reshape(len(people), -1)
        read = self.read(own.flatten(0, 1)).reshape(happy.shape)
        hits = {
            "smile": (read == [NEUTRAL, SMILE]).mean(axis=1),
            "happier": happy[:, SMILE] > happy[:, NEUTRAL],
            **{name: each == people for name, each in self.nearest(own[:, NEUTRAL]).items()},
        }
        return {name: protocol.share(people, each)._asdict() for name, each in hits.items()}


def _nearest(values: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Return which row of a gallery points most nearly where each row of values does, (n,)."""
    scale = StandardScaler().fit(gallery)
    return cosine_similarity(scale.transform(values), scale.transform(gallery)).argmax(axis=1)


def _sized(pictures: Tensor, judge: Classifier) -> Tensor:
    """Return pictures at the side that a judge learnt."""
    side = judge.config.side
    return F.interpolate(pictures, (side, side), mode="bilinear", antialias=True)


@torch.no_grad()
def _of(look: Callable[[Tensor], Tensor], pictures: Tensor) -> np.ndarray:
    """Return what a function gives of pictures, a few at a time."""
    return torch.cat([look(part).float() for part in pictures.split(PREDICTED)]).numpy()


if __name__ == "__main__":
    stored.command("lib.faces.runs.real", (KIND,), ship)
