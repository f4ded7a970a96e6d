"""The London set: who is in it, where eyes come to lie, and that its list is read with care."""

from pathlib import Path

import numpy as np
import pytest

from lib.faces import augment
from lib.faces.data import london

SIDE = 48


def test_everybody_is_there_neutral_and_smiling() -> None:
    taken, faces = london.photographs(), london.load(SIDE)
    size = augment.source_side(SIDE)
    assert taken.images.shape == (204, 256, 256, 3) and faces.images.shape == (204, size, size, 3)
    assert faces.people == 102 and faces.classes == ("neutral", "smiling")
    assert (np.bincount(faces.identities) == 2).all()
    assert (faces.expressions.reshape(-1, 2) == [0, 1]).all()
    assert len(np.unique(faces.sequences)) == 204 and not faces.skipped


def test_eyes_are_as_the_readme_says() -> None:
    eyes = london.photographs().eyes
    apart = np.linalg.norm(eyes[:, 1] - eyes[:, 0], axis=1)
    assert apart == pytest.approx(64, abs=0.15)
    assert eyes.mean(axis=1) == pytest.approx(np.tile([128, 117.8], (204, 1)), abs=0.11)


def test_aligned_pictures_are_what_they_were() -> None:
    with np.load(Path(__file__).parent / "london_aligned.npz") as stored:
        expected = stored["images"]  # of the first and the last person
    found = london.load(SIDE).images[[0, 1, -2, -1]]
    apart = np.abs(found.astype(int) - expected)
    assert apart.max() <= 3 and apart.mean() < 0.05  # decoders of JPEG round in their own ways


def test_a_bad_line_of_the_list_is_named(tmp_path: Path) -> None:
    columns = [f"{each}_{name}" for each in london.CLASSES for name in london.MARKS]
    path = tmp_path / london.LIST
    head = ",".join(["face_id", "age", "gender", "ethnicity", *columns])
    good = "001,24,female,white," + ",".join("12345678")
    path.write_text(f"{head}\n{good}\n")
    names, eyes = london.marks(path)
    assert names == ["001"] and (eyes[0, 1] == [[5.5, 6.5], [7.5, 8.5]]).all()
    path.write_text(f"{head}\n{good}\n002,24,female,white,x,1,2,3,4,5,6,7\n")
    with pytest.raises(ValueError, match="person 002: a mark is missing or no number"):
        london.marks(path)
