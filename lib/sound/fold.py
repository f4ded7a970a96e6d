"""Frame scores put together again from a detector's published decisions at many thresholds.

`python -m lib.book.data_root get desed_baseline` fetches them and calls `prepare`.
"""

import shutil
from pathlib import Path

import numpy as np

from lib.sound.labels import Events, read_strong
from lib.sound.scored import DESED_FRAMES, DESED_HOP

NAME = "predictions_th_*.tsv"
STUDENT = Path("metrics_test") / "student"
LISTS = {  # of the official folder PSDS_Eval/meta, and what the book calls them
    "validation.tsv": Path("validation.tsv"),
    "validation_durations.tsv": Path("validation_durations.tsv"),
    "student_predictions_0.5.tsv": STUDENT / "predictions0.5.csv",
}


def fold(folder: Path, clips: Events) -> np.ndarray:
    """Return the highest threshold at which each frame was still active, 0 where it never was.

    Args:
        folder: holds one list of events per threshold, named as in NAME.
        clips: names, order and classes of the scores.

    Returns:
        (clips, frames, classes) float16.

    Raises:
        FileNotFoundError: no list is there.
        ValueError: a list is wrong, or its name holds no threshold.
    """
    lists = sorted(folder.glob(NAME))
    if not lists:
        raise FileNotFoundError(f"no {NAME} in {folder}")
    scores = np.zeros((len(clips.clips), DESED_FRAMES, len(clips.classes)), dtype=np.float16)
    for path in lists:
        try:
            threshold = float(path.stem.rpartition("_")[2])
        except ValueError:
            raise ValueError(f"{path.name} names no threshold; expected {NAME}") from None
        events = read_strong(path, float("inf"), clips=clips.clips, classes=clips.classes)
        first = np.rint(events.onset / DESED_HOP).astype(int)
        after = np.rint(events.offset / DESED_HOP).astype(int)
        for clip, label, start, end in zip(events.clip, events.label, first, after, strict=True):
            part = scores[clip, start:end, label]
            np.maximum(part, np.float16(threshold), out=part)
    return scores


def prepare(source: Path, target: Path) -> None:
    """Lay down the files of `desed_baseline`, made from the folder PSDS_Eval/meta of DESED_task.

    Raises:
        FileNotFoundError: a list is not there.
        ValueError: a list is wrong.
    """
    for name, place in LISTS.items():
        shutil.copyfile(source / place, target / name)
    points = source / STUDENT / "predictions_operating_points"
    scores = fold(points, read_strong(target / "validation.tsv"))
    np.savez_compressed(target / "student_scores.npz", scores=scores)
