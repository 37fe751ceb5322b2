"""Losses without class weights, over the pairs and triplets inside a batch.

They need images of the same person in a batch: sample P people with K images each, or take two views of each image.
"""

from typing import Literal

from torch import Tensor

from facerec.losses.base import Loss, check_positive, check_range
from facerec.losses.functional import (
    Distance,
    Strategy,
    contrastive,
    directions,
    histogram_overlap,
    n_pair,
    supervised_contrastive,
    triplet,
)


class PairLoss(Loss):
    """Base of the losses that learn from images of the same person in one batch."""

    needs_positives = True


class Contrastive(PairLoss):
    """1/2 D^2 for genuine and 1/2 max(0, m - D)^2 for impostor pairs, D = |x - y| (Hadsell et al., CVPR 2006, eq. 4).

    All pairs of the batch. Logs the share of impostor pairs inside the margin and the mean distances: collapse shows as
    both distances falling to 0 together.

    Args:
        distance_margin: m, in units of D itself; unit embeddings are at most 2 apart.
        normalize: put the embeddings on the unit sphere first; the paper does not.
        balanced: average genuine and impostor pairs each on their own and add the two. In a batch of many people
            genuine pairs are few, and in an average over all pairs they weigh little.

    Raises:
        ValueError: if ``distance_margin`` is not positive.
    """

    def __init__(self, distance_margin: float = 1.0, normalize: bool = True, balanced: bool = False) -> None:
        super().__init__()
        check_positive(self, distance_margin=distance_margin)
        self.distance_margin = distance_margin
        self.normalize = normalize
        self.balanced = balanced

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean over the pairs."""
        x_BD = directions(embeddings_BD) if self.normalize else embeddings_BD
        loss, statistics = contrastive(x_BD, labels_B, self.distance_margin, self.balanced)
        self.record(**statistics)
        return loss


class Triplet(PairLoss):
    """[d(a, p) - d(a, n) + m]+ (Schroff et al., FaceNet, CVPR 2015, section 3.1), https://arxiv.org/abs/1503.03832.

    Logs the share of triplets with a loss and the mean distances. Batch-hard collapse shows as a loss that stays at
    the margin (at ln 2 with the soft margin) with both distances at 0.

    Args:
        distance_margin: m, in units of d.
        distance: "squared_euclidean" |x - y|^2, or "cosine" 1 - cos.
        strategy: "all" triplets of the batch (memory grows with B^2 times the images a person); "semi_hard", the
            nearest negative farther than each positive (FaceNet, section 3.2); "batch_hard", the farthest positive and
            the nearest negative of each anchor (Hermans et al., arXiv:1703.07737, section 2).
        soft_margin: softplus(d(a, p) - d(a, n)) instead, without m (Hermans et al., section 2).
        normalize: put the embeddings on the unit sphere first, as FaceNet does.
        average: over "all" triplets of the strategy, or only the "active" ones, which have a loss.

    Raises:
        ValueError: if ``distance_margin`` is not positive.
    """

    def __init__(
        self,
        distance_margin: float = 0.2,
        distance: Distance = "squared_euclidean",
        strategy: Strategy = "batch_hard",
        soft_margin: bool = False,
        normalize: bool = True,
        average: Literal["all", "active"] = "all",
    ) -> None:
        super().__init__()
        check_positive(self, distance_margin=distance_margin)
        self.distance_margin = distance_margin
        self.distance = distance
        self.strategy = strategy
        self.soft_margin = soft_margin
        self.normalize = normalize
        self.average = average

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean over the triplets."""
        x_BD = directions(embeddings_BD) if self.normalize else embeddings_BD
        margin = None if self.soft_margin else self.distance_margin
        loss, statistics = triplet(x_BD, labels_B, margin, self.distance, self.strategy, self.average)
        self.record(**statistics)
        return loss


class NPair(PairLoss):
    """mean_i log(1 + sum_{j != i} exp(f_i . f_j+ - f_i . f_i+)) + weight |f|^2 (Sohn, NIPS 2016, section 3.2).

    The paper's form is not normalised; its squared-length term keeps the embeddings bounded. The normalised form at
    temperature 1 cannot fall below log(1 + (N - 1) e^-2), 2.9 for 128 pairs: lower the temperature with it.

    Args:
        temperature: divides the inner products.
        normalize: put the embeddings on the unit sphere first.
        squared_length_weight: lambda of the mean squared length.

    Raises:
        ValueError: if ``temperature`` is not positive or ``squared_length_weight`` is negative.
    """

    def __init__(self, temperature: float = 1.0, normalize: bool = False, squared_length_weight: float = 0.002) -> None:
        super().__init__()
        check_positive(self, temperature=temperature)
        check_range(self, 0.0, float("inf"), squared_length_weight=squared_length_weight)
        self.temperature = temperature
        self.normalize = normalize
        self.squared_length_weight = squared_length_weight

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean over the pairs."""
        x_BD = directions(embeddings_BD) if self.normalize else embeddings_BD
        self.record(length=embeddings_BD.square().sum(1).sqrt().mean())
        return n_pair(x_BD, labels_B, self.temperature, self.squared_length_weight)


class Histogram(PairLoss):
    """How far the score distributions of genuine and impostor pairs overlap: the "pair-wise loss" of lecture slides.

    Ustinova and Lempitsky, NIPS 2016, section 3, https://arxiv.org/abs/1611.00822. The estimated probability that an
    impostor pair scores above a genuine one. It needs many pairs: batches of 128 and more.

    Args:
        num_bins: nodes of the histograms of the cosines, from -1 to 1.

    Raises:
        ValueError: for fewer than 2 nodes.
    """

    def __init__(self, num_bins: int = 151) -> None:
        super().__init__()
        check_range(self, 2, float("inf"), num_bins=num_bins)
        self.num_bins = num_bins

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """The overlap, in [0, 1]."""
        return histogram_overlap(embeddings_BD, labels_B, self.num_bins)


class SupCon(PairLoss):
    """Supervised contrastive loss, L_out (Khosla et al., NeurIPS 2020, equation 2), https://arxiv.org/abs/2004.11362.

    Anchors without a positive in the batch are left out, and their number is logged.

    Args:
        temperature: divides the cosines. The authors' code multiplies the loss by temperature / 0.07 besides; the
            paper and this do not.

    Raises:
        ValueError: if ``temperature`` is not positive.
    """

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        check_positive(self, temperature=temperature)
        self.temperature = temperature

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean over the anchors that have a positive."""
        loss, alone = supervised_contrastive(embeddings_BD, labels_B, self.temperature)
        self.record(anchors_without_positive=alone)
        return loss
