"""Rendered faces, the open rung of Part II: people of ICT-FaceKit's face model show expressions.

They stand in for the people of section 4.1. Shapes are those of scanned people; colours, hair, pose
and light are drawn. Everything of a person follows from the seed and the person's number, all of a
sequence (pose, light, background, manner of expressing) from these and the sequence's number, and
the small differences of a frame from all of them.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from lib.faces.data.corpus import COLUMNS, EXPRESSIONS, NEUTRAL, Requests
from lib.faces.render import mesh
from lib.faces.render.face_model import EYES, LANDMARKS, MODES, PARTS, add_shapes, load
from lib.faces.render.look import Look, draw_look
from lib.faces.render.paint import GAMMA
from lib.faces.render.surface import Surface, surface

APEX: dict[
    str, dict[str, float]
] = {  # weights of the shapes on both sides, but contempt shows on one
    "anger": {
        **{"browDown": 2.0, "eyeSquint": 0.8, "noseSneer": 0.4, "jawForward": 0.4},
        **{"mouthPress": 1.1, "mouthFrown": 0.25, "mouthShrugLower": 0.2, "mouthClose": 0.04},
    },
    "contempt": {"mouthSmile": 0.75, "mouthDimple": 1.0, "mouthUpperUp": 0.3, "cheekSquint": 0.4},
    "disgust": {
        **{"noseSneer": 1.0, "mouthUpperUp": 0.7, "mouthShrugUpper": 0.5},
        **{"browDown": 0.6, "cheekSquint": 0.6},
    },
    "fear": {
        **{"browInnerUp": 1.1, "browOuterUp": 0.4, "eyeWide": 1.2},
        **{"mouthStretch": 1.0, "mouthLowerDown": 0.5, "jawOpen": 0.2},
    },
    "happiness": {"mouthSmile": 1.0, "cheekSquint": 0.7, "eyeSquint": 0.3, "jawOpen": 0.12},
    "sadness": {"browInnerUp": 1.1, "mouthFrown": 1.2, "mouthShrugLower": 0.55, "eyeBlink": 0.25},
    "surprise": {
        **{"browInnerUp": 1.0, "browOuterUp": 1.0, "eyeWide": 1.2},
        **{"jawOpen": 0.65, "mouthFunnel": 0.25},
    },
}
RESTING = {  # deviations of the weights that a face at rest has
    **{"browDown": 0.12, "browInnerUp": 0.1, "eyeSquint": 0.15, "eyeBlink": 0.08},
    **{"mouthFrown": 0.1, "mouthSmile": 0.08, "mouthPress": 0.15},
}
SPREAD = 1.1  # of the identity modes, in their deviations: people a little less alike than in life
STRONGEST = 1.25  # intensity
INTENSITY = 0.9  # of expressions in `portraits`
NEW = 1_000_000  # here the sequences begin that are in no set: other lights, poses and backgrounds
SMALLEST = 16  # pixels
SUPERSAMPLING = 2  # in each direction, against jagged edges
DISTANCE = 75.0  # of the camera, in units of the model: about 75 cm
MARGIN = 1.7  # units of the model left free above the crown and below the chin, together
RAISED = 0.55  # units: the chin has more room, which the jaw needs
PIVOT = np.array([0.0, 2.0, 2.0], dtype=np.float32)  # about which the head turns
SQUARINGS = 4  # the exponent of the gloss is 16


@dataclass(frozen=True, eq=False)
class Identity:
    """One person: weights of the identity modes (100,), colours, and manner of expressing.

    `gains` (57,) multiply the weights of an expression's shapes, `resting` (57,) are those of the
    face at rest, and `side` ("L" or "R") is the one that shows contempt.
    """

    modes: np.ndarray
    look: Look
    gains: np.ndarray
    resting: np.ndarray
    side: str


@dataclass(frozen=True, eq=False)
class Scene:
    """Pose, light and background of one sequence.

    Angles are in degrees: positive `yaw` turns the head to the right of the picture, positive
    `pitch` bows it, positive `roll` leans it to the left of the picture.
    """

    yaw: float
    pitch: float
    roll: float
    shift: np.ndarray  # (2,) to the right and upwards, in units of the model
    scale: float
    light: np.ndarray  # (3,) float32, towards the lamp
    key: float  # brightness of the lamp
    ambient: float  # brightness of the sky
    tint: np.ndarray  # (3,) of the light
    background: np.ndarray  # (2, 3) sRGB from 0 to 255, from one side to the other
    slope: float  # direction from the first to the second, in radians
    grain: float  # deviation of the sensor's noise, in grey levels


@dataclass(frozen=True, eq=False)
class Head:
    """A person's head at rest, ready to be drawn again and again."""

    surface: Surface
    middle: float  # height between crown and chin
    height: float  # from chin to crown


@dataclass(frozen=True, eq=False)
class Photograph:
    """One picture (size, size, 3) uint8, and the true landmarks in it (68, 2) float32, x and y.

    `eyes` (2, 2) float32 are the centres of the two eyes, the left one in the picture first.
    """

    image: np.ndarray
    landmarks: np.ndarray
    eyes: np.ndarray


def render(requests: Requests, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures of faces, (n, size, size, 3) uint8 RGB, and where their eyes are.

    Eyes are (n, 2, 2) float32: x and y, in pixels from the upper left corner, of the centres of
    both, the one on the left of the picture first.
    """
    _check(requests, size)
    images = np.zeros((len(requests.people), size, size, 3), dtype=np.uint8)
    eyes = np.zeros((len(images), 2, 2), dtype=np.float32)
    for row in np.argsort(requests.people, kind="stable"):  # one person after the other
        person, sequence, frame = (
            int(column[row]) for column in (requests.people, requests.sequences, requests.frames)
        )
        identity, head = _known(requests.seed, person)
        generator = np.random.default_rng([requests.seed, 2, person, sequence, frame])
        scene, manner = _jittered(*draw_sequence(requests.seed, person, sequence), generator)
        expression, intensity = int(requests.expressions[row]), float(requests.intensity[row])
        weights = expression_weights(identity, expression, intensity, manner)
        taken = photograph(head, weights, scene, size, generator)
        images[row], eyes[row] = taken.image, taken.eyes
    return images, eyes


def portraits(
    people: np.ndarray, expressions: np.ndarray, sequences: np.ndarray, size: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures that are in no set, and their eyes, as `render` does.

    Numbers are (n,) int64; sequences count from 0, and each has a light, pose and background of its
    own.
    """
    intensity = np.where(expressions == NEUTRAL, 0.0, INTENSITY)
    frames = np.zeros_like(people)
    return render(Requests(people, expressions, intensity, NEW + sequences, frames, seed), size)


def draw_identity(seed: int, person: int) -> Identity:
    """Return a person."""
    generator = np.random.default_rng([seed, 0, person])
    model = load()
    modes = np.clip(SPREAD * generator.standard_normal(MODES), -2.5, 2.5)
    gains = np.exp(_paired(generator, 0.15, 0.04)).clip(0.7, 1.35)
    deviations = np.array([RESTING.get(kind, 0.0) for kind in model.kinds])
    resting = deviations * np.abs(_paired(generator, 1.0, 0.2))
    resting[model.names.index("mouthClose")] += 0.035  # the neutral lips leave a gap
    side = "LR"[generator.integers(2)]
    return Identity(modes, draw_look(generator, len(model.neutral)), gains, resting, side)


def draw_sequence(seed: int, person: int, sequence: int) -> tuple[Scene, np.ndarray]:
    """Return the scene of a sequence, and its manner: factors (57,) of the shapes' weights."""
    generator = np.random.default_rng([seed, 1, person, sequence])
    manner = np.exp(_paired(generator, 0.08, 0.03))
    yaw, pitch, roll = generator.standard_normal(3).clip(-2.2, 2.2) * (6, 4, 2)
    around = float(np.clip(generator.normal(0, 0.5), -1, 1))
    above = float(np.clip(generator.normal(0.45, 0.25), 0, 0.9))
    background = generator.uniform(60, 215) + generator.normal(0, 10, 3)
    scene = Scene(
        yaw,
        pitch,
        roll,
        shift=generator.normal(0, 0.18, 2),
        scale=1 + 0.015 * generator.standard_normal(),
        light=direction(around, above),
        key=generator.uniform(0.45, 0.72),
        ambient=generator.uniform(0.42, 0.6),
        tint=1 + 0.03 * generator.standard_normal(3),
        background=np.stack([background, background * generator.uniform(0.6, 1.2)]).clip(0, 255),
        slope=generator.uniform(0, 2 * np.pi),
        grain=generator.uniform(0.5, 2.0),
    )
    return scene, manner


def direction(around: float, above: float) -> np.ndarray:
    """Return the direction towards a lamp, (3,) float32.

    `around` is 0 in front of the face and positive to the right of the picture, `above` is above
    the horizon, both in radians.
    """
    x, z = np.sin(around) * np.cos(above), np.cos(around) * np.cos(above)
    return np.array([x, np.sin(above), z], dtype=np.float32)


def expression_weights(
    identity: Identity, expression: int, intensity: float, manner: np.ndarray | float = 1.0
) -> np.ndarray:
    """Return the weights (57,) of the model's shapes when a person shows an expression.

    `intensity` is 0 for none and 1 for the apex, `manner` (57,) from `draw_sequence`.
    """
    weights = identity.resting.copy()
    if expression != NEUTRAL:
        name, model = EXPRESSIONS[expression], load()
        apex = np.array([APEX[name].get(kind, 0.0) for kind in model.kinds])
        if name == "contempt":
            apex *= [shape.endswith(identity.side) for shape in model.names]
        weights += intensity * apex * identity.gains * manner
    return weights


def build(identity: Identity) -> Head:
    """Return the head of a person."""
    model = load()
    vertices = add_shapes(model.neutral, identity.modes, model.modes)
    crown, chin = vertices[PARTS["head"], 1].max(), vertices[LANDMARKS[8], 1]
    middle, height = float(crown + chin) / 2, float(crown - chin)
    return Head(surface(identity.look, vertices), middle, height)


def photograph(
    head: Head,
    weights: np.ndarray,
    scene: Scene,
    size: int,
    generator: np.random.Generator | None = None,
) -> Photograph:
    """Return the picture of a head, with the sensor's noise where a generator draws it.

    `weights` (57,) are of the model's shapes, see `expression_weights`; `size` is in pixels.
    """
    vertices, triangles = head.surface.vertices.copy(), head.surface.triangles
    model = load()
    own = slice(len(model.neutral))  # hair and glasses, which come behind, keep their shape
    vertices[own] = add_shapes(vertices[own], weights, model.shapes)
    turn = rotation(scene)
    normals = _turned(mesh.vertex_normals(vertices, triangles), turn)
    side = size * SUPERSAMPLING
    points = _projected(_turned(vertices - PIVOT, turn) + PIVOT, head, scene, side)
    shown, inside = mesh.rasterise(points, triangles, side, side)
    attributes = np.concatenate([head.surface.albedo, normals, head.surface.finish], axis=1)
    pixels = mesh.interpolate(attributes, triangles, shown, inside)
    picture = mesh.shade(pixels, scene.light, scene.key, scene.ambient, SQUARINGS)
    picture *= scene.tint.astype(np.float32)
    picture = np.where((shown == mesh.NOTHING)[:, :, None], _backdrop(scene, side), picture)
    places = points[:, :2] / SUPERSAMPLING
    picture = 255 * np.clip(_smaller(picture), 0, 1) ** np.float32(1 / GAMMA)
    if generator is not None:
        picture += scene.grain * generator.standard_normal(picture.shape, dtype=np.float32)
    image = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    return Photograph(image, places[LANDMARKS], places[EYES])


def _smaller(picture: np.ndarray) -> np.ndarray:
    """Return the means of squares of SUPERSAMPLING pixels a side."""
    size = len(picture) // SUPERSAMPLING
    return picture.reshape(size, SUPERSAMPLING, size, SUPERSAMPLING, 3).mean(axis=(1, 3))


def rotation(scene: Scene) -> np.ndarray:
    """Return the (3, 3) float32 matrix that turns a head: yaw first, then pitch, then roll."""
    (a, b, c), (p, q, r) = (
        f(np.radians([scene.yaw, scene.pitch, scene.roll])) for f in (np.cos, np.sin)
    )
    yaw = np.array([[a, 0, p], [0, 1, 0], [-p, 0, a]])
    pitch = np.array([[1, 0, 0], [0, b, -q], [0, q, b]])
    roll = np.array([[c, -r, 0], [r, c, 0], [0, 0, 1]])
    return (roll @ pitch @ yaw).astype(np.float32)


def _turned(vectors: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Return vectors (v, 3) times a rotation, term by term: a matrix product may differ by CPU."""
    x, y, z = (vectors[:, k : k + 1] for k in range(3))
    return x * turn[:, 0] + y * turn[:, 1] + z * turn[:, 2]


def _projected(vertices: np.ndarray, head: Head, scene: Scene, side: int) -> np.ndarray:
    """Return vertices as the camera sees them, (v, 3) float32: x and y in pixels, and depth."""
    depth = DISTANCE - vertices[:, 2]
    zoom = DISTANCE / depth * (side * scene.scale / (head.height + MARGIN))
    x = vertices[:, 0] + scene.shift[0]
    y = head.middle - RAISED - scene.shift[1] - vertices[:, 1]
    return np.stack([side / 2 + x * zoom, side / 2 + y * zoom, depth], axis=1).astype(np.float32)


def _backdrop(scene: Scene, side: int) -> np.ndarray:
    """Return the background, a gradient between two colours, (side, side, 3) float32, linear."""
    steps = (np.arange(side) + 0.5) / side - 0.5
    along = np.cos(scene.slope) * steps + np.sin(scene.slope) * steps[:, None]
    start, end = (scene.background / 255) ** GAMMA
    return (start + (0.5 + along[:, :, None] / np.sqrt(2)) * (end - start)).astype(np.float32)


def _jittered(
    scene: Scene, manner: np.ndarray, generator: np.random.Generator
) -> tuple[Scene, np.ndarray]:
    """Return scene and manner of one frame of a sequence."""
    yaw, pitch, roll = generator.standard_normal(3) * (0.8, 0.6, 0.4)
    moved = replace(scene, yaw=scene.yaw + yaw, pitch=scene.pitch + pitch, roll=scene.roll + roll)
    return moved, manner * np.exp(_paired(generator, 0.04, 0.01))


@lru_cache(maxsize=16)
def _known(seed: int, person: int) -> tuple[Identity, Head]:
    """Return a person and the head; those last asked for are remembered."""
    identity = draw_identity(seed, person)
    return identity, build(identity)


def _paired(generator: np.random.Generator, common: float, own: float) -> np.ndarray:
    """Return normal numbers for the 57 shapes, nearly the same for the two sides of one.

    `common` is the deviation of what the sides share, `own` of what they do not.
    """
    kind_of = load().kind_of
    shared = generator.standard_normal(kind_of.max() + 1)[kind_of]
    return common * shared + own * generator.standard_normal(len(kind_of))


def _check(requests: Requests, size: int) -> None:
    columns = {name: np.asarray(getattr(requests, name)) for name in COLUMNS}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{count} {name}" for name, count in lengths.items())
        raise ValueError(f"the requests are of unequal length: {said}")
    if size < SMALLEST:
        raise ValueError(f"faces of {size} pixels show nothing; ask for {SMALLEST} or more")
    _check_range("expression", columns["expressions"], NEUTRAL, len(EXPRESSIONS) - 1)
    _check_range("intensity", columns["intensity"], 0, STRONGEST)
    for name in ("people", "sequences", "frames"):
        _check_range(f"number among the {name}", columns[name], 0, np.inf)
    _check_range("seed", np.array([requests.seed]), 0, np.inf)
    for name in ("people", "expressions", "sequences", "frames"):
        if columns[name].dtype.kind not in "iu":
            raise ValueError(f"the {name} are {columns[name].dtype}; give whole numbers")


def _check_range(name: str, values: np.ndarray, low: float, high: float) -> None:
    wrong = ~((values >= low) & (values <= high))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"request {row}: {name} {values[row]} is not between {low} and {high}")
