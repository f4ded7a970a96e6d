"""The command line, on a tiny book: what it makes, what it says, and how it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import psutil
import pytest

from lib.book import run
from lib.book.files import REPOSITORY, locked

WriteChapter = Callable[..., Path]
DRAW = """\
from lib.book.told import told
from pathlib import Path
folder = Path(told().figures or "figures") / PROFILE
folder.mkdir(parents=True, exist_ok=True)
(folder / "part3_fig1.png").write_bytes(b"a picture")
(folder / "part3_fig1.json").write_text('{"chapter": "10_tiny"}')
(folder / "claims.json").write_text("[]")"""
DRAWN = ("claims.json", "part3_fig1.json", "part3_fig1.png")


def call(root: Path, *arguments: str) -> int:
    """Return the exit code of `./run_all.sh arguments` for the book under `root`."""
    try:
        return run.main(arguments, root)
    except SystemExit as end:
        return int(end.code or 0)


def everything_below(root: Path) -> list[str]:
    """Return all files, but for what may be deleted at any time."""
    files = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    return sorted(str(path) for path in files if path.parts[0] != ".cache")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["99"], "no chapter '99'"),
        (["quick", "10", "smoke"], "quick and smoke are two profiles; choose one"),
        (["-p", "SPEED=1"], "no chapter knows SPEED; known: RATE, SEED"),
        (["-p", "SEED=fast"], "SEED of 10_tiny: expected int such as 0, not 'fast'"),
        (["-p", "PROFILE=paper"], "first word"),
        (["--jobs", "0"], "expected a number from 1 on"),
        (["--cluster", "slurm"], "needs --jobs N, the number of jobs"),
        (["--cluster", "slurm", "--scheduler", "tcp://127.0.0.1:1"], "choose one"),
        (["--deterministic", "--scheduler", "tcp://127.0.0.1:1"], "reaches no workers elsewhere"),
        (["--present", "--retrain"], "choose one"),
        (["--html", "10"], "--html writes the whole book"),
    ],
)
def test_a_wrong_call_is_one_clear_line_and_exit_2(
    write_chapter: WriteChapter,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    root = write_chapter("SEED").parents[1]
    before = everything_below(root)
    assert call(root, *arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err and len(captured.err.splitlines()) == 1
    assert captured.out == "" and everything_below(root) == before


def test_the_default_run_fills_the_book_and_tells_what_it_made(
    write_chapter: WriteChapter, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_chapter(DRAW).parents[1]
    assert call(root) == 0
    assert everything_below(root) == [
        *[f"figures/quick/{name}" for name in DRAWN],
        "notebooks/10_tiny.ipynb",
        "notebooks/10_tiny.py",
    ]
    [line] = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"10_tiny: \d+\.\d min", line)


def test_any_other_run_leaves_the_book_alone_and_hears_what_was_said(
    write_chapter: WriteChapter,
) -> None:
    told = "\nfrom lib.book.told import told\nprint(PROFILE, SEED, RATE, told().notebook)"
    write_chapter(DRAW + told)
    header = '# %% tags=["parameters"]\nPROFILE = "quick"\nSIZE = 1\n'
    root = write_chapter("print('size', SIZE)", name="20_other", header=header).parents[1]
    assert call(root, "-p", "RATE=1", "-p", "SIZE=5") == 0
    folder = root / "executed" / "quick"
    assert everything_below(root) == [
        *[f"executed/figures/quick/{name}" for name in DRAWN],
        "executed/quick/10_tiny.ipynb",
        "executed/quick/20_other.ipynb",
        "notebooks/10_tiny.py",
        "notebooks/20_other.py",
    ]
    assert "quick 0 1.0 executed/quick\\n" in (folder / "10_tiny.ipynb").read_text()
    assert "SIZE" not in (folder / "10_tiny.ipynb").read_text()
    assert "size 5" in (folder / "20_other.ipynb").read_text()


def test_what_the_command_line_says_is_in_the_environment_of_the_chapters(tmp_path: Path) -> None:
    options = run._parser().parse_args(
        ["--present", "--jobs", "2", "--retrain", "--scheduler", "tcp://127.0.0.1:1"]
    )
    order = run.Order(options, "smoke", tmp_path, scheduler=options.scheduler)
    found = order.environment()
    told = {"present": True, "jobs": 2, "scheduler": "tcp://127.0.0.1:1"}
    assert json.loads(found.pop("BOOK_RUN")) == told
    kept_apart = str(tmp_path / "data" / "cache" / "results")
    assert found == {"BOOK_RETRAIN": "1", "BOOK_RESULTS": kept_apart}


def test_measuring_writes_the_costs_beside_those_of_others(write_chapter: WriteChapter) -> None:
    root = write_chapter("import time\nmemory = bytearray(200_000_000)\ntime.sleep(1)").parents[1]
    costs = root / "data" / "costs.json"
    costs.parent.mkdir()
    costs.write_text('{"10_tiny": {"paper": {"minutes": 9}}, "20_other": {}}')
    assert call(root, "--measure", "--jobs", "2") == 0
    content = json.loads(costs.read_text())
    measured = content["10_tiny"].pop("quick")
    assert content == {"10_tiny": {"paper": {"minutes": 9}}, "20_other": {}}
    assert measured["cores"] == 2 and 0 < measured["minutes"] < 5
    assert 0.2 < measured["peak_memory_gb"] < 2


def test_a_failing_chapter_is_shown_and_the_others_still_run(
    write_chapter: WriteChapter, capsys: pytest.CaptureFixture[str]
) -> None:
    write_chapter("print('fine')", "denominator = 0\n1 / denominator")
    write_chapter("import os\nos.write(2, b'out of luck\\n')\nos.abort()", name="11_dies")
    root = write_chapter("print('other')", name="20_other").parents[1]
    assert call(root, "--jobs", "1") == 1
    captured = capsys.readouterr()
    assert "10_tiny failed:\n\ndenominator = 0\n1 / denominator\n" in captured.err
    assert "ZeroDivisionError: division by zero" in captured.err and "\x1b" not in captured.err
    assert "The notebook up to there: executed/quick/10_tiny.partial.ipynb" in captured.err
    assert "out of luck" in captured.err and "its kernel died" in captured.err
    assert captured.err.splitlines()[-1] == "failed: 10_tiny, 11_dies"
    assert captured.out.startswith("20_other: ") and len(captured.out.splitlines()) == 1
    assert (root / "executed/quick/10_tiny.partial.ipynb").exists()
    assert not (root / "notebooks/10_tiny.ipynb").exists()
    write_chapter("print('mended')")
    assert call(root, "10") == 0
    assert not (root / "executed/quick/10_tiny.partial.ipynb").exists()


HANG = """\
import os, subprocess, sys, time
worker = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
open('pids', 'a').write(f'{os.getpid()} {worker.pid} ')
time.sleep(600)"""


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `./run_all.sh arguments` for the book under `root`."""
    command = "import sys; from pathlib import Path; from lib.book.run import main\n"
    command += (
        f"if __name__ == '__main__': sys.exit(main({list(arguments)!r}, Path({str(root)!r})))"
    )
    script = root / "start.py"
    script.write_text(command)
    return subprocess.Popen(
        [sys.executable, script],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_ends_with_130_and_leaves_nothing_behind(write_chapter: WriteChapter) -> None:
    write_chapter(HANG)
    root = write_chapter(HANG, name="20_other").parents[1]
    before = [*everything_below(root), "pids", "start.py"]
    process = start(root, "--jobs", "2")
    pids = _wait_for_pids(root / "pids", 4)
    pids += [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == "interrupted; call again to go on\n"
    assert err == ""
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if _runs(pid)], timeout=10)
    assert alive == []
    assert everything_below(root) == sorted(before)


def test_when_the_runner_is_killed_its_chapter_ends_too(write_chapter: WriteChapter) -> None:
    wait = HANG.replace("worker = ", "# ").replace("{worker.pid} ", "")
    root = write_chapter(wait).parents[1]
    process = start(root)
    _wait_for_pids(root / "pids", 1)
    started = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate(timeout=60)
    _, alive = psutil.wait_procs(started, timeout=30)
    assert alive == []


def test_chapters_run_side_by_side_and_those_that_sum_up_come_last(
    write_chapter: WriteChapter, capsys: pytest.CaptureFixture[str]
) -> None:
    meet = (
        "import os, time\nfrom pathlib import Path\nfrom lib.book.told import told\n"
        "print('jobs', told().jobs, 'threads', os.environ['OMP_NUM_THREADS'])\n"
        "Path('{}').touch()\nuntil = time.monotonic() + 60\n"
        "while not Path('{}').exists():\n    assert time.monotonic() < until\n    time.sleep(0.1)"
    )
    write_chapter(meet.format("one", "other"), name="10_one")
    write_chapter(meet.format("other", "one"), name="11_other")
    last = "from pathlib import Path\nassert Path('one').exists() and Path('other').exists()"
    root = write_chapter(last, name="00_start").parents[1]
    assert call(root, "--jobs", "2") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines[2:]] == ["00_start"]
    assert sorted(line.partition(":")[0] for line in lines[:2]) == ["10_one", "11_other"]
    assert "jobs 1 threads 1" in (root / "notebooks" / "10_one.ipynb").read_text()


def test_one_chapter_at_a_time_where_each_may_need_the_whole_machine(
    write_chapter: WriteChapter,
) -> None:
    write_chapter()
    root = write_chapter(name="20_other").parents[1]

    def asked(profile: str, *more: str) -> run.Order:
        options = run._parser().parse_args(["--jobs", "8", *more])
        return run.Order(options, profile, root, scheduler=options.scheduler)

    plans = run.plan(run.chapters.chapters(root), asked("quick"))

    def at_a_time(plans: list[run.Plan], profile: str, *more: str) -> int:
        return run._at_a_time(plans, asked(profile, *more))

    assert at_a_time(plans, "quick") == 2 and at_a_time(plans * 9, "smoke") == run.SIDE_BY_SIDE
    for more in ("--retrain", "--measure", "--scheduler=tcp://127.0.0.1:1"):
        assert at_a_time(plans, "quick", more) == 1
    assert at_a_time(plans, "paper") == 1


def test_a_chapter_that_is_being_run_is_waited_for(
    write_chapter: WriteChapter,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root, executed = write_chapter().parents[1], []
    monkeypatch.setattr(run, "_execute", lambda step, order, told: executed.append(step))
    second = Thread(target=call, args=(root,))
    said = ""
    with locked(root / ".cache" / "running" / "quick-10_tiny"):
        second.start()
        until = time.monotonic() + 60
        while not said and time.monotonic() < until:
            time.sleep(0.02)
            said = capsys.readouterr().err
        assert said == "10_tiny is being run already; waiting until that ends\n"
        assert not executed
    second.join(60)
    assert len(executed) == 1


def _wait_for_pids(path: Path, count: int) -> list[int]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists() and path.read_text().count(" ") == count:
            return [int(pid) for pid in path.read_text().split()]
        time.sleep(0.1)
    raise AssertionError("the chapter did not start within a minute")


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
