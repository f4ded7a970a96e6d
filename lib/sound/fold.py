"""Frame scores put together again from a detector's published decisions at many thresholds.

`python -m lib.sound.fold FOLDER` reads FOLDER/predictions_th_0.01.tsv to ..._0.99.tsv and writes
student_scores.npz beside the other lists of `desed_baseline` under the data root.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from lib.book import data_root
from lib.sound.labels import Events, read_strong
from lib.sound.scored import DESED_FRAMES, DESED_HOP

NAME = "predictions_th_*.tsv"


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


def main(arguments: list[str] | None = None) -> int:
    """Write student_scores.npz; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m lib.sound.fold", description=__doc__)
    parser.add_argument(
        "folder", type=Path, help="metrics_test/student/predictions_operating_points"
    )
    folder = parser.parse_args(arguments).folder
    target = data_root.root() / data_root.DATASETS["desed_baseline"].folder
    try:
        scores = fold(folder, read_strong(target / "validation.tsv"))
        np.savez_compressed(target / "student_scores.npz", scores=scores)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{target / 'student_scores.npz'} holds {scores.shape} scores")
    return 0


if __name__ == "__main__":
    sys.exit(main())
