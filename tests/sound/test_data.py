"""The ladder of Part I, and all of the part on a small tree of the original's form."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from lib.book import data_root
from lib.sound import mean_teacher
from lib.sound.data import datasets, dcase, mixtures
from lib.sound.data.corpus import SPLITS, Corpus
from lib.sound.evaluation import METRICS
from lib.sound.events import CLASSES
from lib.sound.runs import experiments, extraction
from lib.sound.runs.profiles import Profile

FILM_RATE = 2  # pictures a second
HTML = b"<html>This video is not available</html>"
NOT_FETCHED = "Ynot_fetched_0.000_10.000.wav"
IN_TREE = ("dcase2018_task4", "desed_baseline")
LOCATE = data_root.locate
TIMED_AS = {name: material.timing for name, material in mixtures.MATERIAL.items()}


@pytest.fixture(scope="module")
def names(mixed: Corpus) -> dict[str, str]:
    """Give each mixture, which stands for a clip of YouTube, an official name of its seconds."""
    every = [name for split in SPLITS for name in mixed.clips[split]]
    seconds = [mixed.audio(name).seconds for name in every]
    return {
        name: f"Yclip-{index:06d}_30.000_{30 + long:.3f}.wav"
        for index, (name, long) in enumerate(zip(every, seconds, strict=True))
    }


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, mixed: Corpus, names: dict[str, str]) -> Path:
    """Lay the mixtures down as lists, sounds and videos; give the data root."""
    root = tmp_path_factory.mktemp("data")
    place = root / "dcase2018_task4"
    for folder in ("audio", "video", *{str(Path(path).parent) for path in dcase.LISTS.values()}):
        (place / folder).mkdir(parents=True, exist_ok=True)
    for name, official in names.items():
        sound = mixed.audio(name)
        stem = Path(official).stem
        soundfile.write(place / "audio" / f"{stem}.flac", sound.samples, sound.rate)
        write_film(place / "video" / f"{stem}.mp4", mixed, name, sound.seconds)
    for split, rows in table_rows(mixed, names).items():
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
    weak = [
        (names[name], ",".join(TIMED_AS[label] for label in labels))
        for name, labels in corpus.weak.items()
    ]
    found: dict[str, list[tuple[str, ...]]] = {
        "weak": [("filename", "event_labels"), *weak, (NOT_FETCHED, "Dog")],
        "unlabelled": [("filename",), *((names[n],) for n in corpus.clips["unlabelled"])],
    }
    for split, events in corpus.strong.items():
        found[split] = [("filename", "onset", "offset", "event_label")] + [
            (names[events.clips[clip]], str(onset), str(offset), TIMED_AS[corpus.classes[label]])
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
    read_from(tree, monkeypatch)
    (tree / "desed_baseline").mkdir(exist_ok=True)
    (tree / "desed_baseline" / "validation_durations.tsv").write_text("filename\tduration\n")
    monkeypatch.setattr(dcase, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(experiments, "WEIGHTS", tmp_path / "checkpoints")
    monkeypatch.setattr(extraction, "CACHE", tmp_path / "features")
    experiments._corpus.cache_clear()
    yield tree / "dcase2018_task4"
    experiments._corpus.cache_clear()


def read_from(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a folder be the data root, and hold the lists as well; networks stay where they are."""
    monkeypatch.setenv("BOOK_DATA", str(root))
    monkeypatch.setattr(
        data_root, "locate", lambda name: root / name if name in IN_TREE else LOCATE(name)
    )


def test_what_was_laid_down_is_read(place: Path, mixed: Corpus, names: dict[str, str]) -> None:
    corpus = datasets.load("best")
    assert (corpus.name, corpus.rung) == ("dcase2018", "original")
    assert list(corpus.left_out) == [NOT_FETCHED]
    for split in SPLITS:
        assert corpus.clips[split] == tuple(names[name] for name in mixed.clips[split])
    order = [CLASSES.index(TIMED_AS[name]) for name in mixed.classes]
    assert np.array_equal(corpus.weak_targets()[:, order], mixed.weak_targets())
    for split, events in mixed.strong.items():
        labels = np.array(order)[events.label]
        assert np.array_equal(corpus.strong[split].label, labels)
        for field in ("durations", "clip", "onset", "offset"):
            np.testing.assert_allclose(
                getattr(corpus.strong[split], field), getattr(events, field), atol=1e-9
            )
    for name in (mixed.clips["weak"][3], mixed.clips["test"][5]):
        sound, expected = corpus.audio(names[name]), mixed.audio(name)
        np.testing.assert_allclose(sound.samples, expected.samples, atol=2**-15)
        pictures, originals = (
            each.frames(clip, np.array([0.0, 1.5]))
            for each, clip in ((corpus, names[name]), (mixed, name))
        )
        assert pictures is not None and originals is not None
        assert np.abs(pictures.astype(float) - originals).mean() < 12  # of 255: chroma is halved


def test_the_whole_of_part_one_runs_on_the_original(
    place: Path, profile: Profile, tiny: object
) -> None:
    common = experiments.common(replace(profile, dataset="dcase2018", audio="ear", visual="eye"))
    assert (common["dataset"], common["rung"]) == ("dcase2018", "original")
    run = experiments.config(common, ("spectral", "audio", "visual"), seed=0)
    found = experiments.run_one(run)
    assert found["shape"] == [profile.sizes.test, len(CLASSES)]
    for split in ("validation", "test"):
        scores = found[split]["scores"]
        assert set(scores) == set(METRICS) and all(0 <= score <= 1 for score in scores.values())
    assert len(found["history"]["validation_clip"]) == profile.training.epochs
    assert experiments.weights_path(run).is_file()
    prepared = experiments.prepared_for(run)
    student = experiments.load_weights(experiments.weights_path(run), experiments.model_config(run))
    again = experiments.score(student, prepared, "test")
    assert again == found["test"]
    probabilities = mean_teacher.predict(student, prepared.splits["test"])
    assert np.isfinite(probabilities.frame.numpy()).all()


@pytest.fixture
def copy(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of the tree that a test may damage."""
    shutil.copytree(place.parent, tmp_path / "copy")
    read_from(tmp_path / "copy", monkeypatch)
    return tmp_path / "copy" / "dcase2018_task4"


def test_a_run_notices_that_clips_have_changed(copy: Path, profile: Profile) -> None:
    common = experiments.common(replace(profile, dataset="dcase2018"))
    run = experiments.config(common, ("spectral",), seed=0)
    stem = Path(experiments.corpus_of(run).clips["test"][0]).stem
    (copy / "audio" / f"{stem}.flac").write_bytes(HTML)
    experiments._corpus.cache_clear()
    with pytest.raises(ValueError, match="clips or pretrained weights are not those of this run"):
        experiments.prepared_for(run)


@pytest.fixture
def few(copy: Path) -> Path:
    """Give a tree with half of the validation clips and nearly all of the others."""
    for name in dcase.listed(copy)["validation"][::2]:
        (copy / "audio" / f"{Path(name).stem}.flac").unlink()
    return copy


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_the_original_is_best_only_while_half_of_each_split_is_there(
    few: Path, kind: str, profile: Profile
) -> None:
    assert datasets.best() == "dcase2018"
    name = dcase.listed(few)["validation"][1]
    (path,) = (few / kind).glob(f"{Path(name).stem}.*")
    path.unlink()
    assert datasets.best() == "esc10"
    corpus = datasets.load("dcase2018")  # asked for by name: what there is
    assert len(corpus.clips["validation"]) == 2 and len(corpus.left_out) == 1 + 3 + 1


def test_without_the_original_there_are_mixtures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mixed: Corpus, profile: Profile
) -> None:
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    found = datasets.load("best", profile.sizes)
    assert (found.name, found.rung) == ("esc10", "open") == (mixed.name, mixed.rung)
    assert found.fingerprint("sight") == mixed.fingerprint("sight")
    with pytest.raises(FileNotFoundError, match=r"no clip of DCASE 2018"):
        datasets.load("dcase2018")


def test_a_wrong_list_is_no_reason_to_take_another_rung(few: Path) -> None:
    path = few / dcase.LISTS["test"]
    path.write_text(path.read_text().replace("Yclip-", "Y../", 1))
    with pytest.raises(ValueError, match=r"eval.csv, row 2: .* is no clip"):
        datasets.load("best")


def test_names_and_sizes_are_asked_for() -> None:
    with pytest.raises(ValueError, match="unknown dataset 'dcase'; choose one of: best, dcase2018"):
        datasets.load("dcase")
    with pytest.raises(ValueError, match="how many clips of 'esc10' to make, see `Sizes`"):
        datasets.load("esc10")


def test_a_fingerprint_changes_with_names_labels_and_what_one_sense_gets(mixed: Corpus) -> None:
    first, *rest = mixed.clips["weak"]
    louder = replace(mixed, content=lambda name, sense: "new" if sense == "sound" else "old")
    others = [
        replace(mixed, name="other"),
        replace(mixed, clips={**mixed.clips, "weak": (*rest, first)}),
        replace(mixed, weak={**mixed.weak, first: ()}),
        replace(mixed, strong={"test": mixed.strong["test"]}),
        louder,
    ]
    assert len({each.fingerprint("sound") for each in (mixed, *others)}) == 6
    assert louder.fingerprint("sound") != louder.fingerprint("sight")
