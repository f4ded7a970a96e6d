"""Which networks of digits there are: trained once, found again, the public pair beside them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lib.adversarial import checkpoints, classifiers, data, training
from lib.adversarial.checkpoints import Network
from lib.adversarial.data import Digits
from lib.adversarial.profiles import PROFILES
from lib.adversarial.training import TrainingConfig
from lib.runs.checkpoints import save_weights, write_record

TINY = TrainingConfig("natural", epochs=1, batch_size=16)
Few = Callable[[int, int], Digits]


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record which networks are really trained."""
    done: list[str] = []
    train = training.train

    def counted(config: TrainingConfig, *arguments: Any, **keywords: Any) -> Any:
        done.append(config.name)
        return train(config, *arguments, **keywords)

    monkeypatch.setattr(training, "train", counted)
    return done


def ship_by_hand(config: TrainingConfig, digits: Digits, folder: Path) -> Path:
    """Put random weights and a matching record where shipped networks lie."""
    path = folder / f"part3_original_{config.name}.safetensors"
    save_weights(classifiers.build("madry", torch.Generator().manual_seed(9)), path)
    write_record(path, {"run": checkpoints.training_run(config, digits)})
    return path


def test_a_network_is_trained_once_and_shipped_ones_are_taken_where_their_record_fits(
    private_folders: Path, trainings: list[str], few: Few
) -> None:
    shipped = ship_by_hand(TINY, few(32, 8), private_folders / "shipped")
    assert checkpoints.own_weights(TINY, few(32, 8)) == shipped
    assert trainings == []
    other = checkpoints.own_weights(TINY, few(48, 8))
    again = checkpoints.own_weights(replace(TINY, seed=1), few(32, 8))
    assert len({shipped, other, again}) == 3 and len(trainings) == 2
    before = other.read_bytes()
    assert checkpoints.own_weights(TINY, few(48, 8)) == other
    assert len(trainings) == 2 and other.read_bytes() == before
    other.with_suffix(".json").unlink()  # the power went between the weights and their record
    assert checkpoints.own_weights(TINY, few(48, 8)) == other and len(trainings) == 3
    kept = {each.with_suffix(end) for each in (other, again) for end in (".safetensors", ".json")}
    assert {*(private_folders / "cache").iterdir()} == kept  # no progress is left
    assert Network("ours", "natural", other).load()(torch.zeros(1, 1, 28, 28)).shape == (1, 10)
    for path in (shipped, other):
        assert checkpoints.find_by_digest(Network("ours", "natural", path).digest) == path


def test_the_reference_pair_stands_beside_ours(few: Few, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "own_weights", lambda config, digits: Path(config.name))
    networks = checkpoints.networks(PROFILES["quick"], few(32, 8))
    assert [(network.pair, network.kind, network.architecture) for network in networks] == [
        (pair, kind, architecture)
        for pair, architecture in (("ours", "madry"), ("reference", "reference"))
        for kind in ("natural", "robust")
    ]


def test_what_a_shipped_network_is_said_to_do_is_measured(
    small_network: nn.Module, few: Few
) -> None:
    digits = few(8, 50)
    images, labels = data.to_batch(digits.test_images), torch.from_numpy(digits.test_labels)
    found = checkpoints.measure(small_network, digits)
    assert found.pop("clean_accuracy") == training.accuracy(small_network, images, labels) > 0.6
    assert found.pop("pgd40_accuracy_at_0.3") < 0.2
    assert found == {"clean_images": 50, "attacked_images": 50}
