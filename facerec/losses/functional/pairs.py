"""Losses over the pairs and tuples inside a batch.

Shapes: B batch, D embedding dimension, P (anchor, positive) pairs. Averages over nothing are 0, with a gradient
of 0.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from facerec.losses.functional.rows import circle_exponents, row_values, without_self
from facerec.losses.functional.vectors import directions

# sqrt has an infinite slope at 0, where images repeat. Inside the root this bounds it and moves no distance over 0.01
# by more than 1e-6.
DISTANCE_SQUARED_FLOOR = 1e-8


def squared_distances(embeddings_BD: Tensor) -> Tensor:
    """|x_i - x_j|^2 of all pairs (B, B), by one matrix product."""
    squared_B = embeddings_BD.square().sum(1)
    return torch.addmm(squared_B[:, None] + squared_B, embeddings_BD, embeddings_BD.T, alpha=-2.0).clamp(min=0.0)


def genuine_pairs(labels_B: Tensor) -> Tensor:
    """True where two different images show the same person (B, B)."""
    return (labels_B[:, None] == labels_B).fill_diagonal_(False)


def impostor_pairs(labels_B: Tensor) -> Tensor:
    """True where two images show two people (B, B)."""
    return labels_B[:, None] != labels_B


def mean_where(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of the values where the mask is True; 0 where it never is."""
    return torch.where(mask, values, 0.0).sum() / mask.sum().clamp(min=1)


def contrastive(
    embeddings_BD: Tensor, labels_B: Tensor, distance_margin: float, balanced: bool = False
) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean of 1/2 D^2 over genuine and 1/2 max(0, m - D)^2 over impostor pairs, D the Euclidean distance.

    Hadsell, Chopra and LeCun, CVPR 2006, equation 4.

    Args:
        embeddings_BD: embeddings (B, D), used as they are.
        labels_B: class of each.
        distance_margin: m, in units of D (not of its square).
        balanced: average each kind on its own and add the two, instead of averaging over all pairs.

    Returns:
        The loss, and the share of impostor pairs inside the margin and both mean distances.
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

    The images of each person are paired in the order of the batch: first with second, third with fourth, and so on;
    with two images a person this is the paper's batch. The positives of the anchor's own person are no negatives.

    Args:
        embeddings_BD: embeddings (B, D), used as they are.
        labels_B: class of each.
        temperature: divides the inner products; 1 in the paper.
        squared_length_weight: lambda.
    """
    anchors_P, positives_P = consecutive_pairs(labels_B)
    if len(anchors_P) == 0:
        return (embeddings_BD * 0.0).sum()
    anchors_PD = embeddings_BD.index_select(0, anchors_P)
    positives_PD = embeddings_BD.index_select(0, positives_P)
    logits_PP = anchors_PD @ positives_PD.T / temperature
    logits_PP = logits_PP.masked_fill(genuine_pairs(labels_B[anchors_P]), -torch.inf)
    loss = F.cross_entropy(logits_PP, torch.arange(len(anchors_P), device=labels_B.device))
    if squared_length_weight:
        squared = 0.5 * (anchors_PD.square().sum(1).mean() + positives_PD.square().sum(1).mean())
        loss = loss + squared_length_weight * squared
    return loss


def consecutive_pairs(labels_B: Tensor) -> tuple[Tensor, Tensor]:
    """Disjoint pairs of images of one person, as indices (P,) of the first and of the second of each."""
    sorted_B, order_B = torch.sort(labels_B, stable=True)
    places_B = torch.arange(len(labels_B), device=labels_B.device)
    rank_B = places_B - torch.searchsorted(sorted_B, sorted_B)  # among the images of the same person
    first_P = ((rank_B[:-1] % 2 == 0) & (sorted_B[:-1] == sorted_B[1:])).nonzero().squeeze(1)
    return order_B[first_P], order_B[first_P + 1]


def supervised_contrastive(embeddings_BD: Tensor, labels_B: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """L_out: mean_i -1/|P(i)| sum_p log(exp(z_i . z_p / t) / sum_{a != i} exp(z_i . z_a / t)), z of length 1.

    Khosla et al., NeurIPS 2020, equation 2. Anchors without a positive are left out of the mean. The sum over the
    positives is an inner product with the sum of the class, so that one (B, B) matrix suffices.

    Args:
        embeddings_BD: embeddings (B, D); normalised here.
        labels_B: class of each.
        temperature: t.

    Returns:
        The loss, and the number of anchors without a positive.
    """
    z_BD = directions(embeddings_BD)
    _, class_B, count_K = torch.unique(labels_B, return_inverse=True, return_counts=True)
    sums_KD = torch.zeros(len(count_K), z_BD.shape[1], dtype=z_BD.dtype, device=z_BD.device)
    sums_KD = sums_KD.index_add(0, class_B, z_BD)
    positives_B = count_K[class_B] - 1
    toward_B = (z_BD * (sums_KD.index_select(0, class_B) - z_BD)).sum(1) / positives_B.clamp(min=1)
    loss_B = row_values(z_BD, without_self(1.0 / temperature)) - toward_B / temperature
    return mean_where(loss_B, positives_B > 0), (positives_B == 0).sum()


def circle_pairs(embeddings_BD: Tensor, labels_B: Tensor, scale: float, relaxation: float) -> Tensor:
    """softplus(lse(g a_n (s_n - m)) + lse(-g a_p (s_p - (1 - m)))), a_n = [s_n + m]+, a_p = [1 + m - s_p]+ detached.

    Sun et al., CVPR 2020, section 3; for each anchor over its pairs in the batch, averaged over the anchors that have
    both kinds of pair.

    Args:
        embeddings_BD: embeddings (B, D); normalised here.
        labels_B: class of each.
        scale: gamma.
        relaxation: m.
    """
    z_BD = directions(embeddings_BD)
    total_B = row_values(z_BD, circle_exponents(labels_B, scale, relaxation))
    same_B = images_of_person(labels_B)
    return mean_where(F.softplus(total_B, threshold=40.0), (same_B > 1) & (same_B < len(labels_B)))


def images_of_person(labels_B: Tensor) -> Tensor:
    """How many images of the batch show the person of each (B,)."""
    _, class_B, count_K = torch.unique(labels_B, return_inverse=True, return_counts=True)
    images_B: Tensor = count_K[class_B]
    return images_B


def histogram_overlap(embeddings_BD: Tensor, labels_B: Tensor, num_bins: int) -> Tensor:
    """Estimated probability that an impostor pair scores above a genuine one: sum_r h-_r Phi+_r.

    Ustinova and Lempitsky, NIPS 2016, section 3: triangular kernels on ``num_bins`` nodes from -1 to 1, h the
    histograms of the cosines, Phi+ the running sum of the genuine one.

    Args:
        embeddings_BD: embeddings (B, D); normalised here.
        labels_B: class of each.
        num_bins: R, nodes.
    """
    z_BD = directions(embeddings_BD)
    place_BB = ((z_BD @ z_BD.T).clamp(-1.0, 1.0) + 1.0) * ((num_bins - 1) / 2.0)
    genuine_R = soft_histogram(place_BB, genuine_pairs(labels_B), num_bins)
    impostor_R = soft_histogram(place_BB, impostor_pairs(labels_B), num_bins)
    return (impostor_R * genuine_R.cumsum(0)).sum()


def soft_histogram(place_BB: Tensor, mask_BB: Tensor, num_bins: int) -> Tensor:
    """Share of the masked places at each node (R,), a place between two nodes split in proportion to nearness."""
    place_P = place_BB[mask_BB]
    lower_P = place_P.detach().floor().clamp(max=num_bins - 2)
    upper_share_P = place_P - lower_P
    index_P = lower_P.long()
    counts_R = torch.zeros(num_bins, dtype=place_P.dtype, device=place_P.device)
    counts_R = counts_R.index_add(0, index_P, 1.0 - upper_share_P).index_add(0, index_P + 1, upper_share_P)
    return counts_R / max(len(place_P), 1)


def n_pair_floor(pairs: int, temperature: float = 1.0) -> float:
    """Smallest value of the normalised N-pair loss, log(1 + (N - 1) exp(-2 / t)): it cannot reach 0.

    Args:
        pairs: N, in a batch.
        temperature: t.
    """
    return math.log1p((pairs - 1) * math.exp(-2.0 / temperature))
