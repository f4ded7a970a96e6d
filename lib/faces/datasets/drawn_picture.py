"""Painting a drawn face: light on its relief, then one feature over the other, far to near.

Pictures are (n, 3, size, size) float32 in 0..1 while they are painted.
"""

from dataclasses import dataclass

import numpy as np

from lib.faces.datasets import drawn_shape as shape
from lib.faces.datasets.drawn_nuisance import Nuisance
from lib.faces.datasets.drawn_people import FRECKLES, People
from lib.faces.datasets.drawn_shape import EYE_LINE, Columns, Surface, Units, bump, inside, line

IRIS_RADIUS = 0.052
PUPIL_RADIUS = 0.024
GAMMA = 1 / 1.08


def colour(*channels: float) -> np.ndarray:
    """Return a colour as (3, 1, 1)."""
    return np.array(channels, dtype=np.float32)[:, None, None]


@dataclass(frozen=True)
class Scene:
    """All that the painting functions below read."""

    at: Surface
    eye: shape.Eyes
    tip: shape.Nose
    mouth: shape.Mouth
    brows: np.ndarray
    chin: np.ndarray
    person: Columns
    unit: Units
    shot: Columns
    shade: np.ndarray  # how much light each pixel of the skin gives back
    gloss: np.ndarray  # and how much it mirrors
    face: np.ndarray  # 1 on the face, 0 off it
    edge: float  # softness of edges


def scene(people: People, actions: np.ndarray, shot: Nuisance, size: int) -> Scene:
    """Return where everything lies and how it is lit."""
    person, unit, columns = Columns(people), Units(actions), Columns(shot)
    at = shape.surface(person, unit, columns, size)
    eye, tip = shape.eyes(at, person, unit), shape.nose(person, unit)
    mouth = shape.mouth(at, person, unit)
    shade, gloss = light(shape.relief(at, eye, tip, mouth, person, unit), columns, at.pixel)
    edge = 0.9 * at.pixel
    parts = (at, eye, tip, mouth, shape.brows(at, person, unit), shape.chin(person, unit))
    return Scene(*parts, person, unit, columns, shade, gloss, inside(at.outline, edge), edge)


def light(relief: np.ndarray, shot: Columns, pixel: float) -> tuple[np.ndarray, np.ndarray]:
    """Return diffuse light and gloss (Blinn-Phong) on a relief."""
    along_y, along_x = np.gradient(relief, np.float32(pixel), axis=(1, 2))
    length = 1 / np.sqrt(1 + along_x * along_x + along_y * along_y)
    light_x, light_y = shot.light[:, 0], shot.light[:, 1]
    light_z = 1 / np.sqrt(1 + light_x * light_x + light_y * light_y)
    facing = length * (1 - along_x * light_x - along_y * light_y)
    shade = shot.ambient + (1.08 - shot.ambient) * np.clip(facing * light_z, 0, 1.3)
    half_x, half_y, half_z = light_x * light_z, light_y * light_z, light_z + 1
    half = 1 / np.sqrt(half_x * half_x + half_y * half_y + half_z * half_z)
    mirrored = np.clip(length * half * (half_z - along_x * half_x - along_y * half_y), 0, 1)
    gloss = mirrored * mirrored * mirrored  # to the power of 24
    for _ in range(3):
        gloss = gloss * gloss
    return shade, gloss


def over(picture: np.ndarray, paint: np.ndarray, cover: np.ndarray) -> None:
    """Paint a colour, (..., 3, 1, 1) or one for each pixel, where `cover` (n, size, size) says."""
    picture += (paint - picture) * cover[:, None]


def paint(people: People, actions: np.ndarray, shot: Nuisance, size: int) -> np.ndarray:
    """Return the picture without noise, (n, 3, size, size) float32, about 0..1."""
    drawn = scene(people, actions, shot, size)
    picture = background(drawn)
    for feature in (
        *(hair_behind, neck_and_shirt, ears, skin, nostrils, lips, inner_mouth),
        *(eyes, lids, brows, mole, glasses, hair_before),
    ):
        feature(picture, drawn)
    picture *= drawn.shot.exposure[:, None]
    picture[:, 0] += drawn.shot.warmth
    picture[:, 2] -= drawn.shot.warmth
    return picture


def develop(picture: np.ndarray) -> np.ndarray:
    """Return pictures in 0..1 as (n, size, size, 3) uint8."""
    channels_last = np.clip(picture, 0, 1).transpose(0, 2, 3, 1)
    return (channels_last**GAMMA * 255 + 0.5).astype(np.uint8)


def background(s: Scene) -> np.ndarray:
    """Return the background: it changes slowly between two colours."""
    direction, phase = s.shot.background_wave[:, 0], s.shot.background_wave[:, 1]
    across = s.at.u * np.cos(direction) + s.at.v * np.sin(direction)
    mix = 0.5 + 0.5 * np.sin(1.6 * across + phase)
    first, second = s.shot.background[:, 0], s.shot.background[:, 1]
    return first + (second - first) * mix[:, None]


def hair_colour(s: Scene) -> np.ndarray:
    """Return the colour of hair, in strands, lighter where the light falls."""
    phase, u, v = s.person.hair_phases, s.at.u, s.at.v
    broad = np.sin(34 * u + 2 * np.sin(4 * v + phase[:, 0]) + 6 * u * v + phase[:, 1])
    fine = np.sin(71 * u + 12 * v + phase[:, 3])
    strand = 0.86 + 0.12 * broad * np.sin(11 * u + 5 * v * s.person.parting + phase[:, 2])
    lit = 0.70 + 0.45 * np.clip(0.29 - 0.75 * v + 0.5 * s.shot.light[:, 0] * u, 0, 1)
    return s.person.hair * ((strand + 0.07 * fine) * lit)[:, None]


def hair_outline(s: Scene) -> np.ndarray:
    """Return the distance to the outline of the hair: the head, hanging straight below the ears."""
    phase = s.person.hair_phases
    curls = np.sin(15 * s.at.u + phase[:, 0]) * np.sin(15 * s.at.v + phase[:, 4])
    lower = np.clip(s.at.v / (s.person.hair_back + 0.3), 0, 1) ** 3
    hanging = np.abs(s.at.u) - s.person.face_width * (1 + 0.06 * s.at.v) + 0.25 * lower
    bare = np.where(s.at.v < 0, s.at.outline, hanging)
    return bare - s.person.hair_volume - s.person.hair_curl * (curls + 0.5)


def hair_behind(picture: np.ndarray, s: Scene) -> None:
    """Paint the hair behind head and neck."""
    behind = inside(np.maximum(hair_outline(s), s.at.v - s.person.hair_back), 0.025)
    over(picture, 0.62 * hair_colour(s), behind * s.person.hair_coverage)


def neck_and_shirt(picture: np.ndarray, s: Scene) -> None:
    """Paint neck and shoulders; the chin's shadow lies on the neck."""
    aside = np.abs(s.at.u)
    lit = s.shot.light[:, 0] * s.at.u
    neck = inside(np.maximum(aside - 0.62 * s.person.face_width, 0.35 - s.at.v), 0.03)
    over(picture, s.person.skin * (0.58 + 0.14 * lit)[:, None], neck)
    shirt = inside(np.maximum(0.88 + 0.28 * aside * aside - s.at.v, aside - 1.5), 0.025)
    over(picture, s.person.shirt * (0.75 + 0.25 * lit)[:, None], shirt)


def ears(picture: np.ndarray, s: Scene) -> None:
    """Paint the ears."""
    aside = np.abs(s.at.u + 0.05 * s.shot.yaw) - 0.985 * s.person.face_width
    down = s.at.v - 0.03
    distance = np.sqrt((aside * (1 / 0.55)) ** 2 + (down * (1 / 1.25)) ** 2) - s.person.ears
    inner = 1 - 0.25 * inside(distance + 0.035, 0.03)
    over(picture, s.person.skin * (0.80 * s.shade * inner)[:, None], inside(distance, s.edge))


def blush(s: Scene) -> np.ndarray:
    """Return how red the skin is; a smile reddens it, dark skin shows it less."""
    cheeks = 0.7 * bump(s.at.across - 0.33, s.at.y - 0.19, 0.15, 0.11)
    tip = 0.5 * bump(s.at.x, s.at.y - s.tip.tip, 0.09, 0.07)
    return (cheeks + tip) * (1 - 0.6 * s.person.melanin) * (1 + 0.5 * s.unit[12])


def freckles(s: Scene) -> np.ndarray:
    """Return how dark freckles make the skin."""
    spots = np.zeros_like(s.at.x)
    if not s.person.freckles.any():
        return spots
    places = s.person.freckle_places
    for spot in range(FRECKLES):
        x, y = 0.34 * places[:, spot, 0], 0.14 + 0.09 * places[:, spot, 1]
        spots = np.maximum(spots, bump(s.at.x - x, s.at.y - y, 0.014, 0.014))
    return 0.30 * spots * s.person.freckles


def beard(s: Scene) -> np.ndarray:
    """Return how far hair covers the lower face."""
    cheeks = 0.36 + 0.20 * s.at.across - 1.155 * np.maximum(s.at.across - 0.30, 0)
    full = inside(cheeks - s.at.y, 0.06)
    above_lip = np.abs(s.at.y - s.mouth.upper_edge + 0.030 + 0.03 * s.at.across) - 0.030
    moustache = inside(np.maximum(above_lip, s.at.across - 1.02 * s.mouth.width), 0.02)
    down = (s.at.y - 0.86 * s.chin) * (1 / 0.20)
    goatee = inside(np.sqrt((s.at.x * (1 / 0.17)) ** 2 + down * down) - 1, 0.25)
    dense = np.maximum(s.person.moustache * moustache, s.person.full_beard * full)
    dense = 0.88 * np.maximum(dense, s.person.goatee * goatee)
    return np.maximum(dense, 0.28 * s.person.stubble * np.maximum(full, moustache))


def skin(picture: np.ndarray, s: Scene) -> None:
    """Paint the skin with all that only changes its colour, and the light on it."""
    under_eyes = inside(np.abs(s.at.y - EYE_LINE - 0.055) - 0.012, 0.025) * s.eye.arc
    dark = (1 - 0.10 * under_eyes * (0.4 + s.person.age)) * (1 - freckles(s))
    bare = (s.person.skin + colour(0.10, -0.03, -0.03) * blush(s)[:, None]) * dark[:, None]
    hairy = beard(s)
    phase = s.person.hair_phases
    grain = np.sin(70 * s.at.x + 23 * s.at.y + phase[:, 0])
    grain = 0.92 + 0.08 * grain * np.sin(61 * s.at.y - 17 * s.at.x + phase[:, 1])
    over(bare, 0.9 * s.person.hair * grain[:, None], hairy)
    bare *= 0.98 * s.shade[:, None]
    bare += (0.10 * s.gloss * (1 - hairy))[:, None]
    over(picture, np.clip(bare, 0, 1.2), s.face)


def nostrils(picture: np.ndarray, s: Scene) -> None:
    """Paint the nostrils and the shadow beside the wings of the nose."""
    across = (s.at.across - 0.46 * s.tip.width) * (1 / 0.030)
    down = (s.at.y - s.tip.tip - 0.022) * (1 / 0.013)
    hole = inside(np.sqrt(across * across + down * down) - 1, 0.8)
    over(picture, 0.45 * s.person.skin, 0.75 * hole * s.face)
    across = (s.at.across - 0.80 * s.tip.width) * (1 / 0.042)
    down = (s.at.y - s.tip.tip + 0.004) * (1 / 0.042)
    ring = inside(np.abs(np.sqrt(across * across + down * down) - 1) - 0.10, 0.25)
    outer = inside(0.85 * s.tip.width - s.at.across, 0.02)
    over(picture, 0.55 * s.person.skin, 0.40 * ring * outer * s.face)


def lips(picture: np.ndarray, s: Scene) -> None:
    """Paint the lips."""
    rosy = colour(0.62, 0.16, 0.18) - 0.5 * s.person.skin
    bare = colour(0.88, 0.62, 0.60) * s.person.skin
    tone = bare + rosy * (0.42 * np.clip(s.person.lip_colour, 0, 1))[:, None]
    lit = tone * (0.96 * s.shade)[:, None] + (0.05 * s.gloss)[:, None]
    over(picture, lit, inside(s.mouth.lips, 1.1 * s.edge) * s.face)


def inner_mouth(picture: np.ndarray, s: Scene) -> None:
    """Paint what an open mouth shows, or the line between closed lips, and the corners."""
    mouth, at = s.mouth, s.at
    open_by = mouth.lower_inner - mouth.upper_inner
    cavity = inside(mouth.opening, s.edge) * s.face
    over(picture, colour(0.16, 0.04, 0.05), cavity)
    down = (at.y - mouth.lower_inner) / (0.35 * np.maximum(open_by, 0.02))
    tongue = inside(np.sqrt((at.x / (0.62 * mouth.width)) ** 2 + down * down) - 1, 0.25)
    seen = 0.8 * np.clip(1.3 * s.unit[26] - 0.2, 0, 1)
    over(picture, colour(0.62, 0.24, 0.25), tongue * cavity * seen)
    teeth(picture, s, open_by, cavity)
    seam = line(at.y - (mouth.upper_inner + mouth.lower_inner) / 2, 0.011, at.pixel)
    seam = seam * (np.abs(mouth.reach) < 1.03) * np.clip(1 - 50 * open_by, 0, 1)
    over(picture, 0.28 * s.person.skin, 0.75 * seam * s.face)
    corners = bump(at.across - mouth.width, at.y - mouth.middle, 0.020, 0.018)
    over(picture, 0.40 * s.person.skin, 0.55 * corners * s.face)


def teeth(picture: np.ndarray, s: Scene, open_by: np.ndarray, cavity: np.ndarray) -> None:
    """Paint the upper teeth, which a smile bares, and the lower ones, which stretched lips do."""
    mouth, at, unit = s.mouth, s.at, s.unit
    gaps = 0.87 + 0.13 * np.cos((2 * np.pi / 0.052) * at.across)
    white = colour(0.93, 0.91, 0.86) * gaps[:, None]
    row = inside(at.across - 0.88 * mouth.width, s.edge) * cavity
    upper = at.y - mouth.upper_inner - np.minimum(0.050, 0.92 * open_by)
    bared = 0.30 + 0.8 * mouth.smile + 0.7 * unit[10] - 0.20 * unit[26] - 0.3 * unit[20]
    over(picture, white, inside(upper, s.edge) * row * np.clip(bared, 0, 1))
    lower = mouth.lower_inner - np.minimum(0.042, 0.6 * open_by) - at.y
    over(picture, 0.92 * white, inside(lower, s.edge) * row * np.clip(unit[20] * 1.2, 0, 1))


def eyes(picture: np.ndarray, s: Scene) -> None:
    """Paint white, iris, pupil and the light's reflection."""
    at = s.at
    cover = inside(s.eye.opening, s.edge) * s.face
    shadow = 0.62 + 0.38 * np.clip((at.y - s.eye.upper) * (1 / 0.06), 0, 1)
    white = 0.62 + 0.38 * np.clip(s.shade, 0, 1.1) * shadow
    over(picture, colour(0.93, 0.92, 0.90) * white[:, None], cover)
    sign = np.sign(at.x)
    across = at.across - s.person.eye_distance - 0.06 * sign * s.shot.gaze[:, 0]
    down = at.y - EYE_LINE - 0.05 * s.shot.gaze[:, 1] + 0.006
    radius = np.sqrt(across * across + down * down)
    glow = 0.75 + 0.5 * np.clip(down * (1 / IRIS_RADIUS), -0.5, 1)
    over(picture, s.person.iris * glow[:, None], inside(radius - IRIS_RADIUS, s.edge) * cover)
    rim = inside(np.abs(radius - IRIS_RADIUS) - 0.006, np.float32(max(0.008, 0.6 * at.pixel)))
    over(picture, 0.35 * s.person.iris, 0.8 * rim * cover)
    over(picture, colour(0.03, 0.03, 0.03), inside(radius - PUPIL_RADIUS, s.edge) * cover)
    aside = sign * across - 0.018 * np.sign(s.shot.light[:, 0] + 1e-6)
    spark = np.sqrt(aside * aside + (down + 0.018) ** 2) - 0.011
    over(picture, colour(0.97, 0.97, 0.97), 0.95 * inside(spark, s.edge) * cover)


def lids(picture: np.ndarray, s: Scene) -> None:
    """Paint lashes, the rim of the lower lid and the crease of the upper one."""
    at, eye = s.at, s.eye
    lash = line(at.y - eye.upper, 0.013, at.pixel) * np.clip(eye.arc + 0.15, 0, 1) ** 0.4
    lash = lash * (np.abs(eye.reach) < 1.06) * (0.80 + 0.15 * s.person.lashes)
    over(picture, 0.18 * s.person.hair, lash * s.face)
    rim = line(at.y - eye.lower - 0.004, 0.010, at.pixel) * (eye.arc > 0)
    over(picture, 0.50 * s.person.skin, 0.45 * rim * s.face)
    crease = s.person.lid_crease
    above = at.y - eye.upper + 0.030 + 0.010 * crease + 0.012 * s.unit[5]
    fold = line(above, 0.010, at.pixel) * np.sqrt(eye.arc) * crease
    over(picture, 0.52 * s.person.skin, 0.50 * fold * s.face)


def brows(picture: np.ndarray, s: Scene) -> None:
    """Paint the brows."""
    strand = 80 * s.at.across + 40 * s.at.y + s.person.hair_phases[:, 2]
    tone = 0.72 * s.person.hair * (0.80 + 0.20 * np.sin(strand))[:, None] + 0.04
    over(picture, tone, 0.92 * inside(s.brows, 1.5 * s.edge) * s.face)


def hair_before(picture: np.ndarray, s: Scene) -> None:
    """Paint the hair above the hairline and at the sides, its shadow on the forehead, the bun."""
    person, u, v = s.person, s.at.u, s.at.v
    across = u * person.parting
    edge = person.hairline + person.hair_line + person.hair_slope * (across + 0.15)
    edge = edge + person.hair_arch * u * u
    edge = edge + person.hair_wave * np.sin(person.hair_waves * u + person.hair_phases[:, 3])
    strip = person.face_width * person.hair_strip - np.abs(u) - 0.05 * np.maximum(-v, 0)
    outline = hair_outline(s)
    covered = inside(np.maximum(outline, v - edge), 0.02)
    strips = inside(np.maximum(outline, strip), 0.02) * inside(v - person.hair_sides, 0.05)
    hair = np.maximum(covered, strips) * person.hair_coverage
    shadow = inside(v - edge - 0.035, 0.05) * person.hair_coverage * s.face * (1 - hair)
    over(picture, 0.6 * person.skin, 0.30 * shadow)
    tone = hair_colour(s)
    over(picture, tone, hair)
    knot = np.sqrt((u * (1 / 0.22)) ** 2 + ((v + 0.90) * (1 / 0.13)) ** 2) - 1
    over(picture, 0.9 * tone, inside(0.15 * knot, 0.02) * person.hair_bun)


def mole(picture: np.ndarray, s: Scene) -> None:
    """Paint a mole."""
    place = s.person.mole_place
    radius = np.sqrt((s.at.x - place[:, 0]) ** 2 + (s.at.y - place[:, 1]) ** 2) - 0.014
    over(picture, colour(0.22, 0.12, 0.08), 0.8 * inside(radius, s.edge) * s.face * s.person.mole)


def glasses(picture: np.ndarray, s: Scene) -> None:
    """Paint glasses: rims, bridge, arms and a reflection."""
    at, person = s.at, s.person
    if not person.glasses.any():
        return
    across = np.abs(at.across - person.eye_distance) * (1 / 0.178)
    down = np.abs(at.y - EYE_LINE - 0.015) * (1 / 0.135)
    power = person.glasses_corners
    lens = 0.15 * ((across**power + down**power + 1e-6) ** (1 / power) - 1)
    middle = np.abs(at.y - EYE_LINE + 0.02 + 0.03 * np.cos(9 * at.x)) - 0.009
    bridge = np.maximum(middle, at.across - person.eye_distance + 0.165)
    arm = np.maximum(
        np.abs(at.y - EYE_LINE + 0.025) - 0.010, person.eye_distance + 0.165 - at.across
    )
    arm = np.maximum(arm, np.abs(at.u) - person.face_width)
    frame = np.minimum(np.minimum(np.abs(lens) - 0.011, bridge), arm)
    over(picture, person.glasses_frame, 0.95 * inside(frame, s.edge) * person.glasses)
    mirror = 0.10 * np.clip(0.6 + 8 * np.sin(9 * (at.x + 0.7 * at.y) + 1), 0, 1)
    over(picture, colour(1.0, 1.0, 1.0), mirror * inside(lens, s.edge) * person.glasses)
