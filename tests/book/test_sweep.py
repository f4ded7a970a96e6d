"""Sweeps: nothing runs twice, nothing finished is lost, nothing is left running."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from lib.book.files import REPOSITORY
from lib.runs import results, sweep
from lib.runs.results import Result


def square(config: dict[str, Any]) -> dict[str, Any]:
    """Note the call in a file, fail where asked to, else square x."""
    with open(config["log"], "a") as log:
        log.write(f"{config['x']}\n")
    if config["x"] == config.get("fail_at"):
        raise ZeroDivisionError("no such x")
    time.sleep(config.get("seconds", 0))
    np.ones(1) @ np.ones(1)  # NumPy's pool of threads is there
    threads = [torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info())]
    found = {"square": config["x"] ** 2, "threads": max(threads), "pid": os.getpid()}
    config.clear()  # it is a copy
    return found


def calls(log: Path) -> list[int]:
    """Return the x of each call, in order."""
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def squares(found: list[Result | None]) -> list[int | None]:
    return [None if result is None else result.metrics["square"] for result in found]


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_configs_and_are_not_computed_again(
    jobs: int, log: Path, folder: Path
) -> None:
    configs = [{"x": x, "log": str(log), "dataset": "none"} for x in (3, 1, 2, 1)]
    first = sweep.run("part3", "squares", configs, square, jobs=jobs, folder=folder)
    assert squares(first) == [9, 1, 4, 1]
    assert sorted(calls(log)) == [1, 2, 3]  # the duplicate ran once
    configs.insert(0, {"x": 5, "log": str(log), "dataset": "none"})
    present = sweep.run("part3", "squares", configs, square, compute=False, folder=folder)
    assert squares(present) == [None, 9, 1, 4, 1] and len(calls(log)) == 3
    second = sweep.run("part3", "squares", configs, square, jobs=jobs, folder=folder)
    assert second[1:] == first
    assert calls(log)[3:] == [5]


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_run_has_one_thread_and_says_so(jobs: int, log: Path, folder: Path) -> None:
    threads = torch.get_num_threads()
    with threadpool_limits(limits=2):
        torch.set_num_threads(2)
        try:
            configs = [
                {"x": x, "log": str(log), "dataset": "mnist", "rung": "open"} for x in (1, 2)
            ]
            found = sweep.run("part3", "squares", configs, square, jobs=jobs, folder=folder)
            assert torch.get_num_threads() == 2
            assert {pool["num_threads"] for pool in threadpool_info()} == {2}
        finally:
            torch.set_num_threads(threads)
    for result in found:
        assert result is not None
        assert result.metrics["threads"] == result.provenance["torch_threads"] == 1
        assert (result.provenance["dataset"], result.provenance["rung"]) == ("mnist", "open")
        assert (result.metrics["pid"] == os.getpid()) == (jobs == 1)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failing_run_is_named_and_those_before_it_are_kept(
    jobs: int, log: Path, folder: Path
) -> None:
    configs = [{"x": x, "log": str(log), "fail_at": 3} for x in (1, 2, 3)]
    sweep.run("part3", "squares", configs[:2], square, jobs=jobs, folder=folder)
    configs.append({"x": 4, "log": str(log), "seconds": 0.01})  # two left: one for each process
    with pytest.raises(RuntimeError, match='ZeroDivisionError: no such x; the run was {.*"x": 3}'):
        sweep.run("part3", "squares", configs, square, jobs=jobs, folder=folder)
    kept = sweep.run("part3", "squares", configs, square, compute=False, folder=folder)
    assert squares(kept)[:3] == [1, 4, None]


def test_a_damaged_file_is_set_aside_and_the_run_repeated(
    log: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {"x": 2, "log": str(log)}
    sweep.run("part3", "squares", [config], square, jobs=1, folder=folder)
    file = results.location("part3", "squares", config, folder)
    damaged = file.read_bytes()[:-40]
    file.write_bytes(damaged)
    found = sweep.run("part3", "squares", [config], square, compute=False, folder=folder)
    assert found == [None] and file.read_bytes() == damaged
    capsys.readouterr()
    assert squares(sweep.run("part3", "squares", [config], square, jobs=1, folder=folder)) == [4]
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert file.with_name(f"{file.name}.damaged").read_bytes() == damaged
    assert calls(log) == [2, 2]


def test_a_config_that_is_not_plain_is_refused_before_anything_runs(
    log: Path, folder: Path
) -> None:
    configs = [{"x": 1, "log": str(log)}, {"x": float("nan"), "log": str(log)}]
    with pytest.raises(ValueError, match="config is no plain JSON"):
        sweep.run("part3", "squares", configs, square, jobs=1, folder=folder)
    assert calls(log) == []


@pytest.mark.parametrize(
    ("variable", "jobs", "line"),
    [
        ("{}", 0, "jobs is 0; give a number of processes from 1 on"),
        ('{"job": 1}', None, "BOOK_RUN is .*; it is JSON of jobs, scheduler"),
    ],
)
def test_a_senseless_number_of_jobs_is_one_line(
    variable: str, jobs: int | None, line: str, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("BOOK_RUN", variable)
    with pytest.raises(ValueError, match=line):
        sweep.run("part3", "squares", [{"x": 1}], square, jobs=jobs, folder=folder)


def test_only_what_is_present_is_shown_where_that_is_asked_for(
    log: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configs = [{"x": x, "log": str(log)} for x in (1, 2, 3)]
    sweep.run("part3", "squares", configs[1:], square, jobs=1, folder=folder)
    monkeypatch.setenv("BOOK_RUN", '{"present": true}')
    assert squares(sweep.run("part3", "squares", configs, square, folder=folder)) == [None, 4, 9]
    line = "part3 squares: 2 of 3 runs present; the rest is not shown\n"
    assert capsys.readouterr() == (line, "")
    sweep.run("part3", "squares", configs[1:], square, folder=folder)
    sweep.run("part3", "squares", configs, square, folder=folder, compute=False)
    assert capsys.readouterr() == ("", "")  # nothing is kept back from whoever asks for no more
    assert sorted(calls(log)) == [2, 3]
    assert sweep.only(sweep.run("part3", "squares", configs[1:2], square, folder=folder))
    with pytest.raises(RuntimeError, match="not there; run it without --present"):
        sweep.only(sweep.run("part3", "squares", configs[:1], square, folder=folder))


@pytest.mark.parametrize("faults", [3, 10**6])
def test_a_result_that_cannot_be_written_is_tried_again_and_in_the_end_an_error(
    faults: int,
    log: Path,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tried, save = [], results.save

    def full(result: Result, place: Path) -> Path:
        tried.append(result)
        if len(tried) <= faults:
            raise OSError(28, "cannot write: no space left")
        return save(result, place)

    monkeypatch.setattr(results, "save", full)
    monkeypatch.setattr(sweep, "PAUSE", 0.01)
    config = {"x": 2, "log": str(log)}
    if faults > 3:
        monkeypatch.setattr(sweep, "SAVING_SECONDS", 0.1)
        with pytest.raises(OSError, match="no space left"):
            sweep.run("part3", "squares", [config], square, jobs=1, folder=folder)
        return
    found = sweep.run("part3", "squares", [config], square, jobs=1, folder=folder)
    assert squares(found) == [4] and len(tried) == 4 and calls(log) == [2]
    line = "cannot write: no space left; trying for 10 s, then this run is lost\n"
    assert capsys.readouterr().err.endswith(line)


def test_what_somebody_else_finished_meanwhile_stays(log: Path, folder: Path) -> None:
    config = {"x": 2, "log": str(log)}
    one = sweep.Run("part3", "squares", config, square, folder, {})
    (theirs,) = sweep.run("part3", "squares", [config], square, jobs=1, folder=folder)
    assert theirs is not None
    ours = Result("part3", "squares", config, {"square": -4}, {"seconds": 0.0})
    assert one.keep(ours) == theirs and one.compute() == theirs
    assert calls(log) == [2]


SCRIPT = """
import sys, time
from lib.runs import sweep

def slow(config):
    with open(sys.argv[1], "a") as log:
        log.write(f"{config['x']}\\n")
    time.sleep(0.1 if config["x"] < 3 else 60)
    return {"square": config["x"] ** 2}

if __name__ == "__main__":
    configs = [{"x": x} for x in range(20)]
    sweep.run("part3", "squares", configs, slow, jobs=2, folder=sys.argv[2])
"""


@pytest.mark.parametrize("how", ["to the group", "kill"])
def test_an_end_in_between_keeps_what_finished_and_leaves_no_process(
    how: str, tmp_path: Path, log: Path, folder: Path
) -> None:
    """Ctrl-C in a terminal reaches the workers, too."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, script, log, folder],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    family: list[psutil.Process] = []
    try:
        until = time.monotonic() + 60
        while len(calls(log)) < 5:  # three have finished, two sleep
            assert time.monotonic() < until
            time.sleep(0.05)
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 2
        if how == "to the group":
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.kill()
        _, complaint = process.communicate(timeout=60)
        assert how == "kill" or "KeyboardInterrupt" in complaint.splitlines()
        _, alive = psutil.wait_procs(family, timeout=20)
        assert alive == []
    finally:
        for left in [process, *family]:
            with suppress(psutil.NoSuchProcess):
                left.kill()
    configs = [{"x": x} for x in range(20)]
    kept = sweep.run("part3", "squares", configs, square, compute=False, folder=folder)
    assert squares(kept) == [0, 1, 4] + [None] * 17
    files = [file.name for file in folder.rglob("*") if file.is_file()]
    assert len(files) == 3 and all(name.endswith(".json") for name in files)
    assert len(calls(log)) == 5  # no other began
