"""What Part I still has to compute: operations by hand, runs as the chapters ask for them."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from lib.runs import results
from lib.runs.results import Result
from lib.sound.mean_teacher import TrainingConfig
from lib.sound.runs import experiments, workload

FRAMES, HIDDEN, CLASSES = 151, 128, 10


@pytest.fixture
def common(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Give what all runs of the paper have in common, on clips that nobody has."""
    monkeypatch.setenv("BOOK_RESULTS", str(tmp_path))
    monkeypatch.setattr(experiments, "weights_digest", lambda stream: stream)
    monkeypatch.setattr(experiments, "fingerprints", lambda run: {})
    monkeypatch.delenv("BOOK_RETRAIN", raising=False)
    return {
        "dataset": "none",
        "rung": "original",
        "sizes": {},
        "streams": {"spectral": "log_mel", "audio": "vggish", "visual": "vgg16"},
        "width": 1.0,
        "mel_bands": 128,
        "pooling": "linear",
        "training": asdict(TrainingConfig()),
    }


def test_a_training_costs_what_its_layers_do_in_each_step(common: dict[str, Any]) -> None:
    run = experiments.config(common, ("audio",), 0)
    embedding = FRAMES * 128 * 64
    first = 2 * FRAMES * 3 * HIDDEN * 64  # of the GRU, both directions: of what comes in ...
    second = 2 * FRAMES * 3 * HIDDEN * 2 * HIDDEN
    again = 2 * FRAMES * 3 * HIDDEN * HIDDEN  # ... and of what was before, in each of two layers
    head = FRAMES * 2 * HIDDEN * CLASSES
    forward = embedding + first + second + 2 * again + head
    # back: twice as much, but none for the features, nor for the state before the first frame
    backward = 2 * forward - embedding - 2 * 2 * 3 * HIDDEN * HIDDEN
    teacher = forward
    assert workload.training_flop(run) == 50_000 * 48 * 2 * (forward + backward + teacher)


def test_no_run_is_listed_twice_and_a_stored_one_is_present(common: dict[str, Any]) -> None:
    grids = (grid(common, 2) for grid in experiments.GRIDS.values())
    wanted = {results.key(run) for grid in grids for run in grid}
    listed = workload.trainings(common, 2)
    assert sum(work.missing for work in listed) == len(wanted)
    run = experiments.config(common, ("visual",), 1)
    results.save(Result("part1", "table3", run, {}, {"seconds": 7.0}), results.root())
    (found,) = [each for each in workload.trainings(common, 2) if each.name == "V: Table 3"]
    assert found.missing == 1 and found.seconds(None) == 7.0
