"""A chapter in JupyterLab: which notebook opens, who may reach it, what its kernels know."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jupytext
import pytest

from lib.book import run

WriteChapter = Callable[..., Path]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Give what would have been started in the place of this process."""
    found: dict[str, Any] = {}

    def become(program: str, arguments: list[str], environment: dict[str, str]) -> None:
        found.update(program=program, arguments=arguments, environment=environment)
        raise SystemExit(0)

    monkeypatch.setattr(os, "execvpe", become)
    return found


def test_at_quick_the_books_own_notebook_opens_to_this_machine_alone(
    write_chapter: WriteChapter, started: dict[str, Any]
) -> None:
    root = write_chapter("SEED").parents[1]
    with pytest.raises(SystemExit):
        run.main(["--lab", "10"], root)
    assert started["arguments"][-1].endswith("=/lab/tree/notebooks/10_tiny.ipynb")
    assert f"--ServerApp.root_dir={root}" in started["arguments"]
    assert "--ServerApp.ip=127.0.0.1" in started["arguments"]
    assert not [each for each in started["arguments"] if "token" in each.lower()]  # Jupyter's own
    assert "BOOK_HEADLESS" not in started["environment"]
    assert not (root / "executed").exists()


def test_another_profile_opens_a_copy_apart_and_edits_in_it_are_kept(
    write_chapter: WriteChapter, started: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_chapter("SEED + 1").parents[1]
    copy = root / "executed" / "smoke" / "10_tiny.ipynb"
    for _ in range(2):
        with pytest.raises(SystemExit):
            run.main(["smoke", "--lab", "10", "-p", "SEED=3"], root)
    assert started["arguments"][-1].endswith("=/lab/tree/executed/smoke/10_tiny.ipynb")
    cells = [cell.source for cell in jupytext.read(copy).cells]
    assert cells[1:] == ["PROFILE = 'smoke'\nSEED = 3\nRATE = 0.5", "SEED + 1"]
    assert started["environment"]["BOOK_RESULTS"] == str(root / "data" / "cache" / "results")
    told = json.loads(started["environment"]["BOOK_RUN"])
    assert told["figures"] == str(root / "executed" / "figures")
    assert capsys.readouterr().out == ""
    copy.write_text(copy.read_text().replace('"SEED + 1"', '"SEED + 40"'))
    with pytest.raises(SystemExit):
        run.main(["smoke", "--lab", "10", "-p", "SEED=3"], root)
    (line,) = capsys.readouterr().out.splitlines()
    assert "executed/smoke/10_tiny.ipynb had edits that its .py has not: kept in " in line
    assert "SEED + 40" in (root / line.rpartition(" ")[2]).read_text()
    assert "SEED + 40" not in copy.read_text()
