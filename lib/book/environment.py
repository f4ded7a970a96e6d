"""Does this Python satisfy requirements.txt? Runs on a bare Python, so it needs nothing itself.

`python -m lib.book.environment` prints what is missing, one line each, and exits 1 if anything is.
"""

import hashlib
import sys
from importlib import metadata
from pathlib import Path

from lib.book.files import REPOSITORY


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


def main(arguments: list[str]) -> int:
    """Print the hash of the lists (`--fingerprint`) or what is missing; return the exit code."""
    if arguments == ["--fingerprint"]:
        print(fingerprint())
        return 0
    problems = unmet()
    print("\n".join(problems) or "all packages present")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
