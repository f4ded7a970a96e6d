"""Paint for the faces of ICT-FaceKit, laid on the vertices of the neutral head, so that it moves.

Where something is painted is said in the frame of the neutral head (see `face_model`); lips, lids
and brows are found by its landmarks.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from lib.faces.render.face_model import LANDMARKS, PARTS, load
from lib.faces.render.look import STRANDS, Look

HAIRLINE_ANGLES = np.radians([0, 18, 34, 50, 62, 70, 78, 92, 106, 125, 180])  # 0 is the front
WHITE, PUPIL = np.array((232.0, 226, 220)), np.array((8, 7, 7))  # of the eyes; sRGB
IRIS_RADIUS, RIM_RADIUS, PUPIL_RADIUS = 0.72, 0.62, 0.34
TEETH, GUMS, MOUTH = (238, 230, 214), (150, 70, 70), (96, 34, 32)
BACK_TEETH, LASHES = np.array((70, 34, 32)), np.array((22, 14, 14))
GAMMA = 2.2  # of the display


@dataclass(frozen=True, eq=False)
class Regions:
    """Where the vertices of the neutral head are, (v,) each; shares are float32 from 0 to 1."""

    x: np.ndarray  # distance from the middle, to either side
    y: np.ndarray
    z: np.ndarray
    angle: np.ndarray  # around the head, 0 at the front, pi at the back
    skin: np.ndarray  # share: 1 outside, 0 for eyes and mouth
    ears: np.ndarray  # share
    lips: np.ndarray  # share
    lids: np.ndarray  # share: the upper lids' edges
    along_brow: np.ndarray  # 0 at the inner end, 1 at the outer
    above_brow: np.ndarray


@cache
def regions() -> Regions:
    """Return the regions of the model."""
    neutral = load().neutral
    marks = neutral[LANDMARKS]
    x, y, z = np.abs(neutral[:, 0]), neutral[:, 1], neutral[:, 2]
    skin = np.zeros(len(neutral), dtype=np.float32)
    skin[PARTS["face"]] = skin[PARTS["head"]] = 1
    ears = (np.hypot(y - 0.9, z - 0.3) < 4.0) & (x > 7.25)
    mouth = (skin > 0) & (z > 8.5) & (x < 4)
    lids = [_near(neutral, marks[eye : eye + 4], 0.22) for eye in (36, 42)]
    brow = (marks[22:27] + marks[17:22][::-1] * (-1, 1, 1)) / 2  # both sides in one, from inside
    along = (x - brow[0, 0]) / (brow[-1, 0] - brow[0, 0])
    above = neutral[:, 1] - np.interp(x, brow[:, 0], brow[:, 1])
    above[(skin == 0) | (z <= 4)] = np.inf
    return Regions(
        *(x, y, z),
        np.arctan2(x, z - 1.0),
        skin,
        ears.astype(np.float32),
        _inside(neutral, marks[48:60], mouth),
        np.maximum(*lids) * skin,
        along,
        above,
    )


def _inside(points: np.ndarray, outline: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Return 1 inside an outline seen from the front, falling to 0 over a short way outside."""
    contour = np.ascontiguousarray(outline[:, None, :2])
    inside = np.zeros(len(points), dtype=np.float32)
    for v in np.flatnonzero(candidates):
        distance = cv2.pointPolygonTest(contour, (float(points[v, 0]), float(points[v, 1])), True)
        inside[v] = np.clip(distance / 0.3 + 0.6, 0, 1)
    return inside


def _near(points: np.ndarray, line: np.ndarray, width: float) -> np.ndarray:
    """Return 1 on a line (n, 3), falling to 0 over about so many units on all sides."""
    steps = np.linspace(0, len(line) - 1, 40)
    dense = np.stack([np.interp(steps, range(len(line)), axis) for axis in line.T], axis=1)
    distance = np.linalg.norm(points[:, None] - dense, axis=2).min(axis=1)
    return np.exp(-((distance / width) ** 2))


def paint(look: Look) -> tuple[np.ndarray, np.ndarray]:
    """Return albedo (v, 3, linear) and strength of the gloss (v,) of the model, float32."""
    place, colours = regions(), look.colours
    colour = np.tile(colours.skin, (len(place.x), 1))
    _redden(colour, look)
    mix(colour, colours.lips, place.lips * 0.9)
    mix(colour, colours.skin * 0.45, _freckles(look))
    mix(colour, colours.brows * 0.9, _brows(look))
    _grow_beard(colour, look)
    mix(colour, LASHES, place.lids * (0.35 + 0.5 * look.eye_line))
    hair = scalp(look) * look.hair.density * _cropped(look)
    strands = 1 + 0.11 * _across(look)[:, None] + 0.03 * look.spots[:, None]
    mix(colour, colours.hair * strands, hair)
    gloss = (0.05 + 0.06 * place.lips) * (1 - 0.6 * hair)
    _paint_mouth(colour, gloss)
    _paint_eyes(colour, gloss, look)
    return linear(colour).astype(np.float32), gloss.astype(np.float32)


def scalp(look: Look) -> np.ndarray:
    """Return where hair grows on the head, (v,) from 0 to 1."""
    place, top, recession = regions(), look.hair.line, look.hair.recession
    forehead = (top, top + 0.2 * recession, top + recession - 0.2)
    temples = (top - 1.6 + recession, top - 2.6 + 0.4 * recession, 5.2)
    heights = (*forehead, *temples, 2.0, 1.0, -1.0, -3.0, -4.5)
    line = np.interp(place.angle, HAIRLINE_ANGLES, heights)
    above = place.y - line + 0.15 * _across(look)
    return np.clip(above / 0.5 + 0.5, 0, 1) * place.skin * (1 - place.ears)


def displacement(look: Look) -> np.ndarray:
    """Return how far the hair stands off the head, (v,)."""
    y = regions().y
    cropped = look.hair.fade > 0.3
    rise = np.clip((y - 4.0) / 6.0, 0.25, 1) if cropped else np.clip((y + 2) / 6, 0.5, 1)
    return scalp(look) * look.hair.volume * rise * (1 + 0.08 * _across(look))


def mix(colour: np.ndarray, paint: np.ndarray, share: np.ndarray) -> None:
    """Lay paint over colours (v, 3) in place; `share` (v,), from 0 to 1, says how thick."""
    colour += (paint - colour) * np.clip(share, 0, 1)[:, None]


def linear(colour: np.ndarray) -> np.ndarray:
    """Return which share of the light sRGB colours from 0 to 255 stand for, in the same shape."""
    return (np.clip(colour, 0, 255) / 255) ** GAMMA


def _across(look: Look) -> np.ndarray:
    """Return noise that is constant along the hair: to the back on top, downwards at the sides."""
    place, signed = regions(), load().neutral[:, 0]
    grid = np.linspace(-12, 12, STRANDS)
    side = np.clip((place.x - 5.5) / 1.5, 0, 1)
    top, sides = np.interp(signed, grid, look.strands), np.interp(place.z, grid, look.strands)
    return top * (1 - side) + sides * side


def _cropped(look: Look) -> np.ndarray:
    """Return what a fade at the sides leaves of the hair, (v,) from 0 to 1."""
    return np.clip(1 - look.hair.fade * np.clip((5.5 - regions().y) / 5, 0, 0.75), 0, 1)


def _redden(colour: np.ndarray, look: Look) -> None:
    """Redden cheeks and nose, and darken what surrounds the eyes, in place."""
    place, skin = regions(), look.colours.skin
    x, y, z = place.x, place.y, place.z
    cheeks = np.exp(-(((x - 4.4) / 1.7) ** 2) - ((y - 0.3) / 1.5) ** 2) * (z > 4)
    nose = np.exp(-((x / 1.2) ** 2) - ((y - 0.2) / 1.2) ** 2) * (z > 9)
    mix(colour, skin * (1.0, 0.72, 0.72), (cheeks + 0.7 * nose) * look.blush * place.skin)
    around = np.exp(-(((x - 3.1) / 1.6) ** 2) - ((y - 3.2) / 1.1) ** 2) * (z > 5)
    mix(colour, skin * (0.78, 0.68, 0.70), 0.55 * around * place.skin)


def _freckles(look: Look) -> np.ndarray:
    """Return where freckles are, on nose and cheeks, (v,)."""
    place = regions()
    area = np.exp(-((place.x / 4.6) ** 2) - ((place.y - 1.2) / 1.6) ** 2)
    area = area * (place.z > 6) * place.skin
    return look.freckles * area * np.clip(look.spots - 0.7, 0, 1) * 0.9


def _brows(look: Look) -> np.ndarray:
    """Return where the brows are, bands that taper to the outside, (v,)."""
    along, above, brows = regions().along_brow, regions().above_brow, look.brows
    arch = brows.arch * (1 - ((along - 0.62) / 0.5) ** 2).clip(-1, 1)
    width = brows.width * np.interp(along, (-0.1, 0.15, 0.6, 1.05), (0.85, 1.0, 0.85, 0.35))
    ends = np.clip((along + 0.12) / 0.12, 0, 1) * np.clip((1.12 - along) / 0.12, 0, 1)
    off = np.abs(above - arch - brows.lift) / width
    return brows.density * np.clip((1.35 - off) / 0.7, 0, 1) * ends


def _grow_beard(colour: np.ndarray, look: Look) -> None:
    """Paint stubble, moustache and beard in place."""
    place, hair, beard = regions(), look.colours.hair, look.beard
    x, y, z = place.x, place.y, place.z
    edge = np.interp(x, (0, 2.2, 3.2, 5.0, 6.4, 7.6), (-1.5, -1.7, -3.4, -2.6, 0.2, 2.2))
    lower = np.clip((edge - y) / 0.9 + 0.5, 0, 1)
    front = np.clip((z - 0.6) / 1.2, 0, 1) * np.clip((y + 10.2) / 1.0, 0, 1)
    area = lower * front * (1 - place.lips) * place.skin * (1 - place.ears)
    mix(colour, hair * 0.55 + look.colours.skin * 0.25, beard.stubble * area)
    upper_lip = (x < 3.4) & (y > -3.6)
    mix(colour, hair, np.where(upper_lip, beard.moustache, beard.beard) * area)


def _paint_mouth(colour: np.ndarray, gloss: np.ndarray) -> None:
    """Paint teeth, gums and the inside of the mouth in place."""
    colour[PARTS["mouth"]] = MOUTH
    colour[PARTS["gums"]] = GUMS
    colour[PARTS["teeth"]] = TEETH
    back = np.clip((regions().x[PARTS["teeth"]] - 1.35) / 1.2, 0, 0.8)
    mix(colour[PARTS["teeth"]], BACK_TEETH, back)
    gloss[PARTS["teeth"]] = 0.12


def _paint_eyes(colour: np.ndarray, gloss: np.ndarray, look: Look) -> None:
    """Paint the eyes and their sockets in place."""
    colour[PARTS["eye sockets"]] = look.colours.skin * (0.75, 0.55, 0.55)
    for part in ("left eye", "right eye"):
        eye = load().neutral[PARTS[part]]
        centre = eye[np.argmax(eye[:, 2])]
        away = np.hypot(eye[:, 0] - centre[0], eye[:, 1] - centre[1])
        away[eye[:, 2] < 8] = np.inf  # the back of the eyeball
        iris = look.colours.iris
        colour[PARTS[part]] = WHITE
        mix(colour[PARTS[part]], iris, (IRIS_RADIUS - away) / 0.12)
        mix(colour[PARTS[part]], iris * 0.4, np.clip(1 - np.abs(away - RIM_RADIUS) / 0.1, 0, 0.8))
        mix(colour[PARTS[part]], PUPIL, (PUPIL_RADIUS - away) / 0.1)
        gloss[PARTS[part]] = 0.5
