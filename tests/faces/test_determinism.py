"""The works of Part II that are done under different circumstances."""

from pathlib import Path

import numpy as np

from lib.faces import determinism as works


def test_trainings_keep_checkpoints_and_differ_in_precision(tmp_path: Path) -> None:
    found = []
    for name, work in works.works("smoke").items():
        checkpoint = tmp_path / f"{name}.training"
        found.append(work.run(checkpoint))
        assert checkpoint.is_file() == work.resumes
    images = works.faces().images
    for outcome in found:
        assert outcome.outputs.shape == (len(images), 3, 32, 32)
        assert outcome.labels.shape == (len(images),)
        assert {name.split(".")[0] for name in outcome.weights} == {"generator", "discriminator"}
    one, other = found
    assert one.digest != other.digest
    assert all(np.isfinite(value).all() for value in one.arrays.values())
