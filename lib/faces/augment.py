"""Making 110 pictures of each (section 4.1): five crops, eleven angles and a mirror.

The paper names ten angles and 110 variants: 5 x 10 x 2 are 100, so the crop that is not turned
counts too. Variants are made batch by batch when they are wanted: 110 stored copies of a set would
fill a disk. The crop is turned inside the picture it was taken from, so that its corners hold what
was really there, and a mirror image of it only where the picture ends.
"""

import math
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lib.runs.rows import Rows, take

CROPS = ((0, 0), (0, 2), (2, 0), (2, 2), (1, 1))  # top left corners (y, x), in margins
ANGLES = tuple(range(-15, 16, 3))  # degrees, counter-clockwise
VARIANTS = len(CROPS) * len(ANGLES) * 2  # "the original dataset is augmented 110 times"
SHIFT = 7 / 96  # margin on each side of the centre crop: 110 px give 96 px, as in ports of DR-GAN
SMALLEST, LARGEST = 7, 1024  # px; a smaller picture would have no margin
TOGETHER = 64  # pictures turned in one call: in larger pieces memory takes twice the time


def source_side(side: int) -> int:
    """Return the side of the pictures from which crops of `side` px are taken: 110 for 96."""
    if not SMALLEST <= side <= LARGEST:
        raise ValueError(f"crops of {side} px; choose {SMALLEST} to {LARGEST}")
    return side + 2 * round(side * SHIFT)


@cache
def crop_side(source: int) -> int:
    """Return the side of the crops that pictures of `source` px give: 96 for 110."""
    for side in range(SMALLEST, LARGEST + 1):
        if source_side(side) == source:
            return side
    raise ValueError(
        f"pictures of {source} px are not of a size that source_side gives; resize them to one"
    )


def augment(images: Tensor, variants: Tensor) -> Tensor:
    """Return one variant of each picture: cropped, then turned, then mirrored (section 4.1).

    Args:
        images: (n, source, source, 3) uint8, source = source_side(side).
        variants: (n,) int64 in [0, VARIANTS), see `decode`.

    Returns:
        (n, 3, side, side) float32 in [-1, 1], channels last in memory, on the images' device.
        Bilinear; crops that are not turned are exact.
    """
    side = _checked_side(images)
    _check_variants(variants, len(images))
    variants = variants.cpu()
    made = torch.empty(len(images), side, side, 3, device=images.device).permute(0, 3, 1, 2)
    for begin in range(0, len(images), TOGETHER):
        some = slice(begin, begin + TOGETHER)
        made[some] = _turned(images[some], variants[some], side)
    upright = (decode(variants)[1] == ANGLES.index(0)).nonzero().squeeze(1)
    made[upright] = _slices(images[upright], variants[upright], side)
    return _scaled(made)


def decode(variants: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the crop (of CROPS), angle (of ANGLES) and mirror (0, 1) of variants (n,) int64.

    A variant is (crop * 11 + angle) * 2 + mirror.
    """
    mirror, turned = variants % 2, variants // 2
    return turned // len(ANGLES), turned % len(ANGLES), mirror


def centre(images: Tensor | np.ndarray | Rows) -> Tensor:
    """Return the centre crops, neither turned nor mirrored, on which a network is tested.

    Args:
        images: (n, source, source, 3) uint8, source = source_side(side), in memory or on disk.

    Returns:
        (n, 3, side, side) float32 in [-1, 1], channels last in memory.
    """
    if not isinstance(images, Tensor):
        images = take(images, torch.arange(len(images)))
    side = _checked_side(images)
    margin = (images.shape[1] - side) // 2
    inner = slice(margin, margin + side)
    return _scaled(images[:, inner, inner].permute(0, 3, 1, 2).float())


def pixels(images: Tensor) -> np.ndarray:
    """Return images (..., 3, h, w) in [-1, 1], others clipped, as RGB (..., h, w, 3) uint8."""
    levels = ((images.detach().float() + 1) * 127.5).clamp(0, 255).round()
    return levels.movedim(-3, -1).byte().cpu().numpy()


def draw(images: Tensor | np.ndarray | Rows, rows: Tensor, generator: torch.Generator) -> Tensor:
    """Return a variant, drawn at random on the CPU, of each picture asked for, as `augment` does.

    Args:
        images: (n, source, source, 3) uint8, in memory or on disk: only the pictures asked for
            are read.
        rows: (batch,) int64 into the images; one may come more than once.
        generator: draws the variants.
    """
    variants = torch.randint(VARIANTS, (len(rows),), generator=generator)
    return augment(take(images, rows), variants)


def _checked_side(images: Tensor) -> int:
    shape = tuple(images.shape)
    if images.dtype != torch.uint8 or len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3:
        raise ValueError(
            f"images must be uint8 of shape (n, source, source, 3), not {images.dtype} of {shape}"
        )
    return crop_side(shape[1])


def _check_variants(variants: Tensor, count: int) -> None:
    if variants.shape != (count,) or variants.dtype != torch.int64:
        raise ValueError(
            f"{count} images need as many int64 variants, "
            f"not {variants.dtype} of shape {tuple(variants.shape)}"
        )
    wrong = variants[(variants < 0) | (variants >= VARIANTS)]
    if len(wrong):
        raise ValueError(f"variants go from 0 to {VARIANTS - 1}, not to {int(wrong[0])}")


@cache
def _maps(side: int) -> Tensor:
    """Return for each variant where its pixels lie in the picture, (VARIANTS, 2, 3) float32.

    Each is an affine map as `affine_grid` takes it: from [-1, 1] over the crop's outermost pixel
    centres to [-1, 1] over the picture's.
    """
    source = source_side(side)
    half, whole, margin = (side - 1) / 2, (source - 1) / 2, (source - side) // 2
    maps = torch.empty(len(CROPS), len(ANGLES), 2, 2, 3)
    for crop, (y, x) in enumerate(CROPS):
        for index, angle in enumerate(ANGLES):
            cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            for mirror, sign in enumerate((1, -1)):
                maps[crop, index, mirror] = torch.tensor(
                    [
                        [sign * cosine * half, -sine * half, x * margin + half - whole],
                        [sign * sine * half, cosine * half, y * margin + half - whole],
                    ]
                )
    return maps.view(VARIANTS, 2, 3) / whole


def _turned(images: Tensor, variants: Tensor, side: int) -> Tensor:
    """Return variants by interpolation, (n, 3, side, side) float32 in 0..255."""
    maps = _maps(side)[variants].to(images.device)
    grid = functional.affine_grid(maps, [len(images), 3, side, side], align_corners=True)
    pictures = images.permute(0, 3, 1, 2).float()  # (n, 3, source, source)
    return functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=True)


def _slices(images: Tensor, variants: Tensor, side: int) -> Tensor:
    """Return variants that are not turned, (n, 3, side, side) float32 in 0..255, exactly."""
    crop, _, mirror = decode(variants)
    corner = torch.tensor(CROPS)[crop] * ((images.shape[1] - side) // 2)  # (n, 2)
    steps = torch.arange(side)
    rows = corner[:, :1] + steps  # (n, side)
    columns = corner[:, 1:] + torch.where(mirror[:, None] == 1, steps.flip(0), steps)
    each = torch.arange(len(images))[:, None, None]
    found = images[each, rows[:, :, None], columns[:, None, :]]  # (n, side, side, 3)
    return found.permute(0, 3, 1, 2).float()


def _scaled(values: Tensor) -> Tensor:
    """Return 0..255 as [-1, 1], in place."""
    # division: 255 times the rounded 1 / 127.5 would not give exactly 1
    return values.div_(127.5).sub_(1)
