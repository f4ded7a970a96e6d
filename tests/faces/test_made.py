"""Sets that are made: counts as published, nobody in two sets, and a cache that can be trusted."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lib.faces.data.corpus import CK_PLUS, EXPRESSIONS, Faces, Requests, Shape
from lib.faces.render import made
from lib.runs.rows import Rows

SIDE, SIZE = 8, 10  # source_side(8) is 10
asked: list[Requests] = []


@pytest.fixture(autouse=True)
def forget() -> None:
    """Begin with a renderer that was asked for nothing."""
    asked.clear()


def render(requests: Requests, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Write the numbers of each request into the pixels of its image."""
    asked.append(requests)
    count = len(requests.people)
    images = np.zeros((count, size, size, 3), dtype=np.uint8)
    images[:, 0, 0, 0] = requests.people % 251
    images[:, 0, 0, 1] = requests.expressions
    images[:, 0, 0, 2] = np.round(requests.intensity * 200)
    images[:, 0, 1, 0] = requests.sequences % 251
    images[:, 0, 1, 1] = requests.frames
    images[:, 0, 1, 2] = requests.seed
    return images, np.zeros((count, 2, 2), dtype=np.float32)


def all_asked(field: str) -> np.ndarray:
    """Return one column of everything the renderer was asked for."""
    return np.concatenate([getattr(requests, field) for requests in asked])


def pretraining(
    folder: Path, people: int = 3, frames: int = 2, seed: int = 0, **more: int
) -> Faces:
    """Return a small pre-training set."""
    return made.pretraining(render, people, frames, SIDE, seed, folder=folder, **more)


def recognition(folder: Path, shape: Shape = CK_PLUS) -> Faces:
    """Return a recognition set."""
    return made.recognition(render, shape, SIDE, 0, folder=folder)


def check_pixels(faces: Faces, first_person: int) -> None:
    """Assert that each image shows what its labels say."""
    place = np.array([EXPRESSIONS.index(name) for name in faces.classes])
    images = np.asarray(faces.images)
    np.testing.assert_array_equal(images[:, 0, 0, 0], (first_person + faces.identities) % 251)
    np.testing.assert_array_equal(images[:, 0, 0, 1], place[faces.expressions])
    np.testing.assert_array_equal(images[:, 0, 1, 0], faces.sequences % 251)
    np.testing.assert_array_equal(images[:, 0, 1, 1], faces.frames)


def test_everyone_shows_everything_equally_often_in_pretraining(tmp_path: Path) -> None:
    faces = pretraining(tmp_path, people=40, frames=3)
    assert faces.images.shape == (40 * 7 * 3, SIZE, SIZE, 3) and faces.images.dtype == np.uint8
    pairs = Counter(zip(faces.identities.tolist(), faces.expressions.tolist(), strict=True))
    assert len(pairs) == 40 * 7 and set(pairs.values()) == {3}
    assert faces.classes == EXPRESSIONS and faces.people == 40
    assert len(set(faces.sequences.tolist())) == len(faces.sequences)
    check_pixels(faces, 0)
    intensity = all_asked("intensity")
    low, high = made.PRETRAINING_INTENSITY
    assert low <= intensity.min() < 0.5 and 1.0 < intensity.max() <= high
    assert abs(intensity.mean() - 0.75) < 0.02  # of 840: three deviations are 0.018


def test_ck_plus_has_its_published_counts_and_expressions_that_grow(tmp_path: Path) -> None:
    faces = recognition(tmp_path)
    assert len(faces.images) == 981 and faces.people == 118  # section 4.2
    counts = np.bincount(faces.expressions)  # of images: three frames of each sequence
    assert counts.tolist() == [135, 54, 177, 75, 207, 84, 249] and faces.classes == EXPRESSIONS
    check_pixels(faces, made.OTHERS)
    assert len(set(faces.sequences.tolist())) == 327
    for column in (faces.identities, faces.expressions, faces.sequences):
        assert (column.reshape(327, 3) == column.reshape(327, 3)[:, :1]).all()
    assert (faces.frames.reshape(327, 3) == [0, 1, 2]).all()
    last = faces.frames == 2
    pairs = set(zip(faces.identities[last], faces.expressions[last], strict=True))
    assert len(pairs) == 327 and len(set(faces.identities[last])) == 118
    intensity = all_asked("intensity").reshape(327, 3)
    np.testing.assert_allclose(intensity / intensity[:, 2:], [[0.88, 0.94, 1.0]] * 327)
    assert 0.55 <= intensity[:, 2].min() < 0.6 and 0.95 < intensity.max() <= 1.0


@pytest.mark.parametrize(
    ("shape", "images", "people", "each"),
    [(made.MMI, 624, 31, {3, 6}), (made.OULU_CASIA, 1440, 80, {3})],  # of MMI, 42 surprises
)
def test_the_other_sets_of_the_paper(
    tmp_path: Path, shape: Shape, images: int, people: int, each: set[int]
) -> None:
    faces = recognition(tmp_path, shape)
    assert (len(faces.images), faces.people, len(faces.classes)) == (images, people, 6)
    pairs = Counter(zip(faces.identities, faces.expressions, strict=True))
    assert set(pairs.values()) == each
    assert "contempt" not in faces.classes
    check_pixels(faces, made.OTHERS)


def test_a_set_is_made_once_and_anything_else_asked_for_is_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pretraining(tmp_path)
    asked.clear()
    second = pretraining(tmp_path)
    assert not asked and isinstance(second.images, Rows)
    assert first.fingerprint() == second.fingerprint()
    (place,) = tmp_path.iterdir()
    place.write_bytes(place.read_bytes()[:500])  # cut short
    with monkeypatch.context() as patch:
        patch.setattr(made, "TOGETHER", 5)  # of 42: the last call has two
        assert pretraining(tmp_path).fingerprint() == first.fingerprint() and asked
    for changed in ({"people": 4}, {"frames": 3}, {"seed": 1}, {"first_sequence": 7}):
        asked.clear()
        assert pretraining(tmp_path, **changed).fingerprint() != first.fingerprint()
        assert asked, changed
    assert [path.suffix for path in tmp_path.iterdir()] == [".npy"] * 5
    asked.clear()
    monkeypatch.setattr(made, "RENDERER", (made,))  # other code
    pretraining(tmp_path)
    assert asked


def test_what_goes_wrong_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(requests: Requests, size: int) -> tuple[np.ndarray, np.ndarray]:
        if asked:
            raise KeyboardInterrupt
        return render(requests, size)

    monkeypatch.setattr(made, "TOGETHER", 10)
    with pytest.raises(KeyboardInterrupt):
        made.pretraining(interrupted, 3, 2, SIDE, 0, folder=tmp_path)
    assert len(asked) == 1
    monkeypatch.setattr(made.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(OSError, match=r"takes 0 MB, but 0 MB are free; make room"):
        pretraining(tmp_path)
    assert len(asked) == 1 and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda folder: pretraining(folder, 100_001, 1), "100001 people, 1 frames from"),
        (lambda folder: recognition(folder, Shape(3, {"fear": 2}, 3)), "2 sequences are too few"),
        (lambda folder: recognition(folder, Shape(3, {"joy": 3}, 3)), "no expression 'joy'; use"),
        (lambda folder: recognition(folder, Shape(1, {"fear": 2}, 0)), "must be counts"),
    ],
)
def test_sets_that_cannot_be_are_refused(
    tmp_path: Path, make: Callable[[Path], Faces], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        make(tmp_path)
