"""Fetch clips of DCASE 2018 task 4 that a reader is entitled to.

`python -m tools.fetch_dcase --split test --limit 20` needs yt-dlp and ffmpeg. One clip after the
other is fetched, cut to its seconds, and laid down with sound and pictures in one file under
dcase2018_task4/audio of the data root. Run it again to go on where it stopped; fetch_report.tsv
beside it names the clips that could not be had, and why.
"""

import argparse
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from tqdm.auto import tqdm

from lib.book import data_root
from lib.book.files import write_atomically
from lib.sound.data.lists import read_table
from lib.sound.data.media import read_audio

TERMS = """\
The lists of DCASE 2018 task 4 (MIT) name clips of YouTube; the clips belong to whoever made them.
Fetch only what YouTube's terms of service and the law where you live allow you, keep it to yourself
and use it for research. Nothing that is fetched is part of this book or may be committed to it."""
LISTS = {  # under data/dcase2018_task4/metadata, in the order in which they are asked for
    "test": "eval/eval.csv",
    "validation": "test/test.csv",
    "unlabelled": "train/unlabel_in_domain.csv",
    "weak": "train/weak.csv",
}
NAME = re.compile(r"Y([A-Za-z0-9_-]{11})_(\d+\.\d{3})_(\d+\.\d{3})\.wav")
ADDRESS = "https://www.youtube.com/watch?v={video}"
PAUSE = 5.0  # seconds between two requests, doubled with each refusal
REFUSALS = 3  # in a row, then stop
REFUSED = re.compile(r"HTTP Error (403|429)|not a bot|too many requests|rate.?limit", re.I)
GONE = re.compile(
    r"HTTP Error (404|410)|video (is )?(no longer |not )?(un)?available|private video|been removed|"
    r"terminated|confirm your age|members-only",
    re.I,
)

Download = Callable[[str, float, float, Path], Path]  # address, start, end, folder to file


def fetch(names: Sequence[str], download: Download, pause: float = PAUSE) -> Counter[str]:
    """Fetch clips, and keep the report of those that could not be had.

    Returns:
        How many were "fetched", and how many are "gone", "failed" or "refused".

    Raises:
        ConnectionError: the server refused several times in a row.
        OSError: the folder cannot be written.
        ValueError: the report is damaged.
    """
    report, outcomes, refusals = read_report(), Counter[str](), 0
    place().mkdir(parents=True, exist_ok=True)
    for turn, name in enumerate(tqdm(names, desc="fetch", unit="clip", disable=None)):
        time.sleep(pause * 2**refusals if turn else 0)
        outcome, reason = fetch_clip(name, download)
        outcomes[outcome] += 1
        report.pop(name, None)
        if outcome != "fetched":
            report[name] = (outcome, reason)
        lines = ("\t".join((name, *fields)) for name, fields in report.items())
        write_atomically(report_file(), "".join(f"{line}\n" for line in lines))
        refusals = refusals + 1 if outcome == "refused" else 0
        if refusals == REFUSALS:
            raise ConnectionError(
                f"refused {refusals} times in a row ({reason}), {outcomes['fetched']} clips "
                "fetched before; wait some hours and run the same command again"
            )
    return outcomes


def fetch_clip(name: str, download: Download) -> tuple[str, str]:
    """Fetch one clip, all of it or nothing; return what became of it, and why."""
    found = NAME.fullmatch(name)  # by position, since the 11 characters may hold - and _
    if not found or float(found[2]) >= float(found[3]):
        return "failed", "the name is that of no clip"
    with tempfile.TemporaryDirectory(dir=place(), prefix=".fetch_") as folder:
        try:
            address = ADDRESS.format(video=found[1])
            file = download(address, float(found[2]), float(found[3]), Path(folder))
            read_audio(file)
        except (ConnectionError, ValueError) as error:
            reason = " ".join(str(error).replace(folder, "").split())
            refused, gone = REFUSED.search(reason), GONE.search(reason)
            return "refused" if refused else "gone" if gone else "failed", reason
        file.replace(place() / f"{Path(name).stem}{file.suffix}")
    return "fetched", ""


def place() -> Path:
    """Return the folder of the clips."""
    return data_root.sources()["dcase2018_clips"].place / "audio"


def report_file() -> Path:
    """Return where the clips are named that could not be had: name, outcome and reason a line."""
    return place().parent / "fetch_report.tsv"


def read_report() -> dict[str, tuple[str, str]]:
    """Return {clip: (outcome, reason)} of the clips that could not be had.

    Raises:
        ValueError: the report is damaged.
    """
    lines = report_file().read_text("utf-8").splitlines() if report_file().is_file() else []
    rows = [line.split("\t") for line in lines]
    if any(len(row) != 3 for row in rows):
        raise ValueError(f"{report_file()} is damaged; delete it: what it names is asked for again")
    return {name: (outcome, reason) for name, outcome, reason in rows}


def wanted(splits: Sequence[str]) -> list[str]:
    """Return the clips to ask for: neither there nor gone, those with an earlier failure last."""
    lists = data_root.locate("dcase2018_task4") / "metadata"
    rows = [row for s in splits for _, row in read_table(lists / LISTS[s], ["filename"])]
    there, report = {path.stem for path in place().glob("*.*")}, read_report()
    gone = {name for name, (outcome, _) in report.items() if outcome == "gone"}
    names = dict.fromkeys(row["filename"] for row in rows)  # once each, in their order
    lacking = [name for name in names if Path(name).stem not in there and name not in gone]
    return sorted(lacking, key=report.__contains__)


def by_yt_dlp(address: str, start: float, end: float, folder: Path) -> Path:
    """Download the seconds of a video, small; raise ConnectionError where that is refused."""
    import yt_dlp

    options = {
        "format": "bv*[height<=480]+ba/b",
        "merge_output_format": "mkv",
        "outtmpl": str(folder / "clip.%(ext)s"),
        "download_ranges": yt_dlp.utils.download_range_func(None, [(start, end)]),
        "force_keyframes_at_cuts": True,  # at the second, not at the picture stored whole before it
        **dict.fromkeys(("quiet", "no_warnings", "noprogress", "noplaylist"), True),
        **dict.fromkeys(("retries", "extractor_retries"), 0),
        "color": "no_color",
    }
    try:
        with yt_dlp.YoutubeDL(options) as client:
            client.download([address])
    except yt_dlp.utils.DownloadError as error:
        raise ConnectionError(str(error).removeprefix("ERROR: ").partition("\n")[0]) from None
    return next(folder.glob("clip.*"))


def main(arguments: list[str] | None = None) -> int:
    """Fetch what is lacking; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.fetch_dcase", description=__doc__)
    parser.add_argument("--split", choices=LISTS, help="only clips of this split")
    parser.add_argument("--limit", type=int, metavar="N", help="ask for no more than N clips")
    options = parser.parse_args(arguments)
    print(TERMS, flush=True)
    try:
        import yt_dlp  # noqa: F401

        if not shutil.which("ffmpeg"):
            raise ImportError
    except ImportError:
        print("yt-dlp or ffmpeg is missing: `pip install yt-dlp`, and get ffmpeg", file=sys.stderr)
        return 1
    try:
        names = wanted([options.split] if options.split else list(LISTS))[: options.limit]
        outcomes = fetch(names, by_yt_dlp)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
    print(f"{counts or 'nothing to fetch'}; reasons in {report_file()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
