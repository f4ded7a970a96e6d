"""The symbols of each part: they stand in the text, and the names beside them in the code."""

import inspect
import pkgutil
import re
from functools import cache

import jupytext
import pytest

from lib.book import chapters, symbols
from lib.book.files import REPOSITORY
from lib.book.symbols import Symbol

PARTS = ("sound", "faces", "adversarial")
EVERY = [(part, symbol) for part in PARTS for symbol in symbols.listed(part)]
each_symbol = pytest.mark.parametrize(
    ("part", "symbol"), EVERY, ids=[f"{part} {each.symbol}" for part, each in EVERY]
)
MATHS = re.compile(r"\$\$(.+?)\$\$|\$([^$]+?)\$", re.DOTALL)
TOKEN = re.compile(r"\\[A-Za-z]+|\S")


def found(code: str) -> object:
    """Return what `code` names; AttributeError, ImportError or KeyError if nothing does."""
    name, _, member = code.partition(":")
    thing = pkgutil.resolve_name(name)
    return inspect.signature(thing).parameters[member] if member else thing


def formulas(markdown: str) -> list[list[str]]:
    """Return the tokens of each formula: commands and single characters, without spaces."""
    return [TOKEN.findall(block or inline) for block, inline in MATHS.findall(markdown)]


def holds(formula: list[str], part: list[str]) -> bool:
    """Return whether the tokens of `part` stand side by side in a formula."""
    starts = range(len(formula) - len(part) + 1)
    return any(formula[start : start + len(part)] == part for start in starts)


@cache
def prose(number: str) -> str:
    """Return the markdown cells of a chapter."""
    (source,) = chapters.select([number])
    cells = jupytext.read(source).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@each_symbol
def test_the_code_and_the_chapter_have_what_a_symbol_names(part: str, symbol: Symbol) -> None:
    assert found(f"lib.{part}.{symbol.code}") is not None
    (source,) = chapters.select([symbol.chapter])
    assert part in source.stem
    wanted = TOKEN.findall(symbol.symbol.strip("$"))
    assert any(holds(formula, wanted) for formula in formulas(prose(symbol.chapter)))


@pytest.mark.parametrize("part", PARTS)
def test_every_line_of_a_list_is_a_symbol_with_one_meaning(part: str) -> None:
    listed = symbols.listed(part)
    assert len(listed) >= 10
    assert len({each.symbol for each in listed}) == len(listed)
    assert all(each.meaning for each in listed)
    assert all(re.fullmatch(r"\$[^$]+\$", each.symbol) for each in listed)
    lines = (REPOSITORY / "lib" / part / "symbols.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert [line.count("|") for line in rows] == [6] * (len(listed) + 2)  # and the two of the head


def test_tables_hold_all_symbols_or_those_of_a_chapter(monkeypatch: pytest.MonkeyPatch) -> None:
    two = [
        Symbol(r"$\tau$", "threshold", "0.5", "evaluation.decide:threshold", "11"),
        Symbol("$L$", "loss", "", "mean_teacher.losses", "13"),
    ]
    monkeypatch.setattr(symbols, "listed", lambda part: two)
    tau = "| $\\tau$ | threshold | 0.5 | `evaluation.decide(threshold)` |"
    loss = "| $L$ | loss |  | `mean_teacher.losses` |"
    assert str(symbols.table("sound").data).splitlines()[2:] == [f"{tau} 11 |", f"{loss} 13 |"]
    assert str(symbols.table("sound", chapter=13).data).splitlines()[2:] == [loss]
    with pytest.raises(ValueError, match="no symbol is listed for chapter 12"):
        symbols.table("sound", chapter=12)
