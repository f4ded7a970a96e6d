"""Probes: what was planted in codes is found, what was left out is not."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import nn

from lib.faces import augment, probes
from lib.faces.data.corpus import EXPRESSIONS, Faces
from lib.faces.de_gan import ModelConfig, Trunk

PEOPLE, FRAMES = 40, 2
MODEL = ModelConfig(identities=3, expressions=7, side=32, width=0.125)


def faces() -> Faces:
    """Return 40 people who show each of three expressions in two sequences of two frames."""
    person, label, sequence, frame = np.indices((PEOPLE, 3, 2, FRAMES)).reshape(4, -1)
    pictures = np.zeros((len(person), 1, 1, 3), dtype=np.uint8)
    sequences = (person * 3 + label) * 2 + sequence
    return Faces("codes", "open", pictures, label, person, sequences, frame, EXPRESSIONS[:3])


def codes(expression: float, identity: float, sequence: float = 0, seed: int = 0) -> np.ndarray:
    """Return codes (n, 30) of these faces with so much of each in them, and noise of size 1."""
    generator, found = np.random.default_rng(seed), faces()
    return (
        expression * generator.standard_normal((3, 30))[found.expressions]
        + identity * generator.standard_normal((PEOPLE, 30))[found.identities]
        + sequence * generator.standard_normal((PEOPLE * 6, 30))[found.sequences]
        + generator.standard_normal((len(found.identities), 30))
    )


def test_what_only_frames_of_one_sequence_share_is_no_identity() -> None:
    values = codes(expression=0, identity=0, sequence=5)
    assert probes.identity(values, faces()).accuracy.value < 2 / PEOPLE
    places = faces().frames  # cut through the sequences, the same code seems to know people
    leaky = probes._crossed(values, faces().identities, places)
    assert (leaky == faces().identities).mean() > 0.4


def test_a_probe_of_two_gaussians_is_nearly_as_good_as_can_be() -> None:
    generator = np.random.default_rng(0)
    labels = np.arange(8000) % 2
    values = generator.standard_normal((8000, 3)) + 0.8 * (2 * labels[:, None] - 1)
    values *= [1e-15, 1, 1e15]  # units do not matter
    read = probes.probe(values[:4000], labels[:4000], values[4000:])
    best = norm.cdf(0.8 * np.sqrt(3))
    assert (read == labels[4000:]).mean() == pytest.approx(best, abs=0.012)


def test_halves_keep_sequences_together_and_leave_single_ones_out() -> None:
    every = faces()
    few = every.take(np.flatnonzero((every.identities > 0) | (every.sequences == 0)))
    halves = probes.sequence_halves(few, np.random.default_rng(0))
    assert (halves[few.identities == 0] == -1).all()
    for person in range(1, PEOPLE):
        own = few.identities == person
        for sequence in np.unique(few.sequences[own]):
            assert len(set(halves[own & (few.sequences == sequence)])) == 1
        assert np.bincount(halves[own]).tolist() == [6, 6]  # three sequences of two frames each
    known = probes.identity(codes(0, 2)[: len(few.identities)], few)
    assert known.accuracy.n == PEOPLE - 1 and known.chance == 1 / (PEOPLE - 1)


def test_features_are_means_of_the_maps() -> None:
    trunk = Trunk(MODEL, MODEL.code).eval()
    images = np.random.default_rng(0).integers(0, 256, (5, 36, 36, 3), dtype=np.uint8)
    pictures = augment.centre(torch.from_numpy(images))
    with torch.no_grad():
        maps, code = trunk.maps(pictures), trunk(pictures)
    found = probes.features(nn.Sequential(trunk), images)
    assert list(found) == ["pixels", "map 1", "map 2", "map 3", "f(x)"]
    np.testing.assert_allclose(found["f(x)"], code.numpy(), rtol=1e-6, atol=1e-8)
    for name, each in zip(("map 1", "map 2", "map 3"), maps[:3], strict=True):
        np.testing.assert_allclose(
            found[name], each.numpy().mean(axis=(2, 3)), rtol=1e-4, atol=1e-8
        )
    blocks = pictures.numpy().reshape(5, 3, 8, 4, 8, 4).mean(axis=(3, 5)).reshape(5, -1)
    np.testing.assert_allclose(found["pixels"], blocks, rtol=1e-4, atol=1e-6)


def test_what_was_planted_in_a_code_is_found_alone_and_counted_by_person() -> None:
    values = codes(expression=2, identity=0)
    knows, blind = probes.expression(values, faces()), probes.identity(values, faces())
    assert knows.accuracy.value > 0.99 and knows.chance == pytest.approx(1 / 3)
    assert knows.images.tolist() == [12] * PEOPLE and (knows.hits <= knows.images).all()
    assert knows.accuracy.value == knows.hits.sum() / knows.images.sum()
    assert blind.accuracy.low <= blind.chance == 1 / PEOPLE
    assert blind.accuracy.value < 2 / PEOPLE and blind.accuracy.n == PEOPLE
    values = codes(expression=0, identity=2)
    assert probes.identity(values, faces()).accuracy.value > 0.99
    blind = probes.expression(values, faces())
    assert blind.accuracy.low < 1 / 3 < blind.accuracy.high
    known = faces()  # what a person's smiles alone share is no smile to who does not know them
    own = np.random.default_rng(0).standard_normal((3 * PEOPLE, 30))
    own = 5 * own[3 * known.identities + known.expressions]
    blind = probes.expression(own + codes(0, 0), known)
    assert blind.accuracy.low < 1 / 3 < blind.accuracy.high
    few = known.take(np.flatnonzero((known.expressions == 2) | (known.identities < 20)))
    assert probes.expression(own[: len(few.images)], few).chance == pytest.approx(1 / 2)


def test_what_cannot_be_probed_is_refused() -> None:
    values, every = codes(1, 1), faces()
    with pytest.raises(ValueError, match="a probe tells labels apart; give images with two of"):
        probes.probe(values, np.zeros(len(values), dtype=np.int64), values)
    once = replace(every, sequences=every.identities)
    with pytest.raises(ValueError, match="codes: 0 people with two sequences; a probe needs two"):
        probes.identity(values, once)
