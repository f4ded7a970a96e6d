"""Figs. 2 and 3: what is drawn is what the networks are."""

import pytest
import torch

from lib.book.show import png
from lib.faces.de_gan import CODE, NOISE, Discriminator, Generator, ModelConfig, Trunk
from lib.faces.figures import diagrams
from lib.faces.runs.profiles import PRETRAINING

pytestmark = pytest.mark.usefixtures("no_open_figures")
TINY = ModelConfig(identities=5, expressions=3, side=32, width=0.125)


def test_what_leaves_the_stages_is_what_networks_return() -> None:
    found = diagrams.stages(TINY)
    images = torch.zeros(2, 3, TINY.side, TINY.side)
    maps = Trunk(TINY, CODE).eval().maps(images)
    assert found["encoder"][1:] == [tuple(each.shape[1:]) for each in maps]
    assert found["encoder"][0][1:] == (TINY.side, TINY.side)
    made = Generator(TINY).eval()(images, torch.tensor([0, 1]), torch.zeros(2, NOISE))
    assert found["decoder"][-1] == tuple(made.shape[1:]) and len(found["decoder"]) == 7
    said = Discriminator(TINY).eval()(images)
    assert found["discriminator"][-2:] == [tuple(each.shape[1:]) for each in said]


def test_the_networks_of_the_paper_are_drawn() -> None:
    assert len(png(diagrams.de_gan(PRETRAINING))) > 3000
