"""The mixtures: what is mixed is what the labels say, and no split hears what another heard."""

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lib.book import data_root
from lib.sound.data import datasets, mixtures
from lib.sound.data.corpus import SPLITS, Corpus, Sizes
from lib.sound.data.mixtures import CLASSES, FOLDS, RATE, Layer, Mixer, Recipe, Recording
from lib.sound.events import CLASSES as DCASE_CLASSES

SIZES = Sizes(weak=40, unlabelled=30, validation=20, test=40)
META = "clip,fold,label,active_start,active_end,licence,author\n"
ROW = "1-5-A-0,1,dog_bark,0.5,2.0,CC0,somebody"
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


def test_each_fold_tests_once_and_validates_once() -> None:
    turns = [mixtures.groups(rotation) for rotation in range(mixtures.ROTATIONS)]
    for split in ("validation", "test"):
        assert sorted(fold for turn in turns for fold in turn[split]) == list(FOLDS)
    for turn in turns:
        assert turn["weak"] == turn["unlabelled"]
        assert sorted([*turn["weak"], *turn["validation"], *turn["test"]]) == list(FOLDS)


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


def test_every_class_of_the_paper_lends_its_timing_once() -> None:
    assert set(mixtures.OF_TIMING) == set(DCASE_CLASSES)
    assert len({material.label for material in mixtures.MATERIAL.values()}) == len(CLASSES) == 10


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
    assert corpus.weak_targets().any(axis=0).all()  # every class sounds somewhere


def test_notes_name_sources_authors_and_licences(corpus: Corpus) -> None:
    for name in every(corpus, "weak"):
        note = corpus.notes(name)
        assert "\n" not in note and "CC BY 4.0" in note
        for layer in OPEN(0).recipe(name).layers:
            source = layer.source
            credit = f"{layer.label}: {source.path.name} by {source.author} ({source.licence})"
            assert credit in note


# --- sound


@pytest.mark.parametrize("snr", [0.0, 7.0, 20.0])
def test_an_event_sounds_where_its_label_says_as_loud_as_asked(
    tone: Recording, snr: float, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_the_colour_of_the_room_is_that_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The power of each octave falls by 3 dB times (slope - 1)."""
    for slope in (0.5, 1.0, 1.5):
        monkeypatch.setattr(mixtures, "ROOM_SLOPE", (slope, slope))
        power = np.abs(np.fft.rfft(mixtures.room(Recipe("test", 1, 10.0, (), "")))) ** 2
        octaves = [power[10 * low : 20 * low].sum() for low in (250, 500, 1000, 2000, 4000)]
        steps = np.diff(10 * np.log10(octaves))
        assert steps == pytest.approx(-10 * np.log10(2) * (slope - 1), abs=0.3)


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


def test_the_content_changes_with_a_source(tone: Recording, corpus: Corpus) -> None:
    mixer = Mixer(
        *(corpus.strong["validation"], corpus.strong["test"]),  # any events do
        [replace(tone, kind=kind, fold=fold) for kind in CLASSES for fold in FOLDS],
        rotation=0,
    )
    mixer.timings = {split: OPEN(0).timings[split] for split in SPLITS}
    (name,) = mixer.names("test", 1)
    before = mixer.content(name)
    tone.path.write_bytes(tone.path.read_bytes() + b"\0")
    assert mixer.content(name) != before


def test_quiet_between_single_sounds_is_cut_down() -> None:
    generator = np.random.default_rng(0)
    bark = generator.standard_normal(RATE // 4)
    sound = np.concatenate([np.zeros(RATE), bark, np.zeros(RATE), bark, np.zeros(RATE)])
    dense = mixtures._without_gaps(sound.astype(np.float32))
    assert len(dense) / RATE == pytest.approx(0.25 + 0.1 + 0.25 + 0.05, abs=0.03)
    assert len(mixtures._without_gaps(np.tile(bark, 4))) == pytest.approx(RATE, abs=0.02 * RATE)


def test_pieces_of_one_constant_join_without_a_seam() -> None:
    joined = mixtures._joined([np.ones(1000), np.ones(700), np.ones(500)], 100)
    assert joined.shape == (2000,)
    np.testing.assert_allclose(joined, 1.0, atol=1e-6)


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


@pytest.mark.parametrize(
    ("sizes", "rotation", "complaint"),
    [
        (Sizes(1, 1, 145, 1), 0, "145 validation clips asked for, but .* times only 144"),
        (Sizes(1, 1, 1, 881), 0, "881 test clips asked for, but the published list times only 880"),
        (Sizes(1, 1, 1, 1), 5, "there is no rotation 5; give 0 to 4"),
    ],
)
def test_more_than_there_is(sizes: Sizes, rotation: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        datasets.load("esc10", sizes, rotation)


def test_a_split_without_a_kind_of_recording(corpus: Corpus, tone: Recording) -> None:
    some = [replace(tone, kind=kind, fold=fold) for kind in CLASSES for fold in FOLDS]
    some = [each for each in some if (each.kind, each.fold) != ("sneeze", "4")]
    with pytest.raises(ValueError, match="no recording of sneeze for the validation clips"):
        Mixer(corpus.strong["validation"], corpus.strong["test"], some, rotation=0)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (ROW, "row 3: 1-5-A-0 is listed twice"),
        ("2-5-A-0,2,cow,0.5,2.0,CC0,x", "row 3: unknown label 'cow'"),
        ("2-5-A-0,6,dog_bark,0.5,2.0,CC0,x", "row 3: fold is '6', expected 1 to 5"),
        ("2-5-A-0,2,dog_bark,2.0,0.5,CC0,x", "row 3: active from 2.0 s to 0.5 s is no interval"),
        ("2-5-A-0,2,dog_bark,soon,0.5,CC0,x", "row 3: active_start is 'soon', no time"),
        ("2-5-A-0,2,dog_bark,0.5,inf,CC0,x", "row 3: active_end is 'inf', no time"),
        ("../../x,2,dog_bark,0.5,2.0,CC0,x", "row 3: '../../x' is no plain name"),
        ("2-5-A-0,2,dog_bark", "row 3: 3 fields instead of 7"),
    ],
)
def test_a_wrong_line_of_the_recordings(tmp_path: Path, row: str, complaint: str) -> None:
    (tmp_path / "meta.csv").write_text(f"{META}{ROW}\n{row}\n")
    with pytest.raises(ValueError, match=complaint) as raised:
        mixtures.read_recordings(tmp_path)
    assert str(raised.value).startswith(str(tmp_path / "meta.csv"))


def test_what_may_not_be_passed_on_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "meta.csv").write_text(f"{META}{ROW}\n2-5-A-0,2,rooster,0,1,CC-Sampling+,x\n")
    (found,) = mixtures.read_recordings(tmp_path)
    assert (found.kind, found.fold, found.start, found.end) == ("dog", "1", 0.5, 2.0)


@pytest.mark.parametrize("content", [b"<html>", b"", None, np.zeros(2 * RATE), np.ones(RATE // 10)])
def test_a_source_without_sound_is_one_line(
    tone: Recording, content: bytes | np.ndarray | None
) -> None:
    complaint = "cannot be decoded"
    if isinstance(content, np.ndarray):  # silent, or it ends where the active part begins
        soundfile.write(tone.path, content, RATE)
        complaint = "holds no sound from 0.1 s on"
    elif content is None:
        tone.path.unlink()
    else:
        tone.path.write_bytes(content)
    with pytest.raises(ValueError, match=f"tone.ogg {complaint}") as raised:
        mixtures._sound(tone)
    assert "\n" not in str(raised.value)
