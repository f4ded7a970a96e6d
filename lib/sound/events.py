"""The labels of Part I (section 4.1): who sounds in a clip, and from when to when.

The official lists of DCASE 2018 task 4 are text, one event a line. They are read here, checked line
by line, and kept as arrays, so that a whole test set is counted in one call.
"""

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

CLASSES = (
    *("Alarm_bell_ringing", "Blender", "Cat", "Dishes", "Dog"),
    *("Electric_shaver_toothbrush", "Frying", "Running_water", "Speech", "Vacuum_cleaner"),
)
CLIP_SECONDS = 10.0  # "mainly consists of audio files with a length of 10 seconds"
WEAK_COLUMNS = ("filename", "event_labels")
STRONG_COLUMNS = ("filename", "onset", "offset", "event_label")
DURATION_COLUMNS = ("filename", "duration")
UNITS = (  # what times could be that are so many times as large as their clips are long
    (100.0, "frames, or from longer clips"),
    (1000.0, "milliseconds"),
    (float("inf"), "samples"),
)


@dataclass(frozen=True, eq=False)
class Events:
    """Clips and the sound events in them.

    `clips` are n names, `durations` (n,) float64 in seconds. The m events are four parallel arrays:
    `clip` (m,) int64 into `clips`, `label` (m,) int64 into `classes`, `onset` and `offset` (m,)
    float64 in seconds. A clip without events is a clip all the same.
    """

    clips: tuple[str, ...]
    durations: np.ndarray
    clip: np.ndarray
    label: np.ndarray
    onset: np.ndarray
    offset: np.ndarray
    classes: tuple[str, ...] = CLASSES

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.clip)

    @property
    def shape(self) -> tuple[int, int]:
        """Return the numbers of clips and classes."""
        return len(self.clips), len(self.classes)

    @cached_property
    def tags(self) -> np.ndarray:
        """Return which class sounds in which clip at all, (clips, classes) bool."""
        present = np.zeros(self.shape, dtype=bool)
        present[self.clip, self.label] = True
        return present

    @cached_property
    def fingerprint(self) -> str:
        """Return the first 16 hex digits of the SHA-256 over names, classes and arrays."""
        digest = hashlib.sha256("\n".join([*self.clips, "", *self.classes]).encode())
        for array in (self.durations, self.clip, self.label, self.onset, self.offset):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def replaced(
        self, clip: np.ndarray, label: np.ndarray, onset: np.ndarray, offset: np.ndarray
    ) -> "Events":
        """Return other events in the same clips; those that would end before they begin go."""
        kept = offset > onset
        clip, label, onset, offset = clip[kept], label[kept], onset[kept], offset[kept]
        return Events(self.clips, self.durations, clip, label, onset, offset, self.classes)

    def subset(self, clips: Sequence[str]) -> "Events":
        """Return the events of some clips, in the order in which these are named.

        Raises:
            ValueError: a clip is not among them.
        """
        place = {name: index for index, name in enumerate(self.clips)}
        if missing := [name for name in clips if name not in place]:
            raise ValueError(f"no clip is named {missing[0]} ({len(missing)} of {len(clips)} lack)")
        kept = np.array([place[name] for name in clips], dtype=np.int64)
        new_place = np.full(len(self.clips), -1)
        new_place[kept] = np.arange(len(kept))
        order = np.argsort(new_place[self.clip], kind="stable")
        order = order[new_place[self.clip[order]] >= 0]
        clip, label = new_place[self.clip[order]], self.label[order]
        onset, offset = self.onset[order], self.offset[order]
        durations = self.durations[kept]
        return Events(tuple(clips), durations, clip, label, onset, offset, self.classes)


def read_weak(path: str | Path, classes: tuple[str, ...] = CLASSES) -> dict[str, tuple[str, ...]]:
    """Return {file name: its labels} of a list of clip-level labels, joined by commas.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is wrong; the message names file and row.
    """
    found: dict[str, tuple[str, ...]] = {}
    for place, row in _rows(Path(path), WEAK_COLUMNS):
        name, labels = row["filename"], tuple(row["event_labels"].split(","))
        for label in labels:
            if label not in classes:
                raise ValueError(f"{place}: unknown label {label!r}")
        if name in found:
            raise ValueError(f"{place}: {name} is listed twice")
        found[name] = labels
    return found


def read_durations(path: str | Path) -> dict[str, float]:
    """Return {file name: seconds} of a list of clips and their durations.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is wrong; the message names file and row.
    """
    found: dict[str, float] = {}
    for place, row in _rows(Path(path), DURATION_COLUMNS):
        if row["filename"] in found:
            raise ValueError(f"{place}: {row['filename']} is listed twice")
        found[row["filename"]] = _seconds(row, "duration", place)
    return found


def read_strong(
    path: str | Path,
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
    for place, row in _rows(Path(path), STRONG_COLUMNS):
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
    _check_beyond(Path(path), beyond, len(written), padded=clips is not None)
    ends = np.array([lengths.get(name, every) for name in names], dtype=np.float64)
    columns = np.array(list(events), dtype=np.float64).reshape(-1, 4).T  # indices are exact in it
    clip, label = columns[:2].astype(np.int64)
    return Events(tuple(names), ends, clip, label, columns[2], columns[3], classes)


def _check_beyond(
    path: Path, beyond: Sequence[tuple[str, float, float]], events: int, padded: bool
) -> None:
    """Say how many events begin behind the end of their clips, or refuse them.

    Args:
        path: of the list.
        beyond: where each of them stands, its onset and its clip's end.
        events: how many there are in all.
        padded: whether single ones may lie there, in the padding behind a short clip.

    Raises:
        ValueError: most events lie there, padding or not, or one does that may not.
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
        raise ValueError(f"{place}: unknown label {row['event_label']!r}")
    onset, offset = _seconds(row, "onset", place), _seconds(row, "offset", place)
    if onset >= offset:
        raise ValueError(f"{place}: the event begins at {onset} s and ends at {offset} s")
    return classes.index(row["event_label"]), onset, offset


def _seconds(row: Mapping[str, str], column: str, place: str) -> float:
    """Return a time, or raise ValueError where it is none."""
    try:
        value = float(row[column])
    except ValueError:
        value = float("nan")
    if not 0 <= value < float("inf"):
        raise ValueError(f"{place}: {column} is {row[column]!r}, no time from 0 s on")
    return value


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield "file, row n" and the fields of each line of a table with a header.

    A byte-order mark, either kind of line end and empty lines do no harm.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no text, a column is missing, or a line has too many or too few fields.
    """
    text = read_text(path)
    header, _, _ = text.partition("\n")
    reader = csv.reader(text.splitlines(), delimiter="\t" if "\t" in header else ",")
    names = next(reader, [])
    if missing := [column for column in columns if column not in names]:
        raise ValueError(f"{path}, row 1: no column {missing[0]!r}; expected {', '.join(columns)}")
    for fields in reader:
        place = f"{path}, row {reader.line_num}"
        if not fields:
            continue
        if len(fields) != len(names):
            raise ValueError(f"{place}: {len(fields)} fields instead of {len(names)}")
        row = dict(zip(names, fields, strict=True))
        if not row["filename"]:
            raise ValueError(f"{place}: no file name")
        yield place, row


def read_text(path: Path, see: str = "`python -m lib.book.data_root list`") -> str:
    """Return the text of a list, without a byte-order mark.

    Args:
        path: of the list.
        see: where a reader who lacks it finds help.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no text.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no list {path}; see {see}")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8; fetch it again") from None


def clear_onsets(events: Events, margin: float) -> np.ndarray:
    """Return the events that begin and last clearly: indices (n,) int64.

    For `margin` seconds before such an event its class is silent and the clip already runs; for as
    long after its onset the event lasts. What other classes do meanwhile is left to chance.
    """
    found = []
    for index in range(len(events)):
        same = (events.clip == events.clip[index]) & (events.label == events.label[index])
        ends = events.offset[same & (events.onset < events.onset[index])]
        quiet = events.onset[index] - max([0.0, *ends.tolist()])
        length = events.offset[index] - events.onset[index]
        if quiet >= margin and length >= margin:
            found.append(index)
    return np.array(found, dtype=np.int64)
