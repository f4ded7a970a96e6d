"""The clips of Part I: `load` gives the paper's own, or mixtures of real recordings."""

from lib.sound.data import dcase, mixtures
from lib.sound.data.corpus import Corpus, Sight, Sizes

DATASETS = ("best", "dcase2018", "esc10")


def load(
    dataset: str = "best", sizes: Sizes | None = None, rotation: int = 0, sight: Sight | None = None
) -> Corpus:
    """Return "dcase2018" (original), "esc10" (open), or the first of them that is present.

    Args:
        sizes: of the mixtures; the original has its own.
        rotation: of the folds that mixtures train on and are tested on, see `mixtures.groups`.
        sight: how well the pictures of mixtures go with the sounds.

    Raises:
        ValueError: the name is unknown, sizes are missing, or a list is wrong.
    """
    if dataset not in DATASETS:
        raise ValueError(f"unknown dataset {dataset!r}; choose one of: {', '.join(DATASETS)}")
    if dataset == "best":
        dataset = best()
    if dataset == "dcase2018":
        return dcase.load()
    if sizes is None:
        raise ValueError(f"say how many clips of {dataset!r} to make, see `Sizes`")
    return mixtures.load(sizes, rotation, sight or Sight())


def best() -> str:
    """Return "dcase2018" where most of its clips are there, else "esc10"."""
    return "dcase2018" if dcase.mostly_present() else "esc10"
