"""Who may know whom: chapters import lib, a part what is shared, and parts never import each other.

What the papers say stands at the root of each part and knows neither the runs nor the figures.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.book import chapters
from lib.book.files import REPOSITORY

PARTS = ("sound", "faces", "adversarial")
SHARED = ("book", "runs")
# The files of Part III, which is small and has no rooms, that are the paper's
PAPER_III = ("attacks", "classifiers", "data", "detector", "fast", "training")
MODULES = sorted((REPOSITORY / "lib").rglob("*.py"))


def imported(path: Path, package: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield what the file imports from lib as dotted names without it: ("sound", "runs", ...)."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            top, *rest = name.split(".")
            if top == "lib":
                yield tuple(rest)


def rooms(path: Path, package: tuple[str, ...] = ()) -> list[str]:
    """Return each package directly below lib that the file imports; "" stands for lib itself."""
    return [names[0] if names else "" for names in imported(path, package)]


def allowed(room: str) -> set[str]:
    """Return the rooms that a module of `room` may import."""
    return {*SHARED, room} if room in PARTS else set(SHARED)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_room_of_the_library_knows_only_itself_and_the_book(path: Path) -> None:
    package = path.relative_to(REPOSITORY).parts[:-1]
    room = package[1] if len(package) > 1 else ""
    assert set(rooms(path, package)) <= allowed(room)


PAPERS = [
    *(
        path
        for part in ("sound", "faces")
        for path in sorted((REPOSITORY / "lib" / part).glob("*.py"))
    ),
    *(REPOSITORY / "lib" / "adversarial" / f"{name}.py" for name in PAPER_III),
]


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_is_the_papers_knows_neither_runs_nor_figures(path: Path) -> None:
    own = path.parent.name
    rest = {names[1] for names in imported(path) if len(names) > 1 and names[0] == own}
    flat = {each.stem for each in path.parent.glob("*.py")} - set(PAPER_III) - {"__init__"}
    assert not rest & ({"runs", "figures"} | (flat if own == "adversarial" else set()))


@pytest.mark.parametrize("path", chapters.chapters(), ids=lambda path: path.stem)
def test_a_chapter_imports_the_library_and_no_test(path: Path) -> None:
    found = set(rooms(path))
    assert found <= {*SHARED, *PARTS}
    own = {part for part in PARTS if part in path.stem}
    assert found - set(SHARED) <= (own or set(PARTS))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("import lib.faces.de_gan", ["faces"]),
        ("from lib import sound", ["sound"]),
        ("from lib.adversarial.attacks import pgd", ["adversarial"]),
        ("from ..faces import models", ["faces"]),
        ("from .show import show", ["book"]),
        ("from . import show", ["book"]),
        ("def f():\n    from lib.sound import data", ["sound"]),
        ("import library.sound", []),
    ],
)
def test_the_check_sees_every_form_of_import(
    tmp_path: Path, line: str, expected: list[str]
) -> None:
    path = tmp_path / "module.py"
    path.write_text(line)
    assert list(rooms(path, ("lib", "book"))) == expected


def test_the_command_line_needs_the_standard_library_alone() -> None:
    code = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); import lib.book.run"
    command = [sys.executable, "-I", "-S", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
