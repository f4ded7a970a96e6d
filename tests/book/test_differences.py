"""Which committed files a run has changed, and what is said to be why."""

import json
import subprocess
from pathlib import Path

import pytest

from lib.book import differences

FIGURES = [f"figures/quick/{letter}.png" for letter in "abcd"]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Give a book with pictures, a chapter and code, all committed."""
    costs = {"10_a": {"quick": {"processor": "Intel, AVX512"}}, "20_b": {}}
    files = {
        **dict.fromkeys(
            [*FIGURES, "notebooks/10_a.py", "notebooks/10_a.ipynb", "lib/a.py"], "as is"
        ),
        "data/costs.json": json.dumps(costs),
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "all"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Play the processor on which the pages were made."""
    monkeypatch.setattr(differences, "processor_kind", lambda: "Intel, AVX512")


def test_nothing_is_said_where_nothing_differs(book: Path) -> None:
    (book / "figures" / "quick" / "new.png").touch()
    (book / "lib" / "a.py").write_text("edited")  # not by a run
    assert differences.told(book, "quick") == ""


def test_another_processor_is_named_beside_that_of_the_pages(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differences, "processor_kind", lambda: "AMD, AVX2")
    for name in (*FIGURES, "notebooks/10_a.ipynb"):
        (book / name).write_text("else")
    line = differences.told(book, "quick")
    shown = ", ".join(FIGURES[:3])
    assert line.startswith(f"5 committed files are not as committed ({shown}, ...): ")
    assert "this processor (AMD, AVX2)" in line and "made on (Intel, AVX512)" in line
    assert "\n" not in line


def test_what_somebody_changed_is_the_first_reason(book: Path, on: None) -> None:
    (book / FIGURES[0]).unlink()
    assert "on such a processor, they should be" in differences.told(book, "quick")
    (book / "notebooks" / "10_a.py").write_text("edited")
    assert differences.told(book, "quick") == (
        f"1 committed files are not as committed ({FIGURES[0]}): notebooks/10_a.py was changed"
    )


def test_without_git_or_a_repository_nothing_is_said(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (book / FIGURES[0]).write_text("else")
    monkeypatch.setenv("PATH", str(book))
    assert differences.told(book, "quick") == ""
    monkeypatch.undo()
    (book / "unpacked" / "figures").mkdir(parents=True)
    assert differences.told(book / "unpacked", "quick") == ""
