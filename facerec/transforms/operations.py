"""The operations of RandAugment, each on many images at once, and each image with its own strength.

Shapes: N images of one operation, H height, W width.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.v2 import functional as v2

from facerec.transforms.geometry import warp
from facerec.transforms.randomness import Numbers


class Operation(NamedTuple):
    """A change of uint8 images (N, 3, H, W), with a strength in [-1, 1] if ``signed``, else in [0, 1].

    Attributes:
        numbers: what :func:`apply` takes: one entry for each image, from strengths (N,), float64, and from the height
            and width of the images.
        signed: whether the strength has a sign.
    """

    numbers: Callable[[Tensor, int, int], Tensor]
    signed: bool


def _matrices(count: int, entries: Mapping[tuple[int, int], Tensor | float]) -> Tensor:
    """Matrices (N, 2, 3) from the output to the input, in positions from -1 to 1: the identity but for some entries."""
    matrices_N23 = torch.eye(2, 3, dtype=torch.float64).repeat(count, 1, 1)
    for (row, column), entry in entries.items():
        matrices_N23[:, row, column] = entry
    return matrices_N23.float()


def _shear_x(share_N: Tensor, height: int, width: int) -> Tensor:
    """The upper left corner stays, as in torchvision. The tangent of the angle is 0.3 share."""
    slope_N = 0.3 * share_N * height / width
    return _matrices(len(share_N), {(0, 1): slope_N, (0, 2): slope_N})


def _shear_y(share_N: Tensor, height: int, width: int) -> Tensor:
    slope_N = 0.3 * share_N * width / height
    return _matrices(len(share_N), {(1, 0): slope_N, (1, 2): slope_N})


def _translate_x(share_N: Tensor, height: int, width: int) -> Tensor:
    return _matrices(len(share_N), {(0, 2): _shift(share_N, width)})


def _translate_y(share_N: Tensor, height: int, width: int) -> Tensor:
    return _matrices(len(share_N), {(1, 2): _shift(share_N, height)})


def _shift(share_N: Tensor, side: int) -> Tensor:
    """By whole pixels, as in torchvision."""
    return -2.0 * torch.trunc(150 / 331 * share_N * side) / side


def _rotate(share_N: Tensor, height: int, width: int) -> Tensor:
    angle_N = torch.deg2rad(30.0 * share_N)
    cos_N, sin_N = torch.cos(angle_N), torch.sin(angle_N)
    turned = {(0, 0): cos_N, (0, 1): -sin_N * height / width, (1, 0): sin_N * width / height, (1, 1): cos_N}
    return _matrices(len(share_N), turned)


def _posterize(share_N: Tensor, height: int, width: int) -> Tensor:
    """Masks of the bits that stay: all but up to four."""
    return (256.0 - 2.0 ** torch.round(4.0 * share_N)).to(torch.uint8)


def _solarize(share_N: Tensor, height: int, width: int) -> Tensor:
    """Thresholds from which on pixels are inverted."""
    return (255.0 * (1.0 - share_N)).float()


def _strengths(share_N: Tensor, height: int, width: int) -> Tensor:
    """For operations without a strength: their number of entries is the number of their images."""
    return share_N.float()


def _rest(share_N: Tensor, height: int, width: int) -> Tensor:
    """Weights of the image that each is blended with. Its own weight is 1 + 0.9 share."""
    return (-0.9 * share_N).float()


# Table 1 of AutoAugment with the ranges of torchvision's RandAugment; a strength of 1 is its 30th magnitude.
OPERATIONS: dict[str, Operation] = {
    "identity": Operation(_strengths, False),
    "shear_x": Operation(_shear_x, True),
    "shear_y": Operation(_shear_y, True),
    "translate_x": Operation(_translate_x, True),
    "translate_y": Operation(_translate_y, True),
    "rotate": Operation(_rotate, True),
    "brightness": Operation(_rest, True),
    "color": Operation(_rest, True),
    "contrast": Operation(_rest, True),
    "sharpness": Operation(_rest, True),
    "posterize": Operation(_posterize, False),
    "solarize": Operation(_solarize, False),
    "autocontrast": Operation(_strengths, False),
    "equalize": Operation(_strengths, False),
}


def _moved(images_NCHW: Tensor, matrices: Sequence[Tensor]) -> Tensor:
    return warp(images_NCHW.float(), torch.cat(list(matrices)), padding_mode="zeros").round_()


def _blended(images_NCHW: Tensor, rests: Sequence[Tensor]) -> Tensor:
    """Blend images with black, with their grey image, with its mean, and with a smooth image, one group for each."""
    pixels_NCHW = images_NCHW.float()
    others_NCHW = pixels_NCHW.clone()
    brightness, color, contrast, sharpness = torch.split(others_NCHW, [len(rest) for rest in rests])
    brightness.zero_()
    _, coloured, smooth = torch.split(pixels_NCHW, [len(brightness), len(color) + len(contrast), len(sharpness)])
    red, green, blue = coloured.unbind(1)
    gray_N1HW = red.mul(0.2989).add_(green, alpha=0.587).add_(blue, alpha=0.114).floor_()[:, None]
    color.copy_(gray_N1HW[: len(color)])
    contrast.copy_(gray_N1HW[len(color) :].mean((1, 2, 3), keepdim=True))
    if min(images_NCHW.shape[-2:]) > 2:  # the edge stays, and the middle counts five times
        sums = F.avg_pool2d(smooth, 3, stride=1, divisor_override=1)
        sharpness[..., 1:-1, 1:-1] = sums.add_(smooth[..., 1:-1, 1:-1], alpha=4.0).div_(13.0).round_()
    rest_N111 = torch.cat(list(rests))[:, None, None, None]
    return torch.lerp(pixels_NCHW, others_NCHW, rest_N111).clamp_(0.0, 255.0)


def _posterized(images_NCHW: Tensor, masks: Sequence[Tensor]) -> Tensor:
    return images_NCHW & masks[0][:, None, None, None]


def _solarized(images_NCHW: Tensor, thresholds: Sequence[Tensor]) -> Tensor:
    return torch.where(images_NCHW >= thresholds[0][:, None, None, None], 255 - images_NCHW, images_NCHW)


def _autocontrasted(images_NCHW: Tensor, _: Sequence[Tensor]) -> Tensor:
    """Stretch each channel to 0 and 255, unless it is flat; torchvision's takes six launches more."""
    pixels_NCHW = images_NCHW.float()
    low_NC11 = pixels_NCHW.amin((2, 3), keepdim=True)
    scale_NC11 = (pixels_NCHW.amax((2, 3), keepdim=True) - low_NC11).mul_(1.0 / 255.0)
    flat_NC11 = scale_NC11 == 0.0
    low_NC11, scale_NC11 = low_NC11.masked_fill_(flat_NC11, 0.0), scale_NC11.masked_fill_(flat_NC11, 1.0)
    return pixels_NCHW.sub_(low_NC11).div_(scale_NC11)  # 255.00002 becomes 255, as a byte is cut off


def _equalized(images_NCHW: Tensor, _: Sequence[Tensor]) -> Tensor:
    equalized: Tensor = v2.equalize(images_NCHW)
    return equalized


# What works on neighbours in the list of operations together; nothing works on the first, identity.
KINDS: dict[tuple[str, ...], Callable[[Tensor, Sequence[Tensor]], Tensor]] = {
    ("shear_x", "shear_y", "translate_x", "translate_y", "rotate"): _moved,
    ("brightness", "color", "contrast", "sharpness"): _blended,
    ("posterize",): _posterized,
    ("solarize",): _solarized,
    ("autocontrast",): _autocontrasted,
    ("equalize",): _equalized,
}


def apply(images_BCHW: Tensor, numbers: Numbers) -> None:
    """Change uint8 images (B, 3, H, W), sorted by operation, in place.

    Args:
        images_BCHW: for each operation of the list its images, one operation after another.
        numbers: for each operation the numbers of its images; as many as there are images.
    """
    start = len(numbers["identity"])
    for names, change in KINDS.items():
        of_kind = [numbers[name] for name in names]
        some_NCHW = images_BCHW[start : start + sum(map(len, of_kind))]
        start += len(some_NCHW)
        if len(some_NCHW):
            some_NCHW.copy_(change(some_NCHW, of_kind))
