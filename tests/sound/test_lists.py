"""Reading the official lists: what they hold, and one clear line for what is wrong in them."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lib.sound.data.lists import read_durations, read_strong, read_weak
from lib.sound.events import CLASSES

HEADER = "filename\tonset\toffset\tevent_label\n"
NUMBERED = ",event_label,onset,offset,filename\n"
WEAK, DURATIONS = "filename\tevent_labels\n", "filename\tduration\n"
GOOD = {read_strong: "ok.wav\t0\t1\tDog", read_weak: "ok.wav\tCat", read_durations: "ok.wav\t9"}
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a list of events."""

    def text(*rows: str, header: str = HEADER) -> Path:
        path = tmp_path / "list.tsv"
        path.write_text(header + "".join(f"{row}\n" for row in rows))
        return path

    return text


def test_events_are_read_with_their_clips_in_order(write: Write) -> None:
    path = write("b.wav\t0.5\t1.5\tDog", "a.wav\t\t\t", "b.wav\t2\t9.5\tSpeech")
    events = read_strong(path)
    assert events.clips == ("b.wav", "a.wav") and events.clip.tolist() == [0, 0]
    assert [CLASSES[label] for label in events.label] == ["Dog", "Speech"]
    assert events.onset.tolist() == [0.5, 2.0] and events.offset.tolist() == [1.5, 9.5]
    assert events.tags.sum(axis=1).tolist() == [2, 0]  # a clip without events is a clip


def test_what_lies_past_the_end_is_cut_off(write: Write) -> None:
    path = write("a.wav\t3\t10.115\tDog", "b.wav\t1\t9\tDog", "b.wav\t5\t6\tDog")
    assert read_strong(path).offset.tolist() == [10.0, 9.0, 6.0]
    shorter = read_strong(path, {"b.wav": 4.5})  # in the padding: left out
    assert shorter.offset.tolist() == [10.0, 4.5] and shorter.durations.tolist() == [10.0, 4.5]
    assert read_strong(path, float("inf")).offset.tolist() == [10.115, 9.0, 6.0]
    twins = write("a.wav\t5.0\t10.05\tDog", "a.wav\t5.0\t10.1\tDog")  # one when clipped
    assert len(read_strong(twins)) == 1 and len(read_strong(twins, 20.0)) == 2


def test_predictions_are_placed_among_the_clips_asked_for(write: Write) -> None:
    path = write("0,Dog,1,2,b.wav", header=NUMBERED)
    found = read_strong(path, clips=["a.wav", "b.wav"])
    assert found.clips == ("a.wav", "b.wav") and found.clip.tolist() == [1]
    with pytest.raises(ValueError, match="row 2: b.wav is not one of the 1 clips"):
        read_strong(path, clips=["a.wav"])


@pytest.mark.parametrize(
    ("read", "header", "row", "complaint"),
    [
        (read_strong, HEADER, "a.wav\t1\t2\tdog", "row 3: unknown label 'dog'; expected one of"),
        (read_strong, HEADER, "a.wav\t2\t2\tDog", "row 3: the event begins at 2.0 s and ends at"),
        (read_strong, HEADER, "a.wav\t-0.1\t2\tDog", "row 3: onset is '-0.1', no time"),
        (read_strong, HEADER, "a.wav\t1,5\t2\tDog", "row 3: onset is '1,5', no time"),
        (read_strong, HEADER, "a.wav\t1\t2", "row 3: not as many fields as columns"),
        (read_strong, HEADER, "\t1\t2\tDog", "row 3: no filename"),
        (read_strong, HEADER.replace("onset", "begin"), "", "row 1: no column 'onset'"),
        (read_weak, WEAK, "a.wav\tDog, Cat", "row 3: unknown label ' Cat'"),
        (read_weak, WEAK, "ok.wav\tDog", "row 3: ok.wav is listed twice"),
        (read_durations, DURATIONS, "a.wav\tinf", "row 3: duration is 'inf', no time"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_row(
    write: Write, read: Callable[[Path], object], header: str, row: str, complaint: str
) -> None:
    path = write(GOOD[read], row, header=header)
    with pytest.raises(ValueError, match=re.escape(f"{path}, {complaint}")) as raised:
        read(path)
    assert "\n" not in str(raised.value)


def test_the_official_lists_are_as_large_as_published(lists: Path) -> None:
    folder = lists / "dcase2018_task4"
    test = read_strong(folder / "eval_dcase2018.tsv")
    assert test.shape == (880, 10) and len(test) == 3328
    assert int((~test.tags.any(axis=1)).sum()) == 15 and test.offset.max() == 10.0
    validation = read_strong(folder / "test_dcase2018.tsv")
    assert validation.shape == (288, 10) and len(validation) == 896
    assert len(read_strong(folder / "metadata/test/test.csv")) == 908  # as it was in 2018
    weak = read_weak(folder / "metadata/train/weak.csv")
    assert len(weak) == 1578
    assert np.mean([len(tags) for tags in weak.values()]) > 1
