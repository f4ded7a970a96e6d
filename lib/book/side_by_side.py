"""Several chapters at a time, each in a process of its own; Ctrl-C ends all of them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

Step = TypeVar("Step")
Outcome = TypeVar("Outcome")


def each(
    work: Callable[[Step], Outcome], steps: Iterable[Step], processes: int
) -> Iterator[Outcome]:
    """Yield what `work` gives for each step, as soon as it is there; one process is this one.

    Interrupted, it interrupts the work at hand, waits until that has cleaned up, and raises
    KeyboardInterrupt.
    """
    if processes == 1:
        yield from map(work, steps)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_begin) as pool:
        # Until they work, processes leave Ctrl-C to this one: they inherit that they ignore it.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        futures = [pool.submit(_interruptible, work, step) for step in steps]
        signal.signal(signal.SIGINT, before)
        try:
            for future in as_completed(futures):
                yield future.result()
        except KeyboardInterrupt:
            for future in futures:
                future.cancel()
            for process in multiprocessing.active_children():
                os.kill(process.pid or 0, signal.SIGINT)
            raise


def _begin() -> None:
    """Let a process be interrupted by its parent, not by the terminal, and end with its parent."""
    os.setsid()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


def _interruptible(work: Callable[[Step], Outcome], step: Step) -> Outcome:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return work(step)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
