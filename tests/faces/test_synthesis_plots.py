"""The pictures and tables of chapter 23 show the numbers they were given."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lib.faces.data.corpus import EXPRESSIONS, Faces
from lib.faces.de_gan import Generator, ModelConfig
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


def test_layers_are_points_and_pixels_are_common() -> None:
    rendered, real = synthesis_plots.knowledge(known(), known()).axes
    for axes in (rendered, real):
        points = [
            (float(box.lines[0].get_xdata()[0]), float(box.lines[0].get_ydata()[0]))
            for box in axes.containers
        ]
        assert points[0] == points[5] == pytest.approx((10, 30))
        assert points[4] == pytest.approx((50, 70)) and points[9] == pytest.approx((52, 72))
        assert sum(text.get_text() == "f(x)" for text in axes.texts) == 2
        assert sum(text.get_text() == "pixels" for text in axes.texts) == 1


def test_real_people_stand_beside_their_photographs() -> None:
    found = known()
    found.metrics["photographs"] = {"smile": estimate(0.8)}
    found.metrics["transfer"] |= {"smile": estimate(0.75), "happier": estimate(0.9)}
    table = synthesis_plots.real_table(found).set_index("judges see")
    row = table.loc[synthesis_plots.SEEN["smile"][0]]
    assert row.tolist() == ["75.0 [70.0, 78.0]", "80.0 [75.0, 83.0]", "25.0"]
    assert table["chance"].tolist() == ["25.0", "25.0", "2.0", "2.0", "2.0"]
    assert table["photographs"].tolist()[1:] == [None] * 4


def test_who_borrows_stands_above_what_was_kept_back_and_what_was_lent() -> None:
    form = ModelConfig(5, 2, 32, 0.125)
    generator = Generator(form).eval()
    images = np.random.default_rng(0).integers(0, 256, (10, 36, 36, 3), dtype=np.uint8)
    people, smiling = np.indices((5, 2)).reshape(2, -1)
    labels = smiling, people, np.arange(10), np.zeros(10)
    found = Faces("made", "open", images, *labels, ("neutral", "smiling"))
    figure = synthesis_plots.real_people(generator, found, [0, 3, 4, 1])
    words = [text.get_text() for text in figure.texts]
    assert words[:2] == ["neutral", "smiling"] and words[-3:] == ["lender", "0", "3"]


def test_everybody_is_counted_once_in_each_colour() -> None:
    belief = np.array([[0.9, 0.4, 0.6, 0.1], [0.8, 0.4, 0.2, 0.7]])
    recognised = np.array([[1, 0, 0, 0], [1, 0, 0, 0]], dtype=bool)
    people = SimpleNamespace(belief=belief, recognised=recognised, made=belief)
    axes = synthesis_plots.census(people).axes[0]
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == [1, 2, 1, 3, 0, 1]  # none, one and two of two faces
