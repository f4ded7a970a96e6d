"""Eyes are found where they are, faces come to lie alike, and what is no face is refused."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from lib.faces import alignment
from lib.faces.data import london

SIDE = 256  # of the photographs


@pytest.fixture(scope="module")
def portraits() -> tuple[np.ndarray, np.ndarray]:
    """Return five photographs of real people and their eyes."""
    taken = london.photographs()
    return taken.images[:50:11], taken.eyes[:50:11].astype(np.float32)


def dots(eyes: np.ndarray, height: int, width: int, radius: float) -> np.ndarray:
    """Return a black picture with a soft white dot at each eye."""
    y, x = np.mgrid[:height, :width] + 0.5
    away = [np.hypot(x - eye[0], y - eye[1]) for eye in eyes]
    soft = sum(255 * np.exp(-((each / radius) ** 2)) for each in away)
    return np.repeat(np.clip(soft, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize(
    "eyes", [[[200, 240], [260, 240]], [[180, 300], [420, 180]], [[9, 9], [21, 12]]]
)
def test_eyes_and_pixels_come_to_their_places(eyes: list[list[int]]) -> None:
    points = np.array(eyes, dtype=np.float64) + 0.37
    places = alignment.similarity(points, 110) @ np.vstack([points.T, [1, 1]])
    np.testing.assert_allclose(places[:2] / 110, [[0.34, 0.66], [0.34, 0.34]], atol=1e-9)
    apart = np.linalg.norm(points[1] - points[0])
    found = alignment.align(dots(points, 480, 640, apart / 10), points, 110)[..., 0].astype(float)
    x = np.arange(110) + 0.5
    for half, across in ((found[:, :55], 0.5 - 0.16), (found[:, 55:], 0.5 + 0.16)):
        columns = x[:55] if across < 0.5 else x[55:]
        centre = (half.sum(axis=0) @ columns, half.sum(axis=1) @ x) / half.sum()
        np.testing.assert_allclose(centre, [across * 110, 0.34 * 110], atol=0.15)


def test_shrinking_averages_areas() -> None:
    board = np.repeat((np.indices((800, 800)).sum(axis=0) % 2 * 255)[..., None], 3, axis=2)
    eyes = np.array([[272.0, 272.0], [528.0, 272.0]])
    small = alignment.align(board.astype(np.uint8), eyes, 100)
    assert np.abs(small.astype(int) - 127).max() <= 1  # every pixel a mean of black and white


def test_errors_are_measured_in_distances_of_the_eyes() -> None:
    true = np.array([[10.0, 20.0], [30.0, 20.0]])
    found = true + [[[0, 0], [0, 2]], [[3, 4], [-10, 0]]]
    np.testing.assert_allclose(alignment.error(found, true), [[0, 0.1], [0.25, 0.5]])


def test_a_face_at_the_border_is_not_counted_twice(
    portraits: tuple[np.ndarray, np.ndarray],
) -> None:
    wide = np.full((480, 640, 3), 120, dtype=np.uint8)
    small = cv2.resize(portraits[0][0], (70, 70), interpolation=cv2.INTER_AREA)
    wide[200:270, :70] = small
    eyes = portraits[1][0] * 70 / SIDE + [0, 200]
    assert alignment.error(alignment.find_eyes(wide), eyes).max() < 0.25


def test_the_eyes_of_people_are_found_in_small_and_large_photographs(
    portraits: tuple[np.ndarray, np.ndarray],
) -> None:
    found = np.array([alignment.find_eyes(image) for image in portraits[0]])
    off = alignment.error(found, portraits[1])
    assert np.median(off) < 0.05 and off.max() < 0.12
    for scale, how in ((0.5, cv2.INTER_AREA), (6, cv2.INTER_CUBIC)):
        image = cv2.resize(portraits[0][0], None, fx=scale, fy=scale, interpolation=how)
        assert alignment.error(alignment.find_eyes(image), portraits[1][0] * scale).max() < 0.1


@pytest.mark.parametrize("degrees", [-45, 180])
def test_a_face_is_found_however_it_hangs(degrees: int) -> None:
    taken = london.photographs()
    image, eyes = taken.images[41], taken.eyes[41]
    wide = np.pad(image, ((60, 60), (60, 60), (0, 0)), mode="edge")
    middle = (len(wide) - 1) / 2
    turn = cv2.getRotationMatrix2D((middle, middle), degrees, 1)
    hung = cv2.warpAffine(wide, turn, wide.shape[:2], borderMode=cv2.BORDER_REPLICATE)
    found = alignment.align_upright(hung, 48).astype(float)
    wanted = alignment.align(image, eyes, 48).astype(float)
    inner = (slice(12, -12), slice(12, -12))
    assert np.abs(found - wanted)[inner].mean() < 14


BLACK = np.zeros((90, 100, 3), dtype=np.uint8)
REFUSED = [
    (lambda two: alignment.find_eyes(two), "^2 faces found; cut the photograph"),
    (lambda two: alignment.align_found(np.full_like(BLACK, 120), 110), "^no face found; give an"),
    (lambda two: alignment.find_eyes(BLACK[:47]), "is 100 x 47 pixels; give one of at least"),
    (lambda two: alignment.find_eyes(BLACK[..., 0]), "^a picture of shape .*; give .*uint8, RGB"),
    (lambda two: placed([[30, 40], [20, 40]]), "the second is not to the right of the first"),
    (lambda two: placed([[10, 40], [20, 91]]), "lie outside the 100 x 90 photograph"),
    (lambda two: placed([[10, np.nan], [20, 40]]), "give two points"),
]


def placed(eyes: list[list[float]]) -> np.ndarray:
    """Align a black picture by these eyes."""
    return alignment.align(BLACK, np.array(eyes), 50)


@pytest.mark.parametrize(("call", "complaint"), REFUSED)
def test_what_cannot_be_aligned_is_refused(
    call: Callable[[np.ndarray], object],
    complaint: str,
    portraits: tuple[np.ndarray, np.ndarray],
) -> None:
    with pytest.raises(ValueError, match=complaint):
        call(np.concatenate(list(portraits[0][:2]), axis=1))
