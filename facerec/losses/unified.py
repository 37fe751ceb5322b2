"""Circle loss, one formula for the pairs of a batch and for class weights.

Shapes: B batch, D embedding dimension, C classes, N images of a block.
"""

from dataclasses import replace

from torch import Tensor

from facerec.losses.functional import Computation, Sharding, Synthesis, circle_pairs
from facerec.losses.margin import CosineClassifier
from facerec.losses.pairs import PairLoss
from facerec.settings import require_positive, require_within


class Circle(PairLoss):
    """Circle loss on the pairs of a batch (Sun et al., CVPR 2020, section 3), https://arxiv.org/abs/2002.10857.

    Each anchor counts its genuine and impostor pairs. The mean is over the anchors that have both.

    Args:
        scale: factor gamma; the paper takes 256 for faces.
        relaxation: m. Genuine pairs are drawn towards a cosine of 1 - m, impostor pairs are pushed below m.

    Raises:
        ValueError: if ``scale`` is not positive or ``relaxation`` lies outside [0, 1].

    Example:
        Two people with two equal images each, at right angles. With m = 0.25 and gamma = 16, the genuine pair of an
        anchor has the exponent -16 0.25 (1 - 0.75) = -1, each of its two impostor pairs 16 0.25 (0 - 0.25) = -1. The
        loss is softplus(-1 + log 2 - 1).

        >>> import torch
        >>> loss = Circle(scale=16.0, relaxation=0.25)
        >>> print(f"{loss(torch.eye(2).repeat(2, 1), torch.tensor([0, 1, 0, 1])):.4f}")
        0.2395
    """

    def __init__(self, scale: float = 256.0, relaxation: float = 0.25) -> None:
        super().__init__()
        require_positive(self, scale=scale)
        require_within(self, 0.0, 1.0, relaxation=relaxation)
        self.scale = scale
        self.relaxation = relaxation

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean over the anchors."""
        return circle_pairs(embeddings_BD, labels_B, self.scale, self.relaxation)


class CircleClassifier(CosineClassifier):
    """Circle loss with class weights: cross-entropy over gamma alpha (s - Delta) (Sun et al., CVPR 2020, section 3).

    Other classes count as [s + m]+ (s - m), the own class as [1 + m - s]+ (s - (1 - m)). The weights in brackets are
    detached, as in the paper.

    Args:
        scale: factor gamma; the paper takes 256 for faces.
        relaxation: m. Own cosines are drawn towards 1 - m, others are pushed below m.
        computation: implementation and precision of the large matrix products.
        synthesis: synthetic people between those of a batch, in training; none by default.
        sharded: split the class weights over the processes of a training, exactly; see the README of losses.

    Raises:
        ValueError: if ``scale`` is not positive or ``relaxation`` lies outside [0, 1].

    Example:
        Three embeddings on their class weights: own s = 1, other s = 0. With m = 0.25 and gamma = 16 the logits are
        16 0.25 (1 - 0.75) = 1 and 16 0.25 (0 - 0.25) = -1, so the loss is log(1 + 2 e^-2).

        >>> import torch
        >>> loss = CircleClassifier(scale=16.0, relaxation=0.25).build(embedding_dim=3, num_classes=3)
        >>> loss.weight.data = torch.eye(3)
        >>> print(f"{loss(torch.eye(3), torch.tensor([0, 1, 2])):.4f}")
        0.2395
    """

    def __init__(
        self,
        scale: float = 256.0,
        relaxation: float = 0.25,
        computation: Computation = Computation(),
        synthesis: Synthesis | None = None,
        sharded: bool | Sharding = False,
    ) -> None:
        super().__init__(scale, computation=computation, synthesis=synthesis, sharded=sharded)
        require_within(self, 0.0, 1.0, relaxation=relaxation)
        self.relaxation = relaxation
        self.softmax = replace(self.softmax, reweigh=self.reweigh)

    def target(self, cos_B: Tensor) -> Tensor:
        """[1 + m - s]+ (s - (1 - m)) (B,)."""
        weight_B = (1.0 + self.relaxation - cos_B.detach()).clamp(min=0.0)
        return weight_B * (cos_B - (1.0 - self.relaxation))

    def reweigh(self, cos_NC: Tensor, images: slice) -> tuple[Tensor, Tensor]:
        """[s + m]+ (s - m), and as its slope the detached weight; the same for all images."""
        weight_NC = (cos_NC.detach() + self.relaxation).clamp(min=0.0)
        return weight_NC * (cos_NC - self.relaxation), weight_NC
