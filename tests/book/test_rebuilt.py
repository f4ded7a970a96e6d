"""The table of what each paper has: what it names is there, and the part's page shows it."""

import json
import pkgutil
import re
from pathlib import Path

import jupytext
import pytest

from lib.book import chapters, claims, rebuilt
from lib.book.files import REPOSITORY
from lib.book.rebuilt import Item

FOLDERS = {"part1": "sound", "part2": "faces", "part3": "adversarial"}
PAGES = {f"part{number[0]}": chapters.select([number])[0] for number in ("18", "28", "38")}
ITEMS = [item for part in FOLDERS for item in rebuilt.items(part)]
each_part = pytest.mark.parametrize("part", FOLDERS)


@pytest.mark.parametrize(
    "item", [each for each in ITEMS if each.code], ids=lambda item: f"{item.part} {item.code}"
)
def test_an_idea_is_where_the_table_says(item: Item) -> None:
    folder, (module, _, name) = FOLDERS[item.part], item.code.partition(":")
    assert module.startswith(f"lib.{folder}.") and callable(pkgutil.resolve_name(item.code))
    assert folder in item.source.stem
    cells = [cell.source for cell in jupytext.read(item.source).cells if cell.cell_type == "code"]
    for word in (name, module.rpartition(".")[2]):
        assert any(re.search(rf"\b{re.escape(word)}\b", cell) for cell in cells), item.where


def test_every_equation_table_and_figure_is_in_the_table() -> None:
    places = {(i.part, place) for i in ITEMS for place in re.split(", | and ", i.where)}
    expected = {("part1", "eq. 1"), ("part1", "Table 3"), ("part2", "Tables 1 to 3")}
    expected |= {(part, f"eq. {n}") for part in ("part2", "part3") for n in (1, 2, 3)}
    expected |= {("part1", f"Fig. {n}") for n in (1, 2)} | {("part1", "Tables 1")}
    expected |= {("part2", f"Fig. {n}") for n in (1, 2, 3)} | {("part3", "Fig. 2 to 4")}
    assert expected | {("part3", "Fig. 1"), ("part3", "Table I"), ("part3", "Table II")} <= places


@each_part
def test_the_page_shows_the_figures_of_the_table_and_they_are_there(part: str) -> None:
    named = {name for item in rebuilt.items(part) for name in item.shown}
    assert named == set(
        re.findall(rf'again\(\s*"({part}_\w+)"', PAGES[part].read_text(encoding="utf-8"))
    )
    for name in named:
        assert (REPOSITORY / "figures" / "quick" / f"{name}.json").is_file(), name


@each_part
def test_the_page_has_every_claim_of_its_paper_or_says_where(part: str) -> None:
    text = PAGES[part].read_text(encoding="utf-8")
    sections = {
        claim.where.split(", ")[0]
        for claim in claims.load("quick")
        if claim.source.part == part and claim.asked_by == claims.PAPER
    }
    shown = set(re.findall(r'answers\("part\d", PROFILE, "(.+)"\)', text))
    assert shown == sections if shown else "(90_claims.ipynb)" in text


def test_each_item_has_a_state_and_a_chapter() -> None:
    assert {item.state for item in ITEMS} <= rebuilt.STATES.keys()
    assert all(item.source.is_file() for item in ITEMS)


def test_answers_show_one_reading_of_a_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    text = str(rebuilt.answers("part2", "quick", "4.2").data)
    assert "shown is one of 3 readings: DE-GAN over CNN baseline" in text and "\n| –" not in text
    monkeypatch.setattr(claims, "load", lambda profile: [])
    assert "No claims" in str(rebuilt.answers("part2", "quick", "4.2").data)


@pytest.mark.parametrize("source", chapters.chapters(), ids=lambda path: path.stem)
def test_no_page_says_of_what_is_there_that_it_is_not(source: Path) -> None:
    text = source.with_suffix(".ipynb").read_text(encoding="utf-8")
    outputs = [cell["outputs"] for cell in json.loads(text)["cells"] if "outputs" in cell]
    assert not re.search(r"no run is there|not there yet at profile|[Nn]o claims", str(outputs))
