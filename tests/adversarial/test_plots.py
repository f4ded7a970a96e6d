"""The pictures: each function gives a figure that shows the numbers it was given."""

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from torch import Tensor, nn

from lib.adversarial import classifiers, data, plots
from lib.adversarial.data import Digits
from lib.adversarial.detector import Detector
from lib.adversarial.evaluation import LEDGER
from lib.book.show import PALETTE, png
from lib.runs.results import Result
from tests.adversarial.made_up import run

pytestmark = pytest.mark.usefixtures("no_open_figures")
KINDS = ("natural", "robust")
EPSILONS = (0.05, 0.1, 0.3)


class Always(nn.Module):
    """A network that is sure of one class."""

    def __init__(self, winner: int) -> None:
        super().__init__()
        self.winner = winner

    def forward(self, images: Tensor) -> Tensor:
        return 9.0 * torch.eye(10)[torch.full((len(images),), self.winner)]


def measured(epsilon: float, correct: int, flagged: int) -> Result:
    """Return a run on 100 images whose measures grow with the strength."""
    measures = {"auc": 0.5 + epsilon, "changed": 1 - epsilon, "roughness": 1 + epsilon}
    return run(epsilon, correct, flagged, images=100, **measures)


@pytest.fixture
def runs() -> dict[tuple[str, str], list[Result]]:
    """Give runs of two pairs of networks."""
    return {
        (pair, kind): [
            measured(e, 90 - 10 * number, 20 * number) for number, e in enumerate(EPSILONS)
        ]
        for pair in ("ours", "reference")
        for kind in KINDS
    }


@pytest.fixture
def readings() -> dict[str, dict[str, list[Result]]]:
    """Give runs of the ledger's readings of the attack."""
    return {
        kind: {
            name: [measured(e, 80 - 5 * place, 10 * place) for e in EPSILONS]
            for place, name in enumerate(LEDGER)
        }
        for kind in KINDS
    }


@pytest.fixture
def images(digits: Digits) -> Tensor:
    """Give three images."""
    return data.to_batch(digits.test_images[:3])


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def texts(figure: Figure) -> str:
    """Return every text on a figure."""
    return " ".join(
        text.get_text() for text in figure.findobj(match=lambda o: hasattr(o, "get_text"))
    )


def drawn(figure: Figure) -> bool:
    """Return whether a figure can be drawn and is not empty."""
    return len(png(figure)) > 3000


def line(axes: Axes, label: str) -> tuple[list[float], list[float]]:
    """Return the points of the line with this label."""
    (found,) = [each for each in axes.get_lines() if each.get_label() == label]
    return list(found.get_xdata()), list(found.get_ydata())


# --- curves


def test_curves_show_each_networks_rate_over_the_papers(
    runs: dict[tuple[str, str], list[Result]],
) -> None:
    paper = {kind: {0.1: 0.2, 0.3: 0.9} for kind in KINDS}
    figure = plots.curves(runs, "accuracy", paper, ylabel="right")
    axes = figure.axes[0]
    assert line(axes, "natural, ours") == (list(EPSILONS), [0.9, 0.8, 0.7])
    assert line(axes, "natural, the paper") == ([0.1, 0.3], [0.2, 0.9])
    assert axes.get_ylabel() == "right" and len(axes.collections) == len(runs)  # one band each
    assert drawn(figure)


def test_curves_leave_a_gap_for_a_missing_run_and_for_no_images() -> None:
    runs = {("ours", "natural"): [measured(0.05, 100, 0), None, measured(0.3, 50, 30)]}
    figure = plots.curves(runs, "flagged of successful", ylabel="share")
    x, y = line(figure.axes[0], "natural, ours")
    assert x == [0.05, 0.3] and np.isnan(y[0]) and y[1] == pytest.approx(0.6)
    assert drawn(figure)


def test_scores_show_our_networks_alone_with_every_threshold(
    runs: dict[tuple[str, str], list[Result]],
) -> None:
    figure = plots.scores(runs, {"maximum": 0.013, "percentile": 0.005, "authors": 0.0143})
    labels = {each.get_label() for each in figure.axes[0].get_lines()}
    assert labels == {*KINDS, *(f"threshold: {n}" for n in ("maximum", "percentile", "authors"))}
    assert line(figure.axes[0], "natural")[1] == pytest.approx([0.001 + 0.5 * e for e in EPSILONS])
    assert drawn(figure)


def test_areas_and_perturbations_show_what_was_measured(
    runs: dict[tuple[str, str], list[Result]],
) -> None:
    figure = plots.areas(runs)
    assert line(figure.axes[0], "robust, ours")[1] == pytest.approx([0.5 + e for e in EPSILONS])
    assert drawn(figure)
    figure = plots.perturbations(runs)
    changed, rough = figure.axes
    assert line(changed, "robust, ours")[1] == pytest.approx([1 - e for e in EPSILONS])
    assert line(rough, "robust, ours")[1] == pytest.approx([1 + e for e in EPSILONS])
    assert drawn(figure)


def test_the_walk_has_a_line_for_each_network_and_strength() -> None:
    rows = [
        (kind, epsilon, steps, 1 / (1 + steps))
        for kind in KINDS
        for epsilon in (0.1, 0.3)
        for steps in (0, 1, 10)
    ]
    figure = plots.walk(pd.DataFrame(rows, columns=["kind", "epsilon", "steps", "accuracy"]))
    lines = figure.axes[0].get_lines()
    assert len(lines) == 4
    for each in lines:
        assert list(each.get_xdata()) == [0, 1, 10]
        assert list(each.get_ydata()) == [1, 0.5, 1 / 11]
    assert drawn(figure)


def test_effects_name_every_reading(readings: dict[str, dict[str, list[Result]]]) -> None:
    figure = plots.effects(readings, "flagged", 0.1)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(LEDGER)
    points = [
        each for each in axes.get_lines() if each.get_marker() == "o" and len(each.get_xdata())
    ]
    assert sorted(float(each.get_xdata()[0]) for each in points) == pytest.approx(
        sorted(2 * [0.1 * place for place in range(len(LEDGER))])
    )
    assert drawn(figure)


def test_attacks_that_never_succeed_can_be_drawn() -> None:
    still = [measured(e, 100, 0) for e in EPSILONS]
    calm = {kind: dict.fromkeys(LEDGER, still) for kind in KINDS}
    assert drawn(plots.effects(calm, "flagged of successful", 0.1))
    assert drawn(plots.two_attackers(calm, "flagged of successful"))


def test_two_attackers_are_told_apart(readings: dict[str, dict[str, list[Result]]]) -> None:
    figure = plots.two_attackers(readings, "correct or flagged")
    place = list(LEDGER).index("evades the detector")
    x, y = line(figure.axes[0], "robust, evades the detector")
    right, flagged = 80 - 5 * place, min(10 * place, 100 - (80 - 5 * place))
    assert x == list(EPSILONS) and y == pytest.approx([(right + flagged) / 100] * 3)
    assert line(figure.axes[0], "robust, as published")[1] == pytest.approx([0.8] * 3)
    assert drawn(figure)


def test_histograms_show_every_set_and_threshold(random: np.random.Generator) -> None:
    scores = {"benign": random.random(200) * 0.01, "attacked": random.random(200) * 0.02}
    figure = plots.score_histograms(scores, {"maximum": 0.013, "percentile": 0.005}, "p")
    found = texts(figure)
    assert all(word in found for word in ("benign", "attacked", "maximum: 0.01300", "percentile"))
    assert figure.axes[0].get_xlim()[1] >= 0.0199
    assert drawn(figure)


# --- images


def test_the_workflow_names_its_boxes() -> None:
    figure = plots.workflow()
    found = texts(figure)
    assert all(text in found for _, _, text, _ in plots.BOXES.values())
    assert drawn(figure)


def test_a_gallery_has_a_place_for_every_image_and_a_signed_scale_where_needed(
    images: Tensor,
) -> None:
    figure = plots.gallery({"digits": images, "signed": images - 0.5}, titles=("a", "b", "c"))
    shown = [axes.images[0] for axes in figure.axes]
    assert len(shown) == 6
    assert [image.get_clim() for image in shown[:3]] == [(0, 1)] * 3
    assert [image.get_clim() for image in shown[3:]] == [(-0.5, 0.5)] * 3
    for image, expected in zip(shown, images, strict=False):
        assert np.array_equal(image.get_array(), expected[0])
    assert drawn(figure)


@pytest.mark.parametrize("architecture", ["madry", "reference"])
def test_first_filters_show_the_most_concentrated_kernels_with_their_share(
    architecture: str,
) -> None:
    network = classifiers.frozen(classifiers.build(architecture, torch.Generator().manual_seed(0)))
    figure = plots.first_filters({"one": network, "two": network}, shown=4)
    kernels = network.get_parameter("conv1.weight")[:, 0].abs().numpy()
    shares = sorted(kernels.max(axis=(1, 2)) / kernels.sum(axis=(1, 2)), reverse=True)[:4]
    assert [axes.get_title() for axes in figure.axes] == 2 * [f"{share:.2f}" for share in shares]
    for axes, share in zip(figure.axes, shares, strict=False):
        shown = np.abs(axes.images[0].get_array())
        assert shown.max() / shown.sum() == pytest.approx(share, rel=1e-5)
    assert drawn(figure)


@pytest.mark.parametrize("reading", [Detector(), Detector(neighbours=8)])
def test_the_detector_panel_multiplies_up_to_the_score(reading: Detector, images: Tensor) -> None:
    figure = plots.detector_panel(images[:1], reading)
    pixels, prediction, residual, weight, product = (
        axes.images[0].get_array().data for axes in figure.axes[:5]
    )
    assert np.allclose(pixels - prediction, residual)
    assert np.allclose(weight * np.abs(residual), product)
    assert product.mean() == pytest.approx(float(reading.score(images[:1])))
    assert drawn(figure)
    assert drawn(plots.detector_panel(torch.zeros_like(images[:1]), reading))  # a black image


def test_the_cover_says_what_network_and_filter_make_of_each_strength(images: Tensor) -> None:
    noisy = torch.stack([images[0], torch.rand(images[0].shape, generator=seeded())])
    scores = Detector().score(noisy).tolist()
    figure = plots.cover(Always(4), noisy, 4, (0.0, 0.5), sum(scores) / 2)
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert labels[:2] == ["network: 4", "network: 4"]
    assert labels[2:] == ["filter: silent", "filter: alarm"]
    figure = plots.cover(Always(4), noisy, 5, (0.0, 0.5), max(scores))
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert all(label.startswith("network: 4") and label != "network: 4" for label in labels[:2])
    assert labels[2:] == ["filter: silent"] * 2  # exactly at the threshold is not above it
    assert drawn(figure)


# --- the panel to explore


@pytest.mark.parametrize(
    ("winner", "label", "factor", "network", "filter_"),
    [
        (3, 3, 0.99, "(right)", "flagged"),
        (3, 8, 1.0, "(wrong: 3)", "not flagged"),  # exactly at the threshold
        (0, 9, 1.01, "(wrong: 0)", "not flagged"),
    ],
)
def test_the_explore_panel_says_what_network_and_filter_find(
    winner: int, label: int, factor: float, network: str, filter_: str, images: Tensor
) -> None:
    attacked = (images[:1] + 0.2 * torch.rand(images[:1].shape, generator=seeded())).clamp(0, 1)
    threshold = factor * float(Detector().score(attacked))
    figure = plots.explore_panel(Always(winner), images[:1], attacked, label, threshold)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[3:] == [f"class probability {network}", "$\\hat p$: " + filter_]
    assert f"a {label}, read as {winner} with" in figure.get_label()
    assert figure.get_label().endswith(f": {filter_}") and drawn(figure)


def test_the_explore_panel_marks_the_true_class_and_a_wrong_winner(images: Tensor) -> None:
    figure = plots.explore_panel(Always(3), images[:1], images[:1], 8, 0.01)
    bars = figure.axes[3].patches
    colours = {place: to_hex(bar.get_facecolor()) for place, bar in enumerate(bars)}
    assert colours[3] == PALETTE[1].lower() and colours[8] == PALETTE[0].lower()
    assert len(set(colours.values())) == 3
    widths = [bar.get_width() for bar in bars]
    assert sum(widths) == pytest.approx(1.0) and int(np.argmax(widths)) == 3
    figure = plots.explore_panel(Always(8), images[:1], images[:1], 8, 0.01)
    assert to_hex(figure.axes[3].patches[8].get_facecolor()) == PALETTE[0].lower()


def test_the_explore_panel_shows_image_perturbation_and_residual(images: Tensor) -> None:
    attacked = (images[:1] * 0.5).clamp(0, 1)
    figure = plots.explore_panel(Always(0), images[:1], attacked, 0, 0.01)
    shown = [axes.images[0].get_array().data for axes in figure.axes[:3]]
    assert np.array_equal(shown[0], attacked[0, 0])
    assert np.array_equal(shown[1], (attacked - images[:1])[0, 0])
    assert shown[2].shape == (26, 26)
    heights = [bar.get_height() for bar in figure.axes[4].patches]
    expected = [float(Detector().score(each)) for each in (images[:1], attacked)]
    assert heights == pytest.approx(expected)
