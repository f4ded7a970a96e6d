"""Faults, on workers of a real cluster with real trainings: all results, none wrong, none lost.

With `RECORD_FAULTS=FILE` before the command the trials and their outcomes are written there, as in
data/faults.json, which chapter 91 shows: of each fault how many `trials` there were, how many ended
`whole` (every result there, and bit for bit that of an undisturbed sweep), how many runs were
`recomputed`, and how many finished ones were `lost` (changed, computed again or gone).
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lib.book.files import REPOSITORY
from lib.runs import results, sweep
from lib.runs.results import Result
from tests.book.clusters import Cluster, running, wait_until

pytest.importorskip("distributed", reason="needs the extra: requirements-cluster.txt")

from tests.faults import traced

Config = dict[str, Any]
Snapshot = dict[Path, tuple[bytes, int]]
RECORD = os.environ.get("RECORD_FAULTS")
TRIALS = range(3 if RECORD else 1)  # of each fault, of which the record shall show some more
OUTCOMES: dict[str, Counter[str]] = {}


class Trial:
    """One sweep of real trainings that something happens to."""

    def __init__(self, folder: Path, configs: list[Config]) -> None:
        """Begin with an empty store below `folder`."""
        self.folder, self.traces = folder / "results", folder / "traces"
        self.traces.mkdir(parents=True)
        self.configs = [config | {"traces": str(self.traces)} for config in configs]
        self.before: Snapshot = {}

    def run(self) -> list[Result | None]:
        """Return the results of the sweep."""
        return sweep.run("part1", "faults", self.configs, traced.train, folder=self.folder)

    def runs(self, stage: str) -> list[tuple[str, int]]:
        """Return which runs have begun, or ended, and in which process."""
        found = (path.name.split("-") for path in self.traces.glob(f"{stage}-*"))
        return [(name, int(process)) for _, name, process, _ in found]

    def in_progress(self) -> list[tuple[str, int]]:
        """Return the runs that have begun and not ended."""
        ended = self.runs("end")
        return [each for each in self.runs("begin") if each not in ended]

    def stored(self) -> Snapshot:
        """Return each result file with its content and time."""
        files = sorted(self.folder.rglob("*.json"))
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

    def fault(self) -> None:
        """Remember what had been finished when something happened."""
        self.before = self.stored()

    def judge(self, fault: str, found: list[Result | None], undisturbed: list[Any]) -> int:
        """Note how the trial ended, and hold that it ended well; return the runs begun again."""
        begun = Counter(name for name, _ in self.runs("begin"))
        ended = Counter(name for name, _ in self.runs("end"))
        finished = {json.loads(content)["key"] for content, _ in self.before.values()}
        again = {traced.name(c) for c in self.configs if results.key(c) in finished}
        whole = metrics(found) == undisturbed
        now = self.stored()
        lost = sum(now.get(path) != content for path, content in self.before.items())
        twice = sum(begun[name] > 1 for name in again)
        recomputed = begun.total() - len(begun)
        counts = {"whole": int(whole), "recomputed": recomputed, "lost": max(lost, twice)}
        OUTCOMES.setdefault(fault, Counter()).update({"trials": 1, **counts})
        assert whole and not lost and not twice
        assert len(now) == len(self.configs) == len(ended)
        return recomputed


def metrics(found: list[Result | None]) -> list[Any]:
    return [result and result.metrics for result in found]


@pytest.fixture(scope="module", autouse=True)
def outcomes() -> Iterator[None]:
    """Write the trials down in the end, where somebody asked for them."""
    yield
    if RECORD:
        day = results.provenance(0)["day"]
        told = {"code": results.code_version(), "day": day, "faults": OUTCOMES}
        Path(RECORD).write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Give what the trainings come to without any cluster and fault."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOOK_RUN", json.dumps({"jobs": 1}))
        return metrics(Trial(tmp_path_factory.mktemp("undisturbed"), traced.some_runs()).run())


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give a cluster that all these tests share."""
    with running(tmp_path_factory.mktemp("cluster"), workers=2) as cluster:
        yield cluster


@pytest.fixture
def cluster(own: Cluster, undisturbed: list[Any], monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Give that cluster with two workers at least, and let sweeps go there."""
    own.workers = [worker for worker in own.workers if worker.poll() is None]
    for _ in range(2 - len(own.workers)):
        own.add_worker()
    monkeypatch.setenv("BOOK_RUN", json.dumps({"scheduler": own.address}))
    return own


@pytest.fixture
def trials(tmp_path: Path) -> list[Trial]:
    """Give trials of a fault."""
    return [Trial(tmp_path / str(number), traced.some_runs()) for number in TRIALS]


@contextmanager
def beside(work: Callable[[], Any]) -> Iterator[Callable[[], Any]]:
    """Run something in a thread and give what waits for its result."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work).result


def test_a_worker_killed_in_mid_run(
    cluster: Cluster, trials: list[Trial], undisturbed: list[Any]
) -> None:
    again = 0
    for trial in trials:
        with beside(trial.run) as result:
            wait_until(lambda t=trial: t.stored() and t.in_progress())
            trial.fault()
            _, process = trial.in_progress()[-1]
            (victim,) = (worker for worker in cluster.workers if worker.pid == process)
            victim.kill()
            cluster.workers.remove(victim)
            cluster.add_worker()
            victim.wait()
            began = trial.judge("a worker killed in mid-run", result(), undisturbed)
        assert began <= 1  # the run that was killed
        again += began
    assert again  # at least one was in mid-run


def test_the_scheduler_lost_and_the_same_command_again(
    cluster: Cluster, trials: list[Trial], undisturbed: list[Any]
) -> None:
    for trial in trials:
        with beside(trial.run) as result:
            wait_until(lambda t=trial: t.stored() and t.in_progress())
            cluster.kill_scheduler()
            with pytest.raises(ConnectionError, match="the same command goes on"):
                result()
        old, cluster.workers = cluster.workers, []
        for worker in old:
            assert worker.wait(60) is not None  # they end by themselves
        trial.fault()
        cluster.start_scheduler()
        for _ in old:
            cluster.add_worker()
        began = trial.judge("the scheduler lost", trial.run(), undisturbed)
        assert began <= len(old)  # what they computed, where it was not finished


CLIENT = """
import json, sys
from pathlib import Path
from tests.faults.test_faults import Trial, metrics
trial = Trial.__new__(Trial)
trial.configs, trial.folder = json.loads(sys.argv[1]), Path(sys.argv[2])
print("ready", flush=True)
print(json.dumps(metrics(trial.run())))
"""


def test_two_clients_with_the_same_sweep(
    cluster: Cluster, trials: list[Trial], undisturbed: list[Any]
) -> None:
    for trial in trials:
        call = [sys.executable, "-c", CLIENT, json.dumps(trial.configs), str(trial.folder)]
        there = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        with subprocess.Popen(call, env=there, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout and other.stdout.readline() == "ready\n"
            found = trial.run()
            assert json.loads(other.communicate(timeout=120)[0]) == undisturbed
        assert trial.judge("two clients with the same sweep", found, undisturbed) == 0


@contextmanager
def no_file_may_grow(cluster: Cluster) -> Iterator[None]:
    """Forbid the workers to write a byte into any file, as a full disk would, logs included."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    for soft in (0, hard):
        for worker in cluster.workers:
            resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (soft, hard))
        if soft == 0:
            yield


def test_results_that_cannot_be_written_for_a_while(
    cluster: Cluster, undisturbed: list[Any], tmp_path: Path
) -> None:
    for number in TRIALS:
        one = traced.some_runs()[:1]  # of the faces: it writes no file of its own
        trial = Trial(tmp_path / str(number), one)
        with beside(trial.run) as result:
            with no_file_may_grow(cluster):
                wait_until(lambda t=trial: t.runs("end"))
                time.sleep(sweep.PAUSE)
                assert trial.stored() == {}
            assert trial.judge("no byte can be written", result(), undisturbed[:1]) == 0
