"""Images in whatever form people have them, as one batch of pixels.

Shapes: N images, C channels, H height, W width.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from facerec.data.images import read_image, rgb_pixels
from facerec.transforms.preprocess import resize

FaceImage = str | os.PathLike[str] | Image.Image | NDArray[Any] | Tensor
FaceImages = FaceImage | Sequence[FaceImage]

SHAPES = "(H, W, 3), (3, H, W), grey (H, W), or a batch (N, 3, H, W) or (N, H, W, 3)"
ROUNDING = 1e-3  # by which resizing may leave [0, 1]


def to_pixels(images: FaceImages, size: tuple[int, int]) -> Tensor:
    """Turn a path, a Pillow image, an array, a tensor, or a list of any of these into one batch.

    Channels are RGB; OpenCV's BGR needs ``image[..., ::-1]``. Grey images become RGB, as grey files do. Pillow images
    are turned upright by EXIF, and their transparency is dropped.

    Args:
        images: uint8 pixels, or floats in [0, 1]. One image is a batch of one.
        size: (height, width) that the images of a list are resized to. All others keep their size.

    Returns:
        uint8 pixels (N, 3, H, W), or float32 pixels in [0, 1] if an image is given as floats.

    Raises:
        FileNotFoundError: if there is no file at a path.
        ValueError: for a file that does not decode, another type of object or pixel, another or an ambiguous shape,
            floats outside [0, 1], or nothing at all.

    Example:
        >>> import numpy as np
        >>> import torch
        >>> from PIL import Image
        >>> from facerec.inference.pixels import to_pixels
        >>> to_pixels(np.zeros((50, 40, 3), dtype=np.uint8), (112, 112)).shape
        torch.Size([1, 3, 50, 40])
        >>> to_pixels([torch.zeros(3, 64, 64), Image.new("L", (40, 50))], (112, 112)).shape
        torch.Size([2, 3, 112, 112])
        >>> to_pixels(np.zeros((3, 112, 3), dtype=np.uint8), (112, 112))
        Traceback (most recent call last):
        ValueError: an image of shape (3, 112, 3) is ambiguous: its channels may come first or last
    """
    if not isinstance(images, (list, tuple)):
        return _batch(images)
    if not images:
        raise ValueError("an empty list of images: give at least one")
    parts = [resize(_item(image, place), size) for place, image in enumerate(images)]
    if any(part.is_floating_point() for part in parts):
        parts = [part if part.is_floating_point() else part / 255.0 for part in parts]
    return torch.cat(parts)


def _item(image: FaceImage, place: int) -> Tensor:
    try:
        return _batch(image)
    except ValueError as error:
        raise ValueError(f"images[{place}]: {error}") from error


def _batch(image: Any) -> Tensor:
    if isinstance(image, (str, os.PathLike)):
        return read_image(os.fspath(image))[None]
    if isinstance(image, Image.Image):
        return _of_pillow(image)[None]
    if isinstance(image, np.ndarray):
        image = _of_array(image)
    if not isinstance(image, Tensor):
        raise ValueError(f"an image given as {type(image).__name__}: give a path, a Pillow image, an array or a tensor")
    _check_values(image)
    return _channels_first(image.float() if image.is_floating_point() else image)


def _of_pillow(image: Image.Image) -> Tensor:
    try:
        return rgb_pixels(image)
    except Exception as error:  # Pillow decodes now, and raises anything from OSError to SyntaxError
        raise ValueError(f"a Pillow image of mode {image.mode} does not decode: {error}") from error


def _of_array(image: NDArray[Any]) -> Tensor:
    """A copy: torch shares no memory that runs backwards or may not be written."""
    if image.dtype != np.uint8 and not np.issubdtype(image.dtype, np.floating):
        raise ValueError(f"pixels of type {image.dtype}: give uint8, or floats in [0, 1]")
    return torch.from_numpy(image.astype(np.uint8 if image.dtype == np.uint8 else np.float32, order="C"))


def _check_values(image: Tensor) -> None:
    if image.numel() == 0:
        raise ValueError(f"an image of shape {tuple(image.shape)} is empty")
    if image.dtype == torch.uint8:
        return
    if not image.is_floating_point():
        raise ValueError(f"pixels of type {str(image.dtype).removeprefix('torch.')}: give uint8, or floats in [0, 1]")
    low, high = float(image.min()), float(image.max())
    if not (low >= -ROUNDING and high <= 1.0 + ROUNDING):
        raise ValueError(f"float pixels from {low:g} to {high:g}: give floats in [0, 1], or uint8")


def _channels_first(image: Tensor) -> Tensor:
    """The batch (N, 3, H, W) of an image or batch in one of ``SHAPES``."""
    shape = tuple(image.shape)
    image_NCHW = image[None, None] if image.ndim == 2 else image[None] if image.ndim == 3 else image
    if image_NCHW.ndim != 4:
        raise ValueError(f"an image of shape {shape}: give {SHAPES}")
    comes_first, comes_last = image_NCHW.shape[1] in (1, 3), image_NCHW.shape[3] in (1, 3)
    if image.ndim > 2 and comes_first and comes_last:
        raise ValueError(f"an image of shape {shape} is ambiguous: its channels may come first or last")
    if not comes_first and not comes_last:
        raise ValueError(f"an image of shape {shape}: give {SHAPES}")
    if not comes_first:
        image_NCHW = image_NCHW.movedim(3, 1)
    return image_NCHW.expand(-1, 3, -1, -1)
