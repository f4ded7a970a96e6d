"""What is shown before a profile is run: the numbers, the words, and that nothing is done."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from lib.book import run
from lib.runs import results, workload
from lib.runs.results import Result
from lib.runs.workload import Work

WriteChapter = Callable[..., Path]


def took(*seconds: float) -> list[workload.Provenance | None]:
    return [{"seconds": each, "processor": "Abacus"} for each in seconds]


@pytest.mark.parametrize(
    ("work", "like", "seconds"),
    [
        (Work("a", [*took(7), None], lambda: 50.0), Work("a", took(10), lambda: 5.0), 7),
        (Work("a", [None], lambda: 50.0), Work("a", took(10, 20, 90), lambda: 5.0), 200),
        (Work("a", [None]), Work("a", took(10), lambda: 5.0), None),
        (Work("a", [None], lambda: 50.0), None, None),
    ],
)
def test_a_run_takes_the_median_of_like_ones_or_by_operations_of_those_of_quick(
    work: Work, like: Work | None, seconds: float | None
) -> None:
    assert work.seconds(like) == seconds


def test_a_table_says_what_there_is_and_what_it_costs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = [Work("trainings", took(1800.0), lambda: 1e12), Work("probes", [None])]
    paper = [
        Work("trainings", [None] * 1000, lambda: 2e12),
        Work("a name that is longer than the column for names of work is wide", took(1, 2)),
        Work("probes", [None]),
    ]
    asked = {"part3": {"paper": paper, "quick": quick}.__getitem__}
    source = SimpleNamespace(part="part3", title="Doodles")
    monkeypatch.setattr(workload.data_root, "sources", lambda: {"doodles": source})
    monkeypatch.setattr(workload.data_root, "present", lambda name: False)
    monkeypatch.setattr(workload.data_root, "todo", lambda name: "ask the artist")
    workload.report("paper", asked, jobs=4)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 100
    rows = {line[:60].strip(): line[60:].split() for line in printed.splitlines()}
    assert rows["trainings"] == ["1,000", "0", "1,000", "1,000"]
    assert rows["a name that is longer than the column for names of ..."] == ["2", "2", "0", "0"]
    assert rows["probes"] == ["1", "0", "1", "–"]
    assert "about 1,000 hours of one core; on 4 at once about 250, if none waits" in printed
    assert "those of Abacus" in " ".join(printed.split())
    assert "Part III, adversarial examples lacks Doodles: ask the artist" in printed


def test_what_is_there_is_found_with_what_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOK_RESULTS", str(tmp_path))
    stored = Result("part1", "sums", {"n": 1}, {}, {"seconds": 3.0, "version": 2})
    results.save(stored, tmp_path)
    runs = [{"n": 0}, {"n": 1}]
    assert workload.stored("part1", "sums", runs, 2) == [None, {"seconds": 3.0, "version": 2}]
    of_another_version = Work("sums", workload.stored("part1", "sums", runs, 3))
    assert of_another_version.missing == 2
    path = tmp_path / "a.safetensors"
    assert workload.network(path, {"seed": 0}) == [None]
    path.touch()
    record = {"run": {"seed": 0}, "provenance": {"seconds": 9.0}}
    path.with_suffix(".json").write_text(json.dumps(record))
    assert workload.network(path, {"seed": 0}) == [{"seconds": 9.0}]
    assert workload.network(path, {"seed": 1}) == [None]


def test_operations_are_multiplications_and_additions_of_layers() -> None:
    with torch.device("meta"):
        layer, inputs = torch.nn.Linear(30, 20), torch.empty(10, 30)
    assert workload.flop(lambda: layer(inputs)) == 2 * 10 * 30 * 20
    assert workload.flop(lambda: layer(inputs).sum().backward()) == 2 * 2 * 10 * 30 * 20


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
