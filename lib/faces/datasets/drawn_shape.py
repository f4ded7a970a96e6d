"""Where everything in a drawn face lies: head, eyes, brows, nose, mouth, and the relief they make.

A face is drawn by asking, at each pixel, how far it is from the edge of each feature: distances
are negative inside. All arrays are (n, size, size) float32, or columns (n, 1, 1) that broadcast.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from lib.faces.datasets.drawn_expressions import ACTION_UNITS
from lib.faces.datasets.drawn_nuisance import Nuisance
from lib.faces.datasets.drawn_people import People

HALF = 0.96  # half the side of the picture, in half heads
EYE_LINE = -0.085  # height of the eyes on the face
FLATNESS = 0.9  # how far a feature shifts when the head turns, per radian, at the nearest point
PLACES = {unit: place for place, unit in enumerate(ACTION_UNITS)}


class Columns:
    """The fields of People or Nuisance as columns (n, ..., 1, 1), to be combined with pixels."""

    def __init__(self, fields: People | Nuisance) -> None:
        """Keep the fields."""
        self._fields = fields

    def __getattr__(self, name: str) -> np.ndarray:
        """Return one of them."""
        values = getattr(self._fields, name)
        return values.reshape(*values.shape, 1, 1)


class Units:
    """The action units as columns (n, 1, 1), by their number in the coding system."""

    def __init__(self, actions: np.ndarray) -> None:
        """Keep (n, 17) action units."""
        self._actions = actions

    def __getitem__(self, unit: int) -> np.ndarray:
        """Return one of them."""
        return self._actions[:, PLACES[unit], None, None]


@dataclass(frozen=True)
class Surface:
    """Where the pixels lie: (u, v) on the upright head, (x, y) on the face's curved front."""

    u: np.ndarray
    v: np.ndarray
    x: np.ndarray
    y: np.ndarray
    across: np.ndarray  # |x|: the two halves of a face are drawn at once
    depth: np.ndarray  # 1 at the middle of the face, 0 from its outline on
    outline: np.ndarray  # distance to the outline of the head
    pixel: float  # side of one


@dataclass(frozen=True)
class Eyes:
    """The two openings: `reach` is -1 and 1 at the corners, `arc` their height from 1 to 0."""

    reach: np.ndarray
    arc: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    opening: np.ndarray  # distance


@dataclass(frozen=True)
class Nose:
    """Height of the tip and half width at the nostrils."""

    tip: np.ndarray
    width: np.ndarray


@dataclass(frozen=True)
class Mouth:
    """Edges of the lips from above to below, and where in it a pixel lies."""

    width: np.ndarray  # half of it
    reach: np.ndarray  # -1 and 1 at the corners
    middle: np.ndarray  # height of the line between the lips
    upper_edge: np.ndarray
    upper_inner: np.ndarray
    lower_inner: np.ndarray
    lower_edge: np.ndarray
    lips: np.ndarray  # distance
    opening: np.ndarray  # distance
    smile: np.ndarray  # what of action unit 12 arrives on either side
    dimple: np.ndarray  # and of 14


def inside(distance: np.ndarray, softness: Any) -> np.ndarray:
    """Return 1 well inside, 0 well outside and a smooth step of that half width between."""
    step = np.clip(0.5 - distance / (2 * softness), 0, 1)
    return step * step * (3 - 2 * step)


def bump(dx: Any, dy: Any, width: float, height: float) -> np.ndarray:
    """Return a Gaussian hill."""
    return np.exp(-((dx * (1 / width)) ** 2) - (dy * (1 / height)) ** 2)


def line(distance: np.ndarray, width: float, pixel: float) -> np.ndarray:
    """Return a soft line; one finer than a pixel is as wide as that, and as much fainter."""
    drawn = max(width, 0.7 * pixel)
    return np.float32(width / drawn) ** 0.5 * np.exp(-((distance * (1 / drawn)) ** 2))


def chin(person: Columns, unit: Units) -> np.ndarray:
    """Return the height of the chin: an opened jaw lengthens the face."""
    return person.chin + 0.09 * unit[26] + 0.012 * unit[25] - 0.02 * unit[17]


def head_outline(
    u: np.ndarray, v: np.ndarray, person: Columns, unit: Units
) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance to the head's outline, a superellipse, and how far out in it (0 to 1)."""
    below = chin(person, unit)
    down = np.clip(v / below, 0, 1.2)
    width = person.face_width * (1 - person.jaw_taper * down * down * (1.5 - 0.5 * down))
    height = np.where(v < 0, person.crown, below)
    power = person.squareness
    out = (np.abs(u / width) ** power + np.abs(v / height) ** power + 1e-6) ** (1 / power)
    return (out - 1) * np.minimum(width, 0.62), out


def onto_face(
    u: np.ndarray, v: np.ndarray, person: Columns, unit: Units, shot: Columns
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return x, y, depth and outline of points of the head: near ones shift as the head turns."""
    outline, out = head_outline(u, v, person, unit)
    depth = np.sqrt(np.maximum(1 - np.minimum(out, 1) ** 2, 0))
    x = u - FLATNESS * shot.yaw * depth
    y = v - FLATNESS * shot.pitch * depth
    turned = 0.10 * np.abs(shot.yaw) + 0.25 * shot.yaw * np.clip(x / person.face_width, -1, 1)
    return x / (1 - turned), y, depth, outline


def surface(person: Columns, unit: Units, shot: Columns, size: int) -> Surface:
    """Return where the pixels of a picture of this size lie."""
    axis = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1) * HALF
    right = axis[None, None, :] - shot.shift[:, 0]
    down = axis[None, :, None] - shot.shift[:, 1]
    cosine, sine = np.cos(shot.roll) / shot.zoom, np.sin(shot.roll) / shot.zoom
    u, v = right * cosine + down * sine, down * cosine - right * sine
    x, y, depth, outline = onto_face(u, v, person, unit, shot)
    return Surface(u, v, x, y, np.abs(x), depth, outline, 2 * HALF / size)


def lids(person: Columns, unit: Units) -> tuple[np.ndarray, np.ndarray]:
    """Return how far the upper and the lower lid are from the line between the eye's corners."""
    squint = np.clip(0.55 * unit[7] + 0.50 * unit[6] + 0.40 * unit[9], 0, 1.05)
    wide = 1.1 + 0.85 * unit[5] - 0.45 * squint - 0.10 * unit[12]
    upper = person.eye_opening * np.maximum(wide, 0.2)
    lower = person.eye_opening * np.maximum(0.70 + 0.15 * unit[5] - 0.48 * squint, 0.1)
    return upper, lower


def eyes(at: Surface, person: Columns, unit: Units) -> Eyes:
    """Return the openings of the eyes."""
    reach = (at.across - person.eye_distance) / person.eye_width
    arc = np.maximum(1 - reach * reach, 0)
    upper_lid, lower_lid = lids(person, unit)
    tilt = EYE_LINE - 1.2 * person.eye_tilt * reach
    upper = tilt - upper_lid * arc
    lower = tilt + lower_lid * arc
    opening = np.maximum(upper - at.y, at.y - lower)
    opening = np.maximum(opening, (np.abs(reach) - 1) * person.eye_width)
    return Eyes(reach, arc, upper, lower, opening)


def eye_centres(people: People, actions: np.ndarray, shot: Nuisance, size: int) -> np.ndarray:
    """Return the centres of the eye openings in the picture, (n, 2, 2), see drawn.render."""
    person, unit, columns = Columns(people), Units(actions), Columns(shot)
    upper, lower = lids(person, unit)
    x = person.eye_distance * np.array([-1, 1], dtype=np.float32)  # (n, 1, 2)
    y = EYE_LINE + (lower - upper) / 2 + 0 * x
    u, v = x, y
    for _ in range(12):  # onto_face is close to the identity, so this converges
        found_x, found_y, _, _ = onto_face(u, v, person, unit, columns)
        u, v = u + x - found_x, v + y - found_y
    cosine, sine = np.cos(columns.roll) * columns.zoom, np.sin(columns.roll) * columns.zoom
    right = u * cosine - v * sine + columns.shift[:, 0]
    down = u * sine + v * cosine + columns.shift[:, 1]
    places = np.stack([right[:, 0], down[:, 0]], axis=-1)
    return ((places / HALF + 1) * (size / 2)).astype(np.float32)


def brows(at: Surface, person: Columns, unit: Units) -> np.ndarray:
    """Return the distance to the brows."""
    inner = person.brow_gap * (1 - 0.25 * unit[4]) - 0.012 * unit[9]
    along = (at.across - inner) / person.brow_length
    on = np.clip(along, 0, 1)
    arch = 4 * person.brow_arch * (1 + 0.4 * unit[2]) * on * (1 - on)
    raised = 0.075 * unit[1] * np.clip(1 - 1.35 * along, 0, 1) + 0.020 * unit[1]
    raised = raised + 0.085 * unit[2] * np.clip(0.25 + along, 0, 1)
    lowered = 0.072 * unit[4] * (1 - 0.25 * unit[1]) * np.clip(1 - 0.85 * along, 0, 1)
    lowered = lowered + 0.035 * unit[9] * np.clip(1 - 0.7 * along, 0, 1)
    middle = person.brow_height + person.brow_slope * (2 * along - 1) - arch - raised + lowered
    across = np.abs(at.y - middle) - person.brow_thickness * (1 - 0.45 * on)
    return np.maximum(across, np.maximum(-along, along - 1) * person.brow_length)


def nose(person: Columns, unit: Units) -> Nose:
    """Return tip and width of the nose."""
    tip = EYE_LINE + person.nose_length - 0.018 * unit[9] - 0.012 * unit[10]
    return Nose(tip, person.nose_width * (1 + 0.18 * unit[9] + 0.08 * unit[12]))


def mouth(at: Surface, person: Columns, unit: Units) -> Mouth:
    """Return lips and opening of the mouth."""
    leading = np.clip(0.5 + at.x * person.side * 8, 0, 1)
    one_sided = np.clip(2 * unit[14], 0, 1)  # a dimple on one side keeps the other corner down
    smile = unit[12] * (1 - 0.95 * one_sided * (1 - leading))
    dimple = unit[14] * leading
    wider = 0.22 * smile + 0.30 * unit[20] + 0.06 * dimple - 0.05 * unit[10]
    narrower = 0.18 * unit[23] + 0.10 * unit[26] + 0.08 * unit[25] * unit[26] + 0.04 * unit[15]
    width = person.mouth_width * (1 + wider - narrower)
    reach = np.clip(at.x / width, -1.4, 1.4)
    square = np.minimum(reach * reach, 1)
    middle = _lip_line(square, smile, dimple, person, unit)
    edges = _lip_edges(reach, square, middle, smile, person, unit)
    upper_edge, upper_inner, lower_inner, lower_edge = edges
    ends = (np.abs(reach) - 1) * width
    lips = np.maximum(np.maximum(upper_edge - at.y, at.y - lower_edge), ends)
    opening = np.maximum(np.maximum(upper_inner - at.y, at.y - lower_inner), ends)
    return Mouth(width, reach, middle, *edges, lips, opening, smile, dimple)


def _lip_line(
    square: np.ndarray, smile: np.ndarray, dimple: np.ndarray, person: Columns, unit: Units
) -> np.ndarray:
    """Return the height of the line between the lips; the corners move, the middle gives a bit."""
    height = person.mouth_height + 0.02 * unit[26] - 0.012 * unit[17]
    corner = person.mouth_corners - 0.085 * smile - 0.072 * dimple + 0.085 * unit[15]
    corner = corner + 0.006 * unit[26]
    inner = (1 - square) * (0.018 * smile - 0.016 * unit[15] - 0.012 * unit[20])
    return height + corner * square * np.sqrt(square) + 0.065 * unit[20] * square * square + inner


def _lip_edges(
    reach: np.ndarray,
    square: np.ndarray,
    middle: np.ndarray,
    smile: np.ndarray,
    person: Columns,
    unit: Units,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the heights of the lips' four edges, from the uppermost to the lowermost."""
    inner = np.maximum(1 - square, 0)
    shape = inner ** (0.62 - 0.30 * unit[20])  # stretched lips open like a letter box
    up = 0.028 * unit[25] + 0.022 * unit[10] * unit[25] + 0.014 * unit[10] + 0.012 * unit[26]
    down = 0.040 * unit[25] + 0.160 * unit[26] + 0.035 * unit[16]
    thin = 1 - 0.65 * unit[23] - 0.22 * smile - 0.20 * unit[20]
    upper_lip = person.upper_lip * thin * (1 - 0.15 * unit[10])
    lower_lip = person.lower_lip * thin * (1 - 0.20 * unit[17])
    pulled = 0.028 * unit[10] * inner
    upper_inner = middle - up * shape - pulled
    lower_inner = middle + down * shape - 0.4 * pulled - 0.016 * unit[17] * inner
    lower_inner = np.maximum(lower_inner, upper_inner)
    full = np.sqrt(inner)
    bow = 1 - 0.30 * np.exp(-((reach * (1 / 0.17)) ** 2))
    upper_edge = upper_inner - upper_lip * full * bow
    return upper_edge, upper_inner, lower_inner, lower_inner + lower_lip * full


def relief(
    at: Surface, eye: Eyes, tip: Nose, lips: Mouth, person: Columns, unit: Units
) -> np.ndarray:
    """Return how far the face stands out at each pixel; light falls on its slopes."""
    return (
        0.55 * at.depth
        + _nose_relief(at, tip, person)
        + _eye_relief(at, person)
        + _cheek_and_chin_relief(at, tip, lips, person, unit)
        - _lower_creases(at, tip, lips, person, unit)
        - _upper_creases(at, eye, person, unit)
    )


def _nose_relief(at: Surface, tip: Nose, person: Columns) -> np.ndarray:
    """Return ridge, tip and wings of the nose."""
    down = np.clip((at.y - (EYE_LINE - 0.05)) / (tip.tip - EYE_LINE + 0.05), 0, 1)
    above = np.maximum(EYE_LINE - 0.16 - at.y, 0) * (1 / 0.07)
    below = np.maximum(at.y - tip.tip - 0.02, 0) * (1 / 0.035)
    across = at.x / (person.nose_bridge * (1 + 0.9 * down))
    ridge = (0.35 + 0.75 * down) * np.exp(-across * across - above * above - below * below)
    wings = bump(at.across - 0.78 * tip.width, at.y - tip.tip + 0.005, 0.035, 0.032)
    return person.nose_relief * ridge + 0.035 * wings


def _eye_relief(at: Surface, person: Columns) -> np.ndarray:
    """Return eye sockets, eyeballs and the ridge under the brows."""
    aside = at.across - person.eye_distance
    socket = 0.050 * bump(aside, at.y - EYE_LINE + 0.012, 0.15, 0.085)
    ball = 0.022 * bump(aside, at.y - EYE_LINE, 0.10, 0.05)
    ridge = (0.030 - 0.012 * person.lashes) * bump(
        aside, at.y - person.brow_height - 0.02, 0.22, 0.05
    )
    return ball + ridge - socket


def _cheek_and_chin_relief(
    at: Surface, tip: Nose, lips: Mouth, person: Columns, unit: Units
) -> np.ndarray:
    """Return cheeks (raised in a smile), chin, lips and the groove above them."""
    raised = np.clip(unit[6] + 0.6 * lips.smile, 0, 1.4)
    cheek = (0.022 + 0.040 * raised) * bump(
        at.across - 0.33, at.y - 0.175 + 0.045 * raised, 0.13, 0.085
    )
    boss = 0.030 * (1 + 0.9 * unit[17]) * bump(at.x, at.y - 0.86 * chin(person, unit), 0.12, 0.07)
    groove = 0.012 * bump(at.x, at.y - (tip.tip + person.mouth_height) / 2 - 0.02, 0.025, 0.05)
    pit = (
        0.022 * lips.dimple * bump(at.across - lips.width - 0.045, at.y - lips.middle, 0.034, 0.045)
    )
    return cheek + boss + 0.022 * inside(lips.lips, 0.03) - groove - pit


def _lower_creases(at: Surface, tip: Nose, lips: Mouth, person: Columns, unit: Units) -> np.ndarray:
    """Return the depth of the folds beside and below the mouth; age and movement deepen them."""
    down = np.clip((at.y - tip.tip) * (1 / 0.34), 0, 1)
    fold = tip.width + 0.03 + down**0.8 * (0.13 + 0.06 * lips.smile)
    band = inside(tip.tip - 0.015 - at.y, 0.03) * inside(at.y - person.mouth_height - 0.03, 0.05)
    pulled = 0.9 * lips.smile + 0.5 * unit[9] + 0.8 * unit[10] + 0.25 * lips.dimple
    deep = 0.004 + 0.016 * person.age + 0.026 * np.clip(pulled, 0, 1.3)
    beside = deep * line(at.across - fold, 0.026, at.pixel) * band
    below = line(at.y - lips.lower_edge - 0.035, 0.022, at.pixel) * inside(at.across - 0.10, 0.04)
    return beside + (0.010 + 0.022 * unit[17]) * below


def _upper_creases(at: Surface, eye: Eyes, person: Columns, unit: Units) -> np.ndarray:
    """Return the depth of the lines of forehead, brow, nose root and eyes."""
    return (
        _forehead_lines(at, person, unit)
        + _frown_lines(at, person, unit)
        + _lines_beside_eyes(at, person, unit)
        + (0.005 + 0.012 * person.age + 0.010 * unit[6])
        * line(at.y - EYE_LINE - 0.075 + 0.015 * unit[6], 0.016, at.pixel)
        * eye.arc
    )


def _forehead_lines(at: Surface, person: Columns, unit: Units) -> np.ndarray:
    """Return the lines of raised brows: across the forehead, or its middle for the inner brows."""
    raised = np.clip(0.5 * unit[1] + 0.7 * unit[2], 0, 1)
    deep = 0.004 * person.age + 0.016 * raised * (0.35 + person.age)
    peak = 0.02 * unit[1] * np.maximum(1 - unit[2], 0) * (1 - np.minimum(4 * at.across, 1))
    height = at.y + 0.015 * (unit[1] + unit[2]) - peak - 0.02 * np.cos(4 * at.x)
    lines = sum(line(height - place, 0.012, at.pixel) for place in (-0.40, -0.47, -0.54))
    return deep * lines * inside(at.across - 0.36, 0.12)


def _frown_lines(at: Surface, person: Columns, unit: Units) -> np.ndarray:
    """Return the upright lines between the brows and the cross lines of a wrinkled nose."""
    drawn = np.clip(unit[4] + 0.3 * unit[9], 0, 1)
    upright = line(at.across - 0.034 - 0.02 * at.y, 0.013, at.pixel)
    upright = upright * inside(np.abs(at.y + 0.225) - 0.05, 0.03)
    slant = at.y - 0.25 * at.across
    crossing = line(slant + 0.075, 0.011, at.pixel) + line(slant + 0.03, 0.011, at.pixel)
    crossing = crossing * inside(at.across - 0.07, 0.03)
    return (0.004 * person.age + 0.026 * drawn) * upright + 0.024 * unit[9] * crossing


def _lines_beside_eyes(at: Surface, person: Columns, unit: Units) -> np.ndarray:
    """Return the crow's feet of raised cheeks."""
    beyond = at.across - person.eye_distance - person.eye_width
    down = at.y - EYE_LINE
    feet = line(down - 0.25 * beyond, 0.012, at.pixel) + line(down + 0.35 * beyond, 0.012, at.pixel)
    deep = 0.014 * unit[6] * (0.4 + person.age)
    return deep * feet * inside(np.abs(beyond - 0.06) - 0.04, 0.02)
