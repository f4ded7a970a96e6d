"""What is shown before a profile is run: the numbers, the words, and that nothing is done."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from lib.book import run
from lib.runs import workload
from lib.runs.workload import Work

WriteChapter = Callable[..., Path]


def took(**seconds: float) -> workload.Done:
    return [({"n": int(n[1:])}, {"seconds": s, "processor": "Abacus"}) for n, s in seconds.items()]


@pytest.mark.parametrize(
    ("wanted", "done", "hours"),
    [
        ([1], took(n1=7), 0),
        ([1, 2], took(n1=3600), 2),  # an operation takes an hour
        ([6], took(n1=3600, n2=3 * 3600, n3=90 * 3600), 9),  # 1, 1.5 and 30 hours each
        ([1], [], None),
    ],
)
def test_a_missing_run_takes_the_median_seconds_of_its_operations(
    wanted: list[int], done: workload.Done, hours: float | None
) -> None:
    work = Work("sums", [{"n": n} for n in wanted], done, lambda run: run["n"])
    assert work.hours == hours


def test_a_table_says_what_there_is_and_what_it_costs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [{"n": 10}] * 1000
    works = [Work("trainings", runs, took(n1=3600)), Work("probes", [{"n": 1}], [])]
    source = SimpleNamespace(part="part3", title="Doodles")
    monkeypatch.setattr(workload.data_root, "sources", lambda: {"doodles": source})
    monkeypatch.setattr(workload.data_root, "present", lambda name: False)
    monkeypatch.setattr(workload.data_root, "todo", lambda name: "ask the artist")
    print(workload.together(workload.report("part3", lambda profile: works, "paper"), jobs=4))

    def lacking(profile: str) -> list[Work]:
        raise FileNotFoundError("no ears")

    assert workload.report("part1", lacking, "paper") == []
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= workload.WIDTH
    rows = {line[:60].strip(): line[60:].split() for line in printed.splitlines()}
    assert rows["trainings"] == ["1,000", "0", "1,000", "1,000"]
    assert rows["probes"] == ["1", "0", "1", "not", "measured"]
    assert "about 1,000 hours of one core; on 4 at once about 250, if none waits" in printed
    assert "runs on Abacus" in " ".join(printed.split())
    assert "lacks Doodles: ask the artist" in printed
    assert "cannot tell: no ears" in printed


@pytest.mark.parametrize(
    ("chapters", "parts"),
    [
        ([], ["part1", "part2", "part3"]),
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
        calls.append((command[3:], env["BOOK_RESULTS"]))
        return SimpleNamespace(returncode=7)

    monkeypatch.setattr(subprocess, "run", instead)
    before = sorted(root.rglob("*"))
    assert run.main(["smoke", *chapters, "--dry-run", "--jobs", "3"], root) == 7
    results_folder = os.fspath(root / "data" / "cache" / "results")
    assert calls == [(["smoke", "3", *parts], results_folder)]
    assert sorted(root.rglob("*")) == before
