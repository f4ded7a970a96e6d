"""Features: against librosa, published frame counts, and every way a cache can go wrong."""

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import librosa
import numpy as np
import pytest

from lib.sound import features, pretrained
from lib.sound.data import datasets
from lib.sound.data.corpus import SPLITS, Corpus, Sight, Stills, Waveform
from lib.sound.features import Standardiser
from lib.sound.runs import extraction
from lib.sound.runs.profiles import Profile

NAMES = ("noise.wav", "tone.wav", "short.wav", "click.wav")
MakeCorpus = Callable[..., Corpus]
Louder = Callable[[float], None]


def noise(seconds: float, rate: int = 22050, seed: int = 0) -> Waveform:
    """Return white noise that fades in."""
    samples = np.random.default_rng(seed).normal(size=round(seconds * rate)) * 0.1
    return Waveform((samples * np.linspace(0.1, 1, len(samples))).astype(np.float32), rate)


def sound(name: str) -> Waveform:
    """Return the clip of a name."""
    seconds = {"short.wav": 3.0, "click.wav": 0.3}.get(name, 10.0)
    return noise(seconds, seed=len(name))


def pictures(name: str, times: np.ndarray) -> np.ndarray | None:
    """Return small pictures whose brightness tells the time; one clip has none."""
    if name == "click.wav":
        return None
    grey = np.clip(times * 20, 0, 255).astype(np.uint8)
    return np.broadcast_to(grey[:, None, None, None], (len(times), 30, 40, 3)).copy()


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator of the same numbers each time."""
    return np.random.default_rng(0)


@pytest.fixture
def make_corpus() -> MakeCorpus:
    """Return a function that makes a corpus of four clips and counts who is heard."""

    def corpus(audio: Callable[[str], Waveform] = sound, heard: list[str] | None = None) -> Corpus:
        def listen(name: str) -> Waveform:
            if heard is not None:
                heard.append(name)
            return audio(name)

        return Corpus(
            name="fake",
            rung="open",
            classes=("Dog",),
            clips={"weak": NAMES, "unlabelled": (), "validation": (), "test": ()},
            weak={name: ("Dog",) for name in NAMES},
            strong={},
            content=lambda name, sense: hashlib.sha256(f"{sense} {name}".encode()).hexdigest()[:16],
            audio=listen,
            frames=pictures,
            left_out={},
            notes=lambda name: "",
        )

    return corpus


def test_the_log_mel_is_librosas() -> None:
    waveform = noise(10.0)
    found = features.log_mel(waveform)
    samples = librosa.resample(waveform.samples, orig_sr=22050, target_sr=22100)[:221000]
    mel = librosa.feature.melspectrogram(
        y=samples / np.abs(samples).max(),
        sr=22100,
        n_fft=2048,
        hop_length=366,
        n_mels=128,
        power=1,
        pad_mode="reflect",
    )
    expected = np.clip(20 * np.log10(np.maximum(mel, 1e-5)), -50, 80).T
    assert found.shape == (604, 128) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_frames_are_as_many_as_the_paper_says() -> None:
    assert features.log_mel(noise(10.0)).shape == (604, 128)
    assert features.GRID == 151
    assert features.GRID_TIMES[[0, -1]] == pytest.approx([0.0331, 9.9697], abs=1e-4)


def test_loudness_does_not_matter_and_levels_are_bounded() -> None:
    waveform = noise(10.0)
    quiet = Waveform(waveform.samples * np.float32(0.01), waveform.rate)
    found = features.log_mel(waveform)
    np.testing.assert_allclose(features.log_mel(quiet), found, atol=1e-3)
    silent = features.log_mel(Waveform(np.zeros(22050, dtype=np.float32), 22050))
    assert (silent == -50).all()
    assert found.min() >= -50 and found.max() <= 80


@pytest.mark.parametrize("rate", [8000, 16000, 22100, 44100, 48000])
def test_a_tone_lies_in_its_band_at_any_rate(rate: int) -> None:
    times = np.arange(rate * 10) / rate
    tone = Waveform(np.sin(2 * np.pi * 1000 * times).astype(np.float32), rate)
    loudest = features.log_mel(tone)[5:-5].argmax(axis=1)
    centres = librosa.mel_frequencies(n_mels=130, fmin=0, fmax=11050)[1:-1]
    assert set(loudest) == {np.abs(centres - 1000).argmin()}


def test_short_clips_are_padded_and_long_ones_cut() -> None:
    short = features.log_mel(noise(3.0))
    frames = features.valid_frames(3.0)
    assert frames == math.ceil(3 * 22100 / 366) == 182
    assert (short[frames + 3 :] == -50).all() and (short[:frames] > -50).any(axis=1).all()
    whole, longer = noise(10.0), noise(10.0)
    longer = Waveform(np.concatenate([longer.samples, np.ones(22050, "f4")]), longer.rate)
    np.testing.assert_array_equal(features.log_mel(longer), features.log_mel(whole))


def test_valid_frames() -> None:
    assert [features.valid_frames(s) for s in (10.0, 12.0, 1e-4)] == [604, 604, 1]
    centres = np.arange(604) * 366 / 22100
    for seconds in (0.5, 2.4, 9.99):
        assert features.valid_frames(seconds) == (centres < seconds).sum()


def test_the_standardiser_agrees_with_numpy_over_all_frames(rng: np.random.Generator) -> None:
    parts = [rng.normal(5000, 0.01, (3, 7, 4)), rng.normal(5000, 3, (2, 7, 4))]
    frames = np.concatenate([part.reshape(-1, 4) for part in parts])
    scale = Standardiser.fit(parts)
    np.testing.assert_allclose(scale.mean, frames.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(scale.std, frames.std(axis=0), rtol=1e-5)
    assert scale.mean.dtype == scale.std.dtype == np.float32


def test_padding_does_not_count(rng: np.random.Generator) -> None:
    part = rng.normal(size=(3, 10, 2))
    valid = [10, 4, 0]
    kept = np.concatenate([part[0], part[1, :4]])
    scale = Standardiser.fit([part], [valid])
    np.testing.assert_allclose(scale.mean, kept.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(scale.std, kept.std(axis=0), rtol=1e-5)


def test_a_dimension_that_never_changes_becomes_zero(rng: np.random.Generator) -> None:
    part = rng.normal(size=(2, 9, 3)).astype(np.float16)
    part[..., 1] = -3.5
    scaled = Standardiser.fit([part])(part)
    assert scaled.dtype == np.float32 and (scaled[..., 1] == 0).all()
    np.testing.assert_allclose(scaled.std(axis=(0, 1))[[0, 2]], 1, rtol=1e-5)


def test_nothing_to_standardise_by_is_one_line(rng: np.random.Generator) -> None:
    for parts in ([], [np.zeros((0, 5, 2))], [np.full((1, 5, 2), np.nan)]):
        with pytest.raises(ValueError, match="no finite frames to standardise by"):
            Standardiser.fit(parts)


def test_patches_are_centred_every_sixty_milliseconds() -> None:
    times = features.patch_times()
    assert len(times) == 167 and times[0] == pytest.approx(0.0075)
    np.testing.assert_allclose(np.diff(times), 0.06)


def test_the_papers_grid_drifts_and_the_other_does_not() -> None:
    times = features.patch_times()[None, :, None]
    shift = features.on_grid(times, "index")[0, :, 0] - features.GRID_TIMES
    assert shift[0] == pytest.approx(0.454, abs=1e-3)
    assert shift[-1] == pytest.approx(-0.482, abs=1e-3)
    aligned = features.on_grid(times, "time")[0, :, 0]
    assert np.abs(aligned - features.GRID_TIMES).max() <= 0.03 + 1e-9
    with pytest.raises(ValueError, match="unknown alignment 'paper'; choose 'index' or 'time'"):
        features.on_grid(times, "paper")


@pytest.mark.parametrize(
    ("stream", "shape"),
    [("log_mel", (604, 128)), ("ear", (167, 2)), ("eye", (151, 2))],
)
def test_every_clip_is_computed_once(
    tiny: Louder, tmp_path: Path, make_corpus: MakeCorpus, stream: str, shape: tuple[int, int]
) -> None:
    heard: list[str] = []
    corpus = make_corpus(heard=heard)
    first = features.extract(corpus, stream, NAMES[:3], tmp_path)
    assert first.shape == (3, *shape) and first.dtype == np.float16
    before = len(heard)
    again = features.extract(corpus, stream, NAMES[2::-1], tmp_path)
    assert len(heard) == before
    np.testing.assert_array_equal(again, first[::-1])  # whatever their order
    alone = features.extract(corpus, stream, NAMES[1:2], tmp_path / "elsewhere")
    np.testing.assert_array_equal(alone[0], first[1])  # whatever stood beside it


def test_features_are_those_of_the_function(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    found = features.extract(make_corpus(), "log_mel", NAMES, tmp_path)
    for values, name in zip(found, NAMES, strict=True):
        np.testing.assert_array_equal(values, features.log_mel(sound(name)).astype(np.float16))


def test_frames_are_those_nearest_to_the_grid(
    tiny: Louder, tmp_path: Path, make_corpus: MakeCorpus
) -> None:
    found = features.extract(make_corpus(), "eye", ["tone.wav"], tmp_path)
    grey = np.clip(features.GRID_TIMES * 20, 0, 255).astype(np.uint8)
    np.testing.assert_allclose(found[0, :, 0], (grey / 255 - 0.5) / 0.5, atol=1e-3)


def test_an_interrupted_extraction_goes_on_where_it_stopped(
    tmp_path: Path, make_corpus: MakeCorpus
) -> None:
    def stops(name: str) -> Waveform:
        if name == NAMES[2]:
            raise KeyboardInterrupt
        return sound(name)

    with pytest.raises(KeyboardInterrupt):
        features.extract(make_corpus(stops), "log_mel", NAMES, tmp_path)
    heard: list[str] = []
    whole = features.extract(make_corpus(heard=heard), "log_mel", NAMES, tmp_path)
    assert heard == list(NAMES[2:])
    fresh = features.extract(make_corpus(), "log_mel", NAMES, tmp_path / "elsewhere")
    np.testing.assert_array_equal(whole, fresh)
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "other shape"])
def test_damaged_files_are_noticed_and_made_anew(
    tmp_path: Path, make_corpus: MakeCorpus, damage: str
) -> None:
    good = features.extract(make_corpus(), "log_mel", NAMES[:1], tmp_path)
    (path,) = tmp_path.rglob("*.npy")
    content = path.read_bytes()
    if damage == "other shape":
        features._store(path, np.zeros((3, 128), dtype=np.float16))
    else:
        flipped = content[:5000] + bytes([content[5000] ^ 1]) + content[5001:]
        path.write_bytes({"cut": content[:-100], "empty": b"", "flipped": flipped}[damage])
    assert path.read_bytes() != content
    again = features.extract(make_corpus(), "log_mel", NAMES[:1], tmp_path)
    np.testing.assert_array_equal(again, good)
    assert path.read_bytes() == content


def test_the_cache_reads_as_plain_npy(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    found = features.extract(make_corpus(), "log_mel", NAMES[:1], tmp_path)
    (path,) = tmp_path.rglob("*.npy")
    np.testing.assert_array_equal(np.load(path), found[0])


def test_other_weights_have_another_cache(
    tiny: Louder, tmp_path: Path, make_corpus: MakeCorpus
) -> None:
    first = features.extract(make_corpus(), "ear", NAMES[:1], tmp_path)
    tiny(2.0)
    second = features.extract(make_corpus(), "ear", NAMES[:1], tmp_path)
    np.testing.assert_allclose(second, 2 * first, rtol=2e-3)
    assert len(list(tmp_path.iterdir())) == 2


def test_several_processes_find_the_same(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    alone = features.extract(make_corpus(), "log_mel", NAMES, tmp_path / "alone")
    together = features.extract(make_corpus(), "log_mel", NAMES, tmp_path / "together", jobs=2)
    np.testing.assert_array_equal(together, alone)


def test_a_clip_that_cannot_be_used_is_named(
    tiny: Louder, tmp_path: Path, make_corpus: MakeCorpus
) -> None:
    def broken(name: str) -> Waveform:
        raise ValueError(f"{name} is truncated")

    with pytest.raises(ValueError, match="clip noise.wav of fake: noise.wav is truncated"):
        features.extract(make_corpus(broken), "log_mel", NAMES, tmp_path)
    with pytest.raises(ValueError, match="clip click.wav of fake: it has no pictures"):
        features.extract(make_corpus(), "eye", NAMES, tmp_path)
    for samples in (np.full(22050, np.nan, dtype=np.float32), np.zeros(0, dtype=np.float32)):
        bad = make_corpus(lambda name, samples=samples: Waveform(samples, 22050))
        with pytest.raises(ValueError, match="clip noise.wav of fake: its sound is empty or not"):
            features.extract(bad, "log_mel", NAMES, tmp_path)
    tiny(1e9)
    with pytest.raises(ValueError, match="noise.wav of fake: its ear features do not fit"):
        features.extract(make_corpus(), "ear", NAMES, tmp_path)
    with pytest.raises(ValueError, match="unknown stream 'mfcc'; choose one of: log_mel, vggish"):
        features.extract(make_corpus(), "mfcc", NAMES, tmp_path)


def test_missing_weights_are_not_the_clips_fault(
    tmp_path: Path, make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    pretrained.loaded.cache_clear()
    with pytest.raises(FileNotFoundError, match="VGGish.* not found .*get vggish"):
        features.extract(make_corpus(), "vggish", NAMES, tmp_path)


# --- pictures that are few


def test_each_still_is_looked_at_once_and_found_again(
    tiny: Louder, tmp_path: Path, make_corpus: MakeCorpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = np.random.default_rng(0).integers(0, 255, (40, 20, 20, 3)).astype(np.uint8)

    def shown(name: str, times: np.ndarray) -> np.ndarray:
        return (np.floor(times * 3).astype(int) + len(name)) % len(table)

    plain = replace(make_corpus(), frames=lambda name, times: table[shown(name, times)])
    seen: list[int] = []
    embeddings = pretrained.embeddings

    def counted(stream: str, inputs: np.ndarray) -> np.ndarray:
        seen.append(len(inputs))
        return embeddings(stream, inputs)

    monkeypatch.setattr(pretrained, "embeddings", counted)
    few = replace(plain, stills=Stills("key", lambda: table, shown))
    found = features.extract(few, "eye", NAMES, tmp_path)
    ready = {}
    for corpus in (few, plain):
        place = tmp_path / str(corpus is few)
        ready[corpus is few] = extraction.prepare(corpus, "eye", "index", 128, place)
    assert seen == [40, 40, *[features.GRID] * 4]  # another folder, and then clip by clip
    np.testing.assert_array_equal(found, features.extract(plain, "eye", NAMES, tmp_path / "False"))
    for split in SPLITS[:1]:
        np.testing.assert_array_equal(ready[True][0][split][:], ready[False][0][split][:])
    np.testing.assert_array_equal(ready[True][1].mean, ready[False][1].mean)


def test_what_is_heard_does_not_change_with_what_is_seen(
    mixed: Corpus, profile: Profile, tiny: Louder
) -> None:
    stream_senses = {name: features.sense_of(name) for name in features.STREAMS}
    assert [name for name, sense in stream_senses.items() if sense == "sight"] == [
        *("vgg16", "mobilenet_v2", "eye")
    ]
    other = datasets.load("esc10", profile.sizes, sight=Sight(never_seen=1.0))
    assert other.fingerprint("sound") == mixed.fingerprint("sound")
    assert other.fingerprint("sight") != mixed.fingerprint("sight")
    assert other.stills and mixed.stills and other.stills.key == mixed.stills.key
    places = [
        extraction._place(each, stream, "index", 128, None)
        for stream in ("log_mel", "eye")
        for each in (mixed, other)
    ]
    assert len(set(places)) == 3
