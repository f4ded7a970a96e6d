"""Colours for the faces of ICT-FaceKit, which come without: skin, hair, brows, lips, eyes, beard.

Everything is painted on the vertices of the neutral mesh, so that it moves with the face. The unit
of length is the model's, about a centimetre; x points to the person's left, y up, z to the front.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from lib.faces import mesh
from lib.faces.datasets.ict_model import LANDMARKS, PARTS, load

SKIN = np.array(  # sRGB, from pale to dark
    [(244, 214, 194), (236, 195, 166), (217, 168, 133), (180, 126, 90), (133, 88, 61), (86, 56, 43)]
)
HAIR = np.array(  # sRGB: black, dark brown, brown, chestnut, blond, red, grey
    [(24, 20, 19), (48, 32, 24), (84, 56, 36), (124, 78, 44), (200, 160, 102), (158, 74, 34)]
    + [(158, 156, 152)]
)
IRIS = np.array(  # sRGB: dark brown, brown, hazel, green, blue, grey
    [(46, 26, 16), (84, 50, 26), (118, 92, 48), (88, 116, 74), (74, 116, 160), (122, 138, 148)]
)
CLOTH = np.array([(20, 20, 22), (110, 28, 24), (28, 46, 96), (190, 186, 180), (96, 70, 40)])
HAIRLINE_ANGLE = np.radians([0, 18, 34, 50, 62, 70, 78, 92, 106, 125, 180])  # 0 is the front


@dataclass(frozen=True, eq=False)
class Look:
    """What one person's colours and hair are like; colours are (3,) sRGB from 0 to 255."""

    skin: np.ndarray
    lips: np.ndarray
    hair: np.ndarray
    brows: np.ndarray
    iris: np.ndarray
    frame: np.ndarray  # of the glasses
    hairline: float  # height of the hairline above the forehead's middle
    recession: float  # of the hairline at the temples
    density: float  # of the scalp's hair: 0 bald, 1 full
    volume: float  # of the scalp's hair, as a displacement
    length: float  # height down to which long hair falls; above 5 for short hair
    fade: float  # how far the sides are cut short
    brow_width: float
    brow_lift: float
    brow_arch: float
    brow_density: float
    stubble: float
    moustache: float
    beard: float
    blush: float
    liner: float
    freckles: float
    glasses: bool
    spots: np.ndarray  # (vertices,) float32 noise of mean 0 and deviation 1
    strands: np.ndarray  # (121,) noise across the hair, one number each 0.2


def draw_look(generator: np.random.Generator) -> Look:
    """Return a person's look; features that go together (skin, hair and eyes) are drawn so."""
    g = generator
    melanin = g.beta(0.9, 1.1)
    skin = _between(SKIN, melanin) * g.uniform(0.95, 1.05) + g.normal(0, 4, 3) * (1, 0.6, 1)
    dark = melanin > 0.55
    hair = HAIR[
        g.choice(
            7,
            p=(0.6, 0.26, 0.04, 0, 0, 0, 0.1) if dark else (0.14, 0.18, 0.16, 0.14, 0.18, 0.1, 0.1),
        )
    ] * g.uniform(0.85, 1.15)
    iris = IRIS[g.choice(2 if dark else 6)] * g.uniform(0.85, 1.15)
    feminine = g.random() < 0.5
    redness = g.uniform(0.25, 1.0) if feminine else g.uniform(0.0, 0.45)
    lips = skin * (0.86, 0.68, 0.70) * (1 - redness) + np.array((176, 48, 62)) * redness * (
        0.55 + 0.45 * skin[0] / 250
    )
    style = g.choice(5, p=(0.0, 0.06, 0.2, 0.24, 0.5) if feminine else (0.2, 0.2, 0.28, 0.27, 0.05))
    bearded = not feminine and g.random() < 0.6
    kind = g.choice(4, p=(0.3, 0.2, 0.35, 0.15))
    return Look(
        skin=skin,
        lips=lips,
        hair=hair,
        brows=hair * g.uniform(0.6, 0.95) if hair.mean() > 60 else hair,
        iris=iris,
        frame=CLOTH[g.choice(5)],
        hairline=g.uniform(8.3, 10.4),
        recession=g.uniform(-0.6, 1.0 if feminine else 2.2),
        density=(0.0, 0.55, 1.0, 1.0, 1.0)[style],
        volume=(0.0, 0.02, 0.3, 0.8, 0.8)[style] * g.uniform(0.7, 1.4),
        length=g.uniform(-11, -1) if style == 4 else 9.0,
        fade=g.uniform(0.3, 1.0) if style in (1, 2) else g.uniform(0, 0.3),
        brow_width=g.uniform(0.22, 0.5) if feminine else g.uniform(0.36, 0.75),
        brow_lift=g.uniform(-0.25, 0.3),
        brow_arch=g.uniform(-0.25, 0.4),
        brow_density=g.uniform(0.6, 1.0),
        stubble=g.uniform(0.0, 0.45) if not feminine else 0.0,
        moustache=1.0 * (bearded and kind in (1, 2)) * g.uniform(0.75, 1),
        beard=1.0 * (bearded and kind in (2, 3)) * g.uniform(0.7, 1),
        blush=g.uniform(0.0, 0.6),
        liner=g.uniform(0.3, 1.0) if feminine else g.uniform(0.0, 0.3),
        freckles=g.uniform(0.5, 1.0) if g.random() < 0.2 and melanin < 0.5 else 0.0,
        glasses=bool(g.random() < 0.15),
        spots=g.standard_normal(len(load().neutral)).astype(np.float32),
        strands=g.standard_normal(121),
    )


def _between(palette: np.ndarray, place: float) -> np.ndarray:
    """Return the colour at `place` (0 to 1) along a palette (n, 3)."""
    steps = np.linspace(0, 1, len(palette))
    return np.stack([np.interp(place, steps, palette[:, k]) for k in range(3)])


@dataclass(frozen=True, eq=False)
class Regions:
    """Where things are on the neutral mesh: (v,) float32 each."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    skin: np.ndarray
    angle: np.ndarray  # around the head, 0 at the front, pi at the back
    ear: np.ndarray
    lips: np.ndarray
    lids: np.ndarray
    brow: np.ndarray  # (v, 2): along the brow from 0 inside to 1 outside, and above its middle


@cache
def regions() -> Regions:
    """Return the regions of the model."""
    model = load()
    neutral = model.neutral
    x, y, z = neutral.T
    skin = np.zeros(len(neutral), dtype=np.float32)
    skin[PARTS["face"]] = skin[PARTS["head"]] = 1
    marks = neutral[LANDMARKS]
    front = (skin > 0) & (z > 4)
    lips = _inside(neutral, marks[48:60], front & (z > 8.5) & (np.abs(x) < 4))
    lids = np.zeros_like(skin)
    for eye in (marks[36:42], marks[42:48]):
        upper = _resampled(eye[:4])
        distance = np.linalg.norm(neutral[:, None] - upper, axis=2).min(axis=1)
        lids = np.maximum(lids, np.exp(-((distance / 0.22) ** 2)) * skin)
    ear = (np.hypot(y - 0.9, z - 0.3) < 4.0) & (np.abs(x) > 7.25)
    return Regions(
        x,
        y,
        z,
        skin,
        np.arctan2(np.abs(x), z - 1.0),
        ear.astype(np.float32),
        lips,
        lids,
        _along_brow(neutral, marks, front),
    )


def _inside(points: np.ndarray, outline: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Return 1 inside an outline seen from the front, falling to 0 over a short way outside."""
    contour = outline[:, None, :2].astype(np.float32)
    inside = np.zeros(len(points), dtype=np.float32)
    for v in np.nonzero(candidates)[0]:
        distance = cv2.pointPolygonTest(contour, (float(points[v, 0]), float(points[v, 1])), True)
        inside[v] = np.clip(distance / 0.3 + 0.6, 0, 1)
    return inside


def _resampled(line: np.ndarray) -> np.ndarray:
    """Return 40 points along a line (n, 3)."""
    steps = np.linspace(0, len(line) - 1, 40)
    return np.stack([np.interp(steps, range(len(line)), line[:, k]) for k in range(3)], axis=1)


def _along_brow(neutral: np.ndarray, marks: np.ndarray, front: np.ndarray) -> np.ndarray:
    """Return the place of each vertex in the frame of the brow on its side."""
    line = (marks[22:27] + marks[17:22][::-1] * (-1, 1, 1)) / 2  # both sides in one, from inside
    x = np.abs(neutral[:, 0])
    place = (x - line[0, 0]) / (line[-1, 0] - line[0, 0])
    above = neutral[:, 1] - np.interp(x, line[:, 0], line[:, 1])
    above[~front] = 99
    return np.stack([place, above], axis=1)


def hair_mask(look: Look) -> np.ndarray:
    """Return how much of the scalp's hair covers each vertex, (v,) float32 from 0 to 1."""
    r = regions()
    top = look.hairline
    heights = np.array(
        [
            top,
            top + 0.2 * look.recession,
            top + look.recession - 0.2,
            top - 1.6 + look.recession,
            top - 2.6 + 0.4 * look.recession,
            5.2,
            2.0,
            1.0,
            -1.0,
            -3.0,
            -4.5,
        ]
    )
    line = np.interp(r.angle, HAIRLINE_ANGLE, heights)
    over = r.y - line + 0.15 * _strands(look)
    return np.clip(over / 0.5 + 0.5, 0, 1) * r.skin * (1 - r.ear)


def _strands(look: Look) -> np.ndarray:
    """Return noise that is constant along the hair: to the back on top, downwards at the sides."""
    r = regions()
    grid = np.linspace(-12, 12, 121)
    side = np.clip((np.abs(r.x) - 5.5) / 1.5, 0, 1)
    top, sides = np.interp(r.x, grid, look.strands), np.interp(r.z, grid, look.strands)
    return top * (1 - side) + sides * side


def displacement(look: Look) -> np.ndarray:
    """Return how far the hair stands off the scalp, (v,) float32."""
    r = regions()
    mask = hair_mask(look)
    rise = (
        np.clip((r.y - 4.0) / 6.0, 0.25, 1) if look.fade > 0.3 else np.clip((r.y + 2) / 6, 0.5, 1)
    )
    return mask * look.volume * rise * (1 + 0.08 * _strands(look))


def paint(look: Look) -> tuple[np.ndarray, np.ndarray]:
    """Return albedo (v, 3, linear) and gloss (v,) of the model's vertices, float32."""
    model, r = load(), regions()
    colour = np.tile(look.skin, (len(model.neutral), 1))
    gloss = np.full(len(colour), 0.05)
    _blush(colour, look)
    _mix(colour, look.lips, r.lips * 0.9)
    gloss += 0.06 * r.lips
    _mix(colour, look.skin * 0.45, _freckles(look))
    _mix(colour, look.brows * 0.9, _brows(look))
    _mix(colour, look.hair * 0.55 + look.skin * 0.25, look.stubble * _beard_region(True, True))
    _mix(
        colour,
        look.hair,
        np.maximum(
            look.moustache * _beard_region(True, False), look.beard * _beard_region(False, True)
        ),
    )
    _mix(colour, np.array((22, 14, 14)), r.lids * (0.35 + 0.5 * look.liner))
    strands = 1 + 0.11 * _strands(look)[:, None] + 0.03 * look.spots[:, None]
    hair = (
        hair_mask(look)
        * look.density
        * np.clip(1 - look.fade * np.clip((5.5 - r.y) / 5, 0, 0.75), 0, 1)
    )
    _mix(colour, look.hair * strands, hair)
    gloss = gloss * (1 - 0.6 * hair)
    _insides(colour, gloss, look)
    return _linear(colour).astype(np.float32), gloss.astype(np.float32)


def _mix(colour: np.ndarray, paint: np.ndarray, share: np.ndarray) -> None:
    """Lay paint over the colours in place; `share` (v,) from 0 to 1 says how much of it."""
    colour += (paint - colour) * np.clip(share, 0, 1)[:, None]


def _blush(colour: np.ndarray, look: Look) -> None:
    """Redden cheeks and nose, darken the eyes' surroundings."""
    r = regions()
    cheeks = np.exp(-(((np.abs(r.x) - 4.4) / 1.7) ** 2) - ((r.y - 0.3) / 1.5) ** 2) * (r.z > 4)
    nose = np.exp(-((r.x / 1.2) ** 2) - ((r.y - 0.2) / 1.2) ** 2) * (r.z > 9)
    red = look.skin * (1.0, 0.72, 0.72)
    _mix(colour, red, (cheeks + 0.7 * nose) * look.blush * r.skin)
    under = np.exp(-(((np.abs(r.x) - 3.1) / 1.6) ** 2) - ((r.y - 3.2) / 1.1) ** 2) * (r.z > 5)
    _mix(colour, look.skin * (0.78, 0.68, 0.70), 0.55 * under * r.skin)


def _freckles(look: Look) -> np.ndarray:
    """Return the freckles, on nose and cheeks."""
    r = regions()
    area = np.exp(-((r.x / 4.6) ** 2) - ((r.y - 1.2) / 1.6) ** 2) * (r.z > 6) * r.skin
    return look.freckles * area * np.clip(look.spots - 0.7, 0, 1) * 0.9


def _brows(look: Look) -> np.ndarray:
    """Return the brows: a band that tapers to the outside."""
    along, above = regions().brow.T
    arch = look.brow_arch * (1 - ((along - 0.62) / 0.5) ** 2).clip(-1, 1)
    width = look.brow_width * np.interp(along, (-0.1, 0.15, 0.6, 1.05), (0.85, 1.0, 0.85, 0.35))
    ends = np.clip((along + 0.12) / 0.12, 0, 1) * np.clip((1.12 - along) / 0.12, 0, 1)
    off = np.abs(above - arch - look.brow_lift) / width
    return look.brow_density * np.clip((1.35 - off) / 0.7, 0, 1) * ends


def _beard_region(moustache: bool, beard: bool) -> np.ndarray:
    """Return where hair grows on the face, from 0 to 1."""
    r = regions()
    x = np.abs(r.x)
    upper = np.interp(x, (0, 2.2, 3.2, 5.0, 6.4, 7.6), (-1.5, -1.7, -3.4, -2.6, 0.2, 2.2))
    lower = np.clip((upper - r.y) / 0.9 + 0.5, 0, 1)
    front = np.clip((r.z - 0.6) / 1.2, 0, 1) * np.clip((r.y + 10.2) / 1.0, 0, 1)
    tache = (x < 3.4) & (r.y > -3.6)
    area = np.where(tache, moustache, beard) * lower * front
    return area * (1 - r.lips) * r.skin * (1 - r.ear)


def _insides(colour: np.ndarray, gloss: np.ndarray, look: Look) -> None:
    """Paint eyes, teeth, gums and the socket of the mouth in place."""
    neutral = load().neutral
    colour[PARTS["mouth"]] = (96, 34, 32)
    colour[PARTS["sockets"]] = look.skin * (0.75, 0.55, 0.55)
    colour[PARTS["gums"]] = (150, 70, 70)
    colour[PARTS["teeth"]] = (238, 230, 214)
    _darken_back_teeth(colour)
    gloss[PARTS["teeth"]] = 0.12
    for part in ("left eye", "right eye"):
        eye = neutral[PARTS[part]]
        centre = eye[np.argmax(eye[:, 2])]
        away = np.hypot(eye[:, 0] - centre[0], eye[:, 1] - centre[1])
        away[eye[:, 2] < 8] = 9
        white = np.tile(np.array((232.0, 226, 220)), (len(eye), 1))
        _mix(white, look.iris, np.clip((0.72 - away) / 0.12, 0, 1))
        _mix(white, look.iris * 0.4, np.clip(1 - np.abs(away - 0.62) / 0.1, 0, 0.8))
        _mix(white, np.array((8, 7, 7)), np.clip((0.34 - away) / 0.1, 0, 1))
        colour[PARTS[part]] = white
        gloss[PARTS[part]] = 0.5


def _darken_back_teeth(colour: np.ndarray) -> None:
    x = load().neutral[PARTS["teeth"], 0]
    back = np.clip((np.abs(x) - 1.35) / 1.2, 0, 0.8)
    colour[PARTS["teeth"]] += (np.array((70, 34, 32)) - colour[PARTS["teeth"]]) * back[:, None]


@dataclass(frozen=True, eq=False)
class Surface:
    """A painted mesh: vertices (v, 3), triangles (t, 3), albedo (v, 3, linear), finish (v, 2).

    The finish is the share of the sky that a vertex sees, and its gloss; all float32 and int32.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    albedo: np.ndarray
    finish: np.ndarray


def surface(look: Look, vertices: np.ndarray) -> Surface:
    """Return a person's head with hair, paint, and what does not belong to the model behind it.

    Args:
        look: of the person.
        vertices: (v, 3) float32, the model with the person's identity, at rest.
    """
    model = load()
    normals = mesh.vertex_normals(vertices, model.triangles)
    haired = vertices + displacement(look)[:, None].astype(np.float32) * normals
    albedo, gloss = paint(look)
    own = Surface(haired, model.triangles, albedo, np.stack([_light_inside(), gloss], axis=1))
    parts = [own]
    if look.length < 5:
        parts.append(_curtain(look))
    if look.glasses:
        parts.append(_glasses(look, vertices))
    return _joined(parts)


def _joined(parts: list[Surface]) -> Surface:
    """Return several meshes as one."""
    starts = np.cumsum([0] + [len(part.vertices) for part in parts])
    return Surface(
        np.concatenate([part.vertices for part in parts]).astype(np.float32),
        np.concatenate(
            [part.triangles + start for part, start in zip(parts, starts, strict=False)]
        ).astype(np.int32),
        np.concatenate([part.albedo for part in parts]).astype(np.float32),
        np.concatenate([part.finish for part in parts]).astype(np.float32),
    )


@cache
def _light_inside() -> np.ndarray:
    """Return the share of the sky that the vertices see, with open lids and lips, (v,) float32."""
    model = load()
    seen = model.occlusion.copy()
    seen[PARTS["teeth"]] = np.clip((model.neutral[PARTS["teeth"], 2] - 6.0) / 4.5, 0.1, 0.8)
    for part in ("left eye", "right eye"):
        shadow = 0.4 * np.clip(model.neutral[PARTS[part], 1] - 3.8, 0, 1)  # of the upper lid
        seen[PARTS[part]] = 0.95 - shadow
    return 0.15 + 0.85 * seen


def _curtain(look: Look) -> Surface:
    """Return long hair: a curtain around the back and the sides of the head."""
    rows, columns = 24, 60
    down = np.linspace(0, 1, rows)[:, None]
    height = 9.5 + (look.length - 9.5) * down
    opening = np.radians(np.interp(down, (0, 0.3, 1), (86, 92, 80)))  # from the front
    angle = opening + 2 * (np.pi - opening) * np.linspace(0, 1, columns)
    spots = look.spots[:columns]
    radius = np.interp(height, (-12, -2, 4, 8, 9.5), (9.3, 9.6, 9.1, 7.4, 6.0)) + 0.15 * spots
    x, z = np.sin(angle) * radius, 0.95 * np.cos(angle) * radius - 0.8
    y = height + 0.6 * spots * down
    colour = np.tile(look.hair * (1 + 0.13 * spots[:, None]), (rows, 1))
    points = np.stack([x, y, z], axis=2).reshape(-1, 3)
    return _plain(points, _grid(rows, columns), colour, seen=0.7, gloss=0.02)


def _glasses(look: Look, vertices: np.ndarray) -> Surface:
    """Return two rims, a bridge and the temples, from the landmarks of a face at rest."""
    marks = vertices[LANDMARKS]
    height = marks[36:48, 1].mean()
    front = max(marks[27:31, 2].mean() + 0.2, marks[[17, 19, 24, 26], 2].max() + 0.5)
    middle = (marks[42:48, 0].mean() - marks[36:42, 0].mean()) / 2 + 0.1
    ears, ear_z = np.abs(marks[[0, 16], 0]).mean() + 0.4, marks[[0, 16], 2].mean() - 2
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    across, up = (np.sign(f) * np.abs(f) ** 0.75 for f in (np.cos(angle), np.sin(angle)))
    strips = []
    for side in (-1, 1):
        rim = [
            (
                side * middle + k * across,
                height - 0.25 + 0.83 * k * up,
                front - 0.15 * np.abs(across),
            )
            for k in (1.75, 2.08)
        ]
        x = np.linspace(side * (middle + 1.92), side * ears, 6)
        z = np.linspace(front - 0.15, ear_z, 6)
        strips += [(rim, True), ([(x, height + h, z) for h in (0.1, 0.5)], False)]
    x = np.linspace(1.75 - middle, middle - 1.75, 5)
    arch = height - 0.15 * (x / x[0]) ** 2
    strips.append(([(x, arch + h, front) for h in (0.2, 0.5)], False))
    parts = []
    for edges, closed in strips:
        points = np.stack([np.stack(np.broadcast_arrays(*edge), axis=1) for edge in edges])
        grid = _grid(2, points.shape[1], closed)
        colour = np.tile(look.frame, (points.shape[1] * 2, 1))
        parts.append(_plain(points.reshape(-1, 3), grid, colour, seen=0.95, gloss=0.15))
    return _joined(parts)


def _plain(
    points: np.ndarray, triangles: np.ndarray, colour: np.ndarray, seen: float, gloss: float
) -> Surface:
    """Return a sheet with two faces, whose vertices differ in colour (sRGB) only."""
    finish = np.tile((seen, gloss), (2 * len(points), 1))
    back = triangles[:, ::-1] + len(points)
    return Surface(
        np.concatenate([points, points]),
        np.concatenate([triangles, back]),
        _linear(np.concatenate([colour, colour])),
        finish,
    )


def _grid(rows: int, columns: int, closed: bool = False) -> np.ndarray:
    """Return the triangles of a sheet of rows x columns vertices.

    Args:
        rows: of vertices.
        columns: of vertices.
        closed: the last column is followed by the first.
    """
    places = np.arange(rows * columns).reshape(rows, columns)
    if closed:
        places = np.concatenate([places, places[:, :1]], axis=1)
    a, b = places[:-1, :-1].ravel(), places[:-1, 1:].ravel()
    c, d = places[1:, 1:].ravel(), places[1:, :-1].ravel()
    return np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])


def _linear(colour: np.ndarray) -> np.ndarray:
    """Return what sRGB colours from 0 to 255 (v, 3) reflect."""
    return (np.clip(colour, 0, 255) / 255) ** 2.2
