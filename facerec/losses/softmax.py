"""Softmax over a linear layer or a small network: the baseline of every margin loss.

Shapes: B batch, D embedding dimension, H hidden dimension, C classes.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import Self

from facerec.losses.base import ClassifierLoss
from facerec.losses.functional import Shard, Sharding, sharded_softmax
from facerec.losses.functional.collectives import from_first_process
from facerec.settings import require_within


class Softmax(ClassifierLoss):
    """Cross-entropy over a linear layer or a small network. It takes soft labels (mixup, cutmix).

    With ``hidden_dim`` the classifier has two layers with a ReLU between them, a multi-layer perceptron (MLP).
    ``weight`` is then (C, H). Pairs are still scored by their embeddings, which come before the hidden layer.

    Args:
        bias: add a bias to each class. It is off because cosine scores cannot use it.
        label_smoothing: share of the target spread evenly over all classes (Szegedy et al., CVPR 2016, section 7), in
            [0, 1).
        hidden_dim: number of units H of a hidden layer before the class weights; 0 for none.
        dropout: share of the inputs of the last layer set to zero in training, in [0, 1): of the embedding, or of the
            hidden units (Srivastava et al., JMLR 2014).
        sharded: split the class weights over the processes of a training, exactly; see the README of losses.

    Raises:
        ValueError: if ``label_smoothing`` or ``dropout`` is outside [0, 1), or ``hidden_dim`` is negative; for
            ``label_smoothing`` with a sample of the classes.

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

        A hidden layer of 8 units, of which training drops a fifth.

        >>> loss = Softmax(hidden_dim=8, dropout=0.2).build(embedding_dim=3, num_classes=5)
        >>> loss.weight.shape, loss.logits(torch.eye(3)).shape
        (torch.Size([5, 8]), torch.Size([3, 5]))
    """

    def __init__(
        self,
        bias: bool = False,
        label_smoothing: float = 0.0,
        hidden_dim: int = 0,
        dropout: float = 0.0,
        sharded: bool | Sharding = False,
    ) -> None:
        super().__init__(sharded)
        require_within(self, 0.0, 1.0, high_excluded=True, label_smoothing=label_smoothing, dropout=dropout)
        require_within(self, 0, math.inf, hidden_dim=hidden_dim)
        if label_smoothing and self.sharding is not None and self.sharding.sample_rate < 1.0:
            raise ValueError(
                f"Softmax label_smoothing={label_smoothing}: it is spread over all classes, and "
                f"sharded.sample_rate={self.sharding.sample_rate} leaves some out. Leave one of them out"
            )
        self.label_smoothing = label_smoothing
        self.has_bias = bias
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.hidden: nn.Linear | None = None
        self.bias: nn.Parameter | None = None

    @property
    def takes_soft_labels(self) -> bool:
        """Shares of the classes (B, C) are labels too, unless it is sharded: they would be a share of each class."""
        return self.sharding is None

    @property
    def split_parameters(self) -> tuple[str, ...]:
        """The class weights, and the biases if there are any."""
        return ("weight", "bias") if self.has_bias else ("weight",)

    def build(self, embedding_dim: int, num_classes: int) -> Self:
        """Create the weights (C, D) or (C, H), the hidden layer if there is one, and with ``bias`` the biases (C,)."""
        super().build(embedding_dim, num_classes)
        if self.hidden_dim:
            self.hidden = nn.Linear(embedding_dim, self.hidden_dim)
            nn.init.kaiming_normal_(self.hidden.weight, nonlinearity="relu")
            nn.init.zeros_(self.hidden.bias)
            super().build(self.hidden_dim, num_classes)
        if self.has_bias:
            self.bias = nn.Parameter(torch.zeros(num_classes))
        return self

    def logits(self, embeddings_BD: Tensor) -> Tensor:
        """Inner products with the class weights (B, C), without dropout."""
        return self._scores(self._features(embeddings_BD))

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean cross-entropy; the labels may be shares of the classes (B, C)."""
        shard = self.shard_of_step()
        if shard is not None:
            return self._sharded(self._features(embeddings_BD), labels_B, shard)
        features_BH = F.dropout(self._features(embeddings_BD), self.dropout, self.training)
        return F.cross_entropy(self._scores(features_BH), labels_B, label_smoothing=self.label_smoothing)

    def _sharded(self, features_BH: Tensor, labels_B: Tensor, shard: Shard) -> Tensor:
        """The same over the classes of all processes, which drop the same units."""
        if self.dropout and self.training:
            kept_BH = F.dropout(torch.ones_like(features_BH), self.dropout)
            features_BH = features_BH * from_first_process(kept_BH, shard.world)
        dtype = features_BH.dtype
        bias_C = None if self.bias is None else self.bias.to(dtype)
        weight_CH = self.weight.to(dtype)
        loss: Tensor = sharded_softmax(features_BH, weight_CH, bias_C, labels_B, self.label_smoothing, shard)
        return loss

    def _features(self, embeddings_BD: Tensor) -> Tensor:
        """What the class weights see: the hidden units (B, H), or the embeddings (B, D) themselves."""
        if self.hidden is None:
            return embeddings_BD
        dtype = embeddings_BD.dtype
        return F.relu(F.linear(embeddings_BD, self.hidden.weight.to(dtype), self.hidden.bias.to(dtype)))

    def _scores(self, features_BH: Tensor) -> Tensor:
        """Logits (B, C) of the last layer."""
        bias_C = None if self.bias is None else self.bias.to(features_BH.dtype)
        return F.linear(features_BH, self.weight.to(features_BH.dtype), bias_C)
