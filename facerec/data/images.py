"""The one place that turns a file into pixels, and a compact list of the files."""

import os
from collections.abc import Iterable, Iterator
from io import BytesIO, FileIO
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from facerec.data.jpeg import decode_ordinary_jpeg

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".pgm", ".ppm", ".tif", ".tiff"}
)
# What a file may be, whatever its name: for EPS Pillow runs another program, for others parsers few people look at.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "PPM", "TIFF")
MAX_PIXELS = 89_478_485  # where Pillow begins to warn of a decompression bomb: a quarter of a gigabyte in RGB
SIXTEEN_BIT_FORMATS = frozenset({"PNG", "PPM"})  # Pillow opens their 16-bit gray as 32-bit mode "I"


class UnreadableImageError(ValueError):
    """A file that is there but does not decode as an image."""


def read_image(path: str | Path) -> Tensor:
    """Decode an image file, see :func:`decode_image`.

    Returns:
        uint8 pixels (3, H, W), RGB.

    Raises:
        FileNotFoundError: if there is no such file.
        UnreadableImageError: naming the file, if it cannot be read or does not decode to the end.
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

    Gray, palette, CMYK and transparent images become RGB (transparency is dropped); 16-bit gray is scaled to 8 bits,
    not clipped; of an animation the first frame is taken.

    Args:
        data: content of the file.
        name: what to call the image in a message.

    Returns:
        uint8 pixels (3, H, W), RGB.

    Raises:
        UnreadableImageError: naming the image, if it does not decode to the end, or is too large to be a face.
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
        # Pillow names the buffer, which says nothing to the user
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
        ValueError: for 32-bit pixels, whose range nobody knows.
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


class PathList:
    """Half a million paths in one array instead of as many Python strings, so that workers share it untouched.

    A list of str is copied page by page into every worker as reference counts change; two arrays are not.
    """

    def __init__(self, root: str | Path, relative_paths: Iterable[str]) -> None:
        encoded = [path.encode("utf-8", "surrogateescape") for path in relative_paths]
        self.root = str(root)
        self._ends = np.cumsum([len(path) for path in encoded], dtype=np.int64)
        self._bytes = np.frombuffer(b"".join(encoded), dtype=np.uint8)

    @classmethod
    def of_arrays(cls, root: str, ends_N: NDArray[np.int64], joined: NDArray[np.uint8]) -> "PathList":
        """A list that is arrays already, on a mapped file for one: where each path ends, and all of them joined."""
        paths = cls(root, [])
        paths._ends, paths._bytes = ends_N, joined
        return paths

    @property
    def arrays(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Where each path ends (N,), and all of them joined, UTF-8."""
        return self._ends, self._bytes

    def __len__(self) -> int:
        return len(self._ends)

    def relative(self, index: int) -> str:
        """The path as it was given, relative to the root."""
        if not 0 <= index < len(self):
            raise IndexError(f"path {index} of {len(self)}")
        start = int(self._ends[index - 1]) if index else 0
        return self._bytes[start : int(self._ends[index])].tobytes().decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        """The paths as they were given, faster than one by one."""
        paths, start = self._bytes.tobytes(), 0
        for end in self._ends.tolist():
            yield paths[start:end].decode("utf-8", "surrogateescape")
            start = end

    def __getitem__(self, index: int) -> str:
        return os.path.join(self.root, self.relative(index))  # a Path would take a tenth of the time of decoding
