"""Where a pair's score comes from, by gradients: Grad-CAM of the cosine of two images.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017,
arXiv:1610.02391, with the cosine of two embeddings in place of the logit of a class, as Chen et al., "Adapting Grad-CAM
for Embedding Networks", WACV 2020, take a similarity.

Shapes: B images, C channels, H, W height and width of a map, D embedding.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from facerec.backbones import Backbone
from facerec.plots.look.stage_maps import watched_stages


class ScoreHeat(NamedTuple):
    """Grad-CAM of both images of a pair.

    Attributes:
        stage: name of the stage whose maps it is of.
        heat: (2, h, w), for each image at the size of the maps; 0 where nothing raises the score.
    """

    stage: str
    heat: Tensor


def weighted_maps(maps_BCHW: Tensor, gradients_BCHW: Tensor) -> Tensor:
    """Grad-CAM (B, H, W): the part above 0 of the sum of the maps, each weighted by its mean gradient.

    Equations 1 and 2 of the paper.

    Args:
        maps_BCHW: maps of the last stage.
        gradients_BCHW: gradients of the score by them.

    Example:
        >>> maps = torch.tensor([[[[3.0, 0.0]], [[0.0, 5.0]]]])
        >>> weighted_maps(maps, torch.tensor([[[[1.0, 0.0]], [[-1.0, -1.0]]]]))
        tensor([[[1.5000, 0.0000]]])
    """
    weights_BC11 = gradients_BCHW.mean((2, 3), keepdim=True)
    return (weights_BC11 * maps_BCHW).sum(1).relu()


@torch.enable_grad()
def score_heat(backbone: Backbone, embed: Callable[[Tensor], Tensor], images_23HW: Tensor) -> ScoreHeat | None:
    """Grad-CAM of the cosine of a pair, for each image while the other stays as it is.

    A network that also embeds mirror images (``flip_test``) has two maps of an image. They are added, with the mirror
    image's turned back.

    Args:
        backbone: network in evaluation mode.
        embed: from uint8 pixels (B, 3, H, W) to embeddings (B, D) by this network.
        images_23HW: uint8 pixels of both images, on its device.

    Returns:
        The heat of the last stage, on the CPU; None for a network without maps.
    """
    with watched_stages(backbone) as maps:
        embeddings_2D = embed(images_23HW)
    if not maps:
        return None
    stage, passes = list(maps.items())[-1]
    gradients = torch.autograd.grad(F.cosine_similarity(embeddings_2D[0], embeddings_2D[1], dim=0), passes)
    views = [weighted_maps(one.detach(), gradient) for one, gradient in zip(passes, gradients, strict=True)]
    heat_2HW = views[0] if len(views) == 1 else views[0] + views[1].flip(-1)
    return ScoreHeat(stage, heat_2HW.float().cpu())
