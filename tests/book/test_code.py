"""No number from other code passes for a fresh one, and how code is written makes no difference."""

import importlib.util
import inspect
import json
import os
import pkgutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

import lib
from lib.book import claims, show
from lib.book.files import REPOSITORY
from lib.runs import checkpoints, code, results, sweep
from lib.runs.results import Result
from lib.sound import crnn

idea: Any = None  # a module that a test edits

WRITTEN = '''"""A module."""

SCALE = 2.0


def double(value: float) -> float:
    """Return twice the value."""
    return SCALE * value  # twice
'''


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("  # twice", "  # that is, twice", True),
        ("Return twice the value.", "Return the value times two.", True),
        ('"""A module."""\n', "", True),
        ("SCALE = 2.0\n", "\n\nSCALE = (\n    2.0\n)\n", True),
        ("2.0", "2.5", False),
        ("SCALE * value", "value * SCALE", False),
        ("double", "twice", False),
    ],
)
def test_what_it_says_makes_a_difference_and_how_it_is_written_none(
    old: str, new: str, same: bool
) -> None:
    assert old in WRITTEN
    assert (code.digest(WRITTEN.replace(old, new)) == code.digest(WRITTEN)) is same


def test_the_digest_is_the_same_with_every_version_of_python() -> None:
    assert code.digest('def f(x):\n    return f"{x:.2f} of {x!r}"\n') == "99fad5eeaa4f"


def module(path: Path, text: str) -> ModuleType:
    """Return a module made from text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    found = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = found
    spec.loader.exec_module(found)
    return found


def test_what_changed_is_named_and_what_moved_is_not(tmp_path: Path) -> None:
    loaded = module(tmp_path / "first_idea.py", WRITTEN)
    stored = code.digests([loaded])
    moved = module(tmp_path / "elsewhere" / "second_idea.py", WRITTEN)
    edited = module(tmp_path / "third_idea.py", WRITTEN.replace("2.0", "3.0"))
    found = code.changed(stored, code.digests([moved, edited, edited.double]))
    assert [Path(place.split(": ")[0]).name for place in found] == ["third_idea.py"] * 2
    assert found[1].endswith(": double")
    assert code.changed(None, stored) == list(stored)
    (tmp_path / "first_idea.py").write_text(WRITTEN.replace("2.0", "2.25"))  # it stays loaded
    assert code.changed(stored, code.digests([loaded])) == list(stored)


@torch.no_grad()
def decorated() -> None:
    """Do nothing, without gradients."""


def test_what_is_decorated_stands_where_it_is_written() -> None:
    (place,) = code.digests([decorated])
    assert place == "tests/book/test_code.py: decorated"


def test_each_committed_result_says_what_code_of_the_book_it_rests_on() -> None:
    for file in sorted((REPOSITORY / "data" / "results").rglob("*.json")):
        found = json.loads(file.read_text())
        sources = found["provenance"].get("sources", {})
        assert all(place.startswith("lib/") for place in sources), file
        assert sources or "code" in found["config"], file  # of what is tried in a laboratory


def test_what_stands_in_a_cell_has_a_digest() -> None:
    """A class too, of which Python finds no source there: what its methods say."""
    shell = InteractiveShell.instance()
    try:
        found = []
        for middle in ("x", "2 * x", "x  # as it is"):
            cell = f"class Idea:\n    def twice(self, x):\n        return {middle}\n"
            shell.run_cell(cell + "def idea(x):\n    return x")
            found.append(code.key([shell.user_ns["Idea"], shell.user_ns["idea"]]))
    finally:
        InteractiveShell.clear_instance()
    assert found[0] == found[2] != found[1]


def triple(config: dict[str, Any]) -> dict[str, Any]:
    return {"x": idea.scale(config["x"])}


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Give a function that writes the module `idea` anew, as a reader edits it."""
    monkeypatch.setattr(sweep, "CHANGED", set())

    def write(text: str) -> None:
        globals()["idea"] = module(tmp_path / "idea.py", text)

    yield write
    globals()["idea"] = None


def test_a_stored_result_says_which_code_has_changed_until_it_is_computed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edited: Callable[[str], None]
) -> None:
    def found() -> Result:
        ideas: list[code.Source] = [idea]
        folder = tmp_path / "results"
        return sweep.only(
            sweep.run("part1", "ideas", [{"x": 2}], triple, jobs=1, folder=folder, sources=ideas)
        )

    first = "def scale(x):\n    return 3 * x\n"
    edited(first)
    assert found().metrics == {"x": 6} and found().changed == ()
    edited(first.replace("):", "):  # by three"))
    assert found().changed == () and set() == sweep.CHANGED
    edited(first.replace("3", "4"))
    (place,) = found().changed
    assert found().metrics == {"x": 6} and place.endswith("idea.py") and place in sweep.CHANGED
    monkeypatch.setenv("BOOK_RETRAIN", "1")
    assert found().metrics == {"x": 8} and found().changed == ()
    assert len(list((tmp_path / "results").rglob("*.before"))) == 1  # set aside, not lost


def pooled(config: dict[str, Any]) -> dict[str, Any]:
    """Return a mean of frames, by the book's idea or whatever stands in its place."""
    frames = torch.tensor([[0.0, config["x"]]])[..., None]
    return {"mean": crnn.linear_pooling(frames).item(), "process": os.getpid()}


def test_an_idea_replaced_in_a_cell_is_used_and_no_other_number_passes_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def found(x: float, jobs: int = 2) -> Result:
        runs, ideas = [{"x": x}, {"x": -x}], [crnn]
        swept = sweep.run(
            "part1", "pooled", runs, pooled, jobs=jobs, folder=tmp_path, sources=ideas
        )
        return sweep.only(swept)

    monkeypatch.setattr(sweep, "CHANGED", set())
    assert found(0.5, jobs=1).metrics["mean"] == 0.5
    with monkeypatch.context() as patch:
        patch.setattr(crnn, "linear_pooling", lambda frames: frames.mean(dim=1))
        assert found(0.5).changed == ("lib/sound/crnn.py",)  # that number is the file's
        capsys.readouterr()
        ours = found(0.25)
        assert ours.metrics == {"mean": 0.125, "process": os.getpid()} and ours.changed == ()
        said = "lib.sound.crnn.linear_pooling: not as in its file, so this process computes alone"
        assert capsys.readouterr().err.splitlines() == [said]
        patch.setattr(crnn, "linear_pooling", lambda frames: frames.amax(dim=1))
        assert found(0.25).changed == ("lib/sound/crnn.py",)  # another idea's
    assert found(0.5).changed == () and found(0.25).changed == ("lib/sound/crnn.py",)


def test_what_is_edited_and_loaded_anew_is_not_replaced(tmp_path: Path) -> None:
    first = module(tmp_path / "an_idea.py", WRITTEN)
    assert code.replaced(first) == []
    again = module(tmp_path / "an_idea.py", WRITTEN.replace("2.0", "3.0").replace("x", "y"))
    assert code.replaced(again) == []
    again.SCALE = 4.0
    assert code.replaced(again) == ["SCALE"]


def test_what_is_replaced_is_told_from_what_is_decorated(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(crnn.CRNN):
        """Another network."""

    def linear_pooling(frame: torch.Tensor) -> torch.Tensor:
        """Return another pooling, by the same name."""
        return frame.mean(dim=1)

    linear_pooling.__qualname__ = "linear_pooling"  # as at the top of a cell
    for found in pkgutil.walk_packages(lib.__path__, "lib."):
        importlib.import_module(found.name)
    assert code.replaced_anywhere() == []
    monkeypatch.setattr(crnn.CRNN, "forward", lambda self, inputs: None)
    monkeypatch.setattr(crnn.ModelConfig, "frames", 3, raising=False)  # no function of the file
    monkeypatch.setattr(crnn, "linear_pooling", linear_pooling)
    monkeypatch.setattr(crnn, "DROPOUT", 0.4)
    linear_pooling.__module__ = "__main__"
    monkeypatch.setitem(crnn.POOLINGS, "linear", linear_pooling)
    assert code.replaced(crnn) == ["CRNN.forward", "linear_pooling", "DROPOUT", "POOLINGS"]
    (said,) = code.digests([crnn]).values()
    assert said != code.digest(inspect.getsource(crnn))
    monkeypatch.undo()
    monkeypatch.setattr(crnn, "CRNN", Other)
    assert "CRNN" in code.replaced(crnn)


def test_results_from_code_of_before_are_counted_without_importing_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library, store = tmp_path / "lib", tmp_path / "data" / "results"
    library.mkdir()
    names = ("kept", "edited", "moved")
    for name in names:
        (library / f"{name}.py").write_text(f"{name.upper()} = 1\n\n\n{WRITTEN}")
    said = {name: code.digest((library / f"{name}.py").read_text()) for name in names}
    of_function = code.digest(WRITTEN.partition("\n\n\n")[2])
    runs: list[dict[str, str]] = [
        {"lib/kept.py": said["kept"], "lib/kept.py: double": of_function},
        {"lib/edited.py": said["edited"]},
        {"lib/elsewhere.py": said["moved"]},
        {},
    ]
    for number, each in enumerate(runs):
        found = Result("part2", "made", {"run": number}, {}, {"sources": each})
        results.save(found, store)
    assert code.older(store, tmp_path) == {}
    time.sleep(0.01)  # the file's time tells that it has changed
    (library / "edited.py").write_text("EDITED = 2\n")
    (store / "part2" / "made" / "x.json").write_text("{")  # damaged: it counts as missing
    code.tell_older(store, tmp_path)
    line = "part2: 1 results are older than lib/edited.py; --retrain computes them\n"
    assert capsys.readouterr().out == line


def test_a_page_says_so_above_the_picture_and_no_claim_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(show, "display", lambda thing, **_: shown.append(thing))
    page = show.Page("13_sound_model", "quick", "none", "open", folder=tmp_path)
    old = Result("part1", "ideas", {"x": 1}, {}, changed=("lib/sound/crnn.py",))
    for result, lines in ((old, 1), (replace(old, changed=()), 0)):
        shown.clear()
        page.figure(plt.figure(), "a", alt="a", caption="a", sources=iter([result, None]))
        page.table(pd.DataFrame({"a": [1]}), "b", alt="b", caption="b", sources=[result])
        said = [each.data for each in shown if "Older numbers" in str(getattr(each, "data", ""))]
        assert len(said) == 2 * lines
        assert all("lib/sound/crnn.py changed" in line for line in said)
        assert all("./run_all.sh quick 13 --retrain" in line for line in said)
    shown.clear()
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path)
    (tmp_path / "net.safetensors").write_bytes(b"weights")
    said_then = {"sources": {"lib/sound/crnn.py": "another", **code.digests([code])}}
    checkpoints.write_record(tmp_path / "net.safetensors", {"provenance": said_then})
    digest = checkpoints.file_digest(tmp_path / "net.safetensors")
    replace(page, networks={"S": digest, "another": "0" * 16}).warn(networks=["S"])
    assert len(shown) == 1 and "lib/sound/crnn.py changed" in shown[0].data
    claim = next(each for each in claims.load("quick") if each.direction == claims.HOLDS)
    (withheld,) = claims.unless_changed([claim], old.changed)
    assert withheld.direction == claims.UNDECIDED and "lib/sound/crnn.py" in withheld.note
    assert claims.unless_changed([claim], ()) == [claim]
