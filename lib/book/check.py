"""Is everything there that the book needs? One line for each need, with what to do about it.

Importable on a bare Python, because that is when the question is asked most.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from lib.book import environment
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
    problems = environment.unmet()
    install = "run ./run_all.sh, which installs them into .venv"
    found = f"{len(problems)} missing or of another version" if problems else "all as required"
    yield Need("packages", found, not problems, f"{install} ({'; '.join(problems)})", must=True)
    yield memory()
    yield disk(packages_missing=bool(problems))
    if not problems:
        yield kernel()
        yield graphics()
        yield vision()
        yield from data()


def memory() -> Need:
    """Return the need for main memory."""
    gigabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    advice = f"{MEMORY_GB:.0f} GB are comfortable; close other programs, use --jobs 1"
    return Need("memory", f"{gigabytes:.1f} GB", gigabytes >= MEMORY_GB, advice)


def disk(packages_missing: bool) -> Need:
    """Return the need for room on the disk, packages to be installed included."""
    wanted = DISK_WITH_PACKAGES_GB if packages_missing else DISK_GB
    gigabytes = shutil.disk_usage(REPOSITORY).free / 1e9
    advice = f"make room: up to {wanted:.0f} GB are needed"
    return Need("disk", f"{gigabytes:.1f} GB free", gigabytes >= wanted, advice, must=True)


def kernel() -> Need:
    """Return the need for a Jupyter kernel named python3 that runs this very Python."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        interpreter = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        advice = "reinstall ipykernel in this environment"
        return Need("kernel", "no kernel named python3", False, advice, must=True)
    # Jupyter replaces a plain "python" by the Python that it runs in itself.
    same = interpreter in ("python", "python3", sys.executable)
    advice = "it belongs to another environment; reinstall ipykernel in this one"
    return Need("kernel", f"python3 runs {interpreter}", same, advice, must=True)


def graphics() -> Need:
    """Return whether torch sees a graphics processor; the book runs without one."""
    import torch

    if torch.cuda.is_available():
        return Need("GPU", torch.cuda.get_device_name())
    advice = "fine for smoke and quick; the paper profile takes hours to days on a processor alone"
    return Need("GPU", "none", False, advice)


def vision() -> Need:
    """Return whether torchvision can be imported, plainly or with its operators declared."""
    from lib.book.vision import load_torchvision

    try:
        return Need("torchvision", load_torchvision().__version__)
    except (ImportError, RuntimeError) as error:
        advice = "install torch and torchvision from the same index"
        return Need("torchvision", f"import fails ({error})", False, advice, must=True)


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
