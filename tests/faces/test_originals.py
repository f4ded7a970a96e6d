"""The original sets are read from folders of their official form, filled with one photograph."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from lib.faces.alignment import align
from lib.faces.data import ckplus, london, mmi, originals, sequences
from lib.faces.data.corpus import Faces
from lib.runs.rows import Rows

SIDE, TEN = 32, range(10, 110, 10)
Put = Callable[..., Path]


@pytest.fixture(scope="module")
def face() -> tuple[np.ndarray, np.ndarray]:
    """Return one face, (128, 128, 3) uint8, and its eyes."""
    taken = london.photographs()
    image = cv2.resize(taken.images[0], (128, 128), interpolation=cv2.INTER_AREA)
    return image, taken.eyes[0] / 2


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty data root; the cache is elsewhere, and no face is searched."""
    monkeypatch.setenv("BOOK_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(originals, "CACHE", tmp_path / "cache")
    for module in (sequences, ckplus):
        monkeypatch.setattr(module, "align_found", scaled)
    monkeypatch.setattr(mmi, "align_upright", scaled)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def scaled(image: np.ndarray, side: int) -> np.ndarray:
    """Stand in for the search of a face, which is tested elsewhere; black ones are refused."""
    if not image.any():
        raise ValueError("no face found; it is black")
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)


def write(path: Path, content: str | bytes | np.ndarray) -> Path:
    """Write text, bytes or a picture, in folders made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, np.ndarray):
        Image.fromarray(content).save(path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def shade(value: int) -> np.ndarray:
    """Return a picture of one colour, which tells after alignment where an image came from."""
    return np.full((40, 40, 3), value, dtype=np.uint8)


def write_ck_plus(root: Path, name: str, label: str | None, images: int = 5) -> Path:
    """Write one sequence of CK+, its images of shades 10, 20 and so on."""
    place, stem = root / "ck_plus", name.replace("/", "_")
    for number in range(1, images + 1):
        path = place / "cohn-kanade-images" / name / f"{stem}_{number:08}.png"
        write(path, shade(10 * number))
    if label is not None:
        write(place / "Emotion" / name / f"{stem}_{images:08}_emotion.txt", label)
    return place


def shades(faces: Faces) -> list[int]:
    """Return the colour of each image."""
    return [int(image[0, 0, 0]) for image in faces.images]


def video(shades: range | list[int]) -> bytes:
    """Return a losslessly packed video of pictures of one colour each."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="avi") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.width = stream.height = 48
        stream.pix_fmt = "bgr24"
        for value in shades:
            picture = np.full((48, 48, 3), value, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, "bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()


def write_mmi(
    root: Path, session: str, name: str, label: str, view: str = "0", shades: Any = TEN
) -> Path:
    """Write one session of MMI: its video, its label and what it says of the camera."""
    place = root / "mmi/Sessions" / session
    write(place / f"{name}.avi", video(shades))
    tags = f'<Metatag Name="Gender" Value="2"/><Metatag Name="Emotion" Value="{label}"/>'
    write(place / f"{name}.xml", f"<Metadata>{tags}</Metadata>")
    write(place / "session.xml", f'<session><track view="{view}" filename="{name}.avi"/></session>')
    return place


def test_mmi(root: Path) -> None:
    write_mmi(root, "1767", "S001-091", "4")
    write_mmi(root, "1768", "S002-001", "6", shades=[10, 20, 30])
    write_mmi(root, "1769", "S002-002", "9")  # another emotion
    write_mmi(root, "1770", "S002-003", "1", view="1")  # from the side
    marked = write_mmi(root, "1771", "S001-003", "1")
    marks = "".join(
        f'<Marker Frame="{f}" Type="{t}"/>' for f, t in ((1, 0), (2, 1), (3, 2), (5, 3))
    )
    annotation = f'<Annotation><ActionUnit Number="12">{marks}</ActionUnit></Annotation>'
    write(marked / "S001-003-oao_aucs.xml", annotation)
    faces = originals.load("mmi", SIDE)
    assert shades(faces) == [50, 60, 70, 10, 20, 30, 30, 40, 50]
    assert faces.frames.tolist() == [4, 5, 6, 0, 1, 2, 2, 3, 4]
    names = [faces.classes[label] for label in faces.expressions[::3]]
    assert names == ["happiness", "surprise", "anger"]
    assert faces.identities.tolist() == [0] * 3 + [1] * 3 + [0] * 3
    assert faces.skipped == {
        "Sessions/1769/S002-002.avi": "emotion 9 is none of the six expressions",
        "Sessions/1770/S002-003.avi": "taken from view 1, not from the front",
    }


def test_oulu_casia(root: Path) -> None:
    there = ("P001", "Anger", 5), ("P001", "Happiness", 3), ("P002", "Fear", 11)
    for person, name, count in there:
        for number in range(count):
            path = root / f"oulu_casia/VL/Strong/{person}/{name}/{name}{number}.jpeg"  # 10 after 9
            write(path, shade(10 * number + 10))
    write(root / "oulu_casia/VL/Strong/P002/Joy/000.jpeg", shade(9))
    write(root / "oulu_casia/VL/Strong/P002/Fear/Thumbs.db", b"\0")
    faces = originals.load("oulu_casia", SIDE)
    assert shades(faces) == [30, 40, 50, 10, 20, 30, 90, 100, 110]
    assert faces.identities.tolist() == [0] * 6 + [1] * 3
    assert faces.frames.tolist() == [2, 3, 4, 0, 1, 2, 8, 9, 10]
    assert [faces.classes[e] for e in faces.expressions[::3]] == ["anger", "happiness", "fear"]
    assert faces.skipped == {"VL/Strong/P002/Joy": "'Joy' is none of the six expressions"}


def test_a_person_spelled_otherwise_is_the_same_person(root: Path) -> None:
    for person in ("P001", "P001 ", "P002"):
        for number in range(3):
            write(root / f"oulu_casia/VL/Strong/{person}/Anger/{number:03}.jpeg", shade(90))
    assert originals.load("oulu_casia", SIDE).identities.tolist() == [0] * 6 + [1] * 3
    for session, name in {"1": "S001-001", "2": "s001-002", "3": "S002-001"}.items():
        write_mmi(root, session, name, "1")
    assert originals.load("mmi", SIDE).identities.tolist() == [0] * 6 + [1] * 3


def test_a_face_goes_all_the_way(
    tmp_path: Path, face: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    monkeypatch.setattr(originals, "CACHE", tmp_path / "cache")
    image, eyes = face
    place = write(tmp_path / "bu_4dfe/F001/Angry/000.png", image)
    place.rename(place.with_suffix(".jpg"))
    (found,) = originals.load("bu_4dfe", 110).images
    expected = cv2.GaussianBlur(align(image, eyes, 110), (0, 0), 3)  # the finder errs by a pixel
    assert np.corrcoef(cv2.GaussianBlur(found, (0, 0), 3).ravel(), expected.ravel())[0, 1] > 0.9


def test_ck_plus(root: Path) -> None:
    write_ck_plus(root, "S010/002", "   7.0000000e+00\n", images=12)
    write_ck_plus(root, "S005/001", "   3.0000000e+00\n")
    write_ck_plus(root, "S010/001", "   1.0000000e+00\n", images=3)
    write_ck_plus(root, "S010/003", None)
    write_ck_plus(root, "S010/004", "   0.0000000e+00\n")  # neutral
    write_ck_plus(root, "S010/005", "1.0", images=2)
    wrong = dict(zip(("S010/006", "S010/007", "S010/008"), ("3 4", "8.0", "2.5"), strict=True))
    for name, label in wrong.items():
        write_ck_plus(root, name, label)
    labels = root / "ck_plus/Emotion"
    (labels / "S010/003").mkdir(parents=True)  # empty, as many official ones are
    write(labels / "S005/001/.DS_Store", b"\0")
    (found,) = (labels / "S010/001").glob("*.txt")
    write(labels / "S010/001/labels" / found.name, found.read_text())  # one folder deeper
    found.unlink()
    faces = originals.load("ck_plus", SIDE)
    assert faces.images.shape == (9, SIDE, SIDE, 3) and faces.images.dtype == np.uint8
    assert shades(faces) == [30, 40, 50, 10, 20, 30, 100, 110, 120]
    assert [faces.classes[e] for e in faces.expressions[::3]] == ["disgust", "anger", "surprise"]
    assert faces.identities.tolist() == [0] * 3 + [1] * 6
    assert faces.sequences.tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert faces.frames.tolist() == [3, 4, 5, 1, 2, 3, 10, 11, 12]
    assert (faces.name, faces.rung) == ("ck_plus", "original")
    reasons = dict(faces.skipped)
    for name, label in wrong.items():
        assert f"holds {label!r}, no whole number from 0 to 7" in reasons.pop(f"Emotion/{name}")
    assert reasons == {
        "Emotion/S010/003": "0 label files (.txt) instead of 1",
        "Emotion/S010/004": "labelled neutral",
        "S010/005": "2 images instead of 3 or more",
    }


def test_bad_images_are_left_out_alone(root: Path) -> None:
    place = write_ck_plus(root, "S005/001", "1.0", images=6)
    images = sorted((place / "cohn-kanade-images/S005/001").iterdir())
    write(images[3], b"")
    write(images[4], images[4].read_bytes()[:60])
    faces = originals.load("ck_plus", SIDE)
    assert shades(faces) == [60] and faces.frames.tolist() == [6]
    reasons = {Path(name).name: reason for name, reason in faces.skipped.items()}
    assert "is empty; get it again" in reasons.pop(images[3].name)
    assert "truncated or damaged" in reasons.pop(images[4].name) and not reasons
    write(images[5], shade(0))
    with pytest.raises(ValueError, match="^nothing of CK\\+ can be used: cohn-.*is empty"):
        originals.load("ck_plus", SIDE)
    assert not list(originals.CACHE.glob(".*"))


def test_landmarks_say_where_the_eyes_are(root: Path, face: tuple[np.ndarray, np.ndarray]) -> None:
    image, eyes = face
    points = np.zeros((68, 2))
    for corners, eye in zip(([36, 39], [42, 45]), eyes, strict=True):
        points[corners] = eye + [[-5, 1], [5, -1]]
    rows = "".join(f"   {x:.7e}   {y:.7e}\n" for x, y in points)
    place = write_ck_plus(root, "S005/001", "1.0")
    for number in (3, 4, 5):
        stem = f"S005/001/S005_001_{number:08}"
        write(place / "cohn-kanade-images" / f"{stem}.png", image)
        write(place / "Landmarks" / f"{stem}_landmarks.txt", rows)
    for found in originals.load("ck_plus", SIDE).images:
        np.testing.assert_array_equal(found, align(image, eyes, SIDE))
    for wrong in (rows[:-40], rows.replace("0.0000000e+00", "nan", 1)):
        write(place / "Landmarks" / f"{stem}_landmarks.txt", wrong)
        faces = originals.load("ck_plus", SIDE)
        (reason,) = faces.skipped.values()
        assert reason == "S005_001_00000005_landmarks.txt does not hold 68 points"
        assert len(faces.images) == 2


def test_sessions_of_mmi_that_cannot_be_used_are_left_out(root: Path) -> None:
    write_mmi(root, "1", "S001-001", "1")
    write_mmi(root, "2", "S002-002", "8.0")
    write(write_mmi(root, "5", "S001-005", "1") / "S001-005.avi", b"no video")
    write(write_mmi(root, "6", "S001-006", "1") / "S001-006.xml", "<Metadata>")
    write_mmi(root, "7", "S001-007", "1", shades=[10, 20])
    marks = '<A><ActionUnit><Marker Frame="x" Type="2"/></ActionUnit></A>'
    write(write_mmi(root, "8", "S001-008", "1") / "S001-008-oao_aucs.xml", marks)
    declared = '<?xml version="1.0" encoding="utf-7"?><Metadata/>'
    write(write_mmi(root, "11", "S001-011", "1") / "S001-011.xml", declared)
    write_mmi(root, "13", "013", "1")
    expected = {
        "2": "the label is '8.0', no whole number from 1 on",
        "5": "S001-005.avi cannot be decoded",
        "6": "S001-006.xml is no XML",
        "7": "S001-007.avi has 2 frames instead of 3 or more",
        "8": "S001-008-oao_aucs.xml marks the frame 'x', no number",
        "11": "S001-011.xml is no XML",
        "13": "its name does not begin with its person",
    }
    faces = originals.load("mmi", SIDE)
    assert len(faces.images) == 3 and len(faces.skipped) == len(expected)
    for name, reason in faces.skipped.items():
        assert reason.startswith(expected[name.split("/")[1]])


def test_bu_4dfe(root: Path) -> None:
    for number in (0, 1, 2, 10):
        write(root / f"bu_4dfe/M001/Happy/{number:03}.jpg", shade(10 * number + 10))
    write(root / "bu_4dfe/M001/Happy/000.wrl", "#VRML")
    place = root / "bu_4dfe/F002/Angry"
    write(place / "000.jpg", shade(200)).rename(place / "000.JPG")  # capitals count
    write(place / "._000.jpg", b"\0")  # as macOS leaves it
    write(root / "bu_4dfe/F002/Bored/000.jpg", shade(9))
    faces = originals.load("bu_4dfe", SIDE)
    assert shades(faces) == [200, 10, 20, 30, 110]
    assert faces.frames.tolist() == [0, 0, 1, 2, 10]
    assert faces.identities.tolist() == [0, 1, 1, 1, 1]
    assert [faces.classes[e] for e in faces.expressions[:2]] == ["anger", "happiness"]
    assert faces.skipped == {"F002/Bored": "'Bored' is none of the six expressions"}


def test_a_set_that_is_nearly_there_is_named(root: Path) -> None:
    write(root / "oulu_casia/readme", b"")
    with pytest.raises(FileNotFoundError, match="not found under .*casia: no file .*agreement"):
        originals.load("oulu_casia", SIDE)


def test_the_cache_is_used_until_a_file_changes_or_it_is_damaged(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = write_ck_plus(root, "S005/001", "1.0")
    first = originals.load("ck_plus", SIDE)
    assert isinstance(first.images, Rows)
    with monkeypatch.context() as patch:
        patch.setattr(ckplus, "read_image", lambda *_: pytest.fail("read again"))
        assert originals.load("ck_plus", SIDE).fingerprint() == first.fingerprint()
    for kind in ("npy", "json"):
        (path,) = originals.CACHE.glob(f"*.{kind}")
        path.write_bytes(path.read_bytes()[:150])
        assert shades(originals.load("ck_plus", SIDE)) == [30, 40, 50]
    write(place / "cohn-kanade-images/S005/001/S005_001_00000005.png", shade(77))
    assert shades(originals.load("ck_plus", SIDE)) == [30, 40, 77]
    write(place / "Emotion/S005/001/S005_001_00000005_emotion.txt", "2.0")
    assert originals.load("ck_plus", SIDE).expressions.tolist() == [1] * 3
    assert originals.load("ck_plus", 24).images.shape == (3, 24, 24, 3)
