"""The morphable face model of ICT-FaceKit: a neutral head, identity modes and expression shapes.

`vertices = neutral + sum of weights x modes + sum of weights x shapes`. The unit of length is about
a centimetre; x points to the person's left, y up, z to the front. The vertices' numbers below are
from its documentation.
"""

import zipfile
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numba import njit

from lib.book import data_root
from lib.faces.render import mesh

FILE = "ict_light_full_int16.npz"
VERTICES, POLYGONS, MODES, SHAPES = 24591, 24692, 100, 57
FORM = {  # arrays of the file: kind of number and shape
    "neutral": ("f", (VERTICES, 3)),
    "id_q": ("i", (MODES, VERTICES, 3)),
    "id_scale": ("f", (MODES,)),
    "expr_q": ("i", (SHAPES, VERTICES, 3)),
    "expr_scale": ("f", (SHAPES,)),
    "expr_names": ("U", (SHAPES,)),
    "quads": ("i", (POLYGONS, 4)),
}
IRISES = np.r_[22221:23021, 23791:24591]  # left out: they lie behind the corneas, which are painted
PARTS = {  # vertices, without the irises
    "face": slice(0, 9409),
    "head": slice(9409, 11248),
    "mouth": slice(11248, 13294),
    "eye sockets": slice(13294, 14062),
    "gums": slice(14062, 17039),
    "teeth": slice(17039, 21451),
    "left eye": slice(21451, 22221),
    "right eye": slice(22221, 22991),
}
EYES = np.array(
    [22228, 21458]
)  # the foremost vertices of the corneas, the person's right one first
LANDMARKS = np.array(  # the 68 points of Multi-PIE
    [
        *(1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966),  # jaw
        *(3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443),
        *(268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509),  # brows
        *(978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360),  # nose
        *(1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732),  # eyes
        *(5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841),  # lips, outside
        *(5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966),  # lips, inside
    ]
)
SKY = 96  # directions from which light is taken to come
OCCLUSION_SIDE, OCCLUSION_BIAS = 384, 0.25  # pixels; units, about two vertices apart


@dataclass(frozen=True, eq=False)
class Model:
    """The face model, without irises.

    `neutral` (v, 3), `modes` (100, v, 3) and `shapes` (57, v, 3) are float32, `triangles` (t, 3)
    int32. `names` are those of the shapes; most come in pairs, "..._L" for the person's left.
    """

    neutral: np.ndarray
    modes: np.ndarray
    shapes: np.ndarray
    names: tuple[str, ...]
    triangles: np.ndarray

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Return the names of the shapes without their side."""
        return tuple(name.removesuffix("_L").removesuffix("_R") for name in self.names)

    @cached_property
    def kind_of(self) -> np.ndarray:
        """Return the number of each shape's kind in alphabetical order, (57,) int64."""
        return np.unique(self.kinds, return_inverse=True)[1]

    @cached_property
    def occlusion(self) -> np.ndarray:
        """Return the share of the sky that each vertex of the neutral head sees, (v,) float32."""
        normals = mesh.vertex_normals(self.neutral, self.triangles)
        arguments = (self.neutral, normals, self.triangles, _sky(SKY))
        return mesh.ambient_occlusion(*arguments, OCCLUSION_SIDE, OCCLUSION_BIAS)


@cache
def load() -> Model:
    """Return the face model; it is read once."""
    return read(data_root.locate("ict_facekit") / FILE)


def read(path: Path) -> Model:
    """Return the face model in a file."""
    arrays = _arrays(path)
    kept = np.ones(VERTICES, dtype=bool)
    kept[IRISES] = False
    place = np.cumsum(kept) - 1  # of a kept vertex among those
    quads = arrays["quads"][kept[arrays["quads"][:, 0]]]
    halves = quads[:, :3], quads[quads[:, 3] >= 0][:, [0, 2, 3]]  # -1 marks a triangle
    return Model(
        arrays["neutral"][kept],
        _offsets(arrays["id_q"], arrays["id_scale"], kept),
        _offsets(arrays["expr_q"], arrays["expr_scale"], kept),
        tuple(arrays["expr_names"].tolist()),
        place[np.concatenate(halves)].astype(np.int32),
    )


def _offsets(numbers: np.ndarray, scale: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return the offsets (k, v, 3) float32 of k shapes, one shape after the other in memory."""
    return np.compress(kept, numbers, axis=1) * scale[:, None, None]


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of the file, or raise ValueError where it is damaged."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in FORM}
        for name, (kind, shape) in FORM.items():
            if (arrays[name].dtype.kind, arrays[name].shape) != (kind, shape):
                found = f"{arrays[name].dtype} {arrays[name].shape}"
                raise ValueError(f"its array {name!r} is {found} instead of {kind} {shape}")
        if not -1 <= arrays["quads"].min() <= arrays["quads"].max() < VERTICES:
            raise ValueError("its polygons have vertices that are not there")
    except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} does not hold the face model ({error}); see "
            "`python -m lib.book.data_root verify ict_facekit`"
        ) from None
    return arrays


@njit(cache=True)
def add_shapes(base: np.ndarray, weights: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """Return a mesh (v, 3) deformed by weighted shapes (k, v, 3), summed always in one order."""
    numbers = base.copy().reshape(-1)  # one long loop is twice as fast
    offsets = shapes.reshape(len(shapes), -1)
    for k in range(len(weights)):
        weight = np.float32(weights[k])
        if weight != 0:
            for i in range(len(numbers)):
                numbers[i] += weight * offsets[k, i]
    return numbers.reshape(base.shape)


def _sky(count: int) -> np.ndarray:
    """Return directions spread evenly over the sphere (a Fibonacci lattice), (count, 3) float32."""
    steps = np.arange(count) + 0.5
    z, angle = 1 - 2 * steps / count, np.pi * (1 + np.sqrt(5)) * steps
    x, y = np.sqrt(1 - z**2) * (np.cos(angle), np.sin(angle))
    return np.stack([x, y, z], axis=1).astype(np.float32)
