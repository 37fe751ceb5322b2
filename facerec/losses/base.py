"""The contract of a loss: configure it, build it for its sizes, then turn embeddings and labels into a scalar.

Shapes: B batch, D embedding dimension, C classes.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import Self

from facerec.compilation import compiled
from facerec.losses.functional.gathering import from_all_processes
from facerec.losses.functional.vectors import directions


class Loss(nn.Module, ABC):
    """A training objective on embeddings.

    Configure a loss first (``ArcFace(scale=64.0)``). Build it when the embedding length and the number of people are
    known. Its parameters and buffers are saved and optimised together with those of the backbone.

    A new loss implements ``compute``, which always runs with autocast off, in float32 or float64.

    Attributes:
        num_classes: number of training people C; 0 before ``build``.
        needs_build: whether it keeps something for each person, so that it cannot be used before ``build``.
        is_compiled: whether ``torch.compile`` translates ``compute``.

    Example:
        One step of a training loop; in a real one the optimizer also has the parameters of the backbone.

        >>> import torch
        >>> from facerec.losses import ArcFace
        >>> loss = ArcFace(scale=16.0).build(embedding_dim=4, num_classes=3)
        >>> optimizer = torch.optim.SGD(loss.parameters(), lr=0.1)
        >>> value = loss(torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2]))
        >>> value.backward()
        >>> optimizer.step()
        >>> loss.step()
        >>> value.shape
        torch.Size([])
    """

    needs_build: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.num_classes = 0
        self.is_compiled = False
        self._statistics: dict[str, Tensor] = {}

    @property
    def needs_positives(self) -> bool:
        """Whether it learns from genuine pairs inside a batch; a sum of losses does if any part does.

        A plain shuffle of many people brings few such pairs. Use ``data.images_per_person`` or ``data.views``.
        """
        return False

    @property
    def takes_soft_labels(self) -> bool:
        """Whether it also takes a share of each class for each image (mixup, cutmix); a sum does if every part does."""
        return False

    @property
    def takes_shallow(self) -> bool:
        """Whether it takes embeddings without a label behind the labelled ones: people outside the classifier."""
        return False

    def build(self, embedding_dim: int, num_classes: int) -> Self:
        """Create the parameters. Losses without parameters only note the number of people.

        Args:
            embedding_dim: length D of an embedding.
            num_classes: number of training people C.

        Returns:
            The loss itself, so that ``ArcFace().build(512, 1000)`` is one expression.

        Raises:
            ValueError: if a size is below 1.
        """
        if embedding_dim < 1 or num_classes < 1:
            raise ValueError(f"embedding_dim={embedding_dim}, num_classes={num_classes}: both must be at least 1")
        self.num_classes = num_classes
        return self

    def forward(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Compute the loss of a batch. Processes that train together each compute that of their whole batch.

        Args:
            embeddings_BD: embeddings (B, D) of any float type, not normalised.
            labels_B: int64 class of each embedding (B,), in [0, C). With ``takes_soft_labels`` also float shares (B, C)
                that sum to 1 for each embedding.

        Returns:
            A scalar, averaged over the batch: float32, or float64 for float64 embeddings.

        Raises:
            ValueError: if ``check_labels`` refuses the labels, or there are fewer or more of them than embeddings.
        """
        return self.of_whole_batch(*self.gathered(embeddings_BD, labels_B))

    def gathered(self, embeddings_BD: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings and labels of all processes that train together."""
        return from_all_processes(embeddings_BD), from_all_processes(labels_B)

    def of_whole_batch(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """As ``forward``, for a batch that is whole already."""
        self.check_labels(labels_B)
        self.check_rows(len(embeddings_BD), len(labels_B))
        with torch.autocast(embeddings_BD.device.type, enabled=False):
            # Half precision rounds cosines above 0.998 to 1 and overflows at scale 64, so no loss computes in it.
            is_double = embeddings_BD.dtype == torch.float64
            compute = compiled(type(self).compute) if self.is_compiled else type(self).compute
            return compute(self, embeddings_BD if is_double else embeddings_BD.float(), labels_B)

    @abstractmethod
    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """The loss itself, on float32 or float64 embeddings (B, D) and checked labels (B,)."""

    def step(self) -> None:
        """Count a step of the optimizer, for settings that change during training.

        ``FaceRecognizer`` calls it. A training loop of your own calls it after ``optimizer.step()``. ``forward`` does
        not count, so a schedule is the same for any number of batches accumulated into a step.
        """

    def logits(self, embeddings_BD: Tensor) -> Tensor | None:
        """Class scores (B, C) without margin, for dev accuracy; None for a loss without class weights."""
        return None

    def class_directions(self) -> Tensor | None:
        """Direction of each class (C, D), detached, in its order; None for a loss without class weights."""
        return None

    def statistics(self) -> dict[str, Tensor]:
        """Statistics of the last batch, by name: detached scalars on the device, read without a sync."""
        return self._statistics

    def record(self, **statistics: Tensor) -> None:
        """Replace the statistics by those of this batch."""
        self._statistics = {name: value.detach() for name, value in statistics.items()}

    def check_rows(self, embeddings: int, labels: int) -> None:
        """Refuse another number of labels than of embeddings.

        Raises:
            ValueError: naming both numbers.
        """
        if embeddings != labels:
            raise ValueError(
                f"{type(self).__name__} got {embeddings} embeddings and {labels} labels: it needs a label for each. "
                "DeepAndShallow alone takes embeddings without one"
            )

    def check_labels(self, labels_B: Tensor) -> None:
        """Refuse labels that stand for no person, before an index error hides the reason.

        The range is checked on the CPU alone. On a GPU the check would make every step wait for the device.

        Raises:
            ValueError: for labels that are not whole numbers or lie outside [0, C), and before ``build`` if
                ``needs_build``.
        """
        name = type(self).__name__
        if self.needs_build and not self.num_classes:
            raise ValueError(f"{name} is not built yet: call build(embedding_dim, num_classes) first")
        if labels_B.is_floating_point() and self.takes_soft_labels:
            check_soft_labels(self, labels_B)
            return
        if labels_B.is_floating_point() or labels_B.ndim != 1:
            raise ValueError(
                f"{name} takes one class index per image (B,), not {labels_B.dtype} of shape {tuple(labels_B.shape)}. "
                "With soft labels (mixup, cutmix) an image has no own class for a margin or a pair. "
                "Remove data.mix, or train with Softmax or NormFace."
            )
        if self.num_classes and labels_B.device.type == "cpu" and len(labels_B):
            low, high = int(labels_B.min()), int(labels_B.max())
            if low < 0 or high >= self.num_classes:
                raise ValueError(
                    f"labels from {low} to {high}, but {name} was built for {self.num_classes} people: they must lie "
                    f"in [0, {self.num_classes})"
                )


class ClassifierLoss(Loss):
    """A loss with one weight vector for each training person.

    Attributes:
        weight: class weights (C, D), created by ``build``.

    Example:
        >>> import torch
        >>> from facerec.losses import Softmax
        >>> loss = Softmax().build(embedding_dim=4, num_classes=3)
        >>> loss.weight.shape, loss.logits(torch.zeros(2, 4)).shape
        (torch.Size([3, 4]), torch.Size([2, 3]))
    """

    needs_build = True
    weight: nn.Parameter

    def build(self, embedding_dim: int, num_classes: int) -> Self:
        """Create the class weights (C, D), normally distributed, of length about 1.

        A cosine does not depend on the length of a weight, but its gradient is divided by it. Weights that start short
        would take far larger steps than the learning rate says.

        Raises:
            ValueError: if a size is below 1.
        """
        super().build(embedding_dim, num_classes)
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(num_classes, embedding_dim), std=embedding_dim**-0.5))
        return self

    def class_directions(self) -> Tensor:
        """Directions of the class weights (C, D), detached."""
        return directions(self.weight.detach())


def check_soft_labels(loss: Loss, labels_BC: Tensor) -> None:
    """Refuse soft labels of another shape and, on the CPU, shares that do not sum to 1.

    Raises:
        ValueError: naming the loss and the shape or the sum.
    """
    if labels_BC.ndim != 2 or labels_BC.shape[1] != loss.num_classes:
        raise ValueError(
            f"{type(loss).__name__} was built for {loss.num_classes} people: soft labels must be "
            f"(B, {loss.num_classes}), not {tuple(labels_BC.shape)}"
        )
    if labels_BC.device.type == "cpu" and len(labels_BC):
        worst = float((labels_BC.sum(1) - 1.0).abs().max())
        if not worst < 1e-3 or float(labels_BC.min()) < 0.0:
            raise ValueError(
                f"{type(loss).__name__}: soft labels must be at least 0 and sum to 1, the sum is off by {worst:.2g}"
            )
