"""The laboratory: an idea trains as the book does but for itself, is kept, or refused in a line."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lib.faces import augment, gan_training
from lib.faces.data.corpus import EXPRESSIONS, Faces
from lib.faces.de_gan import Discriminator, Generator, Judgement, ModelConfig
from lib.faces.figures import training_plots
from lib.faces.judges import Judges
from lib.faces.runs import laboratory
from lib.faces.runs.laboratory import BORROWERS, SHOWN, Idea, Laboratory
from lib.faces.runs.profiles import PROFILES
from tests.faces.made_up import Reader, columns, painted

pytestmark = pytest.mark.usefixtures("no_open_figures")
PEOPLE = 6  # of fewer, a draw may hold nobody but one, who lends to himself
GAN = replace(PROFILES["smoke"].gan, steps=4, intervals=2, warm_up=1)


def shown(first: int) -> Faces:
    """Return painted faces that show what the laboratory knows."""
    labels, *others = columns(PEOPLE, len(SHOWN), 2, first)
    some = painted(PEOPLE, 2, first)
    images = np.resize(some.images[:], (len(labels), *some.images.shape[1:]))
    return Faces("painted", "open", images, labels, *others, SHOWN)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Laboratory:
    """Give a laboratory with painted faces and judges who read colours."""
    monkeypatch.setenv("BOOK_RESULTS", str(tmp_path))
    panel = Judges(Reader(0, 4), Reader(1, PEOPLE, PEOPLE), SHOWN, PEOPLE, frozenset())
    model = ModelConfig(PEOPLE, len(SHOWN), 32, 0.125)
    return Laboratory(shown(0), shown(100), model, GAN, panel, {"judge": "colours"})


def anybody(fake: Judgement, wanted: gan_training.Labels) -> Tensor:
    """Return the book's loss of G without its second term."""
    blind = fake._replace(identity=torch.zeros_like(fake.identity))
    return gan_training.generator_loss(blind, wanted)


def test_the_unchanged_idea_is_the_books_own_training_to_the_bit(place: Laboratory) -> None:
    book = gan_training.train(place.model, GAN, place.learnt, 0).generator.state_dict()
    same = laboratory.trained(Idea(), place, GAN, 0).state_dict()
    other = laboratory.trained(Idea(generator_loss=anybody), place, GAN, 0).state_dict()
    assert all(torch.equal(book[name], same[name]) for name in book)
    assert not all(torch.equal(book[name], other[name]) for name in book)


def test_an_idea_is_kept_by_code_seed_and_switches(
    place: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Idea] = []
    train = laboratory.trained

    def counted(idea: Idea, *rest: Any) -> Generator:
        begun.append(idea)
        return train(idea, *rest)

    monkeypatch.setattr(laboratory, "trained", counted)
    first = laboratory.tried(Idea(generator_loss=anybody), place)
    again = laboratory.tried(Idea(generator_loss=anybody), place)
    assert again.metrics == first.metrics and len(begun) == 1

    def anybody_else(fake: Judgement, wanted: gan_training.Labels) -> Tensor:
        return 2 * anybody(fake, wanted)

    laboratory.tried(Idea(generator_loss=anybody_else), place)
    laboratory.tried(Idea(generator_loss=anybody, changes={"own_identity": 0.0}), place)
    laboratory.tried(Idea(generator_loss=anybody), place, seed=1)
    assert len(begun) == 4


class Narrow(Generator):
    """Paint half of a picture."""

    def forward(self, images: Tensor, identities: Tensor, noise: Tensor) -> Tensor:
        """Return it."""
        return super().forward(images, identities, noise)[..., :16]


class Mute(Discriminator):
    """Know no fakes."""

    def forward(self, images: Tensor) -> Judgement:
        """Return one answer too few."""
        said = super().forward(images)
        return said._replace(expression=said.expression[:, :-1])


def nothing(fake: Judgement, wanted: gan_training.Labels) -> Tensor:
    """Return what is no number."""
    return fake.identity.mean() * torch.nan


def each(real: Judgement, fake: Judgement, labels: gan_training.Labels) -> Tensor:
    """Return a loss for each picture."""
    return fake.expression.mean(dim=1)


def wrong(fake: Judgement, wanted: gan_training.Labels) -> Tensor:
    """Ask for what is not there."""
    raise KeyError("expresion")


@pytest.mark.parametrize(
    ("idea", "complaint"),
    [
        (Idea(generator=Narrow), r"the generator gives \(8, 3, 32, 16\) instead of \(8, 3, 32, 32"),
        (Idea(discriminator=Mute), r"D on expressions gives \(8, 4\) instead of \(8, 5\)"),
        (Idea(discriminator_loss=each), r"the loss of D gives \(8,\) instead of \(\)"),
        (Idea(generator_loss=nothing), "FloatingPointError.*nan"),
        (Idea(generator_loss=wrong), "KeyError: 'expresion'; look at its cell"),
    ],
)
def test_what_cannot_be_is_one_line(idea: Idea, complaint: str, place: Laboratory) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        laboratory.tried(idea, place)
    assert "\n" not in str(caught.value)


def test_what_has_no_code_or_no_switch_is_refused_before_anything_runs() -> None:
    for loss in (lambda fake, wanted: fake.identity.mean(), partial(anybody)):
        with pytest.raises(ValueError, match="generator_loss: write it with def or class"):
            Idea(generator_loss=loss)
    with pytest.raises(ValueError, match="GANConfig has no 'noise'; change any of: steps"):
        Idea(changes={"noise": 0})


def test_judges_choose_among_what_is_known_in_pictures_of_any_side() -> None:
    class Sized(nn.Module):
        config = ModelConfig(PEOPLE, len(EXPRESSIONS), 48)

        def forward(self, pictures: Tensor) -> Tensor:
            assert pictures.shape[2:] == (48, 48)
            return torch.arange(7.0).repeat(len(pictures), 1)

    panel = Judges(Sized(), Sized(), EXPRESSIONS, 7, frozenset())
    said = laboratory.among(panel, 3)(torch.zeros(2, 3, 32, 32))
    assert said.expression.tolist() == [[EXPRESSIONS.index(name) for name in SHOWN]] * 2
    assert said.identity.tolist() == [[0, 1, 2]] * 2


def test_faces_are_kept_and_drawn_beside_the_books(place: Laboratory) -> None:
    found = laboratory.beside({"anybody": Idea(generator_loss=anybody)}, place)
    generator = laboratory.trained(Idea(generator_loss=anybody), place, GAN, 0)
    rows = laboratory.portraits(place.held_out, laboratory.LENDER)
    lent = augment.centre(place.held_out.take(rows).images)
    with torch.no_grad():
        made = [generator(lent, torch.full((4,), each), torch.zeros(4, 50)) for each in BORROWERS]
    kept = laboratory.faces_of(found["anybody"])
    np.testing.assert_array_equal(kept, augment.pixels(torch.cat(made)))
    texts = {text.get_text() for text in training_plots.ideas(found, place.held_out).texts}
    assert {laboratory.BESIDE, "anybody", "anger\non person 1"} <= texts
