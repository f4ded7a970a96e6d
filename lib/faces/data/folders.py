"""Sets that are a folder of images for each film: BU-4DFE (section 4.1), Oulu-CASIA (section 4.2).

Assumed layouts: F001/Angry/000.jpg with 58 women, F001 to F058, and 43 men, M001 to M043, about 100
frames to a sequence; the surfaces beside the images are not read. And VL/Strong/P001/Anger/000.jpeg
with 80 people in strong light, before the camera for visible light, from a neutral face to the
peak. Of Oulu-CASIA the last three frames count. Of BU-4DFE, on which the paper pre-trains, every
frame counts with the label of its sequence, those before and after the expression too: only so are
there 60,600.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from lib.faces.data.corpus import BASIC
from lib.faces.data.sequences import Listing, Sequence

WORDS = {"angry": "anger", "happy": "happiness", "sad": "sadness"}  # BU-4DFE's own


def bu_4dfe(folder: Path, files: Mapping[str, list[str]]) -> Listing:
    """Return the sequences of all people, with all their frames."""
    found = Listing()
    for name, person, expression in _labelled(files, found):
        found.sequences.append(Sequence(name, person, expression, tuple(files[name])))
    return found


def oulu_casia(folder: Path, files: Mapping[str, list[str]]) -> Listing:
    """Return the sequences of all people, each with its last three frames."""
    found = Listing()
    for name, person, expression in _labelled(files, found):
        found.add_images(name, person, expression, files[name])
    return found


def _labelled(files: Mapping[str, list[str]], found: Listing) -> Iterator[tuple[str, str, str]]:
    """Yield the name, person and expression of each sequence; note which cannot be used."""
    for name in files:
        person, word = name.split("/")[-2:]
        expression = WORDS.get(word.lower(), word.lower())
        if expression in BASIC:
            yield name, person, expression
        else:
            found.skipped[name] = f"{word!r} is none of the six expressions"
