"""MMI as the paper uses it (section 4.2): three frames at the peak of every frontal sequence.

Assumed layout, that of a download from the database: one folder to a session, Sessions/1767, with
- S001-091.avi, the video: S001 is the person;
- S001-091.xml, whose <Metatag Name="Emotion" Value="1"/> is the label: 1 to 6 are anger, disgust,
  fear, happiness, sadness and surprise, more are others; it may stand in session.xml as well;
- session.xml, whose <track view="0"/> says from where the video was taken: 0 is the front;
- S001-091-oao_aucs.xml, where an expert marked the action units: <Marker Frame="37" Type="2"/> is
  the frame, counted from 1, at which one reaches its apex (2) or leaves it (3).

The three frames are centred on the median of these marks or, without any, on the middle of the
video. Some videos were taken with the camera on its side: each frame is turned until its face is
upright.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np

from lib.faces.alignment import align_upright
from lib.faces.data.corpus import BASIC
from lib.faces.data.sequences import LAST, Listing, Picture, Sequence, attempt

FRONT = "0"
APEX = ("2", "3")
PERSON = re.compile(r"(S\d+)-", re.IGNORECASE)  # at the beginning of a video's name


def listing(folder: Path, files: Mapping[str, list[str]]) -> Listing:
    """Return the frontal sequences labelled with one of the six expressions."""
    found = Listing()
    for name in (video for videos in files.values() for video in videos):
        video = folder / name
        try:
            person, expression = _person(video), _expression(video)
        except (OSError, ValueError) as error:
            found.skipped[name] = str(error)
            continue
        marks = _marks(name)
        beside = (marks,) if (folder / marks).is_file() else ()
        found.sequences.append(Sequence(name, person, expression, (name,), beside))
    return found


def aligned(folder: Path, sequence: Sequence, side: int) -> Iterator[Picture]:
    """Yield three aligned frames of a sequence, or one line for all of it."""
    (name,) = sequence.files
    try:
        apex = read_apex(folder / sequence.beside[0]) if sequence.beside else None
        frames = read_frames(folder / name, apex)
    except (OSError, ValueError) as error:
        yield Picture(name, 0, None, str(error))
        return
    for number, frame in frames.items():

        def make(frame: np.ndarray = frame) -> np.ndarray:
            return align_upright(frame, side)

        yield attempt(folder, f"{name}, frame {number}", number, make)


def read_apex(path: Path) -> int | None:
    """Return the frame amid all marks of an apex, counted from 0, or None where there are none."""
    marks = [mark for mark in _parsed(path).iter("Marker") if mark.get("Type") in APEX]
    numbers = [mark.get("Frame", "") for mark in marks]
    if wrong := [number for number in numbers if not number.isdecimal()]:
        raise ValueError(f"{path.name} marks the frame {wrong[0]!r}, no number")
    return round(float(np.median([int(number) for number in numbers]))) - 1 if numbers else None


def read_frames(path: Path, apex: int | None) -> dict[int, np.ndarray]:
    """Return three frames (h, w, 3) of a video, by number, around its apex or else its middle."""
    count = sum(1 for _ in _decoded(path))
    if count < LAST:
        raise ValueError(f"{path.name} has {count} frames instead of {LAST} or more")
    centre = count // 2 if apex is None else apex
    first = min(max(centre - LAST // 2, 0), count - LAST)
    return {
        number: frame.to_ndarray(format="rgb24")
        for number, frame in enumerate(_decoded(path))
        if first <= number < first + LAST
    }


def _decoded(path: Path) -> Iterator[av.VideoFrame]:
    """Yield the frames of a video, or raise ValueError with one line."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ValueError(f"{path.name} has no pictures")
            yield from container.decode(container.streams.video[0])
    except av.error.FFmpegError as error:
        reason = error.strerror or "damaged"
        raise ValueError(f"{path.name} cannot be decoded ({reason}); get it again") from None


def _person(video: Path) -> str:
    """Return who a video shows, or raise ValueError: taken for a person each, videos would leak."""
    if not (found := PERSON.match(video.name)):
        raise ValueError("its name does not begin with its person, as that of S001-091.avi does")
    return found[1]


def _expression(video: Path) -> str:
    """Return the expression of a frontal video, or raise ValueError with why it is left out."""
    session, own = video.with_name("session.xml"), video.with_suffix(".xml")
    trees = [_parsed(path) for path in (own, session) if path.is_file()]
    views = [track.get("view", FRONT) for tree in trees for track in tree.iter("track")]
    tags = [tag for tree in trees for tag in tree.iter("Metatag") if tag.get("Name") == "Emotion"]
    if not tags:
        raise ValueError(f"no emotion in {own.name} or {session.name}")
    if aside := [view for view in views if view != FRONT]:
        raise ValueError(f"taken from view {aside[0]}, not from the front")
    value = tags[0].get("Value", "").strip()
    if not value.isdecimal() or value == "0":
        raise ValueError(f"the label is {value!r}, no whole number from 1 on")
    if int(value) > len(BASIC):
        raise ValueError(f"emotion {value} is none of the six expressions")
    return BASIC[int(value) - 1]


def _parsed(path: Path) -> ElementTree.Element:
    try:
        return ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter: its encoding
        raise ValueError(f"{path.name} is no XML ({error}); get it again") from None


def _marks(video: str) -> str:
    return video.rpartition(".")[0] + "-oao_aucs.xml"
