"""The pictures: each function gives a figure that shows the numbers it was given."""

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from torch import Tensor, nn

from lib.adversarial import data, evaluation, plots
from lib.adversarial.data import Digits
from lib.adversarial.detector import Detector
from lib.adversarial.evaluation import LEDGER
from lib.adversarial.verdicts import COMBINED
from lib.book.claims import mean_interval, wilson
from lib.book.show import PALETTE
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
    """Return a run on 100 images."""
    return run(epsilon, correct, flagged, images=100)


RUNS = {
    (pair, kind): [measured(e, 90 - 10 * n, 20 * n) for n, e in enumerate(EPSILONS)]
    for pair in ("ours", "reference")
    for kind in KINDS
}
READINGS = {
    kind: {
        name: [measured(e, 80 - 5 * place, 10 * place) for e in EPSILONS]
        for place, name in enumerate(LEDGER)
    }
    for kind in KINDS
}
ALONE = {kind: found["100 steps"] for kind, found in READINGS.items()}


@pytest.fixture
def images(digits: Digits) -> Tensor:
    """Give three images."""
    return data.to_batch(digits.test_images[:3])


def line(axes: Axes, label: str) -> tuple[list[float], list[float]]:
    """Return the points of the line with this label."""
    (found,) = [each for each in axes.get_lines() if each.get_label() == label]
    return list(found.get_xdata()), list(found.get_ydata())


def test_curves_show_each_networks_rate_over_the_papers() -> None:
    paper = {kind: {0.1: 0.2, 0.3: 0.9} for kind in KINDS}
    axes = plots.curves(RUNS, "accuracy", paper, ylabel="right").axes[0]
    assert line(axes, "natural, ours") == (list(EPSILONS), [0.9, 0.8, 0.7])
    assert line(axes, "natural, the paper") == ([0.1, 0.3], [0.2, 0.9])
    assert len(axes.collections) == len(RUNS)  # one band each
    ends = axes.collections[0].get_paths()[0].get_extents()
    low, high = zip(*(wilson(count, 100) for count in (90, 80, 70)), strict=True)
    assert (ends.y0, ends.y1) == pytest.approx((min(low), max(high)))
    gaps = {("ours", "natural"): [measured(0.05, 100, 0), measured(0.3, 50, 30)]}
    axes = plots.curves(gaps, "flagged of successful", None, ylabel="").axes[0]
    x, y = line(axes, "natural, ours")
    assert x == [0.05, 0.3] and np.isnan(y[0]) and y[1] == pytest.approx(0.6)
    axes = plots.scores(RUNS, {"authors": 0.02, "maximum": 0.01}).axes[0]
    assert line(axes, "robust")[1] == pytest.approx([0.001 + 0.5 * e for e in EPSILONS])
    ends = axes.collections[1].get_paths()[0].get_extents()
    assert (ends.y0, ends.y1) == pytest.approx((0.001 + 0.05 * 0.05, 0.001 + 0.95 * 0.3))
    assert line(axes, "threshold: scripts'")[1] == [0.02] * 2


def test_effects_and_attackers_show_each_reading_of_the_attack() -> None:
    axes = plots.effects(READINGS, "flagged", (0.3, 0.1)).axes[1]
    dots = [each for each in axes.get_lines() if each.get_marker() == "o" and len(each.get_xdata())]
    shown = {round(float(each.get_ydata()[0]), 2): float(each.get_xdata()[0]) for each in dots}
    for place in range(len(LEDGER)):
        for shift in (0.14, -0.14):
            found = shown[round(len(LEDGER) - place + shift, 2)]
            assert found == pytest.approx(0.1 * place)
    axes = plots.two_attackers(READINGS, ALONE).axes[0]
    place = list(LEDGER).index("evades the detector")
    right, flagged = 80 - 5 * place, min(10 * place, 100 - (80 - 5 * place))
    assert line(axes, "robust, informed")[1] == [(right + flagged) / 100] * 3
    assert line(axes, "robust, as published")[1] == pytest.approx([0.8] * 3)
    alone = [each.metrics["correct"] / 100 for each in ALONE["robust"]]
    assert line(axes, "robust, no filter")[1] == alone


def test_the_lowest_point_is_drawn_with_its_interval_and_where_half_is_reached() -> None:
    left, right = plots.overflow(RUNS).axes
    expected = [evaluation.rate(each.metrics, COMBINED) for each in RUNS["ours", "natural"]]
    lowest, images = min(expected)
    interval, *others = right.get_lines()[:4]  # of either threshold an interval and a dot
    assert tuple(interval.get_xdata()) == wilson(lowest, images, len(expected))
    assert [dot.get_xdata()[0] for dot in others[::2]] == [lowest / images] * 2
    assert np.isnan(left.get_lines()[0].get_xdata()[0])  # half is never reached
    rising = [run(e, 0, hit, images=100) for e, hit in zip(EPSILONS, (45, 60, 70), strict=True)]
    left, _ = plots.overflow({("ours", "natural"): rising}).axes
    assert left.get_lines()[0].get_xdata()[0] == 0.1


def test_the_mechanisms_show_what_was_predicted_beside_what_withstood() -> None:
    scores, rough = np.array([[[1, 3], [2, 6], [3, 3]], [[0, 1], [1, 1], [5, 7]]])  # by image
    found = {"predicted": [0.07, 0.2], "right": [[1, 1], [0, 1], [0, 0]]}
    found |= {"score": scores.tolist(), "rough": rough.tolist()}
    config = {"pair": "ours", "to": None, "epsilons": list(EPSILONS)}
    result = Result("part3", "moved", config, found | {"answer_above": [0.3, 0.1, 0.2]})
    withstood, predicted = plots.falling({"natural": result}).axes
    assert line(withstood, "natural")[1] == [1, 0.5, 0]
    assert predicted.get_lines()[0].get_ydata().tolist() == [1, 0.5, 0]
    for axes, values in zip(plots.moved([result]).axes, (scores, rough), strict=True):
        mean, answers = axes.get_lines()
        assert list(mean.get_ydata()) == values.mean(axis=1).tolist()
        assert list(answers.get_xdata()) == [0.2] * 2
        extents = axes.collections[0].get_paths()[0].get_extents()
        low, high = np.transpose([mean_interval(each) for each in values])
        assert (extents.y0, extents.y1) == pytest.approx((low.min(), high.max()))


# --- images


def test_a_gallery_shows_every_image_with_a_signed_scale_where_needed(images: Tensor) -> None:
    figure = plots.gallery({"digits": images, "signed": images - 0.5}, titles=("a", "b", "c"))
    shown = [axes.images[0] for axes in figure.axes]
    assert [image.get_clim() for image in shown] == [(0, 1)] * 3 + [(-0.5, 0.5)] * 3
    for image, expected in zip(shown, images, strict=False):
        assert np.array_equal(image.get_array(), expected[0])
    network = nn.Sequential()
    network.conv1 = nn.Conv2d(1, 15, 3).requires_grad_(False)
    kernels = network.conv1.weight[:, 0].abs().flatten(1)
    shares = sorted((kernels.amax(dim=1) / kernels.sum(dim=1)).tolist(), reverse=True)
    titles = [axes.get_title(loc="center") for axes in plots.first_filters({"a": network}).axes]
    assert titles == [f"{share:.2f}" for share in shares[:12]]


@pytest.mark.parametrize("reading", [Detector(), Detector(neighbours=8)])
def test_the_detector_panel_multiplies_up_to_the_score(reading: Detector, images: Tensor) -> None:
    figure = plots.detector_panel({"benign": images[:1]}, reading)
    pixels, prediction, residual, weight, product = (
        axes.images[0].get_array().data for axes in figure.axes[:5]
    )
    assert np.allclose(pixels - prediction, residual)
    assert np.allclose(weight * np.abs(residual), product)
    assert product.mean() == pytest.approx(float(reading.score(images[:1])))


def test_the_cover_says_what_network_and_filter_make_of_each_strength(images: Tensor) -> None:
    random = torch.Generator().manual_seed(0)
    noisy = torch.stack([images[0], torch.rand(images[0].shape, generator=random)])
    scores = Detector().score(noisy).tolist()
    figure = plots.cover(Always(4), noisy, 4, (0.0, 0.5), sum(scores) / 2)
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert labels == ["network: 4", "network: 4", "filter: silent", "filter: alarm"]
    figure = plots.cover(Always(4), noisy, 5, (0.0, 0.5), max(scores))
    labels = [axes.get_xlabel() for axes in figure.axes]
    assert all(label.startswith("network: 4") and label != "network: 4" for label in labels[:2])
    assert labels[2:] == ["filter: silent"] * 2  # exactly at the threshold is not above it


@pytest.mark.parametrize(
    ("winner", "label", "factor", "said"),
    [(3, 3, 0.99, ": flagged"), (3, 8, 1.0, ": not flagged"), (0, 9, 1.01, ": not flagged")],
)
def test_the_explore_panel_says_and_shows_what_network_and_filter_find(
    winner: int, label: int, factor: float, said: str, images: Tensor
) -> None:
    image, attacked = images[:1], 0.5 * images[:1]
    scores = [float(Detector().score(each)) for each in (image, attacked)]
    figure = plots.explore_panel(Always(winner), image, attacked, label, factor * scores[1])
    assert f"a {label}, read as {winner} with" in figure.get_label()
    assert figure.get_label().endswith(said)
    pictures = figure.images[1:]
    shown = [picture.get_array().data[:: plots.ZOOM, :: plots.ZOOM] for picture in pictures]
    assert np.array_equal(shown[0], attacked[0, 0])
    assert np.array_equal(shown[1], (attacked - image)[0, 0])
    assert shown[2].mean() == pytest.approx(scores[1])
    widths, heights = (np.array(axes.collections[0].get_segments()) for axes in figure.axes)
    assert widths[:, 1, 0].sum() == pytest.approx(1.0) and widths[:, 1, 0].argmax() == winner
    assert widths[:, 1, 1].tolist() == list(range(10))
    assert heights[:, 1, 1].tolist() == pytest.approx(scores)
    faces = [to_hex(colour) for colour in figure.axes[0].collections[0].get_colors()]
    assert faces[label] == PALETTE[0] and (winner == label or faces[winner] == PALETTE[1])
