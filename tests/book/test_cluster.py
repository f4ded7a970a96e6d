"""Sweeps on a cluster, with runs that take no time; the faults have tests of their own."""

import gc
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lib.book.files import REPOSITORY
from lib.book.told import Told
from lib.runs import sweep
from lib.runs.results import Result
from tests.book.clusters import Cluster, running, wait_until
from tests.book.test_run import call

pytest.importorskip("distributed", reason="needs the extra: requirements-cluster.txt")

from distributed import Client

from lib.runs import cluster as clusters

Config = dict[str, Any]
WriteChapter = Callable[..., Path]


def act(config: Config) -> dict[str, Any]:
    """Note the call in a file, do what the config says, and square x."""
    with open(config["log"], "a") as log:
        log.write(f"{config['x']}\n")
    if config["x"] == config.get("fail_at"):
        raise ZeroDivisionError("no such x")
    time.sleep(config.get("seconds", 0))
    return {"square": config["x"] ** 2, "pid": os.getpid()}


def calls(log: Path) -> list[int]:
    return sorted(int(line) for line in log.read_text().split()) if log.exists() else []


def squares(found: list[Result | None]) -> list[int | None]:
    return [None if result is None else result.metrics["square"] for result in found]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("cluster"), workers=1) as cluster:
        yield cluster


@pytest.fixture
def one(shared: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Give a cluster with one worker, and let sweeps go there."""
    wait_until(lambda: shared.ready() == 1)
    monkeypatch.setenv("BOOK_RUN", Told(scheduler=shared.address).environment()["BOOK_RUN"])
    return shared


def configs(log: Path, *values: int, **more: Any) -> list[Config]:
    return [{"x": x, "log": str(log), **more} for x in values]


def test_results_come_in_order_from_the_worker_and_are_not_computed_again(
    one: Cluster, log: Path, folder: Path
) -> None:
    found = sweep.run("part1", "acts", configs(log, 3, 1, 3), act, folder=folder)
    assert squares(found) == [9, 1, 9] and calls(log) == [1, 3]
    assert {each.metrics["pid"] for each in found if each} == {one.workers[0].pid}
    assert {each.provenance["torch_threads"] for each in found if each} == {1}
    assert sweep.run("part1", "acts", configs(log, 3, 1, 3), act, folder=folder) == found
    stays = sweep.run("part1", "acts", configs(log, 1, 2), act, folder=folder, jobs=1)
    assert squares(stays) == [1, 4] and calls(log) == [1, 2, 3]
    assert stays[1] is not None and stays[1].metrics["pid"] == os.getpid()


def test_a_failing_run_is_named_and_those_before_it_are_kept(
    one: Cluster, log: Path, folder: Path
) -> None:
    asked = configs(log, 1, 2, 3, 4, fail_at=2, seconds=0.3)
    with pytest.raises(RuntimeError, match='ZeroDivisionError: no such x; the run was {.*"x": 2'):
        sweep.run("part1", "acts", asked, act, folder=folder)
    time.sleep(1)
    assert calls(log) in ([1, 2], [1, 2, 3])  # the next may have begun, those that waited do not
    kept = sweep.run("part1", "acts", asked, act, folder=folder, compute=False)
    assert squares(kept)[:2] == [1, None] and kept[3] is None


def test_a_worker_that_would_compute_otherwise_refuses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    worker = SimpleNamespace(address="tcp://w", state=SimpleNamespace(nthreads=2))
    monkeypatch.setattr(clusters, "get_worker", lambda: worker)
    with pytest.raises(RuntimeError, match="tcp://w has several threads, .*; use --nthreads 1"):
        clusters._called(act, clusters.code_digest(), {})
    monkeypatch.setattr(clusters, "REPOSITORY", tmp_path)
    (tmp_path / "lib").mkdir()
    said = set()
    for text in ("x = 1", "x = 2", "x = 1"):
        (tmp_path / "lib" / "a.py").write_text(text)
        said.add(clusters.code_digest.__wrapped__())
    assert len(said) == 2
    with pytest.raises(RuntimeError, match="has another copy of the book; update it"):
        clusters._called(act, said.pop(), {})


def test_a_folder_of_the_book_is_that_of_the_workers_own_copy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folders = []
    monkeypatch.setattr(sweep.Run, "present", lambda run, set_aside: folders.append(run.folder))
    for folder in (REPOSITORY / "data" / "results", tmp_path):
        sweep.run("part1", "acts", [{"x": 1}], act, folder=folder, compute=False)
    assert folders == [Path("data") / "results", tmp_path]


@pytest.mark.parametrize("address", ["nonsense", "tcp://127.0.0.1:{free}"])
def test_a_scheduler_that_is_none_is_one_line_and_exit_2(
    address: str,
    write_chapter: WriteChapter,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(clusters, "CONNECTING", 0.5)
    root = write_chapter("1 / 0").parents[1]
    with socket.socket() as taken:  # by nobody who listens, as long as it is asked
        taken.bind(("127.0.0.1", 0))
        address = address.format(free=taken.getsockname()[1])
        assert call(root, "--scheduler", address) == 2
    left = [each.status for each in gc.get_objects() if type(each) is Client]
    assert set(left) <= {"closed"}  # one that is not would lock up the start of another
    told = capfd.readouterr()
    assert (
        f"no Dask scheduler answers at {address}" in told.err
        and len(told.err.splitlines()) == 1
        and told.out == ""
    )
    assert not list(root.rglob("*.ipynb"))


SBATCH = """#!/bin/sh
echo "$*" >>"$JOBS/asked"
cp "$1" "$JOBS/script"
setsid sh "$JOBS/script" >>"$JOBS/log" 2>&1 &
echo $! >>"$JOBS/pids"
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
for job in "$@"; do kill -- "-$job" 2>/dev/null; done
exit 0
"""
SETTINGS = """
jobqueue:
  slurm:
    memory: 2GB
    cores: 8
    queue: short
    interface: lo
    death-timeout: 60
"""
SWEEP = """
from pathlib import Path
from lib.runs import sweep
from tests.book.test_cluster import act, configs
place = Path({!r})
found = sweep.run("part1", "acts", configs(place / "log", 1, 2, 3), act, folder=place / "results")
print("found", *(each.metrics["square"] for each in found))
"""


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Put a SLURM on the path whose jobs run here at once; give the folder of its records."""
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    for name, content in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (jobs / name).write_text(content)
        (jobs / name).chmod(0o755)
    (jobs / "jobqueue.yaml").write_text(SETTINGS)
    monkeypatch.setenv("PATH", str(jobs), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("JOBS", str(jobs))
    monkeypatch.setenv("DASK_CONFIG", str(jobs))
    yield jobs
    for job in (jobs / "pids").read_text().split() if (jobs / "pids").exists() else ():
        subprocess.run(["kill", "-9", "--", f"-{job}"], capture_output=True, check=False)


def test_slurm_is_asked_for_workers_and_gives_them_back(
    write_chapter: WriteChapter, queue: Path, tmp_path: Path
) -> None:
    root = write_chapter(SWEEP.format(str(tmp_path))).parents[1]
    code = "import sys; from pathlib import Path; from lib.book import run\n"
    code += f"sys.exit(run.main(['--cluster', 'slurm', '--jobs', '1'], Path({str(root)!r})))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "found 1 4 9" in (root / "notebooks/10_tiny.ipynb").read_text()
    assert calls(tmp_path / "log") == [1, 2, 3]
    script = (queue / "script").read_text()
    assert "#SBATCH -p short" in script and "--nthreads 1" in script
    (job,) = (queue / "pids").read_text().split()
    wait_until(lambda: not Path(f"/proc/{job}").exists(), 30)


@pytest.mark.parametrize(
    ("lacking", "message"),
    [("sbatch", "no sbatch here"), ("jobqueue.yaml", "says no jobqueue: slurm: memory")],
)
def test_a_slurm_that_cannot_be_asked_is_one_line_and_exit_2(
    lacking: str,
    message: str,
    write_chapter: WriteChapter,
    queue: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (queue / lacking).unlink()  # the settings are not read here: Dask was imported before
    assert call(write_chapter("1 / 0").parents[1], "--cluster", "slurm", "--jobs", "1") == 2
    told = capfd.readouterr()
    assert message in told.err and len(told.err.splitlines()) == 1 and told.out == ""
