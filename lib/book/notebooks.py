"""Executes a chapter with papermill; two equal runs give the same notebook, byte for byte.

The `.py` in jupytext's percent format is the source of truth; the `.ipynb` beside it is what a run
makes of it, so that the book can be read without running it.
"""

import asyncio
import hashlib
import json
import math
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import IO, Any

import jupytext
import nbformat
import papermill
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines

from lib.book.chapters import parameters as declared_parameters
from lib.book.files import REPOSITORY, kernel_path, write_atomically

KERNEL = "python3"
STARTUP_SECONDS = 120  # that a kernel may take on a busy machine
OUTPUT_SECONDS = 120  # that a cell's last outputs may take after its end
POLITE = {"OMP_WAIT_POLICY": "PASSIVE"}  # spinning threads nearly stop a busy two-core machine

_KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": KERNEL}
_MADE = "book_sources"  # in a notebook's metadata: the digest of the cells a run made it of
_WIDGET = "application/vnd.jupyter.widget-view+json"
_WARNING = re.compile(r"^.*\b\w*Warning\b: .*$", re.MULTILINE)


class ChapterWarning(Exception):
    """A cell warned in a run in which no warning is accepted."""


def execute(
    source: Path,
    overrides: Mapping[str, Any],
    output: Path,
    *,
    partial: Path | None = None,
    environment: Mapping[str, str] | None = None,
    working_directory: Path = REPOSITORY,
    limit_seconds: float | None = None,
    warnings_are_errors: bool = False,
) -> Path | None:
    """Execute the chapter `source` and write its normalised notebook to `output`, all or nothing.

    `partial` (default: beside `output`) grows cell by cell; it stays for inspection if a cell
    fails, and goes away on success or interruption. Returned is where `write` kept edits.

    Raises:
        papermill.PapermillExecutionError: a cell failed.
        nbclient.exceptions.CellTimeoutError: a cell took longer than `limit_seconds`.
        nbclient.exceptions.DeadKernelError: the kernel died; its notes hold what it last said.
        ChapterWarning: a cell warned and `warnings_are_errors`.
    """
    partial = partial or output.with_suffix(".partial.ipynb")
    partial.parent.mkdir(parents=True, exist_ok=True)
    stamp = source.stat().st_mtime_ns
    try:
        with _kernel_stderr() as kernel_stderr:
            notebook = papermill.execute_notebook(
                jupytext.read(source),
                partial,
                parameters=_changed(source, overrides),
                engine_name="polling",
                kernel_name=KERNEL,
                language="python",
                cwd=working_directory,
                progress_bar=False,
                limit_seconds=limit_seconds,
                environment=_kernel_environment(environment or {}),
                kernel_stderr=kernel_stderr,
            )
    except KeyboardInterrupt:
        partial.unlink(missing_ok=True)
        raise
    if warnings_are_errors:
        _refuse_warnings(notebook)
    kept = write(notebook, output)
    if output == source.with_suffix(".ipynb"):
        # jupytext does not open a pair whose .ipynb is newer, if there is any difference at all
        os.utime(output, ns=(stamp, stamp))
    partial.unlink()
    return kept


def write(notebook: NotebookNode, output: Path) -> Path | None:
    """Write a notebook, normalised; what a reader changed in the one that was there is not lost.

    A copy of that one goes into the folder kept/ beside it, and its place is returned.

    Raises:
        OSError: the file cannot be written; what was there stays.
    """
    made, kept = normalise(notebook), None
    if output.is_file() and _has_edits(output, made):
        day = time.strftime("%Y-%m-%d_%H%M%S", time.localtime(output.stat().st_mtime))
        kept = output.parent / "kept" / f"{output.stem}_{day}.ipynb"
        kept.parent.mkdir(exist_ok=True)
        shutil.copy2(output, kept)
    write_atomically(output, as_text(made))
    return kept


def _has_edits(output: Path, made: NotebookNode) -> bool:
    """Return whether a notebook's cells are neither those it was written with nor those of `made`.

    What is no notebook was written by a reader, too.
    """
    try:
        there = read(output)
        return _sources(there) not in (there.metadata.get(_MADE), _sources(made))
    except (ValueError, AttributeError, nbformat.ValidationError):
        return True


def _sources(notebook: NotebookNode) -> str:
    """Return a digest of kinds and sources of the cells."""
    cells = [(cell.cell_type, cell.source) for cell in notebook.cells]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()[:16]


@contextmanager
def _kernel_stderr() -> Iterator[IO[bytes]]:
    """Yield a file for what the kernel's processes print past the notebook.

    At Ctrl-C nobody wants to see that; when a kernel dies it becomes a note of the error.
    """
    with tempfile.TemporaryFile() as file:
        try:
            yield file
        except DeadKernelError as error:
            file.seek(0)
            error.add_note(file.read().decode(errors="replace"))
            raise


def _changed(source: Path, overrides: Mapping[str, Any]) -> dict[str, Any]:
    defaults = declared_parameters(source)
    return {name: value for name, value in overrides.items() if value != defaults[name]}


def _kernel_environment(extra: Mapping[str, str]) -> dict[str, str]:
    fixed = {
        "BOOK_HEADLESS": "1",  # widgets become static strips
        "PYTHONHASHSEED": "0",  # sets keep their order from run to run
        "SOURCE_DATE_EPOCH": "315532800",  # the date that matplotlib writes into SVG
    }
    return POLITE | dict(os.environ) | kernel_path() | fixed | dict(extra)


def _refuse_warnings(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            found = output.get("name") == "stderr" and _WARNING.search(output.text)
            if found:
                raise ChapterWarning(f"{found[0]}\n\nin the cell\n\n{cell.source}")


class PollingClient(PapermillNotebookClient):
    """papermill's client, but asking for the reply to a cell again and again.

    nbclient waits for it once, without end, and misses it now and then when a widget's messages
    pass at the same moment. Asking every second costs nothing and cannot miss it.
    """

    def papermill_execute_cells(self) -> None:
        """Execute all cells; interrupted, end what waits for the kernel before it is shut down."""
        try:
            super().papermill_execute_cells()
        except KeyboardInterrupt:
            loop = ensure_event_loop()
            waiting = asyncio.all_tasks(loop)
            for task in waiting:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
            raise

    async def _async_poll_for_reply(
        self,
        msg_id: str,
        cell: NotebookNode,
        timeout: int | None,
        task_poll_output_msg: asyncio.Future[Any],
        task_poll_kernel_alive: asyncio.Future[Any],
    ) -> dict[str, Any]:
        until = time.monotonic() + (timeout or math.inf)
        try:
            while True:
                try:
                    reply = await self.kc.shell_channel.get_msg(timeout=1)
                except Empty:
                    if time.monotonic() > until:
                        await self._async_handle_timeout(timeout, cell)
                    continue
                if reply["parent_header"].get("msg_id") == msg_id:
                    await asyncio.wait_for(task_poll_output_msg, OUTPUT_SECONDS)
                    return dict(reply)
        finally:
            task_poll_kernel_alive.cancel()


class PollingEngine(Engine):
    """Runs a notebook with `PollingClient`; papermill knows it as "polling"."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        environment: Mapping[str, str],
        kernel_stderr: IO[bytes],
        limit_seconds: float | None,
        **options: Any,
    ) -> NotebookNode:
        """Execute the notebook that `nb_man` holds in a kernel with this environment and stderr."""
        limits = {"timeout": limit_seconds, "startup_timeout": STARTUP_SECONDS}
        client = PollingClient(nb_man, kernel_name=kernel_name, **limits)
        return client.execute(env=dict(environment), stderr=kernel_stderr)


papermill_engines.register("polling", PollingEngine)


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook without whatever differs between two equal runs.

    Left out: times, stderr, widgets, papermill's metadata, versions. Cell ids follow from the
    position, execution counts from the order; pieces of one stream are joined.
    """
    cells = [_normal_cell(cell, number) for number, cell in enumerate(notebook.cells, start=1)]
    executed = (cell for cell in cells if cell.get("execution_count") is not None)
    for count, cell in enumerate(executed, start=1):
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata = nbformat.from_dict(
        {
            "kernelspec": _KERNELSPEC,
            "language_info": {"name": "python"},
            _MADE: _sources(made),
        }
    )
    return made


def as_text(notebook: NotebookNode) -> str:
    """Return a notebook as its file holds it."""
    return nbformat.writes(notebook) + "\n"


def _normal_cell(cell: NotebookNode, number: int) -> NotebookNode:
    hidden = ("papermill", "execution")
    metadata = {key: value for key, value in cell.metadata.items() if value and key not in hidden}
    fields = dict(cell) | {"id": f"cell-{number:03d}", "metadata": metadata}
    if cell.cell_type == "code":
        fields["outputs"] = _normal_outputs(cell.outputs)
    return nbformat.from_dict(fields)


def _normal_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    kept: list[NotebookNode] = []
    for output in outputs:
        if output.get("name") == "stderr" or _WIDGET in output.get("data", {}):
            continue
        if kept and output.output_type == kept[-1].output_type == "stream":
            kept[-1].text += output.text
        else:
            kept.append(output.copy())
    return kept


def read(path: Path) -> NotebookNode:
    """Return the notebook in a file."""
    return nbformat.read(path, as_version=4)
