"""ESC-10 and the spoken digits are made from their official form, here from a few sounds of it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lib.book import contents, data_root
from lib.sound.datasets import digits, esc10

RATE = 44_100


def tone(hertz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    """Return a tone that swells, float32."""
    times = np.arange(int(rate * seconds)) / rate
    return (0.4 * times / seconds * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def listing() -> str:
    """Return a list of whose the clips are, in the official form."""
    with esc10.ACTIVE.open() as file:
        stems = [line.split(",")[0].rpartition("-")[0] for line in file][1:]
    credits = [
        f"- [{stem}.ogg]: clip derived from a (b) [c].wav (http://x/{index}/) by A (b) "
        f"[{'CC-Sampling+' if index == 3 else 'CC0'}]"
        for index, stem in enumerate(stems)
    ]
    return "\n".join(["# ESC-10", "", "001 - Dog bark:", *credits]) + "\n"


def test_the_real_list_gives_the_stored_one_byte_for_byte() -> None:
    if not data_root.present("esc10"):
        pytest.skip("ESC-10 is not under the data root")
    folder = data_root.locate("esc10")
    made = esc10.as_csv(esc10.meta((folder / "README_LICENCE.txt").read_text()))
    assert made.encode() == (folder / "meta.csv").read_bytes()
    assert (folder / "ATTRIBUTION.md").read_text() == esc10.ATTRIBUTION


def test_clips_are_laid_down_by_their_new_names_without_those_that_forbid_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    official = tmp_path / "official"
    official.mkdir()
    (official / "README.txt").write_text(listing())
    laid = []
    monkeypatch.setattr(esc10, "encode", lambda clip, path: laid.append((clip, path)))
    rows = esc10.meta(listing())
    for row in rows:
        place = official / f"{int(row['class_id']) + 1:03d} - {row['label']}"
        place.mkdir(exist_ok=True)
        (place / f"{row['clip'].rpartition('-')[0]}.ogg").touch()
    esc10.prepare(official, tmp_path)
    assert len(laid) == esc10.CLIPS - 1 and len(rows) == esc10.CLIPS
    for clip, path in laid:
        assert path.stem == f"{clip.stem}-{int(clip.parent.name[:3]) - 1}"
    assert rows[0]["source_name"] == "a (b) [c].wav" and rows[0]["author"] == "A (b)"
    (official / "001 - dog_bark" / "1-100032-A.ogg").unlink()
    shutil.rmtree(tmp_path / "audio_ogg22k")
    with pytest.raises(FileNotFoundError, match="1-100032-A.ogg is missing under"):
        esc10.prepare(official, tmp_path)


def test_a_clip_is_mixed_resampled_and_encoded_and_keeps_its_levels(tmp_path: Path) -> None:
    both = np.stack([tone(440, RATE), 0.5 * tone(660, RATE)], axis=1)
    soundfile.write(tmp_path / "a.ogg", both, RATE, format="OGG", subtype="VORBIS")
    esc10.encode(tmp_path / "a.ogg", tmp_path / "b.ogg")
    made = contents.read(tmp_path / "b.ogg")
    assert made["rate"] == esc10.RATE and made["samples"].ndim == 1
    expected = contents.levels(0.5 * tone(440, esc10.RATE) + 0.25 * tone(660, esc10.RATE), 10)
    found = contents.levels(made["samples"], 10)
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()


def test_another_list_or_a_damaged_clip_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no README.txt under"):
        esc10.prepare(tmp_path, tmp_path)
    with pytest.raises(ValueError, match="names 1 clips, and not the 400"):
        esc10.meta("- [1-1-A.ogg]: clip derived from a (http://x/) by A [CC0]")
    (tmp_path / "a.ogg").write_bytes(b"<html>")
    with pytest.raises(ValueError, match="a.ogg is no sound file") as raised:
        esc10.encode(tmp_path / "a.ogg", tmp_path / "b.ogg")
    assert "\n" not in str(raised.value)


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Lay down a copy of the digits' repository with one recording of each kind."""
    folder = tmp_path / "free-spoken-digit-dataset-master"
    (folder / "recordings").mkdir(parents=True)
    (folder / "README.md").write_text("# FSDD\n")
    for digit in range(10):
        for speaker in digits.SPEAKERS:
            sound = tone(200 + 30 * digit, digits.RATE, 0.1)
            path = folder / "recordings" / f"{digit}_{speaker}_0.wav"
            soundfile.write(path, sound, digits.RATE, subtype="PCM_16")
    return tmp_path


def test_digits_lose_nothing(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digits, "RECORDINGS", 1)
    digits.prepare(recordings, tmp_path)
    made = sorted((tmp_path / "fsdd").glob("*.flac"))
    assert len(made) == 10 * len(digits.SPEAKERS)
    for path in made:
        official = next(recordings.rglob(f"{path.stem}.wav"))
        before, after = (soundfile.read(each, dtype="int16")[0] for each in (official, path))
        assert (before == after).all() and len(after)
    assert (tmp_path / "fsdd" / "README_FSDD.md").read_text() == "# FSDD\n"


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("lost", "3_theo_0.wav is missing"),
        ("text", "3_theo_0.wav is no sound file"),
        ("stereo", "3_theo_0.wav is not mono at 8000 Hz"),
        ("fast", "3_theo_0.wav is not mono at 8000 Hz"),
    ],
)
def test_a_damaged_recording_is_named(
    recordings: Path,
    damage: str,
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(digits, "RECORDINGS", 1)
    path = next(recordings.rglob("3_theo_0.wav"))
    if damage == "lost":
        path.unlink()
    elif damage == "text":
        path.write_text("not found")
    else:
        shape = (800, 2) if damage == "stereo" else (800,)
        soundfile.write(path, np.zeros(shape, np.int16), 16_000 if damage == "fast" else 8000)
    with pytest.raises((FileNotFoundError, ValueError), match=complaint) as raised:
        digits.prepare(recordings, tmp_path)
    assert "\n" not in str(raised.value)


def test_a_folder_without_recordings_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no recordings/0_george_0.wav under"):
        digits.prepare(tmp_path, tmp_path)


def test_stored_sounds_encoded_otherwise_are_accepted_and_others_are_not(tmp_path: Path) -> None:
    for dataset, name, other in (
        ("esc10", "audio_ogg22k/1-100032-A-0.ogg", "audio_ogg22k/1-110389-A-0.ogg"),
        ("speech", "fsdd/0_george_0.flac", "fsdd/0_george_1.flac"),
    ):
        if not data_root.present(dataset):
            pytest.skip(f"{dataset} is not under the data root")
        folder = data_root.locate(dataset)
        path = tmp_path / Path(name).name
        samples, rate = soundfile.read(folder / name, dtype="float32")
        options = {".ogg": {"subtype": "VORBIS"}, ".flac": {"compression_level": 0.0}}[path.suffix]
        soundfile.write(path, samples, rate, **options)
        assert path.read_bytes() != (folder / name).read_bytes()
        assert contents.holds(dataset, name, path)
        assert not contents.holds(dataset, other, path)
        soundfile.write(path, samples[: len(samples) * 9 // 10], rate)
        assert not contents.holds(dataset, name, path)
        path.write_bytes(path.read_bytes()[:300])
        assert not contents.holds(dataset, name, path)
