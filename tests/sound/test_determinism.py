"""The works of Part I that are done under different circumstances."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lib.sound.events import CLASSES
from lib.sound.features import BANDS, FRAMES
from lib.sound.runs import determinism as works


def test_a_mean_teacher_learns_from_the_recordings_and_keeps_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(works, "TRAINING", replace(works.TRAINING, epochs=1, steps_per_epoch=1))
    spectra, trained = (work(tmp_path / name) for name, work in works.works().items())
    assert spectra.outputs.shape == (works.TESTED.stop, FRAMES, BANDS) and not spectra.weights
    assert "mean teacher" in {path.stem for path in tmp_path.iterdir()}
    assert trained.outputs.shape == (4, FRAMES // 4, len(CLASSES))
    assert np.isfinite(trained.outputs).all() and trained.labels.shape == (4, FRAMES // 4)
    targets = works.targets(12)
    assert (targets.sum(dim=1) == 1).all() and len(set(targets.argmax(dim=1).tolist())) > 3
