"""A browser, and a JupyterLab with copies of the explore chapters."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from lib.book import lab
from lib.book.files import REPOSITORY
from tests.browser import lab as pages
from tests.browser.lab import Notebook

# Tiny networks, but for faces: those of smoke hardly answer to the noise; quick's are shipped.
PROFILES = {
    "15_sound_explore": "smoke",
    "25_faces_explore": "quick",
    "35_adversarial_explore": "smoke",
}


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
def address(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a JupyterLab over the explore chapters, with own results.

    It does not find a reader's own data, so that the chapters show the same everywhere.
    """
    root = tmp_path_factory.mktemp("book")
    shutil.copy(REPOSITORY / "pyproject.toml", root)
    for name, profile in PROFILES.items():
        source = REPOSITORY / "notebooks" / f"{name}.py"
        lab.copy(source, {"PROFILE": profile}, root / f"{name}.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOOK_RESULTS", str(tmp_path_factory.mktemp("results")))
        patch.setenv("BOOK_DATA", str(tmp_path_factory.mktemp("no_data")))
        patch.delenv("BOOK_HEADLESS", raising=False)
        with pages.served(root, root / "log.txt") as found:
            yield found


@pytest.fixture(scope="module", params=PROFILES)
def notebook(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Notebook]:
    """Give each explore chapter, all its cells run."""
    context = browser.new_context(viewport=pages.VIEW)
    opened = Notebook(context.new_page(), address.format(f"{request.param}.ipynb"))
    opened.run_all()
    yield opened
    context.close()
