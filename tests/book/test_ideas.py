"""The README's table of ideas: what it names is there, and the chapter shows or uses it."""

import pkgutil
import re
from pathlib import Path

import jupytext
import pytest

from lib.book.files import REPOSITORY

PARTS = {"I": "sound", "II": "faces", "III": "adversarial"}
ROW = re.compile(r"\| (I+) \| (.+) \| (.+) \| \[`(.+)`\]\((.+)\) \| \[(\d\d)\]\((.+)\) \|")
ROWS = ROW.findall((REPOSITORY / "README.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("part", "where", "code", "file", "number", "chapter"),
    [(part, where, *rest) for part, where, _, *rest in ROWS],
)
def test_an_idea_is_where_the_table_says(
    part: str, where: str, code: str, file: str, number: str, chapter: str
) -> None:
    module, _, name = code.partition(".")
    assert Path(file).stem == module and file.startswith(f"lib/{PARTS[part]}/")
    assert callable(pkgutil.resolve_name(f"{file[:-3].replace('/', '.')}:{name}"))
    source = (REPOSITORY / chapter).with_suffix(".py")
    assert source.name.startswith(number) and PARTS[part] in source.stem
    cells = [cell.source for cell in jupytext.read(source).cells if cell.cell_type == "code"]
    assert any(re.search(rf"\b{re.escape(name)}\b", cell) for cell in cells), (where, code)
    assert any(re.search(rf"\b{module}\b", cell) for cell in cells), (where, code)


def test_every_equation_and_table_of_results_is_in_the_table() -> None:
    table = {(part, place) for part, where, *_ in ROWS for place in re.split(", | and ", where)}
    expected = {("I", "eq. 1"), ("I", "Table 3")}
    expected |= {(part, f"eq. {number}") for part in ("II", "III") for number in (1, 2, 3)}
    expected |= {("I", f"Fig. {number}") for number in (1, 2)} | {("III", "Table II")}
    assert expected | {("II", "Tables 1 to 3"), ("III", "Fig. 2 to 4")} <= table
    assert all(sum(row[0] == part for row in ROWS) >= 12 for part in PARTS)
