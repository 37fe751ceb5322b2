"""Decodes ordinary JPEGs in half of Pillow's time, through torchvision, and leaves all others to Pillow.

An ordinary JPEG has 8 bits, gray or three colours, and is baseline or progressive. Its bytes decide, never its name.
CMYK, lossless and arithmetic coding, headers of huge images, and broken files get no pixels here.
:func:`facerec.data.images.decode_image` alone decides about them.
"""

from collections.abc import Callable
from importlib import import_module

import torch
from torch import Tensor

MAX_PIXELS = 1 << 24  # larger images take long anyway, and Pillow knows a decompression bomb
START_OF_IMAGE = b"\xff\xd8\xff"
EXIF = b"Exif"
APP1 = 0xE1
DCT_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended sequential, progressive; the Huffman kinds
RGB = 3  # torchvision.io.ImageReadMode.RGB
OTHER_FRAMES = (0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)


def _torchvision_decoder() -> Callable[..., Tensor] | None:
    """The operator behind ``torchvision.io.decode_jpeg``, which warns at each call that it may go one day."""
    import_module("torchvision")  # registers the operator
    try:
        decoder: Callable[..., Tensor] = torch.ops.image.decode_jpeg
    except AttributeError:  # gone, or built without libjpeg: Pillow decodes everything
        return None
    return decoder


_DECODE = _torchvision_decoder()


def decode_ordinary_jpeg(data: bytes) -> Tensor | None:
    """Pixels of an ordinary JPEG, turned upright by its EXIF orientation.

    Args:
        data: content of a file.

    Returns:
        uint8 (3, H, W), RGB, whose memory has the channels innermost; None for anything else.
    """
    if _DECODE is None or not data.startswith(START_OF_IMAGE):
        return None
    has_exif = _is_ordinary(data)
    if has_exif is None:
        return None
    encoded = torch.frombuffer(bytearray(data), dtype=torch.uint8)  # a copy, since torch wants to be able to write
    try:
        return _DECODE(encoded, RGB, has_exif)  # gray becomes RGB as well
    except RuntimeError:
        return None


def _is_ordinary(data: bytes) -> bool | None:
    """Whether the segments before the frame hold EXIF; None unless the frame is ordinary."""
    has_exif = False
    at = 2
    while at + 10 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
            continue
        if marker in DCT_FRAMES:
            height = int.from_bytes(data[at + 5 : at + 7], "big")
            width = int.from_bytes(data[at + 7 : at + 9], "big")
            ordinary = data[at + 4] == 8 and data[at + 9] in (1, 3) and 0 < height * width <= MAX_PIXELS
            return has_exif if ordinary else None
        if marker in OTHER_FRAMES:
            return None
        if marker == APP1:
            if not data.startswith(EXIF, at + 4):
                return None  # torchvision looks for EXIF in the first of these alone, and XMP can turn images too
            has_exif = True
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
