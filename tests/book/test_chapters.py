"""The book itself: each chapter runs, its notebook is what its source makes, its pictures speak."""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from fnmatch import fnmatch
from multiprocessing import get_context
from pathlib import Path

import pytest

from lib.book import chapters, notebooks, run
from lib.book.files import REPOSITORY

# Those that sum up the others come last: what they show depends on the verdicts recorded before.
SOURCES = sorted(chapters.chapters(), key=lambda path: path.stem in run.SUMMARIES)
SMOKE_SECONDS = 900  # on two slow cores beside other tests; no chapter needs a third of it alone
MEASURING = ("91_scale",)  # seconds differ from run to run: the second shows those of the first

# pattern: why such a file may be larger than 1 MB
LARGE_FILES = {
    "data/checkpoints/*.safetensors": "weights that take hours to train",
    "data/*/*": "as published; test_data_root.py compares each with its digest",
}

Execute = Callable[[Path], tuple[bytes, bytes]]
each_chapter = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def execute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Execute]:
    """Give a function that runs a chapter at smoke twice, once for all; it gives both notebooks."""
    folders = [tmp_path_factory.mktemp(name) for name in ("executed", "again")]
    done: dict[Path, tuple[bytes, bytes]] = {}

    def run(source: Path) -> tuple[bytes, bytes]:
        if source not in done:
            first = source, folders[0], folders[0] / "results", 1
            if source.stem in MEASURING:
                done[source] = smoke(*first), smoke(source, folders[1], *first[2:])
            else:  # beside the first, and in workers: neither may show
                other = beside.submit(smoke, source, folders[1], folders[1] / "results", 2)
                done[source] = smoke(*first), other.result()
        return done[source]

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as beside:
        yield run


def smoke(source: Path, folder: Path, results: Path, jobs: int) -> bytes:
    """Run a chapter at profile smoke, with result files in a folder, and return its notebook."""
    output = folder / f"{source.stem}.ipynb"
    notebooks.execute(
        source,
        {"PROFILE": "smoke"},
        output,
        environment={"BOOK_RESULTS": str(results), "BOOK_JOBS": str(jobs)},
        limit_seconds=SMOKE_SECONDS,
        warnings_are_errors=True,
    )
    return output.read_bytes()


def test_there_are_chapters() -> None:
    assert SOURCES


@each_chapter
def test_a_chapter_runs_at_smoke_with_alt_text_and_in_size(
    source: Path, execute: Execute, tmp_path: Path
) -> None:
    content, _ = execute(source)
    assert len(content) <= notebooks.MAX_BYTES
    path = tmp_path / f"{source.stem}.ipynb"
    path.write_bytes(content)
    assert notebooks.pictures_without_alt(path) == []


@each_chapter
def test_running_again_gives_the_same_bytes(source: Path, execute: Execute) -> None:
    first, again = execute(source)
    assert first == again


@each_chapter
def test_the_committed_notebook_is_what_the_source_makes(source: Path) -> None:
    assert notebooks.drift(source) == []


@each_chapter
def test_the_committed_notebook_is_normalised_and_small(source: Path) -> None:
    path = source.with_suffix(".ipynb")
    assert path.stat().st_size <= notebooks.MAX_BYTES
    assert notebooks.is_normalised(path)


@each_chapter
def test_every_committed_picture_has_alt_text(source: Path) -> None:
    assert notebooks.pictures_without_alt(source.with_suffix(".ipynb")) == []


@each_chapter
def test_a_chapter_begins_with_its_title_and_has_the_common_parameters(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    first = re.search(r"^# %% \[markdown\].*\n(.*)$", text, re.MULTILINE)
    assert first and re.fullmatch(r"# # \S.*", first[1])
    assert re.search(r"name: python3$", text.partition("# %%")[0], re.MULTILINE)
    declared = chapters.parameters(source)
    assert declared["PROFILE"] == "quick" and len(declared) <= 6


@each_chapter
def test_something_depends_on_every_parameter(source: Path) -> None:
    names = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Name)]
    read = {name.id for name in names if isinstance(name.ctx, ast.Load)}
    assert chapters.parameters(source).keys() - read <= {"PROFILE"}


def test_no_notebook_without_a_source() -> None:
    stray = set((REPOSITORY / "notebooks").glob("*.ipynb")) - {
        source.with_suffix(".ipynb") for source in SOURCES
    }
    assert stray == set()


def test_no_large_file_without_an_explanation() -> None:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True).stdout
    paths = [name for name in listed.decode().split("\0") if (REPOSITORY / name).is_file()]
    assert paths
    large = [name for name in paths if (REPOSITORY / name).stat().st_size > notebooks.MAX_BYTES]
    assert [name for name in large if not any(fnmatch(name, known) for known in LARGE_FILES)] == []
