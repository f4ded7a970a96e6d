"""Judges: generators whose merit is known, read by judges that cannot err, and real small ones."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from lib.faces import judges
from lib.faces.classifier import Classifier
from lib.faces.data.corpus import BASIC, EXPRESSIONS, Corpus
from lib.faces.de_gan import Generator
from lib.faces.judges import Judges, TransferScores
from tests.faces.made_up import CLASSES, Painter, Reader, painted, small

PEOPLE = 4
MODEL = small(PEOPLE)
PERFECT = Judges(Reader(0, len(CLASSES)), Reader(1, PEOPLE), CLASSES, PEOPLE, frozenset())


class Copier(Generator):
    """Give every picture back as it was."""

    def forward(self, images: Tensor, identities: Tensor, noise: Tensor) -> Tensor:
        """Return the pictures."""
        return images


class Forgetter(Painter):
    """Paint the person asked for, always with the first expression."""

    def forward(self, images: Tensor, identities: Tensor, noise: Tensor) -> Tensor:
        """Return the pictures with another green and another red."""
        found = super().forward(images, identities, noise).clone()
        found[:, 0] = 3.5 / 127.5 - 1
        return found


def scores(network: type[Generator], known: int = PEOPLE) -> TransferScores:
    """Return what perfect judges see in what a generator makes."""
    return judges.transfer_scores(network(small(known)).eval(), PERFECT, painted(), seed=0)


def test_generators_get_the_scores_that_they_deserve() -> None:
    full = (1, 1, 1, PEOPLE)
    assert judges.ceiling(PERFECT, painted()) == {"expression": full, "identity": full}
    found = scores(Copier)
    assert found.expression == found.leak == full
    assert found.identity == (0, 0, 0, PEOPLE)  # nobody is asked to become who he is
    assert found.confusion.tolist() == (32 * np.eye(3, dtype=int)).tolist()  # 24 sources, 4 each
    found = scores(Painter)
    assert found.expression == found.identity == full and found.leak == (0, 0, 0, PEOPLE)
    found = scores(Forgetter)
    assert found.expression.value == pytest.approx(1 / len(CLASSES))
    assert found.identity.value == 1 and found.confusion.tolist() == [[32, 0, 0]] * 3
    given: list[Tensor] = []

    class Listener(Copier):
        def forward(self, images: Tensor, identities: Tensor, noise: Tensor) -> Tensor:
            given.append(noise)
            return images

    assert scores(Listener).leak == scores(Listener).leak
    first, again = torch.cat(given).chunk(2)
    assert torch.equal(first, again)  # the seed alone draws z, from all that G has met
    assert -1 <= first.min() < -0.9 and 0.9 < first.max() <= 1
    strange = judges.seen(Painter(MODEL).eval(), PERFECT, painted(6), seed=0, strangers=True)
    assert (strange.identity == strange.wanted).all() and set(strange.people) == set(range(6))


def test_identities_are_uniform_and_never_the_sources_own() -> None:
    people = torch.full((30_000,), 2)
    for strangers, expected in ((False, [1 / 3, 1 / 3, 0, 1 / 3]), (True, [1 / 4] * PEOPLE)):
        random = torch.Generator().manual_seed(0)
        drawn = judges.drawn_identities(people, PEOPLE, strangers, random)
        shares = torch.bincount(drawn, minlength=PEOPLE) / len(people)
        assert shares.tolist() == pytest.approx(expected, abs=0.015)


def test_expressions_are_matched_by_name() -> None:
    faces = replace(painted(), classes=("disgust", "anger", "contempt"))
    assert judges.known_expressions(PERFECT, faces)[:6].tolist() == [2, 2, 0, 0, 1, 1]


def test_judges_of_a_corpus_know_what_they_learnt_from() -> None:
    corpus = Corpus("x", "open", painted, painted, painted, range(24, 48), {})
    for classes in (EXPRESSIONS, BASIC):
        networks = [Classifier(small(PEOPLE, len(classes)), count) for count in (7, PEOPLE)]
        found = judges.seated(*networks, corpus)
        assert (found.classes, found.identities) == (classes, PEOPLE)
        assert found.sequences == set(range(24, 48))


KNOWING = replace(PERFECT, sequences=frozenset(range(24)))
OTHERS = replace(painted(), classes=("fear", "disgust", "anger"))
COPIER = Copier(MODEL).eval()


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: judges.ceiling(KNOWING, painted()), "the judges learnt from 24 of these"),
        (lambda: judges.transfer_scores(COPIER, KNOWING, painted(), 0), "learnt from 24 of these"),
        (lambda: judges.ceiling(PERFECT, painted(6)), "has 6 people, the judges know 4"),
        (lambda: judges.transfer_scores(COPIER, PERFECT, painted(6), 0), "DE-GAN learnt 4; say"),
        (lambda: scores(Copier, known=5), "the generator makes 5 people, the judges know 4"),
        (
            lambda: judges.transfer_scores(Generator(MODEL), PERFECT, painted(), 0),
            r"the generator is in training mode; call its eval\(\)",
        ),
        (lambda: judges.ceiling(PERFECT, OTHERS), "shows fear, which the judges never saw"),
    ],
)
def test_what_cannot_be_judged_is_refused(call: Callable[[], object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        call()
