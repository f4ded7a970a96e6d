"""The surface of a rendered head: the painted model with its hair, and glasses before it."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from lib.faces.render import mesh, paint
from lib.faces.render.face_model import LANDMARKS, PARTS, load
from lib.faces.render.look import SHORT_HAIR, Look

LOCKS = 60  # of long hair, side by side
RIM_POINTS = 40
RIM = (1.75, 2.08)  # inner and outer half-width of the glasses


@dataclass(frozen=True, eq=False)
class Surface:
    """A painted mesh of v vertices and t triangles.

    `vertices` (v, 3) float32; `triangles` (t, 3) int32; `albedo` (v, 3) float32, linear; `finish`
    (v, 2) float32, the share of the sky that a vertex sees and the strength of its gloss.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    albedo: np.ndarray
    finish: np.ndarray


def surface(look: Look, vertices: np.ndarray) -> Surface:
    """Return a person's head; the vertices (v, 3) of the model, at rest, come first."""
    model = load()
    normals = mesh.vertex_normals(vertices, model.triangles)
    haired = vertices + paint.displacement(look)[:, None].astype(np.float32) * normals
    albedo, gloss = paint.paint(look)
    finish = np.stack([_sky_seen(), gloss], axis=1)
    parts = [Surface(haired, model.triangles, albedo, finish)]
    if look.hair.length < SHORT_HAIR:
        parts.append(_long_hair(look))
    if look.glasses:
        parts += _glasses(look, vertices[LANDMARKS])
    return _joined(parts)


def _joined(parts: list[Surface]) -> Surface:
    starts = np.cumsum([0, *(len(part.vertices) for part in parts[:-1])])
    triangles = [part.triangles + start for part, start in zip(parts, starts, strict=True)]
    return Surface(
        np.concatenate([part.vertices for part in parts]).astype(np.float32),
        np.concatenate(triangles).astype(np.int32),
        np.concatenate([part.albedo for part in parts]).astype(np.float32),
        np.concatenate([part.finish for part in parts]).astype(np.float32),
    )


@cache
def _sky_seen() -> np.ndarray:
    """Return the share of the sky that the model's vertices see, (v,) float32.

    For skin it is that of the neutral head. Teeth and eyes are hidden there: they get what they see
    where lips and lids are open, less to the back and under the upper lid.
    """
    model = load()
    seen = model.occlusion.copy()
    seen[PARTS["teeth"]] = np.clip((model.neutral[PARTS["teeth"], 2] - 6.0) / 4.5, 0.1, 0.8)
    for part in ("left eye", "right eye"):
        seen[PARTS[part]] = 0.95 - 0.4 * np.clip(model.neutral[PARTS[part], 1] - 3.8, 0, 1)
    return 0.15 + 0.85 * seen  # skin lets light through


def _long_hair(look: Look) -> Surface:
    """Return long hair: a curtain around the back and the sides of the head."""
    rows, start = 24, 9.5
    down = np.linspace(0, 1, rows)[:, None]
    height = start + (look.hair.length - start) * down
    opening = np.radians(np.interp(down, (0, 0.3, 1), (86, 92, 80)))  # on both sides of the face
    angle = opening + 2 * (np.pi - opening) * np.linspace(0, 1, LOCKS)
    locks = look.spots[:LOCKS]
    radius = np.interp(height, (-12, -2, 4, 8, 9.5), (9.3, 9.6, 9.1, 7.4, 6.0)) + 0.15 * locks
    x, z = np.sin(angle) * radius, 0.95 * np.cos(angle) * radius - 0.8
    points = np.stack([x, height + 0.6 * locks * down, z], axis=2)
    colour = np.tile(look.colours.hair * (1 + 0.13 * locks[:, None]), (rows, 1))
    return _sheet(points, colour, seen=0.7, gloss=0.02)


def _glasses(look: Look, marks: np.ndarray) -> list[Surface]:
    """Return two rims, two temples and a bridge, placed by the landmarks (68, 3) at rest."""
    height = marks[36:48, 1].mean()
    front = max(marks[27:31, 2].mean() + 0.2, marks[[17, 19, 24, 26], 2].max() + 0.5)
    middle = (marks[42:48, 0].mean() - marks[36:42, 0].mean()) / 2 + 0.1
    ears, ear_z = np.abs(marks[[0, 16], 0]).mean() + 0.4, marks[[0, 16], 2].mean() - 2
    angle = np.linspace(0, 2 * np.pi, RIM_POINTS, endpoint=False)
    across, up = (np.sign(f) * np.abs(f) ** 0.75 for f in (np.cos(angle), np.sin(angle)))
    strips = []
    for side in (-1, 1):
        y, z = height - 0.25 + 0.83 * np.outer(RIM, up), front - 0.15 * np.abs(across)
        strips.append((side * middle + np.outer(RIM, across), y, z))
        x = np.linspace(side * (middle + 1.92), side * ears, 6)
        strips.append((x, height + np.array([[0.1], [0.5]]), np.linspace(front - 0.15, ear_z, 6)))
    x = np.linspace(RIM[0] - middle, middle - RIM[0], 5)
    arch = height - 0.15 * (x / x[0]) ** 2
    strips.append((x, arch + np.array([[0.2], [0.5]]), front))
    points = [np.stack(np.broadcast_arrays(*strip), axis=2) for strip in strips]
    return [
        _sheet(each, look.colours.glasses, 0.95, 0.15, closed=each.shape[1] == RIM_POINTS)
        for each in points
    ]


def _sheet(
    points: np.ndarray, colour: np.ndarray, seen: float, gloss: float, *, closed: bool = False
) -> Surface:
    """Return a sheet with two faces; where it is closed, the first column follows the last.

    Points are (rows, columns, 3), the colour is sRGB, (3,) or (rows x columns, 3).
    """
    rows, columns, _ = points.shape
    places = np.arange(rows * columns).reshape(rows, columns)
    if closed:
        places = np.concatenate([places, places[:, :1]], axis=1)
    a, b = places[:-1, :-1].ravel(), places[:-1, 1:].ravel()
    c, d = places[1:, 1:].ravel(), places[1:, :-1].ravel()
    triangles = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    count = rows * columns
    return Surface(  # each face has vertices of its own, for the normals are opposite
        np.tile(points.reshape(count, 3), (2, 1)),
        np.concatenate([triangles, triangles[:, ::-1] + count]),
        np.tile(np.broadcast_to(paint.linear(colour), (count, 3)), (2, 1)),
        np.tile((seen, gloss), (2 * count, 1)),
    )
