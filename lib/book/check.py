"""Is everything there that the book needs? One line for each need, with what to do about it.

Importable on a bare Python, because that is when the question is asked most. For the set-up,
`python -m lib.book.check` prints which packages are missing, one line each, and exits 1 if any is.
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from lib.book.files import REPOSITORY

PYTHON = (3, 11)
MEMORY_GB = 4.0
DISK_GB = 2.0  # what a run keeps in data/cache, executed/ and site/
DISK_WITH_PACKAGES_GB = 8.0


@dataclass(frozen=True)
class Need:
    """One need: what was found, whether that is enough, and what to do if it is not.

    The book does not run without a `must`.
    """

    name: str
    found: str
    enough: bool = True
    what_to_do: str = ""
    must: bool = False

    def __str__(self) -> str:
        mark = "ok" if self.enough else "MISSING" if self.must else "note"
        advice = f"; {self.what_to_do}" if self.what_to_do and not self.enough else ""
        return f"{mark:8}{self.name}: {self.found}{advice}"


def report() -> int:
    """Print every need; return 1 if a must is missing, else 0."""
    missing = False
    for need in needs():
        print(need, flush=True)
        missing |= need.must and not need.enough
    return int(missing)


def needs() -> Iterator[Need]:
    """Yield every need; those that ask the packages only where these are installed."""
    found = f"{sys.version.split()[0]} at {sys.executable}"
    yield Need("Python", found, sys.version_info >= PYTHON, "install 3.11 or newer", must=True)
    problems = unmet()
    found = f"{len(problems)} missing or of another version" if problems else "all as required"
    advice = f"run ./run_all.sh, which installs them into .venv ({'; '.join(problems)})"
    yield Need("packages", found, not problems, advice, must=True)
    gigabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    advice = f"{MEMORY_GB:.0f} GB are comfortable; close other programs, use --jobs 1"
    yield Need("memory", f"{gigabytes:.1f} GB", gigabytes >= MEMORY_GB, advice)
    wanted = DISK_WITH_PACKAGES_GB if problems else DISK_GB
    gigabytes = shutil.disk_usage(REPOSITORY).free / 1e9
    advice = f"make room: up to {wanted:.0f} GB are needed"
    yield Need("disk", f"{gigabytes:.1f} GB free", gigabytes >= wanted, advice, must=True)
    if not problems:
        yield graphics()
        yield from data()


def graphics() -> Need:
    """Return whether torch sees a graphics processor; the book runs without one."""
    import torch

    if torch.cuda.is_available():
        return Need("GPU", torch.cuda.get_device_name())
    advice = "fine for smoke and quick; the paper profile takes hours to days on a processor alone"
    return Need("GPU", "none", False, advice)


def data() -> Iterator[Need]:
    """Yield whether the book's own data are whole, and what else a reader may hold is there."""
    from lib.book import data_root

    sources = data_root.sources().values()
    committed = [source.name for source in sources if source.committed]
    try:
        for name in committed:
            data_root.locate(name)
        yield Need("data of the book", f"all files of {len(committed)} sets as committed")
    except (OSError, ValueError) as error:
        yield Need("data of the book", str(error), False, must=True)
    try:
        for source in sources:
            if not source.committed:
                there = data_root.present(source.name)
                advice = "" if there else data_root.todo(source.name)
                yield Need(source.name, "present" if there else "not here", there, advice)
    except FileNotFoundError as error:  # BOOK_DATA names no folder
        yield Need("data of yours", str(error), False, must=True)


def requirement_lines(path: Path) -> list[str]:
    """Return the requirements of `path` without comments and empty lines."""
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def unmet(path: Path = REPOSITORY / "requirements.txt") -> list[str]:
    """Return one line for each requirement of `path` that this Python does not satisfy."""
    lines = requirement_lines(path)
    try:
        from packaging.requirements import Requirement
    except ImportError:  # a bare Python; the list itself asks for packaging
        return [f"{line}: not installed" for line in lines]
    problems = []
    for requirement in map(Requirement, lines):
        try:
            found = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            problems.append(f"{requirement}: not installed")
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            problems.append(f"{requirement}: found {found}")
    return problems


def fingerprint(root: Path = REPOSITORY) -> str:
    """Return a hash of both lists of packages, which changes when either does."""
    content = b"".join((root / f"requirements.{kind}").read_bytes() for kind in ("txt", "lock"))
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    if sys.argv[1:] == ["--fingerprint"]:
        print(fingerprint())
    elif problems := unmet():
        sys.exit("\n".join(problems))
