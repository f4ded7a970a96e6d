"""The renderer against closed forms: areas, depths, spheres, walls."""

import numpy as np
import pytest
from matplotlib.path import Path

from lib.faces.render import face_model, mesh
from lib.faces.render.mesh import NOTHING

RADIUS, SIDE = 40.0, 100


def picture(points: list[tuple[float, float, float]] | np.ndarray, *triangles: tuple[int, ...]):  # type: ignore[no-untyped-def]
    """Return what 100 x 100 pixels show of a few triangles."""
    corners = np.array(triangles, dtype=np.int32)
    return mesh.rasterise(np.array(points, dtype=np.float32), corners, SIDE, SIDE)


def sphere(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a sphere of radius 1 as rows of vertices from pole to pole, and its triangles."""
    polar, around = np.meshgrid(
        np.linspace(0, np.pi, rows), np.linspace(0, 2 * np.pi, columns), indexing="ij"
    )
    x, y, z = np.sin(polar) * np.sin(around), np.cos(polar), np.sin(polar) * np.cos(around)
    place = np.arange(rows * columns).reshape(rows, columns)
    a, b = place[:-1, :-1].ravel(), place[:-1, 1:].ravel()
    c, d = place[1:, 1:].ravel(), place[1:, :-1].ravel()
    triangles = np.concatenate([np.stack([a, d, c], axis=1), np.stack([a, c, b], axis=1)])
    vertices = np.stack([x, y, z], axis=2).reshape(-1, 3).astype(np.float32)
    return vertices, triangles.astype(np.int32)


def in_picture(vertices: np.ndarray) -> np.ndarray:
    """Return vertices of a sphere of radius 1 as points of a picture, RADIUS pixels large."""
    x, y, z = vertices.T
    middle = SIDE / 2
    return np.stack([middle + RADIUS * x, middle - RADIUS * y, 10 - z], axis=1).astype(np.float32)


def lit_sphere(light: np.ndarray, gloss: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which pixels show a sphere, its analytic normals there, and its picture."""
    vertices, triangles = sphere(181, 361)
    shown, weights = mesh.rasterise(in_picture(vertices), triangles, SIDE, SIDE)
    finish = np.tile(np.array([0.8, 0.5, 0.2, 1.0, gloss], dtype=np.float32), (len(vertices), 1))
    attributes = np.concatenate([finish[:, :3], vertices, finish[:, 3:]], axis=1)
    pixels = mesh.interpolate(attributes, triangles, shown, weights)
    picture = mesh.shade(pixels, light, 0.7, 0.3, 4)
    y, x = (np.indices((SIDE, SIDE)) + 0.5 - SIDE / 2) / RADIUS
    z = np.sqrt(np.maximum(0, 1 - x**2 - y**2))
    return shown != NOTHING, np.stack([x, -y, z], axis=2), picture


def test_a_triangle_covers_the_pixels_whose_centres_lie_in_it() -> None:
    corners = [(10, 20, 1), (15, 90, 1), (95, 60, 1)]
    inside = [
        Path(np.array(corners)[:, :2]).contains_point((x + 0.5, y + 0.5))
        for y, x in np.ndindex(SIDE, SIDE)
    ]
    assert np.array_equal(picture(corners, (0, 1, 2))[0] != NOTHING, np.reshape(inside, (SIDE, -1)))
    assert (picture(corners, (2, 1, 0))[0] == NOTHING).all()  # seen from behind


def test_triangles_that_meet_leave_no_gap_and_what_sticks_out_is_cut_off() -> None:
    generator = np.random.default_rng(1)
    for _ in range(20):
        x, y = generator.uniform(20, 80, 2)
        corners = [(-30, -30, 1), (-30, 130, 1), (130, 130, 1), (130, -30, 1), (x, y, 1)]
        shown, _ = picture(corners, (0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4))
        assert (shown != NOTHING).all() and set(np.unique(shown)) == {0, 1, 2, 3}


def test_triangles_that_cross_change_places_where_their_depths_do() -> None:
    flat = [(10, 10, 5), (10, 90, 5), (90, 90, 5), (90, 10, 5)]
    tilted = [(10, 10, 1), (10, 90, 1), (90, 90, 9), (90, 10, 9)]  # as deep as flat at x = 50
    shown, _ = picture([*flat, *tilted], (0, 1, 2), (0, 2, 3), (4, 5, 6), (4, 6, 7))
    assert (shown[10:90, 10:50] >= 2).all()
    assert ((shown[10:90, 50:90] == 0) | (shown[10:90, 50:90] == 1)).all()


def test_what_vertices_carry_is_interpolated_linearly_and_exact_at_vertices() -> None:
    points = np.array([(10.5, 20.5, 1), (30.5, 80.5, 4), (90.5, 5.5, 9)], dtype=np.float32)
    triangles = np.array([(0, 1, 2)], dtype=np.int32)
    shown, weights = mesh.rasterise(points, triangles, SIDE, SIDE)
    values = mesh.interpolate(points, triangles, shown, weights)
    rows, columns = np.nonzero(shown != NOTHING)
    assert np.abs(values[rows, columns, 0] - (columns + 0.5)).max() < 1e-4
    assert np.abs(values[rows, columns, 1] - (rows + 0.5)).max() < 1e-4
    for x, y, depth in points:
        assert values[int(y), int(x)] == pytest.approx([x, y, depth], abs=1e-5)
    assert (values[shown == NOTHING] == 0).all()


@pytest.mark.parametrize("gloss", [0.0, 0.4])
def test_a_sphere_is_lit_as_lambert_blinn_and_phong_say(gloss: float) -> None:
    light = np.array([0.48, 0.6, 0.64], dtype=np.float32)
    inside, normals, picture = lit_sphere(light, gloss)
    assert inside.sum() == pytest.approx(np.pi * RADIUS**2, rel=0.01)  # a disc
    inside &= np.hypot(normals[:, :, 0], normals[:, :, 1]) < 0.97  # the rim is steep
    half = (light + (0, 0, 1)) / np.linalg.norm(light + (0, 0, 1))
    diffuse = 0.3 + 0.7 * np.maximum(0, normals @ light)
    shine = 0.7 * gloss * np.maximum(0, normals @ half) ** 16
    expected = diffuse[:, :, None] * (0.8, 0.5, 0.2) + shine[:, :, None]
    assert np.abs(picture - expected)[inside].max() < 0.01
    outside = np.hypot(normals[:, :, 0], normals[:, :, 1]) > 1
    assert (picture[outside] == 0).all()


def test_a_hidden_sky_dims_sky_and_lamp() -> None:
    pixel = np.array([1, 1, 1, 0, 0, 1, 0.25, 0], dtype=np.float32).reshape(1, 1, 8)
    lit = mesh.shade(pixel, np.array([0, 0, 1], dtype=np.float32), 0.6, 0.4, 4)
    assert lit[0, 0] == pytest.approx([0.4 * 0.25 + 0.6 * 0.5] * 3)


def test_a_sphere_sees_the_sky_the_foot_of_a_wall_half_and_what_is_under_a_roof_none() -> None:
    wall = [(-8, -1, -0.3), (8, -1, -0.3), (8, 8, -0.3), (-8, 8, -0.3)]
    roof = [(-8, 0.5, -8), (8, 0.5, -8), (8, 0.5, 8), (-8, 0.5, 8)]
    vertices = np.array([(0, 0, 0), *wall, *roof], dtype=np.float32)
    up = np.tile(np.array([0, 1, 0], dtype=np.float32), (len(vertices), 1))

    ball, around = sphere(40, 81)
    sky = face_model._sky(400)
    assert (
        np.abs(np.linalg.norm(sky, axis=1) - 1).max() < 1e-6 and np.abs(sky.sum(axis=0)).max() < 1
    )
    assert mesh.ambient_occlusion(ball, ball, around, sky, 128, 0.1).min() > 0.97

    def at_foot(*quads: tuple[int, int, int, int]) -> float:
        halves = [half for a, b, c, d in quads for half in ((a, b, c), (a, c, d))]
        faces = np.array([*halves, *(half[::-1] for half in halves)], dtype=np.int32)
        return float(mesh.ambient_occlusion(vertices, up, faces, sky, 512, 0.1)[0])

    assert at_foot((1, 2, 3, 4)) == pytest.approx(0.5, abs=0.03)
    assert at_foot((5, 6, 7, 8)) < 0.01
