"""SphereFace: the multiplied angle of the own class, annealed, at the embedding's own length.

Shapes: B batch, D embedding dimension, C classes.
"""

import math

import torch
from torch import Tensor

from facerec.losses.base import ClassifierLoss
from facerec.losses.functional import (
    Computation,
    MarginSoftmax,
    Sharding,
    directions,
    inverse_norms,
    margin_cross_entropy,
    multiply_angle,
)
from facerec.settings import require_choice, require_within


class SphereFace(ClassifierLoss):
    """(lambda cos(theta) + psi(theta)) / (1 + lambda) times |x| (Liu et al., CVPR 2017, equation 7), arXiv:1704.08063.

    psi is cos(m theta), continued so that it always falls. The embedding's own length is the scale.

    lambda = max(end, start / (1 + decay * step)) begins near a softmax without margin (appendix G). Its count of
    optimizer steps is saved, so a resumed run continues at the same lambda. Compare losses only at equal lambda.

    Args:
        angle_factor: factor m of the angle, a whole number from 1 to 4.
        lambda_start: lambda at the first optimizer step; larger is nearer to no margin.
        lambda_end: smallest lambda.
        lambda_decay: speed of its fall; 0.1 reaches 5 after 2,990 optimizer steps.
        computation: implementation and precision of the large matrix products.
        sharded: split the class weights over the processes of a training, exactly; see the README of losses.

    Raises:
        ValueError: for an ``angle_factor`` other than 1 to 4, or a negative lambda setting.

    Example:
        An embedding of length 4 at 60 degrees from its class weight and at 30 degrees from the other one. Without
        annealing its own logit is 4 psi(60 degrees) = 4 (-1.5) for m = 4, the other 4 cos(30 degrees). The loss is
        log(1 + exp(3.4641 + 6)).

        >>> import torch
        >>> loss = SphereFace(angle_factor=4, lambda_start=0.0, lambda_end=0.0).build(embedding_dim=2, num_classes=2)
        >>> loss.weight.data = torch.eye(2)
        >>> image = 4.0 * torch.tensor([[0.5, 0.75**0.5]])
        >>> print(f"{loss(image, torch.tensor([0])):.4f}")
        9.4642
    """

    steps: Tensor

    def __init__(
        self,
        angle_factor: int = 4,
        lambda_start: float = 1500.0,
        lambda_end: float = 5.0,
        lambda_decay: float = 0.1,
        computation: Computation = Computation(),
        sharded: bool | Sharding = False,
    ) -> None:
        super().__init__(sharded)
        require_choice(self, (1, 2, 3, 4), angle_factor=angle_factor)
        require_within(self, 0.0, math.inf, lambda_start=lambda_start, lambda_end=lambda_end, lambda_decay=lambda_decay)
        self.angle_factor = angle_factor
        self.lambda_start = lambda_start
        self.lambda_end = lambda_end
        self.lambda_decay = lambda_decay
        self.softmax = MarginSoftmax(bound=None, computation=computation)
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

        softmax = self.of_step(self.softmax)
        loss, own_B = margin_cross_entropy(embeddings_BD, self.weight, labels_B, target, softmax)
        self.record(own_cosine=(own_B * inverse_B).mean(), annealing=annealing)
        return loss

    def step(self) -> None:
        """Let lambda fall by a step."""
        self.steps += 1
