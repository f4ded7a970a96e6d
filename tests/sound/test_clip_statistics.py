"""Numbers about clips, held to clips that were made for it."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lib.sound.events import Events, clear_onsets
from lib.sound.figures import clip_statistics

MakeEvents = Callable[..., Events]


def test_overlaps_are_shares_of_time(make: MakeEvents) -> None:
    events = make((0, 0, 0, 6), (0, 1, 4, 8), (1, 3, 0, 10), (1, 3, 2, 4), clips=2)
    shares = clip_statistics.overlaps(events)
    assert shares[:3] == pytest.approx([0.1, 0.8, 0.1]) and not shares[3:].any()
    short = replace(make((0, 0, 0, 2), (1, 0, 0, 10), clips=2), durations=np.array([4.0, 10.0]))
    assert clip_statistics.overlaps(short)[:2] == pytest.approx([2 / 14, 12 / 14])


def test_classes_are_counted_and_timed(make: MakeEvents) -> None:
    events = make((0, 0, 0, 10), (0, 1, 2, 4), (1, 1, 0, 3), clips=2)
    corpus: Any = SimpleNamespace(strong={"test": events}, weak_targets=lambda: np.eye(10)[:4])
    found = clip_statistics.classes(corpus).iloc[:, 1:]
    assert found.loc[0].tolist() == [25, 50, 1, 10, 100]
    assert found.loc[1].tolist() == [25, 100, 2, 2.5, 0]


def test_the_example_is_the_first_clip_of_one_class_alone(make: MakeEvents) -> None:
    rows = ((1, 0, 0, 9), (1, 1, 2, 3), (2, 0, 4, 5), (2, 0, 6, 7), (3, 0, 1, 2))
    events = make(*rows, clips=4)
    assert clip_statistics.example(events, "class_0") == 2
    assert clip_statistics.example(events, "class_5") == 1  # nowhere alone: the first with events


def test_clear_onsets_have_silence_before_and_sound_after(make: MakeEvents) -> None:
    rows = (
        (0, 0, 0.5, 4),  # the clip has just begun
        (0, 0, 6, 8),  # clear
        (0, 1, 5, 5.5),  # too short
        (0, 1, 7, 9),  # clear, whatever class 0 does
        (1, 0, 2, 3),  # clear
        (1, 0, 3.5, 9),  # too soon after the last
        (2, 0, 1, 9),  # just so
        (3, 2, 2, 6),  # clear
        (3, 2, 3, 9),  # within another of its class
    )
    events = make(*rows, clips=4)
    assert clear_onsets(events, 1.0).tolist() == [1, 3, 4, 6, 7]
    assert clear_onsets(make(clips=2), 1.0).shape == (0,)
