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
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a list of events."""

    def text(*rows: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
        path = tmp_path / "list.tsv"
        path.write_bytes((header + "".join(f"{row}\n" for row in rows)).encode(encoding))
        return path

    return text


def test_events_are_read_with_their_clips_in_order(write: Write) -> None:
    path = write("b.wav\t0.5\t1.5\tDog", "a.wav\t\t\t", "b.wav\t2\t9.5\tSpeech")
    events = read_strong(path)
    assert events.clips == ("b.wav", "a.wav") and events.clip.tolist() == [0, 0]
    assert [CLASSES[label] for label in events.label] == ["Dog", "Speech"]
    assert events.onset.tolist() == [0.5, 2.0] and events.offset.tolist() == [1.5, 9.5]
    assert events.tags.sum(axis=1).tolist() == [2, 0]  # a clip without events is a clip


def test_offsets_past_the_end_are_clipped_to_the_clip(write: Write) -> None:
    path = write("a.wav\t3\t10.115\tDog", "b.wav\t1\t9\tDog")
    assert read_strong(path).offset.tolist() == [10.0, 9.0]
    shorter = read_strong(path, {"b.wav": 4.5})
    assert shorter.offset.tolist() == [10.0, 4.5] and shorter.durations.tolist() == [10.0, 4.5]
    assert read_strong(path, float("inf")).offset.tolist() == [10.115, 9.0]
    twins = write("a.wav\t5.0\t10.05\tDog", "a.wav\t5.0\t10.1\tDog")  # one when clipped
    assert len(read_strong(twins)) == 1 and len(read_strong(twins, 20.0)) == 2


@pytest.mark.parametrize(
    ("rows", "form"),
    [
        (["a.wav\t1\t2\tCat", "a.wav\t3\t4\tCat"], {"encoding": "utf-8-sig"}),
        (["a.wav\t1\t2\tCat\r", "", "a.wav\t3\t4\tCat\r"], {"header": HEADER[:-1] + "\r\n"}),
        (
            ["0,Cat,1,2,a.wav", "1,Cat,3,4,a.wav"],
            {"header": NUMBERED},
        ),
    ],
    ids=["byte-order mark", "Windows line ends", "commas"],
)
def test_harmless_forms_of_the_same_list(write: Write, rows: list[str], form: dict) -> None:
    assert read_strong(write(*rows, **form)).onset.tolist() == [1.0, 3.0]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("a.wav\t1\t2\tdog", "unknown label 'dog'; expected one of"),
        ("a.wav\t2\t2\tDog", "begins at 2.0 s and ends at 2.0 s"),
        ("a.wav\t-0.1\t2\tDog", "onset is '-0.1', no time"),
        ("a.wav\t1\tinf\tDog", "offset is 'inf', no time"),
        ("a.wav\t1,5\t2\tDog", "onset is '1,5', no time"),
        ("a.wav\t10\t11\tDog", "begins at 10.0 s, but the clip ends at 10.0 s"),
        ("a.wav\t1\t2\t", "together or not at all"),
        ("ok.wav\t0\t1\tDog", "the same event is listed twice"),
        ("a.wav\t1\t2", "3 fields instead of 4"),
        ("\t1\t2\tDog", "no filename"),
    ],
)
def test_a_bad_line_is_named_with_file_and_row(write: Write, row: str, complaint: str) -> None:
    path = write("ok.wav\t0\t1\tDog", row)
    with pytest.raises(ValueError, match=re.escape(complaint)) as raised:
        read_strong(path)
    assert str(raised.value).startswith(f"{path}, row 3: ") and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (HEADER.replace("onset", "begin"), "row 1: no column 'onset'"),
        (HEADER.replace("\t", ";"), "separated by tabs or commas"),
        (HEADER.replace("\n", "\tonset\n"), "row 1: column 'onset' is there twice"),
        ("", "no column 'filename'"),
        (b"RIFF\xff\xfe\x00", "no text in UTF-8"),
        (None, "no list .*list.tsv"),
    ],
    ids=["a column less", "semicolons", "a column twice", "empty", "binary", "missing"],
)
def test_what_is_no_list_is_refused(
    tmp_path: Path, content: str | bytes | None, complaint: str
) -> None:
    path = tmp_path / "list.tsv"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises((ValueError, FileNotFoundError), match=complaint):
        read_strong(path)


@pytest.mark.parametrize(
    ("rows", "unit"),
    [
        (["a.wav\t1500\t2500\tDog"], "milliseconds"),
        (["a.wav\t24000\t40000\tDog", "a.wav\t0\t8000\tCat"], None),  # one of two
        (["a.wav\t24000\t40000\tDog", "b.wav\t160000\t163200\tDog"], "samples"),
        (["a.wav\t20\t40\tDog", "a.wav\t100\t156\tDog", "a.wav\t0\t9\tDog"], "frames, or from"),
    ],
)
def test_times_that_are_no_seconds_are_refused_with_a_guess_at_their_unit(
    write: Write, rows: list[str], unit: str | None
) -> None:
    path = write(*rows)
    for clips in (None, ["a.wav", "b.wav"]):
        if unit is None and clips:  # a single event beyond: left out
            assert len(read_strong(path, clips=clips)) == 1
            continue
        complaint = (
            f"after their clips have ended; .*are these {unit}" if unit else "row 2: begins at"
        )
        with pytest.raises(ValueError, match=complaint) as raised:
            read_strong(path, clips=clips)
        assert "\n" not in str(raised.value)


def test_the_same_event_is_looked_for_as_written_and_one_when_clipped(write: Write) -> None:
    path = write("a.wav\t5.0\t10.05\tDog", "a.wav\t5.0\t10.1\tDog")
    assert len(read_strong(path)) == 1 and len(read_strong(path, 20.0)) == 2
    for row in ("a.wav\t5\t10.1\tDog", "a.wav\t12\t13\tDog"):  # clipped, or left out
        with pytest.raises(ValueError, match="row 3: the same event is listed twice"):
            read_strong(write(row, row), clips=["a.wav"])


def test_events_that_overlap_others_of_their_class_are_counted_aloud(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["a.wav\t1\t5\tDog", "a.wav\t2\t3\tDog", "a.wav\t4\t6\tDog", "a.wav\t6\t7\tDog"]
    assert len(read_strong(write(*rows, "a.wav\t2\t3\tCat", "b.wav\t2\t3\tDog"))) == 6
    assert capsys.readouterr().out == (
        "list.tsv: 2 of 6 events begin before another of their class has ended in their clip; "
        "each counts for itself\n"
    )
    read_strong(write(rows[0], rows[3]))
    assert not capsys.readouterr().out


def test_predictions_are_placed_among_the_clips_asked_for(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("b.wav\t1\t2\tDog", "b.wav\t9\t9.5\tDog")
    found = read_strong(path, {"b.wav": 8.0}, clips=["a.wav", "b.wav"])
    assert found.clips == ("a.wav", "b.wav") and found.clip.tolist() == [1]  # padding is cut
    assert "1 of 2 events begin after their clips; left out" in capsys.readouterr().out
    with pytest.raises(ValueError, match="row 2: b.wav is not one of the 1 clips"):
        read_strong(path, clips=["a.wav"])


def test_weak_labels_and_durations(write: Write) -> None:
    weak = read_weak(write("a.wav\tDog,Speech", "b.wav\tCat", header=WEAK))
    assert weak == {"a.wav": ("Dog", "Speech"), "b.wav": ("Cat",)}
    assert read_durations(write("a.wav\t2.4", header=DURATIONS)) == {"a.wav": 2.4}
    for read, header, row, complaint in (
        (read_weak, WEAK, "a.wav\tDog, Cat", "row 3: unknown label ' Cat'"),
        (read_weak, WEAK, "ok.wav\tDog", "row 3: ok.wav is listed twice"),
        (read_durations, DURATIONS, "a.wav\t-1", "duration is"),
    ):
        with pytest.raises(ValueError, match=complaint):
            read(write("ok.wav\tCat", row, header=header))


def test_the_official_lists_are_as_large_as_published(
    lists: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = lists / "dcase2018_task4"
    test = read_strong(folder / "eval_dcase2018.tsv")
    assert test.shape == (880, 10) and len(test) == 3328
    assert int((~test.tags.any(axis=1)).sum()) == 15 and test.offset.max() == 10.0
    validation = read_strong(folder / "test_dcase2018.tsv")
    assert validation.shape == (288, 10) and len(validation) == 896
    assert not capsys.readouterr().out
    read_strong(folder / "metadata/test/test.csv")  # as it was in 2018, mended in DESED 1.3.6
    assert capsys.readouterr().out.startswith("test.csv: 12 of 908 events begin before another")
    weak = read_weak(folder / "metadata/train/weak.csv")
    assert len(weak) == 1578
    assert np.mean([len(tags) for tags in weak.values()]) > 1
