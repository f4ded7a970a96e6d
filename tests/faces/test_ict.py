"""Rendered faces: the model against its file, pictures against geometry, and bad input."""

import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_features__  # type: ignore[attr-defined]
from scipy.spatial.transform import Rotation
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from lib.book import data_root
from lib.faces.data.corpus import EXPRESSIONS, NEUTRAL, Requests
from lib.faces.render import face_model, ict, mesh
from lib.faces.render.face_model import FORM, LANDMARKS, PARTS
from lib.faces.render.ict import Identity, Scene
from lib.faces.render.surface import Surface

GOLDEN = (  # person, expression, intensity, sequence and frame: of the sets, and 100,000s of others
    *((0, 0, 1.0, 0, 0), (2, 4, 0.8, 1, 0), (41, 3, 0.9, 5, 0), (7, NEUTRAL, 0.0, 4, 0)),
    *((100_007, 6, 1.0, 2, 1), (100_050, 1, 0.7, 3, 2)),
)
CONTEMPT = EXPRESSIONS.index("contempt")


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


def sets(people: range, expressions: list[int]) -> Requests:
    """Return every person with every expression at its apex, each in a sequence of its own."""
    return requests([(person, each, 1.0, each + 1, 0) for person in people for each in expressions])


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


def test_the_polygons_are_those_of_the_file_without_the_irises() -> None:
    model = face_model.load()
    assert model.triangles.min() == 0 and model.triangles.max() == len(model.neutral) - 1 == 22990
    corners = model.neutral[model.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    eye = (model.triangles >= 21451).all(axis=1) & (model.triangles < 22221).all(axis=1)
    outwards = corners[eye].mean(axis=1) - model.neutral[PARTS["left eye"]].mean(axis=0)
    assert eye.sum() > 1500 and ((normals[eye] * outwards).sum(axis=1) > 0).mean() > 0.99


def test_landmarks_and_eyes_are_where_their_names_say() -> None:
    marks = face_model.load().neutral[LANDMARKS]
    mirror = [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
    mirror += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
    mirror += [*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1)]
    assert np.abs(marks - marks[mirror] * (-1, 1, 1)).max() < 0.01
    assert marks[8, 1] == marks[:, 1].min()  # the chin
    eyes = face_model.load().neutral[face_model.EYES]
    assert np.abs(eyes - [marks[36:42].mean(axis=0), marks[42:48].mean(axis=0)]).max() < 1.0


def test_the_skin_sees_more_sky_than_the_inside_of_the_mouth() -> None:
    seen = face_model.load().occlusion
    assert seen.min() >= 0 and seen.max() <= 1
    assert seen[LANDMARKS[30]] > 0.9 and seen[PARTS["mouth"]].mean() < 0.1  # the nose's tip


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


def test_people_and_sequences_are_spread_as_they_should() -> None:
    assert ict.draw_identity(3, 5).modes == pytest.approx(ict.draw_identity(3, 5).modes, abs=0)
    assert (ict.draw_identity(3, 5).modes != ict.draw_identity(3, 6).modes).any()
    people = [ict.draw_identity(3, person) for person in range(150)]
    modes = np.array([person.modes for person in people])
    assert modes.std() == pytest.approx(1.1, abs=0.05) and np.abs(modes).max() == 2.5
    assert {person.side for person in people} == {"L", "R"}
    skins = np.array([person.look.colours.skin.mean() for person in people])
    assert skins.min() < 90 and skins.max() > 205
    one, two = (ict.draw_sequence(3, 5, sequence)[0] for sequence in (0, 1))
    assert one.yaw != two.yaw and (one.light != two.light).any()
    angles = np.array(
        [
            (drawn.yaw, drawn.pitch, drawn.roll)
            for drawn in (ict.draw_sequence(3, 5, sequence)[0] for sequence in range(400))
        ]
    )
    assert angles.std(axis=0) == pytest.approx([6, 4, 2], rel=0.12)


def test_one_factor_changes_alone(identity: Identity, scene: Scene) -> None:
    head, calm = ict.build(identity), weights()
    plain = ict.photograph(head, calm, scene, 64)
    lit = ict.photograph(head, calm, replace(scene, light=ict.direction(-1.0, 0.3)), 64)
    assert (lit.landmarks == plain.landmarks).all() and (lit.image != plain.image).any()
    smile = ict.photograph(head, weights(mouthSmile_L=1, mouthSmile_R=1), scene, 64)
    moved = np.linalg.norm(smile.landmarks - plain.landmarks, axis=1)
    assert moved[[48, 54]].min() > 1 and moved[17:31].max() < 0.2
    turned = ict.photograph(head, calm, replace(scene, yaw=20.0), 64)
    assert turned.landmarks[30, 0] > plain.landmarks[30, 0] + 4  # the nose, to the right
    other = ict.build(replace(identity, modes=-identity.modes))
    assert (ict.photograph(other, calm, scene, 64).landmarks != plain.landmarks).any()


def test_light_from_a_side_brightens_that_side(identity: Identity, scene: Scene) -> None:
    head = ict.build(identity)
    for around in (1.0, -1.0):
        lit = replace(scene, light=ict.direction(around, 0.2))
        face = ict.photograph(head, weights(), lit, 64).image[24:52].astype(float)
        left, right = face[:, 16:32].mean(), face[:, 32:48].mean()
        assert np.sign(around) * (right - left) > 10


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


def test_heads_fill_the_picture_whoever_it_is() -> None:
    for person in range(12):
        drawn = ict.draw_identity(8, person)
        frontal = replace(ict.draw_sequence(8, person, 0)[0], yaw=0.0, pitch=0.0, roll=0.0)
        taken = ict.photograph(ict.build(drawn), drawn.resting, frontal, 100)
        assert 97 < taken.landmarks[8, 1] < 106  # the chin's lower edge
        assert taken.landmarks[57, 1] < 92  # the lower lip
        assert 55 < np.ptp(taken.landmarks[:17, 0]) < 80


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
    _, eyes = ict.render(sets(range(20), [0, 6]), 64)
    assert (eyes[:, 0, 0] < eyes[:, 1, 0]).all()
    assert (eyes > 8).all() and (eyes < 56).all()


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


def test_contempt_shows_on_the_persons_own_side_only(identity: Identity, scene: Scene) -> None:
    for side, lifted, other in (("L", 54, 48), ("R", 48, 54)):
        person = replace(identity, side=side, resting=np.zeros(57))
        head = ict.build(person)
        calm = ict.photograph(head, person.resting, scene, 128).landmarks
        shown = ict.expression_weights(person, CONTEMPT, 1.0)
        marks = ict.photograph(head, shown, scene, 128).landmarks
        assert calm[lifted, 1] - marks[lifted, 1] > 1.5  # upwards
        assert np.abs(calm[other] - marks[other]).max() < 1.0


def test_the_mouths_corners_and_the_jaw_move_as_the_expressions_ask(
    identity: Identity, scene: Scene
) -> None:
    head = ict.build(identity)

    def marks(name: str) -> np.ndarray:
        shown = ict.expression_weights(identity, EXPRESSIONS.index(name), 1.0)
        return ict.photograph(head, shown, scene, 100).landmarks

    calm = ict.photograph(head, identity.resting, scene, 100).landmarks
    corners, inner_brows, chin = [48, 54], [21, 22], 8
    assert (marks("happiness")[corners, 1] < calm[corners, 1] - 1).all()
    assert (marks("sadness")[corners, 1] > calm[corners, 1] + 0.5).all()
    assert (marks("anger")[inner_brows, 1] > calm[inner_brows, 1] + 1).all()
    assert (marks("surprise")[inner_brows, 1] < calm[inner_brows, 1] - 1).all()
    assert marks("surprise")[chin, 1] > calm[chin, 1] + 3


def test_glasses_and_long_hair_are_added_behind_the_model(identity: Identity) -> None:
    bare = ict.build(identity).surface
    look = replace(identity.look, glasses=True, hair=replace(identity.look.hair, length=-8.0))
    dressed = ict.build(replace(identity, look=look)).surface
    count = len(face_model.load().neutral)
    assert len(bare.vertices) == count < len(dressed.vertices)
    assert (dressed.vertices[:count] == bare.vertices).all()
    added = dressed.vertices[count:]
    assert added[:, 1].min() < -6 and added[:, 2].max() > bare.vertices[LANDMARKS[27], 2]
    both_faces(dressed, count)


def both_faces(surface: Surface, first: int) -> None:
    """Assert that what was added has two faces, each with normals of its own."""
    added = surface.triangles[(surface.triangles >= first).all(axis=1)]
    normals = mesh.vertex_normals(surface.vertices, added)[first:]
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1, abs=1e-3)
    assert np.abs(normals.sum(axis=0)).max() < 1e-2 * len(normals)


def test_expressions_are_told_apart_on_new_people_and_people_by_new_expressions() -> None:
    asked = sets(range(48), list(range(7)))
    images, _ = ict.render(asked, 48)
    gradients = cv2.HOGDescriptor((48, 48), (12, 12), (6, 6), (6, 6), 9)
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images]
    features = np.array([np.ravel(gradients.compute(image)) for image in grey])
    seen = asked.people < 34
    classifier = LogisticRegression(max_iter=500).fit(features[seen], asked.expressions[seen])
    assert classifier.score(features[~seen], asked.expressions[~seen]) > 0.6  # chance 0.14
    known = asked.expressions < 4
    neighbour = KNeighborsClassifier(1).fit(features[known], asked.people[known])
    assert neighbour.score(features[~known], asked.people[~known]) > 0.4  # chance 0.02


@pytest.mark.parametrize("size", [16, 33, 256])
def test_other_sizes_show_the_same_face(size: int) -> None:
    row = [(1, 4, 1.0, 0, 0)]
    (image,), (eyes,) = ict.render(requests(row), size)
    _, (reference,) = ict.render(requests(row), 128)
    assert image.shape == (size, size, 3)
    assert np.abs(eyes / size - reference / 128).max() < 1e-3


def test_no_request_is_no_image() -> None:
    empty = np.zeros(0, dtype=np.int64)
    images, eyes = ict.render(Requests(empty, empty, empty.astype(float), empty, empty, 0), 32)
    assert images.shape == (0, 32, 32, 3) and eyes.shape == (0, 2, 2)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"people": np.array([1])}, "unequal length: 1 people, 2 expressions, 2 intensity"),
        ({"expressions": np.array([0, 7])}, "request 1: expression 7 is not between -1 and 6"),
        ({"expressions": np.array([-2, 0])}, "request 0: expression -2 is not"),
        ({"intensity": np.array([0.5, 1.3])}, "request 1: intensity 1.3 is not between 0 and 1.25"),
        ({"intensity": np.array([-0.1, 1])}, "request 0: intensity -0.1 is not"),
        ({"intensity": np.array([np.nan, 1])}, "request 0: intensity nan is not"),
        ({"people": np.array([1, -1])}, "request 1: number among the people -1 is not"),
        ({"frames": np.array([-1, 1])}, "request 0: number among the frames -1 is not"),
        ({"sequences": np.array([0.5, 1])}, "the sequences are float64; give whole numbers"),
        ({"seed": -1}, "seed -1 is not"),
    ],
)
def test_a_request_that_cannot_be_drawn_is_refused(
    changed: dict[str, np.ndarray], complaint: str
) -> None:
    good = requests([(0, 0, 1.0, 0, 0), (1, NEUTRAL, 0.0, 1, 2)])
    with pytest.raises(ValueError, match=re.escape(complaint)) as raised:
        ict.render(replace(good, **changed), 32)
    assert "\n" not in str(raised.value)


def test_a_picture_too_small_for_a_face_is_refused() -> None:
    with pytest.raises(ValueError, match="faces of 15 pixels show nothing; ask for 16 or more"):
        ict.render(requests([(0, 0, 1.0, 0, 0)]), 15)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("missing", "quads"),
        ("shape", "its array 'neutral' is float32 (24590, 3) instead of f (24591, 3)"),
        ("kind", "its array 'id_scale' is int64 (100,) instead of f (100,)"),
        ("corner", "its polygons have vertices that are not there"),
        ("cut off", "does not hold the face model"),
        ("text", "does not hold the face model"),
    ],
)
def test_a_damaged_model_is_named(tmp_path: Path, damage: str, complaint: str) -> None:
    arrays = {
        name: np.zeros(shape, {"i": "i2"}.get(kind, kind)) for name, (kind, shape) in FORM.items()
    }
    if damage == "missing":
        del arrays["quads"]
    if damage == "shape":
        arrays["neutral"] = arrays["neutral"][1:]
    if damage == "kind":
        arrays["id_scale"] = np.zeros(100, dtype=np.int64)
    if damage == "corner":
        arrays["quads"][5, 2] = 24591
    path = tmp_path / "model.npz"
    np.savez(path, **arrays)
    if damage == "cut off":
        path.write_bytes(path.read_bytes()[:100_000])
    if damage == "text":
        path.write_text("no archive")
    with pytest.raises(ValueError, match=re.escape(complaint)) as raised:
        face_model.read(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)
