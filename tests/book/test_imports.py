"""Who may know whom: chapters import lib, a part what is shared, and parts never import each other.

What the papers say stands at the root of each part and knows neither the runs nor the figures. No
module knows itself through others, be it by an import inside a function or by a name in a string.
"""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from lib.book import chapters
from lib.book.files import REPOSITORY

PARTS = ("sound", "faces", "adversarial")
SHARED = ("book", "runs")
# The files of Part III, which is small and has no rooms, that are the paper's
PAPER_III = ("attacks", "classifiers", "data", "detector", "fast", "training")
MODULES = sorted((REPOSITORY / "lib").rglob("*.py"))
TESTS = sorted((REPOSITORY / "tests").rglob("*.py"))
DRY_RUN = REPOSITORY / "lib" / "dry_run.py"  # the one module that knows all parts
IN_STRING = re.compile(r"\bfrom (lib[.\w]*) import (\w+)|\b(lib(?:\.\w+)+)\b")


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


def told(path: Path) -> Iterator[tuple[str, ...]]:
    """Yield what strings of the file name of lib, as `imported`; documentation does not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            for base, name, whole in IN_STRING.findall(node.value):
                yield tuple((whole or f"{base}.{name}").split("."))[1:]


def module(names: tuple[str, ...]) -> Path | None:
    """Return the file of the module that dotted names without lib lead to, or into."""
    for length in range(len(names), 0, -1):
        place = (REPOSITORY / "lib").joinpath(*names[:length])
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                return file
    return None


def allowed(room: str, path: Path) -> set[str]:
    """Return the rooms that a module of `room` may import."""
    if path == DRY_RUN:
        return {*SHARED, *PARTS}
    return {*SHARED, room} if room in PARTS else set(SHARED)


def test_a_room_of_the_library_knows_only_itself_and_the_book() -> None:
    for path in MODULES:
        package = path.relative_to(REPOSITORY).parts[:-1]
        room = package[1] if len(package) > 1 else ""
        assert set(rooms(path, package)) <= allowed(room, path), path


def test_no_module_knows_itself_through_others() -> None:
    known = {}
    for path in MODULES:
        package = path.relative_to(REPOSITORY).parts[:-1]
        found = {module(names) for names in [*imported(path, package), *told(path)]}
        known[path] = found - {path, None}
    assert len(known[DRY_RUN]) > len(PARTS)
    TopologicalSorter(known).prepare()  # raises CycleError, which names the modules


def test_code_in_a_string_imports_what_is_there() -> None:
    code = re.compile(r"\bfrom lib\.([.\w]+) import (\w+(?:, \w+)*)")
    for path in [*MODULES, *TESTS]:
        for base, names in code.findall(path.read_text(encoding="utf-8")):
            for name in names.split(", "):
                assert is_there((*base.split("."), name)), f"{path}: lib.{base} has no {name}"


def is_there(names: tuple[str, ...]) -> bool:
    """Return whether dotted names lead to a module, or to a name that its file has."""
    if (file := module(names)) is None:
        return False
    within = file.parent if file.stem == "__init__" else file.with_suffix("")
    rest = names[len(within.relative_to(REPOSITORY / "lib").parts) :]
    return not rest or bool(re.search(rf"\b{rest[0]}\b", file.read_text(encoding="utf-8")))


PAPERS = [
    *(
        path
        for part in ("sound", "faces")
        for path in sorted((REPOSITORY / "lib" / part).glob("*.py"))
    ),
    *(REPOSITORY / "lib" / "adversarial" / f"{name}.py" for name in PAPER_III),
]


def test_what_is_the_papers_knows_neither_runs_nor_figures() -> None:
    for path in PAPERS:
        own = path.parent.name
        rest = {names[1] for names in imported(path) if len(names) > 1 and names[0] == own}
        flat = {each.stem for each in path.parent.glob("*.py")} - set(PAPER_III) - {"__init__"}
        forbidden = {"runs", "figures"} | (flat if own == "adversarial" else set())
        assert not rest & forbidden, path


def test_a_chapter_imports_the_library_and_no_test() -> None:
    for path in chapters.chapters():
        own = {part for part in PARTS if part in path.stem} or set(PARTS)
        assert set(rooms(path)) <= {*SHARED, *own}, path


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("from lib import sound", ["sound"]),
        ("from lib.adversarial.attacks import pgd", ["adversarial"]),
        ("from ..faces import models", ["faces"]),
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
