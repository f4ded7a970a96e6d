"""The 110 variants of a picture: the same geometry by Pillow, exact slices, and bad input."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lib.faces import augment
from lib.faces.augment import ANGLES, CROPS, VARIANTS
from lib.runs import rows as on_disk

SIDE = 32
SOURCE = 36  # source_side(SIDE)
PAD = 12  # px; further than any corner of a turned crop reaches out of the picture
LEVEL = 1 / 127.5  # one of the 256 grey levels


def noise(count: int, source: int = SOURCE, seed: int = 0) -> torch.Tensor:
    """Return pictures in which every pixel differs from its neighbours, (count, ...) uint8."""
    drawn = np.random.default_rng(seed).integers(0, 256, (count, source, source, 3))
    return torch.from_numpy(drawn.astype(np.uint8))


def by_pillow(picture: np.ndarray, crop: int, angle: int, mirror: bool) -> np.ndarray:
    """Return one variant by Pillow: pad, turn about the crop's centre, crop, mirror, scale."""
    margin = (SOURCE - SIDE) // 2
    top, left = (PAD + margin * steps for steps in CROPS[crop])
    padded = np.pad(picture, ((PAD, PAD), (PAD, PAD), (0, 0)), "reflect").astype(np.float32)
    channels = []
    for channel in range(3):  # as floats, since Pillow cuts bytes off to whole levels
        turned = Image.fromarray(padded[:, :, channel]).rotate(
            angle, Image.Resampling.BILINEAR, center=(left + SIDE / 2, top + SIDE / 2)
        )
        found = turned.crop((left, top, left + SIDE, top + SIDE))
        channels.append(found.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirror else found)
    return np.stack([np.asarray(found) for found in channels]) / 127.5 - 1


def test_draws_repeat_by_seed_from_memory_and_from_a_file(tmp_path: Path) -> None:
    pictures, rows = noise(6), torch.tensor([5, 0, 0, 3])
    on_disk.write(tmp_path / "set.npy", [pictures.numpy()])
    stored = on_disk.read(tmp_path / "set.npy")
    assert stored is not None
    first, second, other = (
        augment.draw(images, rows, torch.Generator().manual_seed(seed))
        for images, seed in ((pictures, 1), (stored, 1), (pictures, 2))
    )
    assert torch.equal(first, second) and not torch.equal(first, other)
    assert not torch.equal(first[1], first[2])  # the same picture, but not the same variant


def test_every_variant_is_drawn_about_as_often() -> None:
    small = noise(1, augment.source_side(8))
    every = augment.augment(small.expand(VARIANTS, -1, -1, -1), torch.arange(VARIANTS)).flatten(1)
    drawn = augment.draw(small, torch.zeros(8800).long(), torch.Generator().manual_seed(0))
    nearest = torch.cdist(drawn.flatten(1), every).argmin(dim=1)
    counts = np.bincount(nearest.numpy())
    assert len(counts) == VARIANTS
    chi_square = float(((counts - 80) ** 2 / 80).sum())
    assert 60 < chi_square < 180  # 109 degrees of freedom: mean 109, deviation 14.8


def test_all_110_variants_differ_and_are_what_pillow_makes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(augment, "TOGETHER", 30)  # several pieces, the last one not full
    picture = noise(1)
    assert VARIANTS == 110 and len(CROPS) == 5 and len(ANGLES) == 11
    made = augment.augment(picture.expand(VARIANTS, -1, -1, -1), torch.arange(VARIANTS))
    assert len({each.numpy().tobytes() for each in made}) == VARIANTS
    for variant, (crop, angle, mirror) in enumerate(
        zip(*augment.decode(torch.arange(VARIANTS)), strict=True)
    ):
        expected = by_pillow(picture[0].numpy(), int(crop), ANGLES[angle], bool(mirror))
        np.testing.assert_allclose(made[variant], expected, atol=LEVEL / 50, err_msg=str(variant))


@pytest.mark.parametrize(("side", "source"), [(48, 56), (96, 110)])
def test_crops_that_are_not_turned_are_slices_to_the_bit(side: int, source: int) -> None:
    assert augment.source_side(side) == source and augment.crop_side(source) == side
    pictures, margin = noise(10, source), (source - side) // 2
    scaled = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
    corners = [(y * margin, x * margin) for y, x in CROPS for _ in range(2)]
    variants = torch.tensor([(c * 11 + 5) * 2 + m for c in range(5) for m in range(2)])
    made = augment.augment(pictures, variants)
    assert made.is_contiguous(memory_format=torch.channels_last)
    for index, (y, x) in enumerate(corners):
        expected = scaled[index, :, y : y + side, x : x + side]
        expected = expected.flip(2) if index % 2 else expected
        assert torch.equal(made[index], expected), index
    centre = augment.centre(pictures[8:])
    assert torch.equal(centre[0], made[8]) and torch.equal(centre[1], made[9].flip(2))


def test_pixels_turn_back_what_the_networks_read() -> None:
    asked = np.random.default_rng(1).integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)
    read = torch.from_numpy(asked).permute(0, 3, 1, 2).float() / 127.5 - 1
    assert np.array_equal(augment.pixels(read), asked)
    beyond = torch.tensor([-2.0, 0.0, 3.0]).expand(1, 3, 1, 3)
    assert augment.pixels(beyond)[0, 0, :, 0].tolist() == [0, 128, 255]


TWO = torch.zeros(2, dtype=torch.int64)


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: augment.centre(noise(2).permute(0, 3, 1, 2)), r"uint8 of \(2, 3, 36, 36\)"),
        (lambda: augment.augment(noise(2, 40), TWO), "pictures of 40 px are not of a size"),
        (lambda: augment.augment(noise(2), TWO[:1]), "2 images need as many int64 variants"),
        (lambda: augment.augment(noise(2), TWO + 110), "variants go from 0 to 109, not to 110"),
        (lambda: augment.source_side(6), "crops of 6 px"),
    ],
)
def test_what_has_no_variants_is_refused(call: Callable[[], object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        call()
