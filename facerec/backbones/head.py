"""The embedding head, feature maps (B, C, H, W) to embeddings (B, D): its settings and its layers.

Shapes: B batch, C channels, H height, W width, F features, D embedding dimension.
"""

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from facerec.settings import require_choice, require_within

Reduction = Literal["pool", "flatten", "depthwise"]


@dataclass(frozen=True)
class EmbeddingHead:
    """Settings of the embedding head, the same for every family.

    The layers stand in the order of the settings, with the linear layer before ``batch_norm``.

    Args:
        reduce: how a feature map becomes one vector. ``pool`` takes the mean and works at any image size. ``flatten``
            takes every position (insightface). ``depthwise`` has one learned weight per position and channel
            (MobileFaceNet, arXiv:1804.07573, section 3.2). The last two work at one image size.
        feature_norm: layer normalisation of that vector (ConvNeXt).
        dropout: probability of dropping a feature before the linear layer.
        batch_norm: batch normalisation of the embedding. Without it the linear layer has a bias.
        embedding_dropout: probability of dropping a component of the embedding.

    Raises:
        ValueError: for an unknown reduction, or a probability outside [0, 1).

    Example:
        >>> import torch
        >>> layers = EmbeddingHead("flatten", dropout=0.4).build(channels=8, feature_size=(7, 6), embedding_dim=16)
        >>> layers(torch.zeros(2, 8, 7, 6)).shape
        torch.Size([2, 16])
    """

    reduce: Reduction = "pool"
    feature_norm: bool = False
    dropout: float = 0.0
    batch_norm: bool = True
    embedding_dropout: float = 0.0

    def __post_init__(self) -> None:
        require_choice("head.", ("pool", "flatten", "depthwise"), reduce=self.reduce)
        require_within("head.", 0.0, 1.0, high_excluded=True, dropout=self.dropout)
        require_within("head.", 0.0, 1.0, high_excluded=True, embedding_dropout=self.embedding_dropout)

    def build(self, channels: int, feature_size: tuple[int, int], embedding_dim: int) -> "EmbeddingLayers":
        """The layers.

        Args:
            channels: number of feature channels C.
            feature_size: height and width of the feature maps. ``pool`` ignores it.
            embedding_dim: length D of an embedding.
        """
        return EmbeddingLayers(self, channels, feature_size, embedding_dim)


class EmbeddingLayers(nn.Module):
    """The layers of an :class:`EmbeddingHead`, which makes them.

    Attributes:
        feature_size: height and width of the feature maps they are made for; None for any.
        resizes_maps: whether maps of another size are resized to it, bilinearly, in place of an error.
    """

    def __init__(
        self, settings: EmbeddingHead, channels: int, feature_size: tuple[int, int], embedding_dim: int
    ) -> None:
        super().__init__()
        self.feature_size = None if settings.reduce == "pool" else feature_size
        self.resizes_maps = False
        features = channels
        if settings.reduce == "pool":
            self.reduce: nn.Module = nn.AdaptiveAvgPool2d(1)
        elif settings.reduce == "flatten":
            self.reduce = nn.Identity()
            features = channels * feature_size[0] * feature_size[1]
        else:
            weighted_sum = nn.Conv2d(channels, channels, feature_size, groups=channels, bias=False)
            self.reduce = nn.Sequential(weighted_sum, nn.BatchNorm2d(channels))
        self.feature_norm = nn.LayerNorm(features, eps=1e-6) if settings.feature_norm else nn.Identity()
        self.dropout = _dropout(settings.dropout)
        self.linear = nn.Linear(features, embedding_dim, bias=not settings.batch_norm)
        self.norm = nn.BatchNorm1d(embedding_dim) if settings.batch_norm else nn.Identity()
        self.embedding_dropout = _dropout(settings.embedding_dropout)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Embed feature maps.

        Raises:
            ValueError: for maps of another size than the head was built for.
        """
        height, width = x_BCHW.shape[-2:]
        if self.feature_size not in (None, (height, width)):
            if self.resizes_maps:
                return self.forward(F.interpolate(x_BCHW, self.feature_size, mode="bilinear"))
            raise ValueError(
                f"this embedding head was built for feature maps of {self.feature_size[0]}x{self.feature_size[1]} and "
                f"got {height}x{width}. Set model.image_size, or in Python call build((height, width)) with the size "
                "of the images; or set head.reduce to pool, which takes any size"
            )
        features_BF = self.feature_norm(self.reduce(x_BCHW).flatten(1))
        embeddings_BD: Tensor = self.embedding_dropout(self.norm(self.linear(self.dropout(features_BF))))
        return embeddings_BD


def _dropout(probability: float) -> nn.Module:
    return nn.Dropout(probability) if probability else nn.Identity()
