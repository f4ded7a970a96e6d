"""The figures and tables of Part II show the numbers and the faces that they were given."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch.nn import functional as F

from lib.book.images import GROUND
from lib.faces import alignment, augment
from lib.faces.data import london, originals
from lib.faces.data.corpus import EXPRESSIONS, Corpus, Faces
from lib.faces.de_gan import NOISE, Discriminator, Generator, Judgement, ModelConfig, initialise
from lib.faces.figures import (
    alignment_plots,
    diagrams,
    factors,
    grids,
    overview,
    recognition_plots,
    synthesis_plots,
    training_plots,
)
from lib.faces.gan_training import Labels, discriminator_loss
from lib.faces.render import ict
from lib.faces.runs import profiles
from lib.faces.runs.checkpoints import Trained
from lib.faces.runs.verdicts import Judge
from lib.runs import results
from lib.runs.results import Result
from tests.faces.made_up import runs

pytestmark = pytest.mark.usefixtures("no_open_figures")
CLASSES = ("anger", "happiness", "surprise")


def faces() -> Faces:
    """Return five sequences of two frames: three people, one of whom is never surprised."""
    identities = np.array([0, 0, 0, 1, 2]).repeat(2)
    expressions = np.array([0, 1, 2, 1, 1]).repeat(2)
    images = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((4, 4, 3), np.uint8)
    sequences, frames = np.indices((5, 2)).reshape(2, -1)
    return Faces("x", "open", images, expressions, identities, sequences, frames, CLASSES)


def plain(rows: int, columns: int) -> np.ndarray:
    """Return pictures of eight pixels, each of its own colour."""
    colours = np.random.default_rng(0).integers(0, 256, (rows, columns, 1, 1, 3), dtype=np.uint8)
    return np.broadcast_to(colours, (rows, columns, 8, 8, 3))


def noisy(count: int) -> np.ndarray:
    """Return noisy pictures of which networks of 32 pixels see the centres."""
    return np.random.default_rng(0).integers(0, 256, (count, 36, 36, 3), dtype=np.uint8)


def generator(people: int, classes: int) -> Generator:
    """Return a small generator, not trained."""
    made = Generator(ModelConfig(people, classes, 32, 0.125))
    initialise(made, torch.Generator().manual_seed(0))
    return made.eval()


def estimate(value: float) -> dict[str, float]:
    """Return an estimate with an interval that is not symmetric."""
    return {"value": value, "low": value - 0.1, "high": value + 0.05, "n": 9}


def marked(figure: Figure, axes: int = 0) -> list[Any]:
    """Return the lines that are marks alone."""
    return [line for line in figure.axes[axes].lines if line.get_linestyle() == "None"]


def texts(figure: Figure) -> list[str]:
    """Return what is written in the axes of a figure."""
    return [each.get_text() for axes in figure.axes for each in axes.texts]


def test_every_picture_stands_in_its_place_with_its_labels() -> None:
    asked = plain(2, 3)
    figure = grids.grid_of(asked, rows=("a", "b"), columns=("x", "y", "z"))
    sheet = np.asarray(figure.images[0].get_array())
    side = grids.LARGEST
    for row, column in np.ndindex(2, 3):
        y, x = row * (side + grids.GAP) + side // 2, column * (side + grids.GAP) + side // 2
        difference = sheet[y, x].astype(int) - asked[row, column, 0, 0]
        assert np.abs(difference).max() < grids.STEP
    places = {text.get_text(): text.get_window_extent() for text in figure.texts}
    assert places["a"].y0 > places["b"].y0 and places["x"].x0 < places["y"].x0 < places["z"].x0
    large = grids.enlarged(np.full((10, 20, 3), 255, np.uint8), 50)
    assert large.shape == (25, 50, 3) and (large == 255).all()  # white stays white


def test_original_faces_are_shown_to_none_but_their_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOK_SHOW_FACES", raising=False)
    read, rendered = (
        Corpus("name", rung, faces, faces, faces, range(0), {}) for rung in ("original", "open")
    )
    figure = grids.shown(read, lambda: pytest.fail("drawn"))
    assert "licence" in figure.axes[0].texts[0].get_text()
    made = plt.figure()
    assert grids.shown(rendered, lambda: made) is made
    assert "ICT-FaceKit" in grids.credit(rendered)
    monkeypatch.setenv("BOOK_SHOW_FACES", "1")
    assert grids.shown(read, lambda: made) is made


def test_the_published_counts_are_those_of_the_shapes() -> None:
    published = {row["set"]: row for row in results.paper("part2_protocol")["rows"]}
    assert set(published) == set(originals.SETS)
    for name, shape in profiles.PROFILES["paper"].sizes.shapes.items():
        row, sequences = published[originals.RECOGNITION[name]], sum(shape.sequences.values())
        found = (shape.people, sequences, sequences * shape.frames)
        for key, count in zip(("people", "sequences", "images"), found, strict=True):
            assert row[key] in (None, count), (name, key)


def test_portraits_show_who_they_should() -> None:
    shown = grids.portraits(faces(), (0, 2))
    assert shown[..., 0, 0, 0].tolist() == [[1, 3, 5], [GROUND, 9, GROUND]]  # grey for nobody


def test_eyes_stand_where_they_are() -> None:
    eyes = np.array([[[30.0, 40.0], [66.0, 40.0]], [[31.0, 41.0], [67.0, 41.0]]])
    moved = eyes + [[[2]], [[np.nan]]]
    figure = alignment_plots.eyes(np.zeros((2, 96, 96, 3), np.uint8), eyes, moved)
    for row, axis in enumerate(figure.axes):
        circles, crosses = axis.collections
        assert np.array_equal(circles.get_offsets(), eyes[row])
        where = np.ma.filled(crosses.get_offsets(), np.nan)
        np.testing.assert_array_equal(where, moved[row])
        assert axis.images[0].get_extent() == [0, 96, 96, 0]  # pixels from the upper left
    portrait = london.photographs()
    both = np.stack([np.full_like(portrait.images[0], 128), portrait.images[0]])
    found = alignment_plots.found_or_missing(both)
    assert np.isnan(found[0]).all()
    assert alignment.error(found[1], portrait.eyes[0]).max() < 0.12


TRAINING = {"steps": 40, "intervals": 4, "warm_up": 10, "strong": 0.9, "falling": 0.25}


def test_a_history_stands_in_the_middle_of_its_intervals_with_a_gap_where_nothing_was() -> None:
    values = {
        "discriminator": [4.0, 3.0, 2.0],
        "generator": [-1.0, 6.0, 5.0],
        "reconstruction": [-1.0, 0.3, 0.2],
        "strength": [-1.0, 0.95, 0.8],
    }
    run = {"training": TRAINING, "model": {"expressions": 7, "identities": 101}}
    losses, difference, strength = training_plots.history(Trained(Path(), run, values)).axes
    d, g, falling, ignorant = losses.lines
    assert falling.get_xdata()[0] == 30
    assert d.get_xdata().tolist() == [5, 15, 25]
    np.testing.assert_array_equal(g.get_ydata(), [math.nan, 6.0, 5.0])
    assert ignorant.get_ydata()[0] == pytest.approx(math.log(8 * 101))
    np.testing.assert_array_equal(difference.lines[0].get_ydata(), [math.nan, 0.3, 0.2])
    assert strength.patches[0].get_width() == TRAINING["warm_up"]


def test_each_share_of_a_study_is_drawn_with_the_judges_own() -> None:
    seen = {"expression": estimate(0.7), "identity": estimate(0.5), "leak": estimate(0.1)}
    ceiling = {"expression": estimate(0.9), "identity": estimate(0.95)}
    result = Result("part2", "studies", {}, {**seen, "ceiling": ceiling})
    figure = training_plots.shares({"a study": result})
    assert [each.get_xdata()[0] for each in marked(figure)] == pytest.approx([70, 50, 10])
    assert [each.get_xdata()[0] for each in figure.axes[0].lines[3:]] == pytest.approx([90, 95])


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
        expected = torch.tensor(target) - F.softmax(logits[0].detach(), 0)
        torch.testing.assert_close(torch.tensor(heights), expected, check_dtype=False)
    assert drawn[3] == [0.0, 0.0]  # D's identity head learns nothing from fakes


def test_controls_show_accuracy_and_difference() -> None:
    table = {"de_gan": runs("de_gan", 3), "cnn": runs("cnn", 2)}
    table["de_gan fine-tuned"] = runs("de_gan fine-tuned", 4, folds=1)
    table["de_gan fold only"] = []
    figure = recognition_plots.controls(table)
    assert texts(figure) == ["not measured"] * 2
    assert [line.get_xdata()[0] for line in marked(figure)] == [75, 50, 100]
    marks = marked(figure, 1)
    assert [line.get_xdata()[0] for line in marks] == [-25, 25]  # DE-GAN has none to itself
    assert marks[1].get_markerfacecolor() == "white" != marks[0].get_markerfacecolor()


def test_what_leaves_the_stages_is_what_networks_return() -> None:
    tiny = ModelConfig(5, 3, 32, 0.125)
    found, images = diagrams.stages(tiny), torch.zeros(2, 3, 32, 32)
    made = generator(5, 3)
    maps = made.encoder.maps(images)
    assert found["encoder"] == [(8, 32, 32), *(tuple(each.shape[1:]) for each in maps)]
    picture = made(images, torch.tensor([0, 1]), torch.zeros(2, NOISE))
    assert found["decoder"][-1] == tuple(picture.shape[1:]) and len(found["decoder"]) == 7
    said = Discriminator(tiny).eval()(images)
    assert found["discriminator"][-2:] == [tuple(each.shape[1:]) for each in said]


def test_fig_3_shows_the_shapes_of_the_network() -> None:
    found = texts(diagrams.second_stage(ModelConfig(1, 7, 48, 0.5), 7))
    maps = [text for text in found if "²" in text][2:]
    assert maps == ["64 × 24²", "96 × 12²", "128 × 6²", "350 × 3²"] and "$h$, 606" in found
    assert "350\n6²" in texts(diagrams.de_gan(profiles.PRETRAINING))  # and Fig. 2


def test_our_numbers_stand_beside_the_papers_where_there_is_a_set() -> None:
    tables = {"ck": {"de_gan": runs("de_gan", 3), "cnn": runs("cnn", 2)}}
    judge = Judge(tables, {}, {}, results.paper("part2_tables"), "made up", "open", "quick")
    found = recognition_plots.table(judge).set_index(["set", "method"])
    assert found["paper"].tolist() == [90.34, 97.36, 58.46, 72.98, 73.14, 89.24]
    ours = found["of all images"].dropna()
    assert list(ours.index) == [("CK+", "CNN (baseline)"), ("CK+", "DE-GAN")]
    assert ours["CK+", "DE-GAN"] == "75.0 (75.0 to 75.0)"


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
    assert table.loc["the expression asked for", "from people it knew"] == "70.0 [60.0, 75.0]"
    assert table.loc["the person asked for", "renderings"] == "95.0 [85.0, 100.0]"
    assert table["chance"].tolist() == ["14.3", "2.0", "0.4"]  # a fifth of faces over 49
    assert table.loc["the person in the source", "from strangers"] is None
    found = known()
    found.metrics["photographs"] = {"smile": estimate(0.8)}
    found.metrics["transfer"] |= {"smile": estimate(0.75), "happier": estimate(0.9)}
    table = synthesis_plots.real_table(found).set_index("judges see")
    row = table.loc[synthesis_plots.SEEN["smile"][0]]
    assert row.tolist() == ["75.0 [65.0, 80.0]", "80.0 [70.0, 85.0]", "25.0"]
    assert table["chance"].tolist() == ["25.0", "25.0", "2.0", "2.0", "2.0"]


def test_features_are_points() -> None:
    for axes in synthesis_plots.knowledge(known(), known()).axes:
        points = [
            (float(box.lines[0].get_xdata()[0]), float(box.lines[0].get_ydata()[0]))
            for box in axes.containers
        ]
        assert points[0] == points[5] == pytest.approx((10, 30))
        assert points[4] == pytest.approx((50, 70)) and points[9] == pytest.approx((52, 72))


def test_who_lends_stands_beside_what_was_lent_and_the_least_known_come_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[tuple[np.ndarray, list[str]]] = []

    def grid_of(images: np.ndarray, columns: list[str], **_: Any) -> Figure:
        drawn.append((images[..., 0, 0, 0], columns))
        return plt.figure()

    monkeypatch.setattr(grids, "grid_of", grid_of)
    greys = np.broadcast_to(
        20 * np.arange(12, dtype=np.uint8)[:, None, None, None], (12, 36, 36, 3)
    )
    people, zeros = np.arange(6).repeat(2), np.zeros(12, dtype=np.int64)
    faces = Faces("x", "open", greys, np.arange(12) % 2, people, zeros, zeros, ("neutral", "smile"))
    synthesis_plots.real_people(generator(6, 2), faces, [0, 1, 4, 5])
    shades, columns = drawn.pop()
    assert columns == ["lender", "0", "1"] and shades[0, 1:].tolist() == [0, 40]
    assert shades[-4:, 0].tolist() == [180, 160, 220, 200]  # each smile before the neutral face
    monkeypatch.setattr(synthesis_plots, "portraits", lambda profile, corpus, few: greys[few])
    monkeypatch.setattr(synthesis_plots, "FEW", 2)
    recognised = np.array([[1, 1, 0, 1], [1, 0, 1, 1], [1, 0, 1, 0]])
    cast: Any = SimpleNamespace(
        names=["anger", "happiness", "fear"],
        recognised=recognised,
        made=torch.zeros(3, 4, 3, 32, 32),
        strangers=SimpleNamespace(images=greys),
        chosen=[0, 1, 2],
        profile=None,
        corpus=SimpleNamespace(rung="open"),
    )
    synthesis_plots.hardly_known(cast)
    assert drawn[0][1] == ["the source", "1: 1", "2: 2"]


def transferred() -> overview.Transfer:
    """Return one face lent to person 3 of five."""
    return overview.transfer(generator(5, 3), noisy(1)[0], 3, torch.linspace(-1, 1, NOISE))


def test_figure_1_shows_the_generators_own_transfer() -> None:
    shown, network = transferred(), generator(5, 3)
    image = augment.centre(torch.from_numpy(noisy(1)))
    with torch.no_grad():
        made = network(image, torch.tensor([3]), torch.linspace(-1, 1, NOISE)[None])
        assert np.array_equal(shown.code, network.encoder(image)[0].numpy())
    assert np.array_equal(shown.made, augment.pixels(made)[0])
    assert np.array_equal(shown.source, augment.pixels(image)[0])
    assert [maps.shape[1] for maps in shown.maps] == [16, 8, 4, 2]
    assert shown.identity.tolist() == [0, 0, 0, 1, 0]
    large = grids.enlarged(shown.made, round(overview.FACE * grids.DPI))
    figure = overview.figure1(transferred(), noisy(1)[0], "a source", "a target")
    drawn = [np.asarray(each.get_array()) for each in figure.axes[0].images]
    assert any(np.array_equal(each, large) for each in drawn)


def test_a_row_of_factors_changes_one_thing_and_light_falls_from_its_side() -> None:
    for changes in factors.FACTORS.values():
        assert len({name for change in changes for name in change}) == 1
    person = ict.draw_identity(0, 3)
    head = ict.build(person)
    left, right = (factors.photograph(person, head, 40, light=each) for each in (-1.2, 1.2))
    brighter = (left.astype(int) - right)[20:30].sum(axis=-1)  # on the cheeks
    assert brighter[:, :20].mean() > 3 and brighter[:, 20:].mean() < -3
