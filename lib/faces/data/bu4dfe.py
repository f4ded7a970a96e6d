"""BU-4DFE, on which the paper pre-trains (section 4.1): the texture images of all frames.

Assumed layout: F001/Angry/000.jpg with 58 women, F001 to F058, and 43 men, M001 to M043, six
expressions each, about 100 frames to a sequence; the surfaces beside the images are not read. Every
frame counts with the label of its sequence, those before and after the expression too: only so are
there 60,600.
"""

from collections.abc import Mapping
from pathlib import Path

from lib.faces.data.sequences import Listing, Sequence

EXPRESSIONS = {
    "Angry": "anger",
    "Disgust": "disgust",
    "Fear": "fear",
    "Happy": "happiness",
    "Sad": "sadness",
    "Surprise": "surprise",
}


def listing(folder: Path, files: Mapping[str, list[str]]) -> Listing:
    """Return the sequences of all people, with all their frames."""
    found = Listing()
    for name, images in files.items():
        person, expression = name.split("/")
        if expression in EXPRESSIONS:
            label = EXPRESSIONS[expression]
            found.sequences.append(Sequence(name, person, label, tuple(images)))
        else:
            found.skipped[name] = f"{expression!r} is none of the six expressions"
    return found
