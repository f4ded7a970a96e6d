"""Oulu-CASIA as the paper uses it (section 4.2): strong light, the camera for visible light.

Assumed layout, that of the folder OriginalImg in the official archive:
VL/Strong/P001/Anger/000.jpeg with 80 people, six expressions each, every sequence from a neutral
face to the peak.
"""

from pathlib import Path

from lib.faces.data import BASIC
from lib.faces.datasets.sequences import Listing, files, folders

PLACE = "VL/Strong"


def listing(folder: Path) -> Listing:
    """Return the sequences of all people, each with its last three frames."""
    found = Listing()
    for person in folders(folder / PLACE, "P[0-9]*"):
        for sequence in folders(person, "*"):
            name, expression = sequence.relative_to(folder).as_posix(), sequence.name.lower()
            if expression in BASIC:
                images = files(folder, sequence, ".jpeg")
                found.add_images(name, person.name, expression, images)
            else:
                found.skipped[name] = f"{sequence.name!r} is none of the six expressions"
    return found
