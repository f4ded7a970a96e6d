"""The site: what a browser finds in it, and that whoever cannot see or has no network reads it.

It is made of the real book, without the frames of its panels; and of a tiny one, for those and for
what must be refused.
"""

import base64
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from lib.book import chapters, run, site
from lib.book.files import REPOSITORY
from tests.browser import lab

LEVEL_AA = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}


def png(shade: int) -> str:
    """Return a grey picture, 4 wide and 3 high, as a notebook holds it."""
    buffer = io.BytesIO()
    Image.new("L", (4, 3), shade).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode()


def figure(name: str, caption: str = "A caption.") -> list[nbformat.NotebookNode]:
    """Return the outputs of `show.Page.figure`."""
    words = f"*{caption}* <small>made (open data), profile quick. "
    words += f"Data and origin: [{name}.json](../figures/quick/{name}.json).</small>"
    picture = new_output(
        "display_data",
        data={"image/png": png(200), "text/plain": "alt"},
        metadata={"image/png": {"alt": "a grey field"}},
    )
    return [picture, new_output("display_data", data={"text/markdown": words})]


def write(root: Path, cells: list[nbformat.NotebookNode], name: str = "10_tiny") -> Path:
    """Write an executed chapter into a book."""
    path = root / "notebooks" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)
    return path


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Return a tiny book: one executed chapter, one figure, two READMEs, frames of one panel."""
    root = tmp_path / "a book"
    write(root, [new_markdown_cell("# 10 · A"), new_code_cell("x", outputs=figure("panel_1"))])
    described = {"chapter": "10_tiny", "caption": "A caption."}
    texts = {
        "figures/quick/panel_1.json": json.dumps(described),
        "figures/quick/claims.json": "[]",
        "README.md": "# Tiny",
        "data/README.md": "# Data",
        "LICENSE": "free",
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "figures/quick/panel_1.png").write_bytes(base64.b64decode(png(200)))
    frames = root / "frames" / "panel"
    frames.mkdir(parents=True)
    told = [{"value": v, "alt": f"at {v}", "start": v == "0.5"} for v in ("0", "0.5", "1")]
    content = {"control": "strength", "origin": "made (open data), profile quick.", "frames": told}
    (frames / "frames.json").write_text(json.dumps(content))
    for number in range(3):
        (frames / f"{number:02}.png").write_bytes(base64.b64decode(png(100 + number)))
    return root


def build(root: Path) -> list[Path]:
    """Return the pages of the site of a book."""
    notebooks = sorted((root / "notebooks").glob("*.ipynb"))
    return site.build(root, notebooks, root / "frames", root / "site")


def read(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def faults(soups: Mapping[Path, BeautifulSoup]) -> list[str]:
    """Return a line for each dead link, nameless picture, or place a browser would ask outside."""
    ids = {page: {tag["id"] for tag in soup.find_all(id=True)} for page, soup in soups.items()}
    found = []
    for page, soup in soups.items():
        for tag in soup.find_all(["a", "link", "img", "script", "audio", "form"]):
            for link in filter(None, map(tag.get, ("href", "src", "action"))):
                parts = urlsplit(link)
                if parts.scheme == "data" or (parts.scheme and tag.name == "a"):
                    continue
                target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
                if parts.scheme or not target.is_file() or not target.is_relative_to(page.parent):
                    found.append(f"{page.name}: {tag.name} {link}")
                elif parts.fragment and unquote(parts.fragment) not in ids.get(target, set()):
                    found.append(f"{page.name}: no place {link}")
        found += [
            f"{page.name}: no alt" for tag in soup.find_all("img") if not tag.get("alt", "").strip()
        ]
        levels = [int(tag.name[1]) for tag in soup.find_all(re.compile("^h[1-6]$"))]
        if levels[:1] != [1] or any(b > a + 1 for a, b in pairwise(levels)):
            found.append(f"{page.name}: headings {levels}")
    return found


def test_the_first_use_of_a_word_of_the_glossary_tells_its_meaning(book: Path) -> None:
    lines = "- **loss**, **step**: what\n  falls ([10](10_tiny.ipynb)).\n- **F1**: a mean."
    write(book, [new_markdown_cell(f"# Words\n\n{lines}")], "01_glossary")
    text = "[a loss](10_tiny.py), `loss`, a lossless step: **the** loss, the F1, the loss"
    write(book, [new_markdown_cell(f"# The loss\n\n{text}")])
    soups = {page: read(page) for page in build(book)}
    assert faults(soups) == []
    found = {page.stem: soup.select("a.word") for page, soup in soups.items()}
    assert {name for name, each in found.items() if each} == {"10_tiny"}
    notes = {each.get_text(): each["title"] for each in found["10_tiny"]}
    assert notes == {"loss": "loss, step: what falls.", "F1": "F1: a mean."}
    assert "the</strong> <a" in str(found["10_tiny"][0].parent)


# ---- a tiny book


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[x](gone.md)", "10_tiny: the link 'gone.md' leads to no file"),
        ("[x](../../outside.txt)", "leads to no file of the book"),
        ("![](../LICENSE)", "has no alt text"),
        (r"$\nonsense{x}$", r"needs \\nonsense"),
    ],
)
def test_what_cannot_be_shown_is_named_and_the_old_site_stays(
    book: Path, text: str, message: str
) -> None:
    (book.parent / "outside.txt").write_text("secret")
    (book / "site").mkdir()
    (book / "site" / "old").touch()
    write(book, [new_markdown_cell(f"# A\n\n{text}")])
    with pytest.raises(ValueError, match=message):
        build(book)
    assert [path.name for path in (book / "site").iterdir()] == ["old"]
    assert not list(book.glob(".site*"))


# ---- the command


def test_what_stops_html_is_one_line(
    write_chapter: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(*arguments: object) -> None:
        raise ValueError("a dead link")

    root = write_chapter().parents[1]
    monkeypatch.setattr(site, "build", stop)
    assert run.main(["--html"], root) == 1
    write(root, [new_markdown_cell("# A")])
    assert run.main(["--html"], root) == 1
    assert capsys.readouterr().err.splitlines() == [
        "run_all.sh: not executed yet; do it with ./run_all.sh quick 10_tiny",
        "run_all.sh: a dead link",
    ]


PANEL = """\
from lib.book import interact
from lib.book.show import Page
import matplotlib.pyplot as plt

def draw(strength, other):
    figure, axes = plt.subplots(figsize=(1, 1))
    axes.set_title(f"{strength} {other}")
    return figure

interact.explore(
    Page("10_tiny", PROFILE, "made", "open"),
    "panel",
    draw,
    {"strength": (0.0, 1.0, 0.5), "other": ["a", "b"]},
    start={"strength": 0.5, "other": "a"},
    strip=[{}],
    moving="strength",
    alt="strength {strength}, {other}",
    caption="A panel.",
)"""


def test_html_draws_frames_and_leaves_figures_alone(
    write_chapter: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    root = write_chapter(PANEL).parents[1]
    write(root, [new_markdown_cell("# A"), new_code_cell("x", outputs=figure("panel_1"))])
    figures = root / "figures" / "quick"
    figures.mkdir(parents=True)
    (figures / "panel_1.json").write_text('{"chapter": "10_tiny"}')
    assert run.main(["--html"], root) == 0
    assert "10_tiny: drew the frames" in capsys.readouterr().out
    frames = read(root / "site" / "10_tiny.html").select_one(".moving script")
    assert frames
    told = json.loads(frames.get_text())
    assert [(frame["value"], frame["alt"]) for frame in told] == [
        (value, f"strength {value}, a") for value in ("0.0", "0.5", "1.0")
    ]
    pictures = {(root / "site" / frame["file"]).read_bytes() for frame in told}
    assert len(pictures) == 3 and all(content.startswith(b"\x89PNG") for content in pictures)
    assert [path.name for path in figures.iterdir()] == ["panel_1.json"]


# ---- in a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if lab.chromium() is None:
        pytest.skip(f"no browser here: install one of {', '.join(lab.NAMES)}")
    with sync_playwright() as playwright:
        launched = lab.launch(playwright)
        yield launched
        launched.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1000, "height": 900}, color_scheme="dark")
    yield opened
    opened.close()


def source_of(page: Page, selector: str) -> str:
    return str(page.get_attribute(selector, "src"))


def test_a_panel_moves_with_the_arrow_keys_and_says_where_it_is(
    book: Path, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(build(book)[1].as_uri())
    slider = page.get_by_label("strength")
    assert slider.get_attribute("type") == "range" and slider.input_value() == "1"
    for key, number in (("ArrowRight", 2), ("Home", 0)):
        slider.press(key)
        assert source_of(page, ".moving img") == f"frames/panel/0{number}.png"
        value = ("0", "0.5", "1")[number]
        assert page.locator(".moving img").get_attribute("alt") == f"at {value}"
        assert page.locator(".moving output").inner_text() == f"at {value}"
        assert slider.get_attribute("aria-valuetext") == value
        assert (
            page.locator(".moving img").evaluate(
                "image => image.decode().then(() => image.naturalWidth)"
            )
            == 4
        )


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options=LEVEL_AA).response["violations"]
    return [f"{fault['id']}: {node['html'][:200]}" for fault in found for node in fault["nodes"]]


# ---- the book itself


Soups = dict[Path, BeautifulSoup]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Soups:
    """Return the pages of the site of the committed notebooks, without frames."""
    folder = tmp_path_factory.mktemp("book")
    notebooks = [path.with_suffix(".ipynb") for path in chapters.chapters()]
    written = site.build(REPOSITORY, notebooks, folder / "none", folder / "site")
    return {page: read(page) for page in written}


def test_the_book_has_no_dead_link_no_nameless_picture_and_says_where_each_comes_from(
    pages: Soups,
) -> None:
    names = [path.stem for path in chapters.chapters()]
    others = {"index", "readme", "data"}
    assert {page.stem for page in pages} == {*names, *others}
    contents = [str(tag["href"]) for tag in next(iter(pages.values())).select("main li a")]
    assert contents == [f"{name}.html" for name in sorted(names)]
    assert faults(pages) == []
    shown = {page.name: soup.select("figure:has(> img)") for page, soup in pages.items()}
    assert sum(map(len, shown.values())) > 50
    for name, figures in shown.items():
        assert all(tag.select('a[href$=".json"]') for tag in figures), name


def test_a_page_of_the_book_needs_no_kernel_and_leads_to_the_next(pages: Soups) -> None:
    row = list(pages)
    for before, page, after in zip([None, *row], row, [*row[1:], None], strict=False):
        soup = pages[page]
        assert "widget-view" not in str(soup) and "$$" not in soup.get_text()
        assert {tag.get("scope") for tag in soup.find_all("th")} <= {"col", "row"}
        assert all(tag.get("aria-label") for tag in soup.find_all("audio"))
        ids = [tag["id"] for tag in soup.find_all(id=True)]
        assert len(ids) == len(set(ids))
        for rel, other in (("prev", before), ("next", after)):
            links = {tag["href"] for tag in soup.find_all(rel=rel)}
            assert links == ({other.name} if other else set())
    folds = [tag.get_text(" ", strip=True) for tag in pages[row[5]].select("details > summary")]
    assert any("Source of" in each for each in folds) and "Solution of 1" in folds


def kinds(soup: BeautifulSoup) -> set[tuple[str, ...]]:
    """Return the elements of a page by name and classes."""
    return {(tag.name, *tag.get("class", ())) for tag in soup.find_all(True)}


def of_every_kind(pages: Soups) -> list[Path]:
    """Return a few pages that have whatever any page has."""
    left, chosen = {page: kinds(soup) for page, soup in pages.items()}, list[Path]()
    while any(left.values()):
        best = max(left, key=lambda page: len(left[page]))
        chosen.append(best)
        left = {page: found - left[best] for page, found in left.items()}
    return chosen


def test_axe_finds_no_fault_in_the_book_and_no_page_asks_another_host_or_is_too_wide(
    pages: Soups, browser: Browser
) -> None:
    judged = of_every_kind(pages)
    context = browser.new_context(color_scheme="light", viewport={"width": 400, "height": 900})
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    found = {}
    for path in pages:
        page.goto(path.as_uri())
        found[path.name] = violations(page) if path in judged else []
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found[path.name].append("wider than the screen")
    assert {name: faults for name, faults in found.items() if faults} == {}
    assert len(asked) > len(pages)
    assert [url for url in asked if not url.startswith(("file:///", "data:"))] == []
    page.locator("main").evaluate("main => main.innerHTML += '<img src=x>'")
    assert "image-alt" in " ".join(violations(page))  # it would have seen one
    context.close()
