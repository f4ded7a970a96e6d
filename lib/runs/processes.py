"""Work in several processes at a time: what is done comes back at once, and none outlives this one.

loky starts fresh interpreters: a forked pool can inherit a locked lock and hang on Ctrl-C.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

import joblib

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def outcomes(
    work: Callable[[Item], Outcome], items: Iterable[Item], processes: int
) -> Generator[Outcome, None, None]:
    """Yield what `work` gives for each item, as soon as it is there; one process is this one.

    Leaving early cancels what waits and ends the processes. Each has one thread.
    """
    if processes == 1:
        yield from map(work, items)
        return
    begin = {"initializer": _begin, "initargs": (os.getpid(),)}
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1, **begin):
        yield from joblib.Parallel(n_jobs=processes, return_as="generator_unordered")(
            joblib.delayed(work)(item) for item in items
        )


def _begin(parent: int) -> None:
    """Leave Ctrl-C to the parent process, and let no worker outlive it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # else it would begin the next item

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
