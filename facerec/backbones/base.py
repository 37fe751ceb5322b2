"""The contract of a backbone: images in, embeddings out."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Backbone(nn.Module, ABC):
    """Turns a batch of face images into one embedding per image.

    The embedding is not normalised: whoever needs a direction (a loss, a score) normalises it.

    Attributes:
        embedding_dim: length D of an embedding.
    """

    embedding_dim: int

    @abstractmethod
    def forward(self, images_BCHW: Tensor) -> Tensor:
        """Embed normalised images.

        Args:
            images_BCHW: float images (B, 3, H, W), preprocessed as at training time.

        Returns:
            Embeddings (B, D).
        """
