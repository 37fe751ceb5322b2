"""Plain softmax, the baseline of every margin loss.

Shapes: B batch, D embedding dimension, C classes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import Self

from facerec.losses.base import ClassifierLoss
from facerec.settings import require_within


class Softmax(ClassifierLoss):
    """Cross-entropy over a linear layer. It takes soft labels (mixup, cutmix).

    Args:
        bias: add a bias to each class. It is off because cosine scores cannot use it.
        label_smoothing: share of the target spread evenly over all classes (Szegedy et al., CVPR 2016, section 7), in
            [0, 1).

    Raises:
        ValueError: if ``label_smoothing`` is outside [0, 1).

    Example:
        Three embeddings on their class weights: every own logit is 1, every other 0. The loss is log(1 + 2 e^-1).

        >>> import torch
        >>> loss = Softmax().build(embedding_dim=3, num_classes=3)
        >>> loss.weight.data = torch.eye(3)
        >>> print(f"{loss(torch.eye(3), torch.tensor([0, 1, 2])):.4f}")
        0.5514

        Soft labels, here half of classes 0 and 1 each for one image: log(e + 2) - 0.5.

        >>> print(f"{loss(torch.eye(3)[:1], torch.tensor([[0.5, 0.5, 0.0]])):.4f}")
        1.0514
    """

    def __init__(self, bias: bool = False, label_smoothing: float = 0.0) -> None:
        super().__init__()
        require_within(self, 0.0, 1.0, high_excluded=True, label_smoothing=label_smoothing)
        self.label_smoothing = label_smoothing
        self.has_bias = bias
        self.bias: nn.Parameter | None = None

    @property
    def takes_soft_labels(self) -> bool:
        """True: shares of the classes (B, C) are labels too."""
        return True

    def build(self, embedding_dim: int, num_classes: int) -> Self:
        """Create the weights (C, D) and, with ``bias``, the biases (C,)."""
        super().build(embedding_dim, num_classes)
        if self.has_bias:
            self.bias = nn.Parameter(torch.zeros(num_classes))
        return self

    def logits(self, embeddings_BD: Tensor) -> Tensor:
        """Inner products with the class weights (B, C)."""
        bias_C = None if self.bias is None else self.bias.to(embeddings_BD.dtype)
        return F.linear(embeddings_BD, self.weight.to(embeddings_BD.dtype), bias_C)

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean cross-entropy; the labels may be shares of the classes (B, C)."""
        return F.cross_entropy(self.logits(embeddings_BD), labels_B, label_smoothing=self.label_smoothing)
