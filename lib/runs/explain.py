"""Where a number comes from: what a figure's JSON says of its sources, and any file in words.

    python -m lib.runs.explain FILE

FILE is a figure or table (.png, .csv or .json), a result, weights (.safetensors or .json) or a
claims.json.
"""

import argparse
import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lib.book.claims import from_entry
from lib.book.files import REPOSITORY
from lib.runs import results
from lib.runs.checkpoints import file_digest
from lib.runs.results import Result

# Of a result's provenance: with which code, on what machine, how long. What else is there differs
# from run to run and tells nothing (memory), or is said by the config.
ORIGIN = (
    *("code", "seconds", "rung", "platform", "processor", "device", "torch_threads"),
    *("python", "torch", "numpy"),
)
UNITS = ("clips", "images", "people", "test", "test_images")  # numbers that say how many
WIDTH = 100  # columns of text


def summary(sources: Iterable[Result | None]) -> dict[str, Any]:
    """Return in plain JSON what a figure rests on; what all sources share is said once.

    `count` results took `seconds` in all; `n` says of how many units they speak, by the name under
    which config or metrics have it (a list where the results differ). `shared` and, for each file,
    what is its own hold the config and the provenance. Files are in the order of their names.
    Without a source there is no more to say than that.
    """
    found = {relative(results.location(s.part, s.experiment, s.config)): s for s in sources if s}
    if not found:
        return {"count": 0, "each": []}
    found = dict(sorted(found.items()))
    records = [_record(source) for source in found.values()]
    shared = _common(records)
    each = [
        {"file": file, **_rest(record, shared)} for file, record in zip(found, records, strict=True)
    ]
    seconds = sum(source.provenance.get("seconds", 0) for source in found.values())
    return {
        "count": len(each),
        "seconds": round(seconds, 3),
        "n": _units(found.values()),
        "shared": shared,
        "each": each,
    }


def as_json(described: Mapping[str, Any]) -> str:
    """Return a figure's description as the text of its JSON: each source is one line.

    `described` ends with "sources", as `summary` has made them.
    """
    sources = described["sources"]
    lines = ",\n".join("   " + json.dumps(each, ensure_ascii=False) for each in sources["each"])
    frame = {**described, "sources": {**sources, "each": []}}
    head, _, tail = json.dumps(frame, indent=1, ensure_ascii=False).rpartition("[]")
    return f"{head}[\n{lines}\n  ]{tail}\n" if lines else f"{head}[]{tail}\n"


def relative(file: Path) -> str:
    """Return a file's path in the book; of one elsewhere, its name."""
    return file.relative_to(REPOSITORY).as_posix() if file.is_relative_to(REPOSITORY) else file.name


def explain(path: str | Path) -> str:
    """Return in words what a file of the book is and how it came about.

    Raises:
        FileNotFoundError: there is no such file, or no JSON beside it.
        ValueError: it is none of the files that can be explained, or damaged.
    """
    file = Path(path).resolve()
    record = file if file.suffix == ".json" else file.with_suffix(".json")
    if not file.is_file() or not record.is_file():
        lacking = record if file.is_file() else file
        raise FileNotFoundError(f"there is no {lacking}; name a file of figures/ or data/")
    try:
        content = json.loads(record.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); make it again") from None
    title = relative(record)
    if isinstance(content, list):
        return "\n".join([title, "", *_outline(_claims(content, path))])
    if not isinstance(content, dict) or not content.keys() & {"sources", "metrics", "run"}:
        raise ValueError(f"{path} is no figure, result, weights or claims.json of this book")
    if "digest" in content:  # a result; damage is told by `load`
        result = results.load(record)
        day = result.provenance.get("day")
        content = {"key": content["key"], **_record(result), "day": day}
        content["metrics"] = list(result.metrics)
    weights = record.with_suffix(".safetensors")
    if "run" in content and weights.is_file():
        content = {"digest of the weights": file_digest(weights), **content}
    return "\n".join([title, "", *_outline(content)])


def _claims(content: list[Any], path: str | Path) -> dict[str, Any]:
    try:
        claims = [from_entry(entry).entry() for entry in content]
        return {f"{claim.pop('part')}, {claim.pop('claim')}": claim for claim in claims}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} holds no claims ({error}); run the chapters again") from None


def _record(source: Result) -> dict[str, Any]:
    """Return what a figure says of one source."""
    origin = {name: source.provenance[name] for name in ORIGIN if name in source.provenance}
    return {
        "experiment": f"{source.part}/{source.experiment}",
        "config": source.config,
        "provenance": origin,
    }


def _common(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the entries that all records have alike, those of dicts in dicts too."""
    first, *others = records
    shared: dict[str, Any] = {}
    for name, value in first.items():
        values = [record[name] for record in records if name in record]
        if len(values) == len(records) and all(isinstance(each, dict) for each in values):
            shared |= {name: inner} if (inner := _common(values)) else {}
        elif all(name in other and other[name] == value for other in others):
            shared[name] = value
    return shared


def _rest(record: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries of a record that are not shared."""
    rest: dict[str, Any] = {}
    for name, value in record.items():
        if name not in shared:
            rest[name] = value
        elif isinstance(value, dict) and (inner := _rest(value, shared[name])):
            rest[name] = inner
    return rest


def _units(sources: Iterable[Result]) -> dict[str, int | list[int]]:
    """Return the numbers of units that configs and metrics name, by their dotted place."""
    found: dict[str, set[int]] = {}
    for source in sources:
        metrics = {name: value for name, value in source.metrics.items() if type(value) is int}
        for place, count in _counts({**metrics, **source.config}):
            found.setdefault(place, set()).add(count)
    lists = {place: sorted(counts) for place, counts in sorted(found.items())}
    return {place: counts[0] if len(counts) == 1 else counts for place, counts in lists.items()}


def _counts(config: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, int]]:
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _counts(value, f"{place}{name}.")
        elif name in UNITS and type(value) is int:
            yield f"{place}{name}", value


def _outline(content: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Yield nested content as lines of text, dicts indented, records of a list one line each."""
    for name, value in content.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{name}:"
            yield from _outline(value, indent + "  ")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"{indent}{name}:"
            yield from (f"{indent}  {_inline(each)}" for each in value)
        else:
            text = f"{name}: {_inline(value)}"
            yield textwrap.fill(
                text, WIDTH, initial_indent=indent, subsequent_indent=indent + "    "
            )


def _inline(value: Any) -> str:
    """Return a value on one line, without the marks of JSON; dashes stand for nothing."""
    if value in (None, "", {}, []):
        return "–"
    if isinstance(value, dict):
        return ", ".join(
            _inline(each) if isinstance(each, dict) else f"{name} {_inline(each)}"
            for name, each in value.items()
        )
    if isinstance(value, list):
        return ", ".join(map(_inline, value))
    return str(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Explain the file that the command line names; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m lib.runs.explain")
    parser.add_argument("file", help="of figures/, data/results/ or data/checkpoints/")
    try:
        print(explain(parser.parse_args(arguments).file))
    except (ValueError, FileNotFoundError) as error:
        parser.exit(1, f"{error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
