"""Fills the marked regions of both READMEs from the book's own files: no number is typed.

python -m lib.book.readme

A region lies between `<!-- NAME -->` and `<!-- /NAME -->`; `PAGES` says who fills it.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from lib.book import chapters, claims, costs, data_root, rebuilt
from lib.book.chapters import PARTS
from lib.book.files import REPOSITORY, write_atomically
from lib.book.profiles import PROFILES

ANSWERS = REPOSITORY / "data" / "answer_times.json"


def claims_region() -> str:
    """Return the claims recorded at profile quick that matter most."""
    return claims.short(claims.load("quick")).rstrip()


def costs_region() -> str:
    """Return minutes per chapter and profile, as `./run_all.sh --measure` found them."""
    measured = costs.known()
    profiles = [name for name in PROFILES if any(name in each for each in measured.values())]
    totals = dict.fromkeys(profiles, 0.0)
    rows = [("chapter", *(f"{name}, min" for name in profiles))]
    for path in chapters.chapters():
        found = {name: each["minutes"] for name, each in measured.get(path.stem, {}).items()}
        totals = {name: total + found.get(name, 0.0) for name, total in totals.items()}
        cells = (f"{found[name]:.1f}" if name in found else "–" for name in profiles)
        rows.append((chapters.title(path), *cells))
    rows.append(("**the whole book**", *(f"**{total:.1f}**" for total in totals.values())))
    return claims.table(rows).rstrip()


def processor_region() -> str:
    """Return the kinds of processors on which the pages of profile quick were made."""
    return (
        f"The pages here were made on: {'; '.join(costs.made_on('quick')) or 'not recorded yet'}."
    )


def answers_region() -> str:
    """Return how long a reader waits for a picture, as `tools.bench.answer_times` found."""
    kept = json.loads(ANSWERS.read_bytes())
    kinds = list(next(iter(kept["milliseconds"].values())))
    rows = [(f"{kept['processor']}: from key to picture, ms", *kinds)]
    for stem, times in kept["milliseconds"].items():
        cells = (f"{median:.0f} ({most:.0f})" for median, most in times.values())
        rows.append((f"chapter {stem[:2]}", *cells))
    return claims.table(rows).rstrip()


def sources_region() -> str:
    """Return a table of all data from elsewhere, as data/sources.toml has them."""
    rows = [("name", "what", "part", "licence", "from", "changes", "size")]
    for name, source in data_root.sources().items():
        part = ", ".join(PARTS[each].split(",")[0].split()[1] for each in source.part.split())
        how = source.changes or ("none; fetched by `get`" if source.file else source.ask)
        size = _megabytes(source.place) if source.committed else source.megabytes
        shown = f"{size:.1f} MB" if size else "–"
        rows.append((f"`{name}`", source.title, part, source.licence, source.origin, how, shown))
    return claims.table(rows).rstrip()


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


PAGES: dict[str, Mapping[str, Callable[[], str]]] = {
    "README.md": {
        "costs": costs_region,
        "processor": processor_region,
        "answers": answers_region,
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
