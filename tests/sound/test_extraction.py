"""Features of a corpus: computed once, whatever happens to the cache, and ready for training."""

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lib.runs import code
from lib.sound import features, pretrained
from lib.sound.data.corpus import Corpus, Stills, Waveform
from lib.sound.runs import extraction

NAMES = ("noise.wav", "tone.wav", "short.wav", "click.wav")
SECONDS = dict(zip(NAMES, (10.0, 10.0, 3.02, 0.3), strict=True))
Louder = Callable[[float], None]
GREY = np.clip(features.GRID_TIMES * 20, 0, 255).astype(np.uint8)


def sound(name: str) -> Waveform:
    """Return the clip of a name."""
    generator = np.random.default_rng(len(name))
    samples = generator.uniform(-0.5, 0.5, round(SECONDS[name] * features.RATE))
    return Waveform(samples.astype(np.float32), features.RATE)


def pictures(name: str, times: np.ndarray) -> np.ndarray | None:
    """Return small pictures whose brightness tells the time; one clip has none."""
    if name == "click.wav":
        return None
    grey = np.clip(times * 20, 0, 255).astype(np.uint8)
    return np.broadcast_to(grey[:, None, None, None], (len(times), 30, 40, 3)).copy()


CORPUS = Corpus(
    name="fake",
    rung="open",
    classes=("Dog",),
    clips={"weak": NAMES, "unlabelled": (), "validation": (), "test": ()},
    weak=dict.fromkeys(NAMES, ("Dog",)),
    strong={},
    content=lambda name, sense: hashlib.sha256(f"{sense} {name}".encode()).hexdigest()[:16],
    audio=sound,
    frames=pictures,
    left_out={},
    notes=lambda name: "",
)


def hearing(heard: list[str]) -> Corpus:
    """Return the corpus that writes down which clips are decoded."""
    return replace(CORPUS, audio=lambda name: heard.append(name) or sound(name))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let features be kept in a folder of the test."""
    monkeypatch.setattr(extraction, "CACHE", tmp_path / "cache")
    return tmp_path / "cache"


@pytest.mark.parametrize(
    ("stream", "shape"), [("log_mel", (604, 128)), ("ear", (167, 2)), ("eye", (151, 2))]
)
def test_every_clip_is_computed_once(
    tiny: Louder,
    cache: Path,
    stream: str,
    shape: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[str] = []
    first = extraction.extract(hearing(heard), stream, NAMES[:3])
    assert first.shape == (3, *shape) and first.dtype == np.float16
    before = len(heard)
    again = extraction.extract(hearing(heard), stream, NAMES[2::-1])
    assert len(heard) == before
    np.testing.assert_array_equal(again, first[::-1])  # whatever their order
    monkeypatch.setattr(extraction, "CACHE", cache / "elsewhere")
    alone = extraction.extract(CORPUS, stream, NAMES[1:2])
    np.testing.assert_array_equal(alone[0], first[1])  # whatever stood beside it
    if stream == "log_mel":
        np.testing.assert_array_equal(first[1], features.log_mel(sound(NAMES[1])).astype("f2"))
    if stream == "eye":  # pictures are those nearest to the grid
        np.testing.assert_allclose(first[1, :, 0], (GREY / 255 - 0.5) / 0.5, atol=1e-3)


def test_a_cache_is_of_the_weights_and_the_code_that_filled_it(
    tiny: Louder, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = extraction.extract(CORPUS, "ear", NAMES[:1])
    tiny(2.0)
    np.testing.assert_allclose(extraction.extract(CORPUS, "ear", NAMES[:1]), 2 * first, rtol=2e-3)
    before = {stream: extraction.cached(stream) for stream in ("log_mel", "yamnet")}
    edited = f"{inspect.getsource(features)}\nQUIETEST = -60.0\n"
    source = inspect.getsource
    monkeypatch.setattr(
        code.inspect, "getsource", lambda thing: edited if thing is features else source(thing)
    )
    after = {stream: extraction.cached(stream) for stream in before}
    assert after["log_mel"] != before["log_mel"] and after["yamnet"] == before["yamnet"]


def test_a_file_cut_short_is_noticed_and_made_anew(cache: Path) -> None:
    good = extraction.extract(CORPUS, "log_mel", NAMES[:1])
    (path,) = cache.rglob("*.npy")
    content = path.read_bytes()
    path.write_bytes(content[:5000])
    np.testing.assert_array_equal(extraction.extract(CORPUS, "log_mel", NAMES[:1]), good)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("audio", "stream", "complaint"),
    [
        (sound, "eye", "clip click.wav of fake: it has no pictures"),
        (
            lambda name: Waveform(np.full(22050, np.nan, "f4"), 22050),
            "log_mel",
            "clip noise.wav of fake: its sound is empty or not",
        ),
        (sound, "ear", "noise.wav of fake: its ear features do not fit"),
        (sound, "vggish", "VGGish.* not found .*get vggish"),
    ],
    ids=["unseen", "nan", "too loud", "no weights"],
)
def test_a_clip_that_cannot_be_used_is_named(
    tiny: Louder,
    cache: Path,
    audio: Callable[[str], Waveform],
    stream: str,
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BOOK_DATA", str(cache.parent))  # where no weights are
    tiny(1e9 if stream == "ear" else 1.0)
    with pytest.raises((ValueError, FileNotFoundError), match=complaint):
        extraction.extract(replace(CORPUS, audio=audio), stream, NAMES)


# --- pictures that are few


def test_each_still_is_looked_at_once_and_found_again(
    tiny: Louder, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = np.random.default_rng(0).integers(0, 255, (40, 20, 20, 3)).astype(np.uint8)

    def shown(name: str, times: np.ndarray) -> np.ndarray:
        return (np.floor(times * 3).astype(int) + len(name)) % len(table)

    plain = replace(CORPUS, frames=lambda name, times: table[shown(name, times)])
    few = replace(plain, stills=Stills("key", lambda: table, shown))
    seen: list[int] = []
    embeddings = pretrained.embeddings

    def counted(stream: str, inputs: np.ndarray) -> np.ndarray:
        seen.append(len(inputs))
        return embeddings(stream, inputs)

    monkeypatch.setattr(pretrained, "embeddings", counted)
    found, ready = [], []
    for corpus in (few, plain):
        monkeypatch.setattr(extraction, "CACHE", cache / str(corpus is few))
        found.append(extraction.extract(corpus, "eye", NAMES))
        ready.append(extraction.prepare(corpus, "eye", "index", 128))
    assert seen == [40, *[features.GRID] * 4]  # all at once, and then clip by clip
    np.testing.assert_array_equal(*found)
    np.testing.assert_array_equal(ready[0][0]["weak"][:], ready[1][0]["weak"][:])
    np.testing.assert_array_equal(ready[0][1].mean, ready[1][1].mean)


# --- before the network


def test_the_silence_behind_a_short_clip_does_not_sound(cache: Path) -> None:
    short, whole = extraction.sounding_frames(CORPUS, ["short.wav", "noise.wav"], "log_mel")
    centred = np.count_nonzero(np.arange(604) * 366 / 22100 < SECONDS["short.wav"])
    reach = features.WINDOW // 2 / features.HOP  # a window looks beyond its centre
    assert centred <= short <= centred + reach
    assert whole == features.FRAMES
    pooled = extraction.sounding_frames(CORPUS, ["short.wav", "noise.wav"], "yamnet")
    assert short % 4 and list(pooled) == [short // 4 + 1, features.GRID]
