"""Sets that are made: counts as published, nobody in two sets, and a cache that can be trusted."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lib.faces.data.corpus import CK_PLUS, EXPRESSIONS, Faces, Requests, Shape
from lib.faces.render import made
from lib.runs.rows import Rows

SIDE, SIZE = 8, 10  # source_side(8) is 10
asked: list[Requests] = []


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Begin with a renderer that was asked for nothing."""
    asked.clear()
    yield


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


def recognition(folder: Path, shape: Shape = CK_PLUS, seed: int = 0) -> Faces:
    """Return a recognition set."""
    return made.recognition(render, shape, SIDE, seed, folder=folder)


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


def test_judges_see_the_same_people_in_other_sequences(tmp_path: Path) -> None:
    first = pretraining(tmp_path)
    shown = all_asked("intensity")
    asked.clear()
    other = pretraining(tmp_path, first_sequence=1000)
    assert np.array_equal(first.identities, other.identities)
    assert not set(first.sequences.tolist()) & set(other.sequences.tolist())
    assert not np.intersect1d(shown, all_asked("intensity")).size
    check_pixels(other, 0)


def test_ck_plus_has_its_published_counts(tmp_path: Path) -> None:
    faces = recognition(tmp_path)
    assert len(faces.images) == 981 and faces.people == 118  # section 4.2
    assert len(set(faces.sequences.tolist())) == 327 and faces.classes == EXPRESSIONS
    counts = np.bincount(faces.expressions)  # of images: three frames of each sequence
    assert counts.tolist() == [135, 54, 177, 75, 207, 84, 249]
    check_pixels(faces, made.OTHERS)


@pytest.mark.parametrize("seed", range(5))
def test_nobody_lacks_a_sequence_and_none_comes_twice(tmp_path: Path, seed: int) -> None:
    faces = recognition(tmp_path, seed=seed)
    last = faces.frames == 2
    pairs = Counter(zip(faces.identities[last], faces.expressions[last], strict=True))
    assert len(pairs) == 327 and set(pairs.values()) == {1}
    sequences = np.bincount(faces.identities[last])
    assert len(sequences) == 118 and sequences.min() == 1 and sequences.max() > 3


def test_a_sequence_is_one_person_with_one_expression_that_grows(tmp_path: Path) -> None:
    faces = recognition(tmp_path)
    for column in (faces.identities, faces.expressions, faces.sequences):
        assert (column.reshape(327, 3) == column.reshape(327, 3)[:, :1]).all()
    assert (faces.frames.reshape(327, 3) == [0, 1, 2]).all()
    intensity = all_asked("intensity").reshape(327, 3)
    peak = intensity[:, 2]
    np.testing.assert_allclose(intensity / peak[:, None], [[0.88, 0.94, 1.0]] * 327)
    assert 0.55 <= peak.min() < 0.6 and 0.95 < peak.max() <= 1.0


def test_a_single_frame_is_the_peak(tmp_path: Path) -> None:
    recognition(tmp_path, Shape(20, {"fear": 20}, 1))
    single = all_asked("intensity")
    asked.clear()
    recognition(tmp_path, Shape(20, {"fear": 20}, 2))
    np.testing.assert_array_equal(single, all_asked("intensity")[1::2])


def test_the_other_sets_of_the_paper(tmp_path: Path) -> None:
    mmi = recognition(tmp_path, made.MMI)
    assert len(mmi.images) == 624 and mmi.people == 31 and len(mmi.classes) == 6
    pairs = Counter(zip(mmi.identities, mmi.expressions, strict=True))
    assert set(pairs.values()) == {3, 6}  # images: 42 surprises of 31 people need second ones
    oulu = recognition(tmp_path, made.OULU_CASIA)
    assert len(oulu.images) == 1440 and oulu.people == 80
    pairs = Counter(zip(oulu.identities, oulu.expressions, strict=True))
    assert len(pairs) == 480 and set(pairs.values()) == {3}
    for faces in (mmi, oulu):
        assert "contempt" not in faces.classes
        check_pixels(faces, made.OTHERS)


def test_nobody_is_in_both_kinds_of_set(tmp_path: Path) -> None:
    pretraining(tmp_path, people=200, frames=1)
    before = set(all_asked("people").tolist())
    asked.clear()
    recognition(tmp_path)
    assert len(before) == 200 and not before & set(all_asked("people").tolist())


def test_a_set_is_made_once_and_then_read_from_its_file(tmp_path: Path) -> None:
    first = recognition(tmp_path / "a")
    assert len(asked) == -(-981 // made.TOGETHER)
    asked.clear()
    second = recognition(tmp_path / "a")
    assert not asked and isinstance(second.images, Rows)
    assert first.fingerprint() == second.fingerprint()
    assert [path.suffix for path in (tmp_path / "a").iterdir()] == [".npy"]  # nothing beside it
    again, other = (recognition(tmp_path / "b", seed=seed) for seed in (0, 1))
    assert first.fingerprint() == again.fingerprint() != other.fingerprint()


def test_anything_else_asked_for_is_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretraining(tmp_path)
    for changed in ({"people": 4}, {"frames": 3}, {"seed": 1}, {"first_sequence": 7}):
        asked.clear()
        pretraining(tmp_path, **changed)
        assert asked, changed
    asked.clear()
    made.pretraining(render, 3, 2, 9, 0, folder=tmp_path)  # another side
    assert asked and len(list(tmp_path.iterdir())) == 6
    asked.clear()
    monkeypatch.setattr(made, "RENDERER", (made,))
    pretraining(tmp_path)
    assert asked


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    whole = pretraining(tmp_path).fingerprint()
    (place,) = tmp_path.iterdir()
    content = place.read_bytes()
    place.write_bytes(content[:500] + bytes([content[500] ^ 1]) + content[501:])
    asked.clear()
    assert pretraining(tmp_path).fingerprint() == whole and asked


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made, "TOGETHER", 10)

    def interrupted(requests: Requests, size: int) -> tuple[np.ndarray, np.ndarray]:
        if asked:
            raise KeyboardInterrupt
        return render(requests, size)

    with pytest.raises(KeyboardInterrupt):
        made.pretraining(interrupted, 3, 2, SIDE, 0, folder=tmp_path)
    assert len(asked) == 1 and not list(tmp_path.iterdir())


def test_the_size_of_a_call_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pretraining(tmp_path / "a").fingerprint()
    monkeypatch.setattr(made, "TOGETHER", 5)  # 42 images: the last call has two
    assert pretraining(tmp_path / "b").fingerprint() == whole


@pytest.mark.parametrize(
    ("people", "frames", "first"), [(0, 1, 0), (1, 0, 0), (1, 1, -1), (100_001, 1, 0)]
)
def test_numbers_that_make_no_sense(tmp_path: Path, people: int, frames: int, first: int) -> None:
    with pytest.raises(ValueError, match=f"{people} people, {frames} frames from sequence"):
        pretraining(tmp_path, people, frames, first_sequence=first)


@pytest.mark.parametrize(
    ("shape", "complaint"),
    [
        (Shape(3, {"fear": 2}, 3), "2 sequences are too few for 3 people"),
        (Shape(3, {}, 3), "0 sequences are too few"),
        (Shape(3, {"joy": 3}, 3), "no expression 'joy'; use anger"),
        (Shape(0, {"fear": 2}, 3), "must be counts"),
        (Shape(1, {"fear": 2}, 0), "must be counts"),
        (Shape(1, {"fear": 2, "anger": -1}, 1), "must be counts"),
    ],
)
def test_shapes_that_no_set_can_have(tmp_path: Path, shape: Shape, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        recognition(tmp_path, shape)


def test_a_renderer_that_returns_something_else_is_named(tmp_path: Path) -> None:
    def floats(requests: Requests, size: int) -> tuple[np.ndarray, np.ndarray]:
        images, eyes = render(requests, size)
        return images / 255, eyes

    with pytest.raises(ValueError, match=r"floats returned float64 of \(42, 10, 10, 3\) instead"):
        made.pretraining(floats, 3, 2, SIDE, 0, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_told_before_anything_is_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(made.shutil, "disk_usage", lambda _: full)
    with pytest.raises(OSError, match=r"takes 0 MB, but 0 MB are free; make room"):
        pretraining(tmp_path)
    assert not asked and not os.listdir(tmp_path)
