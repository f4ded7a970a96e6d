"""Fills the marked regions of README.md from the book's own files, so that no number is typed.

python -m lib.book.readme

A region lies between `<!-- NAME -->` and `<!-- /NAME -->`; NAME is one of `FILLERS`.
"""

import json
import re

from lib.book import chapters, claims
from lib.book.files import REPOSITORY, write_atomically

README = REPOSITORY / "README.md"
COSTS = REPOSITORY / "data" / "costs.json"


def claims_region() -> str:
    """Return the table of all claims recorded at profile quick."""
    return claims.markdown(claims.load("quick")).rstrip()


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


FILLERS = {"claims": claims_region, "costs": costs_region}


def filled(text: str) -> str:
    """Return the README's text with every region as its files say.

    Raises:
        ValueError: a region is missing.
    """
    for name, filler in FILLERS.items():
        region = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not region.search(text):
            raise ValueError(f"README.md has no region {name!r}")
        content = filler()
        text = region.sub(lambda match, c=content: f"{match[1]}{c}\n{match[2]}", text)  # type: ignore[misc]
    return text


if __name__ == "__main__":
    write_atomically(README, filled(README.read_text(encoding="utf-8")))
