"""The book itself: each chapter runs, its notebook is what its source makes, its pictures speak."""

import re
import subprocess
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest

from lib.book import chapters, notebooks
from lib.book.files import REPOSITORY

# Those that sum up the others come last: what they show depends on the verdicts recorded before.
SOURCES = sorted(chapters.chapters(), key=lambda path: path.stem in ("00_start", "90_claims"))
SMOKE_SECONDS = 300
MEASURING = ("91_scale",)  # seconds differ from run to run: the second shows those of the first

# pattern: why such a file may be larger than 1 MB
LARGE_FILES = {
    "data/checkpoints/*.safetensors": "weights that take hours to train",
}

Execute = Callable[[Path], bytes]
each_chapter = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder in which `execute` works."""
    return tmp_path_factory.mktemp("executed")


@pytest.fixture(scope="module")
def execute(folder: Path) -> Execute:
    """Return a function that runs a chapter at smoke once and gives its notebook."""
    done: dict[Path, bytes] = {}

    def run(source: Path) -> bytes:
        if source not in done:
            done[source] = smoke(source, folder, folder / "results")
        return done[source]

    return run


def smoke(source: Path, folder: Path, results: Path) -> bytes:
    """Run a chapter at profile smoke, with result files in a folder, and return its notebook."""
    output = folder / f"{source.stem}.ipynb"
    notebooks.execute(
        source,
        {"PROFILE": "smoke"},
        output,
        environment={"BOOK_RESULTS": str(results)},
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
    content = execute(source)
    assert len(content) <= notebooks.MAX_BYTES
    path = tmp_path / f"{source.stem}.ipynb"
    path.write_bytes(content)
    assert notebooks.pictures_without_alt(path) == []


@each_chapter
def test_running_again_gives_the_same_bytes(
    source: Path, execute: Execute, folder: Path, tmp_path: Path
) -> None:
    first = execute(source)
    results = folder if source.stem in MEASURING else tmp_path
    assert smoke(source, tmp_path, results / "results") == first


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
    assert declared["PROFILE"] == "quick" and type(declared["SEED"]) is int
    assert len(declared) <= 6


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
