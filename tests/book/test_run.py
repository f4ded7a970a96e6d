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

import psutil
import pytest

from lib.book import run
from lib.book.files import REPOSITORY

WriteChapter = Callable[..., Path]
DRAW = """\
from lib.book.told import told
from pathlib import Path
folder = Path(told().figures or "figures") / PROFILE
folder.mkdir(parents=True, exist_ok=True)
(folder / "part3_fig1.png").write_bytes(b"a picture")
(folder / "part3_fig1.json").write_text('{"chapter": "10_tiny"}')
(folder / "claims.json").write_text("[]")"""


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
        (["smok"], "no chapter 'smok'"),
        (["quick", "10", "smoke"], "quick and smoke are two profiles; choose one"),
        (["-p", "SPEED=1"], "no chapter knows SPEED; known: RATE, SEED"),
        (["-p", "SEED=fast"], "SEED of 10_tiny: expected int such as 0, not 'fast'"),
        (["-p", "RATE=[1]"], "RATE of 10_tiny: expected float"),
        (["-p", "SEED"], "-p takes NAME=VALUE, not 'SEED'"),
        (["-p", "PROFILE=paper"], "first word"),
        (["--jobs", "0"], "expected a number from 1 on"),
        (["--cluster", "pbs"], "invalid choice: 'pbs' (choose from 'slurm')"),
        (["--cluster", "slurm"], "needs --jobs N, the number of jobs"),
        (["--cluster", "slurm", "--scheduler", "tcp://127.0.0.1:1"], "choose one"),
        (["--deterministic", "--scheduler", "tcp://127.0.0.1:1"], "reaches no workers elsewhere"),
        (["--present", "--retrain"], "choose one"),
        (["--fast"], "unrecognized arguments: --fast"),
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


def test_list_shows_names_and_titles(
    write_chapter: WriteChapter, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_chapter().parents[1]
    assert call(root, "--list") == 0
    assert capsys.readouterr().out.split(maxsplit=1) == ["10_tiny", "A tiny chapter\n"]


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(REPOSITORY, "--help") == 0
    text = capsys.readouterr().out
    known = ("smoke|quick|paper", "-p", "--jobs", "--retrain", "--measure", "--list")
    for option in (*known, "--scheduler", "--cluster", "--present"):
        assert option in text


def test_the_default_run_fills_the_book_and_tells_what_it_made(
    write_chapter: WriteChapter, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_chapter(DRAW).parents[1]
    assert call(root) == 0
    assert everything_below(root) == [
        "figures/quick/claims.json",
        "figures/quick/part3_fig1.json",
        "figures/quick/part3_fig1.png",
        "notebooks/10_tiny.ipynb",
        "notebooks/10_tiny.py",
    ]
    [line] = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"10_tiny: \d+\.\d min, figures and tables in figures/quick: 1", line)


@pytest.mark.parametrize(
    ("arguments", "folder", "expected"),
    [
        (["smoke"], "executed/smoke", "smoke 0 0.5"),
        (["10", "-p", "RATE=1", "-p", "SEED=7"], "executed/quick", "quick 7 1.0"),
    ],
)
def test_any_other_run_leaves_the_book_alone(
    write_chapter: WriteChapter, arguments: list[str], folder: str, expected: str
) -> None:
    cell = "from lib.book.told import told\nprint(PROFILE, SEED, RATE, told().notebook)"
    root = write_chapter(cell).parents[1]
    assert call(root, *arguments) == 0
    assert everything_below(root) == [f"{folder}/10_tiny.ipynb", "notebooks/10_tiny.py"]
    assert f"{expected} {folder}\\n" in (root / folder / "10_tiny.ipynb").read_text()


def test_other_parameters_never_touch_the_books_figures(write_chapter: WriteChapter) -> None:
    root = write_chapter(DRAW).parents[1]
    assert call(root, "10", "quick", "-p", "SEED=7") == 0
    assert everything_below(root) == [
        "executed/figures/quick/claims.json",
        "executed/figures/quick/part3_fig1.json",
        "executed/figures/quick/part3_fig1.png",
        "executed/quick/10_tiny.ipynb",
        "notebooks/10_tiny.py",
    ]


def test_a_parameter_goes_only_to_the_chapters_that_declare_it(
    write_chapter: WriteChapter,
) -> None:
    write_chapter("print(SEED)")
    header = '# %% tags=["parameters"]\nPROFILE = "quick"\nSIZE = 1\n'
    root = write_chapter("print('size', SIZE)", name="20_other", header=header).parents[1]
    assert call(root, "-p", "SIZE=5") == 0
    assert "size 5" in (root / "executed/quick/20_other.ipynb").read_text()
    assert "SIZE" not in (root / "executed/quick/10_tiny.ipynb").read_text()


def test_what_the_command_line_says_reaches_the_chapters(write_chapter: WriteChapter) -> None:
    cell = "import os\nfrom lib.book.told import told\n"
    cell += "print('got', told().jobs, told().notebook, os.environ['BOOK_RETRAIN'])"
    root = write_chapter(cell).parents[1]
    assert call(root, "--jobs", "3", "--retrain") == 0
    assert "got 3 notebooks 1" in (root / "notebooks/10_tiny.ipynb").read_text()
    options = run._parser().parse_args(["--present", "--jobs", "2"])
    told = json.loads(run._environment("quick", options, root)["BOOK_RUN"])
    assert told == {"present": True, "jobs": 2}


def test_measuring_writes_the_costs_and_only_then(write_chapter: WriteChapter) -> None:
    root = write_chapter("import time\nmemory = bytearray(200_000_000)\ntime.sleep(1)").parents[1]
    assert call(root) == 0
    costs = root / "data" / "costs.json"
    assert not costs.exists()
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
    root = write_chapter("print('other')", name="20_other").parents[1]
    assert call(root) == 1
    captured = capsys.readouterr()
    assert "10_tiny failed:\n\ndenominator = 0\n1 / denominator\n" in captured.err
    assert "ZeroDivisionError: division by zero" in captured.err and "\x1b" not in captured.err
    assert "The notebook up to there: executed/quick/10_tiny.partial.ipynb" in captured.err
    assert captured.err.splitlines()[-1] == "failed: 10_tiny"
    assert captured.out.startswith("20_other: ") and len(captured.out.splitlines()) == 1
    assert (root / "executed/quick/10_tiny.partial.ipynb").exists()
    assert not (root / "notebooks/10_tiny.ipynb").exists()
    write_chapter("print('mended')")
    assert call(root, "10") == 0
    assert not (root / "executed/quick/10_tiny.partial.ipynb").exists()


def test_a_kernel_that_dies_leaves_its_last_words(
    write_chapter: WriteChapter, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_chapter("import os\nos.write(2, b'out of luck\\n')\nos.abort()").parents[1]
    assert call(root) == 1
    message = capsys.readouterr().err
    assert "out of luck" in message and "its kernel died" in message


def test_a_warning_fails_a_smoke_run(
    write_chapter: WriteChapter, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_chapter("import warnings\nwarnings.warn('old habit')").parents[1]
    assert call(root, "smoke") == 1
    assert "UserWarning: old habit" in capsys.readouterr().err


def test_a_chapter_that_hangs_is_stopped_and_named(
    write_chapter: WriteChapter,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = write_chapter("import time\ntime.sleep(600)").parents[1]
    monkeypatch.setitem(run.LIMIT_MINUTES, "quick", 3 / 60)
    assert call(root) == 1
    message = "ChapterTimeout: 10_tiny did not end within its limit of 3 s and was stopped"
    assert message in capsys.readouterr().err


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


@pytest.mark.parametrize("count", [1, 2])
def test_ctrl_c_ends_with_130_and_leaves_nothing_behind(
    write_chapter: WriteChapter, count: int
) -> None:
    for number in range(1, count + 1):
        root = write_chapter(HANG, name=f"{number}0_tiny").parents[1]
    before = [*everything_below(root), "pids", "start.py"]
    process = start(root, "--jobs", "2")
    pids = _wait_for_pids(root / "pids", 2 * count)
    pids += [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == "interrupted; call again to go on\n"
    assert err == ""
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if _runs(pid)], timeout=10)
    assert alive == []
    assert everything_below(root) == sorted(before)


def test_when_the_runner_is_killed_its_chapters_end_too(write_chapter: WriteChapter) -> None:
    wait = HANG.replace("worker = ", "# ").replace("{worker.pid} ", "")
    write_chapter(wait)
    root = write_chapter(wait, name="20_other").parents[1]
    process = start(root, "--jobs", "2")
    _wait_for_pids(root / "pids", 2)
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
    options = run._parser().parse_args([])
    options.jobs = 8
    plans = run.plan(run.chapters.chapters(root), "quick", [], root)
    assert run._at_a_time(plans, "quick", options) == 2
    assert run._at_a_time(plans * 9, "smoke", options) == run.SIDE_BY_SIDE
    assert run._at_a_time(plans, "paper", options) == 1
    for name in ("retrain", "measure", "scheduler"):
        options = run._parser().parse_args([])
        setattr(options, name, "asked for")
        assert run._at_a_time(plans, "quick", options) == 1


def test_a_chapter_that_is_being_run_is_waited_for(write_chapter: WriteChapter) -> None:
    once = (
        "import time\nfrom pathlib import Path\n"
        "Path('alone').touch(exist_ok=False)\n"
        "Path('began').touch()\ntime.sleep(3)\nPath('alone').unlink()"
    )
    root = write_chapter(once).parents[1]
    first = start(root)
    until = time.monotonic() + 60
    while not (root / "began").exists():
        assert time.monotonic() < until
        time.sleep(0.1)
    second = start(root)
    _, said = second.communicate(timeout=120)
    assert said == "10_tiny is being run already; waiting until that ends\n"
    first.communicate(timeout=60)
    assert (second.returncode, first.returncode) == (0, 0)


def _wait_for_pids(path: Path, count: int) -> list[int]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists() and path.read_text().count(" ") == count:
            return [int(pid) for pid in path.read_text().split()]
        time.sleep(0.1)
    raise AssertionError("the chapter did not start within a minute")


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
