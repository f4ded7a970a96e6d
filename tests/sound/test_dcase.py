"""The original rung, on a small tree of the same form: what is found, left out and refused."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from lib.book import data_root
from lib.sound import features, pretrained
from lib.sound.data import clip_files, dcase, media
from lib.sound.data.corpus import SPLITS, Waveform
from lib.sound.data.lists import read_strong

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


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a second of pictures."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_film(path, 120, sound=False)
    return path


@pytest.fixture
def place(tmp_path: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make lists of six clips, sound and pictures for each; give their folder."""
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    monkeypatch.setattr(data_root, "locate", lambda name: tmp_path / name)  # the lists as well
    monkeypatch.setattr(dcase, "CACHE", tmp_path / "cache")
    durations(tmp_path, "")
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
            video(dcase.folder(), name).parent.mkdir(exist_ok=True)
            shutil.copyfile(film, video(dcase.folder(), name))
    return dcase.folder()


def durations(root: Path, rows: str) -> None:
    """Write what DESED measured of clips."""
    path = root / "desed_baseline" / "validation_durations.tsv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"filename\tduration\n{rows}")


def audio(place: Path, name: str) -> Path:
    """Return where the sound of a clip lies."""
    (path,) = (place / "audio").rglob(f"{Path(name).stem}.*")
    return path


def video(place: Path, name: str) -> Path:
    """Return where the pictures of a clip lie."""
    return place / "video" / f"{Path(name).stem}.mp4"


def left_out(place: Path) -> list[list[str]]:
    """Return the rows of the table of clips that are left out."""
    rows = (place.parent / "cache" / dcase.LEFT_OUT).read_text().splitlines()
    assert rows[0] == "filename\tsplit\treason"
    return [row.split("\t") for row in rows[1:]]


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


def test_measured_durations_go_before_those_of_the_names(place: Path) -> None:
    durations(place.parent, f"{TEST[1]}\t8.2\n")
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


def test_pictures_beside_the_sound_or_inside_its_file(place: Path) -> None:
    audio(place, TEST[0]).unlink()
    video(place, TEST[0]).unlink()
    write_film(place / "audio" / f"{Path(TEST[0]).stem}.mp4", 200, sound=True)
    write_film(video(place, TEST[1]), 90, sound=False)
    corpus, times = dcase.load(), np.array([0.0, 0.5])
    assert corpus.left_out == {}
    for name, grey in ((TEST[0], 200), (TEST[1], 90)):
        pictures = corpus.frames(name, times)
        assert pictures is not None and pictures.shape == (2, 32, 32, 3)
        assert pictures.mean() == pytest.approx(grey, abs=4)
    assert corpus.audio(TEST[0]).seconds == pytest.approx(1.0, abs=0.1)


def test_clips_without_a_file_are_left_out_with_their_labels(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audio(place, WEAK[0]).unlink()
    video(place, TEST[0]).unlink()
    corpus = dcase.load()
    assert corpus.left_out == {WEAK[0]: clip_files.NO_AUDIO, TEST[0]: clip_files.NO_PICTURES}
    assert corpus.clips["weak"] == WEAK[1:] and list(corpus.weak) == [WEAK[1]]
    assert corpus.clips["test"] == corpus.strong["test"].clips == TEST[1:]
    assert len(corpus.strong["test"]) == 0
    assert left_out(place) == [
        [WEAK[0], "weak", clip_files.NO_AUDIO],
        [TEST[0], "test", clip_files.NO_PICTURES],
    ]
    assert capsys.readouterr().out == (
        "DCASE 2018 task 4: 2 of 6 clips are left out (1 missing, 1 without pictures); "
        "data/cache/dcase2018_left_out.tsv says which and why\n"
    )


def cut(path: Path) -> None:
    """Keep the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def silent(path: Path) -> None:
    """Keep a second of nothing."""
    soundfile.write(path, 0 * tone(300), RATE)


def page(path: Path) -> None:
    """Write what a server says instead of a clip."""
    path.write_bytes(b"<html>not found</html>")


@pytest.mark.parametrize(
    ("kind", "spoil", "reason"),
    [
        ("audio", page, "audio/weak/{} cannot be decoded"),
        ("audio", silent, "audio/weak/{} is silent: all its samples"),
        ("audio", cut, "audio/weak/{} is truncated: 16022 bytes of 32044"),
        ("video", page, "video/{} cannot be decoded"),
        ("video", cut, ""),  # FFmpeg may see no stream in it, or no form
        ("video", silent, clip_files.NO_PICTURES),
    ],
)
def test_a_bad_clip_is_left_out_with_its_reason(
    place: Path, kind: str, spoil: Callable[[Path], None], reason: str
) -> None:
    path = audio(place, WEAK[0]) if kind == "audio" else video(place, WEAK[0])
    if (kind, spoil) == ("video", silent):
        soundfile.write(path.with_suffix(".wav"), tone(300), RATE)
        path.with_suffix(".wav").replace(path)
    else:
        spoil(path)
    corpus = dcase.load()
    assert list(corpus.left_out) == [WEAK[0]] and corpus.clips["weak"] == WEAK[1:]
    line = corpus.left_out[WEAK[0]]
    assert line.startswith(reason.format(path.name)) and "\n" not in line
    assert left_out(place) == [[WEAK[0], "weak", line]]


def test_a_film_without_sound_gives_none(place: Path) -> None:
    path = audio(place, WEAK[0])
    write_film(path.with_suffix(".mp4"), 90, sound=False)
    assert dcase.load().left_out == {}  # the .wav goes before the .mp4
    path.unlink()
    assert "has no audio stream" in dcase.load().left_out[WEAK[0]]


def test_unusual_sound_is_no_bad_sound(place: Path) -> None:
    loud = np.stack([tone(300), 0.5 * tone(300)], axis=1)
    soundfile.write(audio(place, WEAK[0]), loud, RATE)  # stereo
    soundfile.write(audio(place, WEAK[1]), tone(300)[::2], RATE // 2)  # 8 kHz
    soundfile.write(audio(place, TEST[0]), tone(300, 0.3), RATE)  # shorter than one window
    soundfile.write(audio(place, TEST[1]), tone(300)[:2], RATE)
    corpus = dcase.load()
    assert corpus.left_out == {}
    np.testing.assert_allclose(
        corpus.audio(WEAK[0]).samples, corpus.audio(VALIDATION[0]).samples * 0.75, atol=1e-4
    )
    for name in (*WEAK, *TEST):
        sound = corpus.audio(name)
        spectrum, patches = features.log_mel(sound), pretrained.log_mel_patches(sound, 0.01)
        assert spectrum.shape == (604, 128) and np.isfinite(spectrum).all()
        assert patches.shape == (167, 96, 64) and np.isfinite(patches).all()
    loudest = [features.log_mel(corpus.audio(n))[50].argmax() for n in (WEAK[1], VALIDATION[0])]
    assert loudest[0] == loudest[1]  # the tone of 300 Hz is where it was


def count_decoding(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return a list that grows with each sound that is decoded."""
    decoded: list[Path] = []
    read = media.read_audio

    def counted(path: Path) -> Waveform:
        decoded.append(path)
        return read(path)

    monkeypatch.setattr(media, "read_audio", counted)
    return decoded


def test_what_was_decoded_is_remembered(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audio(place, WEAK[0]).write_bytes(b"<html>not found</html>")
    decoded = count_decoding(monkeypatch)
    first = dcase.load()
    assert len(decoded) == 6 and list(first.left_out) == [WEAK[0]]
    monkeypatch.setattr(clip_files, "_digest", None)  # nothing is hashed again either
    second = dcase.load()
    assert len(decoded) == 6 and second.left_out == first.left_out
    assert second.fingerprint("sound") == first.fingerprint("sound")


@pytest.mark.parametrize("change", ["content", "time", "place", "pictures", "version"])
def test_what_has_changed_is_decoded_again(
    place: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dcase.load().fingerprint("sound")
    decoded, path = count_decoding(monkeypatch), audio(place, TEST[1])
    if change == "content":
        soundfile.write(path, tone(250, 2.0), RATE)
    elif change == "time":
        os.utime(path, (1, 1))
    elif change == "place":
        path.rename(place / "audio" / path.name)
    elif change == "pictures":
        os.utime(video(place, TEST[1]), (1, 1))
    else:
        monkeypatch.setattr(clip_files, "VERSION", clip_files.VERSION + 1)
    after = dcase.load()
    assert len(decoded) == (6 if change == "version" else 1)
    assert (after.fingerprint("sound") == before) == (change != "content")


@pytest.mark.parametrize("goodbye", [True, False])
def test_an_interruption_loses_little(
    place: Path, goodbye: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded, frames, save = count_decoding(monkeypatch), media.read_frames, clip_files.Clips.save
    monkeypatch.setattr(clip_files, "BATCH", 2)

    def interrupted(path: Path, times: np.ndarray) -> np.ndarray | None:
        if len(decoded) == 6:
            raise KeyboardInterrupt
        return frames(path, times)

    with monkeypatch.context() as patch:
        patch.setattr(media, "read_frames", interrupted)
        if not goodbye:  # as when the power is cut
            patch.setattr(clip_files.Clips, "save", lambda clips: len(decoded) < 6 and save(clips))
        with pytest.raises(KeyboardInterrupt):
            dcase.load()
    assert len(clip_files.read_memo(place.parent / "cache" / dcase.CHECKED)) == 4 + goodbye
    assert dcase.load().left_out == {}
    assert len(decoded) == 6 + 2 - goodbye


def test_a_damaged_memo_counts_as_none(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = dcase.load().fingerprint("sound")
    path = place.parent / "cache" / dcase.CHECKED
    whole, decoded = path.read_bytes(), count_decoding(monkeypatch)
    for turn, content in enumerate((whole[:-40], b"", b"\xff\xfe", b"[1]", b'{"a": 1}'), start=1):
        path.write_bytes(content)
        for _ in range(2):
            assert dcase.load().fingerprint("sound") == expected and len(decoded) == 6 * turn


def test_two_processes_share_what_they_find(place: Path) -> None:
    found = {}
    for clips, name in zip((dcase.files(), dcase.files()), TEST, strict=True):
        found[name] = clips.examine(name)
        clips.save()
    third = dcase.files()
    assert {name: third.known(name) for name in TEST} == found


def test_a_file_that_cannot_be_read_now_is_asked_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = media.read_audio

    def unlucky(path: Path) -> Waveform:
        if path.stem == Path(TEST[1]).stem:
            raise OSError(5, "Input/output error", str(path))
        return read(path)

    monkeypatch.setattr(media, "read_audio", unlucky)
    assert "Input/output error" in dcase.load().left_out[TEST[1]]
    monkeypatch.setattr(media, "read_audio", read)
    assert dcase.load().left_out == {}


def test_without_any_pictures_one_line_says_what_to_do(place: Path) -> None:
    shutil.rmtree(place / "video")
    with pytest.raises(
        FileNotFoundError, match="no clip .* has pictures.*python -m tools.fetch_dcase"
    ) as found:
        dcase.load()
    assert "\n" not in str(found.value)


def test_a_split_without_a_clip_is_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    audio(place, TEST[0]).write_bytes(b"")
    audio(place, TEST[1]).unlink()
    complaint = r"none of the 2 test clips .*\(1 damaged or silent, 1 missing; .*--split test`, or"
    with pytest.raises(FileNotFoundError, match=complaint) as found:
        dcase.load()
    assert "\n" not in str(found.value) and capsys.readouterr().out == ""
    assert [row[:2] for row in left_out(place)] == [[name, "test"] for name in TEST]
    audio(place, VALIDATION[0]).unlink()
    decoded = count_decoding(monkeypatch)
    with pytest.raises(FileNotFoundError, match="none of the 1 validation clips .*1 missing"):
        dcase.load()
    assert decoded == []  # names told enough


def test_the_content_is_that_of_the_files(place: Path) -> None:
    before = dcase.load()
    whole, first = before.fingerprint("sound"), before.content(TEST[0], "sound")
    assert first != before.content(TEST[1], "sound") and dcase.load().fingerprint("sound") == whole
    shutil.copy(audio(place, TEST[1]), audio(place, TEST[0]))  # the same size, other bytes
    assert dcase.load().content(TEST[0], "sound") == before.content(TEST[1], "sound") != first
    write_film(place / "video" / f"{Path(TEST[0]).stem}.mp4", 90, sound=False)
    assert dcase.load().content(TEST[0], "sound") != before.content(TEST[1], "sound")
    assert dcase.load().fingerprint("sound") != whole


def test_mostly_present_means_a_sound(place: Path) -> None:
    assert dcase.mostly_present()
    shutil.rmtree(place / "audio")
    assert not dcase.mostly_present()
    (place / "audio").mkdir()
    (place / "audio" / "notes.txt").write_text("soon")
    assert not dcase.mostly_present()
    with pytest.raises(
        FileNotFoundError, match="no clip of DCASE.*python -m tools.fetch_dcase"
    ) as raised:
        dcase.load()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("split", "old", "new", "complaint"),
    [
        ("test", TEST[1], f"../{TEST[1]}", "row 3: '../Ytest_clip_2_0.000_10.000.wav' is no clip"),
        ("test", TEST[1], "../../etc/passwd", "row 3: '../../etc/passwd' is no clip"),
        ("unlabelled", UNLABELLED[0], "/etc/passwd", "row 2: '/etc/passwd' is no clip"),
        ("weak", WEAK[1], "Y..\\a_second_0.000_1.000.wav", "row 3: .* is no clip"),
        ("weak", WEAK[1], "", "row 3: no filename"),
        ("weak", WEAK[1], WEAK[0], "row 3: .* is in the weak list already"),
        ("unlabelled", UNLABELLED[0], WEAK[0], "row 2: .* is in the weak list already"),
        ("test", TEST[1], VALIDATION[0], "row 3: .* is in the validation list already"),
        ("test", "filename", "file", "row 1: no column 'filename'"),
        ("test", "Frying", "Dragon", "row 2: unknown label 'Dragon'"),
        ("test", "1\t9.115", "9.5\t9.8", "row 2: begins at 9.5 s, but the clip ends at 9.0 s"),
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


def test_the_official_lists_have_the_published_numbers_of_clips() -> None:
    found = dcase.listed(dcase.lists())
    assert [len(found[split]) for split in SPLITS] == [1578, 14412, 288, 880]
    published = read_strong(dcase.lists() / "eval_dcase2018.tsv")
    assert found["test"] == published.clips
