"""From a photograph and five points to an aligned face; and the centre crop, which needs no points.

Legend: H, W height and width of the image, h, w those of the aligned face, k samples along each side of a pixel.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from facerec.align.landmarks import Template, similarity_transform
from facerec.settings import require_within
from facerec.transforms.preprocess import resize

MAX_SAMPLES = 16


def align_face(image_3HW: Tensor, points_52: NDArray[np.float64], template: Template) -> Tensor:
    """Turn, scale and shift an image so that five points of the face come to those of the template.

    Args:
        image_3HW: uint8 (3, H, W).
        points_52: left eye, right eye, nose, left and right mouth corner, (x, y) in pixels of the image.
        template: their places in the result.

    Returns:
        uint8 (3, h, w); black where the image does not reach.

    Raises:
        ValueError: if the points coincide, are not finite, or their centre is not in the image.

    Example:
        >>> from facerec.align import TEMPLATES
        >>> template = TEMPLATES["112x112"]
        >>> photograph = torch.full((3, 300, 300), 90, dtype=torch.uint8)
        >>> align_face(photograph, 2 * template.points_52 + 20, template).shape
        torch.Size([3, 112, 112])
    """
    height, width = image_3HW.shape[-2:]
    matrix_23 = similarity_transform(points_52, template.points_52)
    x, y = points_52.mean(axis=0)
    if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
        raise ValueError(
            f"the centre of the five points is at ({x:.0f}, {y:.0f}), outside the image of {width} x {height} pixels: "
            "they belong to another image, or to another size of it"
        )
    return apply_similarity(image_3HW, matrix_23, (template.height, template.width))


def apply_similarity(image_3HW: Tensor, matrix_23: NDArray[np.float64], size: tuple[int, int]) -> Tensor:
    """Map an image by a similarity transform, bilinear, without aliasing.

    Where the image shrinks to half or less, each pixel is the mean of k x k samples with k = floor(1 / scale). Samples
    lie less than two pixels of the image apart, so none of its detail is passed over. k is at most 16, which is enough
    for faces of 3,500 pixels.

    Args:
        image_3HW: uint8 (3, H, W).
        matrix_23: similarity transform from image to result, (x, y) in pixels, whole numbers at their centres.
        size: (h, w) of the result.

    Returns:
        uint8 (3, h, w); black where the image does not reach.

    Example:
        >>> image = torch.tensor([[[10, 20], [30, 40]]], dtype=torch.uint8).expand(3, -1, -1)
        >>> one_to_the_right = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
        >>> apply_similarity(image, one_to_the_right, (2, 3))[0].tolist()
        [[0, 10, 20], [0, 30, 40]]
    """
    height, width = size
    linear = matrix_23[:, :2]
    shrinking = 1.0 / np.hypot(linear[0, 0], linear[1, 0])
    samples = int(np.clip(shrinking + 1e-6, 1, MAX_SAMPLES))
    inverse = np.linalg.inv(linear)
    backward_23 = np.column_stack([inverse, -inverse @ matrix_23[:, 2]])
    points_hw2 = _sample_points(height, width, samples) @ backward_23[:, :2].T + backward_23[:, 2]

    # Only the part that is sampled becomes float: a face in a large photograph is a small part of it.
    low = np.floor(points_hw2.min(axis=(0, 1))).astype(int) - 1
    high = np.ceil(points_hw2.max(axis=(0, 1))).astype(int) + 2
    (left, top), (right, bottom) = np.maximum(low, 0), np.minimum(high, [image_3HW.shape[2], image_3HW.shape[1]])
    if right <= left or bottom <= top:
        return image_3HW.new_zeros((3, height, width))
    part = image_3HW[:, top:bottom, left:right].double()
    extent = np.array([right - left, bottom - top])
    grid = torch.from_numpy((2.0 * (points_hw2 - [left, top]) + 1.0) / extent - 1.0)
    sampled = F.grid_sample(part[None], grid[None], mode="bilinear", padding_mode="zeros", align_corners=False)
    return F.avg_pool2d(sampled, samples)[0].round().clamp(0, 255).to(torch.uint8)


def _sample_points(height: int, width: int, samples: int) -> NDArray[np.float64]:
    """Coordinates (h k, w k, 2) of k x k evenly spaced samples in each pixel of the result."""
    y = (np.arange(height * samples) + 0.5) / samples - 0.5
    x = (np.arange(width * samples) + 0.5) / samples - 0.5
    return np.stack(np.meshgrid(x, y), axis=-1)


def center_crop(image_3HW: Tensor, template: Template, fraction: float = 1.0) -> Tensor:
    """The middle of an image in the size of a template, for comparison with alignment.

    Args:
        image_3HW: uint8 (3, H, W).
        template: gives the size and the aspect ratio.
        fraction: side of the part that is kept, as a fraction of the largest part with this aspect ratio.

    Returns:
        uint8 (3, h, w).

    Raises:
        ValueError: for a fraction that is not in (0, 1].

    Example:
        >>> from facerec.align import TEMPLATES
        >>> center_crop(torch.zeros(3, 250, 250, dtype=torch.uint8), TEMPLATES["96x112"], fraction=0.5).shape
        torch.Size([3, 112, 96])
    """
    require_within("center_crop", 0.0, 1.0, low_excluded=True, fraction=fraction)
    height, width = image_3HW.shape[-2:]
    scale = fraction * min(height / template.height, width / template.width)
    rows, columns = max(1, round(scale * template.height)), max(1, round(scale * template.width))
    top, left = (height - rows) // 2, (width - columns) // 2
    part = image_3HW[None, :, top : top + rows, left : left + columns]
    return resize(part, (template.height, template.width))[0]
