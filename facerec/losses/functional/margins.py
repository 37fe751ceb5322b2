"""Margins: functions of the cosine between an embedding and its own class.

Shapes: B batch. ``cos_B`` is the cosine of the own class. Every margin returns the target (B,) that replaces it, before
the scale. All targets decrease with the angle, on all of [0, pi].
"""

import math

import torch
from torch import Tensor

# sin(theta) = sqrt(1 - cos^2) has an infinite slope at |cos| = 1; this floor keeps the gradient finite there.
SIN_SQUARED_FLOOR = 1e-9


def sines(cos_B: Tensor) -> Tensor:
    """sin(theta) >= 0 from cos(theta) (B,), with a finite gradient at 0 and pi, also if rounding passes 1.

    Example:
        >>> import torch
        >>> sines(torch.tensor([0.6, 0.0, -0.8]))
        tensor([0.8000, 1.0000, 0.6000])
    """
    return torch.sqrt(((1.0 - cos_B) * (1.0 + cos_B)).clamp(min=SIN_SQUARED_FLOOR))


def angles(cos_B: Tensor) -> Tensor:
    """Theta in [0, pi], radians, from cos(theta) (B,).

    Unlike acos, atan2 of the floored sine has no infinite slope at 1, and loses fewer digits.

    Example:
        >>> import torch
        >>> angles(torch.tensor([0.5, 0.0, -1.0]))
        tensor([1.0472, 1.5708, 3.1416])
    """
    return torch.atan2(sines(cos_B), cos_B)


def add_angular_margin(cos_B: Tensor, angular_margin: float, easy_margin: bool = False) -> Tensor:
    """cos(theta + m), the target of ArcFace (Deng et al., CVPR 2019, equation 3).

    Past theta + m = pi, cos(theta + m) would rise again and reward a worse embedding. There the target is the common
    fallback cos(theta) - m sin(m). It goes on falling, after a step at theta = pi - m (from -1 to -1.117 for m = 0.5).

    Args:
        cos_B: cosines of the own class (B,).
        angular_margin: m in radians, in [0, pi].
        easy_margin: put the margin only on embeddings within 90 degrees of their class, and leave the others alone.

    Example:
        At 60 degrees, cos(pi / 3 + 0.5) = 0.0236. At 180 degrees the fallback gives -1 - 0.5 sin(0.5) = -1.2397.

        >>> import torch
        >>> add_angular_margin(torch.tensor([0.5, -1.0]), angular_margin=0.5)
        tensor([ 0.0236, -1.2397])
    """
    cos_m, sin_m = math.cos(angular_margin), math.sin(angular_margin)
    shifted_B = cos_B * cos_m - sines(cos_B) * sin_m
    if easy_margin:
        return torch.where(cos_B > 0.0, shifted_B, cos_B)
    return torch.where(cos_B > -cos_m, shifted_B, cos_B - angular_margin * sin_m)


def multiply_angle(cos_B: Tensor, angle_factor: float, angular_margin: float = 0.0) -> Tensor:
    """psi(phi) = (-1)^k cos(phi) - 2k with phi = m1 theta + m2 and k = floor(phi / pi), continuous and decreasing.

    With m2 = 0 it is the target of SphereFace (Liu et al., CVPR 2017, equation 7).

    Args:
        cos_B: cosines of the own class (B,).
        angle_factor: m1.
        angular_margin: m2 in radians.

    Example:
        At 60 degrees and m1 = 4, phi = 4 pi / 3 and k = 1, so psi = -cos(4 pi / 3) - 2 = -1.5.

        >>> import torch
        >>> multiply_angle(torch.tensor([0.5, 1.0]), angle_factor=4)
        tensor([-1.5000,  1.0000])
    """
    phi_B = angle_factor * angles(cos_B) + angular_margin
    k_B = torch.floor(phi_B.detach() / math.pi)
    return (1.0 - 2.0 * torch.remainder(k_B, 2.0)) * torch.cos(phi_B) - 2.0 * k_B


def combine_margins(cos_B: Tensor, angle_factor: float, angular_margin: float, cosine_margin: float) -> Tensor:
    """cos(m1 theta + m2) - m3 (Deng et al., CVPR 2019, equation 4), decreasing for every m1, m2, m3.

    Past m1 theta + m2 = pi it continues as ArcFace for m1 = 1, and as SphereFace otherwise. So it equals NormFace
    (1, 0, 0), ArcFace (1, m, 0), CosFace (1, 0, m) and SphereFace's psi (m, 0, 0) everywhere.

    Args:
        cos_B: cosines of the own class (B,).
        angle_factor: m1.
        angular_margin: m2 in radians.
        cosine_margin: m3.

    Example:
        At 60 degrees, cos(pi / 3 + 0.3) - 0.2 = 0.0217.

        >>> import torch
        >>> combine_margins(torch.tensor([0.5]), angle_factor=1.0, angular_margin=0.3, cosine_margin=0.2)
        tensor([0.0217])
    """
    if angle_factor == 1.0:
        return add_angular_margin(cos_B, angular_margin) - cosine_margin
    return multiply_angle(cos_B, angle_factor, angular_margin) - cosine_margin


def adapt_margin(cos_B: Tensor, quality_B: Tensor, margin: float) -> Tensor:
    """cos(theta + g_angle) - g_add, g_angle = -m q and g_add = m q + m (Kim et al., AdaFace, CVPR 2022, section 3).

    As in the authors' code, theta + g_angle is clamped to (0, pi), and the scale multiplies g_add too.

    Args:
        cos_B: cosines of the own class (B,).
        quality_B: q in [-1, 1], the normalised length of each embedding.
        margin: m.

    Example:
        At 60 degrees: cos(pi / 3 + 0.4) for the worst quality, cos(pi / 3) - 0.4 for a mean one, and
        cos(pi / 3 - 0.4) - 0.8 for the best.

        >>> import torch
        >>> adapt_margin(torch.full((3,), 0.5), quality_B=torch.tensor([-1.0, 0.0, 1.0]), margin=0.4)
        tensor([ 0.1233,  0.1000, -0.0022])
    """
    theta_B = (angles(cos_B) - margin * quality_B).clamp(1e-3, math.pi - 1e-3)
    return torch.cos(theta_B) - margin * (1.0 + quality_B)


def straight_through(cos_B: Tensor, target_B: Tensor) -> Tensor:
    """The value of the target with the gradient of the plain cosine, as in insightface's ArcFace.

    Args:
        cos_B: cosines of the own class (B,).
        target_B: target of each (B,).

    Example:
        >>> import torch
        >>> cos = torch.tensor([0.5], requires_grad=True)
        >>> target = straight_through(cos, 3.0 * cos)
        >>> target.sum().backward()
        >>> target.item(), cos.grad.item()
        (1.5, 1.0)
    """
    return cos_B + (target_B - cos_B).detach()
