"""The faces a reader plays with: what is drawn is what networks and judges say of them."""

import gc
import html
import weakref
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from lib.book import interact
from lib.book.show import png
from lib.faces import augment, real_people
from lib.faces.data import datasets, london
from lib.faces.data.corpus import EXPRESSIONS, Corpus, Faces, Requests
from lib.faces.de_gan import Generator, ModelConfig
from lib.faces.figures import explore, grids
from lib.faces.figures.explore import STRANGERS, Scenes
from lib.faces.render import ict
from lib.faces.runs import checkpoints
from lib.faces.runs.profiles import PROFILES

pytestmark = pytest.mark.usefixtures("no_open_figures")
PEOPLE, SIDE = 5, 32  # of the scenes
START = {"face": "happiness, A", "person": 2, "noise_1": 0.0, "noise_2": 0.0}
ALT = "{face}, person {person}, {noise_1}, {noise_2}"


class Always(nn.Module):
    """A judge that sees one thing in everything, with a probability of nearly 1."""

    def __init__(self, winner: int, classes: int) -> None:
        super().__init__()
        self.logits = 9.0 * torch.eye(classes)[winner]

    def forward(self, images: Tensor) -> Tensor:
        return self.logits.expand(len(images), -1)


def lent(scenes: Scenes, codes: Tensor, person: int, z: tuple[float, float]) -> Tensor:
    """Return the generator's own faces of a person, (n, 3, side, side)."""
    identity = torch.eye(PEOPLE)[[person] * len(codes)]
    return scenes.generator.decoder(codes, identity, explore.noise(*z).expand(len(codes), -1))


def coded(scenes: Scenes, pictures: np.ndarray) -> Tensor:
    """Return f(x) of pictures."""
    return scenes.generator.encoder(augment.centre(pictures))


@pytest.fixture
def drawn_with(scenes: Scenes) -> Any:
    """Give what `explore.lend` draws for a setting."""

    def lend(face: str, person: int, noise_1: float, noise_2: float) -> Figure:
        return explore.lend(scenes, scenes.source(face), face, person, (noise_1, noise_2))

    return lend


def original(faces: Faces, others: Faces) -> Corpus:
    """Return a corpus that says it is of the original sets."""
    made = datasets.load("ict", PROFILES["smoke"].sizes)
    sets = {"ck": lambda: others}
    return replace(made, name="original", rung="original", pretraining=lambda: faces, sets=sets)


def some_faces(people: list[int], labels: list[int], classes: tuple[str, ...]) -> Faces:
    """Return pictures of which each has one shade of its own."""
    count, size = len(people), augment.source_side(SIDE)
    shades = np.arange(count, dtype=np.uint8)[:, None, None, None]
    pictures = np.broadcast_to(shades, (count, size, size, 3)).copy()
    zeros = np.zeros(count, dtype=np.int64)
    columns = np.array(labels), np.array(people), zeros, zeros
    return Faces("test", "original", pictures, *columns, classes)


def figure_texts(figure: Figure) -> list[str]:
    """Return the words on a figure, not those of its axes."""
    return [text.get_text() for text in figure.texts]


def pictures(figure: Figure) -> list[np.ndarray]:
    """Return the pictures on a figure, in the order in which they were put there."""
    return [np.asarray(image.get_array()) for image in figure.images]


def enlarged(picture: np.ndarray, side: int) -> np.ndarray:
    """Return a picture enlarged by OpenCV."""
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC).astype(int)


# --- what is computed


def test_everybody_shows_everything_in_a_sequence_of_no_set(scenes: Scenes) -> None:
    size = augment.source_side(SIDE)
    assert scenes.strangers.shape == (3, 7, size, size, 3)
    requests = Requests(*(np.array([each]) for each in (1, 3, 0.9, ict.NEW, 0)), seed=0)
    assert (scenes.people[1, 3] == ict.render(requests, size)[0][0]).all()
    sizes = PROFILES["paper"].sizes
    assert 3 * sizes.people * 7 * max(sizes.frames, sizes.held_out) < ict.NEW


def test_a_name_leads_to_its_picture(scenes: Scenes) -> None:
    assert len(set(scenes.names)) == len(scenes.names) == 21
    assert scenes.names[:2] == ["anger, A", "contempt, A"] and scenes.names[-1] == "surprise, C"
    assert (scenes.source("fear, B") == scenes.strangers[1, 3]).all()


def test_noise_lies_on_two_directions_at_right_angles_within_what_was_trained() -> None:
    first, second = explore.noise(1, 0), explore.noise(0, 1)
    assert first.shape == (50,) and float(first @ second) == 0
    assert float(first @ first) == float(second @ second) == 25
    assert torch.equal(explore.noise(0.5, -0.25), 0.5 * first - 0.25 * second)
    assert explore.noise(-1, 1).abs().max() == 1 and not explore.noise(0, 0).any()


def lend(scenes: Scenes, person: int = 0, z: tuple[float, float] = (0, 0)) -> Figure:
    """Lend one face."""
    return explore.lend(scenes, scenes.people[0, 0], "a", person, z)


def grid(scenes: Scenes, stranger: str = STRANGERS[0], first: int = 0) -> Figure:
    """Draw a grid without noise."""
    return explore.grid(scenes, stranger, first, (0, 0))


def walk(scenes: Scenes, steps: int = 3, person: int = 0) -> Figure:
    """Draw a walk without noise."""
    return explore.walk(scenes, "fear, A", "fear, B", person, steps, (0, 0))


@pytest.mark.parametrize(
    ("draw", "setting", "complaint"),
    [
        (lend, {"z": (1.01, 0)}, "z lies within -1 and 1"),
        (lend, {"z": (0, -2)}, "z lies within -1 and 1"),
        (lend, {"z": (float("nan"), 0)}, "z lies within -1 and 1"),
        (lend, {"person": -1}, "person -1; choose 0 to 4"),
        (lend, {"person": 5}, "person 5; choose 0 to 4"),
        (walk, {"person": 5}, "person 5; choose 0 to 4"),
        (walk, {"steps": 2}, "a walk of 2 faces; choose 3 to 9"),
        (walk, {"steps": 10}, "a walk of 10 faces; choose 3 to 9"),
        (grid, {"first": 9}, "person 9; choose 0 to 4"),
        (grid, {"stranger": "D"}, "stranger 'D'; choose one of: A, B, C"),
        (grid, {"stranger": "AB"}, "stranger 'AB'; choose one of: A, B, C"),
        (grid, {"stranger": ""}, "stranger ''; choose one of: A, B, C"),
        (Scenes.source, {"name": "joy, A"}, "no face 'joy, A'; take one like 'anger, A'"),
    ],
)
def test_what_is_not_there_is_refused(
    draw: Any, setting: dict[str, Any], complaint: str, scenes: Scenes
) -> None:
    with pytest.raises(ValueError, match=complaint):
        draw(scenes, **setting)


def test_an_opinion_is_a_softmax(scenes: Scenes) -> None:
    faces = augment.centre(scenes.people[0])
    logits = scenes.expression_judge(faces).double().numpy()
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert explore.opinion(scenes.expression_judge, faces) == pytest.approx(expected, abs=1e-5)


# --- one face


def test_the_panel_shows_source_synthesised_face_and_the_persons_own(
    scenes: Scenes, drawn_with: Any
) -> None:
    figure = drawn_with("fear, C", 3, 0.5, 0)
    source = augment.centre(scenes.source("fear, C")[None])
    made = lent(scenes, scenes.generator.encoder(source), 3, (0.5, 0))
    own = augment.centre(scenes.people[3])
    shown = pictures(figure)
    assert len(shown) == 2 + 7
    for picture, face in zip(shown, torch.cat([source, made, own]), strict=True):
        difference = picture - enlarged(augment.pixels(face), len(picture))
        assert np.abs(difference).max() <= grids.STEP / 2
    words = figure_texts(figure)
    guesses = explore.opinion(scenes.identity_judge, own).argmax(axis=1)
    assert words[3].endswith(f"known to the judge in {(guesses == 3).sum()} of these 7")
    assert {"fear, C", "lent to person 3", *EXPRESSIONS} <= set(words)


def test_the_bars_are_the_judges_opinions(scenes: Scenes, drawn_with: Any) -> None:
    figure = drawn_with("anger, B", 1, 0, 0)
    source = scenes.source("anger, B")[None]
    made = lent(scenes, coded(scenes, source), 1, (0, 0))
    faces = torch.cat([augment.centre(source), made])
    expected = 100 * explore.opinion(scenes.expression_judge, faces)
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx(expected.ravel().tolist())
    assert [label.get_text() for label in axes.get_yticklabels()] == list(EXPRESSIONS)
    taken = explore.opinion(scenes.identity_judge, made)[0]
    said = f"identity judge: person {taken.argmax()}, {100 * taken.max():.0f} %"
    assert said in figure_texts(figure)


@pytest.mark.parametrize(
    "change", [{"face": "anger, A"}, {"person": 0}, {"noise_1": 1.0}, {"noise_2": -0.5}]
)
def test_every_control_changes_the_picture(change: dict[str, Any], drawn_with: Any) -> None:
    assert png(drawn_with(**START)) != png(drawn_with(**{**START, **change}))


# --- many faces


def test_a_grid_lends_every_expression_to_each_person(
    scenes: Scenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[str, Any] = {}

    def grid_of(cells: np.ndarray, **labels: Any) -> Figure:
        found.update(labels, cells=cells)
        return plt.figure()

    monkeypatch.setattr(grids, "grid_of", grid_of)
    judges = {"expression_judge": Always(4, 7), "identity_judge": Always(1, PEOPLE)}
    explore.grid(replace(scenes, **judges), "B", 0, (0, 1))
    cells = found["cells"]
    assert cells.shape == (4, 8, SIDE, SIDE, 3) and (cells[0, 0] == 255).all()
    assert (cells[0, 1:] == augment.pixels(augment.centre(scenes.strangers[1]))).all()
    code = coded(scenes, scenes.strangers[1])
    for person in range(3):
        own = augment.centre(scenes.people[person, 4][None])
        assert (cells[1 + person, 0] == augment.pixels(own)[0]).all()
        made = lent(scenes, code, person, (0, 1))
        difference = cells[1 + person, 1:].astype(int) - augment.pixels(made)
        assert np.abs(difference).max() <= 1
    assert found["rows"][1:] == [
        "person 0, own: 0\nexpression: 1\nidentity: 0",
        "person 1, own: 7\nexpression: 1\nidentity: 7",
        "person 2, own: 0\nexpression: 1\nidentity: 0",
    ]


def test_the_groups_of_a_grid_hold_everybody_once(scenes: Scenes) -> None:
    assert explore.groups(scenes) == {"0 to 2": 0, "3 to 4": 3}
    figure = grid(scenes, first=3)
    words = " ".join(figure_texts(figure))
    assert "person 3" in words and "person 4" in words and "person 2" not in words


def test_a_walk_begins_and_ends_at_the_two_faces_and_is_straight(scenes: Scenes) -> None:
    names, z = ("anger, A", "surprise, C"), (0.25, 0)
    figure = explore.walk(scenes, *names, 2, 5, z)
    first, last = coded(scenes, np.stack([scenes.source(name) for name in names]))
    codes = torch.stack([first + share * (last - first) for share in (0, 0.25, 0.5, 0.75, 1)])
    made = lent(scenes, codes, 2, z)
    shown = pictures(figure)
    assert len(shown) == 5
    for picture, face in zip(shown, augment.pixels(made), strict=True):
        assert np.abs(picture - enlarged(face, len(picture))).max() <= grids.STEP
    read = 100 * explore.opinion(scenes.expression_judge, made)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    for label, name in enumerate(EXPRESSIONS):
        wins = label in read.argmax(axis=1) or read[:, label].max() >= 100 * explore.SHARE
        assert (name in lines) is bool(wins)
        if wins:
            drawn_line = np.asarray(lines[name].get_ydata())
            assert drawn_line == pytest.approx(read[:, label], abs=1e-3)


@pytest.mark.parametrize("steps", [3, 9])
def test_faces_of_a_walk_stand_above_their_opinions(steps: int, scenes: Scenes) -> None:
    figure = walk(scenes, steps)
    axes = figure.axes[0]
    for place, image in enumerate(figure.images):
        middle = image.ox + image.get_array().shape[1] / 2
        expected, _ = axes.transData.transform((place, 0))
        assert middle == pytest.approx(expected, abs=1)
        assert image.ox >= 0 and image.oy > axes.bbox.y1


# --- the widget


def test_moves_leave_no_figure_behind_and_the_same_setting_gives_the_same_picture(
    scenes: Scenes, drawn_with: Any
) -> None:
    made = []

    def draw(**setting: Any) -> Figure:
        figure = drawn_with(**setting)
        made.append(weakref.ref(figure))
        return figure

    controls = {"face": scenes.names, **explore.controls(scenes)}
    face, person, *_, reset, picture, _ = interact.panel(draw, controls, START, ALT).children
    before = bytes(picture.value)
    for number in range(4):
        face.value, person.value = scenes.names[number], number % PEOPLE
    assert bytes(picture.value) != before
    reset.click()
    assert bytes(picture.value) == before
    assert plt.get_fignums() == []
    gc.collect()
    assert len(made) > 5 and not any(figure() for figure in made)


def test_a_setting_out_of_range_is_answered_in_one_line_in_its_place(
    scenes: Scenes, drawn_with: Any
) -> None:
    controls = {"face": scenes.names, **explore.controls(scenes), "person": (0, 99, 1)}
    *made, _, picture, line = interact.panel(drawn_with, controls, START, ALT).children
    before = bytes(picture.value)
    made[1].value = 50
    assert "ValueError: person 50; choose 0 to 4" in html.unescape(line.value)
    made[1].value = 3
    assert "ValueError" not in line.value and bytes(picture.value) != before


# --- the original rung


def test_the_first_people_who_show_an_expression_are_taken_and_repeated_where_few() -> None:
    faces = some_faces([7, 7, 3, 3, 3, 5], [0, 1, 1, 1, 1, 0], ("anger", "fear"))
    found = explore.first_faces(faces, ("fear", "surprise", "anger"), 3)[:, :, 0, 0, 0]
    assert found.T.tolist() == [[3, 1, 1], [128] * 3, [5, 0, 0]]  # middle pictures; grey for none


def test_scenes_of_the_original_rung_come_from_its_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    classes = tuple(name for name in EXPRESSIONS if name != "contempt")
    known = some_faces([0] * 6 + [1] * 6, [*range(6)] * 2, classes)
    others = some_faces([4, 2], [0, 6], EXPRESSIONS)
    monkeypatch.setattr(checkpoints, "trained", lambda kind, *_: kind)
    monkeypatch.setattr(checkpoints, "load", lambda kind: kind)
    scenes = explore.scenes(PROFILES["smoke"], original(known, others))
    assert scenes.classes == classes and scenes.generator == "de_gan"
    assert scenes.people[:, :, 0, 0, 0].tolist() == [[*range(6)], [*range(6, 12)]]
    assert scenes.strangers[0, [0, 5], 0, 0, 0].tolist() == [0, 1]
    assert (scenes.strangers[:, 1] == 128).all()
    assert (scenes.eyes == explore.usual_eyes()).all()


def test_scenes_of_made_faces_fit_the_profile(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "trained", lambda *_: None)
    monkeypatch.setattr(checkpoints, "load", lambda _: SimpleNamespace())
    scenes = explore.scenes(PROFILES["smoke"], corpus)
    assert len(scenes.people) == PROFILES["smoke"].sizes.people
    assert scenes.people.shape[2] == augment.source_side(SIDE)
    (left, height), (right, other) = scenes.eyes
    assert height == other and left + right == pytest.approx(1) and 0.2 < right - left < 0.4


@pytest.mark.parametrize("allowed", [False, True])
def test_original_faces_are_shown_only_where_a_reader_says_so(
    allowed: bool, scenes: Scenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BOOK_SHOW_FACES", raising=False)
    if allowed:
        monkeypatch.setenv("BOOK_SHOW_FACES", "1")
    hidden = replace(scenes, corpus=replace(scenes.corpus, rung="original"))
    assert [bool(draw(hidden).images) for draw in (lend, grid, walk)] == [allowed] * 3


def test_real_people_borrow_from_two_others() -> None:
    form = ModelConfig(102, 2, 32, 0.125)
    generator, faces = Generator(form).eval(), london.load(32)
    drawn = explore.smiles(generator, faces, 98, [0, 1])  # four are left
    words = [text.get_text() for text in drawn.texts]
    assert words[-5:] == ["lender", "98", "99", "100", "101"]
    unseen = {98, 99, 100, 101} & set(real_people.held_out(102).tolist())
    assert drawn.get_label().endswith(", ".join(map(str, sorted(unseen))) or "nobody")
    for first, lenders in ((102, [0, 1]), (0, [0, -1])):
        with pytest.raises(ValueError, match="^person .*; choose 0 to 101"):
            explore.smiles(generator, faces, first, lenders)
