"""The one place that turns a file into pixels."""

from io import BytesIO, FileIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from facerec.data.jpeg import decode_ordinary_jpeg

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".pgm", ".ppm", ".tif", ".tiff"}
)
# The formats of a file, whatever its name. For EPS Pillow runs another program; other parsers get little scrutiny.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "PPM", "TIFF")
MAX_PIXELS = 89_478_485  # Pillow warns of a decompression bomb from here on: a quarter of a gigabyte in RGB
SIXTEEN_BIT_FORMATS = frozenset({"PNG", "PPM"})  # Pillow opens their 16-bit gray as 32-bit mode "I"


class UnreadableImageError(ValueError):
    """A file that exists but does not decode as an image.

    Example:
        >>> from facerec.data import UnreadableImageError, decode_image
        >>> try:
        ...     decode_image(b"<html>", "face.jpg")
        ... except UnreadableImageError as error:
        ...     print(error)
        face.jpg does not decode as an image: unknown format
    """


def read_image(path: str | Path) -> Tensor:
    """Decode an image file, see :func:`decode_image`.

    Returns:
        uint8 pixels (3, H, W), RGB.

    Raises:
        FileNotFoundError: for a missing file.
        UnreadableImageError: naming the file, if it cannot be read or does not decode to the end.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from facerec.data import read_image
        >>> with TemporaryDirectory() as root:
        ...     Image.new("L", (8, 6), 200).save(f"{root}/gray.png")
        ...     read_image(f"{root}/gray.png").shape
        torch.Size([3, 6, 8])
    """
    try:
        with FileIO(path) as file:  # no buffer, which would be one copy more
            data = file.readall()
    except FileNotFoundError:
        raise FileNotFoundError(f"no image at {path}") from None
    except OSError as error:
        raise UnreadableImageError(f"{path} cannot be read: {error.strerror}") from error
    return decode_image(data, str(path))


def decode_image(data: bytes, name: str) -> Tensor:
    """Decode the bytes of an image file, turned upright by its EXIF orientation.

    Gray, palette, CMYK and transparent images become RGB; transparency is dropped. 16-bit gray is scaled to 8 bits, not
    clipped. An animation gives its first frame.

    Args:
        data: content of the file.
        name: name of the image in messages.

    Returns:
        uint8 pixels (3, H, W), RGB.

    Raises:
        UnreadableImageError: naming the image, if it does not decode to the end, or is too large to be a face.

    Example:
        >>> from facerec.data import decode_image
        >>> decode_image(b"P5 2 1 255 " + bytes([0, 255]), "two pixels").tolist()
        [[[0, 255]], [[0, 255]], [[0, 255]]]
    """
    if not data:
        raise UnreadableImageError(f"{name} does not decode as an image: it is empty")
    pixels = decode_ordinary_jpeg(data)
    if pixels is not None:
        return pixels
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{image.width}x{image.height} pixels, more than {MAX_PIXELS:,}: shrink it")
            return rgb_pixels(image)
    except Exception as error:  # Pillow raises anything from OSError to SyntaxError on a broken file
        # Pillow's message would name the buffer, which means nothing to the user
        reason = "unknown format" if isinstance(error, UnidentifiedImageError) else error
        raise UnreadableImageError(f"{name} does not decode as an image: {reason}") from error


def rgb_pixels(image: Image.Image) -> Tensor:
    """Pixels uint8 (3, H, W) of a Pillow image, upright and in RGB, see :func:`decode_image`.

    Raises:
        ValueError: for 32-bit pixels. Pillow raises other errors where its file does not decode.
    """
    upright = _eight_bits(ImageOps.exif_transpose(image), str(image.format))
    return torch.from_numpy(np.ascontiguousarray(np.asarray(upright.convert("RGB")).transpose(2, 0, 1)))


def _eight_bits(image: Image.Image, file_format: str) -> Image.Image:
    """Scale 16-bit gray to 8 bits, which Pillow's own conversion would clip to white.

    Raises:
        ValueError: for 32-bit pixels, whose range is unknown.
    """
    sixteen_bits = image.mode.startswith("I;16") or (image.mode == "I" and file_format in SIXTEEN_BIT_FORMATS)
    if sixteen_bits:
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError("32-bit pixels have no known range: save it with 8 or 16 bits")
    return image


def is_image(path: Path) -> bool:
    """Whether the name looks like an image that is not hidden."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
