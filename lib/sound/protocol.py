"""From many trainings to Table 3 (section 5): means, the best few, and how sure one can be.

Two things make a score uncertain: another training of the same row ends elsewhere, and another
test set holds other clips. Both are measured, and a difference is believed if it survives both
together.
"""

import base64
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy import stats

from lib.book import sweep
from lib.book.claims import mean_interval
from lib.book.results import Result
from lib.sound.evaluation import METRICS, SCORES
from lib.sound.models import COMBINATIONS, INPUTS, Probabilities

Row = tuple[str, ...]  # of COMBINATIONS
Runs = Mapping[Row, Sequence[Result]]
PAPER_COLUMNS = {"spectral": "spectral", "audio": "auditory", "visual": "visual"}
RESAMPLES = 1000


def by_row(results: Sequence[Result]) -> dict[Row, list[Result]]:
    """Return the runs of each row of Table 3, in its order; rows without a run are left out."""
    found: dict[Row, list[Result]] = {row: [] for row in COMBINATIONS}
    for result in results:
        found[tuple(result.config["inputs"])].append(result)
    return {row: runs for row, runs in found.items() if runs}


def scores(runs: Sequence[Result], metric: str, split: str = "test") -> list[float]:
    """Return one score per training."""
    return [result.metrics[split]["scores"][metric] for result in runs]


def best_mean(runs: Sequence[Result], metric: str, best: int) -> float:
    """Return the mean test score of those trainings that are best on validation (section 5).

    They are ranked by the validation score of the same metric; the paper does not say by which.

    Raises:
        ValueError: there are fewer trainings than `best`.
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
    levels = np.frombuffer(
        zlib.decompress(base64.b85decode(result.metrics["probabilities"])), np.uint8
    )
    frame, clip = np.split(levels, [len(levels) - clips * classes])
    shape = (clips, -1, classes)
    both = (torch.from_numpy(each.astype(np.float32) / 255) for each in (frame, clip))
    one, other = both
    return Probabilities(one.reshape(shape), other.reshape(clips, classes))


def counts(result: Result, metric: str) -> np.ndarray:
    """Return a run's counts on the test clips, (clips, classes, 3)."""
    return unpack(result.metrics["counts"][metric], tuple(result.metrics["shape"]))


@dataclass(frozen=True)
class Difference:
    """How much higher a score is in one row than in another, and its two 95 % intervals.

    `trainings` is Welch's interval over independent trainings on this test set, `clips` a
    bootstrap over the test clips with these trainings, the same clips for both rows. From `low` to
    `high` both uncertainties are in: the distances to the value are added as squares.
    """

    value: float
    trainings: tuple[float, float]
    clips: tuple[float, float]

    @property
    def low(self) -> float:
        """Return the lower end for another training on another test set."""
        return self.value - math.hypot(*(self.value - low for low, _ in self._both))

    @property
    def high(self) -> float:
        """Return the upper end for another training on another test set."""
        return self.value + math.hypot(*(high - self.value for _, high in self._both))

    @property
    def _both(self) -> tuple[tuple[float, float], tuple[float, float]]:
        return self.trainings, self.clips


Term = tuple[float, Sequence[Result], str]  # weight, runs, metric
UNKNOWN = Difference(math.nan, (math.nan, math.nan), (math.nan, math.nan))


def combination(terms: Sequence[Term], seed: int = 0) -> Difference:
    """Return a weighted sum of mean scores with its two intervals.

    A difference of two rows has the weights 1 and -1; a difference of gains has four terms.

    Args:
        terms: weight, runs of one row, metric; each run in at most one term of a metric.
        seed: of the bootstrap.

    Raises:
        ValueError: a row has fewer than two trainings. Where only what is present is shown, the
            difference is UNKNOWN instead.
    """
    if min(len(runs) for _, runs, _ in terms) < 2:
        if sweep.only_present():
            return UNKNOWN
        raise ValueError("one training tells nothing about its spread; run at least two of a row")
    value = sum(weight * float(np.mean(scores(runs, metric))) for weight, runs, metric in terms)
    return Difference(value, _welch(terms, value), _bootstrap(terms, seed))


def difference(higher: Sequence[Result], lower: Sequence[Result], metric: str) -> Difference:
    """Return how much higher a metric is in the first runs than in the second."""
    return combination([(1.0, higher, metric), (-1.0, lower, metric)])


def _welch(terms: Sequence[Term], value: float) -> tuple[float, float]:
    """Return Welch's interval of a weighted sum of independent means.

    The variance is the sum of w^2 s^2 / n, the degrees of freedom Welch and Satterthwaite's. Terms
    that share runs are summed run by run first, so that what they share is not counted twice.
    """
    groups: dict[tuple[int, ...], list[Term]] = {}
    for term in terms:
        groups.setdefault(tuple(map(id, term[1])), []).append(term)
    samples = [
        np.sum([w * np.array(scores(runs, metric)) for w, runs, metric in group], axis=0)
        for group in groups.values()
    ]
    parts = np.array([np.var(sample, ddof=1) / len(sample) for sample in samples])
    if not parts.sum():
        return value, value
    freedom = parts.sum() ** 2 / sum(
        part**2 / (len(sample) - 1) for part, sample in zip(parts, samples, strict=True)
    )
    half = float(stats.t.ppf(0.975, freedom)) * math.sqrt(parts.sum())
    return value - half, value + half


def _bootstrap(terms: Sequence[Term], seed: int) -> tuple[float, float]:
    """Return the percentile interval of the sum when the test clips are drawn anew."""
    drawn = sum(
        weight
        * np.mean([_redrawn(counts(run, metric), SCORES[metric], seed) for run in runs], axis=0)
        for weight, runs, metric in terms
    )
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def _redrawn(counted: np.ndarray, score: Callable[[np.ndarray], float], seed: int) -> np.ndarray:
    """Return a score of RESAMPLES test sets of clips drawn anew, the same for the same seed.

    A clip that is drawn twice counts twice: scores need sums over clips alone.

    Args:
        counted: (clips, classes, 3).
        score: of such counts.
        seed: of the clips drawn.
    """
    clips = len(counted)
    drawn = np.random.default_rng(seed).integers(0, clips, (RESAMPLES, clips))
    times = np.array([np.bincount(index, minlength=clips) for index in drawn])
    return np.array([score(total[None]) for total in np.tensordot(times, counted, axes=1)])


def given_the_tag(
    row: Sequence[Result], reference: Sequence[Result], seed: int = 0
) -> tuple[float, float, Difference]:
    """Return event F1 where both rows have the tag right, of each, and the difference.

    Event F1 mixes two abilities: what is never tagged can have no right event either. Over those
    clips and classes that two trainings, one of each row, both tag rightly, it tells *when* alone.

    Args:
        row: its runs.
        reference: the runs of another row, as many; they are compared in pairs.
        seed: of the bootstrap.

    Raises:
        ValueError: there are fewer than two pairs, or not as many runs of both.
    """
    pairs = [
        tuple(counts(run, "event") * both[..., None] for run in pair)
        for pair in zip(row, reference, strict=True)
        for both in [np.logical_and(*(counts(run, "clip")[..., 0] > 0 for run in pair))]
    ]
    values = np.array([[_placing(each) for each in pair] for pair in pairs])
    gaps = values[:, 0] - values[:, 1]
    redrawn = [[_redrawn(each, _placing, seed) for each in pair] for pair in pairs]
    drawn = np.mean([one - other for one, other in redrawn], axis=0)
    low, high = np.percentile(drawn, [2.5, 97.5])
    found = Difference(float(gaps.mean()), mean_interval(gaps.tolist()), (float(low), float(high)))
    return float(values[:, 0].mean()), float(values[:, 1].mean()), found


def pairs(row: Sequence[Result], reference: Sequence[Result]) -> tuple[list[Result], list[Result]]:
    """Return the runs of both rows whose seed the other row has too."""
    seeds = [{run.config["seed"] for run in runs} for runs in (row, reference)]
    both = seeds[0] & seeds[1]
    kept = ([run for run in runs if run.config["seed"] in both] for runs in (row, reference))
    return next(kept), next(kept)


def _placing(events: np.ndarray) -> float:
    """Return event F1, 0 where no event is to be found."""
    value = SCORES["event"](events)
    return 0.0 if math.isnan(value) else value


def paper_score(paper: Mapping[str, object], row: Row, metric: str) -> float:
    """Return what Table 3 has for a row, as a share of 1."""
    for line in paper["rows"]:  # type: ignore[attr-defined]
        if all(line[PAPER_COLUMNS[name]] == (name in row) for name in INPUTS):
            return float(line[metric]) / 100
    raise ValueError(f"Table 3 has no row {row}")


def table3(runs: Runs, paper: Mapping[str, object]) -> pd.DataFrame:
    """Return Table 3: of each row our mean of all trainings, half its interval, and the paper's.

    Scores are in percent, as the paper's are. Where only what is present is shown, a single
    training has no interval yet, and a row without any has no scores.
    """
    lines = []
    for row in COMBINATIONS if sweep.only_present() else runs:
        found = runs.get(row, [])
        line: dict[str, object] = {"row": short(row), "n": len(found)}
        for metric in METRICS if found else ():
            values = scores(found, metric)
            few = len(values) < 2 and sweep.only_present()
            low, high = (math.nan, math.nan) if few else mean_interval(values)
            line[metric] = 100 * float(np.mean(values))
            line[f"{metric} ±"] = 100 * (high - low) / 2
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
