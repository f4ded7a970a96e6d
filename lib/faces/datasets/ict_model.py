"""The morphable face model of ICT-FaceKit: a neutral mesh, identity modes and expression shapes.

`vertices = neutral + sum of weights x modes + sum of weights x shapes`. The unit of length is about
a centimetre; x points to the person's left, y up, z to the front.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numba import njit

from lib.book import data_root
from lib.faces import mesh

FILE = "ict_light_full_int16.npz"
IRISES = ((22221, 23021), (23791, 24591))  # hidden behind the corneas, which are painted instead
PARTS = {
    "face": slice(0, 9409),
    "head": slice(9409, 11248),
    "mouth": slice(11248, 13294),
    "sockets": slice(13294, 14062),
    "gums": slice(14062, 17039),
    "teeth": slice(17039, 21451),
    "left eye": slice(21451, 22221),
    "right eye": slice(22221, 22991),
}
EYES = np.array([22228, 21458])  # the corneas' foremost vertices: right eye, left eye
LANDMARKS = np.array(
    [
        1225,
        1888,
        1052,
        367,
        1719,
        1722,
        2199,
        1447,
        966,
        3661,
        4390,
        3927,
        3924,
        2608,
        3272,
        4088,
        3443,
        268,
        493,
        1914,
        2044,
        1401,
        3615,
        4240,
        4114,
        2734,
        2509,
        978,
        4527,
        4942,
        4857,
        1140,
        2075,
        1147,
        4269,
        3360,
        1507,
        1542,
        1537,
        1528,
        1518,
        1511,
        3742,
        3751,
        3756,
        3721,
        3725,
        3732,
        5708,
        5695,
        2081,
        0,
        4275,
        6200,
        6213,
        6346,
        6461,
        5518,
        5957,
        5841,
        5702,
        5711,
        5533,
        6216,
        6207,
        6470,
        5517,
        5966,
    ]
)


@dataclass(frozen=True, eq=False)
class Model:
    neutral: np.ndarray
    modes: np.ndarray
    shapes: np.ndarray
    names: tuple[str, ...]
    triangles: np.ndarray

    @cached_property
    def occlusion(self) -> np.ndarray:
        normals = mesh.vertex_normals(self.neutral, self.triangles)
        return mesh.ambient_occlusion(self.neutral, normals, self.triangles, _sky(96), 384, 0.25)


def _sky(count: int) -> np.ndarray:
    """Return directions spread evenly over the sphere (a Fibonacci lattice), (count, 3) float32."""
    i = np.arange(count) + 0.5
    z = 1 - 2 * i / count
    angle = np.pi * (1 + 5**0.5) * i
    r = np.sqrt(1 - z * z)
    return np.stack([r * np.cos(angle), r * np.sin(angle), z], 1).astype(np.float32)


@cache
def load() -> Model:
    z = np.load(data_root.locate("ict_facekit") / FILE, allow_pickle=False)
    n = len(z["neutral"])
    keep = np.ones(n, bool)
    for a, b in IRISES:
        keep[a:b] = False
    new = np.where(keep, np.cumsum(keep) - 1, -1)
    q = z["quads"]
    q = q[keep[q[:, 0]]]
    tri = np.concatenate([q[:, :3], q[q[:, 3] >= 0][:, [0, 2, 3]]])
    modes = z["id_q"][:, keep] * z["id_scale"][:, None, None]
    shapes = z["expr_q"][:, keep] * z["expr_scale"][:, None, None]
    return Model(
        z["neutral"][keep],
        modes.astype(np.float32),
        shapes.astype(np.float32),
        tuple(map(str, z["expr_names"])),
        new[tri].astype(np.int32),
    )


@njit(cache=True)
def add_shapes(base: np.ndarray, weights: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    out = base.copy()
    for k in range(len(weights)):
        w = np.float32(weights[k])
        if w != 0:
            s = shapes[k]
            for v in range(len(out)):
                out[v, 0] += w * s[v, 0]
                out[v, 1] += w * s[v, 1]
                out[v, 2] += w * s[v, 2]
    return out
