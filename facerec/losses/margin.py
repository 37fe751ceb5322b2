"""Softmax classifiers: plain, and with a margin on the target class.

Shapes: B batch, D embedding dimension, C classes.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerec.losses.base import ClassifierLoss
from facerec.losses.functional import add_angular_margin, cosines, replace_target


class Softmax(ClassifierLoss):
    """Cross-entropy over a linear layer, the baseline that every margin loss is compared with.

    Args:
        bias: add a bias to each class. A bias cannot be used by a cosine score, so it is off.
        label_smoothing: share of the target given evenly to all classes (Szegedy et al. 2016, section 7), in [0, 1).

    Raises:
        ValueError: if ``label_smoothing`` is outside [0, 1).
    """

    def __init__(self, bias: bool = False, label_smoothing: float = 0.0) -> None:
        super().__init__()
        if not 0.0 <= label_smoothing < 1.0:
            raise ValueError(f"Softmax label_smoothing={label_smoothing}: must be in [0, 1)")
        self.label_smoothing = label_smoothing
        self.has_bias = bias
        self.bias: nn.Parameter | None = None

    def build(self, embedding_dim: int, num_classes: int) -> None:
        """Create the weights (C, D) and, if asked for, the biases (C,)."""
        super().build(embedding_dim, num_classes)
        if self.has_bias:
            self.bias = nn.Parameter(torch.zeros(num_classes))

    def logits(self, embeddings_BD: Tensor) -> Tensor:
        """Inner products with the class weights (B, C)."""
        return F.linear(embeddings_BD, self.weight, self.bias)

    def forward(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean cross-entropy."""
        self.check_labels(labels_B)
        return F.cross_entropy(self.logits(embeddings_BD), labels_B, label_smoothing=self.label_smoothing)


class ArcFace(ClassifierLoss):
    """Additive angular margin (Deng et al., CVPR 2019, equation 3), https://arxiv.org/abs/1801.07698.

    Cross-entropy over ``scale * cos(theta_j)``, with ``scale * cos(theta_y + angular_margin)`` for the own class y.
    Past theta + m = pi the target falls back to cos(theta) - m sin(m).

    Args:
        scale: s, the radius of the sphere the embeddings are put on.
        angular_margin: m in radians.

    Raises:
        ValueError: if ``scale`` is not positive or ``angular_margin`` lies outside [0, pi].
    """

    def __init__(self, scale: float = 64.0, angular_margin: float = 0.5) -> None:
        super().__init__()
        if scale <= 0.0:
            raise ValueError(f"ArcFace scale={scale}: must be positive")
        if not 0.0 <= angular_margin <= math.pi:
            raise ValueError(f"ArcFace angular_margin={angular_margin}: must be in [0, pi] radians")
        self.scale = scale
        self.angular_margin = angular_margin

    def logits(self, embeddings_BD: Tensor) -> Tensor:
        """Scaled cosines without margin (B, C)."""
        return self.scale * cosines(embeddings_BD, self.weight)

    def forward(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean cross-entropy with the margin on the own class."""
        self.check_labels(labels_B)
        cos_BC = cosines(embeddings_BD, self.weight)
        cos_B = cos_BC.gather(1, labels_B[:, None]).squeeze(1)
        target_B = add_angular_margin(cos_B, self.angular_margin)
        return F.cross_entropy(self.scale * replace_target(cos_BC, labels_B, target_B), labels_B)
