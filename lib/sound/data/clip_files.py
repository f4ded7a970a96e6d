"""The media files of clips: found by name, decoded once, and what came of it remembered.

Decoding and hashing thousands of clips takes long, so that the outcome is kept in a file. It holds
as long as a clip's files keep their places, sizes and times of change.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lib.book import files
from lib.sound.data import media
from lib.sound.data.corpus import Waveform
from lib.sound.events import CLIP_SECONDS

BOTH = (".mp4", ".mkv", ".webm", ".mov")
AUDIO = (".wav", ".flac", ".ogg", ".opus", ".m4a", ".mp3", ".aac", *BOTH)  # the best first
NO_AUDIO = "no file of that name under audio/"
NO_PICTURES = "no pictures"
ENDS = np.array([0.0, CLIP_SECONDS])  # seconds; to show both, all between them is decoded

VERSION = 3  # raise it when what can be used changes: every clip is then decoded once more


@dataclass(frozen=True)
class Verdict:
    """What came of decoding a clip: a digest of its files, and why it is bad, if it is."""

    content: str
    reason: str


def read_memo(path: Path) -> dict[str, Verdict]:
    """Return {stamp: verdict} of a file with one a line; a damaged line is left out."""
    found = {}
    for line in path.read_text().splitlines() if path.is_file() else ():
        with suppress(ValueError):
            stamp, content, reason = json.loads(line)
            found[stamp] = Verdict(content, reason)
    return found


class Clips:
    """The media files of clips, found by the names of the lists."""

    def __init__(self, place: Path, memo: Path) -> None:
        """Find sound under audio/ and pictures under video/ of a folder; read what is known."""
        self._place = place
        self._audio = by_stem(place / "audio", AUDIO)
        self._video = by_stem(place / "video", BOTH)
        self._memo, self._verdicts = memo, read_memo(memo)

    def lacking(self, name: str) -> str:
        """Return which file a clip lacks, by names alone; nothing where it lacks none."""
        stem = Path(name).stem
        if stem not in self._audio:
            return NO_AUDIO
        seen = stem in self._video or self._audio[stem].suffix.lower() in BOTH
        return "" if seen else NO_PICTURES

    def audio(self, name: str) -> Waveform:
        """Return the sound of a clip; raise ValueError where the file is bad."""
        return media.read_audio(self._audio[Path(name).stem])

    def frames(self, name: str, times: np.ndarray) -> np.ndarray | None:
        """Return pictures of a clip, or None where it has none; raise ValueError for a bad file."""
        stem = Path(name).stem
        return media.read_frames(self._video.get(stem, self._audio[stem]), times)

    def verdict(self, name: str) -> Verdict:
        """Return what comes of decoding a clip; while its files stay as they are, once."""
        try:
            stamp = self._stamp(name)
            if stamp in self._verdicts:
                return self._verdicts[stamp]
            digests = " ".join(map(files.digest, self._files(name)))
            content = hashlib.sha256(digests.encode()).hexdigest()
            found = Verdict(content, self._fault(name))
        except OSError as error:  # which may pass: nothing to remember
            return Verdict("", self._one_line(error))
        self._verdicts[stamp] = found
        self._memo.parent.mkdir(parents=True, exist_ok=True)
        with self._memo.open("a") as file:
            file.write(json.dumps([stamp, found.content, found.reason]) + "\n")
        return found

    def _fault(self, name: str) -> str:
        """Return why a clip cannot be used, nothing where it can."""
        try:
            self.audio(name)
            return NO_PICTURES if self.frames(name, ENDS) is None else ""
        except ValueError as error:
            return self._one_line(error)

    def _one_line(self, error: Exception) -> str:
        """Return what an error says, fit for a field of a table, its paths inside the folder."""
        return " ".join(str(error).replace(f"{self._place}{os.sep}", "").split())

    def _files(self, name: str) -> list[Path]:
        stem = Path(name).stem
        return [found[stem] for found in (self._audio, self._video) if stem in found]

    def _stamp(self, name: str) -> str:
        """Return what changes with the places, sizes and times of change of a clip's files."""
        facts: list[object] = [VERSION, name]
        for path in self._files(name):
            stat = path.stat()
            facts += [path.relative_to(self._place), stat.st_size, stat.st_mtime_ns]
        return " ".join(map(str, facts))


def by_stem(place: Path, endings: tuple[str, ...]) -> dict[str, Path]:
    """Return {name without ending: file}, of several the one whose ending comes first."""
    files = sorted(
        media_files(place, endings), key=lambda path: (endings.index(path.suffix.lower()), path)
    )
    return {path.stem: path for path in reversed(files)}


def media_files(place: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files below a folder that have one of these endings."""
    return (path for path in place.rglob("*") if path.suffix.lower() in endings and path.is_file())
