"""ESC-10, brought from its official files to the smaller ones of the book.

`python -m tools.convert_esc10 SOURCE TARGET` takes a copy of github.com/karoldvl/ESC-10: one folder
to a class, "001 - Dog bark/1-100032-A.ogg" with fold, source and take, and README.txt, which says
whose each clip is. Where the sound in a clip begins and ends was measured once and is taken from
data/esc10/meta.csv.
"""

import csv
import io
import re
import shutil
import sys
from pathlib import Path

import librosa
import soundfile

from lib.book.files import REPOSITORY

RATE = 22_050  # Hz
MEASURED = REPOSITORY / "data" / "esc10" / "meta.csv"
CREDIT = re.compile(
    r"^- \[(?P<stem>\S+)\.ogg\]:\s+clip derived from (?P<source_name>.*) "
    r"\((?P<source_url>http\S+)\) by (?P<author>.*) \[(?P<licence>.+)\]$",
    re.MULTILINE,
)


def convert(source: Path, target: Path) -> None:
    """Lay down meta.csv, the licences and audio_ogg22k/*.ogg.

    Clips that do not allow it (Sampling+) are listed but left out.

    Raises:
        FileNotFoundError: README.txt or a clip is not there.
        ValueError: the list is not that of ESC-10.
        soundfile.SoundFileError: a clip is damaged.
    """
    listing = (source / "README.txt").read_text(encoding="utf-8")
    rows = credited(listing)
    (target / "audio_ogg22k").mkdir(parents=True)
    shutil.copyfile(source / "README.txt", target / "README_LICENCE.txt")
    (target / "meta.csv").write_text(as_csv(rows), encoding="utf-8", newline="")
    clips = {path.stem: path for path in source.rglob("*.ogg")}
    for row in rows:
        if "Sampling+" not in row["licence"]:
            stem = row["clip"].rpartition("-")[0]
            if stem not in clips:
                raise FileNotFoundError(f"{stem}.ogg is missing under {source}")
            encode(clips[stem], target / "audio_ogg22k" / f"{row['clip']}.ogg")


def credited(listing: str) -> list[dict[str, str]]:
    """Return the rows of meta.csv, whose clips they are taken from the official list.

    Raises:
        ValueError: it is another list.
    """
    credits = {match["stem"]: match.groupdict() for match in CREDIT.finditer(listing)}
    with MEASURED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    stems = [row["clip"].rpartition("-")[0] for row in rows]
    if set(stems) != set(credits):
        raise ValueError(f"README.txt names {len(credits)} clips, not the {len(rows)} of ESC-10")
    found = [row | credits[stem] for row, stem in zip(rows, stems, strict=True)]
    return [{column: row[column] for column in rows[0]} for row in found]


def as_csv(rows: list[dict[str, str]]) -> str:
    """Return rows of meta.csv as its text."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def encode(clip: Path, path: Path) -> None:
    """Write a clip as mono Ogg Vorbis at RATE."""
    samples, rate = soundfile.read(clip, dtype="float32", always_2d=True)
    mono = librosa.resample(samples.mean(axis=1), orig_sr=rate, target_sr=RATE)
    soundfile.write(path, mono, RATE, format="OGG", subtype="VORBIS")


if __name__ == "__main__":
    convert(*map(Path, sys.argv[1:3]))
