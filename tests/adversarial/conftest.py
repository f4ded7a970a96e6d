"""Digits and networks small enough for tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lib.adversarial import checkpoints, data, evaluation
from lib.adversarial.data import Digits


@pytest.fixture(scope="session")
def digits() -> Digits:
    """Give the first images of MNIST."""
    return data.load("mnist_small")


@pytest.fixture(scope="session")
def mnist() -> Digits:
    """Give MNIST."""
    return data.load()


@pytest.fixture
def few(digits: Digits) -> Callable[[int, int], Digits]:
    """Return a function that keeps the first so many training and test images."""

    def keep(train: int, test: int) -> Digits:
        trained = digits.train_images[:train], digits.train_labels[:train]
        return Digits("few", *trained, digits.test_images[:test], digits.test_labels[:test])

    return keep


@pytest.fixture(scope="session")
def small_network(digits: Digits) -> nn.Module:
    """Give a small network that reads most digits and that attacks can fool."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(1, 8, kernel_size=5, stride=2, padding=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(8 * 14 * 14, 32),
            nn.ReLU(),
            nn.Linear(32, 10),
        )
    images, labels = data.to_batch(digits.train_images), torch.from_numpy(digits.train_labels)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(8):
        for index in torch.randperm(len(images), generator=generator).split(64):
            optimizer.zero_grad()
            F.cross_entropy(network(images[index]), labels[index]).backward()
            optimizer.step()
    return network.eval().requires_grad_(False)


@pytest.fixture
def private_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let results and checkpoints of the test go into its own folder, and be found only there."""
    monkeypatch.setenv("BOOK_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(checkpoints, "CACHE", tmp_path / "cache")
    monkeypatch.setenv("BOOK_RUN", '{"jobs": 1}')  # other processes would look elsewhere
    monkeypatch.delenv("BOOK_RETRAIN", raising=False)
    evaluation.benign_runs.cache_clear()
    evaluation.cached_digits.cache_clear()
    yield tmp_path
    evaluation.benign_runs.cache_clear()
    evaluation.cached_digits.cache_clear()


@pytest.fixture
def random() -> np.random.Generator:
    """Give a generator that starts alike in every test."""
    return np.random.default_rng(0)
