"""A reader's own sound is heard in windows, whole, by every row that needs no picture."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lib.book import data_root
from lib.sound.data import mixtures
from lib.sound.data.corpus import Waveform
from lib.sound.events import Events
from lib.sound.figures import own
from lib.sound.runs import experiments, profiles

RATE = 8000


@pytest.fixture(scope="module")
def ears() -> own.Ears:
    return own.Ears.of(experiments.common(profiles.PROFILES["quick"]), mixtures.CLASSES)


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes samples into a file."""

    def write(samples: np.ndarray, rate: int = RATE) -> Path:
        soundfile.write(tmp_path / "my.wav", samples, rate)
        return tmp_path / "my.wav"

    return write


@pytest.mark.parametrize(
    ("seconds", "lengths"), [(4, [4]), (10, [10]), (10.05, [10]), (23.5, [10, 10, 3.5])]
)
def test_a_sound_is_heard_in_windows_of_a_clip(seconds: float, lengths: list[float]) -> None:
    samples = np.arange(round(seconds * RATE), dtype=np.float32)
    pieces = own.windows(Waveform(samples, RATE))
    assert [len(piece.samples) / RATE for piece in pieces] == lengths
    heard = np.concatenate([piece.samples for piece in pieces])
    np.testing.assert_array_equal(heard, samples[: len(heard)])


@pytest.mark.parametrize("seconds", [0.05, 121])
def test_what_is_too_short_or_too_long_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"bring one of 0\.1 to 120 s"):
        own.windows(Waveform(np.ones(round(seconds * RATE), dtype=np.float32), RATE))


def test_a_bark_after_the_first_window_is_heard(
    ears: own.Ears, written: Callable[..., Path]
) -> None:
    place = data_root.locate("esc10") / "audio_ogg22k" / "5-203128-A-0.ogg"  # of the test fold
    bark, rate = soundfile.read(place)
    noise = np.random.default_rng(0).normal(scale=1e-3, size=26 * rate)
    noise[18 * rate : 18 * rate + len(bark)] += bark  # over the end of the second window
    figure = own.hear(ears, written(noise, rate), threshold=0.5, median=7)
    lines = figure.get_label().split("; ")
    said = dict(line.removeprefix("inputs ").split(": ", 1) for line in lines)
    assert set(said) == {"S", "S + A", "A"}
    onset, _, offset, _ = said["A"].split("dog ", 1)[1].split(",")[0].split()
    assert 17 < float(onset) < 19 and float(offset) > 20.5
    assert figure.axes[1].get_xlim() == (0, 26)


def test_what_a_window_cuts_is_one_event() -> None:
    onsets, offsets = np.array([9.0, 0.0, 4.0]), np.array([10.0, 2.0, 5.0])
    clip, label = np.array([0, 1, 1]), np.array([3, 3, 3])
    names = ("window 0", "window 1")
    events = Events(names, np.array([10.0, 10.0]), clip, label, onsets, offsets)
    assert own._spans(events, 3) == [(9.0, 12.0), (14.0, 15.0)]
    assert own._spans(events, 4) == []


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (np.zeros(RATE), "silent"),
        (np.outer(np.random.default_rng(0).normal(size=RATE), (0.1, -0.1)), "channels cancel"),
    ],
    ids=["silence", "channels that cancel"],
)
def test_what_cannot_be_heard_is_one_line(
    ears: own.Ears, written: Callable[..., Path], samples: np.ndarray, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        own.hear(ears, written(samples), threshold=0.5, median=7)


def test_a_text_and_a_missing_file_are_one_line(ears: own.Ears, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("dear diary")
    with pytest.raises(ValueError, match="text.wav"):
        own.hear(ears, tmp_path / "text.wav", threshold=0.5, median=7)
    with pytest.raises(FileNotFoundError, match="missing.wav"):
        own.hear(ears, tmp_path / "missing.wav", threshold=0.5, median=7)
