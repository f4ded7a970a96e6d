"""Small event lists, and the real ones."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from torch import Tensor, nn

from lib.book import data_root
from lib.runs.results import Result
from lib.sound import features, pretrained
from lib.sound.crnn import COMBINATIONS
from lib.sound.data import datasets, photos
from lib.sound.data.corpus import Corpus, Sizes
from lib.sound.data.photos import Photograph
from lib.sound.evaluation import METRICS
from lib.sound.events import Events
from lib.sound.mean_teacher import TrainingConfig
from lib.sound.runs import experiments, extraction, system_scores
from lib.sound.runs.profiles import PROFILES, Profile
from lib.sound.runs.system_scores import Scored

MakeEvents = Callable[..., Events]
MakeRun = Callable[..., Result]
settings.register_profile("no deadline", deadline=None)  # a busy machine is no fault
settings.load_profile("no deadline")
TINY = replace(
    PROFILES["smoke"],
    audio="ear",
    visual="eye",
    sizes=Sizes(weak=6, unlabelled=6, validation=6, test=6),
    training=TrainingConfig(
        epochs=2, steps_per_epoch=2, weak_batch=3, unlabelled_batch=2, ramp_steps=2
    ),
)


@pytest.fixture(scope="session")
def few() -> Scored:
    """Give a few clips of the test set, the last of them without events."""
    return system_scores.load(40)


@pytest.fixture(scope="session")
def lists() -> Path:
    """Give the folder in which the lists of DCASE 2018 and of DESED lie."""
    return data_root.locate("desed_baseline").parent


@pytest.fixture(scope="session")
def real() -> Scored:
    """Give the whole test set."""
    return system_scores.load()


@pytest.fixture
def make() -> MakeEvents:
    """Return a function that makes events from rows (clip, label, onset, offset)."""

    def events(*rows: tuple[int, int, float, float], clips: int = 1, classes: int = 10) -> Events:
        columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T
        clip, label = columns[:2].astype(np.int64)
        names = tuple(f"clip_{index}.wav" for index in range(clips))
        kinds = tuple(f"class_{index}" for index in range(classes))
        return Events(names, np.full(clips, 10.0), clip, label, columns[2], columns[3], kinds)

    return events


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator of the same numbers each time."""
    return np.random.default_rng(0)


@pytest.fixture
def private_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let results of the test go into its own folder, and be found only there."""
    monkeypatch.setenv("BOOK_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


@pytest.fixture(scope="session")
def made_up_run() -> MakeRun:
    """Return a function that makes up a run of Table 3 with about the scores asked for."""

    def run(row: tuple[str, ...], seed: int, levels: Mapping[str, float], spread: float) -> Result:
        noise = np.random.default_rng([seed, COMBINATIONS.index(row)]).normal(0, spread, 3)
        scores = {name: levels[name] + one for name, one in zip(METRICS, noise, strict=True)}
        found = {"test": {"scores": scores}, "validation": {"scores": scores}}
        return Result("part1", "table3", {"inputs": list(row), "seed": seed}, found)

    return run


@pytest.fixture(scope="session")
def profile() -> Profile:
    """Give a profile that is quick enough to test with."""
    return TINY


@pytest.fixture(scope="session")
def kept_features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder in which features of all tests are kept."""
    return tmp_path_factory.mktemp("features")


def five_of_each(photographs: Sequence[Photograph]) -> list[Photograph]:
    """Return five sittings of each kind, a photograph each: the fewest for three splits."""
    found: dict[str, dict[str, Photograph]] = {}
    for each in photographs:
        of_kind = found.setdefault(each.kind, {})
        if len(of_kind) < 5:
            of_kind.setdefault(each.sitting, each)
    return [each for of_kind in found.values() for each in of_kind.values()]


class Tiny(nn.Module):
    """The mean of what comes in, and its spread: a network quick enough to test with."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, inputs: Tensor) -> Tensor:
        values = inputs.flatten(1) * self.factor
        return torch.stack([values.mean(dim=1), values.std(dim=1)], dim=1)


def let_tiny_networks_listen_and_look(patch: pytest.MonkeyPatch, factor: float = 1.0) -> None:
    """Let the streams "ear" and "eye" be made by a tiny network; a factor makes them louder."""
    file = "yamnet_f16.npz" if factor == 1 else "mobilenet_v2_f16.safetensors"
    for name, side in (("ear", 0), ("eye", 16)):
        network = pretrained.Network(
            *(2, Tiny, lambda path: {"factor": torch.tensor(factor)}, "weights", file, "nothing"),
            side=side,
            mean=(0.5,) * 3,
            std=(0.5,) * 3,
        )
        patch.setitem(pretrained.NETWORKS, name, network)
        rows = features.GRID if side else pretrained.PATCHES
        patch.setitem(features.STREAMS, name, features.Stream(rows, 2))
    pretrained.loaded.cache_clear()


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float], None]]:
    """Let tiny networks listen and look; give who makes them louder."""
    let_tiny_networks_listen_and_look(monkeypatch)
    yield lambda factor: let_tiny_networks_listen_and_look(monkeypatch, factor)
    pretrained.loaded.cache_clear()


@pytest.fixture(scope="module")
def mixed(kept_features: Path) -> Iterator[Corpus]:
    """Give a few mixtures; Part I sees five photographs of a kind and keeps features aside."""
    read = photos.read
    with pytest.MonkeyPatch.context() as patch:
        let_tiny_networks_listen_and_look(patch)
        patch.setattr(extraction, "CACHE", kept_features)
        patch.setattr(photos, "read", lambda folder: five_of_each(read(folder)))
        experiments._corpus.cache_clear()
        yield datasets.load(TINY.dataset, TINY.sizes)
    experiments._corpus.cache_clear()
