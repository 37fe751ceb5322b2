"""The contract of a backbone, and the one shape that all our networks have: stem, stages, embedding head."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from facerec.backbones.layers import EmbeddingHead, Head, require_positive
from facerec.backbones.narrow import guard_narrow_convolutions


class Backbone(nn.Module, ABC):
    """Turns a batch of face images into one embedding per image.

    The embedding is not normalised: whoever needs a direction (a loss, a score) normalises it.

    Attributes:
        embedding_dim: length D of an embedding.
        image_size: (height, width) of the only images it takes; None if any size will do.
    """

    embedding_dim: int
    image_size: tuple[int, int] | None = None

    @abstractmethod
    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Embed normalised images.

        Args:
            images_BCHW: float images (B, 3, H, W), preprocessed as at training time.

        Returns:
            Embeddings (B, D).
        """


class StagedBackbone(Backbone):
    """Stem, stages of blocks, pooling and embedding: what a family builds, this class runs.

    Args:
        stem: the first layers, images (B, 3, H, W) to maps.
        stages: the blocks, maps to features (B, C, H', W').
        channels: number of feature channels C.
        smallest_input: smallest height and width that still give a whole feature map.
        embedding_dim: length D of an embedding.
        head: how a feature map becomes one vector, see :class:`EmbeddingHead`.
        image_size: height and width of the images; ``flatten`` and ``depthwise`` heads work at this size only.
        dropout: probability of dropping a feature before the embedding layer.
        feature_norm: layer normalisation of the pooled features (ConvNeXt).
        embedding_norm: batch normalisation of the embedding.

    Raises:
        ValueError: for a head that does not exist, sizes below 1, or images below ``smallest_input``.
    """

    def __init__(
        self,
        stem: nn.Module,
        stages: nn.Module,
        *,
        channels: int,
        smallest_input: int,
        embedding_dim: int,
        head: Head,
        image_size: tuple[int, int],
        dropout: float,
        feature_norm: bool = False,
        embedding_norm: bool = True,
    ) -> None:
        super().__init__()
        require_positive(type(self).__name__, embedding_dim=embedding_dim)
        self.stem = stem
        self.stages = stages
        guard_narrow_convolutions(self)
        self.smallest_input = smallest_input
        self.embedding_dim = embedding_dim
        if head != "pool":
            self.image_size = (image_size[0], image_size[1])
        feature_size = (1, 1) if self.image_size is None else self._feature_size(self.image_size)
        self.head = EmbeddingHead(
            head, channels, feature_size, embedding_dim, dropout, feature_norm=feature_norm, norm=embedding_norm
        )

    @torch.no_grad()
    def _feature_size(self, image_size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the features, seen by running one empty image: exact for every kind of padding."""
        self.eval()  # running statistics stay as they are
        height, width = self.features(torch.zeros(1, 3, *image_size)).shape[-2:]
        self.train()
        return int(height), int(width)

    def features(self, images_BCHW: Tensor) -> Tensor:
        """Feature maps (B, C, H', W') before the embedding head.

        Raises:
            ValueError: for images that are too small for the strides.
        """
        height, width = images_BCHW.shape[-2:]
        if min(height, width) < self.smallest_input:
            raise ValueError(
                f"images of {height}x{width} are too small for {type(self).__name__}: its strides need at least "
                f"{self.smallest_input}x{self.smallest_input}; resize the images (stem='face' needs less than 'paper')"
            )
        features_BCHW: Tensor = self.stages(self.stem(images_BCHW))
        return features_BCHW

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Embed images (B, 3, H, W) as (B, D)."""
        embeddings_BD: Tensor = self.head(self.features(images_BCHW))
        return embeddings_BD
