"""From many trainings to Table 3 (section 5): means, the best few, and how sure one can be.

Training k of every row is made on rotation k of the recordings, so that rows are compared in pairs,
and what differs from pair to pair is all that may: initial weights, recordings, test clips.
"""

import base64
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from lib.book.claims import mean_interval
from lib.runs import sweep
from lib.runs.results import Result
from lib.sound.crnn import COMBINATIONS, INPUTS, Probabilities
from lib.sound.data.corpus import Sight
from lib.sound.evaluation import METRICS, micro_f1
from lib.sound.events import Events

Row = tuple[str, ...]  # of COMBINATIONS
Runs = Mapping[Row, Sequence[Result]]
PAPER_COLUMNS = {"spectral": "spectral", "audio": "auditory", "visual": "visual"}


def by_row(results: Sequence[Result]) -> dict[Row, list[Result]]:
    """Return the runs of each row of Table 3, in its order; rows without a run are left out."""
    found: dict[Row, list[Result]] = {row: [] for row in COMBINATIONS}
    for result in results:
        found[tuple(result.config["inputs"])].append(result)
    return {row: runs for row, runs in found.items() if runs}


def by_share(runs: Sequence[Result], row: Row, knob: str) -> dict[float, list[Result]]:
    """Return a row's runs by how far a knob of its pictures is turned, the others being at ours."""
    ours = asdict(Sight())
    found: dict[float, list[Result]] = {}
    for run in runs:
        sight = run.config.get("sight", ours)
        if run.config["inputs"] == list(row) and {**sight, knob: ours[knob]} == ours:
            found.setdefault(sight[knob], []).append(run)
    return dict(sorted(found.items()))


def scores(runs: Sequence[Result], metric: str, split: str = "test") -> list[float]:
    """Return one score per training."""
    return [result.metrics[split]["scores"][metric] for result in runs]


def best_mean(runs: Sequence[Result], metric: str, best: int) -> float:
    """Return the mean test score of those trainings that are best on validation (section 5).

    They are ranked by the validation score of the same metric; the paper does not say by which.
    """
    if len(runs) < best:
        raise ValueError(f"the best {best} of {len(runs)} trainings cannot be chosen")
    order = np.argsort(scores(runs, metric, "validation"), kind="stable")[::-1]
    return float(np.mean([scores(runs, metric)[index] for index in order[:best]]))


def pack(counts: np.ndarray) -> str:
    """Return counts (clips, classes, 3) as text: "clip class hits true found; ..." where any is."""
    places = np.argwhere(counts.any(axis=2))
    rows = (" ".join(map(str, (*place, *counts[tuple(place)]))) for place in places)
    return "; ".join(rows)


def unpack(text: str, shape: tuple[int, int]) -> np.ndarray:
    """Return the counts (clips, classes, 3) that `pack` wrote down."""
    counts = np.zeros((*shape, 3), dtype=np.int64)
    for row in filter(None, text.split("; ")):
        clip, label, *values = map(int, row.split())
        counts[clip, label] = values
    return counts


def pack_probabilities(found: Probabilities) -> str:
    """Return the probabilities of the test clips as text, in steps of 1/255, frames then clips.

    So Table 3 can be counted again at any threshold and under any filter. At a threshold of 0.5 no
    decision changes.
    """
    levels = (np.rint(255 * each.numpy()).astype(np.uint8).tobytes() for each in found)
    return base64.b85encode(zlib.compress(b"".join(levels), 9)).decode()


def probabilities(result: Result) -> Probabilities:
    """Return what a run says of the test clips, (clips, 151, classes) and (clips, classes)."""
    clips, classes = result.metrics["shape"]
    levels = zlib.decompress(base64.b85decode(result.metrics["probabilities"]))
    values = torch.from_numpy(np.frombuffer(levels, np.uint8).astype(np.float32) / 255)
    frame, clip = values.tensor_split([len(values) - clips * classes])
    return Probabilities(frame.reshape(clips, -1, classes), clip.reshape(clips, classes))


def counts(result: Result, metric: str) -> np.ndarray:
    """Return a run's counts on the test clips, (clips, classes, 3)."""
    return unpack(result.metrics["counts"][metric], tuple(result.metrics["shape"]))


@dataclass(frozen=True)
class Difference:
    """How much higher a score is in one row than in another, with its 95 % interval over pairs.

    A pair is one training of each row on the same rotation of the recordings, n the number of them;
    `low` and `high` are not numbers where there are fewer than two.
    """

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        """Return it in points of a percentage, with its interval where there is one."""
        text = "–" if math.isnan(self.value) else f"{100 * self.value:+.1f}"
        if math.isnan(self.low):
            return text
        return f"{text} ({100 * self.low:+.1f} to {100 * self.high:+.1f})"


Term = tuple[float, Sequence[Result], str]  # weight, runs, metric
UNKNOWN = Difference(math.nan, math.nan, math.nan, 0)


def combination(terms: Sequence[Term]) -> Difference:
    """Return a weighted sum of scores, taken on each rotation, with Student's interval of its mean.

    A difference of two rows has the weights 1 and -1; a difference of gains has four terms. Other
    recordings, another training and other test clips come with each rotation, so all are in the
    interval. It takes rotations as independent, but they share recordings to learn from: if what
    these do makes a tenth of the variance, it covers 93 times in 100, if three tenths, 89.
    """
    return paired(by_rotation(terms))


def by_rotation(terms: Sequence[Term]) -> list[float]:
    """Return a weighted sum of scores on each rotation that all terms have."""
    by_seed = [
        {run.config["seed"]: weight * run.metrics["test"]["scores"][metric] for run in runs}
        for weight, runs, metric in terms
    ]
    shared = sorted(set.intersection(*(set(each) for each in by_seed)))
    return [sum(each[seed] for each in by_seed) for seed in shared]


def paired(values: Sequence[float]) -> Difference:
    """Return the mean of one value for each pair of trainings, and its interval."""
    if not values:
        return UNKNOWN
    ends = mean_interval(values) if len(values) > 1 else (math.nan, math.nan)
    return Difference(float(np.mean(values)), *ends, len(values))


def curve_difference(
    higher: Mapping[int, np.ndarray], lower: Mapping[int, np.ndarray]
) -> list[Difference]:
    """Return point by point how much higher a curve is than another, on the rotations of both.

    Args:
        higher: by rotation the scores of a row, (points,).
        lower: those of another row.
    """
    shared = sorted(higher.keys() & lower.keys())
    apart = np.array([higher[seed] - lower[seed] for seed in shared])
    return [paired(point) for point in apart.T.tolist()]


def difference(higher: Sequence[Result], lower: Sequence[Result], metric: str) -> Difference:
    """Return how much higher a metric is in the first runs than in the second."""
    return combination([(1.0, higher, metric), (-1.0, lower, metric)])


def given_the_tag(
    row: Sequence[Result], reference: Sequence[Result]
) -> tuple[float, float, Difference, int]:
    """Return event F1 where both rows have the tag right, of each, the difference, and of how many.

    Event F1 mixes two abilities: what is never tagged can have no right event either. Over those
    clips and classes that two trainings, one of each row, both tag rightly, it tells *when* alone.
    It is micro, all events together: of some classes hardly any clip is shared. Runs are compared
    in pairs, rotation by rotation.
    """
    others = {run.config["seed"]: run for run in reference}
    values, shared = [], 0
    for one in row:
        if (other := others.get(one.config["seed"])) is None:
            continue
        both = np.logical_and(*(counts(run, "clip")[..., 0] > 0 for run in (one, other)))
        events = [counts(run, "event") * both[..., None] for run in (one, other)]
        values.append([0.0 if math.isnan(f1 := micro_f1(each)) else f1 for each in events])
        shared += int(both.sum())
    means = np.mean(values, axis=0) if values else np.full(2, math.nan)
    return float(means[0]), float(means[1]), paired([a - b for a, b in values]), shared


def always_commonest(truth: Events) -> Events:
    """Return the answer of one who hears nothing: the class of most clips, in each, throughout."""
    clip = np.arange(len(truth.clips))
    label = np.full_like(clip, truth.tags.sum(axis=0).argmax())
    return truth.replaced(clip, label, np.zeros(len(clip)), truth.durations)


def paper_row(line: Mapping[str, Any]) -> Row:
    """Return the row that a line of data/paper/part1_table3.json is about."""
    return tuple(name for name in INPUTS if line[PAPER_COLUMNS[name]])


def paper_score(paper: Mapping[str, Any], row: Row, metric: str) -> float:
    """Return what Table 3 has for a row, as a share of 1."""
    return float(next(line for line in paper["rows"] if paper_row(line) == row)[metric]) / 100


def table3(runs: Runs, paper: Mapping[str, object]) -> pd.DataFrame:
    """Return Table 3: of each row our mean of all trainings, half its interval, and the paper's.

    Scores are in percent, as the paper's are. A single training has no interval yet; where only
    what is present is shown, a row may have no scores.
    """
    lines = []
    for row in COMBINATIONS if sweep.only_present() else runs:
        found = runs.get(row, [])
        line: dict[str, object] = {"row": short(row), "n": len(found)}
        for metric in METRICS if found else ():
            values = scores(found, metric)
            found_mean = paired(values)
            line[metric] = 100 * found_mean.value
            line[f"{metric} ±"] = 100 * (found_mean.high - found_mean.low) / 2
            line[f"{metric}, paper"] = 100 * paper_score(paper, row, metric)
        lines.append(line)
    return pd.DataFrame(lines)


def selected(runs: Runs, best: int) -> pd.DataFrame:
    """Return what the paper's rule would report: means of the best on validation, in percent."""
    lines = [
        {"row": short(row), "best of": f"{best} of {len(found)}"}
        | {metric: 100 * best_mean(found, metric, best) for metric in METRICS}
        for row, found in runs.items()
        if len(found) >= best or not sweep.only_present()
    ]
    return pd.DataFrame(lines)


def short(row: Row) -> str:
    """Return a row in letters: S, A and V for spectral, pretrained audio and pretrained visual."""
    return " + ".join(name[0].upper() for name in row)
