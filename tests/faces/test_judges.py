"""Judges: generators whose merit is known, read by judges that cannot err, and real small ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lib.faces import classifier, judges
from lib.faces.classifier import PREDICTED, Classifier, ClassifierConfig
from lib.faces.data import datasets
from lib.faces.data.corpus import Faces, Requests
from lib.faces.de_gan import Generator, ModelConfig
from lib.faces.judges import Judges
from lib.faces.runs import checkpoints
from lib.faces.runs.profiles import PROFILES

pytestmark = pytest.mark.usefixtures("one_thread")
CLASSES = ("fear", "happiness", "surprise")
PEOPLE, SIDE, SIZE = 4, 32, 36
STEP = 70  # grey levels between two expressions (red) or two people (green)
MODEL = ModelConfig(identities=PEOPLE, expressions=len(CLASSES), side=SIDE, width=0.125)


def painted(frames: int = 2, first_sequence: int = 0, people: int = PEOPLE) -> Faces:
    """Return faces whose red is their expression and whose green is the person, a little noisy."""
    identities, labels, _ = np.indices((people, len(CLASSES), frames)).reshape(3, -1)
    count = len(identities)
    images = np.random.default_rng(first_sequence).integers(0, 20, (count, SIZE, SIZE, 3))
    images[..., 0] += STEP * labels[:, None, None] + 10
    images[..., 1] += STEP * identities[:, None, None] + 10
    sequences = first_sequence + np.arange(count)
    zeros = np.zeros_like(labels)
    pictures = images.astype(np.uint8)
    return Faces("painted", "open", pictures, labels, identities, sequences, zeros, CLASSES)


def read(channel: int, count: int, pictures: Tensor) -> Tensor:
    """Return logits of what a channel shows."""
    level = (pictures[:, channel].mean(dim=(1, 2)) + 1) * 127.5
    return F.one_hot(((level - 20) / STEP).round().long().clamp(0, count - 1), count).float()


def perfect() -> Judges:
    """Return judges that read the colours."""
    return Judges(
        lambda pictures: read(0, len(CLASSES), pictures),
        lambda pictures: read(1, PEOPLE, pictures),
        CLASSES,
        PEOPLE,
        frozenset(),
    )


class Copier(Generator):
    """Give every picture back as it was."""

    def forward(self, images: Tensor, identities: Tensor, noise: Tensor) -> Tensor:
        """Return the pictures."""
        return images


class Painter(Generator):
    """Keep the expression and paint the person asked for."""

    def forward(self, images: Tensor, identities: Tensor, noise: Tensor) -> Tensor:
        """Return the pictures with another green."""
        green = (STEP * identities.float() + 20) / 127.5 - 1
        shape = images[:, 1].shape
        return torch.stack([images[:, 0], green[:, None, None].expand(shape), images[:, 2]], dim=1)


class Forgetter(Painter):
    """Paint the person asked for, always with the first expression."""

    def forward(self, images: Tensor, identities: Tensor, noise: Tensor) -> Tensor:
        """Return the pictures with another green and another red."""
        found = super().forward(images, identities, noise).clone()
        found[:, 0] = 20 / 127.5 - 1
        return found


def test_who_copies_keeps_the_expression_and_leaks_the_person() -> None:
    found = judges.transfer_scores(Copier(MODEL).eval(), perfect(), painted(), seed=0)
    assert found.expression == (1, 1, 1, PEOPLE)
    assert found.leak == (1, 1, 1, PEOPLE)
    assert found.identity == (0, 0, 0, PEOPLE)  # nobody is asked to become who he is
    assert found.confusion.tolist() == (32 * np.eye(3, dtype=int)).tolist()  # 24 sources, 4 each


def test_who_paints_the_target_scores_fully_without_a_leak() -> None:
    found = judges.transfer_scores(Painter(MODEL).eval(), perfect(), painted(), seed=0)
    assert found.expression == found.identity == (1, 1, 1, PEOPLE)
    assert found.leak == (0, 0, 0, PEOPLE)


def test_who_forgets_the_expression_is_right_at_chance() -> None:
    generator = Forgetter(MODEL).eval()
    found = judges.transfer_scores(generator, perfect(), painted(), seed=0, per_source=2)
    assert found.expression.value == pytest.approx(1 / len(CLASSES))
    assert found.identity.value == 1
    assert found.confusion.tolist() == [[16, 0, 0]] * 3


def test_strangers_can_become_anyone_and_have_no_leak() -> None:
    strangers = painted(people=6)
    found = judges.transfer_scores(Painter(MODEL).eval(), perfect(), strangers, 0, strangers=True)
    assert found.leak is None and found.identity == (1, 1, 1, 6)


def test_identities_are_uniform_and_never_the_sources_own() -> None:
    random = torch.Generator().manual_seed(0)
    people = torch.full((30_000,), 2)
    drawn = judges.drawn_identities(people, PEOPLE, False, random)
    shares = torch.bincount(drawn, minlength=PEOPLE) / len(people)
    assert shares.tolist() == pytest.approx([1 / 3, 1 / 3, 0, 1 / 3], abs=0.015)
    drawn = judges.drawn_identities(people, PEOPLE, True, random)
    shares = torch.bincount(drawn, minlength=PEOPLE) / len(people)
    assert shares.tolist() == pytest.approx([1 / 4] * PEOPLE, abs=0.015)


def test_scores_follow_the_seed_alone() -> None:
    generator = Generator(MODEL).eval()
    first, again, other = (
        judges.transfer_scores(generator, perfect(), painted(), seed) for seed in (0, 0, 1)
    )
    assert first.identity == again.identity
    assert (first.confusion == again.confusion).all()
    assert first.leak is not None and other.leak is not None


def test_expressions_are_matched_by_name() -> None:
    faces = replace(painted(), classes=("surprise", "fear", "happiness"))
    assert judges.known_expressions(perfect(), faces)[:6].tolist() == [2, 2, 0, 0, 1, 1]
    with pytest.raises(ValueError, match="painted shows disgust, which the judges never saw"):
        judges.known_expressions(perfect(), replace(faces, classes=("fear", "disgust", "anger")))


def test_small_judges_learn_what_is_plain_and_are_judged_themselves() -> None:
    config = ClassifierConfig(steps=150, batch=12, learning_rate=2e-3)
    faces, networks = painted(), []
    columns = (faces.expressions, len(CLASSES)), (faces.identities, PEOPLE)
    for seed, (labels, count) in enumerate(columns):
        network = Classifier(MODEL, count)
        classifier.fit(network, F.cross_entropy, faces.images, labels, config, seed)
        networks.append(network.requires_grad_(False))
    trained = Judges(*networks, CLASSES, PEOPLE, frozenset(faces.sequences.tolist()))
    found = judges.ceiling(trained, painted(first_sequence=1000))
    assert found["expression"].value >= 0.8 and found["identity"].value >= 0.8
    verdict = trained(torch.zeros(3, 3, SIDE, SIDE))
    assert verdict.expression.shape == (3, 3) and verdict.identity.shape == (3, PEOPLE)
    with pytest.raises(ValueError, match="painted: the judges learnt from 24 of these sequences"):
        judges.ceiling(trained, painted())
    with pytest.raises(ValueError, match="make the set with a first_sequence beyond theirs"):
        judges.transfer_scores(Copier(MODEL).eval(), trained, painted(), seed=0)


def test_a_profiles_judges_are_trained_once_and_know_what_they_learnt_from(
    asked: list[Requests], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(checkpoints, "CACHE", tmp_path)
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path / "none")
    profile = PROFILES["smoke"]
    corpus = datasets.load("ict", profile.sizes)
    found = checkpoints.panel(profile, corpus)
    learnt = corpus.judging()
    assert found.sequences == set(learnt.sequences.tolist())
    assert not found.sequences & set(corpus.pretraining().sequences.tolist())
    assert not found.sequences & set(corpus.held_out().sequences.tolist())
    assert (found.classes, found.identities) == (learnt.classes, learnt.people)
    monkeypatch.setattr(checkpoints, "train", lambda *arguments: pytest.fail("trained again"))
    assert judges.ceiling(found, corpus.held_out()) == judges.ceiling(
        checkpoints.panel(profile, corpus), corpus.held_out()
    )


def test_a_picture_left_over_is_judged_as_all_others() -> None:
    networks = [Classifier(MODEL, count).eval() for count in (len(CLASSES), PEOPLE)]
    panel = Judges(*networks, CLASSES, PEOPLE, frozenset())
    pictures = torch.rand(PREDICTED + 1, 3, SIDE, SIDE) * 2 - 1
    for together, alone in zip(panel(pictures), panel(pictures[-1:]), strict=True):
        assert len(together) == PREDICTED + 1
        torch.testing.assert_close(together[-1:], alone, rtol=0, atol=1e-5)


def test_perfect_judges_reach_the_ceiling() -> None:
    found = judges.ceiling(perfect(), painted())
    assert found == {"expression": (1, 1, 1, PEOPLE), "identity": (1, 1, 1, PEOPLE)}


def test_other_people_are_refused() -> None:
    with pytest.raises(ValueError, match="painted has 6 people, the judges know 4"):
        judges.ceiling(perfect(), painted(people=6))
    with pytest.raises(ValueError, match="painted has 6 people, DE-GAN learnt 4; say that they"):
        judges.transfer_scores(Copier(MODEL).eval(), perfect(), painted(people=6), seed=0)
    more = Copier(replace(MODEL, identities=5)).eval()
    with pytest.raises(ValueError, match="the generator makes 5 people, the judges know 4"):
        judges.transfer_scores(more, perfect(), painted(), seed=0)


def test_a_generator_in_training_mode_is_refused_and_left_as_it_is() -> None:
    generator = Generator(MODEL)  # as it is built
    with pytest.raises(ValueError, match=r"the generator is in training mode; call its eval\(\)"):
        judges.transfer_scores(generator, perfect(), painted(), seed=0)
    counts = [value for name, value in generator.named_buffers() if name.endswith("tracked")]
    assert counts and not any(map(int, counts))
