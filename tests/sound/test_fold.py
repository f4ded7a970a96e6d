"""Scores put together from decisions at many thresholds."""

from pathlib import Path

import numpy as np
import pytest

from lib.sound import evaluation, fold
from lib.sound.labels import CLASSES, Events, read_strong
from lib.sound.scored import DESED_FRAMES, DESED_HOP

HEADER = "event_label\tonset\toffset\tfilename\tindex\n"


def write(folder: Path, scores: np.ndarray, clips: Events) -> None:
    """Write a list of events for each published threshold, as the baseline does."""
    for step in range(50):
        threshold = round(0.01 + 0.02 * step, 2)
        events = evaluation.decode(scores >= np.float16(threshold), clips, DESED_HOP)
        rows = zip(events.label, events.onset, events.offset, events.clip, strict=True)
        lines = [f"{CLASSES[k]}\t{a}\t{b}\t{clips.clips[c]}\t0\n" for k, a, b, c in rows]
        path = folder / f"predictions_th_{threshold:.2f}.tsv"
        path.write_text(HEADER + "".join(lines))


@pytest.fixture
def clips(tmp_path: Path) -> Events:
    """Give two clips of a validation list."""
    folder = tmp_path / "desed_baseline"
    folder.mkdir()
    path = folder / "validation.tsv"
    path.write_text("filename\tonset\toffset\tevent_label\na.wav\t1\t2\tDog\nb.wav\t\t\t\n")
    return read_strong(path)


def test_folding_gives_the_scores_back(
    clips: Events, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = np.array([0.0, *(0.01 + 0.02 * step for step in range(50))], dtype=np.float16)
    scores = np.random.default_rng(0).choice(steps, (2, DESED_FRAMES, 10))
    scores[:, DESED_FRAMES - 1 :] = 0  # the last frame ends after the clip
    points = tmp_path / "points"
    points.mkdir()
    write(points, scores, clips)
    assert (fold.fold(points, clips) == scores).all()
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    assert fold.main([str(points)]) == 0
    with np.load(tmp_path / "desed_baseline" / "student_scores.npz") as stored:
        assert (stored["scores"] == scores).all() and stored["scores"].dtype == np.float16


def test_what_is_missing_or_misnamed_is_one_line(
    clips: Events,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    assert fold.main([str(tmp_path / "nowhere")]) == 1
    assert "no predictions_th_*.tsv in" in capsys.readouterr().err
    (tmp_path / "predictions_th_half.tsv").write_text(HEADER)
    with pytest.raises(ValueError, match="predictions_th_half.tsv names no threshold"):
        fold.fold(tmp_path, clips)
