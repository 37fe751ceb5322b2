"""Batches for losses that compare images: P people with K images each."""

import heapq
import math
from collections.abc import Iterator
from itertools import cycle, islice

import numpy as np
from numpy.typing import NDArray
from torch.utils.data.distributed import DistributedSampler

from facerec.data.batches import SourceDataset
from facerec.settings import require_within


class IdentityBalancedSampler(DistributedSampler[SourceDataset]):
    """Deals every image into groups of K of one person, and the groups into batches of P different people.

    An epoch covers the set: each image comes at least once. If a person's images do not fill the last group, images of
    that person are repeated. If too few people are left to fill a batch, groups of other people are repeated. The order
    is a function of (seed, epoch). Processes take whole batches in turn, so every process sees P people with K images.

    Args:
        dataset: the images, with the ``labels`` and ``indices`` of their people.
        people: number of people P in a batch of one process.
        images_per_person: number of images K of each.
        replicas: number of processes.
        rank: number of this process.
        seed: seed of the order.

    Raises:
        ValueError: for a size below 1, or fewer than P people.
    """

    def __init__(
        self,
        dataset: SourceDataset,
        people: int,
        images_per_person: int,
        replicas: int = 1,
        rank: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(dataset, replicas, rank, shuffle=True, seed=seed)
        require_within(self, 1, math.inf, people=people, images_per_person=images_per_person)
        self.people = people
        self.images_per_person = images_per_person
        labels_N = np.asarray(dataset.labels)[dataset.indices]
        order_N = np.argsort(labels_N, kind="stable")
        self.labels, starts = np.unique(labels_N[order_N], return_index=True)  # of each person
        self._positions = np.split(order_N, starts[1:])  # of each person, in the dataset
        if len(self._positions) < people:
            raise ValueError(
                f"a batch of {people} people needs as many in the data, which has {len(self._positions)}: lower "
                "data.batch_size or raise data.images_per_person"
            )
        groups = [math.ceil(len(positions) / images_per_person) for positions in self._positions]
        self.batch_count = len(_deal(groups, people, np.random.default_rng(0)))  # does not depend on the draw
        self.num_samples = math.ceil(self.batch_count / replicas) * people * images_per_person
        self.total_size = self.num_samples * replicas

    def __len__(self) -> int:
        """Images in an epoch of this process."""
        return self.num_samples

    def __iter__(self) -> Iterator[int]:  # type: ignore[override]  # torch types it by the data set
        """Positions in the dataset, each P * K of them a batch."""
        random = np.random.default_rng((self.seed, self.epoch))
        groups = [self._groups_of(person, random) for person in range(len(self._positions))]
        batches = cycle(self.batches([len(person) for person in groups], random))
        equally_many = self.total_size // (self.people * self.images_per_person)  # for every process
        taken = [0] * len(groups)
        for number, batch in enumerate(islice(batches, equally_many)):
            for person in batch:
                group = groups[person][taken[person] % len(groups[person])]
                taken[person] += 1
                if number % self.num_replicas == self.rank:
                    yield from group.tolist()

    def batches(self, groups: list[int], random: np.random.Generator) -> Iterator[list[int]]:
        """The people of each batch, of all processes in turn.

        Args:
            groups: number of groups of images of each person.
            random: the draw of this epoch.
        """
        batches = _deal(groups, self.people, random)
        random.shuffle(batches)
        yield from batches

    def _groups_of(self, person: int, random: np.random.Generator) -> NDArray[np.int64]:
        """The person's images, shuffled, in rows of K; the last row is filled from the others before any repeats."""
        shuffled = random.permutation(self._positions[person])
        size = math.ceil(len(shuffled) / self.images_per_person) * self.images_per_person
        return np.resize(shuffled, size).reshape(-1, self.images_per_person)


def _deal(groups: list[int], people: int, random: np.random.Generator) -> list[list[int]]:
    """Batches of different people that use up all groups; people with the most groups left come first.

    Args:
        groups: number of groups of each person.
        people: number of people in a batch.
        random: breaks ties, and chooses the people who fill the last batches.
    """
    ties = random.random(len(groups)).tolist()
    heap = [(-count, ties[person], person) for person, count in enumerate(groups)]
    heapq.heapify(heap)
    batches = []
    while heap:
        drawn = [heapq.heappop(heap) for _ in range(min(people, len(heap)))]
        batch = [person for _, _, person in drawn]
        while len(batch) < people:
            filler = int(random.integers(len(groups)))
            if filler not in batch:
                batch.append(filler)
        batches.append(batch)
        for count, _, person in drawn:
            if count < -1:
                heapq.heappush(heap, (count + 1, random.random(), person))
    return batches
