"""Several processes that do the same at the same time."""

import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from lib.book.files import REPOSITORY

GATE = 'print("ready", flush=True)\ninput()\n'  # a script waits here until all have come so far


def together(script: str, calls: Sequence[Sequence[str]]) -> list[str]:
    """Run a script once for each list of arguments, all past GATE at once; return what they print.

    Raises:
        AssertionError: one failed, or said something on stderr.
    """
    pipe = subprocess.PIPE
    pipes: dict[str, Any] = {"stdin": pipe, "stdout": pipe, "stderr": pipe, "text": True}
    with ExitStack() as stack:
        processes = []
        for call in calls:
            command = [sys.executable, "-c", script, *call]
            process = stack.enter_context(subprocess.Popen(command, cwd=REPOSITORY, **pipes))
            stack.callback(process.kill)  # where one failed, the others still wait
            processes.append(process)
        for process in processes:
            assert process.stdout.readline() == "ready\n", process.stderr.read()
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        found = [process.communicate(timeout=60) for process in processes]
    for process, (_, complaint) in zip(processes, found, strict=True):
        assert (process.returncode, complaint) == (0, "")
    return [said for said, _ in found]
