"""The face model is made from meshes in their official form, here a tree of tiny ones."""

from pathlib import Path

import numpy as np
import pytest

from lib.book import contents, data_root
from lib.faces.datasets import ict_model, ict_source
from tests.faces.test_ict import needs_model

KEPT, DROPPED = 6, 2
NEUTRAL = np.arange(3 * KEPT, dtype=np.float64).reshape(KEPT, 3) / 7
QUADS = [[0, 1, 2, 3], [5, 4, 3, -1]]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a model of a few vertices be whole."""
    for name, value in {"VERTICES": KEPT, "POLYGONS": 2, "MODES": 3, "SHAPES": 2}.items():
        monkeypatch.setattr(ict_source, name, value)


def offsets(seed: int) -> np.ndarray:
    """Return how a mesh differs from the neutral one."""
    return np.random.default_rng(seed).normal(size=(KEPT, 3))


def write_mesh(path: Path, vertices: np.ndarray) -> None:
    """Write a mesh as the official ones are: comments, vertices, textures, polygons."""
    all_of_them = [*vertices, *[(9.0, 9.0, 9.0)] * DROPPED]
    lines = ["# a licence", "", "mtllib material.mtl"]
    lines += ["v " + " ".join(f"{number:.6g}" for number in vertex) for vertex in all_of_them]
    lines += ["vt 0.5 0.5", "vn 0 0 1", "usemtl M_Face", "s 1"]
    lines += ["f " + " ".join(f"{k + 1}/1" for k in quad if k >= 0) for quad in QUADS]
    lines += ["f 6/1 7/1 8/1"]  # on vertices that are left out
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """Lay down a folder as it comes out of the archive."""
    folder = tmp_path / "ICT-FaceKit-main" / "FaceXModel"
    folder.mkdir(parents=True)
    write_mesh(folder / "generic_neutral_mesh.obj", NEUTRAL)
    for index in range(3):
        write_mesh(folder / f"identity{index:03d}.obj", NEUTRAL + offsets(index))
    for index, name in enumerate(("jawOpen", "PupilDilate_L")):
        write_mesh(folder / f"{name}.obj", NEUTRAL + offsets(10 + index))
    return tmp_path


def test_offsets_names_and_polygons_come_out_as_they_went_in(
    official: Path, tmp_path: Path
) -> None:
    ict_source.prepare(official, tmp_path)
    made = contents.read(tmp_path / ict_model.FILE)
    assert set(made) == set(ict_model.FORM)
    assert {name: made[name].dtype.kind for name in made} == {
        name: kind for name, (kind, _) in ict_model.FORM.items()
    }
    assert made["neutral"] == pytest.approx(NEUTRAL, abs=1e-5)
    assert made["quads"].tolist() == QUADS
    assert made["expr_names"].tolist() == ["PupilDilate_L", "jawOpen"]
    modes = made["id_q"] * made["id_scale"][:, None, None]
    assert modes == pytest.approx(np.stack([offsets(index) for index in range(3)]), abs=1e-4)
    shapes = made["expr_q"] * made["expr_scale"][:, None, None]
    assert shapes == pytest.approx(np.stack([offsets(11), offsets(10)]), abs=1e-4)
    assert np.abs(made["id_q"]).max(axis=(1, 2)).tolist() == [32767] * 3


def test_it_is_made_the_same_twice(official: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    for name in ("one", "two"):
        ict_source.prepare(official, tmp_path / name)
    one, two = ((tmp_path / name / ict_model.FILE).read_bytes() for name in ("one", "two"))
    assert one == two


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("lost", "holds 2 identity modes and 2 shapes instead of 3 and 2"),
        ("cut off", "identity001.obj has no 6 vertices of three numbers"),
        ("not a number", "identity001.obj has no 6 vertices of three numbers"),
        ("neutral", "identity001.obj is the neutral head"),
        ("binary", "identity001.obj is no mesh in text form"),
        ("polygons", "generic_neutral_mesh.obj has 0 polygons instead of 2"),
    ],
)
def test_damage_is_named(official: Path, tmp_path: Path, damage: str, complaint: str) -> None:
    folder = next(official.glob("ICT*")) / "FaceXModel"
    mesh, neutral = folder / "identity001.obj", folder / "generic_neutral_mesh.obj"
    if damage == "lost":
        mesh.unlink()
    elif damage == "cut off":
        mesh.write_text(mesh.read_text()[:80])
    elif damage == "not a number":
        mesh.write_text(mesh.read_text().replace("v ", "v nan ", 1))
    elif damage == "neutral":
        mesh.write_text(neutral.read_text())
    elif damage == "binary":
        mesh.write_bytes(b"v \xff\x00")
    else:
        neutral.write_text(neutral.read_text().replace("f 1/1", "f one/1"))
    with pytest.raises(ValueError, match=complaint) as raised:
        ict_source.prepare(official, tmp_path)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / ict_model.FILE).exists()


def test_a_folder_without_meshes_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no generic_neutral_mesh.obj under"):
        ict_source.prepare(tmp_path, tmp_path)


@needs_model
def test_the_stored_model_encoded_otherwise_is_accepted_and_another_is_not(tmp_path: Path) -> None:
    arrays = contents.read(data_root.locate("ict_facekit") / ict_model.FILE)
    path = tmp_path / ict_model.FILE
    kept = {name: arrays[name] for name in ict_model.FORM}
    kept["id_q"] = kept["id_q"] + (np.arange(3) - 1).astype(np.int16)  # rounded otherwise
    np.savez(path, **kept)
    assert contents.holds("ict_facekit", ict_model.FILE, path)
    for name, wrong in {
        "id_q": -arrays["id_q"],
        "neutral": arrays["neutral"][::-1],
        "quads": arrays["quads"][::-1],
        "expr_names": arrays["expr_names"][::-1],
        "expr_q": np.roll(arrays["expr_q"], 1, axis=0),
    }.items():
        np.savez(path, **{**kept, name: wrong})
        assert not contents.holds("ict_facekit", ict_model.FILE, path), name
