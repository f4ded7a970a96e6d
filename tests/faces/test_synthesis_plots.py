"""The pictures and tables of chapter 23 show the numbers they were given."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lib.faces.data.corpus import EXPRESSIONS
from lib.faces.figures import synthesis_plots
from lib.runs.results import Result

pytestmark = pytest.mark.usefixtures("no_open_figures")


def estimate(value: float) -> dict[str, float]:
    """Return an estimate with its interval."""
    return {"value": value, "low": value - 0.05, "high": value + 0.03, "n": 9}


def known() -> Result:
    """Return what networks know: the k-th features tell 0.1 (k + 1), and 0.2 more of expression."""
    rows: list[dict[str, Any]] = []
    for step, network in enumerate(synthesis_plots.NETWORKS):
        for place, features in enumerate(synthesis_plots.FEATURES):
            for about, more in (("identity", 0.0), ("expression", 0.2)):
                value = 0.1 * (place + 1) + more + 0.02 * step * (place > 0)
                what = {"network": network, "features": features, "about": about}
                chance = 0.02 if about == "identity" else 0.25
                rows.append(what | estimate(value) | {"chance": chance})
    confusion = (np.eye(7, dtype=int) * 3 + 1).tolist()
    seen = {"confusion": confusion, "classes": list(EXPRESSIONS), "expression": estimate(0.7)}
    metrics = {
        "probes": rows,
        "ceiling": {"expression": estimate(0.9), "identity": estimate(0.95)},
        "transfer": {**seen, "identity": estimate(0.8), "leak": estimate(0.1)},
        "strangers": {**seen, "identity": estimate(0.6)},
    }
    return Result("part2", "knowledge", {"sizes": {"people": 50}}, metrics)


def test_shares_stand_beside_ceiling_and_chance() -> None:
    table = synthesis_plots.share_table(known()).set_index("judges see")
    assert table.loc["the expression asked for", "from people it knew"] == "70.0 [65.0, 73.0]"
    assert table.loc["the person asked for", "real pictures"] == "95.0 [90.0, 98.0]"
    assert table["chance"].tolist() == ["14.3", "2.0", "0.4"]  # a fifth of faces over 49
    assert table.loc["the person in the source", "from strangers"] is None
    assert table.loc["the person in the source", "real pictures"] is None


def test_confusions_are_shares_of_their_rows() -> None:
    figure = synthesis_plots.confusions(known())
    for axes in figure.axes:
        shown = np.array(axes.images[0].get_array())
        np.testing.assert_allclose(shown.sum(axis=1), 100)
        assert len(axes.texts) == 49
        assert axes.texts[0].get_text() == "40"  # 4 of 10


def test_layers_are_points_and_pixels_are_common() -> None:
    axes = synthesis_plots.knowledge(known()).axes[0]
    points = [
        (float(box.lines[0].get_xdata()[0]), float(box.lines[0].get_ydata()[0]))
        for box in axes.containers
    ]
    assert points[0] == points[5] == pytest.approx((10, 30))
    assert points[4] == pytest.approx((50, 70)) and points[9] == pytest.approx((52, 72))
    assert sum(text.get_text() == "f(x)" for text in axes.texts) == 2
    assert sum(text.get_text() == "pixels" for text in axes.texts) == 1


def test_the_table_of_probes_ends_with_chance() -> None:
    table = synthesis_plots.probe_table(known()).set_index("features")
    assert list(table.index) == [*synthesis_plots.FEATURES, "chance"]
    assert table.loc["chance"].tolist() == ["2.0", "25.0"] * 2
    assert list(table.columns[:2]) == ["DE-GAN: identity", "DE-GAN: expression"]
    assert table.loc["f(x)"].iloc[0] == "50.0 [45.0, 53.0]"


def test_a_walk_has_a_face_for_each_step_and_a_line_for_each_likely_expression() -> None:
    belief = np.zeros((5, 7))
    belief[:, 1] = np.linspace(0, 1, 5)
    belief[:, 6] = 1 - belief[:, 1]
    faces = np.zeros((5, 8, 8, 3), dtype=np.uint8)
    strip, axes = synthesis_plots.way(faces, belief, EXPRESSIONS, ("anger", "surprise")).axes
    assert len(strip.images) == 5
    lines = {line.get_label(): line.get_ydata() for line in axes.lines}
    np.testing.assert_allclose(lines["contempt"], [0, 25, 50, 75, 100])
    assert "surprise" in lines and len(lines) == synthesis_plots.LIKELIEST


def test_everybody_is_counted_once_in_each_colour() -> None:
    belief = np.array([[0.9, 0.4, 0.6, 0.1], [0.8, 0.4, 0.2, 0.7]])
    recognised = np.array([[1, 0, 0, 0], [1, 0, 0, 0]], dtype=bool)
    people = SimpleNamespace(belief=belief, recognised=recognised, made=belief)
    axes = synthesis_plots.census(people).axes[0]
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == [1, 2, 1, 3, 0, 1]  # none, one and two of two faces
