"""The margin softmax in blocks of images, with its own gradient: one (B, C) matrix in all.

Shapes: B batch, D embedding dimension, C classes, K sub-centers of a class, R = C * K weight rows, N images or rows of
one block.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from facerec.losses.functional.margin_softmax import GPU_BLOCKS, MarginSoftmax
from facerec.losses.functional.matmul import factors_in, multiply
from facerec.losses.functional.own_class import leave_out_own_
from facerec.losses.functional.vectors import inverse_norms

RADIAL_ROWS = 512


@torch.compiler.disable  # type: ignore[untyped-decorator]  # the compiler would unroll the loop over blocks; it breaks the graph here instead
def blocked_cross_entropy(
    features_BD: Tensor, weight_CD: Tensor, labels_B: Tensor, target: Callable[[Tensor], Tensor], softmax: MarginSoftmax
) -> tuple[Tensor, Tensor]:
    """``margin_cross_entropy`` with one (B, C) matrix: the exponentials, kept for the backward pass."""
    others_B, own_B = blocked_other_classes(features_BD, weight_CD, labels_B, softmax)
    # softplus turns into the identity at its threshold, 20 by default: e^-20 would show in float64
    return F.softplus(others_B - softmax.scale * target(own_B), threshold=40.0).mean(), own_B


@torch.compiler.disable  # type: ignore[untyped-decorator]  # as above
def blocked_other_classes(
    features_BD: Tensor, weight_CD: Tensor, labels_B: Tensor, softmax: MarginSoftmax
) -> tuple[Tensor, Tensor]:
    """Log sum_{j != y} exp(logit_ij) and the own products, both (B,). A label of -1 is a class of another process."""
    result: tuple[Tensor, Tensor] = _OtherClasses.apply(features_BD, weight_CD, labels_B, softmax)
    return result


class _OtherClasses(torch.autograd.Function):
    """log sum_{j != y} exp(logit_ij) and the own product p_iy, both (B,), with one (B, C) matrix.

    The forward pass keeps e_ij = exp(logit_ij - shift_i) * slope_ij / |w_j|. It includes 1 / |w_j| and the slope of
    ``reweigh``, so both gradients are plain products of e with W and with x. No normalised W is stored. The products
    with W become e in place, some images at a time, so that they stay in the cache. An image whose class is not among
    the rows (a label of -1) has no class to leave out, and an own product of 0.
    """

    @staticmethod
    def forward(
        ctx: Any, x_BD: Tensor, weight_RD: Tensor, labels_B: Tensor, softmax: MarginSoftmax
    ) -> tuple[Tensor, Tensor]:
        precision = softmax.computation.matmul_precision
        inverse_R = inverse_norms(weight_RD)
        own_B, own_rows_B, own_inverse_B, own_direction_BD = _own_products(
            x_BD, weight_RD, inverse_R, labels_B, softmax
        )
        with factors_in(precision):
            scaled_BD = x_BD * softmax.scale if softmax.reweigh is None else x_BD
            e_BR = multiply(scaled_BD, weight_RD.T, precision)
        sum_B, shift_B = torch.empty_like(own_B), torch.empty_like(own_B)
        step = max(1, softmax.block_on(x_BD.device) // len(weight_RD))
        for start in range(0, len(x_BD), step):
            images = slice(start, start + step)
            sum_B[images], shift_B[images] = _exponentials(e_BR[images], inverse_R, labels_B, softmax, images)
        others_B = sum_B.log() + shift_B
        ctx.softmax = softmax
        ctx.save_for_backward(
            x_BD, weight_RD, inverse_R, own_rows_B, own_inverse_B, own_direction_BD, others_B, shift_B, e_BR
        )
        return others_B, own_B

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_others_B: Tensor, grad_own_B: Tensor) -> tuple[Tensor | None, ...]:
        precision = ctx.softmax.computation.matmul_precision
        x_BD, weight_RD, inverse_R, own_rows_B, own_inverse_B, own_direction_BD, others_B, shift_B, e_BR = (
            ctx.saved_tensors
        )
        # dL/dp_ij = c_i e_ij |w_j|; an image without other classes (one class in all) has no such gradient
        c_B = ctx.softmax.scale * torch.where(others_B.isinf(), 0.0, grad_others_B * torch.exp(shift_B - others_B))
        with factors_in(precision):
            grad_x_BD = multiply(e_BR, weight_RD, precision).mul_(c_B[:, None])
            grad_weight_RD = multiply(e_BR.T, x_BD * c_B[:, None], precision)
        grad_x_BD.addcmul_(own_direction_BD, grad_own_B[:, None])
        grad_weight_RD.index_add_(0, own_rows_B, x_BD * (grad_own_B * own_inverse_B)[:, None])
        _remove_radial(grad_weight_RD, weight_RD, inverse_R)
        return grad_x_BD, grad_weight_RD, None, None


def _exponentials(
    product_NR: Tensor, inverse_R: Tensor, labels_B: Tensor, softmax: MarginSoftmax, images: slice
) -> tuple[Tensor, Tensor]:
    """Turn raw products of some images into e, in place; the sums of their exponentials (N,) and their shifts (N,).

    Args:
        product_NR: <x_i, w_j>, times the scale if there is no ``reweigh``.
        inverse_R: 1 / |w_j|.
        labels_B: own class of every image of the batch.
        softmax: as in ``margin_cross_entropy``.
        images: slice of the batch that these images are.
    """
    if softmax.subcenters > 1:
        return _exponentials_of_nearest(product_NR, inverse_R, labels_B, softmax, images)
    logit_NR, slope_NR = product_NR.mul_(inverse_R), None
    if softmax.reweigh is not None:
        value_NR, slope_NR = softmax.reweigh(logit_NR, images)
        torch.mul(value_NR, softmax.scale, out=logit_NR)
    if softmax.shard is None:
        logit_NR.scatter_(1, labels_B[images, None], -torch.inf)
    else:
        leave_out_own_(logit_NR, labels_B[images])
    if softmax.shift is None:
        shift_N = logit_NR.amax(1).clamp(min=torch.finfo(logit_NR.dtype).min)  # with the own class alone it is -inf
        e_NR = logit_NR.sub_(shift_N[:, None]).exp_()
    else:
        shift_N = torch.full_like(logit_NR[:, 0], softmax.shift)
        e_NR = (logit_NR.sub_(softmax.shift) if softmax.shift else logit_NR).exp_()
    sum_N = e_NR.sum(1)
    e_NR.mul_(inverse_R)
    if slope_NR is not None:
        e_NR.mul_(slope_NR)
    return sum_N, shift_N


def _exponentials_of_nearest(
    product_NR: Tensor, inverse_R: Tensor, labels_B: Tensor, softmax: MarginSoftmax, images: slice
) -> tuple[Tensor, Tensor]:
    """As ``_exponentials`` for K sub-centers of a class: the nearest has an exponential, the others have 0."""
    cos_NCK = product_NR.mul_(inverse_R).view(len(product_NR), -1, softmax.subcenters)
    nearest_NC, winner_NC = cos_NCK.max(2)
    single = replace(softmax, subcenters=1)
    sum_N, shift_N = _exponentials(nearest_NC, torch.ones_like(nearest_NC[0]), labels_B, single, images)
    cos_NCK.zero_().scatter_(2, winner_NC[..., None], nearest_NC[..., None])
    product_NR.mul_(inverse_R)
    return sum_N, shift_N


def _remove_radial(grad_RD: Tensor, weight_RD: Tensor, inverse_R: Tensor) -> None:
    """Remove the part along w_j from each row, in place: it changes only the length, which a cosine does not see.

    N rows at a time, so that data read twice is still in the cache.
    """
    step = RADIAL_ROWS if grad_RD.device.type == "cpu" else RADIAL_ROWS * GPU_BLOCKS
    scratch_ND = torch.empty_like(weight_RD[:step])
    per_length_R = inverse_R.square().neg_()
    for start in range(0, len(grad_RD), step):
        rows = slice(start, start + step)
        grad_ND, weight_ND = grad_RD[rows], weight_RD[rows]
        product_ND = torch.mul(grad_ND, weight_ND, out=scratch_ND[: len(grad_ND)])
        grad_ND.addcmul_(weight_ND, product_ND.sum(1).mul_(per_length_R[rows])[:, None])


def _own_products(
    x_BD: Tensor, weight_RD: Tensor, inverse_R: Tensor, labels_B: Tensor, softmax: MarginSoftmax
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of the own class, or its nearest sub-center: product, row of the weights, 1 / |w| (B,), and direction (B, D).

    A class of another process has any row, and zeros beside it.
    """
    subcenters, is_split = softmax.subcenters, softmax.shard is not None
    rows_B = labels_B.clamp(min=0) if is_split else labels_B
    if subcenters > 1:
        rows_BK = rows_B[:, None] * subcenters + torch.arange(subcenters, device=labels_B.device)
        nearest_B1 = (weight_RD[rows_BK] * x_BD[:, None]).sum(2).mul_(inverse_R[rows_BK]).argmax(1, keepdim=True)
        rows_B = rows_BK.gather(1, nearest_B1).squeeze(1)
    inverse_B = inverse_R[rows_B]
    if is_split:
        inverse_B = inverse_B.masked_fill_(labels_B < 0, 0.0)
    direction_BD = weight_RD.index_select(0, rows_B).mul_(inverse_B[:, None])
    return (direction_BD * x_BD).sum(1), rows_B, inverse_B, direction_BD
