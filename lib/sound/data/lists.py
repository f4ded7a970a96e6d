"""The lists that come with the book: what is in a clip, a recording, a photograph, one a line.

Whatever is wrong is refused with one line that names file and row.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from lib.sound.events import CLASSES, CLIP_SECONDS, Events

STRONG_COLUMNS = ("filename", "onset", "offset", "event_label")


def read_table(
    path: Path, columns: Sequence[str], unique: bool = False
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield "file, row n" and the fields of each line of a table with a header.

    Fields are separated by tabs where the header has one, else by commas. Of the columns that it
    must have, no field of the first may be empty, nor be there twice if `unique`.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    reader = csv.DictReader(lines, delimiter="\t" if "\t" in "".join(lines[:1]) else ",")
    if missing := [column for column in columns if column not in (reader.fieldnames or ())]:
        raise ValueError(f"{path}, row 1: no column {missing[0]!r}")
    seen: set[str] = set()
    for row in reader:
        place, first = f"{path}, row {reader.line_num}", row[columns[0]]
        if None in row or None in row.values():
            raise ValueError(f"{place}: not as many fields as columns")
        if not first:
            raise ValueError(f"{place}: no {columns[0]}")
        if unique and first in seen:
            raise ValueError(f"{place}: {first} is listed twice")
        seen.add(first)
        yield place, row


def read_weak(path: Path) -> dict[str, tuple[str, ...]]:
    """Return {file name: its labels} of a list of clip-level labels, joined by commas."""
    found: dict[str, tuple[str, ...]] = {}
    for place, row in read_table(path, ("filename", "event_labels"), unique=True):
        labels = row["event_labels"].split(",")
        found[row["filename"]] = tuple(CLASSES[_label(each, place, CLASSES)] for each in labels)
    return found


def read_durations(path: Path) -> dict[str, float]:
    """Return {file name: seconds} of a list of clips and their durations."""
    rows = read_table(path, ("filename", "duration"), unique=True)
    return {row["filename"]: as_seconds(row, "duration", place) for place, row in rows}


def read_strong(
    path: Path,
    durations: Mapping[str, float] | float = CLIP_SECONDS,
    *,
    clips: Sequence[str] | None = None,
    classes: tuple[str, ...] = CLASSES,
) -> Events:
    """Return a list of events: file name, onset, offset, label; an empty label says "no event".

    Args:
        path: of the list.
        durations: {file name: seconds} (others last 10 s), or one number for all. What lies past
            the end is cut off, and what is then the same event is one; infinity leaves a list as it
            is written.
        clips: the names and order of the clips; those of the list, in its order, where None. Give
            them for predictions: a clip in which nothing was found is not in its list.
        classes: the labels there may be.
    """
    every = CLIP_SECONDS if isinstance(durations, Mapping) else float(durations)
    lengths = durations if isinstance(durations, Mapping) else {}
    names = {name: index for index, name in enumerate(clips or ())}
    events: dict[tuple[int, int, float, float], None] = {}  # ordered, each once
    for place, row in read_table(path, STRONG_COLUMNS):
        name = row["filename"]
        if clips is not None and name not in names:
            raise ValueError(f"{place}: {name} is not one of the {len(clips)} clips asked for")
        index = names.setdefault(name, len(names))
        if row["event_label"]:
            label = _label(row["event_label"], place, classes)
            onset, offset = as_seconds(row, "onset", place), as_seconds(row, "offset", place)
            if onset >= offset:
                raise ValueError(f"{place}: the event begins at {onset} s and ends at {offset} s")
            events[index, label, onset, min(offset, lengths.get(name, every))] = None
    ends = np.array([lengths.get(name, every) for name in names], dtype=np.float64)
    nothing, no_time = np.zeros(0, dtype=np.int64), np.zeros(0)
    found = Events(tuple(names), ends, nothing, nothing, no_time, no_time, classes)
    columns = np.array(list(events), dtype=np.float64).reshape(-1, 4).T  # indices are exact in it
    return found.replaced(*columns[:2].astype(np.int64), *columns[2:])  # in the padding: left out


def _label(label: str, place: str, classes: Sequence[str]) -> int:
    if label not in classes:
        raise ValueError(f"{place}: unknown label {label!r}; expected one of {', '.join(classes)}")
    return classes.index(label)


def as_seconds(row: Mapping[str, str], column: str, place: str) -> float:
    """Return a time, or raise ValueError where it is none."""
    try:
        value = float(row[column])
    except ValueError:
        value = float("nan")
    if not 0 <= value < float("inf"):
        raise ValueError(f"{place}: {column} is {row[column]!r}, no time from 0 s on")
    return value
