"""What Part I still has to compute: operations by hand, runs as the chapters ask for them."""

from dataclasses import asdict
from pathlib import Path

import pytest

from lib.book import results
from lib.book.results import Result
from lib.book.workload import calibrate
from lib.sound import data, experiments, features, workload
from lib.sound.data import Corpus
from lib.sound.models import COMBINATIONS, ModelConfig
from lib.sound.profiles import PROFILES
from tests.workloads import by_name

SMOKE = PROFILES["smoke"]
FRAMES, HIDDEN, CLASSES = 151, 128, 10


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """Give the clips of profile smoke."""
    return data.load(SMOKE.dataset, SMOKE.sizes)


@pytest.fixture
def empty(private_results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder without results, weights and features."""
    monkeypatch.setattr(experiments, "WEIGHTS", tmp_path / "weights")
    monkeypatch.setattr(features, "CACHE", tmp_path / "features")
    monkeypatch.delenv("BOOK_RETRAIN", raising=False)
    return tmp_path


def test_a_clip_costs_what_its_layers_do() -> None:
    model = ModelConfig(("audio",))
    embedding = FRAMES * 128 * 64
    first = 2 * FRAMES * 3 * HIDDEN * 64  # of the GRU, both directions: of what comes in ...
    second = 2 * FRAMES * 3 * HIDDEN * 2 * HIDDEN
    again = 2 * FRAMES * 3 * HIDDEN * HIDDEN  # ... and of what was before, in each of two layers
    head = FRAMES * 2 * HIDDEN * CLASSES
    forward = embedding + first + second + 2 * again + head
    # back: twice as much, but none for the features, nor for the state before the first frame
    backward = 2 * forward - embedding - 2 * 2 * 3 * HIDDEN * HIDDEN
    teacher = forward
    assert workload.clip_flop(model) == (2 * (forward + backward + teacher), 2 * forward)


def test_spectral_features_pass_the_convolutions_of_the_paper() -> None:
    channels, side = (1, 16, 32, 64, 128, 128, 128, 128), [(604, 128), (302, 64)]
    side += [(FRAMES, 32 // 2**n) for n in range(5)]
    pairs = zip(channels[:-1], channels[1:], side, strict=True)
    convolutions = sum(9 * a * b * height * width for a, b, (height, width) in pairs)
    gru = 2 * FRAMES * 3 * HIDDEN * (128 + 2 * HIDDEN + 2 * HIDDEN)
    head = FRAMES * 2 * HIDDEN * CLASSES
    _, forward = workload.clip_flop(ModelConfig(("spectral",)))
    assert forward == 2 * (convolutions + gru + head)


def test_features_count_the_products_that_they_are_made_of() -> None:
    mel = features.BANDS * (features.WINDOW // 2 + 1) * features.FRAMES
    assert workload.features_flop("log_mel") == 2 * mel
    # four convolutions of stride 2 and one of 1 over 64 pixels, and 64 outputs
    channels, sides = (3, 16, 32, 64, 112, 112), (32, 16, 8, 4, 4)
    pairs = zip(channels[:-1], channels[1:], sides, strict=True)
    picture = sum(9 * a * b * side**2 for a, b, side in pairs) + 2 * 112 * 64
    assert workload.features_flop("small_image") == FRAMES * 2 * picture


def test_a_training_costs_its_steps_and_what_is_asked_of_the_student(corpus: Corpus) -> None:
    run = experiments.config(experiments.describe(PROFILES["paper"], corpus), ("audio",), 0)
    step, forward = workload.clip_flop(experiments.model_config(run))
    found = workload.training_work("a row", [run] * 20, present=3)
    assert found.operations == 50_000 * 48 * step + (201 * 259 + 779) * forward
    assert found.missing == 17
    assert found.items == pytest.approx(50_000 * 48, rel=0.02)


def test_the_runs_are_those_that_the_chapters_ask_for(corpus: Corpus) -> None:
    common = experiments.describe(SMOKE, corpus)
    wanted = [
        *experiments.grid(common, SMOKE.trainings),
        *experiments.aligned_grid(common, SMOKE.trainings),
        *(
            run
            for runs in experiments.ledger_grid(common, SMOKE.trainings).values()
            for run in runs
        ),
        *(run for runs in experiments.leads_grid(common).values() for run in runs),
    ]
    listed = [run for _, runs in workload.trainings_asked(SMOKE, common) for run in runs]
    assert {results.key(run) for run in listed} == {results.key(run) for run in wanted}
    assert len(listed) == len({results.key(run) for run in listed})
    assert len(wanted) > len(listed) > len(COMBINATIONS) * SMOKE.trainings


def test_what_has_a_result_is_present_and_features_count_where_they_are_read(
    empty: Path, corpus: Corpus
) -> None:
    found = by_name(workload.of("smoke").work)
    clips = sum(asdict(SMOKE.sizes).values())
    for stream in ("log_mel", "small_audio", "small_image"):
        assert (found[f"features, {stream}"].runs, found[f"features, {stream}"].present) == (
            clips,
            0,
        )
    assert all(work.present == 0 for work in found.values())
    assert found["metrics"].runs == 10 + 3 + 1 + 3 + 1 + 1
    common = experiments.describe(SMOKE, corpus)
    results.save(
        Result("part1", "table3", experiments.config(common, ("visual",), 1), {}), results.RESULTS
    )
    assert by_name(workload.of("smoke").work)["V: Table 3"].present == 1
    assert [path.name for path in empty.iterdir()] == ["results"]


def test_features_in_the_cache_count_without_being_read(empty: Path, corpus: Corpus) -> None:
    clips = corpus.clips["weak"][:3]
    features.extract(corpus, "log_mel", clips[:2], empty)
    assert features.kept(corpus, "log_mel", clips, empty) == [True, True, False]


def test_a_little_of_each_kind_of_work_can_be_done(empty: Path) -> None:
    work = workload.of("smoke").work
    # the rows of Table 3, and a teacher that is read as at test time
    assert len({each.sample for each in work if ": " in each.name}) == len(COMBINATIONS) + 1
    for sample in {each.sample for each in work if each.sample}:
        assert calibrate(sample, 0.01).seconds > 0
    assert not any(empty.iterdir())  # features were computed aside, networks nowhere
