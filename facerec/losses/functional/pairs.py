"""Losses over the pairs and tuples inside a batch.

Shapes: B batch, D embedding dimension, P (anchor, positive) pairs. An average over nothing is 0, with a gradient of 0.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from facerec.losses.functional.rows import circle_exponents, row_values, without_self
from facerec.losses.functional.vectors import directions

# sqrt has an infinite slope at 0, the distance of equal images. Inside the root this bounds the slope, and it moves no
# distance over 0.01 by more than 1e-6.
DISTANCE_SQUARED_FLOOR = 1e-8


def squared_distances(embeddings_BD: Tensor) -> Tensor:
    """|x_i - x_j|^2 of all pairs (B, B), by one matrix product."""
    squared_B = embeddings_BD.square().sum(1)
    return torch.addmm(squared_B[:, None] + squared_B, embeddings_BD, embeddings_BD.T, alpha=-2.0).clamp(min=0.0)


def genuine_pairs(labels_B: Tensor) -> Tensor:
    """True for two different images of the same person (B, B)."""
    return (labels_B[:, None] == labels_B).fill_diagonal_(False)


def impostor_pairs(labels_B: Tensor) -> Tensor:
    """True for images of two people (B, B)."""
    return labels_B[:, None] != labels_B


def mean_where(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of the values at which the mask is True; 0 if there are none."""
    return torch.where(mask, values, 0.0).sum() / mask.sum().clamp(min=1)


def contrastive(
    embeddings_BD: Tensor, labels_B: Tensor, distance_margin: float, balanced: bool = False
) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean of 1/2 D^2 over genuine and 1/2 max(0, m - D)^2 over impostor pairs, D the Euclidean distance.

    Hadsell, Chopra and LeCun, CVPR 2006, equation 4.

    Args:
        embeddings_BD: embeddings (B, D), not normalised here.
        labels_B: class of each.
        distance_margin: m, in units of D (not of its square).
        balanced: average each kind on its own and add the two, instead of averaging over all pairs.

    Returns:
        The loss, and by name the share of impostor pairs inside the margin and both mean distances.

    Example:
        Person 0 at 0 and 2, person 1 at 3. The genuine distance is 2, the impostor distances are 3 and 1. With m = 2
        the loss is (1/2 2^2 + 0 + 1/2 (2 - 1)^2) / 3.

        >>> import torch
        >>> embeddings, labels = torch.tensor([[0.0], [2.0], [3.0]]), torch.tensor([0, 0, 1])
        >>> loss, statistics = contrastive(embeddings, labels, distance_margin=2.0)
        >>> print(f"{loss:.4f} {statistics['active_fraction']:.1f}")
        0.8333 0.5
    """
    squared_BB = squared_distances(embeddings_BD)
    distance_BB = torch.sqrt(squared_BB + DISTANCE_SQUARED_FLOOR)
    genuine_BB, impostor_BB = genuine_pairs(labels_B), impostor_pairs(labels_B)
    missing_BB = (distance_margin - distance_BB).clamp(min=0.0)
    half_BB = 0.5 * torch.where(genuine_BB, squared_BB, missing_BB.square())
    if balanced:
        loss = mean_where(half_BB, genuine_BB) + mean_where(half_BB, impostor_BB)
    else:
        loss = mean_where(half_BB, genuine_BB | impostor_BB)
    return loss, {
        "active_fraction": mean_where((missing_BB > 0.0).to(loss.dtype), impostor_BB),
        "genuine_distance": mean_where(distance_BB, genuine_BB),
        "impostor_distance": mean_where(distance_BB, impostor_BB),
    }


def n_pair(
    embeddings_BD: Tensor, labels_B: Tensor, temperature: float = 1.0, squared_length_weight: float = 0.002
) -> Tensor:
    """mean_i log(1 + sum_{j != i} exp(f_i . f_j+ - f_i . f_i+)) + weight * mean |f|^2 (Sohn, NIPS 2016, section 3.2).

    The images of each person are paired in the order of the batch: first with second, third with fourth, and so on.
    With two images of each person this is the paper's batch. Positives of the anchor's own person are no negatives.

    Args:
        embeddings_BD: embeddings (B, D), not normalised here.
        labels_B: class of each.
        temperature: divisor of the inner products; 1 in the paper.
        squared_length_weight: lambda, weight of the mean squared length.

    Example:
        Two people with two equal unit images each, at right angles. Every loss is log(1 + exp(0 - 1)).

        >>> import torch
        >>> embeddings, labels = torch.eye(2).repeat(2, 1), torch.tensor([0, 1, 0, 1])
        >>> print(f"{n_pair(embeddings, labels, squared_length_weight=0.0):.4f}")
        0.3133
    """
    anchors_P, positives_P, valid_P = consecutive_pairs(labels_B)
    anchors_PD = embeddings_BD.index_select(0, anchors_P)
    positives_PD = embeddings_BD.index_select(0, positives_P)
    logits_PP = anchors_PD @ positives_PD.T / temperature
    left_out_PP = genuine_pairs(labels_B[anchors_P]) | ~valid_P
    # Its own positive stays in each row: the loss of a row of -inf would be NaN, and no mask removes its gradient.
    logits_PP = logits_PP.masked_fill(left_out_PP.fill_diagonal_(False), -torch.inf)
    loss_P = F.cross_entropy(logits_PP, torch.arange(len(anchors_P), device=labels_B.device), reduction="none")
    if squared_length_weight:
        squared_P = 0.5 * (anchors_PD.square().sum(1) + positives_PD.square().sum(1))
        loss_P = loss_P + squared_length_weight * squared_P
    return mean_where(loss_P, valid_P)


def consecutive_pairs(labels_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Disjoint pairs of images of one person, with room for the most that B images can make.

    Returns:
        Indices (P,) of the first and of the second image of each pair, P = B // 2, and whether it is a pair (P,). A GPU
        does not wait for the number of pairs.
    """
    sorted_B, order_B = torch.sort(labels_B, stable=True)
    places_B = torch.arange(len(labels_B), device=labels_B.device)
    rank_B = places_B - torch.searchsorted(sorted_B, sorted_B)  # among the images of the same person
    is_first_S = (rank_B[:-1] % 2 == 0) & (sorted_B[:-1] == sorted_B[1:])
    first_P = torch.argsort(~is_first_S, stable=True)[: len(labels_B) // 2]
    return order_B[first_P], order_B[first_P + 1], is_first_S[first_P]


def supervised_contrastive(embeddings_BD: Tensor, labels_B: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """L_out: mean_i -1/|P(i)| sum_p log(exp(z_i . z_p / t) / sum_{a != i} exp(z_i . z_a / t)), z of length 1.

    Khosla et al., NeurIPS 2020, equation 2. The mean leaves out anchors without a positive. The sum over the positives
    is an inner product with the sum of the class, so one (B, B) matrix is enough.

    Args:
        embeddings_BD: embeddings (B, D); normalised here.
        labels_B: class of each.
        temperature: t.

    Returns:
        The loss, and the number of anchors without a positive.

    Example:
        Two people with two equal images each, at right angles. Every anchor has logits 1, 0, 0, so the loss is
        log(e + 2) - 1.

        >>> import torch
        >>> embeddings, labels = torch.eye(2).repeat(2, 1), torch.tensor([0, 1, 0, 1])
        >>> loss, alone = supervised_contrastive(embeddings, labels, temperature=1.0)
        >>> print(f"{loss:.4f} {alone}")
        0.5514 0
    """
    z_BD = directions(embeddings_BD)
    person_B, images_B = people_of_batch(labels_B)
    sums_BD = torch.zeros_like(z_BD).index_add(0, person_B, z_BD)
    positives_B = images_B - 1
    toward_B = (z_BD * (sums_BD.index_select(0, person_B) - z_BD)).sum(1) / positives_B.clamp(min=1)
    loss_B = row_values(z_BD, without_self(1.0 / temperature)) - toward_B / temperature
    return mean_where(loss_B, positives_B > 0), (positives_B == 0).sum()


def circle_pairs(embeddings_BD: Tensor, labels_B: Tensor, scale: float, relaxation: float) -> Tensor:
    """softplus(lse(g a_n (s_n - m)) + lse(-g a_p (s_p - (1 - m)))), a_n = [s_n + m]+, a_p = [1 + m - s_p]+ detached.

    Sun et al., CVPR 2020, section 3. Each anchor counts all its pairs in the batch. The mean is over the anchors that
    have both kinds of pair.

    Args:
        embeddings_BD: embeddings (B, D); normalised here.
        labels_B: class of each.
        scale: gamma.
        relaxation: m.

    Example:
        Two people with two equal images each, at right angles, m = 0.25 and gamma = 1. The genuine pair of an anchor
        has s_p = 1 and the exponent -0.25 (1 - 0.75). Both its impostor pairs have s_n = 0 and the exponent
        0.25 (0 - 0.25). The loss is softplus(-0.0625 + log 2 - 0.0625).

        >>> import torch
        >>> embeddings, labels = torch.eye(2).repeat(2, 1), torch.tensor([0, 1, 0, 1])
        >>> print(f"{circle_pairs(embeddings, labels, scale=1.0, relaxation=0.25):.4f}")
        1.0170
    """
    z_BD = directions(embeddings_BD)
    total_B = row_values(z_BD, circle_exponents(labels_B, scale, relaxation))
    _, same_B = people_of_batch(labels_B)
    return mean_where(F.softplus(total_B, threshold=40.0), (same_B > 1) & (same_B < len(labels_B)))


def people_of_batch(labels_B: Tensor) -> tuple[Tensor, Tensor]:
    """Number below B of the person of each image (B,), and how many images of the batch show that person (B,).

    The numbers have gaps. To close them, a GPU would have to wait for the number of people.

    Example:
        >>> import torch
        >>> people_of_batch(torch.tensor([7, 2, 7, 7]))
        (tensor([1, 0, 1, 1]), tensor([3, 1, 3, 3]))
    """
    sorted_B = torch.sort(labels_B).values
    person_B = torch.searchsorted(sorted_B, labels_B)
    return person_B, torch.searchsorted(sorted_B, labels_B, right=True) - person_B


def histogram_overlap(embeddings_BD: Tensor, labels_B: Tensor, num_bins: int) -> Tensor:
    """Estimated probability that an impostor pair scores above a genuine one: sum_r h-_r Phi+_r.

    Ustinova and Lempitsky, NIPS 2016, section 3. The histograms h of the cosines have triangular kernels on
    ``num_bins`` nodes from -1 to 1. Phi+ is the running sum of the genuine one.

    Args:
        embeddings_BD: embeddings (B, D); normalised here.
        labels_B: class of each.
        num_bins: R, number of nodes.

    Example:
        Half of the genuine and half of the impostor pairs have a cosine of 0, the others of 1. The overlap is
        1/2 1/2 + 1/2 1.

        >>> import torch
        >>> embeddings = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
        >>> print(f"{histogram_overlap(embeddings, torch.tensor([0, 0, 1, 1]), num_bins=3):.2f}")
        0.75
    """
    z_BD = directions(embeddings_BD)
    place_BB = ((z_BD @ z_BD.T).clamp(-1.0, 1.0) + 1.0) * ((num_bins - 1) / 2.0)
    impostor_R, genuine_R = soft_histograms(place_BB, labels_B, num_bins)
    return (impostor_R * genuine_R.cumsum(0)).sum()


def soft_histograms(place_BB: Tensor, labels_B: Tensor, num_bins: int) -> tuple[Tensor, Tensor]:
    """Shares of the impostor and of the genuine pairs at each node (R,); nearness splits a pair between two nodes."""
    kind_BB = (labels_B[:, None] == labels_B).long().fill_diagonal_(2)  # impostor, genuine, an image with itself
    lower_BB = place_BB.detach().floor().clamp(max=num_bins - 2)
    upper_share_BB = place_BB - lower_BB
    index_P = (lower_BB.long() + num_bins * kind_BB).flatten()
    counts_R = torch.zeros(3 * num_bins, dtype=place_BB.dtype, device=place_BB.device)
    counts_R = counts_R.index_add(0, index_P, (1.0 - upper_share_BB).flatten())
    counts_R = counts_R.index_add(0, index_P + 1, upper_share_BB.flatten())
    impostor_R, genuine_R, _ = counts_R.view(3, num_bins)
    return impostor_R / (kind_BB == 0).sum().clamp(min=1), genuine_R / (kind_BB == 1).sum().clamp(min=1)


def n_pair_floor(pairs: int, temperature: float = 1.0) -> float:
    """Smallest value of the normalised N-pair loss, log(1 + (N - 1) exp(-2 / t)): it cannot reach 0.

    Args:
        pairs: N, number of pairs in a batch.
        temperature: t.

    Example:
        >>> round(n_pair_floor(128), 1), round(n_pair_floor(128, temperature=0.1), 7)
        (2.9, 3e-07)
    """
    return math.log1p((pairs - 1) * math.exp(-2.0 / temperature))
