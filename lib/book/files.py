"""Where the book lies, and writing a file so that an interruption never leaves half of one."""

import os
import secrets
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write `content` (text as UTF-8) beside `path` and rename it: all of it is there, or nothing.

    Raises:
        OSError: the folder cannot be written or the disk is full; what was there stays.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with beside.open("xb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())  # a rename may reach the disk before the bytes do
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)  # after an interruption too
    except OSError as error:
        raise OSError(
            error.errno,
            f"cannot write {path}: {error.strerror}; nothing was changed, "
            "make room or the folder writable and run again",
        ) from None
