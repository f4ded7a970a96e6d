"""A small software renderer for triangle meshes: normals, a z-buffer and light (section 4).

One thread and no shortcuts in the arithmetic, so that the same mesh gives the same picture. In a
picture x runs to the right and y downwards, in pixels; the first pixel's centre is (0.5, 0.5).
"""

import numpy as np
from numba import njit

NOTHING = -1  # the triangle of a pixel that shows none


@njit(cache=True)
def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return smooth normals: the mean over the triangles around a vertex, weighted by area.

    Args:
        vertices: (v, 3) float32, in a right-handed frame.
        triangles: (t, 3) int32 into vertices, counter-clockwise seen from outside.

    Returns:
        (v, 3) float32 of length 1; zeros for a vertex without triangles.
    """
    normals = np.zeros_like(vertices)
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux = vertices[b, 0] - vertices[a, 0]
        uy = vertices[b, 1] - vertices[a, 1]
        uz = vertices[b, 2] - vertices[a, 2]
        vx = vertices[c, 0] - vertices[a, 0]
        vy = vertices[c, 1] - vertices[a, 1]
        vz = vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx  # twice the area
        for corner in (a, b, c):
            normals[corner, 0] += nx
            normals[corner, 1] += ny
            normals[corner, 2] += nz
    for v in range(len(normals)):
        x, y, z = normals[v, 0], normals[v, 1], normals[v, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0:
            normals[v, 0] = x / length
            normals[v, 1] = y / length
            normals[v, 2] = z / length
    return normals


@njit(cache=True)
def rasterise(
    points: np.ndarray, triangles: np.ndarray, height: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return which triangle each pixel's centre shows, and where in it, by a z-buffer.

    A triangle whose corners run clockwise in the picture turns its back and is left out. Of two at
    the same depth the first is kept, so that what meets at an edge leaves no gap.

    Args:
        points: (v, 3) float32: x and y in pixels, and depth, which grows away from the eye.
        triangles: (t, 3) int32 into points.
        height, width: of the picture, in pixels.

    Returns:
        (height, width) int32 triangle, or NOTHING, and (height, width, 3) float32 barycentric
        weights of its corners.
    """
    nearest = np.full((height, width), np.inf, dtype=np.float32)
    shown = np.full((height, width), NOTHING, dtype=np.int32)
    weights = np.zeros((height, width, 3), dtype=np.float32)
    for t in range(len(triangles)):
        a, b, c = triangles[t]
        ax, ay, az = points[a, 0], points[a, 1], points[a, 2]
        bx, by, bz = points[b, 0], points[b, 1], points[b, 2]
        cx, cy, cz = points[c, 0], points[c, 1], points[c, 2]
        area = (cx - ax) * (by - ay) - (bx - ax) * (cy - ay)
        if area <= 0:
            continue
        left = max(0, int(np.ceil(min(ax, bx, cx) - 0.5)))
        right = min(width - 1, int(np.floor(max(ax, bx, cx) - 0.5)))
        top = max(0, int(np.ceil(min(ay, by, cy) - 0.5)))
        bottom = min(height - 1, int(np.floor(max(ay, by, cy) - 0.5)))
        for row in range(top, bottom + 1):
            y = row + 0.5
            for column in range(left, right + 1):
                x = column + 0.5
                wa = ((cx - x) * (by - y) - (bx - x) * (cy - y)) / area
                wb = ((ax - x) * (cy - y) - (cx - x) * (ay - y)) / area
                wc = 1 - wa - wb
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                depth = wa * az + wb * bz + wc * cz
                if depth < nearest[row, column]:
                    nearest[row, column] = depth
                    shown[row, column] = t
                    weights[row, column, 0] = wa
                    weights[row, column, 1] = wb
                    weights[row, column, 2] = wc
    return shown, weights


@njit(cache=True)
def interpolate(
    attributes: np.ndarray, triangles: np.ndarray, shown: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return what the vertices carry (v, k) float32, at every pixel, (height, width, k) float32.

    `shown` and `weights` are from `rasterise`; where nothing is shown the answer is 0.
    """
    height, width = shown.shape
    count = attributes.shape[1]
    values = np.zeros((height, width, count), dtype=np.float32)
    for row in range(height):
        for column in range(width):
            t = shown[row, column]
            if t == NOTHING:
                continue
            a, b, c = triangles[t]
            wa, wb, wc = weights[row, column]
            for k in range(count):
                values[row, column, k] = (
                    wa * attributes[a, k] + wb * attributes[b, k] + wc * attributes[c, k]
                )
    return values


@njit(cache=True)
def shade(
    pixels: np.ndarray, light: np.ndarray, key: float, ambient: float, squarings: int
) -> np.ndarray:
    """Return the light that reaches the eye from what each pixel shows, (height, width, 3) float32.

    Lambert's diffuse reflection of a distant lamp and of an even sky, and the gloss of Blinn and
    Phong; linear, seen along -z. Where little sky is seen the lamp is dimmed too, by the root.

    Args:
        pixels: (height, width, 8) float32: albedo (3), normal (3, of any length), share of the sky
            that is seen, and strength of the gloss. Black where the normal is 0.
        light: (3,) float32 of length 1, towards the lamp.
        key: brightness of the lamp.
        ambient: brightness of the sky.
        squarings: the exponent of the gloss is 2 to this power.
    """
    height, width, _ = pixels.shape
    picture = np.zeros((height, width, 3), dtype=np.float32)
    half = light + np.array([0.0, 0.0, 1.0], dtype=np.float32)
    half /= np.sqrt((half * half).sum())
    for row in range(height):
        for column in range(width):
            p = pixels[row, column]
            length = np.sqrt(p[3] * p[3] + p[4] * p[4] + p[5] * p[5])
            if length == 0:
                continue
            x, y, z = p[3] / length, p[4] / length, p[5] / length
            cosine = max(0.0, x * light[0] + y * light[1] + z * light[2])
            shine = max(0.0, x * half[0] + y * half[1] + z * half[2])
            for _ in range(squarings):
                shine *= shine
            diffuse = ambient * p[6] + key * cosine * np.sqrt(p[6])
            gloss = key * p[7] * shine * p[6]
            for k in range(3):
                picture[row, column, k] = p[k] * diffuse + gloss
    return picture


@njit(cache=True)
def ambient_occlusion(
    vertices: np.ndarray,
    normals: np.ndarray,
    triangles: np.ndarray,
    directions: np.ndarray,
    side: int,
    bias: float,
) -> np.ndarray:
    """Return which share of an even sky each vertex sees, weighted by the cosine, (v,) float32.

    Args:
        vertices: (v, 3) float32.
        normals: (v, 3) float32 of length 1.
        triangles: (t, 3) int32 into vertices, counter-clockwise seen from outside.
        directions: (d, 3) float32 of length 1, spread evenly over the sky.
        side: of the z-buffer into which the mesh is drawn from each direction, in pixels.
        bias: how far behind what is drawn a vertex may lie and still be seen.
    """
    seen = np.zeros(len(vertices), dtype=np.float32)
    whole = np.zeros(len(vertices), dtype=np.float32)
    for d in range(len(directions)):
        z = directions[d]
        points = _seen_from(vertices, z, side)
        depths = _depths(points, triangles, side)
        for v in range(len(vertices)):
            cosine = (normals[v] * z).sum()
            if cosine <= 0:
                continue
            whole[v] += cosine
            if points[v, 2] <= depths[int(points[v, 1]), int(points[v, 0])] + bias:
                seen[v] += cosine
    return seen / np.maximum(whole, np.float32(1e-9))


@njit(cache=True)
def _seen_from(vertices: np.ndarray, z: np.ndarray, side: int) -> np.ndarray:
    """Return vertices in a picture of so many pixels a side that looks along -z, (v, 3) float32."""
    radius = np.sqrt((vertices * vertices).sum(axis=1).max())
    x = np.array([-z[1], z[0], 0.0]) if abs(z[2]) < 0.9 else np.array([0.0, -z[2], z[1]])
    x = x / np.sqrt((x * x).sum())
    y = np.cross(z, x)
    points = np.empty_like(vertices)
    for v in range(len(vertices)):
        p = vertices[v]
        points[v, 0] = (0.5 + 0.49 * (p * x).sum() / radius) * side
        points[v, 1] = (0.5 - 0.49 * (p * y).sum() / radius) * side
        points[v, 2] = -(p * z).sum()
    return points


@njit(cache=True)
def _depths(points: np.ndarray, triangles: np.ndarray, side: int) -> np.ndarray:
    """Return the depth at each pixel, (side, side) float32, infinite where nothing is drawn."""
    shown, weights = rasterise(points, triangles, side, side)
    depths = np.full((side, side), np.inf, dtype=np.float32)
    for row in range(side):
        for column in range(side):
            t = shown[row, column]
            if t != NOTHING:
                depths[row, column] = 0
                for k in range(3):
                    depths[row, column] += weights[row, column, k] * points[triangles[t, k], 2]
    return depths
