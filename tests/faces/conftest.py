"""People to play with and untrained networks, for the tests of what a reader explores."""

from dataclasses import replace

import pytest
import torch

from lib.faces import augment
from lib.faces.classifier import Classifier
from lib.faces.data import datasets
from lib.faces.data.corpus import EXPRESSIONS, Corpus
from lib.faces.de_gan import Generator, ModelConfig
from lib.faces.figures import explore
from lib.faces.figures.explore import Scenes
from lib.faces.render.made import OTHERS
from lib.faces.runs.profiles import PROFILES

PEOPLE, SIDE = 5, 32


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
