"""Both READMEs show what the files say that they were filled from."""

import pytest

from lib.book import readme
from lib.book.files import REPOSITORY

pages = pytest.mark.parametrize("page", readme.PAGES)


@pages
def test_a_page_is_filled_from_the_books_files_and_a_change_would_be_noticed(page: str) -> None:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    assert readme.filled(page, text) == text, "run `python -m lib.book.readme`"
    for name in readme.PAGES[page]:
        changed = text.replace(f"<!-- /{name} -->", f"and more\n<!-- /{name} -->")
        assert readme.filled(page, changed) == text
