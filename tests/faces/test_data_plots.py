"""Tables and pictures of the sets show the numbers they were given."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from lib.book.images import GROUND
from lib.book.show import png
from lib.faces.data import datasets, originals
from lib.faces.data.corpus import Faces
from lib.faces.figures import data_plots, grids
from lib.faces.runs import profiles
from lib.runs import results

pytestmark = pytest.mark.usefixtures("no_open_figures")

CLASSES = ("anger", "happiness", "surprise")


@pytest.fixture
def faces() -> Faces:
    """Give five sequences of two frames: three people, one of whom is never surprised."""
    identities = np.array([0, 0, 0, 1, 2]).repeat(2)
    expressions = np.array([0, 1, 2, 1, 1]).repeat(2)
    images = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((4, 4, 3), np.uint8)
    sequences, frames = np.indices((5, 2)).reshape(2, -1)
    return Faces("x", "open", images, expressions, identities, sequences, frames, CLASSES)


def drawn(figure: Figure) -> bool:
    """Return whether a figure can be drawn and is not empty."""
    return len(png(figure)) > 3000


def test_the_published_counts_are_those_of_the_shapes() -> None:
    published = {row["set"]: row for row in results.paper("part2_protocol")["rows"]}
    assert set(published) == set(originals.SETS)
    for name, shape in profiles.PROFILES["paper"].sizes.shapes.items():
        row, sequences = published[originals.RECOGNITION[name]], sum(shape.sequences.values())
        found = (shape.people, sequences, sequences * shape.frames)
        for key, count in zip(("people", "sequences", "images"), found, strict=True):
            assert row[key] in (None, count), (name, key)


def test_the_table_of_sets_tells_what_stands_in_their_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BOOK_DATA", str(tmp_path))
    profile = profiles.PROFILES["paper"]
    corpus = datasets.load("ict", profile.sizes)
    published = results.paper("part2_protocol")["rows"]
    table = data_plots.sets(published, profile, corpus).set_index("set")
    assert table["images"]["BU-4DFE"] == "60,600" and table["images"]["Oulu-CASIA"] == "–"
    assert table["people here"].tolist() == ["101", "118", "31", "80"]
    assert table["images here"].tolist() == [f"{101 * 7 * 86:,}", "981", "624", "1,440"]
    assert set(table["present"]) == {"no"}
    few = profiles.PROFILES["smoke"]
    table = data_plots.sets(published, few, datasets.load("ict", few.sizes)).set_index("set")
    assert table["images here"].tolist() == ["84", "36", "–", "–"]


def test_portraits_show_who_they_should_and_grey_for_nobody(faces: Faces) -> None:
    shown = grids.portraits(faces, (0, 2))
    assert shown.shape == (2, 3, 4, 4, 3)
    assert shown[..., 0, 0, 0].tolist() == [[1, 3, 5], [GROUND, 9, GROUND]]


def test_pairs_are_marked_with_what_they_share(faces: Faces) -> None:
    neighbours = np.array([2, 0, 6, 0, 0, 0, 0, 0, 6, 0])
    shown, marks = data_plots.pairs(faces, neighbours, np.array([0, 2, 8]))
    assert shown[..., 0, 0, 0].tolist() == [[0, 2, 8], [2, 6, 6]]
    assert marks == [
        "person ✓\nexpression ✗",
        "person ✗\nexpression ✓",
        "person ✗\nexpression ✓",
    ]


def test_agreement_has_a_point_an_interval_and_chance_each() -> None:
    rows = [("person", 0.8, 0.7, 0.9, 0.01), ("expression", 0.15, 0.1, 0.2, 0.14)]
    found = pd.DataFrame(rows, columns=["about", "share", "low", "high", "chance"])
    figure = data_plots.agreement(found)
    values = [each.get_xdata() for each in figure.axes[0].get_lines()]
    assert [list(np.atleast_1d(each)) for each in values] == [
        *(pytest.approx(each) for each in ([70, 90], [80], [1], [10, 20], [15], [14])),
    ]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["same person", "same expression"]
    assert drawn(figure)


def test_maps_show_percent_on_their_own_scales() -> None:
    shares = {"identity": np.full((4, 4), 0.5), "expression": np.eye(4) * 0.1}
    figure = data_plots.explained(np.full((4, 4, 3), 99.6), shares)
    mean, *maps = (axes.images[0] for axes in figure.axes[:3])
    assert np.asarray(mean.get_array()).max() == 100
    assert [float(each.get_array().max()) for each in maps] == pytest.approx([50, 10])
    assert [each.get_clim() for each in maps] == [(0, 50), (0, 10)]
    assert drawn(figure)


def test_counts_are_of_sequences_not_of_frames(faces: Faces) -> None:
    figure = data_plots.counts(faces)
    left, right = figure.axes
    assert [bar.get_width() for bar in left.patches] == [1, 3, 1]
    assert left.get_xlabel() == "sequences, of 5"
    assert [bar.get_width() for bar in right.patches] == [2, 0, 1]  # people with 1, 2, 3 of them
    assert right.get_xlabel() == "people, of 3"
    assert drawn(figure)
