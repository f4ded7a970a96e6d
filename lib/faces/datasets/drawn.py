"""Drawn faces: the embedded rung of Part II, which needs no data at all.

Who is drawn (drawn_people), what the face does (drawn_expressions) and how the photograph is taken
(drawn_nuisance) are drawn apart, so that each is known exactly and can be varied alone.
"""

import numpy as np

from lib.faces.data import EXPRESSIONS, NEUTRAL, Requests
from lib.faces.datasets.drawn_expressions import ACTION_UNITS, STRONGEST, actions
from lib.faces.datasets.drawn_nuisance import Nuisance, nuisance, sensor_noise
from lib.faces.datasets.drawn_people import People, people
from lib.faces.datasets.drawn_picture import develop, paint
from lib.faces.datasets.drawn_shape import eye_centres

SMALLEST = 16  # pixels; below it a face has no features left
CHUNK_PIXELS = 40_000  # drawn at once: what is computed stays in the processor's cache


def render(requests: Requests, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the faces asked for, and where their eyes are.

    Each image depends on its own row and the seed alone: drawn in another company it has the same
    bytes.

    Args:
        requests: whom to draw, and how.
        size: side of the images in pixels, 16 or more.

    Returns:
        images: (n, size, size, 3) uint8, RGB.
        eyes: (n, 2, 2) float32, (x, y) of the centres of the eye openings, the one on the left of
            the picture first; in pixels from the upper left corner of the picture, so the centre
            of the first pixel is at (0.5, 0.5).

    Raises:
        ValueError: an array or a number is not as Requests says.
    """
    _check(requests)
    _check_size(size)
    count = len(requests.people)
    images = np.empty((count, size, size, 3), dtype=np.uint8)
    eyes = np.empty((count, 2, 2), dtype=np.float32)
    if count == 0:
        return images, eyes
    keys = (requests.people, requests.sequences, requests.frames)
    persons, shots = people(requests.people, requests.seed), nuisance(*keys, requests.seed)
    moved = actions(
        *(requests.expressions, requests.intensity),
        *(persons.gain, persons.rest, shots.manner),
    )
    for rows in _chunks(count, size):
        noise = sensor_noise(keys[0][rows], keys[1][rows], keys[2][rows], requests.seed, size)
        part = (persons.take(rows), moved[rows], shots.take(rows))
        images[rows] = develop(paint(*part, size) + noise.transpose(0, 3, 1, 2))
        eyes[rows] = eye_centres(*part, size)
    return images, eyes


def draw(persons: People, moved: np.ndarray, shots: Nuisance, size: int) -> np.ndarray:
    """Return n faces without noise, (n, size, size, 3) uint8: for varying one factor at a time.

    Args:
        persons: n people.
        moved: (n, 17) float32, how far each of ACTION_UNITS moves, see `actions`.
        shots: how each photograph is taken; `studio` takes all alike.
        size: side of the images in pixels, 16 or more.

    Raises:
        ValueError: the lengths differ, an action unit is beyond 0..1.25, or the size too small.
    """
    _check_size(size)
    count = len(persons)
    if moved.shape != (count, len(ACTION_UNITS)) or len(shots) != count:
        raise ValueError(
            f"{count} people, action units of shape {moved.shape} and {len(shots)} shots do not "
            f"go together; give as many of each, with {len(ACTION_UNITS)} action units"
        )
    if not bool(((moved >= 0) & (moved <= STRONGEST)).all()):
        raise ValueError(f"action units must be 0 to {STRONGEST}")
    images = np.empty((count, size, size, 3), dtype=np.uint8)
    for rows in _chunks(count, size):
        part = (persons.take(rows), moved[rows].astype(np.float32), shots.take(rows))
        images[rows] = develop(paint(*part, size))
    return images


def _chunks(count: int, size: int) -> list[slice]:
    """Return the rows that are drawn together."""
    step = max(1, CHUNK_PIXELS // size**2)
    return [slice(start, start + step) for start in range(0, count, step)]


def _check_size(size: int) -> None:
    """Raise ValueError if a face of this size cannot be drawn."""
    if size < SMALLEST:
        raise ValueError(f"size is {size}; drawn faces need {SMALLEST} pixels or more")


def _check(requests: Requests) -> None:
    """Raise ValueError if the requests are not as their docstring says."""
    names = ("people", "expressions", "intensity", "sequences", "frames")
    arrays = {name: np.asarray(getattr(requests, name)) for name in names}
    shapes = {name: array.shape for name, array in arrays.items()}
    if len(set(shapes.values())) != 1 or arrays["people"].ndim != 1:
        raise ValueError(f"the arrays of a request must be equally long and flat, not {shapes}")
    for name in ("people", "expressions", "sequences", "frames"):
        if not np.issubdtype(arrays[name].dtype, np.integer):
            raise ValueError(f"{name} must be whole numbers, not {arrays[name].dtype}")
    for name in ("people", "sequences", "frames"):
        if (arrays[name] < 0).any():
            raise ValueError(f"{name} has {arrays[name].min()}; numbers start at 0")
    if requests.seed < 0:
        raise ValueError(f"the seed is {requests.seed}; take 0 or more")
    known = (arrays["expressions"] >= NEUTRAL) & (arrays["expressions"] < len(EXPRESSIONS))
    if not known.all():
        wrong = arrays["expressions"][~known][0]
        raise ValueError(f"expression {wrong} is none of {NEUTRAL} to {len(EXPRESSIONS) - 1}")
    fine = (arrays["intensity"] >= 0) & (arrays["intensity"] <= STRONGEST)  # not a number is not
    if not fine.all():
        wrong = arrays["intensity"][~fine][0]
        raise ValueError(f"intensity {wrong} is not within 0 to {STRONGEST}")
