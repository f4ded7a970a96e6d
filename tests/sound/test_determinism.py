"""The works of Part I that are done under different circumstances."""

from pathlib import Path

import numpy as np

from lib.sound import determinism as works
from lib.sound.features import BANDS, FRAMES
from lib.sound.labels import CLASSES


def test_trainings_keep_checkpoints_and_differ_in_precision(tmp_path: Path) -> None:
    found = {}
    for name, work in works.works("smoke").items():
        checkpoint = tmp_path / f"{name}.training"
        found[name] = work.run(checkpoint)
        assert checkpoint.is_file() == work.resumes
    spectra, *trained = found.values()
    clips = works.SIZES.weak + works.SIZES.unlabelled + works.SIZES.test
    assert spectra.outputs.shape == (clips, FRAMES, BANDS) and not spectra.weights
    for outcome in trained:
        assert outcome.outputs.shape == (works.SIZES.test, FRAMES // 4, len(CLASSES))
        assert np.isfinite(outcome.outputs).all()
        assert outcome.labels.shape == outcome.outputs.shape[:2]
    assert trained[0].digest != trained[1].digest
