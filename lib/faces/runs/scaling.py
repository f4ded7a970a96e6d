"""What Part II costs as the faces grow more: rendering, augmenting, and training DE-GAN on them."""

import tempfile
from pathlib import Path
from typing import Any

import torch

from lib.faces import augment, gan_training
from lib.faces.data.corpus import EXPRESSIONS
from lib.faces.de_gan import ModelConfig
from lib.faces.gan_training import GANConfig
from lib.faces.render import ict, made
from lib.runs.scaling import FACTORS, megabytes, timed

PEOPLE = 5
SIDE = {"smoke": 32, "quick": 96, "paper": 96}  # 96 is the paper's
BATCH = 35  # divides all sizes


def configs(profile: str) -> list[dict[str, Any]]:
    """Return growing numbers of rendered faces of the same people."""
    common = {"dataset": "ict", "rung": "open", "unit": "faces", "side": SIDE[profile]}
    common |= {"width": 0.125, "batch": BATCH}
    return [{**common, "size": PEOPLE * len(EXPRESSIONS) * n} for n in FACTORS[profile]]


def run_one(run: dict[str, Any]) -> dict[str, Any]:
    """Render faces, augment each once, and train DE-GAN on as many.

    Returns:
        `seconds` by stage, and `data_mb`, what is on disk.
    """
    seconds: dict[str, float] = {}
    frames = run["size"] // (PEOPLE * len(EXPRESSIONS))  # of each person and expression
    random = torch.Generator().manual_seed(0)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with timed(seconds, "rendered"):
            faces = made.pretraining(ict.render, PEOPLE, frames, run["side"], 0, folder=folder)
        with timed(seconds, "augmented"):
            for rows in torch.randperm(run["size"], generator=random).split(run["batch"]):
                augment.draw(faces.images, rows, random)
        with timed(seconds, "trained"):
            model = ModelConfig(PEOPLE, len(EXPRESSIONS), run["side"], run["width"])
            steps = run["size"] // run["batch"]
            gan_training.train(model, GANConfig(steps, 1, run["batch"]), faces, seed=0)
        return {"seconds": seconds, "data_mb": round(megabytes(folder), 3)}
