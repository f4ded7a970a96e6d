"""The original rung of Part I: the clips of DCASE 2018 task 4 themselves (section 4.1).

The official lists come with the book. The clips belong under dcase2018_task4/ of the data root:
sound under audio/, pictures under video/, or both in one file under audio/, in any folders below,
under the names of the lists with any ending. `tools/fetch_dcase.py` gets them.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm.auto import tqdm

from lib.book import data_root
from lib.book.files import REPOSITORY, write_atomically
from lib.sound.data.clip_files import AUDIO, NO_AUDIO, NO_PICTURES, Clips, media_files
from lib.sound.data.corpus import SPLITS, Corpus
from lib.sound.data.lists import read_durations, read_strong, read_table, read_weak
from lib.sound.events import CLASSES

CACHE = REPOSITORY / "data" / "cache"
CHECKED, LEFT_OUT = "dcase2018_checked.json", "dcase2018_left_out.tsv"  # under CACHE
MOST = 0.5  # the paper kept about 0.9; on fewer than half, scores would say little beside its own
LISTS = {
    "weak": "metadata/train/weak.csv",
    "unlabelled": "metadata/train/unlabel_in_domain.csv",
    "validation": "metadata/test/test.csv",  # the challenge calls it test, and its test "eval"
    "test": "metadata/eval/eval.csv",
}
ROW_PER_EVENT = ("validation", "test")
NAME = re.compile(r"Y([A-Za-z0-9_-]{11})_(\d+\.\d{3})_(\d+\.\d{3})\.wav")
ADDRESS = "https://www.youtube.com/watch?v={video}"
FETCH = "python -m tools.fetch_dcase"


@dataclass(frozen=True)
class Source:
    """Where a clip comes from: a video on YouTube, from `start` to `end` in seconds."""

    video: str
    start: float
    end: float


def parse_name(name: str) -> Source:
    """Return what the name of a clip, Y<11 characters>_<start>_<end>.wav, says of its source."""
    found = NAME.fullmatch(name)  # by position, since the 11 characters may hold - and _
    if not found or float(found[2]) >= float(found[3]):
        raise ValueError(f"{name!r} is no clip; expected Y<11 characters>_<start>_<end>.wav")
    return Source(found[1], float(found[2]), float(found[3]))


def folder() -> Path:
    """Return where the clips lie or will lie."""
    return data_root.root() / "dcase2018_task4"


def lists() -> Path:
    """Return where the official lists lie."""
    return data_root.locate("dcase2018_task4")


def files() -> Clips:
    """Return the files of the clips, with what is remembered of them."""
    return Clips(folder(), CACHE / CHECKED)


def mostly_present() -> bool:
    """Return whether MOST clips of every split have sound and pictures, by their files' names."""
    if next(media_files(folder() / "audio", AUDIO), None) is None:
        return False
    clips = files()
    return all(
        sum(not clips.lacking(name) for name in names) >= MOST * len(names)
        for names in listed(lists()).values()
    )


def load() -> Corpus:
    """Return the clips that can be heard and seen; the others are named in `left_out`.

    Every clip is decoded the first time and whenever its files have changed. What is left out is
    counted in one line, and listed with reasons in LEFT_OUT under CACHE.

    Raises:
        FileNotFoundError: no clip is there, none of a split can be used, or a list is missing.
    """
    names, clips = listed(lists()), files()
    weak, durations = read_weak(lists() / LISTS["weak"]), _durations(names)
    strong = {split: read_strong(lists() / LISTS[split], durations) for split in ROW_PER_EVENT}
    reasons = _reasons(names, clips)
    _list_left_out(names, reasons)
    kept = {split: tuple(n for n in each if n not in reasons) for split, each in names.items()}
    if empty := [split for split in SPLITS if not kept[split]]:
        split = empty[0]
        raise FileNotFoundError(
            f"none of the {len(names[split])} {split} clips of DCASE 2018 task 4 can be used "
            f"({_counted(reasons[name] for name in names[split])}; see data/cache/{LEFT_OUT}); "
            f"run `{FETCH} --split {split}`, or choose another dataset"
        )
    if reasons:
        print(
            f"DCASE 2018 task 4: {len(reasons)} of {sum(map(len, names.values()))} clips are left "
            f"out ({_counted(reasons.values())}); data/cache/{LEFT_OUT} says which and why"
        )
    return Corpus(
        name="dcase2018",
        rung="original",
        classes=CLASSES,
        clips=kept,
        weak={name: weak[name] for name in kept["weak"]},
        strong={split: events.subset(kept[split]) for split, events in strong.items()},
        content=lambda name, _: clips.content(name),  # one file may hold both
        audio=clips.audio,
        frames=clips.frames,
        left_out=reasons,
        notes=_note,
    )


def _reasons(names: Mapping[str, tuple[str, ...]], clips: Clips) -> dict[str, str]:
    """Return of each clip that cannot be used why not: it lacks a file, or one is damaged."""
    every = [name for each in names.values() for name in each]
    lacking = {name: reason for name in every if (reason := clips.lacking(name))}
    there = [name for name in every if name not in lacking]
    if not there and NO_PICTURES in lacking.values():
        raise FileNotFoundError(
            "no clip under dcase2018_task4/audio has pictures, which the paper needs; put videos "
            f"of the same names under dcase2018_task4/video, or run `{FETCH}`"
        )
    if not there:
        raise FileNotFoundError(
            "no clip of DCASE 2018 task 4 under dcase2018_task4/audio; "
            f"run `{FETCH}`, or set BOOK_DATA"
        )
    if any(set(each) <= lacking.keys() for each in names.values()):
        return lacking  # a split is empty, and decoding would not help that
    return lacking | _damaged(there, clips)


def _damaged(names: Sequence[str], clips: Clips) -> dict[str, str]:
    """Return why some clips cannot be decoded; what is known is not done again."""
    known = {name: clips.known(name) for name in names}
    unknown = [name for name in names if known[name] is None]
    quiet = None if unknown else True
    try:
        for name in tqdm(unknown, desc="check the clips", unit="clip", disable=quiet):
            known[name] = clips.examine(name)
    finally:
        clips.save()
    return {name: found.reason for name, found in known.items() if found and found.reason}


def _list_left_out(names: Mapping[str, tuple[str, ...]], reasons: Mapping[str, str]) -> None:
    """Write which clips are left out and why, in the order of the lists."""
    rows = [
        (name, split, reasons[name]) for split in SPLITS for name in names[split] if name in reasons
    ]
    lines = ["\t".join(row) + "\n" for row in [("filename", "split", "reason"), *rows]]
    write_atomically(CACHE / LEFT_OUT, "".join(lines))


def _counted(reasons: Iterable[str]) -> str:
    kinds = {NO_AUDIO: "missing", NO_PICTURES: "without pictures"}
    counts = Counter(kinds.get(reason, "damaged or silent") for reason in reasons)
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def listed(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return the clips of each split of the official lists.

    Raises:
        ValueError: a name is not that of a clip, or listed where it does not belong; the message
            names file and row.
    """
    found: dict[str, str] = {}  # a dictionary keeps the order of the lists
    for split in SPLITS:
        for place, row in read_table(folder / LISTS[split], ["filename"]):
            name = row["filename"]
            try:
                parse_name(name)
            except ValueError as error:
                raise ValueError(f"{place}: {error}") from None
            if name in found and (found[name] != split or split not in ROW_PER_EVENT):
                raise ValueError(f"{place}: {name} is in the {found[name]} list already")
            found[name] = split
    return {each: tuple(n for n, split in found.items() if split == each) for each in SPLITS}


def _durations(names: Mapping[str, tuple[str, ...]]) -> dict[str, float]:
    """Return {clip: seconds} as measured by DESED, or else as its name says."""
    sources = {name: parse_name(name) for each in names.values() for name in each}
    spans = {name: source.end - source.start for name, source in sources.items()}
    measured = data_root.locate("desed_baseline") / "validation_durations.tsv"
    return spans | read_durations(measured)


def _note(name: str) -> str:
    source = parse_name(name)
    return f"{ADDRESS.format(video=source.video)}, {source.start} to {source.end} s"
