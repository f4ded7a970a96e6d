"""The face model under data/ is what the converter makes of its official meshes, here tiny ones."""

from pathlib import Path

import numpy as np
import pytest

from lib.faces.render import face_model
from tools import convert_ict

KEPT, DROPPED = 6, 2
NEUTRAL = np.arange(3 * KEPT, dtype=np.float64).reshape(KEPT, 3) / 7
QUADS = [[0, 1, 2, 3], [5, 4, 3, -1]]


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


def test_offsets_names_and_polygons_come_out_as_they_went_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert_ict, "VERTICES", KEPT)
    write_mesh(tmp_path / "generic_neutral_mesh.obj", NEUTRAL)
    for index in range(3):
        write_mesh(tmp_path / f"identity{index:03d}.obj", NEUTRAL + offsets(index))
    for index, name in enumerate(("jawOpen", "PupilDilate_L")):
        write_mesh(tmp_path / f"{name}.obj", NEUTRAL + offsets(10 + index))
    convert_ict.convert(tmp_path, tmp_path)
    with np.load(tmp_path / face_model.FILE) as made:
        kinds = {name: made[name].dtype.kind for name in made}
        assert kinds == {name: kind for name, (kind, _) in face_model.FORM.items()}
        assert made["neutral"] == pytest.approx(NEUTRAL, abs=1e-5)
        assert made["quads"].tolist() == QUADS
        assert made["expr_names"].tolist() == ["PupilDilate_L", "jawOpen"]
        modes = made["id_q"] * made["id_scale"][:, None, None]
        assert modes == pytest.approx(np.stack([offsets(index) for index in range(3)]), abs=1e-4)
        shapes = made["expr_q"] * made["expr_scale"][:, None, None]
        assert shapes == pytest.approx(np.stack([offsets(11), offsets(10)]), abs=1e-4)
        assert np.abs(made["id_q"]).max(axis=(1, 2)).tolist() == [32767] * 3
