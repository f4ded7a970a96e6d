"""README.md shows the numbers of the files it was filled from."""

import pytest

from lib.book import claims, readme

pytestmark = pytest.mark.skipif(
    any(claim.rung == "embedded" for claim in claims.load("quick")),
    reason="the book was run here on a lesser rung than the README speaks of",
)


def test_the_readme_is_filled_from_the_books_files() -> None:
    text = readme.README.read_text(encoding="utf-8")
    assert readme.filled(text) == text, "run `python -m lib.book.readme`"


def test_a_changed_number_would_be_noticed() -> None:
    text = readme.README.read_text(encoding="utf-8")
    assert readme.filled(text.replace("reproduced |", "doubtful |", 1)) == text


def test_a_missing_region_is_named() -> None:
    with pytest.raises(ValueError, match="no region 'claims'"):
        readme.filled("# A README without regions\n")
