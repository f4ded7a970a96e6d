"""The lists that say what is in a clip, a recording, a photograph: text, one a line, checked.

Whatever is wrong is refused with one line that names file and row.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from lib.sound.events import CLASSES, CLIP_SECONDS, Events

WEAK_COLUMNS = ("filename", "event_labels")
STRONG_COLUMNS = ("filename", "onset", "offset", "event_label")
DURATION_COLUMNS = ("filename", "duration")
UNITS = (  # what times could be that are so many times as large as their clips are long
    (100.0, "frames, or from longer clips"),
    (1000.0, "milliseconds"),
    (float("inf"), "samples"),
)


def read_table(
    path: Path, columns: Sequence[str], unique: bool = False
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield "file, row n" and the fields of each line of a table with a header.

    Fields are separated by tabs where the header has one, else by commas. A byte-order mark, either
    kind of line end and empty lines do no harm.

    Args:
        path: of the table.
        columns: those it must have; no field of the first may be empty.
        unique: whether no two lines may have the same first of these.

    Raises:
        ValueError: it is no text, a column or the first field is missing, a column is there twice,
            a line has too many or too few fields, or is listed twice.
    """
    text = _text(path)
    reader = csv.reader(text.splitlines(), delimiter="\t" if "\t" in text.split("\n")[0] else ",")
    names = next(reader, [])
    if missing := [column for column in columns if column not in names]:
        raise ValueError(
            f"{path}, row 1: no column {missing[0]!r}; "
            f"expected {', '.join(columns)}, separated by tabs or commas"
        )
    if twice := [column for column in columns if names.count(column) > 1]:
        raise ValueError(f"{path}, row 1: column {twice[0]!r} is there twice; keep one of them")
    seen: set[str] = set()
    for fields in filter(None, reader):
        place = f"{path}, row {reader.line_num}"
        if len(fields) != len(names):
            raise ValueError(f"{place}: {len(fields)} fields instead of {len(names)}")
        row = dict(zip(names, fields, strict=True))
        first = row[columns[0]]
        if not first:
            raise ValueError(f"{place}: no {columns[0]}")
        if unique and first in seen:
            raise ValueError(f"{place}: {first} is listed twice")
        seen.add(first)
        yield place, row


def _text(path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(f"there is no list {path}; see data/README.md")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8; fetch it again") from None


def read_weak(path: Path) -> dict[str, tuple[str, ...]]:
    """Return {file name: its labels} of a list of clip-level labels, joined by commas."""
    found: dict[str, tuple[str, ...]] = {}
    for place, row in read_table(path, WEAK_COLUMNS, unique=True):
        labels = tuple(row["event_labels"].split(","))
        if unknown := [label for label in labels if label not in CLASSES]:
            raise ValueError(_unknown(unknown[0], place, CLASSES))
        found[row["filename"]] = labels
    return found


def read_durations(path: Path) -> dict[str, float]:
    """Return {file name: seconds} of a list of clips and their durations."""
    rows = read_table(path, DURATION_COLUMNS, unique=True)
    return {row["filename"]: as_seconds(row, "duration", place) for place, row in rows}


def read_strong(
    path: Path,
    durations: Mapping[str, float] | float = CLIP_SECONDS,
    *,
    clips: Sequence[str] | None = None,
    classes: tuple[str, ...] = CLASSES,
) -> Events:
    """Return a list of events: file name, onset, offset, label; empty fields say "no event here".

    The published lists are separated by tabs, some predictions by commas with a numbered first
    column: both are read.

    Args:
        path: of the list.
        durations: {file name: seconds} (others last 10 s), or one number for all. Offsets past the
            end are clipped to it, and what is then the same event is one; infinity leaves a list as
            it is written.
        clips: the names and order of the clips; those of the list, in its order, where None. Give
            them for predictions: a clip in which nothing was found is not in its list, and what
            was found in the padding behind a short clip is left out, which a printed line says.
            Another says how many events overlap others of their class, which all count.
        classes: the labels there may be.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is wrong (the message names file and row), or most events lie beyond
            their clips, so that their times can be no seconds.
    """
    every = CLIP_SECONDS if isinstance(durations, Mapping) else float(durations)
    lengths = durations if isinstance(durations, Mapping) else {}
    names = {name: index for index, name in enumerate(clips or ())}
    written: set[tuple[str, int, float, float]] = set()
    events: dict[tuple[int, int, float, float], None] = {}  # ordered, each once
    beyond: list[tuple[str, float, float]] = []
    for place, row in read_table(path, STRONG_COLUMNS):
        name = row["filename"]
        if clips is not None and name not in names:
            raise ValueError(f"{place}: {name} is not one of the {len(clips)} clips asked for")
        index = names.setdefault(name, len(names))
        event, seconds = _event(row, place, classes), lengths.get(name, every)
        if event is None:
            continue
        if (name, *event) in written:
            raise ValueError(f"{place}: the same event is listed twice")
        written.add((name, *event))
        label, onset, offset = event
        if onset >= seconds:
            beyond.append((place, onset, seconds))
        else:
            events[index, label, onset, min(offset, seconds)] = None
    _check_beyond(path, beyond, len(written), padded=clips is not None)
    ends = np.array([lengths.get(name, every) for name in names], dtype=np.float64)
    columns = np.array(list(events), dtype=np.float64).reshape(-1, 4).T  # indices are exact in it
    clip, label = columns[:2].astype(np.int64)
    found = Events(tuple(names), ends, clip, label, columns[2], columns[3], classes)
    _tell_overlaps(path, found)
    return found


def _check_beyond(
    path: Path, beyond: Sequence[tuple[str, float, float]], events: int, padded: bool
) -> None:
    """Say how many events begin behind the end of their clips, or refuse them.

    `beyond` holds where each of them stands, its onset and its clip's end; single ones may lie in
    the padding behind a short clip, where there is some.
    """
    times = [onset / max(end, CLIP_SECONDS) for _, onset, end in beyond]
    far = [time for time in times if time >= 1]  # not in the padding
    if len(far) > events / 2:
        unit = next(unit for most, unit in UNITS if max(far) < most)
        raise ValueError(
            f"{path}: {len(far)} of {events} events begin after their clips have ended; "
            f"times are in seconds: are these {unit}?"
        )
    if beyond and not padded:
        place, onset, end = beyond[0]
        raise ValueError(f"{place}: begins at {onset} s, but the clip ends at {end} s")
    if beyond:
        print(f"{path.name}: {len(beyond)} of {events} events begin after their clips; left out")


def _tell_overlaps(path: Path, events: Events) -> None:
    """Say how many events begin before another of their clip and class has ended."""
    ends: dict[tuple[int, int], float] = {}
    overlapping = 0
    for index in np.argsort(events.onset, kind="stable"):
        place = int(events.clip[index]), int(events.label[index])
        overlapping += bool(events.onset[index] < ends.get(place, 0.0))
        ends[place] = max(ends.get(place, 0.0), float(events.offset[index]))
    if overlapping:
        print(
            f"{path.name}: {overlapping} of {len(events)} events begin before another of their "
            "class has ended in their clip; each counts for itself"
        )


def _event(
    row: Mapping[str, str], place: str, classes: tuple[str, ...]
) -> tuple[int, float, float] | None:
    """Return class, onset and offset of one line, or None where its three fields are empty."""
    fields = [row[column] for column in STRONG_COLUMNS[1:]]
    if not any(fields):
        return None
    if not all(fields):
        raise ValueError(f"{place}: onset, offset and label are given together or not at all")
    if row["event_label"] not in classes:
        raise ValueError(_unknown(row["event_label"], place, classes))
    onset, offset = as_seconds(row, "onset", place), as_seconds(row, "offset", place)
    if onset >= offset:
        raise ValueError(f"{place}: the event begins at {onset} s and ends at {offset} s")
    return classes.index(row["event_label"]), onset, offset


def _unknown(label: str, place: str, classes: Sequence[str]) -> str:
    return f"{place}: unknown label {label!r}; expected one of {', '.join(classes)}"


def as_seconds(row: Mapping[str, str], column: str, place: str) -> float:
    """Return a time, or raise ValueError where it is none."""
    try:
        value = float(row[column])
    except ValueError:
        value = float("nan")
    if not 0 <= value < float("inf"):
        raise ValueError(f"{place}: {column} is {row[column]!r}, no time from 0 s on")
    return value
