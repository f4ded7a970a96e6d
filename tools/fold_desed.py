"""Frame scores put together again from a detector's published decisions at many thresholds.

`python -m tools.fold_desed SOURCE TARGET` takes the folder PSDS_Eval/meta of DESED_task.
"""

import shutil
import sys
from pathlib import Path

import numpy as np

from lib.sound.data.lists import read_strong
from lib.sound.events import Events
from lib.sound.runs.system_scores import DESED_HOP

FRAMES = 157  # of 64 ms, a clip
NAME = "predictions_th_*.tsv"
STUDENT = Path("metrics_test") / "student"
LISTS = {  # of the official folder, and what the book calls them
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
        ValueError: a list is wrong.
    """
    lists = sorted(folder.glob(NAME))
    if not lists:
        raise FileNotFoundError(f"no {NAME} in {folder}")
    scores = np.zeros((len(clips.clips), FRAMES, len(clips.classes)), dtype=np.float16)
    for path in lists:
        threshold = np.float16(path.stem.rpartition("_")[2])
        events = read_strong(path, float("inf"), clips=clips.clips, classes=clips.classes)
        first = np.rint(events.onset / DESED_HOP).astype(int)
        after = np.rint(events.offset / DESED_HOP).astype(int)
        for clip, label, start, end in zip(events.clip, events.label, first, after, strict=True):
            part = scores[clip, start:end, label]
            np.maximum(part, threshold, out=part)
    return scores


def convert(source: Path, target: Path) -> None:
    """Lay down the lists and student_scores.npz of data/desed_baseline."""
    for name, place in LISTS.items():
        shutil.copyfile(source / place, target / name)
    points = source / STUDENT / "predictions_operating_points"
    scores = fold(points, read_strong(target / "validation.tsv"))
    np.savez_compressed(target / "student_scores.npz", scores=scores)


if __name__ == "__main__":
    convert(*map(Path, sys.argv[1:3]))
