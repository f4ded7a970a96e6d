"""Sets of faces that are made, not read (section 4.1 and 4.2): rendered, and kept.

They have the shapes of the paper's sets: many people with many images for pre-training, other
people with a few sequences each for recognition. Each set is made once and kept in data/cache.
Rendered faces are where they should be, so they are not aligned.
"""

import errno
import hashlib
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from lib.book.files import REPOSITORY
from lib.faces.augment import source_side
from lib.faces.data.corpus import BASIC, EXPRESSIONS, Corpus, Faces, Requests, Shape, Sizes
from lib.faces.render import face_model, ict, look, mesh, paint, surface
from lib.runs import code, rows
from lib.runs.rows import Rows

CACHE = REPOSITORY / "data" / "cache" / "faces"
NAME, RUNG = "ict", "open"
RENDERER = (face_model, ict, look, mesh, paint, surface)  # where it changes, all is rendered anew
OTHERS = 100_000  # numbers of the people for recognition begin here, those for pre-training below
PRETRAINING_INTENSITY = (0.45, 1.05)  # from onset to a little over the usual apex
PEAK_INTENSITY = (0.55, 1.0)  # people do not show expressions equally strongly
RAMP = 0.88  # of the peak, in the first of a sequence's last frames
TOGETHER = 128  # faces rendered in one call: little memory, and progress is seen

# The paper says 208 sequences; the counts are those usually reported for that choice of MMI.
MMI = Shape(31, dict(zip(BASIC, (33, 31, 28, 42, 32, 42), strict=True)), 3)
OULU_CASIA = Shape(80, dict.fromkeys(BASIC, 80), 3)

Render = Callable[[Requests, int], tuple[np.ndarray, np.ndarray]]


def corpus(render: Render, sizes: Sizes) -> Corpus:
    """Return all sets, each made when it is first called for."""
    side, seed = sizes.side, sizes.seed
    count = sizes.people * len(EXPRESSIONS) * sizes.frames

    people = partial(pretraining, render, sizes.people)

    def others(shape: Shape) -> Callable[[], Faces]:
        return lambda: recognition(render, shape, side, seed)

    return Corpus(
        NAME,
        RUNG,
        lambda: people(sizes.frames, side, seed),
        lambda: people(sizes.frames, side, seed, first_sequence=count),
        lambda: people(sizes.held_out, side, seed, first_sequence=2 * count),
        range(count, 2 * count),
        {each: others(shape) for each, shape in sizes.shapes.items()},
    )


def pretraining(
    render: Render,
    people: int,
    frames: int,
    side: int,
    seed: int,
    *,
    first_sequence: int = 0,
    folder: Path = CACHE,
) -> Faces:
    """Return a set in which every person shows every expression in `frames` images.

    Each image is a sequence of its own, with its own light, pose and background. Judges and probes
    are trained on the same people in other sequences: give a `first_sequence` beyond those of the
    set they judge.

    Args:
        render: returns images (n, size, size, 3) uint8 and the eyes in them.
        people: numbered from 0.
        frames: images of each person and expression.
        side: px of the networks' input; images have source_side(side).
        seed: of the people and all else; the same for every set that shares people.
        first_sequence: number of the first sequence; each image takes the next.
        folder: of the cache.
    """
    if not 0 < people <= OTHERS or frames < 1 or first_sequence < 0:
        raise ValueError(
            f"{people} people, {frames} frames from sequence {first_sequence}; choose 1 to "
            f"{OTHERS} people, at least 1 frame, and a sequence from 0 on"
        )
    identities, expressions, _ = np.indices((people, len(EXPRESSIONS), frames)).reshape(3, -1)
    generator = np.random.default_rng((seed, first_sequence))
    intensity = generator.uniform(*PRETRAINING_INTENSITY, len(identities))
    sequences = first_sequence + np.arange(len(identities))
    zeros = np.zeros_like(identities)
    requests = Requests(identities, expressions, intensity, sequences, zeros, seed)
    images = _images(render, requests, source_side(side), folder)
    return Faces(NAME, RUNG, images, expressions, identities, sequences, zeros, EXPRESSIONS)


def recognition(
    render: Render,
    shape: Shape,
    side: int,
    seed: int,
    *,
    folder: Path = CACHE,
) -> Faces:
    """Return a set with the people, sequences and last frames of one of the paper's (section 4.2).

    Nobody in it is in a pre-training set. Who shows which expression is drawn at random: each
    person has at least one sequence, and shows an expression a second time only where there are
    more sequences of it than people. Frames rise to the peak of their sequence. The rest is as in
    `pretraining`.
    """
    _check(shape)
    generator = np.random.default_rng(seed)
    classes = tuple(expression for expression in EXPRESSIONS if shape.sequences.get(expression))
    shown = _dealt(shape.people, [shape.sequences[each] for each in classes], generator)
    person, label = np.divmod(np.repeat(np.arange(shown.size), shown.ravel()), len(classes))
    peak = generator.uniform(*PEAK_INTENSITY, len(person))
    ramp = np.linspace(1, RAMP, shape.frames)[::-1]  # this way round a single frame is the peak
    sequences, frames = np.indices((len(person), shape.frames)).reshape(2, -1)
    identities, labels = person[sequences], label[sequences]
    asked = np.array([EXPRESSIONS.index(expression) for expression in classes])[labels]
    intensity = peak[sequences] * ramp[frames]
    requests = Requests(OTHERS + identities, asked, intensity, sequences, frames, seed)
    images = _images(render, requests, source_side(side), folder)
    return Faces(NAME, RUNG, images, labels, identities, sequences, frames, classes)


def _check(shape: Shape) -> None:
    if unknown := [each for each in shape.sequences if each not in EXPRESSIONS]:
        raise ValueError(f"no expression {unknown[0]!r}; use {', '.join(EXPRESSIONS)}")
    counts = list(shape.sequences.values())
    if shape.people < 1 or shape.frames < 1 or min(counts, default=0) < 0:
        raise ValueError(f"people, frames and sequences must be counts, not {shape}")
    if sum(counts) < shape.people:
        raise ValueError(
            f"{sum(counts)} sequences are too few for {shape.people} people; "
            "each needs at least one"
        )


def _dealt(people: int, counts: list[int], generator: np.random.Generator) -> np.ndarray:
    """Return how often each person shows each expression, (people, len(counts)) int64."""
    shown = np.zeros((people, len(counts)), dtype=np.int64)
    for label, count in enumerate(counts):
        each, more = divmod(count, people)
        shown[:, label] = each
        shown[generator.permutation(people)[:more], label] += 1
    for person in np.flatnonzero(shown.sum(axis=1) == 0):  # takes one over from who has several
        giver, label = generator.choice(np.argwhere((shown > 0) & (shown.sum(1) > 1)[:, None]))
        shown[giver, label] -= 1
        shown[person, label] += 1
    return shown


def _images(render: Render, requests: Requests, size: int, folder: Path) -> Rows:
    """Return the images asked for, on disk in the cache, where they are put if they lack."""
    place = folder / f"{NAME}-{_key(requests, size)}.npy"
    found = rows.read(place)
    if found is None:
        _make(render, requests, size, place)
        found = rows.read(place)
    if found is None:
        raise OSError(errno.EIO, f"{place} cannot be read back; check the disk and run again")
    return found


def _key(requests: Requests, size: int) -> str:
    """Return 16 hex digits that change with what is asked of the renderer, and with its code."""
    digest = hashlib.sha256(f"{code.key(RENDERER)} {size} {requests.seed}".encode())
    for name in ("people", "expressions", "sequences", "frames", "intensity"):
        digest.update(getattr(requests, name).tobytes())
    return digest.hexdigest()[:16]


def _make(render: Render, requests: Requests, size: int, place: Path) -> None:
    """Render the images and write them into the cache: all of them are there, or none."""
    count = len(requests.people)
    place.parent.mkdir(parents=True, exist_ok=True)
    _check_room(place, count * size * size * 3)
    with tqdm(total=count, desc="render faces", unit="face", disable=None) as progress:

        def parts() -> Iterator[np.ndarray]:
            for begin in range(0, count, TOGETHER):
                some = requests.take(slice(begin, begin + TOGETHER))
                images = _rendered(render, some, size)
                yield images
                progress.update(len(images))

        rows.write(place, parts())


def _rendered(render: Render, requests: Requests, size: int) -> np.ndarray:
    images, _ = render(requests, size)
    expected = (len(requests.people), size, size, 3)
    if images.shape != expected or images.dtype != np.uint8:
        raise ValueError(
            f"{render.__qualname__} returned {images.dtype} of {images.shape} "
            f"instead of uint8 of {expected}"
        )
    return images


def _check_room(place: Path, needed: int) -> None:
    """Raise OSError where the disk has too little room for so many bytes."""
    free = shutil.disk_usage(place.parent).free
    if free < needed:
        raise OSError(
            errno.ENOSPC,
            f"{place} takes {needed / 1e6:,.0f} MB, but {free / 1e6:,.0f} MB are free; make room "
            "and run again",
        )
