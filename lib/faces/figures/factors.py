"""One factor at a time: the same face with another identity, expression, light or pose.

Rendered faces allow what no photograph does: all that is known of a picture is kept, and one thing
is changed. DE-GAN is meant to keep the expression and to drop the rest (section 3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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


@dataclass(frozen=True)
class Setting:
    """All that determines a picture.

    `unit` raises the inner brows, in place of any expression; `yaw` is in degrees and `light` in
    radians, both positive to the right of the picture.
    """

    person: int
    expression: int = EXPRESSIONS.index("happiness")
    intensity: float = 0.9
    unit: float | None = None
    yaw: float = 0.0
    light: float = 0.0


FACTORS: dict[str, Sequence[Mapping[str, float]]] = {  # six steps of each
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
    plain = Setting(PLAIN)
    settings = [
        replace(plain, **change)  # type: ignore[arg-type]
        for changes in FACTORS.values()
        for change in changes
    ]
    return photographs(settings, size, seed).reshape(len(FACTORS), -1, size, size, 3)


def photographs(settings: Sequence[Setting], size: int, seed: int) -> np.ndarray:
    """Return pictures of ICT-FaceKit's people, (n, size, size, 3) uint8."""
    met = {person: ict.draw_identity(seed, person) for person in {s.person for s in settings}}
    heads = {person: ict.build(identity) for person, identity in met.items()}
    raised = np.array([kind == SHAPE for kind in face_model.load().kinds])
    pictures = []
    for setting in settings:
        identity, head = met[setting.person], heads[setting.person]
        weights = ict.expression_weights(identity, setting.expression, setting.intensity)
        if setting.unit is not None:
            weights = ict.expression_weights(identity, NEUTRAL, 0.0) + setting.unit * raised
        scene = replace(STUDIO, yaw=setting.yaw, light=ict.direction(setting.light, ABOVE))
        pictures.append(ict.photograph(head, weights, scene, size).image)
    return np.stack(pictures)
