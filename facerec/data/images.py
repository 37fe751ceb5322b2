"""The one place that turns a file into pixels."""

from contextlib import suppress
from functools import cache
from importlib import import_module
from io import BytesIO, FileIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError, features
from torch import Tensor

from facerec.data.jpeg import decode_ordinary_jpeg

IMAGE_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".gif", ".webp", ".pgm", ".ppm", ".pbm", ".pnm"),
        *(".tif", ".tiff"),
    }
)
# The formats of a file, whatever its name. For EPS Pillow runs another program; other parsers get little scrutiny.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "PPM", "TIFF")  # a file of several JPEGs (MPO) gives its first
# Formats that Pillow reads if it was built with their library, or if a plugin is installed.
HEIF = "HEIF"
MORE_SUFFIXES = {
    **dict.fromkeys((".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"), "JPEG2000"),
    **dict.fromkeys((".avif", ".avifs"), "AVIF"),
    **dict.fromkeys((".heic", ".heif", ".hif"), HEIF),
}
MAX_PIXELS = 64_500_000  # of a camera in a telephone; they take 0.6 GB while they are decoded
MAX_SIDE = 32_768  # a thin image takes far more memory than its pixels
ORIENTATION = 0x0112  # of EXIF; 1 is upright
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
        with open_image(data) as image:
            _refuse_large(image.size)
            return rgb_pixels(image)
    except Exception as error:  # Pillow raises anything from OSError to SyntaxError on a broken file
        # Pillow's message would name the buffer, which means nothing to the user
        reason = _unknown(data) if isinstance(error, UnidentifiedImageError) else error
        raise UnreadableImageError(f"{name} does not decode as an image: {reason}") from error


def open_image(data: bytes) -> Image.Image:
    """Open the bytes of an image file in Pillow, in one of the formats that facerec reads."""
    try:
        return Image.open(BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        more = more_formats()
        if not more:
            raise
        return Image.open(BytesIO(data), formats=sorted(more))


@cache
def more_formats() -> frozenset[str]:
    """Which of the formats in ``MORE_SUFFIXES`` this machine reads."""
    with suppress(ImportError):
        import_module("pillow_heif").register_heif_opener()
    Image.init()
    can_read = {"JPEG2000": features.check_codec("jpg_2000"), "AVIF": ".avif" in Image.EXTENSION, HEIF: True}
    return frozenset(name for name, can in can_read.items() if can and name in Image.OPEN)


def _unknown(data: bytes) -> str:
    """Why no format was found for the bytes of a file."""
    brand = data[8:12] if data[4:8] == b"ftyp" else b""
    if brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        return "HEIC, which Pillow reads with a plugin: pip install pillow-heif, or convert it"
    if brand == b"avif":
        return "AVIF, which this Pillow does not read: convert it, or update Pillow"
    return "unknown format"


def _refuse_large(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise ValueError(f"{width}x{height} pixels, more than {MAX_PIXELS:,}: shrink it")
    if max(size) > MAX_SIDE:
        raise ValueError(f"{width}x{height} pixels, more than {MAX_SIDE:,} on a side: shrink it")


def rgb_pixels(image: Image.Image) -> Tensor:
    """Pixels uint8 (3, H, W) of a Pillow image, upright and in RGB, see :func:`decode_image`.

    Raises:
        ValueError: for 32-bit pixels. Pillow raises other errors where its file does not decode.
    """
    file_format = str(image.format)
    if image.getexif().get(ORIENTATION, 1) != 1:  # else it would be copied
        image = ImageOps.exif_transpose(image)
    image = _eight_bits(image, file_format)
    if image.mode != "RGB":
        image = image.convert("RGB")
    return torch.from_numpy(np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1)))


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
    """Whether the name looks like an image that facerec reads here, and that is not hidden."""
    return has_image_suffix(path.suffix) and not path.name.startswith(".")


def has_image_suffix(suffix: str) -> bool:
    """Whether facerec reads images of a suffix here.

    Example:
        >>> has_image_suffix(".JPG"), has_image_suffix(".txt")
        (True, False)
    """
    lower = suffix.lower()
    return lower in IMAGE_SUFFIXES or (lower in MORE_SUFFIXES and MORE_SUFFIXES[lower] in more_formats())
