"""ESC-10, brought from its official files to the smaller ones of the book.

`python -m lib.book.data_root get esc10` fetches them and calls `prepare`. The official form is one
folder to a class, "001 - Dog bark/1-100032-A.ogg" with fold, source and take, and README.txt, which
says of each clip whose it is: "- [1-100032-A.ogg]: clip derived from NAME (ADDRESS) by AUTHOR
[LICENCE]". Where the sound in a clip begins and ends was measured once and is in
data/checksums/esc10_active.csv.
"""

import csv
import io
import re
import shutil
from pathlib import Path

import librosa
import soundfile

from lib.book.files import REPOSITORY

RATE = 22_050  # Hz
CLIPS = 400
LABELS = (  # by the number of their folder, from 1
    *("dog_bark", "rain", "sea_waves", "baby_cry", "clock_tick"),
    *("person_sneeze", "helicopter", "chainsaw", "rooster", "fire_crackling"),
)
ACTIVE = REPOSITORY / "data" / "checksums" / "esc10_active.csv"
CREDIT = re.compile(
    r"^- \[(?P<stem>\S+)\.ogg\]:\s+clip derived from (?P<source_name>.*) "
    r"\((?P<source_url>http\S+)\) by (?P<author>.*) \[(?P<licence>.+)\]$",
    re.MULTILINE,
)
COLUMNS = (
    *("clip", "fold", "class_id", "label", "duration", "active_start", "active_end", "rms"),
    *("licence", "author", "source_name", "source_url"),
)
ATTRIBUTION = """\
ESC-10 (K. J. Piczak), CC BY 3.0 as a set; per-clip authors and licences \
(CC0 233, CC-BY 165, CC-Sampling+ 2) are in meta.csv and README_LICENCE.txt.
Changed: decoded from the original Ogg files, mixed to mono, resampled to 22.05 kHz, \
re-encoded as Ogg Vorbis. Source: github.com/karoldvl/ESC-10 at 553c8f1.
"""


def prepare(source: Path, target: Path) -> None:
    """Lay down meta.csv, the licences and audio_ogg22k/*.ogg, made from a copy of ESC-10.

    Clips that do not allow it (Sampling+) are listed but left out.

    Raises:
        FileNotFoundError: README.txt or a clip is not there.
        ValueError: the list is not that of ESC-10, or a clip is damaged.
    """
    listing = min(source.rglob("README.txt"), key=lambda path: len(path.parts), default=None)
    if listing is None:
        raise FileNotFoundError(f"no README.txt under {source}; it says whose the clips are")
    rows = meta(listing.read_text(encoding="utf-8"))
    shutil.copyfile(listing, target / "README_LICENCE.txt")
    (target / "ATTRIBUTION.md").write_text(ATTRIBUTION, encoding="utf-8")
    (target / "meta.csv").write_text(as_csv(rows), encoding="utf-8", newline="")
    (target / "audio_ogg22k").mkdir()
    clips = {path.stem: path for path in source.rglob("*.ogg")}
    for row in rows:
        if "Sampling+" not in row["licence"]:
            stem = row["clip"].rpartition("-")[0]
            if stem not in clips:
                raise FileNotFoundError(f"{stem}.ogg is missing under {source}")
            encode(clips[stem], target / "audio_ogg22k" / f"{row['clip']}.ogg")


def meta(listing: str) -> list[dict[str, str]]:
    """Return the rows of meta.csv, from the official list of whose the clips are.

    Raises:
        ValueError: it is another list.
    """
    credits = {match["stem"]: match.groupdict() for match in CREDIT.finditer(listing)}
    with ACTIVE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if {row["clip"].rpartition("-")[0] for row in rows} != set(credits):
        raise ValueError(
            f"README.txt names {len(credits)} clips, and not the {CLIPS} of ESC-10; get it again"
        )
    return [_row(row, credits[row["clip"].rpartition("-")[0]]) for row in rows]


def _row(active: dict[str, str], credit: dict[str, str]) -> dict[str, str]:
    """Return one row of meta.csv; fold and class are in the clip's name."""
    number = active["clip"].rpartition("-")[2]
    derived = {"fold": active["clip"][0], "class_id": number, "label": LABELS[int(number)]}
    return {**active, **derived, **credit}


def as_csv(rows: list[dict[str, str]]) -> str:
    """Return rows of meta.csv as its text."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def encode(clip: Path, path: Path) -> None:
    """Write a clip as mono Ogg Vorbis at RATE.

    Raises:
        ValueError: it is damaged.
    """
    try:
        samples, rate = soundfile.read(clip, dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise ValueError(f"{clip} is no sound file ({error}); get it again") from None
    mono = librosa.resample(samples.mean(axis=1), orig_sr=rate, target_sr=RATE)
    soundfile.write(path, mono, RATE, format="OGG", subtype="VORBIS")
