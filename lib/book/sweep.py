"""Many runs: what has a result file is loaded, the rest is computed, one file as each finishes.

An interruption loses only the runs in progress; calling again goes on where it stopped.
"""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import joblib
import torch
from tqdm import tqdm

from lib.book import results
from lib.book.results import Result

Config = Mapping[str, Any]
RunOne = Callable[[dict[str, Any]], dict[str, Any]]


def run(
    part: str,
    experiment: str,
    configs: Sequence[Config],
    run_one: RunOne,
    *,
    jobs: int | None = None,
    compute: bool = True,
    folder: Path | None = None,
) -> list[Result | None]:
    """Return the result of each config, in their order; compute and save those without one.

    `run_one(config)` returns the metrics and must be a function at the top level of a module, so
    that other processes find it. Each run has one torch thread, whatever `jobs` is: the number of
    processes, by default BOOK_JOBS or one per core; one stays in this process. Where a config has
    `dataset` and `rung`, the provenance repeats them. With `compute=False` nothing is run or
    written, and a missing run is None.

    Raises:
        TypeError, ValueError: a config is not plain (see `results.plain`), or `jobs` is below 1.
        RuntimeError: a run failed (its config is named); those that had finished are kept.
        OSError: a result cannot be written.
    """
    folder = results.RESULTS if folder is None else folder
    wanted = {results.key(config): config for config in configs}  # each run once
    found = {name: _present(part, experiment, wanted[name], folder, compute) for name in wanted}
    missing = [config for name, config in wanted.items() if found[name] is None]
    if compute and missing:
        tasks = [joblib.delayed(_compute)(part, experiment, c, run_one, folder) for c in missing]
        with closing(_finished(tasks, min(_jobs(jobs), len(tasks)))) as finished:
            progress = tqdm(
                finished,
                desc=f"{part} {experiment}",
                initial=len(wanted) - len(tasks),
                total=len(wanted),
                disable=None,  # quiet where the output is no terminal
            )
            found |= {results.key(result.config): result for result in progress}
    return [found[results.key(config)] for config in configs]


def _present(
    part: str, experiment: str, config: Config, folder: Path, set_aside: bool
) -> Result | None:
    """Return the stored result or None; a damaged file counts as none and is renamed if asked."""
    try:
        return results.find(part, experiment, config, folder)
    except ValueError as error:
        print(f"a damaged result counts as missing: {error}", file=sys.stderr)
        if set_aside:
            damaged = results.location(part, experiment, config, folder)
            damaged.replace(damaged.with_name(f"{damaged.name}.damaged"))
        return None


def _jobs(jobs: int | None) -> int:
    """Return how many processes to use; raise ValueError where that is no positive number."""
    asked = jobs if jobs is not None else os.environ.get("BOOK_JOBS") or joblib.cpu_count()
    try:
        count = int(asked)
    except ValueError:
        count = 0
    if count < 1:
        raise ValueError(f"jobs (or BOOK_JOBS) is {asked!r}; give a number of processes from 1 on")
    return count


def _finished(tasks: list[Any], jobs: int) -> Generator[Result, None, None]:
    """Yield results as they finish; leaving early cancels what waits and ends the processes."""
    if jobs == 1:
        for function, arguments, keywords in tasks:
            yield function(*arguments, **keywords)
        return
    # loky starts fresh interpreters: a forked pool can inherit a locked lock and hang on Ctrl-C
    begin = {"initializer": _begin_worker, "initargs": (os.getpid(),)}
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1, **begin):
        yield from joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(tasks)


def _begin_worker(parent: int) -> None:
    """Leave Ctrl-C to the parent process, and let no worker outlive it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # else it would begin the next run

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _compute(part: str, experiment: str, config: Config, run_one: RunOne, folder: Path) -> Result:
    """Run one config, save and return its result."""
    started = time.perf_counter()
    with _one_thread():
        try:
            metrics = run_one(results.plain(config))  # a copy: run_one may change it
        except Exception as error:
            raise RuntimeError(
                f"{part} {experiment} stopped: {type(error).__name__}: {error}; "
                f"the run was {json.dumps(results.plain(config))}"
            ) from error
        seconds = time.perf_counter() - started
        origin = results.provenance(seconds, config.get("dataset"), config.get("rung"))
    result = Result(part, experiment, dict(config), metrics, origin)
    results.save(result, folder)
    return result


@contextmanager
def _one_thread() -> Iterator[None]:
    """Hold torch to one thread: so a run computes the same bits with any number of jobs."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
