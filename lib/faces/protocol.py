"""What ten folds amount to (section 4.2): the paper's mean, and what it says of other people.

Images of one person are not independent, and folds share most of their training set. So intervals
come from people drawn with replacement, beside the usual one over folds.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from lib.book.claims import bootstrap_interval, mean_interval
from lib.runs import sweep
from lib.runs.results import Result

SEED, RESAMPLES = 0, 2000  # of the bootstrap


class Estimate(NamedTuple):
    """A number with its 95 % interval and over how many units it is: people or folds."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one method predicted for every image of a set, (n,) int64 each.

    `rows` are the images' places in the set; with several seeds each comes once for each.
    """

    rows: np.ndarray
    folds: np.ndarray
    identities: np.ndarray
    targets: np.ndarray
    predicted: np.ndarray
    classes: int

    @property
    def hits(self) -> np.ndarray:
        """Return which images were recognised, (n,) bool."""
        return self.predicted == self.targets


def pool(runs: Sequence[Result], folds: Collection[int] | None = None) -> Predictions:
    """Return the predictions of one method in all its folds.

    Args:
        runs: of the method.
        folds: those that count, where others are to be left out; where only what is present is
            shown, those that are there.

    Raises:
        ValueError: there is no run, a fold is missing, one has a run more than others, or the runs
            differ in more than fold and seed.
    """
    if folds is None and sweep.only_present():
        folds = run_in(runs)
    runs = [run for run in runs if folds is None or run.config["fold"] in folds]
    if not runs:
        raise ValueError("no runs to pool: of a method that is needed here none is there")
    count = runs[0].config["folds"]
    own = [{n: v for n, v in run.config.items() if n not in ("fold", "seed")} for run in runs]
    if any(each != own[0] for each in own):
        raise ValueError("these runs differ in more than fold and seed; pool one method at a time")
    wanted = np.arange(count) if folds is None else np.array(sorted(folds))
    times = np.bincount([run.config["fold"] for run in runs], minlength=count)[wanted]
    if times.min() != times.max():
        lacking = wanted[times.argmin()]
        raise ValueError(f"fold {lacking} of {count} has fewer runs than others; run it too")
    columns = {
        name: np.concatenate([np.array(run.metrics[name], dtype=np.int64) for run in runs])
        for name in ("rows", "identities", "targets", "predicted")
    }
    sizes = [len(run.metrics["rows"]) for run in runs]
    tested = np.repeat([run.config["fold"] for run in runs], sizes)
    return Predictions(folds=tested, classes=int(columns["targets"].max()) + 1, **columns)


def in_order(found: Predictions) -> Predictions:
    """Return predictions in the order of the images."""
    order = np.argsort(found.rows, kind="stable")
    columns = ("rows", "folds", "identities", "targets", "predicted")
    return replace(found, **{name: getattr(found, name)[order] for name in columns})


def fold_accuracies(found: Predictions) -> np.ndarray:
    """Return the share of images recognised in each fold, (folds,)."""
    _, fold = np.unique(found.folds, return_inverse=True)
    return np.bincount(fold, found.hits) / np.bincount(fold)


def mean_over_folds(found: Predictions) -> Estimate:
    """Return the paper's number, the mean accuracy of the folds, with Student's interval.

    The interval takes folds as independent; they share most of their training images, so it is
    somewhat too narrow.
    """
    each = fold_accuracies(found)
    few = len(each) < 2 and sweep.only_present()
    interval = (np.nan, np.nan) if few else mean_interval(each.tolist())
    return Estimate(float(each.mean()), *interval, len(each))


def accuracy(found: Predictions) -> Estimate:
    """Return the share of all images recognised, with a bootstrap over people."""
    return share(found.identities, found.hits)


def difference(first: Predictions, second: Predictions) -> Estimate:
    """Return by how much the first method is more accurate than the second, on the same images.

    People are drawn with replacement once for both: what is hard about a person cancels.

    Raises:
        ValueError: the methods were tested on different images or in different folds.
    """
    ours, theirs = in_order(first), in_order(second)
    for name in ("rows", "folds"):
        if not np.array_equal(getattr(ours, name), getattr(theirs, name)):
            raise ValueError(f"the two methods differ in their {name}; compare runs of one split")
    return share(ours.identities, ours.hits.astype(np.int64) - theirs.hits)


def gain(first: Sequence[Result], second: Sequence[Result]) -> Estimate | None:
    """Return the difference of two methods in the folds that the first was run in.

    None where it was run in no fold. Where only what is present is shown, both were run in them.
    """
    folds = run_in(first)
    if sweep.only_present():
        folds &= run_in(second)
    return difference(pool(first, folds), pool(second, folds)) if folds else None


def run_in(runs: Sequence[Result]) -> set[int]:
    """Return the folds that a method was run in."""
    return {run.config["fold"] for run in runs}


def share(identities: np.ndarray, scores: np.ndarray) -> Estimate:
    """Return the mean score (n,) of images, with a bootstrap over the people (n,) in them.

    A score is 1 for a hit and 0 for a miss, or a difference of two. Near 0 and 1 the interval is
    too short: of 0.97 and a hundred people it covers nine times in ten, and where all agree it has
    no length.
    """
    return pooled(*by_person(identities, scores))


def by_person(identities: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of each person's scores and the number of their images, (people,) each."""
    _, person = np.unique(identities, return_inverse=True)
    return np.bincount(person, scores), np.bincount(person)


def pooled(scores: np.ndarray, images: np.ndarray) -> Estimate:
    """Return the mean score of all images from `by_person`, with a bootstrap over people."""
    return _over_people(np.stack([scores, images], axis=1), _share)


def crossed(hits: np.ndarray, pictures: np.ndarray) -> Estimate:
    """Return the share of hits in pictures, with a bootstrap over lenders and borrowers.

    Of each pair, (lenders, borrowers), the hits and the pictures are counted. Lenders and borrowers
    are drawn with replacement, each for themselves: another set of people would bring other faces
    to be asked for as well as other smiles.
    """
    random = np.random.default_rng(SEED)
    times = [random.multinomial(n, np.full(n, 1 / n), RESAMPLES) for n in hits.shape]
    drawn = [
        np.einsum("rl,lb,rb->r", times[0], each, times[1], optimize=True)
        for each in (hits, pictures)
    ]
    low, high = np.percentile(drawn[0] / drawn[1], (2.5, 97.5))
    return Estimate(float(hits.sum() / pictures.sum()), float(low), float(high), min(hits.shape))


def macro_recall(found: Predictions) -> Estimate:
    """Return the mean over classes of the share recognised, with a bootstrap over people.

    It asks as much of a rare class as of a frequent one.
    """
    people, person = np.unique(found.identities, return_inverse=True)
    tallies = np.zeros((len(people), found.classes, 2))
    np.add.at(tallies[..., 0], (person, found.targets), found.hits)
    np.add.at(tallies[..., 1], (person, found.targets), 1)
    return _over_people(tallies, _mean_of_shares)


def confusion(found: Predictions) -> np.ndarray:
    """Return how many images of each class (row) were taken for each (column), int64."""
    table = np.zeros((found.classes, found.classes), dtype=np.int64)
    np.add.at(table, (found.targets, found.predicted), 1)
    return table


def table(found: Mapping[str, Predictions], paper: Mapping[str, float]) -> pd.DataFrame:
    """Return one row for each method, all numbers in %."""
    rows = []
    for method, predictions in found.items():
        row: dict[str, str | float] = {"method": method}
        for name, measure in MEASURES.items():
            value, low, high, _ = measure(predictions)
            row |= {name: 100 * value, f"{name}: 95 %": f"{100 * low:.1f} to {100 * high:.1f}"}
        rows.append({**row, "paper": paper.get(method, np.nan)})
    return pd.DataFrame(rows)


MEASURES: dict[str, Callable[[Predictions], Estimate]] = {
    "mean over folds": mean_over_folds,
    "of all images": accuracy,
    "macro recall": macro_recall,
}


def _share(tallies: np.ndarray) -> float:
    """Return the sum of scores over the number of images of some people (people, 2)."""
    total, count = tallies.sum(axis=0)
    return float(total / count)


def _mean_of_shares(tallies: np.ndarray) -> float:
    """Return the mean share over the classes that some people (people, classes, 2) show."""
    hits, count = tallies.sum(axis=0).T
    return float((hits[count > 0] / count[count > 0]).mean())


def _over_people(tallies: np.ndarray, statistic: Callable[[np.ndarray], float]) -> Estimate:
    """Return a statistic of people (people, ...) with its bootstrap interval."""
    interval = bootstrap_interval(tallies, statistic, np.random.default_rng(SEED))
    return Estimate(statistic(tallies), *interval, len(tallies))
