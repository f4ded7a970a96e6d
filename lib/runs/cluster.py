"""Tasks for the workers of a Dask scheduler: many machines share them, and any may die.

    dask scheduler --host 127.0.0.1 --port 8786 --no-dashboard
    dask worker tcp://127.0.0.1:8786 --nthreads 1 --no-dashboard

Who reaches a scheduler's port can run any code on its workers: bind it to a private address only.
"""

import functools
import hashlib
import logging
import shutil
import signal
import socket
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

from lib.book.files import REPOSITORY

try:
    import dask
    from distributed import Client, as_completed, get_worker
    from distributed.comm import get_address_host_port
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"no {error.name}, which runs on other machines need; "
        "pip install -r requirements-cluster.txt -c requirements.lock"
    ) from None

CONNECTING = 10.0  # seconds in which a scheduler must answer
LOOPBACK = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}  # serve no page to others

# a client that loses its scheduler logs a page; the error says it in a line
for module in ("client", "batched"):
    logging.getLogger(f"distributed.{module}").setLevel(logging.CRITICAL)


def outcomes(
    function: Callable[[Any], Any],
    items: Mapping[str, Any],
    address: str,
    tell: Callable[[str], None],
) -> Generator[tuple[str, Any], None, None]:
    """Yield the name of each item and what a function returns or raises for it, as workers finish.

    If any worker offers a GPU, those do the work. What a worker had that dies is done by another
    one; where several died of it, `distributed.KilledWorker` comes out. Clients that give an item
    the same name share the work. Leaving early takes back what was not begun.

    Args:
        function: at the top level of a module that workers can import.
        tell: gets a line if there is no worker yet.

    Raises:
        ConnectionError: no scheduler answers under this address, or it was lost.
    """
    with connected(address) as client:
        try:
            if not client.scheduler_info()["workers"]:
                start = f"start some with `dask worker {address} --nthreads 1`"
                tell(f"no worker at {address} yet, waiting for one; {start}")
                client.wait_for_workers(1)
            workers = client.scheduler_info()["workers"].values()
            gpu = any(each["resources"].get("GPU") for each in workers)
            call = functools.partial(_called, function, code_digest())
            futures = {
                client.submit(
                    call,
                    item,
                    key=f"{name}-{code_digest()[:8]}",
                    resources={"GPU": 1} if gpu else None,
                ): name
                for name, item in items.items()
            }
            for future in as_completed(list(futures), loop=client.loop):
                error = future.exception()
                yield futures.pop(future), future.result() if error is None else error
        except (CancelledError, OSError) as error:
            raise ConnectionError(
                f"lost the scheduler at {address}; what had finished is kept, and the same command "
                "goes on"
            ) from error


def _called(function: Callable[[Any], Any], code: str, item: Any) -> Any:
    """Call a function in a worker that computes what this copy of the book would."""
    worker = get_worker()
    if code_digest() != code:
        raise RuntimeError(f"worker {worker.address} has another copy of the book; update it")
    if worker.state.nthreads > 1:
        why = "several threads, which would share torch's settings; use --nthreads 1"
        raise RuntimeError(f"worker {worker.address} has {why}")
    return function(item)


@contextmanager
def connected(address: str) -> Iterator[Client]:
    """Give a client of a scheduler; raise ConnectionError where nobody answers."""
    try:  # a client that finds nobody locks up another's start, if it is collected amid that
        _wait_for(*get_address_host_port(address))
        client = Client(address, timeout=CONNECTING, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConnectionError(
            f"no Dask scheduler answers at {address} within {CONNECTING:.0f} s; "
            "start one with `dask scheduler`, or look at the address, tcp://HOST:PORT"
        ) from error
    with client:
        yield client


def _wait_for(host: str, port: int) -> None:
    """Wait until somebody listens there, who may be about to start; OSError: nobody does."""
    until = time.monotonic() + CONNECTING
    while True:
        try:
            return socket.create_connection((host, port), CONNECTING).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


@contextmanager
def slurm(jobs: int) -> Iterator[str]:
    """Start a scheduler in this process and ask SLURM for its workers; give its address.

    Queue, memory and time of a job are those of ~/.config/dask/jobqueue.yaml. Each is one worker,
    which computes one run at a time. All ends with the context.

    Raises:
        ModuleNotFoundError: dask-jobqueue is not installed.
        ValueError: SLURM is not there, or the settings do not suffice.
    """
    ours = signal.getsignal(signal.SIGINT)
    from dask_jobqueue import SLURMCluster

    signal.signal(signal.SIGINT, ours)  # that import took Ctrl-C for itself
    if shutil.which("sbatch") is None:
        raise ValueError("no sbatch here; --cluster slurm starts on a machine that submits jobs")
    asked = dask.config.get("jobqueue.slurm")
    if asked.get("memory") is None:
        raise ValueError("~/.config/dask/jobqueue.yaml says no jobqueue: slurm: memory; see README")
    loopback = ["--no-dashboard", "--dashboard-address", LOOPBACK["dashboard_address"]]
    with SLURMCluster(
        cores=1,
        processes=1,
        worker_extra_args=[*asked["worker-extra-args"], *loopback],
        scheduler_options={**asked["scheduler-options"], **LOOPBACK},
    ) as cluster:
        cluster.scale(jobs=jobs)
        yield cluster.scheduler_address


@functools.cache
def code_digest() -> str:
    """Return a digest of the book's library as this process has found it."""
    digest = hashlib.sha256()
    for path in sorted((REPOSITORY / "lib").rglob("*.py")):
        digest.update(path.relative_to(REPOSITORY).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()
