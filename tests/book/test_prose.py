"""No result is typed into prose: it is computed in its sentence, or it stands in no sentence."""

import re
from pathlib import Path

import pytest

from lib.book import chapters
from lib.book.files import REPOSITORY

# What a chapter may type: settings of the papers and of ours, definitions, and what data are.
SETTINGS = {
    "sound: rates, windows, frames, bands, lengths of features": "22,050 22,100 2,048 366 604 128 "
    "151 1024 66.24 960 0.96 0.48 0.06 4,096 1,024 1,280 224 240 13,017",
    "sound: tolerances, thresholds, the metrics' examples": "200 20 0.2 0.5 0.51 0.05 0.95 0.01 "
    "0.03 0.7 80 1.2 779 880",
    "faces: length of the code, variants, shares in eq. 1 to 3": "350 110 109 0.02 0.9 60,600 4.0 "
    "5",
    "adversarial: images of MNIST, steps, strengths, pixels": "60,000 55,000 50,000 10,000 "
    "100,000 1,000,000 100 000 0.10 0.20 0.40 0.50 0.3 0.30 0.31 0.35 0.4 255 256 251 600 "
    "1803.03613 3.0",
    "what an interval is, and a whole": "95 100",
    "how much more memory a test allows": "1.3",
    "trainings of the full protocols": "140",
}
ALLOWED = {number for numbers in SETTINGS.values() for number in numbers.split()}
REFERENCE = (
    r"(?:[Cc]hapters?|[Ss]ections?|[Tt]ables?|[Ff]igs?\.|[Ff]igures?|[Ee]qs?\.|[Ee]quations?) "
    r"[\dIVX][\dIVX.]*(?:-[A-Z])?(?:(?:,| and| to|, and) [\d.]+)*"
)
ELSEWHERE = re.compile(  # formulas, code, links, HTML, headings, references, years, shapes
    r"\$[^$]*\$|`[^`]*`|\]\([^)]*\)|<code>.*?</code>|<[^>]*>|^#+ [^\n]*$"
    rf"|\b{REFERENCE}|\b(?:19|20)\d\ds?\b|\b\d+ ?[x×] ?\d+\b",
    re.MULTILINE | re.DOTALL,
)
RESULT = re.compile(  # has a point or a per cent sign, or is at least a hundred
    r"(?<![\w.,])(?:(\d+\.\d+)|(\d+) ?%|(\d{1,3}(?:,\d{3})+)|(\d{3,}))(?![\w,]*\d)"
)


def prose(source: Path) -> str:
    """Return the text of a chapter's cells of Markdown."""
    cells = re.split(r"^# %%", source.read_text(encoding="utf-8"), flags=re.MULTILINE)
    texts = [cell for cell in cells if cell.startswith(" [markdown]")]
    return re.sub(r"^# ?", "", "\n".join(texts), flags=re.MULTILINE)


def typed(text: str) -> set[str]:
    """Return the numbers in a text that could be results and are no settings."""
    found = RESULT.finditer(ELSEWHERE.sub(" ", text))
    return {next(filter(None, each.groups())) for each in found} - ALLOWED


def test_no_result_is_typed_into_the_readme() -> None:
    """Regions are filled from files (`lib.book.readme`), and commands are commands."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    found = typed(re.sub(r"<!-- (\w+) -->.*?<!-- /\1 -->|```.*?```", " ", text, flags=re.DOTALL))
    assert found <= {"3.11", "1,000", "101", "512"}, "Python, images of a run, Caltech 101, AVX-512"


@pytest.mark.parametrize("source", chapters.chapters(), ids=lambda path: path.stem)
def test_no_result_is_typed_into_a_chapter(source: Path) -> None:
    assert not typed(prose(source)), "compute it in a cell, or add it to SETTINGS with its reason"


def test_a_typed_result_is_seen_and_what_is_none_is_not() -> None:
    assert typed("# A title\n\nrises to 73.2, by 12 %, of 1,234 clips, 987 in all") == {
        "73.2",
        "12",
        "1,234",
        "987",
    }
    assert not typed("section 4.3.2, Table 2, $x = 7.25$, `0.123`, in 2018, 28 x 28, chapters 12.")
