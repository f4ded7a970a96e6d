"""Oulu-CASIA as the paper uses it (section 4.2): strong light, the camera for visible light.

Assumed layout, that of the folder OriginalImg in the official archive:
VL/Strong/P001/Anger/000.jpeg with 80 people, six expressions each, every sequence from a neutral
face to the peak.
"""

from collections.abc import Mapping
from pathlib import Path

from lib.faces.data.corpus import BASIC
from lib.faces.data.sequences import Listing


def listing(folder: Path, files: Mapping[str, list[str]]) -> Listing:
    """Return the sequences of all people, each with its last three frames."""
    found = Listing()
    for name, images in files.items():
        person, expression = name.split("/")[-2:]
        if expression.lower() in BASIC:
            found.add_images(name, person, expression.lower(), images)
        else:
            found.skipped[name] = f"{expression!r} is none of the six expressions"
    return found
