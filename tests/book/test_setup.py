"""lib/book/setup.sh, with a stand-in for the slow installation."""

import inspect
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lib.book import check
from lib.book.files import REPOSITORY
from lib.faces.figures import explore

FAKE_PIP = """\
#!/bin/bash
echo "pip $*" >> "{log}"
sleep "${{SECONDS_TO_INSTALL:-0}}"
[[ ! -e "{log}.fail" ]]
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a folder with what set-up reads, and an .venv whose pip only takes notes."""
    folder = tmp_path / "clone with spaces"
    (folder / "lib" / "book").mkdir(parents=True)
    for name in ("check.py", "files.py", "setup.sh", "__init__.py"):
        shutil.copy(REPOSITORY / "lib" / "book" / name, folder / "lib" / "book")
    shutil.copy(
        REPOSITORY / "lib" / "__init__.py", folder / "lib"
    )  # or the book's own lib is found
    shutil.copy(REPOSITORY / "requirements.lock", folder)
    (folder / "requirements.txt").write_text("no-such-package-here==1\n")
    (folder / "librosa").mkdir()
    (folder / "librosa" / "__init__.py").touch()
    (folder / "librosa" / "beat.py").write_text("print('compiled', file=open('compiled', 'a'))\n")
    (folder / "lib" / "faces" / "figures").mkdir(parents=True)
    (folder / "lib" / "faces" / "figures" / "explore.py").write_text("def everybody(*what): pass\n")
    (folder / ".venv" / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    binaries = folder / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").symlink_to(sys.executable)
    (binaries / "pip").write_text(FAKE_PIP.format(log=folder / "pip.log"))
    (binaries / "pip").chmod(0o755)
    return folder


SEARCH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def set_up(folder: Path, path: str = SEARCH) -> subprocess.CompletedProcess[str]:
    """Run `ensure_environment` as run_all.sh does and print the Python that it chose."""
    with start_set_up(folder, path) as process:
        out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def start_set_up(folder: Path, path: str = SEARCH, **told: str) -> subprocess.Popen[str]:
    """Start it, with this in its environment."""
    script = 'set -euo pipefail; source lib/book/setup.sh; ensure_environment; echo "$PYTHON"'
    return subprocess.Popen(
        [shutil.which("bash") or "bash", "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": path, **told},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def pip_calls(folder: Path) -> list[str]:
    log = folder / "pip.log"
    return log.read_text().splitlines() if log.exists() else []


def test_an_environment_that_satisfies_the_list_is_used_as_it_is(clone: Path) -> None:
    (clone / "requirements.txt").write_text("packaging\n")
    result = set_up(clone)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "python3"
    assert pip_calls(clone) == []


def test_packages_are_installed_once_and_again_when_a_list_changes(clone: Path) -> None:
    for changed, times in (("1", 1), ("1", 1), ("2", 2)):
        (clone / "requirements.txt").write_text(f"no-such-package-here=={changed}\n")
        result = set_up(clone)
        assert result.returncode == 0, result.stderr
        assert result.stdout.splitlines()[-1] == f"{clone}/.venv/bin/python"
        assert pip_calls(clone) == ["pip install -r requirements.txt -c requirements.lock"] * times
        assert (clone / "compiled").read_text().splitlines() == ["compiled"] * times
    packages = clone / ".venv" / "lib" / "python3.11" / "site-packages"
    assert (packages / "book.pth").read_text() == f"{clone}\n"  # chapters find the library


def test_an_installation_that_stopped_goes_on_at_the_next_call(clone: Path) -> None:
    (clone / "pip.log.fail").touch()
    first = set_up(clone)
    assert first.returncode == 1
    assert first.stderr.strip() == "The installation stopped; call again and it goes on from here."
    assert not (clone / ".venv" / "installed").exists()
    (clone / "pip.log.fail").unlink()
    assert set_up(clone).returncode == 0
    stamp = (clone / ".venv" / "installed").read_text().strip()
    assert stamp == check.fingerprint(clone)


def test_no_suitable_python_is_one_line_and_exit_2(clone: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "mkdir").symlink_to(shutil.which("mkdir") or "")
    (tools / "python3").write_text("#!/bin/bash\nexit 1\n")  # as an old Python answers
    (tools / "python3").chmod(0o755)
    # bash itself is found through its full path, everything else only in tools
    result = set_up(clone, str(tools))
    assert result.returncode == 2
    assert result.stderr.startswith("No Python 3.11 or newer found")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("in_the_way", "message"),
    [(".venv", "cannot make a virtual environment"), (".cache", "The book cannot write into ")],
)
def test_a_file_where_a_folder_should_be_is_one_line_and_exit_2(
    clone: Path, in_the_way: str, message: str
) -> None:
    shutil.rmtree(clone / in_the_way, ignore_errors=True)
    (clone / in_the_way).touch()
    result = set_up(clone)
    assert result.returncode == 2 and pip_calls(clone) == []
    assert message in result.stderr.splitlines()[-1]


def test_of_two_set_ups_the_second_waits_and_finds_all_done(clone: Path) -> None:
    with start_set_up(clone, SECONDS_TO_INSTALL="3") as first:
        until = time.monotonic() + 60
        while not pip_calls(clone):
            assert time.monotonic() < until
            time.sleep(0.05)
        second = set_up(clone)
        out, _ = first.communicate(timeout=60)
    assert first.returncode == second.returncode == 0
    assert second.stderr == "Another set-up is at work in this folder; waiting until it ends.\n"
    assert second.stdout.splitlines()[-1] == out.splitlines()[-1] == f"{clone}/.venv/bin/python"
    assert len(pip_calls(clone)) == 1 and (clone / "compiled").read_text() == "compiled\n"


def test_what_only_tells_something_writes_nothing(clone: Path, tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "run_all.sh", clone)
    for name in ("book", "runs"):
        shutil.copytree(REPOSITORY / "lib" / name, clone / "lib" / name, dirs_exist_ok=True)
    (clone / "notebooks").mkdir()
    (clone / "notebooks" / "10_tiny.py").write_text(
        '# # A title\n# %% tags=["parameters"]\nA = 1\n'
    )
    link = tmp_path / "link"
    link.symlink_to(clone / "run_all.sh")
    before = sorted(tmp_path.rglob("*"))
    result = subprocess.run(
        [link, "--list"],
        cwd="/",
        env=os.environ | {"PATH": SEARCH},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "10_tiny" in result.stdout
    assert sorted(tmp_path.rglob("*")) == before


def test_what_set_up_compiles_is_there_to_be_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """That the renderer draws is held by tests of its own."""
    takes, calls = inspect.signature(explore.everybody), []
    monkeypatch.setattr(explore, "everybody", lambda *given: calls.append(takes.bind(*given)))
    text = (REPOSITORY / "lib" / "book" / "setup.sh").read_text()
    found = re.search(r'-c "(import librosa[^"]+)"', text)
    assert found
    exec(found[1], {})
    assert len(calls) == 1
