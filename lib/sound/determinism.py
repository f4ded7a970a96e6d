"""Part I in seconds: log-mel features of drawn clips, and a mean teacher that learns from them."""

from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch

from lib.book.determinism import Outcome, Work, as_arrays
from lib.sound import data, features, preparation, training
from lib.sound.data import Corpus, Sizes
from lib.sound.features import Standardiser
from lib.sound.models import ModelConfig
from lib.sound.profiles import PROFILES

SIZES = Sizes(weak=4, unlabelled=4, validation=1, test=4)
SPLITS = ("weak", "unlabelled", "test")
BANDS = 32
FORM = ModelConfig(("spectral",), width=0.125, mel_bands=BANDS)
EPOCHS = {"smoke": 2, "quick": 3, "paper": 3}
SEED = 0


def works(profile: str) -> dict[str, Work]:
    """Return what is done under each circumstance."""
    return {
        "log-mel features": Work(extract, resumes=False),
        "mean teacher, float32": Work(partial(train, EPOCHS[profile], False), resumes=True),
        "mean teacher, bfloat16": Work(partial(train, EPOCHS[profile], True), resumes=True),
    }


def train(epochs: int, bfloat16: bool, checkpoint: Path) -> Outcome:
    """Train a small mean teacher; labels are the loudest class of each frame of other clips."""
    schedule = PROFILES["smoke"].training
    config = replace(schedule, epochs=epochs, steps_per_epoch=2, bfloat16=bfloat16)
    inputs = standardised_log_mel()
    targets = torch.from_numpy(corpus().weak_targets())
    clips = training.TrainingSet(inputs["weak"], targets, inputs["unlabelled"])
    student, _ = training.train(FORM, config, clips, SEED, checkpoint)
    frame = training.predict(student, inputs["test"]).frame
    return Outcome(as_arrays(student.state_dict()), frame.numpy(), frame.argmax(dim=2).numpy())


def extract(checkpoint: Path) -> Outcome:
    """Return the spectrograms of the clips; there is nothing to keep on the way."""
    return Outcome({}, np.concatenate([log_mel(split) for split in SPLITS]))


@lru_cache(maxsize=1)
def corpus() -> Corpus:
    """Return the clips, which are drawn."""
    return data.load("drawn", SIZES)


@lru_cache(maxsize=3)
def log_mel(split: str) -> np.ndarray:
    """Return (clips, frames, mel bands) float32, computed here: the cache's come from elsewhere."""
    clips = corpus().clips[split]
    return np.stack([features.log_mel(corpus().audio(clip)) for clip in clips])


def standardised_log_mel() -> dict[str, dict[str, torch.Tensor]]:
    """Return what a network is given of each split, rounded to float16 as all features are."""
    found = {
        split: np.stack(
            [preparation.fewer_bands(clip, BANDS) for clip in log_mel(split).astype(np.float16)]
        )
        for split in SPLITS
    }
    scale = Standardiser.fit([found["weak"], found["unlabelled"]])
    return {split: {"spectral": preparation.standardised(found[split], scale)} for split in SPLITS}
