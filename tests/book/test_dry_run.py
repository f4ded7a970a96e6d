"""What is shown before a profile is run: the numbers, the words, and that nothing is done."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from lib.book import datasets, dry_run, run, workload
from lib.book.dry_run import PLUGINS
from lib.book.workload import Do, Sample, Speed, Work, Workload

WriteChapter = Callable[..., Path]
UNUSED = Sample(lambda: pytest.fail("what is present is not measured"), 1)


def prepared() -> Do:
    return lambda items: None


TRAINING, LOOKING = Sample(prepared, 10), Sample(prepared, 10)
SPEEDS = {TRAINING: Speed(0.5, 2e9), LOOKING: Speed(0.01, 1e9)}


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Callable[[Workload], None]:
    """Return a function that lets Part III ask for some work, at speeds that are known."""

    def put(asked: Workload) -> None:
        module = ModuleType("made_up_plugin")
        module.of = lambda profile: asked  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "made_up_plugin", module)
        monkeypatch.setitem(PLUGINS, "part3", "made_up_plugin")

    monkeypatch.setattr(workload, "calibrate", lambda sample, seconds: SPEEDS[sample])
    return put


def test_each_part_has_a_plug_in() -> None:
    assert list(PLUGINS) == list(datasets.PARTS)
    assert all(importlib.util.find_spec(name) for name in PLUGINS.values())


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (Work("a", 12, 2, items=7200, sample=TRAINING), 10 * 1 / 4),
        (Work("fewer than processes", 3, 1, items=7200, sample=TRAINING), 2 * 1 / 2),
        (Work("in turn", 12, 2, items=7200, sample=TRAINING, in_turn=True), 10.0),
        (Work("all there", 2, 2, items=7200, sample=UNUSED), 0.0),
        (Work("unknown", 2, 1), None),
    ],
    ids=lambda value: value.name if isinstance(value, Work) else "",
)
def test_hours_are_those_of_what_is_missing_on_so_many_processes(
    work: Work, expected: float | None
) -> None:
    assert dry_run.hours(work, SPEEDS, jobs=4) == expected


def test_the_rate_is_that_of_one_thread() -> None:
    work = Work("a", 12, 2, items=100, operations=3e12, sample=TRAINING)
    assert dry_run.rate(work, SPEEDS) == 3e12 / 50
    assert dry_run.rate(Work("there", 2, 2, operations=3e12, sample=UNUSED), {}) is None
    assert dry_run.rate(Work("nothing counted", 2, 1, sample=TRAINING), SPEEDS) is None


def test_a_table_says_what_there_is_and_what_it_costs(
    plugin: Callable[[Workload], None], capsys: pytest.CaptureFixture[str]
) -> None:
    work = [
        Work("trainings", 1200, 200, 7200, 2e15, TRAINING, disk=3e6, note="slow"),
        Work("a name that is longer than the column for names is wide", 4, 4, sample=UNUSED),
        Work("looks", 3, 2, 3600, 5e9, LOOKING, in_turn=True),
        Work("probes", 2, 1, note="quick"),
    ]
    plugin(Workload("digits", "embedded", work, 4e9, ("mnist", "ck_plus")))
    dry_run.report("paper", ["part3"], jobs=2)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 100
    rows = {line[:40].strip(): line[40:].split() for line in printed.splitlines()}
    assert "Part III, adversarial examples, on digits (embedded)" in printed
    gigaflop = f"{2e15 / 3600 / 1e9:.1f}"
    assert rows["trainings"] == ["1,200", "200", "1,000", "2,000", "P", gigaflop, "2.5", "500"]
    assert rows["looks"] == ["3", "2", "1", "5.00", "G", "0.1", "1.5", "0.01"]
    assert rows["probes"] == ["2", "1", "1", "–", "–", "–", "–"]
    assert rows["together"] == rows["all together"]
    assert rows["together"] == ["1,209", "207", "1,002", "2,000", "P", "–", "2.5", "500"]
    assert any(name.startswith("a name that is longer") for name in rows)
    assert "slow: trainings\n" in printed and "quick: probes\n" in printed
    assert "memory: 5.0 GB or more for 2 processes, beside up to 4.0 GB of data" in printed
    assert "disk: about 3.0 GB more" in printed  # 1,000 of 3 MB
    assert "`python -m lib.book.data_root get mnist`" in printed
    assert "sign the agreement" in printed  # of CK+, which no command fetches


def test_nothing_is_measured_where_nothing_is_missing(
    plugin: Callable[[Workload], None], capsys: pytest.CaptureFixture[str]
) -> None:
    plugin(Workload("mnist", "original", [Work("all", 5, 5, sample=UNUSED)], 1e6, ()))
    dry_run.report("quick", ["part3"], jobs=1)
    printed = capsys.readouterr().out
    assert "memory: 0.0 GB or more for 1 process," in printed
    assert "missing for the paper's own protocol" not in printed


def test_the_time_is_shared_by_what_is_measured(
    plugin: Callable[[Workload], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(
        workload, "calibrate", lambda sample, seconds: asked.append(seconds) or SPEEDS[sample]
    )
    work = [Work("a", 1, 0, sample=TRAINING), Work("b", 1, 0, sample=TRAINING)]
    plugin(Workload("x", "open", [*work, Work("c", 1, 0, sample=LOOKING)], 0, ()))
    dry_run.report("paper", ["part3"], jobs=1)
    assert asked == [dry_run.BUDGET / 2] * 2  # what two kinds of work share is measured once


def test_chapters_without_a_part_of_their_own_ask_for_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert dry_run.main(["paper"]) == 0
    assert "these chapters compute nothing of their own" in capsys.readouterr().out


@pytest.mark.parametrize("part", PLUGINS)
def test_a_data_root_that_is_not_there_is_one_clear_line(
    part: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BOOK_DATA", "/nowhere")
    assert dry_run.main(["smoke", part]) == 1
    said = capsys.readouterr()
    [line] = said.err.splitlines()
    assert (
        line
        == "run_all.sh: BOOK_DATA names /nowhere, which is no folder; make it, or unset BOOK_DATA"
    )
    assert said.out == ""


@pytest.mark.parametrize(
    ("chapters", "parts"),
    [
        ([], ["part1", "part2", "part3"]),
        (["30-35"], ["part3"]),
        (["20", "11"], ["part1", "part2"]),
        (["90"], []),
    ],
)
def test_only_the_parts_of_the_chapters_are_looked_at(
    write_chapter: WriteChapter,
    monkeypatch: pytest.MonkeyPatch,
    chapters: list[str],
    parts: list[str],
) -> None:
    root = {write_chapter(name=f"{n}_tiny").parents[1] for n in (10, 11, 20, 31, 90)}.pop()
    calls = []

    def instead(command: list[str], *, env: dict[str, str], **others: object) -> SimpleNamespace:
        calls.append((command[-1 - len(parts) :], env["BOOK_JOBS"], env["BOOK_RESULTS"]))
        return SimpleNamespace(returncode=7)

    monkeypatch.setattr(subprocess, "run", instead)
    before = sorted(root.rglob("*"))
    assert run.main(["smoke", *chapters, "--dry-run", "--jobs", "3"], root) == 7
    assert calls == [(["smoke", *parts], "3", os.fspath(root / "data" / "cache" / "results"))]
    assert sorted(root.rglob("*")) == before
