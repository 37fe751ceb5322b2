"""Softmax over cosines whose margin or weights follow the data: sub-centers, image quality, a curriculum.

Shapes: B batch, D embedding dimension, C classes, K sub-centers, N images of a block, R rows of the
batch with its synthetic people.
"""

import math
from dataclasses import replace

import torch
from torch import Tensor, nn
from typing_extensions import Self

from facerec.losses.functional import (
    Computation,
    People,
    Sharding,
    Synthesis,
    adapt_margin,
    cosines,
    directions,
    margin_cross_entropy,
    own_cosines,
    sines,
)
from facerec.losses.margin import ArcFace, CosineClassifier
from facerec.settings import require_positive, require_within


class SubCenterArcFace(ArcFace):
    """ArcFace with K weights for each person, of which the nearest counts (Deng et al., ECCV 2020, section 3).

    Wrongly labelled images gather at a sub-center of their own instead of pulling the class. ``weight`` is (C * K, D),
    with the sub-centers of a person in a row.

    Args:
        scale: factor s of the cosines.
        angular_margin: margin m in radians.
        subcenters: number K of weights for each person.
        easy_margin: put the margin only on embeddings within 90 degrees of their class.
        margin_warmup: number of optimizer steps in which the target moves from cos(theta) to its full margin; 0 starts
            with all of it.
        computation: implementation and precision of the large matrix products.
        sharded: split the class weights over the processes of a training, exactly; see the README of losses.

    Raises:
        ValueError: if a setting is outside its range.

    Example:
        Person 0 has sub-centers at 0 and 90 degrees, person 1 at 180 and 270. Both images of person 0 lie on one of
        them: cosine 1, and 0 with the nearest of person 1. With s = 4 the loss is log(1 + exp(-4 cos(0.5))).

        >>> import torch
        >>> loss = SubCenterArcFace(scale=4.0, angular_margin=0.5, subcenters=2).build(embedding_dim=2, num_classes=2)
        >>> loss.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
        >>> print(f"{loss(torch.eye(2), torch.tensor([0, 0])):.3f}")
        0.029
    """

    def __init__(
        self,
        scale: float = 64.0,
        angular_margin: float = 0.5,
        subcenters: int = 3,
        easy_margin: bool = False,
        margin_warmup: int = 0,
        computation: Computation = Computation(),
        sharded: bool | Sharding = False,
    ) -> None:
        super().__init__(
            scale, angular_margin, easy_margin, margin_warmup=margin_warmup, computation=computation, sharded=sharded
        )
        require_within(self, 1, math.inf, subcenters=subcenters)
        self.softmax = replace(self.softmax, subcenters=subcenters)

    def build(self, embedding_dim: int, num_classes: int) -> Self:
        """Create the weights (C * K, D)."""
        super().build(embedding_dim, num_classes)
        size = (num_classes * self.softmax.subcenters, embedding_dim)
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(size), std=embedding_dim**-0.5))
        return self

    def logits(self, embeddings_BD: Tensor) -> Tensor:
        """Scaled cosines with the nearest sub-center, without margin (B, C)."""
        cos_BN = cosines(embeddings_BD, self.weight.to(embeddings_BD.dtype))
        cos_BCK = cos_BN.view(len(cos_BN), -1, self.softmax.subcenters)
        return self.scale * cos_BCK.amax(2)

    def class_directions(self) -> Tensor:
        """Mean direction of the sub-centers of each person (C, D), detached."""
        unit_ND = directions(self.whole_weight())
        return directions(unit_ND.view(self.num_classes, -1, unit_ND.shape[1]).mean(1))


class AdaFace(CosineClassifier):
    """A margin that follows the image quality, read from the embedding's length (Kim et al., CVPR 2022, section 3).

    https://arxiv.org/abs/2204.00964. Good images get an additive margin, poor ones an angular one. The length is
    normalised by its running mean and standard deviation, which are saved. A batch of one image does not move the
    deviation.

    Args:
        scale: factor s of the cosines.
        adaptive_margin: margin m, in radians if it is angular and in cosine if it is additive.
        concentration: factor h of the normalised length before it is clamped to [-1, 1].
        momentum: weight of a new batch in the running mean and deviation.
        computation: implementation and precision of the large matrix products.
        synthesis: synthetic people between those of a batch, in training; none by default.
        sharded: split the class weights over the processes of a training, exactly; see the README of losses.

    Raises:
        ValueError: if a setting is outside its range.

    Example:
        Three embeddings of mean length on their class weights: the quality is 0, so the target is cos(0) - 0.4. With
        s = 4 the loss is log(1 + 2 exp(-4 (1 - 0.4))).

        >>> import torch
        >>> loss = AdaFace(scale=4.0, adaptive_margin=0.4).build(embedding_dim=3, num_classes=3).eval()
        >>> loss.weight.data = torch.eye(3)
        >>> print(f"{loss(20.0 * torch.eye(3), torch.tensor([0, 1, 2])):.4f}")
        0.1667
    """

    length_mean: Tensor
    length_std: Tensor

    def __init__(
        self,
        scale: float = 64.0,
        adaptive_margin: float = 0.4,
        concentration: float = 0.333,
        momentum: float = 0.01,
        computation: Computation = Computation(),
        synthesis: Synthesis | None = None,
        sharded: bool | Sharding = False,
    ) -> None:
        super().__init__(scale, computation=computation, synthesis=synthesis, sharded=sharded)
        require_within(self, 0.0, math.pi / 2, adaptive_margin=adaptive_margin)
        require_positive(self, concentration=concentration)
        require_within(self, 0.0, 1.0, momentum=momentum)
        self.adaptive_margin = adaptive_margin
        self.concentration = concentration
        self.momentum = momentum
        self.register_buffer("length_mean", torch.tensor(20.0))
        self.register_buffer("length_std", torch.tensor(100.0))

    def target(self, cos_B: Tensor) -> Tensor:
        """The target of an image of mean quality."""
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
        people = self.people(embeddings_BD, self.weight, labels_B)
        quality_R = people.extend(quality_B)
        loss, cos_R = margin_cross_entropy(
            people.unit,
            people.weight,
            people.labels,
            lambda cos_R: adapt_margin(cos_R, quality_R, self.adaptive_margin),
            people.present(self.of_step(self.softmax)),
        )
        self.record(own_cosine=cos_R[: len(labels_B)].mean(), quality=quality_B.mean(), length_mean=self.length_mean)
        return loss


class CurricularFace(ArcFace):
    """ArcFace that weighs hard other classes more as training goes on (Huang et al., CVPR 2020, section 3.2).

    https://arxiv.org/abs/2004.00288. A class j is hard if cos(theta_j) > cos(theta_y + m). It then counts as
    cos(theta_j) (t + cos(theta_j)). t is the running mean of the own cosines; it starts at 0 and is saved.

    Args:
        scale: factor s of the cosines.
        angular_margin: margin m in radians.
        momentum: weight of a new batch in t.
        computation: implementation and precision of the large matrix products.
        synthesis: synthetic people between those of a batch, in training; none by default.
        sharded: split the class weights over the processes of a training, exactly; see the README of losses.

    Raises:
        ValueError: if a setting is outside its range.

    Example:
        One image at 60 degrees from its class weight and at 30 degrees from the other one. cos(60 degrees + 0.5) is
        0.0236, so the other class is hard: it counts as 0.8660 (t + 0.8660) = 0.75 for t = 0. With s = 4 the loss is
        log(1 + exp(4 (0.75 - 0.0236))).

        >>> import torch
        >>> loss = CurricularFace(scale=4.0, angular_margin=0.5).build(embedding_dim=2, num_classes=2).eval()
        >>> loss.weight.data = torch.eye(2)
        >>> print(f"{loss(torch.tensor([[0.5, 0.75**0.5]]), torch.tensor([0])):.4f}")
        2.9589
    """

    difficulty: Tensor

    def __init__(
        self,
        scale: float = 64.0,
        angular_margin: float = 0.5,
        momentum: float = 0.01,
        computation: Computation = Computation(),
        synthesis: Synthesis | None = None,
        sharded: bool | Sharding = False,
    ) -> None:
        super().__init__(scale, angular_margin, computation=computation, synthesis=synthesis, sharded=sharded)
        require_within(self, 0.0, 1.0, momentum=momentum)
        self.momentum = momentum
        self.register_buffer("difficulty", torch.zeros(()))

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean cross-entropy with the margin on the own class and the curriculum on the others."""
        people = self.people(embeddings_BD, self.weight, labels_B)
        threshold_R1 = self._threshold(people, images=len(labels_B))[:, None]
        difficulty = self.difficulty.to(people.unit.dtype)

        def reweigh(cos_NC: Tensor, images: slice) -> tuple[Tensor, Tensor]:
            is_hard_NC = cos_NC > threshold_R1[images]
            value_NC = torch.where(is_hard_NC, cos_NC * (difficulty + cos_NC), cos_NC)
            return value_NC, torch.where(is_hard_NC, difficulty + 2.0 * cos_NC, 1.0)

        softmax = people.present(replace(self.of_step(self.softmax), bound=2.0, reweigh=reweigh))
        loss, cos_R = margin_cross_entropy(people.unit, people.weight, people.labels, self.target, softmax)
        self.record(own_cosine=cos_R[: len(labels_B)].mean(), difficulty=self.difficulty)
        return loss

    @torch.no_grad()
    def _threshold(self, people: People, images: int) -> Tensor:
        """cos(theta_y + m) (R,), without ArcFace's fallback, as in the authors' code.

        In training t moves first, by the real images alone.
        """
        cos_R = own_cosines(people.unit, people.weight, people.labels, self.shard)
        if self.training:
            self.difficulty.lerp_(cos_R[:images].mean().to(self.difficulty.dtype), self.momentum)
        return cos_R * math.cos(self.angular_margin) - sines(cos_R) * math.sin(self.angular_margin)
