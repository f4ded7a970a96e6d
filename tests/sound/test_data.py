"""The ladder of Part I, and all of the part on a small tree of the original's form."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from lib.book import data_root
from lib.sound import data, experiments, features, training
from lib.sound.data import SPLITS, Corpus, Sizes
from lib.sound.datasets import dcase, domestic
from lib.sound.evaluation import METRICS
from lib.sound.labels import CLASSES
from lib.sound.profiles import PROFILES, TrainingConfig

SIZES = Sizes(weak=8, unlabelled=6, validation=6, test=6)
TINY = replace(
    PROFILES["smoke"],
    dataset="best",
    training=TrainingConfig(
        epochs=2, steps_per_epoch=2, weak_batch=4, unlabelled_batch=4, ramp_steps=2
    ),
)
FILM_RATE = 2  # pictures a second
HTML = b"<html>This video is not available</html>"
NOT_FETCHED = "Ynot_fetched_0.000_10.000.wav"


@pytest.fixture(scope="module")
def drawn() -> Corpus:
    """Give the clips that stand for those of YouTube, each rendered once."""
    corpus = domestic.load(SIZES)
    return replace(corpus, audio=cache(corpus.audio))


@pytest.fixture(scope="module")
def names(drawn: Corpus) -> dict[str, str]:
    """Give each drawn clip a name of the official form, whose seconds are its own."""
    every = [name for split in SPLITS for name in drawn.clips[split]]
    seconds = [drawn.audio(name).seconds for name in every]
    return {
        name: f"Yclip-{index:06d}_30.000_{30 + long:.3f}.wav"
        for index, (name, long) in enumerate(zip(every, seconds, strict=True))
    }


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, drawn: Corpus, names: dict[str, str]) -> Path:
    """Lay the drawn clips down as lists, sounds and videos; give the data root."""
    root = tmp_path_factory.mktemp("data")
    place = root / "dcase2018_task4"
    for folder in ("audio", "video", *{str(Path(path).parent) for path in dcase.LISTS.values()}):
        (place / folder).mkdir(parents=True, exist_ok=True)
    for name, official in names.items():
        sound = drawn.audio(name)
        stem = Path(official).stem
        soundfile.write(place / "audio" / f"{stem}.flac", sound.samples, sound.rate)
        write_film(place / "video" / f"{stem}.mp4", drawn, name, sound.seconds)
    for split, rows in table_rows(drawn, names).items():
        (place / dcase.LISTS[split]).write_text("".join("\t".join(row) + "\n" for row in rows))
    return root


def write_film(path: Path, corpus: Corpus, name: str, seconds: float) -> None:
    """Write the pictures of a clip as a small video."""
    pictures = corpus.frames(name, np.arange(0, seconds, 1 / FILM_RATE))
    assert pictures is not None
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=FILM_RATE)
        stream.height, stream.width, stream.pix_fmt = *pictures.shape[1:3], "yuv420p"
        stream.codec_context.thread_count = 1
        for picture in pictures:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))


def table_rows(corpus: Corpus, names: dict[str, str]) -> dict[str, list[tuple[str, ...]]]:
    """Return the rows of each list; that of the weak clips names one that nobody fetched."""
    weak = [(names[name], ",".join(labels)) for name, labels in corpus.weak.items()]
    found: dict[str, list[tuple[str, ...]]] = {
        "weak": [("filename", "event_labels"), *weak, (NOT_FETCHED, "Dog")],
        "unlabelled": [("filename",), *((names[n],) for n in corpus.clips["unlabelled"])],
    }
    for split, events in corpus.strong.items():
        found[split] = [("filename", "onset", "offset", "event_label")] + [
            (names[events.clips[clip]], str(onset), str(offset), CLASSES[label])
            for clip, label, onset, offset in zip(
                *(events.clip.tolist(), events.label.tolist()),
                *(events.onset.tolist(), events.offset.tolist()),
                strict=True,
            )
        ]
    return found


@pytest.fixture
def place(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let Part I read the tree and keep what it makes in a folder of the test."""
    monkeypatch.setenv("BOOK_DATA", str(tree))
    monkeypatch.setattr(dcase, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(experiments, "WEIGHTS", tmp_path / "checkpoints")
    monkeypatch.setattr(features, "CACHE", tmp_path / "features")
    for cached in (experiments.corpus_of, experiments.prepared_input):
        cached.cache_clear()
    yield tree / "dcase2018_task4"
    for cached in (experiments.corpus_of, experiments.prepared_input):
        cached.cache_clear()


def test_what_was_laid_down_is_read(place: Path, drawn: Corpus, names: dict[str, str]) -> None:
    corpus = data.load("best")
    assert (corpus.name, corpus.rung) == ("dcase2018", "original")
    assert list(corpus.left_out) == [NOT_FETCHED]
    for split in SPLITS:
        assert corpus.clips[split] == tuple(names[name] for name in drawn.clips[split])
    assert np.array_equal(corpus.weak_targets(), drawn.weak_targets())
    for split, events in drawn.strong.items():
        for field in ("durations", "clip", "label", "onset", "offset"):
            np.testing.assert_allclose(
                getattr(corpus.strong[split], field), getattr(events, field), atol=1e-9
            )
    for name in (drawn.clips["weak"][3], drawn.clips["test"][5]):
        sound, expected = corpus.audio(names[name]), drawn.audio(name)
        np.testing.assert_allclose(sound.samples, expected.samples, atol=2**-15)
        pictures, originals = (
            each.frames(clip, np.array([0.0, 1.5]))
            for each, clip in ((corpus, names[name]), (drawn, name))
        )
        assert pictures is not None and originals is not None
        assert np.abs(pictures.astype(float) - originals).mean() < 12  # of 255: chroma is halved


def test_the_whole_of_part_one_runs_on_the_original(place: Path, tmp_path: Path) -> None:
    corpus = data.load("dcase2018", SIZES)
    common = experiments.describe(TINY, corpus)
    assert common["streams"] == {
        "spectral": "log_mel",
        "audio": "small_audio",  # no published weights are in the tree
        "visual": "small_image",
    }
    assert (common["dataset"], common["rung"]) == ("dcase2018", "original")
    run = experiments.config(common, ("spectral", "audio", "visual"), seed=0)
    found = experiments.run_one(run)
    assert found["shape"] == [SIZES.test, len(CLASSES)]
    for split in ("validation", "test"):
        scores = found[split]["scores"]
        assert set(scores) == set(METRICS) and all(0 <= score <= 1 for score in scores.values())
    assert len(found["history"]["validation_clip"]) == TINY.training.epochs
    assert experiments.weights_path(run).is_file()
    prepared = experiments.prepared_for(run)
    student = experiments.load_weights(experiments.weights_path(run), experiments.model_config(run))
    again = experiments.score(student, prepared, "test")
    assert again == found["test"]
    probabilities = training.predict(student, prepared.splits["test"])
    assert np.isfinite(probabilities.frame.numpy()).all()


def test_a_run_notices_that_clips_have_changed(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "other"
    shutil.copytree(place.parent, root)
    monkeypatch.setenv("BOOK_DATA", str(root))
    corpus = data.load("dcase2018")
    run = experiments.config(experiments.describe(TINY, corpus), ("spectral",), seed=0)
    stem = Path(corpus.clips["test"][0]).stem
    (root / "dcase2018_task4" / "audio" / f"{stem}.flac").write_bytes(HTML)
    experiments.corpus_of.cache_clear()
    with pytest.raises(ValueError, match="clips or pretrained weights are not those of this run"):
        experiments.prepared_for(run)


@pytest.fixture
def few(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a tree with half of the validation clips and nearly all of the others."""
    root = tmp_path / "few"
    shutil.copytree(place.parent, root)
    monkeypatch.setenv("BOOK_DATA", str(root))
    folder = root / "dcase2018_task4"
    for name in dcase.listed(folder)["validation"][::2]:
        (folder / "audio" / f"{Path(name).stem}.flac").unlink()
    return folder


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_the_original_is_best_only_while_half_of_each_split_is_there(few: Path, kind: str) -> None:
    assert data.best() == "dcase2018"
    name = dcase.listed(few)["validation"][1]
    (path,) = (few / kind).glob(f"{Path(name).stem}.*")
    path.unlink()
    assert data.best() == "drawn"
    assert data.load("best", SIZES).name == "drawn"
    corpus = data.load("dcase2018")  # asked for by name: what there is
    assert len(corpus.clips["validation"]) == 2 and len(corpus.left_out) == 1 + 3 + 1


def test_the_ladder_without_the_original(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    assert data.best() == "drawn"
    monkeypatch.setattr(data_root, "present", lambda name: True)
    assert data.best() == "esc10"
    monkeypatch.setattr(data_root, "present", lambda name: name != "speech")
    assert data.best() == "drawn"
    with pytest.raises(FileNotFoundError, match=r"no list .*weak.csv"):
        data.load("dcase2018")


def test_a_wrong_list_is_no_reason_to_take_another_rung(few: Path) -> None:
    path = few / dcase.LISTS["test"]
    path.write_text(path.read_text().replace("Yclip-", "Y../", 1))
    with pytest.raises(ValueError, match=r"eval.csv, row 2: .* is no clip"):
        data.load("best", SIZES)


def test_names_and_sizes_are_asked_for() -> None:
    with pytest.raises(ValueError, match="unknown dataset 'dcase'; choose one of: best, dcase2018"):
        data.load("dcase")
    for dataset in ("esc10", "drawn"):
        with pytest.raises(ValueError, match=f"how many clips of '{dataset}' to make, see `Sizes`"):
            data.load(dataset)
