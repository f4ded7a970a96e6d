"""Chapters as text, executing them, and what makes two equal runs equal in every byte."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
import psutil
import pytest
from nbclient.exceptions import CellTimeoutError
from nbformat.v4 import new_output

from lib.book import chapters, notebooks
from tests.book import pages

WriteChapter = Callable[..., Path]


def run(source: Path, overrides: dict[str, Any] | None = None, **options: Any) -> Path:
    """Execute a tiny chapter and return its notebook."""
    output, folder = source.with_suffix(".ipynb"), source.parents[1]
    notebooks.execute(source, overrides or {}, output, working_directory=folder, **options)
    return output


def write(source: Path) -> Path | None:
    """Write a notebook as a run does in the end, and return where edits of the last were kept."""
    return notebooks.write(jupytext.read(source), source.with_suffix(".ipynb"))


def kernels_below_this_process() -> list[psutil.Process]:
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if "ipykernel_launcher" in " ".join(process.cmdline())
    ]


# ---- reading


CELL = '# %% tags=["parameters"]\nSEED = 0\n\n'


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (CELL + "WHAT = SEED + 1\n", "plain literals"),
        ("", "0 cells tagged parameters"),
        (CELL * 2, "2 cells tagged parameters"),
    ],
)
def test_parameters_are_one_cell_of_plain_literals(
    write_chapter: WriteChapter, header: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        chapters.parameters(write_chapter(header=header))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], ["10_a", "11_a_more", "20_b"]),
        (["20", "10"], ["10_a", "20_b"]),
        (["10_a"], ["10_a"]),
        (["11_a"], ["11_a_more"]),
        (["10-19", "11"], ["10_a", "11_a_more"]),
        (["20_b.py", "notebooks/10_a.ipynb"], ["10_a", "20_b"]),
    ],
)
def test_chapters_are_chosen_by_number_stem_beginning_or_range(
    write_chapter: WriteChapter, names: list[str], expected: list[str]
) -> None:
    for name in ("20_b", "11_a_more", "10_a"):
        path = write_chapter(name=name)
    assert [found.stem for found in chapters.select(names, path.parents[1])] == expected


@pytest.mark.parametrize("name", ["1", "30-39", "1*", ""])
def test_a_name_that_fits_no_chapter_or_several_is_refused(
    write_chapter: WriteChapter, name: str
) -> None:
    write_chapter(name="10_a")
    path = write_chapter(name="11_a")
    with pytest.raises(ValueError, match=r"there is no chapter|may be any of"):
        chapters.select([name], path.parents[1])


@pytest.mark.parametrize(
    ("default", "text", "expected"),
    [(0, "7", 7), (0.5, "1", 1.0), (0.5, "1e-3", 1e-3), (True, "False", False)]
    + [("a", "b", "b"), ("a", "2020", "2020"), ("a", "'b'", "b"), ([1], "[2, 3]", [2, 3])],
)
def test_a_value_takes_the_type_of_the_literal(default: Any, text: str, expected: Any) -> None:
    value = chapters.override(default, text)
    assert value == expected and type(value) is type(default)


@pytest.mark.parametrize(
    ("default", "text"), [(0, "1.5"), (0, "True"), (0.5, "x"), (True, "1"), ([1], "1")]
)
def test_a_value_of_another_type_is_refused(default: Any, text: str) -> None:
    with pytest.raises(ValueError, match=f"expected {type(default).__name__}"):
        chapters.override(default, text)


# ---- executing


def test_two_runs_give_the_same_bytes(write_chapter: WriteChapter) -> None:
    widget = (
        "import ipywidgets\npanel = ipywidgets.Output()\nwith panel:\n    print('inside')\npanel"
    )
    source = write_chapter(
        "SEED",
        "import sys, time\nprint('out')\nprint('progress', time.time(), file=sys.stderr)",
        *[widget] * 3,  # whose messages nbclient may wait for in vain
        "print('more', flush=True)\nprint('and more')\nSEED",
        "{str(number) for number in range(20)}",
    )
    os.utime(source, (1e9, 1e9))  # nor is its notebook newer
    output = run(source, {"PROFILE": "quick", "SEED": 0}, limit_seconds=120)
    first = output.read_bytes()
    assert run(source).read_bytes() == first
    assert b'"progress 1' not in first and b"papermill" not in first
    assert "widget" not in json.dumps(nbformat.read(output, as_version=4).metadata)
    assert pages.drift(source) == []  # the cells of the source
    assert output.stat().st_mtime == source.stat().st_mtime == 1e9


def test_what_the_runner_says_reaches_the_chapter_and_the_librarys_own_lib(
    write_chapter: WriteChapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other" / "lib").mkdir(parents=True)
    (tmp_path / "other" / "lib" / "__init__.py").write_text("raise SystemExit('another lib')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "other"))
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    cell = "import os, lib\nprint(PROFILE, SEED, os.environ['NUMBER'], lib.__file__)"
    changes = {"SEED": 3, "PROFILE": "smoke"}
    output = run(write_chapter(cell), changes, environment={"NUMBER": "5"})
    assert f"smoke 3 5 {notebooks.REPOSITORY / 'lib' / '__init__.py'}" in output.read_text()


def edit(path: Path, cell: int, text: str) -> None:
    """Change a cell as an editor that knows nothing of the .py does."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[cell].source = text
    nbformat.write(notebook, path)


@pytest.mark.parametrize(("cell", "text"), [(0, "# My title"), (2, "SEED + 1"), (1, "SEED = 5")])
def test_what_a_reader_wrote_into_the_notebook_is_kept(
    write_chapter: WriteChapter, cell: int, text: str
) -> None:
    source = write_chapter("SEED")
    output = source.with_suffix(".ipynb")
    write(source)
    edit(output, cell, text)
    edited = output.read_bytes()
    kept = write(source)
    assert kept and kept.parent == output.parent / "kept" and kept.read_bytes() == edited
    assert text not in output.read_text()
    assert write(source) is None  # it is not in the way twice


def test_nothing_is_kept_where_nothing_would_be_lost(write_chapter: WriteChapter) -> None:
    source = write_chapter("SEED")
    assert write(source) is None
    write_chapter("SEED + 1")  # the source moves on, and the notebook is what a run has made
    assert write(source) is None
    edit(source.with_suffix(".ipynb"), 2, "SEED + 2")
    write_chapter("SEED + 2")  # as JupyterLab saves both
    assert write(source) is None
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    notebook.cells[2].outputs = [new_output("stream", text="2")]  # outputs do not count
    nbformat.write(notebook, source.with_suffix(".ipynb"))
    write_chapter("SEED + 3")
    assert write(source) is None
    assert not (source.parent / "kept").exists()


@pytest.mark.parametrize("content", ["<<<<<<< mine\n", '{"cells": [{}]}'])
def test_a_notebook_that_cannot_be_read_is_kept(write_chapter: WriteChapter, content: str) -> None:
    source = write_chapter("SEED")
    source.with_suffix(".ipynb").write_text(content)
    kept = write(source)
    assert kept and kept.read_text() == content


def test_a_failing_cell_keeps_the_partial_notebook_and_the_old_one(
    write_chapter: WriteChapter,
) -> None:
    source = write_chapter("print('before')", "1 / 0", "print('after')")
    source.with_suffix(".ipynb").write_text("the old one")
    with pytest.raises(papermill.PapermillExecutionError, match="division by zero") as failure:
        run(source)
    assert failure.value.source == "1 / 0"
    assert source.with_suffix(".ipynb").read_text() == "the old one"
    partial = nbformat.read(source.with_suffix(".partial.ipynb"), as_version=4)
    assert "before" in str(partial) and not partial.cells[-1].outputs


def test_a_chapter_that_hangs_is_stopped_at_its_limit(write_chapter: WriteChapter) -> None:
    source = write_chapter("import time\ntime.sleep(600)")
    with pytest.raises(CellTimeoutError, match="timed out"):
        run(source, limit_seconds=3)
    assert source.with_suffix(".partial.ipynb").exists()
    _, alive = psutil.wait_procs(kernels_below_this_process(), timeout=20)
    assert alive == []


def test_a_warning_fails_a_run_only_where_none_is_accepted(write_chapter: WriteChapter) -> None:
    source = write_chapter("import warnings\nwarnings.warn('old habit', FutureWarning)")
    assert run(source).exists()
    with pytest.raises(notebooks.ChapterWarning, match="FutureWarning: old habit"):
        run(source, warnings_are_errors=True)


# ---- normalising and checking
