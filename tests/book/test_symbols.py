"""The symbols of each part: they stand in the text, and the names beside them in the code."""

import inspect
import pkgutil
import re

import jupytext
import pytest

from lib.adversarial.symbols import SYMBOLS as ADVERSARIAL
from lib.book import chapters, symbols
from lib.book.symbols import Symbol
from lib.faces.runs.symbols import SYMBOLS as FACES
from lib.sound.runs.symbols import SYMBOLS as SOUND

PARTS = {"sound": SOUND, "faces": FACES, "adversarial": ADVERSARIAL}
EVERY = [(part, symbol) for part, listed in PARTS.items() for symbol in listed]
each_symbol = pytest.mark.parametrize(
    ("part", "symbol"), EVERY, ids=[f"{part} {symbol.latex}" for part, symbol in EVERY]
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


def prose(number: int) -> str:
    """Return the markdown cells of a chapter."""
    (source,) = chapters.select([str(number)])
    cells = jupytext.read(source).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@each_symbol
def test_the_code_has_what_a_symbol_names(part: str, symbol: Symbol) -> None:
    assert symbol.code.startswith(f"lib.{part}.")
    assert found(symbol.code) is not None


@each_symbol
def test_the_chapter_that_explains_a_symbol_uses_it(part: str, symbol: Symbol) -> None:
    (source,) = chapters.select([str(symbol.chapter)])
    assert part in source.stem
    wanted = TOKEN.findall(symbol.latex)
    assert any(holds(formula, wanted) for formula in formulas(prose(symbol.chapter)))


@pytest.mark.parametrize("listed", PARTS.values(), ids=PARTS)
def test_a_symbol_has_one_meaning_and_fits_into_a_table(listed: tuple[Symbol, ...]) -> None:
    assert len(listed) >= 10
    assert len({symbol.latex for symbol in listed}) == len(listed)
    assert not any(
        "|" in text or "\n" in text for each in listed for text in map(str, vars(each).values())
    )
    assert all(symbol.meaning for symbol in listed)


@pytest.mark.parametrize(
    "code",
    [
        "lib.sound.evaluation.THRESHHOLD",
        "lib.sound.evaluation.decide:treshold",
        "lib.sound.events.Events:begin",
        "lib.sound.no_such_module.THRESHOLD",
    ],
)
def test_a_name_that_the_code_does_not_have_is_noticed(code: str) -> None:
    with pytest.raises((AttributeError, ImportError, KeyError)):
        found(code)


@pytest.mark.parametrize(
    ("text", "symbol", "expected"),
    [
        (r"as $p_f(n,t)$ says", "p_f(n, t)", True),
        (r"$$\sum_{t=0}^{T-1} p_f$$", "T", True),
        ("a T outside, $t$ inside", "T", False),
        (r"$\theta$", "t", False),  # a letter of a command is no symbol
        (r"costs 5 $", "5", False),
    ],
)
def test_a_symbol_is_looked_for_in_formulas_only(text: str, symbol: str, expected: bool) -> None:
    assert any(holds(formula, TOKEN.findall(symbol)) for formula in formulas(text)) == expected


TWO = (
    Symbol(r"\tau", "threshold", "0.5", "lib.sound.evaluation.decide:threshold", 11),
    Symbol("L", "loss", "", "lib.sound.mean_teacher.losses", 13),
)


def test_the_table_of_a_part_has_all_symbols_with_their_chapters() -> None:
    assert str(symbols.table(TWO).data) == (
        "| symbol | meaning | unit, shape | in the code | chapter |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| $\\tau$ | threshold | 0.5 | `evaluation.decide(threshold)` | 11 |\n"
        "| $L$ | loss |  | `mean_teacher.losses` | 13 |"
    )


def test_the_table_of_a_chapter_has_its_own_symbols() -> None:
    assert str(symbols.table(TWO, chapter=13).data) == (
        "| symbol | meaning | unit, shape | in the code |\n"
        "| --- | --- | --- | --- |\n"
        "| $L$ | loss |  | `mean_teacher.losses` |"
    )


def test_a_chapter_without_symbols_is_refused() -> None:
    with pytest.raises(ValueError, match="no symbol is listed for chapter 12"):
        symbols.table(TWO, chapter=12)
