"""Set-up: the list of packages is one, agrees with the tested set, and is checked correctly."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lib.book import check, data_root
from lib.book.files import REPOSITORY

REQUIREMENTS = REPOSITORY / "requirements.txt"
CLUSTER = REPOSITORY / "requirements-cluster.txt"
LOCK = REPOSITORY / "requirements.lock"


@pytest.mark.parametrize("path", [REQUIREMENTS, CLUSTER], ids=lambda path: path.name)
def test_every_requirement_is_locked_within_its_bounds(path: Path) -> None:
    locked = map(Requirement, check.requirement_lines(LOCK))
    versions = {canonicalize_name(line.name): str(line.specifier)[2:] for line in locked}
    for requirement in map(Requirement, check.requirement_lines(path)):
        version = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} but locked {version}"


def test_the_lists_hold_plain_pins_only_and_conda_reads_the_same() -> None:
    for path in (REQUIREMENTS, CLUSTER, LOCK):
        for line in check.requirement_lines(path):
            assert not {"+", "@", "/"} & set(line), f"{line}: a local build, address or path"
    content = yaml.safe_load((REPOSITORY / "environment.yml").read_text(encoding="utf-8"))
    assert {"pip": ["-r requirements.txt"]} in content["dependencies"]


def test_what_is_missing_or_too_old_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"pytest": "8.0", "numpy": "2.0", "torch": "2.13.0+cpu"}  # the last as a local build

    def version(name: str) -> str:
        if name not in found:
            raise metadata.PackageNotFoundError(name)
        return found[name]

    monkeypatch.setattr(metadata, "version", version)
    path = tmp_path / "requirements.txt"
    path.write_text("no-such-package>=1\npytest>=999  # from the future\nnumpy\ntorch==2.13.0\n")
    assert check.unmet(path) == [
        "no-such-package>=1: not installed",
        "pytest>=999: found 8.0",
    ]


def bare_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this Python without any installed package, as on a fresh machine."""
    code = (
        f"import runpy, sys; sys.path.insert(0, {str(REPOSITORY)!r}); "
        f"sys.argv = {list(arguments)!r}; "
        "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
    )
    command = [sys.executable, "-I", "-S", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("option", "code"), [("--help", 0), ("--list", 0), ("--check", 1)])
def test_a_bare_python_answers_and_check_says_what_to_do(option: str, code: int) -> None:
    result = bare_python("lib.book.run", option)
    assert result.returncode == code, result.stderr
    lines = [line for line in result.stdout.splitlines() if line.startswith("MISSING packages")]
    assert len(lines) == code and all("./run_all.sh" in line for line in lines)


def test_check_with_all_packages_reports_each_need(capfd: pytest.CaptureFixture[str]) -> None:
    subprocess.run([sys.executable, "-m", "lib.book.run", "--check"], cwd=REPOSITORY, check=True)
    names = [line[8:].partition(":")[0] for line in capfd.readouterr().out.splitlines()]
    expected = ["Python", "packages", "memory", "disk", "GPU"]
    elsewhere = [name for name, source in data_root.sources().items() if not source.committed]
    assert names == [*expected, "data of the book", *elsewhere]


def test_data_that_are_not_whole_and_a_root_that_is_none_are_one_line_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    whole, *others = check.data()
    assert whole.enough and not any(need.enough or need.must for need in others)
    (tmp_path / "mmi" / "Sessions" / "1").mkdir(parents=True)
    (tmp_path / "mmi" / "Sessions" / "1" / "a.avi").touch()
    assert [need.name for need in check.data() if need.enough] == ["data of the book", "mmi"]
    monkeypatch.setattr(data_root, "COMMITTED", tmp_path)
    monkeypatch.setenv("BOOK_DATA", str(tmp_path / "nowhere"))
    broken, nowhere = check.data()
    for need, said in ((broken, "SHA256SUMS is missing; run `git"), (nowhere, "unset BOOK_DATA")):
        assert need.must and not need.enough and said in need.found
