"""The mixtures: what is mixed is what the labels say, and no split hears what another heard."""

import csv
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lib.book import data_root
from lib.sound.data import datasets, mixtures
from lib.sound.data.corpus import SPLITS, Corpus, Sizes
from lib.sound.data.mixtures import CLASSES, FOLDS, RATE, Layer, Recipe, Recording
from lib.sound.events import CLASSES as DCASE_CLASSES

SIZES = Sizes(weak=40, unlabelled=30, validation=20, test=40)
OPEN = cache(mixtures.open_mixer)
PUBLISHED = {"validation": "test_dcase2018.tsv", "test": "eval_dcase2018.tsv"}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """Give mixtures of the first rotation."""
    return datasets.load("esc10", SIZES)


@pytest.fixture
def tone(tmp_path: Path) -> Recording:
    """Give a second and a half of one pitch."""
    path = tmp_path / "tone.ogg"
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 500 * np.arange(1.5 * RATE) / RATE), RATE)
    return Recording(path, "clock_tick", "1", "somebody", "CC0", 0.1, 1.4)


def every(corpus: Corpus, *splits: str) -> list[str]:
    """Return the names of the clips of some splits."""
    return [name for split in splits or SPLITS for name in corpus.clips[split]]


# --- what is shared, and what is not


def test_each_fold_tests_once_and_validates_once_and_each_class_lends_its_timing() -> None:
    turns = [mixtures.groups(rotation) for rotation in range(mixtures.ROTATIONS)]
    for split in ("validation", "test"):
        assert sorted(fold for turn in turns for fold in turn[split]) == list(FOLDS)
    for turn in turns:
        assert turn["weak"] == turn["unlabelled"]
        assert sorted([*turn["weak"], *turn["validation"], *turn["test"]]) == list(FOLDS)
    assert set(mixtures.OF_TIMING) == set(DCASE_CLASSES) and len(CLASSES) == 10


@pytest.mark.parametrize("rotation", range(mixtures.ROTATIONS))
def test_no_recording_and_no_timing_is_met_in_two_splits(rotation: int) -> None:
    mixer = OPEN(rotation)
    heard, timed = dict[str, set[str]](), dict[str, set[str]]()
    for split, part in zip(SPLITS, ("training", "training", "validation", "test"), strict=True):
        for recipe in map(mixer.recipe, mixer.names(split, 140)):
            timed.setdefault(part, set()).add(recipe.timing)
            for source in (layer.source for layer in recipe.layers):
                heard.setdefault(part, set()).add(source.path.name.split("-")[1])  # at Freesound
                assert source.fold in mixtures.groups(rotation)[split]
                assert "Sampling+" not in source.licence
    for found in (heard, timed):
        assert sum(map(len, found.values())) == len(set.union(*found.values()))
    assert len(timed["validation"]) == len(timed["test"]) == 140  # each lends once


# --- labels


def published(split: str) -> dict[str, list[tuple[str, float, float]]]:
    """Return the events of each real clip by our names, as the files have them, cut at its end."""
    with (data_root.locate("desed_baseline") / "validation_durations.tsv").open() as file:
        ends = {
            row["filename"]: float(row["duration"]) for row in csv.DictReader(file, delimiter="\t")
        }
    found: dict[str, list[tuple[str, float, float]]] = {}
    with (data_root.locate("dcase2018_task4") / PUBLISHED[split]).open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            events = found.setdefault(row["filename"], [])
            if row["event_label"]:
                offset = min(float(row["offset"]), ends.get(row["filename"], 10.0))
                kind = mixtures.OF_TIMING[row["event_label"]]
                events.append((kind, float(row["onset"]), offset))
    return found


@pytest.mark.parametrize("split", list(PUBLISHED))
def test_events_are_those_of_the_real_clip_that_is_named(corpus: Corpus, split: str) -> None:
    events, real = corpus.strong[split], published(split)
    assert events.clips == corpus.clips[split] and events.classes == CLASSES
    for place, name in enumerate(events.clips):
        lender = corpus.notes(name).partition("timing of ")[2].partition(";")[0]
        own = np.flatnonzero(events.clip == place)
        found = [(CLASSES[events.label[e]], events.onset[e], events.offset[e]) for e in own]
        assert sorted(found) == sorted(real[lender])
        recipe = OPEN(0).recipe(name)
        assert sorted(found) == sorted(
            (each.label, each.onset, each.offset) for each in recipe.layers
        )
        assert corpus.audio(name).seconds == pytest.approx(events.durations[place], abs=1e-4)


def test_weak_labels_are_what_the_recipe_plays(corpus: Corpus) -> None:
    assert list(corpus.weak) == list(corpus.clips["weak"])
    for name, labels in corpus.weak.items():
        layers = OPEN(0).recipe(name).layers
        assert set(labels) == {each.label for each in layers} and len(set(labels)) == len(labels)
        assert all(each.source.kind == each.label for each in layers)
        for source in (each.source for each in layers):
            credit = f"{source.path.name} by {source.author} ({source.licence})"
            assert credit in corpus.notes(name)
    assert corpus.weak_targets().any(axis=0).all()  # every class sounds somewhere


# --- sound


def test_an_event_sounds_where_its_label_says_as_loud_as_asked(
    tone: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    snr = 7.0
    monkeypatch.setattr(mixtures, "ROOM_LEVEL", (-50.0, -50.0))  # far below the peak
    recipe = Recipe("test", 5, 10.0, (Layer("clock_tick", 2.0, 3.7, tone, 0.0, snr),), "")
    room = mixtures.render(replace(recipe, layers=()))
    event = (mixtures.render(recipe) - room).astype(np.float64)
    sounding = np.flatnonzero(np.abs(event) > 1e-6) / RATE
    assert sounding.min() == pytest.approx(2.0, abs=1e-3)
    assert sounding.max() == pytest.approx(3.7, abs=1e-3)
    inside = event[2 * RATE : round(3.7 * RATE)]
    level = 10 * np.log10(np.mean(inside**2) / np.mean(room.astype(np.float64) ** 2))
    assert level == pytest.approx(snr, abs=0.05)
    pieces = inside[220:-220][: 220 * 165].reshape(-1, 220).max(axis=1)
    assert pieces.min() > 0.2 * pieces.max()  # 1.3 s are played again without a hole


def test_real_mixtures_never_clip_and_sound_inside_their_labels(corpus: Corpus) -> None:
    ratios = []
    for name in corpus.clips["test"]:
        sound = corpus.audio(name).samples
        assert sound.dtype == np.float32 and np.isfinite(sound).all()
        assert np.abs(sound).max() <= 0.95 + 1e-6
        inside = np.zeros(len(sound), dtype=bool)
        for each in OPEN(0).recipe(name).layers:
            inside[round(each.onset * RATE) : round(each.offset * RATE)] = True
        if inside.any() and not inside.all():
            ratios.append(np.mean(sound[inside] ** 2) / np.mean(sound[~inside] ** 2))
    assert len(ratios) > 20 and min(ratios) > 1.5  # 0 dB at least: noise and as much again


def test_a_clip_follows_from_its_name(corpus: Corpus) -> None:
    small, other = (datasets.load("esc10", Sizes(2, 2, 2, 2), turn) for turn in (0, 1))
    for split in SPLITS:
        assert small.clips[split] == corpus.clips[split][:2]
    for name in every(small):
        assert small.content(name, "sound") == corpus.content(name, "sound")
        np.testing.assert_array_equal(small.audio(name).samples, corpus.audio(name).samples)
    test = small.strong["test"]
    assert corpus.strong["test"].subset(test.clips).fingerprint == test.fingerprint
    contents = {each.content(name, "sound") for each in (small, other) for name in every(each)}
    assert len(contents) == 16


def test_the_first_test_clip_is_the_one_it_always_was(corpus: Corpus) -> None:
    """Whoever changes what is mixed raises VERSION, then this digest and these samples."""
    name = corpus.clips["test"][0]
    assert corpus.content(name, "sound")[:16] == "aafdc669f201e5ff"
    places = [30_000, 90_000, 150_000, 210_000]
    golden = [0.0025, 0.0171, -0.0193, 0.0437]
    assert corpus.audio(name).samples[places] == pytest.approx(golden, abs=1e-3)


def test_a_fingerprint_changes_with_names_labels_and_what_one_sense_gets(corpus: Corpus) -> None:
    first, *rest = corpus.clips["weak"]
    louder = replace(corpus, content=lambda name, sense: "new" if sense == "sound" else "old")
    others = [
        replace(corpus, name="other"),
        replace(corpus, clips={**corpus.clips, "weak": (*rest, first)}),
        replace(corpus, weak={**corpus.weak, first: ()}),
        replace(corpus, strong={"test": corpus.strong["test"]}),
        louder,
    ]
    assert len({each.fingerprint("sound") for each in (corpus, *others)}) == 6
    assert louder.fingerprint("sound") != louder.fingerprint("sight")


# --- what is refused


def elsewhere(tone: Recording) -> object:
    """Read a list of recordings of which one lies outside its folder."""
    row = "../../x,2,dog_bark,0.5,2.0,CC0,x"
    (tone.path.parent / "meta.csv").write_text(f"{','.join(mixtures.META_COLUMNS)}\n{row}\n")
    return mixtures.read_recordings(tone.path.parent)


def spoilt(tone: Recording) -> object:
    """Read a recording that is none."""
    tone.path.write_bytes(b"<html>")
    return mixtures._sound(tone)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda tone: OPEN(0).names("test", 881), "881 test clips asked for"),
        (lambda tone: OPEN(5), "there is no rotation 5; give 0 to 4"),
        (elsewhere, "meta.csv, row 2: '../../x' is no plain name"),
        (spoilt, "tone.ogg cannot be decoded"),
    ],
)
def test_what_cannot_be_mixed_is_refused(
    tone: Recording, call: Callable[[Recording], object], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        call(tone)
