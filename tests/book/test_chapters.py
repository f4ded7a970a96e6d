"""The book itself: each chapter runs, its notebook is what its source makes, its pictures speak."""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from fnmatch import fnmatch
from multiprocessing import get_context
from pathlib import Path

import pytest

from lib.book import chapters, notebooks, run
from lib.book.files import REPOSITORY
from lib.book.told import Told
from tests.book import pages

SOURCES = sorted(chapters.chapters())
SMOKE_SECONDS = 900  # on two slow cores beside other tests; no chapter needs a third of it alone
# What a chapter shows of stored runs cannot differ the next time, and each kind of training and
# attack is repeated by tests of its own. Where many runs are computed, a chapter of each part is
# executed again, by more processes than before.
AGAIN = ("14_sound_results", "24_faces_recognition", "33_adversarial_results")

# pattern: why such a file may be larger than 1 MB
LARGE_FILES = {
    "data/checkpoints/*.safetensors": "weights that take hours to train",
    "data/*/*": "as published; test_data_root.py compares each with its digest",
}

Execute = Callable[[str, str], bytes]
each_chapter = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def execute(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Execute]:
    """Give a function that returns the notebook of a chapter's "first" or "second" run at smoke.

    All that the chosen tests ask for is executed side by side, as `./run_all.sh` does it; those
    that sum up the others come last: what they show depends on the verdicts recorded before.
    """
    folders = {name: tmp_path_factory.mktemp(name) for name in ("first", "second")}
    asked = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    once = {each["source"].stem for each in asked if each.get("source") in SOURCES}
    twice = {each["repeated"] for each in asked if "repeated" in each}
    stages: list[list[tuple[str, str, int]]] = [[], []]  # chapter, run, jobs
    for chapter in sorted(once | twice, key=lambda name: (name[1], name[0])):  # parts in turn
        stages[chapter in run.SUMMARIES].append((chapter, "first", 1))
    stages[0] += [(chapter, "second", 2) for chapter in sorted(twice)]
    done: dict[tuple[str, str], Future[bytes]] = {}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for stage in stages:
            wait(done.values())
            for chapter, number, jobs in stage:
                source = REPOSITORY / "notebooks" / f"{chapter}.py"
                done[chapter, number] = pool.submit(smoke, source, folders[number], jobs)
        yield lambda chapter, number: done[chapter, number].result()


def smoke(source: Path, folder: Path, jobs: int) -> bytes:
    """Run a chapter at profile smoke, with all it makes in a folder, and return its notebook."""
    output = folder / f"{source.stem}.ipynb"
    notebooks.execute(
        source,
        {"PROFILE": "smoke"},
        output,
        environment={"BOOK_RESULTS": str(folder / "results")} | Told(jobs=jobs).environment(),
        limit_seconds=SMOKE_SECONDS,
        warnings_are_errors=True,
    )
    return output.read_bytes()


@each_chapter
def test_a_chapter_runs_at_smoke_with_alt_text_and_in_size(
    source: Path, execute: Execute, tmp_path: Path
) -> None:
    content = execute(source.stem, "first")
    assert len(content) <= pages.MAX_BYTES
    path = tmp_path / f"{source.stem}.ipynb"
    path.write_bytes(content)
    assert pages.pictures_without_alt(path) == []


@pytest.mark.parametrize("repeated", AGAIN)
def test_running_again_gives_the_same_bytes(repeated: str, execute: Execute) -> None:
    assert execute(repeated, "first") == execute(repeated, "second")


@each_chapter
def test_the_committed_notebook_is_what_a_run_of_the_source_makes(source: Path) -> None:
    path = source.with_suffix(".ipynb")
    assert pages.drift(source) == []
    assert path.stat().st_size <= pages.MAX_BYTES
    assert pages.is_normalised(path)
    assert pages.pictures_without_alt(path) == []


@each_chapter
def test_a_chapter_begins_with_its_title_and_depends_on_its_parameters(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    first = re.search(r"^# %% \[markdown\].*\n(.*)$", text, re.MULTILINE)
    assert first and re.fullmatch(r"# # \S.*", first[1])
    assert re.search(r"name: python3$", text.partition("# %%")[0], re.MULTILINE)
    declared = chapters.parameters(source)
    assert declared["PROFILE"] == "quick" and len(declared) <= 6
    names = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)]
    read = {name.id for name in names if isinstance(name.ctx, ast.Load)}
    assert declared.keys() - read <= {"PROFILE"}


@each_chapter
def test_each_test_that_a_chapter_names_exists(source: Path) -> None:
    for file, name in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", source.read_text("utf-8")):
        text = (REPOSITORY / file).read_text(encoding="utf-8")
        assert f"\ndef {name}(" in text if name else text, name


def test_no_notebook_without_a_source_and_no_large_file_without_an_explanation() -> None:
    assert {path.stem for path in (REPOSITORY / "notebooks").glob("*.ipynb")} == {
        source.stem for source in SOURCES
    }
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True).stdout
    paths = [name for name in listed.decode().split("\0") if (REPOSITORY / name).is_file()]
    large = [name for name in paths if (REPOSITORY / name).stat().st_size > pages.MAX_BYTES]
    assert paths
    assert [name for name in large if not any(fnmatch(name, known) for known in LARGE_FILES)] == []
