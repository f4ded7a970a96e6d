"""The widget of the explore chapter: it moves, resets, survives errors and forgets its figures."""

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn

from lib.adversarial import data, evaluation, plots
from lib.adversarial.data import Digits
from lib.adversarial.detector import PAPER_THRESHOLD
from lib.book import interact

pytestmark = pytest.mark.usefixtures("no_open_figures")
ALT = "test image {digit}, {attack}, epsilon {epsilon}, {steps} steps"
CONTROLS: dict[str, Any] = {
    "digit": (0, 9, 1),
    "attack": ["PGD", "uniform noise", "informed"],
    "epsilon": (0.0, 0.5, 0.01),
    "steps": (0, 20, 1),
}
START: dict[str, Any] = {"digit": 0, "attack": "PGD", "epsilon": 0.1, "steps": 5}
METHODS = {"PGD": "pgd", "uniform noise": "noise", "informed": "evasion"}
Draw = Callable[..., Figure]


@pytest.fixture
def draw(small_network: nn.Module, digits: Digits) -> Draw:
    """Give the explore chapter's way to draw, with a small network."""

    def one(digit: int, attack: str, epsilon: float, steps: int) -> Figure:
        image = data.to_batch(digits.test_images[digit : digit + 1])
        label = torch.from_numpy(digits.test_labels[digit : digit + 1])
        settings = {"method": METHODS[attack], "epsilon": epsilon, "steps": steps}
        settings |= {"step_size": 0.05, "random_start": True, "norm": "linf"}
        generator = torch.Generator().manual_seed(0)
        found = evaluation.attack(small_network, image, label, settings, generator)
        return plots.explore_panel(small_network, image, found, int(label), PAPER_THRESHOLD)

    return one


class Panel:
    """What a reader can see and touch."""

    def __init__(
        self, draw: Draw, controls: dict[str, Any], start: dict[str, Any], alt: str
    ) -> None:
        *inputs, self.reset, self.picture, self.line = interact.panel(
            draw, controls, start, alt
        ).children
        self.controls = dict(zip(controls, inputs, strict=True))

    def move(self, **settings: Any) -> bytes:
        """Move controls and return the picture."""
        for name, value in settings.items():
            self.controls[name].value = value
        return self.shown

    @property
    def shown(self) -> bytes:
        return bytes(self.picture.value)

    @property
    def settings(self) -> dict[str, Any]:
        return {name: control.value for name, control in self.controls.items()}


@pytest.fixture
def panel(draw: Draw) -> Panel:
    """Give a fresh panel."""
    return Panel(draw, CONTROLS, START, ALT)


def test_the_first_picture_is_there_and_said_in_words(panel: Panel) -> None:
    assert panel.settings == START
    assert isinstance(panel.picture, widgets.Image)
    assert panel.shown.startswith(b"\x89PNG") and len(panel.shown) > 5000
    assert ALT.format(**START) in panel.line.value
    panel.move(digit=2, epsilon=0.33)
    assert ALT.format(**{**START, "digit": 2, "epsilon": 0.33}) in panel.line.value
    assert "digit=2, attack=&#x27;PGD&#x27;, epsilon=0.33, steps=5" in panel.line.value


@pytest.mark.parametrize(
    "move", [{"digit": 1}, {"attack": "uniform noise"}, {"epsilon": 0.3}, {"steps": 0}]
)
def test_every_control_changes_the_picture(move: dict[str, Any], panel: Panel) -> None:
    first = panel.shown
    assert panel.move(**move) != first
    assert panel.shown.startswith(b"\x89PNG")


def test_the_same_setting_gives_the_same_picture_and_words_also_after_a_reset(panel: Panel) -> None:
    first, said = panel.shown, panel.line.value
    panel.move(epsilon=0.4, attack="informed", digit=3)
    assert panel.move(**START) == first
    panel.move(digit=4, attack="uniform noise", epsilon=0.25, steps=0)
    assert panel.shown != first
    panel.reset.click()
    assert panel.settings == START
    assert (panel.shown, panel.line.value) == (first, said)
    assert plt.get_fignums() == []


def plain(x: int) -> Figure:
    """Draw a line, or fail for 3 before and for 4 after a figure was begun."""
    if x == 3:
        raise ValueError("three is <b>odd</b>")
    figure, axes = plt.subplots(figsize=(2, 2))
    axes.plot([0, x])
    if x == 4:
        raise RuntimeError("half-way")
    return figure


def test_an_error_at_the_first_setting_leaves_the_controls_usable() -> None:
    panel = Panel(plain, {"x": (0, 9, 1)}, {"x": 3}, "x is {x}")
    assert "ValueError" in panel.line.value
    assert panel.move(x=2).startswith(b"\x89PNG")


def test_an_error_half_way_leaves_no_figure_open() -> None:
    panel = Panel(plain, {"x": (0, 9, 1)}, {"x": 1}, "x is {x}")
    panel.move(x=4)
    assert "RuntimeError: half-way" in panel.line.value
    assert plt.get_fignums() == []


def test_a_control_moves_only_when_it_is_let_go(panel: Panel) -> None:
    sliders = [each for each in panel.controls.values() if hasattr(each, "continuous_update")]
    assert len(sliders) == 3
    assert not any(slider.continuous_update for slider in sliders)


def test_a_start_outside_the_controls_is_refused_or_kept_within(draw: Draw) -> None:
    panel = Panel(plain, {"x": (0, 9, 1)}, {"x": 50}, "x is {x}")
    assert panel.settings == {"x": 9}
    with pytest.raises(Exception, match="Invalid selection"):
        interact.panel(draw, CONTROLS, START | {"attack": "none"}, ALT)
