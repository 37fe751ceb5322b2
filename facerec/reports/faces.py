"""Figures of faces: images in a grid, each with a line above it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from facerec.reports.curves import new_figure
from facerec.transforms.preprocess import resize

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL = 96  # pixels of an image
LONGEST = 18  # letters of a line above an image


def faces_figure(
    images: Sequence[Tensor], captions: Sequence[str], title: str, columns: int = 8, width: float = 1.25
) -> Figure:
    """Images in a grid, row by row.

    Args:
        images: each (3, H, W), RGB, as uint8 or as floats in [0, 1].
        captions: a line for each image.
        title: of the figure.
        columns: number of images in a row.
        width: width of an image in inches.

    Example:
        >>> figure = faces_figure([torch.zeros(3, 112, 96, dtype=torch.uint8)] * 3, ["Ann", "Ann", "Bob"], "training")
        >>> [axes.get_title() for axes in figure.axes[:4]]
        ['Ann', 'Ann', 'Bob', '']
    """
    rows = max(1, -(-len(images) // columns))
    figure = new_figure(width * columns, 0.5 + 1.3 * rows, title)
    grid = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, image_3HW, caption in zip(grid, images, captions, strict=False):
        axes.imshow(image_3HW.permute(1, 2, 0).numpy())
        axes.set_title(shortened(caption), fontsize=8)
    return figure


def side_by_side(images: Sequence[Tensor]) -> Tensor:
    """Some images (3, H, W) as one, each of the same size.

    Example:
        >>> side_by_side([torch.zeros(3, 112, 96), torch.ones(3, 50, 50)]).shape
        torch.Size([3, 96, 192])
    """
    return torch.cat([resize(image_3HW[None], (CELL, CELL))[0] for image_3HW in images], dim=2)


def shortened(name: str, longest: int = LONGEST) -> str:
    """A name that fits above an image.

    Example:
        >>> shortened("Ann"), shortened("Arnold_Schwarzenegger", longest=9)
        ('Ann', 'Arnold_S…')
    """
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
