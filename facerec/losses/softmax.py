"""Plain softmax, the baseline that every margin loss is compared with.

Shapes: B batch, D embedding dimension, C classes.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerec.losses.base import ClassifierLoss


class Softmax(ClassifierLoss):
    """Cross-entropy over a linear layer, the one loss that takes soft labels (mixup, cutmix).

    Args:
        bias: add a bias to each class. A bias cannot be used by a cosine score, so it is off.
        label_smoothing: share of the target given evenly to all classes (Szegedy et al., CVPR 2016, section 7), in
            [0, 1).

    Raises:
        ValueError: if ``label_smoothing`` is outside [0, 1).
    """

    accepts_soft_labels: ClassVar[bool] = True

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
        bias_C = None if self.bias is None else self.bias.to(embeddings_BD.dtype)
        return F.linear(embeddings_BD, self.weight.to(embeddings_BD.dtype), bias_C)

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean cross-entropy; the labels may be shares of the classes (B, C)."""
        return F.cross_entropy(self.logits(embeddings_BD), labels_B, label_smoothing=self.label_smoothing)
