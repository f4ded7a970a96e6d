"""Small trainings of DE-GAN, one switch of `GANConfig` turned in each (section 4.1).

    python -m lib.faces.runs.ablations

computes the trainings that have no result yet; a single one takes about four minutes of one core.
"""

import base64
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import torch
from PIL import Image

from lib.faces import augment, gan_training, judges
from lib.faces.classifier import ClassifierConfig
from lib.faces.data import datasets
from lib.faces.data.corpus import Corpus, Faces, Sizes
from lib.faces.de_gan import CODE, NOISE, Generator, count_parameters
from lib.faces.gan_training import GANConfig
from lib.faces.runs import checkpoints, sources
from lib.faces.runs.experiments import DATASETS
from lib.faces.runs.profiles import PROFILES, Profile
from lib.runs import results, states, sweep
from lib.runs.results import Result

PART, EXPERIMENT = "part2", "studies"
SHARES = ("expression", "identity", "leak")  # see `judges.TransferScores`
FEW = 3  # variants, where networks are as small as can be
SOURCE, ASKED = 0, 1  # the people of the faces that are kept of each training
_QUICK = PROFILES["quick"]

STUDY = replace(
    _QUICK,
    # fewer people need fewer steps, but D learns by heart what it sees too often: more of each
    sizes=replace(_QUICK.sizes, side=32, people=12, frames=24, held_out=8),
    width=0.25,
    gan=replace(_QUICK.gan, steps=2500, intervals=50, warm_up=500),
    judge=replace(_QUICK.judge, steps=1200),
)


@dataclass(frozen=True)
class Variant:
    """One training: what it changes in the GANConfig, and in the width of G and D."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    width: float = 1.0


EQUATIONS = {
    "warm_up": 0,
    "own_identity": 0.0,
    "reconstruction": 0.0,
    "learning_rate": 1e-4,
    "generator_rate": 1.0,
    "average": 0.0,
}
VARIANTS = {
    "as in the book": Variant(),
    "equations 1 and 2 alone": Variant(EQUATIONS),
    "no warm-up": Variant({"warm_up": 0}),
    "no reconstruction": Variant({"reconstruction": 0.0}),
    "G as slow as D": Variant({"generator_rate": 1.0}),
    "D in every step": Variant({"strong": 1.1}),
    "D in every fourth step": Variant({"strong": -1.0}),
    "rates that fall": Variant({"falling": 0.4}),
    "all 110 variants": Variant({"augmentation": "all"}),
    "no running mean": Variant({"average": 0.0}),
    "half as wide": Variant(width=0.5),
}


def profile_of(profile: Profile) -> Profile:
    """Return the profile of the studies of another: STUDY, or itself where it is smaller still."""
    return min(profile, STUDY, key=lambda each: each.gan.steps)


def describe(profile: Profile, corpus: Corpus, variant: Variant, seed: int) -> dict[str, Any]:
    """Return one run, as plain JSON."""
    sizes = {name: value for name, value in asdict(profile.sizes).items() if name != "shapes"}
    run: dict[str, Any] = {
        "dataset": DATASETS[corpus.rung],
        "rung": corpus.rung,
        "sizes": sizes,
        "width": profile.width,  # of the judges
        "model": {"width": profile.width * variant.width, "code": CODE},
        "training": asdict(replace(profile.gan, **variant.changes)),
        "judge": asdict(profile.judge),
        "seed": seed,
    }
    return results.plain(run)


def grid(profile: Profile, corpus: Corpus, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Return the run of each of VARIANTS, of the first FEW where the profile is smaller still."""
    wanted = list(VARIANTS)[: None if profile is STUDY else FEW]
    return {name: describe(profile, corpus, VARIANTS[name], seed) for name in wanted}


def runs(
    profile: Profile, corpus: Corpus, seed: int = 0, *, compute: bool = True
) -> dict[str, Result | None]:
    """Return the result of each of `grid`, None where there is none and none is computed."""
    if compute and not sweep.only_present():  # before several processes would each train the judges
        checkpoints.panel(profile, corpus)
    wanted = grid(profile, corpus, seed)
    code = (*sources.STUDIED, run_one, made_of, source_faces)
    configs = list(wanted.values())
    found = sweep.run(PART, EXPERIMENT, configs, run_one, compute=compute, sources=code)
    return dict(zip(wanted, found, strict=True))


def run_one(config: dict[str, Any]) -> dict[str, Any]:
    """Train DE-GAN and return what independent judges see in its pictures.

    Returns:
        The shares of `judges.transfer_scores`, what the judges make of real pictures ("ceiling"),
        the losses by interval, the number of parameters, and a few faces.
    """
    profile = replace(
        STUDY,
        sizes=Sizes(shapes={}, **config["sizes"]),
        width=config["width"],
        gan=GANConfig(**config["training"]),
        judge=ClassifierConfig(**config["judge"]),
    )
    corpus = datasets.load(config["dataset"], profile.sizes)
    model = replace(checkpoints.model_config(profile, corpus), **config["model"])
    progress = checkpoints.progress_path("study", config)
    made = gan_training.train(model, profile.gan, corpus.pretraining(), config["seed"], progress)
    judging, sources = checkpoints.panel(profile, corpus), corpus.held_out()
    scores = judges.transfer_scores(made.generator, judging, sources, config["seed"])
    ceiling = judges.ceiling(judging, sources)
    shares = {name: getattr(scores, name)._asdict() for name in SHARES}
    metrics = {
        **shares,
        "ceiling": {name: estimate._asdict() for name, estimate in ceiling.items()},
        "history": {
            name: [None if np.isnan(value) else value for value in values]
            for name, values in made.history.items()
        },
        "parameters": count_parameters([made.generator, made.discriminator]),
        "faces": _as_text(made_of(made.generator, sources)) if corpus.rung != "original" else "",
    }
    states.remove(progress)
    return metrics


def first_rows(faces: Faces) -> np.ndarray:
    """Return the first picture of person SOURCE in each expression, (classes,) int64."""
    own = faces.identities == SOURCE
    shown = [np.flatnonzero(own & (faces.expressions == e)) for e in range(len(faces.classes))]
    return np.array([rows[0] for rows in shown if len(rows)])


def source_faces(faces: Faces) -> np.ndarray:
    """Return those pictures as the networks see them, (n, side, side, 3) uint8."""
    return augment.pixels(_sources(faces))


@torch.no_grad()
def made_of(generator: Generator, faces: Faces) -> np.ndarray:
    """Return what G makes of those pictures for person ASKED, (n, side, side, 3) uint8."""
    images = _sources(faces)
    count = len(images)
    return augment.pixels(generator(images, torch.full((count,), ASKED), torch.zeros(count, NOISE)))


def _sources(faces: Faces) -> torch.Tensor:
    """Return the pictures of `first_rows`, (n, 3, side, side) in [-1, 1]."""
    return augment.centre(faces.images[first_rows(faces)])


def _as_text(faces: np.ndarray) -> str:
    """Return faces side by side as a PNG in base64."""
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(list(faces), axis=1)).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


if __name__ == "__main__":
    runs(STUDY, datasets.load(STUDY.dataset, STUDY.sizes))
