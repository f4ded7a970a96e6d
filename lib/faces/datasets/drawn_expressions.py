"""Drawn expressions: which action units of the face move, and how far.

The Facial Action Coding System (Ekman and Friesen, 1978) describes any expression by the units it
is made of, each the work of a muscle or two. The prototypes follow its list for emotions (EMFACS).
"""

import numpy as np

from lib.faces.data import EXPRESSIONS, NEUTRAL

ACTION_UNITS = {
    1: "inner brow raiser",
    2: "outer brow raiser",
    4: "brow lowerer",
    5: "upper lid raiser",
    6: "cheek raiser",
    7: "lid tightener",
    9: "nose wrinkler",
    10: "upper lip raiser",
    12: "lip corner puller",
    14: "dimpler",
    15: "lip corner depressor",
    16: "lower lip depressor",
    17: "chin raiser",
    20: "lip stretcher",
    23: "lip tightener",
    25: "lips part",
    26: "jaw drop",
}
PROTOTYPES: dict[str, dict[int, float]] = {
    "anger": {4: 1.0, 5: 0.5, 7: 0.8, 23: 0.9, 17: 0.35, 10: 0.15},
    "contempt": {14: 1.0, 12: 0.45},  # on one side, see People.side
    "disgust": {9: 1.0, 10: 0.8, 15: 0.35, 17: 0.35, 4: 0.4, 7: 0.5, 6: 0.3},
    "fear": {1: 1.0, 2: 0.6, 4: 0.7, 5: 1.0, 20: 1.0, 16: 0.4, 25: 0.7, 26: 0.15},
    "happiness": {6: 0.8, 12: 1.0, 25: 0.6, 7: 0.15},
    "sadness": {1: 1.0, 4: 0.55, 15: 1.0, 17: 0.7, 7: 0.2},
    "surprise": {1: 0.9, 2: 1.0, 5: 0.75, 25: 0.7, 26: 1.0},
}
MAIN = 0.6  # units this strong in a prototype never stay out
STRONGEST = 1.25  # of any unit


def prototypes() -> np.ndarray:
    """Return the action units of each of EXPRESSIONS at its apex, (7, 17) float32."""
    rows = [[PROTOTYPES[name].get(unit, 0.0) for unit in ACTION_UNITS] for name in EXPRESSIONS]
    return np.array(rows, dtype=np.float32)


def one_unit(unit: int, amounts: np.ndarray) -> np.ndarray:
    """Return a single action unit that moves by these amounts, all others at rest.

    Args:
        unit: its number in the coding system, a key of ACTION_UNITS.
        amounts: (n,), 0 for none, 1 for the apex.

    Returns:
        (n, 17) float32.

    Raises:
        ValueError: no such unit is drawn.
    """
    if unit not in ACTION_UNITS:
        raise ValueError(f"action unit {unit} is not drawn; choose from {sorted(ACTION_UNITS)}")
    moved = np.zeros((len(amounts), len(ACTION_UNITS)), dtype=np.float32)
    moved[:, list(ACTION_UNITS).index(unit)] = amounts
    return moved


def actions(
    expressions: np.ndarray,
    intensity: np.ndarray,
    gain: np.ndarray | float = 1.0,
    rest: np.ndarray | float = 0.0,
    manner: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Return how far each action unit moves, (n, 17) float32 in 0..1.25.

    Without the last three arguments these are the bare prototypes, which a figure may want.

    Args:
        expressions: (n,) int, indices into EXPRESSIONS, or NEUTRAL.
        intensity: (n,), 0 for none, 1 for the apex.
        gain: (n, 17), how strongly the person moves each unit (`People.gain`).
        rest: (n, 17), what the person's face shows at rest (`People.rest`).
        manner: (n, 17), how strongly each unit takes part this time (`Nuisance.manner`).
    """
    shown = np.asarray(expressions) != NEUTRAL
    apex = np.where(shown[:, None], prototypes()[expressions], np.float32(0))
    part = np.where(apex >= MAIN, np.maximum(manner, 0.75), manner)
    moved = apex * gain * part * np.asarray(intensity)[:, None]
    return np.clip(rest + moved, 0, STRONGEST).astype(np.float32)
