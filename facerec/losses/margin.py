"""Softmax over cosines with a fixed margin on the own class.

Shapes: B batch, D embedding dimension, C classes, R rows of the batch with its synthetic people.

All losses here share one cross-entropy (``functional.margin_cross_entropy``). Each defines its ``target``, the
value that replaces the cosine of the own class.
"""

import math
import warnings
from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor
from typing_extensions import Self

from facerec.losses.base import ClassifierLoss
from facerec.losses.functional import (
    Computation,
    MarginSoftmax,
    People,
    Sharding,
    Synthesis,
    add_angular_margin,
    add_synthetic,
    combine_margins,
    cosines,
    directions,
    draw_mixture,
    margin_cross_entropy,
    smallest_scale,
    straight_through,
)
from facerec.settings import require_positive, require_within


class CosineClassifier(ClassifierLoss):
    """Base of the losses that classify by the cosine with a class weight.

    Args:
        scale: factor s of the cosines; the radius of the sphere that embeddings are put on.
        margin_warmup: number of optimizer steps in which the target moves, in a straight line, from the cosine without
            margin to its full margin. A large margin from the first step can fold all embeddings onto one direction
            before they tell people apart. The count of steps is saved.
        computation: implementation and precision of the large matrix products.
        synthesis: synthetic people between those of a batch, in training; none by default.
        sharded: split the class weights over the processes of a training, exactly; see the README of losses.

    Raises:
        ValueError: if ``scale`` is not positive or ``margin_warmup`` is negative; for ``sharded`` with ``synthesis``.
    """

    steps: Tensor

    def __init__(
        self,
        scale: float,
        margin_warmup: int = 0,
        computation: Computation = Computation(),
        synthesis: Synthesis | None = None,
        sharded: bool | Sharding = False,
    ) -> None:
        super().__init__(sharded)
        require_positive(self, scale=scale)
        require_within(self, 0, math.inf, margin_warmup=margin_warmup)
        if self.sharding is not None and synthesis is not None:
            raise ValueError(
                f"{type(self).__name__} sharded and synthesis: a synthetic person would mix class weights of different "
                "processes. Leave one of them out"
            )
        self.scale = scale
        self.margin_warmup = margin_warmup
        self.synthesis = synthesis
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.softmax = MarginSoftmax(scale=scale, computation=computation)

    def build(self, embedding_dim: int, num_classes: int) -> Self:
        """Create the class weights, and warn if the scale is too small for the number of people."""
        super().build(embedding_dim, num_classes)
        smallest = smallest_scale(num_classes)
        if self.scale < smallest:
            warnings.warn(
                f"{type(self).__name__} scale={self.scale:g} is too small for {num_classes} people: even a perfect "
                f"embedding stays below probability 0.9, and training stalls. Set scale to at least {smallest:.1f} "
                "(CosFace paper, section 3.3).",
                stacklevel=2,
            )
        return self

    def logits(self, embeddings_BD: Tensor) -> Tensor:
        """Scaled cosines without margin (B, C)."""
        return self.scale * cosines(embeddings_BD, self.weight.to(embeddings_BD.dtype))

    @abstractmethod
    def target(self, cos_B: Tensor) -> Tensor:
        """The value (B,) that replaces the cosine of the own class."""

    def warmed_target(self, cos_B: Tensor) -> Tensor:
        """The target with the present share of its margin (B,)."""
        if not self.margin_warmup:
            return self.target(cos_B)
        return torch.lerp(cos_B, self.target(cos_B), self.margin_share().to(cos_B.dtype))

    def margin_share(self) -> Tensor:
        """Present share of the margin during the warm-up, a scalar on the device of the loss."""
        return (self.steps / self.margin_warmup).clamp(max=1.0)

    def warming(self) -> dict[str, Tensor]:
        """The statistic of a warm-up, if there is one."""
        return {"margin_share": self.margin_share()} if self.margin_warmup else {}

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean cross-entropy with the margin on the own class."""
        people = self.people(embeddings_BD, self.weight, labels_B)
        loss, cos_R = margin_cross_entropy(
            people.unit, people.weight, people.labels, self.warmed_target, people.present(self.of_step(self.softmax))
        )
        self.record(own_cosine=cos_R[: len(labels_B)].mean(), **self.warming())
        return loss

    def people(self, embeddings_BD: Tensor, weight_CD: Tensor, labels_B: Tensor) -> People:
        """Directions and class weights to tell apart, in training with the synthetic people of ``synthesis``."""
        people = People(directions(embeddings_BD), weight_CD, labels_B)
        if self.synthesis is None or not self.training:
            return people
        return add_synthetic(people, draw_mixture(labels_B, self.synthesis))

    def step(self) -> None:
        """Let the margin grow by a step."""
        self.steps += 1


class NormFace(CosineClassifier):
    """Cosines without margin (Wang et al., NormFace, ACM MM 2017, section 3), https://arxiv.org/abs/1704.06369.

    The one loss on cosines that takes soft labels (mixup, cutmix), as it has no margin. With those it computes as
    ``plain``, in float32.

    Args:
        scale: factor s of the cosines.
        computation: implementation and precision of the large matrix products.
        synthesis: synthetic people between those of a batch, in training; none by default.
        sharded: split the class weights over the processes of a training, exactly; see the README of losses.

    Raises:
        ValueError: if ``scale`` is not positive.

    Example:
        Three embeddings on their class weights: every own cosine is 1, every other 0. With s = 4 the loss is
        log(1 + 2 e^-4).

        >>> import torch
        >>> loss = NormFace(scale=4.0).build(embedding_dim=3, num_classes=3)
        >>> loss.weight.data = torch.eye(3)
        >>> print(f"{loss(torch.eye(3), torch.tensor([0, 1, 2])):.4f}")
        0.0360
    """

    def __init__(
        self,
        scale: float = 64.0,
        computation: Computation = Computation(),
        synthesis: Synthesis | None = None,
        sharded: bool | Sharding = False,
    ) -> None:
        super().__init__(scale, computation=computation, synthesis=synthesis, sharded=sharded)

    @property
    def takes_soft_labels(self) -> bool:
        """Shares of the classes (B, C) are labels too, unless it is sharded: they would be a share of each class."""
        return self.sharding is None

    def target(self, cos_B: Tensor) -> Tensor:
        """The cosine itself."""
        return cos_B

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean cross-entropy; the labels may be shares of the classes (B, C)."""
        if not labels_B.is_floating_point():
            return super().compute(embeddings_BD, labels_B)
        logits_BC = self.logits(embeddings_BD)
        self.record(own_cosine=(labels_B * logits_BC).sum(1).mean() / self.scale)
        return F.cross_entropy(logits_BC, labels_B)


class CosFace(CosineClassifier):
    """cos(theta) - m (Wang et al., CVPR 2018, equation 4), https://arxiv.org/abs/1801.09414; also called AM-Softmax.

    Args:
        scale: factor s of the cosines.
        cosine_margin: margin m, subtracted from the cosine.
        margin_warmup: number of optimizer steps in which the margin grows from 0 to m; 0 starts with all of it.
        computation: implementation and precision of the large matrix products.
        synthesis: synthetic people between those of a batch, in training; none by default.
        sharded: split the class weights over the processes of a training, exactly; see the README of losses.

    Raises:
        ValueError: if ``scale`` is not positive, ``cosine_margin`` lies outside [0, 2] or ``margin_warmup`` is
            negative.

    Example:
        Three embeddings on their class weights: every own cosine is 1, every other 0. With s = 4 and m = 0.35 the loss
        is log(1 + 2 exp(-4 (1 - 0.35))).

        >>> import torch
        >>> loss = CosFace(scale=4.0, cosine_margin=0.35).build(embedding_dim=3, num_classes=3)
        >>> loss.weight.data = torch.eye(3)
        >>> print(f"{loss(torch.eye(3), torch.tensor([0, 1, 2])):.4f}")
        0.1385
    """

    def __init__(
        self,
        scale: float = 64.0,
        cosine_margin: float = 0.35,
        margin_warmup: int = 0,
        computation: Computation = Computation(),
        synthesis: Synthesis | None = None,
        sharded: bool | Sharding = False,
    ) -> None:
        super().__init__(scale, margin_warmup, computation, synthesis, sharded)
        require_within(self, 0.0, 2.0, cosine_margin=cosine_margin)
        self.cosine_margin = cosine_margin

    def target(self, cos_B: Tensor) -> Tensor:
        """cos(theta) - m."""
        return cos_B - self.cosine_margin


class ArcFace(CosineClassifier):
    """cos(theta + m) (Deng et al., CVPR 2019, equation 3), https://arxiv.org/abs/1801.07698.

    Past theta + m = pi the target is cos(theta) - m sin(m), which goes on falling.

    Args:
        scale: factor s of the cosines.
        angular_margin: margin m in radians.
        easy_margin: put the margin only on embeddings within 90 degrees of their class.
        straight_through_gradient: give the target the gradient of the cosine without margin, as insightface's code
            does. It is not the gradient of this loss; some find it steadier for transformers.
        margin_warmup: number of optimizer steps in which the target moves from cos(theta) to its full margin; 0 starts
            with all of it.
        computation: implementation and precision of the large matrix products.
        synthesis: synthetic people between those of a batch, in training; none by default.
        sharded: split the class weights over the processes of a training, exactly; see the README of losses.

    Raises:
        ValueError: if ``scale`` is not positive, ``angular_margin`` lies outside [0, pi] or ``margin_warmup`` is
            negative.

    Example:
        Three embeddings on their class weights: every own angle is 0, every other 90 degrees. With s = 4 and m = 0.5
        the loss is log(1 + 2 exp(-4 cos(0.5))).

        >>> import torch
        >>> loss = ArcFace(scale=4.0, angular_margin=0.5).build(embedding_dim=3, num_classes=3)
        >>> loss.weight.data = torch.eye(3)
        >>> print(f"{loss(torch.eye(3), torch.tensor([0, 1, 2])):.4f}")
        0.0581
        >>> loss.logits(torch.eye(3)[:1]).tolist()
        [[4.0, 0.0, 0.0]]
    """

    def __init__(
        self,
        scale: float = 64.0,
        angular_margin: float = 0.5,
        easy_margin: bool = False,
        straight_through_gradient: bool = False,
        margin_warmup: int = 0,
        computation: Computation = Computation(),
        synthesis: Synthesis | None = None,
        sharded: bool | Sharding = False,
    ) -> None:
        super().__init__(scale, margin_warmup, computation, synthesis, sharded)
        require_within(self, 0.0, math.pi, angular_margin=angular_margin)
        self.angular_margin = angular_margin
        self.easy_margin = easy_margin
        self.straight_through_gradient = straight_through_gradient

    def target(self, cos_B: Tensor) -> Tensor:
        """cos(theta + m), changed by ``easy_margin`` and ``straight_through_gradient``."""
        target_B = add_angular_margin(cos_B, self.angular_margin, self.easy_margin)
        return straight_through(cos_B, target_B) if self.straight_through_gradient else target_B


class CombinedMargin(CosineClassifier):
    """cos(m1 theta + m2) - m3 (Deng et al., ArcFace, CVPR 2019, equation 4), decreasing for every m1, m2, m3.

    (1, 0, 0) is NormFace, (1, m, 0) ArcFace, (1, 0, m) CosFace and (m, 0, 0) SphereFace's psi on unit embeddings.

    Args:
        scale: factor s of the cosines.
        angle_factor: factor m1 of the angle.
        angular_margin: margin m2 in radians.
        cosine_margin: margin m3, subtracted from the cosine.
        margin_warmup: number of optimizer steps in which the target moves from cos(theta) to its full margin; 0 starts
            with all of it.
        computation: implementation and precision of the large matrix products.
        synthesis: synthetic people between those of a batch, in training; none by default.
        sharded: split the class weights over the processes of a training, exactly; see the README of losses.

    Raises:
        ValueError: if a setting is outside its range.

    Example:
        Three embeddings on their class weights: every own angle is 0, every other 90 degrees. With s = 4 the loss is
        log(1 + 2 exp(-4 (cos(0.3) - 0.2))).

        >>> import torch
        >>> loss = CombinedMargin(scale=4.0, angular_margin=0.3, cosine_margin=0.2).build(3, num_classes=3)
        >>> loss.weight.data = torch.eye(3)
        >>> print(f"{loss(torch.eye(3), torch.tensor([0, 1, 2])):.4f}")
        0.0930
    """

    def __init__(
        self,
        scale: float = 64.0,
        angle_factor: float = 1.0,
        angular_margin: float = 0.3,
        cosine_margin: float = 0.2,
        margin_warmup: int = 0,
        computation: Computation = Computation(),
        synthesis: Synthesis | None = None,
        sharded: bool | Sharding = False,
    ) -> None:
        super().__init__(scale, margin_warmup, computation, synthesis, sharded)
        require_positive(self, angle_factor=angle_factor)
        require_within(self, 0.0, math.pi, angular_margin=angular_margin)
        require_within(self, 0.0, 2.0, cosine_margin=cosine_margin)
        self.angle_factor = angle_factor
        self.angular_margin = angular_margin
        self.cosine_margin = cosine_margin

    def target(self, cos_B: Tensor) -> Tensor:
        """cos(m1 theta + m2) - m3."""
        return combine_margins(cos_B, self.angle_factor, self.angular_margin, self.cosine_margin)
