"""Batch normalisation folded into the layer before it: the same function, one pass over the maps less."""

import copy
import warnings
from typing import TypeVar

import torch
from torch import Tensor, nn

from facerec.arrays import require_finite
from facerec.backbones.winograd import use_winograd

M = TypeVar("M", bound=nn.Module)
Linear = nn.Conv2d | nn.Linear
FOLDED_TOLERANCE = 1e-3  # of the largest value: rounding is a hundred times less, a wrong fold a hundred times more


@torch.no_grad()
def fold_batch_norm(network: M, images_BCHW: Tensor) -> M:
    """A copy with each batch normalisation folded into the convolution or linear layer whose output it normalises.

    In evaluation mode y = (w x + b - mean) gain / sqrt(var + eps) + shift is itself such a layer. One forward pass
    shows which layer comes before a normalisation, so names and places do not matter. A normalisation before a padded
    convolution (IResNet) or after a sum stays, because no layer comes before it.

    Args:
        network: in evaluation mode.
        images_BCHW: images of the pass, on the device of the network; random ones will do.

    Returns:
        The copy, in which a folded normalisation is an identity. If a network also uses a layer's output elsewhere,
        folding changes its embeddings. It then warns and returns an unfolded copy.

    Raises:
        ValueError: for a network in training mode, whose normalisation depends on the batch, or embeddings that are
            not finite.
    """
    norms = [module for module in network.modules() if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d))]
    if any(module.training for module in [network, *norms]):
        raise ValueError("fold_batch_norm needs a network in evaluation mode: call network.eval() first")
    folded = copy.deepcopy(network)
    for layer, norm in _norms_after_layers(folded, images_BCHW):
        _fold(layer, norm)
        for parent in folded.modules():
            for name, child in parent.named_children():
                if child is norm:
                    setattr(parent, name, nn.Identity())
    expected, got = network(images_BCHW), folded(images_BCHW)
    require_finite(
        "embeddings", expected, "The training diverged: take an earlier checkpoint, or train with a lower learning rate"
    )
    if torch.allclose(got, expected, rtol=0.0, atol=FOLDED_TOLERANCE * float(expected.abs().max())):
        return folded
    warnings.warn(
        f"{type(network).__name__} is not the same with its batch normalisation folded, so it stays unfolded and is "
        "slower",
        stacklevel=2,
    )
    return copy.deepcopy(network)


def fold_for_use(network: M, image_size: tuple[int, int], memory_format: torch.memory_format) -> M:
    """A copy for use: batch normalisation folded, weights in a memory format, 3x3 convolutions by ``winograd``.

    Args:
        network: in evaluation mode.
        image_size: (height, width) of the images.
        memory_format: of the weights.
    """
    weight = next(network.parameters())
    images_2CHW = torch.randn(2, 3, *image_size, generator=torch.Generator().manual_seed(0)).to(weight)
    return use_winograd(fold_batch_norm(network, images_2CHW).to(memory_format=memory_format))


def _norms_after_layers(
    network: nn.Module, images_BCHW: Tensor
) -> list[tuple[Linear, nn.BatchNorm1d | nn.BatchNorm2d]]:
    """Pairs in which the normalisation got the very tensor that the layer put out; each used once in the pass."""
    outputs: list[tuple[Linear, Tensor]] = []
    found: list[tuple[Linear, nn.BatchNorm1d | nn.BatchNorm2d]] = []
    calls: dict[nn.Module, int] = {}

    def watch(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        calls[module] = calls.get(module, 0) + 1
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            found.extend((layer, module) for layer, made in outputs if made is inputs[0])
        elif isinstance(module, (nn.Conv2d, nn.Linear)):
            outputs.append((module, output))

    # Exact types: a subclass computes something of its own (standardised weights, an activation in the normalisation).
    watched = (nn.Conv2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d)
    hooks = [module.register_forward_hook(watch) for module in network.modules() if type(module) in watched]
    try:
        network(images_BCHW)
    finally:
        for hook in hooks:
            hook.remove()
    return [
        (layer, norm) for layer, norm in found if calls[layer] == calls[norm] == 1 and norm.running_mean is not None
    ]


def _fold(layer: Linear, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    """Give the layer the normalisation's gain and shift, computed in float64 and rounded once."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean_C, var_C = norm.running_mean.double(), norm.running_var.double()
    gain_C = torch.rsqrt(var_C + norm.eps)
    shift_C = torch.zeros_like(mean_C)
    if norm.affine:
        gain_C, shift_C = gain_C * norm.weight.double(), norm.bias.double()
    bias_C = torch.zeros_like(mean_C) if layer.bias is None else layer.bias.double()
    weight = layer.weight.double() * gain_C.reshape(-1, *[1] * (layer.weight.dim() - 1))
    dtype = layer.weight.dtype
    layer.weight = nn.Parameter(weight.to(dtype), requires_grad=False)
    layer.bias = nn.Parameter(((bias_C - mean_C) * gain_C + shift_C).to(dtype), requires_grad=False)
