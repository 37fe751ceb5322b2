"""RandAugment: a few operations for each image, drawn from a list, all of one strength.

Shapes: B batch, H height, W width.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import torch
from torch import Tensor

from facerec.settings import require_within
from facerec.transforms.operations import OPERATIONS, apply
from facerec.transforms.randomness import Draws, Numbers

MAX_MAGNITUDE = 30


@dataclass(frozen=True)
class RandAugment:
    """Some operations for each image, one after another (Cubuk et al., NeurIPS 2020), https://arxiv.org/abs/1909.13719.

    The fourteen operations and their ranges are torchvision's. Each image draws its own operations and signs. In each
    round the images are sorted by operation, and each kind of operation works on its images together. Parts from
    outside an image become black.

    timm counts magnitudes from 0 to 10, and leaves out half of the operations. Its ``rand-m9-mstd0.5``, with which
    ConvNeXt trains, is about ``RandAugment(num_ops=1, magnitude=27, magnitude_std=1.5)``.

    Args:
        num_ops: number of operations for each image.
        magnitude: strength of the operations, from 0 to 30.
        magnitude_std: standard deviation of the strength. Each operation of each image draws its own from a normal
            distribution around ``magnitude``, cut off at 0 and 30. By default all have the same strength.

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
        >>> picks, strengths = RandAugment().chosen(Draws(seed=0, epoch=0, indices_B=torch.arange(3)))[0]
        >>> [list(OPERATIONS)[pick] for pick in picks], strengths.tolist()
        (['brightness', 'contrast', 'contrast'], [0.3, 0.3, 0.3])
    """

    num_ops: int = 2
    magnitude: int = 9
    magnitude_std: float = 0.0

    def __post_init__(self) -> None:
        require_within("augment.rand_augment.", 1, math.inf, num_ops=self.num_ops)
        require_within("augment.rand_augment.", 0, MAX_MAGNITUDE, magnitude=self.magnitude)
        require_within("augment.rand_augment.", 0.0, math.inf, magnitude_std=self.magnitude_std)

    @property
    def names(self) -> tuple[str, ...]:
        """What :meth:`draw` draws."""
        kinds = ("", "sign_", "magnitude_") if self.magnitude_std else ("", "sign_")
        return tuple(f"rand_augment_{kind}{number}" for number in range(self.num_ops) for kind in kinds)

    def chosen(self, draws: Draws) -> list[tuple[Tensor, Tensor]]:
        """For each round the place of the operation in the list (B,) and its signed strength (B,), in [-1, 1]."""
        signed = torch.tensor([operation.signed for operation in OPERATIONS.values()])
        rounds = []
        for number in range(self.num_ops):
            picks_B = (draws.uniform(f"rand_augment_{number}") * len(OPERATIONS)).long()
            minus_B = draws.happens(f"rand_augment_sign_{number}", 0.5) & signed[picks_B]
            strengths_B = self._strengths(draws, number)
            rounds.append((picks_B, torch.where(minus_B, -strengths_B, strengths_B)))
        return rounds

    def _strengths(self, draws: Draws, number: int) -> Tensor:
        """Unsigned strength of a round's operation for each image, in [0, 1]: (B,), float64."""
        if not self.magnitude_std:
            return torch.full((len(draws),), self.magnitude / MAX_MAGNITUDE, dtype=torch.float64)
        # In Python's numbers: a tensor's functions may round by its length, and so by the place in the batch
        normal = NormalDist(self.magnitude, self.magnitude_std)
        ranks = draws.uniform(f"rand_augment_magnitude_{number}").tolist()
        drawn = [normal.inv_cdf(rank + 2.0**-25) for rank in ranks]  # ranks are k / 2^24: these are never 0 or 1
        return torch.tensor(drawn, dtype=torch.float64).clamp(0.0, MAX_MAGNITUDE) / MAX_MAGNITUDE

    def draw(self, draws: Draws, height: int, width: int) -> Numbers:
        """The order of the images in each round, and the numbers of each operation for its images.

        Each order is of the images as the round before has left them; ``rand_augment_order`` is the way back.
        """
        numbers: Numbers = {}
        place_B = torch.arange(len(draws))  # of each image in the order so far
        for number, (picks_B, strengths_B) in enumerate(self.chosen(draws)):
            order_B = torch.argsort(picks_B, stable=True)
            numbers[f"rand_augment_order_{number}"] = place_B[order_B]
            place_B = torch.argsort(order_B)
            groups = torch.split(strengths_B[order_B], torch.bincount(picks_B, minlength=len(OPERATIONS)).tolist())
            for (name, operation), share_N in zip(OPERATIONS.items(), groups, strict=True):
                numbers[f"{name}_{number}"] = operation.numbers(share_N, height, width)
        return numbers | {"rand_augment_order": place_B}

    def __call__(self, images_BCHW: Tensor, numbers: Numbers) -> Tensor:
        """Change uint8 images (B, 3, H, W), each by its own operations."""
        for number in range(self.num_ops):
            images_BCHW = images_BCHW[numbers[f"rand_augment_order_{number}"]]
            apply(images_BCHW, {name: numbers[f"{name}_{number}"] for name in OPERATIONS})
        return images_BCHW[numbers["rand_augment_order"]]
