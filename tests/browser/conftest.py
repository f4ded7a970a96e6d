"""A browser, a JupyterLab with the explore chapters at smoke, and a second process to ask."""

import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from lib.book import lab
from lib.book.files import REPOSITORY
from tests.browser import lab as pages
from tests.browser.lab import Notebook
from tests.browser.library import PAIRED, PROFILES


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Give a browser; where there is none, skip."""
    if pages.chromium() is None:
        pytest.skip("no browser here: install chromium, and the explore chapters are tried in it")
    with sync_playwright() as playwright:
        started = pages.launch(playwright)
        yield started
        started.close()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a folder for results, known to all processes that begin from now on.

    None of them finds a reader's own data, so that the chapters show the same everywhere.
    """
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOOK_RESULTS", str(folder))
        patch.setenv("BOOK_DATA", str(tmp_path_factory.mktemp("no_data")))
        patch.delenv("BOOK_HEADLESS", raising=False)
        yield folder


@pytest.fixture(scope="module")
def address(
    browser: Browser, results: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Give the address of a JupyterLab: chapters in copies/, PAIRED as a `.py` in notebooks/."""
    root = tmp_path_factory.mktemp("book")
    shutil.copy(REPOSITORY / "pyproject.toml", root)
    for name, profile in PROFILES.items():
        source, changes = REPOSITORY / "notebooks" / f"{name}.py", {"PROFILE": profile}
        lab.copy(source, changes, root / "copies" / f"{name}.ipynb")
        if name == PAIRED:
            lab.copy(source, changes, root / "notebooks" / f"{name}.py")
    with pages.served(root, root / "log.txt") as found:
        yield found


@pytest.fixture(scope="module")
def ask(results: Path) -> Iterator[Callable]:
    """Give a function that calls another one in a process of its own, with results apart."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        yield lambda function, *arguments: pool.submit(function, *arguments).result()


@pytest.fixture
def open_notebook(browser: Browser, address: str) -> Iterator[Callable[[str], Notebook]]:
    """Give a function that opens a file of that JupyterLab on a new page."""
    context = browser.new_context(viewport=pages.VIEW)
    yield lambda path: Notebook(context.new_page(), address.format(path))
    context.close()


@pytest.fixture(scope="module", params=PROFILES)
def chapter(request: pytest.FixtureRequest) -> str:
    """Give the name of each explore chapter."""
    return str(request.param)


@pytest.fixture(scope="module")
def notebook(browser: Browser, address: str, chapter: str) -> Iterator[Notebook]:
    """Give each explore chapter, all its cells run."""
    context = browser.new_context(viewport=pages.VIEW)
    opened = Notebook(context.new_page(), address.format(f"copies/{chapter}.ipynb"))
    opened.run_all()
    yield opened
    context.close()
