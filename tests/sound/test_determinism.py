"""The works of Part I that are done under different circumstances."""

from pathlib import Path

import numpy as np

from lib.sound.events import CLASSES
from lib.sound.features import BANDS, FRAMES
from lib.sound.runs import determinism as works


def test_a_mean_teacher_learns_from_the_recordings_and_keeps_a_checkpoint(tmp_path: Path) -> None:
    spectra, trained = (work(tmp_path / name) for name, work in works.works().items())
    assert spectra.outputs.shape == (works.TESTED.stop, FRAMES, BANDS) and not spectra.weights
    assert {path.stem for path in tmp_path.iterdir()} == {"mean teacher"}  # and the one before it
    assert trained.outputs.shape == (4, FRAMES // 4, len(CLASSES))
    assert np.isfinite(trained.outputs).all() and trained.labels.shape == trained.outputs.shape[:2]
    assert len(np.unique(trained.labels)) > 1


def test_recordings_come_with_the_class_that_sounds_in_them() -> None:
    targets = works.targets(12)
    assert targets.shape == (12, len(CLASSES)) and (targets.sum(dim=1) == 1).all()
    assert len(set(targets.argmax(dim=1).tolist())) > 3
