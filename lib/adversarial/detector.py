"""The detector of section III-A: how far pixels lie from a linear prediction by their neighbours.

Weighted stego-image steganalysis predicts each pixel from the eight around it and averages the
weighted residuals (eq. 3). What eq. 3 leaves open is spelled out in `Detector`; `READINGS` holds
the reading of the authors' code and the others whose effect the book measures.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lib.adversarial.data import check_batch, to_batch

PREDICTOR = ((-0.25, 0.5, -0.25), (0.5, 0.0, 0.5), (-0.25, 0.5, -0.25))
PAPER_THRESHOLD = 0.014321956650606307  # the constant in the authors' scripts; see `wrapped_scores`
PAPER_MINIMUM = 0.0003615763742060155  # in the comment beside it


@dataclass(frozen=True)
class Detector:
    """One reading of eq. 3.

    neighbours: the local variance runs over the 4 direct neighbours (the authors' code) or all 8
        (the text, "the neighborhood of pixel i (but excluding the center pixel)").
    magnitude: average the residuals' magnitudes (the code) or their signed values (the formula).
    normalised: divide the weights of each image by their sum (the code) or leave them.
    quantise: images in [0, 1] become pixels in 0..255 by "truncate" (the code), "round" or "none".
    truncated_variance: the code stores the variance in an integer array.
    scale: pixels run from 0 to 255 (the "5 +" of the weights needs it) or from 0 to 1.
    border: the outermost pixels, which lack neighbours, are left "out" (the code) or their missing
        neighbours taken as "black".
    predictor: 3 x 3 weights of the neighbours from which a pixel is predicted.
    """

    neighbours: int = 4
    magnitude: bool = True
    normalised: bool = True
    quantise: str = "truncate"
    truncated_variance: bool = True
    scale: float = 255.0
    border: str = "out"
    predictor: tuple[tuple[float, ...], ...] = PREDICTOR

    def __post_init__(self) -> None:
        known = self.quantise in ("truncate", "round", "none") and self.border in ("out", "black")
        if not known or self.neighbours not in (4, 8):
            raise ValueError(f"no such detector: {self}; neighbours 4 or 8, see the docstring")

    def score(self, images: Tensor) -> Tensor:
        """Return p-hat (batch,) float64 of images (batch, 1, height, width) float in [0, 1].

        In grey levels, divided by the number of pixels a second time where the weights sum to 1,
        as in the authors' code: a constant factor, which the threshold shares.

        Raises:
            ValueError: the images have the wrong shape or range, or hold NaN.
        """
        pixels = to_pixels(images, self.quantise, self.scale)  # (batch, height, width) float64
        if self.border == "black":
            pixels = F.pad(pixels, (1, 1, 1, 1))
        weights = self.weights(pixels)  # (batch, height - 2, width - 2)
        terms = weights * residual(pixels, self.predictor)
        return (terms.abs() if self.magnitude else terms).flatten(1).mean(dim=1)

    def weights(self, pixels: Tensor) -> Tensor:
        """Return w_i = 1 / (5 + variance around pixel i), (batch, height - 2, width - 2)."""
        variance = local_variance(pixels, self.neighbours)
        if self.truncated_variance:
            variance = variance.trunc()
        weights = 1.0 / (5.0 + variance)
        if self.normalised:
            weights = weights / weights.sum(dim=(1, 2), keepdim=True)
        return weights


@dataclass(frozen=True)
class InkCounter:
    """A detector that knows nothing of steganalysis: how many pixels are not black.

    Attacks in the infinity norm touch the background, and MNIST's background is exactly black.
    """

    def score(self, images: Tensor) -> Tensor:
        """Return the number of pixels above 0, (batch,) float64."""
        return (to_pixels(images, "truncate") > 0).flatten(1).sum(dim=1).double()


READINGS: dict[str, Detector | InkCounter] = {
    "paper": Detector(),
    "literal": Detector(neighbours=8),
    "signed": Detector(magnitude=False),
    "unnormalised": Detector(normalised=False),
    "rounded": Detector(quantise="round"),
    "unquantised": Detector(quantise="none", truncated_variance=False),
    "unit scale": Detector(quantise="none", truncated_variance=False, scale=1.0),
    "black border": Detector(border="black"),
    "ink counter": InkCounter(),
}


def to_pixels(images: Tensor, quantise: str, scale: float = 255.0) -> Tensor:
    """Return (batch, height, width) float64 pixels in 0..scale from images in [0, 1].

    The product is taken in the images' own precision, as in the authors' code; all 256 values of
    an 8-bit pixel survive the division by 255 and the way back.
    """
    check_batch(images)
    pixels = images[:, 0] * scale
    if quantise != "none":
        pixels = pixels.round() if quantise == "round" else pixels.trunc()
    return pixels.double()


def shifted(pixels: Tensor) -> dict[tuple[int, int], Tensor]:
    """Return the 3x3 neighbourhood as nine views, keyed by (row, column) offset, valid region."""
    height, width = pixels.shape[1:]
    return {
        (row, column): pixels[:, 1 + row : height - 1 + row, 1 + column : width - 1 + column]
        for row in (-1, 0, 1)
        for column in (-1, 0, 1)
    }


def residual(pixels: Tensor, predictor: tuple[tuple[float, ...], ...] = PREDICTOR) -> Tensor:
    """Return x_i minus its linear prediction (section III-A), (batch, height - 2, width - 2).

    The border has no full neighbourhood and is left out, as in the authors' code.
    """
    around = shifted(pixels)
    predicted = torch.zeros_like(around[0, 0])
    for (row, column), view in around.items():
        predicted = predicted + predictor[row + 1][column + 1] * view
    return around[0, 0] - predicted


def local_variance(pixels: Tensor, neighbours: int) -> Tensor:
    """Return the sample variance over 4 or 8 neighbours, without the centre pixel.

    In two passes, not with `torch.var`: for whole pixels every intermediate value is exact, and
    whether a variance is 250.999 or 251 decides what truncation makes of it.
    """
    around = shifted(pixels)
    reach = 1 if neighbours == 4 else 2
    views = [view for (row, col), view in around.items() if 0 < abs(row) + abs(col) <= reach]
    stacked = torch.stack(views)  # (neighbours, batch, height - 2, width - 2)
    return (stacked - stacked.mean(dim=0)).square().sum(dim=0) / (neighbours - 1)


def benign_scores(
    detector: Detector | InkCounter, images: np.ndarray, batch_size: int = 500
) -> np.ndarray:
    """Return p-hat (n,) float64 of benign uint8 images (n, height, width).

    The largest one over the training images is the threshold of section III-B.
    """
    batches = np.array_split(images, max(1, len(images) // batch_size))
    scores = [detector.score(to_batch(batch)) for batch in batches]
    return torch.cat(scores).numpy()


def wrapped_scores(images: np.ndarray) -> np.ndarray:
    """Return the scores (n,) that the authors' scripts must have seen: variance in 8 bits.

    Kept in an unsigned byte, the variance wraps modulo 256, and so does 5 + variance. At 251 the
    sum is zero, the weight infinite, and the score NaN. The largest finite score over MNIST's
    training images is `PAPER_THRESHOLD`, bit for bit, which is how we know.
    """
    pixels = torch.tensor(images).double()
    variance = local_variance(pixels, 4).numpy().astype(np.int64).astype(np.uint8)
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = 1.0 / (variance + np.uint8(5))
        weights = weights / weights.sum(axis=(1, 2), keepdims=True)
        return np.abs(residual(pixels).numpy() * weights).reshape(len(images), -1).mean(axis=1)
