"""Does the code that a stored result came from still say the same?

A run declares the modules and functions that its numbers depend on; the result stores a digest of
each one's source. The digest is of what is said, not of how it is written down: comments,
docstrings, positions and the file's place make no difference.
"""

import ast
import functools
import hashlib
import inspect
import linecache
import textwrap
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

from lib.book.files import REPOSITORY

Source = ModuleType | Callable[..., Any] | type


def digests(sources: Iterable[Source]) -> dict[str, str]:
    """Return a digest of the source of modules, functions or classes, by where each stands."""
    return dict(map(_named, sources))


def _named(source: Source) -> tuple[str, str]:
    """Return where a source stands, "lib/sound/crnn.py" or "lib/x.py: f", and its digest."""
    if not isinstance(source, ModuleType):
        source = inspect.unwrap(source)  # below its decorators, which stand elsewhere
    file = inspect.getsourcefile(source) or "?"
    place = str(file).removeprefix(f"{REPOSITORY}/")
    linecache.checkcache(str(file))  # it may have been edited since it was imported
    if not isinstance(source, ModuleType):
        place += f": {source.__qualname__}"
    return place, digest(textwrap.dedent(inspect.getsource(source)))


def key(sources: Iterable[Source]) -> str:
    """Return 8 hex digits that change with what some code says: of a cache that it fills."""
    said = " ".join(sorted(digests(sources).values()))
    return hashlib.sha256(said.encode()).hexdigest()[:8]


def changed(stored: Mapping[str, str] | None, today: Mapping[str, str]) -> list[str]:
    """Return where today's code says something that the stored digests do not know.

    A source that has only moved is known by its digest. What stored none knows nothing.
    """
    known = set((stored or {}).values())
    return [place for place, found in today.items() if found not in known]


@functools.cache
def digest(text: str) -> str:
    """Return the first 12 hex digits of the SHA-256 of what Python source says.

    Raises:
        SyntaxError: it is none.
    """
    return hashlib.sha256(repr(_plain(ast.parse(text))).encode()).hexdigest()[:12]


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
