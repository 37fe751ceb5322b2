"""Adaptive gradient clipping (Brock et al., ICML 2021), https://arxiv.org/abs/2102.06171, equation 3.

Normaliser-free networks train with it (section 4.1: all of the network but the final linear layer).
``facerec.callbacks.AdaptiveGradientClipping`` calls it in a training.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def unitwise_norm(tensor: Tensor) -> Tensor:
    """Norm of each output unit's weights, broadcastable to the tensor; of a bias or gain, the norm of the whole."""
    dims = tuple(range(1, tensor.ndim)) if tensor.ndim > 1 else None
    norm: Tensor = torch.linalg.vector_norm(tensor, dim=dims, keepdim=dims is not None)
    return norm


@torch.no_grad()
def clip_adaptively_(parameters: Iterable[nn.Parameter], clip_factor: float = 0.01, eps: float = 1e-3) -> None:
    """Scale down, in place, each unit's gradient G where ``|G| > clip_factor * max(|W|, eps)``.

    Args:
        parameters: those of the backbone; the class weights are left alone (section 4.1 of the paper).
        clip_factor: the largest share of a unit's weights that its gradient may have; the paper takes 0.01 for
            batches of 4096, more for smaller ones.
        eps: norm below which weights count as this large, so that units starting at zero can move.

    Raises:
        ValueError: if a setting is not above 0.
    """
    if clip_factor <= 0.0 or eps <= 0.0:
        raise ValueError(f"adaptive gradient clipping: clip_factor={clip_factor}, eps={eps}: both must be above 0")
    for parameter in parameters:
        if parameter.grad is not None:
            limit = clip_factor * unitwise_norm(parameter).clamp(min=eps)
            parameter.grad.mul_((limit / unitwise_norm(parameter.grad).clamp(min=1e-6)).clamp(max=1.0))
