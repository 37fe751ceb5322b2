"""The maps that the stages of a network put out.

Shapes: B images, C channels, H, W height and width of a map.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from facerec.backbones import Backbone, StagedBackbone

HEAD = "head"
CHANNELS_LAST = "NHWC"  # timm's word for maps (B, H, W, C)

Maps = dict[str, list[Tensor]]
"""By the name of a stage: its maps (B, C, H, W), one for each forward pass."""


@contextmanager
def watched_stages(backbone: Backbone) -> Iterator[Maps]:
    """Keep what the stages put out in the forward passes inside.

    The maps are part of the graph between images and embeddings: gradients from and to them can be taken. The network
    goes on with a copy, because its next layer may write into what it gets.

    Args:
        backbone: network. A stage is one of its parts. Of another network than ours, which has a part for each block,
            it is the last of the parts in a row whose maps have one size.

    Yields:
        The maps, complete behind the block. Empty for a network without maps, such as a vision transformer.

    Example:
        >>> from facerec.backbones import ResNet
        >>> network = ResNet(18, embedding_dim=8, width=4).eval()
        >>> with watched_stages(network) as maps:
        ...     _ = network(torch.zeros(1, 3, 32, 32))
        >>> {name: tuple(passes[0].shape[1:]) for name, passes in maps.items()}
        {'stem': (4, 32, 32), 'stage1': (4, 16, 16), 'stage2': (8, 8, 8), 'stage3': (16, 4, 4), 'stage4': (32, 2, 2)}
    """
    maps: Maps = {}
    images: list[Tensor] = []
    is_channels_last = getattr(getattr(backbone, "network", None), "output_fmt", "") == CHANNELS_LAST

    def watch_images(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        images[:] = inputs[:1]

    def keeper(name: str) -> Callable[..., Tensor | None]:
        def keep(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> Tensor | None:
            if not isinstance(output, Tensor) or output.dim() != 4 or output is inputs[0]:
                return None
            maps_BCHW = output.movedim(-1, 1) if is_channels_last else output
            if not _has_shape_of(maps_BCHW, images[0]):
                return None
            if torch.is_grad_enabled() and not maps_BCHW.requires_grad:  # weights in use ask for no gradient
                maps_BCHW = maps_BCHW.detach().requires_grad_()
            maps.setdefault(name, []).append(maps_BCHW)
            return (maps_BCHW.movedim(1, -1) if is_channels_last else maps_BCHW).clone()

        return keep

    hooks = [backbone.register_forward_pre_hook(watch_images)]
    hooks += [part.register_forward_hook(keeper(name)) for name, part in backbone.parts().items() if name != HEAD]
    try:
        yield maps
    finally:
        for hook in hooks:
            hook.remove()
    if not isinstance(backbone, StagedBackbone):
        _keep_last_of_each_size(maps)


def _has_shape_of(maps_BCHW: Tensor, images_BCHW: Tensor) -> bool:
    """Whether a map has places, and the ratio of the image up to rounding: else its last two axes are no places."""
    (height, width), (rows, columns) = images_BCHW.shape[-2:], maps_BCHW.shape[-2:]
    return 1 < rows * columns <= height * width and abs(rows * width - columns * height) <= max(height, width)


def _keep_last_of_each_size(maps: Maps) -> None:
    sizes = [(name, passes[0].shape[-2:]) for name, passes in maps.items()]
    for (name, size), (_, following) in pairwise(sizes):
        if size == following:
            del maps[name]


@torch.no_grad()
def stage_maps(backbone: Backbone, image_3HW: Tensor) -> dict[str, Tensor]:
    """The maps (C, H, W) of each stage for one image, on the CPU.

    Args:
        backbone: network in evaluation mode.
        image_3HW: as the network takes it, normalised.
    """
    with watched_stages(backbone) as maps:
        backbone(image_3HW[None])
    return {name: passes[0][0].float().cpu() for name, passes in maps.items()}
