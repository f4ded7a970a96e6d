"""The original rung, on a small tree of the same form: what is found, left out, refused and run."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from lib.book import data_root
from lib.sound.data import clip_files, datasets, dcase, media
from lib.sound.data.corpus import SPLITS, Waveform
from lib.sound.runs import experiments, extraction
from lib.sound.runs.profiles import Profile

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
    lists, locate = ("dcase2018_task4", "desed_baseline"), data_root.locate
    monkeypatch.setattr(
        data_root, "locate", lambda name: tmp_path / name if name in lists else locate(name)
    )
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


def test_the_lists_are_read_as_they_are(place: Path) -> None:
    durations(place.parent, f"{TEST[1]}\t8.2\n")  # as measured, before what its name says
    corpus = dcase.load()
    with pytest.raises(ValueError, match="is no clip; expected Y<11 characters>"):
        dcase.parse_name("Y12345678901_10.000_0.000.wav")
    assert (corpus.name, corpus.rung) == ("dcase2018", "original")
    assert dict(corpus.clips) == CLIPS and corpus.left_out == {}
    assert corpus.weak == {WEAK[0]: ("Dog", "Speech"), WEAK[1]: ("Cat",)}
    validation, test = corpus.strong["validation"], corpus.strong["test"]
    assert validation.clips == VALIDATION and validation.onset.tolist() == [0.5, 4.0]
    assert test.clips == TEST and test.durations.tolist() == [9.0, 8.2]
    assert test.offset.tolist() == [9.0]  # past the end: clipped; the other clip has no event
    assert test.tags.any(axis=1).tolist() == [True, False]
    assert corpus.weak_targets().sum(axis=1).tolist() == [2, 1]
    assert dcase.parse_name(WEAK[0]) == dcase.Source("-Ab_cdefghi", 0.0, 10.0)
    assert "v=test_clip_1, 0.0 to 9.0 s" in corpus.notes(TEST[0])


def test_part_one_runs_on_the_original_and_notices_another_clip(
    place: Path, profile: Profile, tiny: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments, "WEIGHTS", place.parent / "checkpoints")
    monkeypatch.setattr(extraction, "CACHE", place.parent / "features")
    experiments._corpus.cache_clear()
    short = replace(profile.training, epochs=1, steps_per_epoch=1)
    common = experiments.common(replace(profile, dataset="best", training=short))
    assert (common["dataset"], common["rung"]) == ("dcase2018", "original")
    run = experiments.config(common, ("spectral", "audio", "visual"), seed=0)
    found = experiments.run_one(run)
    assert found["shape"] == [2, 10] and experiments.weights_path(run).is_file()
    assert len(found["history"]["validation_clip"]) == 1
    soundfile.write(audio(place, TEST[0]), tone(200), RATE)
    experiments._corpus.cache_clear()
    with pytest.raises(ValueError, match="clips or pretrained weights are not those of this run"):
        experiments.prepared_for(run)
    experiments._corpus.cache_clear()


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_the_original_is_best_only_while_half_of_each_split_is_there(
    place: Path, kind: str
) -> None:
    audio(place, WEAK[0]).unlink()
    assert datasets.best() == "dcase2018"
    (audio if kind == "audio" else video)(place, WEAK[1]).unlink()
    assert datasets.best() == "esc10"
    with pytest.raises(FileNotFoundError, match=r"none of the 2 weak clips .*tools.fetch_dcase"):
        datasets.load("dcase2018")


@pytest.mark.parametrize("ending", ["flac", "mp3"])
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


def cut(path: Path) -> None:
    """Keep the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def silent(path: Path) -> None:
    """Keep a second of nothing."""
    soundfile.write(path, 0 * tone(300), RATE)


@pytest.mark.parametrize(
    ("kind", "spoil", "reason"),
    [
        ("audio", Path.unlink, clip_files.NO_AUDIO),
        ("video", Path.unlink, clip_files.NO_PICTURES),
        ("audio", silent, "audio/weak/{} is silent: all its samples"),
        ("audio", cut, "audio/weak/{} is truncated: 16022 bytes of 32044"),
        ("video", cut, ""),  # FFmpeg may see no stream in it, or no form
        ("video", lambda path: path.write_bytes(b"<html>"), "video/{} cannot be decoded"),
    ],
)
def test_a_bad_clip_is_left_out_with_its_labels_and_a_reason(
    place: Path,
    kind: str,
    spoil: Callable[[Path], object],
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = (audio if kind == "audio" else video)(place, WEAK[0])
    spoil(path)
    corpus = dcase.load()
    assert list(corpus.left_out) == [WEAK[0]]
    assert corpus.clips["weak"] == WEAK[1:] == tuple(corpus.weak)
    line = corpus.left_out[WEAK[0]]
    assert line.startswith(reason.format(path.name)) and "\n" not in line
    rows = (place.parent / "cache" / dcase.LEFT_OUT).read_text().splitlines()
    assert rows == ["filename\tsplit\treason", f"{WEAK[0]}\tweak\t{line}"]
    assert "1 of 6 clips are left out (1 " in capsys.readouterr().out


# --- what is remembered


def count_decoding(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return a list that grows with each sound that is decoded."""
    decoded: list[Path] = []
    read = media.read_audio

    def counted(path: Path) -> Waveform:
        decoded.append(path)
        return read(path)

    monkeypatch.setattr(media, "read_audio", counted)
    return decoded


@pytest.mark.parametrize("change", ["nothing", "content", "place", "pictures", "version"])
def test_only_what_has_changed_is_decoded_again(
    place: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio(place, WEAK[0]).write_bytes(b"<html>not found</html>")
    decoded, path = count_decoding(monkeypatch), audio(place, TEST[1])
    first = dcase.load()
    before = first.fingerprint("sound")
    assert len(decoded) == 6 and list(first.left_out) == [WEAK[0]]
    if change == "content":
        soundfile.write(path, tone(250, 2.0), RATE)
    elif change == "place":
        path.rename(place / "audio" / path.name)
    elif change == "pictures":
        os.utime(video(place, TEST[1]), (1, 1))
    elif change == "version":
        monkeypatch.setattr(clip_files, "VERSION", clip_files.VERSION + 1)
    after = dcase.load()
    assert len(decoded) - 6 == {"nothing": 0, "version": 6}.get(change, 1)
    assert (after.fingerprint("sound") == before) == (change != "content")
    assert after.left_out == first.left_out


# --- what is refused


@pytest.mark.parametrize(
    ("gone", "complaint"),
    [
        ("video", "no clip .* has pictures.*python -m tools.fetch_dcase"),
        ("audio", "no clip of DCASE.*python -m tools.fetch_dcase"),
    ],
)
def test_without_any_clip_one_line_says_what_to_do(place: Path, gone: str, complaint: str) -> None:
    shutil.rmtree(place / gone)
    assert not dcase.mostly_present()
    with pytest.raises(FileNotFoundError, match=complaint) as found:
        dcase.load()
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("split", "old", "new", "complaint"),
    [
        ("test", TEST[1], f"../{TEST[1]}", "row 3: '../Ytest_clip_2_0.000_10.000.wav' is no clip"),
        ("unlabelled", UNLABELLED[0], "/etc/passwd", "row 2: '/etc/passwd' is no clip"),
        ("weak", WEAK[1], WEAK[0], "row 3: .* is in the weak list already"),
        ("test", TEST[1], VALIDATION[0], "row 3: .* is in the validation list already"),
        ("test", "1\t9.115", "9.5\t9.8", "row 2: begins at 9.5 s, but the clip ends at 9.0 s"),
    ],
)
def test_a_wrong_list_is_one_line_with_file_and_row(
    place: Path, split: str, old: str, new: str, complaint: str
) -> None:
    path = place / dcase.LISTS[split]
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=complaint) as raised:
        dcase.load()
    assert str(raised.value).startswith(str(path)) and "\n" not in str(raised.value)
