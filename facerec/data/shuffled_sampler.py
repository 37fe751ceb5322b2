"""A plain shuffle for one process or several, without a list of all images."""

from collections.abc import Iterator

import torch
from torch.utils.data.distributed import DistributedSampler

from facerec.data.batches import SourceDataset

BLOCK = 65_536  # images that are Python numbers at a time


class ShuffledSampler(DistributedSampler[SourceDataset]):
    """The images of this process in the order of torch's ``DistributedSampler``, with a tenth of its memory.

    torch makes a list of Python numbers, for all images in every process: 2 GB at 50 million. The order is a function
    of (seed, epoch), and each process takes every R-th image of it. The first images come again at the end if they do
    not divide by R.

    Args:
        dataset: the images.
        replicas: number of processes R.
        rank: number of this process.
        seed: seed of the order.

    Example:
        >>> import numpy as np
        >>> from facerec.data import ORLImages
        >>> images = SourceDataset(ORLImages("train"), (32, 32), indices=np.arange(5))
        >>> [sorted(ShuffledSampler(images, 2, rank)) for rank in range(2)]
        [[1, 2, 4], [0, 3, 4]]
    """

    def __init__(self, dataset: SourceDataset, replicas: int = 1, rank: int = 0, seed: int = 0) -> None:
        super().__init__(dataset, replicas, rank, shuffle=True, seed=seed)

    def __iter__(self) -> Iterator[int]:  # type: ignore[override]  # torch types it by the data set
        """Positions in the dataset."""
        count = len(self.dataset)  # type: ignore[arg-type]
        order_N = torch.randperm(count, generator=torch.Generator().manual_seed(self.seed + self.epoch))
        repeated = order_N[torch.arange(count, self.total_size) % count]
        mine = torch.cat([order_N, repeated])[self.rank :: self.num_replicas].clone()  # what all have is let go
        del order_N
        for start in range(0, len(mine), BLOCK):
            yield from mine[start : start + BLOCK].tolist()
