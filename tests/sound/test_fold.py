"""Scores put together from decisions at many thresholds."""

from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest

from lib.book import datasets
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


def test_folding_gives_the_scores_back(clips: Events, tmp_path: Path) -> None:
    steps = np.array([0.0, *(0.01 + 0.02 * step for step in range(50))], dtype=np.float16)
    scores = np.random.default_rng(0).choice(steps, (2, DESED_FRAMES, 10))
    scores[:, DESED_FRAMES - 1 :] = 0  # the last frame ends after the clip
    write(tmp_path, scores, clips)
    assert (fold.fold(tmp_path, clips) == scores).all()


def test_the_dataset_is_made_from_the_official_folder(clips: Events, tmp_path: Path) -> None:
    official = tmp_path / "official"
    points = official / fold.STUDENT / "predictions_operating_points"
    points.mkdir(parents=True)
    scores = np.full((2, DESED_FRAMES, 10), 0.49, dtype=np.float16)
    scores[:, DESED_FRAMES - 1 :] = 0
    write(points, scores, clips)
    list_of_clips = (tmp_path / "desed_baseline" / "validation.tsv").read_text()
    for name, place in fold.LISTS.items():
        (official / place).write_text(list_of_clips + name)
    (official / "validation.tsv").write_text(list_of_clips)
    made = tmp_path / "made"
    made.mkdir()
    fold.prepare(official, made)
    dataset = datasets.DATASETS["desed_baseline"]
    assert {path.name for path in made.iterdir()} == {file.name for file in dataset.files}
    assert (
        (made / "student_predictions_0.5.tsv").read_text().endswith("student_predictions_0.5.tsv")
    )
    with np.load(made / "student_scores.npz") as stored:
        assert (stored["scores"] == scores).all() and stored["scores"].dtype == np.float16


def test_the_registry_names_what_the_official_folder_holds() -> None:
    named = {source.name for source in datasets.DATASETS["desed_baseline"].sources}
    assert {str(place) for place in fold.LISTS.values()} < named
    points = sorted(Path(name) for name in named if fnmatch(Path(name).name, fold.NAME))
    assert len(points) == 50 and len(named) == 53
    assert {path.parent for path in points} == {fold.STUDENT / "predictions_operating_points"}


def test_what_is_missing_or_misnamed_is_one_line(clips: Events, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no predictions_th_.* in"):
        fold.fold(tmp_path / "nowhere", clips)
    (tmp_path / "predictions_th_half.tsv").write_text(HEADER)
    with pytest.raises(ValueError, match="predictions_th_half.tsv names no threshold"):
        fold.fold(tmp_path, clips)
