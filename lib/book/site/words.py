"""Words of the glossary: where a page uses one first, it says what it means and leads there."""

import re
from collections.abc import Mapping

from bs4 import BeautifulSoup, NavigableString, Tag

GLOSSARY = "01_glossary"
# These are everyday words, too, or mean something else in another part.
EVERYDAY = {"n", "size", "direction", "evidence", "control", "step", "original", "open", "made"}
EVERYDAY |= {"A", "S", "V", "code", "noise", "maps", "natural", "robust", "threshold", "leak"}
_LINE = re.compile(r"^- ((?:\*\*[^*]+\*\*[^:]*?)+): (.+?)(?=^- |^$|\Z)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\s*\(\[[^)]*\)(?:, \[[^)]*\))*\)|\[([^\]]*)\]\([^)]*\)")
_UNTOUCHED = ["a", "code", "pre", "math", "th", "summary", "h1", "h2", "h3", "h4", "strong"]


def meanings(glossary: str) -> dict[str, str]:
    """Return by word the line on it in a glossary in Markdown, without its links.

    Lines are "- **word**, **another**: what they mean".
    """
    found = {}
    for line in _LINE.finditer(glossary):
        plain = _LINK.sub(r"\1", f"{line[1]}: {line[2]}").replace("*", "")
        for word in set(re.findall(r"\*\*([^*]+)\*\*", line[1])) - EVERYDAY:
            found[word] = " ".join(plain.split())
    return found


def explain(page: BeautifulSoup, known: Mapping[str, str]) -> None:
    """Let the first use of each word in the text of a page tell its meaning as a hover note."""
    left, word = dict(known), re.compile("|".join(map(re.escape, known)))
    for text in page.main.find_all(string=word) if page.main else []:
        if text.find_parent(["p", "li"]) and not text.find_parent(_UNTOUCHED):
            _explain(text, left, page)


def _explain(text: NavigableString, left: dict[str, str], page: BeautifulSoup) -> None:
    """Link each word of a text that is left, and take it out of those."""
    while left:
        words = "|".join(sorted(map(re.escape, left), key=len, reverse=True))
        found = re.search(rf"\b(?:{words})\b", text)
        if not found:
            return
        link: Tag = page.new_tag("a", attrs={"class": "word", "href": f"{GLOSSARY}.html"})
        link["title"], link.string = left.pop(found[0]), found[0]
        before, after = text[: found.start()], NavigableString(text[found.end() :])
        text.replace_with(NavigableString(before), link, after)
        text = after
