"""The original rung, on a small tree of the same form: what is found, left out and refused."""

import shutil
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from lib.book import data_root
from lib.sound import data, labels
from lib.sound.data import SPLITS
from lib.sound.datasets import dcase

RATE = 16_000
WEAK = ("Y-Ab_cdefghi_0.000_10.000.wav", "Yweak_second_30.000_34.000.wav")
UNLABELLED = ("Yunlabelled-_1.000_11.000.wav",)
VALIDATION = ("Yvalidation1_2.000_12.000.wav",)
TEST = ("Ytest_clip_1_0.000_9.000.wav", "Ytest_clip_2_0.000_10.000.wav")
CLIPS = dict(zip(SPLITS, (WEAK, UNLABELLED, VALIDATION, TEST), strict=True))
STRONG = "filename\tonset\toffset\tevent_label\n"


def tone(frequency: float, seconds: float = 1.0) -> np.ndarray:
    """Return a tone at RATE, float32."""
    return (0.4 * np.sin(2 * np.pi * frequency * np.arange(seconds * RATE) / RATE)).astype("f4")


def write_film(path: Path, grey: int, sound: bool) -> None:
    """Write a second of grey pictures, with sound or without."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as output:
        pictures = output.add_stream("libx264", rate=5)
        pictures.width, pictures.height, pictures.pix_fmt = 32, 32, "yuv420p"
        voice = output.add_stream("aac", rate=RATE, layout="mono") if sound else None
        for _ in range(5):
            picture = np.full((32, 32, 3), grey, dtype=np.uint8)
            output.mux(pictures.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(pictures.encode(None))
        if voice:
            frame = av.AudioFrame.from_ndarray(tone(440)[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE, 0
            output.mux(voice.encode(frame))
            output.mux(voice.encode(None))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make lists of six clips and a sound for each; give their folder."""
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    texts = {
        "weak": f"filename\tevent_labels\n{WEAK[0]}\tDog,Speech\n{WEAK[1]}\tCat\n",
        "unlabelled": f"filename\n{UNLABELLED[0]}\n",
        "validation": f"{STRONG}{VALIDATION[0]}\t0.5\t3\tDog\n{VALIDATION[0]}\t4\t5\tDog\n",
        "test": f"{STRONG}{TEST[0]}\t1\t9.115\tFrying\n{TEST[1]}\t\t\t\n",
    }
    for split, text in texts.items():
        path = dcase.folder() / dcase.LISTS[split]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for index, name in enumerate(CLIPS[split]):
            file = dcase.folder() / "audio" / split / name
            file.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(file, tone(300 + 100 * index), RATE)
    return dcase.folder()


def audio(place: Path, name: str) -> Path:
    """Return where the sound of a clip lies."""
    (path,) = (place / "audio").rglob(f"{Path(name).stem}.*")
    return path


def rewrite(place: Path, split: str, old: str, new: str) -> None:
    """Change a list."""
    path = place / dcase.LISTS[split]
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_name_is_cut_by_position() -> None:
    assert dcase.parse_name("Y_0-00-1_abc_10.000_20.000.wav") == (
        dcase.Source("_0-00-1_abc", 10.0, 20.0)
    )
    for name in ("Y12345678901_0_10.wav", "Y12345678901_10.000_0.000.wav", "12345678901_0.000.wav"):
        with pytest.raises(ValueError, match="is no clip; expected Y<11 characters>"):
            dcase.parse_name(name)


def test_the_lists_are_read_as_they_are(place: Path) -> None:
    corpus = dcase.load()
    assert (corpus.name, corpus.rung) == ("dcase2018", "original")
    assert dict(corpus.clips) == CLIPS and corpus.left_out == {}
    assert corpus.weak == {WEAK[0]: ("Dog", "Speech"), WEAK[1]: ("Cat",)}
    validation, test = corpus.strong["validation"], corpus.strong["test"]
    assert validation.clips == VALIDATION and validation.onset.tolist() == [0.5, 4.0]
    assert test.clips == TEST and test.durations.tolist() == [9.0, 10.0]
    assert test.offset.tolist() == [9.0]  # past the end: clipped; the other clip has no event
    assert test.tags.any(axis=1).tolist() == [True, False]
    assert corpus.weak_targets().sum(axis=1).tolist() == [2, 1]
    assert "v=test_clip_1, 0.0 to 9.0 s" in corpus.notes(TEST[0])


def test_measured_durations_go_before_those_of_the_names(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.parent / "desed_baseline").mkdir()
    (place.parent / "desed_baseline/validation_durations.tsv").write_text(
        f"filename\tduration\n{TEST[1]}\t8.2\n"
    )
    monkeypatch.setattr(data_root, "present", lambda name: name == "desed_baseline")
    monkeypatch.setattr(data_root, "locate", lambda name: data_root.root() / name)
    assert dcase.load().strong["test"].durations.tolist() == [9.0, 8.2]


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
def test_sound_is_found_by_stem_in_any_form(place: Path, ending: str) -> None:
    audio(place, TEST[1]).unlink()
    path = place / "audio" / "elsewhere" / f"{Path(TEST[1]).stem}.{ending}"
    path.parent.mkdir()
    soundfile.write(path, tone(700), RATE)
    found = dcase.load().audio(TEST[1])
    assert found.rate == RATE and found.seconds == pytest.approx(1.0, abs=0.1)
    spectrum = np.abs(np.fft.rfft(found.samples))
    assert np.argmax(spectrum) * RATE / len(found.samples) == pytest.approx(700, abs=5)


def test_pictures_beside_the_sound_inside_its_file_or_nowhere(place: Path) -> None:
    audio(place, TEST[0]).unlink()
    write_film(place / "audio" / f"{Path(TEST[0]).stem}.mp4", 200, sound=True)
    write_film(place / "video" / f"{Path(TEST[1]).stem}.mp4", 90, sound=False)
    corpus, times = dcase.load(), np.array([0.0, 0.5])
    for name, grey in ((TEST[0], 200), (TEST[1], 90)):
        pictures = corpus.frames(name, times)
        assert pictures is not None and pictures.shape == (2, 32, 32, 3)
        assert pictures.mean() == pytest.approx(grey, abs=4)
    assert corpus.frames(WEAK[0], times) is None
    assert corpus.audio(TEST[0]).seconds == pytest.approx(1.0, abs=0.1)


def test_missing_clips_are_left_out_with_their_labels(place: Path) -> None:
    for name in (WEAK[0], TEST[0]):
        audio(place, name).unlink()
    corpus = dcase.load()
    assert corpus.left_out == {WEAK[0]: dcase.NO_AUDIO, TEST[0]: dcase.NO_AUDIO}
    assert corpus.clips["weak"] == WEAK[1:] and list(corpus.weak) == [WEAK[1]]
    assert corpus.clips["test"] == corpus.strong["test"].clips == TEST[1:]
    assert len(corpus.strong["test"]) == 0


def test_bad_clips_are_found_by_listening_once(place: Path) -> None:
    audio(place, WEAK[0]).write_bytes(b"<html>not found</html>")
    audio(place, WEAK[1]).write_bytes(b"")
    soundfile.write(audio(place, UNLABELLED[0]), np.zeros(RATE), RATE)
    soundfile.write(audio(place, VALIDATION[0]), np.zeros(0), RATE)
    broken = place / "video" / f"{Path(TEST[0]).stem}.mp4"
    broken.parent.mkdir()
    broken.write_bytes(b"nothing to see")
    corpus = dcase.load()
    assert corpus.left_out == {}
    checked = dcase.check(corpus)
    assert [len(checked.clips[split]) for split in SPLITS] == [0, 0, 0, 1]
    expected = {
        WEAK[0]: "cannot be decoded",
        WEAK[1]: "empty file",
        UNLABELLED[0]: "silent",
        VALIDATION[0]: "",
        TEST[0]: "cannot be decoded",
    }
    assert list(checked.left_out) == list(expected)
    for name, reason in expected.items():
        line = checked.left_out[name]
        assert reason in line and Path(name).stem in line and "\n" not in line
    assert checked.strong["test"].clips == TEST[1:] and checked.weak == {}
    assert checked.audio(TEST[1]).seconds == 1.0


def test_the_content_is_that_of_the_files(place: Path) -> None:
    before = dcase.load()
    whole, first = before.fingerprint(), before.content(TEST[0])
    assert first != before.content(TEST[1]) and dcase.load().fingerprint() == whole
    shutil.copy(audio(place, TEST[1]), audio(place, TEST[0]))  # the same size, other bytes
    assert dcase.load().content(TEST[0]) == before.content(TEST[1]) != first
    write_film(place / "video" / f"{Path(TEST[0]).stem}.mp4", 90, sound=False)
    assert dcase.load().content(TEST[0]) != before.content(TEST[1])
    assert dcase.load().fingerprint() != whole


def test_present_means_lists_and_a_sound(place: Path) -> None:
    assert dcase.present() and data.best() == "dcase2018"
    shutil.rmtree(place / "audio")
    assert not dcase.present()
    (place / "audio").mkdir()
    (place / "audio" / "notes.txt").write_text("soon")
    assert not dcase.present()
    with pytest.raises(FileNotFoundError, match="no clip of DCASE 2018.*datasets.fetch") as raised:
        dcase.load()
    assert "\n" not in str(raised.value)
    (place / dcase.LISTS["test"]).unlink()
    with pytest.raises(FileNotFoundError, match="no list .*eval.csv"):
        dcase.load()


@pytest.mark.parametrize(
    ("split", "old", "new", "complaint"),
    [
        ("test", TEST[1], f"../{TEST[1]}", "row 3: '../Ytest_clip_2_0.000_10.000.wav' is no clip"),
        ("test", TEST[1], "../../etc/passwd", "row 3: '../../etc/passwd' is no clip"),
        ("unlabelled", UNLABELLED[0], "/etc/passwd", "row 2: '/etc/passwd' is no clip"),
        ("weak", WEAK[1], "Y..\\a_second_0.000_1.000.wav", "row 3: .* is no clip"),
        ("weak", WEAK[1], "", "row 3: '' is no clip"),
        ("weak", WEAK[1], WEAK[0], "row 3: .* is in the weak list already"),
        ("unlabelled", UNLABELLED[0], WEAK[0], "row 2: .* is in the weak list already"),
        ("test", TEST[1], VALIDATION[0], "row 3: .* is in the validation list already"),
        ("test", "filename", "file", "row 1: no column 'filename'"),
        ("test", "event_label", "label", "row 1: no column 'event_label'"),
        ("test", "Frying", "Dragon", "row 2: unknown label 'Dragon'"),
        ("test", "1\t9.115", "9\t8", "row 2: the event begins at 9.0 s and ends at 8.0 s"),
        ("weak", "Cat", "Cow", "row 3: unknown label 'Cow'"),
    ],
)
def test_a_wrong_list_is_one_line_with_file_and_row(
    place: Path, split: str, old: str, new: str, complaint: str
) -> None:
    rewrite(place, split, old, new)
    with pytest.raises(ValueError, match=complaint) as raised:
        dcase.load()
    assert str(raised.value).startswith(str(place / dcase.LISTS[split]))
    assert "\n" not in str(raised.value)


def test_harmless_forms_and_a_binary_list(place: Path) -> None:
    expected = dcase.load()
    for path in (place / list_ for list_ in dcase.LISTS.values()):
        text = path.read_text().replace("\n", "\r\n") + "\r\n"
        path.write_bytes(text.encode("utf-8-sig"))
    found = dcase.load()
    assert found.clips == expected.clips and found.weak == expected.weak
    assert found.strong["test"].fingerprint == expected.strong["test"].fingerprint
    (place / dcase.LISTS["unlabelled"]).write_bytes(b"RIFF\xff\xfe")
    with pytest.raises(ValueError, match="no text in UTF-8"):
        dcase.load()


def test_the_official_lists_have_the_published_numbers_of_clips(lists: Path) -> None:
    folder = lists / "dcase2018_task4"
    if not (folder / dcase.LISTS["unlabelled"]).is_file():
        pytest.skip("the unlabelled list is not there: see data/README.md")
    found = dcase.listed(folder)
    assert [len(found[split]) for split in SPLITS] == [1578, 14412, 288, 880]
    published = labels.read_strong(folder / "eval_dcase2018.tsv")
    assert found["test"] == published.clips
