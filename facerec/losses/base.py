"""The contract of a loss: built once for its sizes, then embeddings and labels in, a scalar out."""

import math
import warnings
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn


class Loss(nn.Module, ABC):
    """A training objective on embeddings.

    A loss is configured first (``ArcFace(scale=64.0)``) and built later, when the embedding length and the number of
    people are known. Its parameters and buffers are saved together with the backbone, its parameters optimised with it.
    A new loss implements ``compute``, which is always called with autocast off and at least float32.

    Attributes:
        num_classes: number of training people C; 0 until ``build``.
        needs_positives: whether it learns from pairs of the batch that show the same person, so that a plain shuffle
            of many people starves it and two views or the identity-balanced sampler are called for.
        accepts_soft_labels: whether it also takes a share of each class for each image, as mixup and cutmix give.
    """

    needs_positives: ClassVar[bool] = False
    accepts_soft_labels: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.num_classes = 0
        self._statistics: dict[str, Tensor] = {}

    @property
    def uses_pairs(self) -> bool:
        """``needs_positives`` of this loss or, for a sum of losses, of any part."""
        return self.needs_positives

    @property
    def takes_soft_labels(self) -> bool:
        """``accepts_soft_labels`` of this loss or, for a sum of losses, of every part."""
        return self.accepts_soft_labels

    def build(self, embedding_dim: int, num_classes: int) -> None:
        """Create the parameters. Losses without parameters only note the number of people.

        Args:
            embedding_dim: length D of an embedding.
            num_classes: number of training people C.

        Raises:
            ValueError: if a size is below 1.
        """
        if embedding_dim < 1 or num_classes < 1:
            raise ValueError(f"embedding_dim={embedding_dim}, num_classes={num_classes}: both must be at least 1")
        self.num_classes = num_classes

    def forward(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Compute the loss of a batch.

        Args:
            embeddings_BD: embeddings (B, D) of any float type, not normalised.
            labels_B: int64 class of each embedding (B,), in [0, C); or, where ``takes_soft_labels``, float shares
                (B, C) that sum to 1 for each embedding.

        Returns:
            A scalar, averaged over the batch: float32, or float64 for float64 embeddings.

        Raises:
            ValueError: for labels that ``check_labels`` refuses.
        """
        self.check_labels(labels_B)
        with torch.autocast(embeddings_BD.device.type, enabled=False):
            # Half precision rounds cosines above 0.998 to 1 and overflows at scale 64, so no loss computes in it.
            is_double = embeddings_BD.dtype == torch.float64
            return self.compute(embeddings_BD if is_double else embeddings_BD.float(), labels_B)

    @abstractmethod
    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """The loss itself, on float32 or float64 embeddings (B, D) and checked labels (B,)."""

    def step(self) -> None:
        """Note that the optimizer has taken a step, for what changes in the course of a training.

        ``FaceRecognizer`` calls it. A training loop of your own calls it after ``optimizer.step()``; counting here and
        not in ``forward`` keeps a schedule the same however many batches are accumulated into a step.
        """

    def logits(self, embeddings_BD: Tensor) -> Tensor | None:
        """Class scores (B, C) without margin, for dev accuracy; None where the loss has no class weights."""
        return None

    def statistics(self) -> dict[str, Tensor]:
        """What is worth watching in the last batch, by name: detached scalars on the device, read without a sync."""
        return self._statistics

    def record(self, **statistics: Tensor) -> None:
        """Replace the statistics by those of this batch."""
        self._statistics = {name: value.detach() for name, value in statistics.items()}

    def check_labels(self, labels_B: Tensor) -> None:
        """Refuse labels that no person stands for, before an index error hides the reason.

        The range is checked on the CPU alone: on a GPU it would make every step wait for the device.

        Raises:
            ValueError: for labels that are not whole numbers, or lie outside [0, C).
        """
        if labels_B.is_floating_point() and self.takes_soft_labels:
            check_soft_labels(self, labels_B)
            return
        if labels_B.is_floating_point() or labels_B.ndim != 1:
            raise ValueError(
                f"{type(self).__name__} takes one class index per image (B,), not {labels_B.dtype} of shape "
                f"{tuple(labels_B.shape)}: soft labels (data.mix: mixup, cutmix) have no own class for a margin or a "
                f"pair; take data.mix out"
            )
        if self.num_classes and labels_B.device.type == "cpu" and len(labels_B):
            low, high = int(labels_B.min()), int(labels_B.max())
            if low < 0 or high >= self.num_classes:
                raise ValueError(
                    f"labels from {low} to {high}, but {type(self).__name__} was built for {self.num_classes} people: "
                    f"they must lie in [0, {self.num_classes})"
                )


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
        super().build(embedding_dim, num_classes)
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(num_classes, embedding_dim), std=embedding_dim**-0.5))

    def check_labels(self, labels_B: Tensor) -> None:
        """As ``Loss.check_labels``.

        Raises:
            ValueError: also before ``build``.
        """
        if not self.num_classes:
            raise ValueError(f"{type(self).__name__} has no weights yet: call build(embedding_dim, num_classes) first")
        super().check_labels(labels_B)


def check_soft_labels(loss: Loss, labels_BC: Tensor) -> None:
    """Refuse soft labels of another shape, and, on the CPU, shares that do not sum to 1.

    Raises:
        ValueError: naming the loss and the shape or the sum.
    """
    if labels_BC.ndim != 2 or labels_BC.shape[1] != loss.num_classes:
        raise ValueError(
            f"{type(loss).__name__} was built for {loss.num_classes} people: soft labels are (B, {loss.num_classes}), "
            f"not {tuple(labels_BC.shape)}"
        )
    if labels_BC.device.type == "cpu" and len(labels_BC):
        worst = float((labels_BC.sum(1) - 1.0).abs().max())
        if not worst < 1e-3 or float(labels_BC.min()) < 0.0:
            raise ValueError(f"{type(loss).__name__}: soft labels are shares from 0 that sum to 1, off by {worst:.2g}")


def check_positive(owner: object, **settings: float) -> None:
    """Refuse settings that must be positive and finite.

    Raises:
        ValueError: naming the class, the setting and its value.
    """
    for name, value in settings.items():
        if not 0.0 < value < math.inf:
            raise ValueError(f"{type(owner).__name__} {name}={value}: must be positive and finite")


def check_range(owner: object, low: float, high: float, **settings: float) -> None:
    """Refuse settings outside [low, high].

    Raises:
        ValueError: naming the class, the setting, its value and the range.
    """
    for name, value in settings.items():
        if not low <= value <= high:
            raise ValueError(f"{type(owner).__name__} {name}={value}: must be in [{low:g}, {high:g}]")


def smallest_scale(num_classes: int, probability: float = 0.9) -> float:
    """Scale below which a normalised softmax cannot give the own class a probability, even with perfect weights.

    s >= (C - 1) / C * ln((C - 1) P / (1 - P)) (Wang et al., CosFace, CVPR 2018, section 3.3).

    Args:
        num_classes: C.
        probability: P, of the own class at its class weight.
    """
    if num_classes < 2:
        return 0.0
    return (num_classes - 1) / num_classes * math.log((num_classes - 1) * probability / (1.0 - probability))


def warn_small_scale(owner: object, scale: float, num_classes: int) -> None:
    """Warn, with the number, of a scale that is too small for the number of classes."""
    bound = smallest_scale(num_classes)
    if scale < bound:
        warnings.warn(
            f"{type(owner).__name__} scale={scale:g} is too small for {num_classes} people: even a perfect embedding "
            f"stays below probability 0.9 and training stalls; set scale to at least {bound:.1f} (CosFace paper)",
            stacklevel=3,
        )
