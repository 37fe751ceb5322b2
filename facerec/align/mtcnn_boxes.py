"""The geometry of MTCNN: image pyramid, windows, non-maximum suppression, box regression, squares, crops.

A box is (left, top, right, bottom) of its edges: a box over the first pixel alone is (0, 0, 1, 1). The authors' code
counts pixels from 1, and a box of theirs ends with its last pixel. Hence the "+ 1" of its widths and areas, and the
"- 1" of its points. Edges mean the same and need neither.

Legend: N boxes, H, W height and width of the image, S side of a crop.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import nms, roi_align

from facerec.settings import require_choice

CELL, STRIDE = 12, 2  # of P-Net, in pixels: what it sees of the image, and how far apart
FACTOR = 0.709  # from each level of the pyramid to the next: half the area

Overlap = Literal["union", "min"]
OVERLAPS: tuple[Overlap, ...] = ("union", "min")


def pyramid(height: int, width: int, smallest: int = 20) -> list[tuple[int, int]]:
    """Sizes (height, width) of the image at which P-Net looks for faces.

    In the first, the smallest face fills P-Net's cell of 12 pixels. In each further one the image has half the area,
    until its shorter side is less than that cell.

    Args:
        height: of the image.
        width: of the image.
        smallest: side of the smallest face, in pixels of the image.

    Example:
        >>> pyramid(60, 40)
        [(36, 24), (26, 17), (18, 12)]
        >>> pyramid(19, 400)
        []
    """
    sizes, cells = [], min(height, width) / smallest  # cells along the shorter side
    while cells >= 1:
        scale = cells * CELL / min(height, width)
        sizes.append((round(height * scale), round(width * scale)))
        cells *= FACTOR
    return sizes


def windows(cells_N2: Tensor, level: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """What P-Net sees in some cells of its map, as boxes (N, 4) of the whole image.

    Args:
        cells_N2: (x, y) of each cell.
        level: (height, width) of the image in the pyramid.
        size: (height, width) of the whole image.

    Example:
        >>> windows(torch.tensor([(0, 0), (3, 1)]), level=(50, 100), size=(100, 200)).tolist()
        [[0.0, 0.0, 24.0, 24.0], [12.0, 4.0, 36.0, 28.0]]
    """
    back_2 = torch.tensor([size[1] / level[1], size[0] / level[0]])
    corners_N2 = cells_N2 * STRIDE
    return torch.cat([corners_N2 * back_2, (corners_N2 + CELL) * back_2], dim=1)


def suppress(boxes_N4: Tensor, scores_N: Tensor, max_overlap: float, overlap: Overlap = "union") -> Tensor:
    """Non-maximum suppression: take the box with the highest score, drop those that overlap it, and go on.

    Args:
        boxes_N4: the boxes.
        scores_N: their scores.
        max_overlap: largest overlap of two boxes that both stay, in [0, 1].
        overlap: the area that two boxes share, as a fraction of their ``union``, or of the smaller of them (``min``).
            The latter also drops a box inside a much larger one.

    Returns:
        Indices of the boxes that stay, by falling score.

    Raises:
        ValueError: for another kind of overlap.

    Example:
        >>> boxes = torch.tensor([(0.0, 0, 10, 10), (3, 3, 7, 7), (20, 0, 30, 10)])
        >>> scores = torch.tensor([0.9, 0.8, 0.95])
        >>> suppress(boxes, scores, 0.5).tolist(), suppress(boxes, scores, 0.5, "min").tolist()
        ([2, 0, 1], [2, 0])
    """
    require_choice("suppress", OVERLAPS, overlap=overlap)
    if overlap == "union":
        best_N: Tensor = nms(boxes_N4, scores_N, max_overlap)
        return best_N
    areas_N = (boxes_N4[:, 2:] - boxes_N4[:, :2]).prod(dim=1)
    left, kept = scores_N.argsort(descending=True, stable=True), []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(int(best))
        low = torch.maximum(boxes_N4[best, :2], boxes_N4[left, :2])
        high = torch.minimum(boxes_N4[best, 2:], boxes_N4[left, 2:])
        shared = (high - low).clamp(min=0).prod(dim=1)
        left = left[shared <= max_overlap * torch.minimum(areas_N[best], areas_N[left])]
    return torch.tensor(kept, dtype=torch.long)


def regressed(boxes_N4: Tensor, shifts_N4: Tensor) -> Tensor:
    """Boxes whose edges move by the fractions of width and height that a network asks for.

    Example:
        >>> regressed(torch.tensor([(0.0, 0, 20, 10)]), torch.tensor([(0.5, 0.0, -0.25, 0.1)])).tolist()
        [[10.0, 0.0, 15.0, 11.0]]
    """
    return boxes_N4 + shifts_N4 * (boxes_N4[:, 2:] - boxes_N4[:, :2]).repeat(1, 2)


def squared(boxes_N4: Tensor) -> Tensor:
    """The squares about the middles of boxes whose side is the longer one of each.

    Example:
        >>> squared(torch.tensor([(0.0, 0, 20, 10)])).tolist()
        [[0.0, -5.0, 20.0, 15.0]]
    """
    middles_N2 = (boxes_N4[:, :2] + boxes_N4[:, 2:]) / 2
    half_N1 = (boxes_N4[:, 2:] - boxes_N4[:, :2]).amax(dim=1, keepdim=True) / 2
    return torch.cat([middles_N2 - half_N1, middles_N2 + half_N1], dim=1)


def crops(image_3HW: Tensor, boxes_N4: Tensor, side: int) -> Tensor:
    """The parts of an image in some boxes, each resized to a square.

    A pixel of a crop is the mean of bilinear samples, at least one for each pixel of the image along both axes.

    Args:
        image_3HW: float.
        boxes_N4: the boxes, which may reach out of the image.
        side: of the crops.

    Returns:
        (N, 3, S, S); black where the image does not reach.

    Example:
        >>> crops(torch.full((3, 4, 4), 8.0), torch.tensor([(-2.0, 0, 2, 4)]), side=2)[0, 0].tolist()
        [[0.0, 8.0], [0.0, 8.0]]
    """
    framed = F.pad(image_3HW, (1, 1, 1, 1))  # without a black frame roi_align goes on with the last pixel for one more
    cut: Tensor = roi_align(framed[None], [boxes_N4 + 1], (side, side), sampling_ratio=-1, aligned=True)
    return cut
