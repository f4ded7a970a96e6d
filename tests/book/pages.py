"""What every notebook of the book is held to: made by a run of its source, small, and described."""

import json
import re
from pathlib import Path

import jupytext
from nbformat import NotebookNode

from lib.book import notebooks

MAX_BYTES = 1_000_000
_PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
_NAMELESS_IN_TEXT = re.compile(r"!\[\s*\]\(|<img(?![^>]*\balt=[\"'][^\"'])")


def is_normalised(path: Path) -> bool:
    """Return whether the notebook at `path` is, byte for byte, as a run writes it."""
    return path.read_text(encoding="utf-8") == notebooks.as_text(
        notebooks.normalise(notebooks.read(path))
    )


def drift(source: Path) -> list[str]:
    """Return one line for each cell in which the `.ipynb` beside `source` differs from it."""
    committed = source.with_suffix(".ipynb")
    if not committed.is_file():
        return [f"{committed.name} is missing; make it with ./run_all.sh quick {source.stem}"]
    wanted, found = map(_letters, (jupytext.read(source), notebooks.read(committed)))
    if len(wanted) != len(found):
        return [f"{committed.name} has {len(found)} cells, {source.name} has {len(wanted)}"]
    pairs = enumerate(zip(wanted, found, strict=True), start=1)
    return [f"{committed.name}: cell {number} differs" for number, (a, b) in pairs if a != b]


def _letters(notebook: NotebookNode) -> list[tuple[str, str, str]]:
    """Return kind, metadata and source of each cell; keys in another order are a difference."""
    return [(each.cell_type, json.dumps(each.metadata), each.source) for each in notebook.cells]


def pictures_without_alt(path: Path) -> list[str]:
    """Return one line for each picture of the notebook at `path` that lacks alternative text."""
    missing = []
    for number, cell in enumerate(notebooks.read(path).cells, start=1):
        texts = [cell.source] if cell.cell_type == "markdown" else []
        for output in cell.get("outputs", []):
            data, metadata = output.get("data", {}), output.get("metadata", {})
            texts += [data[kind] for kind in ("text/html", "text/markdown") if kind in data]
            for kind in _PICTURES:
                if kind in data and not metadata.get(kind, {}).get("alt", "").strip():
                    missing.append(f"{path.name}: cell {number}: {kind} without alt text")
        if any(_NAMELESS_IN_TEXT.search(text) for text in texts):
            missing.append(f"{path.name}: cell {number}: a picture in text without alt text")
    return missing
