"""The soft margin summed over all triplets of a batch, some anchors at a time.

Shapes: B batch, R anchors of one step, K places for the positives of an anchor.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

LARGEST_ON_CPU = 2**18  # gaps of one step: 1 MiB of float32 stays in the cache
LARGEST = 2**24  # of another device: 64 MiB, for few launches


class _SoftTriplets(torch.autograd.Function):
    """Sum and count of triplets. The slopes of both distances are kept, and no triplet."""

    @staticmethod
    def forward(ctx: Any, positive_BK: Tensor, negative_BB: Tensor, active_only: bool) -> tuple[Tensor, Tensor]:
        slopes_BK, slopes_BB = torch.empty_like(positive_BK), torch.empty_like(negative_BB)
        totals, counts = [], []
        largest = LARGEST_ON_CPU if positive_BK.device.type == "cpu" else LARGEST
        step = max(1, largest // max(1, positive_BK.shape[1] * negative_BB.shape[1]))
        for start in range(0, max(1, len(positive_BK)), step):
            rows = slice(start, start + step)
            gap_RKB = positive_BK[rows, :, None] - negative_BB[rows, None]
            active_RKB = gap_RKB > 0.0
            counts.append(active_RKB.sum())
            if active_only:
                gap_RKB.masked_fill_(~active_RKB, -torch.inf)
            totals.append(F.softplus(gap_RKB, threshold=40.0).sum())
            slope_RKB = gap_RKB.sigmoid_()
            slopes_BK[rows] = slope_RKB.sum(2)
            slopes_BB[rows] = slope_RKB.sum(1)
        ctx.save_for_backward(slopes_BK, slopes_BB)
        total, count = torch.stack(totals).sum(), torch.stack(counts).sum()
        ctx.mark_non_differentiable(count)
        return total, count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor, Tensor, None]:
        slopes_BK, slopes_BB = ctx.saved_tensors
        return slopes_BK * grad, slopes_BB * -grad, None


@torch.compiler.disable  # type: ignore[untyped-decorator]  # as in functional.blocked
def soft_triplets(positive_BK: Tensor, negative_BB: Tensor, active_only: bool = False) -> tuple[Tensor, Tensor]:
    """Sum of softplus(d(a, p) - d(a, n)) over all triplets, and how many have d(a, p) > d(a, n).

    Hermans et al., arXiv:1703.07737, section 2. It computes B * B * K numbers, and keeps B * (B + K).

    Args:
        positive_BK: d(a, p) of the positives of each anchor (B, K), -inf in places without one.
        negative_BB: d(a, n) of each anchor (B, B), inf for what is no negative.
        active_only: sum those with d(a, p) > d(a, n) alone.

    Example:
        One anchor with a positive at 1 and negatives at 0 and 1: log(1 + e) + log 2.

        >>> import torch
        >>> positive, negative = torch.tensor([[1.0, -torch.inf]]), torch.tensor([[0.0, 1.0]])
        >>> total, count = soft_triplets(positive, negative)
        >>> print(f"{total:.4f} {count}")
        2.0064 1
    """
    total, count = _SoftTriplets.apply(positive_BK, negative_BB, active_only)
    return total, count
