"""The filters that a network lays on the image itself."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from facerec.backbones import Backbone

COLOURS = 3


@torch.no_grad()
def first_filters(backbone: Backbone, image_size: tuple[int, int]) -> Tensor | None:
    """The weights of the first convolution (O, 3, k, k), as they are applied, on the CPU.

    They are taken as the convolution runs: a network may standardise its weights first. In a network in use they have
    the gain of the batch normalisation behind them.

    Args:
        backbone: network in evaluation mode.
        image_size: (height, width) of the images.

    Returns:
        The filters, strongest first; None if the first convolution does not see the three colours of the image.

    Example:
        >>> from facerec.backbones import ResNet
        >>> network = ResNet(18, embedding_dim=8, width=4, stem="paper").eval()
        >>> first_filters(network, (32, 32)).shape
        torch.Size([4, 3, 7, 7])
    """
    image_13HW = next(backbone.parameters()).new_zeros(1, COLOURS, *image_size)
    first = _FirstConvolution()  # type: ignore[no-untyped-call]
    with first:
        backbone(image_13HW)
    if first.weight is None or first.weight.dim() != 4 or first.weight.shape[1] != COLOURS:
        return None
    filters: Tensor = first.weight.detach().float().cpu()
    return filters[filters.flatten(1).norm(dim=1).argsort(descending=True, stable=True)]


class _FirstConvolution(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keeps the weights of the first convolution that runs."""

    weight: Tensor | None = None

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if self.weight is None and func is torch.ops.aten.convolution.default:
            self.weight = args[1]
        return func(*args, **(kwargs or {}))
