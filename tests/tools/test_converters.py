"""What stands under data/ is what the converters make of its official form, and whole."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lib.book import data_root
from lib.sound import evaluation
from lib.sound.data.lists import read_strong
from lib.sound.events import CLASSES
from lib.sound.runs.system_scores import DESED_HOP
from tools import convert_esc10, fold_desed

STEPS = [round(0.01 + 0.02 * step, 2) for step in range(50)]
# --- ESC-10


def test_the_official_list_gives_the_committed_one_byte_for_byte() -> None:
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


# --- the scores of DESED, put together from decisions at many thresholds


def test_folding_gives_the_scores_back(tmp_path: Path) -> None:
    (tmp_path / "two.tsv").write_text(
        "filename\tonset\toffset\tevent_label\na\t1\t2\tDog\nb\t\t\t\n"
    )
    clips = read_strong(tmp_path / "two.tsv")
    scores = np.random.default_rng(0).choice(np.float16([0, *STEPS]), (2, fold_desed.FRAMES, 10))
    scores[:, -1] = 0  # the last frame ends after the clip
    with pytest.raises(FileNotFoundError, match="no predictions_th_.* in"):
        fold_desed.fold(tmp_path, clips)
    for threshold in STEPS:
        events = evaluation.decode(scores >= np.float16(threshold), clips, DESED_HOP)
        rows = zip(events.label, events.onset, events.offset, events.clip, strict=True)
        lines = [f"{CLASSES[k]}\t{a}\t{b}\t{clips.clips[c]}\n" for k, a, b, c in rows]
        path = tmp_path / f"predictions_th_{threshold:.2f}.tsv"
        path.write_text("event_label\tonset\toffset\tfilename\n" + "".join(lines))
    assert (fold_desed.fold(tmp_path, clips) == scores).all()


def test_what_is_published_at_a_half_lies_between_the_committed_scores_nearest_to_it(
    tmp_path: Path,
) -> None:
    folder = data_root.locate("desed_baseline")
    clips = read_strong(folder / "validation.tsv")
    with np.load(folder / "student_scores.npz") as stored:
        scores = stored["scores"]
    assert scores.shape == (len(clips.clips), fold_desed.FRAMES, 10)
    assert set(np.unique(scores)) == {np.float16(0), *map(np.float16, STEPS)}
    half = tmp_path / "predictions_th_0.50.tsv"
    shutil.copyfile(folder / "student_predictions_0.5.tsv", half)
    found = fold_desed.fold(tmp_path, clips) > 0
    below, above = (scores >= np.float16(threshold) for threshold in (0.49, 0.51))
    assert not (found & ~below).any() and not (above & ~found).any()
    assert 0 < (below & ~found).sum() + (found & ~above).sum() < 0.02 * found.sum()
