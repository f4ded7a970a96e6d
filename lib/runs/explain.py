"""Where a number comes from, in words: `python -m lib.runs.explain FILE`.

FILE is a figure or table (.png, .csv or .json), a result, weights (.safetensors or .json) or a
claims.json.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from lib.book.files import REPOSITORY
from lib.runs import results
from lib.runs.checkpoints import file_digest
from lib.runs.results import Result


def files(sources: Iterable[Result | None]) -> list[str]:
    """Return the files of results as the book knows them, each once, ordered by name."""
    places = {results.location(s.part, s.experiment, s.config) for s in sources if s}
    return sorted(
        place.relative_to(REPOSITORY).as_posix() if place.is_relative_to(REPOSITORY) else place.name
        for place in places
    )


def explain(path: str | Path) -> str:
    """Return in YAML what a file of the book is and how it came about.

    Of a figure that rests on results it is also said what these have in common.

    Raises:
        FileNotFoundError: there is no such file, or no JSON beside it.
        ValueError: the file is damaged.
    """
    record = Path(path).resolve().with_suffix(".json")
    if not Path(path).is_file() or not record.is_file():
        raise FileNotFoundError(f"no {path}, or no JSON beside it; name one of figures/ or data/")
    try:
        content = json.loads(record.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); make it again") from None
    if isinstance(content, dict):
        if "digest" in content:  # a result; damage is told by `load`
            content["metrics"] = list(results.load(record).metrics)
        if (weights := record.with_suffix(".safetensors")).is_file():
            content = {"digest of the weights": file_digest(weights), **content}
        if found := [results.load(REPOSITORY / each) for each in content.get("sources", ())]:
            seconds = sum(each.provenance["seconds"] for each in found)
            content["together"] = {
                "results": len(found),
                "seconds": round(seconds),
                **_alike(found),
            }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)


def _alike(found: Sequence[Result]) -> dict[str, Any]:
    """Return the entries of config and provenance that all results have alike."""
    first, *others = ({**each.config, **each.provenance} for each in found)
    return {
        name: value
        for name, value in first.items()
        if all(name in other and other[name] == value for other in others)
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Explain the file that the command line names; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lib.runs.explain")
    parser.add_argument("file", help="of figures/, data/results/ or data/checkpoints/")
    try:
        print(explain(parser.parse_args(arguments).file), end="")
    except (ValueError, FileNotFoundError) as error:
        parser.exit(1, f"{error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
