"""Ten folds with no person in two of them (section 4.2), and how to tell when one is.

A network that has seen a person's other expressions recognises the person as well as the
expression: folds that share people measure something else than the paper says they do.
"""

import warnings

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

FOLDS = 10


def split(
    identities: np.ndarray, expressions: np.ndarray, folds: int = FOLDS, seed: int = 0
) -> np.ndarray:
    """Return the fold of each image: all of a person in one, sizes and classes balanced.

    Args:
        identities: (n,) int64, who is seen.
        expressions: (n,) int64, the class.
        folds: how many; the result is (n,) int64 in [0, folds).
        seed: of the order in which people with equally many images are given to folds.

    Raises:
        ValueError: lengths differ, nothing is given, there are fewer people than folds, a fold
            would be empty, or all images of a class in one, so that nothing teaches it.
    """
    _check_columns(identities, expressions, "expressions")
    people = len(np.unique(identities))
    if not 2 <= folds <= people:
        raise ValueError(f"{people} people cannot be put in {folds} folds; take 2 to {people}")
    found = np.empty(len(identities), dtype=np.int64)
    dealer = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    largest = np.unique(expressions, return_counts=True)[1].max()
    # scikit-learn refuses to balance where every class has fewer images than there are folds
    labels = expressions if largest >= folds else np.zeros_like(expressions)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        for fold, (_, test) in enumerate(dealer.split(labels, labels, identities)):
            found[test] = fold
    if len(empty := np.setdiff1d(np.arange(folds), found)):  # scikit-learn's issue 34828
        raise ValueError(f"fold {empty[0]} of {folds} would be empty; take fewer folds")
    _check_classes(expressions, found)
    check(identities, found)
    return found


def naive(expressions: np.ndarray, folds: int = FOLDS) -> np.ndarray:
    """Return the folds that come of cutting each class's list into equal parts, which leaks.

    It is what a widely copied repository does with CK+: files sorted by person within each class
    are cut in ten, and a person is in another fold with each expression. For demonstration only.
    """
    if not len(expressions) or folds < 2:
        raise ValueError(f"{len(expressions)} images cannot be cut into {folds} folds")
    found = np.empty(len(expressions), dtype=np.int64)
    for label in np.unique(expressions):
        parts = np.array_split(np.flatnonzero(expressions == label), folds)
        for fold, rows in enumerate(parts):
            found[rows] = fold
    return found


def check(identities: np.ndarray, folds: np.ndarray) -> None:
    """Raise ValueError where a person (n,) stands in two folds (n,), or where lengths differ."""
    people, counts = _folds_of(identities, folds)
    if not (counts > 1).any():
        return
    person = people[counts > 1][0]
    first, second = np.unique(folds[identities == person])[:2]
    raise ValueError(
        f"person {person} is in folds {first} and {second} ({(counts > 1).sum()} of {len(people)} "
        "people are in several); put all images of a person in one, as `folds.split` does"
    )


def leak(identities: np.ndarray, folds: np.ndarray) -> float:
    """Return the share of images whose person is also in the training set of their fold.

    Both are (n,) int64; an image is tested in its fold, and all others train. 0 where nobody is in
    two folds, 1 where everybody is.
    """
    people, counts = _folds_of(identities, folds)
    return float((counts > 1)[np.searchsorted(people, identities)].mean())


def _folds_of(identities: np.ndarray, folds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the people, sorted, and in how many folds each of them is."""
    _check_columns(identities, folds, "folds")
    people, index = np.unique(identities, return_inverse=True)
    pairs = np.unique(np.stack([index, folds]), axis=1)
    return people, np.bincount(pairs[0])


def _check_columns(identities: np.ndarray, others: np.ndarray, name: str) -> None:
    if identities.shape != others.shape or identities.ndim != 1:
        raise ValueError(
            f"identities have shape {identities.shape} and {name} {others.shape}; "
            "give one of each for every image"
        )
    if not len(identities):
        raise ValueError("no images to put in folds")


def _check_classes(expressions: np.ndarray, folds: np.ndarray) -> None:
    for label in np.unique(expressions):
        inside = np.unique(folds[expressions == label])
        if len(inside) == 1:
            raise ValueError(
                f"class {label} is in fold {inside[0]} alone, so no other fold can teach it; "
                "leave the class out, or add people who show it"
            )
