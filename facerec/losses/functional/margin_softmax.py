"""A margin softmax: what defines it apart from the margin, and how it is computed.

Shapes: B batch, C classes, N images of one block.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from facerec.losses.functional.matmul import MatmulPrecision
from facerec.losses.functional.shard import Shard
from facerec.settings import require_choice

Implementation = Literal["auto", "blocked", "plain"]
"""How a margin softmax is computed; see ``Computation``."""

Reweigh = Callable[[Tensor, slice], tuple[Tensor, Tensor]]
"""From products (N, C) of some images, and the slice of the batch that they are, to new values and their slopes."""

BLOCK = 1 << 19  # products whose exponentials are taken at a time: two megabytes
# exp() of float32 spans e^-87 to e^88. Logits within +-LARGEST_BOUND need no max pass: subtracting their bound less
# HEADROOM keeps each exponential normal, the sum of e^18 classes finite, and its inverse times the scale as well.
HEADROOM = 70.0
LARGEST_BOUND = 74.0


@dataclass(frozen=True)
class Computation:
    """How the losses on cosines compute: the settings change speed, memory and rounding, not the loss.

    In YAML: ``computation: {implementation: plain, matmul_precision: bfloat16}``.

    Args:
        implementation: "blocked": a hand-written gradient, in blocks of images, fast and lean; "plain": autograd on the
            whole (B, C) matrix; "auto": blocked on the CPU, plain elsewhere.
        matmul_precision: rounding of the factors in the three matrix products. Exponentials and sums stay float32.

    Raises:
        ValueError: if a setting is none of its choices.

    Example:
        >>> from facerec.losses import ArcFace
        >>> loss = ArcFace(computation=Computation(matmul_precision="bfloat16"))
        >>> loss.softmax.computation
        Computation(implementation='auto', matmul_precision='bfloat16')
    """

    implementation: Implementation = "auto"
    matmul_precision: MatmulPrecision = "float32"

    def __post_init__(self) -> None:
        require_choice(self, get_args(Implementation), implementation=self.implementation)
        require_choice(self, get_args(MatmulPrecision), matmul_precision=self.matmul_precision)

    def is_blocked_on(self, device: torch.device) -> bool:
        """Whether tensors of this device are computed in blocks."""
        return self.implementation == "blocked" or (self.implementation == "auto" and device.type == "cpu")


@dataclass(frozen=True)
class MarginSoftmax:
    """All that defines a margin softmax, except the margin itself.

    Args:
        scale: s, the factor of all logits.
        bound: largest magnitude of a product after ``reweigh``; None if there is none.
        reweigh: function that changes the other classes; None leaves them alone.
        subcenters: weight rows K of each class, of which the nearest counts.
        computation: implementation and precision.
        shard: the classes of this process, where they are split over several; None if each process has all.
        block: number of products in one block.

    Example:
        >>> MarginSoftmax(scale=72.0).shift
        2.0
        >>> print(MarginSoftmax(scale=80.0).shift)
        None
    """

    scale: float = 1.0
    bound: float | None = 1.0
    reweigh: Reweigh | None = None
    subcenters: int = 1
    computation: Computation = Computation()
    shard: Shard | None = None
    block: int = BLOCK

    @property
    def shift(self) -> float | None:
        """Number subtracted from every logit before exp(); None if it must be the largest logit of each image."""
        if self.bound is None or self.scale * self.bound > LARGEST_BOUND:
            return None
        return max(self.scale * self.bound - HEADROOM, 0.0)
