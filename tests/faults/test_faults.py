"""Faults, on workers of a real cluster with real trainings: all results, none wrong, none lost.

With `RECORD_FAULTS=FILE` before the command the trials and their outcomes are written there, as in
data/faults.json, which chapter 91 shows: of each fault how many `trials` there were, how many ended
`whole` (every result there, and bit for bit that of an undisturbed sweep), how many runs were
`recomputed`, and how many finished ones were `lost` (changed, computed again or gone).
"""

import json
import os
import resource
import shutil
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
# trials of each fault, of which the record shall show some more
KILLED, LOST, SHARED, BLOCKED = (3, 2, 3, 2) if RECORD else (2, 1, 2, 1)
ROOT = os.geteuid() == 0
OUTCOMES: dict[str, Counter[str]] = {}


class Trial:
    """One sweep of real trainings that something happens to."""

    def __init__(self, folder: Path, configs: list[Config]) -> None:
        """Begin with an empty store below `folder`."""
        self.folder, self.traces = folder / "results", folder / "traces"
        self.traces.mkdir(parents=True)
        self.configs = [config | {"traces": str(self.traces)} for config in configs]
        self.before: Snapshot = {}

    def run(self, **options: Any) -> list[Result | None]:
        """Return the results of the sweep."""
        options = {"folder": self.folder} | options
        return sweep.run("part1", "faults", self.configs, traced.train, **options)

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
def configs() -> list[Config]:
    """Give trainings of each part."""
    return traced.some_runs()


@pytest.fixture(scope="module")
def undisturbed(configs: list[Config], tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Give what the trainings come to without any cluster and fault."""
    return metrics(Trial(tmp_path_factory.mktemp("undisturbed"), configs).run(jobs=1))


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


@contextmanager
def beside(work: Callable[[], Any]) -> Iterator[Callable[[], Any]]:
    """Run something in a thread and give what waits for its result."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work).result


def test_a_worker_killed_in_mid_run(
    cluster: Cluster, configs: list[Config], undisturbed: list[Any], tmp_path: Path
) -> None:
    again = 0
    for number in range(KILLED):
        trial = Trial(tmp_path / str(number), configs)
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
    cluster: Cluster, configs: list[Config], undisturbed: list[Any], tmp_path: Path
) -> None:
    for number in range(LOST):
        trial = Trial(tmp_path / str(number), configs)
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
import json, sys, time
from pathlib import Path
from tests.faults.test_faults import Trial, metrics

for place, folder in zip(sys.argv[1::2], sys.argv[2::2]):
    while not (place := Path(place)).exists():
        time.sleep(0.02)
    trial = Trial.__new__(Trial)
    trial.configs, trial.folder = json.loads(place.read_text()), Path(folder)
    place.with_suffix(".found").write_text(json.dumps(metrics(trial.run())))
"""


def test_two_clients_with_the_same_sweep(
    cluster: Cluster, configs: list[Config], undisturbed: list[Any], tmp_path: Path
) -> None:
    trials = [Trial(tmp_path / str(number), configs) for number in range(SHARED)]
    folders = [trial.folder for trial in trials]
    folders[-1] = tmp_path / "elsewhere"  # the last one without a common folder
    told = [tmp_path / f"{number}.json" for number in range(SHARED)]
    arguments = [str(each) for pair in zip(told, folders, strict=True) for each in pair]
    other = subprocess.Popen(
        [sys.executable, "-c", CLIENT, *arguments],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )
    try:
        for trial, place, folder in zip(trials, told, folders, strict=True):
            beside_it = place.with_suffix(".new")
            beside_it.write_text(json.dumps(trial.configs))
            beside_it.rename(place)
            found, answer = trial.run(), place.with_suffix(".found")
            wait_until(lambda a=answer: a.exists() and a.read_text().endswith("]"))
            assert json.loads(answer.read_text()) == undisturbed
            assert trial.judge("two clients with the same sweep", found, undisturbed) == 0
            assert len(list(folder.rglob("*.json"))) == len(configs)
        assert other.wait(60) == 0
    finally:
        other.kill()


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Put a disk of 64 kB in a folder's place; skip the test where that is not allowed."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a disk can be mounted by root only")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def full(folder: Path, cluster: Cluster) -> Iterator[None]:
    """Fill the disk."""
    ballast = folder / "ballast"
    with pytest.raises(OSError, match="No space left"), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 1024)
    yield
    ballast.unlink()


@contextmanager
def read_only(folder: Path, cluster: Cluster) -> Iterator[None]:
    """Let nobody write; root does not mind permissions, but a disk mounted read-only."""
    place = folder / "part1" / "faults"
    for mode, bits in (("ro", 0o555), ("rw", 0o755)):
        if ROOT:
            subprocess.run(["mount", "-o", f"remount,{mode}", str(folder)], check=True)
        else:
            place.chmod(bits)
        if mode == "ro":
            yield


@contextmanager
def no_file_may_grow(folder: Path, cluster: Cluster) -> Iterator[None]:
    """Forbid the workers to write a byte into any file, as a full disk would, logs included."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    for soft in (0, hard):
        for worker in cluster.workers:
            resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (soft, hard))
        if soft == 0:
            yield


@pytest.mark.parametrize(
    ("fault", "block", "needs_disk"),
    [
        ("a disk that fills up", full, True),
        ("no byte can be written", no_file_may_grow, False),
        ("a results folder turned read-only", read_only, ROOT),
    ],
    ids=lambda value: value.replace(" ", "_") if isinstance(value, str) else "",
)
def test_results_that_cannot_be_written_for_a_while(
    fault: str,
    block: Callable[[Path, Cluster], Any],
    needs_disk: bool,
    cluster: Cluster,
    configs: list[Config],
    undisturbed: list[Any],
    tmp_path: Path,
) -> None:
    few = [0, 1]  # of the faces: these write no file of their own while they run
    for number in range(BLOCKED):
        trial = Trial(tmp_path / str(number), [configs[index] for index in few])
        with small_disk(trial.folder) if needs_disk else nothing():
            first = sweep.run(
                "part1", "faults", trial.configs[:1], traced.train, folder=trial.folder
            )
            assert metrics(first) == undisturbed[:1]
            trial.fault()
            with beside(trial.run) as result:
                with block(trial.folder, cluster):
                    wait_until(lambda t=trial: len(t.runs("end")) == 2)
                    time.sleep(sweep.PAUSE)
                assert trial.judge(fault, result(), [undisturbed[index] for index in few]) == 0


@contextmanager
def nothing() -> Iterator[None]:
    """Do nothing."""
    yield


@pytest.mark.parametrize("fault", ["a truncated result", "a result of an older version"])
def test_a_result_that_cannot_be_used(
    fault: str, cluster: Cluster, configs: list[Config], undisturbed: list[Any], tmp_path: Path
) -> None:
    trial = Trial(tmp_path, configs[:2])
    trial.run()
    trial.fault()
    path = results.location("part1", "faults", trial.configs[0], trial.folder)
    if fault == "a truncated result":
        path.write_bytes(trial.before.pop(path)[0][:-2])
        assert trial.judge(fault, trial.run(), undisturbed[:2]) == 1
        assert path.with_name(f"{path.name}.damaged").is_file()
    else:
        (old, _), trial.before = trial.before[path], {}
        assert trial.judge(fault, trial.run(version=2), undisturbed[:2]) == 2
        assert path.with_name(f"{path.name}.v1").read_bytes() == old


def test_a_worker_with_another_copy_of_the_book_computes_nothing(
    cluster: Cluster, configs: list[Config], tmp_path: Path
) -> None:
    shutil.copytree(REPOSITORY / "lib", tmp_path / "copy" / "lib")
    with (tmp_path / "copy" / "lib" / "sound" / "crnn.py").open("a") as file:
        file.write("# as it was last year\n")
    for worker in cluster.workers:
        worker.terminate()
        worker.wait()
    cluster.workers = []
    outdated = cluster.add_worker(first=tmp_path / "copy")
    trial = Trial(tmp_path / "trial", configs)
    with pytest.raises(RuntimeError, match="has another copy of the book; update it"):
        trial.run()
    assert trial.runs("begin") == [] and trial.stored() == {}
    outdated.terminate()
    outdated.wait()
