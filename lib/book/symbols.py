"""The symbols of a part: as in the text, in words, with unit or shape, and by name in the code.

Each part lists its own in a module `symbols`; its first chapter shows all of them, later chapters
those that they introduce.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from IPython.display import Markdown


@dataclass(frozen=True)
class Symbol:
    """A symbol of the text and its counterpart in the code.

    latex: as between the dollar signs.
    meaning: in words, no sentence.
    unit: unit, range or shape; may be empty.
    code: a dotted name such as lib.sound.evaluation.match, or with a parameter or field of it after
        a colon, lib.adversarial.attacks.pgd:epsilon.
    chapter: the number of the chapter that explains it.
    """

    latex: str
    meaning: str
    unit: str
    code: str
    chapter: int

    @property
    def short(self) -> str:
        """Return the code's name as a reader of the part says it: attacks.pgd(epsilon)."""
        name, _, member = self.code.split(".", 2)[2].partition(":")
        return f"{name}({member})" if member else name


def table(symbols: Sequence[Symbol], chapter: int | None = None) -> Markdown:
    """Return the symbols that `chapter` explains, or all of them, each with its chapter.

    Raises:
        ValueError: the chapter explains none of them.
    """
    shown = [each for each in symbols if chapter in (None, each.chapter)]
    if not shown:
        raise ValueError(f"no symbol is listed for chapter {chapter}; name one that explains some")
    heads = ["symbol", "meaning", "unit, shape", "in the code", "chapter"]
    rows = [
        [f"${each.latex}$", each.meaning, each.unit, f"`{each.short}`", str(each.chapter)]
        for each in shown
    ]
    width = len(heads) if chapter is None else len(heads) - 1
    lines = [heads, ["---"] * len(heads), *rows]
    return Markdown("\n".join(f"| {' | '.join(line[:width])} |" for line in lines))
