"""Cross-entropy over class weights that are split over processes, exact with any number of them.

Shapes: B images of all processes, D embedding dimension, C classes, K classes of this process and step.

Every process has the embeddings and labels of all. It compares them with its own classes. Three numbers of an image
cross the processes: its own product, and the largest and the sum of exp() over its other classes. The loss of an
image belongs to the process that holds its class, see ``functional.collectives`` for the gradients.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from facerec.losses.functional.blocked import blocked_other_classes
from facerec.losses.functional.class_samples import count_of_sample, draw_classes
from facerec.losses.functional.collectives import log_sum_exp, of_one_process, summed, total
from facerec.losses.functional.margin_softmax import MarginSoftmax
from facerec.losses.functional.matmul import class_products
from facerec.losses.functional.own_class import leave_out_own_, own_values
from facerec.losses.functional.shard import Shard
from facerec.losses.functional.vectors import directions


@torch.compiler.disable  # type: ignore[untyped-decorator]  # the sums over processes are not in a graph
def sharded_cross_entropy(
    features_BD: Tensor,
    weight_CD: Tensor,
    labels_B: Tensor,
    target: Callable[[Tensor], Tensor],
    softmax: MarginSoftmax,
    shard: Shard,
) -> tuple[Tensor, Tensor]:
    """``margin_cross_entropy`` where ``weight_CD`` are the class weights of this process.

    Args:
        features_BD: x (B, D), the same in all processes.
        weight_CD: class weights of this process.
        labels_B: own class of each row among all classes.
        target: function from the own products (B,) to the values (B,) that replace them.
        softmax: scale, other classes and way to compute.
        shard: the classes of this process.

    Returns:
        The loss of the whole batch, a scalar, and the products with the own classes (B,), both as in one process.
    """
    classes = _classes_of_step([weight_CD], labels_B, shard)
    others_B, own_B = _other_classes(
        features_BD, classes.weights[0], classes.places, _counted(softmax, classes.log_count, shard)
    )
    return _mean_loss(others_B, own_B, classes.places, lambda own_B: softmax.scale * target(own_B), shard)


@torch.compiler.disable  # type: ignore[untyped-decorator]  # the sums over processes are not in a graph
def sharded_softmax(
    features_BD: Tensor, weight_CD: Tensor, bias_C: Tensor | None, labels_B: Tensor, smoothing: float, shard: Shard
) -> Tensor:
    """Cross-entropy over inner products: of each image lse - (1 - e) z_y - e mean(z), with e for ``smoothing``.

    Args:
        features_BD: x (B, D), the same in all processes.
        weight_CD: class weights of this process.
        bias_C: biases of its classes; None without them.
        labels_B: own class of each row among all classes.
        smoothing: share of the target that is spread over all classes; 0 with a sample of them.
        shard: the classes of this process.

    Example:
        One process holds all classes: this is the plain cross-entropy.

        >>> import torch
        >>> from facerec.losses.functional import Shard, sharded_softmax
        >>> features, weight, labels = torch.eye(2), torch.eye(3)[:, :2].contiguous(), torch.tensor([0, 2])
        >>> loss = sharded_softmax(features, weight, None, labels, 0.0, Shard(0, 1, classes=3))
        >>> bool(torch.isclose(loss, torch.nn.functional.cross_entropy(features @ weight.T, labels)))
        True
    """
    weights = [weight_CD] if bias_C is None else [weight_CD, bias_C]
    classes = _classes_of_step(weights, labels_B, shard)
    logit_BK = F.linear(features_BD, *classes.weights)
    own_B = own_values(logit_BK, classes.places)
    mean_B = summed(logit_BK.sum(1), shard.world) / shard.classes if smoothing else None
    other_BK = logit_BK.clone() if classes.log_count is None else logit_BK + classes.log_count
    others_B = _log_sum_of_others(other_BK, classes.places)
    extra = None if mean_B is None else lambda own_B: smoothing * (own_B - mean_B)
    return _mean_loss(others_B, own_B, classes.places, lambda own_B: own_B, shard, extra)[0]


@torch.compiler.disable  # type: ignore[untyped-decorator]  # the sums over processes are not in a graph
def sharded_unified(
    features_BD: Tensor,
    weight_CD: Tensor,
    places_B: Tensor,
    target: Callable[[Tensor], Tensor],
    bias: Tensor,
    negative_weight: float,
    softmax: MarginSoftmax,
    shard: Shard,
) -> tuple[Tensor, Tensor]:
    """``unified_cross_entropy`` where ``weight_CD`` are class weights of this process.

    Args:
        features_BD: x (B, D), the same in all processes.
        weight_CD: class weights of this process.
        places_B: place of the own class of each row among them; -1 where another process holds it.
        target: function from the own products (B,) to the values (B,) that replace them.
        bias: b, a scalar.
        negative_weight: lambda.
        softmax: scale and precision.
        shard: the classes of this process.
    """
    weight_CD = of_one_process(weight_CD, shard.world)
    product_BK = class_products(features_BD, weight_CD, 1, softmax.computation.matmul_precision)
    own_B = summed(own_values(product_BK, places_B), shard.world)
    other_logit_BK = leave_out_own_(softmax.scale * product_BK - bias, places_B)
    others = F.softplus(other_logit_BK, threshold=40.0).sum()
    own = torch.where(places_B < 0, 0.0, F.softplus(bias - softmax.scale * target(own_B), threshold=40.0)).sum()
    return total((own + negative_weight * others) / len(features_BD), shard.world), own_B


@torch.no_grad()
def own_cosines(unit_BD: Tensor, weight_CD: Tensor, labels_B: Tensor, shard: Shard | None) -> Tensor:
    """Cosine of each unit embedding with its own class (B,), without gradient, whichever process holds it.

    Example:
        >>> import torch
        >>> own_cosines(torch.eye(2), torch.tensor([[3.0, 4.0]]), torch.tensor([0, 0]), shard=None)
        tensor([0.6000, 0.8000])
    """
    places_B = labels_B if shard is None else shard.places(labels_B)
    own_BD = weight_CD[places_B.clamp(min=0)].to(unit_BD.dtype)
    cos_B = torch.where(places_B < 0, 0.0, (unit_BD * directions(own_BD)).sum(1))
    if shard is None:
        return cos_B
    of_all_B: Tensor = torch.compiler.disable(summed)(cos_B, shard.world)  # type: ignore[no-untyped-call]
    return of_all_B


@torch.no_grad()
def nearest_of_all(named_B: Tensor, best_B: Tensor, other_B: Tensor, shard: Shard) -> tuple[Tensor, Tensor]:
    """The nearest class of each image and the best logit of another class than its own, over all processes.

    Args:
        named_B: the nearest class of this process, among all classes.
        best_B: its logit.
        other_B: best logit of another class than the own one in this process.
        shard: the classes of this process.

    Example:
        One process holds all classes, and nothing has to be asked.

        >>> import torch
        >>> from facerec.losses.functional import Shard, nearest_of_all
        >>> nearest_of_all(torch.tensor([2]), torch.tensor([0.9]), torch.tensor([0.4]), Shard(0, 1, classes=3))
        (tensor([2]), tensor([0.4000]))
    """
    if shard.world == 1:
        return named_B, other_B
    largest_2B = torch.stack([best_B, other_B])
    dist.all_reduce(largest_2B, dist.ReduceOp.MAX)
    named_B = torch.where(best_B == largest_2B[0], named_B, shard.classes)
    dist.all_reduce(named_B, dist.ReduceOp.MIN)  # the first of equals
    return named_B, largest_2B[1]


class _Classes:
    """Weights of the classes that this process compares with in a step, and where the own classes are among them.

    Attributes:
        weights: class weights, biases.
        places: place of each image's own class (B,); -1 if it is not here.
        log_count: log of how many classes each stands for (K,); None if all stand for themselves.
    """

    def __init__(self, weights: list[Tensor], places: Tensor, log_count: Tensor | None = None) -> None:
        self.weights, self.places, self.log_count = weights, places, log_count


def _classes_of_step(weights: list[Tensor], labels_B: Tensor, shard: Shard) -> _Classes:
    """All classes of this process, or a sample of them. The sum of count * exp(logit) is right in the mean."""
    weights, places_B = [of_one_process(weight, shard.world) for weight in weights], shard.places(labels_B)
    if shard.sample_rate == 1.0:
        return _Classes(weights, places_B)
    count = count_of_sample(len(labels_B), len(shard), shard.sample_rate)
    classes_K, sampled_B, chance = draw_classes(places_B, len(shard), count)
    is_kept_C = torch.zeros(len(shard) + 1, dtype=torch.bool, device=labels_B.device)
    is_kept_C = is_kept_C.index_fill(0, torch.where(places_B < 0, len(shard), places_B), True)
    log_count_K = torch.where(is_kept_C[classes_K], 0.0, -chance.log()).to(weights[0].dtype)
    return _Classes([_rows(weight, classes_K, len(shard)) for weight in weights], sampled_B, log_count_K)


def _rows(weight_RD: Tensor, classes_K: Tensor, num_classes: int) -> Tensor:
    """The rows of some classes. A class has one row, or several one after the other."""
    chosen: Tensor = weight_RD.view(num_classes, -1, *weight_RD.shape[1:]).index_select(0, classes_K).flatten(0, 1)
    return chosen


def _counted(softmax: MarginSoftmax, log_count_K: Tensor | None, shard: Shard) -> MarginSoftmax:
    """A margin softmax in which each other class stands for several."""
    if log_count_K is None:
        return softmax
    shift_K = log_count_K / softmax.scale

    def reweigh(product_NK: Tensor, images: slice) -> tuple[Tensor, Tensor]:
        if softmax.reweigh is None:
            return product_NK + shift_K, torch.ones_like(product_NK)
        value_NK, slope_NK = softmax.reweigh(product_NK, images)
        return value_NK + shift_K, slope_NK

    largest = -math.log(shard.sample_rate) / softmax.scale  # a chance is never below the rate
    return replace(softmax, reweigh=reweigh, bound=None if softmax.bound is None else softmax.bound + largest)


def _other_classes(
    features_BD: Tensor, weight_KD: Tensor, places_B: Tensor, softmax: MarginSoftmax
) -> tuple[Tensor, Tensor]:
    """Of this process: log sum_{j != y} exp(logit_ij), and the own products, 0 if it does not hold the own class."""
    weight_KD = weight_KD.to(features_BD.dtype)
    if softmax.computation.is_blocked_on(features_BD.device, len(features_BD) * len(weight_KD)):
        result: tuple[Tensor, Tensor] = blocked_other_classes(features_BD, weight_KD, places_B, softmax)
        return result
    product_BK = class_products(features_BD, weight_KD, softmax.subcenters, softmax.computation.matmul_precision)
    own_B = own_values(product_BK, places_B)
    if softmax.reweigh is not None:
        product_BK = softmax.reweigh(product_BK, slice(None))[0]
    return _log_sum_of_others(softmax.scale * product_BK, places_B), own_B


def _log_sum_of_others(logit_BK: Tensor, places_B: Tensor) -> Tensor:
    """Log sum_{j != y} exp(logit_ij) in this process (B,). The logits are changed.

    A process may hold no other class: then it is the lowest number, as -inf alone has no gradient but NaN.
    """
    lowest = torch.finfo(logit_BK.dtype).min / 4
    return torch.logsumexp(leave_out_own_(logit_BK, places_B, lowest), 1)


def _mean_loss(
    others_B: Tensor,
    own_B: Tensor,
    places_B: Tensor,
    own_logit: Callable[[Tensor], Tensor],
    shard: Shard,
    extra: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """The mean of softplus(others - own logit), plus something of the own product, over the images of all processes."""
    own_B, others_B = summed(own_B, shard.world), log_sum_exp(others_B, shard.world)
    # softplus turns into the identity at its threshold, 20 by default: e^-20 would show in float64
    each_B = F.softplus(others_B - own_logit(own_B), threshold=40.0)
    if extra is not None:
        each_B = each_B + extra(own_B)
    part = torch.where(places_B < 0, 0.0, each_B).sum() / len(each_B)
    return total(part, shard.world), own_B
