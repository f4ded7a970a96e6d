"""Pictures out of files and uploads, whatever their form.

Everything becomes eight-bit RGB, upright. Grey is repeated in three channels, 16-bit grey is scaled
by 255 / 65535, palettes are resolved, and what is transparent shows a mid-grey ground: under full
transparency programs leave any colour, so that dropping it would show what nobody saw.
"""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, PngImagePlugin, UnidentifiedImageError

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # of which none starts a program
MOST_PIXELS = 50_000_000  # 150 MB once decoded; most telephones stay below
LIMIT = f"the {MOST_PIXELS // 10**6} megapixels that are read"
LEAST_SIDE = 16  # pixels, below which neither face nor digit can be told
GROUND = 128  # grey behind what is transparent
SIXTEEN_BITS = ("I", "I;16", "I;16L", "I;16B", "I;16N")  # the first in portable greymaps
UPRIGHT = {  # what undoes the orientation that EXIF names
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY  # profiles of colour are large


def read_image(path: str | Path) -> np.ndarray:
    """Return the picture in a file, (height, width, 3) uint8 RGB, turned upright as its EXIF says.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty, truncated, no image, or has too many or too few pixels.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; check the path")
    return decode(path.read_bytes(), str(path))


def decode(content: bytes, name: str) -> np.ndarray:
    """Return the picture in the bytes of a file, as `read_image` does; nothing is written.

    Raises:
        ValueError: it is empty, truncated, no image, or has too many or too few pixels.
    """
    if not content:
        raise ValueError(f"{name} is empty; get it again")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sizes are checked here, odd metadata do no harm
        try:
            image = Image.open(io.BytesIO(content), formats=FORMATS)
        except UnidentifiedImageError:
            kinds = ", ".join(FORMATS)
            raise ValueError(f"{name} is no image that can be read; use one of {kinds}") from None
        except Exception as error:
            raise _damaged(name, error) from None
        _check(image, name)
        try:
            image.load()
            return _eight_bits(_upright(image))
        except Exception as error:
            raise _damaged(name, error) from None


def _damaged(name: str, error: Exception) -> ValueError:
    """Return one line for whatever Pillow's readers raise, which is of a dozen kinds."""
    if isinstance(error, Image.DecompressionBombError):
        return ValueError(f"{name} is far above {LIMIT}; scale it down")
    reason = " ".join(str(error).split()) or type(error).__name__
    return ValueError(f"{name} is truncated or damaged ({reason}); get it again")


def _check(image: Image.Image, name: str) -> None:
    """Raise ValueError where a picture is too large, too small or too deep, before decoding it."""
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise ValueError(f"{name} is {width} x {height}, above {LIMIT}; scale it down")
    if min(width, height) < LEAST_SIDE:
        least = f"at least {LEAST_SIDE} x {LEAST_SIDE}"
        raise ValueError(f"{name} is {width} x {height} pixels; take one of {least}")
    if image.mode == "F" or (image.mode == "I" and image.format != "PPM"):  # there it holds 16
        raise ValueError(f"{name} has 32 bits a pixel; save it with 8 or 16 bits")


def _upright(image: Image.Image) -> Image.Image:
    """Return a loaded picture as its EXIF says it hangs; EXIF that cannot be read says nothing.

    `ImageOps.exif_transpose` writes the EXIF anew, which one odd entry of a camera prevents.
    """
    try:
        turn = UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # of as many kinds as there are odd entries
        turn = None
    return image if turn is None else image.transpose(turn)


def _eight_bits(image: Image.Image) -> np.ndarray:
    """Return the (height, width, 3) uint8 pixels of a picture in any mode."""
    if image.mode in SIXTEEN_BITS:
        grey = (np.asarray(image).astype(np.float32) / 257 + 0.5).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.has_transparency_data:
        ground = Image.new("RGBA", image.size, (GROUND, GROUND, GROUND, 255))
        image = Image.alpha_composite(ground, image.convert("RGBA"))
    return np.array(image.convert("RGB"))
