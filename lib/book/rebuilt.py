"""What of each paper is here: one table, of which the README and chapters 18, 28 and 38 are made.

data/coverage.json lists what a paper has, in its order, and what stands for it in this book.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from IPython.display import Markdown

from lib.book import claims
from lib.book.chapters import PARTS, select
from lib.book.files import REPOSITORY

COVERAGE = REPOSITORY / "data" / "coverage.json"
STATES = {
    "real": "the method itself, or real recordings, photographs or digits",
    "smaller": "with fewer data, a shorter training or another network in its place",
    "made": "on clips or faces that we put together",
    "missing": "nothing here stands for it",
}


@dataclass(frozen=True)
class Item:
    """Something that a paper has, and what stands for it here."""

    part: str
    where: str  # in the paper, as "section 3, Fig. 2"
    what: str
    state: str  # of STATES
    here: str  # what stands for it, in words; may be empty where it is real
    code: str  # that is it, as "lib.sound.crnn:CRNN.forward"; may be empty
    chapter: str  # the number of the one that explains it
    shown: Sequence[str] = ()  # figures and tables of that chapter

    @property
    def source(self) -> Path:
        """Return the source of its chapter."""
        (path,) = select([self.chapter])
        return path

    @property
    def stands(self) -> str:
        """Return in Markdown what stands for it here."""
        return ": ".join(filter(None, [f"**{self.state}**", self.here]))


def items(part: str) -> list[Item]:
    """Return what the paper of a part has, in its order."""
    rows = json.loads(COVERAGE.read_text(encoding="utf-8"))["rows"]
    return [Item(**row) for row in rows if row["part"] == part]


def table(part: str) -> Markdown:
    """Return for a chapter all that a paper has, what stands for it, and how much of each kind."""
    found = items(part)
    count = Counter(item.state for item in found)
    counted = "; ".join(f"**{count[state]} {state}**, {means}" for state, means in STATES.items())
    rows = [("in the paper", "what", "here", "chapter")]
    for item in found:
        link = f"[{item.chapter}]({item.source.stem}.ipynb)"
        rows.append((item.where, item.what, item.stands, link))
    return Markdown(f"Of {len(found)} items at profile quick: {counted}.\n\n{claims.table(rows)}")


def ideas() -> str:
    """Return for the README all that the papers have, what stands for it, and where it is."""
    kinds = "; ".join(f"**{state}**, {means}" for state, means in STATES.items())
    rows = [("part", "in the paper", "what", "here", "in the code", "chapter")]
    for part, title in PARTS.items():
        number = title.partition(",")[0].split()[1]
        for item in items(part):
            module, _, name = item.code.partition(":")
            file = f"{module.replace('.', '/')}.py"
            code = f"[`{Path(file).stem}.{name}`]({file})" if name else "–"
            link = f"[{item.chapter}](notebooks/{item.source.stem}.ipynb)"
            rows.append((number, item.where, item.what, item.stands, code, link))
    return f"What stands here at profile quick: {kinds}.\n\n{claims.table(rows)}".rstrip()


def answers(part: str, profile: str, section: str) -> Markdown:
    """Return the claims that a paper makes first in a section, with the numbers that decide."""
    found = [
        claim
        for claim in claims.load(profile)
        if claim.source.part == part
        and claim.asked_by == claims.PAPER
        and claim.where.split(", ")[0] == section
    ]
    text = claims.markdown(found, chapters=True, readings=False)
    return Markdown(text if found else "No claims are recorded for this profile yet.")
