"""What alignment does, in pictures: eyes found and true, faces before and after, their mean."""

from collections.abc import Sequence

import cv2
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure

from lib.book.show import PAGE_WIDTH, PALETTE
from lib.faces import alignment, augment
from lib.faces.data.london import CLASSES, Photographs
from lib.faces.figures import grids

TURNED = 5  # angles from one column of variants to the next


def pairs(photographs: Photographs, people: Sequence[int]) -> Figure:
    """Draw some people twice, neutral (above) and smiling (below), as they were photographed."""
    rows = [2 * np.array(people), 2 * np.array(people) + 1]
    return grids.grid_of(photographs.images[rows], rows=CLASSES)


def scatter(
    image: np.ndarray, eyes: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return a face (side, side, 3) as it may lie in a photograph, and its eyes (2, 2) in pixels.

    Drawn are up to 20 degrees, a scale of 0.7 to 1 and a shift of a tenth.
    """
    side = len(image)
    angle, scale = generator.uniform(-20, 20), generator.uniform(0.7, 1)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), angle, scale)
    turn[:, 2] = turn[:, 2] + generator.uniform(-0.1, 0.1, 2) * side
    moved = cv2.warpAffine(
        image, turn, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    points = np.column_stack([eyes - 0.5, np.ones(2)])  # OpenCV counts from pixel centres
    return moved, (points @ turn.T + 0.5).astype(np.float32)


def eyes(images: np.ndarray, true: np.ndarray, found: np.ndarray) -> Figure:
    """Draw six portraits with their true eyes (circles) and where they are seen (crosses).

    Eyes are (6, 2, 2) in pixels of the pictures, not a number where none were found.
    """
    figure, axes = plt.subplots(1, len(images), figsize=(PAGE_WIDTH, PAGE_WIDTH / len(images)))
    for axis, image, circles, crosses in zip(axes, images, true, found, strict=True):
        axis.axis("off")
        axis.imshow(image, extent=(0, len(image), len(image), 0))
        axis.scatter(*circles.T, s=90, facecolors="none", edgecolors="white", linewidths=1.6)
        axis.scatter(*crosses.T, s=40, marker="x", color=PALETTE[1], linewidths=1.6)
    return figure


def mean_faces(before: np.ndarray, after: np.ndarray) -> Figure:
    """Draw four of n faces (side, side, 3) and the mean of all, as photographed and aligned."""
    rows = [
        np.stack([*faces[:4], faces.mean(axis=0).round().astype(np.uint8)])
        for faces in (before, after)
    ]
    labels = ["", "", "", "", f"mean of {len(before)}"]
    return grids.grid_of(np.stack(rows), rows=["as it lies", "aligned"], columns=labels)


def variants(image: np.ndarray) -> Figure:
    """Draw some of the 110 variants of a picture: all five crops, turned by few of the angles."""
    angles = range(0, len(augment.ANGLES), TURNED)
    every = torch.arange(0, augment.VARIANTS, 2).reshape(len(augment.CROPS), -1)[:, angles]
    images = torch.from_numpy(image)[None].expand(every.numel(), *image.shape)
    made = augment.pixels(augment.augment(images.contiguous(), every.flatten()))
    rows = ["top left", "top right", "bottom left", "bottom right", "centre"]
    columns = [f"{augment.ANGLES[place]}°" for place in angles]
    grid = made.reshape(*every.shape, *made.shape[1:])
    return grids.grid_of(grid, rows=rows, columns=columns, width=3.2)


def found_or_missing(images: np.ndarray) -> np.ndarray:
    """Return the eyes found in each portrait, (n, 2, 2), not a number where there are none."""
    places = np.full((len(images), 2, 2), np.nan)
    for row, image in enumerate(images):
        try:
            places[row] = alignment.find_eyes(image)
        except ValueError:  # no eyes: that is what is counted
            continue
    return places
