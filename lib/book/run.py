"""The command line of the book: `./run_all.sh [smoke|quick|paper] [chapter ...]`.

Only the standard library is imported at the top, so that --help, --list and --check answer before
anything is installed.
"""

import argparse
import json
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
LIMIT_MINUTES = {"smoke": 15, "quick": 60, "paper": 7 * 24 * 60}  # no run waits for ever
TRACEBACK_LINES = 15
INTERRUPTED = 130  # what a shell reports after Ctrl-C

USAGE = """./run_all.sh [smoke|quick|paper] [chapter ...] [-p NAME=VALUE ...] [--jobs N]
                    [--scheduler tcp://HOST:PORT | --cluster slurm] [--present]
                    [--retrain] [--deterministic] [--measure] [--lab] [--html]
                    [--list] [--check] [--dry-run]
                    [--help]"""
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


def main(arguments: Sequence[str] | None = None, root: Path = REPOSITORY) -> int:
    """Do what the command line asks for the book under `root`; return the exit code."""
    parser = _parser()
    options = parser.parse_intermixed_args(arguments)
    profiles = [word for word in options.words if word in PROFILES] or ["quick"]
    words = [word for word in options.words if word not in PROFILES]
    profile = profiles[0]
    try:
        refuse_another_lib(Path.cwd())
        if len(profiles) > 1:
            raise ValueError(f"{' and '.join(profiles)} are two profiles; choose one")
        selected = chapters.select(words, root)
        plans = plan(selected, profile, options.settings, root)
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
        return show_what_is_missing(plans, profile, options, root)
    if options.html and (words or options.settings):
        parser.error("--html writes the whole book as its profile made it; name no more")
    if options.present and options.retrain:
        parser.error("--present computes no run and --retrain all of them; choose one")
    with ExitStack() as running:
        try:
            options.scheduler = running.enter_context(_scheduler(options))
        except (ImportError, OSError, ValueError) as error:
            parser.error(str(error))
        if options.lab:
            open_in_lab(plans[0], profile, options, root)
        if options.html:
            return write_site(plans, profile, options, root)
        return run(plans, profile, options, root)


def _parser() -> Parser:
    parser = Parser(
        prog="run_all.sh",
        usage=USAGE,
        description="Make the book: its notebooks, and every figure and table in figures/.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(at_a_time=1)  # chapters side by side, see `run`
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
    """Give the address of the Dask scheduler that the chapters send their runs to; None is usual.

    Raises:
        ImportError: Dask is an extra, and not installed.
        OSError: nobody answers under the address.
        ValueError: the options do not go together, or the cluster cannot be asked.
    """
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
        cluster.check(options.scheduler)
        yield options.scheduler


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, not {text!r}")
    return int(text)


def plan(selected: list[Path], profile: str, settings: list[str], root: Path) -> list[Plan]:
    """Return what is to be run, each chapter with those of the `settings` that it declares.

    Raises:
        ValueError: a setting is not NAME=VALUE, no chapter knows it, or its type is another.
    """
    pairs = dict(_name_and_text(setting) for setting in settings)
    declared = {source: chapters.parameters(source) for source in selected}
    unknown = pairs.keys() - {name for defaults in declared.values() for name in defaults}
    if unknown:
        known = sorted({name for defaults in declared.values() for name in defaults} - {"PROFILE"})
        raise ValueError(f"no chapter knows {sorted(unknown)[0]}; known: {', '.join(known)}")
    executed = root / "executed" / profile
    in_place = profile == "quick" and not pairs
    return [
        Plan(
            source,
            _overrides(source, defaults, {"PROFILE": profile} | pairs),
            source.with_suffix(".ipynb") if in_place else executed / f"{source.stem}.ipynb",
            executed / f"{source.stem}.partial.ipynb",
        )
        for source, defaults in declared.items()
    ]


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


def run(plans: list[Plan], profile: str, options: argparse.Namespace, root: Path) -> int:
    """Execute the plans; return 0, 1 if a chapter failed, 130 if interrupted.

    Those that wait for no other run side by side. A failing chapter does not keep the others from
    running.
    """
    from tqdm import tqdm

    from lib.book import differences, side_by_side

    options.at_a_time = _at_a_time(plans, profile, options)
    work = partial(_attempt, profile=profile, options=options, root=root)
    failed = []
    with tqdm(total=len(plans), desc=f"the book, {profile}", disable=_quiet()) as progress:
        try:
            for group in _in_order(plans, options.at_a_time):
                for name, good, text in side_by_side.each(
                    work, group, min(len(group), options.at_a_time)
                ):
                    progress.write(text, file=sys.stdout if good else sys.stderr)
                    progress.update()
                    failed += [] if good else [name]
        except KeyboardInterrupt:
            progress.write("interrupted; call again to go on")
            return INTERRUPTED
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    in_place = profile == "quick" and not options.settings
    if in_place and (told := differences.told(root, profile)):
        print(told)
    return 1 if failed else 0


def _at_a_time(plans: list[Plan], profile: str, options: argparse.Namespace) -> int:
    """Return how many chapters run side by side: one, where each may need the whole machine."""
    if profile == "paper" or options.retrain or options.measure or options.scheduler:
        return 1
    return min(_cores(options), len(plans), SIDE_BY_SIDE)


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


def _attempt(
    step: Plan, profile: str, options: argparse.Namespace, root: Path
) -> tuple[str, bool, str]:
    """Run a chapter; return its name, whether it went well, and what to tell."""
    try:
        return step.source.stem, True, _run_chapter(step, profile, options, root)
    except Exception as error:  # whatever stops a chapter is shown and told by the exit code
        return step.source.stem, False, _failure(step, error, root)


def open_in_lab(step: Plan, profile: str, options: argparse.Namespace, root: Path) -> NoReturn:
    """Become a JupyterLab with a chapter: the book's own notebook, or a copy in executed/.

    The copy is for another profile or other parameters.
    """
    from lib.book import lab

    if step.output != step.source.with_suffix(".ipynb"):
        kept = lab.copy(step.source, step.overrides, step.output)
        if kept:
            print(f"{step.source.stem} opens as it is in the book{_kept(step, kept, root)}")
    lab.start(step.output, _environment(profile, options, root), root)


def write_site(plans: list[Plan], profile: str, options: argparse.Namespace, root: Path) -> int:
    """Write the executed chapters as web pages into site/; return 0, or 1 if something is missing.

    Chapters with a panel run once more, for its frames; without them it has no slider.
    """
    from lib.book import site

    lacking = [step.source.stem for step in plans if not step.output.is_file()]
    if lacking:
        command = f"./run_all.sh {profile} {' '.join(lacking)}"
        print(f"run_all.sh: not executed yet; do it with {command}", file=sys.stderr)
        return 1
    notebooks = [step.output for step in plans]
    try:
        with tempfile.TemporaryDirectory() as folder:
            code = _make_frames(plans, profile, options, root, Path(folder))
            pages = site.build(root, notebooks, Path(folder) / "frames", root / "site")
    except KeyboardInterrupt:
        print("interrupted; site/ is as it was")
        return INTERRUPTED
    except (ValueError, OSError) as error:
        print(f"run_all.sh: {error}", file=sys.stderr)
        return 1
    print(f"wrote {len(pages)} pages; open site/index.html")
    return code


def show_what_is_missing(
    plans: list[Plan], profile: str, options: argparse.Namespace, root: Path
) -> int:
    """Print what the chapters' parts would still compute; return the exit code.

    In a process of its own, which is told what a chapter's kernel is told.
    """
    parts = sorted({f"part{step.source.name[0]}" for step in plans} & set(PARTS))
    command = [sys.executable, "-m", "lib.dry_run", profile, str(_cores(options)), *parts]
    told = os.environ | _environment(profile, options, root)
    return subprocess.run(command, env=told, cwd=REPOSITORY, check=False).returncode


def _make_frames(
    plans: list[Plan], profile: str, options: argparse.Namespace, root: Path, folder: Path
) -> int:
    """Run the chapters with panels once more, to draw frames below `folder`; 1 if one failed."""
    changes = {"frames": str(folder / "frames"), "figures": str(folder / "figures")}
    told = _environment(profile, options, root, **changes)
    code = 0
    for step in plans:
        if "interact.explore(" not in step.source.read_text(encoding="utf-8"):
            continue
        aside = replace(step, output=folder / "executed.ipynb", partial=folder / "partial.ipynb")
        try:
            _execute(aside, profile, options, root, told)
        except Exception as error:  # the site is worth having without this chapter's frames
            print(_failure(step, error, root), file=sys.stderr)
            code = 1
        else:
            print(f"{step.source.stem}: drew the frames of its panels")
    return code


def _quiet() -> bool:
    return not sys.stderr.isatty()


def _run_chapter(step: Plan, profile: str, options: argparse.Namespace, root: Path) -> str:
    from lib.book import differences, measure

    def say() -> None:
        print(f"{step.source.stem} is being run already; waiting until that ends", file=sys.stderr)

    place = os.path.relpath(step.output.parent, root)
    told = _environment(profile, options, root, notebook=place)
    if profile != "paper" and not options.retrain:
        told["OMP_NUM_THREADS"] = "1"  # the same bits on any number of cores, side by side or not
    with locked(root / ".cache" / "running" / f"{profile}-{step.source.stem}", say):
        since, start = time.time(), time.monotonic()
        with measure.peak_memory() as gigabytes:
            kept = _execute(step, profile, options, root, told)
        minutes = (time.monotonic() - start) / 60
    if options.measure:
        costs = root / "data" / "costs.json"
        kind = differences.processor_kind()
        measure.record(
            costs, step.source.stem, profile, minutes, max(gigabytes), _cores(options), kind
        )
    figures = _figures(options, root) / profile
    made = f"figures and tables in {os.path.relpath(figures, root)}"
    count = _made(figures, step.source.stem, since)
    return f"{step.source.stem}: {minutes:.1f} min, {made}: {count}{_kept(step, kept, root)}"


def _kept(step: Plan, kept: Path | None, root: Path) -> str:
    if kept is None:
        return ""
    edited = os.path.relpath(step.output, root)
    return f"; {edited} had edits that its .py has not: kept in {os.path.relpath(kept, root)}"


def _execute(
    step: Plan, profile: str, options: argparse.Namespace, root: Path, told: dict[str, str]
) -> Path | None:
    """Execute a chapter; its kernel is `told` this.

    Returned is where a reader's edits were kept, see `notebooks.execute`.
    """
    from lib.book import notebooks

    limit = LIMIT_MINUTES["paper" if options.retrain else profile]
    bar = {"desc": step.source.stem, "leave": False, "position": 1}
    return notebooks.execute(
        step.source,
        step.overrides,
        step.output,
        partial=step.partial,
        environment=told,
        working_directory=root,
        limit_seconds=limit * 60,
        warnings_are_errors=profile == "smoke",
        progress_bar=False if _quiet() or options.at_a_time > 1 else bar,
    )


def _cores(options: argparse.Namespace) -> int:
    import joblib

    return options.jobs or joblib.cpu_count()


def _environment(
    profile: str, options: argparse.Namespace, root: Path, **changes: Any
) -> dict[str, str]:
    """Return what a chapter's kernel finds in its environment; `changes` are those of `Told`."""
    told = Told(
        jobs=max(1, _cores(options) // options.at_a_time),
        scheduler=options.scheduler,
        present=options.present,
        deterministic=options.deterministic,
        figures=str(_figures(options, root)) if options.settings else None,
    )
    environment = replace(told, **changes).environment()
    if options.deterministic:
        from lib.runs.device import pinned_environment

        environment |= pinned_environment()
    if options.retrain:
        environment["BOOK_RETRAIN"] = "1"
    if profile == "smoke":  # tiny runs prove that the code runs; they are no results to keep
        environment["BOOK_RESULTS"] = str(root / "data" / "cache" / "results")
    return environment


def _figures(options: argparse.Namespace, root: Path) -> Path:
    """Return where figures go: with other parameters, not over those of the book."""
    return root / "executed" / "figures" if options.settings else root / "figures"


def _made(figures: Path, chapter: str, since: float) -> int:
    """Return how many figures and tables a chapter has written there since then."""
    files = [file for file in figures.glob("*.json") if file.stat().st_mtime >= since]
    contents = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return sum(isinstance(each, dict) and each.get("chapter") == chapter for each in contents)


def _failure(step: Plan, error: Exception, root: Path) -> str:
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
        shown = os.path.relpath(step.partial, root)
        lines.append(f"The notebook up to there: {shown}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
