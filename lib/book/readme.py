"""Fills the marked regions of both READMEs from the book's own files: no number is typed.

python -m lib.book.readme

A region lies between `<!-- NAME -->` and `<!-- /NAME -->`; `PAGES` says who fills it.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from lib.book import chapters, claims, data_root, differences, rebuilt
from lib.book.chapters import PARTS
from lib.book.files import REPOSITORY, write_atomically

COSTS = REPOSITORY / "data" / "costs.json"


def claims_region() -> str:
    """Return the claims recorded at profile quick that matter most."""
    return claims.short(claims.load("quick")).rstrip()


def costs_region() -> str:
    """Return minutes per chapter and profile, as `./run_all.sh --measure` found them."""
    costs = json.loads(COSTS.read_text())
    profiles = [
        name for name in ("smoke", "quick", "paper") if any(name in c for c in costs.values())
    ]
    lines = ["| chapter | " + " | ".join(f"{name}, min" for name in profiles) + " |"]
    lines.append("|---|" + "---|" * len(profiles))
    totals = dict.fromkeys(profiles, 0.0)
    for path in chapters.chapters():
        found = costs.get(path.stem, {})
        cells = [f"{found[name]['minutes']:.1f}" if name in found else "–" for name in profiles]
        lines.append(f"| {chapters.title(path)} | " + " | ".join(cells) + " |")
        totals = {n: totals[n] + found.get(n, {"minutes": 0.0})["minutes"] for n in profiles}
    sums = " | ".join(f"**{totals[name]:.1f}**" for name in profiles)
    return "\n".join([*lines, f"| **the whole book** | {sums} |"])


def processor_region() -> str:
    """Return the kinds of processors on which the pages of profile quick were made."""
    made_on = sorted(differences.pages_made_on(REPOSITORY, "quick"))
    return f"The pages here were made on: {'; '.join(made_on) or 'not recorded yet'}."


def sources_region() -> str:
    """Return a table of all data from elsewhere, as data/sources.toml has them."""
    lines = [
        "| name | what | part | licence | from | changes | size |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, source in data_root.sources().items():
        part = ", ".join(PARTS[each].split(",")[0].split()[1] for each in source.part.split())
        how = source.changes or ("none; fetched by `get`" if source.file else source.ask)
        size = _megabytes(source.place) if source.committed else source.megabytes
        shown = f"{size:.1f} MB" if size else "–"
        cells = [f"`{name}`", source.title, part, source.licence, source.origin, how, shown]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


PAGES: dict[str, Mapping[str, Callable[[], str]]] = {
    "README.md": {
        "costs": costs_region,
        "processor": processor_region,
        "claims": claims_region,
        "ideas": rebuilt.ideas,
    },
    "data/README.md": {"sources": sources_region},
}


def filled(page: str, text: str) -> str:
    """Return the text of a page with every region as its files say.

    Raises:
        ValueError: a region is missing.
    """
    for name, filler in PAGES[page].items():
        region = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not region.search(text):
            raise ValueError(f"{page} has no region {name!r}")
        content = filler()
        text = region.sub(lambda match, c=content: f"{match[1]}{c}\n{match[2]}", text)  # type: ignore[misc]
    return text


if __name__ == "__main__":
    for page in PAGES:
        path = REPOSITORY / page
        write_atomically(path, filled(page, path.read_text(encoding="utf-8")))
