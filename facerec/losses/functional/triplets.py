"""Triplets of a batch: anchor, positive, negative.

Shapes: B batch, D embedding dimension, K places for the positives of an anchor.
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
    people_of_batch,
    squared_distances,
)
from facerec.losses.functional.rows import ROWS, row_starts
from facerec.losses.functional.soft_triplets import soft_triplets
from facerec.losses.functional.vectors import directions

Distance = Literal["squared_euclidean", "euclidean", "cosine"]
"""|x - y|^2, |x - y| or 1 - cos."""

Average = Literal["all", "active", "none"]
"""Mean over all triplets of a strategy, mean over those with a loss, or no mean: the sum."""

Strategy = Literal["all", "semi_hard", "batch_hard"]
"""Choice of the triplets; see ``triplet``."""

MOST_WITHOUT_WAIT = 1_024  # images: a GPU then computes B^3 gaps rather than wait for the number of positives


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

    A GPU waits for "all" with the soft margin and more than 1,024 images; for nothing else.

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
    if strategy == "all":
        return _all(embeddings_BD, labels_B, distance_margin, distance, average)
    chosen = _batch_hard if strategy == "batch_hard" else _semi_hard
    positive_T, negative_T, valid_T = chosen(embeddings_BD, labels_B)
    # Neither strategy needs more than the order of the distances, which is that of their squares.
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


def _places(labels_B: Tensor, may_wait: bool = False) -> int:
    """K, the largest number of images of a person. A GPU would have to wait for it, and takes B unless it may wait."""
    if len(labels_B) == 0 or not (may_wait or labels_B.device.type == "cpu"):
        return len(labels_B)
    return int(people_of_batch(labels_B)[1].amax())


def _positives(labels_B: Tensor, places: int) -> tuple[Tensor, Tensor]:
    """Indices of the images of each anchor's person (B, K), and whether that place has another image (B, K)."""
    person_B, images_B = people_of_batch(labels_B)
    index_B = torch.arange(len(labels_B), device=labels_B.device)
    place_K = index_B[:places]
    positive_BK = torch.argsort(labels_B, stable=True)[(person_B[:, None] + place_K).clamp(max=len(labels_B) - 1)]
    return positive_BK, (place_K < images_B[:, None]) & (positive_BK != index_B[:, None])


def _semi_hard(embeddings_BD: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """|a - p|^2, |a - n|^2 of the semi-hard n and whether there is one, for all places of positives (B, K)."""
    distance_BB = squared_distances(embeddings_BD)
    sorted_BB, order_BB, negatives_B = _sorted_negatives(distance_BB, labels_B)
    columns_BK, valid_BK = _positives(labels_B, _places(labels_B))
    positive_BK = distance_BB.gather(1, columns_BK)
    farther_BK = torch.searchsorted(sorted_BB, positive_BK.detach(), right=True)  # place of the first farther negative
    chosen_BK = torch.minimum(farther_BK, (negatives_B - 1).clamp(min=0)[:, None])
    negative_BK = distance_BB.gather(1, order_BB.gather(1, chosen_BK))
    return positive_BK, negative_BK, valid_BK & (negatives_B > 0)[:, None]


def _all(
    embeddings_BD: Tensor, labels_B: Tensor, distance_margin: float | None, distance: Distance, average: Average
) -> tuple[Tensor, dict[str, Tensor]]:
    """``triplet`` over all triplets, none of which is kept."""
    distance_BB = _from_square(squared_distances(embeddings_BD), distance)
    genuine_BB, impostor_BB = genuine_pairs(labels_B), impostor_pairs(labels_B)
    positives_B, negatives_B = genuine_BB.sum(1), impostor_BB.sum(1)
    if distance_margin is None:
        columns_BK, valid_BK = _positives(labels_B, _places(labels_B, len(labels_B) > MOST_WITHOUT_WAIT))
        positive_BK = distance_BB.gather(1, columns_BK).masked_fill(~valid_BK, -torch.inf)
        negative_BB = distance_BB.masked_fill(~impostor_BB, torch.inf)
        total, active = soft_triplets(positive_BK, negative_BB, average == "active")
    else:
        total, active = _with_margin(distance_BB, labels_B, distance_margin)
    triplets = (positives_B * negatives_B).sum()
    counted = (active if average == "active" else triplets).clamp(min=1)
    # the pairs of each anchor, and the triplets of which its distance is part
    parts = {"genuine_distance": (genuine_BB, negatives_B), "impostor_distance": (impostor_BB, positives_B)}
    sums = {
        name: (torch.where(pairs_BB, distance_BB.detach(), 0.0).sum(1) * count_B).sum()
        for name, (pairs_BB, count_B) in parts.items()
    }
    statistics = {name: value / triplets.clamp(min=1) for name, value in sums.items()}
    share = active.to(total.dtype) / triplets.clamp(min=1)
    return total if average == "none" else total / counted, {"active_fraction": share} | statistics


def _with_margin(distance_BB: Tensor, labels_B: Tensor, distance_margin: float) -> tuple[Tensor, Tensor]:
    """Sum of [d(a, p) - d(a, n) + m]+ over all triplets, and the number of those above 0.

    The active triplets of an anchor and a positive are those with the k nearest negatives. Their losses add up to
    k (d(a, p) + m) less the sum of the k smallest d(a, n), which is a running sum.
    """
    sorted_BB, order_BB, _ = _sorted_negatives(distance_BB, labels_B)
    columns_BK, valid_BK = _positives(labels_B, _places(labels_B))
    reach_BK = distance_BB.gather(1, columns_BK) + distance_margin
    active_BK = torch.searchsorted(sorted_BB, reach_BK.detach()).masked_fill(~valid_BK, 0)
    nearest_BB = distance_BB.masked_fill(~impostor_pairs(labels_B), 0.0).gather(1, order_BB)
    running_BB = F.pad(nearest_BB.cumsum(1), (1, 0))
    return (active_BK * reach_BK - running_BB.gather(1, active_BK)).sum(), active_BK.sum()
