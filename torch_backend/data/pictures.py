"""One image file as RGB pixels, 0 to 255, as a viewer would show them; or a refusal that names the file and its mode.

What is right, by what the file holds:

- grey, 1 bit, palette, RGB, CMYK, YCbCr: as Pillow converts them. ICC profiles are not applied.
- transparency of any kind (LA, PA, RGBA, a palette's, one transparent colour): over white, as on a page. The colours
  that a file hides under full transparency are not shown.
- 16-bit grey: the high byte, as for 16-bit colour; the full scale must be 16 bits, black at 0.
- 32-bit whole numbers and floats, where the file does not say which number is white, LAB and all other modes: refused.
- more than one frame or page: refused, as one is needed. The preview of a camera's JPEG (MPO) does not count.
- EXIF orientation: applied, so that the image stands upright.
- another format than ``FORMATS``, whatever its name ends in: refused. (EPS would start another program.)
- truncated, damaged (PNG has checksums), without pixels, or with more than ``PIXELS`` pixels and ``PER_BYTE`` pixels
  for each byte of the file: refused.
"""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
PIXELS, PER_BYTE = 2**24, 128
MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
SIXTEEN = ("I;16", "I;16B", "I;16L", "I;16N")
ORIENTATION = 0x0112  # in EXIF
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def checked_bytes(path: str) -> bytes:
    """Return the bytes of an image file whose header is that of an image that can be used.

    Raises ValueError naming the file when it is not, OSError when it cannot be read.
    """
    data = Path(path).read_bytes()
    _guarded(path, lambda: _opened(data))
    return data


def rgb(path: str) -> Image.Image:
    """Return the image of a file in mode RGB, upright.

    Raises ValueError naming the file when there is none, OSError when it cannot be read.
    """
    return rgb_of(Path(path).read_bytes(), path)


def rgb_of(data: bytes, where: str) -> Image.Image:
    """Return the image that these bytes are as :func:`rgb` does; ``where`` names it in errors."""
    found: Image.Image = _guarded(where, lambda: _converted(_opened(data)))
    return found


def _guarded(path: str, read: Any) -> Any:
    try:
        return read()
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError and more on damaged files
        raise ValueError(f"{path} is not an image that can be read: {error}") from None


def _opened(data: bytes) -> Image.Image:
    """Return an image that is not decoded yet; raise ValueError for what is refused."""
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
    except Image.UnidentifiedImageError:
        raise ValueError(f"it is none of {', '.join(FORMATS)}, or its header is damaged") from None
    width, height = image.size
    if width < 1 or height < 1:
        raise ValueError(f"it has {width} x {height} pixels")
    if width * height > max(PIXELS, PER_BYTE * len(data)):
        raise ValueError(f"its {len(data)} bytes stand for {width} x {height} pixels")
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames != 1:
        raise ValueError(f"it has {frames} frames or pages, and one is needed (mode {image.mode})")
    if _is_sixteen(image):
        tags: Any = getattr(image, "tag_v2", {258: (16,), 262: 1})  # of TIFF: bits in a sample; 1: black is 0
        if (tags.get(258), tags.get(262)) != ((16,), 1):
            raise ValueError(f"mode {image.mode} is read at the full scale of 16 bits only, with black at 0")
    elif image.mode not in MODES:
        raise ValueError(f"mode {image.mode} is not read: save it as RGB, or as grey of 8 or 16 bits")
    if "transparency" in image.info and any("16" in str(tile[3]) for tile in image.tile):
        raise ValueError(f"mode {image.mode} with one transparent colour of 16 bits is not read")
    return image


def _is_sixteen(image: Image.Image) -> bool:
    """Tell whether the image is grey of 16 bits, black 0 and white 65,535."""
    return image.mode in SIXTEEN or (image.mode, image.format) == ("I", "PPM")  # Pillow scales PPM to 16 bits


def _converted(image: Image.Image) -> Image.Image:
    image.load()
    sixteen = _is_sixteen(image)
    turn = TURNS.get(_orientation(image) or 1)
    if turn is not None:
        image = image.transpose(turn)
    if sixteen:
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def _orientation(image: Image.Image) -> int | None:
    try:
        return image.getexif().get(ORIENTATION)
    except Exception:  # a damaged EXIF block is common, and says nothing
        return None
