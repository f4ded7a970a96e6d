"""What differs between two photographs of the same person with the same expression.

Pose, light, gaze and background belong to a sequence; from frame to frame they move a little.
"""

from dataclasses import dataclass, fields

import numpy as np

from lib.faces.datasets.drawn_expressions import ACTION_UNITS

FRAME_TO_FRAME = 0.12  # of the spread between sequences
LEFT_OUT = 0.12  # how often a minor action unit does not take part
NOISE = 0.012  # of a pixel's value, standard deviation


@dataclass(frozen=True, eq=False)
class Nuisance:
    """Of n images, float32; (n,) unless a shape is given.

    Angles are radians, shifts in half heads (see drawn_people); `light` (n, 2) is where the light
    comes from (0 is the camera, negative is left or above), `background` (n, 2, 3) the colours
    between which it changes and `background_wave` (n, 2) direction and phase of that change.
    `manner` (n, 17) is how strongly each action unit takes part.
    """

    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray
    shift: np.ndarray  # (n, 2)
    zoom: np.ndarray
    gaze: np.ndarray  # (n, 2)
    light: np.ndarray
    ambient: np.ndarray
    exposure: np.ndarray
    warmth: np.ndarray
    background: np.ndarray
    background_wave: np.ndarray
    manner: np.ndarray

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.yaw)

    def take(self, rows: np.ndarray | slice) -> "Nuisance":
        """Return the nuisance of these images, in this order."""
        return Nuisance(*(getattr(self, field.name)[rows] for field in fields(self)))


def studio(count: int) -> Nuisance:
    """Return the same picture-taking for all: frontal, light from above the camera, grey wall."""
    plain: dict[str, float | list] = {
        **{"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "shift": [0.0, 0.0], "zoom": 1.0},
        **{"gaze": [0.0, 0.0], "light": [-0.2, -0.35], "ambient": 0.5, "exposure": 1.0},
        **{"warmth": 0.0, "background": [[0.6] * 3, [0.6] * 3], "background_wave": [0.0, 0.0]},
        "manner": [1.0] * len(ACTION_UNITS),
    }
    return Nuisance(
        **{name: np.array([value] * count, np.float32) for name, value in plain.items()}
    )


def nuisance(people: np.ndarray, sequences: np.ndarray, frames: np.ndarray, seed: int) -> Nuisance:
    """Return the nuisance of these frames of these sequences of these people.

    Args:
        people, sequences, frames: (n,) int, 0 or more.
        seed: 0 or more.
    """
    keys = np.stack([people, sequences], axis=1)
    distinct, places = np.unique(keys, axis=0, return_inverse=True)
    shots = [_sequence(np.random.default_rng([seed, 1, *map(int, key)])) for key in distinct]
    rows = []
    for place, key in zip(places.ravel(), zip(people, sequences, frames, strict=True), strict=True):
        generator = np.random.default_rng([seed, 2, *map(int, key)])
        rows.append(_moved(shots[place], generator))
    return Nuisance(**{name: np.array([row[name] for row in rows], np.float32) for name in rows[0]})


def sensor_noise(
    people: np.ndarray, sequences: np.ndarray, frames: np.ndarray, seed: int, size: int
) -> np.ndarray:
    """Return the noise of each frame, (n, size, size, 3) float32, to be added to values in 0..1.

    Args:
        people, sequences, frames: (n,) int, 0 or more.
        seed: 0 or more.
        size: side of the image in pixels.
    """
    noise = np.empty((len(people), size, size, 3), dtype=np.float32)
    for row, key in enumerate(zip(people, sequences, frames, strict=True)):
        generator = np.random.default_rng([seed, 3, *map(int, key)])
        generator.standard_normal(dtype=np.float32, out=noise[row])
    noise *= NOISE
    return noise


Shot = dict[str, float | np.ndarray]


def _pose(generator: np.random.Generator) -> Shot:
    """Return pose and gaze."""
    z = generator.standard_normal(8)
    return {
        "yaw": np.clip(0.10 * z[0], -0.25, 0.25),
        "pitch": np.clip(0.06 * z[1], -0.15, 0.15),
        "roll": 0.035 * z[2],
        "shift": 0.018 * z[3:5],
        "zoom": 1 + np.clip(0.025 * z[5], -0.06, 0.06),
        "gaze": np.clip(z[6:8] * [0.25, 0.12], -0.6, 0.6),
    }


def _sequence(generator: np.random.Generator) -> Shot:
    """Return all of one sequence."""
    pose, z = _pose(generator), generator.standard_normal(5)
    first = generator.uniform(0.25, 0.80) + generator.normal(0, 0.055, 3)
    second = first + generator.uniform(-0.22, 0.22) + generator.normal(0, 0.03, 3)
    manner = np.exp(0.12 * generator.standard_normal(len(ACTION_UNITS)))
    manner *= generator.random(len(ACTION_UNITS)) >= LEFT_OUT
    return {
        **pose,
        "light": np.clip([0.45 * z[0], -0.35 + 0.25 * z[1]], -0.9, 0.9),
        "ambient": np.clip(0.50 + 0.07 * z[2], 0.3, 0.7),
        "exposure": np.clip(1 + 0.10 * z[3], 0.7, 1.3),
        "warmth": 0.02 * z[4],
        "background": np.stack([first, second]),
        "background_wave": generator.uniform(0, 2 * np.pi, 2),
        "manner": manner,
    }


def _moved(shot: Shot, generator: np.random.Generator) -> Shot:
    """Return a frame of a sequence: head and eyes have moved a little."""
    jitter = _pose(generator)
    jitter["zoom"] = jitter["zoom"] - 1
    return shot | {name: shot[name] + FRAME_TO_FRAME * jitter[name] for name in jitter}
