"""The command line of the book: `./run_all.sh [smoke|quick|paper] [chapter ...]`.

Only the standard library is imported at the top, so that --help, --list and --check answer before
anything is installed.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from lib.book import chapters, check
from lib.book.chapters import PARTS
from lib.book.files import REPOSITORY, locked, refuse_another_lib
from lib.book.profiles import PROFILES
from lib.book.told import Told

# they show what the other chapters leave
SUMMARIES = (
    "00_start",
    "18_sound_rebuilt",
    "28_faces_rebuilt",
    "38_adversarial_rebuilt",
    "90_claims",
)
SIDE_BY_SIDE = 4  # chapters at a time at most; each takes about a gigabyte
LIMIT_MINUTES = {"smoke": 15, "quick": 60, "paper": 7 * 24 * 60}  # of a cell: none waits for ever
TRACEBACK_LINES = 15
INTERRUPTED = 130  # what a shell reports after Ctrl-C

EXAMPLES = """\
examples:
  ./run_all.sh                   the whole book at profile quick
  ./run_all.sh smoke             every chapter in about a minute each, on tiny data
  ./run_all.sh quick 34 90       two chapters; by number, beginning or range (30-35)
  ./run_all.sh --lab 15          one chapter to play with, in JupyterLab
  ./run_all.sh --html            the book to read in a browser: site/index.html
  ./run_all.sh paper --dry-run   what profile paper would compute, and the hours it takes here
  ./run_all.sh 31 -p SEED=1      another parameter; notebook and figures go to executed/
"""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line instead of a page of usage."""

    def error(self, message: str) -> NoReturn:
        """Print `message` and end with exit code 2."""
        self.exit(2, f"run_all.sh: {message}\n")


@dataclass(frozen=True)
class Plan:
    """One chapter to run: its source, the values of its parameters, where its notebook goes."""

    source: Path
    overrides: dict[str, Any]
    output: Path
    partial: Path


@dataclass(frozen=True)
class Order:
    """What the command line asks for, at which profile, and of which book."""

    options: argparse.Namespace
    profile: str
    root: Path
    scheduler: str | None = None  # where runs are sent to
    at_a_time: int = 1  # chapters side by side

    @property
    def cores(self) -> int:
        """Return how many processes may compute at a time."""
        import joblib

        return self.options.jobs or joblib.cpu_count()

    def environment(self, **changes: Any) -> dict[str, str]:
        """Return what a chapter's kernel finds in its environment, with these changes of `Told`."""
        aside = self.root / "executed" / "figures"  # with other parameters, not over the book's
        told = Told(
            jobs=max(1, self.cores // self.at_a_time),
            scheduler=self.scheduler,
            present=self.options.present,
            deterministic=self.options.deterministic,
            figures=str(aside) if self.options.settings else None,
        )
        environment = replace(told, **changes).environment()
        if self.options.deterministic:
            from lib.runs.device import pinned_environment

            environment |= pinned_environment()
        if self.options.retrain:
            environment["BOOK_RETRAIN"] = "1"
        if self.profile == "smoke":  # tiny runs prove that the code runs; no results to keep
            environment["BOOK_RESULTS"] = str(self.root / "data" / "cache" / "results")
        return environment

    def shown(self, path: Path) -> str:
        """Return a path as seen from the book's folder."""
        return os.path.relpath(path, self.root)


def main(arguments: Sequence[str] | None = None, root: Path = REPOSITORY) -> int:
    """Do what the command line asks for the book under `root`; return the exit code."""
    parser = _parser()
    options = parser.parse_intermixed_args(arguments)
    profiles = [word for word in options.words if word in PROFILES] or ["quick"]
    words = [word for word in options.words if word not in PROFILES]
    order = Order(options, profiles[0], root)
    try:
        refuse_another_lib(Path.cwd())
        if len(profiles) > 1:
            raise ValueError(f"{' and '.join(profiles)} are two profiles; choose one")
        selected = chapters.select(words, root)
        plans = plan(selected, order)
    except (ImportError, ValueError) as error:
        parser.error(str(error))
    if options.list:
        print("\n".join(f"{path.stem:34}{chapters.title(path)}" for path in selected))
        from lib.runs import code

        code.tell_older(root / "data" / "results", root)
        return 0
    if options.check:
        return check.report()
    if options.dry_run and options.retrain:
        parser.error("--dry-run says what is missing, with --retrain all is; choose one")
    if options.dry_run:
        return show_what_is_missing(plans, order)
    if options.html and (words or options.settings):
        parser.error("--html writes the whole book as its profile made it; name no more")
    if options.present and options.retrain:
        parser.error("--present computes no run and --retrain all of them; choose one")
    with ExitStack() as running:
        try:
            order = replace(order, scheduler=running.enter_context(_scheduler(options)))
        except (ImportError, OSError, ValueError) as error:
            parser.error(str(error))
        if options.lab:
            open_in_lab(plans[0], order)
        return write_site(plans, order) if options.html else run(plans, order)


def _parser() -> Parser:
    parser = Parser(
        prog="run_all.sh",
        description="Make the book: its notebooks, and every figure and table in figures/.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="[smoke|quick|paper] [chapter ...]",
        help="profile (default: quick) and chapters (default: all)",
    )
    add = parser.add_argument
    add(
        "-p",
        action="append",
        default=[],
        dest="settings",
        metavar="NAME=VALUE",
        help="set a parameter",
    )
    add("--jobs", type=_positive, metavar="N", help="processes at a time (default: one per core)")
    add("--scheduler", metavar="tcp://HOST:PORT", help="compute on the workers of a Dask scheduler")
    add("--cluster", choices=["slurm"], help="compute in --jobs N jobs that SLURM is asked for")
    add("--present", action="store_true", help="compute no run; show what the others have left")
    add("--retrain", action="store_true", help="train anew instead of loading shipped networks")
    add("--deterministic", action="store_true", help="same bits on more machines; slower")
    add("--measure", action="store_true", help="write times and memory to data/costs.json")
    add("--lab", action="store_true", help="open the (first) chapter in JupyterLab instead")
    add("--html", action="store_true", help="write what has been run as web pages into site/")
    add("--list", action="store_true", help="show the chapters and end")
    add("--check", action="store_true", help="show what is there and what is missing, and end")
    add("--dry-run", action="store_true", help="show what would be computed and for how long")
    return parser


@contextmanager
def _scheduler(options: argparse.Namespace) -> Iterator[str | None]:
    """Give the address of the Dask scheduler that computes the runs; None is usual."""
    if options.scheduler is None and options.cluster is None:
        yield None
        return
    if options.scheduler and options.cluster:
        raise ValueError("--scheduler and --cluster are two ways to the same; choose one")
    if options.deterministic:
        raise ValueError("--deterministic reaches no workers elsewhere; leave one out")
    if options.cluster and (options.jobs is None or options.lab or options.html):
        raise ValueError("--cluster slurm runs chapters and needs --jobs N, the number of jobs")
    from lib.runs import cluster

    if options.cluster:
        with cluster.slurm(options.jobs) as address:
            yield address
    else:
        with cluster.connected(options.scheduler):
            pass  # it answers
        yield options.scheduler


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, not {text!r}")
    return int(text)


def plan(selected: list[Path], order: Order) -> list[Plan]:
    """Return what is to be run, each chapter with those of the settings that it declares.

    Raises:
        ValueError: a setting is not NAME=VALUE, no chapter knows it, or its type is another.
    """
    pairs = dict(map(_name_and_text, order.options.settings))
    declared = {source: chapters.parameters(source) for source in selected}
    known = {name for defaults in declared.values() for name in defaults}
    if unknown := sorted(pairs.keys() - known):
        known_words = ", ".join(sorted(known - {"PROFILE"}))
        raise ValueError(f"no chapter knows {unknown[0]}; known: {known_words}")
    executed = order.root / "executed" / order.profile
    return [
        Plan(
            source,
            _overrides(source, defaults, {"PROFILE": order.profile} | pairs),
            source.with_suffix(".ipynb") if _in_place(order) else executed / f"{source.stem}.ipynb",
            executed / f"{source.stem}.partial.ipynb",
        )
        for source, defaults in declared.items()
    ]


def _in_place(order: Order) -> bool:
    """Return whether what is made are the book's own notebooks and figures."""
    return order.profile == "quick" and not order.options.settings


def _name_and_text(setting: str) -> tuple[str, str]:
    name, equals, text = setting.partition("=")
    if not equals or not name.isidentifier():
        raise ValueError(f"-p takes NAME=VALUE, not {setting!r}")
    if name == "PROFILE":
        raise ValueError(f"name the profile as the first word: ./run_all.sh {text} ...")
    return name, text


def _overrides(source: Path, defaults: dict[str, Any], pairs: dict[str, str]) -> dict[str, Any]:
    values = {}
    for name in pairs.keys() & defaults.keys():
        try:
            values[name] = chapters.override(defaults[name], pairs[name])
        except ValueError as error:
            raise ValueError(f"{name} of {source.stem}: {error}") from None
    return values


def run(plans: list[Plan], order: Order) -> int:
    """Execute the plans; return 0, 1 if a chapter failed, 130 if interrupted.

    Those that wait for no other run side by side. A failing chapter does not keep the others from
    running.
    """
    from tqdm import tqdm

    from lib.book import differences
    from lib.runs import processes

    order = replace(order, at_a_time=_at_a_time(plans, order))
    failed = []
    with tqdm(total=len(plans), desc=f"the book, {order.profile}", disable=None) as progress:
        try:
            for group in _in_order(plans, order.at_a_time):
                work = partial(_attempt, order=order)
                for name, good, text in processes.outcomes(work, group, order.at_a_time):
                    progress.write(text, file=sys.stdout if good else sys.stderr)
                    progress.update()
                    failed += [] if good else [name]
        except KeyboardInterrupt:
            for step in plans:
                step.partial.unlink(missing_ok=True)
            progress.write("interrupted; call again to go on")
            return INTERRUPTED
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    if _in_place(order) and (told := differences.told(order.root, order.profile)):
        print(told)
    return 1 if failed else 0


def _at_a_time(plans: list[Plan], order: Order) -> int:
    """Return how many chapters run side by side: one, where each may need the whole machine."""
    options = order.options
    if order.profile == "paper" or options.retrain or options.measure or order.scheduler:
        return 1
    return min(order.cores, len(plans), SIDE_BY_SIDE)


def _in_order(plans: list[Plan], at_a_time: int) -> list[list[Plan]]:
    """Return the plans in groups, each of which waits for the one before.

    Side by side, chapters of different parts take turns: they fill different caches.
    """
    groups: list[list[Plan]] = [[], []]
    for step in plans:
        groups[step.source.stem in SUMMARIES].append(step)
    if at_a_time > 1:
        groups[0].sort(key=lambda step: (step.source.name[1], step.source.name[0]))
    return [group for group in groups if group]


def _attempt(step: Plan, order: Order) -> tuple[str, bool, str]:
    """Run a chapter; return its name, whether it went well, and what to tell."""
    try:
        return step.source.stem, True, _run_chapter(step, order)
    except Exception as error:  # whatever stops a chapter is shown and told by the exit code
        return step.source.stem, False, _failure(step, error, order)


def open_in_lab(step: Plan, order: Order) -> NoReturn:
    """Become a JupyterLab with a chapter: the book's own notebook, or a copy in executed/.

    The copy is for another profile or other parameters.
    """
    from lib.book import lab

    if not _in_place(order):
        kept = lab.copy(step.source, step.overrides, step.output)
        if kept:
            print(f"{step.source.stem} opens as it is in the book{_kept(step, kept, order)}")
    lab.start(step.output, order.environment(), order.root)


def write_site(plans: list[Plan], order: Order) -> int:
    """Write the executed chapters as web pages into site/; return 0, or 1 if something is missing.

    Chapters with a panel run once more, for its frames; without them it has no slider.
    """
    from lib.book import site

    lacking = [step.source.stem for step in plans if not step.output.is_file()]
    if lacking:
        command = f"./run_all.sh {order.profile} {' '.join(lacking)}"
        print(f"run_all.sh: not executed yet; do it with {command}", file=sys.stderr)
        return 1
    notebooks = [step.output for step in plans]
    try:
        with tempfile.TemporaryDirectory() as folder:
            code = _make_frames(plans, order, Path(folder))
            pages = site.build(order.root, notebooks, Path(folder) / "frames", order.root / "site")
    except KeyboardInterrupt:
        print("interrupted; site/ is as it was")
        return INTERRUPTED
    except (ValueError, OSError) as error:
        print(f"run_all.sh: {error}", file=sys.stderr)
        return 1
    print(f"wrote {len(pages)} pages; open site/index.html")
    return code


def show_what_is_missing(plans: list[Plan], order: Order) -> int:
    """Print what the chapters' parts would still compute; return the exit code.

    In a process of its own, which is told what a chapter's kernel is told.
    """
    parts = sorted({f"part{step.source.name[0]}" for step in plans} & set(PARTS))
    command = [sys.executable, "-m", "lib.dry_run", order.profile, str(order.cores), *parts]
    told = os.environ | order.environment()
    return subprocess.run(command, env=told, cwd=REPOSITORY, check=False).returncode


def _make_frames(plans: list[Plan], order: Order, folder: Path) -> int:
    """Run the chapters with panels once more, to draw frames below `folder`; 1 if one failed."""
    told = order.environment(frames=str(folder / "frames"), figures=str(folder / "figures"))
    code = 0
    for step in plans:
        if "interact.explore(" not in step.source.read_text(encoding="utf-8"):
            continue
        aside = replace(step, output=folder / "executed.ipynb", partial=folder / "partial.ipynb")
        try:
            _execute(aside, order, told)
        except Exception as error:  # the site is worth having without this chapter's frames
            print(_failure(step, error, order), file=sys.stderr)
            code = 1
        else:
            print(f"{step.source.stem}: drew the frames of its panels")
    return code


def _run_chapter(step: Plan, order: Order) -> str:
    """Execute a chapter, alone in this book; return what to tell of it."""
    from lib.book import costs, differences

    def say() -> None:
        print(f"{step.source.stem} is being run already; waiting until that ends", file=sys.stderr)

    told = order.environment(notebook=order.shown(step.output.parent))
    if order.profile != "paper" and not order.options.retrain:
        told["OMP_NUM_THREADS"] = "1"  # the same bits on any number of cores, side by side or not
    with locked(order.root / ".cache" / "running" / f"{order.profile}-{step.source.stem}", say):
        start = time.monotonic()
        with costs.peak_memory() as gigabytes:
            kept = _execute(step, order, told)
        minutes = (time.monotonic() - start) / 60
    if order.options.measure:
        measured = {
            "minutes": round(minutes, 2),
            "peak_memory_gb": round(max(gigabytes), 2),
            "cores": order.cores,
            "processor": differences.processor_kind(),
        }
        costs.record(order.root, step.source.stem, order.profile, measured)
    return f"{step.source.stem}: {minutes:.1f} min{_kept(step, kept, order)}"


def _kept(step: Plan, kept: Path | None, order: Order) -> str:
    if kept is None:
        return ""
    edited = order.shown(step.output)
    return f"; {edited} had edits that its .py has not: kept in {order.shown(kept)}"


def _execute(step: Plan, order: Order, told: dict[str, str]) -> Path | None:
    """Execute a chapter; return where a reader's edits were kept, see `notebooks.execute`."""
    from lib.book import notebooks

    return notebooks.execute(
        step.source,
        step.overrides,
        step.output,
        partial=step.partial,
        environment=told,
        working_directory=order.root,
        limit_seconds=60 * LIMIT_MINUTES["paper" if order.options.retrain else order.profile],
        warnings_are_errors=order.profile == "smoke",
    )


def _failure(step: Plan, error: Exception, order: Order) -> str:
    """Return what a reader needs to see of a failure: the cell, the last lines, the notebook."""
    from nbclient.exceptions import DeadKernelError
    from papermill import PapermillExecutionError

    if isinstance(error, PapermillExecutionError) and error.traceback:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback)).splitlines()
        what = "\n".join([error.source, "", *plain[-TRACEBACK_LINES:]])
    elif isinstance(error, DeadKernelError):
        last_words = "\n".join(error.__notes__).splitlines()[-TRACEBACK_LINES:]
        advice = "its kernel died, often for want of memory: close other programs, use --jobs 1"
        what = "\n".join([*last_words, advice])
    else:
        what = f"{type(error).__name__}: {error}"
    lines = [f"{step.source.stem} failed:", "", what, ""]
    if step.partial.is_file():
        lines.append(f"The notebook up to there: {order.shown(step.partial)}")
    return "\n".join(lines)


if __name__ == "__main__":  # by its name, so that other processes find what they are to do
    from lib.book import run as by_name

    sys.exit(by_name.main())
