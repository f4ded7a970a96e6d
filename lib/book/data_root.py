"""The data ladder: where the data lie, which rung of it is present, and how to fetch and check it.

Rungs: *original* (the data of the paper), *open* (real and free to fetch, but other data),
*embedded* (comes with the book's libraries, so that every chapter runs). From the command line:
`python -m lib.book.data_root list|get NAME|prepare NAME FOLDER|verify NAME`.
"""

import argparse
import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lib.book import archives, contents, datasets, downloads
from lib.book.datasets import DataFile, Dataset
from lib.book.downloads import shown
from lib.book.files import REPOSITORY

COMMAND = "python -m lib.book.data_root"
SOURCES = ".sources"  # folder under the data root for what datasets are made from


class UnknownDatasetError(ValueError):
    """No dataset is registered under the name asked for."""


def root() -> Path:
    """Return the data root: the environment variable BOOK_DATA, else data/raw in the repository.

    Raises:
        FileNotFoundError: BOOK_DATA names a folder that does not exist.
    """
    named = os.environ.get("BOOK_DATA")
    if not named:
        return REPOSITORY / "data" / "raw"
    if not Path(named).is_dir():
        raise FileNotFoundError(
            f"BOOK_DATA names {named}, which is no folder; make it, or unset BOOK_DATA"
        )
    return Path(named)


def present(name: str) -> bool:
    """Return whether all files of a dataset are there with the right size (bytes are not read).

    Files that may be encoded otherwise have no right size; of what is given on request, one file
    is enough.

    Raises:
        ValueError: no dataset has that name.
    """
    return next(_lacking(name), None) is None


def locate(name: str) -> Path:
    """Return the folder of a dataset that is present.

    Raises:
        ValueError: no dataset has that name.
        FileNotFoundError: a file is missing or has the wrong size.
    """
    lacking = next(_lacking(name), None)
    if lacking:
        raise FileNotFoundError(_not_found(name, lacking))
    return _folder(name)


def verify(name: str) -> None:
    """Compare every file of a dataset with its checksum, or what it holds with what it should.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: a file holds something else, or no dataset has that name.
    """
    folder = locate(name) if _dataset(name).ask else _folder(name)
    for file in datasets.DATASETS[name].files:
        if not (folder / file.name).is_file():
            raise FileNotFoundError(_not_found(name, f"{file.name} is missing"))
        if not _is_good(name, file, folder):
            raise ValueError(
                f"{shown(folder / file.name)} is truncated or altered (wrong checksum); "
                f"run `{COMMAND} get {name}`"
            )


def get(name: str) -> Path:
    """Show a dataset's licence, fetch or make what is missing or wrong, and return its folder.

    Raises:
        ValueError: no dataset has that name, an archive is refused, or a file that cannot be
            fetched is bad.
        FileNotFoundError: a file is missing and has no address to download from.
        ConnectionError: no mirror gave a file with the right checksum; what was there stays.
        OSError: the folder cannot be written.
    """
    folder, dataset = _folder(name), datasets.DATASETS[name]
    print(f"{dataset.title}, licence {dataset.licence}{_size(dataset)}, {dataset.homepage}")
    if (dataset.how or dataset.ask) and not present(name):
        raise FileNotFoundError(f"{_by_hand(dataset)}; the files belong under {shown(folder)}")
    for file in dataset.files:
        if file.urls and not _is_good(name, file, folder):
            downloads.fetch(file, folder)
    if dataset.sources and not all(_is_good(name, file, folder) for file in dataset.files):
        _make(name)
    verify(name)
    return folder


def prepare(name: str, source: Path) -> Path:
    """Make the files of a dataset from a folder with what its publisher offers; return theirs.

    Raises:
        ValueError: no dataset has that name or is made from others, the source is not what it
            should be, or what was made of it is not; what was there stays.
        FileNotFoundError: the source is not there, or lacks a file.
    """
    folder, dataset = _folder(name), datasets.DATASETS[name]
    if not dataset.converter:
        raise ValueError(f"{name} is not made from other files; run `{COMMAND} get {name}`")
    if not source.is_dir():
        raise FileNotFoundError(f"there is no folder {source}; see data/README.md for what it is")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".making_") as temporary:
        made = Path(temporary)
        importlib.import_module(dataset.converter).prepare(source, made)
        for file in dataset.files:
            if not _is_good(name, file, made):
                raise ValueError(
                    f"{file.name} made from {source} does not hold what it should; "
                    f"is that folder what {dataset.homepage} offers, whole and unaltered?"
                )
        for file in dataset.files:
            (folder / file.name).parent.mkdir(parents=True, exist_ok=True)
            (made / file.name).replace(folder / file.name)
    return folder


def rungs() -> list[tuple[str, str, str]]:
    """Return for each part its title, the best rung present and what to do for a better one.

    What is given on request is left out: each part says itself which of it is enough.
    """
    lines = []
    for part, title in datasets.PARTS.items():
        ladder = {rung: _names(part, rung) for rung in datasets.LADDER if _names(part, rung)}
        if not ladder:
            continue
        whole = (rung for rung, names in ladder.items() if all(map(present, names)))
        best = next(iter(ladder.values()))
        lacking = [f"`{COMMAND} get {n}`" for n in best if not present(n)]
        todo = f"run {' and '.join(lacking)}" if lacking else ""
        lines.append((title, next(whole, "embedded"), todo))
    return lines


def _make(name: str) -> None:
    """Fetch what a dataset is made from, make it, and throw away what it was made from.

    What was fetched whole is kept until then, unless it proves to be something else.
    """
    place = root() / SOURCES / name
    for source in datasets.DATASETS[name].sources:
        path = place / source.name
        if not (downloads.is_good(source, path) if source.checksum else path.is_file()):
            downloads.fetch(source, place)
    try:
        for path in [path for path in place.iterdir() if path.name.endswith(archives.ENDINGS)]:
            unpacked = place / path.name.partition(".")[0]
            shutil.rmtree(unpacked, ignore_errors=True)  # of an interrupted run
            archives.unpack(path, unpacked)
        prepare(name, place)
    except ValueError:
        shutil.rmtree(place)
        raise
    shutil.rmtree(place)


def _names(part: str, rung: str) -> list[str]:
    """Return the datasets to be fetched that together make a rung of a part."""
    return [
        name
        for name, dataset in datasets.DATASETS.items()
        if (dataset.part, dataset.rung) == (part, rung) and not dataset.ask
    ]


def _dataset(name: str) -> Dataset:
    """Return a registered dataset, or raise UnknownDatasetError with the names there are."""
    if name not in datasets.DATASETS:
        raise UnknownDatasetError(
            f"unknown dataset {name!r}; choose one of: {', '.join(datasets.DATASETS)}"
        )
    return datasets.DATASETS[name]


def _folder(name: str) -> Path:
    """Return where a dataset lies or will lie."""
    return root() / _dataset(name).folder


def _size(dataset: Dataset) -> str:
    """Return how large a dataset is, where that is known."""
    return f", {dataset.megabytes:.1f} MB" if dataset.megabytes else ""


def _by_hand(dataset: Dataset) -> str:
    """Return what a reader has to do, where no command does it."""
    if dataset.ask:
        return f"{dataset.title} is not for free download: {dataset.ask} ({dataset.homepage})"
    return f"{dataset.title} has no direct download: {dataset.how}"


def _lacking(name: str) -> Iterator[str]:
    """Yield one phrase for each file that is missing or has the wrong size."""
    folder, dataset = _folder(name), datasets.DATASETS[name]
    if dataset.ask and next(folder.glob(dataset.pattern), None) is None:
        yield f"no {dataset.pattern} is there"
    for file in dataset.files:
        path = folder / file.name
        if not path.is_file():
            yield f"{file.name} is missing"
        elif file.size not in (None, path.stat().st_size) and not contents.listed(name, file.name):
            yield f"{file.name} has {path.stat().st_size} bytes instead of {file.size}"


def _not_found(name: str, lacking: str) -> str:
    """Return the line that says what is lacking and what to do."""
    dataset = datasets.DATASETS[name]
    todo = f"{dataset.ask} ({dataset.homepage})" if dataset.ask else f"run `{COMMAND} get {name}`"
    return (
        f"{dataset.title} not found under {shown(_folder(name))} ({lacking}); "
        f"{todo}, or set BOOK_DATA"
    )


def _is_good(name: str, file: DataFile, folder: Path) -> bool:
    """Return whether a file of a dataset is there: its bytes, or what they must hold."""
    path = folder / file.name
    return downloads.is_good(file, path) or contents.holds(name, file.name, path)


def _print_list() -> None:
    """Print one line for each dataset."""
    for name, dataset in datasets.DATASETS.items():
        state = "present" if present(name) else "on request" if dataset.ask else "missing"
        print(
            f"{name:16} {dataset.part}  {dataset.rung:10} {state:10} {dataset.megabytes:7.1f} MB  "
            f"{dataset.title} ({dataset.licence})"
        )


def _parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    summary = "List, download, make and check the data of the book."
    parser = argparse.ArgumentParser(prog=COMMAND, description=summary)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="show every dataset, its licence and whether it is present")
    commands.add_parser("get", help="download a dataset and check it").add_argument("name")
    commands.add_parser("verify", help="check the files of a dataset").add_argument("name")
    making = commands.add_parser("prepare", help="make a dataset from its publisher's files")
    making.add_argument("name")
    making.add_argument("folder", type=Path, help="what the publisher offers, unpacked")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status: 0, 1 (data missing or bad), 2 (wrong use)."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "list":
            _print_list()
            return 0
        if options.command == "prepare":
            prepare(options.name, options.folder)
        else:
            {"get": get, "verify": verify}[options.command](options.name)
        print(f"{options.name} is complete under {shown(_folder(options.name))}")
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, UnknownDatasetError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
