"""Cross-entropy over cosines with a margin on the own class.

Shapes: B batch, D embedding dimension, C classes, K sub-centers of a class.

Let p_ij = <x_i, w_j / |w_j|>. The logit of the own class y is ``scale * target(p_iy)``. The other logits are
``scale * p_ij``, or ``scale * reweigh(p_ij)`` for losses that change them too. The mean cross-entropy is

    mean_i softplus(log sum_{j != y} exp(logit_ij) - scale * target(p_iy)).

So one log-sum-exp is all that touches every class, and the margin is a function of B numbers.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from facerec.losses.functional.blocked import blocked_cross_entropy
from facerec.losses.functional.margin_softmax import MarginSoftmax
from facerec.losses.functional.matmul import class_products
from facerec.losses.functional.sharded import sharded_cross_entropy, sharded_unified


def margin_cross_entropy(
    features_BD: Tensor, weight_CD: Tensor, labels_B: Tensor, target: Callable[[Tensor], Tensor], softmax: MarginSoftmax
) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy with a margin on the own class.

    Args:
        features_BD: x (B, D). With unit vectors the products are cosines.
        weight_CD: class weights (C, D), of any length. With K sub-centers (C * K, D), those of a class in a row. With a
            ``shard`` those of its classes alone.
        labels_B: own class of each row, int64 (B,).
        target: function from the own products (B,) to the values (B,) that replace them.
        softmax: scale, other classes and way to compute.

    Returns:
        The loss, a scalar, and the products with the own classes (B,).

    Example:
        Two classes and cosines 1 and 0. With scale 2 and a margin of 0.5 the logits are 2 (1 - 0.5) = 1 and 0, so the
        loss is log(1 + e^-1).

        >>> import torch
        >>> image, weights = torch.tensor([[1.0, 0.0]]), torch.eye(2)
        >>> softmax = MarginSoftmax(scale=2.0)
        >>> loss, own = margin_cross_entropy(image, weights, torch.tensor([0]), lambda cos: cos - 0.5, softmax)
        >>> print(f"{loss:.4f} {own.item():.1f}")
        0.3133 1.0
    """
    if softmax.shard is not None:
        split: tuple[Tensor, Tensor] = sharded_cross_entropy(
            features_BD, weight_CD, labels_B, target, softmax, softmax.shard
        )
        return split
    weight_CD = weight_CD.to(features_BD.dtype)
    if softmax.computation.is_blocked_on(features_BD.device, len(features_BD) * len(weight_CD)):
        result: tuple[Tensor, Tensor] = blocked_cross_entropy(features_BD, weight_CD, labels_B, target, softmax)
        return result
    return _plain(features_BD, weight_CD, labels_B, target, softmax)


def _plain(
    features_BD: Tensor, weight_CD: Tensor, labels_B: Tensor, target: Callable[[Tensor], Tensor], softmax: MarginSoftmax
) -> tuple[Tensor, Tensor]:
    """The reference: autograd on the whole matrix of logits."""
    product_BC, own_B = _products(features_BD, weight_CD, labels_B, softmax)
    logits_BC = softmax.scale * product_BC.scatter(1, labels_B[:, None], target(own_B)[:, None])
    return F.cross_entropy(logits_BC, labels_B), own_B


def _products(
    features_BD: Tensor, weight_CD: Tensor, labels_B: Tensor, softmax: MarginSoftmax
) -> tuple[Tensor, Tensor]:
    """Products with all classes (B, C), changed by ``reweigh``, and those with the own classes (B,), unchanged."""
    product_BC = class_products(features_BD, weight_CD, softmax.subcenters, softmax.computation.matmul_precision)
    own_B = product_BC.gather(1, labels_B[:, None]).squeeze(1)
    if softmax.reweigh is not None:
        product_BC = softmax.reweigh(product_BC, slice(None))[0]
    return product_BC, own_B


def unified_cross_entropy(
    features_BD: Tensor,
    weight_CD: Tensor,
    labels_B: Tensor,
    target: Callable[[Tensor], Tensor],
    bias: Tensor,
    negative_weight: float,
    softmax: MarginSoftmax,
) -> tuple[Tensor, Tensor]:
    """mean_i [softplus(b - s target(p_iy)) + lambda sum_{j != y} softplus(s p_ij - b)], one b for all pairs.

    Zhou et al., UniFace, ICCV 2023. Every pair of an image and a class is a yes or a no of its own, without a softmax.

    Args:
        features_BD: x (B, D). With unit vectors the products are cosines.
        weight_CD: class weights (C, D), of any length.
        labels_B: own class of each row, int64 (B,); with a ``shard`` its place among the rows of ``weight_CD``, -1
            where another process holds it.
        target: function from the own products (B,) to the values (B,) that replace them.
        bias: b, a scalar.
        negative_weight: lambda.
        softmax: scale, other classes and precision; always computed on the whole (B, C) matrix.

    Returns:
        The loss, a scalar, and the products with the own classes (B,).

    Example:
        Two classes and cosines 1 and 0. With s = 2, b = 1 and a margin of 0.5 the own pair has the logit
        2 (1 - 0.5) - 1 = 0 and the other one -1, so the loss is log 2 + log(1 + e^-1).

        >>> import torch
        >>> image, weights = torch.tensor([[1.0, 0.0]]), torch.eye(2)
        >>> margin, b = (lambda cos: cos - 0.5), torch.tensor(1.0)
        >>> loss, _ = unified_cross_entropy(image, weights, torch.tensor([0]), margin, b, 1.0, MarginSoftmax(scale=2.0))
        >>> print(f"{loss:.4f}")
        1.0064
    """
    weight_CD = weight_CD.to(features_BD.dtype)
    if softmax.shard is not None:
        split: tuple[Tensor, Tensor] = sharded_unified(
            features_BD, weight_CD, labels_B, target, bias, negative_weight, softmax, softmax.shard
        )
        return split
    product_BC, own_B = _products(features_BD, weight_CD, labels_B, softmax)
    own_logit_B = softmax.scale * target(own_B) - bias
    other_logit_BC = (softmax.scale * product_BC - bias).scatter(1, labels_B[:, None], -torch.inf)
    others_B = F.softplus(other_logit_BC, threshold=40.0).sum(1)
    return (F.softplus(-own_logit_B, threshold=40.0) + negative_weight * others_B).mean(), own_B


def smallest_scale(num_classes: int, probability: float = 0.9) -> float:
    """Smallest scale at which a normalised softmax can reach a probability of the own class, even with perfect weights.

    s >= (C - 1) / C * ln((C - 1) P / (1 - P)) (Wang et al., CosFace, CVPR 2018, section 3.3).

    Args:
        num_classes: C.
        probability: P, of the own class for an embedding on its class weight.

    Example:
        >>> round(smallest_scale(8631), 2)
        11.26
    """
    if num_classes < 2:
        return 0.0
    return (num_classes - 1) / num_classes * math.log((num_classes - 1) * probability / (1.0 - probability))
