"""The original rung of Part II: CK+, MMI, Oulu-CASIA and BU-4DFE (sections 4.1 and 4.2).

None may be passed on: a reader asks their owners. Faces are found and aligned once and kept in
data/cache; later the images are read from there batch by batch: those of BU-4DFE are gigabytes.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from lib.book import data_root
from lib.book.files import REPOSITORY, write_atomically
from lib.faces.augment import source_side
from lib.faces.data import ckplus, folders, mmi
from lib.faces.data.corpus import BASIC, EXPRESSIONS, Corpus, Faces, Sizes
from lib.faces.data.sequences import Listing, Picture, Sequence, aligned_files, by_folder
from lib.runs import rows

CACHE = REPOSITORY / "data" / "cache" / "faces"
VERSION = 2  # raise it when aligned images change: the cache then starts afresh
PRETRAINING = "bu_4dfe"
RECOGNITION = {"ck": "ck_plus", "mmi": "mmi", "oulu": "oulu_casia"}  # by their short names
SHOWN = 3  # of what is left out; all of it is in the index
LABELS = ("expressions", "identities", "sequences", "frames")  # what Faces has beside its images


@dataclass(frozen=True)
class Original:
    """One set: how it is read; data/sources.toml says where it is."""

    title: str
    classes: tuple[str, ...]
    listing: Callable[[Path, Mapping[str, list[str]]], Listing]
    aligned: Callable[[Path, Sequence, int], Iterator[Picture]] = aligned_files


SETS = {
    "ck_plus": Original("CK+", EXPRESSIONS, ckplus.listing, ckplus.aligned),
    "mmi": Original("MMI", BASIC, mmi.listing, mmi.aligned),
    "oulu_casia": Original("Oulu-CASIA", BASIC, folders.oulu_casia),
    "bu_4dfe": Original("BU-4DFE", BASIC, folders.bu_4dfe),
}


def load(name: str, side: int) -> Faces:
    """Return the faces of one of SETS aligned at `side` pixels, its images in the cache.

    Files that cannot be used are in `skipped`, with their reasons.
    """
    folder = data_root.locate(name)
    listing = SETS[name].listing(folder, by_folder(folder, data_root.files(name)))
    place = CACHE / f"{name}-{side}-{_stamp(folder, listing, side)}"
    faces = _read(place, name)
    if faces is None:
        _build(place, name, listing, side)
        faces = _read(place, name)
    assert faces is not None
    return faces


def corpus(sizes: Sizes) -> Corpus:
    """Return the sets that are there: BU-4DFE for pre-training, the others for recognition.

    Its frames show one performance of each person and expression, so there are no other pictures:
    judges learn from those DE-GAN learns from, and both are measured on them.
    """
    side = source_side(sizes.side)

    def reader(name: str) -> Callable[[], Faces]:
        return lambda: load(name, side)

    people = reader(PRETRAINING)
    sets = {key: reader(name) for key, name in RECOGNITION.items() if data_root.present(name)}
    return Corpus("original", "original", people, people, people, range(0), sets)


def enough() -> bool:
    """Return whether there is a set to pre-train on and one to recognise."""
    return data_root.present(PRETRAINING) and any(map(data_root.present, RECOGNITION.values()))


def _stamp(folder: Path, listing: Listing, side: int) -> str:
    """Return what changes with labels, places, sizes and times of change of all files used."""
    digest = hashlib.sha256(f"{VERSION} {side}".encode())
    for sequence in listing.sequences:
        digest.update(f"\0{sequence.name}\0{sequence.identity}\0{sequence.expression}".encode())
        for file in sequence.files + sequence.beside:
            stat = (folder / file).stat()
            digest.update(b"\0" + os.fsencode(file))
            digest.update(f"\0{stat.st_size} {stat.st_mtime_ns}".encode())
    digest.update(repr(sorted(listing.skipped.items())).encode())
    return digest.hexdigest()[:16]


def _build(place: Path, name: str, listing: Listing, side: int) -> None:
    """Align a set into the cache, one image after the other: all of BU-4DFE would fill memory."""
    found: list[tuple[int, int]] = []  # sequence and frame of each image
    skipped = dict(listing.skipped)

    def images() -> Iterator[np.ndarray]:
        folder, every = data_root.locate(name), listing.sequences
        for number, sequence in enumerate(tqdm(every, f"align {name}", disable=None)):
            for picture in SETS[name].aligned(folder, sequence, side):
                if picture.image is None:
                    skipped[picture.name] = picture.reason
                else:
                    found.append((number, picture.frame))
                    yield picture.image[None]
        if not found:
            reason = next((f"{k}: {v}" for k, v in skipped.items()), "no labelled sequence")
            raise ValueError(f"nothing of {SETS[name].title} can be used: {reason}")

    rows.write(place.with_suffix(".npy"), images())
    if skipped:
        first = "; ".join(f"{file}: {reason}" for file, reason in [*skipped.items()][:SHOWN])
        print(
            f"{SETS[name].title}: {len(skipped)} left out: {first}{' ...' * (len(skipped) > SHOWN)}"
        )
    index = {**_labels(listing, found, SETS[name].classes), "skipped": skipped}
    write_atomically(place.with_suffix(".json"), json.dumps(index))


def _labels(
    listing: Listing, found: list[tuple[int, int]], classes: tuple[str, ...]
) -> dict[str, list[int]]:
    """Return the labels of each image; people and sequences count from 0 among those in use."""
    used = [listing.sequences[number] for number, _ in found]
    people = [sequence.identity for sequence in used]
    return {
        "expressions": [classes.index(sequence.expression) for sequence in used],
        "identities": np.unique(people, return_inverse=True)[1].tolist(),
        "sequences": np.unique([n for n, _ in found], return_inverse=True)[1].tolist(),
        "frames": [frame for _, frame in found],
    }


def _read(place: Path, name: str) -> Faces | None:
    try:
        index = json.loads(place.with_suffix(".json").read_text())
        labels = {key: np.array(index[key], dtype=np.int64) for key in LABELS}
    except (FileNotFoundError, ValueError, KeyError):
        return None
    images = rows.read(place.with_suffix(".npy"))
    if images is None or any(len(each) != len(images) for each in labels.values()):
        return None
    classes = SETS[name].classes
    return Faces(name, "original", images, classes=classes, skipped=index["skipped"], **labels)
