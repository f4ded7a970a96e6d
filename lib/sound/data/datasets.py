"""The clips of Part I: `load` gives the paper's own, or mixtures of real recordings."""

from lib.sound.data import dcase, mixtures
from lib.sound.data.corpus import Corpus, Sight, Sizes


def load(dataset: str, sizes: Sizes, rotation: int = 0, sight: Sight | None = None) -> Corpus:
    """Return "dcase2018" (original), "esc10" (open), or the "best": the first that is present.

    Args:
        sizes: of the mixtures; the original has its own.
        rotation: of the folds that mixtures train on and are tested on, see `mixtures.groups`.
        sight: how well the pictures of mixtures go with the sounds.
    """
    match best() if dataset == "best" else dataset:
        case "dcase2018":
            return dcase.load()
        case "esc10":
            return mixtures.load(sizes, rotation, sight or Sight())
    raise ValueError(f"unknown dataset {dataset!r}; choose one of: best, dcase2018, esc10")


def best() -> str:
    """Return "dcase2018" where most of its clips are there, else "esc10"."""
    return "dcase2018" if dcase.mostly_present() else "esc10"
