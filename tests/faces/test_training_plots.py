"""Pictures of the training: what is drawn is what was measured."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lib.faces.de_gan import Judgement
from lib.faces.figures import training_plots
from lib.faces.gan_training import Labels, discriminator_loss
from lib.faces.runs.checkpoints import Trained
from lib.runs.results import Result

pytestmark = pytest.mark.usefixtures("no_open_figures")
TRAINING = {"steps": 40, "intervals": 4, "warm_up": 10, "strong": 0.9, "falling": 0.25}


def estimate(value: float) -> dict[str, float]:
    """Return a share with an interval that is not symmetric."""
    return {"value": value, "low": value - 0.1, "high": value + 0.05, "n": 6}


def run(value: float, warm_up: int = 10) -> Result:
    """Return a study whose shares follow from one number."""
    metrics = {
        "expression": estimate(value),
        "identity": estimate(value + 0.1),
        "leak": estimate(0.2),
        "ceiling": {"expression": estimate(0.9), "identity": estimate(0.8)},
        "history": {"strength": [None, 0.5, value, 1.0]},
        "faces": "",
    }
    config = {"training": TRAINING | {"warm_up": warm_up}, "sizes": {"side": 32}}
    return Result("part2", "studies", config, metrics)


def trained(history: dict[str, list[float]]) -> Trained:
    """Return a training with this history."""
    model = {"expressions": 7, "identities": 101}
    return Trained(Path("none"), {"training": TRAINING, "model": model}, history)


def test_a_push_is_what_is_true_less_what_is_believed() -> None:
    real = Judgement(torch.tensor([[1.0, 0.0, -1.0]]), torch.tensor([[0.5, 0.0]]))
    fake = Judgement(torch.tensor([[0.0, 2.0, 1.0]]), torch.tensor([[0.0, 0.0]]))
    for logits in (*real, *fake):
        logits.requires_grad_()
    loss = discriminator_loss(real, fake, Labels(torch.tensor([0]), torch.tensor([1])))
    slopes = torch.autograd.grad(loss, (*real, *fake), materialize_grads=True)
    pulls = {"real": Judgement(*slopes[:2]), "fake": Judgement(*slopes[2:])}
    figure = training_plots.pulls(pulls, ("a", "b", "fake"), ("A", "B"))
    drawn = [[bar.get_height() for bar in axes.patches] for axes in figure.axes]
    targets = ([1.0, 0, 0], [0, 1.0], [0, 0, 1.0])
    for heights, logits, target in zip(drawn, (*real, fake.expression), targets, strict=False):
        believed = F.softmax(logits[0].detach(), 0)
        expected = torch.tensor(target) - believed
        torch.testing.assert_close(torch.tensor(heights), expected, check_dtype=False)
    assert drawn[3] == [0.0, 0.0]  # D's identity head learns nothing from fakes


def test_a_history_stands_in_the_middle_of_its_intervals_with_a_gap_where_nothing_was() -> None:
    values = {
        "discriminator": [4.0, 3.0, 2.0],
        "generator": [-1.0, 6.0, 5.0],
        "reconstruction": [-1.0, 0.3, 0.2],
        "strength": [-1.0, 0.95, 0.8],
    }
    losses, difference, strength = training_plots.history(trained(values)).axes
    d, g, falling, ignorant = losses.lines
    assert falling.get_xdata()[0] == 30
    assert d.get_xdata().tolist() == [5, 15, 25]
    np.testing.assert_array_equal(g.get_ydata(), [math.nan, 6.0, 5.0])
    assert ignorant.get_ydata()[0] == pytest.approx(math.log(8 * 101))
    np.testing.assert_array_equal(difference.lines[0].get_ydata(), [math.nan, 0.3, 0.2])
    assert strength.lines[2].get_ydata()[0] == 0.9
    assert strength.patches[0].get_width() == TRAINING["warm_up"]
    assert strength.get_xlim() == (0, 40)


def test_each_study_has_its_panel() -> None:
    found = {"one": run(0.4), "two": run(0.6, warm_up=0)}
    figure = training_plots.strengths(found)
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in panels] == ["one", "two"]
    np.testing.assert_array_equal(panels[0].lines[0].get_ydata(), [math.nan, 0.5, 0.4, 1.0])
    assert [len(axes.patches) for axes in panels] == [1, 0]  # the warm-up is shaded


def test_shares_stand_at_their_percentages_with_their_intervals() -> None:
    axes = training_plots.shares({"one": run(0.4), "two": run(0.6)}).axes[0]
    marks = axes.containers[0]
    assert marks.lines[0].get_xdata() == pytest.approx([40, 60])
    first = marks.lines[2][0].get_segments()[0][:, 0]
    assert first == pytest.approx([30, 45])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "two"]
    assert axes.yaxis_inverted()


def test_the_table_has_a_dash_where_there_is_no_result() -> None:
    table = training_plots.table({"one": run(0.4), "two": None})
    assert table["training"].tolist() == ["one", "two"]
    asked = table["the expression asked for"].tolist()
    assert asked[0] == "40 [30, 45]"
    assert asked[1] is None
