"""The original rung of Part I: the clips of DCASE 2018 task 4 themselves (section 4.1).

The official lists come with the book. The clips belong under dcase2018_task4/ of the data root:
sound under audio/, pictures under video/, or both in one file under audio/, in any folders below,
under the names of the lists with any ending. `tools/fetch_dcase.py` gets them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from tqdm.auto import tqdm

from lib.book import data_root
from lib.book.files import REPOSITORY, write_atomically
from lib.sound.data.clip_files import AUDIO, NO_AUDIO, NO_PICTURES, Clips, media_files
from lib.sound.data.corpus import SPLITS, Corpus
from lib.sound.data.lists import read_durations, read_strong, read_table, read_weak
from lib.sound.events import CLASSES

CACHE = REPOSITORY / "data" / "cache"
CHECKED, LEFT_OUT = "dcase2018_checked.jsonl", "dcase2018_left_out.tsv"  # under CACHE
MOST = 0.5  # the paper kept about 0.9; on fewer than half, scores would say little beside its own
LISTS = {
    "weak": "metadata/train/weak.csv",
    "unlabelled": "metadata/train/unlabel_in_domain.csv",
    "validation": "metadata/test/test.csv",  # the challenge calls it test, and its test "eval"
    "test": "metadata/eval/eval.csv",
}
ROW_PER_EVENT = ("validation", "test")
FETCH = "python -m tools.fetch_dcase"


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
        content=lambda name, _: clips.verdict(name).content,  # one file may hold both
        audio=clips.audio,
        frames=clips.frames,
        left_out=reasons,
        notes=_note,
    )


def _reasons(names: Mapping[str, tuple[str, ...]], clips: Clips) -> dict[str, str]:
    """Return of each clip that cannot be used why not: it lacks a file, or one is damaged."""
    every = [name for each in names.values() for name in each]
    lacking = {name: reason for name in every if (reason := clips.lacking(name))}
    if any(set(each) <= lacking.keys() for each in names.values()):
        return lacking  # a split is empty, and decoding would not help that
    there = [name for name in every if name not in lacking]
    checked = tqdm(there, desc="check the clips", unit="clip", delay=2, disable=None)
    return lacking | {name: reason for name in checked if (reason := clips.verdict(name).reason)}


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
    """Return the clips of each split of the official lists, in their order."""
    rows = {split: read_table(folder / LISTS[split], ["filename"]) for split in SPLITS}
    return {
        split: tuple(dict.fromkeys(row["filename"] for _, row in each))  # a row for each event
        for split, each in rows.items()
    }


def source(name: str) -> tuple[str, float, float]:
    """Return where a clip Y<11 characters>_<start>_<end>.wav is from: video, start and end in s."""
    start, end = name[13:].removesuffix(".wav").split("_")  # the 11 characters may hold _ too
    return name[1:12], float(start), float(end)


def _durations(names: Mapping[str, tuple[str, ...]]) -> dict[str, float]:
    """Return {clip: seconds} as measured by DESED, or else as its name says."""
    sources = {name: source(name) for each in names.values() for name in each}
    spans = {name: end - start for name, (_, start, end) in sources.items()}
    measured = data_root.locate("desed_baseline") / "validation_durations.tsv"
    return spans | read_durations(measured)


def _note(name: str) -> str:
    video, start, end = source(name)
    return f"https://www.youtube.com/watch?v={video}, {start} to {end} s"
