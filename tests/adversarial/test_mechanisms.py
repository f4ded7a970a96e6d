"""What explains the curves: slopes add up to the margin, and guards answer where they are put."""

import numpy as np
import pytest
import torch
from torch import nn

from lib.adversarial import classifiers, mechanisms
from lib.book.claims import mean_interval
from lib.runs.results import Result


def test_on_a_linear_network_the_predicted_strength_is_where_the_margin_is_gone() -> None:
    linear = nn.Sequential(nn.Flatten(), nn.Linear(9, 2)).requires_grad_(False)
    image = torch.full((1, 1, 3, 3), 0.5)
    label = linear(image).argmax(dim=1)
    margin, strength = mechanisms.slopes(linear, image, label)
    weights = linear[1].weight[label] - linear[1].weight[1 - label]
    reached = image - strength * weights.sign().view(1, 1, 3, 3)
    first, second = linear(reached)[0]
    assert float(first) == pytest.approx(float(second), abs=1e-5)
    assert float(margin) == pytest.approx(float(linear(image).diff().abs()))


def test_a_guard_answers_where_it_was_and_where_it_is_put(monkeypatch: pytest.MonkeyPatch) -> None:
    model = classifiers.frozen(classifiers.build("madry", torch.Generator().manual_seed(0)))
    model.conv1.weight[0] = 0.0
    model.conv1.weight[0, 0, 2, 2] = 2.0
    model.conv1.bias[0] = -0.6
    images = torch.rand(2, 1, 28, 28)
    monkeypatch.setattr(mechanisms, "_network", lambda config: model)
    monkeypatch.setattr(mechanisms, "_first_images", lambda config: (images, torch.tensor([1, 2])))
    how = {"steps": 1, "step_size": 0.1, "epsilons": [0.1, 0.2]}
    found = mechanisms.attacked({"to": 0.2, **how})
    assert found["answer_above"] == pytest.approx([0.3])
    assert float(model.conv1.bias[0]) == pytest.approx(-0.4)
    assert len(found["right"]) == len(found["slope"]) == 2
    assert np.shape(found["score"]) == np.shape(found["rough"]) == (2, 2)
    assert mechanisms.attacked({"to": None, **how})["answer_above"] == pytest.approx([0.2])


def test_a_jump_is_from_the_last_strength_below_to_the_first_that_is_not() -> None:
    config = {"epsilons": [0.1, 0.2, 0.3]}
    result = Result("part3", "mechanism", config, {"rough": [[0, 0], [1, 3], [9, 9]]})
    assert mechanisms.jump(result, "rough", 0.2) == (2, *mean_interval([1, 3]))
    assert mechanisms.jump(result, "rough", 0.15)[0] == 2


def test_a_jump_is_owed_to_guards_where_it_goes_with_them_and_nowhere_else() -> None:
    def at(to: float | None, place: float, size: float = 1.0) -> Result:
        epsilons = [0.1, 0.2, 0.3, 0.4]
        level = [[size * (epsilon >= place) + 0.01 * k for k in (-1, 1)] for epsilon in epsilons]
        config = {"to": to, "epsilons": epsilons}
        return Result("part3", "mechanism", config, {"answer_above": [0.3], "rough": level})

    assert mechanisms.owed([at(None, 0.3), at(0.2, 0.2)], "rough")
    assert not mechanisms.owed([at(None, 0.3), at(0.2, 0.3)], "rough")  # it stays
    assert not mechanisms.owed([at(None, 0.3), at(0.2, 0.2, -1)], "rough")  # it turns
