"""Several processes that do the same at the same time."""

import subprocess
import sys
from collections.abc import Sequence

from lib.book.files import REPOSITORY

GATE = 'print("ready", flush=True)\ninput()\n'  # a script waits here until all have come so far


def together(script: str, calls: Sequence[Sequence[str]]) -> list[str]:
    """Run a script once for each list of arguments, all past GATE at once; return what they print.

    Raises:
        AssertionError: one failed, or said something on stderr.
    """
    command = [sys.executable, "-c", script]
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen(
            [*command, *call], stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=REPOSITORY
        )
        for call in calls
    ]
    for process in processes:
        assert process.stdout and process.stdout.readline() == "ready\n", process.communicate()
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    found = [process.communicate(timeout=60) for process in processes]
    for process, (_, complaint) in zip(processes, found, strict=True):
        assert (process.returncode, complaint) == (0, "")
    return [said for said, _ in found]
