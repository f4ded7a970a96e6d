"""The Free Spoken Digit Dataset, brought from its .wav files to the FLAC files of the book.

`python -m lib.book.data_root get speech` fetches them and calls `prepare`. Nothing is lost.
"""

import shutil
from pathlib import Path

import soundfile

RATE = 8000  # Hz
RECORDINGS = 20  # of each digit and speaker, of 50
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")


def prepare(source: Path, target: Path) -> None:
    """Lay down the recordings as fsdd/*.flac, made from a copy of the dataset's repository.

    Raises:
        FileNotFoundError: a recording is not there.
        ValueError: one is damaged or of another form.
    """
    first = min(source.rglob("0_george_0.wav"), default=None)
    if first is None:
        raise FileNotFoundError(f"no recordings/0_george_0.wav under {source}")
    (target / "fsdd").mkdir()
    shutil.copyfile(first.parent.parent / "README.md", target / "fsdd" / "README_FSDD.md")
    for digit in range(10):
        for speaker in SPEAKERS:
            for index in range(RECORDINGS):
                recording = first.with_name(f"{digit}_{speaker}_{index}.wav")
                encode(recording, target / "fsdd" / f"{recording.stem}.flac")


def encode(recording: Path, path: Path) -> None:
    """Write a recording of 16 bits a sample as FLAC.

    Raises:
        FileNotFoundError: the recording is not there.
        ValueError: it is damaged or of another form.
    """
    if not recording.is_file():
        raise FileNotFoundError(f"{recording} is missing; get the dataset again")
    try:
        samples, rate = soundfile.read(recording, dtype="int16")
    except soundfile.SoundFileError as error:
        raise ValueError(f"{recording} is no sound file ({error}); get it again") from None
    if rate != RATE or samples.ndim != 1:
        raise ValueError(f"{recording} is not mono at {RATE} Hz; get it again")
    soundfile.write(path, samples, rate, subtype="PCM_16")
