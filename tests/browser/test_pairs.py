"""After a run, every chapter opens in JupyterLab, as `.ipynb` and as `.py`, whatever the times."""

import json
import os
import shutil
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, Response, expect

from lib.book import chapters, run
from lib.book.files import REPOSITORY
from tests.browser import lab as pages
from tests.conftest import HEADER

HOUR = 3600
# jupytext holds keys in another order than nbformat's for an edit, though nobody made one
DISORDERLY = """
# %% jupyter={"source_hidden": true, "outputs_hidden": true}
print("ran")
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the book's chapters, their notebooks an hour newer, and one more that has been run."""
    root = tmp_path_factory.mktemp("book")
    shutil.copy(REPOSITORY / "pyproject.toml", root)
    (root / "notebooks").mkdir()
    for source in chapters.chapters():
        for file in (source, source.with_suffix(".ipynb")):
            shutil.copy(file, root / "notebooks")
        written = (root / "notebooks" / source.name).stat().st_mtime + HOUR
        os.utime(root / "notebooks" / f"{source.stem}.ipynb", (written, written))
    tiny = root / "notebooks" / "99_tiny.py"
    tiny.write_text(HEADER + DISORDERLY)
    os.utime(tiny, (1e9, 1e9))
    assert run.main(["99"], root) == 0
    return root


def content(address: str, path: str, kind: str = "notebook") -> str:
    """Return a notebook or a folder as JupyterLab's contents API gives it; raises HTTPError."""
    place = address.replace("/lab/tree", "/api/contents").replace("reset&", f"type={kind}&")
    with urlopen(place.format(quote(path))) as answer:
        return json.dumps(json.load(answer)["content"])


def refused(address: str, book: Path) -> list[str]:
    """Return which files of the folder of chapters do not open."""
    found = []
    for file in sorted((book / "notebooks").glob("[0-9]*.*")):
        try:
            content(address, f"notebooks/{file.name}")
        except HTTPError as error:
            found.append(f"{file.name}: {error.code}")
    return found


def saves(answer: Response) -> bool:
    """Return whether a notebook was saved; JupyterLab puts the layout of its windows, too."""
    return answer.request.method == "PUT" and "/api/contents/" in answer.url


def test_every_chapter_opens_in_a_plain_jupyterlab(book: Path) -> None:
    with pages.served(book, book / "log.txt", plain=True) as address:
        assert refused(address, book) == []


def test_a_chapter_is_run_edited_saved_closed_and_opened_again(
    browser: Browser, book: Path
) -> None:
    tiny = book / "notebooks" / "99_tiny.py"
    with pages.served(book, book / "log.txt") as address:
        assert refused(address, book) == []
        listed = [entry["name"] for entry in json.loads(content(address, "notebooks", "directory"))]
        assert "99_tiny.ipynb" in listed and not any(name.endswith(".py") for name in listed)
        context = browser.new_context(viewport=pages.VIEW)
        notebook = pages.Notebook(context.new_page(), address.format("notebooks/99_tiny.ipynb"))
        notebook.run_all()
        notebook.run_in_new_cell("MINE = 6 * 7; print(MINE)")
        with notebook.page.expect_response(saves) as saved:
            notebook.page.keyboard.press("Control+s")
        assert saved.value.ok
        context.close()
        written = tiny.read_text()
        assert "MINE = 6 * 7" in written and 'print("ran")' in written
        assert "book_sources" not in written
        context = browser.new_context(viewport=pages.VIEW)
        notebook = pages.Notebook(context.new_page(), address.format("notebooks/99_tiny.py"))
        mine = notebook.cells.filter(has_text="MINE = 6")
        expect(mine).to_contain_text("42")  # an output of the notebook beside it
        context.close()
        assert run.main(["99"], book) == 0 and not (book / "notebooks" / "kept").exists()
        tiny.write_text(tiny.read_text() + "\n# %%\nEDITED = True\n")
        for name in ("99_tiny.py", "99_tiny.ipynb"):
            assert "EDITED = True" in content(address, f"notebooks/{name}")
