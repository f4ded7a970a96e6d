"""The face model of ICT-FaceKit, brought from its official meshes to one small file.

`python -m lib.book.data_root get ict_facekit` fetches them and calls `prepare`. The official folder
FaceXModel holds a neutral head, 100 heads one identity mode away from it and 57 with one expression
each, as Wavefront .obj: lines "v x y z" with the vertices, and "f v/t v/t v/t v/t" with polygons of
four corners or three. Vertices after the eyes' irises (tears, lashes and the like) are left out.
"""

from pathlib import Path

import numpy as np

from lib.faces.datasets.ict_model import FILE, MODES, POLYGONS, SHAPES, VERTICES

NEUTRAL, IDENTITY = "generic_neutral_mesh", "identity"
LARGEST = 32767  # of int16


def prepare(source: Path, target: Path) -> None:
    """Lay down the face model's one file, made from a folder that holds FaceXModel.

    Raises:
        FileNotFoundError: no neutral head is there.
        ValueError: meshes are missing, or one is damaged.
    """
    neutral = min(source.rglob(f"{NEUTRAL}.obj"), default=None)
    if neutral is None:
        raise FileNotFoundError(f"no {NEUTRAL}.obj under {source}; give the folder FaceXModel")
    others = sorted(path for path in neutral.parent.glob("*.obj") if path != neutral)
    modes = [path for path in others if path.stem.startswith(IDENTITY)]
    shapes = [path for path in others if not path.stem.startswith(IDENTITY)]
    if (len(modes), len(shapes)) != (MODES, SHAPES):
        raise ValueError(
            f"{neutral.parent} holds {len(modes)} identity modes and {len(shapes)} shapes instead "
            f"of {MODES} and {SHAPES}; get it again"
        )
    base = read_vertices(neutral)
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
        quads=read_polygons(neutral),
    )


def quantised(paths: list[Path], base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how meshes differ from a base (v, 3): (k, v, 3) int16, and (k,) float32 to scale it.

    Raises:
        ValueError: a mesh is damaged, or is the base itself.
    """
    numbers = np.empty((len(paths), *base.shape), dtype=np.int16)
    scales = np.empty(len(paths), dtype=np.float32)
    for index, path in enumerate(paths):
        offsets = read_vertices(path) - base
        scales[index] = np.abs(offsets).max() / LARGEST
        if scales[index] == 0:
            raise ValueError(f"{path} is the neutral head; get it again")
        numbers[index] = np.clip(np.rint(offsets / scales[index]), -LARGEST, LARGEST)
    return numbers, scales


def read_vertices(path: Path) -> np.ndarray:
    """Return the vertices of a mesh that are kept, (VERTICES, 3) float32.

    Raises:
        ValueError: the mesh is damaged.
    """
    rows = [line[2:] for line in _lines(path) if line.startswith("v ")][:VERTICES]
    try:
        numbers = np.array(" ".join(rows).split(), dtype=np.float32).reshape(VERTICES, 3)
        np.asarray_chkfinite(numbers)
    except ValueError:
        raise ValueError(
            f"{path} has no {VERTICES} vertices of three numbers; get it again"
        ) from None
    return numbers


def read_polygons(path: Path) -> np.ndarray:
    """Return the polygons of a mesh between vertices that are kept, (POLYGONS, 4) int32.

    Vertices are counted from 0; -1 stands for the fourth corner of a triangle.

    Raises:
        ValueError: the mesh is damaged.
    """
    corners = [line.split()[1:] for line in _lines(path) if line.startswith("f ")]
    try:
        polygons = [[int(corner.partition("/")[0]) - 1 for corner in each] for each in corners]
    except ValueError:
        polygons = []
    kept = [(each + [-1])[:4] for each in polygons if len(each) in (3, 4) and max(each) < VERTICES]
    if len(kept) != POLYGONS:
        raise ValueError(f"{path} has {len(kept)} polygons instead of {POLYGONS}; get it again")
    return np.array(kept, dtype=np.int32)


def _lines(path: Path) -> list[str]:
    """Return the lines of a mesh, or raise ValueError."""
    try:
        return path.read_text(encoding="ascii").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no mesh in text form; get it again") from None
