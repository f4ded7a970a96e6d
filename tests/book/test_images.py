"""Pictures in every form become eight-bit RGB; what cannot be read is refused in one line."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from lib.book import images

HEIGHT, WIDTH = 20, 24
COLOURS = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def saved(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    """Return a picture as the bytes of a file."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def test_colours_come_through_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    path.write_bytes(saved(Image.fromarray(COLOURS)))
    found = images.read_image(path)
    np.testing.assert_array_equal(found, COLOURS)
    assert found.dtype == np.uint8 and found.flags.writeable
    np.testing.assert_array_equal(images.decode(path.read_bytes(), "face.png"), COLOURS)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled(form: str) -> None:
    # 257 is 65535 / 255, and what is less than half of it more is rounded away
    grey = np.minimum(COLOURS[..., 0].astype(int) * 257 + 100, 65535).astype(np.uint16)
    found = images.decode(saved(Image.fromarray(grey), form), "deep")
    np.testing.assert_array_equal(found[..., 1], COLOURS[..., 0])


def test_transparency_shows_mid_grey() -> None:
    alpha = np.zeros((HEIGHT, WIDTH, 1), dtype=np.uint8)
    alpha[:10] = 255
    found = images.decode(
        saved(Image.fromarray(np.concatenate([COLOURS, alpha], axis=2))), "clear.png"
    )
    np.testing.assert_array_equal(found[:10], COLOURS[:10])
    assert (found[10:] == images.GROUND).all()


def test_palettes_are_resolved() -> None:
    few = Image.fromarray(COLOURS).quantize(16)
    expected = np.array(few.convert("RGB"))
    np.testing.assert_array_equal(images.decode(saved(few), "few.png"), expected)
    clear = images.decode(saved(few, transparency=3), "few.png")
    hidden = np.array(few) == 3
    assert hidden.any() and (clear[hidden] == images.GROUND).all()
    np.testing.assert_array_equal(clear[~hidden], expected[~hidden])


@pytest.mark.parametrize(
    ("orientation", "undo"),
    [
        (1, lambda stored: stored),
        (2, lambda stored: stored[:, ::-1]),
        (3, lambda stored: stored[::-1, ::-1]),
        (4, lambda stored: stored[::-1]),
        (5, lambda stored: stored.transpose(1, 0, 2)),
        (6, lambda stored: np.rot90(stored, -1)),
        (7, lambda stored: stored[::-1, ::-1].transpose(1, 0, 2)),
        (8, lambda stored: np.rot90(stored)),
    ],
)
@pytest.mark.parametrize("form", ["PNG", "TIFF"])  # Pillow turns the latter itself
def test_pictures_are_turned_upright(orientation: int, undo, form: str) -> None:  # type: ignore[no-untyped-def]
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = images.decode(saved(Image.fromarray(COLOURS), form, exif=exif), "turned")
    np.testing.assert_array_equal(found, undo(COLOURS))


def test_what_else_exif_says_does_not_matter() -> None:
    orientation = struct.pack("<HHII", 0x0112, 3, 1, 6)
    for width in (
        struct.pack("<HHI4s", 0x0100, 2, 2, b"a"),
        struct.pack("<HHIi", 0x0100, 9, 1, -1),
    ):
        exif = b"II*\0" + struct.pack("<IH", 8, 2) + orientation + width + bytes(4)
        found = images.decode(saved(Image.fromarray(COLOURS), exif=exif), "odd.png")
        np.testing.assert_array_equal(found, np.rot90(COLOURS, -1))


def test_metadata_may_be_wrong_or_large() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "a" * 2_000_000, zip=True)
    for options in ({"exif": b"no EXIF"}, {"pnginfo": text}, {"icc_profile": bytes(2_000_000)}):
        found = images.decode(saved(Image.fromarray(COLOURS), **options), "large.png")
        np.testing.assert_array_equal(found, COLOURS)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "TIFF"])
def test_truncated_files_are_refused(form: str, tmp_path: Path) -> None:
    path = tmp_path / "cut"
    path.write_bytes(saved(Image.fromarray(COLOURS), form)[:-400])
    with pytest.raises(ValueError, match="cut is (truncated or damaged|no image)") as raised:
        images.read_image(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "odd is empty; get it again"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "odd is no image .*; use one of"),
        (
            saved(Image.fromarray(COLOURS[..., 0]).convert("F"), "TIFF"),
            "odd has 32 bits a pixel; save it with 8 or 16",
        ),
        (
            saved(Image.fromarray(COLOURS[:15])),
            "odd is 24 x 15 pixels; take one of at least 16",
        ),
    ],
)
def test_what_is_no_picture_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        images.read_image(tmp_path / "odd")
    with pytest.raises(FileNotFoundError, match="there is no file .*; check the path"):
        images.read_image(tmp_path / "nowhere.png")


@pytest.mark.parametrize(("width", "height"), [(8000, 7000), (60000, 60000)])
def test_huge_pictures_are_refused_before_they_are_decoded(width: int, height: int) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    content = (
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )
    with pytest.raises(ValueError, match="^bomb.png (is|has) .*; scale it down"):
        images.decode(content, "bomb.png")


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(0, 255), st.sampled_from(["PNG", "JPEG", "GIF", "TIFF"]))
def test_a_wrong_byte_gives_a_picture_or_one_line(place: int, value: int, form: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = bytearray(saved(Image.fromarray(COLOURS), form, exif=exif))
    content[place % len(content)] = value
    try:
        found = images.decode(bytes(content), "odd")
    except ValueError as error:
        assert str(error).startswith("odd ") and "\n" not in str(error)
    else:
        assert found.dtype == np.uint8 and found.shape[2] == 3
