"""The original rung, on a small tree of the same form: what is found, left out, refused and run."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lib.book import data_root
from lib.sound.data import clip_files, datasets, dcase, media
from lib.sound.data.corpus import SPLITS, Waveform
from lib.sound.runs import experiments, extraction
from lib.sound.runs.profiles import Profile
from tests.sound.films import write_film

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


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make half a second of pictures."""
    return write_film(tmp_path_factory.mktemp("film") / "film.mkv", [120] * 5)


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
    return place / "video" / f"{Path(name).stem}.mkv"


def test_the_lists_are_read_as_they_are(place: Path) -> None:
    durations(place.parent, f"{TEST[1]}\t8.2\n")  # as measured, before what its name says
    corpus = dcase.load()
    assert (corpus.name, corpus.rung) == ("dcase2018", "original")
    assert dict(corpus.clips) == CLIPS and corpus.left_out == {}
    assert corpus.weak_targets().sum(axis=1).tolist() == [2, 1]
    validation, test = corpus.strong["validation"], corpus.strong["test"]
    assert validation.clips == VALIDATION and validation.onset.tolist() == [0.5, 4.0]
    assert test.clips == TEST and test.durations.tolist() == [9.0, 8.2]
    assert dcase.source(WEAK[0]) == ("-Ab_cdefghi", 0.0, 10.0)
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


def test_sound_in_any_form_anywhere_and_pictures_beside_it_or_inside_its_file(place: Path) -> None:
    for file in (audio(place, TEST[0]), video(place, TEST[0]), audio(place, TEST[1])):
        file.unlink()
    write_film(place / "audio" / f"{Path(TEST[0]).stem}.mkv", [200] * 5, tone(440))
    (place / "audio" / "elsewhere").mkdir()
    soundfile.write(place / "audio" / "elsewhere" / f"{Path(TEST[1]).stem}.mp3", tone(700), RATE)
    write_film(video(place, TEST[1]), [90] * 5)
    corpus, times = dcase.load(), np.array([0.0, 0.5])
    assert corpus.left_out == {}
    for name, grey in ((TEST[0], 200), (TEST[1], 90)):
        pictures = corpus.frames(name, times)
        assert pictures is not None and pictures.shape == (2, 48, 64, 3)
        assert pictures.mean() == pytest.approx(grey, abs=4)
        assert corpus.audio(name).seconds == pytest.approx(1.0, abs=0.1)


def cut(path: Path) -> None:
    """Keep the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("kind", "spoil", "reason"),
    [
        ("audio", Path.unlink, clip_files.NO_AUDIO),
        ("video", Path.unlink, clip_files.NO_PICTURES),
        ("audio", cut, "audio/weak/{} is truncated: 16022 bytes of 32044"),
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


@pytest.mark.parametrize("change", ["nothing", "content", "place", "pictures", "version", "torn"])
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
    elif change == "torn":  # the power went while the last line was written
        cut_last = (dcase.CACHE / dcase.CHECKED).read_bytes()[:-9]
        (dcase.CACHE / dcase.CHECKED).write_bytes(cut_last)
    after = dcase.load()
    assert len(decoded) - 6 == {"nothing": 0, "version": 6}.get(change, 1)
    assert (after.fingerprint("sound") == before) == (change != "content")
    assert after.left_out == first.left_out


# --- what is refused


@pytest.mark.parametrize(("gone", "what"), [("video", "without pictures"), ("audio", "missing")])
def test_without_any_clip_one_line_says_what_to_do(place: Path, gone: str, what: str) -> None:
    shutil.rmtree(place / gone)
    complaint = rf"none of the 2 weak clips .*\(2 {what}; .*python -m tools.fetch_dcase"
    with pytest.raises(FileNotFoundError, match=complaint) as found:
        dcase.load()
    assert "\n" not in str(found.value)
