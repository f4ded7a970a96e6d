"""Expressions lent from face to face, one setting at a time (section 3.1, Fig. 1).

Pictures are made, and networks loaded, once (`scenes`); a new setting only encodes a face, decodes
a few, asks the judges and draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lib.book.show import INK, PAGE_WIDTH, PALETTE, Ground
from lib.faces import alignment, augment, real_people
from lib.faces.classifier import Classifier
from lib.faces.data.corpus import EXPRESSIONS, Corpus, Faces
from lib.faces.de_gan import NOISE, Generator
from lib.faces.figures import grids, synthesis_plots
from lib.faces.figures.grids import DPI, FONT, MARKERS
from lib.faces.render import ict
from lib.faces.render.made import OTHERS
from lib.faces.runs import checkpoints
from lib.faces.runs.profiles import Profile
from lib.faces.runs.synthesis import codes, synthesise

STRANGERS = "ABC"  # people of the recognition set, whom DE-GAN never met
PEOPLE = 12  # whom they lend to; more would keep a reader waiting
NETWORKS = ("de_gan", "expression_judge", "identity_judge")  # asked here, of checkpoints.KINDS
BORROWERS = 5  # real people in one grid
STEPS = (3, 9)  # faces in a walk, least and most
LEFT, RIGHT = 60, 132  # pixels beside a walk
SHARE = 0.15  # probability from which on an expression is drawn in a walk
LOOKS: tuple[dict[str, Any], ...] = (
    {"color": PALETTE[0], "hatch": "////"},
    {"color": PALETTE[1]},
)  # of source and synthesised face


@dataclass(frozen=True, eq=False)
class Scenes:
    """Who can lend an expression, who can borrow it, and the networks that do and judge it.

    `strangers` (3, classes, source, source, 3) and `people` (p, classes, source, source, 3) are
    uint8 pictures of everybody with every expression; `eyes` (2, 2) is where eyes are in them, (x,
    y) as fractions of the side, the left one first.
    """

    corpus: Corpus
    classes: tuple[str, ...]
    strangers: np.ndarray
    people: np.ndarray
    eyes: np.ndarray
    generator: Generator
    expression_judge: Classifier
    identity_judge: Classifier

    @property
    def names(self) -> list[str]:
        """Return a name to choose each stranger's picture by."""
        return [f"{name}, {letter}" for letter in STRANGERS for name in self.classes]

    @cached_property
    def recognised(self) -> np.ndarray:
        """Return in how many of their own pictures the identity judge knows each person, (p,)."""
        own = augment.centre(self.people.reshape(-1, *self.people.shape[2:]))
        seen = opinion(self.identity_judge, own).argmax(1).reshape(self.people.shape[:2])
        return (seen == np.arange(len(seen))[:, None]).sum(axis=1)

    def check(self, person: int) -> None:
        """Raise ValueError where nobody has this number."""
        if not 0 <= person < len(self.people):
            raise ValueError(f"person {person}; choose 0 to {len(self.people) - 1}")

    def source(self, name: str) -> np.ndarray:
        """Return a stranger's picture, (source, source, 3) uint8; ValueError for an unknown one."""
        if name not in self.names:
            raise ValueError(f"no face {name!r}; take one like {self.names[0]!r}")
        return self.strangers[divmod(self.names.index(name), len(self.classes))]


def scenes(profile: Profile, corpus: Corpus) -> Scenes:
    """Return people rendered in a light and pose that no network has seen, and the networks.

    On the original rung, where nobody can be rendered, pictures of the sets are taken.
    """
    networks: dict[str, Any] = {
        "generator" if kind == "de_gan" else kind: checkpoints.load(
            checkpoints.trained(kind, profile, corpus)
        )
        for kind in NETWORKS
    }
    if corpus.rung == "original":
        found = corpus.pretraining()
        strangers = first_faces(next(iter(corpus.sets.values()))(), found.classes, len(STRANGERS))
        people = grids.portraits(found, range(min(PEOPLE, found.people)))
        return Scenes(corpus, found.classes, strangers, people, usual_eyes(), **networks)
    size, seed = augment.source_side(profile.sizes.side), profile.sizes.seed
    strangers, eyes = everybody(range(OTHERS, OTHERS + len(STRANGERS)), size, seed)
    people, _ = everybody(range(min(PEOPLE, profile.sizes.people)), size, seed)
    return Scenes(corpus, EXPRESSIONS, strangers, people, level(eyes / size), **networks)


def everybody(people: Sequence[int], size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return people with every expression, each in one light and pose, and where their eyes are.

    (people, 7, size, size, 3) uint8 and (people, 7, 2, 2) float32, in pixels.
    """
    shape = (len(people), len(EXPRESSIONS))
    person, expression = np.indices(shape).reshape(2, -1)
    one = np.zeros_like(person)
    pictures, eyes = ict.portraits(np.asarray(people)[person], expression, one, size, seed)
    return pictures.reshape(*shape, size, size, 3), eyes.reshape(*shape, 2, 2)


def first_faces(faces: Faces, classes: Sequence[str], count: int) -> np.ndarray:
    """Return the first people to show each expression, (count, classes, source, source, 3) uint8.

    Not everybody shows everything, so different people stand together; the last may come again.
    """
    found = []
    for name in classes:
        label = faces.classes.index(name) if name in faces.classes else -1
        people = np.unique(faces.identities[faces.expressions == label]).tolist() or [-1]
        shown = [people[min(place, len(people) - 1)] for place in range(count)]
        found.append(grids.portraits(faces, shown)[:, label])
    return np.stack(found, axis=1)


def noise(first: float, second: float) -> Tensor:
    """Return z (50,) somewhere on two fixed directions, each with half of the entries.

    ValueError: it is farther than any z in training.
    """
    if not (abs(first) <= 1 and abs(second) <= 1):
        raise ValueError(f"noise of {first:g} and {second:g}; z lies within -1 and 1")
    signs = torch.randint(2, (NOISE,), generator=torch.Generator().manual_seed(0)) * 2.0 - 1
    return signs * torch.tensor([first, second]).repeat_interleave(NOISE // 2)


@torch.no_grad()
def opinion(judge: Classifier, faces: Tensor) -> np.ndarray:
    """Return a judge's probabilities for faces (n, 3, side, side), (n, classes)."""
    return judge(faces).softmax(dim=1).numpy()


def lend(
    scenes: Scenes, source: np.ndarray, name: str, person: int, z: tuple[float, float]
) -> Figure:
    """Draw a face, somebody else with its expression, and what the judges see in both.

    `source` (source, source, 3) uint8 is the face called `name`; for `z` see `noise`. ValueError
    tells where nobody has the number of who borrows.
    """
    scenes.check(person)
    code = codes(scenes.generator, source[None])
    made = synthesise(scenes.generator, code, [person], noise(*z)[None])[0, 0]
    faces = torch.cat([augment.centre(source[None]), made])
    read = opinion(scenes.expression_judge, faces)
    taken = opinion(scenes.identity_judge, made)[0]
    return grids.shown(scenes.corpus, lambda: _lent(scenes, name, person, faces, read, taken))


def _lent(
    scenes: Scenes, name: str, person: int, faces: Tensor, read: np.ndarray, taken: np.ndarray
) -> Figure:
    """Draw what `lend` has found."""
    source, made = augment.pixels(faces)
    likeliest = int(taken.argmax())
    belief = f"{100 * taken[likeliest]:.0f} %"
    figure, (bars,) = _lent_ground(scenes, person).figure()
    canvas = Canvas(figure)
    canvas.text(0, 68, name)
    canvas.put(source, 0, 72, 144)
    canvas.put(made, 172, 24, 192)
    canvas.text(172, 236, f"identity judge: person {likeliest}, {belief}")
    _bars(bars, read)
    seen, shown = (_seen(scenes.classes, each) for each in read)
    figure.set_label(
        f"expression judge: {seen} in the source, {shown} in the synthesised face; "
        f"identity judge: person {likeliest}, {belief}"
    )
    return figure


@lru_cache(maxsize=PEOPLE)
def _lent_ground(scenes: Scenes, person: int) -> Ground:
    """Draw what stays while others lend: a person's own pictures, and the axes of a judge."""
    canvas, classes = Canvas(_empty(382)), scenes.classes
    canvas.text(172, 20, f"lent to person {person}")
    own = f"{scenes.recognised[person]} of these {len(classes)}"
    canvas.text(0, 284, f"person {person} in pictures of their own; known to the judge in {own}")
    step = canvas.width // len(classes)
    real = augment.pixels(augment.centre(scenes.people[person]))
    for place, (label, picture) in enumerate(zip(classes, real, strict=True)):
        canvas.put(picture, place * step, 288, 72)
        canvas.text(place * step, 378, label)
    axes = canvas.axes(490, 24, 328, 186)
    _bars(axes, np.zeros((2, len(classes))))  # for their legend
    axes.set(xlim=(0, 100), ylim=(len(classes) - 0.5, -0.5), xticks=(0, 50, 100))
    axes.set_yticks(range(len(classes)), classes)
    axes.tick_params(labelsize=FONT, length=0)
    axes.grid(axis="y", visible=False)
    axes.set_title("expression judge, %", fontsize=FONT, pad=4)
    axes.legend(fontsize=FONT, ncols=2, loc="upper left", bbox_to_anchor=(-0.1, -0.08))
    return Ground.of(canvas.figure, axes)


def _seen(classes: Sequence[str], read: np.ndarray) -> str:
    """Return in words what a judge sees rather than all else."""
    return f"{classes[int(read.argmax())]} {100 * read.max():.0f} %"


def _empty(height: int) -> Figure:
    """Return a figure as wide as the page, `height` pixels high."""
    return plt.figure(figsize=(PAGE_WIDTH, height / DPI), dpi=DPI, layout="none")


class Canvas:
    """A figure in which pictures and words have places in pixels from the upper left corner."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.width, self.height = (round(size) for size in figure.bbox.size)

    def put(self, picture: np.ndarray, x: int, y: int, side: int) -> None:
        """Show a square picture enlarged to `side` pixels."""
        large = grids.enlarged(picture, side)
        self.figure.figimage(large, xo=x, yo=self.height - y - side)

    def text(self, x: int, y: int, words: str) -> None:
        """Write a line that stands on (x, y)."""
        place = x / self.width, 1 - y / self.height
        self.figure.text(*place, words, fontsize=FONT, color=INK, va="bottom")

    def axes(self, x: int, y: int, width: int, height: int) -> Axes:
        """Return axes whose frame is this box."""
        left, bottom = x / self.width, 1 - (y + height) / self.height
        return self.figure.add_axes((left, bottom, width / self.width, height / self.height))


def _bars(axes: Axes, read: np.ndarray) -> None:
    """Draw the judge's probabilities for source and synthesised face, (2, classes)."""
    for row, (label, look) in enumerate(zip(("source", "synthesised"), LOOKS, strict=True)):
        places = np.arange(read.shape[1]) + 0.4 * row - 0.2
        axes.barh(places, 100 * read[row], 0.34, label=label, edgecolor="white", lw=0, **look)


def walk(
    scenes: Scenes, start: str, end: str, person: int, steps: int, z: tuple[float, float]
) -> Figure:
    """Draw faces of one person on the straight line between the codes of two faces.

    ValueError says what is not there or out of range.
    """
    if not STEPS[0] <= steps <= STEPS[1]:
        raise ValueError(f"a walk of {steps} faces; choose {STEPS[0]} to {STEPS[1]}")
    ends = np.stack([scenes.source(start), scenes.source(end)])
    scenes.check(person)
    first, last = codes(scenes.generator, ends)
    path = torch.lerp(first, last, torch.linspace(0, 1, steps)[:, None])
    made = synthesise(scenes.generator, path, [person], noise(*z)[None])[:, 0, 0]
    read = opinion(scenes.expression_judge, made)
    title = f"person {person}, from {start} to {end}"
    return grids.shown(scenes.corpus, lambda: _walk(scenes, title, made, read))


def _walk(scenes: Scenes, title: str, made: Tensor, read: np.ndarray) -> Figure:
    """Draw what `walk` has found."""
    figure, (axes,) = _walk_ground(len(made)).figure()
    canvas = Canvas(figure)
    canvas.text(LEFT, 18, title)
    step = (canvas.width - LEFT - RIGHT) / len(made)
    side = min(96, int(step) - 2)
    for place, picture in enumerate(augment.pixels(made)):
        canvas.put(picture, LEFT + round((place + 0.5) * step - side / 2), 22, side)
    for label in sorted({*np.flatnonzero(read.max(axis=0) >= SHARE), *read.argmax(axis=1)}):
        look = {"color": PALETTE[label], "marker": MARKERS[label], "label": scenes.classes[label]}
        axes.plot(100 * read[:, label], **look)
    axes.legend(fontsize=FONT, loc="center left", bbox_to_anchor=(1.0, 0.5))
    said = ", ".join(_seen(scenes.classes, each) for each in read)
    figure.set_label(f"the expression judge sees {said}")
    return figure


@lru_cache
def _walk_ground(count: int) -> Ground:
    """Draw the axes of a walk of `count` faces."""
    canvas = Canvas(_empty(316))
    axes = canvas.axes(LEFT, 130, canvas.width - LEFT - RIGHT, 140)
    axes.set(xlim=(-0.5, count - 0.5), ylim=(-3, 103), yticks=(0, 50, 100))
    axes.set_xticks(range(count), [f"{place / (count - 1):.2g}" for place in range(count)])
    axes.set_xlabel("share of the way", fontsize=FONT)
    axes.set_ylabel("expression judge, %", fontsize=FONT)
    axes.tick_params(labelsize=FONT)
    return Ground.of(canvas.figure, axes)


def smiles(generator: Generator, faces: Faces, first: int, lenders: Sequence[int]) -> Figure:
    """Draw BORROWERS real people, from the first on, with the expressions of two lenders.

    `generator` was fine-tuned on the photographs `faces`; ValueError tells of who is not there.
    """
    if wrong := [person for person in (first, *lenders) if not 0 <= person < faces.people]:
        raise ValueError(f"person {wrong[0]}; choose 0 to {faces.people - 1}")
    borrowers = range(first, min(first + BORROWERS, faces.people))
    figure = synthesis_plots.real_people(generator, faces, [*borrowers, *lenders])
    unseen = sorted(set(borrowers) & set(real_people.held_out(faces.people).tolist()))
    names = ", ".join(map(str, unseen)) or "nobody"
    figure.set_label(f"smile never seen by the generator: of {names}")
    figure.add_axes((0, 0, 1, 1)).axis("off")  # Jupyter shows no figure that has no axes
    return figure


def level(eyes: np.ndarray) -> np.ndarray:
    """Return the mean place of many pairs of eyes (..., 2, 2), level and in the middle, (2, 2)."""
    (left, height), (right, other) = eyes.reshape(-1, 2, 2).mean(axis=0)
    half, middle = (right - left) / 2, (height + other) / 2
    return np.array([[0.5 - half, middle], [0.5 + half, middle]])


def usual_eyes() -> np.ndarray:
    """Return where `alignment.align` puts eyes, (2, 2) as fractions of the side."""
    half = alignment.EYE_DISTANCE / 2
    height = alignment.EYE_HEIGHT
    return np.array([[0.5 - half, height], [0.5 + half, height]])


def controls(scenes: Scenes) -> dict[str, Any]:
    """Return the controls of who borrows, and of the noise."""
    noises = {name: (-1.0, 1.0, 0.25) for name in ("noise_1", "noise_2")}
    return {"person": (0, len(scenes.people) - 1, 1), **noises}
