"""Rendered faces: the model against its file, pictures against geometry, and bad input."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_features__  # type: ignore[attr-defined]
from scipy.spatial.transform import Rotation

from lib.book import data_root
from lib.faces.data.corpus import EXPRESSIONS, NEUTRAL, Requests
from lib.faces.render import face_model, ict
from lib.faces.render.face_model import LANDMARKS
from lib.faces.render.ict import Identity, Scene

GOLDEN = (  # person, expression, intensity, sequence and frame: of the sets, and 100,000s of others
    *((0, 0, 1.0, 0, 0), (2, 4, 0.8, 1, 0), (41, 3, 0.9, 5, 0), (7, NEUTRAL, 0.0, 4, 0)),
    *((100_007, 6, 1.0, 2, 1), (100_050, 1, 0.7, 3, 2)),
)


def requests(rows: list[tuple[int, int, float, int, int]], seed: int = 3) -> Requests:
    """Return requests from rows of person, expression, intensity, sequence and frame."""
    people, expressions, intensity, sequences, frames = zip(*rows, strict=True)
    return Requests(
        np.array(people),
        np.array(expressions),
        np.array(intensity, dtype=np.float64),
        np.array(sequences),
        np.array(frames),
        seed,
    )


@pytest.fixture
def identity() -> Identity:
    """Give a person without glasses or long hair."""
    person = ict.draw_identity(3, 0)
    hair = replace(person.look.hair, length=9.0)
    return replace(person, look=replace(person.look, hair=hair, glasses=False))


@pytest.fixture
def scene() -> Scene:
    """Give a head that looks straight into the camera."""
    drawn, _ = ict.draw_sequence(3, 0, 0)
    return replace(drawn, yaw=0.0, pitch=0.0, roll=0.0, shift=np.zeros(2), scale=1.0)


def weights(**shapes: float) -> np.ndarray:
    """Return the weights of a few shapes, (57,)."""
    names = face_model.load().names
    return np.array([shapes.get(name, 0.0) for name in names])


def test_the_vertices_are_the_neutral_head_plus_weighted_modes_and_shapes() -> None:
    path = data_root.locate("ict_facekit") / face_model.FILE
    with np.load(path, allow_pickle=False) as file:
        kept = np.r_[0:22221, 23021:23791]
        neutral = file["neutral"][kept].astype(np.float64)
        modes = file["id_q"][:, kept] * file["id_scale"].astype(np.float64)[:, None, None]
        shapes = file["expr_q"][:, kept] * file["expr_scale"].astype(np.float64)[:, None, None]
    generator = np.random.default_rng(0)
    of_modes, of_shapes = generator.standard_normal(100), generator.random(57)
    model = face_model.load()
    found = face_model.add_shapes(model.neutral, of_modes, model.modes)
    found = face_model.add_shapes(found, of_shapes, model.shapes)
    expected = neutral + np.einsum("k,kvx", of_modes, modes) + np.einsum("k,kvx", of_shapes, shapes)
    assert np.abs(found - expected).max() < 1e-4


def test_an_image_depends_on_its_row_and_the_seed_alone() -> None:
    rows = [(4, 0, 1.0, 2, 0), (1, 4, 0.7, 0, 1), (4, 0, 1.0, 2, 1), (9, NEUTRAL, 0.0, 5, 0)]
    images, eyes = ict.render(requests(rows), 40)
    assert images.shape == (4, 40, 40, 3) and images.dtype == np.uint8
    assert eyes.shape == (4, 2, 2) and eyes.dtype == np.float32
    for row, image, places in zip(rows, images, eyes, strict=True):
        alone, place = ict.render(requests([row]), 40)
        assert (alone[0] == image).all() and (place[0] == places).all()
    assert (ict.render(requests(rows[::-1]), 40)[0][::-1] == images).all()
    other, _ = ict.render(requests(rows, seed=4), 40)
    assert all((one != two).any() for one, two in zip(images, other, strict=True))
    assert 0 < np.abs(images[0].astype(int) - images[2]).mean() < 25  # another frame of one scene


@pytest.mark.parametrize("side", [56, 110])  # sources of 48 and 96 pixels
def test_the_pictures_are_those_that_checkpoints_were_trained_on(side: int) -> None:
    images, _ = ict.render(requests(list(GOLDEN), seed=0), side)
    with np.load(Path(__file__).parent / "ict_pictures.npz") as stored:
        expected = stored[f"pictures_{side}"]
    images = images[: len(expected)]
    if __cpu_features__["AVX512_SKX"]:  # there NumPy has another power for float32
        apart = np.abs(images.astype(int) - expected)
        assert apart.max() <= 1 and (apart > 0).mean() < 1e-3
    else:
        assert (images == expected).all()


def test_pose_and_camera_are_those_of_a_rotation_and_a_pinhole(
    identity: Identity, scene: Scene
) -> None:
    head = ict.build(identity)
    posed = replace(scene, yaw=11.0, pitch=-7.0, roll=4.0, shift=np.array([0.3, -0.2]), scale=1.1)
    turn = Rotation.from_euler("yxz", [11.0, -7.0, 4.0], degrees=True).as_matrix()
    assert np.abs(ict.rotation(posed) - turn).max() < 1e-6
    marks = head.surface.vertices[LANDMARKS].astype(np.float64)
    x, y, z = ((marks - ict.PIVOT) @ turn.T + ict.PIVOT).T
    focal = ict.DISTANCE * 128 * 1.1 / (head.height + ict.MARGIN)  # in pixels
    u = 64 + focal * (x + 0.3) / (ict.DISTANCE - z)
    v = 64 - focal * (y - head.middle + ict.RAISED - 0.2) / (ict.DISTANCE - z)
    taken = ict.photograph(head, weights(), posed, 128)
    assert np.abs(taken.landmarks - np.stack([u, v], axis=1)).max() < 0.01


def test_the_eyes_are_the_middles_of_the_irises(identity: Identity, scene: Scene) -> None:
    colours = replace(identity.look.colours, iris=np.array([0.0, 255.0, 0.0]))
    head = ict.build(replace(identity, look=replace(identity.look, colours=colours)))
    wide = weights(eyeWide_L=1, eyeWide_R=1)
    for yaw in (-12.0, 0.0, 12.0):
        posed = replace(scene, yaw=yaw, light=ict.direction(0, 0.3), background=np.full((2, 3), 90))
        taken = ict.photograph(head, wide, posed, 256)
        red, green, blue = np.moveaxis(taken.image.astype(int), 2, 0)
        rows, columns = np.nonzero((green > 2 * red) & (green > 2 * blue) & (green > 40))
        for eye, side in zip(taken.eyes, (columns < 128, columns >= 128), strict=True):
            middle = (columns[side].min() + columns[side].max() + 1) / 2
            assert side.sum() > 30 and middle == pytest.approx(eye[0], abs=1.5)
            assert rows[side].min() < eye[1] < rows[side].max() + 1  # lids hide above and below


def test_an_expression_grows_with_its_intensity_and_none_is_the_face_at_rest() -> None:
    person = ict.draw_identity(3, 2)
    for index, name in enumerate(EXPRESSIONS):
        apex = ict.expression_weights(person, index, 1.0) - person.resting
        half = ict.expression_weights(person, index, 0.5) - person.resting
        assert half == pytest.approx(apex / 2) and (apex != 0).any()
        assert (ict.expression_weights(person, index, 0.0) == person.resting).all()
        active = {kind for kind, w in zip(face_model.load().kinds, apex, strict=True) if w}
        assert active == set(ict.APEX[name])
    assert (ict.expression_weights(person, NEUTRAL, 1.0) == person.resting).all()


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"people": np.array([1])}, "unequal length: 1 people, 2 expressions, 2 intensity"),
        ({"expressions": np.array([0, 7])}, "request 1: expression 7 is not between -1 and 6"),
        ({"intensity": np.array([np.nan, 1])}, "request 0: intensity nan is not"),
        ({"sequences": np.array([0.5, 1])}, "the sequences are float64; give whole numbers"),
        ({}, "faces of 15 pixels show nothing; ask for 16 or more"),
    ],
)
def test_what_cannot_be_drawn_is_refused(changed: dict[str, Any], complaint: str) -> None:
    good = requests([(0, 0, 1.0, 0, 0), (1, NEUTRAL, 0.0, 1, 2)])
    with pytest.raises(ValueError, match=complaint):
        ict.render(replace(good, **changed), 32 if changed else 15)


def test_a_damaged_model_is_named(tmp_path: Path) -> None:
    file = data_root.locate("ict_facekit") / face_model.FILE
    path = tmp_path / "model.npz"
    path.write_bytes(file.read_bytes()[:100_000])
    with pytest.raises(ValueError, match="does not hold the face model .*; see `python -m lib"):
        face_model.read(path)
