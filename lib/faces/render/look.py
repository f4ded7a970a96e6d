"""What the rendered people look like: colours, hair, brows, beard; drawn, for ICT-FaceKit has none.

Heights and widths are in the unit of the model, about a centimetre: brows are at a height of 6, the
crown at 14.5, the ears' middle at 1. Colours are (3,) float64 sRGB from 0 to 255.
"""

from dataclasses import dataclass

import numpy as np

SKIN = np.array(  # from pale to dark
    [(244, 214, 194), (236, 195, 166), (217, 168, 133), (180, 126, 90), (133, 88, 61), (86, 56, 43)]
)
HAIR = np.array(
    [
        *((24, 20, 19), (48, 32, 24), (84, 56, 36), (124, 78, 44)),  # black to chestnut
        *((200, 160, 102), (158, 74, 34), (158, 156, 152)),  # blond, red, grey
    ]
)
IRIS = np.array(  # from dark brown over hazel and green to grey
    [(46, 26, 16), (84, 50, 26), (118, 92, 48), (88, 116, 74), (74, 116, 160), (122, 138, 148)]
)
GLASSES = np.array([(20, 20, 22), (110, 28, 24), (28, 46, 96), (190, 186, 180), (96, 70, 40)])
LIPSTICK = np.array((176, 48, 62))
HAIR_OF_DARK_SKIN = (0.6, 0.26, 0.04, 0, 0, 0, 0.1)  # shares of the colours
HAIR_OF_LIGHT_SKIN = (0.14, 0.18, 0.16, 0.14, 0.18, 0.1, 0.1)
BALD, CROPPED, SHORT, FULL, LONG = range(5)
STYLES_OF_WOMEN = (0.0, 0.06, 0.2, 0.24, 0.5)  # shares of the styles
STYLES_OF_MEN = (0.2, 0.2, 0.28, 0.27, 0.05)
DENSITY, VOLUME = (0.0, 0.55, 1.0, 1.0, 1.0), (0.0, 0.02, 0.3, 0.8, 0.8)  # of the styles
CLEAN, MOUSTACHE, FULL_BEARD, CHIN_BEARD = range(4)
BEARDS = (0.3, 0.2, 0.35, 0.15)  # shares among those who may have one
SHORT_HAIR = 9.0  # a height to which hair falls that shows nowhere
STRANDS = 121  # numbers across the hair, one each 0.2


@dataclass(frozen=True, eq=False)
class Colours:
    """The colours of a person."""

    skin: np.ndarray
    lips: np.ndarray
    hair: np.ndarray
    brows: np.ndarray
    iris: np.ndarray
    glasses: np.ndarray


@dataclass(frozen=True)
class Hair:
    """The hair on the scalp."""

    line: float  # height at the middle of the forehead
    recession: float  # by how much the line is higher at the temples
    density: float  # 0 bald, 1 full
    volume: float  # how far it stands off
    length: float  # height down to which it falls; SHORT_HAIR where it does not
    fade: float  # how far it is cropped at the sides, 0 to 1


@dataclass(frozen=True)
class Brows:
    """The eyebrows."""

    width: float
    lift: float  # above the brows' landmarks
    arch: float
    density: float


@dataclass(frozen=True)
class Beard:
    """The hair on the face, each 0 to 1."""

    stubble: float
    moustache: float
    beard: float


@dataclass(frozen=True, eq=False)
class Look:
    """What one person looks like; strengths are 0 to 1.

    `spots` (v,) float32 is noise of the vertices, `strands` (121,) noise across the hair.
    """

    colours: Colours
    hair: Hair
    brows: Brows
    beard: Beard
    blush: float
    eye_line: float
    freckles: float
    glasses: bool
    spots: np.ndarray
    strands: np.ndarray


def draw_look(generator: np.random.Generator, vertices: int) -> Look:
    """Return a person's look, in which skin, hair and eyes go together."""
    darkness = generator.beta(0.9, 1.1)
    dark, skin = darkness > 0.55, _skin(darkness, generator)
    shares = HAIR_OF_DARK_SKIN if dark else HAIR_OF_LIGHT_SKIN
    hair = HAIR[generator.choice(len(HAIR), p=shares)] * generator.uniform(0.85, 1.15)
    iris = IRIS[generator.choice(2 if dark else 6)] * generator.uniform(0.85, 1.15)
    woman = generator.random() < 0.5
    lips = _lips(skin, generator.uniform(*((0.25, 1.0) if woman else (0.0, 0.45))))
    style = generator.choice(5, p=STYLES_OF_WOMEN if woman else STYLES_OF_MEN)
    bearded = not woman and generator.random() < 0.6
    beard = generator.choice(4, p=BEARDS)
    brows = hair * generator.uniform(0.6, 0.95) if hair.mean() > 60 else hair
    glasses = GLASSES[generator.choice(len(GLASSES))]
    return Look(
        Colours(skin, lips, hair, brows, iris, glasses),
        _draw_hair(style, woman, generator),
        _draw_brows(woman, generator),
        _draw_beard(beard if bearded else CLEAN, woman, generator),
        blush=generator.uniform(0.0, 0.6),
        eye_line=generator.uniform(*((0.3, 1.0) if woman else (0.0, 0.3))),
        freckles=_draw_freckles(darkness, generator),
        glasses=generator.random() < 0.15,
        spots=generator.standard_normal(vertices).astype(np.float32),
        strands=generator.standard_normal(STRANDS),
    )


def _skin(darkness: float, generator: np.random.Generator) -> np.ndarray:
    """Return a colour of the skin near the palette's at `darkness`, 0 to 1."""
    steps = np.linspace(0, 1, len(SKIN))
    colour = np.array([np.interp(darkness, steps, channel) for channel in SKIN.T])
    return colour * generator.uniform(0.95, 1.05) + generator.normal(0, 4, 3) * (1, 0.6, 1)


def _lips(skin: np.ndarray, redness: float) -> np.ndarray:
    """Return the colour of the lips: the skin's, reddened by 0 to 1."""
    pale = skin * (0.86, 0.68, 0.70)
    return pale * (1 - redness) + LIPSTICK * redness * (0.55 + 0.45 * skin[0] / 250)


def _draw_hair(style: int, woman: bool, generator: np.random.Generator) -> Hair:
    return Hair(
        line=generator.uniform(8.3, 10.4),
        recession=generator.uniform(-0.6, 1.0 if woman else 2.2),
        density=DENSITY[style],
        volume=VOLUME[style] * generator.uniform(0.7, 1.4),
        length=generator.uniform(-11, -1) if style == LONG else SHORT_HAIR,
        fade=generator.uniform(*((0.3, 1.0) if style in (CROPPED, SHORT) else (0, 0.3))),
    )


def _draw_brows(woman: bool, generator: np.random.Generator) -> Brows:
    return Brows(
        width=generator.uniform(*((0.22, 0.5) if woman else (0.36, 0.75))),
        lift=generator.uniform(-0.25, 0.3),
        arch=generator.uniform(-0.25, 0.4),
        density=generator.uniform(0.6, 1.0),
    )


def _draw_beard(kind: int, woman: bool, generator: np.random.Generator) -> Beard:
    stubble = 0.0 if woman else generator.uniform(0.0, 0.45)
    moustache, beard = generator.uniform(0.75, 1), generator.uniform(0.7, 1)
    return Beard(
        stubble,
        moustache if kind in (MOUSTACHE, FULL_BEARD) else 0.0,
        beard if kind in (FULL_BEARD, CHIN_BEARD) else 0.0,
    )


def _draw_freckles(darkness: float, generator: np.random.Generator) -> float:
    """Return how strong the freckles are; one in five of the lighter people has some."""
    if generator.random() >= 0.2 or darkness >= 0.5:
        return 0.0
    return generator.uniform(0.5, 1.0)
