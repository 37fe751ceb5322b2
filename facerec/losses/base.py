"""The contract of a loss: configure it, build it for its sizes, then turn embeddings and labels into a scalar.

Shapes: B batch, D embedding dimension, C classes.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import Self

from facerec.compilation import compiled
from facerec.losses.functional.gathering import from_all_processes, own_rows
from facerec.losses.functional.margin_softmax import MarginSoftmax
from facerec.losses.functional.own_class import leave_out_own_
from facerec.losses.functional.shard import Shard, Sharding, sharding_of
from facerec.losses.functional.sharded import nearest_of_all
from facerec.losses.functional.vectors import directions

LARGEST = 2**24  # numbers of a matrix of logits without gradient: 64 MiB


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

    def named(self, embeddings_BD: Tensor) -> Tensor | None:
        """The class of the highest logit of each embedding (B,); None for a loss without class weights."""
        logits_BC = self.logits(embeddings_BD)
        return None if logits_BC is None else logits_BC.argmax(1)

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
                "Remove data.mix, or train with Softmax or NormFace, not sharded."
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

    Args:
        sharded: split the class weights over the processes of a training (``split``), exactly; or a ``Sharding``, which
            also samples the other classes.

    Attributes:
        weight: class weights (C, D), created by ``build``; those of this process once they are split.
        sharding: what ``sharded`` says; None if each process has all class weights.
        shard: the classes of this process; None if it has all.

    Example:
        >>> import torch
        >>> from facerec.losses import Softmax
        >>> loss = Softmax().build(embedding_dim=4, num_classes=3)
        >>> loss.weight.shape, loss.logits(torch.zeros(2, 4)).shape
        (torch.Size([3, 4]), torch.Size([2, 3]))
    """

    needs_build = True
    weight: nn.Parameter

    def __init__(self, sharded: bool | Sharding = False) -> None:
        super().__init__()
        self.sharding = sharding_of(sharded)
        self.shard: Shard | None = None

    def build(self, embedding_dim: int, num_classes: int) -> Self:
        """Create the class weights (C, D), normally distributed, of length about 1.

        A cosine does not depend on the length of a weight, but its gradient is divided by it. Weights that start short
        would take far larger steps than the learning rate says.

        Raises:
            ValueError: if a size is below 1.
        """
        super().build(embedding_dim, num_classes)
        self.shard = None
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(num_classes, embedding_dim), std=embedding_dim**-0.5))
        return self

    def class_directions(self) -> Tensor:
        """Directions of the class weights (C, D), detached.

        Raises:
            ValueError: if other processes have some of them.
        """
        return directions(self.whole_weight())

    def whole_weight(self) -> Tensor:
        """The class weights of all people, detached.

        Raises:
            ValueError: if other processes have some of them.
        """
        if self.shard is not None:
            raise ValueError(
                f"{type(self).__name__} sharded: this process has the class weights of {len(self.shard)} of "
                f"{self.num_classes} people. A checkpoint has all of them"
            )
        return self.weight.detach()

    def named(self, embeddings_BD: Tensor) -> Tensor | None:
        """The class of the highest logit of each embedding (B,). Of a split loss, all processes call it at once."""
        if self.shard is None:
            return super().named(embeddings_BD)
        return self.nearest(embeddings_BD, torch.full_like(embeddings_BD[:, 0], -1, dtype=torch.int64))[0]

    @torch.no_grad()
    def nearest(self, embeddings_BD: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor]:
        """The nearest class of each embedding, and the nearest of another person.

        Args:
            embeddings_BD: embeddings (B, D) of this process. Of a split loss, all processes call it at once.
            labels_B: own class of each; -1 for none.

        Returns:
            The class of the highest logit (B,), and the highest logit of another class than the own (B,).
        """
        shard = self.shard or Shard(0, 1, self.num_classes)
        split = shard.world > 1
        all_BD = from_all_processes(embeddings_BD) if split else embeddings_BD
        places_B = shard.places(from_all_processes(labels_B) if split else labels_B)
        found = []
        rows = max(1, LARGEST // len(shard))
        for embeddings_RD, places_R in zip(torch.split(all_BD, rows), torch.split(places_B, rows), strict=True):
            logits_RC = self.logits(embeddings_RD)
            best = logits_RC.max(1)
            other_R = leave_out_own_(logits_RC, places_R).amax(1)
            found.append((shard.first + best.indices, best.values, other_R))
        named_B, best_B, other_B = (torch.cat(parts) for parts in zip(*found, strict=True))
        named_B, other_B = nearest_of_all(named_B, best_B, other_B, shard)
        return (own_rows(named_B, labels_B), own_rows(other_B, labels_B)) if split else (named_B, other_B)

    # Class weights that are split over processes

    @abstractmethod
    def logits(self, embeddings_BD: Tensor) -> Tensor:
        """Class scores (B, C) without margin; once the class weights are split, those of this process alone."""

    @property
    def split_parameters(self) -> tuple[str, ...]:
        """Names of the parameters with one or more rows for each class."""
        return ("weight",)

    def split(self, rank: int, world: int) -> None:
        """Keep the class weights of one of several processes alone. Nothing happens in a training of one process.

        Raises:
            ValueError: if there are fewer people than processes.
        """
        if world == 1:
            return
        if self.num_classes < world:
            raise ValueError(
                f"{type(self).__name__} sharded: {self.num_classes} people cannot be split over {world} processes. "
                "Leave sharded out, or train with fewer processes"
            )
        self.shard = Shard(rank, world, self.num_classes)
        for name in self.split_parameters:
            whole = self.get_parameter(name).detach()
            setattr(self, name, nn.Parameter(whole[self.shard.rows(len(whole))].clone()))

    def shard_of_step(self) -> Shard | None:
        """The classes that this process compares with in this step; None for all, where it has all."""
        if self.sharding is None or not self.training or self.sharding.sample_rate == 1.0:
            return self.shard
        return replace(self.shard or Shard(0, 1, self.num_classes), sample_rate=self.sharding.sample_rate)

    def of_step(self, softmax: MarginSoftmax) -> MarginSoftmax:
        """A margin softmax over the classes of this step."""
        return replace(softmax, shard=self.shard_of_step())

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *args: Any) -> None:
        """Take the rows of this process from whole class weights."""
        taken = dict(state_dict)
        for name in self.split_parameters if self.shard is not None else ():
            whole, own = taken.get(prefix + name), self.get_parameter(name)
            if whole is not None and len(whole) * len(self.shard) == len(own) * self.num_classes:  # type: ignore[arg-type]
                taken[prefix + name] = whole[self.shard.rows(len(whole))]  # type: ignore[union-attr]
        super()._load_from_state_dict(taken, prefix, *args)


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
