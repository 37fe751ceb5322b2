"""Mean and variance of batch normalisation estimated anew, for weights that were not trained as they are."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def estimating_statistics(network: nn.Module) -> Iterator[list[_BatchNorm]]:
    """Let the forward passes inside estimate the batch statistics: the mean over their batches, all with equal weight.

    Weights that were averaged have other activations than those that the running statistics were taken from (Izmailov
    et al., UAI 2018, section 3.2). ``torch.optim.swa_utils.update_bn`` does the same, and also to frozen layers.

    Args:
        network: in training mode. Layers in evaluation mode, such as frozen ones, keep their statistics.

    Yields:
        The layers whose statistics are estimated.

    Example:
        >>> import torch
        >>> norm = nn.BatchNorm1d(1)
        >>> with estimating_statistics(norm):
        ...     for batch in (torch.tensor([[0.0], [2.0]]), torch.tensor([[4.0], [6.0]])):
        ...         _ = norm(batch)
        >>> norm.running_mean, norm.running_var
        (tensor([3.]), tensor([2.]))
    """
    layers = [
        layer
        for layer in network.modules()
        if isinstance(layer, _BatchNorm) and layer.training and layer.track_running_stats
    ]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the mean of all batches so far
    try:
        yield layers
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
