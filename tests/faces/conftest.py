"""What several tests of Part II need: people to play with, untrained networks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lib.faces import augment
from lib.faces.classifier import Classifier
from lib.faces.data import datasets
from lib.faces.data.corpus import EXPRESSIONS, Corpus, Requests
from lib.faces.de_gan import Generator, ModelConfig
from lib.faces.figures import explore
from lib.faces.figures.explore import Scenes
from lib.faces.render import ict, made
from lib.faces.render.made import OTHERS
from lib.faces.runs.profiles import PROFILES

PEOPLE, SIDE = 5, 32


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Requests]:
    """Give a list of what is rendered, each face a plain grey, and kept in a folder of the test."""
    found: list[Requests] = []

    def render(requests: Requests, size: int) -> tuple[np.ndarray, np.ndarray]:
        found.append(requests)
        shade = (requests.people % 251).astype(np.uint8)[:, None, None, None]
        images = np.broadcast_to(shade, (len(shade), size, size, 3)).copy()
        return images, np.zeros((len(shade), 2, 2), np.float32)

    monkeypatch.setattr(ict, "render", render)
    for function in (made.pretraining, made.recognition):
        monkeypatch.setitem(function.__kwdefaults__, "folder", tmp_path / "cache")
    return found


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """Give a corpus of few rendered people."""
    return datasets.load("ict", replace(PROFILES["smoke"].sizes, people=PEOPLE, side=SIDE))


@pytest.fixture(scope="session")
def scenes(corpus: Corpus) -> Scenes:
    """Give rendered people, and untrained networks whose outputs differ from face to face."""
    size, config = augment.source_side(SIDE), ModelConfig(PEOPLE, len(EXPRESSIONS), SIDE, 0.125)
    strangers, eyes = explore.everybody(range(OTHERS, OTHERS + 3), size, 0)
    people, _ = explore.everybody(range(PEOPLE), size, 0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        generator = Generator(config)
        judges = [Classifier(config, count) for count in (config.expressions, PEOPLE)]
    for network in (generator, *judges):
        network.eval().requires_grad_(False)
    for weight in generator.parameters():  # else every face would be the same grey
        weight.mul_(2 if weight.dim() > 1 else 1)
    for judge in judges:
        judge.head.weight.mul_(60)
    return Scenes(
        corpus, EXPRESSIONS, strangers, people, explore.level(eyes / size), generator, *judges
    )
