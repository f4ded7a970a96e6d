"""The committed ESC-10 is what its official form gives, and whole."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lib.book import data_root
from tools import convert_esc10


def test_the_official_list_gives_the_committed_one_byte_for_byte(tmp_path: Path) -> None:
    folder = data_root.locate("esc10")
    rows = convert_esc10.credited((folder / "README_LICENCE.txt").read_text(encoding="utf-8"))
    assert convert_esc10.as_csv(rows).encode() == (folder / "meta.csv").read_bytes()
    with pytest.raises(ValueError, match="names 1 clips, not the 400"):
        convert_esc10.credited("- [1-1-A.ogg]: clip derived from a (http://x/) by A [CC0]")


def test_every_clip_that_may_be_is_there_and_its_active_part_lies_in_it() -> None:
    folder = data_root.locate("esc10")
    with (folder / "meta.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if "Sampling+" not in row["licence"]]
    assert len(rows) == 398
    assert {path.stem for path in folder.glob("audio_ogg22k/*")} == {row["clip"] for row in rows}
    for row in rows:
        fold, *_, number = row["clip"].split("-")
        assert (fold, number) == (row["fold"], row["class_id"])
        found = soundfile.info(folder / "audio_ogg22k" / f"{row['clip']}.ogg")
        assert (found.samplerate, found.channels) == (convert_esc10.RATE, 1)
        assert found.duration == pytest.approx(float(row["duration"]), abs=0.05)
        start, end = float(row["active_start"]), float(row["active_end"])
        assert 0 <= start < end <= found.duration + 0.01


def test_a_clip_is_mixed_and_resampled_and_keeps_its_level(tmp_path: Path) -> None:
    times = np.arange(22_050) / 44_100
    left = 0.4 * np.sin(2 * np.pi * 440 * times)
    both = np.stack([left, np.zeros_like(left)], axis=1)
    soundfile.write(tmp_path / "a.ogg", both, 44_100, format="OGG", subtype="VORBIS")
    convert_esc10.encode(tmp_path / "a.ogg", tmp_path / "b.ogg")
    made, rate = soundfile.read(tmp_path / "b.ogg")
    assert rate == convert_esc10.RATE and made.shape == (11_025,)
    assert np.sqrt(np.mean(made**2)) == pytest.approx(0.2 / np.sqrt(2), rel=0.05)
    assert np.argmax(np.abs(np.fft.rfft(made))) / 0.5 == pytest.approx(440, abs=2)
