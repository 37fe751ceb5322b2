"""Unified cross-entropy: one learnt threshold for all pairs of an image and a class.

Shapes: B batch, D embedding dimension, C classes, K classes of a step, R rows of the batch with its
synthetic people.
"""

import math

import torch
from torch import Tensor, nn
from typing_extensions import Self

from facerec.losses.base import ClassifierLoss
from facerec.losses.functional import (
    Computation,
    MatmulPrecision,
    Sharding,
    Synthesis,
    sample_classes,
    unified_cross_entropy,
)
from facerec.losses.margin import CosineClassifier
from facerec.settings import require_within


class UCE(CosineClassifier):
    """Unified cross-entropy: one learnt threshold for all pairs of an image and a class (Zhou et al., ICCV 2023).

    softplus(b - s (cos(theta_y) - m)) + lambda sum_{j != y} softplus(s cos(theta_j) - b), L_uce-m of "UniFace: Unified
    Cross-Entropy Loss for Deep Face Recognition". A softmax compares the classes of one image with each other. This
    loss compares all pairs with the same threshold b / s, as verification does.

    b starts at log(10 r C), as in the authors' code. That code also clamps the logits to [-s, s]; this class does not.

    Args:
        scale: factor s of the cosines.
        cosine_margin: margin m, subtracted from the cosine of the own class.
        negative_weight: weight lambda of the other classes (L_uce-mb-lambda).
        negative_share: share r of all classes, in (0, 1], that a training step takes, drawn anew for each step
            (L_uce-mb-r). The classes of its batch are always among them.
        margin_warmup: number of optimizer steps in which the margin grows from 0 to m; 0 starts with all of it.
        matmul_precision: rounding of the factors in the large matrix products: "float32" or "bfloat16".
        synthesis: synthetic people between those of a batch, in training; none by default.
        sharded: split the class weights over the processes of a training, exactly; see the README of losses. With a
            ``negative_share`` each process draws from its own classes.

    Raises:
        ValueError: if a setting is outside its range.

    Example:
        One embedding on its class weight: own cosine 1, other cosine 0. b starts at log(10 * 2) = 2.9957. With s = 4
        and m = 0.4 the loss is log(1 + exp(2.9957 - 4 (1 - 0.4))) + log(1 + exp(0 - 2.9957)).

        >>> import torch
        >>> loss = UCE(scale=4.0, cosine_margin=0.4).build(embedding_dim=2, num_classes=2)
        >>> loss.weight.data = torch.eye(2)
        >>> print(f"{loss(torch.eye(2)[:1], torch.tensor([0])):.4f}")
        1.0835
        >>> print(f"{loss.statistics()['threshold']:.4f}")
        0.7489
    """

    bias: nn.Parameter

    def __init__(
        self,
        scale: float = 64.0,
        cosine_margin: float = 0.4,
        negative_weight: float = 1.0,
        negative_share: float = 1.0,
        margin_warmup: int = 0,
        matmul_precision: MatmulPrecision = "float32",
        synthesis: Synthesis | None = None,
        sharded: bool | Sharding = False,
    ) -> None:
        super().__init__(scale, margin_warmup, Computation("plain", matmul_precision), synthesis, sharded)
        require_within(self, 0.0, 2.0, cosine_margin=cosine_margin)
        require_within(self, 0.0, math.inf, negative_weight=negative_weight)
        require_within(self, 0.0, 1.0, low_excluded=True, negative_share=negative_share)
        if self.sharding is not None and self.sharding.sample_rate < 1.0:
            raise ValueError(
                f"UCE sharded.sample_rate={self.sharding.sample_rate}: UCE samples in its own way. Set negative_share"
            )
        self.cosine_margin = cosine_margin
        self.negative_weight = negative_weight
        self.negative_share = negative_share

    def build(self, embedding_dim: int, num_classes: int) -> Self:
        """Create the class weights (C, D) and b, a scalar."""
        ClassifierLoss.build(self, embedding_dim, num_classes)  # the smallest scale of a softmax is not that of UCE
        self.bias = nn.Parameter(torch.tensor(math.log(10.0 * self.negative_share * num_classes)))
        return self

    def target(self, cos_B: Tensor) -> Tensor:
        """cos(theta) - m."""
        return cos_B - self.cosine_margin

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean over the images of the sum over the classes."""
        weight_KD: Tensor = self.weight
        places_B = labels_B if self.shard is None else self.shard.places(labels_B)
        if self.training and self.negative_share < 1.0:
            classes_K, places_B = sample_classes(places_B, len(weight_KD), self.negative_share)
            weight_KD = weight_KD.index_select(0, classes_K)
        people = self.people(embeddings_BD, weight_KD, places_B)
        bias = self.bias.to(people.unit.dtype)
        loss, cos_R = unified_cross_entropy(
            people.unit,
            people.weight,
            people.labels,
            self.warmed_target,
            bias,
            self.negative_weight,
            people.present(self.of_step(self.softmax)),
        )
        self.record(own_cosine=cos_R[: len(labels_B)].mean(), threshold=bias / self.scale, **self.warming())
        return loss
