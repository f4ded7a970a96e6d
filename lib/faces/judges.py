"""Whose face is it, and what does it show? Judges who had no part in the training of DE-GAN.

The discriminator cannot say how good the generator is: the generator was trained to please it. Two
plain classifiers, trained on other pictures of the same people, can (section 1: the synthetic image
has the source's expression and the identity of the code).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lib.faces import augment
from lib.faces.classifier import PREDICTED, Classifier
from lib.faces.data.corpus import BASIC, EXPRESSIONS, Corpus, Faces
from lib.faces.de_gan import NOISE, Generator
from lib.faces.protocol import Estimate, share
from lib.runs.rows import take

Network = Callable[[Tensor], Tensor]  # from pictures (batch, 3, side, side) to logits


class Verdict(NamedTuple):
    """Logits: `expression` (n, classes) and `identity` (n, identities)."""

    expression: Tensor
    identity: Tensor


@dataclass(frozen=True, eq=False)
class Judges:
    """One network that tells expressions apart, one that tells people apart.

    `classes` and `identities` are what they know; `sequences` which pictures they learnt from.
    """

    expression: Network
    identity: Network
    classes: tuple[str, ...]
    identities: int
    sequences: frozenset[int]

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Verdict:
        """Return what they say of pictures (n, 3, side, side) in [-1, 1]."""
        parts = images.split(PREDICTED)
        networks = (self.expression, self.identity)
        return Verdict(*(torch.cat([net(part).float() for part in parts]) for net in networks))


def seated(expression: Classifier, identity: Classifier, corpus: Corpus) -> Judges:
    """Return two stored classifiers as judges of a corpus."""
    config = expression.config
    classes = EXPRESSIONS if config.expressions == len(EXPRESSIONS) else BASIC
    sequences = frozenset(corpus.judging_sequences)
    return Judges(expression, identity, classes, config.identities, sequences)


def ceiling(judges: Judges, faces: Faces) -> dict[str, Estimate]:
    """Return how often the judges are right about real pictures: what a perfect DE-GAN would score.

    Shares for "expression" and "identity", with bootstraps over people.

    Raises:
        ValueError: the judges learnt from some of these pictures, or do not know the people.
    """
    _check_new(judges, faces)
    if faces.people > judges.identities:
        raise ValueError(
            f"{faces.name} has {faces.people} people, the judges know {judges.identities}; "
            "take a set of the same people"
        )
    parts = torch.arange(len(faces.images)).split(PREDICTED)
    read = [judges(augment.centre(take(faces.images, part))) for part in parts]
    expressions = torch.cat([verdict.expression.argmax(1) for verdict in read]).numpy()
    identities = torch.cat([verdict.identity.argmax(1) for verdict in read]).numpy()
    hits = {
        "expression": expressions == known_expressions(judges, faces),
        "identity": identities == faces.identities,
    }
    return {name: share(faces.identities, right) for name, right in hits.items()}


class TransferScores(NamedTuple):
    """What the judges see in synthesised pictures, as shares with bootstraps over source people.

    `expression` and `identity` are the shares with the expression and the identity asked for,
    `leak` the share taken for the person in the source. `confusion`: see there.
    """

    expression: Estimate
    identity: Estimate
    leak: Estimate
    confusion: np.ndarray


class Seen(NamedTuple):
    """What the judges see in made pictures, and what was asked for, (n,) int64 each."""

    people: np.ndarray
    asked: np.ndarray
    expression: np.ndarray
    wanted: np.ndarray
    identity: np.ndarray


def transfer_scores(
    generator: Generator, judges: Judges, sources: Faces, seed: int, per_source: int = 4
) -> TransferScores:
    """Return what the judges see in pictures made from sources of the people they know.

    All pictures made from one person's sources stay together in the bootstrap. See `seen`.
    """
    found = seen(generator, judges, sources, seed, per_source)
    persons = found.people
    return TransferScores(
        share(persons, found.expression == found.asked),
        share(persons, found.identity == found.wanted),
        share(persons, found.identity == persons),
        confusion(found, len(judges.classes)),
    )


def confusion(found: Seen, classes: int) -> np.ndarray:
    """Return how many pictures there are by expression asked for (rows) and seen (columns)."""
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (found.asked, found.expression), 1)
    return table


def seen(
    generator: Generator,
    judges: Judges,
    sources: Faces,
    seed: int,
    per_source: int = 4,
    *,
    strangers: bool = False,
) -> Seen:
    """Return what the judges see in pictures made from sources, for identities drawn uniformly.

    Nobody is asked to become who he is. The sources are new to judges and generator, `seed` is of
    identities and noise, and `strangers` says that the sources show people DE-GAN did not learn.
    """
    if not strangers:
        _check_new(judges, sources)
    _check_people(generator, judges, sources, strangers)
    random = torch.Generator().manual_seed(seed)
    rows = torch.arange(len(sources.images)).repeat_interleave(per_source)
    people = torch.from_numpy(sources.identities)[rows]
    wanted = drawn_identities(people, judges.identities, strangers, random)
    read = _read(generator, judges, sources, rows, wanted, random)
    asked = known_expressions(judges, sources)[rows.numpy()]
    return Seen(people.numpy(), asked, read[0], wanted.numpy(), read[1])


def drawn_identities(
    people: Tensor, identities: int, strangers: bool, random: torch.Generator
) -> Tensor:
    """Return an identity for each source (n,), uniform over all or all but the source's own."""
    if strangers:
        return torch.randint(identities, people.shape, generator=random)
    return (people + torch.randint(1, identities, people.shape, generator=random)) % identities


def known_expressions(judges: Judges, faces: Faces) -> np.ndarray:
    """Return the expressions of a set as the judges number them, (n,) int64."""
    if unknown := [name for name in faces.classes if name not in judges.classes]:
        raise ValueError(f"{faces.name} shows {unknown[0]}, which the judges never saw")
    return np.array([judges.classes.index(name) for name in faces.classes])[faces.expressions]


@torch.no_grad()
def _read(
    generator: Generator,
    judges: Judges,
    sources: Faces,
    rows: Tensor,
    wanted: Tensor,
    random: torch.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the expression and the identity seen in a picture of each row, (n,) int64 each."""
    expressions, identities = [], []
    for part in torch.arange(len(rows)).split(PREDICTED):
        pictures = augment.centre(take(sources.images, rows[part]))
        noise = torch.rand(len(part), NOISE, generator=random) * 2 - 1
        verdict = judges(generator(pictures, wanted[part], noise))
        expressions.append(verdict.expression.argmax(1))
        identities.append(verdict.identity.argmax(1))
    return torch.cat(expressions).numpy(), torch.cat(identities).numpy()


def _check_new(judges: Judges, faces: Faces) -> None:
    if both := judges.sequences & set(faces.sequences.tolist()):
        raise ValueError(
            f"{faces.name}: the judges learnt from {len(both)} of these sequences; make the set "
            "with a first_sequence beyond theirs"
        )


def _check_people(generator: Generator, judges: Judges, sources: Faces, strangers: bool) -> None:
    if any(module.training for module in generator.modules()):  # it would learn from the pictures
        raise ValueError("the generator is in training mode; call its eval() first")
    made = generator.config.identities
    if made != judges.identities or made < 2:
        raise ValueError(
            f"the generator makes {made} people, the judges know {judges.identities}; train both "
            "on the same, two at least"
        )
    if not strangers and sources.people > made:
        raise ValueError(
            f"{sources.name} has {sources.people} people, DE-GAN learnt {made}; say that they are "
            "strangers"
        )
