"""What is bit-equal: the comparing by hand, real processes under real circumstances, the flag."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lib.book import determinism, determinism_table, device, results, run, sweep
from lib.book.determinism import Outcome, Work
from lib.book.files import REPOSITORY
from lib.book.results import Result

DIGITS = np.array([3, 1, 4], np.int64)


def outcome(
    *weights: float, outputs: tuple[float, ...] = (4.0, -8.0), labels: Any = DIGITS
) -> Outcome:
    named = {f"w{index}": np.array([value], np.float32) for index, value in enumerate(weights)}
    return Outcome(named, np.array(outputs, np.float32), np.array(labels, np.int64))


# the comparing code, against differences known by hand


def test_equal_outcomes_are_bit_equal() -> None:
    found = determinism.compare([outcome(1.0, -2.0)], outcome(1.0, -2.0))
    assert found.pop("digest") == outcome(1.0, -2.0).digest
    assert found == {
        "bit_equal": True,
        "weights": 0.0,
        "where": None,
        "outputs": 0.0,
        "labels": 3,
        "agreeing": 3,
    }


def test_differences_are_relative_to_the_largest_magnitude() -> None:
    found = determinism.compare(
        [outcome(1.25, -2.0, outputs=(4.0, -6.0), labels=(3, 9, 9))], outcome(1.0, -2.0)
    )
    assert not found["bit_equal"]
    assert found["weights"] == 0.25 / 2 and found["where"] == "w0"
    assert found["outputs"] == 2 / 8
    assert (found["agreeing"], found["labels"]) == (1, 3)


def test_of_several_copies_the_furthest_counts() -> None:
    copies = [outcome(1.0), outcome(1.5), outcome(1.25, labels=(3, 1, 5))]
    found = determinism.compare(copies, outcome(1.0))
    assert (found["bit_equal"], found["weights"], found["agreeing"]) == (False, 0.5, 2)


def test_a_zero_of_another_sign_is_not_bit_equal() -> None:
    found = determinism.compare([outcome(-0.0)], outcome(0.0))
    assert not found["bit_equal"] and found["weights"] == 0.0


def test_what_has_no_weights_and_no_labels_says_so() -> None:
    plain = Outcome({}, np.ones(2, np.float32))
    found = determinism.compare([plain], plain)
    assert found["weights"] is None and found["labels"] == found["agreeing"] == 0


@pytest.mark.parametrize(
    ("copy", "line"),
    [
        (outcome(1.0, 2.0), "not of the same work"),
        (outcome(1.0, outputs=(1.0,)), "not of the same work"),
        (outcome(float("nan")), "not finite"),
    ],
)
def test_what_cannot_be_compared_is_refused(copy: Outcome, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        determinism.compare([copy], outcome(1.0))


def test_an_outcome_survives_its_file(tmp_path: Path) -> None:
    whole = outcome(1.0, -0.0)
    whole.save(tmp_path / "a, b.npz")
    assert Outcome.load(tmp_path / "a, b.npz").digest == whole.digest


# works of its own, for processes that import this file's twin in a temporary folder

WORKS = """
import time
from pathlib import Path
import numpy as np, torch
from lib.book.determinism import Outcome, Work

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

def works(profile):
    if profile != "quick":
        raise ValueError(f"no profile {profile}")
    return {"a training": Work(train, True), "a product": Work(product, False)}
"""


@pytest.fixture
def works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "tiny_works.py").write_text(WORKS)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{REPOSITORY}")
    determinism.outcomes.cache_clear()
    yield "tiny_works"
    determinism.outcomes.cache_clear()


def compare(works: str, circumstance: str) -> dict[str, Any]:
    return determinism.compare_run(
        {"works": works, "profile": "quick", "circumstance": circumstance}
    )


def test_circumstances_come_about_and_are_compared(works: str) -> None:
    found = compare(works, "interrupted and resumed")
    assert found["facts"]["resumed"] == ["a training"]
    assert found["facts"]["threads"] == found["facts_against"]["threads"] == 1
    assert found["works"]["a product"]["bit_equal"]
    assert not found["works"]["a training"]["bit_equal"]  # its output says where it began
    found = compare(works, "two threads")
    assert found["facts"]["threads"] == 2
    assert found["works"]["a training"]["outputs"] == 1.0  # |2 - 1| over 1


def test_a_failing_process_is_one_line(works: str) -> None:
    line = "tiny_works smoke reference: exit code 1, ValueError: no profile smoke"
    with pytest.raises(RuntimeError, match=line):
        determinism.outcomes(works, "smoke", "reference")


def test_a_training_that_cannot_be_interrupted_is_told(tmp_path: Path) -> None:
    work = Work(lambda checkpoint: outcome(1.0), True)
    with pytest.raises(RuntimeError, match="a training ended before it was interrupted"):
        determinism.interrupt(work, tmp_path / "a training.training")


def test_an_unknown_circumstance_or_module_is_refused() -> None:
    with pytest.raises(KeyError, match="moonlight"):
        determinism.outcomes("tiny_works", "quick", "moonlight")


def test_what_this_machine_cannot_bring_about_is_none_and_not_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[bool, list[str]]] = []

    def refuse(part: str, experiment: str, runs: list, one: object, compute: bool) -> list:
        asked.append((compute, [config["circumstance"] for config in runs]))
        return [None] * len(runs)

    monkeypatch.setattr(sweep, "run", refuse)
    monkeypatch.setattr(determinism, "possible", lambda each: not each.gpu and not each.processor)
    found = determinism.measure("part1", determinism, "quick")
    assert list(found) == list(determinism.circumstances())[1:]
    computed = {name for compute, names in asked for name in names if compute}
    assert computed == {
        name
        for name in found
        if not any(word in name for word in ("GPU", "older processor", "AMD processor"))
    }


def test_every_circumstance_is_held_against_one_that_comes_before() -> None:
    names = list(determinism.circumstances())
    assert names[0] == "reference" and set(determinism.SMOKE) < set(names)
    for name, circumstance in list(determinism.circumstances().items())[1:]:
        assert names.index(circumstance.against) < names.index(name)


# the flag

LOOK = """
import json, os
from pathlib import Path
from lib.book import sweep

def look(config):
    import os, torch
    from lib.book.device import best_device
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
    wanted = device.deterministic_environment()
    for process in (kernel, *workers):
        assert wanted.items() <= process["environment"].items()
        assert process["deterministic"] and process["threads"] == 1


def environment(*, deterministic: bool) -> dict[str, str]:
    options = run._parser().parse_args(["--jobs", "2", *["--deterministic"] * deterministic])
    return run._environment("quick", options, REPOSITORY)


def test_without_the_flag_nothing_changes() -> None:
    assert environment(deterministic=False) == {"BOOK_JOBS": "2"}
    added = environment(deterministic=True).keys() - environment(deterministic=False).keys()
    assert added == device.deterministic_environment().keys()
    assert device.ALWAYS.keys() <= added


def test_instructions_are_pinned_only_where_the_processor_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    assert device.deterministic_environment() == device.ALWAYS | device.PINNED
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"neon": True})
    assert device.deterministic_environment() == device.ALWAYS


def test_a_process_that_began_without_the_environment_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in device.ALWAYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    line = "BOOK_DETERMINISTIC is set but not OMP_NUM_THREADS; use ./run_all.sh --deterministic"
    with pytest.raises(RuntimeError, match=line):
        device.best_device()
    assert not torch.are_deterministic_algorithms_enabled()


# the table


def result(name: str, against: str, **works: dict[str, Any]) -> Result:
    seconds = {"facts": {"cpu_seconds": dict.fromkeys(works, 3.0)}}
    others = {"facts_against": {"cpu_seconds": dict.fromkeys(works, 2.0)}}
    metrics = {"against": against, "works": works, **seconds, **others}
    return Result("part1", "determinism", {"circumstance": name}, metrics)


def numbers(weights: float | None, outputs: float, agreeing: int = 4) -> dict[str, Any]:
    equal = not weights and not outputs
    return {
        "bit_equal": equal,
        "weights": weights,
        "outputs": outputs,
        "labels": 4,
        "agreeing": agreeing,
    }


@pytest.fixture
def found() -> determinism_table.Found:
    same, other = numbers(0.0, 0.0), numbers(3e-6, 2e-5, 3)
    return {
        "sound": {
            "again": result("again", "reference", **{"a, float32": same, "a, bfloat16": same}),
            "GPU": None,
            "two threads": result(
                "two threads", "reference", **{"a, float32": other, "a, bfloat16": same}
            ),
        },
        "faces": {
            "again": result("again", "reference", b=numbers(None, 0.0)),
            "GPU": None,
            "two threads": None,
        },
    }


def test_the_table_has_a_row_for_each_work_and_one_for_what_is_missing(
    found: determinism_table.Found,
) -> None:
    rows = determinism_table.table(found)
    assert rows["circumstance"].tolist() == ["again"] * 3 + ["GPU"] * 2 + ["two threads"] * 3
    apart = rows[(rows["circumstance"] == "two threads") & (rows["work"] == "a, float32")].iloc[0]
    assert (apart["weights"], apart["outputs"], apart["agreeing"]) == (3e-6, 2e-5, 0.75)
    assert apart["time"] == 1.5
    assert rows["work"].isna().sum() == 3


def test_the_overview_says_bit_equal_or_how_far_apart_or_not_measured(
    found: determinism_table.Found,
) -> None:
    page = determinism_table.overview(determinism_table.table(found)).set_index("circumstance")
    assert page.columns.tolist() == ["held against", "a, bfloat16", "a, float32", "b"]
    assert page.loc["again"].tolist() == ["reference", *["bit-equal"] * 3]
    assert page.loc["GPU"].tolist() == [None, *["not measured"] * 3]
    assert page.loc["two threads"].tolist() == ["reference", "bit-equal", "2e-05", "not measured"]


def test_apart_are_the_circumstances_in_which_a_bit_differs(found: determinism_table.Found) -> None:
    page = determinism_table.apart(determinism_table.table(found))
    assert page.columns.tolist() == ["work", "two threads"]
    assert page.set_index("work")["two threads"].to_dict() == {
        "a, bfloat16": "bit-equal",
        "a, float32": "2e-05",
        "b": "not measured",
    }


@pytest.mark.usefixtures("no_open_figures")
def test_the_picture_puts_bit_equal_in_its_own_place(found: determinism_table.Found) -> None:
    (axes,) = determinism_table.picture(determinism_table.table(found)).axes
    places = sorted(float(x) for dots in axes.collections for x, _ in dots.get_offsets())
    assert places == [determinism_table.EQUAL_AT] * 4 + [2e-5]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["again", "two threads"]


def test_the_words_say_what_is_equal_how_far_the_rest_is_and_what_is_missing(
    found: determinism_table.Found,
) -> None:
    text = determinism_table.sentences(determinism_table.table(found))
    assert text.splitlines() == [
        "**Bit-equal in every work measured**: again.",
        "",
        "**Apart, two threads** (held against reference): at most 2e-05 in float32 and bit-equal "
        "in bfloat16; the same label in 87.5 % of 8 predictions.",
        "",
        "**Not measured here**: GPU.",
    ]


def test_each_promise_names_a_test_that_exists() -> None:
    for _, _, name in determinism_table.PROMISES:
        file, _, function = name.partition("::")
        assert f"\ndef {function}(" in (REPOSITORY / file).read_text(encoding="utf-8"), name


@pytest.mark.parametrize("part", ["part1", "part2", "part3"])
def test_the_stored_results_hold_what_is_promised(part: str) -> None:
    files = sorted((results.RESULTS / part / determinism.EXPERIMENT).glob("*.json"))
    stored = {each.config["circumstance"]: each for each in map(results.load, files)}
    measured = {name for name, each in determinism.circumstances().items() if not each.gpu}
    assert set(stored) == measured - {"reference"}
    promised = {"again", "beside another run", "interrupted and resumed", "--deterministic, again"}
    promised |= {f"--deterministic, {other} processor" for other in ("older", "AMD")}
    for name, each in stored.items():
        equal = [compared["bit_equal"] for compared in each.metrics["works"].values()]
        assert all(equal) if name in promised else not all(equal), name
        if "processor" in name:
            assert not each.metrics["facts"]["avx512"] and each.metrics["facts_against"]["avx512"]
