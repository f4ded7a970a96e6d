"""The original rung of Part I: the clips of DCASE 2018 task 4 themselves (section 4.1).

The official lists lie in dcase2018_task4/metadata under the data root. The clips belong beside
them: sound under audio/, pictures under video/, or both in one file under audio/, in any folders
below, under the names of the lists with any ending. `python -m lib.sound.datasets.fetch` gets them.
"""

import csv
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from lib.book import data_root
from lib.sound import media
from lib.sound.data import SPLITS, Corpus, Waveform
from lib.sound.labels import read_durations, read_strong, read_weak

LISTS = {
    "weak": "metadata/train/weak.csv",
    "unlabelled": "metadata/train/unlabel_in_domain.csv",
    "validation": "metadata/test/test.csv",  # the challenge calls it test, and its test "eval"
    "test": "metadata/eval/eval.csv",
}
ROW_PER_EVENT = ("validation", "test")
BOTH = (".mp4", ".mkv", ".webm", ".mov")
AUDIO = (".wav", ".flac", ".ogg", ".opus", ".m4a", ".mp3", ".aac", *BOTH)  # the best first
NAME = re.compile(r"Y([A-Za-z0-9_-]{11})_(\d+\.\d{3})_(\d+\.\d{3})\.wav")
ADDRESS = "https://www.youtube.com/watch?v={video}"
NO_AUDIO = "no file of that name under audio/"


@dataclass(frozen=True)
class Source:
    """Where a clip comes from: a video on YouTube, from `start` to `end` in seconds."""

    video: str
    start: float
    end: float


def parse_name(name: str) -> Source:
    """Return what the name of a clip, Y<11 characters>_<start>_<end>.wav, says of its source.

    Raises:
        ValueError: it is no such name.
    """
    found = NAME.fullmatch(name)  # by position, since the 11 characters may hold - and _
    if not found or float(found[2]) >= float(found[3]):
        raise ValueError(f"{name!r} is no clip; expected Y<11 characters>_<start>_<end>.wav")
    return Source(found[1], float(found[2]), float(found[3]))


def folder() -> Path:
    """Return where lists and clips lie or will lie."""
    return data_root.root() / data_root.DATASETS["dcase2018_task4"].folder


def present() -> bool:
    """Return whether the official lists are there and sound for at least one clip."""
    lists = all((folder() / path).is_file() for path in LISTS.values())
    return lists and next(_media_files(folder() / "audio", AUDIO), None) is not None


def load() -> Corpus:
    """Return the clips of the official lists that are there; the others are named in `left_out`.

    Raises:
        FileNotFoundError: no clip is there, or a list is missing.
        ValueError: a list is wrong; the message names file and row.
    """
    names = listed(folder())
    if not present():
        raise FileNotFoundError(
            "no clip of DCASE 2018 task 4 under dcase2018_task4/audio; "
            "run `python -m lib.sound.datasets.fetch`, or set BOOK_DATA"
        )
    weak = read_weak(folder() / LISTS["weak"])
    durations = _durations(names)
    clips = Clips(by_stem(folder() / "audio", AUDIO), by_stem(folder() / "video", BOTH))
    missing = {n: NO_AUDIO for each in names.values() for n in each if not clips.has(n)}
    corpus = Corpus(
        name="dcase2018",
        rung="original",
        clips=names,
        weak=weak,
        strong={s: read_strong(folder() / LISTS[s], durations) for s in ROW_PER_EVENT},
        content=clips.content,
        audio=clips.audio,
        frames=clips.frames,
        left_out={},
        notes=_note,
    )
    return without(corpus, missing)


def without(corpus: Corpus, reasons: Mapping[str, str]) -> Corpus:
    """Return a corpus without some clips, which `left_out` then names with the reasons given."""
    clips = {
        split: tuple(name for name in names if name not in reasons)
        for split, names in corpus.clips.items()
    }
    return replace(
        corpus,
        clips=clips,
        weak={name: corpus.weak[name] for name in clips["weak"]},
        strong={split: each.subset(clips[split]) for split, each in corpus.strong.items()},
        left_out={**corpus.left_out, **reasons},
    )


def check(corpus: Corpus) -> Corpus:
    """Decode every clip once; return the corpus without those that cannot be used."""
    names = [name for split in SPLITS for name in corpus.clips[split]]
    bad = {}
    for name in tqdm(names, desc="check the clips", unit="clip", disable=None):
        try:
            corpus.audio(name)
            corpus.frames(name, np.zeros(1))
        except (OSError, ValueError) as error:
            bad[name] = str(error)
    return without(corpus, bad)


class Clips:
    """The media files of the clips, found by the names of the lists."""

    def __init__(self, audio: Mapping[str, Path], video: Mapping[str, Path]) -> None:
        """Keep {name without ending: file} of sounds and of pictures."""
        self._audio = audio
        self._video = video

    def has(self, name: str) -> bool:
        """Return whether there is sound for a clip."""
        return Path(name).stem in self._audio

    def audio(self, name: str) -> Waveform:
        """Return the sound of a clip; raise ValueError where the file is bad."""
        return media.read_audio(self._audio[Path(name).stem])

    def frames(self, name: str, times: np.ndarray) -> np.ndarray | None:
        """Return pictures of a clip, or None where it has none; raise ValueError for a bad file."""
        stem = Path(name).stem
        return media.read_frames(self._video.get(stem, self._audio[stem]), times)

    def content(self, name: str) -> str:
        """Return a digest of the files of a clip."""
        stem = Path(name).stem
        paths = [found[stem] for found in (self._audio, self._video) if stem in found]
        stats = [path.stat() for path in paths]
        digests = [
            _digest(path, stat.st_size, stat.st_mtime_ns)
            for path, stat in zip(paths, stats, strict=True)
        ]
        return hashlib.sha256(" ".join(digests).encode()).hexdigest()


def listed(lists: Path) -> dict[str, tuple[str, ...]]:
    """Return the clips of each split of the official lists.

    Raises:
        FileNotFoundError: a list is missing.
        ValueError: a name is not that of a clip, or listed where it does not belong; the message
            names file and row.
    """
    found: dict[str, str] = {}  # a dictionary keeps the order of the lists
    for split in SPLITS:
        for place, name in _names(lists / LISTS[split]):
            try:
                parse_name(name)
            except ValueError as error:
                raise ValueError(f"{place}: {error}") from None
            if name in found and (found[name] != split or split not in ROW_PER_EVENT):
                raise ValueError(f"{place}: {name} is in the {found[name]} list already")
            found[name] = split
    return {each: tuple(n for n, split in found.items() if split == each) for each in SPLITS}


def _names(path: Path) -> Iterator[tuple[str, str]]:
    """Yield "file, row n" and the file name of each line of a list, whatever else it holds."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no list {path}; see `python -m lib.book.data_root list`")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8; fetch it again") from None
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    if "filename" not in (rows.fieldnames or ()):
        raise ValueError(f"{path}, row 1: no column 'filename'")
    for row in rows:
        yield f"{path}, row {rows.line_num}", row["filename"] or ""


def _durations(names: Mapping[str, tuple[str, ...]]) -> dict[str, float]:
    """Return {clip: seconds} as measured, where DESED's list is there, or else as its name says."""
    sources = {name: parse_name(name) for each in names.values() for name in each}
    spans = {name: source.end - source.start for name, source in sources.items()}
    if not data_root.present("desed_baseline"):
        return spans
    measured = data_root.locate("desed_baseline") / "validation_durations.tsv"
    return spans | read_durations(measured)


def _media_files(place: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files below a folder that have one of these endings."""
    return (path for path in place.rglob("*") if path.suffix.lower() in endings and path.is_file())


def by_stem(place: Path, endings: tuple[str, ...]) -> dict[str, Path]:
    """Return {name without ending: file}, of several the one whose ending comes first."""
    files = sorted(
        _media_files(place, endings), key=lambda path: (endings.index(path.suffix.lower()), path)
    )
    return {path.stem: path for path in reversed(files)}


@cache
def _digest(path: Path, size: int, changed: int) -> str:
    """Return the SHA-256 of a file; size and time of change tell when to read it anew."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _note(name: str) -> str:
    """Return where a clip comes from."""
    source = parse_name(name)
    return f"{ADDRESS.format(video=source.video)}, {source.start} to {source.end} s"
