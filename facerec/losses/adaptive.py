"""Softmax over cosines whose margin or weights follow the data: sub-centers, image quality, a curriculum.

Shapes: B batch, D embedding dimension, C classes, K sub-centers, N images of a block.
"""

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from facerec.losses.base import check_positive, check_range
from facerec.losses.functional import (
    Implementation,
    MatmulPrecision,
    adapt_margin,
    cosines,
    directions,
    margin_cross_entropy,
    sines,
)
from facerec.losses.margin import ArcFace, CosineClassifier


class SubCenterArcFace(ArcFace):
    """ArcFace with K weights a person, of which the nearest counts (Deng et al., ECCV 2020, section 3).

    Wrongly labelled images gather at a sub-center of their own instead of pulling the class. ``weight`` is
    (C * K, D), the sub-centers of a person in a row.

    Args:
        scale: s.
        angular_margin: m in radians.
        subcenters: K.
        easy_margin: see ``ArcFace``.
        implementation: see ``CosineClassifier``.
        matmul_precision: see ``CosineClassifier``.
        margin_warmup: see ``CosineClassifier``.

    Raises:
        ValueError: if a setting is outside its range.
    """

    def __init__(
        self,
        scale: float = 64.0,
        angular_margin: float = 0.5,
        subcenters: int = 3,
        easy_margin: bool = False,
        implementation: Implementation = "auto",
        matmul_precision: MatmulPrecision = "float32",
        margin_warmup: int = 0,
    ) -> None:
        super().__init__(scale, angular_margin, easy_margin, False, implementation, matmul_precision, margin_warmup)
        check_range(self, 1, math.inf, subcenters=subcenters)
        self.head = replace(self.head, subcenters=subcenters)

    def build(self, embedding_dim: int, num_classes: int) -> None:
        """Create the weights (C * K, D)."""
        super().build(embedding_dim, num_classes)
        size = (num_classes * self.head.subcenters, embedding_dim)
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(size), std=embedding_dim**-0.5))

    def logits(self, embeddings_BD: Tensor) -> Tensor:
        """Scaled cosines with the nearest sub-center, without margin (B, C)."""
        cos_BN = cosines(embeddings_BD, self.weight.to(embeddings_BD.dtype))
        cos_BCK = cos_BN.view(len(cos_BN), -1, self.head.subcenters)
        return self.scale * cos_BCK.amax(2)


class AdaFace(CosineClassifier):
    """A margin that follows the image quality, read from the embedding's length (Kim et al., CVPR 2022, section 3).

    https://arxiv.org/abs/2204.00964. Good images get an additive, poor ones an angular margin. The length is
    normalised by its running mean and deviation, which are saved; a batch of one image leaves the deviation alone.

    Args:
        scale: s.
        adaptive_margin: m, in radians where it is angular and in cosine where it is additive.
        concentration: h, the share of the deviation that spans the margin's range.
        momentum: of the running mean and deviation.
        implementation: see ``CosineClassifier``.
        matmul_precision: see ``CosineClassifier``.

    Raises:
        ValueError: if a setting is outside its range.
    """

    length_mean: Tensor
    length_std: Tensor

    def __init__(
        self,
        scale: float = 64.0,
        adaptive_margin: float = 0.4,
        concentration: float = 0.333,
        momentum: float = 0.01,
        implementation: Implementation = "auto",
        matmul_precision: MatmulPrecision = "float32",
    ) -> None:
        super().__init__(scale, implementation, matmul_precision)
        check_range(self, 0.0, math.pi / 2, adaptive_margin=adaptive_margin)
        check_positive(self, concentration=concentration)
        check_range(self, 0.0, 1.0, momentum=momentum)
        self.adaptive_margin = adaptive_margin
        self.concentration = concentration
        self.momentum = momentum
        self.register_buffer("length_mean", torch.tensor(20.0))
        self.register_buffer("length_std", torch.tensor(100.0))

    def target(self, cos_B: Tensor) -> Tensor:
        """The target of an image of average quality."""
        return adapt_margin(cos_B, torch.zeros_like(cos_B), self.adaptive_margin)

    def quality(self, embeddings_BD: Tensor) -> Tensor:
        """Normalised length in [-1, 1] (B,), without gradient; in training the running statistics move first."""
        with torch.no_grad():
            length_B = torch.linalg.vector_norm(embeddings_BD, dim=1).clamp(1e-3, 100.0)
            if self.training:
                self.length_mean.lerp_(length_B.mean().to(self.length_mean.dtype), self.momentum)
                if len(length_B) > 1:
                    self.length_std.lerp_(length_B.std().to(self.length_std.dtype), self.momentum)
            spread_B = (length_B - self.length_mean) / (self.length_std + 1e-3)
            quality_B: Tensor = (self.concentration * spread_B).clamp(-1.0, 1.0)
            return quality_B

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean cross-entropy with each image's own margin."""
        quality_B = self.quality(embeddings_BD)
        loss, cos_B = margin_cross_entropy(
            directions(embeddings_BD),
            self.weight,
            labels_B,
            lambda cos_B: adapt_margin(cos_B, quality_B, self.adaptive_margin),
            self.head,
        )
        self.record(own_cosine=cos_B.mean(), quality=quality_B.mean(), length_mean=self.length_mean)
        return loss


class CurricularFace(ArcFace):
    """ArcFace that weighs hard other classes more as training goes on (Huang et al., CVPR 2020, section 3.2).

    https://arxiv.org/abs/2004.00288. Where cos(theta_j) > cos(theta_y + m), class j counts as
    cos(theta_j) (t + cos(theta_j)); t is the running mean of the own cosines, starts at 0, and is saved.

    Args:
        scale: s.
        angular_margin: m in radians.
        momentum: of t.
        implementation: see ``CosineClassifier``.
        matmul_precision: see ``CosineClassifier``.

    Raises:
        ValueError: if a setting is outside its range.
    """

    difficulty: Tensor

    def __init__(
        self,
        scale: float = 64.0,
        angular_margin: float = 0.5,
        momentum: float = 0.01,
        implementation: Implementation = "auto",
        matmul_precision: MatmulPrecision = "float32",
    ) -> None:
        super().__init__(scale, angular_margin, False, False, implementation, matmul_precision)
        check_range(self, 0.0, 1.0, momentum=momentum)
        self.momentum = momentum
        self.register_buffer("difficulty", torch.zeros(()))

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean cross-entropy with the margin on the own class and the curriculum on the others."""
        unit_BD = directions(embeddings_BD)
        threshold_B1 = self._threshold(unit_BD, labels_B)[:, None]
        difficulty = self.difficulty.to(unit_BD.dtype)

        def reweigh(cos_NC: Tensor, images: slice) -> tuple[Tensor, Tensor]:
            is_hard_NC = cos_NC > threshold_B1[images]
            value_NC = torch.where(is_hard_NC, cos_NC * (difficulty + cos_NC), cos_NC)
            return value_NC, torch.where(is_hard_NC, difficulty + 2.0 * cos_NC, 1.0)

        head = replace(self.head, bound=2.0, reweigh=reweigh)
        loss, cos_B = margin_cross_entropy(unit_BD, self.weight, labels_B, self.target, head)
        self.record(own_cosine=cos_B.mean(), difficulty=self.difficulty)
        return loss

    @torch.no_grad()
    def _threshold(self, unit_BD: Tensor, labels_B: Tensor) -> Tensor:
        """cos(theta_y + m) (B,), without ArcFace's fallback as in the authors' code; in training t moves first."""
        cos_B = (unit_BD * directions(self.weight[labels_B].to(unit_BD.dtype))).sum(1)
        if self.training:
            self.difficulty.lerp_(cos_B.mean().to(self.difficulty.dtype), self.momentum)
        return cos_B * math.cos(self.angular_margin) - sines(cos_B) * math.sin(self.angular_margin)
