"""The digest of code knows what is said from how it is written."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from lib.runs import code

WRITTEN = '''"""A module."""

SCALE = 2.0


def double(value: float) -> float:
    """Return twice the value."""
    return SCALE * value  # twice
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # twice", "  # that is, twice"),
        ("Return twice the value.", "Return the value times two."),
        ('"""A module."""\n', ""),
        ("SCALE = 2.0\n", "\n\nSCALE = (\n    2.0\n)\n"),
    ],
    ids=["comment", "docstring", "docstring gone", "layout"],
)
def test_how_it_is_written_makes_no_difference(old: str, new: str) -> None:
    assert old in WRITTEN
    assert code.digest(WRITTEN.replace(old, new)) == code.digest(WRITTEN)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2.0", "2.5"),
        ("SCALE * value", "value * SCALE"),
        ("double", "twice"),
        ("* value", "+ value"),
    ],
)
def test_what_it_says_makes_one(old: str, new: str) -> None:
    assert code.digest(WRITTEN.replace(old, new)) != code.digest(WRITTEN)


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
    stored = code.digests([module(tmp_path / "first_idea.py", WRITTEN)])
    moved = module(tmp_path / "elsewhere" / "second_idea.py", WRITTEN)
    edited = module(tmp_path / "third_idea.py", WRITTEN.replace("2.0", "3.0"))
    found = code.changed(stored, code.digests([moved, edited, edited.double]))
    assert [Path(place.split(": ")[0]).name for place in found] == ["third_idea.py"] * 2
    assert found[1].endswith(": double")
    assert code.changed(None, stored) == list(stored)


def test_an_edit_is_seen_while_the_module_is_loaded(tmp_path: Path) -> None:
    loaded = module(tmp_path / "open_idea.py", WRITTEN)
    before = code.digests([loaded])
    (tmp_path / "open_idea.py").write_text(WRITTEN.replace("2.0", "2.25"))
    assert code.changed(before, code.digests([loaded])) == list(before)


def test_a_method_and_a_class_have_digests() -> None:
    found = code.digests([Path.exists, Path])
    assert len(set(found.values())) == 2
