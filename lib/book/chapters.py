"""The chapters as text: their names, titles and parameters, read with the standard library alone.

A chapter is a `notebooks/NN_part_topic.py` in jupytext's percent format. Its parameters cell holds
literals only, so what may be set, and to which type, is known without running anything.
"""

import ast
import re
from pathlib import Path
from typing import Any

from lib.book.files import REPOSITORY

PARTS = {
    "part1": "Part I, sound",
    "part2": "Part II, faces",
    "part3": "Part III, adversarial examples",
}

_CELL = re.compile(r"^# %%", re.MULTILINE)
_PARAMETERS_TAG = re.compile(r"tags=\[[^\]]*[\"']parameters[\"']")

_PASSED_ON = (bool, int, float, str, list, dict)  # papermill turns anything else into a string


def chapters(root: Path = REPOSITORY) -> list[Path]:
    """Return the sources of all chapters under `root`, in the book's order."""
    return sorted((root / "notebooks").glob("[0-9][0-9]_*.py"))


def title(path: Path) -> str:
    """Return the first heading of a chapter, or its name if it has none."""
    heading = re.search(r"^# # (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return heading.group(1).strip() if heading else path.stem


def parameters(path: Path) -> dict[str, Any]:
    """Return name and default value of each parameter of a chapter.

    Raises:
        ValueError: there is not exactly one parameters cell, or it holds more than literals.
    """
    cells = _CELL.split(path.read_text(encoding="utf-8"))[1:]
    tagged = [cell for cell in cells if _PARAMETERS_TAG.search(cell.partition("\n")[0])]
    if len(tagged) != 1:
        raise ValueError(f"{path.name} has {len(tagged)} cells tagged parameters, expected one")
    return dict(_assignment(path, line) for line in ast.parse(tagged[0].partition("\n")[2]).body)


def _assignment(path: Path, statement: ast.stmt) -> tuple[str, Any]:
    match statement:
        case ast.Assign(targets=[ast.Name(name)], value=expression):
            try:
                value = ast.literal_eval(expression)
            except ValueError:
                value = ...
            if isinstance(value, _PASSED_ON):
                return name, value
    raise ValueError(
        f"{path.name}: parameters are plain literals (lists, not tuples), "
        f"not `{ast.unparse(statement)}`; compute what follows from them in a later cell"
    )


def select(names: list[str], root: Path = REPOSITORY) -> list[Path]:
    """Return the chapters called `names` in the book's order; all of them for no name.

    A name is a number (34), a range of numbers (30-35), a stem (34_adversarial_ledger), its file's
    name or path, or a beginning that only one chapter has.

    Raises:
        ValueError: a name fits no chapter, or more than one.
    """
    everything = chapters(root)
    chosen = {path for name in names for path in _matching(name, everything)}
    return [path for path in everything if path in chosen or not names]


def _matching(name: str, everything: list[Path]) -> list[Path]:
    span = re.fullmatch(r"(\d\d)-(\d\d)", name)
    if span:
        found = [path for path in everything if span[1] <= path.name[:2] <= span[2]]
    else:
        stem = re.sub(r"\.(py|ipynb)$", "", name.rpartition("/")[2])
        found = [path for path in everything if path.stem.startswith(stem)]
        found = [path for path in found if path.stem == stem] or found
        if len(found) > 1:
            candidates = ", ".join(path.stem for path in found)
            raise ValueError(f"{name!r} may be any of: {candidates}")
    if not found:
        raise ValueError(f"there is no chapter {name!r}; ./run_all.sh --list shows them")
    return found


def override(default: Any, text: str) -> Any:
    """Return `text` as a value of the type of `default`; an int is taken where a float stands."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    if isinstance(default, str):
        return value if isinstance(value, str) else text
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if type(value) is not type(default):
        raise ValueError(f"expected {type(default).__name__} such as {default!r}, not {text!r}")
    return value
