"""The faces a reader plays with: what is drawn is what networks and judges say of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

from lib.faces import augment
from lib.faces.data.corpus import EXPRESSIONS, Corpus, Requests
from lib.faces.figures import explore, grids
from lib.faces.figures.explore import Scenes
from lib.faces.render import ict
from lib.faces.runs import checkpoints
from lib.faces.runs.profiles import PROFILES
from lib.faces.runs.synthesis import codes
from tests.faces.made_up import greys

pytestmark = pytest.mark.usefixtures("no_open_figures")
PEOPLE, SIDE = 5, 32  # of the scenes


def lent(scenes: Scenes, code: Tensor, person: int, z: tuple[float, float]) -> Tensor:
    """Return the generator's own faces of a person, (n, 3, side, side)."""
    identity = torch.eye(PEOPLE)[[person] * len(code)]
    return scenes.generator.decoder(code, identity, explore.noise(*z).expand(len(code), -1))


def enlarged(picture: np.ndarray, side: int) -> np.ndarray:
    """Return a picture enlarged by OpenCV."""
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC).astype(int)


def lend(scenes: Scenes, name: str = "fear, A", person: int = 0, z: Any = (0, 0)) -> Figure:
    """Lend one face."""
    return explore.lend(scenes, scenes.source(name), name, person, z)


def walk(scenes: Scenes, steps: int = 3, person: int = 0) -> Figure:
    """Draw a walk without noise."""
    return explore.walk(scenes, "fear, A", "fear, B", person, steps, (0, 0))


def test_strangers_are_shown_in_a_sequence_of_no_set_and_by_name(scenes: Scenes) -> None:
    size = augment.source_side(SIDE)
    assert scenes.strangers.shape == (3, 7, size, size, 3)
    requests = Requests(*(np.array([each]) for each in (1, 3, 0.9, ict.NEW, 0)), seed=0)
    assert (scenes.people[1, 3] == ict.render(requests, size)[0][0]).all()
    sizes = PROFILES["paper"].sizes
    assert 3 * sizes.people * 7 * max(sizes.frames, sizes.held_out) < ict.NEW
    assert len(set(scenes.names)) == 21 and scenes.names[:2] == ["anger, A", "contempt, A"]
    assert (scenes.source("fear, B") == scenes.strangers[1, 3]).all()


@pytest.mark.parametrize(
    ("draw", "complaint"),
    [
        (lambda scenes: lend(scenes, z=(0, float("nan"))), "z lies within -1 and 1"),
        (lambda scenes: lend(scenes, person=5), "person 5; choose 0 to 4"),
        (lambda scenes: lend(scenes, "joy, A"), "no face 'joy, A'; take one like 'anger, A'"),
        (lambda scenes: walk(scenes, person=-1), "person -1; choose 0 to 4"),
        (lambda scenes: walk(scenes, steps=10), "a walk of 10 faces; choose 3 to 9"),
    ],
)
def test_what_is_not_there_is_refused(
    draw: Callable[[Scenes], Figure], complaint: str, scenes: Scenes
) -> None:
    with pytest.raises(ValueError, match=complaint):
        draw(scenes)


def test_a_panel_shows_the_faces_and_what_judges_say_of_them(scenes: Scenes) -> None:
    figure = lend(scenes, "fear, C", 3, (0.5, 0))
    source = scenes.source("fear, C")[None]
    made = lent(scenes, codes(scenes.generator, source), 3, (0.5, 0))
    own = augment.centre(scenes.people[3])
    ground, *shown = (np.asarray(image.get_array()) for image in figure.images)
    shown += [ground[288:360, x : x + 72, :3] for x in range(0, 833, 119)]
    for picture, face in zip(shown, torch.cat([augment.centre(source), made, own]), strict=True):
        difference = picture - enlarged(augment.pixels(face), len(picture))
        assert np.abs(difference).max() <= grids.STEP / 2
    words = [text.get_text() for text in figure.texts]
    assert scenes.recognised[3] == (scenes.identity_judge(own).argmax(1) == 3).sum()
    taken = scenes.identity_judge(made)[0].softmax(0)
    assert f"identity judge: person {taken.argmax()}, {100 * taken.max():.0f} %" in words
    logits = scenes.expression_judge(torch.cat([augment.centre(source), made])).double()
    bars = [bar.get_width() for bar in figure.axes[0].patches]
    assert bars == pytest.approx((100 * logits.softmax(1)).flatten().tolist(), abs=1e-3)


def test_bars_stand_beside_the_names_of_their_expressions(
    scenes: Scenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []
    monkeypatch.setattr(plt, "close", drawn.append)
    explore._lent_ground.__wrapped__(scenes, 3)
    names = [label.get_text() for label in drawn[0].axes[0].get_yticklabels()]
    assert names == list(scenes.classes)


def test_a_walk_begins_and_ends_at_the_two_faces_and_is_straight(scenes: Scenes) -> None:
    names, z = ("anger, A", "surprise, C"), (0.25, 0)
    figure = explore.walk(scenes, *names, 2, 5, z)
    first, last = codes(scenes.generator, np.stack([scenes.source(name) for name in names]))
    path = torch.stack([first + share * (last - first) for share in (0, 0.25, 0.5, 0.75, 1)])
    made = lent(scenes, path, 2, z)
    shown = np.stack([np.asarray(image.get_array()) for image in figure.images[1:]]).astype(float)
    faces = np.stack([enlarged(face, shown.shape[1]) for face in augment.pixels(made)])
    assert np.abs(shown - faces).max() <= grids.STEP
    assert np.abs(shown[0] - faces[0]).mean() < np.abs(shown[0] - faces[-1]).mean()
    read = 100 * explore.opinion(scenes.expression_judge, made)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert set(lines) & set(EXPRESSIONS)
    for label, name in enumerate(EXPRESSIONS):
        if name in lines:
            assert np.asarray(lines[name].get_ydata()) == pytest.approx(read[:, label], abs=1e-3)


def test_scenes_come_from_the_sets_of_their_rung(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "trained", lambda kind, *_: kind)
    monkeypatch.setattr(checkpoints, "load", lambda kind: kind)
    scenes = explore.scenes(PROFILES["smoke"], corpus)
    assert len(scenes.people) == PROFILES["smoke"].sizes.people
    (left, height), (right, other) = scenes.eyes
    assert height == other and left + right == pytest.approx(1) and 0.2 < right - left < 0.4
    classes = tuple(name for name in EXPRESSIONS if name != "contempt")
    known = greys([0] * 6 + [1] * 6, [*range(6)] * 2, classes, "original")
    others = greys([4, 2], [0, 6], rung="original")
    made = {"pretraining": lambda: known, "sets": {"ck": lambda: others}}
    original = replace(corpus, name="original", rung="original", **made)
    scenes = explore.scenes(PROFILES["smoke"], original)
    assert scenes.classes == classes and scenes.generator == "de_gan"
    assert scenes.people[:, :, 0, 0, 0].tolist() == [[*range(6)], [*range(6, 12)]]
    assert scenes.strangers[0, [0, 5], 0, 0, 0].tolist() == [0, 1]
    assert (scenes.strangers[:, 1] == 128).all()
    assert (scenes.eyes == explore.usual_eyes()).all()


@pytest.mark.parametrize("allowed", [False, True])
def test_original_faces_are_shown_only_where_a_reader_says_so(
    allowed: bool, scenes: Scenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BOOK_SHOW_FACES", raising=False)
    if allowed:
        monkeypatch.setenv("BOOK_SHOW_FACES", "1")
    hidden = replace(scenes, corpus=replace(scenes.corpus, rung="original"))
    assert [bool(draw(hidden).images) for draw in (lend, walk)] == [allowed] * 2
