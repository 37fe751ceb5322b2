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
LINE, GAP = 18, 8  # pixels above an image, and beside it
LETTER = 6  # pixels
DPI = 80  # pixels an inch


def image_grid(images: Sequence[Tensor], captions: Sequence[str], title: str, columns: int = 8) -> Figure:
    """Images in a grid, row by row.

    Args:
        images: uint8 (3, H, W), RGB, all of one size.
        captions: a line for each image.
        title: of the figure.
        columns: number of images in a row.

    Example:
        >>> figure = image_grid([torch.zeros(3, 112, 96, dtype=torch.uint8)] * 3, ["Ann", "Ann", "Bob"], "training")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['Ann', 'Ann', 'Bob']
    """
    # One picture with words on it: axes for each image would take ten times as long.
    height, width = images[0].shape[1:] if images else (CELL, CELL)
    down, across = height + LINE, width + GAP
    rows = max(1, -(-len(images) // columns))
    picture = np.full((rows * down, columns * across, 3), 255, dtype=np.uint8)
    corners = [(place // columns * down + LINE, place % columns * across) for place in range(len(images))]
    for (top, left), image_3HW in zip(corners, images, strict=True):
        picture[top : top + height, left : left + width] = image_3HW.permute(1, 2, 0).numpy()
    figure = new_figure(columns * across / DPI, rows * down / DPI + 0.4, title)
    axes = figure.subplots()
    axes.axis("off")
    axes.imshow(picture)
    for (top, left), caption in zip(corners, captions, strict=True):
        words = shortened(caption, width // LETTER)
        axes.text(left + width / 2, top - LINE / 4, words, fontsize=8, ha="center", va="bottom")
    return figure


def side_by_side(images: Sequence[Tensor]) -> Tensor:
    """Some images (3, H, W) as one, each of the same size.

    Example:
        >>> side_by_side([torch.zeros(3, 112, 96), torch.ones(3, 50, 50)]).shape
        torch.Size([3, 96, 192])
    """
    return torch.cat([resize(image_3HW[None], (CELL, CELL))[0] for image_3HW in images], dim=2)


def shortened(name: str, longest: int) -> str:
    """A name that fits above an image.

    Example:
        >>> shortened("Ann", longest=9), shortened("Arnold_Schwarzenegger", longest=9)
        ('Ann', 'Arnold_S…')
    """
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
