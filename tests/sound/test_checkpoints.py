"""The network of each row: of the first rotation, shipped whole, taken only where it fits."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lib.runs import checkpoints as stored
from lib.runs import results
from lib.runs.results import Result
from lib.sound import evaluation
from lib.sound.crnn import COMBINATIONS, CRNN
from lib.sound.data.corpus import Corpus
from lib.sound.features import Standardiser
from lib.sound.runs import checkpoints, experiments
from lib.sound.runs.profiles import Profile

Run = dict[str, Any]
ALL = ("spectral", "audio", "visual")


@pytest.fixture(scope="module")
def common(mixed: Corpus, profile: Profile) -> Run:
    """Give what the runs on a few mixtures have in common."""
    return experiments.common(profile)


def untrained(run: Run) -> CRNN:
    """Return a network of a run's form, another one for each run."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run["seed"] + 10 * len(run["inputs"]))
        return CRNN(experiments.model_config(run)).eval()


def scales_of(run: Run) -> dict[str, Standardiser]:
    """Return scales of the right sizes for a run."""
    form = experiments.model_config(run)
    sizes = (form.mel_bands, form.audio_features, form.visual_features)
    return {
        name: Standardiser(np.full(size, 0.25, np.float32), np.full(size, 2, np.float32))
        for name, size in zip(ALL, sizes, strict=True)
    }


@pytest.fixture
def made(common: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Keep files in a folder of the test, with the weights of each row; give what is asked for."""
    monkeypatch.setattr(experiments, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(experiments, "WEIGHTS", tmp_path / "cache")
    monkeypatch.delenv("BOOK_RETRAIN", raising=False)
    asked: list[int] = []
    scores = {
        split: {"scores": dict.fromkeys(evaluation.METRICS, value)}
        for split, value in (("validation", 0.4), ("test", 0.6))
    }

    def table3(found: Run, trainings: int) -> list[Result]:
        asked.append(trainings)
        runs = experiments.grid(found, trainings)
        return [Result("part1", "table3", run, scores, {"seconds": 1.0}) for run in runs]

    monkeypatch.setattr(experiments, "table3", table3)
    monkeypatch.setattr(experiments, "common", lambda profile: common)
    for run in experiments.grid(common, 1):
        experiments.store(untrained(run), scales_of(run), experiments.weights_path(run))
    return asked


def test_networks_of_one_rotation_are_taken_from_the_cache(common: Run, made: list[int]) -> None:
    found = checkpoints.networks(common)
    assert made == [1] and list(found) == list(COMBINATIONS)
    for row, model in found.items():
        run = experiments.config(common, row, 0)
        assert model.config == experiments.model_config(run)
        assert not model.training and not any(w.requires_grad for w in model.parameters())
        for name, value in untrained(run).state_dict().items():
            assert torch.allclose(model.state_dict()[name], value, atol=1e-3), name


def test_weights_that_are_gone_are_trained_again(
    common: Run, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = results.plain(experiments.config(common, ("visual",), 0))
    experiments.weights_path(lost).unlink()
    again: list[Run] = []
    monkeypatch.setattr(experiments, "run_one", again.append)
    assert set(checkpoints.paths(common)) == set(COMBINATIONS)
    assert again == [lost]


def test_what_is_shipped_is_taken_and_nothing_is_trained(common: Run, made: list[int]) -> None:
    before = checkpoints.networks(common)
    checkpoints.ship("smoke")
    asked = len(made)
    found = checkpoints.paths(common)
    assert {path.parent for path in found.values()} == {experiments.SHIPPED}
    for row, model in checkpoints.networks(common).items():
        for name, value in model.state_dict().items():
            assert torch.equal(value, before[row].state_dict()[name])
    assert len(made) == asked


def test_a_shipped_network_has_a_record(common: Run, made: list[int]) -> None:
    checkpoints.ship("smoke")
    names = {f"open_{letters}" for letters in ("s", "sv", "sa", "sav", "v", "a", "av")}
    for kind in (".json", ".safetensors"):
        found = {path.stem for path in experiments.SHIPPED.glob(f"*{kind}")}
        assert found == {f"part1_{name}" for name in names}
    assert len(list(experiments.SHIPPED.iterdir())) == 14  # and nothing half written
    run = results.plain(experiments.config(common, ("spectral", "audio"), 0))
    path = experiments.shipped_path(run)
    assert stored.run_of(path) == run
    record = json.loads(path.with_suffix(".json").read_text())
    assert record["result"] == results.key(run)
    assert record["validation"] == dict.fromkeys(evaluation.METRICS, 0.4)
    assert record["test"] == dict.fromkeys(evaluation.METRICS, 0.6)
    assert path.read_bytes() == experiments.weights_path(run).read_bytes()


def test_all_are_shipped_or_none(common: Run, made: list[int]) -> None:
    experiments.weights_path(experiments.config(common, ("audio", "visual"), 0)).unlink()
    with pytest.raises(FileNotFoundError):
        checkpoints.ship("smoke")
    assert not experiments.SHIPPED.exists()


def change(field: str, value: Any) -> Callable[[Path], None]:
    """Return what changes one field of the run in a record."""

    def spoil(path: Path) -> None:
        record = stored.record(path)
        stored.write_record(path, {**record, "run": {**record["run"], field: value}})

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        Path.unlink,
        lambda path: path.with_suffix(".json").unlink(),
        change("training", {}),
        change("fingerprint", {"audio": "0" * 16}),
        change("weights", {"audio": "00000000"}),
        lambda path: os.environ.update(BOOK_RETRAIN="1"),
    ],
    ids=["weights", "record", "training", "clips", "networks", "BOOK_RETRAIN"],
)
def test_none_is_taken_unless_all_belong_to_profile_and_clips(
    common: Run, made: list[int], spoil: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints.ship("smoke")
    monkeypatch.setenv("BOOK_RETRAIN", "")  # restored whatever is set
    spoil(experiments.shipped_path(experiments.config(common, ("audio",), 0)))
    found = checkpoints.paths(common)
    assert {path.parent for path in found.values()} == {experiments.WEIGHTS}


def test_inputs_are_those_that_the_networks_were_trained_on(
    mixed: Corpus, common: Run, made: list[int]
) -> None:
    run = experiments.config(common, ALL, 0)
    prepared = experiments.prepared_for(run)
    experiments.store(untrained(run), prepared.scales, experiments.weights_path(run))
    clips = mixed.clips["test"]
    found = checkpoints.inputs(common, mixed, [clips[5], clips[2]])
    assert list(found) == list(ALL)
    for name, values in found.items():
        assert np.array_equal(values, prepared.splits["test"][name][[5, 2]])
    some = checkpoints.inputs(common, mixed, clips[:2])
    for model in checkpoints.networks(common).values():
        with torch.no_grad():
            assert model({name: x.float() for name, x in some.items()}).frame.shape == (2, 151, 10)
