"""Puts the site together: contents, chapters, and both READMEs.

Every page begins as a notebook and goes through the same template.
"""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from lib.book import chapters
from lib.book.site import render, words
from lib.book.site.links import Links

ASSETS = ("site.css", "site.js")
TEXTS = {"README.md": "readme", "data/README.md": "data"}  # pages that are no chapters
PARTS = {
    "0": "To begin with",
    **{part.removeprefix("part"): title for part, title in chapters.PARTS.items()},
    "9": "To end with",
}  # by the first digit of a chapter's number

_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
_QUESTION = re.compile(r"^\*\*Question\.\*\* (.+?)(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, eq=False)
class Text:
    """A page before it is HTML: the name of its file, its notebook, and where its links begin."""

    name: str
    notebook: NotebookNode
    base: Path

    @property
    def title(self) -> str:
        """Return the first heading, or the name if there is none."""
        found = _TITLE.search(self._opening())
        return found[1] if found else self.name

    @property
    def question(self) -> str:
        """Return the question that a chapter opens with, on one line; empty if it has none."""
        found = _QUESTION.search(self._opening())
        return " ".join(found[1].split()) if found else ""

    def _opening(self) -> str:
        cells = self.notebook.cells
        return str(cells[0].source) if cells and cells[0].cell_type == "markdown" else ""


def build(root: Path, notebooks: Sequence[Path], frames: Path, site: Path) -> list[Path]:
    """Write the site of the executed `notebooks` of the book under `root`; return its pages.

    `frames` holds a folder for each panel that moves, as `interact.frames` writes it; without its
    folder a panel has no slider. What `site` held before goes.

    Raises:
        ValueError: a link leads nowhere, a picture lacks alt text or a formula cannot be set; the
            old site stays.
    """
    site.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=site.parent, prefix=".site.", suffix=".tmp") as folder:
        fresh = Path(folder) / "site"
        fresh.mkdir()
        names = _Builder(root, notebooks, frames, fresh).write()
        shutil.rmtree(site, ignore_errors=True)
        fresh.rename(site)
    return [site / f"{name}.html" for name in names]


class _Builder:
    """Writes one site into an empty folder."""

    def __init__(self, root: Path, notebooks: Sequence[Path], frames: Path, site: Path) -> None:
        self.root, self.frames, self.site = root, frames, site
        self.chapters = [_chapter(notebook) for notebook in notebooks]
        self.words = dict(self._words())
        self.texts = [self._text(file) for file in TEXTS if (root / file).is_file()]
        self.links = Links(root, site, dict(self._places()))
        self.exporter = render.Exporter()
        self.exporter.register_filter("blocks", self._blocks)

    def _words(self) -> Iterator[tuple[str, str]]:
        """Yield the words of the glossary, each with what it says of it."""
        for text in self.chapters:
            if text.name == words.GLOSSARY:
                for cell in text.notebook.cells:
                    yield from words.meanings(cell.source).items()

    def _text(self, file: str) -> Text:
        path = self.root / file
        return Text(TEXTS[file], _notebook(path.read_text(encoding="utf-8")), path.parent)

    def _places(self) -> Iterator[tuple[Path, str]]:
        """Yield the files of the book that have a page, and its place in the site."""
        for file, name in TEXTS.items():
            yield self.root / file, f"{name}.html"
        for text in self.chapters:
            for folder in (self.root / "notebooks", text.base):
                yield folder / f"{text.name}.ipynb", f"{text.name}.html"
                yield folder / f"{text.name}.py", f"{text.name}.html"

    def write(self) -> list[str]:
        """Write everything; return the names of the pages."""
        for asset in ASSETS:
            shutil.copyfile(render.TEMPLATES / asset, self.site / asset)
        (self.site / "pictures").mkdir()
        row = [self._contents(), *self.chapters, *self.texts]
        for before, text, after in zip([None, *row], row, [*row[1:], None], strict=False):
            self._page(text, before, after)
        return [text.name for text in row]

    def _contents(self) -> Text:
        """Return the first page: how the README opens, and each chapter with its question."""
        readme = next((text for text in self.texts if text.name == "readme"), None)
        opening = readme.notebook.cells[0].source if readme else "# The book"
        lines = [opening.partition("\n## ")[0].strip(), "", "## Contents", ""]
        for part, group in groupby(self.chapters, lambda text: PARTS[text.name[0]]):
            lines += [f"### {part}", ""]
            for text in group:
                lines.append(f"- [{text.title}](notebooks/{text.name}.py)")
                lines += [f"  <br>{text.question}"] if text.question else []
            lines.append("")
        return Text("index", _notebook("\n".join(lines)), self.root)

    def _page(self, text: Text, before: Text | None = None, after: Text | None = None) -> None:
        def resolve(link: str) -> str:
            return self.links.resolve(link, text.base)

        about = {"text": text, "before": before, "after": after, "pages": self.texts}
        try:
            page, _ = self.exporter.from_notebook_node(text.notebook, resources={"book": about})
            soup = render.mend(page, resolve)
        except ValueError as error:
            raise ValueError(f"{text.name}: {error}") from None
        if text in self.chapters and text.name != words.GLOSSARY:
            words.explain(soup, self.words)
        (self.site / f"{text.name}.html").write_text(str(soup), encoding="utf-8")

    def _blocks(self, cell: NotebookNode) -> list[dict[str, Any]]:
        """Return what a code cell shows, its pictures written and its panels ready to move."""
        shown = render.blocks(cell)
        for block in shown:
            if block["kind"] == "picture":
                png = block.pop("png")
                name = block.get("name") or hashlib.sha256(png).hexdigest()[:12]
                block["file"] = f"pictures/{name}.png"
                block["frames"] = self._frames(name.removesuffix("_1"))
                (self.site / block["file"]).write_bytes(png)
        return shown

    def _frames(self, panel: str) -> dict[str, Any] | None:
        """Return what moves above the first picture of a panel, its pictures copied."""
        source = self.frames / panel / "frames.json"
        if not source.is_file():
            return None
        shutil.copytree(source.parent, self.site / "frames" / panel)
        found: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
        for number, frame in enumerate(found["frames"]):
            frame["file"] = f"frames/{panel}/{number:02}.png"
        starts = [number for number, frame in enumerate(found["frames"]) if frame["start"]]
        first = self.site / found["frames"][starts[0]]["file"]
        return {
            **found,
            "panel": panel,
            "start": starts[0],
            "size": render.size(first.read_bytes()),
        }


def _chapter(path: Path) -> Text:
    return Text(path.stem, nbformat.read(path, as_version=4), path.parent)


def _notebook(source: str) -> NotebookNode:
    return new_notebook(cells=[new_markdown_cell(source, id="text")])
