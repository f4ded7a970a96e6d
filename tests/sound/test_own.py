"""A reader's own sound is heard in windows, whole, by every row that needs no picture."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lib.book import data_root
from lib.sound.data import mixtures
from lib.sound.events import Events
from lib.sound.figures import own
from lib.sound.runs import experiments, profiles

RATE = 8000


@pytest.fixture(scope="module")
def ears() -> own.Ears:
    return own.Ears.of(experiments.common(profiles.PROFILES["quick"]), mixtures.CLASSES)


def test_a_bark_after_the_first_window_is_heard(ears: own.Ears, tmp_path: Path) -> None:
    place = data_root.locate("esc10") / "audio_ogg22k" / "5-203128-A-0.ogg"  # of the test fold
    bark, rate = soundfile.read(place)
    noise = np.random.default_rng(0).normal(scale=1e-3, size=26 * rate)
    noise[18 * rate : 18 * rate + len(bark)] += bark  # over the end of the second window
    soundfile.write(tmp_path / "my.wav", noise, rate)
    figure = own.hear(ears, tmp_path / "my.wav", threshold=0.5, median=7)
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


def sound(samples: np.ndarray) -> Callable[[Path], None]:
    return lambda path: soundfile.write(path, samples, RATE)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (sound(np.zeros(RATE)), "silent"),
        (sound(np.random.default_rng(0).normal(size=RATE // 20)), "bring one of 0.1 to 120 s"),
        (sound(np.random.default_rng(0).normal(size=121 * RATE)), "bring one of 0.1 to 120 s"),
        (lambda path: path.write_text("dear diary"), "my.wav cannot be decoded"),
        (lambda path: None, "no file .*my.wav"),
    ],
    ids=["silence", "short", "long", "text", "missing"],
)
def test_what_cannot_be_heard_is_one_line(
    ears: own.Ears, tmp_path: Path, write: Callable[[Path], object], words: str
) -> None:
    write(tmp_path / "my.wav")
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        own.hear(ears, tmp_path / "my.wav", threshold=0.5, median=7)
