"""The pictures of recognition show the numbers they are given."""

import numpy as np
import pytest
from sklearn.metrics import recall_score

from lib.faces import protocol
from lib.faces.de_gan import ModelConfig
from lib.faces.figures import recognition_plots as plots
from lib.faces.recognition import CONNECTED
from lib.faces.runs.experiments import METHODS
from lib.faces.runs.verdicts import SETS, Judge
from lib.runs import results
from lib.runs.results import Result

pytestmark = pytest.mark.usefixtures("no_open_figures")
PAPER = results.paper("part2_tables")
CLASSES, PEOPLE, FOLDS = ("anger", "fear", "sadness"), 12, 3


def runs(method: str, seed: int, folds: int = FOLDS) -> list[Result]:
    """Return runs over twelve people with six images each, right about two thirds of them."""
    generator = np.random.default_rng(seed)
    found = []
    for fold in range(folds):
        people = np.repeat(np.arange(fold, PEOPLE, FOLDS), 6)
        targets = np.arange(len(people)) % len(CLASSES)
        wrong = generator.integers(0, len(CLASSES), len(people))
        predicted = np.where(generator.random(len(people)) < 0.5, targets, wrong)
        rows = people * 6 + np.arange(len(people)) % 6
        columns = {
            "rows": rows,
            "identities": people,
            "targets": targets,
            "predicted": predicted,
        }
        config = {"method": method, "folds": FOLDS, "fold": fold, "seed": 0}
        metrics = {name: values.tolist() for name, values in columns.items()}
        found.append(Result("part2", "recognition", config, metrics))
    return found


def judge(*names: str) -> Judge:
    """Return a judge with runs on these sets."""
    tables = {
        name: {method: runs(method, place) for place, method in enumerate(METHODS)}
        for name in names
    }
    return Judge(tables, {}, {}, PAPER, "made up", "open", "quick")


def texts(figure: plots.Figure) -> list[str]:
    """Return what is written in the axes of a figure."""
    return [each.get_text() for axes in figure.axes for each in axes.texts]


@pytest.mark.parametrize(
    ("config", "maps", "joined"),
    [
        (ModelConfig(1, 7), ["128 × 48²", "192 × 24²", "256 × 12²", "350 × 6²"], 862),
        (ModelConfig(1, 7, 48, 0.5), ["64 × 24²", "96 × 12²", "128 × 6²", "350 × 3²"], 606),
    ],
)
def test_fig_3_shows_the_shapes_of_the_network(
    config: ModelConfig, maps: list[str], joined: int
) -> None:
    found = texts(plots.second_stage(config, 7))
    assert [text for text in found if "²" in text][2:] == maps
    assert joined == 4 * config.wide(CONNECTED) + 350
    assert f"$h$, {joined}" in found
    assert sum("local CNN" in text for text in found) == 4


def test_who_is_in_several_folds_is_crossed() -> None:
    identities = np.repeat(np.arange(6), 4)
    places = {"torn": np.arange(24) % 2, "whole": identities % 2}
    left, right = plots.dealings(identities, places).axes
    assert [line.get_marker() for line in left.lines] == ["x"] * 6
    assert [line.get_marker() for line in right.lines] == ["o"] * 6
    assert [line.get_xdata().tolist() for line in right.lines] == [[n % 2] for n in range(6)]
    assert [line.get_xdata().tolist() for line in left.lines] == [[0, 1]] * 6


def test_a_table_has_our_numbers_beside_the_two_rows_that_we_ran() -> None:
    found = plots.table(judge("ck"), "ck").set_index("method")
    assert len(found) == sum(row["set"] == "ck" for row in PAPER["rows"])
    ours = found["mean over folds"].dropna()
    assert list(ours.index) == ["CNN (baseline)", "DE-GAN"]
    pooled = protocol.pool(judge("ck").tables["ck"]["de_gan"])
    assert ours["DE-GAN"] == pytest.approx(100 * protocol.fold_accuracies(pooled).mean())
    assert found.loc["DE-GAN", "paper"] == 97.36


def test_an_absent_set_shows_the_paper_alone() -> None:
    found = plots.table(judge("ck"), "oulu")
    assert list(found) == ["method", "setting", "paper"] and found["paper"].notna().all()


def test_every_set_has_the_papers_marks_and_only_those_there_have_ours() -> None:
    figure = plots.sets(judge("ck", "oulu"))
    counts = [len(axes.lines) for axes in figure.axes]
    assert counts == [8, 2, 8]  # folds, mean, interval and the paper's, of two methods
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[1] == f"{SETS['mmi']}: the paper alone" and "in the shape of CK+" in titles[0]
    marks = [line.get_xdata() for line in figure.axes[1].lines]
    assert np.ravel(marks).tolist() == [58.46, 72.98]


def test_controls_show_accuracy_and_difference() -> None:
    table = {name: runs(name, seed) for seed, name in enumerate(("de_gan", "cnn"))}
    table["de_gan fine-tuned"] = runs("de_gan fine-tuned", 5, folds=1)
    table["de_gan fold only"] = []
    figure = plots.controls(table)
    left, right = figure.axes
    assert texts(figure) == ["not measured"] * 2
    values = [line.get_xdata()[0] for line in left.lines if line.get_linestyle() == "None"]
    pooled = [protocol.accuracy(protocol.pool(table[name])) for name in ("de_gan", "cnn")]
    assert values[:2] == pytest.approx([100 * each.value for each in pooled])
    marks = [line for line in right.lines if line.get_linestyle() == "None"]
    assert len(marks) == 2  # DE-GAN has no difference to itself
    assert marks[0].get_xdata()[0] == pytest.approx(100 * (pooled[1].value - pooled[0].value))
    assert marks[1].get_markerfacecolor() == "white" != marks[0].get_markerfacecolor()


def test_the_confusion_shows_percent_of_each_row() -> None:
    found = protocol.pool(runs("cnn", 0))
    figure = plots.confusion(found, CLASSES)
    shares = figure.axes[0].images[0].get_array()
    assert np.asarray(shares).sum(axis=1) == pytest.approx([100] * len(CLASSES))
    assert figure.axes[0].get_yticklabels()[0].get_text() == "anger (24)"
    assert f"{shares[0, 0]:.0f}" in texts(figure)


def test_recalls_are_scikit_learns() -> None:
    found = protocol.pool(runs("cnn", 0))
    expected = recall_score(found.targets, found.predicted, average=None)
    assert [each.value for each in plots.recall(found)] == pytest.approx(expected)
    figure = plots.recalls({"cnn": found, "de_gan": found}, CLASSES)
    marks = [line for line in figure.axes[0].lines if line.get_marker() in "so"]
    heights = [float(line.get_ydata()[0]) for line in marks]
    assert heights == pytest.approx([*(100 * expected)] * 2)
