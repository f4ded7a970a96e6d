"""The work of Part II that is done under different circumstances."""

from pathlib import Path

import numpy as np

from lib.faces.runs import determinism as works


def test_a_gan_learns_from_rendered_faces_and_keeps_a_checkpoint(tmp_path: Path) -> None:
    found = works.train(tmp_path / "training")
    images = works.faces().images
    assert (tmp_path / "training").is_file()
    assert found.outputs.shape == (len(images), 3, works.SIDE, works.SIDE)
    assert found.labels.shape == (len(images),) and len(np.unique(found.labels)) > 1
    assert {name.split(".")[0] for name in found.weights} == {"generator", "discriminator"}
    assert all(np.isfinite(value).all() for value in found.arrays.values())
