"""Cross-entropy over cosines with a margin on the own class: a plain version, and one in blocks with its own gradient.

Shapes: B batch, D embedding dimension, C classes, K sub-centers a class, N = images or classes of one block.

Let p_ij = <x_i, w_j / |w_j|>. The logits are ``scale * p_ij``, or ``scale * reweigh(p_ij)`` for losses that change the
other classes too, except that of the own class y, which is ``scale * target(p_iy)``. Their mean cross-entropy is

    mean_i softplus(log sum_{j != y} exp(logit_ij) - scale * target(p_iy)),

so all that touches every class is one log-sum-exp, and the margin is a function of B numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from facerec.losses.functional.matmul import MatmulPrecision, factors_in, multiply, product
from facerec.losses.functional.vectors import directions, inverse_norms

Implementation = Literal["auto", "blocked", "plain"]

# Of the products (N, C) of the images that a slice of the batch names, their values as logits before the scale, and the
# slopes of that function.
Reweigh = Callable[[Tensor, slice], tuple[Tensor, Tensor]]

BLOCK = 1 << 19  # products whose exponentials are taken at a time: two megabytes
RADIAL_ROWS = 512
# exp() of float32 spans e^-87 to e^88. Logits within +-LARGEST_BOUND need no max pass: subtracting their bound less
# HEADROOM keeps each exponential normal, the sum of e^18 classes finite, and its inverse times the scale as well.
HEADROOM = 70.0
LARGEST_BOUND = 74.0


@dataclass(frozen=True)
class Head:
    """What a margin softmax is made of, apart from the margin.

    Args:
        scale: s, the factor of all logits.
        bound: largest magnitude of a product after ``reweigh``; None if there is none.
        reweigh: what becomes of the other classes; None leaves them alone.
        subcenters: weight rows K of each class, of which the nearest counts.
        implementation: "blocked" (a hand-written gradient, in blocks of images), "plain" (autograd on the whole
            (B, C) matrix), or "auto": blocked on the CPU, plain elsewhere.
        matmul_precision: of the factors of the three matrix products.
        block: products in one block.
    """

    scale: float = 1.0
    bound: float | None = 1.0
    reweigh: Reweigh | None = None
    subcenters: int = 1
    implementation: Implementation = "auto"
    matmul_precision: MatmulPrecision = "float32"
    block: int = BLOCK

    @property
    def shift(self) -> float | None:
        """What every logit is lowered by before exp(); None if the maximum must be looked for."""
        if self.bound is None or self.scale * self.bound > LARGEST_BOUND:
            return None
        return max(self.scale * self.bound - HEADROOM, 0.0)


def margin_cross_entropy(
    features_BD: Tensor, weight_CD: Tensor, labels_B: Tensor, target: Callable[[Tensor], Tensor], head: Head
) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy with a margin on the own class.

    Args:
        features_BD: x (B, D), unit vectors where the products shall be cosines.
        weight_CD: class weights (C, D), of any length; (C * K, D) with K sub-centers, those of a class together.
        labels_B: own class of each row, int64 (B,).
        target: the target (B,) of the own products (B,).
        head: scale, bound and the way to compute.

    Returns:
        The loss, a scalar, and the products with the own classes (B,).
    """
    weight_CD = weight_CD.to(features_BD.dtype)
    if head.implementation == "blocked" or (head.implementation == "auto" and features_BD.device.type == "cpu"):
        result: tuple[Tensor, Tensor] = _blocked(features_BD, weight_CD, labels_B, target, head)
        return result
    return _plain(features_BD, weight_CD, labels_B, target, head)


def _plain(
    features_BD: Tensor, weight_CD: Tensor, labels_B: Tensor, target: Callable[[Tensor], Tensor], head: Head
) -> tuple[Tensor, Tensor]:
    """The reference: autograd on the whole matrix of logits."""
    product_BC = product(features_BD, directions(weight_CD).T, head.matmul_precision)
    if head.subcenters > 1:
        product_BC = product_BC.view(len(product_BC), -1, head.subcenters).amax(2)
    own_B = product_BC.gather(1, labels_B[:, None]).squeeze(1)
    if head.reweigh is not None:
        product_BC = head.reweigh(product_BC, slice(None))[0]
    logits_BC = head.scale * product_BC.scatter(1, labels_B[:, None], target(own_B)[:, None])
    return F.cross_entropy(logits_BC, labels_B), own_B


@torch.compiler.disable  # type: ignore[untyped-decorator]  # a loop over blocks is what the compiler would unroll; it breaks the graph here instead
def _blocked(
    features_BD: Tensor, weight_CD: Tensor, labels_B: Tensor, target: Callable[[Tensor], Tensor], head: Head
) -> tuple[Tensor, Tensor]:
    """The same with one (B, C) matrix: the exponentials, kept for the backward pass."""
    others_B, own_B = _OtherClasses.apply(features_BD, weight_CD, labels_B, head)
    # softplus turns into the identity at its threshold, 20 by default: e^-20 would show in float64
    return F.softplus(others_B - head.scale * target(own_B), threshold=40.0).mean(), own_B


class _OtherClasses(torch.autograd.Function):
    """log sum_{j != y} exp(logit_ij) and the own product p_iy, both (B,), with one (B, C) matrix.

    The forward pass keeps e_ij = exp(logit_ij - shift_i) * slope_ij / |w_j|: the 1 / |w_j| and the slope of ``reweigh``
    are there so that both gradients are plain products of e with W and with x, and no normalised W is ever stored.
    The products with W are turned into e where they are, some images at a time, so that they stay in the cache.

    Shapes: R = C * K rows of W.
    """

    @staticmethod
    def forward(ctx: Any, x_BD: Tensor, weight_RD: Tensor, labels_B: Tensor, head: Head) -> tuple[Tensor, Tensor]:
        inverse_R = inverse_norms(weight_RD)
        own_B, own_rows_B, own_direction_BD = _own_products(x_BD, weight_RD, inverse_R, labels_B, head.subcenters)
        with factors_in(head.matmul_precision):
            scaled_BD = x_BD * head.scale if head.reweigh is None else x_BD
            e_BR = multiply(scaled_BD, weight_RD.T, head.matmul_precision)
        sum_B, shift_B = torch.empty_like(own_B), torch.empty_like(own_B)
        step = max(1, head.block // len(weight_RD))
        for start in range(0, len(x_BD), step):
            images = slice(start, start + step)
            sum_B[images], shift_B[images] = _exponentials(e_BR[images], inverse_R, labels_B, head, images)
        others_B = sum_B.log() + shift_B
        ctx.head = head
        ctx.save_for_backward(x_BD, weight_RD, inverse_R, own_rows_B, own_direction_BD, others_B, shift_B, e_BR)
        return others_B, own_B

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_others_B: Tensor, grad_own_B: Tensor) -> tuple[Tensor | None, ...]:
        head = ctx.head
        x_BD, weight_RD, inverse_R, own_rows_B, own_direction_BD, others_B, shift_B, e_BR = ctx.saved_tensors
        # dL/dp_ij = c_i e_ij |w_j|; a row without other classes (one class in all) has none to give a gradient to
        c_B = head.scale * torch.where(others_B.isinf(), 0.0, grad_others_B * torch.exp(shift_B - others_B))
        with factors_in(head.matmul_precision):
            grad_x_BD = multiply(e_BR, weight_RD, head.matmul_precision).mul_(c_B[:, None])
            grad_weight_RD = multiply(e_BR.T, x_BD * c_B[:, None], head.matmul_precision)
        grad_x_BD.addcmul_(own_direction_BD, grad_own_B[:, None])
        grad_weight_RD.index_add_(0, own_rows_B, x_BD * (grad_own_B * inverse_R[own_rows_B])[:, None])
        _remove_radial(grad_weight_RD, weight_RD, inverse_R)
        return grad_x_BD, grad_weight_RD, None, None


def _exponentials(
    product_NR: Tensor, inverse_R: Tensor, labels_B: Tensor, head: Head, images: slice
) -> tuple[Tensor, Tensor]:
    """Turn raw products of some images into e, in place; the sums of their exponentials (N,) and their shifts (N,).

    Args:
        product_NR: <x_i, w_j>, times the scale where there is no ``reweigh``.
        inverse_R: 1 / |w_j|.
        labels_B: own class of every image of the batch.
        head: as in ``margin_cross_entropy``.
        images: which of the batch these are.
    """
    if head.subcenters > 1:
        return _exponentials_of_nearest(product_NR, inverse_R, labels_B, head, images)
    logit_NR, slope_NR = product_NR.mul_(inverse_R), None
    if head.reweigh is not None:
        value_NR, slope_NR = head.reweigh(logit_NR, images)
        torch.mul(value_NR, head.scale, out=logit_NR)
    logit_NR.scatter_(1, labels_B[images, None], -torch.inf)
    if head.shift is None:
        shift_N = logit_NR.amax(1).clamp(min=torch.finfo(logit_NR.dtype).min)  # with the own class alone it is -inf
        e_NR = logit_NR.sub_(shift_N[:, None]).exp_()
    else:
        shift_N = torch.full_like(logit_NR[:, 0], head.shift)
        e_NR = (logit_NR.sub_(head.shift) if head.shift else logit_NR).exp_()
    sum_N = e_NR.sum(1)
    e_NR.mul_(inverse_R)
    if slope_NR is not None:
        e_NR.mul_(slope_NR)
    return sum_N, shift_N


def _exponentials_of_nearest(
    product_NR: Tensor, inverse_R: Tensor, labels_B: Tensor, head: Head, images: slice
) -> tuple[Tensor, Tensor]:
    """As ``_exponentials`` for K sub-centers a class: only the nearest has an exponential, the others have 0."""
    cos_NCK = product_NR.mul_(inverse_R).view(len(product_NR), -1, head.subcenters)
    nearest_NC, winner_NC = cos_NCK.max(2)
    single = replace(head, subcenters=1)
    sum_N, shift_N = _exponentials(nearest_NC, torch.ones_like(nearest_NC[0]), labels_B, single, images)
    cos_NCK.zero_().scatter_(2, winner_NC[..., None], nearest_NC[..., None])
    product_NR.mul_(inverse_R)
    return sum_N, shift_N


def _remove_radial(grad_RD: Tensor, weight_RD: Tensor, inverse_R: Tensor) -> None:
    """Take the part along w_j from each row, in place: it changes only its length, which the cosine does not see.

    N rows at a time, so that what is read twice is still in the cache.
    """
    scratch_ND = torch.empty_like(weight_RD[:RADIAL_ROWS])
    per_length_R = inverse_R.square().neg_()
    for start in range(0, len(grad_RD), RADIAL_ROWS):
        rows = slice(start, start + RADIAL_ROWS)
        grad_ND, weight_ND = grad_RD[rows], weight_RD[rows]
        product_ND = torch.mul(grad_ND, weight_ND, out=scratch_ND[: len(grad_ND)])
        grad_ND.addcmul_(weight_ND, product_ND.sum(1).mul_(per_length_R[rows])[:, None])


def _own_products(
    x_BD: Tensor, weight_RD: Tensor, inverse_R: Tensor, labels_B: Tensor, subcenters: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Of the own class, or its nearest sub-center: product (B,), row of the weights (B,), direction (B, D)."""
    rows_B = labels_B
    if subcenters > 1:
        rows_BK = labels_B[:, None] * subcenters + torch.arange(subcenters, device=labels_B.device)
        nearest_B1 = (weight_RD[rows_BK] * x_BD[:, None]).sum(2).mul_(inverse_R[rows_BK]).argmax(1, keepdim=True)
        rows_B = rows_BK.gather(1, nearest_B1).squeeze(1)
    direction_BD = weight_RD.index_select(0, rows_B).mul_(inverse_R[rows_B][:, None])
    return (direction_BD * x_BD).sum(1), rows_B, direction_BD
