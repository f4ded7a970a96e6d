"""Many runs: what has a result file is loaded, the rest is computed, one file as each finishes.

An interruption loses only the runs in progress; calling again goes on where it stopped. Runs are
computed by processes on this machine, or by the workers of a Dask scheduler (see `cluster`), as the
command line says (see `told`).
"""

import json
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import joblib
import torch
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from lib.book.files import REPOSITORY
from lib.book.told import told
from lib.runs import code, processes, results
from lib.runs.results import Result

Config = Mapping[str, Any]
RunOne = Callable[[dict[str, Any]], dict[str, Any]]

SAVING_SECONDS = 10.0  # a result that cannot be written is kept in memory at least so long
PAUSE = 0.5  # seconds until writing it is tried again

CHANGED: set[str] = set()  # code that has changed since results shown in this process were computed


@dataclass(frozen=True)
class Run:
    """One run of a sweep: what computes it, and where its result lies.

    `folder` is that of all results, from the book's on: other machines have it elsewhere. `sources`
    are digests of the code that the result rests on, see `code.digests`.
    """

    part: str
    experiment: str
    config: Config
    run_one: RunOne
    folder: Path
    sources: Mapping[str, str]

    def present(self, set_aside: bool) -> Result | None:
        """Return the stored result; a damaged one counts as none.

        With BOOK_RETRAIN in the environment one from other code counts as none, too. To be
        `set_aside`, the file of either is renamed.
        """
        place = REPOSITORY / self.folder
        file = results.location(self.part, self.experiment, self.config, place)
        try:
            found = results.find(self.part, self.experiment, self.config, place)
        except ValueError as error:
            tell(f"a damaged result counts as missing: {error}")
            ending = "damaged"
        else:
            changed = found and code.changed(found.provenance.get("sources"), self.sources)
            if not (changed and retraining()):
                return replace(found, changed=tuple(changed or ())) if found else None
            ending = "before"
        if set_aside:
            with suppress(FileNotFoundError):  # somebody else has done it
                file.replace(file.with_name(f"{file.name}.{ending}"))
        return None

    def compute(self) -> Result:
        """Return the result, saved; what somebody else has finished is not computed again.

        Raises:
            RuntimeError: the run failed; its config is named.
            OSError: see `keep`.
        """
        if found := self.present(set_aside=True):
            return found
        started = time.perf_counter()
        with _one_thread():
            try:
                metrics = self.run_one(results.plain(self.config))  # a copy: run_one may change it
            except Exception as error:
                raise self.stopped(f"{type(error).__name__}: {error}") from error
            seconds = time.perf_counter() - started
            origin = results.provenance(
                seconds, self.config.get("dataset"), self.config.get("rung")
            )
        origin["sources"] = dict(self.sources)
        return self.keep(Result(self.part, self.experiment, dict(self.config), metrics, origin))

    def keep(self, result: Result) -> Result:
        """Save a result and return it; if somebody else has done so meanwhile, return theirs.

        Where that fails, it is tried again for as long as the run took; then OSError is raised.
        """
        seconds = max(result.provenance["seconds"], SAVING_SECONDS)
        until, told = time.monotonic() + seconds, False
        while True:
            try:
                if found := self.present(set_aside=True):
                    return found
                results.save(result, REPOSITORY / self.folder)
                return result
            except OSError as error:
                if time.monotonic() > until:
                    raise
                if not told:
                    tell(f"{error.strerror}; trying for {seconds:.0f} s, then this run is lost")
                told = True
            time.sleep(PAUSE)

    def stopped(self, why: str) -> RuntimeError:
        """Return the error that ends a sweep because of this run."""
        run = json.dumps(results.plain(self.config))
        return RuntimeError(f"{self.part} {self.experiment} stopped: {why}; the run was {run}")


def run(
    part: str,
    experiment: str,
    configs: Sequence[Config],
    run_one: RunOne,
    *,
    jobs: int | None = None,
    compute: bool = True,
    folder: Path | None = None,
    sources: Iterable[code.Source] = (),
) -> list[Result | None]:
    """Return the result of each config, in their order; compute and save those without one.

    `run_one(config)` returns the metrics and must be a function at the top level of a module, so
    that other processes find it. Each run has one torch thread, whatever `jobs` is: the number of
    processes, by default what the command line says or one per core; one stays in this process.
    Where `jobs` is given, all stay on this machine; else they may go to a scheduler. Where a config
    has `dataset` and `rung`, the provenance repeats them. With `compute=False` nothing is run or
    written, and a missing run is None; with --present too, and a line says how many there are.
    `sources` are the modules and functions on which the metrics rest: a stored result from other
    code is returned, and says so in `changed`.

    Raises:
        TypeError, ValueError: a config is not plain (see `results.plain`), or `jobs` is below 1.
        RuntimeError: a run failed (its config is named); those that had finished are kept.
        OSError: a result cannot be written.
    """
    folder = results.root() if folder is None else Path(folder).absolute()
    if folder.is_relative_to(REPOSITORY):
        folder = folder.relative_to(REPOSITORY)
    today = code.digests(sources)
    wanted = {  # each run once
        results.key(config): Run(part, experiment, config, run_one, folder, today)
        for config in configs
    }
    showing = compute and only_present()
    compute = compute and not showing
    found = {name: each.present(set_aside=compute) for name, each in wanted.items()}
    missing = [each for name, each in wanted.items() if found[name] is None]
    if showing and missing:
        there = f"{len(wanted) - len(missing)} of {len(wanted)}"
        print(f"{part} {experiment}: {there} runs present; the rest is not shown")
    if compute and missing:
        with closing(_finished(missing, jobs)) as finished:
            progress = tqdm(
                finished,
                desc=f"{part} {experiment}",
                initial=len(wanted) - len(missing),
                total=len(wanted),
                disable=None,  # quiet where the output is no terminal
            )
            found |= {results.key(result.config): result for result in progress}
    CHANGED.update(results.changed(found.values()))
    return [found[results.key(config)] for config in configs]


def only(found: Sequence[Result | None]) -> Result:
    """Return the result of a sweep of one run.

    Raises:
        RuntimeError: it is missing, and only what is present is shown.
    """
    result = found[0] if found else None
    if result is None:
        raise RuntimeError("this needs a run that is not there; run it without --present")
    return result


def tell(line: str) -> None:
    """Write a line to the standard error, if it can be written: it may go to a full disk itself."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def retraining() -> bool:
    """Return whether results from other code than today's are computed anew."""
    return bool(os.environ.get("BOOK_RETRAIN"))


def only_present() -> bool:
    """Return whether runs without a result are left out instead of computed."""
    return told().present


def _finished(runs: Sequence[Run], jobs: int | None) -> Generator[Result, None, None]:
    """Return the results as they finish, computed here or by the workers of a scheduler.

    Where this process uses other code than the files hold, no other one can help.
    """
    if others := code.replaced_anywhere():
        tell(f"{', '.join(others)}: not as in its file, so this process computes alone")
        return processes.outcomes(Run.compute, runs, 1)
    address = told().scheduler
    if jobs is None and address:
        return _finished_elsewhere(runs, address)
    return processes.outcomes(Run.compute, runs, min(_jobs(jobs), len(runs)))


def _finished_elsewhere(runs: Sequence[Run], address: str) -> Generator[Result, None, None]:
    """Yield results as workers of a scheduler finish them, each in this machine's store, too."""
    from lib.runs import cluster  # brings Dask, which is an extra

    waiting = {f"{each.part}-{each.experiment}-{results.key(each.config)}": each for each in runs}
    with closing(cluster.outcomes(compute_elsewhere, waiting, address, tell)) as done:
        for name, outcome in done:
            if isinstance(outcome, RuntimeError | OSError | ValueError):
                raise outcome
            if isinstance(outcome, Exception):
                raise waiting[name].stopped(f"{type(outcome).__name__}: {outcome}") from outcome
            yield waiting[name].keep(outcome)  # workers may have no folder in common with us


def compute_elsewhere(run: Run) -> Result:
    """Return the result of a run that came from another process, see `Run.compute`."""
    # for runs that need others, as attacks need thresholds
    os.environ["BOOK_RESULTS"] = str(REPOSITORY / run.folder)
    return run.compute()


def _jobs(jobs: int | None) -> int:
    """Return how many processes to use; raise ValueError where that is no positive number."""
    count = jobs if jobs is not None else told().jobs or joblib.cpu_count()
    if count < 1:
        raise ValueError(f"jobs is {count}; give a number of processes from 1 on")
    return count


@contextmanager
def _one_thread() -> Iterator[None]:
    """Hold torch and NumPy to one thread: so a run has the same bits with any number of jobs."""
    threads = torch.get_num_threads()
    with threadpool_limits(limits=1):
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
