"""Where a pair's score comes from, by covering: the score of two images while a square hides a part of one.

Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, arXiv:1311.2901, section 4.2, with
the cosine of two embeddings in place of the probability of a class. It asks nothing of the network but embeddings.

Shapes: B images, D embedding, H, W height and width of an image.
"""

from collections.abc import Callable, Sequence
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from facerec.settings import require_within

SQUARES = 7  # that cover the shorter side of an image


def default_side(image_size: tuple[int, int]) -> int:
    """Side in pixels of the square for images of (height, width): a seventh of the shorter one, 16 of 112."""
    return max(1, round(min(image_size) / SQUARES))


def square_places(image_size: tuple[int, int], side: int) -> list[tuple[int, int]]:
    """Top and left of every square: half a square apart, and the last ones at the border.

    Raises:
        ValueError: if the square is larger than the image.

    Example:
        >>> square_places((4, 7), side=4)
        [(0, 0), (0, 2), (0, 3)]
    """
    require_within("--", 1, min(image_size), patch=side)
    starts = [[*range(0, length - side, max(1, side // 2)), length - side] for length in image_size]
    return list(product(*starts))


@torch.no_grad()
def score_drops(
    embed: Callable[[Tensor], Tensor], images_23HW: Tensor, side: int, batch_size: int, description: str = "occlusion"
) -> Tensor:
    """How far the cosine of a pair falls when a square of one image is covered, while the other stays as it is.

    The square gets the mean colour of its image. A pixel gets the mean of the squares that cover it. A progress bar
    appears after a second.

    Args:
        embed: from uint8 pixels (B, 3, H, W) to embeddings (B, D).
        images_23HW: uint8 pixels of both images.
        side: of the square in pixels.
        batch_size: images in a pass.
        description: label of the progress bar.

    Returns:
        The fall for each pixel of both images (2, H, W), float64, on the CPU; below 0 where the score rises.

    Raises:
        ValueError: if the square is larger than the image.

    Example:
        >>> def embed(images):  # the means of the left and the right half
        ...     return images.float().mean((1, 2)).reshape(-1, 2, 2).mean(2)
        >>> images = torch.tensor([[0, 0, 8, 8], [0, 0, 8, 8]], dtype=torch.uint8)[:, None, None].expand(-1, 3, 2, -1)
        >>> score_drops(embed, images, side=2, batch_size=2)[0, 0].numpy().round(2)  # squares at 0, 1 and 2
        array([0.11, 0.08, 0.03, 0.  ])
    """
    places = square_places((images_23HW.shape[-2], images_23HW.shape[-1]), side)
    embeddings_2D = embed(images_23HW).cpu().double()
    score = F.cosine_similarity(embeddings_2D[0], embeddings_2D[1], dim=0)
    drops = []
    with tqdm(total=2 * len(places), desc=description, unit="image", delay=1, leave=False) as progress:
        for image_3HW, other_D in zip(images_23HW, embeddings_2D.flip(0), strict=True):
            total_HW, count_HW = torch.zeros(2, *image_3HW.shape[1:], dtype=torch.float64)
            for batch in (places[start : start + batch_size] for start in range(0, len(places), batch_size)):
                covered_BD = embed(_covered(image_3HW, batch, side)).cpu().double()
                scores = F.cosine_similarity(covered_BD, other_D).tolist()
                for covered_score, (top, left) in zip(scores, batch, strict=True):
                    total_HW[top : top + side, left : left + side] += score - covered_score
                    count_HW[top : top + side, left : left + side] += 1.0
                progress.update(len(batch))
            drops.append(total_HW / count_HW)
    return torch.stack(drops)


def _covered(image_3HW: Tensor, places: Sequence[tuple[int, int]], side: int) -> Tensor:
    """The image (B, 3, H, W) with its mean colour in a square at each of the places."""
    covered_B3HW = image_3HW.repeat(len(places), 1, 1, 1)
    colour_311 = image_3HW.double().mean((1, 2), keepdim=True).round().to(torch.uint8)
    for one_3HW, (top, left) in zip(covered_B3HW, places, strict=True):
        one_3HW[:, top : top + side, left : left + side] = colour_311
    return covered_B3HW
