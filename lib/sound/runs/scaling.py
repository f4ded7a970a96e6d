"""What Part I costs as the clips grow more: features, preparation and one epoch of training."""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from lib.runs import rows
from lib.runs.rows import Rows
from lib.runs.scaling import FACTORS, megabytes, timed
from lib.sound import features, mean_teacher
from lib.sound.crnn import ModelConfig
from lib.sound.features import Standardiser
from lib.sound.mean_teacher import TrainingConfig
from lib.sound.runs.determinism import recordings, targets

CLIPS = 12  # at factor 1; ESC-10 has enough for sixteen times as many
BATCH = 6  # weak clips, and as many unlabelled ones


def configs(profile: str) -> list[dict[str, Any]]:
    """Return growing numbers of recorded clips."""
    common = {"dataset": "esc10", "rung": "open", "unit": "clips", "width": 0.125, "batch": BATCH}
    return [{**common, "size": CLIPS * n} for n in FACTORS[profile]]


def run_one(run: dict[str, Any]) -> dict[str, Any]:
    """Make the features of clips, standardise them, and train for one epoch; half are weak.

    Returns:
        `seconds` by stage, and `data_mb`, what is read in training.
    """
    count, half, seconds = run["size"], run["size"] // 2, dict[str, float]()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with timed(seconds, "features"):
            raw = _kept(folder / "raw.npy", map(features.log_mel, recordings(count)))
        with timed(seconds, "prepared"):
            scale = Standardiser.fit(raw[:])
            ready = (features.standardised(clip, scale).numpy() for clip in raw[:])
            clips = _kept(folder / "prepared" / "clips.npy", ready)
        with timed(seconds, "trained"):
            weak, unlabelled = (
                {"spectral": clips.only(s)} for s in (slice(half), slice(half, None))
            )
            data = mean_teacher.TrainingSet(weak, targets(half), unlabelled)
            model = ModelConfig(("spectral",), width=run["width"])
            mean_teacher.train(model, one_epoch(count, run["batch"]), data, seed=0)
        return {"seconds": seconds, "data_mb": round(megabytes(folder / "prepared"), 3)}


def _kept(path: Path, clips: Iterable[np.ndarray]) -> Rows:
    """Return clips of features, written to disk one by one."""
    rows.write(path, (clip[None] for clip in clips))
    found = rows.read(path)
    assert found is not None  # it was written just now
    return found


def one_epoch(count: int, batch: int) -> TrainingConfig:
    """Return the training that sees each of so many clips once, weak and unlabelled alike."""
    steps = count // (2 * batch)
    return TrainingConfig(1, steps, weak_batch=batch, unlabelled_batch=batch, ramp_steps=steps)
