"""Who may know whom: chapters import lib, a part what is shared, and parts never import each other.

What the papers say stands at the root of each part and knows neither the runs nor the figures. No
module knows itself through others, be it by an import inside a function.
"""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

from lib.book import chapters
from lib.book.files import REPOSITORY

PARTS = ("sound", "faces", "adversarial")
SHARED = ("book", "runs")
# The files of Part III, which is small and has no rooms, that are the paper's
PAPER_III = ("attacks", "classifiers", "data", "detector", "fast", "training")
MODULES = sorted((REPOSITORY / "lib").rglob("*.py"))
DRY_RUN = REPOSITORY / "lib" / "dry_run.py"  # the one module that knows all parts


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
        found = {module(names) for names in imported(path, package)}
        known[path] = found - {path, None}
    assert len(known[DRY_RUN]) > len(PARTS)
    TopologicalSorter(known).prepare()  # raises CycleError, which names the modules


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
