"""What Part II costs as the faces grow more: rendering, augmenting, and training DE-GAN on them."""

import tempfile
from pathlib import Path
from typing import Any

import torch

from lib.book import scaling
from lib.book.results import Result
from lib.book.scaling import FACTORS, megabytes, timed
from lib.faces import augment, training
from lib.faces.data import EXPRESSIONS
from lib.faces.datasets import ict, made
from lib.faces.models import ModelConfig
from lib.faces.profiles import GANConfig

PEOPLE = 10
FRAMES = {"smoke": 1, "quick": 1, "paper": 1}  # of each person and expression, at factor 1
SIDE = {"smoke": 32, "quick": 96, "paper": 96}  # 96 is the paper's
BATCH = 35  # divides all sizes
ONE_IN = 2  # faces that training sees: with all of them it would take minutes


def measured(profile: str) -> list[Result]:
    """Return the cost at growing numbers of rendered faces, see `book.scaling.measure`."""
    configs = [config(factor * FRAMES[profile], SIDE[profile]) for factor in FACTORS[profile]]
    return scaling.measure("part2", configs, run_one)


def config(frames: int, side: int) -> dict[str, Any]:
    """Return the run for `frames` faces of each person and expression."""
    return {
        "dataset": made.NAME,
        "rung": made.RUNG,
        "unit": "faces",
        "size": PEOPLE * len(EXPRESSIONS) * frames,
        "side": side,
        "width": 0.125,
        "batch": BATCH,
        "one_in": ONE_IN,
    }


def run_one(run: dict[str, Any]) -> dict[str, Any]:
    """Render faces, augment each once, and train DE-GAN on a share of them.

    Returns:
        `seconds` by stage, and `data_mb`, what is on disk.
    """
    seconds: dict[str, float] = {}
    frames = run["size"] // (PEOPLE * len(EXPRESSIONS))
    random = torch.Generator().manual_seed(0)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with timed(seconds, "drawn"):
            faces = made.pretraining(ict.render, PEOPLE, frames, run["side"], 0, folder=folder)
        with timed(seconds, "augmented"):
            for rows in torch.randperm(run["size"], generator=random).split(run["batch"]):
                augment.draw(faces.images, rows, random)
        with timed(seconds, "trained"):
            model = ModelConfig(PEOPLE, len(EXPRESSIONS), run["side"], run["width"])
            steps = run["size"] // run["batch"] // run["one_in"]
            training.train(model, GANConfig(steps, 1, run["batch"]), faces, seed=0)
        return {"seconds": seconds, "data_mb": round(megabytes(folder), 3)}
