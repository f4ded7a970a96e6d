"""The laboratory: an idea changes what it should, is computed once, and is refused in one line."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lib.adversarial import laboratory, plots, profiles
from lib.adversarial.data import Digits
from lib.adversarial.detector import Detector
from lib.adversarial.laboratory import Idea
from lib.runs.results import Result

pytestmark = pytest.mark.usefixtures("private_folders")
LEFT = Detector(predictor=((0, 0, 0), (1, 0, 0), (0, 0, 0)))


class Stored:
    """A network as `checkpoints.Network` has it."""

    digest = "small"

    def __init__(self, network: nn.Module) -> None:
        self.network, self.loaded = network, 0

    def load(self) -> nn.Module:
        """Return it and count."""
        self.loaded += 1
        return self.network


@pytest.fixture
def stored(small_network: nn.Module) -> Any:
    """Give the small network."""
    return Stored(small_network)


def tried(idea: Idea, stored: Any, digits: Digits) -> Result:
    """Return what an idea comes to at the size of smoke."""
    return laboratory.tried(idea, stored, digits, profiles.SMOKE)


def nowhere(points: Tensor, images: Tensor, epsilon: float, norm: str) -> Tensor:
    """Keep the attacker at home."""
    return images


def test_an_idea_changes_its_own_line_alone(stored: Any, digits: Digits) -> None:
    paper, left, home = (
        tried(idea, stored, digits).metrics
        for idea in (Idea(), Idea(reading=LEFT), Idea(within=nowhere))
    )
    clean, *_, strongest = paper["accuracy"]
    assert clean > 0.8 and strongest < 0.2 and paper["flagged"][-1] == 1
    assert left["accuracy"] == paper["accuracy"] and left["flagged"] != paper["flagged"]
    assert set(home["accuracy"]) == {paper["accuracy"][0]}
    assert set(home["flagged"]) == {paper["flagged"][0]}


def test_what_was_tried_before_comes_back_and_other_code_does_not(
    stored: Any, digits: Digits
) -> None:
    first = tried(Idea(within=nowhere), stored, digits)
    assert tried(Idea(within=nowhere), stored, digits).metrics == first.metrics
    assert stored.loaded == 1

    def nowhere_else(points: Tensor, images: Tensor, epsilon: float, norm: str) -> Tensor:
        return images.clone()

    tried(Idea(within=nowhere_else), stored, digits)
    assert stored.loaded == 2


@pytest.mark.parametrize(
    ("idea", "complaint"),
    [
        (Idea(around=lambda network: nn.Flatten()), "the network gives \\(2, 784\\) instead of"),
        (Idea(within=lambda points, *_: points * torch.nan), "must not hold NaN|no number"),
        (Idea(within=lambda points, *_: points[:3]), "look at your idea|labels must"),
        (Idea(reading=Detector(scale=float("nan"))), "the filter gives what is no number"),
    ],
)
def test_what_cannot_be_is_one_line(
    idea: Idea, complaint: str, stored: Any, digits: Digits
) -> None:
    with pytest.raises((ValueError, RuntimeError), match=complaint) as caught:
        tried(idea, stored, digits)
    assert "\n" not in str(caught.value)


def test_ideas_are_drawn_beside_the_papers(stored: Any, digits: Digits) -> None:
    found = laboratory.beside({"left": Idea(reading=LEFT)}, stored, digits, profiles.SMOKE)
    right, flagged = plots.ideas(found).axes
    assert [line.get_label() for line in right.lines] == [laboratory.BESIDE, "left"]
    values = 100 * torch.tensor(found["left"].metrics["flagged"])
    assert torch.allclose(torch.tensor(flagged.lines[1].get_ydata()), values.double())


def test_another_kernel_predicts_from_the_pixels_it_names() -> None:
    images = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    unweighted = Detector(quantise="none", normalised=False, predictor=LEFT.predictor)
    pixels = (images[:, 0] * 255.0).double()
    terms = (pixels[:, 1:-1, 1:-1] - pixels[:, 1:-1, :-2]) * unweighted.weights(pixels)
    assert torch.allclose(unweighted.score(images), terms.abs().flatten(1).mean(dim=1))
