"""What is bit-equal: the comparing by hand, real processes under real circumstances, the flag."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lib.book import run
from lib.book.files import REPOSITORY
from lib.runs import determinism, determinism_table, device, results
from lib.runs.determinism import Outcome
from lib.runs.results import Result

DIGITS = np.array([3, 1, 4], np.int64)


def outcome(
    *weights: float, outputs: tuple[float, ...] = (4.0, -8.0), labels: Any = DIGITS
) -> Outcome:
    named = {f"w{index}": np.array([value], np.float32) for index, value in enumerate(weights)}
    return Outcome(named, np.array(outputs, np.float32), np.array(labels, np.int64))


# the comparing code, against differences known by hand


def test_differences_are_relative_to_the_largest_magnitude() -> None:
    found = determinism.compare(outcome(1.0, -2.0), outcome(1.0, -2.0))
    assert found.pop("digest") == outcome(1.0, -2.0).digest
    assert found == {"bit_equal": True, "weights": 0, "outputs": 0, "labels": 3, "agreeing": 3}
    other = outcome(1.25, -2.0, outputs=(4.0, -6.0), labels=(3, 9, 9))
    found = determinism.compare(other, outcome(1.0, -2.0))
    assert not found["bit_equal"] and found["weights"] == 0.25 / 2 and found["outputs"] == 2 / 8
    assert (found["agreeing"], found["labels"]) == (1, 3)


def test_a_zero_of_another_sign_is_not_bit_equal() -> None:
    found = determinism.compare(outcome(-0.0), outcome(0.0))
    assert not found["bit_equal"] and found["weights"] == 0.0


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (outcome(1.0, outputs=(1.0,)), "not of the same work"),
        (outcome(float("nan")), "not finite"),
    ],
)
def test_what_cannot_be_compared_is_refused(other: Outcome, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        determinism.compare(other, outcome(1.0))


# works of its own, for processes that import this file's twin in a temporary folder

WORKS = """
import time
from pathlib import Path
import numpy as np, torch
from lib.runs.determinism import Outcome

def train(checkpoint):
    done = int(checkpoint.read_text()) if checkpoint.is_file() else 0
    for step in range(done, 40):
        time.sleep(0.005)
        checkpoint.write_text(str(step + 1))
    return Outcome({}, np.array([done, torch.get_num_threads()], np.float32))

def product(checkpoint):
    random = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 300, 300, generator=random)
    return Outcome({}, (a @ b).sum(0).numpy())

def works():
    return {"a training": train, "a product": product}
"""


@pytest.fixture
def works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "tiny_works.py").write_text(WORKS)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{REPOSITORY}")
    determinism.outcomes.cache_clear()
    yield "tiny_works"
    determinism.outcomes.cache_clear()


def compare(works: str, circumstance: str) -> dict[str, Any]:
    return determinism.compare_run({"works": works, "circumstance": circumstance})


def test_circumstances_come_about_and_are_compared(works: str) -> None:
    found = compare(works, "interrupted and resumed")
    assert found["facts"]["resumed"] == ["a training"]
    assert found["facts"]["threads"] == found["reference"]["threads"] == 1
    assert found["works"]["a product"]["bit_equal"]
    assert not found["works"]["a training"]["bit_equal"]  # its output says where it began
    found = compare(works, "two threads")
    assert found["facts"]["threads"] == 2
    assert found["works"]["a training"]["outputs"] == 1.0  # |2 - 1| over 1


def test_with_the_flag_the_same_bits_come_again(works: str) -> None:
    seen = []
    for _ in range(2):
        determinism.outcomes.cache_clear()
        found, facts = determinism.outcomes(works, "--deterministic")
        assert facts["threads"] == 1
        seen.append(found["a product"].digest)
    assert seen[0] == seen[1]


# the flag

LOOK = """
import json, os
from pathlib import Path
from lib.runs import sweep

def look(config):
    import os, torch
    from lib.runs.device import best_device
    best_device()
    return {
        "environment": dict(os.environ),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "pid": os.getpid(),
    }

workers = sweep.run("scratch", "look", [{"n": 0}, {"n": 1}], look, jobs=2, folder=Path("found"))
seen = [look({})] + [worker.metrics for worker in workers]
Path("seen.json").write_text(json.dumps(seen))
"""


def test_the_flag_reaches_kernels_and_the_workers_of_a_sweep(write_chapter: Any) -> None:
    root = write_chapter(LOOK).parents[1]
    assert run.main(["--deterministic"], root) == 0
    kernel, *workers = json.loads((root / "seen.json").read_text())
    assert kernel["pid"] not in {worker["pid"] for worker in workers}
    wanted = device.pinned_environment()
    for process in (kernel, *workers):
        assert wanted.items() <= process["environment"].items()
        assert process["deterministic"] and process["threads"] == 1


@pytest.mark.parametrize("deterministic", [False, True])
def test_without_the_flag_nothing_changes(deterministic: bool) -> None:
    options = run._parser().parse_args(["--jobs", "2", *["--deterministic"] * deterministic])
    found = run._environment("quick", options, REPOSITORY)
    told = {"jobs": 2} | ({"deterministic": True} if deterministic else {})
    assert json.loads(found.pop("BOOK_RUN")) == told
    assert found == (device.pinned_environment() if deterministic else {})


def test_a_process_that_began_without_the_environment_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in device.ALWAYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BOOK_RUN", '{"deterministic": true}')
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    line = "this process began without OMP_NUM_THREADS; use ./run_all.sh --deterministic"
    with pytest.raises(RuntimeError, match=line):
        device.best_device()
    assert not torch.are_deterministic_algorithms_enabled()
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"neon": True})
    assert device.pinned_environment() == device.ALWAYS  # nothing that this processor lacks


# the table


def result(circumstance: str, **works: tuple[float | None, float, int]) -> Result:
    compared = {
        work: {
            "bit_equal": not weights and not outputs,
            "weights": weights,
            "outputs": outputs,
            "labels": 4,
            "agreeing": agreeing,
        }
        for work, (weights, outputs, agreeing) in works.items()
    }
    took = {name: {"cpu_seconds": dict.fromkeys(works, t)} for name, t in SECONDS.items()}
    return Result(
        "part1", "determinism", {"circumstance": circumstance}, {"works": compared, **took}
    )


SECONDS = {"facts": 3.0, "reference": 2.0}
FOUND = {
    "sound": [
        result("again", a=(0.0, 0.0, 4), b=(None, 0.0, 4)),
        result("--deterministic", a=(3e-6, 2e-5, 3), b=(None, 0.0, 4)),
    ],
    "faces": [
        result("again", c=(0.0, 0.0, 4)),
        result("--deterministic", c=(2e-3, 0.0, 4)),
    ],
}


def test_the_table_has_a_row_for_each_work_under_each_circumstance() -> None:
    rows = determinism_table.table(FOUND)
    assert rows["circumstance"].tolist() == ["again"] * 3 + ["--deterministic"] * 3
    assert rows["work"].tolist() == ["a", "b", "c"] * 2
    assert rows["apart"].tolist() == [0, 0, 0, 2e-5, 0, 2e-3] and set(rows["time"]) == {1.5}
    page = determinism_table.overview(rows).set_index("circumstance")
    assert page.columns.tolist() == ["a", "b", "c"]
    assert page.loc["again"].tolist() == ["bit-equal"] * 3
    assert page.loc["--deterministic"].tolist() == ["2e-05", "bit-equal", "2e-03"]


def test_each_promise_names_a_test_that_exists() -> None:
    for _, _, name in determinism_table.PROMISES:
        file, _, function = name.partition("::")
        assert f"\ndef {function}(" in (REPOSITORY / file).read_text(encoding="utf-8"), name


@pytest.mark.parametrize("part", ["part1", "part2", "part3"])
def test_the_stored_results_hold_what_is_promised(part: str) -> None:
    files = sorted((results.root() / part / determinism.EXPERIMENT).glob("*.json"))
    stored = {each.config["circumstance"]: each for each in map(results.load, files)}
    assert set(stored) == determinism.circumstances().keys() - {"reference"}
    for name in ("again", "interrupted and resumed"):
        works = stored[name].metrics["works"].values()
        assert all(compared["bit_equal"] for compared in works), name
