"""Sums over the pairs of a batch, some rows of the (B, B) cosines at a time.

Shapes: B batch, D embedding dimension, R rows of one step.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

ROWS = 256  # 2 MiB of float32 at B = 2,048, which stays in the cache

# From the cosines (R, B) of some rows and the index of the first to the value of each row (R,). In place, the cosines
# become the slopes of the values.
RowValue = Callable[[Tensor, int], Tensor]


def row_starts(batch: int) -> Iterator[int]:
    """First row of each step."""
    return iter(range(0, batch, ROWS))


class _RowValues(torch.autograd.Function):
    """Values of the rows of z z^T. One (B, B) matrix, the slopes, is kept and no other made."""

    @staticmethod
    def forward(ctx: Any, z_BD: Tensor, row_value: RowValue) -> Tensor:
        slopes_BB = z_BD.new_empty(len(z_BD), len(z_BD))
        values = []
        for start in row_starts(len(z_BD)):
            cos_RB = torch.mm(z_BD[start : start + ROWS], z_BD.T, out=slopes_BB[start : start + ROWS])
            values.append(row_value(cos_RB, start))
        ctx.save_for_backward(z_BD, slopes_BB)
        return torch.cat(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_B: Tensor) -> tuple[Tensor, None]:
        z_BD, slopes_BB = ctx.saved_tensors
        grad_BD = torch.zeros_like(z_BD)
        for start in row_starts(len(z_BD)):
            rows = slice(start, start + ROWS)
            slopes_RB = slopes_BB[rows] * grad_B[rows, None]
            grad_BD[rows].addmm_(slopes_RB, z_BD)
            grad_BD.addmm_(slopes_RB.T, z_BD[rows])
        return grad_BD, None


@torch.compiler.disable  # type: ignore[untyped-decorator]  # as in functional.blocked
def row_values(z_BD: Tensor, row_value: RowValue) -> Tensor:
    """The value of each row of z z^T (B,).

    Args:
        z_BD: unit embeddings (B, D).
        row_value: function of the cosines of some rows (R, B) and the index of the first. It returns their values (R,)
            and overwrites the cosines by the slopes of the values.
    """
    values_B: Tensor = _RowValues.apply(z_BD, row_value)
    return values_B


def without_self(scale: float) -> RowValue:
    """Log sum_{a != i} exp(scale * cos_ia), a ``RowValue``."""

    def row_value(cos_RB: Tensor, start: int) -> Tensor:
        logit_RB = cos_RB.mul_(scale)
        logit_RB.diagonal(start).fill_(-torch.inf)
        # in a batch of one image the sum is empty: -inf, which the caller leaves out
        top_R1 = logit_RB.amax(1, keepdim=True).clamp(min=torch.finfo(cos_RB.dtype).min)
        e_RB = logit_RB.sub_(top_R1).exp_()
        sum_R1 = e_RB.sum(1, keepdim=True)
        e_RB.mul_(scale / sum_R1.clamp(min=1.0))  # the largest is e^0, so only an empty sum is below 1
        return (top_R1 + sum_R1.log()).squeeze(1)

    return row_value


def circle_exponents(labels_B: Tensor, scale: float, relaxation: float) -> RowValue:
    """Log-sum-exp of the impostor logits plus that of the genuine logits of Circle loss, a ``RowValue``.

    A row that lacks one of the two kinds has a value near the lowest number of its type.
    """

    def row_value(cos_RB: Tensor, start: int) -> Tensor:
        same_RB = labels_B[start : start + len(cos_RB), None] == labels_B
        lowest = torch.finfo(cos_RB.dtype).min / 4
        # weights with their signs: gamma [s + m]+ for impostor, -gamma [1 + m - s]+ for genuine pairs
        weight_RB = torch.where(
            same_RB, (cos_RB - (1.0 + relaxation)).clamp_(max=0.0), (cos_RB + relaxation).clamp_(min=0.0)
        ).mul_(scale)
        weight_RB.diagonal(start).zero_()
        logit_RB = cos_RB.sub_(relaxation).sub_(same_RB.to(cos_RB.dtype), alpha=1.0 - 2.0 * relaxation).mul_(weight_RB)
        impostor_R = torch.logsumexp(logit_RB.masked_fill(same_RB, lowest), 1)
        genuine_RB = logit_RB.masked_fill(~same_RB, lowest)
        genuine_RB.diagonal(start).fill_(lowest)
        genuine_R = torch.logsumexp(genuine_RB, 1)
        logit_RB.sub_(torch.where(same_RB, genuine_R[:, None], impostor_R[:, None])).clamp_(max=0.0).exp_()
        logit_RB.mul_(weight_RB)  # the slopes
        return impostor_R + genuine_R

    return row_value
