"""Gradient clipping: adaptive, and by the norm of gradients that several processes have parts of.

Networks without normalisation need adaptive clipping (Brock et al., ICML 2021, equation 3,
https://arxiv.org/abs/2102.06171; section 4.1: all layers but the final linear one).
``facerec.callbacks.AdaptiveGradientClipping`` applies it in a training.
"""

from collections.abc import Iterable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from facerec.settings import require_positive


def unitwise_norms(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Norms of the weights of each output unit, broadcastable to the tensor. A bias or gain counts as one unit."""
    vectors = [tensor for tensor in tensors if tensor.ndim < 2]
    of_vectors = iter(torch._foreach_norm(vectors) if vectors else ())  # all in one launch
    return [
        next(of_vectors)
        if tensor.ndim < 2
        else torch.linalg.vector_norm(tensor, dim=tuple(range(1, tensor.ndim)), keepdim=True)
        for tensor in tensors
    ]


@torch.no_grad()
def clip_adaptively_(parameters: Iterable[nn.Parameter], clip_factor: float = 0.01, eps: float = 1e-3) -> None:
    """Scale down, in place, each unit's gradient G where ``|G| > clip_factor * max(|W|, eps)``.

    Args:
        parameters: parameters of the backbone, without the class weights (section 4.1 of the paper).
        clip_factor: largest norm of a unit's gradient, as a share of the norm of its weights. The paper takes 0.01 for
            batches of 4096, more for smaller ones.
        eps: smallest norm that weights count with, so that units starting at zero can move.

    Raises:
        ValueError: if a setting is not positive.

    Example:
        >>> import torch
        >>> from facerec.clipping import clip_adaptively_
        >>> layer = torch.nn.Linear(3, 2)
        >>> layer(torch.full((1, 3), 1000.0)).sum().backward()
        >>> clip_adaptively_(layer.parameters(), clip_factor=0.01)
        >>> shares = layer.weight.grad.norm(dim=1) / layer.weight.norm(dim=1)
        >>> [round(share, 4) for share in shares.tolist()]
        [0.01, 0.01]
    """
    require_positive("adaptive gradient clipping", clip_factor=clip_factor, eps=eps)
    weights = [parameter for parameter in parameters if parameter.grad is not None]
    if not weights:
        return
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    # A GPU computes each line for all tensors at once, instead of eight launches for each of them.
    shares, norms = unitwise_norms(weights), unitwise_norms(gradients)
    torch._foreach_clamp_min_(shares, eps)
    torch._foreach_mul_(shares, clip_factor)
    torch._foreach_clamp_min_(norms, 1e-6)
    torch._foreach_div_(shares, norms)
    torch._foreach_clamp_max_(shares, 1.0)
    torch._foreach_mul_(gradients, shares)


@torch.no_grad()
def clip_total_norm_(parameters: Iterable[nn.Parameter], split: Iterable[nn.Parameter], max_norm: float) -> Tensor:
    """Scale all gradients down, in place, if their norm is above a limit. All processes call it at once.

    Each process has gradients of all its own; without this it would see another norm than the others, and the copies
    of the network would drift apart.

    Args:
        parameters: all parameters, with the same gradients in each process but for those that are split.
        split: those of them that are different parameters in each process (``losses.sharding``).
        max_norm: largest norm of the gradients of all processes together.

    Returns:
        That norm before, a scalar, the same in all processes.

    Example:
        >>> import torch
        >>> layer = torch.nn.Linear(3, 2)
        >>> layer(torch.full((1, 3), 1000.0)).sum().backward()
        >>> _ = clip_total_norm_(layer.parameters(), split=[], max_norm=1.0)
        >>> print(f"{torch.nn.utils.get_total_norm([each.grad for each in layer.parameters()]):.3f}")
        1.000
    """
    trained = [parameter for parameter in parameters if parameter.grad is not None]
    is_split = {id(parameter) for parameter in split}
    own, shared = (
        get_total_norm([each.grad for each in trained if each.grad is not None and (id(each) in is_split) == here])
        for here in (True, False)
    )
    squared = own.square().to(trained[0].device)
    if is_split:
        dist.all_reduce(squared)
    norm = (squared + shared.square()).sqrt()
    clip_grads_with_norm_(trained, max_norm, norm)
    return norm
