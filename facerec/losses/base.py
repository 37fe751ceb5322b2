"""The contract of a loss: built once for its sizes, then embeddings and labels in, a scalar out."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class Loss(nn.Module, ABC):
    """A training objective on embeddings.

    A loss is configured first (``ArcFace(scale=64.0)``) and built later, when the embedding length and the number of
    people are known. Its parameters are optimised and saved together with the backbone.
    """

    def build(self, embedding_dim: int, num_classes: int) -> None:
        """Create the parameters. Losses without parameters inherit this and do nothing.

        Args:
            embedding_dim: length D of an embedding.
            num_classes: number of training people C.
        """

    @abstractmethod
    def forward(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Compute the loss of a batch.

        Args:
            embeddings_BD: float32 embeddings (B, D), not normalised.
            labels_B: int64 class of each embedding (B,), in [0, C).

        Returns:
            A scalar, averaged over the batch.
        """

    def logits(self, embeddings_BD: Tensor) -> Tensor | None:
        """Class scores (B, C) without margin, for dev accuracy; None where the loss has no class weights."""
        return None


class ClassifierLoss(Loss):
    """A loss with one weight vector for each training person.

    Attributes:
        weight: class weights (C, D), there after ``build``.
    """

    weight: nn.Parameter

    def build(self, embedding_dim: int, num_classes: int) -> None:
        """Create the class weights (C, D), normal, of length about 1.

        A cosine does not depend on the length of a weight, but its gradient is divided by it: weights that start short
        take steps far larger than the learning rate says.

        Raises:
            ValueError: if a size is below 1.
        """
        if embedding_dim < 1 or num_classes < 1:
            raise ValueError(f"embedding_dim={embedding_dim}, num_classes={num_classes}: both must be at least 1")
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(num_classes, embedding_dim), std=embedding_dim**-0.5))

    @property
    def num_classes(self) -> int:
        """Number of training people C."""
        return len(self.weight)

    def check_labels(self, labels_B: Tensor) -> None:
        """Refuse labels that no class weight stands for, before an index error on some device hides the reason.

        Raises:
            ValueError: for labels that are not whole numbers, or lie outside [0, C).
        """
        if labels_B.is_floating_point() or labels_B.ndim != 1:
            raise ValueError(
                f"{type(self).__name__} takes one class index per image (B,), not {labels_B.dtype} of shape "
                f"{tuple(labels_B.shape)}: soft labels (mixup, cutmix) have no margin"
            )
        if len(labels_B) and not (int(labels_B.min()) >= 0 and int(labels_B.max()) < self.num_classes):
            raise ValueError(
                f"labels from {int(labels_B.min())} to {int(labels_B.max())}, but {type(self).__name__} was built for "
                f"{self.num_classes} people: they must lie in [0, {self.num_classes})"
            )
