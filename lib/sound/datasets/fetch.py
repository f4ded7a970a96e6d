"""Get clips of DCASE 2018 task 4 that a reader is entitled to.

`python -m lib.sound.datasets.fetch` needs the optional package yt-dlp. One clip after the other is
downloaded, cut to its seconds and laid down, sound under audio/ and pictures under video/, all of a
clip or nothing. Run it again to go on where it stopped; fetch_report.tsv names the clips that could
not be had, and why.
"""

import argparse
import csv
import datetime
import io
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from tqdm.auto import tqdm

from lib.book.files import write_atomically
from lib.sound.data import SPLITS
from lib.sound.datasets import clip_files, dcase
from lib.sound.datasets.dcase import ADDRESS, Source

TERMS = """\
The lists of DCASE 2018 task 4 (MIT) name clips of YouTube; the clips belong to whoever made them.
Fetch only what YouTube's terms of service and the law where you live allow you, keep it to yourself
and use it for research. Nothing that is fetched is part of this book or may be committed to it."""
REPORT = "fetch_report.tsv"
COLUMNS = ("filename", "outcome", "reason", "date")
PAUSE = 5  # seconds between two requests, doubled with each refusal
REFUSALS = 3  # in a row, then stop
FORMAT = "(ba,bv*[height<=480])/b"  # sound and pictures apart, so that nothing has to merge them
SHORTER = 0.5  # seconds by which a video may end before its clip should
FRAME_RATE = Fraction(151, 10)  # a second: the grid of the paper's features
SHORT_SIDE = 256  # pixels
REFUSED = re.compile(r"HTTP Error (403|429)|not a bot|too many requests|rate.?limit", re.I)
GONE = re.compile(
    r"HTTP Error (404|410)|video (is )?(no longer |not )?(un)?available|private video|been removed|"
    r"terminated|confirm your age|members-only",
    re.I,
)

Download = Callable[[str, Path], Sequence[Path]]  # address and folder to files


class GoneError(Exception):
    """The video is not there any more, or not for everyone."""


class RefusedError(Exception):
    """The server will not serve us now."""


def fetch(
    names: Sequence[str], download: Download, pause: float = PAUSE, address: str = ADDRESS
) -> Counter[str]:
    """Fetch clips that are not there yet, and keep the report of those that could not be had.

    What is gone is not asked for again; what failed or was refused in an earlier run comes last.

    Args:
        names: of clips, as in the official lists.
        download: lays the files of an address into a folder and returns them; raises GoneError,
            RefusedError, or ConnectionError where the transfer broke off.
        pause: seconds between two requests.
        address: of a video, with {video} for its 11 characters.

    Returns:
        How many were "fetched", and how many are "gone", "failed" or "refused".

    Raises:
        ConnectionError: the server refused several times in a row.
        OSError: the folder cannot be written.
        ValueError: a name or the report is wrong.
    """
    place = dcase.folder()
    report = read_report(place / REPORT)
    outcomes: Counter[str] = Counter()
    refusals = 0
    for turn, name in enumerate(tqdm(names, desc="fetch", unit="clip", disable=None)):
        if turn:
            time.sleep(pause * 2**refusals)
        outcome, reason = _attempt(name, download, place, address)
        outcomes[outcome] += 1
        report.pop(name, None)
        if outcome != "fetched":
            report[name] = (outcome, reason, datetime.date.today().isoformat())
        write_report(place / REPORT, report)
        refusals = refusals + 1 if outcome == "refused" else 0
        if refusals == REFUSALS:
            raise ConnectionError(
                f"refused {refusals} times in a row ({reason}), {outcomes['fetched']} clips "
                "fetched before; wait some hours and run the same command again"
            )
    return outcomes


def _attempt(name: str, download: Download, place: Path, address: str) -> tuple[str, str]:
    """Fetch one clip; return what became of it, and why."""
    try:
        fetch_clip(name, download, place, address)
    except GoneError as error:
        return "gone", str(error)
    except RefusedError as error:
        return "refused", str(error)
    except (ConnectionError, ValueError) as error:
        return "failed", str(error)
    return "fetched", ""


def fetch_clip(name: str, download: Download, place: Path, address: str) -> None:
    """Download one clip, cut it to its seconds, and lay sound and pictures down under `place`.

    Raises:
        GoneError, RefusedError, ConnectionError: `download` says so.
        ValueError: the name is that of no clip, or what came is no media file or too short.
        OSError: the folder cannot be written.
    """
    source, stem = dcase.parse_name(name), Path(name).stem
    for kind in ("audio", "video"):
        (place / kind).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, prefix=".fetch_") as temporary:
        folder = Path(temporary)
        (folder / "whole").mkdir()
        files = download(address.format(video=source.video), folder / "whole")
        sound, pictures = folder / "cut.flac", folder / "cut.mp4"
        soundfile.write(sound, *cut_audio(files, source))
        if cut_video(files, source, pictures):
            pictures.replace(place / "video" / f"{stem}.mp4")
        sound.replace(place / "audio" / f"{stem}.flac")  # last: a clip is there if its sound is


def cut_audio(files: Sequence[Path], source: Source) -> tuple[np.ndarray, int]:
    """Return the seconds of a clip from the first file with sound: (n,) float32, rate in Hz.

    Raises:
        ValueError: no file has sound, one is no media file, or the sound ends too early.
    """
    to_float = av.AudioResampler(format="fltp")
    pieces: list[np.ndarray] = []
    first, rate = 0.0, 0
    for frame in _decoded(files, source, "audio"):
        if not pieces:
            first, rate = frame.time, frame.sample_rate
        pieces += [piece.to_ndarray().mean(axis=0) for piece in to_float.resample(frame)]
    if not pieces:
        raise ValueError(f"no sound from {source.start} s on")
    start, end = (round((each - first) * rate) for each in (source.start, source.end))
    samples = np.concatenate(pieces)[max(start, 0) : end].astype(np.float32)
    if len(samples) < (source.end - source.start - SHORTER) * rate:
        raise ValueError(f"the sound ends after {len(samples) / rate:.1f} s of the clip")
    return samples, rate


def cut_video(files: Sequence[Path], source: Source, path: Path) -> bool:
    """Write the seconds of a clip as a small silent video; return whether there are pictures.

    Raises:
        ValueError: a file is no media file.
    """
    times = source.start + np.arange(0, source.end - source.start, 1 / float(FRAME_RATE))
    stream, shown = None, 0
    with av.open(str(path), "w") as output:
        for frame in _decoded(files, source, "video"):
            stream = stream or _video_stream(output, frame)
            until = int(np.searchsorted(times, frame.time, side="right"))
            for place in range(shown, until):
                small = frame.reformat(stream.width, stream.height, "yuv420p")
                small.pts, small.time_base = place, 1 / FRAME_RATE
                output.mux(stream.encode(small))
            shown = max(shown, until)
        if shown and stream:
            output.mux(stream.encode(None))
    return shown > 0


def _video_stream(output: Any, frame: Any) -> Any:
    """Return a stream for pictures like this one, but small."""
    scale = min(1.0, SHORT_SIDE / min(frame.width, frame.height))
    stream = output.add_stream("libx264", rate=FRAME_RATE)
    stream.width, stream.height = (
        2 * max(1, round(side * scale / 2)) for side in (frame.width, frame.height)
    )
    stream.pix_fmt = "yuv420p"
    stream.codec_context.thread_count = 1
    return stream


def _decoded(files: Sequence[Path], source: Source, kind: str) -> Iterator[Any]:
    """Yield the frames of a clip from the first file that has a stream of a kind.

    Raises:
        ValueError: a file is no media file.
    """
    for path in files:
        try:
            with av.open(str(path)) as container:
                streams = [stream for stream in container.streams if stream.type == kind]
                if not streams:
                    continue
                if source.start > 1:
                    container.seek(int((source.start - 1) * av.time_base))
                frames: Iterator[Any] = container.decode(streams[0])
                for frame in frames:
                    if frame.time is None or frame.time < source.start - 1:
                        continue
                    if frame.time >= source.end:
                        break
                    yield frame
                return
        except av.error.FFmpegError as error:
            raise ValueError(f"what came cannot be decoded ({error.strerror})") from None


def read_report(path: Path) -> dict[str, tuple[str, str, str]]:
    """Return {clip: (outcome, reason, date)} of the clips that could not be had.

    Raises:
        ValueError: the report is damaged.
    """
    if not path.is_file():
        return {}
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t"))
    if rows[:1] != [list(COLUMNS)] or any(len(row) != len(COLUMNS) for row in rows):
        raise ValueError(f"{path} is damaged; delete it, what it names is asked for once more")
    return {name: (outcome, reason, date) for name, outcome, reason, date in rows[1:]}


def write_report(path: Path, report: dict[str, tuple[str, str, str]]) -> None:
    """Write the clips that could not be had."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((name, *fields) for name, fields in report.items())
    write_atomically(path, text.getvalue())


def wanted(split: str | None, limit: int | None) -> list[str]:
    """Return the clips to ask for: neither there nor gone, those with an earlier failure last.

    Args:
        split: of SPLITS, or all, the test clips first.
        limit: how many at most.

    Raises:
        FileNotFoundError: a list is missing.
        ValueError: a list or the report is wrong.
    """
    place = dcase.folder()
    there = clip_files.by_stem(place / "audio", clip_files.AUDIO)
    report = read_report(place / REPORT)
    names = dcase.listed(place)
    asked = [name for each in ([split] if split else reversed(SPLITS)) for name in names[each]]
    lacking = [
        name
        for name in asked
        if Path(name).stem not in there and report.get(name, ("",))[0] != "gone"
    ]
    return sorted(lacking, key=report.__contains__)[:limit]


def yt_dlp_download(address: str, folder: Path) -> Sequence[Path]:
    """Download with yt-dlp; `fetch` says what this returns and raises."""
    import yt_dlp

    options = {
        "format": FORMAT,
        "outtmpl": str(folder / "media.%(format_id)s.%(ext)s"),
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "noplaylist": True,
        "color": "no_color",
        "logger": _Silent(),
        "retries": 0,
        "extractor_retries": 0,
    }
    try:
        with yt_dlp.YoutubeDL(options) as client:
            client.download([address])
    except yt_dlp.utils.DownloadError as error:
        raise reason_of(str(error)) from None
    return sorted(folder.iterdir())


class _Silent:
    """Takes what yt-dlp would print; what matters comes as an exception."""

    def debug(self, message: str) -> None:
        """Take progress."""

    warning = error = debug


def reason_of(message: str) -> Exception:
    """Return what a complaint of yt-dlp means, as the exception that `fetch` understands."""
    lines = message.removeprefix("ERROR: ").splitlines()
    line = lines[0] if lines else "no reason given"
    if REFUSED.search(line):
        return RefusedError(line)
    return GoneError(line) if GONE.search(line) else ConnectionError(line)


def _count(text: str) -> int:
    """Return a number from 0 on, or raise ValueError for argparse to tell."""
    if not text.isdecimal():
        raise ValueError
    return int(text)


def main(arguments: list[str] | None = None) -> int:
    """Fetch what is lacking; return the exit status."""
    summary = "Get clips of DCASE 2018 task 4 that you are entitled to; run again to go on."
    parser = argparse.ArgumentParser(prog="python -m lib.sound.datasets.fetch", description=summary)
    parser.add_argument("--split", choices=SPLITS, help="only clips of this split")
    parser.add_argument("--limit", type=_count, metavar="N", help="ask for no more than N clips")
    parser.add_argument(
        "--pause", type=_count, default=PAUSE, metavar="SECONDS", help="between two requests"
    )
    options = parser.parse_args(arguments)
    print(TERMS, flush=True)
    try:
        import yt_dlp  # noqa: F401
    except ImportError:
        print("yt-dlp is not installed; run `pip install yt-dlp`", file=sys.stderr)
        return 1
    try:
        names = wanted(options.split, options.limit)
        outcomes = fetch(names, yt_dlp_download, options.pause)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
    print(f"{counts or 'nothing to fetch'}; reasons in {dcase.folder() / REPORT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
