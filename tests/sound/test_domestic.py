"""The embedded rung: what its clips hold, and that a clip follows from its name alone."""

from dataclasses import replace

import numpy as np
import pytest

from lib.sound import data
from lib.sound.data import SPLITS, Corpus, Sizes
from lib.sound.datasets import domestic, pictures
from lib.sound.drawn import TIMINGS
from lib.sound.labels import CLASSES


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """Give a small corpus."""
    return data.load("drawn", Sizes(weak=120, unlabelled=40, validation=30, test=50))


def test_the_corpus_has_the_sizes_asked_for(corpus: Corpus) -> None:
    assert [len(corpus.clips[split]) for split in SPLITS] == [120, 40, 30, 50]
    names = [name for split in SPLITS for name in corpus.clips[split]]
    assert len(set(names)) == len(names) == len({corpus.content(name) for name in names})
    assert (corpus.name, corpus.rung) == ("drawn", "embedded") and not corpus.left_out
    assert set(corpus.weak) == set(corpus.clips["weak"])
    for split in ("validation", "test"):
        assert corpus.strong[split].clips == corpus.clips[split]


def test_an_empty_split_stays_empty() -> None:
    small = domestic.load(Sizes(weak=1, unlabelled=0, validation=0, test=0))
    assert small.clips["test"] == () and small.strong["test"].shape == (0, 10)
    assert small.weak_targets().shape == (1, 10)


def test_a_clip_does_not_depend_on_how_many_there_are(corpus: Corpus) -> None:
    larger = domestic.load(Sizes(weak=250, unlabelled=41, validation=130, test=51))
    for split in SPLITS:
        for name in corpus.clips[split]:
            assert larger.content(name) == corpus.content(name)
    name = corpus.clips["test"][7]
    assert np.array_equal(larger.audio(name).samples, corpus.audio(name).samples)
    assert larger.fingerprint() != corpus.fingerprint()


def test_every_clip_has_one_to_three_classes_and_every_class_sounds(corpus: Corpus) -> None:
    targets = corpus.weak_targets()
    assert set(targets.sum(axis=1)) <= {1.0, 2.0, 3.0} and targets.any(axis=0).all()
    for split in ("validation", "test"):
        events = corpus.strong[split]
        count = events.tags.sum(axis=1)
        assert count.min() >= 1 and count.max() <= 3 and events.tags[:10].any(axis=0).all()
        assert (events.onset < events.offset).all() and events.onset.min() >= 0
        assert (events.offset <= events.durations[events.clip]).all()


def test_the_classes_are_as_frequent_as_at_home() -> None:
    many = domestic.load(Sizes(weak=2000, unlabelled=0, validation=0, test=0))
    shares = many.weak_targets().mean(axis=0)
    expected = np.array([TIMINGS[label].share for label in CLASSES])
    # clips without events go, so that all are a little more frequent
    assert (shares > expected - 0.04).all() and (shares < 1.3 * expected + 0.04).all()


def test_sound_is_as_long_as_the_clip_and_never_clips(corpus: Corpus) -> None:
    events = corpus.strong["test"]
    for name, seconds in list(zip(events.clips, events.durations, strict=True))[:8]:
        sound = corpus.audio(name)
        assert sound.samples.dtype == np.float32 and np.isfinite(sound.samples).all()
        assert sound.seconds == pytest.approx(seconds, abs=1 / sound.rate)
        assert 0.005 < np.abs(sound.samples).max() <= domestic.PEAK + 1e-6


def test_events_stand_out_of_the_room_by_0_to_20_decibels() -> None:
    recipes = domestic._draw_block("validation", 0)[:6]
    checked = 0
    for recipe in recipes:
        room = domestic.render(replace(recipe, events=()))
        for event in recipe.events:
            alone = domestic.render(replace(recipe, events=(event,)))
            if np.abs(alone).max() >= 0.94:
                continue  # turned down as a whole
            first, last = (round(time * domestic.RATE) for time in event[1:])
            sound = (alone - room)[first:last]
            ratio = 10 * np.log10(np.mean(sound**2) / np.mean(room**2))
            assert -0.5 < ratio < 20.5
            outside = np.delete(alone - room, np.arange(first, min(last + 2, len(room))))
            assert np.abs(outside).max(initial=0) < 1e-6  # the label is exact
            checked += 1
    assert checked > 8


def test_pictures_are_those_of_the_events(corpus: Corpus) -> None:
    times = np.linspace(0.1, 9.9, 5)
    name = corpus.clips["validation"][3]
    frames = corpus.frames(name, times)
    recipe = domestic._draw_block("validation", 0)[3]
    expected = pictures.draw_frames(list(recipe.events), recipe.seconds, recipe.seed, times)
    assert np.array_equal(frames, expected)


def test_notes_are_one_line_that_names_the_classes(corpus: Corpus) -> None:
    for name in corpus.clips["weak"]:
        note = corpus.notes(name)
        assert "\n" not in note and note.endswith(", ".join(corpus.weak[name]))
