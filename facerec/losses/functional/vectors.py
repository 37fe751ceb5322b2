"""Directions and cosines.

Shapes: B batch, D embedding dimension, C classes.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# A vector shorter than this counts as zero: it has no direction, a cosine of 0 with everything, and no gradient.
SHORTEST = 1e-12


def inverse_norms(vectors_ND: Tensor) -> Tensor:
    """1 / length of each row (N,); 0 for a row shorter than 1e-12.

    Example:
        >>> import torch
        >>> inverse_norms(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        tensor([0.2000, 0.0000])
    """
    norm_N = torch.linalg.vector_norm(vectors_ND, dim=1)
    return torch.where(norm_N > SHORTEST, 1.0 / norm_N.clamp(min=SHORTEST), 0.0)


class _Directions(torch.autograd.Function):
    """u = x / |x| with dL/dx = (g - u <u, g>) / |x|: autograd would take three times as many operators."""

    @staticmethod
    def forward(ctx: Any, vectors_ND: Tensor) -> Tensor:
        inverse_N1 = inverse_norms(vectors_ND)[:, None]
        unit_ND = vectors_ND * inverse_N1
        ctx.save_for_backward(unit_ND, inverse_N1)
        return unit_ND

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_ND: Tensor) -> Tensor:
        unit_ND, inverse_N1 = ctx.saved_tensors
        radial_N1 = (unit_ND * grad_ND).sum(1, keepdim=True)
        result_ND: Tensor = torch.addcmul(grad_ND, unit_ND, radial_N1, value=-1.0).mul_(inverse_N1)
        return result_ND


def directions(vectors_ND: Tensor) -> Tensor:
    """Rows (N, D) scaled to length 1; rows shorter than 1e-12 become 0 and pass no gradient.

    Example:
        >>> import torch
        >>> directions(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        tensor([[0.6000, 0.8000],
                [0.0000, 0.0000]])
    """
    unit_ND: Tensor = _Directions.apply(vectors_ND)
    return unit_ND


def cosines(embeddings_BD: Tensor, weight_CD: Tensor) -> Tensor:
    """Cosine of each embedding (B, D) with each class weight (C, D): (B, C) in [-1, 1].

    Example:
        >>> import torch
        >>> cosines(torch.tensor([[3.0, 4.0]]), torch.tensor([[2.0, 0.0], [0.0, -1.0]]))
        tensor([[ 0.6000, -0.8000]])
    """
    return directions(embeddings_BD) @ directions(weight_CD).T
