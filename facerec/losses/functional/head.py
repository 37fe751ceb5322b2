"""Cross-entropy over cosines with a margin on the own class: a plain version, and one in blocks of classes.

Shapes: B batch, D embedding dimension, C classes, K sub-centers a class, N = classes of one block.

Let p_ij = <x_i, w_j / |w_j|>. The logits are ``scale * p_ij``, or ``scale * reweigh(p_ij)`` for losses that change the
other classes too, except that of the own class y, which is ``scale * target(p_iy)``. Their mean cross-entropy is

    mean_i softplus(log sum_{j != y} exp(logit_ij) - scale * target(p_iy)),

so all that touches every class is one log-sum-exp, and the margin is a function of B numbers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from facerec.losses.functional.matmul import MatmulPrecision, factors_in, multiply, product
from facerec.losses.functional.vectors import directions, inverse_norms

Implementation = Literal["auto", "blocked", "plain"]

# Of the products of other classes (B, N), their values as logits before the scale, and the slopes of that function.
Reweigh = Callable[[Tensor], tuple[Tensor, Tensor]]

BLOCK = 2048
RADIAL_ROWS = 256
# exp() of float32 spans e^-87 to e^88. Logits within +-LARGEST_BOUND need no max pass: subtracting their bound less
# HEADROOM keeps each exponential normal, and the sum of e^18 classes finite.
HEADROOM = 70.0
LARGEST_BOUND = 78.0


@dataclass(frozen=True)
class Head:
    """What a margin softmax is made of, apart from the margin.

    Args:
        scale: s, the factor of all logits.
        bound: largest magnitude of a product after ``reweigh``; None if there is none.
        reweigh: what becomes of the other classes; None leaves them alone.
        subcenters: weight rows K of each class, of which the nearest counts.
        implementation: "blocked" (a hand-written gradient in blocks of classes), "plain" (autograd on the whole
            (B, C) matrix), or "auto": blocked on the CPU, plain elsewhere.
        matmul_precision: of the factors of the three matrix products.
        block: classes in one block.
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
        product_BC = head.reweigh(product_BC)[0]
    logits_BC = head.scale * product_BC.scatter(1, labels_B[:, None], target(own_B)[:, None])
    return F.cross_entropy(logits_BC, labels_B), own_B


@torch.compiler.disable  # type: ignore[untyped-decorator]  # a loop over blocks is what the compiler would unroll; it breaks the graph here instead
def _blocked(
    features_BD: Tensor, weight_CD: Tensor, labels_B: Tensor, target: Callable[[Tensor], Tensor], head: Head
) -> tuple[Tensor, Tensor]:
    """The same without a (B, C) matrix beyond the exponentials kept for the backward pass."""
    keeps = torch.is_grad_enabled() and (features_BD.requires_grad or weight_CD.requires_grad)
    others_B, own_B = _OtherClasses.apply(features_BD, weight_CD, labels_B, head, keeps)
    # softplus turns into the identity at its threshold, 20 by default: e^-20 would show in float64
    return F.softplus(others_B - head.scale * target(own_B), threshold=40.0).mean(), own_B


class _OtherClasses(torch.autograd.Function):
    """log sum_{j != y} exp(logit_ij) and the own product p_iy, both (B,), in blocks of classes.

    The forward pass keeps e_ij = exp(logit_ij - shift_i) * slope_ij / |w_j|: the 1 / |w_j| and the slope of ``reweigh``
    are there so that both gradients are plain products of e with W and with x, and no normalised W is ever stored.
    The products of a block are turned into e where they are, while they are in the cache.

    Shapes: R = C * K rows of W.
    """

    @staticmethod
    def forward(
        ctx: Any, x_BD: Tensor, weight_RD: Tensor, labels_B: Tensor, head: Head, keeps: bool
    ) -> tuple[Tensor, Tensor]:
        inverse_R = torch.empty_like(weight_RD[:, 0])
        e_BR = x_BD.new_empty(len(x_BD), len(weight_RD)) if keeps else None
        sums, shifts = [], []
        with factors_in(head.matmul_precision):
            for first_class, rows in _blocks(len(weight_RD), head):
                inverse_R[rows] = inverse_norms(weight_RD[rows])
                place_BN = None if e_BR is None else e_BR[:, rows]
                product_BN = multiply(x_BD, weight_RD[rows].T, head.matmul_precision, out=place_BN)
                sum_B, shift_B = _exponentials(product_BN, inverse_R[rows], labels_B - first_class, head)
                sums.append(sum_B)
                shifts.append(shift_B)
        sum_GB, shift_GB = torch.stack(sums), torch.stack(shifts)
        shift_B = shift_GB.amax(0)
        others_B = (sum_GB * torch.exp(shift_GB - shift_B)).sum(0).log() + shift_B
        if e_BR is not None and head.shift is None:
            for (_, rows), lower_B in zip(_blocks(len(weight_RD), head), shift_GB - shift_B, strict=True):
                e_BR[:, rows].mul_(lower_B.exp()[:, None])
        own_B, own_rows_B = _own_products(x_BD, weight_RD, inverse_R, labels_B, head.subcenters)
        ctx.head = head
        ctx.save_for_backward(x_BD, weight_RD, inverse_R, own_B, own_rows_B, others_B, shift_B, e_BR)
        return others_B, own_B

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_others_B: Tensor, grad_own_B: Tensor) -> tuple[Tensor | None, ...]:
        head = ctx.head
        x_BD, weight_RD, inverse_R, own_B, own_rows_B, others_B, shift_B, e_BR = ctx.saved_tensors
        # dL/dp_ij = c_i e_ij |w_j|; a row without other classes (one class in all) has none to give a gradient to
        c_B = head.scale * torch.where(others_B.isinf(), 0.0, grad_others_B * torch.exp(shift_B - others_B))
        with factors_in(head.matmul_precision):
            grad_x_BD = multiply(e_BR, weight_RD, head.matmul_precision).mul_(c_B[:, None])
            grad_weight_RD = multiply(e_BR.T, x_BD * c_B[:, None], head.matmul_precision)
        _remove_radial(grad_weight_RD, weight_RD, inverse_R)
        own_inverse_B1 = inverse_R[own_rows_B][:, None]
        own_direction_BD = weight_RD[own_rows_B] * own_inverse_B1
        grad_own_B1 = grad_own_B[:, None]
        grad_x_BD.addcmul_(own_direction_BD, grad_own_B1)
        grad_own_BD = (x_BD - own_direction_BD * own_B[:, None]) * (grad_own_B1 * own_inverse_B1)
        grad_weight_RD.index_add_(0, own_rows_B, grad_own_BD)
        return grad_x_BD, grad_weight_RD, None, None, None


def _blocks(rows: int, head: Head) -> Iterator[tuple[int, slice]]:
    """The first class of each block, and its rows of the weights."""
    step = head.block * head.subcenters
    return ((start // head.subcenters, slice(start, start + step)) for start in range(0, rows, step))


def _exponentials(product_BN: Tensor, inverse_N: Tensor, column_B: Tensor, head: Head) -> tuple[Tensor, Tensor]:
    """Turn one block of raw products into e, in place; the sums of its exponentials (B,) and their shifts (B,).

    Args:
        product_BN: <x_i, w_j>.
        inverse_N: 1 / |w_j|.
        column_B: own class counted from the first class of the block; outside [0, N) if it is in another block.
        head: as in ``margin_cross_entropy``.
    """
    if head.subcenters > 1:
        return _exponentials_of_nearest(product_BN, inverse_N, column_B, head)
    slope_BN = None
    if head.reweigh is None:
        logit_BN = product_BN.mul_(inverse_N * head.scale)
    else:
        value_BN, slope_BN = head.reweigh(product_BN.mul_(inverse_N))
        logit_BN = torch.mul(value_BN, head.scale, out=product_BN)
    _mask_own(logit_BN, column_B)
    if head.shift is None:
        shift_B = logit_BN.amax(1).clamp(min=torch.finfo(logit_BN.dtype).min)  # a block of the own class alone is -inf
        e_BN = logit_BN.sub_(shift_B[:, None]).exp_()
    else:
        shift_B = torch.full_like(logit_BN[:, 0], head.shift)
        e_BN = (logit_BN.sub_(head.shift) if head.shift else logit_BN).exp_()
    sum_B = e_BN.sum(1)
    e_BN.mul_(inverse_N)
    if slope_BN is not None:
        e_BN.mul_(slope_BN)
    return sum_B, shift_B


def _exponentials_of_nearest(
    product_BN: Tensor, inverse_N: Tensor, column_B: Tensor, head: Head
) -> tuple[Tensor, Tensor]:
    """As ``_exponentials`` for K sub-centers a class: only the nearest has an exponential, the others have 0."""
    cos_BNK = product_BN.mul_(inverse_N).view(len(product_BN), -1, head.subcenters)
    nearest_BN, winner_BN = cos_BNK.max(2)
    single = Head(head.scale, head.bound, head.reweigh, matmul_precision=head.matmul_precision)
    sum_B, shift_B = _exponentials(nearest_BN, torch.ones_like(nearest_BN[0]), column_B, single)
    cos_BNK.zero_().scatter_(2, winner_BN[..., None], nearest_BN[..., None])
    product_BN.mul_(inverse_N)
    return sum_B, shift_B


def _mask_own(logit_BN: Tensor, column_B: Tensor) -> None:
    """Put -inf in the own column of each row that has it in this block, in place and without a device sync."""
    inside_B = (column_B >= 0) & (column_B < logit_BN.shape[1])
    column_B1 = column_B.clamp(0, logit_BN.shape[1] - 1)[:, None]
    masked_B1 = logit_BN.gather(1, column_B1).masked_fill_(inside_B[:, None], -torch.inf)
    logit_BN.scatter_(1, column_B1, masked_B1)


def _remove_radial(grad_RD: Tensor, weight_RD: Tensor, inverse_R: Tensor) -> None:
    """Take the part along w_j from each row, in place: it changes only its length, which the cosine does not see.

    N rows at a time, so that what is read twice is still in the cache.
    """
    scratch_ND = torch.empty_like(weight_RD[:RADIAL_ROWS])
    for start in range(0, len(grad_RD), RADIAL_ROWS):
        rows = slice(start, start + RADIAL_ROWS)
        grad_ND, weight_ND, inverse_N = grad_RD[rows], weight_RD[rows], inverse_R[rows]
        product_ND = torch.mul(grad_ND, weight_ND, out=scratch_ND[: len(grad_ND)])
        along_N = product_ND.sum(1).mul_(inverse_N).mul_(inverse_N)
        grad_ND.addcmul_(weight_ND, along_N[:, None], value=-1.0)


def _own_products(
    x_BD: Tensor, weight_CD: Tensor, inverse_C: Tensor, labels_B: Tensor, subcenters: int
) -> tuple[Tensor, Tensor]:
    """Products with the own classes (B,), of the nearest sub-center, and the rows of the weights they are from (B,)."""
    rows_BK = labels_B[:, None] * subcenters + torch.arange(subcenters, device=labels_B.device)
    product_BK = (weight_CD[rows_BK] * x_BD[:, None]).sum(2) * inverse_C[rows_BK]
    own_B, nearest_B = product_BK.max(1)
    return own_B, rows_BK.gather(1, nearest_B[:, None]).squeeze(1)
