"""The embedded rung of Part I: clips drawn and synthesised here, for readers without any data.

The timing is that of a domestic test set (`lib.sound.drawn`), the sounds come from formulas
(`synthesis`), the pictures are drawn (`pictures`). A clip follows from its name alone.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lib.sound.data import SPLITS, Corpus, Sizes, Waveform
from lib.sound.datasets import pictures, synthesis
from lib.sound.drawn import draw_events
from lib.sound.labels import CLASSES, Events

VERSION = 1  # of the recipe: another number, another corpus
RATE = synthesis.RATE
PEAK = 0.95
MOST_CLASSES = 3  # in one clip; more are hardly ever told apart by ear
BLOCK = 100  # clips whose events are drawn at once, so that no clip depends on how many there are
ROOM_LEVEL = (-48.0, -34.0)  # dB of full scale
SNR = (0.0, 20.0)  # dB of a class over the room
SNR_SPREAD = 1.5  # dB, standard deviation from event to event of a class


@dataclass(frozen=True)
class Recipe:
    """One clip: `seed` of sounds and pictures, seconds, (class, onset, offset) of its events."""

    seed: int
    seconds: float
    events: tuple[tuple[str, float, float], ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Return which classes sound, in the order of CLASSES."""
        sounding = {label for label, _, _ in self.events}
        return tuple(label for label in CLASSES if label in sounding)


def load(sizes: Sizes) -> Corpus:
    """Return drawn clips, each made when it is asked for."""
    recipes = {
        split: {
            f"drawn_{split}_{index:05d}.wav": recipe
            for index, recipe in enumerate(_draw_recipes(split, getattr(sizes, split)))
        }
        for split in SPLITS
    }
    every = {name: recipe for part in recipes.values() for name, recipe in part.items()}

    def frames(name: str, times: np.ndarray) -> np.ndarray:
        recipe = every[name]
        return pictures.draw_frames(list(recipe.events), recipe.seconds, recipe.seed, times)

    return Corpus(
        name="drawn",
        rung="embedded",
        clips={split: tuple(part) for split, part in recipes.items()},
        weak={name: recipe.labels for name, recipe in recipes["weak"].items()},
        strong={split: _as_events(recipes[split]) for split in ("validation", "test")},
        content=lambda name: _digest(every[name]),
        audio=lambda name: Waveform(render(every[name]), RATE),
        frames=frames,
        left_out={},
        notes=lambda name: f"synthesised and drawn in this book: {', '.join(every[name].labels)}",
    )


def render(recipe: Recipe) -> np.ndarray:
    """Return the samples of a clip, (seconds times RATE,) float32, none beyond PEAK.

    The events of a class come from one source: the same dog, the same voice.
    """
    generator = np.random.default_rng([recipe.seed, 0])
    mixture = synthesis.background(recipe.seconds, generator, RATE)
    room = 10 ** (generator.uniform(*ROOM_LEVEL) / 20)
    mixture *= np.float32(room / np.sqrt(np.mean(mixture**2)))
    ratios = dict(zip(CLASSES, generator.uniform(*SNR, len(CLASSES)), strict=True))
    for label, onset, offset in recipe.events:
        first = round(onset * RATE)
        source = np.random.default_rng([recipe.seed, 1, CLASSES.index(label)])
        sound = synthesis.synthesise(label, offset - onset, source, RATE)[: len(mixture) - first]
        ratio = np.clip(ratios[label] + SNR_SPREAD * generator.standard_normal(), *SNR)
        gain = room * 10 ** (ratio / 20) / np.sqrt(np.mean(sound**2))
        mixture[first : first + len(sound)] += np.float32(gain) * sound
    return mixture * np.float32(min(1.0, PEAK / np.abs(mixture).max()))


def _draw_recipes(split: str, count: int) -> tuple[Recipe, ...]:
    """Return the first recipes of a split; those of a larger count begin with the same."""
    recipes: list[Recipe] = []
    block = 0
    while len(recipes) < count:
        recipes += _draw_block(split, block)
        block += 1
    return tuple(recipes[:count])


@lru_cache(maxsize=512)
def _draw_block(split: str, block: int) -> tuple[Recipe, ...]:
    """Return the recipes of one block of drawn events; every class is in its first ten clips.

    Clips without events are left out; of too many classes MOST_CLASSES are kept.
    """
    seed = int.from_bytes(hashlib.sha256(f"{VERSION} {split} {block}".encode()).digest()[:6], "big")
    drawn = draw_events(BLOCK, seed)
    turns = np.random.default_rng(seed).random(drawn.shape)
    np.fill_diagonal(turns, -1.0)  # `draw_events` lets class i sound in clip i: it stays
    turns[~drawn.tags] = np.inf
    kept = np.argsort(turns, axis=1)[:, :MOST_CLASSES]
    recipes = []
    for clip in np.flatnonzero(drawn.tags.any(axis=1)).tolist():
        rows = np.flatnonzero((drawn.clip == clip) & np.isin(drawn.label, kept[clip]))
        events = tuple(
            (CLASSES[drawn.label[row]], float(drawn.onset[row]), float(drawn.offset[row]))
            for row in rows[np.argsort(drawn.onset[rows], kind="stable")]
        )
        recipes.append(Recipe(seed + clip, float(drawn.durations[clip]), events))
    return tuple(recipes)


def _as_events(recipes: dict[str, Recipe]) -> Events:
    """Return what sounds when in clips as arrays."""
    rows = [
        (clip, CLASSES.index(label), onset, offset)
        for clip, recipe in enumerate(recipes.values())
        for label, onset, offset in recipe.events
    ]
    columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    clip, label = columns[:2].astype(np.int64)
    durations = np.array([recipe.seconds for recipe in recipes.values()], dtype=np.float64)
    return Events(tuple(recipes), durations, clip, label, columns[2], columns[3])


def _digest(recipe: Recipe) -> str:
    """Return the SHA-256 of what determines a clip."""
    facts = (VERSION, pictures.VERSION, recipe.seed, recipe.seconds, recipe.events)
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
