"""Triplets of a batch: anchor, positive, negative.

Shapes: B batch, D embedding dimension, P (anchor, positive) pairs.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from facerec.losses.functional.pairs import (
    DISTANCE_SQUARED_FLOOR,
    genuine_pairs,
    impostor_pairs,
    mean_where,
    squared_distances,
)
from facerec.losses.functional.rows import ROWS, row_starts
from facerec.losses.functional.vectors import directions

Distance = Literal["squared_euclidean", "euclidean", "cosine"]
"""|x - y|^2, |x - y| or 1 - cos."""

Average = Literal["all", "active", "none"]
"""Mean over all triplets of a strategy, mean over those with a loss, or no mean: the sum."""

Strategy = Literal["all", "semi_hard", "batch_hard"]
"""Choice of the triplets; see ``triplet``."""


def triplet(
    embeddings_BD: Tensor,
    labels_B: Tensor,
    distance_margin: float | None,
    distance: Distance = "squared_euclidean",
    strategy: Strategy = "batch_hard",
    average: Average = "all",
) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean or sum of [d(a, p) - d(a, n) + m]+ or, as soft margin, of softplus(d(a, p) - d(a, n)).

    Schroff et al. (FaceNet), CVPR 2015, section 3.1. Batch-hard triplets and the soft margin: Hermans et al.,
    arXiv:1703.07737, section 2.

    Args:
        embeddings_BD: embeddings (B, D), not normalised here for the Euclidean distance.
        labels_B: class of each.
        distance_margin: m, in units of d; None for the soft margin.
        distance: "squared_euclidean" |x - y|^2, "euclidean" |x - y|, or "cosine" 1 - cos.
        strategy: "all": every triplet; "semi_hard": for every (a, p) the nearest negative farther than p, or the
            farthest of all if there is none; "batch_hard": for every anchor its farthest positive and its nearest
            negative.
        average: mean over "all" these triplets, or over the "active" ones, whose d(a, p) - d(a, n) + m is positive;
            "none": their sum.

    A GPU waits for "all" with the soft margin, which needs the number of genuine pairs; for nothing else.

    Returns:
        The loss, and by name the share of active triplets and the mean distances of both kinds.

    Example:
        Person 0 at 0 and 1, person 1 at 2 and 4. The hardest triplets of the four anchors have the gaps 1 - 4, 1 - 1,
        4 - 1 and 4 - 9. With m = 0.2 the loss is (0 + 0.2 + 3.2 + 0) / 4.

        >>> import torch
        >>> embeddings, labels = torch.tensor([[0.0], [1.0], [2.0], [4.0]]), torch.tensor([0, 0, 1, 1])
        >>> loss, statistics = triplet(embeddings, labels, distance_margin=0.2)
        >>> print(f"{loss:.2f} {statistics['active_fraction']:.1f}")
        0.85 0.5
    """
    if distance == "cosine":
        embeddings_BD = directions(embeddings_BD)
    if strategy == "all" and distance_margin is not None:
        return _all_with_margin(embeddings_BD, labels_B, distance_margin, distance, average)
    if strategy == "batch_hard":
        positive_T, negative_T, valid_T = _batch_hard(embeddings_BD, labels_B)
    elif strategy == "semi_hard":
        positive_T, negative_T, valid_T = _semi_hard(embeddings_BD, labels_B)
    else:
        positive_T, negative_T, valid_T = _all(embeddings_BD, labels_B)
    # No strategy needs more than the order of the distances, which is that of their squares.
    positive_T, negative_T = (_from_square(squared_T, distance) for squared_T in (positive_T, negative_T))
    gap_T = positive_T - negative_T
    loss_T = F.softplus(gap_T) if distance_margin is None else F.relu(gap_T + distance_margin)
    active_T = valid_T & (gap_T + (distance_margin or 0.0) > 0.0)
    counted_T = active_T if average == "active" else valid_T
    loss = torch.where(valid_T, loss_T, 0.0).sum() if average == "none" else mean_where(loss_T, counted_T)
    return loss, {
        "active_fraction": mean_where(active_T.to(loss.dtype), valid_T),
        "genuine_distance": mean_where(positive_T, valid_T),
        "impostor_distance": mean_where(negative_T, valid_T),
    }


def _from_square(squared_T: Tensor, distance: Distance) -> Tensor:
    """The distance of two embeddings from |x - y|^2."""
    if distance == "euclidean":
        return torch.sqrt(squared_T + DISTANCE_SQUARED_FLOOR)
    return 0.5 * squared_T if distance == "cosine" else squared_T  # 1 - cos = |x - y|^2 / 2 for unit vectors


def _batch_hard(embeddings_BD: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """|a - p|^2 of the farthest p, |a - n|^2 of the nearest n, and whether both exist (B,).

    The choice needs no gradient, so it is made outside autograd, some rows at a time. Then B distances are computed
    again inside.
    """
    farthest_B, nearest_B, valid_B = _hardest(embeddings_BD.detach(), labels_B)
    positive_BD = embeddings_BD.index_select(0, farthest_B)
    negative_BD = embeddings_BD.index_select(0, nearest_B)
    return (embeddings_BD - positive_BD).square().sum(1), (embeddings_BD - negative_BD).square().sum(1), valid_B


def _hardest(x_BD: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Index of the farthest positive and of the nearest negative (B,), and whether both exist (B,)."""
    squared_1B = x_BD.square().sum(1)[None]
    farthest, nearest, valid = [], [], []
    for start in row_starts(len(x_BD)):
        rows = slice(start, start + ROWS)
        # |x_j|^2 - 2 x_i . x_j: the distance less |x_i|^2, the same for a whole row
        distance_RB = torch.addmm(squared_1B, x_BD[rows], x_BD.T, alpha=-2.0)
        same_RB = labels_B[rows, None] == labels_B
        nearest_R = distance_RB.masked_fill(same_RB, torch.inf).argmin(1)
        same_RB.diagonal(start).fill_(False)
        farthest.append(distance_RB.masked_fill_(~same_RB, -torch.inf).argmax(1))
        nearest.append(nearest_R)
        valid.append(same_RB.any(1) & (labels_B[nearest_R] != labels_B[rows]))
    return torch.cat(farthest), torch.cat(nearest), torch.cat(valid)


def _sorted_negatives(distance_BB: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Distances of each anchor's negatives, nearest first, then inf (B, B); their order (B, B); their number (B,)."""
    impostor_BB = impostor_pairs(labels_B)
    sorted_BB, order_BB = distance_BB.detach().masked_fill(~impostor_BB, torch.inf).sort(stable=True)
    return sorted_BB, order_BB, impostor_BB.sum(1)


def _semi_hard(embeddings_BD: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """|a - p|^2, |a - n|^2 of the semi-hard n and whether there is one, for all ordered pairs (B, B).

    Pairs of two people count as no triplet. To leave them out, a GPU would have to wait for the number of the others.
    """
    distance_BB = squared_distances(embeddings_BD)
    sorted_BB, order_BB, negatives_B = _sorted_negatives(distance_BB, labels_B)
    farther_BB = torch.searchsorted(sorted_BB, distance_BB.detach(), right=True)  # place of the first farther negative
    chosen_BB = torch.minimum(farther_BB, (negatives_B - 1).clamp(min=0)[:, None])
    negative_BB = distance_BB.gather(1, order_BB.gather(1, chosen_BB))
    return distance_BB, negative_BB, genuine_pairs(labels_B) & (negatives_B > 0)[:, None]


def _all(embeddings_BD: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """|a - p|^2, |a - n|^2 and whether it is a triplet, for all ordered pairs of one person and all images (P, B)."""
    distance_BB = squared_distances(embeddings_BD)
    anchor_P, positive_P = genuine_pairs(labels_B).nonzero(as_tuple=True)
    positive_PB = distance_BB[anchor_P, positive_P][:, None].expand(-1, len(labels_B))
    return positive_PB, distance_BB.index_select(0, anchor_P), impostor_pairs(labels_B)[anchor_P]


def _all_with_margin(
    embeddings_BD: Tensor, labels_B: Tensor, distance_margin: float, distance: Distance, average: Average
) -> tuple[Tensor, dict[str, Tensor]]:
    """``triplet`` over all triplets, from (B, B) matrices alone.

    The active triplets of an anchor and a positive are those with the k nearest negatives. Their losses add up to
    k (d(a, p) + m) less the sum of the k smallest d(a, n), which is a running sum.
    """
    distance_BB = _from_square(squared_distances(embeddings_BD), distance)
    genuine_BB, impostor_BB = genuine_pairs(labels_B), impostor_pairs(labels_B)
    sorted_BB, order_BB, negatives_B = _sorted_negatives(distance_BB, labels_B)
    reach_BB = distance_BB + distance_margin
    active_BB = torch.searchsorted(sorted_BB, reach_BB.detach()).masked_fill(~genuine_BB, 0)
    nearest_BB = distance_BB.masked_fill(~impostor_BB, 0.0).gather(1, order_BB)
    running_BB = F.pad(nearest_BB.cumsum(1), (1, 0))
    total = (active_BB * reach_BB - running_BB.gather(1, active_BB)).sum()
    positives_B = genuine_BB.sum(1)
    triplets, active = (positives_B * negatives_B).sum(), active_BB.sum()
    counted = (active if average == "active" else triplets).clamp(min=1)
    weights = {
        "genuine_distance": genuine_BB * negatives_B[:, None],  # triplets of which each distance is part
        "impostor_distance": impostor_BB * positives_B[:, None],
    }
    statistics = {name: (distance_BB * weight_BB).sum() / triplets.clamp(min=1) for name, weight_BB in weights.items()}
    share = active.to(total.dtype) / triplets.clamp(min=1)
    return total if average == "none" else total / counted, {"active_fraction": share} | statistics
