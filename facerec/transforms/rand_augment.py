"""RandAugment: a few operations for each image, drawn from a list, all of one strength.

Shapes: B batch, H height, W width.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as v2

from facerec.settings import require_within
from facerec.transforms.randomness import Draws

MAX_MAGNITUDE = 30


class Operation(NamedTuple):
    """A change of uint8 images (N, 3, H, W) with a strength in [-1, 1] if ``signed``, else in [0, 1]."""

    apply: Callable[[Tensor, float], Tensor]
    signed: bool


def _affine(images: Tensor, translate: tuple[float, float] = (0, 0), shear: tuple[float, float] = (0, 0)) -> Tensor:
    bilinear = InterpolationMode.BILINEAR
    moved: Tensor = v2.affine(
        images, 0.0, [int(share) for share in translate], 1.0, list(shear), bilinear, center=[0.0, 0.0]
    )
    return moved


def _shear(share: float) -> float:
    return math.degrees(math.atan(0.3 * share))


# Table 1 of AutoAugment with the ranges of torchvision's RandAugment; a strength of 1 is its 30th magnitude.
OPERATIONS: dict[str, Operation] = {
    "identity": Operation(lambda images, share: images, False),
    "shear_x": Operation(lambda images, share: _affine(images, shear=(_shear(share), 0.0)), True),
    "shear_y": Operation(lambda images, share: _affine(images, shear=(0.0, _shear(share))), True),
    "translate_x": Operation(
        lambda images, share: _affine(images, translate=(150 / 331 * share * images.shape[-1], 0)), True
    ),
    "translate_y": Operation(
        lambda images, share: _affine(images, translate=(0, 150 / 331 * share * images.shape[-2])), True
    ),
    "rotate": Operation(lambda images, share: v2.rotate(images, 30.0 * share, InterpolationMode.BILINEAR), True),
    "brightness": Operation(lambda images, share: v2.adjust_brightness(images, 1.0 + 0.9 * share), True),
    "color": Operation(lambda images, share: v2.adjust_saturation(images, 1.0 + 0.9 * share), True),
    "contrast": Operation(lambda images, share: v2.adjust_contrast(images, 1.0 + 0.9 * share), True),
    "sharpness": Operation(lambda images, share: v2.adjust_sharpness(images, 1.0 + 0.9 * share), True),
    "posterize": Operation(lambda images, share: v2.posterize(images, 8 - round(4 * share)), False),
    "solarize": Operation(lambda images, share: v2.solarize(images, 255.0 * (1.0 - share)), False),
    "autocontrast": Operation(lambda images, share: v2.autocontrast(images), False),
    "equalize": Operation(lambda images, share: v2.equalize(images), False),
}


@dataclass(frozen=True)
class RandAugment:
    """Some operations for each image, one after another (Cubuk et al., NeurIPS 2020), https://arxiv.org/abs/1909.13719.

    The fourteen operations and their ranges are torchvision's. Each image draws its own operations and signs. Images
    with the same draw go through ``torchvision.transforms.v2`` together. Parts from outside an image become black.

    timm counts magnitudes from 0 to 10, and leaves out half of the operations. Its ``rand-m9-mstd0.5``, with which
    ConvNeXt trains, is about ``RandAugment(num_ops=1, magnitude=27, magnitude_std=1.5)``.

    Args:
        num_ops: number of operations for each image.
        magnitude: strength of the operations, from 0 to 30.
        magnitude_std: standard deviation of the strength. Each operation of each image draws its own from a normal
            distribution around ``magnitude``, cut off at 0 and 30. By default all have the same strength. With a spread
            no two images share a draw, and they go one by one.

    Raises:
        ValueError: for fewer than 1 operation, a magnitude outside [0, 30], or a negative spread.

    Example:
        >>> import torch
        >>> from facerec.transforms import Augment
        >>> images = torch.full((4, 3, 32, 32), 128, dtype=torch.uint8)
        >>> augment = Augment(rand_augment=RandAugment(num_ops=2, magnitude=9))
        >>> augment(images, seed=0, epoch=0, indices_B=torch.arange(4)).dtype
        torch.uint8

        The operations of the first round, and their strengths as shares of the largest:

        >>> from facerec.transforms.randomness import Draws
        >>> RandAugment().chosen(Draws(seed=0, epoch=0, indices_B=torch.arange(3)))[0]
        (['brightness', 'contrast', 'contrast'], [0.3, 0.3, 0.3])
    """

    num_ops: int = 2
    magnitude: int = 9
    magnitude_std: float = 0.0

    def __post_init__(self) -> None:
        require_within("augment.rand_augment.", 1, math.inf, num_ops=self.num_ops)
        require_within("augment.rand_augment.", 0, MAX_MAGNITUDE, magnitude=self.magnitude)
        require_within("augment.rand_augment.", 0.0, math.inf, magnitude_std=self.magnitude_std)

    def chosen(self, draws: Draws) -> list[tuple[list[str], list[float]]]:
        """For each round the operation and the signed strength, in [-1, 1], of each image."""
        names = list(OPERATIONS)
        rounds = []
        for number in range(self.num_ops):
            picks = (draws.uniform(f"rand_augment_{number}") * len(names)).long().tolist()
            minus = draws.happens(f"rand_augment_sign_{number}", 0.5).tolist()
            chosen = [names[pick] for pick in picks]
            signs = [
                -1.0 if less and OPERATIONS[name].signed else 1.0 for name, less in zip(chosen, minus, strict=True)
            ]
            strengths = self._strengths(draws, number, len(chosen))
            rounds.append((chosen, [sign * strength for sign, strength in zip(signs, strengths, strict=True)]))
        return rounds

    def _strengths(self, draws: Draws, number: int, count: int) -> list[float]:
        """Unsigned strength of a round's operation for each image, in [0, 1]."""
        if not self.magnitude_std:
            return [self.magnitude / MAX_MAGNITUDE] * count
        # In Python's numbers: a tensor's functions may round by its length, and so by the place in the batch
        normal = NormalDist(self.magnitude, self.magnitude_std)
        ranks = draws.uniform(f"rand_augment_magnitude_{number}").tolist()
        drawn = [normal.inv_cdf(rank + 2.0**-25) for rank in ranks]  # ranks are k / 2^24: these are never 0 or 1
        return [min(max(magnitude, 0.0), MAX_MAGNITUDE) / MAX_MAGNITUDE for magnitude in drawn]

    def __call__(self, images_BCHW: Tensor, draws: Draws) -> Tensor:
        """Change uint8 images (B, 3, H, W), each by its own operations."""
        for chosen, strengths in self.chosen(draws):
            out_BCHW = torch.empty_like(images_BCHW)
            for name, strength in set(zip(chosen, strengths, strict=True)):
                members = [
                    place
                    for place, drawn in enumerate(zip(chosen, strengths, strict=True))
                    if drawn == (name, strength)
                ]
                places = torch.tensor(members, device=images_BCHW.device)
                out_BCHW[places] = OPERATIONS[name].apply(images_BCHW[places], strength)
            images_BCHW = out_BCHW
        return images_BCHW
