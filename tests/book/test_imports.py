"""Who may know whom: chapters import lib, a part lib.book, and parts never import each other."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.book import chapters
from lib.book.files import REPOSITORY

PARTS = ("sound", "faces", "adversarial")
MODULES = sorted((REPOSITORY / "lib").rglob("*.py"))


def rooms(path: Path, package: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield each package directly below lib that the file imports; "" stands for lib itself."""
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
                yield rest[0] if rest else ""


def allowed(room: str) -> set[str]:
    """Return the rooms that a module of `room` may import."""
    return {"book", room} if room in PARTS else {"book"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_room_of_the_library_knows_only_itself_and_the_book(path: Path) -> None:
    package = path.relative_to(REPOSITORY).parts[:-1]
    room = package[1] if len(package) > 1 else ""
    assert set(rooms(path, package)) <= allowed(room)


@pytest.mark.parametrize("path", chapters.chapters(), ids=lambda path: path.stem)
def test_a_chapter_imports_the_library_and_no_test(path: Path) -> None:
    found = set(rooms(path))
    assert found <= {"book", *PARTS}
    own = {part for part in PARTS if part in path.stem}
    assert found - {"book"} <= (own or set(PARTS))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("import lib.faces.models", ["faces"]),
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
