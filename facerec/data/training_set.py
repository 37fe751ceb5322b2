"""The training images, and the order in which they come in batches."""

import numpy as np
from numpy.typing import NDArray
from torch.utils.data.distributed import DistributedSampler

from facerec.data.batches import SourceDataset
from facerec.data.hard_classes import HardClasses, HardClassSampler
from facerec.data.samplers import IdentityBalancedSampler
from facerec.data.shallow import Division
from facerec.data.shallow_sampler import ShallowSampler
from facerec.data.shuffled_sampler import ShuffledSampler
from facerec.data.sources import ImageSource

SEED_STRIDE = 1_000_003


class TrainingDataset(SourceDataset):
    """The training images; those of shallow people come last.

    Args:
        source: the images.
        size: (height, width) of every image in a batch.
        indices: images to use.
        keep: whether the images stay in memory once they were read.
        division: deep and shallow people; None if everybody is a class.

    Attributes:
        classes: the images of the people who are classes, at the same positions.
    """

    def __init__(
        self,
        source: ImageSource,
        size: tuple[int, int],
        indices: NDArray[np.int64],
        keep: bool = False,
        division: Division | None = None,
    ) -> None:
        if division is None:
            super().__init__(source, size, indices=indices, keep=keep)
            self.classes: SourceDataset = self
            return
        indices, of_classes = division.deep_first(indices)
        super().__init__(source, size, division.labels, indices, keep)
        self.classes = SourceDataset(source, size, division.labels, indices[:of_classes])

    def order(
        self,
        batch_size: int,
        images_per_person: int | None = None,
        hard: HardClasses | None = None,
        shallow_people: int = 0,
        replicas: int = 1,
        rank: int = 0,
        seed: int = 0,
    ) -> DistributedSampler[SourceDataset]:
        """The order of the images of this process, also for one process, because it depends on the epoch.

        Args:
            batch_size: images in a batch of one process.
            images_per_person: number of images of each person who is a class; by default a plain shuffle.
            hard: for batches of people who are alike; by default people are drawn at random.
            shallow_people: number of shallow people in a batch, each with two images behind the others.
            replicas: number of processes.
            rank: number of this process.
            seed: seed of the order.

        Raises:
            ValueError: if there are too few people for a batch.
        """
        # torch shuffles by seed + epoch: without a stride, seed 1 would repeat the epochs of seed 0, one later.
        seed *= SEED_STRIDE
        batch_of_classes = batch_size - 2 * shallow_people
        order: DistributedSampler[SourceDataset]
        if images_per_person is None:
            order = ShuffledSampler(self.classes, replicas, rank, seed)
        else:
            people = batch_of_classes // images_per_person
            sizes, processes = (people, images_per_person), (replicas, rank)
            if hard is None:
                order = IdentityBalancedSampler(self.classes, *sizes, *processes, seed)
            else:
                order = HardClassSampler(self.classes, *sizes, hard, *processes, seed)
        if shallow_people:
            order = ShallowSampler(order, self, len(self.classes), batch_of_classes, shallow_people, seed)
        return order
