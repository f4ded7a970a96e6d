"""What pixels know: neighbours and explained deviations against brute force and SciPy."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import f_oneway

from lib.faces import pixels
from lib.faces.data.corpus import Faces

CLASSES = ("anger", "happiness", "surprise")


def faces(people: int = 4, frames: int = 2, loud: int = 40, seed: int = 0) -> Faces:
    """Return people with each expression in sequences of frames; identity is `loud`."""
    generator = np.random.default_rng(seed)
    person, expression, frame = np.indices((people, len(CLASSES), frames)).reshape(3, -1)
    looks = generator.integers(0, 2, (people, 6, 6, 3)) * loud
    images = 80 + looks[person] + generator.integers(0, 30, (len(person), 6, 6, 3))
    sequences = person * len(CLASSES) + expression
    columns = (expression, person, sequences, frame)
    return Faces("made", "open", images.astype(np.uint8), *columns, CLASSES)


def test_the_nearest_picture_is_what_all_distances_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "TOGETHER", 7)  # several blocks, the last one not full
    asked = faces()
    flat = asked.images.reshape(len(asked.images), -1).astype(float)
    distances = cdist(flat, flat, "sqeuclidean")
    distances[asked.sequences[:, None] == asked.sequences] = np.inf
    assert np.array_equal(pixels.nearest(asked), distances.argmin(axis=1))


def test_loud_identities_are_found_and_quiet_ones_are_not() -> None:
    loud, quiet = faces(loud=100), faces(people=12, loud=0)
    found = pixels.agreement(loud, pixels.nearest(loud)).set_index("about")
    assert found["share"]["person"] == found["low"]["person"] == 1
    assert found["share"]["expression"] == 0  # each person shows each in one sequence
    found = pixels.agreement(quiet, pixels.nearest(quiet)).set_index("about")
    assert found["low"]["person"] < found["chance"]["person"] < found["high"]["person"]


def test_explained_deviations_are_those_of_an_analysis_of_variance() -> None:
    asked = faces()
    images, labels = asked.images[:, :, :, :1].repeat(3, axis=3), asked.identities
    total, between = pixels.explained(images, labels)
    assert total == pytest.approx(3 * len(labels) * images[..., 0].astype(float).var(axis=0))
    groups = [images[labels == label, :, :, 0].astype(float) for label in np.unique(labels)]
    freedom = len(groups) - 1, len(labels) - len(groups)
    ratio = (between / freedom[0]) / ((total - between) / freedom[1])
    assert ratio == pytest.approx(f_oneway(*groups).statistic)


@pytest.mark.parametrize(
    ("count", "kept"), [(1, [6]), (2, [3, 6]), (3, [2, 4, 6]), (7, range(7)), (9, range(7))]
)
def test_few_pictures_are_spread_over_all(count: int, kept: list[int]) -> None:
    asked = faces(frames=7)
    found = pixels.few(asked, count)
    for person, expression in np.ndindex(4, 3):
        own = (found.identities == person) & (found.expressions == expression)
        assert found.frames[own].tolist() == list(kept)


def test_chance_counts_who_could_have_been_the_neighbour() -> None:
    asked = faces(people=3, frames=3).take(np.array([0, 1, 2, 3, 6, 7, 9, 10, 18, 19, 22]))
    apart = asked.sequences[:, None] != asked.sequences
    for labels in (asked.identities, asked.expressions):
        shares = [np.mean(labels[apart[row]] == labels[row]) for row in range(len(labels))]
        assert pixels.chance(labels, asked.sequences) == pytest.approx(np.mean(shares))
