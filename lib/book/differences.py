"""Which committed files a run has changed, and why: one line for the end of a run."""

from pathlib import Path

from lib.book import costs
from lib.book.files import git

SHOWN = 3  # files that the line names
WRITTEN = ("figures", "data", "notebooks/*.ipynb")  # by a run
READ = ("lib", "notebooks/*.py")


def told(root: Path, profile: str) -> str:
    """Return a line on the committed files that are no longer as committed, "" if all are.

    It is empty as well where git or a repository is missing.
    """
    files = _changed(root, *WRITTEN)
    if not files:
        return ""
    names = ", ".join(files[:SHOWN]) + ", ..." * (len(files) > SHOWN)
    return f"{len(files)} committed files are not as committed ({names}): {_why(root, profile)}"


def processor_kind() -> str:
    """Return what decides the last bits of a computation: the maker and the widest instructions."""
    import torch

    from lib.runs.results import processor

    name = processor()
    maker = next((each for each in ("AMD", "Intel") if each in name), name)
    return f"{maker}, {torch.backends.cpu.get_cpu_capability()}"


def _why(root: Path, profile: str) -> str:
    edited = _changed(root, *READ)
    if edited:
        return f"{edited[0]} was changed"
    made_on, here = costs.made_on(profile, root), processor_kind()
    if here not in made_on:
        return (
            f"this processor ({here}) has other instruction sets than the one the pages were made "
            f"on ({'; '.join(made_on) or 'unknown'}), which pictures that compute with a "
            "network live may show in their last bits"
        )
    return "with this code, on such a processor, they should be; has ./run_all.sh --check a note?"


def _changed(root: Path, *paths: str) -> list[str]:
    return (git("diff", "--name-only", "HEAD", "--", *paths, root=root) or "").splitlines()
