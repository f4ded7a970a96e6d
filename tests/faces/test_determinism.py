"""The works of Part II that are done under different circumstances."""

from pathlib import Path

import numpy as np

from lib.faces import determinism as works


def test_a_training_keeps_its_checkpoint(tmp_path: Path) -> None:
    for name, work in works.works("smoke").items():
        checkpoint = tmp_path / f"{name}.training"
        outcome = work.run(checkpoint)
        assert checkpoint.is_file() == work.resumes
        images = works.faces().images
        assert outcome.outputs.shape == (len(images), 3, 32, 32)
        assert outcome.labels.shape == (len(images),)
        assert {name.split(".")[0] for name in outcome.weights} == {"generator", "discriminator"}
        assert all(np.isfinite(value).all() for value in outcome.arrays.values())
