"""The flip test: the mirror image of a face counts in an evaluation too."""

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

FlipTest = Literal["sum", "concatenate"]


def views_of(flip_test: bool | FlipTest | None) -> FlipTest | None:
    """How the mirror image counts, None if it does not. True stands for the sum.

    Example:
        >>> views_of(True), views_of("concatenate"), views_of(False)
        ('sum', 'concatenate', None)
    """
    if isinstance(flip_test, bool):
        return "sum" if flip_test else None
    return flip_test


def embed_views(embed: Callable[[Tensor], Tensor], images_BCHW: Tensor, flip_test: FlipTest | None) -> Tensor:
    """Embeddings of image and mirror together: (B, D), or (B, 2 D) if they are concatenated.

    Args:
        embed: network from images to embeddings (B, D).
        images_BCHW: images (B, 3, H, W).
        flip_test: how the mirror image counts.

    Example:
        >>> left_half = lambda images: images[..., :1].flatten(1)
        >>> embed_views(left_half, torch.tensor([[[[3.0, 4.0]]]]), "concatenate")
        tensor([[3., 4.]])
    """
    embeddings_BD = embed(images_BCHW)
    if flip_test is None:
        return embeddings_BD
    mirrored_BD = embed(images_BCHW.flip(-1))
    if flip_test == "concatenate":
        return torch.cat([embeddings_BD, mirrored_BD], dim=1)
    return mean_view(embeddings_BD, mirrored_BD)


def mean_view(embeddings_BD: Tensor, mirrored_BD: Tensor) -> Tensor:
    """The mean direction of the embeddings of image and mirror, at their mean length (B, D).

    Example:
        >>> mean_view(torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 1.0]]))
        tensor([[1., 1.]])
    """
    lengths_B = embeddings_BD.norm(dim=1) + mirrored_BD.norm(dim=1)
    mean_BD: Tensor = (F.normalize(embeddings_BD) + F.normalize(mirrored_BD)) * (0.25 * lengths_B)[:, None]
    return mean_BD
