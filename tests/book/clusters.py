"""A Dask scheduler and its workers on the loopback, each a process of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lib.book.files import REPOSITORY

QUIET = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")


def wait_until(condition: Callable[[], object], seconds: float = 120) -> None:
    """Return as soon as the condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def free_port() -> int:
    """Return a port of the loopback that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Cluster:
    """One scheduler, which may be killed and started again, and any number of workers.

    What they say lies in `folder`, in scheduler.log and worker.log.
    """

    def __init__(self, folder: Path) -> None:
        """Choose a port; nothing is started yet."""
        self.folder, self.port = folder, free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler: subprocess.Popen[bytes] | None = None

    def start_scheduler(self) -> None:
        """Start the scheduler at its port."""
        where = ("--host", "127.0.0.1", "--port", str(self.port), "--no-show")
        self.scheduler = self.start("scheduler", *where, *QUIET)

    def add_worker(self) -> None:
        """Start a worker, without the process that would restart it."""
        where = (self.address, "--host", "127.0.0.1", "--no-nanny", "--death-timeout", "60")
        local = ("--local-directory", str(self.folder), "--nthreads", "1")
        self.workers.append(self.start("worker", *where, *local, *QUIET))

    def start(self, kind: str, *options: str) -> subprocess.Popen[bytes]:
        """Start a process of Dask."""
        with (self.folder / f"{kind}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{kind}", *options],
                env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    def ready(self) -> int:
        """Return how many workers the scheduler knows."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            return len(client.scheduler_info()["workers"])

    def kill_scheduler(self) -> None:
        """Kill it as a power failure would."""
        assert self.scheduler is not None
        self.scheduler.kill()
        self.scheduler.wait()

    def stop(self) -> None:
        """End all that was started."""
        for process in [*self.workers, *filter(None, [self.scheduler])]:
            process.kill()
            process.wait()


@contextmanager
def running(folder: Path, workers: int) -> Iterator[Cluster]:
    """Give a cluster with so many workers; all of it ends with the context."""
    folder.mkdir(exist_ok=True)
    cluster = Cluster(folder)
    try:
        cluster.start_scheduler()
        for _ in range(workers):
            cluster.add_worker()
        yield cluster
    finally:
        cluster.stop()
