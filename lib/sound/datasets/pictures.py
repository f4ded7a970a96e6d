"""Drawn pictures of domestic scenes: what the camera of a made clip might have seen (section 4.2).

Every class has an object that moves while it sounds. As the paper says of its own videos (section
5), "there are no guarantees about the quality of the corresponding visual component or the level of
synchronization": sources may be out of sight, late, out of step or cut away, and silent things
stand about.
"""

import colorsys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

from lib.sound.labels import CLASSES

SIZE = 64  # pixels, each way
SUPERSAMPLING = 3  # drawn so much larger, then averaged: smooth edges
BEATS = 4  # pictures of one cycle of a movement
GRAIN_RATE = 15.0  # per second; the sensor noise changes as often as a video's frames do

VERSION = 2  # of what is drawn: another number, other pictures
# Rounded guesses: video from the web was chosen by its sound alone, so that in most clips something
# is amiss. With half as much of it pictures told more than sounds, which the paper's do not.
OFF_SCREEN = 0.4  # of a clip's classes are never seen
OUT_OF_STEP = 0.25  # appear late, or move before or after they sound
LARGEST_SHIFT = 1.0  # seconds; enough to matter at a collar of 0.2 s
DISTRACTOR = 0.5  # of clips show a silent thing
CUT = 0.3  # of clips change the camera, once or twice
SEEN_AFTER_CUT = 0.6  # of things are in the picture of one camera

Colour = tuple[int, int, int]
Points = list[tuple[float, float]]
Event = tuple[str, float, float]

DARK: Colour = (35, 32, 38)
VIVID = (0.35, 0.95)  # limits of the saturation of things ...
DULL = (0.05, 0.45)  # ... and of walls, so that things stand out
WHITE: Colour = (246, 246, 242)
STEEL: Colour = (168, 176, 186)


@dataclass(frozen=True)
class Look:
    """How one thing is drawn: two colours, line width, pose, and where in its movement it is.

    `turn` is in radians, `stretch` the ratio of width to height, `pose` in [0, 1) chooses among
    variants; `beat` in [0, 1) runs through one cycle of the movement, None at rest.
    """

    main: Colour
    second: Colour
    line: float
    turn: float
    stretch: float
    mirrored: bool
    pose: float
    beat: float | None = None

    @property
    def wave(self) -> float:
        """Return the swing to and fro, from -1 to 1, 0 at rest."""
        return 0.0 if self.beat is None else float(np.sin(2 * np.pi * self.beat))

    @property
    def open(self) -> float:
        """Return the opening and closing, from 0 to 1, 0 at rest."""
        return 0.0 if self.beat is None else float(0.6 - 0.4 * np.cos(2 * np.pi * self.beat))

    @property
    def outline(self) -> Colour:
        """Return the colour of the edges."""
        return _shade(self.main, 0.45)


class Pen:
    """Draws in a square from -1 to 1 (x to the right, y down), turned and stretched by a look."""

    def __init__(self, size: int, look: Look) -> None:
        """Begin an empty, transparent picture of size pixels."""
        self.size, self.look = size, look
        self.width = size * SUPERSAMPLING
        self.image = Image.new("RGBA", (self.width, self.width), (*look.main, 0))
        self.canvas = ImageDraw.Draw(self.image)
        cosine, sine = np.cos(look.turn), np.sin(look.turn)
        across = np.sqrt(look.stretch) * (-1 if look.mirrored else 1)
        scale = self.width / 2 / 1.12  # a margin, for what is turned or shaken
        self.axes = scale * np.array([[cosine, -sine], [sine, cosine]])
        self.axes = self.axes @ np.diag([across, 1 / np.sqrt(look.stretch)])

    def place(self, points: Points | np.ndarray) -> list[tuple[float, float]]:
        """Return where points lie on the canvas, in pixels."""
        moved = np.asarray(points) @ self.axes.T + self.width / 2
        return [(float(x), float(y)) for x, y in moved]

    def polygon(self, points: Points | np.ndarray, fill: Colour, edge: bool = True) -> None:
        """Fill a polygon, with an edge where the look has one."""
        width = round(self.look.line * self.width / 2) if edge else 0
        placed = self.place(points)
        self.canvas.polygon(placed, fill=fill)
        if width:
            self.canvas.line([*placed, *placed[:2]], self.look.outline, width, joint="curve")

    def ellipse(
        self, x: float, y: float, wide: float, high: float, fill: Colour, edge: bool = True
    ) -> None:
        """Fill an ellipse around (x, y) with half axes wide and high."""
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        ring = np.stack([x + wide * np.cos(angle), y + high * np.sin(angle)], axis=1)
        self.polygon(ring, fill, edge)

    def box(
        self, left: float, top: float, right: float, bottom: float, fill: Colour, edge: bool = True
    ) -> None:
        """Fill a rectangle."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], fill, edge)

    def line(self, points: Points | np.ndarray, thick: float, fill: Colour) -> None:
        """Draw a line through points, thick in units."""
        width = max(1, round(thick * self.width / 2))
        self.canvas.line(self.place(points), fill, width, joint="curve")

    def curve(self, points: Points, thick: float, fill: Colour) -> None:
        """Draw a smooth line (a Bezier curve) steered by three or four points."""
        time = np.linspace(0, 1, 14)[:, None]
        control = np.array(points, dtype=np.float64)
        while len(control) > 1 or control.ndim < 3:
            if control.ndim < 3:
                control = np.repeat(control[:, None], len(time), axis=1)
            control = control[:-1] * (1 - time) + control[1:] * time
        self.line(control[0], thick, fill)

    def eye(self, x: float, y: float, radius: float, iris: Colour = DARK) -> None:
        """Draw an eye."""
        self.ellipse(x, y, radius, radius, iris, edge=False)
        self.ellipse(x - radius / 3, y - radius / 3, radius / 3, radius / 3, WHITE, edge=False)

    def finish(self) -> np.ndarray:
        """Return the picture, (size, size, 4) float32, colours times opacity, all in [0, 255]."""
        small = np.asarray(self.image, dtype=np.float32)
        alpha = small[..., 3:] / 255
        small = np.concatenate([small[..., :3] * alpha, small[..., 3:]], axis=2)
        shape = (self.size, SUPERSAMPLING, self.size, SUPERSAMPLING, 4)
        return small.reshape(shape).mean(axis=(1, 3))


def _shade(colour: Colour, factor: float) -> Colour:
    """Return a darker (factor < 1) or lighter (factor > 1) colour."""
    if factor <= 1:
        return _colour(np.array(colour) * factor)
    return _colour(255 - (255 - np.array(colour)) / factor)


def _colour(values: np.ndarray) -> Colour:
    """Return three numbers as a colour."""
    red, green, blue = np.clip(values, 0, 255).astype(int).tolist()
    return red, green, blue


def _dog(pen: Pen, look: Look) -> None:
    """Draw a dog: hanging ears, a long snout, a tongue; it barks and jerks its head."""
    fur, ear = look.main, _shade(look.main, 0.6)
    lift = -0.14 * look.open
    if look.pose < 0.55:  # from the front
        for side in (-1, 1):
            pen.ellipse(0.62 * side, -0.1 + lift - 0.1 * look.open, 0.24, 0.56, ear)
        pen.ellipse(0, -0.15 + lift, 0.6, 0.62, fur)
        pen.ellipse(0, 0.5 - lift / 2, 0.3, 0.3 + 0.14 * look.open, DARK)
        pen.ellipse(0, 0.55 + 0.2 * look.open, 0.17, 0.16 + 0.1 * look.open, (226, 92, 106), False)
        pen.ellipse(0, 0.26 + lift, 0.42, 0.32, _shade(fur, 1.8))
        pen.ellipse(0, 0.1 + lift, 0.17, 0.12, DARK, edge=False)
        for side in (-1, 1):
            pen.eye(0.26 * side, -0.25 + lift, 0.1)
        return
    wag = 0.25 * look.wave
    pen.curve([(-0.6, 0.05), (-0.9, -0.1), (-0.92 + wag, -0.5)], 0.13, fur)
    for x in (-0.55, -0.32, 0.22, 0.42):
        pen.box(x - 0.08, 0.2, x + 0.08, 0.92, _shade(fur, 0.85))
    pen.ellipse(-0.08, 0.15, 0.62, 0.3, fur)
    pen.ellipse(0.45, -0.3 + lift, 0.32, 0.3, fur)
    pen.polygon([(0.55, -0.1), (0.93, 0.08 + 0.2 * look.open), (0.5, 0.12)], _shade(fur, 0.8))
    pen.polygon([(0.5, -0.42 + lift), (0.98, -0.2 + lift), (0.96, 0.0 + lift), (0.55, 0.02)], fur)
    pen.ellipse(0.95, -0.18 + lift, 0.08, 0.07, DARK, edge=False)
    pen.eye(0.52, -0.38 + lift, 0.07)
    pen.ellipse(0.25, -0.18 + lift, 0.13, 0.3, ear)


def _cat(pen: Pen, look: Look) -> None:
    """Draw a cat: pointed ears, whiskers, slit eyes, a long tail; it mews."""
    fur, inside = look.main, (232, 160, 160)
    lift = -0.08 * look.open
    if look.pose < 0.55:
        x, y, scale = 0.0, 0.12 + lift, 1.0
    else:
        x, y, scale = 0.3, -0.35 + lift, 0.55
        sway = 0.25 * look.wave
        pen.curve([(-0.6, 0.75), (-1.1, 0.5), (-0.6, -0.2), (-0.95 + sway, -0.5)], 0.13, fur)
        pen.ellipse(-0.1, 0.5, 0.58, 0.42, fur)
        pen.ellipse(0.25, 0.35, 0.32, 0.55, fur)
        for foot in (0.12, 0.42):
            pen.ellipse(foot, 0.88, 0.13, 0.09, _shade(fur, 1.5))

    def at(points: Points) -> Points:
        return [(x + scale * across, y + scale * down) for across, down in points]

    for side in (-1, 1):
        pen.polygon(at([(0.72 * side, -0.95), (0.14 * side, -0.5), (0.68 * side, -0.15)]), fur)
        ear = at([(0.63 * side, -0.75), (0.3 * side, -0.5), (0.6 * side, -0.3)])
        pen.polygon(ear, inside, edge=False)
    pen.ellipse(x, y, 0.72 * scale, 0.62 * scale, fur)
    for stripe in (-0.18, 0.0, 0.18):
        pen.line(at([(stripe, -0.56), (stripe * 0.8, -0.32)]), 0.08 * scale, _shade(fur, 0.55))
    for side in (-1, 1):
        cx, cy = at([(0.3 * side, -0.1)])[0]
        pen.ellipse(cx, cy, 0.16 * scale, 0.14 * scale, look.second, edge=False)
        pen.ellipse(cx, cy, 0.05 * scale, 0.14 * scale, DARK, edge=False)
        for tilt in (-0.08, 0.04, 0.16):
            pen.line(at([(0.2 * side, 0.22), (0.98 * side, 0.18 + tilt)]), 0.035, WHITE)
    mouth = 0.06 + 0.22 * look.open
    mx, my = at([(0, 0.3 + mouth / 2)])[0]
    pen.ellipse(mx, my, 0.17 * scale, mouth * scale, (120, 40, 50), edge=False)
    pen.polygon(at([(-0.1, 0.12), (0.1, 0.12), (0, 0.25)]), (214, 112, 122), edge=False)


def _person(pen: Pen, look: Look) -> None:
    """Draw a person from the chest up, who opens the mouth and nods."""
    skin, hair = look.main, look.second
    nod = 0.05 * look.wave
    long = look.pose < 0.5
    if long:
        pen.ellipse(0, -0.15 + nod, 0.6, 0.72, hair)
        pen.box(-0.58, -0.15 + nod, 0.58, 0.5, hair, edge=False)
    pen.polygon(
        [(-0.95, 1.0), (-0.8, 0.66), (-0.25, 0.5), (0.25, 0.5), (0.8, 0.66), (0.95, 1.0)],
        _shade((hair[2], hair[0], hair[1]), 1.5),
    )
    pen.box(-0.2, 0.25, 0.2, 0.62, _shade(skin, 0.85), edge=False)
    for side in (-1, 1):
        pen.ellipse(0.5 * side, -0.12 + nod, 0.1, 0.15, skin)
    pen.ellipse(0, -0.15 + nod, 0.5, 0.6, skin)
    top = [(-0.52, -0.2), (-0.5, -0.6), (-0.2, -0.85), (0.25, -0.85), (0.5, -0.6), (0.52, -0.2)]
    fringe = [(0.36, -0.42), (-0.1, -0.5), (-0.38, -0.38)]
    pen.polygon([(x, y + nod) for x, y in top + fringe], hair, edge=False)
    for side in (-1, 1):
        pen.ellipse(0.2 * side, -0.2 + nod, 0.1, 0.07, WHITE, edge=False)
        pen.eye(0.2 * side, -0.2 + nod, 0.06)
        pen.line([(0.1 * side, -0.34 + nod), (0.3 * side, -0.35 + nod)], 0.05, _shade(hair, 0.7))
    pen.line([(0, -0.12 + nod), (0.05, 0.02 + nod), (-0.03, 0.04 + nod)], 0.04, _shade(skin, 0.7))
    mouth = 0.035 + 0.15 * look.open
    pen.ellipse(0, 0.2 + nod + mouth / 3, 0.19 - 0.05 * look.open, mouth, (168, 44, 52), False)
    if look.open > 0.5:
        pen.ellipse(0, 0.2 + nod, 0.1, 0.04, WHITE, edge=False)


def _tap(pen: Pen, look: Look) -> None:
    """Draw a tap above a basin; water runs in broken threads and splashes."""
    metal, water = _shade(STEEL, 0.8 + 0.5 * look.pose), (92, 168, 226)
    basin = _shade(look.main, 1.6)
    if look.beat is not None:
        pen.box(0.2, -0.3, 0.46, 0.62, water, edge=False)
        for index in range(4):
            y = -0.3 + ((index / 4 + look.beat) % 1.0) * 0.8
            pen.line(
                [(0.27 + 0.06 * (index % 2), y), (0.27 + 0.06 * (index % 2), y + 0.16)],
                0.07,
                (220, 240, 252),
            )
    pen.curve([(-0.45, 0.5), (-0.45, -1.2), (0.34, -1.15), (0.34, -0.3)], 0.26, _shade(metal, 0.5))
    pen.curve([(-0.45, 0.5), (-0.45, -1.2), (0.34, -1.15), (0.34, -0.3)], 0.18, metal)
    pen.box(0.2, -0.36, 0.48, -0.22, _shade(metal, 0.6))
    pen.box(-0.62, 0.2, -0.28, 0.55, metal)
    pen.line([(-0.45, -0.05), (-0.92, -0.25)], 0.13, _shade(metal, 0.7))
    pen.ellipse(-0.92, -0.25, 0.1, 0.1, look.second)
    pen.polygon([(-0.95, 0.5), (0.95, 0.5), (0.7, 0.98), (-0.7, 0.98)], basin)
    pen.ellipse(0.02, 0.53, 0.93, 0.14, _shade(basin, 0.72))
    if look.beat is not None:
        pen.ellipse(0.33, 0.53, 0.5 + 0.08 * look.wave, 0.1, water, edge=False)
        for x, y in ((-0.05, 0.34), (0.62, 0.3), (0.75, 0.44), (0.06, 0.24)):
            pen.ellipse(x, y - 0.12 * look.wave * (1 if x > 0.1 else -1), 0.06, 0.07, water, False)


def _pan(pen: Pen, look: Look) -> None:
    """Draw a frying pan on a stove, with an egg or a steak; flames, bubbles and steam move."""
    iron, shift = _shade((70, 70, 78), 0.7 + 0.6 * look.pose), 0.04 * look.wave
    pen.box(-0.95, 0.68, 0.75, 1.0, _shade(look.main, 1.2))
    for x in (-0.6, 0.35):
        pen.ellipse(x, 0.85, 0.09, 0.09, DARK, edge=False)
    if look.beat is not None:
        for index in range(5):
            x, high = -0.62 + 0.26 * index, 0.2 + 0.1 * np.sin(6.28 * (look.beat + index / 2.5))
            flame = [(x - 0.1, 0.68), (x, 0.68 - high), (x + 0.1, 0.68)]
            pen.polygon(flame, (250, 150, 40) if index % 2 else (70, 120, 250), edge=False)
    pen.line([(0.5, 0.22 + shift), (1.0, -0.02 + shift)], 0.16, look.second)
    pen.polygon(
        [(-0.88, 0.2 + shift), (0.66, 0.2 + shift), (0.5, 0.56 + shift), (-0.7, 0.56 + shift)], iron
    )
    pen.ellipse(-0.1, 0.2 + shift, 0.8, 0.3, _shade(iron, 1.25))
    pen.ellipse(-0.1, 0.22 + shift, 0.68, 0.23, _shade(iron, 0.55), edge=False)
    if look.pose < 0.5:
        pen.ellipse(-0.12 + shift, 0.22 + shift, 0.42, 0.16, WHITE, edge=False)
        pen.ellipse(-0.12 + shift, 0.18 + shift, 0.17, 0.1, (250, 192, 40), edge=False)
    else:
        pen.ellipse(-0.18 + shift, 0.2 + shift, 0.42, 0.14, (150, 74, 52), edge=False)
        pen.line([(-0.42, 0.2 + shift), (0.06, 0.18 + shift)], 0.06, (104, 46, 34))
    if look.beat is not None:
        for index, x in enumerate((-0.5, -0.1, 0.3)):
            sway = 0.18 * np.sin(6.28 * (look.beat + index / 3))
            steam = [(x, 0.05), (x + sway, -0.3), (x - sway, -0.6), (x + sway, -0.95)]
            pen.curve(steam, 0.09, (228, 230, 234))
        for index in range(6):
            x = -0.62 + 0.2 * ((index + int(look.beat * BEATS) * 2) % 6)
            pen.ellipse(x, 0.3 - 0.1 * (index % 2), 0.06, 0.05, (252, 226, 150), edge=False)


def _vacuum(pen: Pen, look: Look) -> None:
    """Draw a vacuum cleaner: body on wheels, hose, tube and nozzle; the nozzle goes to and fro."""
    push = 0.16 * look.wave
    pen.curve(
        [(-0.4, 0.25), (-0.9, -1.1), (0.3, -1.0), (0.4 + push / 2, -0.55)],
        0.15,
        _shade(look.second, 0.5),
    )
    pen.line([(0.36 + push / 2, -0.75), (0.7 + push, 0.78)], 0.12, STEEL)
    pen.polygon(
        [(0.38 + push, 0.95), (0.5 + push, 0.76), (0.92 + push, 0.76), (1.02 + push, 0.95)], DARK
    )
    pen.ellipse(-0.4, 0.48, 0.52, 0.4, look.main)
    pen.box(-0.92, 0.5, 0.12, 0.78, look.main, edge=False)
    pen.ellipse(-0.4, 0.35, 0.28, 0.16, _shade(look.main, 1.8), edge=False)
    pen.line([(-0.66, 0.12), (-0.4, -0.02), (-0.14, 0.12)], 0.09, DARK)
    for x, radius in ((-0.62, 0.22), (-0.04, 0.15)):
        pen.ellipse(x, 0.96 - radius, radius, radius, DARK)
        pen.ellipse(x, 0.96 - radius, radius / 2.4, radius / 2.4, STEEL, edge=False)
    if look.beat is not None:
        for index in range(3):
            x = 0.5 + push + 0.2 * index
            y = 0.62 - 0.1 * ((look.beat * BEATS + index) % 2)
            pen.ellipse(x, y, 0.045, 0.045, (120, 112, 104), edge=False)


def _blender(pen: Pen, look: Look) -> None:
    """Draw a blender: glass jar on a motor base; what is in it whirls, and all of it shakes."""
    glass, shake = (206, 226, 232), 0.06 * look.wave
    fruit = look.second
    pen.polygon([(-0.5, 0.98), (-0.4, 0.42), (0.4, 0.42), (0.5, 0.98)], look.main)
    pen.ellipse(0, 0.72, 0.15, 0.15, STEEL)
    pen.line([(0, 0.72), (0.08 * (1 if look.beat is not None else 0), 0.6)], 0.05, DARK)
    pen.line(
        [(0.4 + shake, -0.5), (0.82 + shake, -0.42), (0.76 + shake, 0.12), (0.32 + shake, 0.2)],
        0.13,
        _shade(look.main, 0.7),
    )
    pen.polygon(
        [(-0.55 + shake, -0.7), (0.55 + shake, -0.7), (0.36 + shake, 0.42), (-0.36 + shake, 0.42)],
        glass,
    )
    level = -0.15 - 0.15 * look.open
    tilt = 0.16 * look.wave
    pen.polygon(
        [
            (-0.47 + shake, level + tilt),
            (0, level + 0.22 * look.open),
            (0.47 + shake, level - tilt),
            (0.32 + shake, 0.38),
            (-0.32 + shake, 0.38),
        ],
        fruit,
        edge=False,
    )
    if look.beat is None:
        for x, y in ((-0.2, 0.02), (0.15, -0.02), (0.0, 0.2)):
            pen.ellipse(x, y, 0.14, 0.13, _shade(fruit, 0.75), edge=False)
    else:
        for index in range(4):
            angle = 6.28 * (look.beat + index / 4)
            x, y = 0.26 * np.cos(angle), 0.12 + 0.14 * np.sin(angle)
            pen.ellipse(x + shake, y, 0.09, 0.06, _shade(fruit, 1.9), edge=False)
    pen.line([(-0.4 + shake, -0.6), (-0.3 + shake, 0.1)], 0.05, WHITE)
    pen.box(-0.6 + shake, -0.88, 0.6 + shake, -0.68, _shade(look.main, 0.8))
    pen.box(-0.18 + shake, -1.0, 0.18 + shake, -0.86, _shade(look.main, 0.6))


def _alarm(pen: Pen, look: Look) -> None:
    """Draw an alarm clock with two bells; it trembles, and lines show that it rings."""
    shake = 0.1 * look.wave
    for side in (-1, 1):
        pen.line([(0.35 * side + shake, 0.6), (0.55 * side + shake, 0.98)], 0.14, DARK)
        bell = [(0.12, -0.72), (0.3, -0.95), (0.62, -0.86), (0.78, -0.58), (0.72, -0.4)]
        pen.polygon([(side * x + shake, y) for x, y in bell], look.second)
    pen.line([(shake, -0.6), (shake - 0.22 * look.wave, -0.94)], 0.07, DARK)
    pen.ellipse(shake, 0.15, 0.72, 0.72, look.main)
    pen.ellipse(shake, 0.15, 0.56, 0.56, WHITE)
    for hour in range(12):
        angle = np.pi * hour / 6
        x, y = 0.47 * np.sin(angle) + shake, 0.15 - 0.47 * np.cos(angle)
        pen.ellipse(x, y, 0.045, 0.045, DARK, edge=False)
    angle = 6.28 * look.pose
    pen.line(
        [(shake, 0.15), (shake + 0.25 * np.cos(angle), 0.15 + 0.25 * np.sin(angle))], 0.1, DARK
    )
    pen.line([(shake, 0.15), (shake + 0.05, -0.27)], 0.07, (196, 48, 44))
    if look.beat is not None:
        for side in (-1, 1):
            for far in (0.0, 0.13):
                pen.curve(
                    [
                        (side * (0.86 + far), -0.5),
                        (side * (1.0 + far), -0.2),
                        (side * (0.9 + far), 0.1),
                    ],
                    0.06,
                    (250, 196, 40),
                )


def _dishes(pen: Pen, look: Look) -> None:
    """Draw a pile of plates, a cup and a fork; a plate tips and clinks."""
    china, rim = _shade(look.main, 2.2), look.second
    for index in range(4):
        y = 0.86 - 0.15 * index
        pen.ellipse(-0.25, y, 0.68, 0.17, _shade(china, 0.7))
        pen.ellipse(-0.25, y - 0.06, 0.68, 0.17, china)
    tilt = 0.16 * look.wave
    lift = -0.16 * look.open
    ring = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    for radius, fill in ((0.5, china), (0.42, rim), (0.34, china), (0.2, _shade(china, 0.86))):
        across = np.cos(ring) * radius
        down = -0.3 + lift + np.sin(ring) * radius + tilt * across
        pen.polygon(np.stack([across - 0.25, down], axis=1), fill)
    if look.pose < 0.6:
        pen.ellipse(0.86, 0.58, 0.13, 0.17, rim)
        pen.ellipse(0.86, 0.58, 0.06, 0.09, china, edge=False)
        pen.polygon([(0.34, 0.3), (0.86, 0.3), (0.78, 0.95), (0.42, 0.95)], rim)
        pen.ellipse(0.6, 0.3, 0.26, 0.09, _shade(rim, 0.6))
    swing = 0.1 * look.wave
    pen.line([(0.62 + swing, -0.9), (0.66, 0.2)], 0.09, STEEL)
    for x in (-0.1, 0.0, 0.1):
        pen.line([(0.62 + x + swing, -0.98), (0.62 + x + swing, -0.7)], 0.05, STEEL)
    pen.line([(0.5 + swing, -0.7), (0.74 + swing, -0.7)], 0.09, STEEL)
    if look.beat is not None and look.wave >= 0:
        for angle in (-2.4, -1.6, -0.8):
            near, far = 0.16, 0.34
            x, y = np.cos(angle), np.sin(angle)
            pen.line(
                [(0.28 + near * x, -0.6 + near * y), (0.28 + far * x, -0.6 + far * y)],
                0.06,
                (250, 206, 60),
            )


def _shaver(pen: Pen, look: Look) -> None:
    """Draw an electric shaver or an electric toothbrush; it trembles."""
    shake = 0.07 * look.wave
    body, grip = look.main, _shade(look.main, 0.55)
    if look.pose < 0.5:
        pen.polygon(
            [
                (-0.28 + shake, 1.0),
                (-0.38 + shake, -0.2),
                (0.38 + shake, -0.2),
                (0.28 + shake, 1.0),
            ],
            body,
        )
        pen.box(-0.2 + shake, 0.1, 0.2 + shake, 0.75, grip)
        pen.ellipse(shake, 0.28, 0.1, 0.1, look.second)
        pen.polygon(
            [
                (-0.3 + shake, -0.2),
                (-0.55 + shake, -0.62),
                (0.55 + shake, -0.62),
                (0.3 + shake, -0.2),
            ],
            DARK,
        )
        for x in (-0.36, 0.0, 0.36):
            pen.ellipse(x + shake, -0.72, 0.2, 0.2, STEEL)
            pen.ellipse(x + shake, -0.72, 0.09, 0.09, DARK, edge=False)
    else:
        pen.polygon(
            [(-0.22, 1.0), (-0.26, 0.1), (-0.1, -0.1), (0.1, -0.1), (0.26, 0.1), (0.22, 1.0)], body
        )
        pen.box(-0.12, 0.25, 0.12, 0.8, grip)
        pen.ellipse(0, 0.38, 0.09, 0.09, look.second)
        pen.line([(0, -0.1), (shake, -0.9)], 0.15, WHITE)
        pen.box(-0.12 + shake, -1.0, 0.12 + shake, -0.52, WHITE)
        for index in range(5):
            y = -0.96 + 0.1 * index
            stripe = look.second if index % 2 else (90, 160, 220)
            pen.line([(0.12 + shake, y), (0.44 + 1.6 * shake, y)], 0.08, stripe)
    if look.beat is not None:
        for side in (-1, 1):
            for far in (0.62, 0.8):
                x = side * far
                pen.curve([(x, -0.75), (x * 1.15, -0.5), (x, -0.25)], 0.06, (110, 150, 210))


def _car(pen: Pen, look: Look) -> None:
    """Draw a car."""
    pen.polygon([(-0.6, 0.05), (-0.38, -0.4), (0.3, -0.4), (0.6, 0.05)], look.main)
    pen.polygon([(-0.46, 0.02), (-0.3, -0.3), (-0.05, -0.3), (-0.05, 0.02)], (190, 220, 240))
    pen.polygon([(0.05, 0.02), (0.05, -0.3), (0.24, -0.3), (0.45, 0.02)], (190, 220, 240))
    pen.box(-0.98, 0.02, 0.98, 0.48, look.main)
    pen.ellipse(0.9, 0.15, 0.08, 0.08, (250, 236, 140))
    for x in (-0.55, 0.55):
        pen.ellipse(x, 0.48, 0.23, 0.23, DARK)
        pen.ellipse(x, 0.48, 0.1, 0.1, STEEL, edge=False)


def _tree(pen: Pen, look: Look) -> None:
    """Draw a tree with a round crown or a fir."""
    pen.box(-0.12, 0.2, 0.12, 1.0, (110, 76, 48))
    leaf = look.main
    if look.pose < 0.5:
        for x, y, radius in ((-0.35, 0.0, 0.4), (0.35, 0.0, 0.4), (0, -0.4, 0.5)):
            pen.ellipse(x, y, radius, radius, leaf)
        pen.ellipse(0, -0.15, 0.4, 0.4, leaf, edge=False)
        return
    for top, wide in ((-0.15, 0.8), (-0.5, 0.62), (-0.95, 0.45)):
        pen.polygon([(0, top), (wide, top + 0.65), (-wide, top + 0.65)], leaf)


def _ball(pen: Pen, look: Look) -> None:
    """Draw a ball with stripes or patches."""
    pen.ellipse(0, 0, 0.85, 0.85, look.main)
    if look.pose < 0.5:
        pen.curve([(-0.6, -0.6), (0.0, 0.0), (-0.6, 0.6)], 0.16, look.second)
        pen.curve([(0.6, -0.6), (0.0, 0.0), (0.6, 0.6)], 0.16, look.second)
    else:
        for angle in np.linspace(0, 2 * np.pi, 5, endpoint=False):
            pen.ellipse(0.58 * np.cos(angle), 0.58 * np.sin(angle), 0.17, 0.17, look.second, False)
        pen.ellipse(0, 0, 0.2, 0.2, look.second, edge=False)
    pen.ellipse(-0.34, -0.42, 0.14, 0.1, WHITE, edge=False)


def _book(pen: Pen, look: Look) -> None:
    """Draw an open book."""
    pen.polygon(
        [(-1.0, -0.4), (0, -0.28), (1.0, -0.4), (1.0, 0.56), (0, 0.7), (-1.0, 0.56)], look.main
    )
    for side in (-1, 1):
        page = [
            (0, -0.3),
            (0.45 * side, -0.56),
            (0.9 * side, -0.44),
            (0.9 * side, 0.44),
            (0.45 * side, 0.36),
            (0, 0.58),
        ]
        pen.polygon(page, WHITE)
        for index in range(5):
            y = -0.3 + 0.15 * index
            pen.line([(0.14 * side, y + 0.04), (0.78 * side, y - 0.06)], 0.04, (120, 120, 128))


def _lamp(pen: Pen, look: Look) -> None:
    """Draw a table lamp."""
    pen.ellipse(0, 0.88, 0.42, 0.12, _shade(look.second, 0.7))
    pen.line([(0, 0.85), (0, -0.1)], 0.12, _shade(look.second, 0.8))
    pen.polygon([(-0.3, -0.9), (0.3, -0.9), (0.68, -0.05), (-0.68, -0.05)], look.main)
    pen.ellipse(0, -0.05, 0.66, 0.1, (255, 240, 180), edge=False)


def _chair(pen: Pen, look: Look) -> None:
    """Draw a chair."""
    wood = look.main
    pen.line([(-0.5, -0.95), (-0.5, 0.95)], 0.14, wood)
    pen.line([(0.05, -0.95), (0.05, 0.7)], 0.12, _shade(wood, 0.8))
    for y in (-0.8, -0.5, -0.2):
        pen.line([(-0.5, y), (0.05, y)], 0.13, wood)
    pen.polygon([(-0.55, 0.1), (0.05, -0.02), (0.7, 0.1), (0.1, 0.28)], look.second)
    pen.line([(0.1, 0.25), (0.1, 0.98)], 0.14, wood)
    pen.line([(0.64, 0.12), (0.64, 0.78)], 0.12, _shade(wood, 0.8))


def _bird(pen: Pen, look: Look) -> None:
    """Draw a bird on a twig."""
    pen.line([(-1.0, 0.8), (1.0, 0.7)], 0.1, (110, 76, 48))
    pen.polygon([(-0.4, 0.1), (-1.0, 0.3), (-0.9, 0.55), (-0.3, 0.4)], _shade(look.main, 0.6))
    pen.ellipse(-0.02, 0.15, 0.55, 0.42, look.main)
    pen.ellipse(0.4, -0.35, 0.34, 0.32, look.main)
    pen.polygon([(0.68, -0.45), (1.02, -0.3), (0.68, -0.2)], (246, 176, 44))
    pen.eye(0.48, -0.42, 0.08)
    pen.polygon([(0.25, 0.0), (-0.45, 0.1), (-0.6, 0.42), (0.05, 0.38)], look.second)
    for x in (-0.05, 0.15):
        pen.line([(x, 0.5), (x, 0.78)], 0.06, (220, 140, 40))


def _fish(pen: Pen, look: Look) -> None:
    """Draw a fish."""
    pen.polygon([(-0.45, 0), (-1.0, -0.45), (-0.85, 0), (-1.0, 0.45)], look.second)
    pen.polygon([(-0.2, -0.35), (0.1, -0.75), (0.4, -0.3)], look.second)
    pen.ellipse(0.15, 0, 0.75, 0.45, look.main)
    for x in (-0.2, 0.05):
        pen.curve([(x, -0.35), (x + 0.2, 0), (x, 0.35)], 0.09, look.second)
    pen.ellipse(0.58, -0.12, 0.13, 0.13, WHITE, edge=False)
    pen.eye(0.6, -0.12, 0.07)
    pen.line([(0.88, 0.08), (0.68, 0.14)], 0.05, look.outline)


def _boat(pen: Pen, look: Look) -> None:
    """Draw a sailing boat."""
    pen.line([(0, -1.0), (0, 0.4)], 0.08, (110, 76, 48))
    pen.polygon([(0.06, -0.95), (0.75, 0.25), (0.06, 0.25)], look.second)
    pen.polygon([(-0.06, -0.75), (-0.55, 0.25), (-0.06, 0.25)], WHITE)
    pen.polygon([(-0.95, 0.38), (0.95, 0.38), (0.6, 0.82), (-0.65, 0.82)], look.main)
    pen.curve([(-1.0, 0.92), (-0.4, 0.75), (0.3, 1.08), (1.0, 0.9)], 0.12, (80, 140, 210))


def _flower(pen: Pen, look: Look) -> None:
    """Draw a flower in a pot."""
    pen.line([(0, -0.3), (0, 0.6)], 0.09, (70, 140, 70))
    pen.ellipse(-0.25, 0.28, 0.24, 0.09, (70, 150, 70))
    for angle in np.linspace(0, 2 * np.pi, 6, endpoint=False):
        pen.ellipse(0.32 * np.cos(angle), -0.42 + 0.32 * np.sin(angle), 0.22, 0.22, look.main)
    pen.ellipse(0, -0.42, 0.2, 0.2, (250, 200, 60))
    pen.polygon([(-0.4, 0.5), (0.4, 0.5), (0.28, 1.0), (-0.28, 1.0)], look.second)


DRAWERS: dict[str, Callable[[Pen, Look], None]] = {
    "Alarm_bell_ringing": _alarm,
    "Blender": _blender,
    "Cat": _cat,
    "Dishes": _dishes,
    "Dog": _dog,
    "Electric_shaver_toothbrush": _shaver,
    "Frying": _pan,
    "Running_water": _tap,
    "Speech": _person,
    "Vacuum_cleaner": _vacuum,
    "Car": _car,
    "Tree": _tree,
    "Ball": _ball,
    "Book": _book,
    "Lamp": _lamp,
    "Chair": _chair,
    "Bird": _bird,
    "Fish": _fish,
    "Boat": _boat,
    "Flower": _flower,
}
KINDS = tuple(DRAWERS)

# What has a colour of its own; anything else may have any.
PALETTES: dict[str, tuple[Colour, ...]] = {
    "Cat": ((222, 146, 72), (92, 90, 96), (226, 216, 200), (150, 118, 90), (60, 56, 60)),
    "Dog": ((164, 106, 60), (216, 172, 108), (98, 70, 52), (232, 220, 200), (110, 106, 108)),
    "Speech": ((246, 210, 180), (226, 178, 140), (176, 122, 84), (116, 76, 52), (240, 196, 168)),
    "Tree": ((60, 130, 60), (96, 150, 60), (40, 100, 70), (170, 150, 50)),
    "Chair": ((150, 100, 60), (96, 62, 42), (196, 156, 104)),
}
HAIR = ((48, 36, 30), (106, 68, 42), (212, 168, 92), (150, 60, 34), (150, 148, 146))


def _any_colour(generator: np.random.Generator, saturation: tuple[float, float] = VIVID) -> Colour:
    """Return a random colour, not too dark, its saturation within limits."""
    value = generator.uniform(0.45, 0.95)
    rgb = colorsys.hsv_to_rgb(generator.random(), generator.uniform(*saturation), value)
    return _colour(255 * np.array(rgb))


def _draw_look(kind: str, generator: np.random.Generator, wide: bool) -> Look:
    """Return a random look of a kind; wide allows any colour and a stronger pose."""
    main, second = _any_colour(generator), _any_colour(generator)
    anyhow = wide and kind != "Speech" and generator.random() < 0.2
    if kind in PALETTES and not anyhow:
        main = PALETTES[kind][generator.integers(len(PALETTES[kind]))]
        main = _colour(np.array(main) + generator.uniform(-18, 18, 3))
    if kind == "Speech":
        second = HAIR[generator.integers(len(HAIR))]
    return Look(
        main=main,
        second=second,
        line=float(generator.choice([0.0, 0.04, 0.07])),
        turn=float(generator.normal(0, 0.16 if wide else 0.07)),
        stretch=float(np.exp(generator.normal(0, 0.15 if wide else 0.08))),
        mirrored=bool(generator.random() < 0.5),
        pose=float(generator.random()),
    )


def _sprite(kind: str, look: Look, size: int) -> np.ndarray:
    """Return a thing on a transparent ground, (size, size, 4) float32, see `Pen.finish`."""
    pen = Pen(size, look)
    DRAWERS[kind](pen, look)
    return pen.finish()


def _paste(picture: np.ndarray, sprite: np.ndarray, left: int, top: int) -> None:
    """Lay a sprite over a float32 picture in place; what hangs over the edge is cut off."""
    high, wide = picture.shape[:2]
    first_row, last_row = max(top, 0), min(top + len(sprite), high)
    first_column, last_column = max(left, 0), min(left + len(sprite), wide)
    if first_row >= last_row or first_column >= last_column:
        return
    part = sprite[first_row - top : last_row - top, first_column - left : last_column - left]
    under = picture[first_row:last_row, first_column:last_column]
    under *= 1 - part[..., 3:] / 255
    under += part[..., :3]


def _draw_room(generator: np.random.Generator, size: int) -> np.ndarray:
    """Return an empty room, (size, size, 3) float32: wall, floor, window, furniture, light."""
    wall = _shade(_any_colour(generator, DULL), generator.uniform(1.2, 2.6))
    floor = _shade((150, 112, 78), generator.uniform(0.6, 1.7))
    look = Look(wall, floor, 0.02, 0.0, 1.0, bool(generator.random() < 0.5), 0.0)
    pen = Pen(size, look)
    edge = generator.uniform(0.3, 0.62)
    pen.box(-2, -2, 2, edge, wall, edge=False)
    if generator.random() < 0.4:
        for x in np.arange(-1.3, 1.3, generator.uniform(0.18, 0.4)):
            pen.line([(x, -1.3), (x, edge)], 0.05, _shade(wall, 0.93))
    pen.box(-2, edge, 2, 2, floor, edge=False)
    pen.line([(-2, edge), (2, edge)], 0.06, _shade(floor, 0.6))
    for index in range(3):
        y = edge + 0.18 * (index + 1) ** 1.3
        pen.line([(-2, y), (2, y)], 0.02, _shade(floor, 0.85))
    _furnish(pen, generator, edge)
    room = pen.finish()[..., :3]
    light = generator.uniform(-0.12, 0.12, 2)
    steps = np.linspace(-1, 1, size, dtype=np.float32)
    gain = generator.uniform(0.85, 1.1) + light[0] * steps[:, None] + light[1] * steps[None, :]
    return (room * gain[..., None]).astype(np.float32)


def _furnish(pen: Pen, generator: np.random.Generator, edge: float) -> None:
    """Put a window, a picture, a shelf or a cupboard into a room, each with chance one half."""
    window, picture, shelf, cupboard = generator.random(4) < 0.5
    if window:
        x, y = generator.uniform(-1.0, 0.5), generator.uniform(-1.0, -0.7)
        sky = _shade((150, 200, 240), generator.uniform(0.6, 1.6))
        pen.box(x, y, x + 0.6, y + 0.75, WHITE)
        pen.box(x + 0.06, y + 0.06, x + 0.54, y + 0.69, sky, edge=False)
        pen.line([(x + 0.3, y), (x + 0.3, y + 0.75)], 0.04, WHITE)
    if picture:
        x, y = generator.uniform(-0.9, 0.6), generator.uniform(-0.9, -0.4)
        pen.box(x, y, x + 0.35, y + 0.28, _shade((110, 80, 50), 0.9))
        pen.box(x + 0.05, y + 0.05, x + 0.3, y + 0.23, _any_colour(generator), edge=False)
    if shelf:
        x, y = generator.uniform(-1.0, 0.2), generator.uniform(-0.5, 0.1)
        pen.box(x, y, x + 0.8, y + 0.06, _shade((140, 100, 60), 0.9))
        for step in range(5):
            left = x + 0.08 + 0.13 * step
            high = generator.uniform(0.12, 0.26)
            pen.box(left, y - high, left + 0.1, y, _shade(_any_colour(generator), 1.4), edge=False)
    if cupboard:
        x = generator.choice([-1.15, 0.45])
        wood = _shade(_any_colour(generator, DULL), 1.5)
        pen.box(x, edge - 0.35, x + 0.7, edge + 0.25, wood)
        pen.line([(x + 0.35, edge - 0.35), (x + 0.35, edge + 0.25)], 0.03, _shade(wood, 0.6))


def draw_object(kind: str, generator: np.random.Generator, size: int = SIZE) -> np.ndarray:
    """Return one thing somewhere before a room or a plain ground, (size, size, 3) uint8.

    See `draw_objects`.
    """
    return draw_objects((kind,), generator, size)


def draw_objects(
    kinds: Sequence[str], generator: np.random.Generator, size: int = SIZE
) -> np.ndarray:
    """Return things side by side before a room or a plain ground, (size, size, 3) uint8.

    The style is wider than in `draw_frames`: any colour, stronger poses and stretches, other
    grounds; still or caught in movement.

    Args:
        kinds: of KINDS.
        generator: of everything that is left to chance.
        size: pixels, each way.

    Raises:
        ValueError: there is no such kind.
    """
    if unknown := [kind for kind in kinds if kind not in DRAWERS]:
        raise ValueError(f"nobody can draw {unknown[0]!r}; choose one of: {', '.join(KINDS)}")
    if generator.random() < 0.6:
        picture = _draw_room(generator, size)
    else:
        corners = np.array([_any_colour(generator, (0.0, 0.9)) for _ in range(2)], dtype=np.float32)
        slope = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
        picture = np.tile(corners[0] * slope + corners[1] * (1 - slope), (1, size, 1))
    for kind, ((middle, width),) in zip(kinds, _divide(len(kinds), 1, generator), strict=True):
        look = _draw_look(kind, generator, wide=True)
        beat = None if generator.random() < 0.5 else float(generator.random())
        extent = round(size * generator.uniform(0.4, 0.95) * (0.55 + 0.45 * width))
        free = max(size * width - 0.75 * extent, 4.0)
        left = size * middle - extent / 2 + free * generator.uniform(-0.5, 0.5)
        top = generator.uniform(-extent / 8, size - extent * 7 / 8)
        _paste(picture, _sprite(kind, replace(look, beat=beat), extent), round(left), round(top))
    picture += generator.normal(0, generator.uniform(0, 9), picture.shape)
    return np.clip(picture * generator.uniform(0.75, 1.15), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class _Actor:
    """A thing in a clip: its pictures at rest and in movement, and when it is seen and moves.

    `places` are its top left corners (pixels), `shown` whether it is seen, one for each camera;
    `appears` is when, `spans` from when to when it moves (seconds), `rate` cycles a second and
    `stroll` how far it wanders meanwhile (pixels).
    """

    rest: np.ndarray
    moving: tuple[np.ndarray, ...]
    places: tuple[tuple[int, int], ...]
    shown: tuple[bool, ...]
    appears: float
    spans: tuple[tuple[float, float], ...]
    rate: float
    stroll: float


def _cast(
    kind: str,
    spans: list[tuple[float, float]],
    seconds: float,
    slots: np.ndarray,
    generator: np.random.Generator,
) -> _Actor:
    """Return a thing that moves in spans, or out of step with them.

    Args:
        kind: of thing.
        spans: from when to when it sounds, in seconds.
        seconds: how long the clip is.
        slots: (cameras, 2) float64, the middle and the width of its place, see `_divide`.
        generator: of everything that is left to chance.
    """
    look, cameras = _draw_look(kind, generator, wide=False), len(slots)
    extent = round(SIZE * generator.uniform(0.45, 0.75) * (0.55 + 0.45 * slots[0, 1]))
    free = np.maximum(slots[:, 1] * SIZE - extent, 4.0)
    middle = slots[:, 0] * SIZE + free * generator.uniform(-0.5, 0.5, cameras)
    bottom = SIZE * generator.uniform(0.66, 1.04, cameras)  # most things stand on something
    places = np.stack([middle - extent / 2, bottom - extent], axis=1).round()
    shown = generator.random(cameras) < (1.0 if cameras == 1 else SEEN_AFTER_CUT)
    shown[generator.integers(cameras)] = True
    appears, shift = 0.0, 0.0
    if generator.random() < OUT_OF_STEP:
        if generator.random() < 0.5:
            appears = generator.uniform(0.2, 0.6) * seconds
        else:
            shift = generator.uniform(-LARGEST_SHIFT, LARGEST_SHIFT)
    beats = (np.arange(BEATS) / BEATS).tolist()
    return _Actor(
        rest=_sprite(kind, look, extent),
        moving=tuple(_sprite(kind, replace(look, beat=beat), extent) for beat in beats),
        places=tuple((int(left), int(top)) for left, top in places),
        shown=tuple(shown.tolist()),
        appears=float(appears),
        spans=tuple((onset + shift, offset + shift) for onset, offset in spans),
        rate=float(generator.uniform(1.8, 3.6)),
        stroll=float(generator.uniform(4, 9)) if kind == "Vacuum_cleaner" else 0.0,
    )


def _divide(things: int, cameras: int, generator: np.random.Generator) -> np.ndarray:
    """Return a place for each thing before each camera, side by side, (things, cameras, 2).

    The last axis holds the middle and the width of the place as shares of the picture's width.
    """
    order = [generator.permutation(things) for _ in range(cameras)]
    width = 1 / max(things, 1)
    middle = (np.array(order).reshape(cameras, things).T + 0.5) * width
    return np.stack([middle, np.full_like(middle, width)], axis=2)


def _act(actor: _Actor, time: float, camera: int, picture: np.ndarray) -> None:
    """Draw a thing into the picture of one moment, in place."""
    if not actor.shown[camera] or time < actor.appears:
        return
    left, top = actor.places[camera]
    if any(onset <= time < offset for onset, offset in actor.spans):
        beat = int(time * actor.rate * BEATS) % BEATS
        left += round(actor.stroll * np.sin(2 * time))
        _paste(picture, actor.moving[beat], left, top)
    else:
        _paste(picture, actor.rest, left, top)


def draw_frames(events: list[Event], seconds: float, seed: int, times: np.ndarray) -> np.ndarray:
    """Return the pictures of a clip at some times, (len(times), 64, 64, 3) uint8.

    A picture depends on its time only, not on which others are asked for.

    Args:
        events: (class, onset, offset in seconds), the classes among CLASSES.
        seconds: how long the clip is.
        seed: of everything that is left to chance.
        times: (n,) in seconds.

    Raises:
        ValueError: an event's class is none of CLASSES.
    """
    generator = np.random.default_rng(seed)
    spans: dict[str, list[tuple[float, float]]] = {}
    for label, onset, offset in events:
        if label not in CLASSES:
            raise ValueError(f"nobody can draw {label!r}; choose one of: {', '.join(CLASSES)}")
        spans.setdefault(label, []).append((onset, offset))
    cuts = np.sort(generator.uniform(0.1, 0.9, generator.integers(1, 3))) * seconds
    cuts = cuts if generator.random() < CUT else cuts[:0]
    rooms = [_draw_room(generator, SIZE) for _ in range(len(cuts) + 1)]
    seen = [label for label in sorted(spans) if generator.random() >= OFF_SCREEN]
    silent = [kind for kind in KINDS if kind not in spans]
    if generator.random() < DISTRACTOR:
        seen.append(silent[generator.integers(len(silent))])
    cast = [
        _cast(kind, spans.get(kind, []), seconds, slots, generator)
        for kind, slots in zip(seen, _divide(len(seen), len(rooms), generator), strict=True)
    ]
    grain = generator.normal(0, generator.uniform(1, 4), (8, SIZE, SIZE, 1)).astype(np.float32)
    frames = np.empty((len(times), SIZE, SIZE, 3), dtype=np.uint8)
    for index, time in enumerate(np.asarray(times, dtype=np.float64).tolist()):
        camera = int(np.searchsorted(cuts, time, side="right"))
        picture = rooms[camera].copy()
        for actor in cast:
            _act(actor, time, camera, picture)
        picture += grain[int(time * GRAIN_RATE) % len(grain)]
        frames[index] = np.clip(picture, 0, 255, out=picture)
    return frames
