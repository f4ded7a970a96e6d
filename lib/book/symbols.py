"""The symbols of a part: as in the text, in words, with unit or shape, and by name in the code.

Each part lists its own in `lib/<part>/symbols.md`, one line each; its first chapter shows all of
them, later chapters those that they introduce.
"""

from typing import NamedTuple

from IPython.display import Markdown

from lib.book import claims
from lib.book.files import REPOSITORY


class Symbol(NamedTuple):
    """A symbol of the text and its counterpart in the code; all are text, as in the table."""

    symbol: str  # between dollar signs
    meaning: str
    unit: str  # or range, or shape; may be empty
    code: str  # from the part on: attacks.pgd, or with a parameter or field, attacks.pgd:epsilon
    chapter: str  # the number of the one that explains it


def listed(part: str) -> list[Symbol]:
    """Return the symbols of a part: sound, faces or adversarial."""
    text = (REPOSITORY / "lib" / part / "symbols.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| $")]
    return [Symbol(*(cell.strip().strip("`") for cell in row.split("|")[1:-1])) for row in rows]


def table(part: str, chapter: int | None = None) -> Markdown:
    """Return the symbols of a part that `chapter` explains, or all of them, each with its chapter.

    Code is shown as a reader of the part says it: attacks.pgd(epsilon).
    """
    shown = [each for each in listed(part) if chapter in (None, int(each.chapter))]
    if not shown:
        raise ValueError(f"no symbol is listed for chapter {chapter}; name one that explains some")
    heads = ("symbol", "meaning", "unit, shape", "in the code", "chapter")
    rows = []
    for each in shown:
        name, _, member = each.code.partition(":")
        code = f"`{name}({member})`" if member else f"`{name}`"
        rows.append((each.symbol, each.meaning, each.unit, code, each.chapter))
    width = len(heads) if chapter is None else len(heads) - 1
    return Markdown(claims.table([row[:width] for row in (heads, *rows)]).rstrip())
