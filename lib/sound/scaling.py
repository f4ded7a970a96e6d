"""What Part I costs as the clips grow more: features, preparation and one epoch of training."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from lib.book import scaling
from lib.book.results import Result
from lib.book.scaling import FACTORS, megabytes, timed
from lib.sound import features, preparation, training
from lib.sound.data import Corpus, Sizes
from lib.sound.datasets import domestic
from lib.sound.models import ModelConfig
from lib.sound.profiles import TrainingConfig

CLIPS = {"smoke": 32, "quick": 64, "paper": 64}  # at factor 1
BATCH = 16  # weak clips, and as many unlabelled ones
ALIKE = 16  # clips of one content: drawing and hearing all of them would take minutes


def measured(profile: str) -> list[Result]:
    """Return the cost at growing numbers of drawn clips, see `book.scaling.measure`."""
    configs = [config(factor * CLIPS[profile]) for factor in FACTORS[profile]]
    return scaling.measure("part1", configs, run_one)


def config(clips: int, alike: int = ALIKE) -> dict[str, Any]:
    """Return the run for a number of clips, a multiple of 2 BATCH and 2 `alike`."""
    return {
        "dataset": "drawn",
        "rung": "embedded",
        "unit": "clips",
        "size": clips,
        "alike": alike,
        "mel_bands": features.BANDS,
        "width": 0.125,
        "batch": BATCH,
    }


def run_one(run: dict[str, Any]) -> dict[str, Any]:
    """Make the features of clips, prepare them, and train for one epoch.

    Returns:
        `seconds` by stage, and `data_mb`, what is read in training.
    """
    corpus = repeated(run["size"] // 2, run["alike"])
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with timed(seconds, "features"):
            for split in preparation.TRAINING_SPLITS:
                for _ in features.each(corpus, "log_mel", corpus.clips[split], folder):
                    pass
        with timed(seconds, "prepared"):
            splits, _ = preparation.prepare(corpus, "log_mel", "", run["mel_bands"], folder)
        with timed(seconds, "trained"):
            weak, unlabelled = ({"spectral": splits[s]} for s in preparation.TRAINING_SPLITS)
            targets = torch.from_numpy(corpus.weak_targets())
            training.train(
                ModelConfig(("spectral",), width=run["width"], mel_bands=run["mel_bands"]),
                one_epoch(run),
                training.TrainingSet(weak, targets, unlabelled),
                seed=0,
            )
        return {"seconds": seconds, "data_mb": round(megabytes(folder / "prepared"), 3)}


def one_epoch(run: dict[str, Any]) -> TrainingConfig:
    """Return the training that sees each clip once."""
    steps, batch = run["size"] // (2 * run["batch"]), run["batch"]
    return TrainingConfig(1, steps, weak_batch=batch, unlabelled_batch=batch, ramp_steps=steps)


def repeated(count: int, alike: int) -> Corpus:
    """Return drawn clips, `count` weak and `count` unlabelled ones, each content `alike` times."""
    drawn = domestic.load(Sizes(count // alike, count // alike, 0, 0))

    def original(name: str) -> str:
        return name.partition("#")[0]

    clips = {
        split: tuple(f"{name}#{number}" for name in names for number in range(alike))
        for split, names in drawn.clips.items()
    }
    return replace(
        drawn,
        clips=clips,
        weak={name: drawn.weak[original(name)] for name in clips["weak"]},
        content=lambda name: drawn.content(original(name)),
        audio=lambda name: drawn.audio(original(name)),
    )
