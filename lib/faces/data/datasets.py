"""The sets of faces of Part II: `load` gives the paper's own, or rendered people."""

from lib.faces.data import originals
from lib.faces.data.corpus import Corpus, Sizes
from lib.faces.render import ict, made

DATASETS = ("best", "original", "ict")


def load(dataset: str, sizes: Sizes) -> Corpus:
    """Return the sets "original", "ict" (open), or "best": the original where there are enough."""
    if dataset not in DATASETS:
        raise ValueError(f"unknown dataset {dataset!r}; choose one of: {', '.join(DATASETS)}")
    if dataset == "original" or (dataset == "best" and originals.enough()):
        return originals.corpus(sizes)
    return made.corpus(ict.render, sizes)
