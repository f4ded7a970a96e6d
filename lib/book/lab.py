"""A chapter in JupyterLab, on this machine alone: `./run_all.sh --lab 15`.

The settings in lib/book/jupyter let a chapter's `.py` open as the notebook that it is.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import jupytext

from lib.book import chapters, notebooks
from lib.book.files import kernel_path

SETTINGS = Path(__file__).parent / "jupyter"


def start(notebook: Path, told: Mapping[str, str], root: Path) -> NoReturn:
    """Become a JupyterLab that shows a notebook, which lies below `root`, in a browser.

    `told` is what its kernels find in their environment beyond what all have.
    """
    place = quote(notebook.relative_to(root).as_posix())
    arguments = [*command(root), f"--LabApp.default_url=/lab/tree/{place}"]
    os.execvpe(arguments[0], arguments, {**environment(), **told})


def command(root: Path) -> list[str]:
    """Return the call that serves `root` to this machine alone, to whoever has the token."""
    served = [f"--ServerApp.root_dir={root}", "--ServerApp.ip=127.0.0.1"]
    if os.geteuid() == 0:  # as in a container; the chapters run as root there anyway
        served.append("--allow-root")
    return [sys.executable, "-m", "jupyterlab", *served]


def environment() -> dict[str, str]:
    """Return an environment in which JupyterLab knows our settings, and its kernels `lib`."""
    settings = os.pathsep.join(filter(None, [str(SETTINGS), os.getenv("JUPYTER_CONFIG_PATH")]))
    told = {"JUPYTER_CONFIG_PATH": settings, "JUPYTER_WIDGETS_ECHO": "0"}  # answers without echo
    return notebooks.POLITE | os.environ | kernel_path() | told


def copy(source: Path, changes: Mapping[str, Any], target: Path) -> Path | None:
    """Write a chapter, not executed, with some of its parameters changed, see `notebooks.write`."""
    notebook = jupytext.read(source)
    (cell,) = (each for each in notebook.cells if "parameters" in each.metadata.get("tags", ()))
    values = {**chapters.parameters(source), **changes}
    cell.source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    return notebooks.write(notebook, target)
