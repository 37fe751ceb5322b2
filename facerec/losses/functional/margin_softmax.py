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
from facerec.machine.hardware import memory_of_gpu
from facerec.settings import require_choice

Implementation = Literal["auto", "blocked", "plain"]
"""How a margin softmax is computed; see ``Computation``."""

Reweigh = Callable[[Tensor, slice], tuple[Tensor, Tensor]]
"""From products (N, C) of some images, and the slice of the batch that they are, to new values and their slopes."""

BLOCK = 1 << 19  # products whose exponentials are taken at a time: two megabytes, which stay in a CPU's cache
GPU_BLOCKS = 128  # blocks that a GPU takes at a time: each is a few launches, which cost more than its cache saves
PLAIN_MATRICES = 4  # of all products, which "plain" holds at its peak: 17.6 GiB at B = 1,024 and C = 1,000,000
PLAIN_SHARE = 1 / 8  # of a GPU's memory that they may take
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
            whole (B, C) matrix; "auto": blocked on the CPU, and on a GPU where plain would take more than an eighth of
            its memory; else plain, which takes fewer launches.
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

    def is_blocked_on(self, device: torch.device, products: int, memory: int | None = None) -> bool:
        """Whether tensors of a device are computed in blocks. It is the same in each step of a run, and in its next.

        Args:
            device: device of the tensors.
            products: number of products of an embedding with a weight, B times the rows of the weights.
            memory: bytes of the device; by default those of the GPU at hand.

        Example:
            >>> import torch
            >>> gpu, million = torch.device("cuda"), 1_000_000
            >>> [Computation().is_blocked_on(gpu, 256 * people, 24 * 2**30) for people in (8_631, million)]
            [False, True]
        """
        if self.implementation != "auto":
            return self.implementation == "blocked"
        if device.type == "cpu":
            return True
        memory = memory_of_gpu(device) if memory is None else memory
        return memory is not None and PLAIN_MATRICES * products * 4 > PLAIN_SHARE * memory


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
        block: number of products in one block on a CPU.

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

    def block_on(self, device: torch.device) -> int:
        """Number of products in one block on a device."""
        return self.block if device.type == "cpu" else self.block * GPU_BLOCKS
