"""Exercises: each chapter of the parts has some, each with a hint and a solution that is run.

The form: below "## Exercises" a numbered item with <details><summary>Hint</summary>; after it a
code cell that begins with "# Solution of" and the number, folded in JupyterLab. Since it is a cell
like any other, every run of the chapter runs it. From the third exercise on words may do instead,
in <details><summary>Solution</summary>, where a run would take hours or prove nothing.
"""

import re
from pathlib import Path

import jupytext
import pytest

from lib.book import chapters

# laboratories, pages of papers and appendices, from 6 on, have none
SOURCES = [path for path in chapters.select(["10-35"]) if path.stem[1] < "6"]
HEADING = re.compile(r"^## Exercises$", re.MULTILINE)
ITEM = re.compile(r"^(\d+)\. ", re.MULTILINE)
HINT = re.compile(r"<details><summary>Hint</summary>\s*(?!</details>)\S.*?</details>", re.DOTALL)
IN_WORDS = re.compile(
    r"<details><summary>Solution</summary>\s*(?!</details>)\S.*?</details>", re.DOTALL
)
SOLUTION = re.compile(r"# Solution of (\d+)\b")
FOLDED = {"source_hidden": True, "outputs_hidden": True}
RUN = 2  # so many solutions of a chapter are code


def exercises(text: str) -> tuple[dict[int, str], dict[int, bool]]:
    """Return the exercises of a chapter in percent format by number, and whether each solution
    that is a code cell is folded."""
    items: dict[int, str] = {}
    solved: dict[int, bool] = {}
    begun = False
    for cell in jupytext.reads(text, fmt="py:percent").cells:
        begun = begun or bool(HEADING.search(cell.source))
        solution = SOLUTION.match(cell.source)
        if begun and cell.cell_type == "markdown":
            _, *parts = ITEM.split(HEADING.split(cell.source)[-1])
            items |= zip(map(int, parts[::2]), parts[1::2], strict=True)
        elif solution and int(solution[1]) in items:
            solved[int(solution[1])] = cell.metadata.get("jupyter") == FOLDED
    return items, solved


def complaints(text: str) -> list[str]:
    """Return one line for each thing that the exercises of a chapter lack."""
    items, solved = exercises(text)
    found = [f"exercise {number} has no hint" for number in items if not HINT.search(items[number])]
    for number in items:
        if number not in solved and not IN_WORDS.search(items[number]):
            found.append(f"exercise {number} has no solution")
    found += [f"solution {number} is not folded" for number, folded in solved.items() if not folded]
    if list(items) != list(range(1, len(items) + 1)):
        found.append(f"exercises are numbered {list(items)}")
    if len(solved) < RUN:
        found.append(f"{len(solved)} solutions are run; expected {RUN}")
    return found


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_exercise_has_a_hint_and_a_solution_that_is_run(source: Path) -> None:
    assert complaints(source.read_text(encoding="utf-8")) == []
