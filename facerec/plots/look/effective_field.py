"""Which pixels a unit of a map does use: the gradient of the unit by the image.

Luo et al., "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks", NeurIPS 2016,
arXiv:1701.04128, section 2: the effective field is the gradient of the unit in the centre of a map by every pixel. It
falls off like a Gaussian, and fills a fraction of the pixels that the unit can see.

Shapes: B images, H, W height and width of an image.
"""

import math

import torch
from torch import Tensor
from tqdm import tqdm

from facerec.backbones import Backbone
from facerec.plots.look.receptive_field import Field
from facerec.plots.look.stage_maps import watched_stages

LEAST_SHARE = 1.0 - 0.9545  # of the largest gradient: within two standard deviations (Luo et al., section 3)


def gradient_fields(backbone: Backbone, images_BCHW: Tensor) -> dict[str, Tensor]:
    """The effective field of the unit in the centre of each stage's map.

    One image is in the network at a time: its maps are all kept for the gradients. A progress bar appears after a
    second.

    Args:
        backbone: network in evaluation mode.
        images_BCHW: images as the network takes them, normalised.

    Returns:
        By the name of the stage: the absolute gradient (H, W) of the unit, summed over the colours of a pixel, mean of
        the images; float64, on the CPU. The signal of each channel is 1 or -1, by a fixed seed and for each image
        anew: the plain sum over the channels of a layer normalisation is always the same.

    Example:
        >>> from facerec.backbones import LeNet
        >>> fields = gradient_fields(LeNet(8).eval(), torch.rand(4, 3, 96, 96))
        >>> {name: int((field > 0).sum(0).amax()) for name, field in fields.items()}
        {'stem': 7, 'stage1': 27, 'stage2': 59}
    """
    totals: dict[str, Tensor] = {}
    generator = torch.Generator().manual_seed(0)
    with tqdm(total=len(images_BCHW), desc="gradients", unit="image", delay=1, leave=False) as progress:
        for image_13HW in torch.split(images_BCHW, 1):
            for name, field_HW in _gradients(backbone, image_13HW.clone().requires_grad_(), generator).items():
                totals[name] = totals.get(name, 0.0) + field_HW
            progress.update()
    return {name: total / len(images_BCHW) for name, total in totals.items()}


@torch.enable_grad()
def _gradients(backbone: Backbone, image_13HW: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    """The absolute gradient (H, W) of each stage."""
    with watched_stages(backbone) as maps:
        backbone(image_13HW)
    found = {}
    for name, (maps_1Chw,) in maps.items():
        row, column = centre_unit(maps_1Chw.shape)
        unit_C = maps_1Chw[0, :, row, column]
        signs_C = 2.0 * torch.randint(2, unit_C.shape, generator=generator) - 1.0
        (gradient_13HW,) = torch.autograd.grad(unit_C, image_13HW, signs_C.to(unit_C), retain_graph=True)
        found[name] = gradient_13HW[0].cpu().double().abs().sum(0)
    return found


def centre_unit(shape: torch.Size) -> tuple[int, int]:
    """Row and column of the unit in the centre of a map (..., H, W)."""
    return shape[-2] // 2, shape[-1] // 2


def effective_side(gradient_HW: Tensor) -> float:
    """Side in pixels of a square as large as the effective field (Luo et al., section 3).

    The field holds the pixels with more than 4.55 % of the largest gradient.

    Example:
        >>> effective_side(torch.tensor([[0.0, 0.04, 1.0, 0.5, 0.05, 0.06]]))
        2.0
    """
    return math.sqrt(int(effective_pixels(gradient_HW).sum()))


def effective_centre(gradient_HW: Tensor) -> tuple[float, float]:
    """Mean row and column of the effective field."""
    row, column = effective_pixels(gradient_HW).nonzero().double().mean(0).tolist()
    return row, column


def effective_pixels(gradient_HW: Tensor) -> Tensor:
    """Which pixels (H, W) are in the effective field."""
    return gradient_HW > LEAST_SHARE * gradient_HW.max()


def stays_inside(gradient_HW: Tensor, field: Field, unit: tuple[int, int]) -> bool:
    """Whether a unit depends on no pixel that its receptive field does not hold.

    Args:
        gradient_HW: gradient of the unit.
        field: receptive field of its stage.
        unit: row and column of the unit.
    """
    outside_HW = torch.ones(gradient_HW.shape, dtype=torch.bool)
    (top, bottom), (left, right) = field.rows.of_unit(unit[0]), field.columns.of_unit(unit[1])
    outside_HW[max(top, 0) : bottom + 1, max(left, 0) : right + 1] = False
    return field.sees_all or not bool((gradient_HW[outside_HW] > 0).any())
