"""The open rung: what is mixed is what the labels say, and nothing else gives a class away."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lib.book import data_root
from lib.sound import data
from lib.sound.data import SPLITS, Corpus, Sizes
from lib.sound.datasets import mixtures
from lib.sound.datasets.mixtures import DIGIT, RATE, Layer, Mixer, Recipe, Recording
from lib.sound.labels import CLASSES, read_strong

SIZES = Sizes(weak=40, unlabelled=30, validation=20, test=40)
META = "clip,fold,label,active_start,active_end,licence,author\n"
ROW = "1-5-A-0,1,dog_bark,0.5,2.0,CC0,somebody"
SPEAKERS = ("george", "theo", "yweweler")


def write_sound(path: Path, seconds: float, rate: int, frequency: float) -> None:
    """Write a tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * rate)) / rate
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * frequency * time), rate)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a data root of tones: each class its own, one recording in each fold."""
    root = tmp_path_factory.mktemp("root")
    rows = []
    for index, kind in enumerate(mixtures.SOURCES.values()):
        for fold in range(1, 6):
            clip = f"{fold}-100-A-{index}"
            path = root / "esc10/audio_ogg22k" / f"{clip}.ogg"
            write_sound(path, 1.5, RATE, 500.0 + 700 * index)
            rows.append(f"{clip},{fold},{kind},0.1,1.4,CC-BY,author {fold}")
    (root / "esc10/meta.csv").write_text(META + "\n".join(rows) + "\n")
    for speaker in SPEAKERS:
        write_sound(root / f"speech/fsdd/3_{speaker}_0.flac", 0.35, 8_000, 440.0)
    metadata = root / "dcase2018_task4/metadata/train"
    metadata.mkdir(parents=True)
    labels = [f"w{i}.wav\t{label},Speech" for i, label in enumerate(CLASSES) if label != "Speech"]
    (metadata / "weak.csv").write_text("filename\tevent_labels\n" + "\n".join(labels) + "\n")
    for name, clips in (("test", 12), ("eval", 25)):
        events = []
        for clip in range(clips):
            for event in range(1 + clip % 4):
                onset, label = 0.5 * event, CLASSES[(clip + event) % 10]
                offset = onset + 0.3 + 0.2 * (clip % 7)
                events.append(f"{name}{clip}.wav\t{onset:.3f}\t{offset:.3f}\t{label}")
        text = "filename\tonset\toffset\tevent_label\n" + "\n".join(events) + "\n"
        (root / f"dcase2018_task4/{name}_dcase2018.tsv").write_text(text)
    return root


@pytest.fixture
def place(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of the tree that a test may damage, as the data root."""
    copy = tmp_path / "root"
    shutil.copytree(tree, copy)
    monkeypatch.setenv("BOOK_DATA", str(copy))
    monkeypatch.setattr(data_root, "present", lambda name: (copy / name).is_dir())
    monkeypatch.setattr(data_root, "locate", lambda name: copy / name)
    mixtures._sound.cache_clear()
    return copy


@pytest.fixture(scope="module")
def real() -> Corpus:
    """Give mixtures of the real recordings, or skip the test."""
    for name in ("esc10", "speech", "dcase2018_task4"):
        if not data_root.present(name):
            pytest.skip(f"{name} is not under the data root: see data/README.md")
    return data.load("esc10", SIZES)


@pytest.fixture(scope="module")
def mixer(real: Corpus) -> Mixer:
    """Give what made them."""
    return mixtures.open_mixer()


def every(corpus: Corpus, *splits: str) -> list[str]:
    """Return the names of the clips of some splits."""
    return [name for split in splits or SPLITS for name in corpus.clips[split]]


def test_the_corpus_is_what_was_asked_for(place: Path) -> None:
    corpus = mixtures.load(Sizes(7, 5, 12, 25))
    assert (corpus.name, corpus.rung, corpus.left_out) == ("esc10", "open", {})
    assert [len(corpus.clips[split]) for split in SPLITS] == [7, 5, 12, 25]
    assert list(corpus.weak) == list(corpus.clips["weak"])
    for split in ("validation", "test"):
        assert corpus.strong[split].clips == corpus.clips[split]
    assert corpus.audio(corpus.clips["weak"][0]).seconds == 10.0


def test_test_clips_have_the_events_of_real_ones_each_once(place: Path) -> None:
    corpus = mixtures.load(Sizes(0, 0, 12, 25))
    for split, name in (("validation", "test"), ("test", "eval")):
        events, listed = (
            corpus.strong[split],
            read_strong(place / f"dcase2018_task4/{name}_dcase2018.tsv"),
        )
        lenders = [corpus.notes(clip).rpartition("timing of ")[2] for clip in events.clips]
        assert sorted(lenders) == sorted(listed.clips) and lenders != list(listed.clips)
        expected = listed.subset(lenders)
        for column in ("durations", "clip", "label", "onset", "offset"):
            np.testing.assert_array_equal(getattr(events, column), getattr(expected, column))


@pytest.mark.parametrize(
    ("sizes", "complaint"),
    [
        (Sizes(1, 1, 13, 1), "13 validation clips asked for, but the published list times only 12"),
        (Sizes(1, 1, 1, 26), "26 test clips asked for, but the published list times only 25"),
    ],
)
def test_more_clips_than_there_is_timing_for(place: Path, sizes: Sizes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        mixtures.load(sizes)


def test_clips_last_as_long_as_the_real_ones(place: Path) -> None:
    assert set(mixtures.load(Sizes(0, 0, 0, 25)).strong["test"].durations) == {10.0}
    (place / "desed_baseline").mkdir()
    (place / "desed_baseline/validation_durations.tsv").write_text(
        "filename\tduration\neval3.wav\t4.5\n"
    )
    corpus = mixtures.load(Sizes(0, 0, 0, 25))
    short = [name for name in corpus.clips["test"] if "eval3.wav" in corpus.notes(name)]
    assert [corpus.audio(name).seconds for name in short] == [4.5]
    assert sorted(corpus.strong["test"].durations)[:2] == [4.5, 10.0]


def test_a_clip_is_the_same_whatever_the_sizes(place: Path) -> None:
    small, large = mixtures.load(Sizes(2, 2, 2, 2)), mixtures.load(Sizes(9, 9, 12, 25))
    for split in SPLITS:
        assert small.clips[split] == large.clips[split][:2]
    for name in every(small):
        assert small.content(name) == large.content(name)
        assert small.notes(name) == large.notes(name)
        np.testing.assert_array_equal(small.audio(name).samples, large.audio(name).samples)
    assert all(large.weak[name] == labels for name, labels in small.weak.items())
    test = small.strong["test"]
    assert large.strong["test"].subset(test.clips).fingerprint == test.fingerprint
    assert small.fingerprint() == mixtures.load(Sizes(2, 2, 2, 2)).fingerprint()
    assert len({small.content(name) for name in every(small)}) == 8


def test_the_content_changes_with_a_source(place: Path) -> None:
    corpus = mixtures.load(Sizes(5, 0, 0, 0))
    before = {name: corpus.content(name) for name in corpus.clips["weak"]}
    for path in place.rglob("*-100-A-*.ogg"):
        path.write_bytes(path.read_bytes() + b"\0")
    assert all(corpus.content(name) != digest for name, digest in before.items())


@pytest.mark.parametrize("band_limited", [False, True])
def test_energy_lies_where_the_label_says(place: Path, band_limited: bool) -> None:
    """A tone of 500 Hz from 2.0 to 3.7 s of a clip is above the room there and nowhere else."""
    source = mixtures.read_recordings(place / "esc10")[0]
    layer = Layer("Alarm_bell_ringing", 2.0, 3.7, (source,), (0.0,), 0.0, 20.0)
    with_event = Recipe(3, 10.0, band_limited, (layer,), ())
    assert source.kind == "clock_tick"
    room = mixtures.render(replace(with_event, layers=()))
    difference = np.abs(mixtures.render(with_event) - room)
    sounding = np.flatnonzero(difference > 1e-6) / RATE
    assert sounding.min() == pytest.approx(2.0, abs=0.001)
    assert sounding.max() == pytest.approx(3.7, abs=0.001)
    envelope = difference[round(2.01 * RATE) : round(3.69 * RATE)].reshape(-1)
    pieces = envelope[: len(envelope) // 220 * 220].reshape(-1, 220).max(axis=1)
    assert pieces.min() > 0.2 * pieces.max()  # looped 1.3 s of tone without a hole


@pytest.mark.parametrize("snr", [0.0, 7.0, 20.0])
def test_an_event_has_the_level_asked_for(place: Path, snr: float) -> None:
    source = mixtures.read_recordings(place / "esc10")[0]
    layer = Layer("Alarm_bell_ringing", 1.0, 4.0, (source,), (0.0,), 0.0, snr)
    recipe = Recipe(5, 10.0, False, (layer,), ())
    room = mixtures.room(recipe).astype(np.float64)
    event = (mixtures.render(recipe) - room)[RATE : 4 * RATE]
    assert 10 * np.log10(np.mean(event**2) / np.mean(room**2)) == pytest.approx(snr, abs=0.05)


def test_the_colour_of_the_room_is_that_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The power of each octave falls by 3 dB times (slope - 1)."""
    for slope in (0.5, 1.0, 1.5):
        monkeypatch.setattr(mixtures, "ROOM_SLOPE", (slope, slope))
        power = np.abs(np.fft.rfft(mixtures.room(Recipe(1, 10.0, False, (), ())))) ** 2
        octaves = [power[10 * low : 20 * low].sum() for low in (250, 500, 1000, 2000, 4000)]
        steps = np.diff(10 * np.log10(octaves))
        assert steps == pytest.approx(-10 * np.log10(2) * (slope - 1), abs=0.3)


def test_real_mixtures_never_clip_and_sound_inside_their_labels(real: Corpus, mixer: Mixer) -> None:
    ratios = []
    for name in real.clips["test"]:
        sound = real.audio(name)
        assert sound.rate == RATE and sound.samples.dtype == np.float32
        assert np.isfinite(sound.samples).all() and np.abs(sound.samples).max() <= 0.95 + 1e-6
        assert sound.seconds == pytest.approx(mixer.recipe(name).seconds, abs=1e-3)
        inside = np.zeros(len(sound.samples), dtype=bool)
        for _, onset, offset in mixer.recipe(name).events:
            inside[round(onset * RATE) : round(offset * RATE)] = True
        if inside.any() and not inside.all():
            power = sound.samples**2
            ratios.append(power[inside].mean() / power[~inside].mean())
    assert len(ratios) > 20 and min(ratios) > 1.5  # 0 dB at least: noise and as much again


def test_the_labels_are_those_of_what_is_rendered(real: Corpus, mixer: Mixer) -> None:
    for name, labels in real.weak.items():
        assert set(labels) == {label for label, _, _ in mixer.recipe(name).events}
    for split, events in real.strong.items():
        for index, name in enumerate(events.clips):
            of_clip = events.clip == index
            rows = zip(
                *(getattr(events, c)[of_clip] for c in ("label", "onset", "offset")), strict=True
            )
            assert [(CLASSES[a], b, c) for a, b, c in rows] == mixer.recipe(name).events, split


def sources(mixer: Mixer, names: list[str]) -> set[Recording]:
    """Return all recordings that sound in some clips."""
    return {s for name in names for layer in mixer.recipe(name).layers for s in layer.sources}


def test_no_recording_is_heard_in_two_splits(real: Corpus, mixer: Mixer) -> None:
    training = [f"esc10_unlabelled_{index:05d}.wav" for index in range(300)]
    heard = {
        "training": sources(mixer, [*every(real, "weak", "unlabelled"), *training]),
        "validation": sources(mixer, every(real, "validation")),
        "test": sources(mixer, every(real, "test")),
    }
    groups = {split: {source.group for source in found} for split, found in heard.items()}
    assert groups["training"] == {"1", "2", "3", "george", "jackson", "lucas", "nicolas"}
    assert groups["validation"] == {"4", "theo"} and groups["test"] == {"5", "yweweler"}
    freesound = {
        split: {s.path.name.split("-")[1] for s in found if s.kind != DIGIT}
        for split, found in heard.items()
    }
    assert not freesound["training"] & (freesound["validation"] | freesound["test"])
    assert not freesound["validation"] & freesound["test"]
    assert not any("Sampling+" in s.licence for found in heard.values() for s in found)


def test_no_timing_of_a_test_clip_is_heard_in_training(real: Corpus, mixer: Mixer) -> None:
    for name in every(real, "weak", "unlabelled"):
        assert set(mixer.recipe(name).timing) <= set(mixer.real["validation"].clips)


def test_bandwidth_tells_nothing_of_the_classes(real: Corpus, mixer: Mixer) -> None:
    """Chi-square of each class against the coin, and the coin itself, over 2,000 clips."""
    recipes = [mixer.recipe(f"esc10_unlabelled_{index:05d}.wav") for index in range(2000)]
    coin = np.array([recipe.band_limited for recipe in recipes])
    assert abs(coin.mean() - 0.5) < 4 * 0.5 / np.sqrt(len(coin))
    for label in CLASSES:
        present = np.array([label in {each for each, _, _ in r.events} for r in recipes])
        phi = np.corrcoef(coin, present)[0, 1]
        assert abs(phi) < 4 / np.sqrt(len(coin)), label
    for recipe in recipes:
        speech = [layer for layer in recipe.layers if layer.label == "Speech"]
        assert all((each.sources[0].kind == DIGIT) == recipe.band_limited for each in speech)


def test_a_band_limited_clip_ends_at_4_khz_whatever_sounds(real: Corpus, mixer: Mixer) -> None:
    kinds = set()
    for name in real.clips["test"]:
        samples = real.audio(name).samples
        power = np.abs(np.fft.rfft(samples)) ** 2
        above = power[np.fft.rfftfreq(len(samples), 1 / RATE) > 4_100].sum() / power.sum()
        band_limited = mixer.recipe(name).band_limited
        assert (above < 1e-5) == band_limited, (name, above)
        kinds |= {(label, band_limited) for label, _, _ in mixer.recipe(name).events}
    assert {label for label, narrow in kinds if narrow} > {"Speech", "Running_water"}


def test_notes_name_sources_authors_and_licences(real: Corpus, mixer: Mixer) -> None:
    for name in every(real, "weak"):
        note, recipe = real.notes(name), mixer.recipe(name)
        assert "\n" not in note
        for layer in recipe.layers:
            assert f"{layer.label}: " in note
            for source in layer.sources:
                assert f"{source.path.name} by {source.author} ({source.licence})" in note
    assert "Free Spoken Digit Dataset (CC BY-SA 4.0)" in " ".join(map(real.notes, every(real)))


def test_pictures_are_drawn_for_the_events(real: Corpus) -> None:
    times = np.array([0.0, 5.0])
    name = real.clips["test"][0]
    frames = real.frames(name, times)
    assert frames is not None and frames.shape == (2, 64, 64, 3) and frames.dtype == np.uint8
    np.testing.assert_array_equal(frames, real.frames(name, times))


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


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (ROW, "row 3: 1-5-A-0 is listed twice"),
        ("2-5-A-0,2,cow,0.5,2.0,CC0,x", "row 3: unknown label 'cow'"),
        ("2-5-A-0,6,dog_bark,0.5,2.0,CC0,x", "row 3: fold is '6', expected 1 to 5"),
        ("2-5-A-0,2,dog_bark,2.0,0.5,CC0,x", "row 3: active from '2.0' to '0.5' is no interval"),
        ("2-5-A-0,2,dog_bark,soon,0.5,CC0,x", "row 3: active from 'soon'"),
        ("2-5-A-0,2,dog_bark,0.5,inf,CC0,x", "row 3: active from '0.5' to 'inf'"),
        ("../../x,2,dog_bark,0.5,2.0,CC0,x", "row 3: '../../x' is no plain name"),
        ("2-5-A-0,2,dog_bark", "row 3: too few or too many fields"),
        ("2-5-A-0,2,dog_bark,0.5,2.0,CC0,x,y", "row 3: too few or too many fields"),
    ],
)
def test_a_wrong_line_of_the_recordings(tmp_path: Path, row: str, complaint: str) -> None:
    (tmp_path / "meta.csv").write_text(f"{META}{ROW}\n{row}\n")
    with pytest.raises(ValueError, match=complaint) as raised:
        mixtures.read_recordings(tmp_path)
    assert str(raised.value).startswith(str(tmp_path / "meta.csv"))


@pytest.mark.parametrize("missing", mixtures.META_COLUMNS)
def test_a_missing_column_of_the_recordings(tmp_path: Path, missing: str) -> None:
    (tmp_path / "meta.csv").write_text(META.replace(missing, "other") + ROW)
    with pytest.raises(ValueError, match=f"row 1: no column '{missing}'"):
        mixtures.read_recordings(tmp_path)


def test_harmless_forms_and_the_licence_that_is_left_out(tmp_path: Path) -> None:
    text = f"{META}{ROW}\n\n2-5-A-0,2,rooster,0,1,CC-Sampling+,x\n".replace("\n", "\r\n")
    (tmp_path / "meta.csv").write_bytes(text.encode("utf-8-sig"))
    (found,) = mixtures.read_recordings(tmp_path)
    assert (found.kind, found.group, found.start, found.end) == ("dog_bark", "1", 0.5, 2.0)
    (tmp_path / "meta.csv").write_bytes(b"RIFF\xff\xfe")
    with pytest.raises(ValueError, match="meta.csv is no text in UTF-8"):
        mixtures.read_recordings(tmp_path)
    (tmp_path / "meta.csv").unlink()
    with pytest.raises(FileNotFoundError, match="no list .*meta.csv"):
        mixtures.read_recordings(tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"<html>", "cannot be decoded"), (b"", "cannot be decoded"), (None, "cannot be decoded")],
)
def test_a_source_that_is_no_sound_is_one_line(
    place: Path, content: bytes | None, complaint: str
) -> None:
    corpus = mixtures.load(Sizes(0, 0, 0, 1))
    for path in place.rglob("5-100-A-*.ogg"):
        path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(ValueError, match=complaint) as raised:
        corpus.audio(corpus.clips["test"][0])
    assert "5-100-A-" in str(raised.value) and "\n" not in str(raised.value)


def test_a_silent_source_is_one_line(place: Path) -> None:
    corpus = mixtures.load(Sizes(0, 0, 0, 1))
    for path in place.rglob("5-100-A-*.ogg"):
        soundfile.write(path, np.zeros(2 * RATE), RATE)
    with pytest.raises(ValueError, match="5-100-A-.* holds no sound from 0.1 s on"):
        corpus.audio(corpus.clips["test"][0])
    for path in place.rglob("5-100-A-*.ogg"):
        soundfile.write(path, np.ones(RATE // 10), RATE)  # ends where the active part begins
    with pytest.raises(ValueError, match="5-100-A-.* holds no sound from 0.1 s on"):
        corpus.audio(corpus.clips["test"][0])


def test_a_split_without_a_kind_of_recording(place: Path) -> None:
    for path in place.rglob("*theo*"):
        path.unlink()
    with pytest.raises(ValueError, match="no recording of digit for the validation clips"):
        mixtures.load(Sizes(1, 1, 1, 1))


def test_without_recordings_the_rung_says_what_to_get(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lists: Path
) -> None:
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    (tmp_path / "dcase2018_task4").symlink_to(lists / "dcase2018_task4")
    with pytest.raises(FileNotFoundError, match="get esc10"):
        mixtures.load(SIZES)
    assert data.best() == "drawn"


def test_every_class_of_the_paper_has_a_source() -> None:
    assert set(mixtures.SOURCES) == set(CLASSES)
    assert len(set(mixtures.SOURCES.values())) == len(CLASSES)
