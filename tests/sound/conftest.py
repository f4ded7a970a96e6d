"""Small event lists, and the real ones."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from lib.book import data_root, results
from lib.book.results import Result
from lib.sound import evaluation, protocol, scored
from lib.sound.labels import Events
from lib.sound.models import COMBINATIONS
from lib.sound.scored import Scored

MakeEvents = Callable[..., Events]
MakeRun = Callable[..., Result]


@pytest.fixture(scope="session")
def few() -> Scored:
    """Give a few clips of the test set, the last of them without events."""
    return scored.load(40)


@pytest.fixture(scope="session")
def lists() -> Path:
    """Give the folder in which the lists of DCASE 2018 and of DESED lie."""
    return data_root.locate("desed_baseline").parent


@pytest.fixture(scope="session")
def real() -> Scored:
    """Give the whole test set."""
    return scored.load()


@pytest.fixture
def make() -> MakeEvents:
    """Return a function that makes events from rows (clip, label, onset, offset)."""

    def events(*rows: tuple[int, int, float, float], clips: int = 1, classes: int = 10) -> Events:
        columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T
        clip, label = columns[:2].astype(np.int64)
        names = tuple(f"clip_{index}.wav" for index in range(clips))
        kinds = tuple(f"class_{index}" for index in range(classes))
        return Events(names, np.full(clips, 10.0), clip, label, columns[2], columns[3], kinds)

    return events


@pytest.fixture
def private_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let results of the test go into its own folder, and be found only there."""
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture(scope="session")
def made_up_run() -> MakeRun:
    """Return a function that makes up a run of Table 3 with the scores asked for.

    Every run is counted on the same 200 clips. What a worse run finds, a better one finds too, so
    that differences are clear from clip to clip. What is found is found as often as it is true:
    precision, recall and F1 are all the share of hits.
    """
    generator = np.random.default_rng(0)
    truth = (generator.random((200, 10)) < 0.4).astype(np.int64)
    ease = np.ones((3, *truth.shape))  # how good a run must be to hit what is here
    for metric, label in np.ndindex(3, 10):
        sounding = np.flatnonzero(truth[:, label])
        order = generator.permutation(len(sounding)) + generator.random()
        ease[metric, sounding, label] = order / len(sounding)  # evenly: F1 is the level asked for

    def counts(metric: str, level: float) -> np.ndarray:
        hits = truth * (ease[evaluation.METRICS.index(metric)] < level)
        return np.stack([hits, truth, truth], axis=2)

    def run(row: tuple[str, ...], seed: int, levels: Mapping[str, float], spread: float) -> Result:
        noise = np.random.default_rng([seed, COMBINATIONS.index(row)]).standard_normal((2, 3))
        each = dict(zip(evaluation.METRICS, noise.T, strict=True))
        found = {name: counts(name, levels[name] + spread * each[name][0]) for name in each}
        by_class = [evaluation.f1(*totals) for totals in found["event"].sum(axis=0).tolist()]
        metrics = {
            "test": {"scores": evaluation.table3_scores(found), "event_by_class": by_class},
            "validation": {"scores": {name: levels[name] + 0.01 * each[name][1] for name in each}},
            "counts": {name: protocol.pack(found[name]) for name in found},
            "shape": list(truth.shape),
        }
        return Result("part1", "table3", {"inputs": list(row), "seed": seed}, metrics)

    return run
