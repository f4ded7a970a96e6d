"""Part I in seconds: log-mel features of recordings, and a mean teacher that learns from them."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import torch

from lib.book import data_root
from lib.runs.determinism import Outcome, Work, as_arrays
from lib.sound import features, mean_teacher
from lib.sound.crnn import ModelConfig
from lib.sound.events import CLASSES
from lib.sound.features import Standardiser
from lib.sound.mean_teacher import TrainingConfig
from lib.sound.pretrained import Waveform

WEAK, UNLABELLED, TESTED = slice(0, 4), slice(4, 8), slice(8, 12)  # clips
FORM = ModelConfig(("spectral",), width=0.125)
TRAINING = TrainingConfig(
    epochs=3, steps_per_epoch=6, weak_batch=4, unlabelled_batch=4, learning_rate=3e-3, ramp_steps=2
)


def works() -> dict[str, Work]:
    """Return what is done under each circumstance."""
    return {"log-mel features": extract, "mean teacher": train}


def train(checkpoint: Path) -> Outcome:
    """Train a small mean teacher; labels are the loudest class of each frame of other clips."""
    scale = Standardiser.fit(log_mel()[: UNLABELLED.stop])
    clips = features.standardised(log_mel(), scale)
    weak, unlabelled, tested = ({"spectral": clips[s]} for s in (WEAK, UNLABELLED, TESTED))
    data = mean_teacher.TrainingSet(weak, targets(TESTED.stop)[WEAK], unlabelled)
    student, _ = mean_teacher.train(FORM, TRAINING, data, seed=0, checkpoint=checkpoint)
    frame = mean_teacher.predict(student, tested).frame
    return Outcome(as_arrays(student.state_dict()), frame.numpy(), frame.argmax(dim=2).numpy())


def extract(checkpoint: Path) -> Outcome:
    """Return the spectrograms of the clips; there is nothing to keep on the way."""
    return Outcome({}, log_mel())


@lru_cache(maxsize=1)
def log_mel() -> np.ndarray:
    """Return (clips, frames, mel bands) float32."""
    return np.stack([features.log_mel(clip) for clip in recordings(TESTED.stop)])


def recordings(count: int) -> Iterator[Waveform]:
    """Yield the first clips of ESC-10, one after the other."""
    for place in _files(count):
        yield Waveform(*soundfile.read(place, dtype="float32"))


def targets(count: int) -> torch.Tensor:
    """Return of each of those clips that the class of its number sounds, (count, 10) float32."""
    listed = pd.read_csv(data_root.locate("esc10") / "meta.csv", index_col="clip")["class_id"]
    classes = torch.tensor([int(listed[place.stem]) for place in _files(count)])
    return torch.nn.functional.one_hot(classes, len(CLASSES)).float()


def _files(count: int) -> list[Path]:
    """Return the first files by name, in which classes are mixed."""
    return sorted((data_root.locate("esc10") / "audio_ogg22k").glob("*.ogg"))[:count]
