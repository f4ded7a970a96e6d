"""Drawn people: everything in a drawn face that stays the same when the expression changes.

Lengths are in half heads: the head is about 1.2 wide and 1.7 high, x grows to the right and y
downwards, and the origin lies a little below the eyes.
"""

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from lib.faces.datasets.drawn_expressions import ACTION_UNITS

SKINS = np.array(
    [
        *([1.0, 0.875, 0.79], [0.96, 0.79, 0.66], [0.89, 0.69, 0.53]),
        *([0.77, 0.54, 0.38], [0.57, 0.37, 0.25], [0.40, 0.26, 0.19]),
    ]
)
HAIRS = np.array(
    [
        *([0.06, 0.05, 0.05], [0.16, 0.10, 0.07], [0.30, 0.18, 0.10], [0.55, 0.36, 0.18]),
        *([0.80, 0.64, 0.38], [0.55, 0.20, 0.09]),
    ]
)
GREY = np.array([0.64, 0.63, 0.62])
IRISES = np.array(
    [
        *([0.20, 0.11, 0.06], [0.32, 0.20, 0.10], [0.25, 0.38, 0.20]),
        *([0.24, 0.40, 0.55], [0.40, 0.48, 0.52]),
    ]
)
LIGHT_SKIN_HAIR = (0.18, 0.26, 0.26, 0.13, 0.10, 0.07)  # how often each of HAIRS goes with it
DARK_SKIN_HAIR = (0.66, 0.30, 0.04, 0.0, 0.0, 0.0)
DARK_SKIN = 0.55  # of the scale of SKINS; from here on hair and irises are dark
GREY_AGE = 0.62  # of the scale of age
FRECKLES = 14


class Hairstyle(NamedTuple):
    """How hair lies: the hairline is `line + slope x + arch x^2 + wave sin(waves x)`."""

    women: float  # how often
    men: float
    line: float  # lower than the person's hairline
    slope: float  # to the side of the parting
    arch: float  # how much lower at the temples
    wave: float  # height of the strands of a fringe
    waves: float  # their frequency
    volume: float  # how far it stands off the head
    curl: float  # height of the curls on its outline
    sides: float  # how far down it covers the ears
    back: float  # how far down it hangs behind
    strip: float  # where it begins at the sides, as a share of the half width of the face
    bun: float = 0.0
    coverage: float = 1.0


HAIRSTYLES = {
    "bald": Hairstyle(0.00, 0.13, 0, 0, 0, 0, 1, 0, 0, -0.2, -0.2, 1.0, coverage=0.0),
    "cropped": Hairstyle(0.03, 0.25, -0.08, 0, 0.55, 0.006, 30, 0.03, 0, -0.10, -0.05, 0.95),
    "quiff": Hairstyle(0.03, 0.14, -0.12, 0.05, 0.40, 0.02, 16, 0.10, 0, -0.08, -0.05, 0.95),
    "parted": Hairstyle(0.06, 0.22, 0.02, 0.24, 0.30, 0.008, 24, 0.07, 0, -0.02, 0.02, 0.94),
    "fringe": Hairstyle(0.17, 0.10, 0.17, 0, 0.25, 0.03, 17, 0.08, 0, 0.12, 0.25, 0.92),
    "long": Hairstyle(0.25, 0.03, -0.03, 0.10, 1.10, 0.01, 11, 0.09, 0, 0.90, 1.20, 0.84),
    "bob": Hairstyle(0.17, 0.00, 0.10, 0.16, 0.45, 0.01, 15, 0.11, 0, 0.45, 0.50, 0.84),
    "curly": Hairstyle(0.17, 0.13, 0.03, 0, 0.35, 0.04, 21, 0.13, 0.035, 0.05, 0.35, 0.93),
    "bun": Hairstyle(0.12, 0.00, -0.06, 0.05, 0.55, 0.004, 25, 0.03, 0, 0.05, 0.02, 0.95, bun=1.0),
}


@dataclass(frozen=True, eq=False)
class People:
    """n drawn people, float32; (n,) unless a shape is given.

    Colours are (n, 3) in 0..1. Amounts (beards, freckles, glasses, ...) are 0 for none and 1 for
    full. `gain` and `rest` (n, 17) say how strongly a person moves each of ACTION_UNITS and how
    much of it the face at rest shows; `side` is -1 or 1, the side of a one-sided smile.
    """

    melanin: np.ndarray
    age: np.ndarray
    skin: np.ndarray
    hair: np.ndarray
    iris: np.ndarray
    shirt: np.ndarray
    face_width: np.ndarray
    crown: np.ndarray
    chin: np.ndarray
    jaw_taper: np.ndarray
    squareness: np.ndarray
    ears: np.ndarray
    eye_distance: np.ndarray
    eye_width: np.ndarray
    eye_opening: np.ndarray
    eye_tilt: np.ndarray
    lid_crease: np.ndarray
    lashes: np.ndarray
    brow_height: np.ndarray
    brow_thickness: np.ndarray
    brow_arch: np.ndarray
    brow_slope: np.ndarray
    brow_gap: np.ndarray
    brow_length: np.ndarray
    nose_length: np.ndarray
    nose_width: np.ndarray
    nose_bridge: np.ndarray
    nose_relief: np.ndarray
    mouth_height: np.ndarray
    mouth_width: np.ndarray
    upper_lip: np.ndarray
    lower_lip: np.ndarray
    mouth_corners: np.ndarray
    lip_colour: np.ndarray
    stubble: np.ndarray
    moustache: np.ndarray
    goatee: np.ndarray
    full_beard: np.ndarray
    hairline: np.ndarray
    parting: np.ndarray
    hair_line: np.ndarray
    hair_slope: np.ndarray
    hair_arch: np.ndarray
    hair_wave: np.ndarray
    hair_waves: np.ndarray
    hair_volume: np.ndarray
    hair_curl: np.ndarray
    hair_sides: np.ndarray
    hair_back: np.ndarray
    hair_strip: np.ndarray
    hair_bun: np.ndarray
    hair_coverage: np.ndarray
    hair_phases: np.ndarray  # (n, 5)
    glasses: np.ndarray
    glasses_corners: np.ndarray
    glasses_frame: np.ndarray  # (n, 3)
    freckles: np.ndarray
    freckle_places: np.ndarray  # (n, 14, 2), each in -1..1
    mole: np.ndarray
    mole_place: np.ndarray  # (n, 2)
    gain: np.ndarray  # (n, 17)
    rest: np.ndarray  # (n, 17)
    side: np.ndarray

    def __len__(self) -> int:
        """Return the number of people."""
        return len(self.age)

    def take(self, rows: np.ndarray | slice) -> "People":
        """Return these people, in this order."""
        return People(*(getattr(self, field.name)[rows] for field in fields(self)))


def people(numbers: np.ndarray, seed: int) -> People:
    """Return the people with these numbers: the same number and seed are the same person.

    Args:
        numbers: (n,) int, 0 or more.
        seed: 0 or more.
    """
    distinct, places = np.unique(np.asarray(numbers, dtype=np.int64), return_inverse=True)
    rows = [_person(np.random.default_rng([seed, 0, int(number)])) for number in distinct]
    columns = {
        field.name: np.array([row[field.name] for row in rows], dtype=np.float32)
        for field in fields(People)
    }
    return People(**columns).take(places)


Traits = dict[str, float | np.ndarray]


def _person(generator: np.random.Generator) -> Traits:
    """Return one person: parts are drawn one after the other from the same generator."""
    woman = bool(generator.random() < 0.5)
    melanin, age = float(generator.beta(1.1, 1.4)), float(generator.beta(1.2, 2.2))
    return {
        "melanin": melanin,
        "age": age,
        **_colours(generator, melanin, age),
        **_head(generator, woman),
        **_eyes(generator, woman),
        **_brows(generator, woman),
        **_nose(generator),
        **_mouth(generator, woman, melanin),
        **_beard(generator, woman),
        **_hairstyle(generator, woman),
        **_extras(generator, melanin),
        **_habits(generator),
    }


def _colours(generator: np.random.Generator, melanin: float, age: float) -> Traits:
    """Return skin, hair, irises and shirt: dark skin has dark hair and irises, age grey hair."""
    scale = melanin * (len(SKINS) - 1)
    skin = np.array([np.interp(scale, np.arange(len(SKINS)), channel) for channel in SKINS.T])
    dark = melanin > DARK_SKIN
    hair = HAIRS[generator.choice(len(HAIRS), p=DARK_SKIN_HAIR if dark else LIGHT_SKIN_HAIR)]
    hair = GREY if age > GREY_AGE else hair
    iris = IRISES[generator.integers(2 if dark else len(IRISES))]
    return {
        "skin": skin * generator.uniform(0.96, 1.04) + generator.normal(0, 0.012, 3),
        "hair": hair * generator.uniform(0.85, 1.15),
        "iris": iris,
        "shirt": generator.uniform(0.1, 0.8, 3),
    }


def _head(generator: np.random.Generator, woman: bool) -> Traits:
    """Return the outline of head and jaw, and the ears."""
    z = generator.standard_normal(5)
    return {
        "face_width": 0.60 + 0.040 * z[0],
        "crown": 0.80 + 0.03 * z[1],
        "chin": 0.85 + 0.035 * z[2],
        "jaw_taper": np.clip(0.32 + 0.10 * z[3] - 0.07 * (not woman), 0.08, 0.5),
        "squareness": np.clip(2.25 + 0.18 * z[4], 1.9, 2.7),
        "ears": generator.uniform(0.06, 0.12),
    }


def _eyes(generator: np.random.Generator, woman: bool) -> Traits:
    """Return place and form of the eyes."""
    z = generator.standard_normal(4)
    return {
        "eye_distance": 0.265 + 0.022 * z[0],
        "eye_width": 0.128 + 0.012 * z[1],
        "eye_opening": np.clip(0.052 + 0.009 * z[2], 0.030, 0.080),
        "eye_tilt": 0.006 + 0.012 * z[3],
        "lid_crease": generator.uniform(0, 1),
        "lashes": float(woman) * generator.uniform(0.4, 1),
    }


def _brows(generator: np.random.Generator, woman: bool) -> Traits:
    """Return place and form of the brows."""
    z = generator.standard_normal(6)
    return {
        "brow_height": -0.245 + 0.022 * z[0],
        "brow_thickness": np.clip(0.031 + 0.011 * z[1] - 0.008 * woman, 0.012, 0.06),
        "brow_arch": 0.030 + 0.014 * z[2],
        "brow_slope": 0.016 * z[3],
        "brow_gap": 0.115 + 0.018 * z[4],
        "brow_length": 0.31 + 0.02 * z[5],
    }


def _nose(generator: np.random.Generator) -> Traits:
    """Return length and form of the nose."""
    z = generator.standard_normal(4)
    return {
        "nose_length": 0.30 + 0.030 * z[0],
        "nose_width": np.clip(0.100 + 0.016 * z[1], 0.06, 0.15),
        "nose_bridge": np.clip(0.05 + 0.012 * z[2], 0.025, 0.09),
        "nose_relief": np.clip(0.11 + 0.022 * z[3], 0.05, 0.18),
    }


def _mouth(generator: np.random.Generator, woman: bool, melanin: float) -> Traits:
    """Return place and form of the mouth at rest."""
    z = generator.standard_normal(5)
    return {
        "mouth_height": 0.50 + 0.022 * z[0],
        "mouth_width": np.clip(0.205 + 0.022 * z[1], 0.14, 0.27),
        "upper_lip": np.clip(0.034 + 0.011 * z[2] + 0.008 * melanin, 0.012, 0.07),
        "lower_lip": np.clip(0.047 + 0.013 * z[3] + 0.010 * melanin, 0.02, 0.09),
        "mouth_corners": 0.008 * z[4],
        "lip_colour": generator.uniform(0.15, 0.75) * (1.2 if woman else 0.7),
    }


def _beard(generator: np.random.Generator, woman: bool) -> Traits:
    """Return the beard: none in women and in nearly half of the men."""
    kind = generator.choice(5, p=[0.45, 0.2, 0.12, 0.13, 0.1])
    kind = 0 if woman else int(kind)
    return {
        "stubble": float(kind == 1),
        "moustache": float(kind >= 2),
        "full_beard": float(kind == 3),
        "goatee": float(kind == 4),
    }


def _hairstyle(generator: np.random.Generator, woman: bool) -> Traits:
    """Return one of HAIRSTYLES on a hairline of one's own."""
    often = np.array([style.women if woman else style.men for style in HAIRSTYLES.values()])
    style = list(HAIRSTYLES.values())[generator.choice(len(often), p=often / often.sum())]
    own = {f"hair_{name}": value for name, value in style._asdict().items()}
    del own["hair_women"], own["hair_men"]
    return {
        **own,
        "hair_volume": style.volume * generator.uniform(0.7, 1.3),
        "hairline": -0.50 + 0.045 * generator.standard_normal(),
        "parting": generator.choice([-1.0, 1.0]),
        "hair_phases": generator.uniform(0, 2 * np.pi, 5),
    }


def _extras(generator: np.random.Generator, melanin: float) -> Traits:
    """Return glasses, freckles and a mole, each for some people only."""
    return {
        "glasses": float(generator.random() < 0.26),
        "glasses_corners": generator.choice([2.0, 5.0]),  # round or with corners
        "glasses_frame": generator.uniform(0, 0.35, 3),
        "freckles": float(generator.random() < 0.18 and melanin < 0.5),
        "freckle_places": generator.uniform(-1, 1, (FRECKLES, 2)),
        "mole": float(generator.random() < 0.22),
        "mole_place": generator.uniform([-0.42, 0.10], [0.42, 0.62]),
    }


def _habits(generator: np.random.Generator) -> Traits:
    """Return how strongly a person moves each action unit, and which side of the mouth leads."""
    return {
        "gain": np.exp(0.22 * generator.standard_normal(len(ACTION_UNITS))),
        "rest": np.abs(0.06 * generator.standard_normal(len(ACTION_UNITS))),
        "side": generator.choice([-1.0, 1.0]),
    }
