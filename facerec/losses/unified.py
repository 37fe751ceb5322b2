"""Circle loss, one formula for pairs of a batch and for class weights.

Shapes: B batch, D embedding dimension, N classes of a block.
"""

from dataclasses import replace

from torch import Tensor

from facerec.losses.base import check_positive, check_range
from facerec.losses.functional import Implementation, MatmulPrecision, circle_pairs
from facerec.losses.margin import CosineClassifier
from facerec.losses.pairs import PairLoss


class Circle(PairLoss):
    """Circle loss on the pairs of a batch (Sun et al., CVPR 2020, section 3), https://arxiv.org/abs/2002.10857.

    For each anchor over its genuine and impostor pairs, averaged over the anchors that have both.

    Args:
        scale: gamma; the paper takes 256 for faces.
        relaxation: m: genuine pairs are drawn towards a cosine of 1 - m, impostor pairs pushed below m.

    Raises:
        ValueError: if ``scale`` is not positive or ``relaxation`` lies outside [0, 1].
    """

    def __init__(self, scale: float = 256.0, relaxation: float = 0.25) -> None:
        super().__init__()
        check_positive(self, scale=scale)
        check_range(self, 0.0, 1.0, relaxation=relaxation)
        self.scale = scale
        self.relaxation = relaxation

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean over the anchors."""
        return circle_pairs(embeddings_BD, labels_B, self.scale, self.relaxation)


class CircleClassifier(CosineClassifier):
    """Circle loss with class weights: cross-entropy over gamma alpha (s - Delta) (Sun et al., CVPR 2020, section 3).

    Other classes: [s + m]+ (s - m); own class: [1 + m - s]+ (s - (1 - m)); the weights in brackets are detached.

    Args:
        scale: gamma; the paper takes 256 for faces.
        relaxation: m.
        implementation: see ``CosineClassifier``.
        matmul_precision: see ``CosineClassifier``.

    Raises:
        ValueError: if ``scale`` is not positive or ``relaxation`` lies outside [0, 1].
    """

    def __init__(
        self,
        scale: float = 256.0,
        relaxation: float = 0.25,
        implementation: Implementation = "auto",
        matmul_precision: MatmulPrecision = "float32",
    ) -> None:
        super().__init__(scale, implementation, matmul_precision)
        check_range(self, 0.0, 1.0, relaxation=relaxation)
        self.relaxation = relaxation
        self.head = replace(self.head, reweigh=self.reweigh)

    def target(self, cos_B: Tensor) -> Tensor:
        """[1 + m - s]+ (s - (1 - m))."""
        weight_B = (1.0 + self.relaxation - cos_B.detach()).clamp(min=0.0)
        return weight_B * (cos_B - (1.0 - self.relaxation))

    def reweigh(self, cos_NC: Tensor, images: slice) -> tuple[Tensor, Tensor]:
        """[s + m]+ (s - m) and, as the weight is detached, the weight as its slope; the same for all images."""
        weight_NC = (cos_NC.detach() + self.relaxation).clamp(min=0.0)
        return weight_NC * (cos_NC - self.relaxation), weight_NC
