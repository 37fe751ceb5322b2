"""Which classes of a classifier a process holds, where the class weights are split over processes.

Shapes: B batch, C classes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from facerec.settings import require_within


@dataclass(frozen=True)
class Sharding:
    """Class weights that are split over the processes of a training, with a sample of the other classes in each step.

    In YAML, ``sharded: true`` splits them and takes all classes; ``sharded: {sample_rate: 0.1}`` samples too.

    Args:
        sample_rate: share of the other classes in (0, 1] that a training step compares with, drawn anew each step. The
            classes of its batch are always among them. Each drawn class counts for 1 / share, so that the sum of
            exp(logit) over the other classes is right in the mean.

    Raises:
        ValueError: if ``sample_rate`` lies outside (0, 1].

    Example:
        >>> from facerec.losses import ArcFace
        >>> ArcFace(sharded=True).sharding, ArcFace(sharded=Sharding(sample_rate=0.1)).sharding
        (Sharding(sample_rate=1.0), Sharding(sample_rate=0.1))
    """

    sample_rate: float = 1.0

    def __post_init__(self) -> None:
        require_within(self, 0.0, 1.0, low_excluded=True, sample_rate=self.sample_rate)


def sharding_of(sharded: bool | Sharding) -> Sharding | None:
    """The setting ``sharded`` of a loss; None if its class weights stay whole.

    Example:
        >>> sharding_of(True), sharding_of(False)
        (Sharding(sample_rate=1.0), None)
    """
    if isinstance(sharded, Sharding):
        return sharded
    return Sharding() if sharded else None


@dataclass(frozen=True)
class Shard:
    """The classes ``first`` to ``end`` of C, which one of several processes holds.

    Args:
        rank: number of the process, from 0.
        world: number of processes W.
        classes: number of all classes C.
        sample_rate: share of the other classes that this step compares with.

    Example:
        >>> import torch
        >>> [(shard.first, shard.end) for shard in (Shard(rank, 3, classes=10) for rank in range(3))]
        [(0, 3), (3, 6), (6, 10)]
        >>> Shard(1, 3, classes=10).places(torch.tensor([0, 5, 9]))
        tensor([-1,  2, -1])
    """

    rank: int
    world: int
    classes: int
    sample_rate: float = 1.0

    @property
    def first(self) -> int:
        """The first class."""
        return self.rank * self.classes // self.world

    @property
    def end(self) -> int:
        """One past the last class."""
        return (self.rank + 1) * self.classes // self.world

    def __len__(self) -> int:
        return self.end - self.first

    def rows(self, rows_of_all: int) -> slice:
        """The rows of this process in a tensor with as many rows for each class, such as sub-centers."""
        each = rows_of_all // self.classes
        return slice(self.first * each, self.end * each)

    def places(self, labels_B: Tensor) -> Tensor:
        """The place of each class among those of this process (B,); -1 where another one holds it."""
        is_here_B = (labels_B >= self.first) & (labels_B < self.end)
        return torch.where(is_here_B, labels_B - self.first, -1)
