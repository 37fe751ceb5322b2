"""Losses without class weights, over the pairs and triplets inside a batch.

They need several images of a person in a batch: sample P people with K images each, or take two views of each image.

Shapes: B batch, D embedding dimension.
"""

import math
from typing import get_args

from torch import Tensor

from facerec.losses.base import Loss
from facerec.losses.functional import (
    Average,
    Distance,
    Strategy,
    contrastive,
    directions,
    histogram_overlap,
    n_pair,
    supervised_contrastive,
    triplet,
)
from facerec.settings import require_choice, require_positive, require_within


class PairLoss(Loss):
    """Base of the losses that learn from images of the same person in one batch."""

    @property
    def needs_positives(self) -> bool:
        """True: a batch without genuine pairs teaches little or nothing."""
        return True


class Contrastive(PairLoss):
    """1/2 D^2 for genuine and 1/2 max(0, m - D)^2 for impostor pairs, D = |x - y| (Hadsell et al., CVPR 2006, eq. 4).

    It takes all pairs of the batch. It logs the share of impostor pairs inside the margin and the mean distances. If
    both distances fall to 0, the embeddings have collapsed.

    Args:
        distance_margin: margin m, in units of D itself; unit embeddings are at most 2 apart.
        normalize: put the embeddings on the unit sphere first; the paper does not.
        balanced: average genuine and impostor pairs each on their own and add the two. Genuine pairs are few in a batch
            of many people, so they weigh little in an average over all pairs.

    Raises:
        ValueError: if ``distance_margin`` is not positive.

    Example:
        Two equal images of person 0, and one of person 1 at 60 degrees: the genuine distance is 0, both impostor
        distances are 1. With m = 1.5 the loss is (0 + 2 * 1/2 (1.5 - 1)^2) / 3.

        >>> import torch
        >>> embeddings = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.5, 0.75**0.5]])
        >>> print(f"{Contrastive(distance_margin=1.5)(embeddings, torch.tensor([0, 0, 1])):.4f}")
        0.0833
    """

    def __init__(self, distance_margin: float = 1.0, normalize: bool = True, balanced: bool = False) -> None:
        super().__init__()
        require_positive(self, distance_margin=distance_margin)
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

    It logs the share of triplets with a loss and the mean distances. If the loss stays at the margin (at ln 2 with the
    soft margin) and both distances at 0, the embeddings have collapsed; "batch_hard" is prone to it.

    Args:
        distance_margin: margin m, in units of d.
        distance: "squared_euclidean" |x - y|^2, "euclidean" |x - y|, or "cosine" 1 - cos.
        strategy: "all" triplets of the batch; "semi_hard": the nearest negative farther than each positive (FaceNet,
            section 3.2); "batch_hard": the farthest positive and the nearest negative of each anchor (Hermans et al.,
            arXiv:1703.07737, section 2).
        soft_margin: take softplus(d(a, p) - d(a, n)), without m (Hermans et al., section 2). The time of "all" then
            grows with B^2 times the most images of a person; on a GPU with B^3, up to 1,024 images.
        normalize: put the embeddings on the unit sphere first, as FaceNet does.
        average: mean over "all" triplets of the strategy, or over the "active" ones, which have a loss; "none": their
            sum, as in many lecture slides. It grows with the batch, so lower the learning rate with it.

    Raises:
        ValueError: if ``distance_margin`` is not positive, or a choice is none of those named.

    Example:
        Two equal images of person 0, and one of person 1 at 60 degrees. Both anchors have d(a, p) = 0 and d(a, n) = 1.
        With m = 1.2 the loss is 0 - 1 + 1.2.

        >>> import torch
        >>> embeddings = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.5, 0.75**0.5]])
        >>> print(f"{Triplet(distance_margin=1.2)(embeddings, torch.tensor([0, 0, 1])):.4f}")
        0.2000
    """

    def __init__(
        self,
        distance_margin: float = 0.2,
        distance: Distance = "squared_euclidean",
        strategy: Strategy = "batch_hard",
        soft_margin: bool = False,
        normalize: bool = True,
        average: Average = "all",
    ) -> None:
        super().__init__()
        require_positive(self, distance_margin=distance_margin)
        require_choice(self, get_args(Distance), distance=distance)
        require_choice(self, get_args(Strategy), strategy=strategy)
        require_choice(self, get_args(Average), average=average)
        self.distance_margin = distance_margin
        self.distance = distance
        self.strategy = strategy
        self.soft_margin = soft_margin
        self.normalize = normalize
        self.average = average

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean or sum over the triplets."""
        x_BD = directions(embeddings_BD) if self.normalize else embeddings_BD
        margin = None if self.soft_margin else self.distance_margin
        loss, statistics = triplet(x_BD, labels_B, margin, self.distance, self.strategy, self.average)
        self.record(**statistics)
        return loss


class NPair(PairLoss):
    """mean_i log(1 + sum_{j != i} exp(f_i . f_j+ - f_i . f_i+)) + weight |f|^2 (Sohn, NIPS 2016, section 3.2).

    The paper's form is not normalised; its squared-length term keeps the embeddings bounded. The normalised form at
    temperature 1 cannot fall below log(1 + (N - 1) e^-2), 2.9 for 128 pairs. Lower the temperature with it.

    Args:
        temperature: divisor of the inner products.
        normalize: put the embeddings on the unit sphere first.
        squared_length_weight: weight lambda of the mean squared length.

    Raises:
        ValueError: if ``temperature`` is not positive or ``squared_length_weight`` is negative.

    Example:
        Two people with two equal unit images each, at right angles: log(1 + exp(0 - 1)) + 0.002.

        >>> import torch
        >>> print(f"{NPair()(torch.eye(2).repeat(2, 1), torch.tensor([0, 1, 0, 1])):.4f}")
        0.3153
    """

    def __init__(self, temperature: float = 1.0, normalize: bool = False, squared_length_weight: float = 0.002) -> None:
        super().__init__()
        require_positive(self, temperature=temperature)
        require_within(self, 0.0, math.inf, squared_length_weight=squared_length_weight)
        self.temperature = temperature
        self.normalize = normalize
        self.squared_length_weight = squared_length_weight

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean over the pairs."""
        x_BD = directions(embeddings_BD) if self.normalize else embeddings_BD
        self.record(length=embeddings_BD.square().sum(1).sqrt().mean())
        return n_pair(x_BD, labels_B, self.temperature, self.squared_length_weight)


class Histogram(PairLoss):
    """Overlap of the score distributions of genuine and impostor pairs: the "pair-wise loss" of lecture slides.

    Ustinova and Lempitsky, NIPS 2016, section 3, https://arxiv.org/abs/1611.00822. It estimates the probability that an
    impostor pair scores above a genuine one. It needs many pairs: batches of 128 and more.

    Args:
        num_bins: number of nodes of the histograms of the cosines, from -1 to 1.

    Raises:
        ValueError: for fewer than 2 nodes.

    Example:
        Half of the genuine and half of the impostor pairs have a cosine of 0, the others of 1. The overlap is
        1/2 1/2 + 1/2 1.

        >>> import torch
        >>> embeddings = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
        >>> print(f"{Histogram()(embeddings, torch.tensor([0, 0, 1, 1])):.2f}")
        0.75
    """

    def __init__(self, num_bins: int = 151) -> None:
        super().__init__()
        require_within(self, 2, math.inf, num_bins=num_bins)
        self.num_bins = num_bins

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """The overlap, in [0, 1]."""
        return histogram_overlap(embeddings_BD, labels_B, self.num_bins)


class SupCon(PairLoss):
    """Supervised contrastive loss, L_out (Khosla et al., NeurIPS 2020, equation 2), https://arxiv.org/abs/2004.11362.

    The mean leaves out anchors without a positive in the batch, and their number is logged.

    Args:
        temperature: divisor of the cosines. The authors' code also multiplies the loss by temperature / 0.07; the paper
            and this class do not.

    Raises:
        ValueError: if ``temperature`` is not positive.

    Example:
        Two people with two equal images each, at right angles. At temperature 0.5 every anchor has logits 2, 0, 0, so
        the loss is log(e^2 + 2) - 2.

        >>> import torch
        >>> print(f"{SupCon(temperature=0.5)(torch.eye(2).repeat(2, 1), torch.tensor([0, 1, 0, 1])):.4f}")
        0.2395
    """

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        require_positive(self, temperature=temperature)
        self.temperature = temperature

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean over the anchors that have a positive."""
        loss, alone = supervised_contrastive(embeddings_BD, labels_B, self.temperature)
        self.record(anchors_without_positive=alone)
        return loss
