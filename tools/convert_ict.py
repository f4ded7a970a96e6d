"""The face model of ICT-FaceKit, brought from its official meshes to the one file under data/.

    python -m tools.convert_ict FaceXModel data/ict_facekit

The official folder FaceXModel holds a neutral head, 100 heads one identity mode away from it and 57
with one expression each, as Wavefront .obj: lines "v x y z" with the vertices, and "f v/t v/t ..."
with polygons of four corners or three. Vertices after those of the eyes' irises are left out.
"""

import sys
from pathlib import Path

import numpy as np

from lib.faces.render.face_model import FILE, VERTICES, read

NEUTRAL, IDENTITY = "generic_neutral_mesh", "identity"
LARGEST = 32767  # of int16


def convert(source: Path, target: Path) -> None:
    """Write the face model's one file.

    Args:
        source: the folder FaceXModel.
        target: the folder to write it into.

    Raises:
        OSError: a mesh is missing, or the file cannot be written.
        ValueError: a mesh is damaged.
    """
    neutral = source / f"{NEUTRAL}.obj"
    others = sorted(path for path in source.glob("*.obj") if path != neutral)
    modes = [path for path in others if path.stem.startswith(IDENTITY)]
    shapes = [path for path in others if not path.stem.startswith(IDENTITY)]
    base = vertices(neutral)
    id_q, id_scale = quantised(modes, base)
    expr_q, expr_scale = quantised(shapes, base)
    np.savez_compressed(
        target / FILE,
        neutral=base,
        id_q=id_q,
        id_scale=id_scale,
        expr_q=expr_q,
        expr_scale=expr_scale,
        expr_names=np.array([path.stem for path in shapes]),
        quads=polygons(neutral),
    )


def quantised(paths: list[Path], base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how meshes differ from a base (v, 3): (k, v, 3) int16, and their scales (k,)."""
    offsets = np.stack([vertices(path) - base for path in paths])
    scales = np.abs(offsets).max(axis=(1, 2)) / np.float32(LARGEST)
    numbers = np.rint(offsets / scales[:, None, None])
    return np.clip(numbers, -LARGEST, LARGEST).astype(np.int16), scales


def vertices(path: Path) -> np.ndarray:
    """Return the vertices of a mesh that are kept, (VERTICES, 3) float32."""
    rows = [line.split()[1:] for line in lines(path) if line.startswith("v ")]
    return np.array(rows[:VERTICES], dtype=np.float32)


def polygons(path: Path) -> np.ndarray:
    """Return the polygons between vertices that are kept, (n, 4) int32, counted from 0.

    -1 stands for the fourth corner of a triangle.
    """
    corners = [line.split()[1:] for line in lines(path) if line.startswith("f ")]
    numbers = [[int(corner.partition("/")[0]) - 1 for corner in each] for each in corners]
    kept = [(each + [-1])[:4] for each in numbers if max(each) < VERTICES]
    return np.array(kept, dtype=np.int32)


def lines(path: Path) -> list[str]:
    """Return the lines of a mesh."""
    return path.read_text(encoding="ascii").splitlines()


if __name__ == "__main__":
    convert(*map(Path, sys.argv[1:3]))
    read(Path(sys.argv[2]) / FILE)  # complains where it is not the whole model
