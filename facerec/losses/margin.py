"""Softmax over cosines, with a fixed margin on the own class.

Shapes: B batch, D embedding dimension, C classes. All share one cross-entropy (``functional.head``); a loss of this
family is its ``target``: what takes the place of the cosine of the own class.
"""

import math
from abc import abstractmethod

import torch
from torch import Tensor

from facerec.losses.base import ClassifierLoss, check_positive, check_range, warn_small_scale
from facerec.losses.functional import (
    Head,
    Implementation,
    MatmulPrecision,
    add_angular_margin,
    combine_margins,
    cosines,
    directions,
    inverse_norms,
    margin_cross_entropy,
    multiply_angle,
    straight_through,
)


class CosineClassifier(ClassifierLoss):
    """Base of the losses that classify by the cosine with a class weight.

    Args:
        scale: s, the factor of the cosines; the radius of the sphere the embeddings are put on.
        implementation: "blocked", fast and lean; "plain", autograd on the (B, C) matrix; "auto": blocked on the CPU.
        matmul_precision: of the factors in the matrix products; exponentials and sums are float32 in any case.
        margin_warmup: optimizer steps in which the target moves from the cosine without margin to the one with all of
            it, in a straight line, as SphereFace's annealing does. A large margin from the first step can fold all
            embeddings onto one direction before they tell people apart. Its count of steps is saved.

    Raises:
        ValueError: if ``scale`` is not positive, or ``margin_warmup`` is negative.
    """

    steps: Tensor

    def __init__(
        self,
        scale: float,
        implementation: Implementation = "auto",
        matmul_precision: MatmulPrecision = "float32",
        margin_warmup: int = 0,
    ) -> None:
        super().__init__()
        check_positive(self, scale=scale)
        check_range(self, 0, math.inf, margin_warmup=margin_warmup)
        self.scale = scale
        self.margin_warmup = margin_warmup
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.head = Head(scale=scale, implementation=implementation, matmul_precision=matmul_precision)

    def build(self, embedding_dim: int, num_classes: int) -> None:
        """Create the class weights, and warn if the scale is too small for the number of people."""
        super().build(embedding_dim, num_classes)
        warn_small_scale(self, self.scale, num_classes)

    def logits(self, embeddings_BD: Tensor) -> Tensor:
        """Scaled cosines without margin (B, C)."""
        return self.scale * cosines(embeddings_BD, self.weight.to(embeddings_BD.dtype))

    @abstractmethod
    def target(self, cos_B: Tensor) -> Tensor:
        """What takes the place of the cosine of the own class (B,)."""

    def warmed_target(self, cos_B: Tensor) -> Tensor:
        """The target with the present share of its margin (B,)."""
        if not self.margin_warmup:
            return self.target(cos_B)
        return torch.lerp(cos_B, self.target(cos_B), self.margin_share().to(cos_B.dtype))

    def margin_share(self) -> Tensor:
        """The present share of the margin while it warms up, a scalar on the device of the loss."""
        return (self.steps / self.margin_warmup).clamp(max=1.0)

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean cross-entropy with the margin on the own class."""
        unit_BD = directions(embeddings_BD)
        loss, cos_B = margin_cross_entropy(unit_BD, self.weight, labels_B, self.warmed_target, self.head)
        warming = {"margin_share": self.margin_share()} if self.margin_warmup else {}
        self.record(own_cosine=cos_B.mean(), **warming)
        return loss

    def step(self) -> None:
        """Let the margin grow by a step."""
        self.steps += 1


class NormFace(CosineClassifier):
    """Cosines without margin (Wang et al., NormFace, ACM MM 2017, section 3), https://arxiv.org/abs/1704.06369.

    Args:
        scale: s.
        implementation: see ``CosineClassifier``.
        matmul_precision: see ``CosineClassifier``.

    Raises:
        ValueError: if ``scale`` is not positive.
    """

    def __init__(
        self,
        scale: float = 64.0,
        implementation: Implementation = "auto",
        matmul_precision: MatmulPrecision = "float32",
    ) -> None:
        super().__init__(scale, implementation, matmul_precision)

    def target(self, cos_B: Tensor) -> Tensor:
        """The cosine itself."""
        return cos_B


class CosFace(CosineClassifier):
    """cos(theta) - m (Wang et al., CVPR 2018, equation 4), https://arxiv.org/abs/1801.09414; also AM-Softmax.

    Args:
        scale: s.
        cosine_margin: m.
        implementation: see ``CosineClassifier``.
        matmul_precision: see ``CosineClassifier``.
        margin_warmup: see ``CosineClassifier``.

    Raises:
        ValueError: if ``scale`` is not positive or ``cosine_margin`` lies outside [0, 2].
    """

    def __init__(
        self,
        scale: float = 64.0,
        cosine_margin: float = 0.35,
        implementation: Implementation = "auto",
        matmul_precision: MatmulPrecision = "float32",
        margin_warmup: int = 0,
    ) -> None:
        super().__init__(scale, implementation, matmul_precision, margin_warmup)
        check_range(self, 0.0, 2.0, cosine_margin=cosine_margin)
        self.cosine_margin = cosine_margin

    def target(self, cos_B: Tensor) -> Tensor:
        """cos(theta) - m."""
        return cos_B - self.cosine_margin


class ArcFace(CosineClassifier):
    """cos(theta + m) (Deng et al., CVPR 2019, equation 3), https://arxiv.org/abs/1801.07698.

    Past theta + m = pi the target falls back to cos(theta) - m sin(m).

    Args:
        scale: s.
        angular_margin: m in radians.
        easy_margin: put the margin only on embeddings within 90 degrees of their class.
        straight_through_gradient: give the target the gradient of the cosine without margin, as insightface's code
            does; it is not the gradient of this loss, and some find it steadier for transformers.
        implementation: see ``CosineClassifier``.
        matmul_precision: see ``CosineClassifier``.
        margin_warmup: see ``CosineClassifier``.

    Raises:
        ValueError: if ``scale`` is not positive or ``angular_margin`` lies outside [0, pi].
    """

    def __init__(
        self,
        scale: float = 64.0,
        angular_margin: float = 0.5,
        easy_margin: bool = False,
        straight_through_gradient: bool = False,
        implementation: Implementation = "auto",
        matmul_precision: MatmulPrecision = "float32",
        margin_warmup: int = 0,
    ) -> None:
        super().__init__(scale, implementation, matmul_precision, margin_warmup)
        check_range(self, 0.0, math.pi, angular_margin=angular_margin)
        self.angular_margin = angular_margin
        self.easy_margin = easy_margin
        self.straight_through_gradient = straight_through_gradient

    def target(self, cos_B: Tensor) -> Tensor:
        """cos(theta + m), or what the settings make of it."""
        target_B = add_angular_margin(cos_B, self.angular_margin, self.easy_margin)
        return straight_through(cos_B, target_B) if self.straight_through_gradient else target_B


class CombinedMargin(CosineClassifier):
    """cos(m1 theta + m2) - m3 (Deng et al., ArcFace, CVPR 2019, equation 4), decreasing for every m1, m2, m3.

    (1, 0, 0) is NormFace, (1, m, 0) ArcFace, (1, 0, m) CosFace and (m, 0, 0) SphereFace's psi on unit embeddings.

    Args:
        scale: s.
        angle_factor: m1.
        angular_margin: m2 in radians.
        cosine_margin: m3.
        implementation: see ``CosineClassifier``.
        matmul_precision: see ``CosineClassifier``.
        margin_warmup: see ``CosineClassifier``.

    Raises:
        ValueError: if a setting is outside its range.
    """

    def __init__(
        self,
        scale: float = 64.0,
        angle_factor: float = 1.0,
        angular_margin: float = 0.3,
        cosine_margin: float = 0.2,
        implementation: Implementation = "auto",
        matmul_precision: MatmulPrecision = "float32",
        margin_warmup: int = 0,
    ) -> None:
        super().__init__(scale, implementation, matmul_precision, margin_warmup)
        check_positive(self, angle_factor=angle_factor)
        check_range(self, 0.0, math.pi, angular_margin=angular_margin)
        check_range(self, 0.0, 2.0, cosine_margin=cosine_margin)
        self.angle_factor = angle_factor
        self.angular_margin = angular_margin
        self.cosine_margin = cosine_margin

    def target(self, cos_B: Tensor) -> Tensor:
        """cos(m1 theta + m2) - m3."""
        return combine_margins(cos_B, self.angle_factor, self.angular_margin, self.cosine_margin)


class SphereFace(ClassifierLoss):
    """(lambda cos(theta) + psi(theta)) / (1 + lambda) times |x| (Liu et al., CVPR 2017, equation 7), arXiv:1704.08063.

    psi is cos(m theta) continued so that it falls all the way. lambda = max(end, start / (1 + decay * step)) begins
    near a softmax without margin (appendix G); its count of optimizer steps is saved, so that a resumed run goes on
    where it was. Compare losses only at equal lambda. The scale is the embedding's own length.

    Args:
        angle_factor: m, a whole number from 1 to 4.
        lambda_start: lambda at the first optimizer step.
        lambda_end: its smallest value.
        lambda_decay: how fast it falls; 0.1 reaches 5 after 2,990 optimizer steps.
        implementation: see ``CosineClassifier``.
        matmul_precision: see ``CosineClassifier``.

    Raises:
        ValueError: for an ``angle_factor`` outside 1 to 4, or a negative lambda setting.
    """

    steps: Tensor

    def __init__(
        self,
        angle_factor: int = 4,
        lambda_start: float = 1500.0,
        lambda_end: float = 5.0,
        lambda_decay: float = 0.1,
        implementation: Implementation = "auto",
        matmul_precision: MatmulPrecision = "float32",
    ) -> None:
        super().__init__()
        if angle_factor not in (1, 2, 3, 4):
            raise ValueError(f"SphereFace angle_factor={angle_factor}: choose 1, 2, 3 or 4 (CombinedMargin takes any)")
        check_range(self, 0.0, math.inf, lambda_start=lambda_start, lambda_end=lambda_end, lambda_decay=lambda_decay)
        self.angle_factor = angle_factor
        self.lambda_start = lambda_start
        self.lambda_end = lambda_end
        self.lambda_decay = lambda_decay
        self.head = Head(bound=None, implementation=implementation, matmul_precision=matmul_precision)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def logits(self, embeddings_BD: Tensor) -> Tensor:
        """|x| cos(theta_j) (B, C)."""
        return embeddings_BD @ directions(self.weight.to(embeddings_BD.dtype)).T

    def annealing(self) -> Tensor:
        """The present lambda, a scalar on the device of the loss."""
        annealing = torch.as_tensor(self.lambda_start / (1.0 + self.lambda_decay * self.steps))
        return torch.clamp(annealing, min=self.lambda_end)

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean cross-entropy with the multiplied angle of the own class."""
        length_B = torch.linalg.vector_norm(embeddings_BD, dim=1)
        inverse_B = inverse_norms(embeddings_BD)
        annealing = self.annealing()

        def target(own_B: Tensor) -> Tensor:
            psi_B = multiply_angle(own_B * inverse_B, self.angle_factor)
            mixed_B: Tensor = (annealing * own_B + length_B * psi_B) / (1.0 + annealing)
            return mixed_B

        loss, own_B = margin_cross_entropy(embeddings_BD, self.weight, labels_B, target, self.head)
        self.record(own_cosine=(own_B * inverse_B).mean(), annealing=annealing)
        return loss

    def step(self) -> None:
        """Let lambda fall by a step."""
        self.steps += 1
