"""Markdown and the outputs of cells as HTML that a screen reader, too, can read.

Formulas become MathML here and now, so that a reader's browser needs no script and no network for
them.
"""

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup, Tag
from jinja2 import pass_context
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from PIL import Image
from traitlets import default

from lib.book.site.links import anchor

TEMPLATES = Path(__file__).parent / "templates"
# What `show.Page` writes below a picture or table: the words, and a link to the .json beside it.
_CAPTION = re.compile(
    r"\*(?P<words>.*)\* <small>.*?(?:/(?P<name>\w+)\.json\).*)?</small>", re.DOTALL
)

# What the converter does not know, or sets less well, by what it does.
_LATEX = {r"\arg": r"\operatorname{arg}", r"\log": r"\operatorname{log}", r"\mathrm": r"\text"}
_NO_ALT = ("", "No description has been provided for this image")  # the latter is nbconvert's
_BAR = '<mo stretchy="false">&#x0007C;</mo>'  # an operator between spaces, unless told otherwise


def formula(latex: str, display: str) -> str:
    """Return a formula as MathML; `display` is block or inline."""
    known = re.sub(r"\\[a-z]+", lambda found: _LATEX.get(found[0], found[0]), latex.strip())
    try:
        math = convert(known, display=display)
    except Exception as error:  # the converter's own kinds have no common ancestor
        raise ValueError(f"the formula {latex!r} is broken: {type(error).__name__}") from None
    unknown = re.search(r"\\[A-Za-z]+", math)
    if unknown:
        raise ValueError(f"the formula {latex!r} needs {unknown[0]}, which becomes no MathML")
    return math.replace(_BAR, _BAR.replace(">", ' lspace="0" rspace="0">', 1))


class _Renderer(IPythonRenderer):
    """nbconvert's, with formulas as MathML."""

    def block_math(self, body: str) -> str:
        return f'<div class="formula">{formula(body, "block")}</div>'

    def inline_math(self, body: str) -> str:
        return formula(body, "inline")

    def latex_environment(self, name: str, body: str) -> str:
        return self.block_math(rf"\begin{{{name}}}{body}\end{{{name}}}")


class Exporter(HTMLExporter):
    """nbconvert's, with the book's template and formulas as MathML."""

    @default("template_name")
    def _template_name_default(self) -> str:
        return "book"

    @default("extra_template_basedirs")
    def _extra_template_basedirs_default(self) -> list[str]:
        return [str(TEMPLATES)]

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Return Markdown as HTML."""
        renderer = _Renderer(escape=False, exclude_anchor_links=True)
        return MarkdownWithMath(renderer=renderer).render(source)


def blocks(cell: NotebookNode) -> list[dict[str, Any]]:
    """Return what a code cell shows, in order, each with its kind: what the template draws.

    A caption goes to the picture or table above it. Widgets and what was printed past the notebook
    are left out.
    """
    shown: list[dict[str, Any]] = []
    for output in cell.get("outputs", []):
        block = _block(output)
        caption = block and block["kind"] == "markdown" and _CAPTION.fullmatch(block["text"])
        if block and caption and shown and shown[-1]["kind"] in ("picture", "table"):
            shown[-1] |= {"caption": block["text"], "name": caption["name"]}
        elif block:
            shown.append(block)
    return shown


def _block(output: NotebookNode) -> dict[str, Any] | None:
    data = output.get("data", {})
    if output.output_type == "stream":
        return {"kind": "text", "text": output.text} if output.name == "stdout" else None
    if "image/png" in data:
        alt = output.metadata.get("image/png", {}).get("alt", "")
        png = base64.b64decode(data["image/png"])
        return {"kind": "picture", "png": png, "alt": alt, "size": size(png)}
    if "text/latex" in data:  # how IPython shows source code
        return _source(data["text/plain"])
    if "text/html" in data:
        kind = "table" if "<table" in data["text/html"] else "html"
        return {"kind": kind, "text": data["text/html"]}
    if "text/markdown" in data:
        return {"kind": "markdown", "text": data["text/markdown"]}
    widget = "application/vnd.jupyter.widget-view+json" in data
    return None if widget else {"kind": "text", "text": data["text/plain"]}


def size(png: bytes) -> tuple[int, int]:
    """Return width and height of a PNG."""
    return Image.open(io.BytesIO(png)).size


def _source(text: str) -> dict[str, Any]:
    name = re.search(r"^(?:def|class) (\w+)", text, re.MULTILINE)
    return {"kind": "source", "text": text, "name": name[1] if name else "code"}


def mend(page: str, resolve: Callable[[str], str]) -> BeautifulSoup:
    """Return a page with its links resolved, headings with ids, and tables that say what is what.

    Raises:
        ValueError: a link leads nowhere, or a picture says nothing.
    """
    soup = BeautifulSoup(page, "html.parser")
    main = soup.main
    assert main is not None
    _name_headings(main)
    for table in main.find_all("table"):
        _mend_table(table, soup)
    for sound in main.find_all("audio"):
        sound["aria-label"] = sound.get("aria-label") or sound.get_text(strip=True) or "sound"
    for element in main.find_all(href=True):
        element["href"] = resolve(str(element["href"]))
    for picture in main.find_all("img"):
        if str(picture["alt"]).strip() in _NO_ALT:
            raise ValueError(f"the picture {picture['src']} has no alt text")
        picture["src"] = resolve(str(picture["src"]))
        picture["loading"] = "lazy"
    return soup


def _name_headings(main: Tag) -> None:
    """Give each heading an id; a second one of the same text gets a number, as on GitHub."""
    seen: dict[str, int] = {}
    for heading in main.find_all(re.compile("h[1-6]")):
        name = anchor(heading.get_text())
        seen[name] = seen.get(name, -1) + 1
        heading["id"] = f"{name}-{seen[name]}" if seen[name] else name


def _mend_table(table: Tag, soup: BeautifulSoup) -> None:
    for cell in table.find_all("th"):
        cell["scope"] = "col" if cell.find_parent("thead") else "row"
    for row in table.find_all("tr"):
        del row["style"]  # pandas aligns heads, but not what stands below them
    table.wrap(soup.new_tag("div", attrs={"class": "wide"}))
