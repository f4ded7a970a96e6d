"""Where the book lies, and writing a file so that an interruption never leaves half of one."""

import fcntl
import hashlib
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

REPOSITORY = Path(__file__).resolve().parents[2]


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write `content` (text as UTF-8) beside `path` and rename it: all of it is there, or nothing.

    Raises:
        OSError: the folder cannot be written or the disk is full; what was there stays.
    """
    path = Path(path)
    with written(path) as file, named(path):
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path`, for a block to write, and rename it once the block has ended well.

    Raises:
        OSError: the folder cannot be written or the disk is full; what was there stays.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with named(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = beside.open("xb")
    try:
        yield file
        with named(path):
            file.flush()
            os.fsync(file.fileno())  # a rename may reach the disk before the bytes do
            file.close()
            beside.replace(path)
    finally:  # after an interruption too
        with suppress(OSError):
            file.close()
        beside.unlink(missing_ok=True)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Let an OSError of a block that writes say which file it was, and what to do."""
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno,
            f"cannot write {path}: {error.strerror}; nothing was changed, "
            "make room or the folder writable and run again",
        ) from None


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex; one that has not changed since is not read again."""
    stat = path.stat()
    return _digest(path, stat.st_size, stat.st_mtime_ns)


@cache
def _digest(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(path: Path, when_waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock file `path` while the block runs; call `when_waiting` if another has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            when_waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def refuse_another_lib(folder: Path) -> None:
    """Raise ImportError if `folder` lies in a copy of the book that is not the one that runs."""
    for place in (folder, *folder.parents):
        if (place / "lib" / "book" / "files.py").is_file():
            if not place.samefile(REPOSITORY):
                raise ImportError(
                    f"this is {place}, but the lib that runs is the one in {REPOSITORY}; "
                    f"start with ./run_all.sh, or set PYTHONPATH={place}"
                )
            return


def git(*arguments: str, root: Path = REPOSITORY) -> str | None:
    """Return what git says of the book under `root`; None without git or its own repository."""
    if not (root / ".git").exists():  # unpacked inside a repository that is not ours
        return None
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def kernel_path() -> dict[str, str]:
    """Return a PYTHONPATH on which this copy of the book comes first, whatever else is there."""
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(REPOSITORY), os.getenv("PYTHONPATH")]))}
