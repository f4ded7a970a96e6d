"""The 110 variants of a picture: the same geometry by Pillow, exact slices, and bad input."""

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


def test_there_are_110_variants_and_all_differ() -> None:
    assert VARIANTS == 110 and len(CROPS) == 5 and len(ANGLES) == 11 and ANGLES[5] == 0
    variants = torch.arange(VARIANTS)
    made = augment.augment(noise(1).expand(VARIANTS, -1, -1, -1), variants)
    assert len({picture.numpy().tobytes() for picture in made}) == VARIANTS
    crop, angle, mirror = augment.decode(variants)
    assert len(set(zip(crop.tolist(), angle.tolist(), mirror.tolist(), strict=True))) == VARIANTS


def test_every_variant_is_what_pillow_makes() -> None:
    picture = noise(1)
    made = augment.augment(picture.expand(VARIANTS, -1, -1, -1), torch.arange(VARIANTS))
    for variant, (crop, angle, mirror) in enumerate(
        zip(*augment.decode(torch.arange(VARIANTS)), strict=True)
    ):
        expected = by_pillow(picture[0].numpy(), int(crop), ANGLES[angle], bool(mirror))
        np.testing.assert_allclose(made[variant], expected, atol=LEVEL / 50, err_msg=str(variant))


@pytest.mark.parametrize("side", [32, 64, 96])
def test_crops_that_are_not_turned_are_slices_to_the_bit(side: int) -> None:
    source = augment.source_side(side)
    pictures, margin = noise(10, source), (source - side) // 2
    scaled = pictures.permute(0, 3, 1, 2).float() / 127.5 - 1
    corners = [(y * margin, x * margin) for y, x in CROPS for _ in range(2)]
    variants = torch.tensor([(c * 11 + 5) * 2 + m for c in range(5) for m in range(2)])
    made = augment.augment(pictures, variants)
    for index, (y, x) in enumerate(corners):
        expected = scaled[index, :, y : y + side, x : x + side]
        expected = expected.flip(2) if index % 2 else expected
        assert torch.equal(made[index], expected), index


def test_the_mirror_comes_last_for_every_crop_and_angle() -> None:
    pictures = noise(1).expand(VARIANTS, -1, -1, -1)
    made = augment.augment(pictures, torch.arange(VARIANTS))
    torch.testing.assert_close(made[1::2], made[::2].flip(3), atol=1e-4, rtol=0)


def test_turned_corners_hold_what_the_picture_holds_there() -> None:
    rows, columns = torch.meshgrid(torch.arange(110.0), torch.arange(110.0), indexing="ij")
    picture = torch.stack([rows, columns, 0 * rows], dim=2).to(torch.uint8)[None]
    variant = torch.tensor([(4 * 11 + 0) * 2])  # the centre, by -15 degrees: clockwise
    made = (augment.augment(picture, variant) + 1) * 127.5
    offsets = torch.arange(96) - 47.5
    y, x = torch.meshgrid(offsets, offsets, indexing="ij")
    angle = torch.deg2rad(torch.tensor(15.0))
    at_y, at_x = 54.5 + y * angle.cos() - x * angle.sin(), 54.5 + x * angle.cos() + y * angle.sin()
    inside = (at_y >= 0) & (at_y <= 109) & (at_x >= 0) & (at_x <= 109)
    assert 0.9 < inside.float().mean() < 1
    torch.testing.assert_close(made[0, 0][inside], at_y[inside], atol=1e-3, rtol=0)
    torch.testing.assert_close(made[0, 1][inside], at_x[inside], atol=1e-3, rtol=0)


def test_sizes_of_the_paper_and_the_quick_ones() -> None:
    sizes = {96: 110, 64: 74, 48: 56, 32: 36}
    assert {side: augment.source_side(side) for side in sizes} == sizes
    assert all(augment.crop_side(source) == side for side, source in sizes.items())
    sources = [augment.source_side(side) for side in range(augment.SMALLEST, augment.LARGEST + 1)]
    assert sorted(set(sources)) == sources  # so each size leads back to one side


def test_values_fill_the_range_of_tanh_and_memory_is_channels_last() -> None:
    black_and_white = torch.zeros(2, SOURCE, SOURCE, 3, dtype=torch.uint8)
    black_and_white[1] = 255
    variants = torch.tensor([3, 98])
    for made in (augment.augment(black_and_white, variants), augment.centre(black_and_white)):
        assert made.dtype == torch.float32 and made.shape == (2, 3, SIDE, SIDE)
        assert made.is_contiguous(memory_format=torch.channels_last)
        assert made[0].eq(-1).all() and made[1].eq(1).all()


def test_the_centre_is_the_variant_that_changes_nothing() -> None:
    pictures = noise(4)
    untouched = torch.full((4,), (4 * 11 + 5) * 2)
    assert torch.equal(augment.centre(pictures), augment.augment(pictures, untouched))
    assert torch.equal(pictures, noise(4))  # the pictures themselves stay as they were


def test_pixels_span_the_levels() -> None:
    values = torch.tensor([-1.0, -2.0, 0.0, 1.0, 3.0]).repeat(3, 2, 1)[None]
    levels = augment.pixels(values)
    assert levels.dtype == np.uint8 and levels.shape == (1, 2, 5, 3)
    assert levels[0, 0, :, 0].tolist() == [0, 0, 128, 255, 255]


def test_pixels_turn_back_what_the_networks_read() -> None:
    asked = np.random.default_rng(1).integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)
    read = torch.from_numpy(asked).permute(0, 3, 1, 2).float() / 127.5 - 1
    assert np.array_equal(augment.pixels(read), asked)


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


@pytest.mark.parametrize("row", [6, -7])
def test_a_row_that_is_not_there_is_an_error(row: int) -> None:
    rows, generator = torch.tensor([row]), torch.Generator()
    for images in (noise(6), noise(6).numpy()):
        with pytest.raises(IndexError, match="out of"):
            augment.draw(images, rows, generator)


def test_pieces_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures, variants = noise(7), torch.tensor([0, 98, 109, 5, 11, 99, 42])
    whole = augment.augment(pictures, variants)
    monkeypatch.setattr(augment, "TOGETHER", 3)
    torch.testing.assert_close(augment.augment(pictures, variants), whole, atol=1e-5, rtol=0)


def test_an_empty_batch_is_a_batch() -> None:
    none = torch.zeros(0, dtype=torch.int64)
    assert augment.augment(noise(2)[:0], none).shape == (0, 3, SIDE, SIDE)
    assert augment.centre(noise(2)[:0]).shape == (0, 3, SIDE, SIDE)


@pytest.mark.parametrize(
    ("images", "complaint"),
    [
        (noise(2).float(), "must be uint8 of shape"),
        (noise(2).permute(0, 3, 1, 2), r"not torch.uint8 of \(2, 3, 36, 36\)"),
        (noise(1)[0], "must be uint8 of shape"),
        (noise(2)[:, :, :30], "must be uint8 of shape"),
        (noise(2, 40), "pictures of 40 px are not of a size"),
    ],
)
def test_pictures_of_another_form_are_refused(images: torch.Tensor, complaint: str) -> None:
    variants = torch.zeros(len(images), dtype=torch.int64)
    with pytest.raises(ValueError, match=complaint):
        augment.augment(images, variants)
    with pytest.raises(ValueError, match=complaint):
        augment.centre(images)


@pytest.mark.parametrize(
    ("variants", "complaint"),
    [
        ([0], "2 images need as many int64 variants"),
        ([0.0, 1.0], "not torch.float32"),
        ([0, 110], "variants go from 0 to 109, not to 110"),
        ([-1, 3], "variants go from 0 to 109, not to -1"),
    ],
)
def test_variants_that_are_none_are_refused(variants: list[float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        augment.augment(noise(2), torch.tensor(variants))


@pytest.mark.parametrize("side", [0, 6, 1025])
def test_a_side_without_a_margin_is_refused(side: int) -> None:
    with pytest.raises(ValueError, match=f"crops of {side} px"):
        augment.source_side(side)
