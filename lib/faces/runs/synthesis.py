"""Expressions put on other people (section 3.1 and Fig. 1): who lends, who borrows, what comes too.

Nobody is picked by hand: lenders and borrowers are the first of their sets.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from scipy import stats
from torch import Tensor
from torch.nn import functional as F

from lib.faces import augment, classifier
from lib.faces.classifier import PREDICTED
from lib.faces.data.corpus import BASIC, EXPRESSIONS, NEUTRAL, Corpus, Faces
from lib.faces.de_gan import NOISE, Generator
from lib.faces.judges import Judges
from lib.faces.protocol import Estimate
from lib.faces.render import ict
from lib.faces.render.made import OTHERS
from lib.faces.runs import checkpoints
from lib.faces.runs.profiles import Profile
from lib.runs.rows import Rows

STRANGERS = 12  # people of the recognition set, whom DE-GAN never met
TARGETS = 5  # people DE-GAN learnt, who borrow
CORNER = 1 / 6  # of the side: the two upper corners show the background
CAREFUL = 0.995  # probability below the upper end of an interval over a dozen people
FLAT = 1e-6  # spread of a number that does not change but for rounding


@dataclass(frozen=True, eq=False)
class Cast:
    """Everybody in the pictures of chapter 23, and who makes and judges them.

    `codes` (n, 350) are f(x) of all `strangers`, `chosen` (c,) one of them for each expression.
    `made` (c, people, 3, side, side) puts these on everybody whom DE-GAN learnt, z = 0;
    `recognised` (c, people) is whether a judge names the person asked for.
    """

    profile: Profile
    corpus: Corpus
    generator: Generator
    panel: Judges
    strangers: Faces
    codes: Tensor
    chosen: np.ndarray
    made: Tensor
    recognised: np.ndarray

    @property
    def borrowers(self) -> list[int]:
        """Return the first people DE-GAN learnt."""
        return list(range(min(TARGETS, self.profile.sizes.people)))

    @property
    def names(self) -> list[str]:
        """Return the expressions of the chosen strangers."""
        labels = self.strangers.expressions[self.chosen]
        return [self.strangers.classes[label] for label in labels]


def cast(profile: Profile, corpus: Corpus) -> Cast:
    """Return who lends and who borrows, all transfers among them, and what judges see in these."""
    generator = checkpoints.load(checkpoints.trained("de_gan", profile, corpus))
    panel, lenders = checkpoints.panel(profile, corpus), strangers(profile, corpus)
    chosen, code = one_of_each(lenders), codes(generator, lenders.images)
    people = range(generator.config.identities)
    made = synthesise(generator, code[chosen], people)[:, :, 0]
    seen = panel(made.flatten(0, 1)).identity.argmax(1).unflatten(0, made.shape[:2])
    recognised = (seen == torch.tensor(people)).numpy()
    return Cast(profile, corpus, generator, panel, lenders, code, chosen, made, recognised)


def strangers(profile: Profile, corpus: Corpus) -> Faces:
    """Return the first people for recognition, with every expression."""
    if corpus.rung == "original":
        return first_people(next(iter(corpus.sets.values()))(), range(STRANGERS))
    return rendered(profile, corpus, OTHERS + np.arange(STRANGERS))


def portraits(profile: Profile, corpus: Corpus, people: Sequence[int]) -> np.ndarray:
    """Return a picture of each of some people for pre-training, (n, source, source, 3) uint8.

    Made people look neutral, which they never do in pre-training.
    """
    if corpus.rung == "original":
        found = corpus.pretraining()
        return found.images[[np.flatnonzero(found.identities == each)[0] for each in people]]
    numbers, size = np.asarray(people), augment.source_side(profile.sizes.side)
    plain, zeros = np.full_like(numbers, NEUTRAL), np.zeros_like(numbers)
    return ict.portraits(numbers, plain, zeros, size, profile.sizes.seed)[0]


def rendered(profile: Profile, corpus: Corpus, people: np.ndarray) -> Faces:
    """Return people (n,) with every expression, each in a light and before a wall of its own.

    The pictures are in none of the sets.
    """
    person, label = np.indices((len(people), len(EXPRESSIONS))).reshape(2, -1)
    size = augment.source_side(profile.sizes.side)
    images, _ = ict.portraits(people[person], label, label, size, profile.sizes.seed)
    columns = label, people[person] % OTHERS, ict.NEW + label, np.zeros_like(label)
    return Faces(corpus.name, corpus.rung, images, *columns, EXPRESSIONS)


def first_people(faces: Faces, people: Sequence[int]) -> Faces:
    """Return the middle picture of each basic expression that each of some people shows.

    Sets that are read have no contempt to pre-train on (BU-4DFE).
    """
    classes = tuple(name for name in faces.classes if name in BASIC)
    rows, labels = [], []
    for person in people:
        for label, name in enumerate(classes):
            own = faces.middle(person, faces.classes.index(name)).tolist()
            rows += own
            labels += [label] * len(own)
    taken = faces.take(np.array(rows, dtype=np.int64))
    return replace(taken, expressions=np.array(labels, dtype=np.int64), classes=classes)


def one_of_each(faces: Faces) -> np.ndarray:
    """Return the row of the first picture of each expression that shows a person not used before.

    Where all who show one are used, the first again; what nobody shows is left out.
    """
    rows = list[int]()
    for label in range(len(faces.classes)):
        shown = np.flatnonzero(faces.expressions == label)
        unused = shown[~np.isin(faces.identities[shown], faces.identities[rows])]
        rows += (unused if len(unused) else shown)[:1].tolist()
    return np.array(rows, dtype=np.int64)


def codes(generator: Generator, images: np.ndarray | Rows) -> Tensor:
    """Return f(x) of pictures (n, source, source, 3) uint8, (n, 350)."""
    return classifier.predict(generator.encoder, images)


@torch.no_grad()
def synthesise(
    generator: Generator, code: Tensor, people: Sequence[int], z: Tensor | None = None
) -> Tensor:
    """Return G_de(f(x), I, z): every code on every person with every noise.

    Args:
        generator: of DE-GAN.
        code: f(x), (n, 350).
        people: the m identities wanted.
        z: (d, 50); by default once 0, the middle of its range.

    Returns:
        (n, m, d, 3, side, side) in [-1, 1].
    """
    identity = F.one_hot(torch.tensor(people), generator.config.identities).float()
    z = torch.zeros(1, NOISE) if z is None else z
    shape = len(code), len(identity), len(z)
    rows = torch.cartesian_prod(*map(torch.arange, shape))  # (n m d, 3)
    parts = [
        generator.decoder(code[n], identity[m], z[d])
        for n, m, d in (part.unbind(1) for part in rows.split(PREDICTED))
    ]
    return torch.cat(parts).unflatten(0, shape)


def crossed(columns: np.ndarray, rows: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Return pictures (m,) above and (n,) left of those (n, m) they led to, (n + 1, m + 1).

    Each is (side, side, 3) uint8; the one in the corner is white.
    """
    above = np.concatenate([np.full_like(columns[:1], 255), columns])
    return np.concatenate([above[None], np.concatenate([rows[:, None], inner], axis=1)])


def looks(images: Tensor) -> dict[str, np.ndarray]:
    """Return four numbers (...) that tell of light and background, by name; white is 1, black 0.

    `images` are (..., 3, side, side) in [-1, 1].
    """
    side = images.shape[-1]
    edge, quarter = max(1, round(side * CORNER)), side // 4
    pixels = (images.double() + 1) / 2
    top = pixels[..., :edge, :]
    wall = torch.cat([top[..., :edge], top[..., side - edge :]], dim=-1).mean(dim=(-2, -1))
    face = pixels[..., quarter : side - quarter, quarter : side - quarter].mean(dim=(-3, -2))
    half = face.shape[-1] // 2
    found = {
        "brightness of the face": face.mean(-1),
        "face: left less right half": face[..., :half].mean(-1) - face[..., -half:].mean(-1),
        "brightness of the background": wall.mean(-1),
        "background: red less blue": wall[..., 0] - wall[..., 2],
    }
    return {name: values.numpy() for name, values in found.items()}


class Trace(NamedTuple):
    """Of a number read off synthesised pictures: its correlation with the source's, and the share
    of its variance, among pictures of one person, that is owed to z; 0 if it never changes."""

    follows: Estimate
    by_z: Estimate


def light(generator: Generator, faces: Faces, seed: int = 0) -> dict[str, Trace]:
    """Return what `traced` finds where faces are put on two people, with four draws of z each."""
    z = torch.rand(4, NOISE, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    made = synthesise(generator, codes(generator, faces.images), range(2), z)
    return traced(augment.centre(faces.images), made, faces.identities)


def traced(sources: Tensor, made: Tensor, people: np.ndarray) -> dict[str, Trace]:
    """Return by name for each of `looks` what is the source's and what z's, over people (n,).

    `sources` are (n, 3, side, side) in [-1, 1], `made` (n, m, d, 3, side, side) from them for m
    people with d draws of z.
    """
    before, after, found = looks(sources), looks(made), {}
    for name, values in after.items():
        pairs = np.stack([before[name], values.mean(axis=(1, 2))])
        both = (partial(_correlation, pairs), partial(_share_of_z, values))
        found[name] = Trace(*(_over_people(each, people) for each in both))
    return found


def _correlation(pairs: np.ndarray, rows: np.ndarray) -> float:
    """Return the correlation of both numbers (2, n) in some of the n."""
    some = pairs[:, rows]
    return float(np.corrcoef(some)[0, 1]) if some.std(axis=1).min() > FLAT else 0.0


def _share_of_z(values: np.ndarray, rows: np.ndarray) -> float:
    """Return which share of the variance of (n, m, d), in some of the n, lies among the d."""
    some = values[rows]
    whole = some.var(axis=(0, 2)).mean()
    return float(some.var(axis=2).mean() / whole) if whole > FLAT**2 else 0.0


def _over_people(statistic: Callable[[np.ndarray], float], people: np.ndarray) -> Estimate:
    """Return a number of all rows, with its interval from a jackknife over the people in them.

    It leaves out one person after the other. Of a dozen, Student's interval of the pseudo-values
    covers nine times in ten instead of 95 in 100; so that of 99 % is taken.
    """
    persons, rows = np.unique(people), np.arange(len(people))
    n, whole = len(persons), statistic(rows)
    pseudo = [n * whole - (n - 1) * statistic(rows[people != person]) for person in persons]
    half = stats.t.ppf(CAREFUL, n - 1) * stats.sem(pseudo)
    return Estimate(whole, np.mean(pseudo) - half, np.mean(pseudo) + half, n)


def compare(first: Mapping[str, float], second: Mapping[str, float]) -> str:
    """Return in words how one estimate compares with another; they differ where intervals part."""
    if first["low"] > second["high"]:
        return "more often than"
    if first["high"] < second["low"]:
        return "less often than"
    return "as often, as far as the intervals tell, as"


def by_how_much(difference: Estimate) -> str:
    """Return in words how one probe compares with another, from their difference on the same."""
    value, low, high = (100 * each for each in difference[:3])
    if low <= 0 <= high:
        interval = f"({low:+.1f} to {high:+.1f})"
        return f"no more or less often, as far as the interval tells {interval}, than"
    low, high = sorted((abs(low), abs(high)))
    direction = "more" if value > 0 else "less"
    return f"{abs(value):.1f} points ({low:.1f} to {high:.1f}) {direction} often than"


def commonest(*counts: Sequence[Sequence[int]]) -> tuple[int, int, float]:
    """Return the commonest confusion by asked (rows) and seen (columns): both, and its share."""
    table = np.sum(counts, axis=0, dtype=np.float64)
    table /= np.maximum(table.sum(axis=1, keepdims=True), 1)
    wrong = table - np.diag(table.diagonal())
    asked, seen = divmod(int(wrong.argmax()), len(wrong))
    return asked, seen, float(wrong.max())
