"""Directions and cosines.

Shapes: B batch, D embedding dimension, C classes.
"""

import torch
from torch import Tensor

# A vector shorter than this counts as zero: it has no direction, a cosine of 0 with everything, and no gradient.
SHORTEST = 1e-12


def inverse_norms(vectors_ND: Tensor) -> Tensor:
    """1 / length of each row (N,); 0 for a row that counts as zero."""
    norm_N = torch.linalg.vector_norm(vectors_ND, dim=1)
    return torch.where(norm_N > SHORTEST, 1.0 / norm_N.clamp(min=SHORTEST), 0.0)


def directions(vectors_ND: Tensor) -> Tensor:
    """Rows scaled to length 1 (N, D); rows shorter than 1e-12 become 0 and pass no gradient."""
    return vectors_ND * inverse_norms(vectors_ND)[:, None]


def cosines(embeddings_BD: Tensor, weight_CD: Tensor) -> Tensor:
    """Cosine of each embedding with each class weight: (B, C) in [-1, 1]."""
    return directions(embeddings_BD) @ directions(weight_CD).T
