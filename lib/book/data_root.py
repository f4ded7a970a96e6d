"""Where the data lie: committed beside the code, or a reader's own under BOOK_DATA.

`data/sources.toml` says what there is, whose it is and where it came from; `./run_all.sh --check`
whether it is here. From the command line: `python -m lib.book.data_root get NAME|verify`.
"""

import argparse
import os
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from lib.book.files import REPOSITORY, digest

COMMITTED = REPOSITORY / "data"
COMMAND = "python -m lib.book.data_root"
SUMS = "SHA256SUMS"  # of a committed folder, in the form of `sha256sum`
APPLE_DOUBLE = "._"  # how macOS begins the names of files that hold no data


@dataclass(frozen=True)
class Source:
    """One entry of data/sources.toml.

    A committed source has a folder of its name under data/. One with an `url` is one `file`, known
    by its `sha256`. One that says `ask` is a reader's to hold: it is there once an image or a film
    matches `pattern`. The last two lie in `folder` under the data root.
    """

    name: str
    title: str
    part: str
    licence: str
    origin: str
    changes: str = ""
    folder: str = ""
    file: str = ""
    url: str = ""
    sha256: str = ""
    megabytes: float = 0
    pattern: str = ""
    ask: str = ""

    @property
    def committed(self) -> bool:
        """Return whether it comes with the book."""
        return not self.folder

    @property
    def place(self) -> Path:
        """Return the folder where it lies or will lie."""
        return COMMITTED / self.name if self.committed else root() / self.folder


@cache
def sources() -> dict[str, Source]:
    """Return every source by its name, as data/sources.toml has them."""
    entries = tomllib.loads((COMMITTED / "sources.toml").read_text(encoding="utf-8"))
    return {name: Source(name, **entry) for name, entry in entries.items()}


def root() -> Path:
    """Return where a reader's own data lie: BOOK_DATA, else data/raw in the repository.

    Raises:
        FileNotFoundError: BOOK_DATA names a folder that does not exist.
    """
    named = os.environ.get("BOOK_DATA")
    if not named:
        return COMMITTED / "raw"
    if not Path(named).is_dir():
        raise FileNotFoundError(
            f"BOOK_DATA names {named}, which is no folder; make it, or unset BOOK_DATA"
        )
    return Path(named)


def present(name: str) -> bool:
    """Return whether a source is there; what is committed always should be."""
    source = _source(name)
    if source.committed:
        return source.place.is_dir()
    if source.file:
        return (source.place / source.file).is_file()
    return next(files(name), None) is not None


def files(name: str) -> Iterator[Path]:
    """Yield the files that a reader holds of a source given on request, in no order.

    Their endings may be in capitals.
    """
    source = _source(name)
    folders, _, wanted = source.pattern.rpartition("/")
    for path in source.place.glob(f"{folders}/*"):
        if fnmatchcase(path.name.lower(), wanted) and not path.name.startswith(APPLE_DOUBLE):
            yield path


def locate(name: str) -> Path:
    """Return the folder of a source; what is committed is compared with its digests, once.

    Raises:
        ValueError: no source has that name, or a committed file was changed.
        FileNotFoundError: it is not there, or not whole.
    """
    source = _source(name)
    if source.committed:
        _verify(source.place)
    elif not present(name):
        raise FileNotFoundError(
            f"{source.title} not found under {shown(source.place)}: {todo(name)}"
        )
    return source.place


def todo(name: str) -> str:
    """Return what a reader can do about a source that is not there."""
    source = _source(name)
    if source.file:
        return f"run `{COMMAND} get {name}` ({source.megabytes:.0f} MB), or set BOOK_DATA"
    looked_for = f"no file {source.pattern} under {shown(source.place)}; " * source.place.is_dir()
    return f"{looked_for}{source.ask} ({source.origin}), or set BOOK_DATA"


def get(name: str) -> Path:
    """Fetch the file of a source, checked; return its folder. A file that is there is kept.

    Raises:
        ValueError: no source has that name, it is not fetched, or what came is something else.
    """
    from torch.hub import download_url_to_file

    source = _source(name)
    if not source.file:
        how = f"it comes with the book ({shown(source.place)})" if source.committed else source.ask
        raise ValueError(f"{name} is not fetched: {how}")
    path = source.place / source.file
    print(f"{source.title}, licence {source.licence}, {source.megabytes:.0f} MB, {source.origin}")
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            download_url_to_file(source.url, str(path), hash_prefix=source.sha256)
        except RuntimeError as error:  # its digest is another
            raise ValueError(f"{source.url} gave something else ({error})") from None
    if digest(path) != source.sha256:
        raise ValueError(
            f"{shown(path)} is truncated or altered; delete it and run `{COMMAND} get {name}`"
        )
    return source.place


def shown(path: Path) -> str:
    """Return a path as a reader knows it: from the book's folder, where it lies inside."""
    return str(path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path)


@cache
def _verify(folder: Path) -> None:
    """Compare every file of a committed folder with its digest."""
    sums = folder / SUMS
    if not sums.is_file():
        raise FileNotFoundError(f"{shown(sums)} is missing; run `git checkout -- {shown(folder)}`")
    for line in sums.read_text(encoding="utf-8").splitlines():
        expected, name = line.split("  ", 1)
        restore = f"run `git checkout -- {shown(folder / name)}`"
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{shown(folder / name)} is missing; {restore}")
        found = digest(folder / name)
        if found != expected:
            raise ValueError(
                f"{shown(folder / name)} was changed: its SHA-256 is {found[:16]}..., "
                f"not {expected[:16]}...; {restore}"
            )


def _source(name: str) -> Source:
    if name not in sources():
        raise ValueError(f"unknown data {name!r}; choose one of: {', '.join(sources())}")
    return sources()[name]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status: 0, or 1 (data missing or bad)."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Fetch and check the data.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("get", help="fetch published weights, checked").add_argument("name")
    verify = commands.add_parser("verify", help="compare what is committed with its digests")
    verify.add_argument("names", nargs="*", help="all that is committed if none is given")
    options = parser.parse_args(arguments)
    try:
        if options.command == "get":
            print(f"{options.name} is complete under {shown(get(options.name))}")
        else:
            names = options.names or [name for name, each in sources().items() if each.committed]
            for name in names:
                locate(name)
            print(f"all files of {', '.join(names)} are as committed")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
