"""Does the code that a stored result came from still say the same?

A run declares the modules and functions that its numbers depend on; the result stores a digest of
each one's source. The digest is of what is said, not of how it is written down: comments,
docstrings, positions and the file's place make no difference.
"""

import ast
import functools
import hashlib
import inspect
import json
import linecache
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from lib.book.files import REPOSITORY

NAMED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Source = ModuleType | Callable[..., Any] | type


def digests(sources: Iterable[Source]) -> dict[str, str]:
    """Return a digest of the source of modules, functions or classes, by where each stands."""
    return dict(map(_named, sources))


def _named(source: Source) -> tuple[str, str]:
    """Return where a source stands, "lib/sound/crnn.py" or "lib/x.py: f", and its digest."""
    if not isinstance(source, ModuleType):
        source = inspect.unwrap(source)  # below its decorators, which stand elsewhere
    try:
        file = inspect.getsourcefile(source) or "?"
        linecache.checkcache(file)  # it may have been edited since it was imported
        text = textwrap.dedent(inspect.getsource(source))
    except (OSError, TypeError):  # a class in a notebook's cell has methods, but no file
        methods = filter(inspect.isfunction, vars(source).values())
        file, text = "?", "\n".join(textwrap.dedent(inspect.getsource(each)) for each in methods)
    place, said = file.removeprefix(f"{REPOSITORY}/"), digest(text)
    if not isinstance(source, ModuleType):
        return f"{place}: {source.__qualname__}", said
    others = [_said_by(_held(source, name)) for name in replaced(source)]
    return place, _joined([said, *others]) if others else said


def replaced(module: ModuleType) -> list[str]:
    """Return which functions, classes, methods and numbers of a module are not those of its file.

    So it is once a notebook's cell has put others in their place, of which no other process knows.
    """
    names, constants = _written(inspect.getsource(module))
    others = [name for name in names if not _is_own(module, name)]
    others += [name for name, value in constants.items() if vars(module).get(name) != value]
    tables = ((name, value) for name, value in vars(module).items() if isinstance(value, dict))
    return others + [name for name, value in tables if any(map(_of_a_cell, value.values()))]


def replaced_anywhere() -> list[str]:
    """Return that of all modules of the book that this process has loaded."""
    loaded = [(name, each) for name, each in sys.modules.items() if name.startswith("lib.")]
    return [f"{name}.{other}" for name, module in loaded for other in replaced(module)]


@functools.cache
def _written(text: str) -> tuple[list[str], dict[str, Any]]:
    """Return what a module's source names: functions, "Class.method", and plain constants."""
    names, constants = list[str](), dict[str, Any]()
    for node in ast.parse(text).body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                names.append(node.name)
            case ast.ClassDef(name=name):
                methods = [each.name for each in node.body if isinstance(each, NAMED)]
                names += [name, *(f"{name}.{each}" for each in methods)]
            case ast.Assign(targets=[ast.Name(name)], value=ast.Constant(value)):
                constants[name] = value
    return names, constants


def _of_a_cell(value: object) -> bool:
    """Return whether something in a table, as of poolings, was written in a notebook."""
    return getattr(value, "__module__", None) == "__main__"


def _held(module: ModuleType, name: str) -> Any:
    """Return what a module holds under a name, below all decorators."""
    found: Any = module
    for part in name.split("."):
        found = getattr(found, "__dict__", {}).get(part)
        found = getattr(found, "fget", found)  # of a property
        found = getattr(found, "func", getattr(found, "__func__", found))
        found = inspect.unwrap(found) if callable(found) else found
    return found


def _is_own(module: ModuleType, name: str) -> bool:
    """Return whether a module holds under a name what its file says."""
    found = _held(module, name)
    if getattr(found, "__qualname__", None) != name:
        return False
    if inspect.isfunction(found):
        return found.__code__.co_filename == module.__file__
    return bool(found.__module__ == module.__name__)


def _said_by(found: Any) -> str:
    """Return a digest of what has been put in a place; of what has no source, its name."""
    try:
        return _named(found)[1]
    except (OSError, TypeError, SyntaxError, AttributeError):
        return repr(found)


def key(sources: Iterable[Source]) -> str:
    """Return 8 hex digits that change with what some code says: of a cache that it fills."""
    return _joined(sorted(digests(sources).values()))[:8]


def _joined(said: Iterable[str]) -> str:
    return hashlib.sha256(" ".join(said).encode()).hexdigest()[:12]


def changed(stored: Mapping[str, str] | None, today: Mapping[str, str]) -> list[str]:
    """Return where today's code says something that the stored digests do not know.

    A source that has only moved is known by its digest. What stored none knows nothing.
    """
    known = set((stored or {}).values())
    return [place for place, found in today.items() if found not in known]


@functools.cache
def digest(text: str) -> str:
    """Return the first 12 hex digits of the SHA-256 of what Python source says."""
    return _digest(ast.parse(text))


def _digest(tree: ast.Module) -> str:
    return hashlib.sha256(repr(_plain(tree)).encode()).hexdigest()[:12]


def stands(place: str, known: str, root: Path = REPOSITORY) -> bool:
    """Return whether the code below a root still says what it said where a digest was taken.

    Nothing is imported; what has moved within the library is found.
    """
    at_home = _said_in(root / place.partition(":")[0])
    return known in at_home or any(known in _said_in(file) for file in (root / "lib").rglob("*.py"))


def _said_in(file: Path) -> frozenset[str]:
    """Return the digests of a module and of the functions and classes in it, if it is one."""
    try:
        return _all_digests(file, file.stat().st_mtime_ns)
    except (OSError, SyntaxError):
        return frozenset()


@functools.cache
def _all_digests(file: Path, changed: int) -> frozenset[str]:
    """Return those of a file; one that has changed since is read anew."""
    tree = ast.parse(file.read_text())
    parts = [ast.Module([node], []) for node in tree.body if isinstance(node, NAMED)]
    return frozenset(map(_digest, (tree, *parts)))


def older(store: Path, root: Path) -> dict[str, list[str]]:
    """Return by part which sources of its stored results have changed since, one for each result.

    Results are store/part/experiment/key.json; the library is below `root`.
    """
    asked: dict[tuple[str, str], bool] = {}
    found = dict[str, list[str]]()
    for file in sorted(store.glob("*/*/*.json")):
        try:
            stored = json.loads(file.read_bytes())["provenance"].get("sources") or {}
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # a damaged one counts as missing
        for place, known in stored.items():
            if (place, known) not in asked:
                asked[place, known] = stands(place, known, root)
            if not asked[place, known]:
                found.setdefault(file.parts[-3], []).append(place)
                break
    return found


def tell_older(store: Path, root: Path) -> None:
    """Print a line for each part that has results from code of before."""
    for part, places in older(store, root).items():
        names = ", ".join(sorted(set(places)))
        print(f"{part}: {len(places)} results are older than {names}; --retrain computes them")


def _plain(node: object) -> object:
    """Return a syntax tree as nested tuples without positions, docstrings and empty fields.

    Empty fields are left out because versions of Python differ in which there are.
    """
    if isinstance(node, list):
        return tuple(map(_plain, node))
    if not isinstance(node, ast.AST):
        return node
    named = [
        (name, _plain(_without_docstring(node, name, value)))
        for name, value in ast.iter_fields(node)
        if value not in (None, []) and name not in ("kind", "type_comment")
    ]
    return type(node).__name__, tuple(named)


def _without_docstring(node: ast.AST, name: str, value: Any) -> Any:
    """Return a field of a node; of a body that begins with a docstring, what comes after it."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    if name == "body" and isinstance(node, documented) and ast.get_docstring(node, clean=False):
        return value[1:]
    return value
