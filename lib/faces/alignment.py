"""Eyes found, and every face turned, scaled and cut alike (section 4.1).

The paper takes landmarks of CE-CLM, a program whose models are not to be had as a package. The eyes
suffice for a similarity transform, and OpenCV finds them with the Haar cascades that come with it.

Points are (x, y) in pixels from the upper left corner, so that the centre of the first pixel is at
(0.5, 0.5). Left and right are those of the picture.
"""

import contextlib
import itertools
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

# Where the eyes come to lie, as fractions of the side. The chin is 1.8 times the distance of the
# eyes below them, and 2.1 with the jaw dropped: it stays inside, as do brows and both cheeks.
EYE_DISTANCE, EYE_HEIGHT = 0.32, 0.34

TO_INDICES = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])  # of pixels, as OpenCV counts
LEAST_SIDE = 48  # pixels of a photograph; a face below that shows no expression
SEARCH_SIDES = 320, 640  # the longer side is brought between them: less is coarse, more is slow
MARGIN = 0.15  # of the shorter side, around the photograph: a face may touch its border
LEAST_FACE = 60  # pixels, while searching
FACE_SIDE = 240  # pixels to which a face is brought before its eyes are searched
UPPER = 0.65  # of the face, where eyes can be
EYE_SIZES = 28, 100  # pixels, of the boxes that the cascades give
FACES = (  # cascades in the order tried, and how many overlapping hits make a face
    ("haarcascade_frontalface_alt2.xml", 3),
    ("haarcascade_frontalface_alt2.xml", 1),
    ("haarcascade_frontalface_default.xml", 1),
    ("haarcascade_frontalface_alt.xml", 1),
)
TURNS = (0, 30, -30, 90, -90, 180)  # degrees: upright faces are found up to 25 off
EYES = ("haarcascade_eye.xml", "haarcascade_eye_tree_eyeglasses.xml")
EYE_HITS = 1  # plausibility sorts them out
CENTRE = 0.54, 0.51  # of a box: measured on faces whose eyes are known
USUAL = np.array([[0.30, 0.41], [0.70, 0.41]])  # where the eyes are in the box of a face
SPREAD = 0.06, 0.10, 0.25  # usual deviations: place (of the face), tilt (radians), size (logarithm)
LEAST_PLAUSIBLE = -12.0  # a pair about five usual deviations off, of few hits
NEAR = 0.06  # of the face: boxes that close together show the same eye


@dataclass(frozen=True)
class Box:
    """A square that a cascade has found, in pixels, and how many hits it was made of."""

    x: int
    y: int
    side: int
    hits: int

    def point(self, across: float, down: float) -> np.ndarray:
        """Return the place at some fractions of the sides, (2,)."""
        return np.array([self.x + across * self.side, self.y + down * self.side])


@dataclass(frozen=True, eq=False)
class Face:
    """A face: its eyes, (2, 2), the left one first, and how surely it is one.

    `strength` is how strict a cascade found it, and in how many overlapping hits.
    """

    eyes: np.ndarray
    strength: tuple[int, int]


def align_found(image: np.ndarray, side: int) -> np.ndarray:
    """Find the eyes of the one face in a photograph and return it aligned: see the two below."""
    return align(image, find_eyes(image), side)


def align_upright(image: np.ndarray, side: int) -> np.ndarray:
    """Return the one face in a photograph aligned, however it hangs: see `upright`."""
    return align(*upright(image), side)


def find_eyes(image: np.ndarray) -> np.ndarray:
    """Return the eyes of the one face in a photograph, (2, 2) float32, the left one first.

    Where a box is taken for a face but has no plausible pair of eyes in it, it does not count
    beside one that has.

    Args:
        image: (height, width, 3) uint8 RGB, upright.

    Raises:
        ValueError: it is too small, shows no face or several, or no eyes are found.
    """
    return _only(_faces(image)).eyes


def upright(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a photograph that may hang askew, on its side or upside down, turned, and its eyes.

    Of TURNS the one counts in which a cascade finds the face most often: upright faces have many
    overlapping hits. By what it hangs askew after that, `align` turns it. Errors: see `find_eyes`.
    """
    found = []
    for turn in TURNS:
        turned = _turned(image, turn)
        with contextlib.suppress(ValueError):
            found.append((turned, _faces(turned)))
    if not found:
        _faces(image)  # says what is wrong with it as it is
    turned, faces = max(found, key=lambda each: max(face.strength for face in each[1]))
    return turned, _only(faces).eyes


def _only(faces: list[Face]) -> Face:
    """Return the one face there is, or raise ValueError."""
    if len(faces) > 1:
        raise ValueError(f"{len(faces)} faces found; cut the photograph down to one")
    return faces[0]


def _faces(image: np.ndarray) -> list[Face]:
    """Return the faces in a photograph, or raise ValueError with what is wrong with it."""
    check_image(image)
    height, width = image.shape[:2]
    if min(height, width) < LEAST_SIDE:
        raise ValueError(
            f"the photograph is {width} x {height} pixels; "
            f"give one of at least {LEAST_SIDE} x {LEAST_SIDE}"
        )
    grey, scale, margin = _search_picture(image)
    return [
        Face((face.eyes / scale - margin).astype(np.float32), face.strength)
        for face in _all_eyes(grey)
    ]


def _turned(image: np.ndarray, degrees: int) -> np.ndarray:
    """Return a picture turned counter-clockwise, all of it, its border repeated in the corners."""
    quarters, askew = divmod(degrees, 90)
    if not askew:
        return np.ascontiguousarray(np.rot90(image, quarters))
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    cosine, sine = np.abs(turn[0, :2])
    across, down = round(width * cosine + height * sine), round(width * sine + height * cosine)
    turn[:, 2] += [(across - width) / 2, (down - height) / 2]
    return cv2.warpAffine(image, turn, (across, down), borderMode=cv2.BORDER_REPLICATE)


def align(image: np.ndarray, eyes: np.ndarray, side: int) -> np.ndarray:
    """Turn, scale and cut a face so that its eyes come to EYE_DISTANCE and EYE_HEIGHT.

    The photograph's outermost pixels are repeated around it: mirrored, it would show a second mouth
    below a chin that is cut off.

    Args:
        image: (height, width, 3) uint8 RGB.
        eyes: (2, 2), the left one first.
        side: of the result, (side, side, 3) uint8, in pixels.

    Raises:
        ValueError: image or eyes have another form, or the eyes are the same, exchanged, or not
            inside the photograph.
    """
    check_image(image)
    transform = similarity(_checked(eyes, image), side)
    scale = math.hypot(*transform[0, :2])
    if scale < 1:  # areas are averaged first, since a transform alone would skip pixels
        image, shrunk = _shrunk(image, scale)
        transform = transform @ np.linalg.inv(shrunk)
    return cv2.warpAffine(
        image,
        (TO_INDICES @ transform @ np.linalg.inv(TO_INDICES))[:2],
        (side, side),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def similarity(eyes: np.ndarray, side: int) -> np.ndarray:
    """Return the rotation, scaling and shift that put the eyes in place, (3, 3) float64."""
    (x, y), (across, down) = eyes.mean(axis=0), eyes[1] - eyes[0]
    factor = EYE_DISTANCE * side / (across**2 + down**2)
    turned = factor * np.array([[across, down], [-down, across]])
    place = np.array([0.5, EYE_HEIGHT]) * side
    transform = np.eye(3)
    transform[:2, :2] = turned
    transform[:2, 2] = place - turned @ [x, y]
    return transform


def error(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return how far off each eye is (..., 2), as a fraction of the true distance of the eyes.

    Both are (..., 2, 2), the left eye first.
    """
    found, true = np.asarray(found, dtype=np.float64), np.asarray(true, dtype=np.float64)
    apart = np.linalg.norm(true[..., 1, :] - true[..., 0, :], axis=-1)
    return np.linalg.norm(found - true, axis=-1) / apart[..., None]


def check_image(image: np.ndarray) -> None:
    """Raise ValueError where an array is no (height, width, 3) uint8 picture."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(
            f"a picture of shape {image.shape} and type {image.dtype}; "
            "give (height, width, 3) uint8, RGB"
        )


def _checked(eyes: np.ndarray, image: np.ndarray) -> np.ndarray:
    eyes = np.asarray(eyes, dtype=np.float64)
    if eyes.shape != (2, 2) or not np.isfinite(eyes).all():
        raise ValueError(f"eyes {eyes.tolist()}; give two points (x, y), the left one first")
    height, width = image.shape[:2]
    if (eyes < 0).any() or (eyes > [width, height]).any():
        raise ValueError(f"eyes {eyes.tolist()} lie outside the {width} x {height} photograph")
    if eyes[1, 0] - eyes[0, 0] < 1:
        raise ValueError(f"eyes {eyes.tolist()}: the second is not to the right of the first")
    return eyes


def _shrunk(image: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture scaled down, and the (3, 3) transform that this is."""
    height, width = image.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    shrunk = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return shrunk, np.diag([size[0] / width, size[1] / height, 1.0])


def _search_picture(image: np.ndarray) -> tuple[np.ndarray, float, int]:
    """Return a grey picture to search in, its scale, and the margin put around it before that."""
    longest = max(image.shape[:2])
    scale = min(max(1.0, SEARCH_SIDES[0] / longest), SEARCH_SIDES[1] / longest)
    margin = round(MARGIN * min(image.shape[:2]))
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    around = cv2.copyMakeBorder(grey, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    return _scaled(around, scale), scale, margin


def _scaled(grey: np.ndarray, scale: float) -> np.ndarray:
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(grey, None, fx=scale, fy=scale, interpolation=how)


@cache
def _cascade(name: str) -> cv2.CascadeClassifier:
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / name))


def _all_eyes(grey: np.ndarray) -> list[Face]:
    """Return every face with eyes, at least one: what finds less is tried when all else fails."""
    seen = False
    for rank, (name, hits) in enumerate(FACES):
        faces = _apart(_boxes(name, grey, hits, (LEAST_FACE, min(grey.shape))))
        found = [
            Face(eyes, (-rank, face.hits))
            for face in faces
            if (eyes := eyes_in(grey, face)) is not None
        ]
        if found:
            return found
        seen = seen or any(face.hits >= FACES[0][1] for face in faces)
    if seen:
        raise ValueError("a face, but no eyes found; give one from the front with open eyes")
    raise ValueError("no face found; give an upright photograph of one face from the front")


def _boxes(name: str, grey: np.ndarray, hits: int, sizes: tuple[int, int]) -> list[Box]:
    """Return what a cascade finds, sorted: OpenCV's threads may find it in any order."""
    found, counts = _cascade(name).detectMultiScale2(
        grey, scaleFactor=1.05, minNeighbors=hits, minSize=sizes[:1] * 2, maxSize=sizes[1:] * 2
    )
    pairs = zip(found, np.ravel(counts), strict=True)
    return sorted(
        (Box(int(x), int(y), int(side), int(count)) for (x, y, side, _), count in pairs),
        key=lambda box: (-box.hits, box.x, box.y, box.side),
    )


def _apart(boxes: list[Box]) -> list[Box]:
    """Return boxes without those whose centre lies in one that has more hits, or the reverse."""
    kept: list[Box] = []
    for box in boxes:
        if not any(_holds(box, other) or _holds(other, box) for other in kept):
            kept.append(box)
    return kept


def _holds(box: Box, other: Box) -> bool:
    """Return whether the centre of the other lies in a box."""
    inside = other.point(0.5, 0.5) - box.point(0, 0)
    return bool((inside >= 0).all() and (inside <= box.side).all())


def eyes_in(grey: np.ndarray, face: Box) -> np.ndarray | None:
    """Return the most plausible pair of eyes in a face, (2, 2) float64, or None."""
    upper = grey[face.y : face.y + round(UPPER * face.side), face.x : face.x + face.side]
    scale = FACE_SIDE / face.side
    upper = _scaled(upper, scale)
    boxes = [box for name in EYES for box in _boxes(name, upper, EYE_HITS, EYE_SIZES)]
    left = [box for box in boxes if box.point(*CENTRE)[0] < FACE_SIDE / 2]
    right = [box for box in boxes if box.point(*CENTRE)[0] >= FACE_SIDE / 2]
    if not left or not right:
        return None
    best = max(itertools.product(left, right), key=_plausibility)
    if _plausibility(best) < LEAST_PLAUSIBLE:
        return None
    eyes = np.array([_mean(best[0], left), _mean(best[1], right)])
    return eyes / scale + [face.x, face.y]


def _plausibility(pair: tuple[Box, Box]) -> float:
    """Return the logarithm of how likely two boxes are a pair of eyes: place, level, size, hits."""
    points = np.array([box.point(*CENTRE) for box in pair]) / FACE_SIDE
    away = ((points - USUAL) / SPREAD[0]).ravel()
    across, down = points[1] - points[0]
    tilt = math.atan2(down, across) / SPREAD[1]
    size = math.log(pair[1].side / pair[0].side) / SPREAD[2]
    hits = sum(math.log(box.hits) for box in pair)
    return float(-0.5 * (away @ away + tilt**2 + size**2) + hits)


def _mean(best: Box, boxes: list[Box]) -> np.ndarray:
    """Return the mean of the boxes that show the same eye as the best, weighted by their hits."""
    points = np.array([box.point(*CENTRE) for box in boxes])
    near = np.linalg.norm(points - best.point(*CENTRE), axis=1) < NEAR * FACE_SIDE
    return np.average(
        points[near], axis=0, weights=[box.hits for box in itertools.compress(boxes, near)]
    )
