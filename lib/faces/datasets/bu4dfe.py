"""BU-4DFE, on which the paper pre-trains (section 4.1): the texture images of all frames.

Assumed layout: F001/Angry/000.jpg with 58 women, F001 to F058, and 43 men, M001 to M043, six
expressions each, about 100 frames to a sequence; the surfaces beside the images are not read. Every
frame counts with the label of its sequence, those before and after the expression too: only so are
there 60,600.
"""

from pathlib import Path

from lib.faces.datasets.sequences import Listing, Sequence, files, folders

EXPRESSIONS = {
    "Angry": "anger",
    "Disgust": "disgust",
    "Fear": "fear",
    "Happy": "happiness",
    "Sad": "sadness",
    "Surprise": "surprise",
}


def listing(folder: Path) -> Listing:
    """Return the sequences of all people, with all their frames."""
    found = Listing()
    for person in folders(folder, "[FM][0-9]*"):
        for sequence in folders(person, "*"):
            name = sequence.relative_to(folder).as_posix()
            images = files(folder, sequence, ".jpg")
            if sequence.name not in EXPRESSIONS:
                found.skipped[name] = f"{sequence.name!r} is none of the six expressions"
            elif not images:
                found.skipped[name] = "no images"
            else:
                expression = EXPRESSIONS[sequence.name]
                found.sequences.append(Sequence(name, person.name, expression, tuple(images)))
    return found
