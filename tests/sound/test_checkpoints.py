"""The network of each row: of the first rotation, shipped whole, taken only where it fits."""

import json
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

    def trained(runs: list[Run]) -> list[Result]:
        asked.append(len(runs))
        return [Result("part1", "table3", run, scores, {"seconds": 1.0}) for run in runs]

    monkeypatch.setattr(experiments, "trained", trained)
    monkeypatch.setattr(experiments, "common", lambda profile: common)
    for run in experiments.grid(common, 1):
        experiments.store(untrained(run), scales_of(run), experiments.weights_path(run))
    return asked


def test_networks_of_one_rotation_are_taken_from_the_cache_or_trained_again(
    common: Run, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = checkpoints.networks(common)
    assert made == [len(COMBINATIONS)] and list(found) == list(COMBINATIONS)
    for row, model in found.items():
        run = experiments.config(common, row, 0)
        assert not model.training and not any(w.requires_grad for w in model.parameters())
        for name, value in untrained(run).state_dict().items():
            assert torch.allclose(model.state_dict()[name], value, atol=1e-3), name
    lost = results.plain(experiments.config(common, ("visual",), 0))
    experiments.weights_path(lost).unlink()
    with pytest.raises(FileNotFoundError):
        checkpoints.ship("smoke")
    assert not experiments.SHIPPED.exists()  # all are shipped or none
    again: list[Run] = []
    monkeypatch.setattr(experiments, "run_one", again.append)
    assert set(checkpoints.paths(common)) == set(COMBINATIONS)
    assert again == [lost]


def test_what_is_shipped_has_a_record_and_is_taken_while_all_belong_to_the_run(
    common: Run, made: list[int]
) -> None:
    checkpoints.ship("smoke")
    names = {f"part1_open_{letters}" for letters in ("s", "sv", "sa", "sav", "v", "a", "av")}
    files = {path.name for path in experiments.SHIPPED.iterdir()}
    assert files == {f"{name}{end}" for name in names for end in (".json", ".safetensors")}
    run = results.plain(experiments.config(common, ("spectral", "audio"), 0))
    path = experiments.shipped_path(run)
    record = json.loads(path.with_suffix(".json").read_text())
    assert record["run"] == run and record["result"] == results.key(run)
    assert record["validation"] == dict.fromkeys(evaluation.METRICS, 0.4)
    assert record["test"] == dict.fromkeys(evaluation.METRICS, 0.6)
    assert path.read_bytes() == experiments.weights_path(run).read_bytes()
    asked = len(made)
    assert {each.parent for each in checkpoints.paths(common).values()} == {experiments.SHIPPED}
    assert len(made) == asked  # nothing is trained
    other = {**run, "fingerprint": {**run["fingerprint"], "audio": "0" * 16}}
    stored.write_record(path, {**record, "run": other})  # one of seven is of other clips
    assert {each.parent for each in checkpoints.paths(common).values()} == {experiments.WEIGHTS}


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
