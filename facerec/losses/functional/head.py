"""Cross-entropy over cosines with a margin on the own class: a plain version, and one in blocks of classes.

Shapes: B batch, D embedding dimension, C classes, K sub-centers a class, N = classes of one block.

Let p_ij = <x_i, w_j / |w_j|>. The logits are ``scale * p_ij``, or ``scale * reweigh(p_ij)`` for losses that change the
other classes too, except that of the own class y, which is ``scale * target(p_iy)``. Their mean cross-entropy is

    mean_i softplus(log sum_{j != y} exp(logit_ij) - scale * target(p_iy)),

so all that touches every class is one log-sum-exp, and the margin is a function of B numbers.
"""

from collections.abc import Callable
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

    The forward pass keeps e_ij = exp(logit_ij - shift) * slope_ij / |w_j|: the 1 / |w_j| and the slope of ``reweigh``
    are there so that both gradients are plain products of e with W and with x, and no normalised W is ever stored.
    """

    @staticmethod
    def forward(
        ctx: Any, x_BD: Tensor, weight_CD: Tensor, labels_B: Tensor, head: Head, keeps: bool
    ) -> tuple[Tensor, Tensor]:
        inverse_C = torch.empty(len(weight_CD), dtype=x_BD.dtype, device=x_BD.device)
        sums, shifts, kept = [], [], []
        with factors_in(head.matmul_precision):
            for start in range(0, len(weight_CD), head.block * head.subcenters):
                rows = slice(start, start + head.block * head.subcenters)
                inverse_C[rows] = inverse_norms(weight_CD[rows])
                product_BN = multiply(x_BD, weight_CD[rows].T, head.matmul_precision)
                first_class = start // head.subcenters
                e_BN, sum_B, shift_B = _exponentials(product_BN, inverse_C[rows], labels_B - first_class, head)
                sums.append(sum_B)
                shifts.append(shift_B)
                if keeps:
                    kept.append(e_BN)
        shift_GB = torch.stack(shifts)
        others_B = torch.logsumexp(torch.stack(sums).log() + shift_GB, dim=0)
        own_B, own_rows_B = _own_products(x_BD, weight_CD, inverse_C, labels_B, head.subcenters)
        ctx.head = head
        ctx.save_for_backward(x_BD, weight_CD, inverse_C, own_B, own_rows_B, others_B, shift_GB, *kept)
        return others_B, own_B

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_others_B: Tensor, grad_own_B: Tensor) -> tuple[Tensor | None, ...]:
        head = ctx.head
        x_BD, weight_CD, inverse_C, own_B, own_rows_B, others_B, shift_GB, *kept = ctx.saved_tensors
        # dL/dp_ij = c_i e_ij |w_j|; a row without other classes (one class in all) has none to give a gradient to
        c_GB = head.scale * torch.where(others_B.isinf(), 0.0, grad_others_B * torch.exp(shift_GB - others_B))
        grad_x_BD = torch.zeros_like(x_BD)
        grad_weight_CD = torch.empty_like(weight_CD)
        scratch_RD = torch.empty_like(weight_CD[:RADIAL_ROWS])
        with factors_in(head.matmul_precision):
            for index, e_BN in enumerate(kept):
                rows = slice(index * head.block * head.subcenters, (index + 1) * head.block * head.subcenters)
                c_B1 = c_GB[index][:, None]
                toward_BD = multiply(e_BN, weight_CD[rows], head.matmul_precision)
                grad_x_BD.addcmul_(toward_BD, c_B1)
                grad_ND = multiply(e_BN.T, x_BD * c_B1, head.matmul_precision, out=grad_weight_CD[rows])
                _remove_radial(grad_ND, weight_CD[rows], inverse_C[rows], scratch_RD)
        own_inverse_B1 = inverse_C[own_rows_B][:, None]
        own_direction_BD = weight_CD[own_rows_B] * own_inverse_B1
        grad_own_B1 = grad_own_B[:, None]
        grad_x_BD.addcmul_(own_direction_BD, grad_own_B1)
        grad_own_BD = (x_BD - own_direction_BD * own_B[:, None]) * (grad_own_B1 * own_inverse_B1)
        grad_weight_CD.index_add_(0, own_rows_B, grad_own_BD)
        return grad_x_BD, grad_weight_CD, None, None, None


def _exponentials(product_BN: Tensor, inverse_N: Tensor, column_B: Tensor, head: Head) -> tuple[Tensor, Tensor, Tensor]:
    """Of one block of raw products, overwritten: e (B, N), the sums of the exponentials (B,) and their shifts (B,).

    Args:
        product_BN: <x_i, w_j>.
        inverse_N: 1 / |w_j|.
        column_B: own class counted from the first class of the block; outside [0, N) if it is in another block.
        head: as in ``margin_cross_entropy``.
    """
    if head.subcenters > 1:
        return _exponentials_of_nearest(product_BN, inverse_N, column_B, head)
    if head.reweigh is None:
        logit_BN, slope_BN = product_BN.mul_(inverse_N * head.scale), None
    else:
        logit_BN, slope_BN = head.reweigh(product_BN.mul_(inverse_N))
        logit_BN = logit_BN * head.scale
    _mask_own(logit_BN, column_B)
    if head.shift is None:
        shift_B = logit_BN.amax(1).clamp(min=torch.finfo(logit_BN.dtype).min)  # a block of the own class alone is -inf
        e_BN = logit_BN.sub_(shift_B[:, None]).exp_()
    else:
        shift_B = torch.full_like(logit_BN[:, 0], head.shift)
        e_BN = (logit_BN.sub_(head.shift) if head.shift else logit_BN).exp_()
    sum_B = e_BN.sum(1)
    e_BN.mul_(inverse_N)
    return e_BN if slope_BN is None else e_BN.mul_(slope_BN), sum_B, shift_B


def _exponentials_of_nearest(
    product_BN: Tensor, inverse_N: Tensor, column_B: Tensor, head: Head
) -> tuple[Tensor, Tensor, Tensor]:
    """As ``_exponentials`` for K sub-centers a class: only the nearest has an exponential, the others have 0."""
    cos_BNK = product_BN.mul_(inverse_N).view(len(product_BN), -1, head.subcenters)
    nearest_BN, winner_BN = cos_BNK.max(2)
    single = Head(head.scale, head.bound, head.reweigh, matmul_precision=head.matmul_precision)
    e_BN, sum_B, shift_B = _exponentials(nearest_BN, torch.ones_like(nearest_BN[0]), column_B, single)
    e_BNK = torch.zeros_like(cos_BNK).scatter_(2, winner_BN[..., None], e_BN[..., None])
    return e_BNK.flatten(1).mul_(inverse_N), sum_B, shift_B


def _mask_own(logit_BN: Tensor, column_B: Tensor) -> None:
    """Put -inf in the own column of each row that has it in this block, in place and without a device sync."""
    inside_B = (column_B >= 0) & (column_B < logit_BN.shape[1])
    column_B1 = column_B.clamp(0, logit_BN.shape[1] - 1)[:, None]
    masked_B1 = logit_BN.gather(1, column_B1).masked_fill_(inside_B[:, None], -torch.inf)
    logit_BN.scatter_(1, column_B1, masked_B1)


def _remove_radial(grad_ND: Tensor, weight_ND: Tensor, inverse_N: Tensor, scratch_RD: Tensor) -> None:
    """Take the part along w_j from each row, in place: it changes only its length, which the cosine does not see.

    R rows at a time, so that what is read twice is still in the cache.
    """
    for start in range(0, len(grad_ND), RADIAL_ROWS):
        rows = slice(start, start + RADIAL_ROWS)
        grad_RD, weight_RD, inverse_R = grad_ND[rows], weight_ND[rows], inverse_N[rows]
        product_RD = torch.mul(grad_RD, weight_RD, out=scratch_RD[: len(grad_RD)])
        along_R = product_RD.sum(1).mul_(inverse_R).mul_(inverse_R)
        grad_RD.addcmul_(weight_RD, along_R[:, None], value=-1.0)


def _own_products(
    x_BD: Tensor, weight_CD: Tensor, inverse_C: Tensor, labels_B: Tensor, subcenters: int
) -> tuple[Tensor, Tensor]:
    """Products with the own classes (B,), of the nearest sub-center, and the rows of the weights they are from (B,)."""
    rows_BK = labels_B[:, None] * subcenters + torch.arange(subcenters, device=labels_B.device)
    product_BK = (weight_CD[rows_BK] * x_BD[:, None]).sum(2) * inverse_C[rows_BK]
    own_B, nearest_B = product_BK.max(1)
    return own_B, rows_BK.gather(1, nearest_B[:, None]).squeeze(1)
