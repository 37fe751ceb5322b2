"""The maths of the losses, without state.

Shapes: B batch, D embedding dimension, C classes. ``cos_B`` is the cosine between an embedding and its own class.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

# sin(theta) = sqrt(1 - cos^2) has an infinite slope at |cos| = 1; this floor keeps the gradient finite there.
SIN_SQUARED_FLOOR = 1e-9


def cosines(embeddings_BD: Tensor, weight_CD: Tensor) -> Tensor:
    """Cosine of each embedding with each class weight: (B, C) in [-1, 1]."""
    return F.normalize(embeddings_BD) @ F.normalize(weight_CD).T


def add_angular_margin(cos_B: Tensor, angular_margin: float) -> Tensor:
    """cos(theta + m), the target logit of ArcFace (Deng et al., CVPR 2019, equation 3).

    Where theta + m would pass pi, cos(theta + m) rises again and would reward a worse embedding. There the value is
    cos(theta) - m sin(m) instead, the common fallback: it goes on falling (with a step of at most 1 - cos(m) - m sin(m)
    at theta = pi - m).

    Args:
        cos_B: cosines of the target class (B,).
        angular_margin: m in radians, in [0, pi].
    """
    sin_B = torch.sqrt((1.0 - cos_B * cos_B).clamp(min=SIN_SQUARED_FLOOR))
    shifted_B = cos_B * math.cos(angular_margin) - sin_B * math.sin(angular_margin)
    fallback_B = cos_B - angular_margin * math.sin(angular_margin)
    return torch.where(cos_B > -math.cos(angular_margin), shifted_B, fallback_B)


def replace_target(logits_BC: Tensor, labels_B: Tensor, target_B: Tensor) -> Tensor:
    """The logits (B, C) with the entry of each row's own class replaced by ``target_B`` (B,)."""
    return logits_BC.scatter(1, labels_B[:, None], target_B[:, None])
