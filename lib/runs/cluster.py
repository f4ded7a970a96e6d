"""Runs of a sweep as tasks of a Dask scheduler: many machines share them, and any may die.

    dask scheduler --host 127.0.0.1 --port 8786 --no-dashboard
    dask worker tcp://127.0.0.1:8786 --nthreads 1 --no-dashboard

Who reaches a scheduler's port can run any code on its workers: bind it to a private address only.
"""

import functools
import hashlib
import logging
import pickle
import queue
import re
import shutil
import signal
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from lib.book.files import REPOSITORY
from lib.runs import results
from lib.runs.results import Result
from lib.runs.sweep import Run, tell

LACKING = (
    "no {}, which runs on other machines need; "
    "pip install -r requirements-cluster.txt -c requirements.lock"
)
try:
    import cloudpickle
    import dask
    from distributed import Client, Future, KilledWorker
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(LACKING.format(error.name)) from None

CONNECTING = 10.0  # seconds in which a scheduler must answer
PATIENCE = 300.0  # seconds to wait for a scheduler that was lost
LOOK = 1.0  # seconds between two looks at whether there is a worker
GLANCE = 30.0  # seconds without news, after which the store is looked at
TOPIC = "what-features-know"  # of the events by which workers tell what they do
LOOPBACK = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}  # serve no page to others
START = "start some with `dask worker {} --nthreads 1`"


# a client that loses its scheduler logs a page; the lines of this module say it
for module in ("client", "batched"):
    logging.getLogger(f"distributed.{module}").setLevel(logging.CRITICAL)


class SchedulerLost(Exception):
    """The connection to the scheduler broke; what was sent there is forgotten."""


def finished(runs: Sequence[Run], address: str) -> Generator[Result, None, None]:
    """Yield results as workers finish them; leaving early takes back what was not begun.

    A scheduler that is lost is waited for; then only what is still missing is sent.

    Raises:
        RuntimeError: a run failed or killed its workers (its config is named), or no worker is
            left that can compute.
        ConnectionError: no scheduler answers under this address.
        OSError: a result cannot be written.
    """
    waiting = {_key(run): run for run in runs}
    seconds = CONNECTING
    while waiting:
        with _connected(address, seconds) as client:
            for name, run in list(waiting.items()):  # somebody may have finished it meanwhile
                if result := run.present(set_aside=False):
                    del waiting[name]
                    yield result
            try:
                for name, result in _gathered(client, dict(waiting)):
                    del waiting[name]
                    yield result
            except SchedulerLost:
                tell(f"lost the scheduler at {address}; waiting up to {PATIENCE:.0f} s for it")
        seconds = PATIENCE


def check(address: str) -> None:
    """Hold that a scheduler answers.

    Raises:
        ValueError: this is no address.
        ConnectionError: nobody answers.
    """
    if not re.fullmatch(r"(tcp|tls)://([^\s/:\[\]]+|\[[0-9a-fA-F:.]+\]):\d{1,5}", address):
        raise ValueError(f"a scheduler is named as tcp://HOST:PORT, not {address!r}")
    with _connected(address, CONNECTING):
        pass


@contextmanager
def slurm(jobs: int) -> Iterator[str]:
    """Start a scheduler in this process and ask SLURM for its workers; give its address.

    Queue, memory and time of a job are those of ~/.config/dask/jobqueue.yaml. All ends with the
    context.

    Args:
        jobs: how many; each is one worker, which computes one run at a time.

    Raises:
        ModuleNotFoundError: dask-jobqueue is not installed.
        ValueError: SLURM is not there, or the settings do not suffice.
    """
    cluster_class = _slurm_cluster()
    if shutil.which("sbatch") is None:
        raise ValueError("no sbatch here; --cluster slurm starts on a machine that submits jobs")
    asked = dask.config.get("jobqueue.slurm")
    if asked.get("memory") is None:
        raise ValueError("~/.config/dask/jobqueue.yaml says no jobqueue: slurm: memory; see README")
    loopback = ["--no-dashboard", "--dashboard-address", LOOPBACK["dashboard_address"]]
    with cluster_class(
        cores=1,
        processes=1,
        worker_extra_args=[*asked["worker-extra-args"], *loopback],
        scheduler_options={**asked["scheduler-options"], **LOOPBACK},
    ) as cluster:
        cluster.scale(jobs=jobs)
        yield cluster.scheduler_address


def _slurm_cluster() -> Any:
    """Return dask-jobqueue's class; its import takes Ctrl-C for itself, here it is given back."""
    ours = signal.getsignal(signal.SIGINT)
    try:
        from dask_jobqueue import SLURMCluster
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(LACKING.format(error.name)) from None
    finally:
        signal.signal(signal.SIGINT, ours)
    return SLURMCluster


@functools.cache
def code_digest() -> str:
    """Return a digest of the book's library as this process has found it."""
    digest = hashlib.sha256()
    for path in sorted((REPOSITORY / "lib").rglob("*.py")):
        digest.update(path.relative_to(REPOSITORY).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def _key(run: Run) -> str:
    """Return a task's name: two clients with the same code share the run of that name."""
    return f"{run.part}-{run.experiment}-{results.key(run.config)}-{code_digest()[:8]}"


@contextmanager
def _connected(address: str, seconds: float) -> Iterator[Client]:
    """Give a client of a scheduler; when it ends, nobody waits for what it sent and did not get.

    Raises:
        ConnectionError: nobody answers for so long.
    """
    try:
        client = Client(address, timeout=seconds, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"no Dask scheduler answers at {address} within {seconds:.0f} s; "
            "start one with `dask scheduler`, or look at the address"
        ) from error
    with client:
        yield client


def _gathered(client: Client, runs: Mapping[str, Run]) -> Iterator[tuple[str, Result]]:
    """Yield name and result of runs as they finish.

    Raises:
        SchedulerLost: its connection broke.
        RuntimeError, OSError: see `finished`.
    """
    if not runs:
        return
    happened: queue.SimpleQueue[Any] = queue.SimpleQueue()
    client.subscribe_topic(TOPIC, lambda event: happened.put(event[1]))
    futures = _sent(client, runs)
    for future in futures.values():
        future.add_done_callback(happened.put)
    began: dict[str, str] = {}  # by worker, what it computed last
    while futures:
        try:
            event = happened.get(timeout=GLANCE)
        except queue.Empty:  # a worker may be finished and mute: after its clock was set back
            for name in list(futures):
                if result := runs[name].present(set_aside=False):
                    del futures[name]
                    yield name, result
            continue
        if not isinstance(event, Future):
            _noted(client, event, began)
        elif event.key not in futures:
            continue
        elif _blameless(event, began):
            event.retry()
            event.add_done_callback(happened.put)
        else:
            run, future = runs[event.key], futures.pop(event.key)
            yield event.key, _outcome(future, run)


def _sent(client: Client, runs: Mapping[str, Run]) -> dict[str, Future]:
    """Send runs as soon as there is a worker; to those with a GPU if any worker offers one."""
    workers = _workers(client)
    if not workers:
        address = client.scheduler.address
        tell(f"no worker at {address} yet, waiting for one; {START.format(address)}")
    while not workers:
        time.sleep(LOOK)
        workers = _workers(client)
    on_gpu = any(each["resources"].get("GPU") for each in workers.values())
    resources = {"GPU": 1} if on_gpu else None
    return {
        name: client.submit(
            _on_worker(), _packed(run), code_digest(), key=name, resources=resources
        )
        for name, run in runs.items()
    }


def _workers(client: Client) -> Mapping[str, Any]:
    """Return what the scheduler knows of its workers, by address; raise SchedulerLost."""
    return _answer(client.scheduler_info)["workers"]


def _packed(run: Run) -> bytes:
    """Return a run for another process; a folder of the book is that of its own copy there."""
    folder = run.folder.absolute()
    if folder.is_relative_to(REPOSITORY):
        folder = folder.relative_to(REPOSITORY)
    return cloudpickle.dumps(replace(run, folder=folder))


def _on_worker() -> Callable[[bytes, str], Result]:
    """Return what a worker does with a run.

    A function within a function travels by its content. So a worker whose copy of the book is
    another one, or has no module of this name, can still say so.
    """

    topic = TOPIC  # by its content, too

    def on_worker(packed: bytes, digest: str) -> Result:
        from distributed import Reschedule, get_worker
        from distributed.utils import sync

        worker, why = get_worker(), ""
        try:
            from lib.runs import cluster

            if cluster.code_digest() != digest:
                why = "has another copy of the book, bring it up to date"
            elif worker.state.nthreads > 1:
                why = "has several threads, which would share torch's settings; use --nthreads 1"
        except (ImportError, AttributeError) as error:
            why = f"cannot compute ({error})"
        told = {"worker": worker.address, "key": worker.get_current_task(), "why not": why}
        # answered before the run begins, for it may end this process
        sync(worker.loop, worker.scheduler.log_event, topic=topic, msg=told)
        if why:
            time.sleep(0.2)  # until it is sent away it would be asked again and again
            raise Reschedule
        return cluster.compute(packed)

    return on_worker


def compute(packed: bytes) -> Result:
    """Return the result of a run that came from another process, see `Run.compute`."""
    run = pickle.loads(packed)
    folder = REPOSITORY / run.folder
    results.RESULTS = folder  # for runs that need others, as attacks need thresholds
    return replace(run, folder=folder).compute()


def _noted(client: Client, told: Mapping[str, str], began: dict[str, str]) -> None:
    """Remember which run a worker began; send a worker away that cannot compute any.

    Raises:
        RuntimeError: it was the last one.
    """
    worker, why = told["worker"], told["why not"]
    if not why:
        began[worker] = told["key"]
        return
    if worker in _workers(client):
        tell(f"the worker at {worker} {why}; it is sent away")
        client.retire_workers([worker])
    if not _workers(client):
        address = client.scheduler.address
        raise RuntimeError(f"no worker is left that can compute; {START.format(address)}")


def _blameless(future: Future, began: Mapping[str, str]) -> bool:
    """Return whether a run only waited at workers that died of other runs."""
    if future.status != "error":
        return False
    error = _answer(future.exception)
    if not isinstance(error, KilledWorker):
        return False
    return began.get(error.last_worker.address, future.key) != future.key


def _outcome(future: Future, run: Run) -> Result:
    """Return a run's result, in the store of this machine too.

    Raises:
        SchedulerLost: the connection broke.
        RuntimeError, OSError: see `finished`.
    """
    if future.status == "error":
        error = _answer(future.exception)
        if isinstance(error, KilledWorker):
            died = f"{error.allowed_failures + 1} workers died of it, often for want of memory"
            raise run.stopped(died)
        if isinstance(error, RuntimeError | OSError | ValueError):
            raise error
        raise run.stopped(f"{type(error).__name__}: {error}") from error
    return run.keep(_answer(future.result))  # the worker may have no folder in common with us


def _answer(ask: Callable[[], Any]) -> Any:
    """Return what the scheduler answers; raise SchedulerLost where it does not."""
    try:
        return ask()
    except (CancelledError, OSError) as error:
        raise SchedulerLost from error
