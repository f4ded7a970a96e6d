"""The original sets are read from folders of their official form, filled with one photograph."""

import io
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from lib.book import data_root
from lib.faces.alignment import align
from lib.faces.data import ckplus, london, mmi, originals, sequences
from lib.faces.data.corpus import Faces
from lib.runs.rows import Rows

SIDE = 32
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


def test_ck_plus(root: Path) -> None:
    assert not originals.present("ck_plus")
    write_ck_plus(root, "S010/002", "   7.0000000e+00\n", images=12)
    write_ck_plus(root, "S005/001", "   3.0000000e+00\n")
    write_ck_plus(root, "S010/001", "   1.0000000e+00\n", images=3)
    write_ck_plus(root, "S010/003", None)
    write_ck_plus(root, "S010/004", "   0.0000000e+00\n")  # neutral
    (root / "ck_plus/Emotion/S010/003").mkdir(parents=True)  # empty, as many official ones are
    write(root / "ck_plus/Emotion/S005/001/.DS_Store", b"\0")
    assert originals.present("ck_plus")
    faces = originals.load("ck_plus", SIDE)
    assert faces.images.shape == (9, SIDE, SIDE, 3) and faces.images.dtype == np.uint8
    assert shades(faces) == [30, 40, 50, 10, 20, 30, 100, 110, 120]
    assert [faces.classes[e] for e in faces.expressions[::3]] == ["disgust", "anger", "surprise"]
    assert faces.identities.tolist() == [0] * 3 + [1] * 6
    assert faces.sequences.tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert faces.frames.tolist() == [3, 4, 5, 1, 2, 3, 10, 11, 12]
    assert (faces.name, faces.rung) == ("ck_plus", "original")
    assert faces.skipped == {
        "Emotion/S010/003": "0 label files (.txt) instead of 1",
        "Emotion/S010/004": "labelled neutral",
    }


def test_a_label_one_folder_deeper_is_found(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = write_ck_plus(root, "S005/001", "3.0") / "Emotion/S005/001"
    deeper = place / "labels"
    deeper.mkdir()
    (found,) = place.glob("*.txt")
    found.rename(deeper / found.name)
    write_ck_plus(root, "S005/002", None)
    faces = originals.load("ck_plus", SIDE)
    assert faces.classes[faces.expressions[0]] == "disgust"
    said = "CK+: 1 left out: Emotion/S005/002: 0 label files (.txt) instead of 1"
    assert capsys.readouterr().out.strip() == said


@pytest.mark.parametrize(
    ("label", "complaint"),
    [
        ("", "holds 0 numbers instead of 1"),
        ("3 4", "holds 2 numbers instead of 1"),
        ("nan", "holds 'nan', no whole number from 0 to 7"),
        ("8.0", "holds '8.0', no whole number from 0 to 7"),
        ("-1", "holds '-1', no whole number from 0 to 7"),
        ("2.5", "holds '2.5', no whole number from 0 to 7"),
        ("happy", "holds 'happy', no whole number from 0 to 7"),
    ],
)
def test_a_bad_label_leaves_its_sequence_out(root: Path, label: str, complaint: str) -> None:
    write_ck_plus(root, "S005/001", "1.0")
    write_ck_plus(root, "S006/001", label)
    faces = originals.load("ck_plus", SIDE)
    assert len(faces.images) == 3
    assert faces.skipped == {"Emotion/S006/001": f"S006_001_00000005_emotion.txt {complaint}"}


def test_what_else_leaves_sequences_out(root: Path) -> None:
    write_ck_plus(root, "S005/001", "1.0")
    write_ck_plus(root, "S005/002", "1.0", images=2)
    write(write_ck_plus(root, "S005/003", "1.0") / "Emotion/S005/003/other.txt", "2.0")
    assert originals.load("ck_plus", SIDE).skipped == {
        "S005/002": "2 images instead of 3 or more",
        "Emotion/S005/003": "2 label files (.txt) instead of 1",
    }


def test_bad_images_are_left_out_alone(root: Path) -> None:
    place = write_ck_plus(root, "S005/001", "1.0", images=6)
    images = sorted((place / "cohn-kanade-images/S005/001").iterdir())
    write(images[3], b"")
    write(images[4], images[4].read_bytes()[:60])
    faces = originals.load("ck_plus", SIDE)
    assert shades(faces) == [60] and faces.frames.tolist() == [6]
    relative = [image.relative_to(place).as_posix() for image in images]
    assert list(faces.skipped) == relative[3:5]
    assert faces.skipped[relative[3]] == f"{relative[3]} is empty; get it again"
    assert "truncated or damaged" in faces.skipped[relative[4]]
    write(images[5], shade(0))
    with pytest.raises(ValueError, match="^nothing of CK\\+ can be used: cohn-.*is empty"):
        originals.load("ck_plus", SIDE)
    assert not list(originals.CACHE.glob(".*"))


def test_a_set_without_labels_cannot_be_used(root: Path) -> None:
    write_ck_plus(root, "S005/001", None)
    with pytest.raises(ValueError, match=r"CK\+ can be used: Emotion/S005/001: 0 label files"):
        originals.load("ck_plus", SIDE)


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
    faces = originals.load("ck_plus", SIDE)
    for found in faces.images:
        np.testing.assert_array_equal(found, align(image, eyes, SIDE))
    for wrong in (rows[:-40], rows.replace("e+00", "x"), rows.replace("0.0", "nan", 1), ""):
        write(place / "Landmarks" / f"{stem}_landmarks.txt", wrong)
        faces = originals.load("ck_plus", SIDE)
        (reason,) = faces.skipped.values()
        assert reason == "S005_001_00000005_landmarks.txt does not hold 68 points"
        assert len(faces.images) == 2


def video(shades: list[int]) -> bytes:
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
    root: Path,
    session: str,
    name: str,
    label: str,
    view: str = "0",
    shades: list[int] | None = None,
) -> Path:
    """Write one session of MMI: its video, its label and what it says of the camera."""
    place = root / "mmi/Sessions" / session
    write(place / f"{name}.avi", video(shades or list(range(10, 110, 10))))
    tags = f'<Metatag Name="Gender" Value="2"/><Metatag Name="Emotion" Value="{label}"/>'
    write(place / f"{name}.xml", f"<Metadata>{tags}</Metadata>")
    write(place / "session.xml", f'<session><track view="{view}" filename="{name}.avi"/></session>')
    return place


def test_mmi(root: Path) -> None:
    assert not originals.present("mmi")
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


def test_mmi_without_the_use_of_some_files(root: Path) -> None:
    write_mmi(root, "1", "S001-001", "1")
    for session, label in {"2": "nan", "3": "8.0", "4": "0"}.items():
        write_mmi(root, session, f"S002-00{session}", label)
    write(write_mmi(root, "5", "S001-005", "1") / "S001-005.avi", b"no video")
    write(write_mmi(root, "6", "S001-006", "1") / "S001-006.xml", "<Metadata>")
    write_mmi(root, "7", "S001-007", "1", shades=[10, 20])
    marks = '<A><ActionUnit><Marker Frame="x" Type="2"/></ActionUnit></A>'
    write(write_mmi(root, "8", "S001-008", "1") / "S001-008-oao_aucs.xml", marks)
    for number, encoding in {"10": "unicode", "11": "utf-7"}.items():
        declared = f'<?xml version="1.0" encoding="{encoding}"?><Metadata/>'
        write(write_mmi(root, number, f"S001-0{number}", "1") / f"S001-0{number}.xml", declared)
    for number, name in {"12": "S001_012", "13": "013"}.items():
        write_mmi(root, number, name, "1")
    faces = originals.load("mmi", SIDE)
    assert len(faces.images) == 3
    expected = {
        "2": "the label is 'nan', no whole number from 1 on",
        "3": "the label is '8.0', no whole number from 1 on",
        "4": "the label is '0', no whole number from 1 on",
        "5": "S001-005.avi cannot be decoded",
        "6": "S001-006.xml is no XML",
        "7": "S001-007.avi has 2 frames instead of 3 or more",
        "8": "S001-008-oao_aucs.xml marks the frame 'x', no number",
        "10": "S001-010.xml is no XML",
        "11": "S001-011.xml is no XML",
        "12": "its name does not begin with its person, as that of S001-091.avi does",
        "13": "its name does not begin with its person",
    }
    assert len(faces.skipped) == len(expected)
    for name, reason in faces.skipped.items():
        assert reason.startswith(expected[name.split("/")[1]])


@pytest.mark.parametrize(("apex", "first"), [(0, 0), (9, 7), (30, 7), (4, 3)])
def test_the_three_frames_stay_inside_the_video(tmp_path: Path, apex: int, first: int) -> None:
    path = write(tmp_path / "S001-001.avi", video(list(range(10))))
    assert list(mmi.read_frames(path, apex)) == [first, first + 1, first + 2]


def test_oulu_casia(root: Path) -> None:
    for person, name, count in (
        ("P001", "Anger", 5),
        ("P001", "Happiness", 3),
        ("P002", "Fear", 11),
    ):
        for number in range(count):
            path = root / f"oulu_casia/VL/Strong/{person}/{name}/{number:03}.jpeg"
            write(path, shade(10 * number + 10))
    write(root / "oulu_casia/VL/Strong/P002/Joy/000.jpeg", shade(9))
    write(root / "oulu_casia/VL/Strong/P002/Fear/Thumbs.db", b"\0")
    assert originals.present("oulu_casia")
    faces = originals.load("oulu_casia", SIDE)
    assert shades(faces) == [30, 40, 50, 10, 20, 30, 90, 100, 110]
    assert faces.identities.tolist() == [0] * 6 + [1] * 3
    assert faces.frames.tolist() == [2, 3, 4, 0, 1, 2, 8, 9, 10]
    assert [faces.classes[e] for e in faces.expressions[::3]] == ["anger", "happiness", "fear"]
    assert faces.skipped == {"VL/Strong/P002/Joy": "'Joy' is none of the six expressions"}


@pytest.mark.parametrize("name", ["{}", "{:02}", "img{}", "frame-{}", "P001_{}", "P001_Anger{}"])
def test_frames_follow_their_numbers(root: Path, name: str) -> None:
    for number in range(1, 13):
        path = root / f"oulu_casia/VL/Strong/P001/Anger/{name.format(number)}.jpeg"
        write(path, shade(10 * number))
    faces = originals.load("oulu_casia", SIDE)
    assert faces.frames.tolist() == [10, 11, 12] and shades(faces) == [100, 110, 120]


def test_a_person_spelled_otherwise_is_the_same_person(root: Path) -> None:
    for person in ("P001", "P001 ", "P002"):
        for number in range(3):
            write(root / f"oulu_casia/VL/Strong/{person}/Anger/{number:03}.jpeg", shade(90))
    assert originals.load("oulu_casia", SIDE).identities.tolist() == [0] * 6 + [1] * 3
    for session, name in {"1": "S001-001", "2": "s001-002", "3": "S002-001"}.items():
        write_mmi(root, session, name, "1")
    assert originals.load("mmi", SIDE).identities.tolist() == [0] * 6 + [1] * 3


def test_bu_4dfe(root: Path) -> None:
    for number in (0, 1, 2, 10):
        write(root / f"bu_4dfe/M001/Happy/{number:03}.jpg", shade(10 * number + 10))
    write(root / "bu_4dfe/M001/Happy/000.wrl", "#VRML")
    write(root / "bu_4dfe/F002/Angry/000.jpg", shade(200))
    write(root / "bu_4dfe/F002/Bored/000.jpg", shade(9))
    faces = originals.load("bu_4dfe", SIDE)
    assert shades(faces) == [200, 10, 20, 30, 110]
    assert faces.frames.tolist() == [0, 0, 1, 2, 10]
    assert faces.identities.tolist() == [0, 1, 1, 1, 1]
    assert [faces.classes[e] for e in faces.expressions[:2]] == ["anger", "happiness"]
    assert faces.skipped == {"F002/Bored": "'Bored' is none of the six expressions"}


def test_endings_in_capitals_count_and_what_macos_leaves_does_not(root: Path) -> None:
    place = root / "bu_4dfe/F001/Happy"
    write(place / "000.jpg", shade(90)).rename(place / "000.JPG")
    write(place / "._000.jpg", b"\0")
    assert originals.present("bu_4dfe")
    faces = originals.load("bu_4dfe", SIDE)
    assert shades(faces) == [90] and not faces.skipped
    (place / "000.JPG").unlink()
    assert not originals.present("bu_4dfe")
    with pytest.raises(FileNotFoundError, match=r"bu_4dfe has only files that begin with \._"):
        originals.load("bu_4dfe", SIDE)


def test_a_set_that_is_nearly_there_is_named(root: Path) -> None:
    write(root / "CK+/cohn-kanade-images/S005/001/S005_001_00000001.png", shade(10))
    with pytest.raises(FileNotFoundError, match=r"CK\+ is there: call it ck_plus; sign"):
        originals.load("ck_plus", SIDE)
    write(root / "mmi/mmi/Sessions/1/S001-001.avi", b"")
    with pytest.raises(FileNotFoundError, match="lies too deep: move what it holds up to mmi"):
        originals.load("mmi", SIDE)


@pytest.mark.parametrize("name", originals.SETS)
def test_a_missing_set_says_whom_to_ask(root: Path, name: str) -> None:
    (root / data_root.sources()[name].folder).mkdir()  # an empty folder is none
    assert not originals.present(name)
    with pytest.raises(FileNotFoundError, match=f"not found under .*{name} .*agreement|account"):
        originals.load(name, SIDE)


def test_an_unknown_set_is_refused() -> None:
    for call in (originals.present, lambda name: originals.load(name, SIDE)):
        with pytest.raises(ValueError, match="^unknown set 'fer2013'; choose one of: ck_plus, mmi"):
            call("fer2013")


def test_the_cache_is_used_until_a_file_changes(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = write_ck_plus(root, "S005/001", "1.0")
    first = originals.load("ck_plus", SIDE)
    assert isinstance(first.images, Rows)

    def never(*_: object) -> None:
        raise AssertionError("an image was read although nothing changed")

    with monkeypatch.context() as patch:
        patch.setattr(ckplus, "read_image", never)
        again = originals.load("ck_plus", SIDE)
    np.testing.assert_array_equal(again.images, first.images)
    assert again.fingerprint() == first.fingerprint()
    write(place / "cohn-kanade-images/S005/001/S005_001_00000005.png", shade(77))
    assert shades(originals.load("ck_plus", SIDE)) == [30, 40, 77]
    write(place / "Emotion/S005/001/S005_001_00000005_emotion.txt", "2.0")
    assert originals.load("ck_plus", SIDE).expressions.tolist() == [1] * 3
    assert originals.load("ck_plus", 24).images.shape == (3, 24, 24, 3)


@pytest.mark.parametrize("kind", ["npy", "json"])
@pytest.mark.parametrize("keep", [0, 150])
def test_a_damaged_cache_is_made_again(root: Path, kind: str, keep: int) -> None:
    write_ck_plus(root, "S005/001", "1.0")
    originals.load("ck_plus", SIDE)
    (path,) = originals.CACHE.glob(f"*.{kind}")
    path.write_bytes(path.read_bytes()[:keep])
    assert shades(originals.load("ck_plus", SIDE)) == [30, 40, 50]


def test_a_face_goes_all_the_way(
    tmp_path: Path, face: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    monkeypatch.setattr(originals, "CACHE", tmp_path / "cache")
    image, eyes = face
    write(tmp_path / "bu_4dfe/F001/Angry/000.png", image).rename(
        tmp_path / "bu_4dfe/F001/Angry/000.jpg"
    )
    (found,) = originals.load("bu_4dfe", 110).images
    expected = cv2.GaussianBlur(align(image, eyes, 110), (0, 0), 3)  # the finder errs by a pixel
    assert np.corrcoef(cv2.GaussianBlur(found, (0, 0), 3).ravel(), expected.ravel())[0, 1] > 0.9
