"""The original rung of Part I: the clips of DCASE 2018 task 4 themselves (section 4.1).

The official lists come with the book. The clips belong under dcase2018_task4/ of the data root:
sound under audio/, pictures under video/, or both in one file under audio/, in any folders below,
under the names of the lists with any ending. `tools/fetch_dcase.py` gets them.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm.auto import tqdm

from lib.book import data_root
from lib.book.files import REPOSITORY, write_atomically
from lib.sound.data.clip_files import AUDIO, NO_AUDIO, NO_PICTURES, Clips, Memo, media_files
from lib.sound.data.corpus import SPLITS, Corpus
from lib.sound.data.lists import read_durations, read_strong, read_table, read_weak
from lib.sound.events import CLASSES

CACHE = REPOSITORY / "data" / "cache"
CHECKED, LEFT_OUT = "dcase2018_checked.tsv", "dcase2018_left_out.tsv"  # under CACHE
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
    """Return what the name of a clip, Y<11 characters>_<start>_<end>.wav, says of its source.

    Raises:
        ValueError: it is no such name.
    """
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
    return Clips(folder(), Memo(CACHE / CHECKED))


def present() -> bool:
    """Return whether sound is there for at least one clip."""
    return next(media_files(folder() / "audio", AUDIO), None) is not None


def mostly_present() -> bool:
    """Return whether MOST clips of every split have files for sound and pictures, by their names.

    Raises:
        ValueError: a list is wrong; the message names file and row.
    """
    if not present():
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
        ValueError: a list is wrong; the message names file and row.
    """
    names, clips = listed(lists()), files()
    corpus = read(names, clips)
    if not _empty(corpus):  # decoding would not help that
        corpus = check(corpus, clips)
    reasons = corpus.left_out
    _list_left_out(names, reasons)
    for split in _empty(corpus):
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
    return corpus


def read(names: Mapping[str, tuple[str, ...]], clips: Clips) -> Corpus:
    """Return the clips whose files are there, none of them looked into.

    Args:
        names: of the clips of each split, see `listed`.
        clips: their files.

    Raises:
        FileNotFoundError: no clip is there, or none has a file with pictures.
        ValueError: a list is wrong; the message names file and row.
    """
    every = [name for each in names.values() for name in each]
    lacking = {name: reason for name in every if (reason := clips.lacking(name))}
    if len(lacking) == len(every) and NO_PICTURES in lacking.values():
        raise FileNotFoundError(
            "no clip under dcase2018_task4/audio has pictures, which the paper needs; put videos "
            f"of the same names under dcase2018_task4/video, or run `{FETCH}`"
        )
    if len(lacking) == len(every):
        raise FileNotFoundError(
            "no clip of DCASE 2018 task 4 under dcase2018_task4/audio; "
            f"run `{FETCH}`, or set BOOK_DATA"
        )
    weak = read_weak(lists() / LISTS["weak"])
    durations = _durations(names)
    corpus = Corpus(
        name="dcase2018",
        rung="original",
        classes=CLASSES,
        clips=names,
        weak=weak,
        strong={s: read_strong(lists() / LISTS[s], durations) for s in ROW_PER_EVENT},
        content=lambda name, _: clips.content(name),  # one file may hold both
        audio=clips.audio,
        frames=clips.frames,
        left_out={},
        notes=_note,
    )
    return without(corpus, lacking)


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


def check(corpus: Corpus, clips: Clips) -> Corpus:
    """Return the corpus without clips that cannot be decoded; what is known is not done again.

    Raises:
        OSError: what was found cannot be written.
    """
    names = [name for split in SPLITS for name in corpus.clips[split]]
    known = {name: clips.known(name) for name in names}
    unknown = [name for name in names if known[name] is None]
    quiet = None if unknown else True
    try:
        for name in tqdm(unknown, desc="check the clips", unit="clip", disable=quiet):
            known[name] = clips.examine(name)
    finally:
        clips.save()
    return without(
        corpus, {n: found.reason for n, found in known.items() if found and found.reason}
    )


def _list_left_out(names: Mapping[str, tuple[str, ...]], reasons: Mapping[str, str]) -> None:
    """Write which clips are left out and why, in the order of the lists."""
    rows = [
        (name, split, reasons[name]) for split in SPLITS for name in names[split] if name in reasons
    ]
    lines = ["\t".join(row) + "\n" for row in [("filename", "split", "reason"), *rows]]
    write_atomically(CACHE / LEFT_OUT, "".join(lines))


def _empty(corpus: Corpus) -> list[str]:
    """Return the splits without a clip."""
    return [split for split in SPLITS if not corpus.clips[split]]


def _counted(reasons: Iterable[str]) -> str:
    """Return how many clips are missing and how many are bad."""
    kinds = {NO_AUDIO: "missing", NO_PICTURES: "without pictures"}
    counts = Counter(kinds.get(reason, "damaged or silent") for reason in reasons)
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def listed(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return the clips of each split of the official lists.

    Raises:
        FileNotFoundError: a list is missing.
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
    """Return where a clip comes from."""
    source = parse_name(name)
    return f"{ADDRESS.format(video=source.video)}, {source.start} to {source.end} s"
