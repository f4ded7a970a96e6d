"""One factor at a time: the same face with another identity, expression, light or pose.

Rendered faces allow what no photograph does: all that is known of a picture is kept, and one thing
is changed. DE-GAN is meant to keep the expression and to drop the rest (section 3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lib.faces.data.corpus import EXPRESSIONS, NEUTRAL
from lib.faces.render import face_model, ict

SHAPE = "browInnerUp"  # unit 1 of the Facial Action Coding System in ICT-FaceKit's words
PLAIN = 3  # somebody without beard and glasses, which hide what a face does
ABOVE = 0.45  # radians, of the lamp above the horizon
STUDIO = ict.Scene(
    yaw=0.0,
    pitch=0.0,
    roll=0.0,
    shift=np.zeros(2),
    scale=1.0,
    light=ict.direction(0.0, ABOVE),
    key=0.6,
    ambient=0.5,
    tint=np.ones(3),
    background=np.full((2, 3), 170.0),
    slope=0.0,
    grain=0.0,
)
FACTORS: dict[str, Sequence[Mapping[str, Any]]] = {  # six steps of each
    "identity\nsix people": [{"person": person} for person in range(6)],
    "expression\nnone, 5 of 7": [
        {"expression": NEUTRAL},
        *({"expression": EXPRESSIONS.index(name)} for name in ("anger", "disgust", "fear")),
        *({"expression": EXPRESSIONS.index(name)} for name in ("sadness", "surprise")),
    ],
    "intensity\n0 to 1.2": [{"intensity": value} for value in np.linspace(0, 1.2, 6)],
    "one muscle\ninner brow raiser": [{"unit": value} for value in np.linspace(0, 1.2, 6)],
    "light\nleft to right": [{"light": value} for value in np.linspace(-1.2, 1.2, 6)],
    "pose\n−20° to 20°": [{"yaw": value} for value in np.linspace(-20, 20, 6)],
}


def vary(size: int, seed: int) -> np.ndarray:
    """Return one row of pictures for each of FACTORS, (6, 6, size, size, 3) uint8."""
    met = {person: ict.draw_identity(seed, person) for person in range(6)}
    heads = {person: ict.build(identity) for person, identity in met.items()}

    def taken(person: int = PLAIN, **change: Any) -> np.ndarray:
        return photograph(met[person], heads[person], size, **change)

    return np.array([[taken(**change) for change in changes] for changes in FACTORS.values()])


def photograph(
    identity: ict.Identity,
    head: ict.Head,
    size: int,
    expression: int = EXPRESSIONS.index("happiness"),
    intensity: float = 0.9,
    unit: float | None = None,
    yaw: float = 0.0,
    light: float = 0.0,
) -> np.ndarray:
    """Return a picture of one of ICT-FaceKit's people, (size, size, 3) uint8.

    `unit` raises the inner brows, in place of any expression; `yaw` is in degrees and `light` in
    radians, both positive to the right of the picture.
    """
    weights = ict.expression_weights(identity, expression, intensity)
    if unit is not None:
        raised = np.array([kind == SHAPE for kind in face_model.load().kinds])
        weights = ict.expression_weights(identity, NEUTRAL, 0.0) + unit * raised
    scene = replace(STUDIO, yaw=yaw, light=ict.direction(light, ABOVE))
    return ict.photograph(head, weights, scene, size).image
