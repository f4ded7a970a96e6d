"""Drawn faces: each depends on its own row, one factor changes what it should, all can be told."""

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from lib.faces.data import EXPRESSIONS, NEUTRAL, Requests
from lib.faces.datasets import drawn
from lib.faces.datasets.drawn_expressions import (
    ACTION_UNITS,
    PROTOTYPES,
    STRONGEST,
    actions,
    one_unit,
    prototypes,
)
from lib.faces.datasets.drawn_nuisance import NOISE, nuisance, sensor_noise, studio
from lib.faces.datasets.drawn_people import HAIRSTYLES, people
from lib.faces.datasets.drawn_shape import eye_centres

SIZE = 48
# Each of 24 faces, summed up with random signs: training on drawn faces takes hours, and what was
# trained on them is worth nothing once they change.
KNOWN_SUMS = [
    *(-11890, -11331, -1411, -3290, -8383, -10934, -13521, -7139),
    *(-5646, -6433, -4062, -8821, -11894, -5141, -12858, -6380),
    *(-11390, -9548, -10564, -2275, -13340, -5210, -4542, -5203),
]
KNOWN_EYES = [17.85, 19.16, 30.78, 19.24]  # of the first


def requests(count: int = 12, seed: int = 5) -> Requests:
    """Return requests that differ in everything."""
    generator = np.random.default_rng(0)
    return Requests(
        people=generator.integers(0, 9, count),
        expressions=generator.integers(NEUTRAL, len(EXPRESSIONS), count),
        intensity=generator.uniform(0, STRONGEST, count),
        sequences=generator.integers(0, 4, count),
        frames=generator.integers(0, 3, count),
        seed=seed,
    )


def rows(asked: Requests, chosen: np.ndarray | slice) -> Requests:
    """Return some of the requests."""
    names = ("people", "expressions", "intensity", "sequences", "frames")
    return replace(asked, **{name: getattr(asked, name)[chosen] for name in names})


def everyone(count: int, sequences: int) -> Requests:
    """Return every person with every expression in so many sequences each."""
    each = len(EXPRESSIONS) * sequences
    return Requests(
        people=np.repeat(np.arange(count), each),
        expressions=np.tile(np.repeat(np.arange(len(EXPRESSIONS)), sequences), count),
        intensity=np.ones(count * each),
        sequences=np.tile(np.arange(each), count),
        frames=np.zeros(count * each, dtype=int),
        seed=1,
    )


# --- every image depends on its own row


def test_shapes_and_types() -> None:
    images, eyes = drawn.render(requests(3), 40)
    assert images.shape == (3, 40, 40, 3) and images.dtype == np.uint8
    assert eyes.shape == (3, 2, 2) and eyes.dtype == np.float32
    nothing, no_eyes = drawn.render(requests(0), 40)
    assert nothing.shape == (0, 40, 40, 3) and no_eyes.shape == (0, 2, 2)


@pytest.mark.parametrize("size", [16, 33, 74])
def test_an_image_alone_or_in_any_company_has_the_same_bytes(size: int) -> None:
    asked = requests()
    images, eyes = drawn.render(asked, size)
    order = np.random.default_rng(1).permutation(len(images))
    shuffled, shuffled_eyes = drawn.render(rows(asked, order), size)
    assert np.array_equal(shuffled, images[order]) and np.array_equal(shuffled_eyes, eyes[order])
    for row in range(len(images)):
        alone, alone_eyes = drawn.render(rows(asked, slice(row, row + 1)), size)
        assert np.array_equal(alone[0], images[row]) and np.array_equal(alone_eyes[0], eyes[row])


@pytest.mark.parametrize("name", ["people", "sequences", "frames", "seed"])
def test_each_number_of_a_request_changes_the_image(name: str) -> None:
    asked = requests()
    other = replace(asked, **{name: getattr(asked, name) + 1})
    images, changed = drawn.render(asked, SIZE)[0], drawn.render(other, SIZE)[0]
    assert (images != changed).any(axis=(1, 2, 3)).all()


def test_pictures_stay_what_they_were() -> None:
    count = 24
    number = np.arange(count)
    asked = Requests(number, number % 8 - 1, np.ones(count), number, number, seed=7)
    images, eyes = drawn.render(asked, SIZE)
    signs = np.random.default_rng(0).choice([-1, 1], images.shape[1:])
    # The last bits of exp and power may differ between processors: a grey level in a few pixels.
    assert (images * signs).sum(axis=(1, 2, 3)) == pytest.approx(np.array(KNOWN_SUMS), abs=8)
    assert eyes[0].ravel() == pytest.approx(np.array(KNOWN_EYES), abs=0.02)


# --- one factor at a time


def studio_faces(moved: np.ndarray, seed: int = 2) -> np.ndarray:
    """Return one person, photographed alike, with each of these action units, without noise."""
    person = people(np.full(len(moved), 3), seed)
    return drawn.draw(person, moved, studio(len(moved)), SIZE).astype(int)


def changed_rows(unit: int) -> np.ndarray:
    """Return which rows of the picture one action unit changes at all."""
    still, moved = studio_faces(one_unit(unit, np.array([0.0, 1.0])))
    return np.flatnonzero((still != moved).any(axis=(1, 2)))


MIDDLE = SIZE // 2


@pytest.mark.parametrize("unit", [10, 12, 14, 15, 16, 17, 20, 23, 25])
def test_units_of_the_mouth_leave_the_brows_alone(unit: int) -> None:
    changed = changed_rows(unit)
    assert changed.max() > MIDDLE + SIZE // 6
    assert changed.min() > SIZE // 3  # the brows lie above, in 0.28 to 0.42 of the height


@pytest.mark.parametrize("unit", [1, 2, 4])
def test_units_of_the_brows_leave_the_mouth_alone(unit: int) -> None:
    changed = changed_rows(unit)
    assert changed.min() < MIDDLE - SIZE // 8
    assert changed.max() < MIDDLE + SIZE // 8


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_every_unit_moves_more_the_stronger_it_is(unit: int) -> None:
    still, half, full = studio_faces(one_unit(unit, np.array([0.0, 0.5, 1.0])))
    assert 0 < np.abs(half - still).sum() < np.abs(full - still).sum()


def test_contempt_is_shown_on_the_side_of_the_person() -> None:
    person = people(np.zeros(2, dtype=int), 2)
    sides = np.array([-1, 1], dtype=np.float32)
    pair = replace(person, side=sides, mole=0 * sides, hair_phases=0 * person.hair_phases)
    straight = replace(studio(2), light=np.zeros((2, 2), np.float32))
    contempt = actions(np.full(2, EXPRESSIONS.index("contempt")), np.ones(2))
    still = drawn.draw(pair, np.zeros_like(contempt), straight, SIZE).astype(int)
    change = np.abs(drawn.draw(pair, contempt, straight, SIZE) - still)[:, MIDDLE:]
    left, right = change[:, :, :MIDDLE].sum(axis=(1, 2, 3)), change[:, :, MIDDLE:].sum((1, 2, 3))
    assert left[0] > 2.5 * right[0] and right[1] > 2.5 * left[1]


def test_intensity_0_is_the_neutral_face() -> None:
    asked = requests()
    zero = replace(asked, intensity=np.zeros(12))
    neutral = replace(asked, expressions=np.full(12, NEUTRAL))  # whatever the intensity
    assert np.array_equal(drawn.render(zero, SIZE)[0], drawn.render(neutral, SIZE)[0])


def test_only_the_expression_is_new_in_another_expression() -> None:
    asked = replace(requests(), expressions=np.full(12, EXPRESSIONS.index("surprise")))
    sad = replace(asked, expressions=np.full(12, EXPRESSIONS.index("sadness")))
    images, others = drawn.render(asked, SIZE)[0], drawn.render(sad, SIZE)[0]
    corners = np.s_[:, : SIZE // 8, :2]  # background, light and noise are the sequence's
    assert np.array_equal(images[corners], others[corners])
    assert (images != others).any(axis=(1, 2, 3))[asked.intensity > 0.1].all()


def test_people_differ_more_than_frames_of_a_sequence() -> None:
    count = 30
    frames = Requests(
        *(np.repeat(np.arange(count), 2), np.full(2 * count, NEUTRAL), np.zeros(2 * count)),
        *(np.zeros(2 * count, dtype=int), np.tile([0, 1], count), 3),
    )
    images = drawn.render(frames, SIZE)[0].reshape(count, 2, -1).astype(int)
    within = np.abs(images[:, 0] - images[:, 1]).mean(axis=1)
    between = np.abs(images[:, None, 0] - images[None, :, 0]).mean(axis=2)
    np.fill_diagonal(between, np.inf)
    assert (within < between.min(axis=1)).all()
    assert within.mean() < 0.3 * between[np.isfinite(between)].mean()


def test_a_picture_of_twice_the_size_shows_the_same_face() -> None:
    person = people(np.arange(6), 4)
    moved = actions(np.arange(6), np.ones(6))
    shots = nuisance(np.arange(6), np.arange(6), np.arange(6), 4)
    small = drawn.draw(person, moved, shots, 64).astype(float)
    large = drawn.draw(person, moved, shots, 256).reshape(6, 64, 4, 64, 4, 3).mean(axis=(2, 4))
    assert np.abs(small - large).mean() < 4.5  # grey levels; neighbouring pixels differ by more
    assert np.abs(small[:, 1:] - large[:, :-1]).mean() > 5.0


# --- people, expressions and nuisance


def test_a_person_is_the_same_in_any_company() -> None:
    some, other = people(np.array([7, 2, 7]), 1), people(np.array([2]), 1)
    assert some.skin[1].tolist() == other.skin[0].tolist()
    assert np.array_equal(some.take(slice(0, 1)).gain, some.take(slice(2, 3)).gain)
    assert not np.array_equal(some.gain[0], some.gain[1])
    assert not np.array_equal(people(np.array([2]), 2).gain, other.gain)


def test_the_kinds_of_people_come_as_often_as_they_should() -> None:
    crowd = people(np.arange(1500), 0)
    bearded = (crowd.stubble + crowd.moustache) > 0
    assert bearded.mean() == pytest.approx(0.5 * 0.55, abs=0.05)
    assert crowd.glasses.mean() == pytest.approx(0.26, abs=0.05)
    assert (crowd.lashes > 0).mean() == pytest.approx(0.5, abs=0.05)
    assert not (bearded & (crowd.lashes > 0)).any()  # lashes are drawn for women only
    assert crowd.skin.min() > 0 and crowd.skin.max() < 1.15
    for often in ([s.women for s in HAIRSTYLES.values()], [s.men for s in HAIRSTYLES.values()]):
        assert sum(often) == pytest.approx(1)
    bald = crowd.hair_coverage == 0
    assert bald.mean() == pytest.approx(0.5 * HAIRSTYLES["bald"].men, abs=0.03)


def test_prototypes_are_named_as_the_expressions_and_made_of_known_units() -> None:
    assert tuple(PROTOTYPES) == EXPRESSIONS
    assert len(ACTION_UNITS) == 17
    for parts in PROTOTYPES.values():
        assert set(parts) <= set(ACTION_UNITS) and all(0 < part <= 1 for part in parts.values())
    smile = prototypes()[EXPRESSIONS.index("happiness")]
    units = list(ACTION_UNITS)
    assert smile[units.index(6)] > 0.5 and smile[units.index(12)] == 1.0  # the Duchenne smile


def test_actions_are_the_scaled_prototypes() -> None:
    everything = actions(np.arange(7), np.full(7, 0.5))
    assert everything == pytest.approx(0.5 * prototypes())
    rest = np.full((1, 17), 0.1)
    neutral = actions(np.array([NEUTRAL]), np.ones(1), rest=rest)
    assert neutral == pytest.approx(rest)
    strong = actions(np.arange(7), np.ones(7), gain=np.full((7, 17), 3.0))
    assert strong.max() == STRONGEST
    faint = actions(np.arange(7), np.ones(7), manner=np.zeros((7, 17)))
    assert ((faint > 0) == (prototypes() >= 0.6)).all()  # main units never stay out


def test_frames_of_a_sequence_share_light_and_background_and_move_a_little() -> None:
    count = 200
    person, frame = np.repeat(np.arange(count), 2), np.tile([0, 1], count)
    shots = nuisance(person, np.zeros_like(person), frame, 0)
    for name in ("light", "ambient", "exposure", "background", "manner"):
        pair = getattr(shots, name).reshape(count, 2, -1)
        assert np.array_equal(pair[:, 0], pair[:, 1])
    yaw = shots.yaw.reshape(count, 2)
    moved = np.std(yaw[:, 0] - yaw[:, 1])
    assert 0 < moved < 0.25 * yaw[:, 0].std()
    assert yaw[:, 0].std() == pytest.approx(0.10, rel=0.15)


def test_noise_is_as_strong_as_it_says_and_new_in_every_frame() -> None:
    zeros = np.zeros(2, dtype=int)
    noise = sensor_noise(zeros, zeros, np.arange(2), 0, 64)
    assert noise.std() == pytest.approx(NOISE, rel=0.02) and abs(noise.mean()) < NOISE / 50
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.03


# --- eyes


def test_eyes_lie_on_dark_irises() -> None:
    count, size = 40, 128
    person = replace(people(np.arange(count), 6), glasses=np.zeros(count, dtype=np.float32))
    shots = nuisance(np.arange(count), np.zeros(count, int), np.zeros(count, int), 6)
    shots = replace(shots, gaze=np.zeros((count, 2), dtype=np.float32))
    wide = one_unit(5, np.full(count, 0.5))
    images = drawn.draw(person, wide, shots, size).astype(float).mean(axis=3)
    eyes = eye_centres(person, wide, shots, size)
    assert (eyes[:, 0, 0] < eyes[:, 1, 0]).all()
    for image, pair in zip(images, eyes, strict=True):
        for x, y in pair:
            around = image[int(y) - 9 : int(y) + 10, int(x) - 9 : int(x) + 10]
            at = image[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3]
            assert np.median(at) < np.percentile(around, 25)


def test_eyes_follow_pose_by_closed_form() -> None:
    person, still = people(np.zeros(4, dtype=int), 0), np.zeros((4, 17), dtype=np.float32)
    shots = studio(4)
    roll, shift = np.array([0, 0.2, 0, 0], np.float32), np.zeros((4, 2), np.float32)
    shift[2] = [0.1, -0.05]
    zoom = np.array([1, 1, 1, 1.1], np.float32)
    eyes = eye_centres(person, still, replace(shots, roll=roll, shift=shift, zoom=zoom), 96)
    upright = eyes[0]
    assert upright.mean(axis=0)[0] == pytest.approx(48)  # the face is symmetric
    assert upright[1, 0] - upright[0, 0] == pytest.approx(100 * person.eye_distance[0], rel=0.01)
    turn = np.array([[np.cos(0.2), -np.sin(0.2)], [np.sin(0.2), np.cos(0.2)]])
    assert eyes[1] == pytest.approx((upright - 48) @ turn.T + 48, abs=0.01)
    assert eyes[2] == pytest.approx(upright + [5.0, -2.5], abs=0.01)  # 96 pixels are 1.92 heads
    assert eyes[3] == pytest.approx((upright - 48) * 1.1 + 48, abs=0.01)


# --- what a simple classifier can tell


@cache
def aligned_gradients(count: int, sequences: int) -> tuple[Requests, np.ndarray]:
    """Return requests and histograms of oriented gradients of their faces, aligned by the eyes."""
    asked, size = everyone(count, sequences), 64
    images, eyes = drawn.render(asked, size)
    histogram = cv2.HOGDescriptor((size, size), (16, 16), (16, 16), (8, 8), 9)
    goal, features = np.array([23.0 + 28j, 41.0 + 28j]), []
    for image, pair in zip(images, eyes, strict=True):
        left, right = pair[:, 0] + 1j * pair[:, 1]
        turn = (goal[1] - goal[0]) / (right - left)
        move = goal[0] - turn * left
        matrix = np.array([[turn.real, -turn.imag, move.real], [turn.imag, turn.real, move.imag]])
        features.append(histogram.compute(cv2.warpAffine(image, matrix, (size, size))).ravel())
    return asked, np.stack(features)


def accuracy(
    features: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray
) -> float:
    """Return how often a linear classifier with shrinkage is right."""
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3)
    return float(model.fit(features[train], labels[train]).score(features[test], labels[test]))


def test_expressions_of_new_people_are_told_apart() -> None:
    asked, features = aligned_gradients(72, 1)
    known = asked.people < 54
    found = accuracy(features, asked.expressions, known, ~known)
    assert found > 0.65  # chance is 1/7


def test_people_are_told_apart_in_new_expressions() -> None:
    asked, features = aligned_gradients(72, 1)
    some = asked.people < 24
    new = np.isin(asked.expressions, [3, 4])
    assert accuracy(features, asked.people, some & ~new, some & new) > 0.7  # chance is 1/24


# --- bad input


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("people", np.arange(11), "must be equally long and flat"),
        ("people", np.full(12, -1), "people has -1; numbers start at 0"),
        ("people", np.full(12, 0.5), "people must be whole numbers, not float64"),
        ("sequences", np.full(12, -3), "sequences has -3"),
        ("frames", np.full(12, -2), "frames has -2"),
        ("frames", np.zeros((12, 1), dtype=int), "must be equally long and flat"),
        ("expressions", np.full(12, 7), "expression 7 is none of -1 to 6"),
        ("expressions", np.full(12, -2), "expression -2 is none of -1 to 6"),
        ("expressions", np.full(12, 1.0), "expressions must be whole numbers"),
        ("intensity", np.full(12, -0.1), "intensity -0.1 is not within 0 to 1.25"),
        ("intensity", np.full(12, 1.3), "intensity 1.3 is not within 0 to 1.25"),
        ("intensity", np.full(12, np.nan), "intensity nan is not within 0 to 1.25"),
        ("seed", -1, "the seed is -1; take 0 or more"),
    ],
)
def test_a_bad_request_is_refused(name: str, value: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as error:
        drawn.render(replace(requests(), **{name: value}), SIZE)
    assert "\n" not in str(error.value)


def test_bad_arguments_of_figures_are_refused() -> None:
    with pytest.raises(ValueError, match="size is 15; drawn faces need 16 pixels"):
        drawn.render(requests(), 15)
    person, still = people(np.arange(2), 0), np.zeros((2, 17), dtype=np.float32)
    with pytest.raises(ValueError, match="size is 8; drawn faces need 16 pixels"):
        drawn.draw(person, still, studio(2), 8)
    with pytest.raises(ValueError, match=r"2 people, action units of shape \(2, 17\) and 3 shots"):
        drawn.draw(person, still, studio(3), SIZE)
    with pytest.raises(ValueError, match=r"action units of shape \(2, 5\)"):
        drawn.draw(person, still[:, :5], studio(2), SIZE)
    for wrong in (1.5, -0.5, np.nan):
        with pytest.raises(ValueError, match=r"action units must be 0 to 1\.25"):
            drawn.draw(person, still + np.float32(wrong), studio(2), SIZE)
    with pytest.raises(ValueError, match="action unit 3 is not drawn; choose from"):
        one_unit(3, np.ones(2))
