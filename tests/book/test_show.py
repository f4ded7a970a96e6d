"""Pages: what is written beside a figure or table, and where its caption leads."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.figure import Figure

from lib.book import show
from lib.book.files import REPOSITORY
from lib.book.show import Page
from lib.runs import results
from lib.runs.results import Result


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which every Markdown text that a page shows is added."""
    texts: list[str] = []

    def keep(thing: Any, **options: Any) -> None:
        texts.extend([thing.data] if isinstance(thing, show.Markdown) else [])

    monkeypatch.setattr(show, "display", keep)
    return texts


def dots() -> Figure:
    """Return a small figure."""
    figure, axes = plt.subplots(figsize=(1, 1))
    axes.plot([1, 2])
    return figure


def page(folder: Path, **more: Any) -> Page:
    """Return a page that writes into a folder of its own."""
    return Page("31_adversarial_attack", "quick", "mnist", "original", folder, **more)


def described(folder: Path, used: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """Show a figure that networks drew and return what its JSON says."""
    drawn = page(folder, **more)
    drawn.figure(dots(), "dots", alt="Two dots.", caption="Look.", networks=used)
    return dict(json.loads((folder / "quick" / "dots.json").read_text()))


def test_a_figure_computed_in_the_chapter_says_so(tmp_path: Path, shown: list[str]) -> None:
    digests = {"natural": "dd7f87b882b68223", "robust": "0" * 16, "eyes": "1" * 16}
    found = described(tmp_path, ["natural"], networks=digests, reads={"natural": ["eyes"]})
    assert found["networks"] == {"natural": "dd7f87b882b68223", "eyes": "1" * 16}
    assert found["sources"] == []
    assert found["chapter"] == "31_adversarial_attack"


def test_a_figure_of_stored_results_says_which(tmp_path: Path, shown: list[str]) -> None:
    result = Result("part3", "attack", {"seed": 3, "images": 5}, {}, results.provenance(2.0))
    page(tmp_path).figure(dots(), "dots", alt="A.", caption="B.", sources=[result, None])
    found = json.loads((tmp_path / "quick" / "dots.json").read_text())
    place = results.location("part3", "attack", result.config)
    assert found["sources"] == [str(place.relative_to(REPOSITORY))]


def test_the_parameters_are_those_of_the_notebook_and_nothing_depends_on_the_commit(
    tmp_path: Path, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = described(tmp_path / "a")
    assert first["parameters"] == {}  # none runs
    monkeypatch.setattr(results, "code_version", lambda: "another")
    assert described(tmp_path / "b") == first
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "SEED", 4, raising=False)
    monkeypatch.setattr(main, "OTHER", 5, raising=False)  # no parameter of that chapter
    assert described(tmp_path / "c")["parameters"] == {"SEED": 4}


def test_a_link_leads_from_the_notebook_to_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def link() -> str:
        return page(REPOSITORY / "figures").link("dots.json")

    monkeypatch.setenv("BOOK_RUN", json.dumps({"notebook": "executed/paper"}))
    assert link() == "[dots.json](../../figures/quick/dots.json)"
    monkeypatch.delenv("BOOK_RUN")  # without the runner it is where its kernel works
    monkeypatch.chdir(REPOSITORY / "notebooks")
    assert link() == "[dots.json](../figures/quick/dots.json)"


def test_captions_link_to_what_was_written(
    tmp_path: Path, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOK_RUN", json.dumps({"notebook": str(tmp_path)}))
    page(tmp_path).figure(dots(), "dots", alt="Two dots.", caption="Look.")
    page(tmp_path).table(pd.DataFrame({"a": [1.5]}), "rows", alt="A row.", caption="Read.")
    figure, table = shown
    assert figure.startswith("*Look.* ") and "[dots.json](quick/dots.json)" in figure
    assert "mnist (the paper's own data), profile quick" in figure
    for name in ("rows.csv", "rows.json"):
        assert f"[{name}](quick/{name})" in table
        assert (tmp_path / "quick" / name).is_file()


@pytest.mark.parametrize(
    ("dataset", "rung", "words"),
    [
        ("mnist", "original", "mnist (the paper's own data)"),
        ("esc10", "open", "mixtures of ESC-10 (made)"),
        ("ict and DISFA", "open", "rendered people (made) and DISFA (open data)"),
    ],
)
def test_what_is_made_is_called_so(dataset: str, rung: str, words: str) -> None:
    assert show.Page("00_x", "quick", dataset, rung).origin == f"{words}, profile quick"


@pytest.mark.parametrize(("alt", "caption"), [("", "Look."), ("Two dots.", " ")])
def test_a_figure_without_words_is_refused(
    alt: str, caption: str, tmp_path: Path, shown: list[str]
) -> None:
    with pytest.raises(ValueError, match="dots needs alt text and a caption"):
        page(tmp_path).figure(dots(), "dots", alt=alt, caption=caption)
    plt.close("all")


def test_what_another_chapter_made_is_shown_again_with_its_stamp(
    tmp_path: Path, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOK_RUN", json.dumps({"notebook": str(tmp_path)}))
    page(tmp_path).figure(dots(), "dots", alt="Two dots.", caption="Look.")
    rows = pd.DataFrame({"": ["a"], "ours": [0.014321956650606307], "ours, n": [3]})
    page(tmp_path).table(rows, "rows", alt="A row.", caption="Read.")
    shown.clear()
    other = Page("38_adversarial_rebuilt", "quick", "the paper", "", tmp_path)
    assert other.again("dots") is None
    found = other.again("rows", ("ours",), number=".1f")
    assert found is not None and found["ours"].tolist() == [0.014321956650606307]  # all digits
    for text, name in zip(shown, ("dots", "rows"), strict=True):
        assert "([Chapter 31](31_adversarial_attack.ipynb).)" in text
        assert "mnist (the paper's own data), profile quick" in text and f"{name}.json" in text


def test_what_is_not_there_yet_is_said_and_older_numbers_are_told_again(
    tmp_path: Path, shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert page(tmp_path).again("dots") is None
    assert shown == ["> `dots` is not there yet at profile quick."]
    monkeypatch.setattr(results, "changed", lambda sources: ["lib/idea.py"])
    page(tmp_path).figure(dots(), "dots", alt="Two dots.", caption="Look.")
    shown.clear()
    Page("38_adversarial_rebuilt", "quick", "", "", tmp_path).again("dots")
    assert "before lib/idea.py changed" in shown[0] and "quick 31 --retrain" in shown[0]


def test_a_ground_with_something_over_it_looks_as_if_drawn_at_once() -> None:
    show.set_style()
    figure, (left, right) = plt.subplots(1, 2, figsize=(4, 2), layout="none")
    left.set_title("what stays")
    right.set(xlim=(-1, 2), ylim=(-1, 3))
    ground = show.Ground.of(figure, right)
    assert not plt.fignum_exists(figure.number)
    again, (over,) = ground.figure()
    for axes in (over, right):
        axes.bar([0, 1], [2, 1], linewidth=0)
    assert show.png(again) == show.png(figure)
